"""What a call cost, from the account's records."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from math import isfinite
from typing import Any

from api302._calls.response import raw
from api302._calls.session import Session
from api302._errors import DecodeError, InvalidArgument, NotFoundError
from api302._json import is_array, is_object
from api302._types import Cost

LATE_RECORDS = (0.5, 1.0, 2.0)
"""Seconds between two requests for what a call cost."""


def _billed(response: Any) -> list[str]:
    """The ids under which a call was billed."""
    if isinstance(response, str) and getattr(response, "http", None) is None:
        return [response]
    data = raw(getattr(response, "response", None) or response)
    ids = data.get("ai302_cost_request_ids") if is_object(data) else None
    if is_array(ids) and ids:
        return [str(one) for one in ids]
    if one := getattr(response, "request_id", None):
        return [one]
    raise InvalidArgument(
        "response: has no request id; give a whole response of this client, a stream that was "
        "opened, a task or its result, or the id"
    )


async def _record(
    session: Session, ask: Callable[..., Any], request_id: str, pauses: tuple[float, ...]
) -> tuple[Any, list[dict[str, Any]]]:
    """The response of the account's record call, and its rows.

    Asks again while there is none: a new call takes a moment to show.
    """
    for pause in (*pauses, None):
        try:
            record = ask(request_id=request_id)
            record = await record if isawaitable(record) else record
            if rows := _rows(record):
                return record, rows
        except NotFoundError:
            if pause is None:
                raise
        if pause is not None:
            await session.io.sleep(pause)
    raise NotFoundError(
        f"request {request_id}: its cost is not on record, or not yet; ask again later",
        status_code=200,
    )


def _rows(record: Any) -> list[dict[str, Any]]:
    """The rows of a record: the list under `data`, or the one that it is itself."""
    data = raw(record)
    data = data.get("data", data) if is_object(data) else data
    return [row for row in (data if is_array(data) else [data]) if is_object(row) and row]


async def cost_of(
    session: Session,
    ask: Callable[..., Any],
    response: Any,
    pauses: tuple[float, ...] | None = None,
) -> Cost:
    """What a call cost. `pauses`: seconds between two requests, while there is no record yet."""
    waits = LATE_RECORDS if pauses is None else pauses
    found = [await _record(session, ask, one, waits) for one in _billed(response)]
    rows = [row for _, each in found for row in each]

    def total(name: str) -> int | None:
        known = [number for row in rows if (number := _number(row.get(name))) is not None]
        return int(sum(known)) if known else None

    costs = [cost for row in rows if (cost := _number(row.get("cost"))) is not None]
    if not costs:  # to take it for free would make room in a budget
        named = ", ".join(map(str, _billed(response)))
        raise DecodeError(f"request {named}: is on record, without what it cost")
    model = next((row["model"] for row in rows if row.get("model")), None)
    return Cost(
        sum(costs),
        total("input_token"),
        total("output_token"),
        model,
        tuple(record for record, _ in found),
    )


def _number(value: Any) -> float | None:
    """A number, which may be a text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
