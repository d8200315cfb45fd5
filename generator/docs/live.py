"""Evidence of recorded exchanges: `{evidence: live, seen: DAY}` as the first entry of x-docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from generator.source import obj, seq

from . import DocsError
from .described import Described

_ITEM = re.compile(r"( *)- ")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def evidence(described: Described, days: dict[str, str]) -> dict[Path, str]:
    """The files of the specification with what was proved on which day. Nothing is written.

    Args:
        days: By operation id. A newer day that is there already stays.

    Raises:
        DocsError: An operation has its x-docs in another form than a list of lines.
    """
    texts: dict[Path, str] = {}
    for id_, day in days.items():
        if not _DAY.fullmatch(day):
            raise DocsError(f"{id_}: the day of the record is not YYYY-MM-DD: {day[:20]!r}")
    placed = {id_: described.place(described.context.by_id[id_], "x-docs") for id_ in days}
    # From the end, so that the lines before keep their numbers.
    for id_, (name, line) in sorted(placed.items(), key=lambda item: item[1], reverse=True):
        file = described.spec.root / name
        lines = texts.get(file, file.read_text(encoding="utf-8")).split("\n")
        _put(lines, line, days[id_], _known(described, id_), f"{name}:{line}")
        texts[file] = "\n".join(lines)
    return texts


def _known(described: Described, id_: str) -> str:
    """The day of the live evidence that an operation has as its first entry, or an empty text."""
    entries = seq(described.context.by_id[id_].node.get("x-docs"))
    first: dict[str, Any] = obj(entries[0]) if entries else {}
    return str(first.get("seen")) if first.get("evidence") == "live" else ""


def _put(lines: list[str], line: int, day: str, known: str, place: str) -> None:
    """Put the entry below the line of `x-docs:`, or its newer day into the one that is there."""
    item = _ITEM.match(lines[line]) if line < len(lines) else None
    if lines[line - 1].strip() != "x-docs:" or item is None:
        raise DocsError(f"{place}: x-docs is not a list with a line for each entry; write it so")
    if not known:
        lines.insert(line, f"{item[1]}- {{evidence: live, seen: {day}}}")
    elif day > known:
        lines[line] = lines[line].replace(known, day)
