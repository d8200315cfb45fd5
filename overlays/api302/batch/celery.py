"""A batch over many workers: Celery moves the jobs, the journal is the truth.

    export API302_JOURNAL=postgresql+psycopg://batch@db/batch API302_BROKER=redis://queue/0
    celery -A api302.batch.celery worker --pool threads --concurrency 20   # on each machine
    api302 batch run jobs.jsonl --out results --engine celery              # anywhere

A message names a job and its turn, nothing else; the API key and the journal's password are in the
workers' environment. A worker claims the turn in the journal, takes one step, and leaves: polls
come back by `retry(countdown=…)`, so that no worker sleeps. A message that comes twice, or too
late, finds the turn taken and does nothing. What the broker forgot is queued again by a sweep:
`run` sweeps while it waits, a worker with `-B` does so as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

from api302._errors import ConnectionError, InvalidArgument
from api302._log import logger

from . import loop
from .batch import NAME, Batch, check_prices, checked_unknown, prepare
from .files import Target, Uploads
from .journal import OPEN, Journal, Row
from .limits import Rates, SharedLimits, rates_of, tokens_of, used_tokens
from .money import Money, checked_budget
from .report import write_reports
from .rescue import Rescue
from .runner import Progress, Unknown
from .step import Change, Stopped, Work, announced, refused, unanswered

try:
    Celery: Any = import_module("celery").Celery
    BrokerError: Any = import_module("kombu.exceptions").OperationalError
except ImportError as _missing:
    raise ImportError(
        f"api302.batch.celery needs more packages ({_missing}): pip install 'api302[celery]'"
    ) from None

if TYPE_CHECKING:
    from api302 import AsyncClient

BROKER = os.environ.get("API302_BROKER", "redis://127.0.0.1:6379/0")
JOURNAL = "API302_JOURNAL"
"""The environment variable with the journal's URL, for workers."""
LONGEST_CALL = 900.0
"""Seconds after which a worker gives a call up; its outcome is unknown then."""
MARGIN = 30.0
"""Seconds that a worker has beyond that to write down what became of a job."""
GRACE = 60.0
"""Seconds that a message may be late before another is sent."""
WINDOW = 500
"""Jobs that are queued and not sent at once."""
TICK = 1.0
_RESEND, _PERSISTENCE = 5.0, 120.0
"""Seconds before a step is tried again whose journal could not be reached; and for how long what
became of a call is kept in memory then, before it goes to a file of the worker's machine."""

app: Any = Celery("api302.batch", broker=BROKER)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 10, "socket_connect_timeout": 10},
    beat_schedule={"sweep": {"task": "api302.batch.sweep", "schedule": 10.0}},
)


# --- one turn of a job, in a worker ---------------------------------------------------------------


class Worker:
    """What one process needs to take the turns of a batch."""

    def __init__(self, journal: Journal, client: AsyncClient, settings: Mapping[str, Any]) -> None:
        self.journal = journal
        self._announcing = announced(client)  # for as long as this worker lives
        self._announcing.__enter__()
        self._longest = float(settings.get("longest_call", LONGEST_CALL))
        rates = rates_of(settings.get("requests_per_minute"), settings.get("tokens_per_minute"))
        self._rates: Rates = rates
        self._limits = SharedLimits(rates, journal)
        target = Target(settings.get("files", "."), journal)
        uploads = Uploads(client, journal)
        self._work = Work(client, target, uploads, settings.get("interval"))
        self._rescue = Rescue(journal)
        self._rescue.take_up()

    def take(self, number: int, turn: int) -> tuple[float, int] | None:
        """Take one turn of a job: seconds until the next and its number, or None at the end."""
        if self._rescue.is_holding:
            self._rescue.take_up()
        row = self.journal.row(number)
        if row is None or row["turn"] != turn or row["state"] not in OPEN:
            return None
        if (early := (row["due"] or 0.0) - time.time()) > 0:
            return early, turn
        if row["state"] == "sent":  # whoever sent it ended without a word
            self.journal.claim(number, turn, {**unanswered(row), "turn": turn + 1})
            return None
        if wait := self._wait(row):
            return wait, turn
        lease = time.time() + self._longest + min(MARGIN, self._longest)
        if not self.journal.claim(number, turn, {"turn": turn + 1, "due": lease}):
            return None
        row["turn"] = turn + 1
        change = self._step(row)
        if change is None:
            return None
        row.update(change)
        is_open = row["state"] in OPEN
        return (max(0.0, (row["due"] or 0.0) - time.time()), turn + 1) if is_open else None

    def _wait(self, row: Row) -> float:
        """Seconds until the vendor's limits let the next request go."""
        if row["state"] == "done":
            return 0.0
        if row["state"] == "planned" and self.journal.get("stopped"):
            return 10.0
        tokens = 0.0
        if row["state"] == "planned" and self._rates.counts_tokens:
            tokens = row["tokens"] = tokens_of(json.loads(row["arguments"]))
        return self._limits.take(row["vendor"], tokens)

    def _step(self, row: Row) -> Change | None:
        """What becomes of a job, written down; None if somebody else has it now."""
        number, turn = row["number"], row["turn"]
        try:
            change = loop.call(self._within, row)
        except Superseded:
            return None
        except Stopped as stopped:
            self.journal.set("stopped", f"{type(stopped.error).__name__}: {stopped}")
            change = {"due": time.time() + _RESEND}
            if row["state"] == "planned":
                change |= {"state": "planned", "sent_at": None}
        if row["state"] == "planned":
            change.pop("reserved", None)  # the feeder's, until the job has its end
            self._note_limits(row, change)
        if change.get("state", row["state"]) in OPEN and change.get("due") is None:
            change["due"] = time.time()  # without a time, a lost message would not be missed
        self._persist(number, turn, change)
        return change

    async def _within(self, row: Row) -> Change:
        """One step, in bounded time."""
        sent = False

        @asynccontextmanager
        async def around() -> AsyncGenerator[None]:
            nonlocal sent
            sent_at = time.time()
            change = {"state": "sent", "sent_at": sent_at}
            if not await asyncio.to_thread(self.journal.claim, row["number"], row["turn"], change):
                raise Superseded
            row["sent_at"], sent = sent_at, True
            yield

        try:
            async with asyncio.timeout(self._longest):
                if row["state"] == "planned":
                    return await self._work.send(row, around)
                is_poll = row["state"] == "accepted"
                return await (self._work.poll(row) if is_poll else self._work.save(row))
        except TimeoutError:
            said = f"took longer than {self._longest:g} s"
            if row["state"] == "planned":
                return refused(row, ConnectionError(said, sent=sent), sent)
            return {"due": time.time() + _RESEND}

    def _note_limits(self, row: Row, change: Change) -> None:
        if change.get("state") == "planned":
            error = json.loads(change.get("error") or "{}")
            if error.get("type") == "RateLimitError":
                self._limits.cool(row["vendor"], max(0.0, change["due"] - time.time()) or None)
        elif "tokens" in row and change.get("response"):
            used = used_tokens(json.loads(change["response"]))
            if used is not None:
                self._limits.accepted(row["vendor"], used - row["tokens"])

    def _written(self, number: int, turn: int, change: Change) -> None:
        """What became of a call is kept, also if somebody has held it for unknown meanwhile."""
        if not self.journal.claim(number, turn, change):
            self.journal.rescue(number, change)

    def _persist(self, number: int, turn: int, change: Change) -> None:
        """Write, again and again while the journal cannot be reached; or else keep it here."""
        end = time.monotonic() + _PERSISTENCE
        while True:
            try:
                return self._written(number, turn, change)
            except OperationalError:
                if time.monotonic() > end:
                    self._rescue.keep([(number, change)], turn)
                    for said in self._rescue.notes():
                        logger.warning("%s", said)
                    raise
                time.sleep(0.5)


class Superseded(Exception):
    """Another worker has the job: this one was too late."""


# --- what a process has once ----------------------------------------------------------------------


def journal_of(name: str) -> Journal:
    """The journal of a batch, by the worker's environment."""
    with loop.making():
        return _journal(os.getpid(), name)


@cache
def _journal(_: int, name: str) -> Journal:
    where = os.environ.get(JOURNAL)
    if not where:
        raise InvalidArgument(
            f"journal: {JOURNAL} is not set for this worker; it is what `api302 batch run"
            " --journal` has"
        )
    return Journal.open(where, name, create=False)


def worker_of(name: str) -> Worker:
    """What this process needs for a batch, with its settings of now."""
    journal = journal_of(name)
    settings = journal.get("settings") or "{}"
    with loop.making():
        return _worker(os.getpid(), name, settings)


@cache
def _worker(_: int, name: str, settings: str) -> Worker:
    from api302 import AsyncClient

    return Worker(journal_of(name), loop.call(_made, AsyncClient), json.loads(settings))


async def _made(kind: Callable[[], Any]) -> Any:
    return kind()


# --- Celery's tasks -------------------------------------------------------------------------------


@app.task(bind=True, name="api302.batch.advance", max_retries=None)
def advance(self: Any, name: str, number: int, turn: int) -> None:
    """One turn of a job, and the message for the next."""
    try:
        following = worker_of(name).take(number, turn)
    except OperationalError:  # the journal cannot be reached
        raise self.retry(countdown=_RESEND) from None
    if following is not None:
        wait, turn = following
        raise self.retry(args=(name, number, turn), countdown=wait)


@app.task(name="api302.batch.sweep")
def sweep_again() -> int:
    """Queue what is due and not queued, of all batches that workers run."""
    names = journal_of(NAME).batches("celery")
    return sum(sweep(journal_of(name)) for name in names)


# --- queueing -------------------------------------------------------------------------------------


def sweep(journal: Journal, money: Money | None = None) -> int:
    """Queue the next planned jobs, and what is due and was forgotten; how many.

    Safe at any time and from several machines: a job that is queued twice takes its turn once.
    Without `money`, what has a reservation already is queued alone, if the batch has a budget.
    """
    settings: dict[str, Any] = json.loads(journal.get("settings") or "{}")
    late = journal.forgotten(time.time() - float(settings.get("grace", GRACE)), WINDOW)
    has_stopped = bool(journal.get("stopped"))
    is_open = money is not None or settings.get("budget") is None
    room = max(0, WINDOW - journal.queued()) if is_open and not has_stopped else 0
    fresh = journal.fresh(room) if room else []
    if money is not None:
        fresh = [row for row in fresh if money.has_room(row["estimate"] or 0.0)]
    for row in (*late, *fresh):
        _queue(journal, row)
    return len(late) + len(fresh)


def _queue(journal: Journal, row: Row) -> None:
    change: Change = {"due": time.time()}
    if row["state"] == "planned":
        change["reserved"] = row["estimate"] or 0.0
    if journal.claim(row["number"], row["turn"], change):
        advance.apply_async((journal.batch, row["number"], row["turn"]), retry=False)


def run_over_workers(
    batch: Batch,
    *,
    on_progress: Callable[[Progress], object] | None = None,
    detach: bool = False,
    budget: float | None = None,
    unpriced: bool = False,
    unknown: Unknown = "skip",
    retry_failed: bool = False,
    deadline: float | None = None,
    grace: float = GRACE,
    longest_call: float = LONGEST_CALL,
    **options: Any,
) -> Progress:
    """Run a batch that was planned, over Celery's workers. For the options see `Batch.arun`.

    Args:
        batch: Its journal is one that the workers reach.
        on_progress: Called once a second.
        detach: Queue what may be queued, and return; workers with `-B` go on.
        budget: PTC.
        unpriced: As of `Batch.arun`, as the following ones.
        unknown: As there.
        retry_failed: As there.
        deadline: Seconds after which nothing more is queued.
        grace: Seconds that a message may be late before another is sent.
        longest_call: Seconds after which a worker gives a call up.
        options: `requests_per_minute`, `tokens_per_minute`, `interval`; the others are the
            workers' own.

    Raises:
        InvalidArgument: the journal runs on this machine already, or an option is wrong.
    """
    journal, limit = batch.journal, checked_budget(budget)
    checked_unknown(unknown)
    settings = {name: options[name] for name in _SETTINGS if options.get(name) is not None}
    rates_of(settings.get("requests_per_minute"), settings.get("tokens_per_minute"))
    settings |= {"files": batch.files, "grace": grace, "longest_call": longest_call}
    settings["budget"] = limit
    with journal.owned():  # no runner of one machine has it
        Rescue(journal).take_up()
        check_prices(journal, limit, unpriced)
        for name, value in (("settings", json.dumps(settings)), ("engine", "celery")):
            journal.set(name, value)
        journal.set("stopped", "")
    feeder = _Feeder(journal, limit, on_progress, deadline)
    try:
        asyncio.run(feeder.run(unknown, retry_failed, detach))
    except KeyboardInterrupt:
        feeder.why = "it was interrupted; what is queued goes on"
    finally:
        if not detach:
            write_reports(journal, batch.out)
        if not journal.in_hand():
            Target(batch.files, journal).close()  # what killed workers left
    return feeder.progress()


_SETTINGS = ("requests_per_minute", "tokens_per_minute", "interval")


class _Feeder:
    """Queues jobs as long as there are some, and watches the others."""

    def __init__(
        self,
        journal: Journal,
        limit: float | None,
        on_progress: Callable[[Progress], object] | None,
        deadline: float | None,
    ) -> None:
        self._journal, self._limit, self._on_progress = journal, limit, on_progress
        self._started = time.monotonic()
        self._deadline = float("inf") if deadline is None else self._started + deadline
        self.why = ""

    async def run(self, unknown: Unknown, retry_failed: bool, detach: bool) -> None:
        """Until every job has its end, or nothing more may be queued."""
        from api302 import AsyncClient

        async with AsyncClient() as client:
            await prepare(self._journal, client, unknown, retry_failed)
            money = Money(client, self._journal, self._limit)
            while True:
                try:
                    await self._tick(money)
                    if detach or await asyncio.to_thread(self._is_over):
                        return
                except (OperationalError, BrokerError) as error:
                    logger.warning("%s; trying again", str(error).partition("\n")[0])
                await asyncio.sleep(TICK)

    async def _tick(self, money: Money) -> None:
        await asyncio.to_thread(money.refresh)
        moved = await asyncio.to_thread(sweep, self._journal, money)
        if self._limit is not None and not moved and not self._journal.in_hand():
            await money.settle()
            if not await asyncio.to_thread(sweep, self._journal, money) and self._left():
                self.why = f"the budget is used up: {money.left:g} of {self._limit:g} PTC are left"
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def _left(self) -> int:
        return self._journal.counts()["planned"]

    def _is_over(self) -> bool:
        counts = self._journal.counts()
        if not any(counts[state] for state in OPEN):
            return True
        if stopped := self._journal.get("stopped"):
            self.why = stopped
        elif time.monotonic() > self._deadline:
            self.why = "the deadline is reached; what is queued goes on"
        return bool(self.why)

    def progress(self) -> Progress:
        """How far the batch is."""
        cost, reserved = self._journal.money()
        seconds = time.monotonic() - self._started
        return Progress(self._journal.counts(), cost, reserved, seconds, {}, self.why)
