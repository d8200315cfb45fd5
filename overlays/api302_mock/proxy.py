"""Passes calls on to the real service, holds both sides against the description, records them.

A client uses it as its `base_url`, with its own API key, which goes to the service alone: it is in
no line, no file and no error of the proxy.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api302.testing import Exchange, without_named, without_secrets, write
from api302_client.media import essence, is_json
from api302_mock.app import raw_path
from api302_mock.body import MULTIPART, URLENCODED, parse_json, read_bytes, read_form
from api302_mock.document import Document, Operation, load
from api302_mock.errors import Refused, error_response
from api302_mock.holding import request_problem, response_problems
from api302_mock.keys import Keys
from api302_mock.proxy_realtime import Passed, passed, refuse
from api302_mock.realtime import Channel, channels, load_events
from api302_mock.server import Serving
from api302_mock.webhooks import is_loopback
from api302_mock.wire import hang_up, send_response

Say = Callable[[str], object]

RECORD = "live-record"
"""The folder of the exchanges, if none is named."""
LARGEST = 16 << 20
"""Bytes of a response that are held against the description; larger ones only pass."""

_TIMEOUT = httpx2.Timeout(600.0, connect=30.0)
# What belongs to one connection, not to the message.
_HOP: frozenset[str] = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer"
    " transfer-encoding upgrade host accept-encoding expect".split()
)
_HOP_BACK = _HOP | {"date", "server"}
_LAST_STATUS = 599
"""What follows it, a server refuses to send."""


@dataclass(slots=True)
class _Response:
    """What the service sent."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    """At most `LARGEST` bytes of it."""
    size: int
    is_cut: bool
    is_whole: bool
    """The content is all of the body, unpacked."""


class ProxyApp:
    """The proxy as an ASGI app.

    Args:
        target: The service's URL; https, or http for one on this machine.
        document: What both sides are held against.
        folder: Where the exchanges go, one JSON file each.
        say: Takes a line for each call.
        events: The AsyncAPI document of the WebSockets.

    Raises:
        ValueError: The URL is not one to which an API key may go.
    """

    def __init__(
        self,
        target: str,
        document: Document,
        folder: str | Path = RECORD,
        say: Say | None = None,
        events: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = checked(target)
        self.document = document
        self.folder = Path(folder)
        self.problems: list[tuple[str, str]] = []
        """Operation (or `METHOD path`) and what of it differs, oldest first."""
        self._say = say
        self._keys = Keys(document)
        self._channels = channels(dict(events or {}))
        self._client: httpx2.AsyncClient | None = None
        self._number = 0
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request."""
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        if scope["type"] == "websocket":
            return await self._talk(WebSocket(scope, receive, send))
        try:
            request = Request(scope, receive)
            _refuse_other_hosts(raw_path(request))
            await self._pass(request, send)
        except ClientDisconnect:
            return
        except Refused as refused:
            await send_response(error_response(refused), 0, receive, send, cut=False, head=False)

    def close(self) -> None:
        """Nothing to drop: the connections are closed when the server stops."""

    async def _live(self, receive: Receive, send: Send) -> None:
        """Close the connections in the loop that they are of."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown" and self._client is not None:
                await self._client.aclose()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def _pass(self, request: Request, send: Send) -> None:
        body = await read_bytes(request)
        path = raw_path(request)
        operation, parameters, _ = self.document.find(request.method, path)
        problems: list[str] = []
        if operation is None:
            problems.append("it is not described")
        elif found := await self._request_problem(request, body, operation, parameters):
            problems.append(f"request: {found}")
        response = await self._forward(request, path, body, send)
        if response.is_cut:
            problems.append("the response broke off")
        elif response.size <= LARGEST and not response.is_whole:
            problems.append("the response cannot be unpacked, or is too large then")
        elif operation is not None and response.is_whole:
            problems += self._response_problems(operation, response)
        exchange = await self._exchange(request, body, operation, response)
        secrets = self._secrets(request)
        kept = exchange.redacted(*secrets)
        if not response.is_whole:
            known = kept["response"]
            kept["response"] = {name: known[name] for name in ("status", "headers")}
            kept["response"]["bytes"] = response.size
        kept["differs"] = [without_secrets(one, *secrets) for one in problems]
        await self._keep(kept)
        if response.is_cut:
            await hang_up(request.receive, send, reset=False)

    async def _request_problem(
        self, request: Request, body: bytes, operation: Operation, parameters: Any
    ) -> str | None:
        """What of a request differs; the text may quote it, and so is of one without secrets."""

        async def find(content: bytes) -> str | None:
            again = replayed(request.scope, content)
            return await request_problem(self.document, operation, again, parameters)

        found = await find(body)
        shown = _without_named(body, request.headers) if found else None
        return found if shown is None else await find(shown) or _A_SECRET

    def _response_problems(self, operation: Operation, response: _Response) -> list[str]:
        """What of a response differs, likewise."""

        def find(content: bytes) -> list[str]:
            status, headers = response.status, response.headers
            return [*response_problems(self.document, operation, status, headers, content)]

        found = find(response.content)
        shown = _without_named(response.content, response.headers) if found else None
        return found if shown is None else find(shown) or [_A_SECRET]

    async def _talk(self, websocket: WebSocket) -> None:
        """Pass on one WebSocket, and record it when it is over."""
        path = raw_path(websocket)
        try:
            _refuse_other_hosts(path)
        except Refused as refused:
            return await refuse(websocket, refused)
        channel = self._channels.get(path)
        made = Passed(problems=[] if channel else ["it is not described"])
        query = websocket.scope["query_string"].decode("latin-1")
        if channel is not None:
            try:
                channel.check_query(websocket.query_params)
            except Refused as refused:
                made.problems.append(f"request: {refused}")
        url = f"ws{self.target.removeprefix('http')}{path}{f'?{query}' if query else ''}"
        headers = [
            (name, value)
            for name, value in websocket.headers.items()
            if name.lower() not in _HOP and not name.lower().startswith("sec-websocket-")
        ]
        try:
            with suppress(WebSocketDisconnect):  # the caller has gone
                await passed(websocket, url, headers, channel, made)
        finally:
            await self._keep(self._conversation(websocket, path, channel, made))

    def _conversation(
        self, websocket: WebSocket, path: str, channel: Channel | None, made: Passed
    ) -> dict[str, Any]:
        """What is kept of a WebSocket."""
        secrets = self._secrets(websocket)
        sent = dict(parse_qsl(websocket.scope["query_string"].decode("latin-1")))
        exchange = Exchange(
            channel.id if channel else None,
            "GET",
            path,
            sent,
            dict(websocket.headers),
            made.status,
            made.headers,
            made.content,
            json=made.events,  # which is where values under the names of secrets are hidden
        )
        kept = exchange.redacted(*secrets)
        kept["events"] = kept["request"].pop("json")
        kept["differs"] = [without_secrets(one, *secrets) for one in made.problems]
        return kept

    def _secrets(self, request: HTTPConnection) -> list[str]:
        """The API keys of a request, wherever they stand."""
        whole = request.headers.get("authorization", "")
        return [key for key in (*self._keys.sent(request), whole.partition(" ")[2], whole) if key]

    # --- the service ------------------------------------------------------------------------------

    async def _forward(self, request: Request, path: str, body: bytes, send: Send) -> _Response:
        """Send the request on and the response back, piece by piece; returns what it was.

        A caller that goes away stops nothing: a paid response is recorded all the same.
        """
        query = request.scope["query_string"].decode("latin-1")
        url = f"{self.target}{path}{f'?{query}' if query else ''}"
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _HOP]
        try:
            sent = self._http().build_request(
                request.method,
                url,
                headers=[*headers, ("accept-encoding", "identity")],
                content=body or None,
            )
            response = await self._http().send(sent, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            kind = type(error).__name__
            raise Refused(502, f"The service cannot be reached: {kind}.") from None
        async with aclosing(response):
            await send({"type": "http.response.start", **_start(response)})
            return await _through(response, send)

    def _http(self) -> httpx2.AsyncClient:
        """The connections, made in the loop that uses them. They keep no cookies."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)
        self._client.cookies.clear()
        return self._client

    # --- the record -------------------------------------------------------------------------------

    async def _exchange(
        self,
        request: Request,
        body: bytes,
        operation: Operation | None,
        response: _Response,
    ) -> Exchange:
        made = Exchange(
            operation.id if operation else None,
            request.method,
            raw_path(request),
            dict(parse_qsl(request.scope["query_string"].decode("latin-1"))),
            dict(request.headers),
            response.status,
            response.headers,
            response.content,
        )
        media = essence(request.headers.get("content-type", ""))
        if media in (MULTIPART, URLENCODED):
            made.form = await _form_names(replayed(request.scope, body), media)
        elif body and is_json(media):
            with suppress(ValueError):  # the request's problem says it
                made.json = parse_json(body)
        return made

    async def _keep(self, kept: dict[str, Any]) -> None:
        request, status = kept["request"], kept["response"]["status"]
        name = kept["operation"] or f"{request['method']} {request['path']}"
        self.problems += [(name, problem) for problem in kept["differs"]]
        told = [*kept["differs"]]
        try:
            await self._write(kept)
        except OSError as error:  # the caller has its response, and the next one is recorded
            told.append(f"it is not recorded: {error}")
            self.problems.append((name, told[-1]))
        if self._say:
            said = "; ".join(told) or "as described"
            self._say(
                _on_one_line(f"{request['method']} {request['path']} {status} {name}: {said}")
            )

    async def _write(self, kept: dict[str, Any]) -> None:
        async with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._number = max(self._number, _last(self.folder)) + 1
            write(kept, self.folder, self._number)


_A_SECRET = "the value of a field that is named like a secret differs"


def _without_named(content: bytes, headers: Mapping[str, str]) -> bytes | None:
    """JSON without the values of fields that are named like secrets; None for other content."""
    if not is_json(essence(headers.get("content-type", ""))):
        return None
    try:
        hidden = without_named(parse_json(content))
    except (ValueError, RecursionError):
        return None
    return json.dumps(hidden).encode()


def _last(folder: Path) -> int:
    """The highest number of a file in a folder."""
    numbers = (file.name.partition("-")[0] for file in folder.glob("[0-9]*-*.json"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _refuse_other_hosts(path: str) -> None:
    """Refuse what is no path: behind the service's URL, `@other` would name another host.

    Raises:
        Refused: 400.
    """
    if not path.startswith("/"):
        raise Refused(400, "The target of a request begins with a slash.")


def _on_one_line(text: str) -> str:
    """Text of the service on a terminal, where it is shown and commands nothing."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def checked(target: str) -> str:
    """A service's URL without a slash at its end.

    Raises:
        ValueError: It is no URL, or one to which an API key must not go.
    """
    wrong = f"--proxy {target}: write the service's URL, such as https://api.302.ai"
    try:
        parts = urlsplit(target)
        host = parts.hostname
    except ValueError:
        raise ValueError(wrong) from None
    if host is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError(wrong)
    if parts.username or parts.password:
        raise ValueError("--proxy: write the URL without a user; the caller's API key is passed on")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"--proxy {target}: an API key goes over https alone; write https://{host}"
        )
    return target.rstrip("/")


def replayed(scope: Scope, body: bytes) -> Request:
    """A request whose body was read, to read again."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return Request(dict(scope), receive)


async def _form_names(request: Request, media: str) -> list[str]:
    """The names of a form's fields; none of one that cannot be read."""
    try:
        fields = await read_form(request, media)
    except Refused:
        return []
    for _, value in fields:
        if isinstance(value, UploadFile):
            await value.close()
    return list(dict.fromkeys(name for name, _ in fields))


def _start(response: httpx2.Response) -> dict[str, Any]:
    """Status and headers for the caller. What is none of HTTP's own statuses cannot be sent on."""
    named = [(name.lower(), value) for name, value in response.headers.multi_items()]
    kept = [(name, value) for name, value in named if name not in _HOP_BACK]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    return {"status": min(response.status_code, _LAST_STATUS), "headers": raw}


async def _through(response: httpx2.Response, send: Send) -> _Response:
    """Pass the body on as it arrives. Where the service breaks off, no end is sent."""
    headers = response.headers
    made = _Response(response.status_code, headers, b"", 0, is_cut=False, is_whole=False)
    held = bytearray()
    try:
        async for piece in response.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            made.size += len(piece)
            held += piece[: max(0, LARGEST - len(held))]
    except httpx2.HTTPError:
        made.is_cut = True
    else:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    unpacked = _unpacked(bytes(held), headers.get("content-encoding", ""))
    if unpacked is not None and made.size == len(held):
        made.content, made.is_whole = unpacked, not made.is_cut
    return made


def _unpacked(content: bytes, encoding: str) -> bytes | None:
    """A body without its compression, which nobody asked for; None where it cannot be undone, or
    is too large then.
    """
    label = encoding.strip().lower()
    if label in ("", "identity"):
        return content
    if label not in ("gzip", "x-gzip", "deflate"):
        return None
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as it begins
    try:
        found = inflate.decompress(content, LARGEST)
    except zlib.error:
        return None
    return found if inflate.eof else None


class ProxyServer(Serving):
    """A running proxy. Close it, or use it as a context manager.

    Attributes:
        url: Its URL: what a client takes as `base_url`.
    """

    def __init__(self, app: ProxyApp, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(app, host, port, lifespan="on")
        self.proxy = app

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What differed so far: operation, and what."""
        return self.proxy.problems


def start(
    target: str,
    folder: str | Path = RECORD,
    *,
    document: str | Path | Mapping[str, Any] | None = None,
    port: int = 0,
) -> ProxyServer:
    """Serve the proxy from a thread, on this machine.

    Args:
        target: The service's URL.
        folder: Where the exchanges go.
        document: The joined document; by default the one that ships with api302.
        port: The port, 0 for a free one.

    Raises:
        OSError: The port is taken, or the document cannot be read.
        ValueError: The URL is not one to which an API key may go.
    """
    app = ProxyApp(target, Document(load(document)), folder, events=load_events(document))
    return ProxyServer(app, port=port)
