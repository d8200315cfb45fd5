"""Which call is meant: by its operation id, by its name on a client, or by the method itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from api302._calls.session import Session
from api302._errors import InvalidArgument
from api302._types import Endpoint, Operation, Values


def meant(call: str | Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[Operation, Values]:
    """The operation of a call, and what it sends, by name on the wire.

    Args:
        call: An operation id or the name of a call, whose arguments are fields by their names on
            the wire; or a method of the client, such as `client.images.generate`.
        arguments: The arguments of the call.

    Raises:
        InvalidArgument: Nothing is called so, with the names that are near; or the method does not
            take the arguments.
    """
    if isinstance(call, str):
        return operation(call), arguments
    owner, function = getattr(call, "__self__", None), getattr(call, "__func__", None)
    if isinstance(getattr(call, "_client", None), Session):  # a namespace that is called itself
        owner, function = call, vars(type(call)).get("__call__")
    if function is None or not isinstance(getattr(owner, "_client", None), Session):
        raise InvalidArgument(
            "call: must be an operation id, such as 'openai_chat_completions', or a method of a"
            f" client, such as client.images.generate, not {call!r}"
        )
    return _of_method(function, arguments)


def operation(name: str) -> Operation:
    """The operation of an id, or of the name of a call.

    Raises InvalidArgument with the names that are near.
    """
    return Operation.by_id(operation_id(name))


def operation_id(name: str) -> str:
    """The id that a call is meant by: an id itself, `videos.kling.text_to_video`, or a shortcut.

    Raises InvalidArgument with the names that are near.
    """
    from api302_resources._calls import CALLS, SHORTCUTS

    given: Any = name
    if not isinstance(given, str):
        kind = type(given).__name__
        raise InvalidArgument(f"call: must be the id of an operation, or its name, not {kind}")
    if name in CALLS:
        return name
    if place := session_place(name):
        raise InvalidArgument(
            f"call: {name} is a conversation over a WebSocket, not a call of one request and one"
            f" response; open it with client.{place}(…), or client.call"
        )
    plain = name.removeprefix("client.")
    if plain in SHORTCUTS:
        return SHORTCUTS[plain]
    of_place = {place: one for one, place in CALLS.items()}
    if plain in of_place:
        return of_place[plain]
    hint = did_you_mean(name, [*(of_place if "." in name else CALLS), *SHORTCUTS, *_sessions(name)])
    raise InvalidArgument(f"call: there is no operation {name!r}{hint}")


def _sessions(name: str) -> Iterable[str]:
    """The names of realtime sessions as one spells it who wrote `name`."""
    from api302_resources._calls import SESSIONS

    return SESSIONS.values() if "." in name else SESSIONS


def session_place(call: Any) -> str | None:
    """The method that opens a realtime session, `audio.openai.realtime`: None for other calls.

    Args:
        call: Its id, its name on a client, or the method itself.
    """
    from api302_resources._calls import SESSIONS

    if isinstance(call, str):
        plain = call.removeprefix("client.")
        return SESSIONS.get(plain) or (plain if plain in SESSIONS.values() else None)
    owner = type(getattr(call, "__self__", None)).__module__.removeprefix("api302_resources.")
    place = f"{owner}.{getattr(call, '__name__', '')}"
    return place if place in SESSIONS.values() else None


def session_at(path: str) -> str | None:
    """The method that opens the realtime session of a path; None for any other path."""
    from api302_resources._calls import SESSIONS

    places = (one for one in SESSIONS.values() if path == session_endpoint(one).PATH)
    return next(places, None)


def session_endpoint(place: str) -> Any:
    """The generated module of a realtime session's call."""
    from importlib import import_module

    from api302_resources._calls import SESSIONS

    section, vendor, _ = place.split(".")
    name = next(one for one, method in SESSIONS.items() if method == place)
    return import_module(f"api302_client.api.{section}_{vendor}.{name}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to add to an error about a name that is unknown."""
    from api302_client.catalog import near

    close = near(name, known)
    return f"; did you mean {' or '.join(close)}?" if close else ""


class _Nothing:
    """What a recorded method returns, awaited or not."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class _Recorder:
    """Takes the place of a namespace, and notes what a method hands to it."""

    def __init__(self) -> None:
        self.endpoint: Any = None
        self.given: Mapping[str, Any] = {}
        self.options: Any = (None, None, None, None)

    def _call(self, endpoint: Endpoint, *, options: Any, **given: Any) -> _Nothing:
        self.endpoint, self.given, self.options = endpoint, given, options
        return _Nothing()

    _parse = _submit = _stream = _stream_bytes = _iterate = _upload = _call


def recorded(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """What a method of a namespace hands on: `endpoint`, `given` by place, and `options`.

    Raises TypeError if it does not take the arguments.
    """
    recorder = _Recorder()
    try:
        made = function(recorder, **arguments)
        if hasattr(made, "send"):
            made.send(None)
    except StopIteration:
        pass
    return recorder


def _of_method(
    function: Callable[..., Any], arguments: Mapping[str, Any]
) -> tuple[Operation, Values]:
    try:
        recorder = recorded(function, arguments)
    except TypeError as error:
        raise InvalidArgument(_about(error)) from None
    if recorder.endpoint is None:
        name = getattr(function, "__qualname__", repr(function))
        raise InvalidArgument(f"call: {name} makes no single call; give the operation id of one")
    op = Operation.of(recorder.endpoint)
    _, more_query, more_body, _ = recorder.options
    places = [recorder.given.get(place) for place in ("path", "headers", "query", "body")]
    merged: dict[str, Any] = {}
    for values in (*places, more_query, more_body):
        merged |= values or {}
    return op, {name: value for name, value in merged.items() if value is not None}


def _about(error: TypeError) -> str:
    """What is wrong with the arguments of a method, the argument first."""
    said = str(error)
    names = re.findall(r"'(\w+)'", said)
    return f"{', '.join(names) or 'arguments'}: {said}"
