"""`api302 batch run` and `api302 batch status`."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from api302._terminal import harmless

if TYPE_CHECKING:
    from .batch import Batch, Planned
    from .runner import Progress

LINE_EVERY = 10.0
"""Seconds between two lines of progress, where no bar can be shown."""
DONE, LEFT, INTERRUPTED = 0, 1, 130
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(_: Any, parameter: click.Parameter, given: str | None) -> float | None:
    """Seconds, or a number with a unit: `90`, `45m`, `8h`."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", given)
    if match is None:
        raise click.BadParameter(f"{given!r} is no time; write 90, 45m or 8h", param=parameter)
    return float(match[1]) * _UNITS[match[2] or "s"]


def _rates(_: Any, parameter: click.Parameter, given: Iterable[str]) -> dict[str, float] | None:
    """`600` for all vendors together, or `kling=60`."""
    rates: dict[str, float] = {}
    for one in given:
        vendor, found, number = one.rpartition("=")
        try:
            rates[vendor if found else "*"] = float(number)
        except ValueError:
            raise click.BadParameter(f"{one!r}: write 600, or kling=60", param=parameter) from None
    return rates or None


@click.group()
def batch() -> None:
    """Many calls that survive a crash: run them, and see how far they are."""


@batch.command()
@click.argument("jobs", type=click.Path(dir_okay=False))
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="The folder for results, errors, files and the journal.",
)
@click.option("--files", metavar="DIR|URL", help="Where files go: a folder, or s3://… by fsspec.")
@click.option("--journal", metavar="PATH|URL", help="Where the journal is, if not in --out.")
@click.option("--name", default="batch", help="The batch, in a journal that has several.")
@click.option(
    "--engine",
    type=click.Choice(["local", "celery"]),
    default="local",
    help="This machine, or Celery's workers.",
)
@click.option("--concurrency", type=click.IntRange(1), default=20, help="Calls at once.")
@click.option("--open-tasks", type=click.IntRange(1), default=1000, help="Tasks open at once.")
@click.option(
    "--rpm",
    multiple=True,
    callback=_rates,
    metavar="[VENDOR=]N",
    help="Requests a minute, polls among them; for all, or for a vendor.",
)
@click.option(
    "--tpm", multiple=True, callback=_rates, metavar="[VENDOR=]N", help="Tokens a minute."
)
@click.option("--budget", type=click.FloatRange(0), metavar="PTC", help="What all may cost.")
@click.option("--unpriced", is_flag=True, help="With a budget: send what has no estimate too.")
@click.option(
    "--deadline",
    callback=_seconds,
    metavar="TIME",
    help="Begin nothing more after this time: 90, 45m, 8h.",
)
@click.option("--interval", callback=_seconds, metavar="TIME", help="Between two polls of a task.")
@click.option(
    "--unknown",
    type=click.Choice(["skip", "settle", "resend"]),
    default="skip",
    help="Jobs that were sent and not answered: list them, ask the account's records, or"
    " send them again, which may cost twice.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try failed jobs again; of those that are paid for, files and states are fetched again.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be run.")
@click.option("--detach", is_flag=True, help="With Celery: queue the jobs, and do not wait.")
@click.option(
    "--grace",
    callback=_seconds,
    metavar="TIME",
    help="With Celery: how late a message may be before another is sent.",
)
@click.option(
    "--longest-call",
    callback=_seconds,
    metavar="TIME",
    help="With Celery: when a worker gives a call up.",
)
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
def run(jobs: str, out: str, yes: bool, skip_bad: bool, **given: Any) -> None:
    """Run the JOBS of a file, one JSON object a line: key, call and arguments.

    The same command goes on after a crash, a kill or Ctrl-C: nothing is sent twice, nothing is
    lost. Results are in results.jsonl and errors.jsonl, files under their keys.
    """
    from .batch import Batch

    where = {name: given.pop(name) for name in ("journal", "files", "name")}
    with Batch(out, **where) as planned_batch:
        planned = planned_batch.plan(
            jobs, skip_bad=skip_bad, budget=given["budget"], client=_client()
        )
        _tell_plan(planned, given["budget"])
        if planned.new and not yes:
            _confirm()
        engine, detach = given.pop("engine"), given.pop("detach")
        options = {
            "requests_per_minute": given.pop("rpm"),
            "tokens_per_minute": given.pop("tpm"),
            **given,
        }
        with _bar() as show:
            run_it = _over_workers if engine == "celery" else _here
            ended = run_it(planned_batch, show, detach, options)
    if not detach:
        _tell_end(ended, out)


def _here(planned: Batch, show: Any, detach: bool, options: dict[str, Any]) -> Progress:
    """Run a batch on this machine."""
    import asyncio

    if detach or any([options.pop("grace"), options.pop("longest_call")]):
        raise click.UsageError("--detach, --grace and --longest-call need --engine celery")
    return asyncio.run(planned.arun(client=_client(), on_progress=show, **options))


def _over_workers(planned: Batch, show: Any, detach: bool, options: dict[str, Any]) -> Progress:
    """Run a batch over Celery's workers."""
    try:
        from .celery import run_over_workers
    except ImportError as error:
        raise click.UsageError(str(error)) from None
    for name in ("grace", "longest_call"):
        if options[name] is None:
            del options[name]
    return run_over_workers(planned, on_progress=show, detach=detach, **options)


@batch.command()
@click.option(
    "--out", type=click.Path(file_okay=False), metavar="DIR", help="The folder of the batch."
)
@click.option("--journal", metavar="PATH|URL", help="Where the journal is, if not in --out.")
@click.option("--name", default="batch", help="The batch, in a journal that has several.")
@click.option(
    "--results",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write results.jsonl and errors.jsonl of what is done so far there.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(
    out: str | None, journal: str | None, name: str, results: str | None, as_json: bool
) -> None:
    """How far a batch is, whoever runs it, and wherever."""
    from pathlib import Path

    from .batch import JOURNAL
    from .journal import Journal
    from .report import write_reports
    from .runner import Progress

    if out is None and journal is None:
        raise click.UsageError("say which batch: --out DIR, or --journal URL")
    opened = Journal.open(journal or Path(out or ".", JOURNAL), name, create=False)
    try:
        cost, reserved = opened.money()
        seen = Progress(opened.counts(), cost, reserved)
        if results is not None:
            Path(results).mkdir(parents=True, exist_ok=True)
            write_reports(opened, Path(results))
    finally:
        opened.close()
    if as_json:
        click.echo(json.dumps({**seen.counts, "cost": cost, "reserved": reserved}))
    else:
        click.echo(_line(seen))


def _client() -> Any:
    """A client for the host that the command line names, or of the environment."""
    from api302 import AsyncClient

    return AsyncClient(base_url=click.get_current_context().find_root().params.get("base_url"))


# --- what is said ---------------------------------------------------------------------------------


def _tell_plan(planned: Planned, budget: float | None) -> None:
    for bad in planned.bad[:20]:
        click.echo(harmless(f"left out: {bad}"), err=True)
    if not planned.new:
        return
    click.echo(f"{planned}; {planned.new} new", err=True)
    if budget is not None and (planned.high is None or planned.high > budget):
        click.echo(
            f"The budget of {budget:g} PTC may end before the jobs do; a larger one goes on.",
            err=True,
        )


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here whether to send; give --yes")
    click.confirm("Send them?", abort=True, err=True)


def _line(progress: Progress) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in progress.counts.items() if count)
    money = f"{progress.cost:g} PTC known" if progress.cost or progress.reserved else ""
    held = f"at most {progress.reserved:g} PTC more" if progress.reserved else ""
    resting = f"resting: {', '.join(progress.pauses)}" if progress.pauses else ""
    facts = filter(None, (counts or "no jobs", money, held, resting))
    return f"{progress.ended} of {progress.total} ended: {'; '.join(facts)}"


def _tell_end(ended: Progress, out: str) -> None:
    click.echo(_line(ended), err=True)
    if ended.why:
        click.echo(f"Ended early: {ended.why}. The same command goes on.", err=True)
    click.echo(out)
    is_whole = ended.counts["saved"] == ended.total
    code = INTERRUPTED if "interrupted" in ended.why else DONE if is_whole else LEFT
    click.get_current_context().exit(code)


class _bar:
    """Shows progress: a bar on a terminal, where rich is installed, or else a line now and then."""

    def __init__(self) -> None:
        self._rich: Any = None
        self._task: Any = None
        self._last = time.monotonic()

    def __enter__(self) -> Callable[[Progress], None]:
        if sys.stderr.isatty():
            try:
                from rich.console import Console
                from rich.progress import (
                    BarColumn,
                    MofNCompleteColumn,
                    TextColumn,
                    TimeRemainingColumn,
                )
                from rich.progress import Progress as Bar

                text = TextColumn("{task.description}", markup=False)
                columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), text)
                self._rich = Bar(*columns, console=Console(stderr=True))
                self._rich.start()
                self._task = self._rich.add_task("")
            except ImportError:
                self._rich = None
        return self._show

    def _show(self, progress: Progress) -> None:
        if self._rich is not None:
            said = _line(progress).partition(": ")[2]
            self._rich.update(
                self._task, total=progress.total, completed=progress.ended, description=said
            )
        elif time.monotonic() - self._last >= LINE_EVERY:
            self._last = time.monotonic()
            click.echo(_line(progress), err=True)

    def __exit__(self, *_: object) -> None:
        if self._rich is not None:
            self._rich.stop()


def main(arguments: list[str] | None = None) -> int:
    """Run the command by itself: `python -m api302.batch run …`."""
    from api302._errors import Api302Error

    try:
        return batch.main(arguments, "api302 batch", standalone_mode=False) or DONE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except Api302Error as error:
        click.echo(harmless(f"Error: {error}"), err=True)
        return 2
