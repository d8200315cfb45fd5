"""What a test can ask of the next responses: an error, content of its own, a delay, a fault."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, TypedDict, cast, get_args

from api302_mock.kinds import named

Fault = Literal[
    "reset",
    "cut-stream",
    "end-stream",
    "error-event",
    "broken-json",
    "envelope",
    "task-failed",
    "new-word",
]

LONGEST_WAIT = 3600.0
"""Seconds."""


class ToolCall(TypedDict, total=False):
    """A call of a function that a model makes."""

    name: str
    """The function's name; required."""
    arguments: Mapping[str, Any] | str
    """Its arguments, as JSON data or as text (also broken text, as models write it)."""
    id: str
    """The call's id; by default one is made."""


class WishFields(TypedDict, total=False):
    """What :meth:`MockServer.next` takes."""

    code: int
    """This status: an error in 302.AI's envelope, or a success that the operation documents."""
    err_code: int
    """302.AI's code in that error."""
    retry_after: float
    """Seconds, in the error's `Retry-After` header."""
    example: str
    """The document's example of this name."""
    latency: float
    """Seconds to wait before anything else."""
    fault: Fault
    """A fault of the response, the wire or the task."""
    body: Any
    """This JSON data as the whole response, or a list of the events where a stream is asked
    for; `bytes` for a file.
    """
    text: str
    """This text as what the model says, in the operation's own response or stream."""
    tool_calls: list[ToolCall]
    """These calls of functions by the model, beside `text` or alone."""
    error: str | Mapping[str, Any]
    """An error response: by the name of the client's class (`QuotaError`) or of the code
    (`insufficient_quota`), or else (400 without `code`) its message, or its whole JSON body.
    """
    times: int
    """For how many requests; 1 by default."""
    operation: str
    """For requests of this operation id alone."""


@dataclass(slots=True, frozen=True)
class Wish:
    """How a response is to be. :class:`WishFields` says what each field means; None means
    nothing was asked for.
    """

    code: int | None = None
    err_code: int | None = None
    retry_after: float | None = None
    example: str | None = None
    latency: float | None = None
    fault: Fault | None = None
    body: Any = None
    text: str | None = None
    tool_calls: list[ToolCall] | None = None
    error: str | Mapping[str, Any] | None = None
    times: int | None = None
    operation: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Wish:
        """A wish from names and values. A value of None is passed over.

        Raises:
            ValueError: A name or value is not one that the mock knows.
        """
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in _CHECKS:
                raise ValueError(f"`{name:.100}` is unknown; {nearest(name, _CHECKS)}.")
            if value is not None:
                checked[name] = _checked(name, value)
        _refuse_two(checked)
        return cls(**named(checked))

    def over(self, other: Wish) -> Wish:
        """Both wishes; where both ask for something, this one."""
        asked = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(other, **{name: value for name, value in asked.items() if value is not None})

    @property
    def status(self) -> int | None:
        """The status that is asked for; an error is a 400 if nothing else is said."""
        return 400 if self.code is None and self.error is not None else self.code


def preferred(headers: Iterable[str]) -> Wish:
    """The wish in `Prefer` headers. Preferences of other people's (`return=minimal`) are passed
    over, as RFC 7240 says.

    Raises:
        ValueError: A preference of ours has a value that it cannot have.
    """
    values: dict[str, Any] = {}
    for part in ",".join(headers).replace(";", ",").split(","):
        name, _, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        if name in IN_HEADER:
            values[name] = value.strip().strip('"')
    return Wish.of(values)


IN_HEADER = ("code", "err_code", "retry_after", "example", "latency", "fault")
"""What a `Prefer` header can ask for."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the names that are like `name`, or at all of them."""
    names = sorted(known)
    near = get_close_matches(name[:100], names, 3, 0.5)
    if near:
        return f"did you mean {' or '.join(f'`{one}`' for one in near)}?".removesuffix("?")
    return f"the names are {', '.join(names)}"


# --- checks of values -----------------------------------------------------------------------------


def _checked(name: str, value: Any) -> Any:
    try:
        return _CHECKS[name](value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"`{name}`: {_shortly(value)} is not {error}.") from None


def _shortly(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def whole(low: int, high: int, meaning: str) -> Callable[[Any], int]:
    """A check for a whole number, also as text."""

    def check(value: Any) -> int:
        text = value.strip() if isinstance(value, str) else value
        digits = str(text).removeprefix("-") if isinstance(text, (int, str)) else ""
        if (
            not (digits.isascii() and digits.isdigit() and len(digits) < 20)
            or not low <= int(text) <= high
        ):
            raise ValueError(meaning)
        return int(text)

    return check


def seconds(value: Any) -> float:
    """A check for a time, also as text."""
    meaning = f"a number of seconds between 0 and {LONGEST_WAIT:g}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(meaning)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(meaning) from None
    if not math.isfinite(number) or not 0 <= number <= LONGEST_WAIT:
        raise ValueError(meaning)
    return number


def one_of(names: Iterable[str]) -> Callable[[Any], str]:
    """A check for one of some words."""
    known = list(names)

    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}; {nearest(str(value), known)}")
        return value

    return check


def flag(value: Any) -> bool:
    """A check for true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _content(value: Any) -> Any:
    if not isinstance(value, bytes):
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            raise ValueError("JSON data or bytes") from None
    return value


def _tool_calls(value: Any) -> list[ToolCall]:
    meaning = 'a list of {"name": ..., "arguments": {...}}'
    if not isinstance(value, list):
        raise ValueError(meaning)
    return [_tool_call(call, meaning) for call in cast("list[Any]", value)]


def _tool_call(value: Any, meaning: str) -> ToolCall:
    call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    # As OpenAI's form has it, which people have at hand.
    inner: Any = call.get("function", call)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(meaning)
    function = cast("dict[str, Any]", inner)
    arguments = function.get("arguments", {})
    if not isinstance(arguments, (dict, str)) or not isinstance(call.get("id", ""), str):
        raise ValueError(meaning)
    tool_call = ToolCall(
        name=function["name"], arguments=cast("Mapping[str, Any] | str", arguments)
    )
    if "id" in call:
        tool_call["id"] = call["id"]
    return tool_call


def _error(value: Any) -> Any:
    if not isinstance(value, (str, Mapping)):
        raise ValueError("a message or a JSON object")
    return _content(dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value)


def _refuse_two(asked: dict[str, Any]) -> None:
    """Refuse two wishes for one and the same content."""
    names = [name for name in ("body", "error", "example") if name in asked]
    if "text" in asked or "tool_calls" in asked:
        names.append("text" if "text" in asked else "tool_calls")
    if len(names) > 1:
        raise ValueError(f"`{names[0]}` and `{names[1]}` exclude each other.")
    if "error" in asked and asked.get("code", 400) < 400:
        raise ValueError(f"`code`: {asked['code']} is not the status of an error.")


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "code": whole(200, 599, "a status between 200 and 599"),
    "err_code": whole(-(10**9), 10**9, "a whole number"),
    "retry_after": seconds,
    "example": _string,
    "latency": seconds,
    "fault": one_of(get_args(Fault)),
    "body": _content,
    "text": _string,
    "tool_calls": _tool_calls,
    "error": _error,
    "times": whole(1, 10**9, "a whole number of at least 1"),
    "operation": _string,
}
