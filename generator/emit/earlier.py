"""What an earlier build made, so that a build makes only what an edit touches.

The record of a build says of each file what it was made of and what it is. A file is taken over if
it would be made of the same, by the same generator, and is still what it was. `python -m generator
check` makes everything, without a record: so it proves that a folder that was made in parts is the
same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .code import File

TOOLS = ("openapi-python-client", "datamodel-code-generator", "ruff", "Jinja2")
_GENERATOR = Path(__file__).parents[1]


class Earlier:
    """The files of an earlier build: none, unless there are a folder and its record.

    Args:
        folder: Where they are.
        record: The file that says what they were made of.
    """

    def __init__(self, folder: Path | None = None, record: Path | None = None) -> None:
        self.folder = folder
        self._known = _read(record) if folder and record else {}

    def changed(self, files: Iterable[File]) -> list[File]:
        """The files that must be made, in their order."""
        return [file for file in files if not self._is_same(file)]

    def _is_same(self, file: File) -> bool:
        if self.folder is None or self._known.get(file.path, ("", ""))[0] != file.key:
            return False
        return _digest(self.folder / file.path) == self._known[file.path][1]


def save(record: Path, folder: Path, keys: Mapping[str, str]) -> None:
    """Write the record of a build.

    `keys`: what stands for all that each file below the folder is made of.
    """
    files = {path: (key, _digest(folder / path)) for path, key in keys.items()}
    record.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"generator": generator(), "files": files}, indent=0)
    record.write_text(text, encoding="utf-8")


def _read(record: Path) -> dict[str, tuple[str, str]]:
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
        same = data["generator"] == generator()
        return {path: (key, is_) for path, (key, is_) in data["files"].items()} if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # there is none, or it is broken: everything is made


@cache
def generator() -> str:
    """What stands for this generator: its sources, its tools, and Python."""
    said = hashlib.sha256(sys.version.encode())
    for path in sorted(path for path in _GENERATOR.rglob("*") if path.suffix in (".py", ".jinja")):
        said.update(path.relative_to(_GENERATOR).as_posix().encode() + b"\0" + path.read_bytes())
    for tool in TOOLS:
        said.update(_version(tool).encode())
    return said.hexdigest()


def _version(tool: str) -> str:
    try:
        return version(tool)
    except PackageNotFoundError:
        return ""


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
