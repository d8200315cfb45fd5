"""Streams: of typed events, and of bytes. Each is an iterator and a context manager, opens at first use, and lets go of its connection."""

from __future__ import annotations

import json
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from api302_client.behaviour import compiled

from .. import _log
from .._calls.exchange import exchange
from .._calls.failure import explain
from .._calls.response import decode_error, parse_response, raw
from .._calls.session import Session
from .._errors import Api302Error, ConnectionError, InvalidArgument, StreamError
from .._http.response import Response
from .._http.sse import Decoder
from .._http.sync import run
from .._json import is_object
from .._types import Call
from .accumulate import accumulate
from .text import Texts, whole_text

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from api302_client.behaviour import Test

T = TypeVar("T")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVarWithDefault

    R = _TypeVarWithDefault("R", default=Any)
else:
    R = TypeVar("R")
_scan = cast("Callable[[str, int], tuple[Any, int]]", getattr(json.JSONDecoder(), "scan_once"))  # noqa: B009 - typeshed does not know it


def _test(test: Test) -> Callable[[Any], bool]:
    """`test.holds`, for every event of a stream: the values as they stand, and no more."""
    if test.values is None:
        return test.holds
    find, values = compiled(test.field), test.values
    return lambda value: find(value) in values


class Reader:
    """The sans-IO half of a stream: bytes in, events as JSON out. Knows the end from a cut, and adds up the reply."""

    def __init__(self, session: Session, call: Call) -> None:
        from api302_client._structure import loader
        from api302_client.behaviour import Stream as StreamRule

        assert call.op is not None
        self._session, self._call, self._op = session, call, call.op
        rule = call.op.behaviour.stream or StreamRule(sentinel="[DONE]")
        self._kind = rule.accumulate
        self._responses = (
            {"200": {"application/json": rule.response}} if rule.response else call.op.responses
        )
        self._sentinel = rule.sentinel
        self._last = _test(rule.last) if rule.last and not rule.sentinel else None
        # Looked for only in events that have such a word: a path that needs jmespath takes longer than the rest of an event.
        self._error = compiled(rule.error) if rule.error not in (None, "error") else None
        self._texts = Texts(rule.accumulate, rule.text)
        expression = call.op.stream_type or "Any"
        self.load: Callable[[Any], Any] = loader(expression)
        self._takes_text = bool(re.search(r"\b(str|Any)\b", expression))
        self._decoder = Decoder()
        self._tape: list[bytes] | None = [] if session.observers else None
        self._closing = False
        self.response: Response | None = None
        self._kept: list[
            str
        ] = []  # as text, which takes less memory than its objects, and no time of the garbage collector
        self.done = False
        """What ends the stream has come."""
        self._over = False
        """The sentinel has come: whatever follows is no event."""
        self.closed = False
        """The caller has closed it."""
        self.whole: Any = None
        """The reply, where the service answered with a whole one instead of a stream."""

    def opened(self, response: Response) -> Iterable[Any]:
        """Take the response. If it was read already, because it says that it is JSON: any events in it."""
        self.response = response
        if self.closed:
            raise self.cut()
        if not response.is_stream_consumed:
            return ()
        if not response.content.lstrip().startswith((b"{", b"[")):
            return self.feed(response.content)
        self.whole = parse_response(self._session, self._call, response)
        self.done = True
        _log.logger.warning(
            "%s: answered with one whole reply instead of a stream; stream.final() has it",
            self._call.what,
        )
        return ()

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """The events that a piece completes. Raises StreamError for an event that reports an error."""
        if self._tape is not None:
            self._tape.append(chunk)
        return self._take(self._decoder.blocks(chunk))

    def close(self) -> Iterator[Any]:
        """The bytes have ended: the event that they leave, if any. Raises StreamError if the stream was cut short."""
        self._closing = True
        yield from self._take([self._decoder.close()])
        if not self.done:
            raise self.cut()

    def _take(self, blocks: list[str]) -> Iterator[Any]:
        last, error, keep = self._last, self._error, self._kept.append
        for block in blocks:
            try:
                value, end = _scan(block, 6)
                values = (value,) if end == len(block) and block.startswith("data: {") else None
            except (ValueError, StopIteration, RecursionError):
                values = None
            for value in values or self._slowly(block):
                if value.__class__ is dict:
                    if (
                        value.get("error")
                        or value.get("type") == "error"
                        or (error is not None and "err" in block and error(value))
                    ):
                        raise self._reported(value)
                    if last is not None and last(value):
                        self.done = True
                keep(block[6:] if values else json.dumps(value))
                yield value
            if self._over:
                return

    def _slowly(self, block: str) -> Iterator[Any]:
        """The values of a block that is not one line `data: <JSON>`."""
        for event in self._decoder.events(block):
            text = event.data.strip()
            if self._over or text in (self._sentinel, "[DONE]"):
                self.done = self._over = True
                return
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                if not text or event.stray or self._closing:
                    continue
                if not self._takes_text:
                    raise self.error(
                        f"an event is no JSON ({error}): {text[:200]!r}", body=text
                    ) from error
                value = text
            if event.event == "error" and is_object(value):
                raise self._reported(value)
            yield value

    @property
    def values(self) -> list[Any]:
        """The events so far, as JSON."""
        return [json.loads(text) for text in self._kept]

    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.done

    def ended(self) -> None:
        """The connection is let go."""
        if self._tape is not None and self.response is not None and self._tape:
            response = self.response
            content = b"".join(self._tape)
            self._session.observe(self._call, response.status_code, response.headers, content)

    def cut(self) -> StreamError:
        """The error of a stream that ended before its end."""
        if self.closed:
            return self.error("the stream was closed while it was read")
        end = repr(self._sentinel) if self._sentinel else "the event that ends it"
        return self.error(f"the stream was cut short: it ended without {end}")

    def _reported(self, value: dict[str, Any]) -> StreamError:
        found = (self._error and self._error(value)) or value.get("error")
        code, message = explain(found if is_object(found) else value)
        text = str(
            message
            or (found if isinstance(found, str) else json.dumps(value, ensure_ascii=False)[:500])
        )
        return self.error(f"the service reported an error: {text}", code=code, body=value)

    def error(self, message: str, **facts: Any) -> StreamError:
        """A StreamError that keeps what came."""
        try:
            reply = self.reply() if self._kept or self.whole is not None else None
        except Api302Error:
            reply = None
        values = self.values
        kept = {
            "events": [self.load(value) for value in values],
            "text": "".join(self._fresh().pieces(values)) + self._whole_text(),
            "reply": reply,
        }
        facts |= {"request_id": self.request_id}
        where = f"{self._call.what}, after {len(values)} events" + (
            f", request id {self.request_id}" if self.request_id else ""
        )
        return StreamError(f"{message} [{where}]", **kept, **facts)

    def texts(self, values: Iterable[Any]) -> Iterator[str]:
        """The text of each event that has any; of a reply that came whole, its text."""
        yield from self._texts.pieces(values)
        if self.whole is not None and (text := self._whole_text()):
            yield text

    def piece(self, value: Any) -> str:
        """The text that an event adds."""
        return self._texts.of(value)

    def _whole_text(self) -> str:
        return whole_text(self._kind, raw(self.whole))

    def _fresh(self) -> Texts:
        rule = self._op.behaviour.stream
        return Texts(rule.accumulate, rule.text) if rule else Texts(None, None)

    def reply(self) -> Any:
        """The whole reply, typed: as it came, or added up from the events."""
        if self.whole is not None:
            return self.whole
        if self._kind is None:
            raise InvalidArgument(
                f"final: the events of {self._op.id} do not add up to one reply; iterate over them"
            )
        from api302_client._reply import parse

        headers = {
            **(self.response.headers if self.response else {}),
            "content-type": "application/json",
        }
        return parse(
            self._responses,
            200,
            headers,
            json.dumps(accumulate(self._kind, self.values)).encode(),
        )

    def final(self) -> Any:
        """`reply()`, if the stream came to its end."""
        if not self.done:
            raise self.error("the stream was closed before its end")
        return self.reply()

    @property
    def request_id(self) -> str | None:
        return self.response.headers.get("request-id") if self.response else None


class _Facts:
    """What a stream knows of its response, once open."""

    _response: Response | None

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed; None before the stream is open."""
        return self._response.headers.get("request-id") if self._response else None

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers; empty before the stream is open."""
        return self._response.headers if self._response else {}


class Stream(_Facts, Generic[T, R]):
    """An event stream: iterate over it for typed events, or over `text` for the text alone; `final()` gives the whole reply.

    It opens in `with`, or with the first event. Leave it by `with`, or read it to its end; else `close()` it.
    Raises ApiError where the service refuses, StreamError where the stream reports an error or is cut short.
    """

    def __init__(self, session: Session, call: Call) -> None:
        self._session, self._call = session, call
        self._reader = Reader(session, call)
        self._response = None
        self._source = self._values()

    def _open(self) -> Response:
        if self._response is None:
            try:
                self._response = run(exchange(self._session, self._call))
            finally:
                self._call.release()
        return self._response

    def _values(self) -> Generator[Any, None, None]:
        from .._http.transport import lasting

        reader, response = self._reader, self._open()
        try:
            yield from reader.opened(response)
            if not response.is_stream_consumed:
                for chunk in lasting(response, reader.is_over, self._call.what):
                    yield from reader.feed(chunk)
            yield from reader.close()
        except ConnectionError as broken:
            if not reader.done:
                raise reader.cut() from broken
        finally:
            response.close()
            reader.ended()

    def __iter__(self) -> Iterator[T]:
        return map(self._reader.load, self._source)

    def __next__(self) -> T:
        return self._reader.load(next(self._source))

    @property
    def text(self) -> Iterator[str]:
        """The text of the events to come, piece by piece."""
        return self._reader.texts(self._source)

    def final(self) -> R:
        """The whole reply, typed as the plain method types it, after reading what is left of the stream."""
        for _ in self._source:
            pass
        return self._reader.final()

    def close(self) -> None:
        """Let go of the connection. What is left of the stream is lost; a thread that is just reading it gets a StreamError."""
        self._reader.closed = True
        try:
            self._source.close()
        except (
            ValueError
        ):  # another thread is inside: it lets go of the connection itself, once it wakes
            from .._http.transport import shut

            if self._response is not None:
                shut(self._response)
            return
        self._call.release()
        if self._response is not None:
            self._response.close()

    def __enter__(self) -> Stream[T, R]:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(_Facts, Generic[T, R]):
    """`Stream` for an `AsyncClient`: `async with`, `async for`, `await stream.final()`."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session, self._call = session, call
        self._reader = Reader(session, call)
        self._response = None
        self._source = self._values()

    async def _open(self) -> Response:
        if self._response is None:
            try:
                self._response = await exchange(self._session, self._call)
            finally:
                self._call.release()
        return self._response

    async def _values(self) -> AsyncGenerator[Any, None]:
        from .._http.transport import lasting_async

        reader, response = self._reader, await self._open()
        try:
            for value in reader.opened(response):
                yield value
            if not response.is_stream_consumed:
                async for chunk in lasting_async(response, reader.is_over, self._call.what):
                    for value in reader.feed(chunk):
                        yield value
            for value in reader.close():
                yield value
        except ConnectionError as broken:
            if not reader.done:
                raise reader.cut() from broken
        finally:
            await response.aclose()
            reader.ended()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        return self._reader.load(await self._source.__anext__())

    @property
    async def text(self) -> AsyncGenerator[str, None]:
        """The text of the events to come, piece by piece."""
        async for value in self._source:
            if text := self._reader.piece(value):
                yield text
        for text in self._reader.texts(()):
            yield text

    async def final(self) -> R:
        """The whole reply, typed as the plain method types it, after reading what is left of the stream."""
        async for _ in self._source:
            pass
        return self._reader.final()

    async def close(self) -> None:
        """Let go of the connection. What is left of the stream is lost; a task that is just reading it gets a StreamError."""
        self._reader.closed = True
        with suppress(RuntimeError):  # another task is inside
            await self._source.aclose()
        self._call.release()
        if self._response is not None:
            await self._response.aclose()

    aclose = close

    async def __aenter__(self) -> AsyncStream[T, R]:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _ByteCore(_Facts):
    """What the streams of bytes share, as coroutines."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session, self._call = session, call
        self._response = None

    async def _open(self) -> Response:
        if self._response is None:
            try:
                self._response = await exchange(self._session, self._call)
            finally:
                self._call.release()
            if self._response.is_stream_consumed:
                raise decode_error(
                    self._session,
                    self._call.what,
                    self._response,
                    "is JSON, not the file that was asked for",
                )
        return self._response

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        response = await self._open()
        try:
            async for chunk in self._session.io.chunks(response, self._call.what):
                yield chunk
        finally:
            await self._session.io.release(response)

    async def _save(self, path: str | PathLike[str]) -> Path:
        from .files import save

        return await save(self._session.io, await self._open(), path, self._call.what)

    async def _close(self) -> None:
        if self._response is not None:
            await self._session.io.release(self._response)


class ByteStream(_ByteCore):
    """A reply that is a file, as its bytes come: iterate over the pieces, or `save()` it. A context manager."""

    def __iter__(self) -> Iterator[bytes]:
        from .._http.sync import iterate

        return iterate(self._chunks())

    def save(self, path: str | PathLike[str] = ".") -> Path:
        """Write it to a file, or under its own name into a folder, and give the path. A half-received one leaves nothing behind."""
        return run(self._save(path))

    def close(self) -> None:
        """Let go of the connection."""
        run(self._close())

    def __enter__(self) -> ByteStream:
        run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncByteStream(_ByteCore):
    """`ByteStream` for an `AsyncClient`."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def save(self, path: str | PathLike[str] = ".") -> Path:
        """Write it to a file, or under its own name into a folder, and give the path. A half-received one leaves nothing behind."""
        return await self._save(path)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._close()

    aclose = close

    async def __aenter__(self) -> AsyncByteStream:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
