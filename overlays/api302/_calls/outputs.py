"""The files of a response, as `x-outputs` says where they are, or the response itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any

from api302._errors import InvalidArgument
from api302._json import is_array
from api302._types import Operation
from api302_client._model import Binary, ResultFile
from api302_client.behaviour import Output, OutputFile, files

from .session import Session

Make = Callable[[Session | None, OutputFile], ResultFile]
"""Makes what the caller gets for a file. A function of a module, so that it can be pickled."""


class Outputs:
    """Finds the files of one response. It is pickled without the client, which only URLs need."""

    __slots__ = ("_make", "_rules", "_session")

    def __init__(self, session: Session | None, rules: tuple[Output, ...], make: Make) -> None:
        self._session, self._rules, self._make = session, rules, make

    def __call__(self, value: Any) -> list[ResultFile]:
        if isinstance(value, Binary):
            found = (OutputFile(None, value.content, value.media_type),)
        else:
            found = files(self._rules, value)
        return [self._make(self._session, file) for file in found]

    def __reduce__(self) -> Any:
        return type(self), (None, self._rules, self._make)

    def __deepcopy__(self, memo: object) -> Outputs:
        return self


def outputs_of(session: Session, rules: tuple[Output, ...]) -> Outputs:
    """What finds the files of a response of an operation with these rules."""
    return Outputs(session, rules, session.output)


async def fetched(
    session: Session, op: Operation, body: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The body with the files of other responses, where a field takes no URL of theirs."""
    changed: dict[str, Any] = {}
    for field, forms in op.files.items() if body else ():
        value = (body or {}).get(field)
        if "url" not in forms and any(map(_is_remote, value if is_array(value) else [value])):
            changed[field] = await _content(session, field, value)
    return {**(body or {}), **changed} if changed else body


def _is_remote(value: Any) -> bool:
    return isinstance(value, ResultFile) and value.content is None


async def _content(session: Session, field: str, value: Any) -> Any:
    """A file on a server as name, content and media type; each of a list."""
    if is_array(value):
        return [await _content(session, field, one) for one in value]
    if not _is_remote(value):
        return value
    content = value.read()
    if isawaitable(content):
        if not session.connections.is_async:
            getattr(content, "close", bool)()
            raise InvalidArgument(
                f"{field}: an output of an AsyncClient is read by await; "
                "give its bytes: await output.read()"
            )
        content = await content
    from api302_client.writer import safe_name

    return safe_name({}, value.url, content), content
