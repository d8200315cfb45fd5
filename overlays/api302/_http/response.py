"""A response of the HTTP library while it is read: the one place that reads bodies.

A body is read as it comes off the wire and decompressed here, so that whatever fails at its end,
status,
headers and the bytes that were received are still there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from api302 import _log
from api302._errors import Api302Error, ConnectionError, InvalidArgument

from . import logs
from .decoding import ABSENT, LARGE, decoders, json_in, text_of

if TYPE_CHECKING:
    from .transport import Io

_END = object()
_NOTHING = nullcontext()
_WAY = ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state")
"""From a response's stream to the HTTP/1.1 connection that it is read from, of h11."""
START = 256
"""Bytes of a body that show what it is."""


class _Inside(threading.local):
    """How deep this thread is in the HTTP library.

    What the garbage collector does meanwhile must not call it.
    """

    depth = 0


inside = _Inside()


class Response:
    """A response: what middleware gets from `next(call)`, and may make itself.

        return api302.Response(200, {"content-type": "application/json"}, b'{"id": "cached"}')

    Attributes:
        status_code: The HTTP status.
        headers: Names in lower case.
        content: The body, decompressed; nothing as long as it is open, as that of a stream is.
        request_id: The id under which the call is billed.
        url: The URL that it came from; nothing if it was made by hand.
    """

    verdict: tuple[Api302Error | None, bool] | None = None
    """The error that it is, if any, and whether the call then surely was not accepted; None: not
    known yet.
    """
    problem: ConnectionError | None = None
    """Why the body was not read to its end, or not decompressed: an error of ours."""
    num_bytes_downloaded = 0
    """Bytes of the body as they came off the wire."""
    compression_problem = ""
    """What was wrong with the compression, or nothing."""
    url = ""
    extensions: Mapping[str, Any] = MappingProxyType({})
    """What the library knows of the connection."""
    io: Io | None = None
    """The connections that it came by; None if it was made by hand."""

    def __init__(
        self,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> None:
        _check(status_code, headers, content)
        self.status_code = status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in (headers or {}).items()
        }
        self._begin_with(bytes(content))

    def _begin_with(self, content: bytes) -> None:
        self._content: bytes | None = None
        self._text: str | None = None
        """The body in the place of `_content`, where it is large JSON."""
        self._first: list[bytes] = [content] if content else []
        self._ready: Iterator[bytes] = iter(())
        """What has arrived and was not given yet: it stays here, whoever reads on."""
        self._tape: list[bytes] | None = None
        self._watchers: list[Callable[[bytes], object]] = []

    def __repr__(self) -> str:
        size = f"{len(self.content)} bytes" if self.is_stream_consumed else "not read"
        return f"<Response {self.status_code}, {size}>"

    @property
    def error(self) -> Api302Error | None:
        """The error that the caller gets for it, if it is a failure; it may be repeated yet."""
        return self.verdict[0] if self.verdict else None

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed."""
        return self.headers.get("request-id")

    @property
    def is_stream_consumed(self) -> bool:
        """Whether the body was read and is in `content`."""
        return self._content is not None or self._text is not None

    @property
    def content(self) -> bytes:
        """The body, decompressed, as far as it was received."""
        return self._content or (self._text or "").encode()

    @property
    def start(self) -> bytes:
        """The first bytes of the body: nothing if it is empty."""
        return (self._content or (self._text or "")[:START].encode())[:START]

    @cached_property
    def data(self) -> Any:
        """The body as JSON, whatever its label says, or ABSENT where it is something else."""
        content = self._content or b""
        text = text_of(content, self.headers.get("content-type", ""))
        if text is None:
            return ABSENT
        if len(content) >= LARGE and text.isascii() and len(text) == len(content):
            self._content, self._text = None, text  # one of them is enough while it is parsed
            del content
        return json_in(text)

    def json(self) -> Any:
        """The body as JSON, not a copy. Raises ValueError if it is not JSON, or still open."""
        if self.data is ABSENT:
            raise ValueError("the body is not JSON, or was not read")
        return self.data

    def when_read(self, watcher: Callable[[bytes], object]) -> None:
        """Call a function with the body once it was read, or let go of before its end.

        At once if it was read already. What the function raises is logged, and costs nothing.
        The body of a stream is kept for it.
        """
        if self.is_stream_consumed:
            _tell(watcher, self.content)
            return
        self._watchers.append(watcher)
        self._tape = [] if self._tape is None else self._tape

    def keep(self, content: bytes, problem: ConnectionError | None) -> None:
        """Note the body that was read."""
        self._content, self.problem = content, problem
        self._tell_watchers(content)

    def put_back(self, pieces: list[bytes]) -> None:
        """Pieces that were read to see what the body is come first again."""
        self._first = pieces

    def iter_bytes(self) -> Iterator[bytes]:
        """The decompressed pieces that were not given yet. Raises the library's errors."""
        yield from self._here()

    def aiter_bytes(self) -> AsyncPieces:
        """`iter_bytes` for an async client."""
        return AsyncPieces(self)

    def _here(self) -> Iterator[bytes]:
        """The pieces that have arrived."""
        while self._first:
            piece = self._first.pop(0)
            self._taped(piece)
            yield piece
        for piece in self._ready:
            self._taped(piece)
            yield piece

    async def _arrived(self) -> bool:
        """Wait for more to arrive. False at the end."""
        return False

    def close(self) -> None:
        """Let go of the connection."""
        self._tell_watchers(b"".join(self._tape or ()))

    async def aclose(self) -> None:
        """`close` for an async client."""
        self.close()

    def abandon(self) -> None:
        """Let go of the connection when there is an opportunity."""

    def _taped(self, piece: bytes) -> None:
        if self._tape is not None:
            self._tape.append(piece)

    def _tell_watchers(self, content: bytes) -> None:
        for watcher in self._told()[0]:
            _tell(watcher, content)

    def _told(self) -> tuple[list[Callable[[bytes], object]], list[bytes]]:
        """Who is still to be told of the body, and what was read of it: once."""
        watchers, tape = self._watchers, self._tape or []
        self._watchers, self._tape = [], None
        return watchers, tape


def _check(status: Any, headers: Any, content: Any) -> None:
    """Raise InvalidArgument for what no response has."""
    if isinstance(status, bool) or not isinstance(status, int):
        raise InvalidArgument(f"status_code: must be a number such as 200, not {status!r:.80}")
    if headers is not None and not isinstance(headers, Mapping):
        kind = type(headers).__name__
        raise InvalidArgument(f"headers: must be a mapping of names to texts, not {kind}")
    for name, value in cast("Mapping[Any, Any]", headers or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidArgument(f"headers: {name!r:.80} must be a text, and its value too")
    if not isinstance(content, (bytes, bytearray, memoryview)):
        fix = "json.dumps(…).encode() makes some"
        raise InvalidArgument(f"content: must be bytes, not {type(content).__name__}; {fix}")


class AsyncPieces:
    """The decompressed pieces of a body, for an async client.

    Not an async generator, which would want to be closed when it is left.
    """

    def __init__(self, response: Response) -> None:
        self._response: Response | None = response
        self._here = response._here()  # pyright: ignore[reportPrivateUsage]

    def __aiter__(self) -> AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        while self._response is not None:
            for piece in self._here:
                return piece
            if not await self._response._arrived():  # pyright: ignore[reportPrivateUsage]
                break
            self._here = self._response._here()  # pyright: ignore[reportPrivateUsage]
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """No more pieces are wanted."""
        self._response = None


class Leftover(NamedTuple):
    """What is left of a response that nobody has any more, for the client's next call."""

    token: object
    raw: Any
    pool: int
    watchers: list[Callable[[bytes], object]]
    tape: list[bytes]

    def tell(self) -> None:
        """Tell who watched the body what was read of it, which no finalizer may do."""
        for watcher in self.watchers:
            _tell(watcher, b"".join(self.tape))


def _tell(watcher: Callable[[bytes], object], content: bytes) -> None:
    """It must not cost the response. Its message may hold a secret of the body."""
    try:
        watcher(content)
    except Exception as error:
        _log.logger.warning("an observer failed (%s)", type(error).__name__)


class Received(Response):
    """A response of the HTTP library: its head, and its body to be read once, whole or piece by
    piece.
    """

    def __init__(self, raw: Any, io: Io, pool: int) -> None:
        self._raw, self._io, self._pool = raw, io, pool
        self.io: Io | None = io
        self.status_code: int = raw.status_code
        self.headers: Mapping[str, str] = dict(raw.headers)
        self._begin_with(b"")
        self._closed = False
        self._decoders = decoders(self.headers.get("content-encoding", ""))
        self._source: Any = None
        self._is_over = False
        self._token = object()
        self._redactor = logs.current.get() if logs.are_detailed() else None
        """For what the library logs while the body is read, which is nothing but at DEBUG."""
        io.opened[self._token] = raw, None

    @property
    def url(self) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """The URL that was asked for last."""
        return str(self._raw.url)

    @property
    def extensions(self) -> Mapping[str, Any]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the library knows of the connection."""
        return self._raw.extensions

    @property
    def compression_problem(self) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """What was wrong with the compression, or nothing."""
        return next((one.problem for one in self._decoders if one.problem), "")

    # --- the body, piece by piece -----------------------------------------------------------------

    def iter_bytes(self) -> Iterator[bytes]:
        """The decompressed pieces that were not given yet. Raises the library's errors."""
        yield from self._here()
        while self._pulled():
            yield from self._here()

    def _pulled(self) -> bool:
        """Have more arrive. False at the end."""
        if self._is_over or self._is_read():
            return self._end()
        source = self._begin(self._raw.stream.__iter__)
        self._check_process()
        inside.depth += 1
        try:
            with self._redacted():
                chunk = next(source, _END)
            if chunk is _END and _has_more(self._raw):
                self.extensions["network_stream"].close()
        finally:
            inside.depth -= 1
        return self._take(chunk)

    async def _arrived(self) -> bool:
        if self._is_over or self._is_read():
            return self._end()
        source = self._begin(self._raw.stream.__aiter__)
        self._check_process()
        try:
            with self._redacted():
                chunk = await anext(source, _END)
            if chunk is _END and _has_more(self._raw):
                await self.extensions["network_stream"].aclose()
        except GeneratorExit:  # the coroutine is thrown away: nothing can be awaited
            raise
        except BaseException:
            await self._raw.aclose()
            raise
        return self._take(chunk)

    def _redacted(self) -> AbstractContextManager[None]:
        return _NOTHING if self._redactor is None else logs.redacted(self._redactor)

    def _is_read(self) -> bool:
        """Whether the library has the body already, as a transport for tests gives it."""
        return self._source is None and self._raw.is_stream_consumed is True

    def _begin(self, iterate: Any) -> Any:
        if self._source is None:
            self._source = iterate()
            self._io.opened[self._token] = self._raw, self._source
        return self._source

    def _end(self) -> bool:
        """The end, unless the body is there already, and was not given yet."""
        if self._is_over:
            return False
        self._is_over = True
        content, length = self._raw.content, self.headers.get("content-length", "")
        is_number = length.isdecimal() and len(length) < 16
        self.num_bytes_downloaded = int(length) if is_number else len(content)
        self._ready = iter((content,))
        return True

    def _take(self, chunk: Any) -> bool:
        """Decompress what has arrived, or at the end what the decoders hold."""
        if chunk is _END:
            self._check_end()
            self._is_over = True
            self._ready = self._left()
            return True
        self.num_bytes_downloaded += len(chunk)
        self._ready = iter((chunk,))
        for decoder in self._decoders:
            self._ready = _through(decoder, self._ready)
        return True

    def _check_end(self) -> None:
        """Raise ConnectionError for an end that is none: our own, of a body that does not say where
        it ends.
        """
        says = {"content-length", "transfer-encoding"} & self.headers.keys()
        if self._io.is_closed and not says:
            raise ConnectionError("the client was closed while the response was read", sent=True)

    def _left(self) -> Iterator[bytes]:
        """What the decoders hold when the body has ended."""
        pieces: Iterator[bytes] = iter(())
        for decoder in self._decoders:
            pieces = chain(_through(decoder, pieces), decoder.close())
        return pieces

    def _check_process(self) -> None:
        if self._io.inherited:
            raise foreign()

    # --- letting go -------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the connection.

        Within the library, as the garbage collector may call it, only later.
        """
        if self._closed:
            super().close()
            return
        if inside.depth or self._io.inherited:
            self.abandon()
            return
        self._closed = True
        self._forget()
        inside.depth += 1
        try:
            self._raw.close()
        finally:
            inside.depth -= 1
            self._io.limiter.give_back(self._pool)
            super().close()

    async def aclose(self) -> None:
        """`close` for an async client."""
        if self._closed:
            super().close()
            return
        if self._io.inherited or not self._io.is_here():
            self.abandon()
            return
        self._closed = True
        self._forget()
        try:
            await self._raw.aclose()
        finally:
            self._io.limiter.give_back(self._pool)
            super().close()

    def abandon(self) -> None:
        """Leave it to the next call to let go of the connection: for finalizers, which may run at
        any point.
        """
        if not self._closed:
            self._closed = True
            self._io.leftovers.append(Leftover(self._token, self._raw, self._pool, *self._told()))

    def _forget(self) -> None:
        self._io.opened.pop(self._token, None)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.abandon()


def foreign() -> Api302Error:
    """The error of a process that was forked from the one whose response it is."""
    return Api302Error("the response belongs to the process that made the call; read it there")


def _has_more(raw: Any) -> bool:
    """Whether more was received than the response that has just ended.

    The library would take it for the response to the next call on that connection. A connection of
    aiohttp is not used again then.
    """
    part = raw.stream
    for name in _WAY:
        part = getattr(part, name, None)
    received: Any = getattr(part, "trailing_data", None) or (b"",)
    return bool(received[0])


def _through(decoder: Any, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.feed(piece)
