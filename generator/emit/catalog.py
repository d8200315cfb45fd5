"""The catalogue of models as data of the client: what `api302.catalog` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.document import Operation, Schema
from generator.source import obj, seq

from .methods import Methods
from .plan import Plan

_BEST = ("page", "url", "source", "evidence", "seen")
"""What is kept of a model's best evidence; the rest is in the publication."""
_RANGE = ("minimum", "maximum")


def text(plan: Plan) -> str:
    """The models and the calls that take them as JSON, one a line."""
    methods = Methods(plan)
    models = plan.document.catalog.values()
    calls = [obj(call).get("operation") for model in models for call in seq(model["calls"])]
    operations = plan.document.by_id
    taking = {id_: operations[id_] for id_ in dict.fromkeys(calls) if id_ in operations}
    described = (_pair(id_, _call(methods, one)) for id_, one in taking.items())
    listed = (_line(_entry(model)) for model in models)
    lists = [one.id for one in plan.document.operations if "x-lists-models" in one.node]
    return (
        f'{{"lists": {_line(lists)},\n"calls": {{\n{_joined(described)}}},\n'
        f'"models": [\n{_joined(listed)}]}}\n'
    )


def _joined(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in ",\n".join(lines).split("\n") if line)


def _pair(key: str, value: Any) -> str:
    return f"{json.dumps(key)}: {_line(value)}"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _entry(model: dict[str, Any]) -> dict[str, Any]:
    best = model["docs"][0]
    return {**model, "docs": [{key: best[key] for key in _BEST if key in best}]}


def _call(methods: Methods, operation: Operation) -> dict[str, Any]:
    """How a call is written in Python, which fields it has, and what it costs."""
    form = methods.forms(operation)[0]
    _, example = operation.example()
    needed = [one for one in methods.arguments(operation).all if one.required]
    given = {one.name: _value(operation, one.wire, obj(example)) for one in needed}
    fields = {name: _range(schemas) for name, schemas in operation.request_fields.items()}
    made = {"method": operation.dotted(form.name), "arguments": given, "fields": fields}
    if price := operation.node.get("x-price"):
        made["price"] = price
    return made


def _value(operation: Operation, wire: str, example: dict[str, Any]) -> Any:
    """What a sample gives a required argument: the example's value."""
    for parameter in operation.parameters:
        if parameter.wire == wire and "example" in parameter.node:
            return parameter.node["example"]
    return example.get(wire, "…")


def _range(schemas: list[Schema]) -> dict[str, Any]:
    """The values that the first schema of a field takes, as far as it lists them."""
    target = schemas[0].target
    found = {key: target.node[key] for key in _RANGE if key in target.node}
    if target.values is not None:
        found["enum"] = [value for value in target.values if value is not None]
    return found
