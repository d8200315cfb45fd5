"""The words for the end of a task that several vendors of the description share.

Clients use them for a state which a task's own rule does not list.
"""

from __future__ import annotations

from generator.document import Document
from generator.runtime.behaviour import Ends, TaskStatus


def ends(document: Document) -> dict[str, list[str]]:
    """The words of all task rules that mean the same in each, by what they mean."""
    rules = ((one.vendor, one.extension("x-task-status")) for one in document.operations)
    found = Ends.of((vendor, TaskStatus.of(rule)) for vendor, rule in rules if rule)
    return {"succeeded": sorted(found.succeeded), "failed": sorted(found.failed)}
