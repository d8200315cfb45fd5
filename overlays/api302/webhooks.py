"""Reading what the service sends to the URL that was given as `webhook` when a task was submitted.

No signature is documented, so anybody may call that URL: where it matters, ask
`client.resume(…).status()`.
Answer with a status of 200; the service tries three times.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from api302_client.behaviour import TaskStatus as StatusRule

from ._errors import InvalidArgument
from ._features.polling import read_status
from ._json import is_object
from ._types import Operation, TaskStatus


class Event(NamedTuple):
    """A message about a task."""

    task_id: str | None
    """The task's id, as `task.id`."""
    status: TaskStatus[Any]
    """Its status; the response is typed where the operation was named, or else the message as a
    dict.
    """


def parse(body: bytes | str | Mapping[str, Any], *, operation_id: str | None = None) -> Event:
    """Read a message.

    Args:
        body: The body of the request, as received or as JSON already.
        operation_id: The submitting operation (`task.to_dict()["operation"]`). Without it the
            message is read by the
            rules of all tasks that call webhooks, which is enough for the unified calls
            (`/302/v2/…`).

    Raises:
        InvalidArgument: The body is not a JSON object, or the operation is unknown or starts no
            task.
    """
    message = _message(body)
    operation = _known(message) if operation_id is None else _named(operation_id)
    status, reply = StatusRule(), cast("Any", message)
    if operation is not None:
        status = operation.behaviour.status or status
    if operation is not None and operation_id is not None:
        from api302_client._structure import structure

        kinds = operation.responses.get("200", {})
        reply = structure(kinds.get("application/json", "Any"), message)
    name = "webhook" if operation_id is None or operation is None else operation.id
    return Event(_task_id(message), read_status(status, message, reply, name=name))


def _message(body: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    data: Any = None
    try:
        data = dict(body) if isinstance(body, Mapping) else json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(
            f"body: is not JSON ({error}); give the body of the request as it came"
        ) from None
    if not is_object(data):
        raise InvalidArgument("body: is not a JSON object; give the body of the request as it came")
    return data


def _known(message: dict[str, Any]) -> Operation | None:
    """The operation whose rule knows the state in a message, of those whose tasks call webhooks."""
    from api302_resources._index import WEBHOOKS

    known: list[tuple[bool, Operation]] = []
    for operation in map(Operation.by_id, WEBHOOKS):
        rule = operation.behaviour.status
        if rule is not None and rule.known_state(message):
            known.append((bool(rule.read(message).outputs), operation))
    return max(known, key=lambda one: one[0])[1] if known else None


def _named(operation_id: str) -> Operation:
    """The fetching operation of one that starts a task, or itself."""
    try:
        named = Operation.by_id(operation_id)
        task = named.behaviour.task
        fetch = Operation.by_id(task.fetch) if task else named
    except KeyError:
        raise InvalidArgument(
            f"operation_id: {operation_id!r} is unknown to this version of api302"
        ) from None
    if not fetch.behaviour.status:
        raise InvalidArgument(f"operation_id: {operation_id!r} has nothing to do with tasks")
    return fetch


def _task_id(message: dict[str, Any]) -> str | None:
    for place in (message, message.get("data")):
        if is_object(place) and (found := place.get("task_id")):
            return str(found)
    return None
