"""The page on which each call can be tried against a mock on the reader's own machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from generator.document import Operation
from generator.emit.methods import Methods
from generator.publish.samples.request import File, Request, request
from generator.runtime.behaviour import read

from .descriptions import TRY_FILE as FILE
from .descriptions import anchor

FOLDER = Path(__file__).parent
_FORM = "multipart/form-data"
_PLAIN_PATH = re.compile(r"[\w.]+", re.ASCII)


def page(methods: Methods) -> str:
    """The page. All texts of the specification are data in it."""
    calls = [_call(methods, operation) for operation in methods.document.operations]
    text = json.dumps(calls, ensure_ascii=False, separators=(",", ":"))
    template = (FOLDER / FILE).read_text(encoding="utf-8")
    # In a script of JSON nothing but its end, and what begins a comment, is more than text.
    return template.replace("<!-- calls -->", text.replace("<", "\\u003c"))


def _call(methods: Methods, operation: Operation) -> dict[str, Any]:
    """What the page knows of a call: where it goes, and its example."""
    example = request(methods, operation, methods.of(operation)[0].kind)
    task = read(operation.node).task
    ids = dict(task.parameters) if task else {}
    follows = bool(task) and all(map(_PLAIN_PATH.fullmatch, ids.values()))
    return {
        "id": operation.id,
        "summary": str(operation.node["summary"]).rstrip("."),
        "anchor": anchor(operation),
        "method": operation.method.upper(),
        "path": operation.path,
        "parameters": _parameters(operation, example),
        "segments": any(parameter.has_segments for parameter in operation.parameters),
        "keys": list(operation.key_headers),
        "type": example.media_type,
        **_body(example),
        **({"fetch": task.fetch, "ids": ids} if task and follows else {}),
    }


def _parameters(operation: Operation, example: Request) -> list[dict[str, Any]]:
    return [
        {
            "name": one.wire,
            "in": one.place,
            "required": one.required,
            "value": _shown(example.at(one.place).get(one.wire, "")),
        }
        for one in operation.parameters
    ]


def _body(example: Request) -> dict[str, Any]:
    if example.media_type == _FORM:
        return {"form": [_field(name, value) for name, value in example.body.items()]}
    if "" in example.body:
        return {"text": _shown(example.body[""])}
    return {"body": {name: _plain(value) for name, value in example.body.items()}}


def _field(name: str, value: Any) -> dict[str, Any]:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, File):
        return {"name": name, "file": True}
    return {"name": name, "value": _shown(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.text if isinstance(value, File) else value


def _shown(value: Any) -> str:
    """A value as text in a field of the page."""
    value = _plain(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
