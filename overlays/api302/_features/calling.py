"""Any call by its name, with arguments as JSON: which method makes it, and with what."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from weakref import WeakKeyDictionary

from api302._calls.files import named_file
from api302._errors import InvalidArgument
from api302._json import is_array, is_mapping
from api302._types import Operation

from .naming import did_you_mean, operation_id, recorded, session_endpoint, session_place

if TYPE_CHECKING:
    from api302_client.behaviour import Switch

_OPTIONS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "accept"})
"""The arguments of every method that are ours."""
_PLACES = ("path", "body", "query", "headers")
"""Of two fields of one name, the one in the earlier place has it."""
_SHOWN = 12


def prepared(
    client: Any,
    call: str,
    arguments: Mapping[str, Any] | None,
    how: Literal["call", "submit"],
    **options: Any,
) -> Callable[[], Any]:
    """The method of a client that makes a call, its arguments filled in.

    Args:
        client: A Client or an AsyncClient.
        call: An operation id, or the name of a call.
        arguments: By name on the wire, or by the names that the method has for them.
        how: `submit` is refused for what is no task.
        options: Of the method: `timeout` and the like; None is left out.

    Raises:
        InvalidArgument: naming the call or the argument, and names that are near.
    """
    given = _mapping(arguments)
    if isinstance(call, str) and (place := session_place(call)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return _session(client, place, given, how, options)
    operation = Operation.by_id(operation_id(call))
    owner, function = _method(client, operation, given, how)
    warning = getattr(function, "__deprecated__", None)
    if warning is not None:
        warnings.warn(warning, DeprecationWarning, stacklevel=3)
        function = getattr(function, "__wrapped__", function)
    taken = _known.get(function)
    if taken is None:
        taken = _known[function] = _Taken.of(operation, function)
    named = taken.named(operation.id, given)
    chosen = {name: value for name, value in options.items() if value is not None}
    if more := named.pop("extra_body", None):
        chosen["extra_body"] = {**more, **chosen.get("extra_body", {})}
    _check_options(operation, function, chosen)
    return partial(function, owner, **named, **chosen)


async def made(ready: Callable[[], Any]) -> Any:
    """Make a prepared call of an AsyncClient: a stream or an iterator is there at once."""
    result: Any = ready()
    return await result if hasattr(result, "__await__") else result


def _mapping(arguments: Any) -> dict[str, Any]:
    if arguments is None:
        return {}
    if not is_mapping(arguments):
        raise InvalidArgument(
            f"arguments: must be a mapping of names to values, not {type(arguments).__name__}"
        )
    names: list[Any] = list(arguments)
    for name in names:
        if not isinstance(name, str):
            raise InvalidArgument(f"arguments: {name!r:.80} is not the name of an argument")
    return {name: value for name, value in arguments.items() if value is not None}


# --- a session ------------------------------------------------------------------------------------


def _session(
    client: Any, place: str, given: dict[str, Any], how: str, options: Mapping[str, Any]
) -> Callable[[], Any]:
    """The method that returns a realtime session, which is not connected yet."""
    if how == "submit":
        raise InvalidArgument(f"call: {place} is a session and starts no task; use client.call")
    function: Any = client
    for name in place.split("."):
        function = getattr(function, name)
    chosen = {name: value for name, value in options.items() if value is not None}
    if refused := chosen.keys() & {"accept", "extra_body"}:
        raise InvalidArgument(f"{min(refused)}: a realtime session has none; leave it out")
    # A field of the handshake is a header or a parameter: `OpenAI-Beta` is `openai_beta`.
    plain = {name.lower().replace("-", "_"): value for name, value in given.items()}
    named = _Taken.of_session(function).named(session_endpoint(place).ID, plain)
    return partial(function, **named, **chosen)


# --- the method -----------------------------------------------------------------------------------


def _method(
    client: Any, operation: Operation, given: dict[str, Any], how: str
) -> tuple[Any, Callable[..., Any]]:
    """The namespace and the function of the form that is meant.

    A field that chooses the form, such as `stream`, is taken out of what is given.
    """
    from api302_resources._calls import CALLS

    *groups, name = CALLS[operation.id].split(".")
    owner = client
    for group in groups:
        owner = getattr(owner, group)
    kind = cast("Any", type(owner))
    prefix = _form(operation, given, how)
    twin = prefix if name == "create" else f"{prefix}_{name}"
    return owner, (getattr(kind, twin, None) if prefix else None) or getattr(kind, name)


def _form(operation: Operation, given: dict[str, Any], how: str) -> str:
    """The form that is meant, as the name of its method begins; empty for the plain one."""
    task, stream = operation.behaviour.task, operation.behaviour.stream
    is_stream = _switched(stream and stream.when, given)
    is_task = _switched(task and task.when, given) or how == "submit"
    if how == "submit" and task is None:
        raise InvalidArgument(f"call: {operation.id} starts no task; use client.call")
    return "submit" if is_task else "stream" if is_stream else ""


def _switches(operation: Operation) -> set[str]:
    """The fields that choose a form: as arguments of a method they are ours, and not sent."""
    task, stream = operation.behaviour.task, operation.behaviour.stream
    switches = (task and task.when, stream and stream.when)
    return {switch.name for switch in switches if switch}


def _switched(switch: Switch | None, given: dict[str, Any]) -> bool:
    """Whether what is given asks for a form; the field that does is no argument of its method."""
    if not switch or switch.name not in given:
        return False
    return given.pop(switch.name) == switch.value


# --- its arguments --------------------------------------------------------------------------------


class _Mark(NamedTuple):
    """Stands for the value of an argument, to see where it is sent."""

    argument: str


class _Taken(NamedTuple):
    """What a method takes."""

    fields: dict[str, str]
    """The argument by name on the wire."""
    arguments: tuple[str, ...]
    required: frozenset[str]
    files: dict[str, tuple[str, ...]]
    """By argument, the forms in which it takes a file."""

    @classmethod
    def of(cls, operation: Operation, function: Any) -> _Taken:
        """What a function takes, and as which fields it is sent."""
        function = inspect.unwrap(function)
        code = function.__code__
        start = code.co_argcount
        arguments = code.co_varnames[start : start + code.co_kwonlyargcount]
        required = frozenset(arguments) - frozenset(function.__kwdefaults__ or ())
        ours = _OPTIONS | _switches(operation)
        own = tuple(name for name in arguments if name not in ours)
        given = _marked_call(function, own, required)
        fields: dict[str, str] = {}
        files: dict[str, tuple[str, ...]] = {}
        for place, wire, argument in _marked(given):
            fields.setdefault(wire, argument)
            if place == "body" and wire in operation.files:
                files[argument] = operation.files[wire]
        if isinstance(given.get("file"), _Mark):
            files["file"] = ("part",)
        return cls(fields, own, required, files)

    @classmethod
    def of_session(cls, function: Any) -> _Taken:
        """What a function takes that returns a realtime session."""
        taken = inspect.signature(function).parameters
        own = tuple(name for name in taken if name not in _OPTIONS)
        needed = (name for name in own if taken[name].default is inspect.Parameter.empty)
        return cls({}, own, frozenset(needed), {})

    def named(self, operation_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, by argument. Raises InvalidArgument."""
        found: dict[str, Any] = {}
        more: dict[str, Any] = {}
        for name, value in given.items():
            argument = self._argument(name)
            if argument is None and "extra_body" in self.required:
                more[name] = value
            elif argument is None:
                raise self._unknown(operation_id, name)
            elif argument in found:
                raise InvalidArgument(f"{name}: is given twice, as a field and as an argument")
            else:
                found[argument] = self._value(argument, value)
        if missing := sorted(self.required - found.keys() - _OPTIONS):
            raise InvalidArgument(f"{', '.join(missing)}: is required by {operation_id}")
        if "extra_body" in self.required:
            found["extra_body"] = more
        return found

    def _argument(self, name: str) -> str | None:
        """The argument of a field, or one of that name."""
        return self.fields.get(name) or (name if name in self.arguments else None)

    def _value(self, argument: str, value: Any) -> Any:
        forms = self.files.get(argument)
        if forms is None:
            return value
        if is_array(value):
            return [named_file(argument, one, forms) for one in value]
        return named_file(argument, value, forms)

    def _unknown(self, operation_id: str, name: str) -> InvalidArgument:
        hint = did_you_mean(name, dict.fromkeys([*self.fields, *self.arguments]))
        takes = hint or f"; it takes {self._listed()}"
        return InvalidArgument(f"{name}: is not an argument of {operation_id}{takes}")

    def _listed(self) -> str:
        names = list(self._shown())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN]) or 'none'}{more}"

    def _shown(self) -> Iterator[str]:
        yield from (name for name in self.arguments if name in self.required)
        yield from (name for name in self.arguments if name not in self.required)


def _marked_call(
    function: Any, arguments: tuple[str, ...], required: frozenset[str]
) -> Mapping[str, Any]:
    """What a method sends, by place, when each of its arguments is a mark."""
    marks: dict[str, Any] = {name: _Mark(name) for name in arguments}
    if "extra_body" in required:
        marks["extra_body"] = {}
    return recorded(function, marks).given


def _marked(given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Where arguments are sent: place, name on the wire, argument."""
    for place in _PLACES:
        values: Mapping[str, Any] = given.get(place) or {}
        for wire, value in values.items():
            if isinstance(value, _Mark):
                yield place, wire, value.argument


_known: WeakKeyDictionary[Any, _Taken] = WeakKeyDictionary()
"""What each method takes, found out once: batches make thousands of calls."""


def _check_options(operation: Operation, function: Any, options: Mapping[str, Any]) -> None:
    taken: Mapping[str, Any] = inspect.unwrap(function).__kwdefaults__ or {}
    if "accept" in options and "accept" not in taken:
        raise InvalidArgument(f"accept: {operation.id} has one media type only; leave it out")
