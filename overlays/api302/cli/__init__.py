"""The command `api302`: every call of the API from a shell, and short ways for what people do most.

click makes the commands; each group is made when it is opened, so that nothing is imported that a
command does not use. rich and PyYAML, the extra `cli`, are used where they are installed.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice, pairwise
from typing import Any

import click

from api302._terminal import escaping

from .errors import INTERRUPTED, PIPE, report
from .groups import NAMES, Root

COMPLETE = "_API302_COMPLETE"
"""The environment variable by which a shell asks for completions."""
_ANYWHERE = ("--errors", "--base-url")
_EPILOG = """
\b
  api302 chat "Say hello in three languages."
  api302 videos kling text-to-video --prompt "a red panda" --save panda.mp4
  api302 find remove the background of an image

The API key is read from AI302_API_KEY (or AI302_KEY, 302AI_API_KEY), the host from AI302_BASE_URL.
"""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from api302 import __version__

        click.echo(f"api302 {__version__}")
        ctx.exit()


def _nothing(**_: Any) -> None:
    """The root reads its options where they are needed."""


root: Root = Root(
    "api302",
    help="The 302.AI API from a shell: every call, and short ways for what people do most.",
    epilog=_EPILOG,
    context_settings=NAMES,
    params=[
        click.Option(
            ["--base-url"], metavar="URL", help="The host, such as that of `api302 mock`."
        ),
        click.Option(
            ["--errors"],
            type=click.Choice(["text", "json"]),
            default="text",
            help="How errors are written to the standard error.",
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Print the version.",
        ),
    ],
    callback=_nothing,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code (see `errors`)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    if instruction := os.environ.get(COMPLETE):
        return _complete(instruction)
    if given[:1] in (["mock"], ["mcp"]):  # a server ends as it likes
        return _main(given)
    with _ended_by_signals():
        return _main(given)


class _Ended(KeyboardInterrupt):
    """The program is to end: what is half done is taken back as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """Within `with`, SIGTERM and SIGHUP end a command as Ctrl-C does, which leaves no half file."""

    def end(number: int, _: object) -> None:
        raise _Ended(number)

    before: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is not signal.SIG_DFL:
            continue  # `nohup` ignores it
        with suppress(ValueError):  # another thread than the main one
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _main(given: list[str]) -> int:
    try:
        code = _run(_roots_first(given))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _pipe_is_gone()
    except (KeyboardInterrupt, click.Abort) as error:
        for note in getattr(error, "__notes__", ()):
            print(f"\n{note}", file=sys.stderr)
        return error.code if isinstance(error, _Ended) else INTERRUPTED
    except (click.ClickException, OSError, ValueError) as error:
        return _pipe_is_gone() if _is_of_pipe(error) else report(error, _wants_json(given))
    except Exception as error:
        if type(error).__module__ != "api302._errors":
            raise
        return report(error, _wants_json(given))


def _open_streams() -> None:
    """One that is closed (`>&-`) is empty, or goes nowhere; the others take any text."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
    escaping(sys.stdout)
    escaping(sys.stderr)


def _run(given: list[str]) -> int:
    try:
        with root.make_context("api302", given) as ctx:
            root.invoke(ctx)
    except click.exceptions.Exit as error:
        return error.exit_code
    return 0


def _roots_first(given: Sequence[str]) -> list[str]:
    """The options of the root in front, where click wants them: they are taken anywhere.

    No call has arguments of these names. What stands behind `mock` and `mcp` is theirs.
    """
    if given[:1] in (["mock"], ["mcp"]):
        return list(given)
    front: list[str] = []
    rest = iter(given)
    back: list[str] = []
    for one in rest:
        if one in _ANYWHERE:
            front += [one, *islice(rest, 1)]
        elif one.partition("=")[0] in _ANYWHERE:
            front.append(one)
        else:
            back.append(one)
    return front + back


def _complete(instruction: str) -> int:
    from click.shell_completion import shell_complete

    return shell_complete(root, {}, "api302", COMPLETE, instruction)


def _is_of_pipe(error: Exception) -> bool:
    """Whether Windows says that nobody reads the standard output any more: in these words."""
    is_system = isinstance(error, OSError)
    is_nameless = is_system and error.errno == errno.EINVAL and not error.filename
    return os.name == "nt" and is_nameless


def _pipe_is_gone() -> int:
    """Whoever read the output has gone: nothing more is written, not even by Python's own end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE


def _wants_json(given: list[str]) -> bool:
    return "--errors=json" in given or ("--errors", "json") in pairwise(given)
