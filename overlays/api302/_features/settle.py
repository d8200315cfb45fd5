"""Whether a call was billed whose outcome is unknown: it was sent, and no response came.

The account's records are asked. What they hold is only partly documented (`x-unknown` of
`ai302_list_records`): that a call is listed by its request id and cost, not which fields else a
row has, nor how soon it shows. So a row counts for a call if its id belongs to no other call that
is known, and if it names no other model; and a call is held for not billed only when the records
have had time to show it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from inspect import isawaitable
from typing import Any

from api302._calls.response import raw
from api302._calls.session import Session
from api302._errors import Api302Error, DecodeError, InvalidArgument, NotFoundError
from api302._json import is_array, is_object
from api302._types import Settlement

from .cost import cost_of

LATE = 600.0
"""Seconds after which a call is on record if it was billed. Not documented: careful."""
SLACK = 60
"""Seconds that the clocks of the service and of this machine may differ by."""
PAGE, MOST_PAGES = 50, 200
SHOWN = 3
"""Request ids that a message has at most."""
_IDS = ("request_id", "requestId", "req_id", "id")
_MODELS = ("model", "model_name", "modelName")
"""How callers spell what a row may have; none is documented but `request_id`."""

Window = tuple[float, float]


async def settled(
    session: Session,
    record: Callable[..., Any],
    records: Callable[..., Any],
    error: Any,
    window: Window | None,
    model: str | None,
    others: Iterable[str],
) -> Settlement:
    """Whether a call was billed; see `Client.settle`."""
    request_id = error if isinstance(error, str) else getattr(error, "request_id", None)
    when = window or getattr(error, "window", None)
    if request_id:
        return await _by_id(session, record, request_id, when)
    if isinstance(error, Api302Error) and not getattr(error, "sent", True):
        return Settlement("not billed", "the call surely did not reach the service")
    start, end = _checked(when)
    try:
        rows = await _rows(records, start, end)
    except DecodeError as error:  # nothing can be told of them, least of all that nothing is there
        return Settlement("unknown", error.message)
    return _judged(rows, end, model, frozenset(others))


async def _by_id(
    session: Session, record: Callable[..., Any], request_id: str, when: Window | None
) -> Settlement:
    try:
        cost = await cost_of(session, record, request_id, ())
    except NotFoundError:
        if when is not None and time.time() - when[1] > LATE:
            return Settlement("not billed", f"request {request_id} is not on record")
        return Settlement("unknown", f"request {request_id} is not on record yet; ask again later")
    except DecodeError as error:
        return Settlement("billed", error.message)
    said = f"request {request_id} is on record"
    return Settlement("billed", said, cost.amount, cost.records)


def _checked(when: Any) -> Window:
    try:
        start, end = when
        if 0 < start <= end:
            return float(start), float(end)
    except (TypeError, ValueError):
        pass
    raise InvalidArgument(
        "window: must say when the call was made, as (start, end) in Unix seconds; an error that"
        " a call of this client raised knows it"
    )


async def _rows(records: Callable[..., Any], start: float, end: float) -> list[Mapping[str, Any]]:
    """What is on record in a window, and a little around it."""
    found: list[Mapping[str, Any]] = []
    span = {"start_time": max(0, int(start) - SLACK), "end_time": int(end) + SLACK + 1}
    for page in range(1, MOST_PAGES + 1):
        listed = records(page=page, limit=PAGE, **span)
        data = raw(await listed if isawaitable(listed) else listed)
        rows = _listed(data)
        found += rows
        if len(rows) < PAGE:
            break
    return found


def _listed(data: Any) -> list[Mapping[str, Any]]:
    """The rows of a page. Raises DecodeError for what is none: a call may be among them."""
    items: Any = data.get("items") if is_object(data) else None
    if not is_array(items) or not all(map(is_object, items)):
        raise DecodeError("the account's records have another form than is described")
    return items


def _judged(
    rows: list[Mapping[str, Any]], end: float, model: str | None, others: frozenset[str]
) -> Settlement:
    free = [row for row in rows if _first(row, _IDS) not in others]
    ours = [row for row in free if model is None or _first(row, _MODELS) in (None, model)]
    if ours:
        return _on_record(ours)
    left = end + LATE - time.time()
    if left > 0:
        said = f"nothing is on record yet; what was billed shows within about {LATE / 60:g} minutes"
        return Settlement("unknown", f"{said}: ask again in {left:.0f} s")
    if free:
        said = "the window has only calls of other models on record, and a model may have two names"
        return Settlement("unknown", said, None, tuple(free))
    return Settlement("not billed", "no call of the window is on record but known ones")


def _on_record(rows: list[Mapping[str, Any]]) -> Settlement:
    """Rows that may be the call's; its cost is known if there is no other."""
    costs = [row["cost"] for row in rows if isinstance(row.get("cost"), (int, float))]
    cost = float(costs[0]) if len(rows) == len(costs) == 1 else None
    return Settlement("on record", _left_over(rows, costs), cost, tuple(rows))


def _left_over(rows: list[Mapping[str, Any]], costs: list[float]) -> str:
    """What is known of calls on record that no known call explains."""
    ids = [_first(row, _IDS) or "without an id" for row in rows]
    shown = ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
    billed = f"{sum(costs):g} PTC in all" if costs else "none has a cost"
    if costs and len(costs) < len(rows):
        billed += f", {len(rows) - len(costs)} without a cost"
    return (
        f"calls on record at that time that belong to no known one: {len(rows)}"
        f" ({shown}; {billed}); this call may be one of them, or another program with this API key"
        " made them"
    )


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(row[name]) for name in names if row.get(name) is not None), None)
