"""What comes back from a call, in a line: the fields of the response, or that it is a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from generator.document import Operation
from generator.document.media import is_json
from generator.runtime.behaviour import read

from .methods import Methods
from .response_types import Class

_MAX_NAMES = 8


def response_text(methods: Methods, operation: Operation, kind: str) -> str:
    """The fields of the response, as the client names them, or what else it is.

    `kind` is that of the form in which the operation is called; of a stream nothing is said.
    """
    if kind == "_submit":
        return _task_response(methods, operation)
    if kind != "_call":
        return ""  # events, which the notes name
    return _of_types(methods, operation, "")


def _task_response(methods: Methods, operation: Operation) -> str:
    rule = read(operation.node)
    assert rule.task is not None
    fetch = methods.document.by_id[rule.task.fetch]
    status = read(fetch.node).status
    if status and (status.outputs or status.result or status.done_is_file):
        return "outputs"
    has_own = status is not None and status.response is not None
    return _of_types(methods, operation if has_own else fetch, "response.")


def _of_types(methods: Methods, operation: Operation, prefix: str) -> str:
    """What the response is in each of its media types."""
    responses = methods.responses(operation)
    in_json = [type_ for media_type, type_ in responses.items() if is_json(media_type)]
    kinds = [_fields(type_, methods.plan.classes, prefix) for type_ in in_json[:1]]
    if "bytes" in responses.values():
        kinds.append("file")
    if not kinds and "str" in responses.values():
        kinds.append("text")
    return " or ".join(filter(None, kinds))


def _fields(type_: str, classes: dict[str, Class], prefix: str) -> str:
    """The fields of a response of this type; of several classes, those of the first."""
    is_list = type_.startswith("list[")
    name = next((name for name in re.findall(r"\w+", type_) if name in classes), "")
    if not name or not (is_list or type_.startswith(name)):
        return "list" if is_list else ""
    names = cut(list(_names(classes[name], classes, prefix)))
    return f"list of {names}" if is_list else names


def _names(cls: Class, classes: dict[str, Class], prefix: str) -> Iterator[str]:
    """The names of a class's fields, and of those in an envelope's `data`."""
    for field in cls.fields:
        inner = re.match(r"(list\[)?(\w+)", field.type)
        if field.name == "data" and inner and inner[2] in classes:
            at = f"{prefix}data{'[]' if inner[1] else ''}"
            yield from (f"{at}.{own.name}" for own in classes[inner[2]].fields)
        else:
            yield f"{prefix}{field.name}"


def cut(names: list[str], at_least: int = 0) -> str:
    """The first names, with a mark where there are more."""
    limit = max(_MAX_NAMES, at_least)
    return ", ".join([*names[:limit], "…"] if len(names) > limit else names)
