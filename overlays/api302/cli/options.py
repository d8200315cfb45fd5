"""The options that every call has beside its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import click

FORMATS = ("json", "yaml", "table", "text")


class Chosen(NamedTuple):
    """What they say."""

    body: str | None = None
    field: tuple[str, ...] = ()
    query: str | None = None
    output: str | None = None
    save: str | None = None
    wait: bool = True
    stream: bool = False
    all: bool = False
    dry_run: bool = False
    estimate: bool = False
    budget: float | None = None
    cost: bool = False
    yes: bool = False
    timeout: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Chosen:
        """From the parameters of a command."""
        own = {name: given[f"own_{name}"] for name in cls._fields if f"own_{name}" in given}
        return cls(**own)


class _Own(NamedTuple):
    name: str
    short: str
    help: str
    more: Mapping[str, Any] = {}


_FLAG = {"is_flag": True}
_BODY = _Own(
    "body", "b", "The arguments as JSON: @file, - for the standard input.", {"metavar": "JSON"}
)
_FIELD = _Own(
    "field",
    "F",
    "A field that is not described yet; may be given several times.",
    {"metavar": "NAME=VALUE", "multiple": True},
)


def _compiled(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a JMESPath that is none, before anything is paid."""
    if value:
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            jmespath.compile(value)
        except JMESPathError as error:
            raise click.UsageError(f"--query: {' '.join(str(error).split())}") from None
    return value


def _printable(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse a format that cannot be printed here, before anything is paid."""
    if value == "yaml":
        try:
            import yaml  # noqa: F401  # pyright: ignore[reportUnusedImport]
        except ImportError:
            raise click.UsageError("--output yaml needs: pip install 'api302[cli]'") from None
    return value


QUERY = _Own(
    "query",
    "q",
    "What to print of the result, in JMESPath: data.task_id.",
    {"metavar": "JMESPATH", "callback": _compiled},
)
OUTPUT = _Own(
    "output",
    "o",
    "How to print the result.",
    {"type": click.Choice(FORMATS), "metavar": None, "callback": _printable},
)
SAVE = _Own(
    "save",
    "s",
    "Write the files of the result to this file or folder.",
    {"type": click.Path(), "metavar": "PATH"},
)
_DRY_RUN = _Own("dry-run", "n", "Print the request as curl and as Python; send nothing.", _FLAG)
_ESTIMATE = _Own(
    "estimate",
    "e",
    "Print what the call will cost. On a terminal, ask whether to send it; else send it only with"
    " --yes.",
    _FLAG,
)


def _positive(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no amount and no time."""
    if value is not None and not (value > 0 or (value == 0 and param.name == "own_budget")):
        raise click.BadParameter(f"must be above 0, not {value:g}", param=param)
    return value


_BUDGET = _Own(
    "budget",
    "",
    "Refuse the call if it may cost more, or if nobody knows what it costs.",
    {"type": float, "callback": _positive, "metavar": "PTC"},
)
_COST = _Own("cost", "", "Print what the call cost, too, and its request id.", _FLAG)
_YES = _Own("yes", "y", "Ask nothing.", _FLAG)
TIMEOUT = _Own(
    "timeout",
    "",
    "Seconds to wait for the service; of a task, for its result (1800 unless given).",
    {"type": float, "callback": _positive, "metavar": "SECONDS"},
)
_WAIT = "Wait for the task (as without it), or print its handle, for `api302 task`."
_STREAM = _Own("stream", "", "Print the response as it comes.", _FLAG)
_ALL = _Own("all", "", "Get all pages.", _FLAG)


def own(kinds: Iterable[str], taken: Iterable[str] = ()) -> list[click.Option]:
    """The options for a call.

    An argument of a call keeps its name: then ours is `--cli-…`, and its short form as ever.

    Args:
        kinds: What the forms of the call are: call, task, stream, pages …
        taken: The options that its arguments have.
    """
    kinds, names = set(kinds), set(taken)
    listed = [_BODY, _FIELD, QUERY, OUTPUT, SAVE]
    if {"stream", "call"} <= kinds:
        listed.append(_STREAM)
    if "pages" in kinds:
        listed.append(_ALL)
    listed += [_DRY_RUN, _ESTIMATE, _BUDGET, _COST, _YES, TIMEOUT]
    made = [option(one, names) for one in listed]
    if "task" in kinds:
        made.append(_wait(names))
    return made


def option(one: _Own, taken: set[str] | None = None) -> click.Option:
    """One of them as an option of click."""
    is_taken = bool({one.name, f"no-{one.name}"} & (taken or set()))
    names = [f"-{one.short}"] if one.short else []
    names.append(f"--cli-{one.name}" if is_taken else f"--{one.name}")
    more: dict[str, Any] = {"default": None, **one.more}
    if more.get("is_flag"):
        more["default"] = False
    return click.Option([*names, f"own_{one.name.replace('-', '_')}"], help=one.help, **more)


def _wait(taken: set[str]) -> click.Option:
    prefix = "--cli-" if {"wait", "detach"} & taken else "--"
    names = f"-w/-d {prefix}wait/{prefix}detach".split()
    return click.Option([*names, "own_wait"], default=True, help=_WAIT)
