"""What became of jobs whose outcome is unknown, by the account's records."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from api302._types import Settlement

from .journal import Journal, Row
from .step import error_text

if TYPE_CHECKING:
    from api302 import AsyncClient


async def settle_jobs(client: AsyncClient, journal: Journal) -> dict[str, int]:
    """Ask for each unknown job; those that were not billed are planned again.

    A job that was billed fails, since its response is gone; so does one for which a call is on
    record that no job explains, as it may be that one. One of which the records say nothing yet
    stays unknown. Returns how many of each outcome there are.
    """
    rows = await asyncio.to_thread(lambda: list(journal.all_rows(("unknown",))))
    if not rows:
        return {}
    known = await asyncio.to_thread(journal.request_ids)
    found = [(row, await _settled(client, row, known)) for row in rows]
    found = _as_far_as_told(found)
    await asyncio.to_thread(journal.write, [(row["number"], _change(one)) for row, one in found])
    counts: dict[str, int] = {}
    for _, one in found:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    return counts


async def _settled(client: AsyncClient, row: Row, known: list[str]) -> Settlement:
    ends = (row["sent_at"], row["until"] or row["sent_at"])
    window = (min(ends), max(ends))  # the clock may have been set back meanwhile
    model = json.loads(row["arguments"]).get("model")
    model = model if isinstance(model, str) else None
    return await client.settle(row["request_id"], window=window, model=model, others=known)


def _as_far_as_told(found: list[tuple[Row, Settlement]]) -> list[tuple[Row, Settlement]]:
    """Where fewer calls are on record than jobs claim them, nobody knows whose they are."""
    guessed = [one for _, one in found if one.outcome == "on record"]
    records = {
        json.dumps(record, sort_keys=True, default=str) for one in guessed for record in one.records
    }
    if len(records) >= len(guessed):
        return found
    said = f"{len(records)} calls are on record that may be any of {len(guessed)} jobs"
    unclear = Settlement("unknown", said)
    return [(row, unclear if one in guessed else one) for row, one in found]


def _change(one: Settlement) -> dict[str, Any]:
    if one.outcome == "not billed":
        again = dict.fromkeys(("sent_at", "until", "request_id", "reserved", "error"))
        return {"state": "planned", **again}
    kind = {"billed": "Billed", "on record": "OnRecord"}.get(one.outcome, "Unanswered")
    error = error_text(kind, f"was sent, and no response came: {one.why}")
    if one.outcome in ("billed", "on record"):
        return {"state": "failed", "cost": one.cost, "error": error}
    return {"error": error}
