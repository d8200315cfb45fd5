"""The engine of one machine: sends, polls and downloads, as many at once as was said.

All of a job's steps are `step.Work`'s; here is when each is taken. Every state is in the journal,
so that whoever runs the batch next goes on where this one was stopped.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import signal
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .commits import Commits
from .journal import Journal, Row
from .limits import Limits, Rates, tokens_of, used_tokens
from .money import Money
from .rescue import Rescue
from .step import Change, Stopped, Work, announced

if TYPE_CHECKING:
    from api302 import AsyncClient

Unknown = Literal["skip", "settle", "resend"]
PAGE = 200
NO_RATES = Rates()
LONGEST_PAUSE = 900.0
"""Seconds before the next step of a job, at most: more is asked for by a clock that was set."""
TICK = 0.5
"""Seconds between two reports of progress."""


@dataclass(frozen=True)
class Pace:
    """How fast a batch runs.

    Attributes:
        concurrency: Calls at once.
        downloads: Files that are downloaded at once.
        polls: Tasks that are polled at once.
        open_tasks: Tasks that are open at once.
        rates: Requests and tokens a minute.
        deadline: Seconds after which nothing more is begun; None for no deadline.
    """

    concurrency: int = 20
    downloads: int = 8
    polls: int = 20
    open_tasks: int = 1000
    rates: Rates = NO_RATES
    deadline: float | None = None


@dataclass
class Progress:
    """How far a batch is.

    Attributes:
        counts: How many jobs are in each state.
        cost: PTC that jobs cost, as far as it is known.
        reserved: PTC that the others may cost at most, by their estimates; without a budget
            nothing is estimated, and this is 0.
        seconds: Since the start.
        pauses: By vendor, until when (Unix seconds) it rests after a 429.
        why: Why the batch ended before its jobs did; empty if it did not.
    """

    counts: dict[str, int]
    cost: float = 0.0
    reserved: float = 0.0
    seconds: float = 0.0
    pauses: dict[str, float] | None = None
    why: str = ""

    @property
    def total(self) -> int:
        """All jobs."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Jobs for which nothing more is done."""
        return sum(self.counts[state] for state in ("saved", "failed", "unknown"))


class _Ended(Exception):
    """Nothing more is begun: the call was not sent."""


class Slots:
    """So many at once; nobody waits for a slot."""

    def __init__(self, size: int) -> None:
        self._free = size

    @property
    def full(self) -> bool:
        """Whether there is no slot left."""
        return self._free <= 0

    def take(self) -> None:
        """Have a slot."""
        self._free -= 1

    def give_back(self) -> None:
        """Let go of a slot."""
        self._free += 1


class Runner:
    """Runs the jobs of a journal."""

    def __init__(
        self,
        client: AsyncClient,
        journal: Journal,
        rescue: Rescue,
        work: Work,
        money: Money,
        pace: Pace,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> None:
        self._client, self._journal, self._work, self._money = client, journal, work, money
        self._pace, self._on_progress, self._rescue = pace, on_progress, rescue
        self._limits = Limits(pace.rates)
        self._counts: dict[str, int] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[float, int, Row]] = []
        """Jobs with a next step, by when it is due."""
        self._ready: dict[tuple[str, str], deque[Row]] = {}
        """Those whose time has come, in order, by state and vendor."""
        self._vendors: list[str] = []
        self._sending = self._answers = 0
        self._pauses: dict[str, float] = {}
        self._why = ""
        self._error: BaseException | None = None

    async def run(self) -> Progress:
        """Run until every job ended, or nothing more may be begun.

        Raises what the journal raises if it cannot be written.
        """
        self._started = time.monotonic()
        self._stop, self._changed = asyncio.Event(), asyncio.Event()
        self._woken, self._answered = asyncio.Event(), asyncio.Event()
        self._slots = asyncio.Semaphore(self._pace.concurrency)
        self._steps, self._loads = Slots(self._pace.polls), Slots(self._pace.downloads)
        self._tasks = asyncio.Semaphore(self._pace.open_tasks)
        self._commits = Commits(self._journal, self._rescue)
        self._counts = await asyncio.to_thread(self._journal.counts)
        with announced(self._client), self._interrupts():
            try:
                await self._through()
            finally:
                await self._close()
        if self._error is not None:
            raise self._error
        return self._progress()

    async def _through(self) -> None:
        await self._take_up()
        if self._pace.deadline is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._pace.deadline, self._end, "the deadline is reached")
        self._vendors = await asyncio.to_thread(self._journal.vendors)
        feeders = [asyncio.create_task(self._feed(vendor)) for vendor in self._vendors]
        others = [asyncio.create_task(one) for one in (self._due(), self._report())]
        for task in (*feeders, *others):
            task.add_done_callback(self._landed)
        try:
            await asyncio.wait(feeders) if feeders else None
            while self._flying or (self._has_more() and not self._stop.is_set()):
                self._changed.clear()
                await self._changed.wait()
        finally:
            for task in (*feeders, *others, *self._flying):
                task.cancel()
            await asyncio.gather(*feeders, *others, *self._flying, return_exceptions=True)

    def _has_more(self) -> bool:
        return bool(self._waiting) or any(self._ready.values())

    async def _close(self) -> None:
        try:
            await self._commits.close()
        finally:
            if self._on_progress is not None:
                self._on_progress(self._progress())

    async def _take_up(self) -> None:
        """Go on with the tasks and files that an earlier run left."""
        rows = await asyncio.to_thread(lambda: list(self._journal.all_rows(("accepted", "done"))))
        for row in rows:
            if row["state"] == "accepted" and not self._tasks.locked():
                await self._tasks.acquire()
                row["holds"] = True
            self._wait(row)

    # --- sending ----------------------------------------------------------------------------------

    async def _feed(self, vendor: str) -> None:
        """Begin the planned jobs of a vendor, in order.

        Twice as many as may be sent at once are made ready, so that no slot waits for the next.
        """
        room = asyncio.Semaphore(2 * self._pace.concurrency)
        after = 0
        while not self._stop.is_set():
            page = await asyncio.to_thread(
                self._journal.rows, ("planned",), vendor=vendor, after=after, limit=PAGE
            )
            if not page:
                return
            for row in page:
                await room.acquire()
                await self._tasks.acquire()
                if self._stop.is_set():
                    return
                self._fly(self._send(row, room))
            after = page[-1]["number"]

    async def _send(self, row: Row, room: asyncio.Semaphore) -> None:
        """Send a job, again and again while it is refused."""
        try:
            while row["state"] == "planned" and await self._is_admitted(row):
                change = await self._sent(row)
                self._note(row, change)
                if row["state"] == "planned":
                    await self._refused(row)
        finally:
            room.release()
            if row["state"] == "accepted":
                row["holds"] = True
            else:
                self._tasks.release()
        self._go_on(row)

    async def _is_admitted(self, row: Row) -> bool:
        """Whether the job may be sent: the rates let it, and the budget has room."""
        tokens = 0.0
        if self._pace.rates.counts_tokens:
            tokens = row["tokens"] = tokens_of(json.loads(row["arguments"]))
        while wait := self._limits.take(row["vendor"], tokens):
            if await self._stopped_within(wait):
                return False
        if self._stop.is_set():
            return False
        row["reserved"] = row["estimate"] or 0.0
        if not await self._has_budget(row["reserved"]) or self._stop.is_set():
            return False
        self._sending += 1
        return True

    async def _has_budget(self, estimate: float) -> bool:
        """Whether there is room for a job; what others did cost makes room, once it is known."""
        while not self._money.has_room(estimate):
            if self._stop.is_set():
                return False
            answers = self._answers
            await self._commits.flush()
            if await self._money.admits(estimate):
                return True
            if answers != self._answers:
                continue
            if not self._sending:
                left, limit = self._money.left, self._money.limit
                self._end(f"the budget is used up: {left:g} of {limit:g} PTC are left")
                return False
            self._answered.clear()
            await self._answered.wait()
        return True

    async def _sent(self, row: Row) -> Change:
        @asynccontextmanager
        async def around() -> AsyncGenerator[None]:
            async with self._slots:
                if self._stop.is_set():
                    raise _Ended
                sent_at = time.time()
                change = {"state": "sent", "sent_at": sent_at, "reserved": row["reserved"]}
                await self._commits.durable(row["number"], change)
                row["sent_at"] = sent_at
                yield

        try:
            return await self._work.send(row, around)
        except _Ended:
            return {}
        except Stopped as stopped:
            self._end(f"{type(stopped.error).__name__}: {stopped}")
            self._money.give_back(row["reserved"])
            return {"state": "planned", "sent_at": None, "reserved": None, "due": None}
        finally:
            self._sending -= 1
            self._answers += 1
            self._answered.set()

    async def _refused(self, row: Row) -> None:
        """Wait until a refused job may be sent again; a 429 lets its whole vendor rest."""
        self._money.give_back(row["estimate"] or 0.0)
        error = json.loads(row["error"] or "{}")
        pause = max(0.0, (row["due"] or 0.0) - time.time())
        if error.get("type") == "RateLimitError":
            rest = self._limits.cool(row["vendor"], pause or None)
            self._pauses[row["vendor"]] = time.time() + rest
            pause = min(pause, rest)
        await self._stopped_within(pause)

    def _note(self, row: Row, change: Change) -> None:
        """Take over what changed, and write it down."""
        before = row["state"]
        if not change:
            return
        row.update(change)
        self._commits.put(row["number"], change)
        self._counts[before] -= 1
        self._counts[row["state"]] += 1
        if row["state"] not in ("planned", "unknown") and before == "planned":
            self._accepted(row)

    def _accepted(self, row: Row) -> None:
        more = 0.0
        if "tokens" in row and row["response"]:
            used = used_tokens(json.loads(row["response"]))
            more = used - row["tokens"] if used is not None else 0.0
        self._limits.accepted(row["vendor"], more)
        if row["cost"] == 0.0:
            self._money.give_back(row["reserved"] or 0.0)

    # --- polling and saving -----------------------------------------------------------------------

    def _go_on(self, row: Row) -> None:
        """The next step of a job, or its end."""
        if row["state"] in ("accepted", "done"):
            self._wait(row)
        self._woken.set()
        self._changed.set()

    def _wait(self, row: Row) -> None:
        slim = {**row, "arguments": "", "response": None}
        # By a clock that nobody sets: the time of the machine may jump.
        pause = min((row["due"] or 0.0) - time.time(), LONGEST_PAUSE)
        heapq.heappush(self._waiting, (time.monotonic() + pause, row["number"], slim))
        self._woken.set()

    async def _due(self) -> None:
        """Take the steps that are due, in order, as the rates let."""
        while not self._stop.is_set():
            self._woken.clear()
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                row = heapq.heappop(self._waiting)[2]
                self._ready.setdefault((row["state"], row["vendor"]), deque()).append(row)
            pause = min(TICK, self._waiting[0][0] - now) if self._waiting else TICK
            for rows in self._ready.values():
                pause = min(pause, self._begin(rows))
            await _within(self._woken, pause)

    def _begin(self, rows: deque[Row]) -> float:
        """Begin as many of these steps as may be; seconds after which there may be more."""
        while rows:
            is_poll = rows[0]["state"] == "accepted"
            slots = self._steps if is_poll else self._loads
            if slots.full:
                return TICK
            if is_poll and (wait := self._limits.take(rows[0]["vendor"])):
                return wait
            slots.take()
            self._fly(self._take(rows.popleft(), slots))
        return TICK

    async def _take(self, row: Row, slots: Slots) -> None:
        before = row["state"]
        is_poll = before == "accepted"
        try:
            change = await (self._work.poll(row) if is_poll else self._work.save(row))
        except Stopped as stopped:  # the next run goes on with this job
            self._end(f"{type(stopped.error).__name__}: {stopped}")
            return
        finally:
            slots.give_back()
        if "state" in change or "files" in change:
            self._note(row, change)
        else:
            row.update(change)
        if before == "accepted" != row["state"] and row.pop("holds", False):
            self._tasks.release()
        self._go_on(row)

    # --- the whole --------------------------------------------------------------------------------

    def _fly(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._flying.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
            self._end(f"{type(error).__name__}: {error}")
        self._changed.set()

    def _end(self, why: str) -> None:
        """Begin nothing more; what was sent is waited for."""
        self._why = self._why or why
        self._stop.set()
        for _ in self._vendors:  # whoever waits for a task to end waits in vain
            self._tasks.release()
        self._changed.set()

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait so long, or until the end; whether that came."""
        return await _within(self._stop, seconds)

    @contextmanager
    def _interrupts(self) -> Generator[None]:
        """Ctrl-C, SIGTERM or a closed terminal: begin nothing more. The second one waits for
        nothing either.
        """
        loop, me = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            if self._stop.is_set() and me is not None:
                me.cancel()
            self._end("it was interrupted")

        handled: list[signal.Signals] = []
        for number in _endings():
            try:
                loop.add_signal_handler(number, interrupt)
                handled.append(number)
            except (NotImplementedError, RuntimeError, ValueError):  # Windows, or another thread
                continue
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    # --- progress ---------------------------------------------------------------------------------

    async def _report(self) -> None:
        while self._on_progress is not None:
            await asyncio.sleep(TICK)
            self._on_progress(self._progress())

    def _progress(self) -> Progress:
        now = time.time()
        pauses = {vendor: until for vendor, until in self._pauses.items() if until > now}
        seconds = time.monotonic() - self._started
        cost, reserved = self._money.cost, self._money.reserved
        return Progress(dict(self._counts), cost, reserved, seconds, pauses, self._why)


def _endings() -> list[signal.Signals]:
    """The signals that end a batch. `nohup` ignores one of them."""
    found = [signal.SIGINT, signal.SIGTERM]
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        found.append(hangup)
    return found


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event at most so long; whether it came.

    `asyncio.wait_for` of Python 3.11 may lose a cancellation.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
