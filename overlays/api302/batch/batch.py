"""A batch: jobs planned into a journal, and run from it until each has its end."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from api302._errors import InvalidArgument

from .files import Target, Uploads
from .jobs import BadJob, Checker, Job, Source, bad_jobs, digest, read_jobs, vendor_of
from .journal import Journal, Plan, Row
from .limits import rates_of
from .money import SAMPLE, Money, checked_budget, estimate_of
from .report import write_reports
from .rescue import Rescue
from .runner import Pace, Progress, Runner, Unknown
from .step import Work, once_more, unanswered

if TYPE_CHECKING:
    from api302 import AsyncClient

JOURNAL, FILES = "journal.sqlite", "files"
NAME = "batch"
_CHUNK = 2000
_UNSENT = "sk-not-sent"
"""The API key of a client that only looks at calls."""


class Planned(NamedTuple):
    """What a job file came to.

    Attributes:
        new: Jobs that were not in the journal.
        total: All jobs of the batch.
        bad: Lines that cannot be run, and were left out.
        low: PTC that the jobs that are not sent yet cost at least, as far as prices are documented.
        high: At most; None where that is not known of every job.
        estimated: How many jobs `low` and `high` rest on, which stand for all.
        unpriced: Jobs without an estimate, of those.
    """

    new: int
    total: int
    bad: tuple[BadJob, ...]
    low: float
    high: float | None
    estimated: int
    unpriced: int

    def __str__(self) -> str:
        high = "an unknown amount" if self.high is None else f"{self.high:.6g} PTC"
        basis = f", by the first {self.estimated} of them" if self.estimated < self.total else ""
        return f"{self.total} jobs: {self.low:.6g} PTC to {high}{basis}"


class RunOptions(TypedDict, total=False):
    """How a batch is run: see `Batch.arun`."""

    client: AsyncClient | None
    concurrency: int
    downloads: int
    open_tasks: int
    requests_per_minute: Mapping[str, float] | float | None
    tokens_per_minute: Mapping[str, float] | float | None
    unpriced: bool
    deadline: float | None
    interval: float | None
    unknown: Unknown
    retry_failed: bool
    on_progress: Callable[[Progress], object] | None


class Batch:
    """A batch and its folder.

        batch = Batch("results/")
        batch.plan("jobs.jsonl")
        batch.run(concurrency=50, budget=20.0)

    The same lines after a crash go on where it was: nothing is sent twice, nothing is lost.

    Args:
        out: The folder for results, errors, files and, unless said otherwise, the journal. It is
            made.
        journal: A path, or the URL of a database: `postgresql+psycopg://user@host/name`.
        files: Where files go, if not to `out`: a folder, or any URL that fsspec knows (`s3://…`).
        name: The name of the batch, in a database that has several.

    Raises:
        InvalidArgument: the journal cannot be opened, or is of another version.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        journal: str | os.PathLike[str] | None = None,
        files: str | os.PathLike[str] | None = None,
        name: str = NAME,
    ) -> None:
        self.out: Path = Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.files: str = os.fspath(self.out / FILES if files is None else files)
        if "://" not in self.files:
            Path(self.files).mkdir(parents=True, exist_ok=True)
        path = self.out / JOURNAL if journal is None else journal
        self.journal: Journal = Journal.open(path, name)

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()

    # --- planning ---------------------------------------------------------------------------------

    def plan(
        self,
        jobs: Source,
        *,
        skip_bad: bool = False,
        budget: float | None = None,
        client: AsyncClient | None = None,
    ) -> Planned:
        """Take jobs into the journal. Sends nothing.

        Jobs that are in it already stay as they are, so that the same command goes on.

        Args:
            jobs: A file with a JSON object a line, `{"key": …, "call": …, "arguments": {…}}`, or
                such objects.
            skip_bad: Leave out what cannot be run.
            budget: With one, each job is estimated, and not the first few alone.
            client: Whose calls they are, if it is a client of another host or class.

        Raises:
            InvalidArgument: there are bad lines, each named with its field; a key has other
                arguments than before; or the budget is less than the first job may cost.
        """
        check_client(client)
        limit = checked_budget(budget)
        with self.journal.owned():
            if client is not None:
                return _Planning(self.journal, client, skip_bad, limit).take(jobs)
            from api302 import AsyncClient

            return _Planning(self.journal, AsyncClient(_UNSENT), skip_bad, limit).take(jobs)

    # --- running ----------------------------------------------------------------------------------

    def run(self, *, budget: float | None = None, **options: Unpack[RunOptions]) -> Progress:
        """Run the batch. See `arun`."""
        return asyncio.run(self.arun(budget=budget, **options))

    async def arun(
        self,
        *,
        client: AsyncClient | None = None,
        concurrency: int = 20,
        downloads: int = 8,
        open_tasks: int = 1000,
        requests_per_minute: Mapping[str, float] | float | None = None,
        tokens_per_minute: Mapping[str, float] | float | None = None,
        budget: float | None = None,
        unpriced: bool = False,
        deadline: float | None = None,
        interval: float | None = None,
        unknown: Unknown = "skip",
        retry_failed: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Progress:
        """Run every job that has no end yet, and write `results.jsonl` and `errors.jsonl`.

        Args:
            client: Makes the calls, an `AsyncClient`; one of the environment unless given.
            concurrency: Calls at once.
            downloads: Files downloaded at once.
            open_tasks: Tasks that are open at once.
            requests_per_minute: For all together, or by vendor; `*` is for all together. Polls
                count. A 429 lets its vendor rest in any case.
            tokens_per_minute: In the same form; of texts, about.
            budget: PTC that all jobs of the batch may cost. The highest estimate of a job is
                reserved before it is sent.
            unpriced: With a budget: whether jobs without an estimate are sent.
            deadline: Seconds after which nothing more is begun.
            interval: Seconds between two polls of a task; by the description unless given.
            unknown: What to do with jobs that were sent and not answered: `skip` lists them,
                `settle` asks the account's records and sends those again that were not billed,
                `resend` sends them again, which may cost twice.
            retry_failed: Try failed jobs again. What is paid for is not sent again: its files, or
                the status of its task, are fetched again.
            on_progress: Called twice a second.

        Returns:
            How far the batch is, and why it ended, if its jobs did not.

        Raises:
            InvalidArgument: naming the argument; or the journal is in use.
        """
        check_client(client)
        pace = _pace(
            concurrency=concurrency,
            downloads=downloads,
            open_tasks=open_tasks,
            rates=rates_of(requests_per_minute, tokens_per_minute),
            deadline=deadline,
        )
        limit = checked_budget(budget)
        checked_unknown(unknown)
        self._check_engine()
        with self.journal.owned(), self._reported(), Rescue(self.journal, self.out) as rescue:
            async with _client(client) as calls:
                await asyncio.to_thread(check_prices, self.journal, limit, unpriced)
                await asyncio.to_thread(self._end_sent)
                await prepare(self.journal, calls, unknown, retry_failed)
                target = Target(self.files, self.journal)
                target.close()  # what a killed run left
                work = Work(calls, target, Uploads(calls, self.journal), interval=interval)
                money = Money(calls, self.journal, limit)
                try:
                    runner = Runner(calls, self.journal, rescue, work, money, pace, on_progress)
                    return await runner.run()
                finally:
                    target.close()

    def _check_engine(self) -> None:
        """Raises InvalidArgument while workers have jobs of the batch in hand."""
        if self.journal.get("engine") == "celery" and self.journal.in_hand():
            raise InvalidArgument(
                f"journal: {self.journal.where} is run by Celery's workers; go on with"
                " --engine celery, or look at it with `api302 batch status`"
            )

    def _end_sent(self) -> None:
        """No process is sending any more: what was sent is unknown."""
        rows = self.journal.all_rows(("sent",))
        self.journal.write([(row["number"], unanswered(row)) for row in rows])

    @contextmanager
    def _reported(self) -> Generator[None]:
        try:
            yield
        except BaseException as error:
            try:
                self._report()
            except Exception as more:  # it must not hide why the batch ended
                error.add_note(f"The reports were not written: {more}")
            raise
        self._report()

    def _report(self) -> None:
        self._end_sent()
        write_reports(self.journal, self.out)

    # --- looking ----------------------------------------------------------------------------------

    def status(self) -> Progress:
        """How far the batch is, whoever runs it."""
        cost, reserved = self.journal.money()
        return Progress(self.journal.counts(), cost, reserved)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pace(**given: Any) -> Pace:
    for name in ("concurrency", "downloads", "open_tasks"):
        if not isinstance(given[name], int) or given[name] < 1:
            raise InvalidArgument(f"{name}: must be 1 or more, not {given[name]!r}")
    deadline = given["deadline"]
    if deadline is not None and not (isinstance(deadline, (int, float)) and deadline > 0):
        raise InvalidArgument(f"deadline: must be seconds, more than 0, not {deadline!r}")
    return Pace(**given)


class _client:
    """A caller's client, which stays open; or one of the environment."""

    def __init__(self, client: AsyncClient | None) -> None:
        self._client, self._is_own = client, client is None

    async def __aenter__(self) -> AsyncClient:
        if self._client is None:
            from api302 import AsyncClient

            self._client = AsyncClient()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        if self._is_own and self._client is not None:
            await self._client.close()


def check_client(client: Any) -> None:
    """Raises InvalidArgument for what is not None and does not await its calls."""
    from api302 import AsyncClient

    if client is not None and not isinstance(client, AsyncClient):
        kind = type(client).__name__
        raise InvalidArgument(f"client: a batch needs an AsyncClient, not {kind}")


def checked_unknown(unknown: str) -> None:
    """Raises InvalidArgument."""
    if unknown not in ("skip", "settle", "resend"):
        raise InvalidArgument(f"unknown: must be skip, settle or resend, not {unknown!r}")


def check_prices(journal: Journal, limit: float | None, unpriced: bool) -> None:
    """Raises InvalidArgument if there is a budget, and jobs of which nobody knows the price."""
    if limit is None or unpriced:
        return
    without = [row["key"] for row in journal.all_rows(("planned",)) if _no_price(row)]
    if without:
        raise InvalidArgument(
            f"budget: {len(without)} jobs have no estimate, {without[0]!r} first; plan them"
            " with the budget, or let them through with --unpriced (unpriced=True)"
        )


def _no_price(row: Row) -> bool:
    return row["estimate"] is None


async def prepare(
    journal: Journal, client: AsyncClient, unknown: Unknown, retry_failed: bool
) -> None:
    """What is done with jobs that an earlier run left failed or unknown."""
    if retry_failed:
        failed = await asyncio.to_thread(lambda: list(journal.all_rows(("failed",))))
        await asyncio.to_thread(journal.write, [(row["number"], once_more(row)) for row in failed])
    if unknown == "resend":
        fresh = dict.fromkeys(("sent_at", "until", "due", "error"))
        await asyncio.to_thread(journal.move, "unknown", state="planned", **fresh)
    elif unknown == "settle":
        from .settling import settle_jobs

        await settle_jobs(client, journal)


class _Planning:
    """Jobs on their way into a journal."""

    def __init__(
        self, journal: Journal, client: AsyncClient, skip_bad: bool, limit: float | None
    ) -> None:
        self._journal, self._client = journal, client
        self._skip_bad, self._limit = skip_bad, limit
        self._number = journal.last_number()
        self._new = self._estimated = self._unpriced = 0
        self._bad: list[BadJob] = []
        self._low, self._high = 0.0, 0.0
        self._is_bounded = True
        self._first: tuple[str, float] | None = None

    def take(self, source: Source) -> Planned:
        """Read, check and plan all jobs of a source; all or, if there are bad ones, none."""
        rows = self._rows(source)
        with self._journal.planning() as plan:
            while chunk := list(islice(rows, _CHUNK)):
                self._add(plan, chunk)
            if self._bad and not self._skip_bad:
                raise bad_jobs(self._bad)
        return self._planned(sum(self._journal.counts().values()))

    def _rows(self, source: Source) -> Iterator[Row]:
        for job in read_jobs(source, Checker(self._client)):
            if isinstance(job, BadJob):
                self._bad.append(job)
            elif self._skip_bad or not self._bad:
                yield self._row(job)

    def _row(self, job: Job) -> Row:
        return {
            "key": job.key,
            "call": job.call,
            "vendor": vendor_of(job.call),
            "arguments": job.content,
            "digest": digest(job),
            "line": job.number,
        }

    def _add(self, plan: Plan, chunk: list[Row]) -> None:
        known = plan.digests([row["key"] for row in chunk])
        new: list[Row] = []
        for row in chunk:
            line = row.pop("line")
            if row["key"] not in known:
                self._number += 1
                new.append({**row, "number": self._number, "estimate": self._estimate(row)})
            elif known[row["key"]] != row["digest"]:
                raise InvalidArgument(
                    f"jobs: line {line}: key: {row['key']!r} has other arguments in the journal;"
                    " give the changed job another key, or begin another batch (--out)"
                )
        self._check_budget()
        plan.add(new)
        self._new += len(new)

    def _estimate(self, row: Row) -> float | None:
        if self._limit is None and self._estimated >= SAMPLE:
            return None
        made = estimate_of(self._client, row["call"], json.loads(row["arguments"]))
        self._estimated += 1
        self._low += made.low or 0.0
        if made.high is None:
            self._is_bounded = False
            self._unpriced += 1
            return None
        self._high += made.high
        self._first = self._first or (row["key"], made.high)
        return made.high

    def _check_budget(self) -> None:
        if self._limit is not None and self._first and self._first[1] > self._limit:
            key, cost = self._first
            raise InvalidArgument(
                f"budget: {self._limit:g} PTC are less than the first job may cost ({key!r}:"
                f" {cost:g} PTC); nothing was sent; give at least that"
            )

    def _planned(self, total: int) -> Planned:
        share = self._new / self._estimated if self._estimated else 0.0
        high = self._high * share if self._is_bounded else None
        facts = (self._low * share, high, self._estimated, self._unpriced)
        return Planned(self._new, total, tuple(self._bad), *facts)


def status(out: str | os.PathLike[str], **where: Any) -> Progress:
    """How far a batch is. See `Batch` for `journal` and `name`."""
    journal = where.get("journal") or Path(out) / JOURNAL
    opened = Journal.open(journal, where.get("name", NAME), create=False)
    with closing(opened):
        cost, reserved = opened.money()
        return Progress(opened.counts(), cost, reserved)


def run(
    jobs: Source,
    out: str | os.PathLike[str],
    *,
    journal: str | os.PathLike[str] | None = None,
    files: str | os.PathLike[str] | None = None,
    name: str = NAME,
    skip_bad: bool = False,
    budget: float | None = None,
    **options: Unpack[RunOptions],
) -> Progress:
    """Plan jobs and run them; called again, it goes on. See `Batch`, `Batch.plan` and `Batch.arun`.

    Returns:
        How far the batch is. Results are in `results.jsonl` and `errors.jsonl` in `out`.

    Raises:
        InvalidArgument: naming the argument, or the bad lines. Nothing was sent.
    """
    with Batch(out, journal=journal, files=files, name=name) as batch:
        batch.plan(jobs, skip_bad=skip_bad, budget=budget, client=options.get("client"))
        return batch.run(budget=budget, **options)
