"""The files of a response, as `x-outputs` says where they are, or the response itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
