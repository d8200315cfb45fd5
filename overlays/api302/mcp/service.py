"""The four tools: search, describe, call and wait, whatever carries them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from api302 import AsyncBudget, AsyncClient, Estimate, InvalidArgument, TaskTimeout, directory
from api302._agent import Files, as_object, checked, with_files
from api302.directory import Description, Found

from .guards import Guards
from .results import Block, Results, text
from .store import Store

Progress = Callable[[float, str], Awaitable[None]]
"""Is told how far a task is, from 0 to 1, and its state."""

MOST_FOUND = 20
_MODELS = 40
"""Models that a description lists."""
WAITED, LONGEST_WAIT = 50.0, 600.0
"""Seconds that `wait` waits: unless told otherwise, less than hosts do for a tool; and at most."""


class Plan(NamedTuple):
    """A call that may be made.

    Attributes:
        found: The call.
        arguments: What it takes.
        question: What to ask a person before; empty: nothing.
        in_background: Whether it begins a task, where it could be waited for as well.
    """

    found: Found
    arguments: dict[str, Any]
    question: str
    in_background: bool = False


class Service:
    """What the tools do.

    Args:
        guards: What may be done.
        made: Makes the client, when it is first needed.
    """

    def __init__(self, guards: Guards, made: Callable[[], AsyncClient]) -> None:
        self.guards = guards
        self.store: Store = Store()
        self._results = Results(self.store, guards.out)
        self._made = made
        self._client: AsyncClient | None = None
        self._stack = AsyncExitStack()
        self._users = 0
        self._budget: AsyncBudget | None = None
        self._taken = 0.0
        """PTC that calls of clients before may have cost: the budget is that of all sessions."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Service]:
        """Close the client, if one was made, once no session uses it."""
        self._users += 1
        try:
            yield self
        finally:
            self._users -= 1
            if not self._users:
                await self._close()

    async def _close(self) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        budget, self._client, self._budget = self._budget, None, None
        if budget is not None:
            self._taken += budget.spent + budget.reserved
        await stack.aclose()

    async def _ready(self) -> AsyncClient:
        """The client, under the budget."""
        if self._client is None:
            client = self._made()
            self._stack.push_async_callback(client.aclose)
            if self.guards.budget is not None:
                # What has no estimate is asked for before, see `plan`.
                # It is not left in the end: hosts do not wait until all records of cost are there.
                left = max(0.0, self.guards.budget - self._taken)
                self._budget = await client.budget(left, unknown="allow").__aenter__()
            self._client = client
        return self._client

    # The tools

    def search(self, words: str, limit: int = 5) -> list[Block]:
        """The calls that fit."""
        found = self.guards.search(words, min(limit, MOST_FOUND))
        if not found:
            return [text("nothing found; use other words, in English or Chinese")]
        return [text([_entry(one) for one in found])]

    def describe(self, call: str) -> list[Block]:
        """All that is known of a call."""
        return [text(_described(directory.describe(self.guards.allowed(call).id)))]

    async def plan(self, call: str, arguments: Any, in_background: bool = False) -> Plan:
        """Check a call, before it is made. Raises InvalidArgument."""
        found = self.guards.allowed(call)
        described = directory.describe(found.id)
        given = checked(described, arguments)
        estimate = _estimated(await self._ready(), found, given)
        if in_background and "task" not in described.forms.values():
            raise InvalidArgument(f"background: {found.call} cannot run in the background")
        question = self._question(found, described, estimate)
        return Plan(found, given, question, in_background)

    def _question(self, found: Found, described: Description, estimate: Estimate) -> str:
        """What a person must agree to; empty if nothing: the call is free, or the budget decides.

        A limited call without an estimate is asked for too: the budget cannot hold it; and one
        that deletes something.
        """
        is_known = estimate.high is not None
        if described.endpoint.startswith("DELETE "):
            return f"{found.title}: {found.call} deletes something. Make this call?"
        if estimate.high == 0 or (is_known and self.guards.budget is not None):
            return ""
        amount = f"up to {estimate.high:g} PTC" if is_known else "an amount that is not known"
        return f"{found.title}: {found.call} may cost {amount} ({estimate.basis}). Make this call?"

    async def call(self, plan: Plan) -> list[Block]:
        """Make a call that was planned, and allowed."""
        client = await self._ready()
        files = Files(self.guards.root)
        try:
            given = with_files(directory.describe(plan.found.id), plan.arguments, files)
            make = client.submit if plan.in_background else client.call
            result = await make(plan.found.id, given)
            return await self._results.of(result)
        finally:
            files.close()

    async def wait(self, task: Any, seconds: float, progress: Progress) -> list[Block]:
        """Wait for a task; returns its outputs, or its state if it takes longer."""
        given = as_object("task: must be the object `task` that `call` returned", task)
        self.guards.allowed_task(str(given.get("operation", "")))
        handle = (await self._ready()).resume(given)

        async def report(status: Any) -> None:
            share = 1.0 if status.state == "succeeded" else status.progress or 0.0
            await progress(share, str(status))

        try:
            result = await handle.wait(min(seconds, LONGEST_WAIT), on_progress=report)
        except TaskTimeout:
            return [text({"state": "pending", "task": handle.to_dict(), "next": "`wait` again"})]
        return await self._results.of(result)


def _entry(found: Found) -> dict[str, Any]:
    """What a search shows of a call."""
    entry = {"call": found.call, "title": found.title, "price": found.price}
    entry["returns"] = "a task" if found.kind == "task" else found.returns
    if found.deprecated:
        entry["note"] = "deprecated"
    return {key: value for key, value in entry.items() if value}


def _described(described: Description) -> dict[str, Any]:
    """A description without what an agent has no use for, and with the first models alone."""
    plain = described.to_dict()
    for key in ("forms", "tag", "id"):
        plain.pop(key, None)
    if described.kind == "call" and "task" in described.forms.values():
        plain["background"] = "possible: the call then returns a `task`"
    if len(described.models) > _MODELS:
        more = f"… and {len(described.models) - _MODELS} more"
        plain["models"] = [*described.models[:_MODELS], more]
    return plain


def _estimated(client: AsyncClient, found: Found, arguments: Mapping[str, Any]) -> Estimate:
    """What a call will cost; where a field is missing that tells, that is said."""
    named = {name: value for name, value in arguments.items() if name not in ("call", "self")}
    try:
        return client.estimate(found.id, **named)
    except InvalidArgument as error:
        return Estimate(None, None, "PTC", str(error))
