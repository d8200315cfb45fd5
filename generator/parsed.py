"""The parsed YAML files of the last run, so that only a file that changed is parsed again."""

from __future__ import annotations

import hashlib
import marshal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

_READER = (Path(__file__), Path(__file__).with_name("source.py"))


class Parsed(NamedTuple):
    """A file that is in order: the digest of its text, its content, and the line of every part."""

    digest: bytes
    content: Any
    places: list[tuple[Any, int, Any]]


def digest(text: str) -> bytes:
    """What stands for a text."""
    return hashlib.sha256(text.encode()).digest()


def load(file: Path | None) -> dict[str, Parsed]:
    """What was parsed, by file name; nothing if the file is missing or of another reader."""
    try:
        data = file.read_bytes() if file else b""
        made_by, _, rest = data.partition(b"\n")
        if made_by != _reader():
            return {}
        return {name: Parsed(*entry) for name, entry in marshal.loads(rest).items()}
    except (OSError, ValueError, EOFError, TypeError):
        return {}


def save(file: Path, parsed: Iterable[tuple[str, Parsed]]) -> None:
    """Remember what was parsed."""
    data = marshal.dumps({name: tuple(entry) for name, entry in parsed})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_reader() + b"\n" + data)


def _reader() -> bytes:
    sources = [path.read_bytes() for path in _READER]
    return hashlib.sha256(b"\0".join([sys.version.encode(), *sources])).hexdigest().encode()
