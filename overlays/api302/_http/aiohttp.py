"""Connections by aiohttp, with httpx-aiohttp's transport for httpx2: many more calls at once.

The transport is made as careful as httpx2's own. An error says truly whether anything was sent, a
URL goes as it is, bytes that arrived before the connection broke are handed over, and an upload
that stalls times out.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import lru_cache, partial
from inspect import signature
from types import MappingProxyType
from typing import Any, NamedTuple
from weakref import WeakSet

import httpx2
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp.httpx2 import AiohttpTransport
from yarl import URL

from api302 import __version__

HEADERS = {"accept": "*/*", "user-agent": f"api302/{__version__}"}
KEPT = 5.0
"""Seconds that an idle connection is kept, as httpx2 does."""
LARGE = 64 << 10
"""Bytes that leave at once, without waiting for the other side."""
LONGEST_HEADER = 64 << 10
_MORE: dict[str, Any] = (
    {"max_headers": 1000} if "max_headers" in signature(ClientSession).parameters else {}
)
"""Newer versions of aiohttp have a limit for headers, which some gateways exceed."""
_HEAD_ENDS = b"\r\n\r\n"
LIMITS = ("connect", "read", "write", "pool")
COMPACT: Mapping[str, Any] = {
    "ensure_ascii": False,
    "separators": (",", ":"),
    "allow_nan": False,
}
"""How httpx2 writes JSON."""
ADDED = ("accept", "accept-encoding", "content-type", "user-agent")
"""Headers that aiohttp would add: a store refuses one that its signature does not know."""


class Plain(NamedTuple):
    """A request of JSON or nothing, as most are: without httpx2's objects, which take longer than
    the rest of it.
    """

    method: str
    url: str
    headers: dict[str, str]
    content: bytes
    limits: Mapping[str, float | None]


class Client:
    """A client with the methods of httpx2 that are used, without what is above its transport."""

    is_closed = False

    def __init__(self, verify: Any, room: int) -> None:
        self._transport = Transport(verify, room)

    def build_request(
        self, *, method: str, url: str, headers: Mapping[str, str], timeout: Any, **body: Any
    ) -> httpx2.Request | Plain:
        """A request that can be sent. Raises what httpx2 raises."""
        limits: dict[str, float | None] = dict(zip(LIMITS, timeout, strict=True))
        sent = {**HEADERS, **headers}
        if body.keys() == {"json"}:
            content = json.dumps(body["json"], **COMPACT).encode()
            kind = {} if "content-type" in sent else {"content-type": "application/json"}
            length = {"content-length": str(len(content))}
            return Plain(method, _address(url), {**sent, **kind, **length}, content, limits)
        if not body and method == "GET":
            return Plain(method, _address(url), sent, b"", limits)
        return httpx2.Request(method, url, headers=sent, extensions={"timeout": limits}, **body)

    async def send(self, request: httpx2.Request | Plain, **_: Any) -> Any:
        """Send it and return the open response."""
        if isinstance(request, Plain):
            return await self._transport.sent(request)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        self.is_closed = True
        await self._transport.aclose()

    def drop(self) -> None:
        """Close the sockets without their loop, which runs no more."""
        self.is_closed = True
        self._transport.drop()

    def detach(self) -> None:
        """Forget the connections, which are another process's, without touching them."""
        self._transport.detach()


@lru_cache(maxsize=256)
def _address(url: str) -> str:
    """A URL as httpx2 writes it. Raises httpx2.InvalidURL."""
    return str(httpx2.URL(url))


@lru_cache(maxsize=256)
def _encoded(url: str) -> URL:
    return URL(url, encoded=True)


class _Handler(ResponseHandler):
    """aiohttp's side of a connection.

    aiohttp's own forgets a response where what follows in the same piece is not HTTP, such as the
    rest of a body that is longer than it says, takes what arrives unasked for the response to the
    next call, and waits for ever for a body whose chunks are broken.
    """

    def is_connected(self) -> bool:
        """Whether the connection can be used for a call, or for the next one."""
        return super().is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        """Take what has arrived: the head of a response by itself."""
        end = data.find(_HEAD_ENDS) + len(_HEAD_ENDS) if data.startswith(b"HTTP/") else 0
        if len(_HEAD_ENDS) <= end < len(data):
            super().data_received(_with_one_length(data[:end]))
            data = data[end:]
        before = self.exception()
        super().data_received(data)
        broken, body = self.exception(), self._payload
        if broken is not before and body is not None and not body.is_eof():
            body.set_exception(ClientPayloadError(_said(broken)))


def _with_one_length(head: bytes) -> bytes:
    """The head of a response as HTTP reads it, where aiohttp refuses it.

    The same length twice is one, and chunks count more than a length (RFC 9112, 6.3).
    """
    start = head.lower()
    has_chunks = b"\r\ntransfer-encoding:" in start
    if start.count(b"\r\ncontent-length:") + has_chunks < 2:
        return head
    lines = head.split(b"\r\n")
    lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
    if not has_chunks and len({line[15:].strip() for line in lengths}) > 1:
        return head
    others = [line for line in lines if line not in lengths]
    return b"\r\n".join([others[0], *([] if has_chunks else lengths[:1]), *others[1:]])


class _Connector(TCPConnector):
    """A connector that is closed by its client alone: a finalizer would touch a loop that may have
    ended, or be another process's.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        # aiohttp has no argument for it.
        setattr(self, "_factory", partial(_Handler, loop=self._loop))  # noqa: B010

    def __del__(self, _warnings: Any = None) -> None: ...


class Transport(AiohttpTransport):
    """httpx-aiohttp's transport over a session of our own."""

    def __init__(self, verify: Any, room: int) -> None:
        super().__init__(verify=verify, client=self._session)
        self._room = room
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def _session(self) -> ClientSession:
        connector = _Connector(
            limit=self._room,
            ssl=self.ssl_context,
            keepalive_timeout=KEPT,
            socket_factory=self._socket,
        )
        session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            **_MORE,
        )
        # A call that costs is repeated by us or by nobody.
        setattr(session, "_retry_connection", False)  # noqa: B010 - aiohttp has no argument for it
        return session

    def _socket(self, address: Any) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the open response. Raises httpx2's errors."""
        limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
        try:
            upload = _Upload(request.content, None, limits.get("write"))
        except httpx2.RequestNotRead:
            request.headers.pop("transfer-encoding", None)  # aiohttp writes its own
            upload = _Upload(b"", request.stream, limits.get("write"))
        response = await self._exchange(
            request.method, str(request.url), request.headers, upload, limits
        )
        reason = {"reason_phrase": response.reason.encode()} if response.reason else {}
        return httpx2.Response(
            status_code=response.status,
            headers=response.raw_headers,
            stream=_Body(response, upload),
            request=request,
            extensions={"http_version": b"HTTP/1.1", **reason},
        )

    async def sent(self, request: Plain) -> Open:
        """Send a plain request and return the open response. Raises httpx2's errors."""
        method, url, headers, content, limits = request
        upload = _Upload(content, None, limits["write"])
        return Open(await self._exchange(method, url, headers, upload, limits), url, upload)

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        upload: _Upload,
        limits: Mapping[str, float | None],
    ) -> ClientResponse:
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        try:
            async with upload.watched():
                return await self.client.request(
                    method,
                    _encoded(url),
                    headers=headers,
                    data=upload.data,
                    skip_auto_headers=ADDED,
                    allow_redirects=False,
                    timeout=_timeout(limits.get("connect"), limits.get("read"), limits.get("pool")),
                )
        except (ClientError, OSError, ValueError) as error:
            if upload.error is not None:
                raise upload.error from None
            raise _translated(error, url) from error

    async def aclose(self) -> None:
        """Close the connections, also those whose other side takes nothing any more."""
        await super().aclose()
        for one in list(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for _ in range(2):  # the loop finds that they have ended, and closes them
            await asyncio.sleep(0)

    def drop(self) -> None:
        """See `Client.drop`."""
        session, self.client = self.client, None
        if isinstance(session, ClientSession):
            closing = session.close()
            with suppress(BaseException):  # its end, or whatever the loop that is gone refuses
                closing.send(None)
            closing.close()
        for one in list(self._sockets):
            with suppress(OSError):
                one.close()

    def detach(self) -> None:
        """See `Client.detach`."""
        if isinstance(self.client, ClientSession):
            self.client.detach()


@lru_cache(maxsize=64)
def _timeout(connect: float | None, read: float | None, pool: float | None) -> ClientTimeout:
    return ClientTimeout(sock_connect=connect, sock_read=read, connect=pool)


def _translated(error: Exception, url: str) -> Exception:
    """httpx2's error for one of aiohttp: only that of a connection says that nothing was sent."""
    kind: type[Exception] = httpx2.ReadError
    if isinstance(error, ConnectionTimeoutError):
        kind = httpx2.ConnectTimeout
    elif isinstance(error, ClientConnectorError):
        kind = httpx2.ConnectError
    elif isinstance(error, _Stalled):
        kind = httpx2.WriteTimeout
    elif isinstance(error, TimeoutError):
        kind = httpx2.ReadTimeout
    elif isinstance(error, InvalidURL):
        kind = httpx2.UnsupportedProtocol
    elif not isinstance(error, (ClientError, OSError)):
        return error
    request = httpx2.Request("GET", url)  # for its URL, which the message names the host of
    return kind(_said(error), request=request)  # type: ignore[call-arg]


def _said(error: BaseException | None) -> str:
    """What an error says, in a line. Of what is not HTTP, aiohttp says that it is a status 400."""
    message, is_status = getattr(error, "message", None), hasattr(error, "headers")
    text = f"the response is broken: {message}" if message and is_status else str(error)
    return " ".join(text.split()) or type(error).__name__


# --- the request's body ---------------------------------------------------------------------------


class _Stalled(TimeoutError):
    """The other side took nothing of an upload for longer than the timeout."""


class _Upload:
    """The body of a request, and the time that its next piece may take."""

    def __init__(self, content: bytes, stream: Any, seconds: float | None) -> None:
        self.error: Exception | None = None
        """Why the body could not be read: a file's error is not the connection's."""
        self._seconds = seconds
        self._limit: asyncio.Timeout | None = None
        if stream is None and len(content) > LARGE:
            stream = _cut(content)
        self.data: Any = (content or None) if stream is None else self._pieces(stream)
        self.is_sent = stream is None

    async def _pieces(self, source: Any) -> AsyncIterator[bytes]:
        try:
            async for piece in source:
                self._wait(self._seconds)
                yield piece
        except Exception as error:
            self.error = error
            raise
        self._wait(None)  # from here on the response is waited for
        self.is_sent = True

    def _wait(self, seconds: float | None) -> None:
        if self._limit is None:
            return
        now = asyncio.get_running_loop().time()
        with suppress(RuntimeError):  # the response came before the body was sent
            self._limit.reschedule(None if seconds is None else now + seconds)

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Raises _Stalled if the other side takes nothing for longer than the timeout."""
        if self.is_sent or self._seconds is None:
            yield
            return
        try:
            async with asyncio.timeout(None) as self._limit:
                yield
        except TimeoutError as error:
            if isinstance(error, ClientError) or not self._limit or not self._limit.expired():
                raise
            raise _Stalled("nothing was taken of the request's body") from None


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), LARGE):
        yield content[start : start + LARGE]


# --- the response's body --------------------------------------------------------------------------


class _Body(httpx2.AsyncByteStream):
    """The body of a response, as it arrives."""

    def __init__(self, response: ClientResponse, upload: _Upload) -> None:
        self._response, self._upload = response, upload

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while piece := await content.readany():
                yield piece
        except asyncio.CancelledError:
            self._response.close()  # who cancels does not wait for the connection
            raise
        except (ClientError, OSError) as error:
            # What arrived before the error waits behind it, and may be a whole response.
            content.set_exception(None)  # type: ignore[arg-type]
            if rest := content.read_nowait():
                yield rest
            raise _translated(error, str(self._response.url)) from error

    async def aclose(self) -> None:
        """Let go of the connection: to be used again, if all was sent and all was read."""
        if self._upload.is_sent and self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class Open:
    """An open response, with the attributes of httpx2's that are used."""

    is_stream_consumed = False
    extensions: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, response: ClientResponse, url: str, upload: _Upload) -> None:
        self.stream = _Body(response, upload)
        """The pieces of the body, as they arrive."""
        self.status_code = response.status
        self.url = url
        self.is_closed = False
        self.headers: dict[str, str] = {}
        for name, value in response.headers.items():
            name = name.lower()
            known = self.headers.get(name)
            text = value if value.isascii() else _decoded(value)
            self.headers[name] = text if known is None else f"{known}, {text}"

    async def aclose(self) -> None:
        """Let go of the connection."""
        self.is_closed = True
        await self.stream.aclose()


def _decoded(value: str) -> str:
    """A header's value that is not ASCII: UTF-8, or else Latin-1, as httpx2 reads it."""
    content = value.encode("utf-8", "surrogateescape")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
