"""Streams: of typed events, and of bytes.

Each is an iterator and a context manager, opens at first use, and lets go of its connection. One
that is left in
the middle is closed by the client's next call (see `_http.response`): nothing here closes a
connection in a finalizer,
and no stream is part of a reference cycle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from api302._calls.response import decode_error
from api302._calls.session import Session
from api302._errors import Api302Error, ConnectionError
from api302._http.sync import run
from api302._types import Call

from .opened import Opened
from .reader import Reader
from .turn import ThreadTurn, Turn

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_BUSY = "generator already executing"
"""What Python says where another thread is just getting an event. A lock around each event would
cost a tenth of it.
"""

T = TypeVar("T", covariant=True)
if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVarWithDefault

    R = _TypeVarWithDefault("R", default=Any, covariant=True)
else:
    R = TypeVar("R", covariant=True)


class _Values:
    """The events of a stream as JSON, for a sync client."""

    def __init__(self, opened: Opened, reader: Reader) -> None:
        self._opened, self._reader = opened, reader
        self._ready: Iterator[Any] = iter(())
        self._is_ended = False
        self._reading = threading.Lock()
        """Held by the thread that waits for more to arrive."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        was_ended = self._is_ended
        while True:
            ready = self._ready
            try:
                for value in ready:
                    return value
            except BaseException as error:  # an event that reports an error
                if str(error) == _BUSY:
                    self._opened.check_process()
                    time.sleep(0)
                    continue
                self.close()
                raise
            self._opened.check_process()
            with self._reading:
                if self._ready is ready:  # or else another thread has had more arrive
                    self._arrive(was_ended)

    def _arrive(self, was_ended: bool) -> None:
        """Wait for more to arrive. Raises StopIteration at the end."""
        if not self._is_ended:
            self._ready = iter(self._more())
        elif was_ended or self._reader.is_done:
            raise StopIteration
        else:
            raise self._reader.cut()  # another thread has closed it just now

    def _more(self) -> Iterable[Any]:
        reader, body = self._reader, self._opened.body
        if self._opened.response is None:
            return self._begin()
        chunk = self._piece(body) if body is not None else None
        if chunk is not None:
            return reader.feed(chunk)
        self.close()
        return reader.end()

    def _begin(self) -> Iterable[Any]:
        try:
            return self._reader.open(run(self._opened.open()))
        except BaseException:  # such as: it was closed meanwhile
            self.close()
            raise

    def _piece(self, body: Any) -> bytes | None:
        try:
            return body.read(self._reader.is_done)
        except BaseException as broken:
            body.close()
            self.close()
            if isinstance(broken, ConnectionError):
                raise self._reader.cut() from broken
            raise

    def open(self) -> None:
        """Open the stream, if it is not yet: once, whoever asks for it."""
        self._opened.check_process()
        with self._reading:
            if self._opened.response is None and not self._is_ended:
                self._ready = iter(self._more())

    def close(self) -> None:
        """Let go of the connection."""
        self._is_ended = True
        run(self._opened.close())


class _AsyncValues:
    """The events of a stream as JSON, for an async client."""

    def __init__(self, opened: Opened, reader: Reader) -> None:
        self._opened, self._reader = opened, reader
        self._ready: Iterator[Any] = iter(())
        self._is_ended = False
        self._turn = Turn()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        was_ended = self._is_ended
        while True:
            try:
                for value in self._ready:
                    return value
            except BaseException:  # an event that reports an error
                await self.close()
                raise
            if self._is_ended:
                if was_ended or self._reader.is_done:
                    raise StopAsyncIteration
                raise self._reader.cut()  # another task has closed it just now
            if self._turn.is_taken:
                await self._turn.over()
                continue
            async with self._turn:
                self._ready = iter(await self._more())

    async def _more(self) -> Iterable[Any]:
        reader, body = self._reader, self._opened.body
        if self._opened.response is None:
            return await self._begin()
        chunk = await self._piece(body) if body is not None else None
        if chunk is not None:
            return reader.feed(chunk)
        await self.close()
        return reader.end()

    async def _begin(self) -> Iterable[Any]:
        try:
            return self._reader.open(await self._opened.open())
        except BaseException:  # such as: it was closed meanwhile
            await self.close()
            raise

    async def _piece(self, body: Any) -> bytes | None:
        try:
            return await body.next(self._reader.is_done)
        except ConnectionError as broken:
            await self.close()
            raise self._reader.cut() from broken
        except BaseException:  # cancelled: whoever cancels need not wait for the connection
            body.response.abandon()
            raise

    async def open(self) -> None:
        """Open the stream, if it is not yet: once, whoever asks for it."""
        async with self._turn:
            if self._opened.response is None and not self._is_ended:
                self._ready = iter(await self._more())

    async def close(self) -> None:
        """Let go of the connection."""
        self._is_ended = True
        await self._opened.close()


class _Facts:
    """What a stream knows of its response, once open."""

    _opened: Opened

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed; None before the stream is open."""
        return self.headers.get("request-id")

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers; empty before the stream is open."""
        return self._opened.response.headers if self._opened.response else {}


class Stream(_Facts, Generic[T, R]):
    """An event stream. Iterate over it for typed events, or over `text` for the text alone.

    `final()` returns the whole response. It opens in `with`, or with the first event. Leave it by
    `with`, or read
    it to its end; else `close()` it.

    Raises:
        ApiError: The service refuses.
        StreamError: The stream reports an error or is cut short.
    """

    def __init__(
        self, session: Session, call: Call, read: Callable[[Any], Any] | None = None
    ) -> None:
        self._opened = Opened(session, call)
        self._reader = Reader(session, call)
        self._values = _Values(self._opened, self._reader)
        self._read = read
        """What becomes of the whole response."""

    def __iter__(self) -> Iterator[T]:
        return map(self._reader.load, self._values)

    def __next__(self) -> T:
        return self._reader.load(next(self._values))

    @property
    def text(self) -> Iterator[str]:
        """The text of the events to come, piece by piece; of several choices, that of choice 0."""
        return _texts(self._values, self._reader)

    def final(self) -> R:
        """Read what is left, and return the whole response, typed as the plain method types it."""
        for _ in self._values:
            pass
        whole = self._reader.final()
        return self._read(whole) if self._read else whole

    def opened(self) -> Self:
        """The stream itself, opened now: what is wrong with the call raises here."""
        self._values.open()
        return self

    def close(self) -> None:
        """Let go of the connection. A thread that is just reading gets a StreamError."""
        self._reader.close()
        self._values.close()

    def __enter__(self) -> Stream[T, R]:
        self._values.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _texts(values: Iterable[Any], reader: Reader) -> Iterator[str]:
    for value in values:
        if text := reader.text_of(value):
            yield text
    if text := reader.rest_of_text():
        yield text


class AsyncStream(_Facts, Generic[T, R]):
    """`Stream` for an `AsyncClient`: `async with`, `async for`, `await stream.final()`."""

    def __init__(
        self, session: Session, call: Call, read: Callable[[Any], Any] | None = None
    ) -> None:
        self._opened = Opened(session, call)
        self._reader = Reader(session, call)
        self._values = _AsyncValues(self._opened, self._reader)
        self._read = read

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        return self._reader.load(await anext(self._values))

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the events to come, piece by piece; see `Stream.text`."""
        return _AsyncTexts(self._values, self._reader)

    async def final(self) -> R:
        """Read what is left, and return the whole response, typed as the plain method types it."""
        async for _ in self._values:
            pass
        whole = self._reader.final()
        return self._read(whole) if self._read else whole

    async def opened(self) -> Self:
        """The stream itself, opened now: what is wrong with the call raises here."""
        await self._values.open()
        return self

    async def close(self) -> None:
        """Let go of the connection. A task that is just reading gets a StreamError."""
        self._reader.close()
        await self._values.close()

    aclose = close

    async def __aenter__(self) -> AsyncStream[T, R]:
        await self._values.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _AsyncTexts:
    """Not an async generator, which would want to be closed when it is left."""

    def __init__(self, values: _AsyncValues, reader: Reader) -> None:
        self._values, self._reader = values, reader
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        async for value in self._values:
            if text := self._reader.text_of(value):
                return text
        if not self._is_over:
            self._is_over = True
            if text := self._reader.rest_of_text():
                return text
        raise StopAsyncIteration


class _Bytes(_Facts):
    """What the streams of bytes share, as coroutines.

    Several may read one, and get each piece once; who saves it has it alone.
    """

    def __init__(self, session: Session, call: Call) -> None:
        self._opened = Opened(session, call)
        self._turn = Turn() if session.connections.is_async else ThreadTurn()
        self._given = 0
        """Bytes that were returned."""
        self._is_saved = False
        self._is_over = False
        """All was read, or it was closed, or broke off."""
        self._is_whole = False
        """All was read."""

    async def _open(self) -> Opened:
        self._opened.check_process()
        async with self._turn:
            return await self._here()

    async def _here(self) -> Opened:
        opened = self._opened
        response = await opened.open()
        if opened.body is None and response.is_stream_consumed and response.content:
            why = "is JSON, not the file that was asked for"
            raise decode_error(opened.session, opened.call.what, response, why)
        return opened

    async def _piece(self) -> bytes | None:
        was_over = self._is_over
        self._opened.check_process()
        async with self._turn:
            if self._is_saved:
                raise self._error(self._used())
            piece = None if self._is_over else await self._next()
            if piece is None and not (self._is_whole or was_over):
                raise self._error("was closed while it was read")
        self._given += len(piece or b"")
        return piece

    async def _next(self) -> bytes | None:
        opened = await self._here()
        try:
            piece = await opened.read()
        except BaseException:
            await self._close()
            raise
        if piece is None:
            self._is_whole = not self._is_over
            await self._close()
        return piece

    async def _save(self, path: str | PathLike[str]) -> Path:
        from .files import check_place, save

        self._opened.check_process()
        await self._opened.session.io.thread(check_place, path)  # before anything is paid for
        async with self._turn:
            if used := self._used():
                raise self._error(used)
            opened = await self._here()
            self._is_saved = True
            try:
                return await save(opened, path)
            finally:
                self._is_over = True

    def _used(self) -> str:
        """Why there is not all of it any more, or nothing."""
        if self._is_saved:
            return "was saved already; read the file"
        if self._given:
            given = f"has given {self._given} bytes already, which a file would lack"
            return f"{given}; save it before you read it, or write the pieces to a file yourself"
        return "is closed" if self._is_over else ""

    async def _close(self) -> None:
        self._is_over = True
        await self._opened.close()

    def _error(self, why: str) -> Api302Error:
        request_id = self.request_id
        return Api302Error(f"{self._opened.call.what}: the stream {why}", request_id=request_id)


class ByteStream(_Bytes):
    """A response that is a file, as its bytes arrive: iterate over the pieces, or `save()` it.

    A context manager.
    """

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = run(self._piece())
        if piece is None:
            raise StopIteration
        return piece

    def save(self, path: str | PathLike[str] = ".") -> Path:
        """Write it to a file, or under its own name into a folder, and return the path.

        A file of that path is replaced once all has arrived; half a response leaves nothing behind.

        Raises:
            InvalidArgument: There is no such folder; nothing was sent, unless the stream was open
            already.
            Api302Error: Some of it was read already. What is left can still be read.
            ConnectionError: It did not arrive whole.
        """
        return run(self._save(path))

    def close(self) -> None:
        """Let go of the connection. A thread that is just reading gets an error."""
        run(self._close())

    def __enter__(self) -> ByteStream:
        run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncByteStream(_Bytes):
    """`ByteStream` for an `AsyncClient`."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._piece()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def save(self, path: str | PathLike[str] = ".") -> Path:
        """Write it to a file, or under its own name into a folder, and return the path.

        See `ByteStream.save`.
        """
        return await self._save(path)

    async def close(self) -> None:
        """Let go of the connection. A task that is just reading gets an error."""
        await self._close()

    aclose = close

    async def __aenter__(self) -> AsyncByteStream:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
