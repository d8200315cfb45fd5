"""Outputs of a class of the caller's: the request asks for its JSON schema, the response has the
object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from api302._calls.response import raw
from api302._errors import OutputError
from api302._json import is_array
from api302._types import Given, Operation, Values

from .schemas import Output, is_class, output_of

if TYPE_CHECKING:
    from api302_client.behaviour import Structured


class Asked:
    """An output that is asked for: how, and what becomes of it in the response."""

    def __init__(self, op: Operation, kind: Any) -> None:
        assert op.behaviour.structured is not None
        self._rule: Structured = op.behaviour.structured
        self._output: Output = output_of(self._rule.argument, kind)

    def put(self, given: Given) -> Given:
        """The arguments of a call with the schema of the output."""
        body: Values = {
            name: value for name, value in (given.get("body") or {}).items() if value is not None
        }
        if not isinstance(body.get(self._rule.field), Mapping):
            body = {name: one for name, one in body.items() if name != self._rule.field}
        name, schema, strict, _ = self._output
        return {**given, "body": self._rule.put(body, name, strict, schema)}

    def read(self, response: Any) -> Any:
        """The response, with the objects in it.

        Raises:
            OutputError: The output was cut off, or is not of the class. It keeps the response.
        """
        if self._rule.cut_off(raw(response)):
            raise self._error(
                response,
                "the output was cut off before its end; allow more output tokens, or ask for less",
                "cut",
            )
        for holder in list(_objects(response, re.findall(r"\w+", self._rule.objects))):
            text = getattr(holder, self._rule.text, None)
            if isinstance(text, str) and text.strip():
                holder.parsed = self._object(response, text)
                if response.parsed is None:
                    response.parsed = holder.parsed
        return response

    def _object(self, response: Any, text: str) -> Any:
        import json

        try:
            return self._output.load(json.loads(text, strict=False))
        except Exception as fault:  # a class of the caller's may raise any: the response is paid
            why = f"the output is not of the class {self._output.name}: {fault}"
            raise self._error(response, why, "invalid", text) from fault

    def _error(self, response: Any, message: str, reason: str, text: str = "") -> OutputError:
        about = f"{self._rule.argument}: {message}"
        known = text or getattr(response, "text", "")
        return OutputError(
            about,
            response=response,
            reason=reason,
            text=known,
            request_id=getattr(response, "request_id", None),
        )


def asked(op: Operation, kind: Any) -> Asked | None:
    """What is asked for, where a class is given; None for JSON, which goes as it is."""
    return Asked(op, kind) if op.behaviour.structured is not None and is_class(kind) else None


def _objects(value: Any, steps: list[str]) -> Iterator[Any]:
    """The objects of a response that hold an output."""
    if is_array(value):
        for item in value:
            yield from _objects(item, steps)
    elif not steps:
        yield value
    elif (inner := getattr(value, steps[0], None)) is not None:
        yield from _objects(inner, steps[1:])
