"""Reading what the service sends to the address that was given as `webhook` when a task was submitted.

No signature is documented, so anybody may call that address: where it matters, ask `client.resume(…).status()`.
Answer with a status of 200; the service tries three times.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from api302_client.behaviour import TaskStatus as StatusRule

from ._errors import InvalidArgument
from ._features.polling import read_status
from ._json import is_object
from ._types import Operation, TaskStatus

_UNIFIED: dict[str, Any] = {
    "state": "status",
    "pending": ["pending", "processing"],
    "succeeded": ["completed"],
    "failed": ["failed"],
    "outputs": [
        f"{kind}_url{more}" for kind in ("image", "video", "audio") for more in ("", "s[]")
    ],
    "error": {"message": "error.message", "code": "error.error_type"},
}


class Event(NamedTuple):
    """A message about a task."""

    task_id: str | None
    """The task's id, as `task.id`."""
    status: TaskStatus[Any]
    """How it stands; `reply` is typed where the operation was named, or else the message as a dict."""


def parse(body: bytes | str | Mapping[str, Any], *, operation_id: str | None = None) -> Event:
    """Read a message.

    Args:
        body: The body of the request, as received or as JSON already.
        operation_id: The submitting operation (`task.to_dict()["operation"]`), unless it is one of the unified calls (`/302/v2/…`).

    Raises:
        InvalidArgument: The body is no JSON object, or the operation is unknown or starts no task.
    """
    try:
        data: Any = dict(body) if isinstance(body, Mapping) else json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(
            f"body: is no JSON ({error}); give the body of the request as it came"
        ) from None
    if not is_object(data):
        raise InvalidArgument("body: is no JSON object; give the body of the request as it came")
    message: dict[str, Any] = data
    rule, reply, name = StatusRule.of(_UNIFIED), message, "webhook"
    if operation_id is not None:
        from api302_client._structure import structure

        try:
            op = Operation.by_id(operation_id)
            task = op.behaviour.task
            fetch = Operation.by_id(task.fetch) if task else op
        except KeyError:
            raise InvalidArgument(
                f"operation_id: {operation_id!r} is unknown to this version of api302"
            ) from None
        if not fetch.behaviour.status:
            raise InvalidArgument(f"operation_id: {operation_id!r} has nothing to do with tasks")
        rule, name = fetch.behaviour.status, fetch.id
        kinds = fetch.responses.get("200", {})
        reply = structure(kinds.get("application/json", "Any"), message)
    task_id = next(
        (
            str(found)
            for place in (message, message.get("data"))
            if is_object(place) and (found := place.get("task_id"))
        ),
        None,
    )
    return Event(task_id, read_status(rule, message, reply, name=name))
