"""Faults of a response's content: a failure inside a 200, and words that the document does not
list.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeGuard, cast

from api302_client.behaviour import Success, find
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.examples import Example
from api302_mock.paths import put

NEW_WORD = "mock-new-word"
NEW_NUMBER = 302302


def envelopes(operation: Operation, examples: list[Example]) -> list[Example]:
    """The examples that can report a failure inside a 200.

    Raises:
        Refused: 400, none can.
    """
    if operation.behaviour.success is None:
        raise Refused(
            400, f"{operation.id} has no `x-success`, so its 200 cannot report a failure."
        )
    fitting = [one for one in examples if one.is_json]
    if not fitting:
        raise Refused(
            400, f"{operation.id} responds without JSON, so its 200 cannot report a failure."
        )
    return fitting


def fail_envelope(operation: Operation, value: Any) -> None:
    """Make a response report a failure by its `x-success`, in place.

    Raises:
        Refused: 400, it has no place for that.
    """
    rule = operation.behaviour.success
    if rule is None:
        return
    failing = _failing(rule)
    # A field that computes, such as `!error`, is no place to write at: what it looks at is the
    # code or the message.
    if not put(rule.field, value, failing) and rule.code is not None:
        put(rule.code, value, failing or 1001)
    if rule.message is not None:
        put(rule.message, value, "The mock was asked for a failure.")
    if rule.failure(value) is None:
        raise Refused(
            400, f"this response of {operation.id} has no place for a failure by its `x-success`."
        )


def _failing(rule: Success) -> Any:
    """A value of the kind of those that mean success, which means a failure."""
    words = rule.values
    numbers = [one for one in words if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if numbers:
        return max(numbers) + 1001
    return False if True in words else "mock_failed"


def with_new_words(document: Document, operation: Operation, schema: Any, value: Any) -> Any:
    """A copy of a response whose state and enum words are none that the document lists."""
    status = operation.behaviour.status
    changed = _renewed(document, [schema], value)
    state = find(status.state, changed) if status is not None else None
    if status is not None and status.state is not None and _is_word(state):
        put(status.state, changed, _new(state), create=False)
    return changed


def event_schemas(document: Document, schema: Any) -> list[Any]:
    """The schemas of the JSON in an event's data."""
    data = document.properties(schema).get("data")
    return [part["contentSchema"] for part in document.branches(data) if "contentSchema" in part]


def with_new_event_words(document: Document, schemas: list[Any], value: Any) -> Any:
    """The same for the data of an event."""
    return _renewed(document, schemas, value)


def _is_word(value: Any) -> TypeGuard[str | int]:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _new(value: str | int) -> str | int:
    return NEW_WORD if isinstance(value, str) else NEW_NUMBER


def _renewed(document: Document, schemas: list[Any], value: Any) -> Any:
    parts = list(chain.from_iterable(map(document.branches, schemas)))
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _renewed(document, _under(parts, name), item) for name, item in fields}
    if isinstance(value, list):
        items = [part["items"] for part in parts if "items" in part]
        return [_renewed(document, items, item) for item in cast("list[Any]", value)]
    return _new(value) if _is_word(value) and _is_listed(parts, value) else value


def _is_listed(parts: list[dict[str, Any]], value: Any) -> bool:
    return any(value in part.get("enum", ()) for part in parts)


def _under(parts: list[dict[str, Any]], name: str) -> list[Any]:
    return [part["properties"][name] for part in parts if name in part.get("properties", {})]
