"""Whether the public programs that x-docs cites call what they are cited for.

Only those whose source is at hand are read.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from generator.document import Operation
from generator.source import obj, seq

from . import DocsError
from .described import Described

_SOURCE = re.compile(r"([\w.-]+)/([\w.-]+):(\S.*)")
_PARAMETER = re.compile(r"\{[^{}]*\}")


def cited(described: Described, folder: Path) -> str:
    """A line for each citation that does not hold, and how many there are of each kind.

    Args:
        described: The specification.
        folder: Clones of repositories, as `<owner>/<name>`; bare ones too.

    Raises DocsError if there is no such folder.
    """
    if not folder.is_dir():
        raise DocsError(
            f"{folder}: there is no such folder; clone the repositories to <owner>/<name>"
        )
    counts = Counter[str]()
    lines = []
    for operation, source in _citations(described):
        verdict = _verdict(operation, source, folder)
        counts[verdict] += 1
        if verdict in ("has no such file", "does not name it"):
            lines.append(f"{operation.file}: {operation}: {source} {verdict}: {operation.path}")
    kinds = [f"{number} {verdict}" for verdict, number in counts.most_common()]
    return "\n".join([*lines, f"{counts.total()} citations: {', '.join(kinds)}"])


def _citations(described: Described) -> Iterator[tuple[Operation, str]]:
    """The programs cited for calls; `sister` marks those that call another one."""
    for operation in described.operations:
        for entry in map(obj, seq(operation.node.get("x-docs"))):
            source = str(entry.get("source") or "")
            is_caller = entry.get("evidence") == "caller" and "sister" not in entry
            if is_caller and _SOURCE.fullmatch(source):
                yield operation, source


def _verdict(operation: Operation, source: str, folder: Path) -> str:
    owner, name, path = _SOURCE.fullmatch(source).groups()  # type: ignore[union-attr]
    repository = folder / owner / name
    if not repository.exists():
        return "not at hand"
    text = _text(repository, path)
    if text is None:
        return "has no such file"
    paths = [operation.path, *map(str, seq(operation.node.get("x-aliases")))]
    if any(_calls(text, one) for one in paths):
        return "calls it"
    named = any(_named_elsewhere(repository, _last_word(one)) for one in paths)
    return "names it in another file" if named else "does not name it"


@cache
def _text(repository: Path, path: str) -> str | None:
    """A file of a clone, as it was last committed; None where there is none."""
    command = ["git", "-C", str(repository), "show", f"HEAD:{path}"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _calls(text: str, path: str) -> bool:
    """Whether a program names a path: whole, with anything for its parameters, or its last word.

    Programs put paths together from parts, so that the last word has to do.
    """
    literal = r"[^\s\"'`/]+".join(map(re.escape, _PARAMETER.split(path)))
    if re.search(rf"{literal}(?![\w-])", text):
        return True
    return re.search(rf"(?<![\w-]){re.escape(_last_word(path))}(?![\w-])", text) is not None


def _last_word(path: str) -> str:
    words = [word for word in path.split("/") if word and not _PARAMETER.search(word)]
    return words[-1] if words else path


@cache
def _named_elsewhere(repository: Path, word: str) -> bool:
    """Whether a file of a clone names a word.

    The file cited may hold the fields or the response alone.
    """
    command = ["git", "-C", str(repository), "grep", "-qIwF", "-e", word, "HEAD"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
