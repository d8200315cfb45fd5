"""Progress bars: rich's where it is installed, else a line in a terminal or a bar in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from html import escape
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from api302._terminal import harmless
from api302._types import TaskStatus

Hook = Callable[[Any], Any]


class Progress(NamedTuple):
    """How far several tasks are.

    Attributes:
        task: The task whose status is new.
        status: Its status; None where it cannot be had.
        ended: How many tasks have ended, failed ones too.
        total: How many there are.
        share: From 0 to 1; of tasks that run, as far as the service reports their progress.
    """

    task: Any
    status: TaskStatus[Any] | None
    ended: int
    total: int
    share: float

    def __str__(self) -> str:
        return f"{self.ended} of {self.total} tasks, {self.share:.0%}"


class Bar(Protocol):
    """A progress bar that is shown."""

    def update(self, share: float | None, text: str) -> None:
        """Show a share from 0 to 1, None where it is not known, and what it is of."""

    def close(self) -> None:
        """Leave it as it is."""


@contextmanager
def shown_progress(is_wanted: bool, on_progress: Hook | None) -> Generator[Hook | None]:
    """The hook for one task or several, with a bar around it where one is wanted."""
    if not is_wanted:
        yield on_progress
        return
    shown = bar()

    def hook(news: Any) -> Any:
        if isinstance(news, Progress):
            shown.update(news.share, f"{news.ended} of {news.total} tasks")
        else:
            is_over = news.state != "pending"
            state = harmless(str(news.raw_state or news.state))
            shown.update(1.0 if is_over else news.progress, state)
        return on_progress(news) if on_progress is not None else None

    try:
        yield hook
    finally:
        shown.close()


def bar() -> Bar:
    """The best bar for where the program runs."""
    notebook = _notebook()
    if notebook is not None:
        return _Rich() if find_spec("rich") and find_spec("ipywidgets") else _Html(notebook)
    if not sys.stderr.isatty():
        return _Nothing()
    return _Rich() if find_spec("rich") else _Line()


def _notebook() -> Any:
    """IPython's function that displays, in a notebook; else None."""
    ipython: Any = sys.modules.get("IPython")
    shell: Any = getattr(ipython, "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from importlib import import_module

    return import_module("IPython.display").display


class _Rich:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        text = TextColumn("{task.description}", markup=False)
        columns = text, BarColumn(), TaskProgressColumn(), Elapsed()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task("waiting", total=None)
        self._progress.start()

    def update(self, share: float | None, text: str) -> None:
        total = None if share is None else 1.0
        completed = 0.0 if share is None else share
        self._progress.update(self._task, total=total, completed=completed, description=text)

    def close(self) -> None:
        self._progress.stop()


class _Html:
    """A bar of the browser, in a notebook."""

    def __init__(self, display: Any) -> None:
        self._start = time.monotonic()
        self._handle = display(self._bundle(None, "waiting"), raw=True, display_id=True)

    def update(self, share: float | None, text: str) -> None:
        self._handle.update(self._bundle(share, text), raw=True)

    def _bundle(self, share: float | None, text: str) -> dict[str, str]:
        seconds = f"{time.monotonic() - self._start:.0f} s"
        value = "" if share is None else f' value="{share:.3f}"'
        plain = f"{text}, {seconds}" if share is None else f"{text}, {share:.0%}, {seconds}"
        return {
            "text/plain": plain,
            "text/html": f"<progress{value}></progress> {escape(plain)}",
        }

    def close(self) -> None:
        pass


class _Line:
    """A line of the terminal that is written anew."""

    def __init__(self) -> None:
        self._width = 0

    def update(self, share: float | None, text: str) -> None:
        line = text if share is None else f"{text} {share:.0%}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def close(self) -> None:
        sys.stderr.write("\n")
        sys.stderr.flush()


class _Nothing:
    """The program's errors go to a file or a pipe: a bar would be a heap of lines there."""

    def update(self, share: float | None, text: str) -> None:
        pass

    def close(self) -> None:
        pass
