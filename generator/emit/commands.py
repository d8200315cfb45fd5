"""The tree of calls as data of the command line: sections, vendors, and each call's summary.

It is small, and all that a help text or a completion reads; what one call takes is in the file of
its tag in the directory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.document.realtime import RealtimeCall
from generator.source import obj

from .code import File
from .methods import Methods

PATH = "api302_resources/_directory/tree.json"


def files(methods: Methods) -> Iterator[File]:
    """The file of the tree."""
    yield File(PATH, "", {"text": _text(methods)}, is_formatted=True)


def _text(methods: Methods) -> str:
    document = methods.document
    sections: dict[str, Any] = {}
    for operation in sorted(document.operations, key=lambda one: one.is_deprecated):
        calls = _calls_of_vendor(methods, sections, operation)
        for name, summary in _calls(methods, operation):
            calls[name] = [operation.id, summary, operation.is_deprecated]
    for call in document.realtime:
        calls = _calls_of_vendor(methods, sections, call)
        calls[call.action] = [call.id, str(call.node.get("summary") or ""), False]
    ordered = [name for name in document.tags if name in sections]
    shortcuts = {
        ".".join(one.place): one.id for one in document.operations if "x-shortcut" in one.node
    }
    tree = {
        "sections": {name: sections[name] for name in ordered},
        "shortcuts": dict(sorted(shortcuts.items())),
    }
    return json.dumps(tree, ensure_ascii=False, indent=0, separators=(",", ":")) + "\n"


def _calls_of_vendor(
    methods: Methods, sections: dict[str, Any], call: Operation | RealtimeCall
) -> dict[str, Any]:
    """The commands of a call's vendor in its section, which are begun if they are not there."""
    section = sections.setdefault(
        call.section, {"about": _about(methods, call.section), "vendors": {}}
    )
    vendor = section["vendors"].setdefault(
        call.vendor, {"about": _about(methods, call.tag), "calls": {}}
    )
    calls: dict[str, Any] = vendor["calls"]
    return calls


def _about(methods: Methods, tag: str) -> str:
    node = obj(methods.document.tags.get(tag))
    return str(node.get("description") or node.get("summary") or "").strip().partition("\n")[0]


def _calls(methods: Methods, operation: Operation) -> Iterator[tuple[str, str]]:
    """The method of an operation, and that of an upload of several steps that it begins."""
    yield operation.action, str(operation.node.get("summary") or "")
    for form in methods.forms(operation, operation.action):
        if form.kind == "_upload":
            yield form.name, "Upload a file, all steps in one call"
