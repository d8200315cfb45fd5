"""Query parameters that have the name of a field of the body.

Code generators make one argument of each, and two of one name do not compile.
"""

from __future__ import annotations

from typing import Any

from generator.document import Document, Operation
from generator.source import obj, seq

from .losses import Loss
from .walk import Json

CARRIED = "x-query-parameters"


def without_doubled(version: str, document: Json, losses: list[Loss]) -> Json:
    """The document without these parameters, which are kept in `x-query-parameters`.

    The description of the operation says what they do. One that is required stays.
    """
    paths = {path: dict(item) for path, item in obj(document.get("paths")).items()}
    for operation in Document(document).operations:
        names = {one.wire for one in operation.parameters if _is_doubled(operation, one)}
        if names:
            changed = _without(operation, names)
            paths[operation.path][operation.method] = changed
            losses.append(Loss(version, "operation.parameters", CARRIED, f"#{operation.pointer}"))
    return {**document, "paths": paths} if paths else document


def _is_doubled(operation: Operation, parameter: Any) -> bool:
    return (
        parameter.place == "query"
        and not parameter.required
        and parameter.wire in _fields(operation)
    )


def _fields(operation: Operation) -> set[str]:
    """The names of the fields of the body, in all of its media types."""
    media = operation.body.media.values() if operation.body else ()
    return {name for one in media for name in one.schema.target.fields().schemas}


def _without(operation: Operation, names: set[str]) -> Json:
    kept, carried, told = [], [], []
    for listed in seq(operation.node.get("parameters")):
        node = obj(operation.document.resolve(listed, operation.id))
        if node.get("in") == "query" and node.get("name") in names:
            carried.append(node)
            about = str(node.get("description") or "").strip()
            told.append(f"The query takes `{node['name']}` too. {about}".strip())
        else:
            kept.append(listed)
    description = " ".join([str(operation.node.get("description") or ""), *told]).strip()
    return {
        **operation.node,
        "description": description,
        "parameters": kept,
        CARRIED: carried,
    }
