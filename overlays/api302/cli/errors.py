"""How a command ends: the exit code by the kind of error, and what is written of it.

0  done                                   7  the service failed (5xx)
1  another error                          8  no connection, or no response in time
2  the command or an argument is wrong    9  the task failed
3  the API key is missing or refused     10  the task is not done in time; it goes on
4  money: balance, quota, budget         11  the response cannot be used, or a stream broke off
5  not found                             12  the service refused the request
6  too many requests, no free channel   130  interrupted (129 and 143: hung up,
                                            terminated); 141 whoever reads the output has gone
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from api302._terminal import harmless, json_for

DONE, OTHER, USAGE, KEY, MONEY, NOT_FOUND, BUSY, SERVER, NETWORK = range(9)
TASK_FAILED, TASK_TIMEOUT, BROKEN, REFUSED = range(9, 13)
INTERRUPTED, PIPE = 130, 141

_CODES = {
    "InvalidArgument": USAGE,
    "AuthenticationError": KEY,
    "PermissionDeniedError": KEY,
    "QuotaError": MONEY,
    "BudgetError": MONEY,
    "NotFoundError": NOT_FOUND,
    "RateLimitError": BUSY,
    "NoChannelError": BUSY,
    "ServerError": SERVER,
    "ConnectionError": NETWORK,
    "TaskFailed": TASK_FAILED,
    "TaskTimeout": TASK_TIMEOUT,
    "DecodeError": BROKEN,
    "StreamError": BROKEN,
    "OutputError": BROKEN,
    "ApiError": REFUSED,
}
"""By the class of the error; that of its nearest base counts."""


class NoKey(click.UsageError):
    """No API key is set."""

    exit_code = KEY

    def __init__(self) -> None:
        super().__init__(
            "the API key is missing: export AI302_API_KEY=sk-… (https://302.ai, API Keys)"
        )


def exit_code(error: BaseException) -> int:
    """The exit code for an error."""
    if isinstance(error, click.ClickException):
        return error.exit_code
    names = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "api302._errors")
    return next((_CODES[name] for name in names if name in _CODES), OTHER)


def report(error: BaseException, as_json: bool) -> int:
    """Write an error to the standard error, and return the exit code."""
    code = exit_code(error)
    if as_json:
        print(json_for(sys.stderr, {"error": _facts(error, code)}), file=sys.stderr)
        return code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        print(error.ctx.get_usage(), file=sys.stderr)
        print(f"Try '{error.ctx.command_path} --help' for help.\n", file=sys.stderr)
    print(f"{styled('Error:')} {harmless(message(error))}", file=sys.stderr)
    for note in getattr(error, "__notes__", ()):
        print(harmless(note), file=sys.stderr)
    return code


def message(error: BaseException) -> str:
    """What an error says."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _facts(error: BaseException, code: int) -> dict[str, Any]:
    """What is known of an error."""
    names = ("status_code", "code", "request_id", "call", "retry_after", "body", "task_dict")
    known = {name: getattr(error, name, None) for name in names}
    return {
        "kind": type(error).__name__,
        "exit_code": code,
        "message": getattr(error, "message", "") or message(error),
        **{name: value for name, value in known.items() if _is_plain(value)},
    }


def _is_plain(value: Any) -> bool:
    return value not in (None, "") and isinstance(value, (str, int, float, list, dict))


def styled(text: str) -> str:
    """A text in red, where the standard error is a terminal that has colors."""
    return f"\033[1;31m{text}\033[0m" if has_colors(sys.stderr) else text


def has_colors(stream: Any) -> bool:
    """Whether colors are wanted: a terminal, and neither NO_COLOR nor a dumb one."""
    is_wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return is_wanted and stream.isatty()
