"""A response that is open, and read piece by piece."""

from __future__ import annotations

import os
from typing import Any

from api302._calls.exchange import exchange
from api302._calls.failure import broken_off
from api302._calls.session import Session
from api302._errors import Api302Error, ConnectionError
from api302._http.body import AsyncBody, Body
from api302._http.response import Response, foreign
from api302._types import Call


class Opened:
    """A call whose response is left open, as coroutines for both clients.

    Nothing that it holds leads back to it: a response that nobody reads any more goes at once, and
    the client's
    next call closes its connection.
    """

    def __init__(self, session: Session, call: Call) -> None:
        self.session, self.call = session, call
        self.response: Response | None = None
        self._process: int | None = None
        """The process that made the call."""
        self.body: Any = None
        """While it is open, a `Body` or `AsyncBody`."""

    def __del__(self) -> None:
        """What watches the response may lead back to it, which would keep it."""
        if getattr(self, "body", None) is not None and self.response is not None:
            self.response.abandon()

    @property
    def is_foreign(self) -> bool:
        """Whether the call was made by the process that this one was forked from."""
        return self._process is not None and self._process != os.getpid()

    def check_process(self) -> None:
        """Raise Api302Error in another process, where a lock may be one that the parent holds."""
        if self.is_foreign:
            raise foreign()

    async def open(self) -> Response:
        """The response, made at first use. A call that failed is not made again: it may cost."""
        if self.response is None:
            if self._process is not None:
                raise Api302Error(f"{self.call.what}: was made already, and failed; make a new one")
            self._process = os.getpid()
            try:
                self.response = await exchange(self.session, self.call)
            finally:
                self.call.release()
            if not self.response.is_stream_consumed:
                kind = AsyncBody if self.session.connections.is_async else Body
                self.body = kind(self.response, self.call.what)
        return self.response

    async def read(self, is_over: bool = False) -> bytes | None:
        """The next piece of the body, or None at the end.

        Raises ConnectionError, with what is known of the response, if it breaks off.
        """
        if self.body is None or self.response is None:
            return None
        try:
            return await self.body.next(is_over)
        except ConnectionError as error:
            redactor, what = self.session.redactor, self.call.what
            raise broken_off(redactor, what, error, self.response) from error.__cause__

    async def close(self) -> None:
        """Let go of the connection, unless it is another process's, which may be reading."""
        if self.is_foreign:
            return
        body, self.body = self.body, None
        self.call.release()
        if body is not None:
            await body.release()
