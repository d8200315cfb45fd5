"""`api302 task`: the tasks that were started here, in another process or another day."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from . import arguments, handles
from .connect import client
from .groups import Group
from .options import OUTPUT, QUERY, SAVE, TIMEOUT, Chosen, option
from .output import emit, note, show

if TYPE_CHECKING:
    from api302 import Task


@click.group(cls=Group)
def task() -> None:
    """Tasks that were started: list, status, wait, cancel.

    HANDLE is what --detach printed or its beginning, the service's id of the task, or @file (@-
    for the standard input) with what task.to_dict() gave; without one, the newest task is meant.
    """


def _options(*names: Any) -> Callable[[Any], Any]:
    def added(function: Any) -> Any:
        function.__click_params__ = [*(option(one) for one in names)]
        return function

    return added


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [one.handle for one in handles.everything() if one.handle.startswith(incomplete)]


_HANDLE = click.argument("handle", required=False, shell_complete=_complete)


def _kept(name: str | None) -> handles.Kept:
    """The task that is meant."""
    if name is None or not name.startswith(("@", "{")):
        return handles.find(name)
    text = name if name.startswith("{") else arguments.content(name[1:], "HANDLE")
    try:
        data: dict[str, Any] = json.loads(text)
        return handles.keep(data.get("task", data), None)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise click.UsageError(
            f"HANDLE: {name.removeprefix('@')[:60]!r} is not what task.to_dict() gave"
        ) from None


def _task(kept: handles.Kept) -> Task[Any]:
    return client(host=kept.base_url or None).resume(kept.task)


@task.command("list")
@_options(OUTPUT, QUERY)
def list_(**given: Any) -> None:
    """The tasks that are kept, the newest first.

    A finished one is kept for 30 days. Its state is the last one that was seen here.
    """
    chosen = Chosen.of(given)
    listed = [
        {
            "handle": one.handle,
            "state": one.state,
            "started": one.started,
            "call": one.call,
            "id": one.id,
        }
        for one in handles.everything()
    ]
    if chosen.output or chosen.query:
        emit(listed, chosen.output, chosen.query)
    elif listed:
        show(list(listed[0]), [list(row.values()) for row in listed])
    else:
        note("No task is kept.")


@task.command()
@_HANDLE
@_options(OUTPUT, QUERY)
def status(handle: str | None, **given: Any) -> None:
    """Get a task's status, once."""
    chosen = Chosen.of(given)
    kept = _kept(handle)
    seen = _task(kept).status()
    if seen.state != kept.state:
        handles.write(kept._replace(state=seen.state, outputs=seen.outputs))
    if chosen.output or chosen.query:
        emit({"handle": kept.handle, "id": kept.id, **seen._asdict()}, chosen.output, chosen.query)
        return
    more = [*seen.outputs, *([seen.message] if seen.message else [])]
    emit([f"{kept.handle} {seen}", *more], "text")


@task.command()
@_HANDLE
def wait(handle: str | None, **given: Any) -> None:
    """Wait for a task, and print or save what it made."""
    from .results import check_target, follow

    chosen = Chosen.of(given)
    check_target(chosen.save)
    kept = _kept(handle)
    follow(_task(kept), kept, chosen)


wait.params += [option(one) for one in (SAVE, OUTPUT, QUERY, TIMEOUT)]


@task.command()
@_HANDLE
@_options(OUTPUT, QUERY)
def cancel(handle: str | None, **given: Any) -> None:
    """Cancel a task, where the service has a call for that."""
    chosen = Chosen.of(given)
    kept = _kept(handle)
    response = _task(kept).cancel()
    handles.write(kept._replace(state="canceled"))
    emit(response, chosen.output, chosen.query)
