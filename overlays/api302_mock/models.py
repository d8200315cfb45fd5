"""What the catalogue says of a model: what it refuses, the mock refuses too."""

from __future__ import annotations

from typing import Any

from api302_client.catalog import chosen, is_named, load, near
from api302_mock.call import Call
from api302_mock.errors import Refused


def refuse(call: Call, *, strict: bool) -> None:
    """Hold a request against the limits of its model.

    What the service replaces by a value of its own passes. So does a model that the catalogue does
    not know, unless `strict` is on: the service knows more models.

    Raises:
        Refused: 422 for a field that the model needs, does not take, or takes other values of; 400
            for a model that nobody knows.
    """
    rule = call.operation.behaviour.models
    values = _values(call)
    model = chosen(call.operation.id, values)
    if model is not None:
        for field, problem in model.limits.refused(values):
            raise Refused(422, f"body.{field}: it {problem} (the model {model.id}).")
    elif strict and rule and isinstance(name := values.get(rule.field), str) and not is_named(name):
        close = near(name, [one.name for one in load().models.values() if one.name])
        hint = f"; did you mean {' or '.join(close)}?" if close else "."
        raise Refused(400, f"body.{rule.field}: the catalogue has no model {name!r}{hint}")


def dimensions(call: Call) -> int | None:
    """How many numbers the vectors of a request's model have, as far as the catalogue knows."""
    model = chosen(call.operation.id, _values(call))
    return model.dimensions if model else None


def _values(call: Call) -> dict[str, Any]:
    return {**call.fields, **call.query, **call.path}
