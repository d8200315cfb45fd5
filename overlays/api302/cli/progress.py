"""How a task gets on: a bar on a terminal, lines elsewhere, on the standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from api302._terminal import harmless

from .errors import has_colors

if TYPE_CHECKING:
    from api302 import TaskStatus

    Show = Callable[["TaskStatus[Any]"], None]


@contextmanager
def progress(what: str) -> Generator[Show]:
    """Gives a function that shows each status of a task."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    with _bar(what) as show:
        yield show


def _lines(what: str) -> Show:
    def show(status: TaskStatus[Any]) -> None:
        print(harmless(f"{what}: {status}"), file=sys.stderr, flush=True)

    return show


@contextmanager
def _bar(what: str) -> Generator[Show]:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    except ImportError:
        with _plain_bar(what) as plain:
            yield plain
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True, no_color=not has_colors(sys.stderr))
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(what, total=None)

        def show(status: TaskStatus[Any]) -> None:
            about = harmless(f"{what} {status}")
            if status.progress is None:
                bars.update(bar, description=about)
            else:
                bars.update(bar, description=about, total=1.0, completed=status.progress)

        yield show


@contextmanager
def _plain_bar(what: str) -> Generator[Show]:
    """One line that is written over."""
    began, longest = time.monotonic(), 0

    def show(status: TaskStatus[Any]) -> None:
        nonlocal longest
        text = f"{what}: {harmless(str(status))} ({time.monotonic() - began:.0f} s)"
        longest = max(longest, len(text))
        print(f"\r{text.ljust(longest)}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(f"\r{' ' * longest}\r", end="", file=sys.stderr, flush=True)
