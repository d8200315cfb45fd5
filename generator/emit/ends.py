"""The words for the end of a task that several vendors of the description share, for clients that read a state which a task's own rule does not list."""

from __future__ import annotations

from pathlib import Path

from ..document import Document
from ..runtime.behaviour import Ends, TaskStatus


def ends(document: Document) -> Ends:
    """The words of all task rules, with each rule's vendor."""
    rules = ((one.vendor, one.extension("x-task-status")) for one in document.operations)
    return Ends.of((vendor, TaskStatus.of(rule)) for vendor, rule in rules if rule)


def write(document: Document, target: Path, header: str) -> None:
    """Write them as a module of the raw client."""
    found = ends(document)
    words = ",\n    ".join(
        f"{name}=frozenset({sorted(getattr(found, name))!r})" for name in ("succeeded", "failed")
    )
    text = (
        f"{header}\n"
        '"""Words for the end of a task that several vendors share."""\n\n'
        "from __future__ import annotations\n\n"
        "from .behaviour import Ends\n\n"
        f"ENDS = Ends(\n    {words},\n)\n"
    )
    (target / "ends.py").write_text(text, "utf-8")
