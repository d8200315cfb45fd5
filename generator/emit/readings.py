"""What classes of responses have beside their fields: the text, the output as an object, items.

It follows from what the operations say: `x-stream.accumulate` names the kind of a response and so
where its text is, `x-structured` the objects that hold the output. A schema says the rest itself:
`x-names` further names, `x-items` the field that `for` goes through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.document import Document
from generator.document.media import is_json
from generator.document.names import unique

from .endpoints import Endpoint
from .response_types import PARSED, Class, Field, names_in

_ABOUT = "The output as an object of the class that `parse` was given; else None."


def with_readings(
    document: Document, endpoints: Mapping[str, Endpoint], classes: Mapping[str, Class]
) -> dict[str, Class]:
    """The classes with what they have beside their fields."""
    made = dict(classes)
    for operation in document.operations:
        stream, rule = operation.extension("x-stream"), operation.extension("x-structured")
        name = str(stream.get("response") or _json_response(endpoints[operation.id]))
        if name in made and "accumulate" in stream:
            made[name] = _with_text(made[name], str(stream["accumulate"]))
        if name in made and rule:
            _make_generic(made, name, rule)
        if "x-outputs" in operation.node:
            _give_files(made, endpoints[operation.id])
    return {name: _with_own(document.schemas[name].node, cls) for name, cls in made.items()}


def _json_response(endpoint: Endpoint) -> str:
    """The first class of a successful JSON response."""
    successes = (media for status, media in endpoint.responses.items() if status[0] == "2")
    kinds = [kind for by_media in successes for name, kind in by_media.items() if is_json(name)]
    return kinds[0].split(" | ")[0] if kinds else ""


def _with_text(cls: Class, kind: str) -> Class:
    """The class with a property `text`; a field of that name gets another one."""
    names = {field.name for field in cls.fields}
    fields = [
        replace(field, name=unique("text_", names)) if field.name == "text" else field
        for field in cls.fields
    ]
    return replace(cls, fields=fields, text=kind)


def _make_generic(made: dict[str, Class], name: str, rule: Mapping[str, Any]) -> None:
    """Let the classes from a response to the objects that hold the output know its type."""
    own = Field("parsed", "parsed", f"{PARSED} | None", False, _ABOUT)
    top = made[name]
    made[name] = replace(top, fields=[*top.fields, own], refusal=str(rule["refusal"]))
    for step in re.findall(r"\w+", str(rule["objects"])):
        name = _step(made, name, step)
    inner = made[name]
    made[name] = replace(inner, fields=[*inner.fields, own], is_generic=True)


def _give_files(made: dict[str, Class], endpoint: Endpoint) -> None:
    """Let the classes of successful responses know the class of their files."""
    successes = (media for status, media in endpoint.responses.items() if status[0] == "2")
    kinds = (kind for by_media in successes for kind in by_media.values())
    for name in {name for kind in kinds for name in kind.split(" | ")} & made.keys():
        made[name] = replace(made[name], gives_files=True)


def _step(made: dict[str, Class], name: str, step: str) -> str:
    """Make a class generic by one of its fields, and return the class that the field holds."""
    cls = made[name]
    held = next(field for field in cls.fields if field.wire == step)
    (inner,) = names_in([held.type]) & made.keys()
    typed = replace(held, type=re.sub(rf"\b{inner}\b", f"{inner}[{PARSED}]", held.type))
    fields = [typed if field is held else field for field in cls.fields]
    made[name] = replace(cls, fields=fields, is_generic=True)
    return inner


def _with_own(node: Mapping[str, Any], cls: Class) -> Class:
    """The class with what its schema says itself."""
    names: dict[str, str] = node.get("x-names", {})
    fields = [field for field in cls.fields if field.wire not in names]
    items = next((field for field in fields if field.wire == node.get("x-items")), None)
    if not names and items is None:
        return cls
    return replace(cls, fields=fields, names=names, items=items)
