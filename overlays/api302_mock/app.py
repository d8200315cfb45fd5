"""The mock as an ASGI app: takes a request, finds what it is for, sends the response."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Unpack

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response as StarletteResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api302_mock.answer import Exchange, Responder, fail_if_asked
from api302_mock.body import read_json
from api302_mock.control import Control, Seen, Settings, SettingsFields, host_of, refuse_foreign
from api302_mock.document import Document, Operation, load
from api302_mock.errors import Refused, error_response
from api302_mock.fileserver import PREFIX, get_file, name_in, put_file
from api302_mock.keys import Keys
from api302_mock.realtime import Channel, Conversation, channels, cut, load_events
from api302_mock.store import Store, Task
from api302_mock.validation import check
from api302_mock.webhooks import Webhooks
from api302_mock.wire import Response, hang_up, send_response
from api302_mock.wishes import Wish, WishFields, preferred

_HEADER_NAMES = re.compile(r"[A-Za-z0-9_, -]*")


class MockApp:
    """The ASGI app: one document, one store.

    Args:
        document: The joined document, indexed.
        settings: How it behaves.
        events: The AsyncAPI document of its WebSockets.

    Attributes:
        document: The document.
        settings: They can be changed at any time; a reset restores them.
        webhooks: The webhooks that were called.

    Raises:
        ValueError: An extension of the document names an operation that it lacks.
    """

    def __init__(
        self,
        document: Document,
        settings: Settings | None = None,
        events: Mapping[str, Any] | None = None,
    ) -> None:
        self.document = document
        self.settings = settings or Settings()
        self.webhooks = Webhooks(self.settings)
        self._channels = channels(dict(events or {}))
        self._open: dict[WebSocket, asyncio.AbstractEventLoop] = {}
        names = [channel.id for channel in self._channels.values()]
        self._control = Control(document, self.settings, names)
        self._keys = Keys(document)
        self._responder = Responder(document, self.settings)
        self._store = Store()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def requests(self) -> list[Seen]:
        """The requests since the last reset, those for files included, oldest first."""
        return self._control.log.all()

    def next(self, **wish: Unpack[WishFields]) -> None:
        """Schedule how the next response is to be.

        Args:
            wish: `code=429, times=2`, `fault="reset"`, `operation="kling_text_to_video"`,
                `text="Hello"`.

        Raises:
            ValueError: A name or value is not one that the mock knows.
        """
        self._control.next(wish)

    def reset(self) -> None:
        """Forget every task, created thing, file, logged request and scheduled wish, and
        restore the settings.
        """
        self._store.close()
        self._store = Store()
        self.webhooks.reset()
        self._control.reset()

    def close(self) -> None:
        """Drop the uploaded files, the large ones of which lie on disk."""
        self._store.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            # A client that gives up, such as for a timeout, is nobody's error.
            try:
                await self._serve(Request(scope, receive), send)
            except ClientDisconnect:
                return
        elif scope["type"] == "websocket":
            with suppress(WebSocketDisconnect):
                await self._talk(WebSocket(scope, receive, send))

    # --- WebSockets -------------------------------------------------------------------------------

    def cut(self) -> int:
        """Break the open WebSockets off, without a word, from any thread.

        Returns:
            How many there were.
        """
        opened, self._open = self._open, {}
        for websocket, loop in opened.items():
            loop.call_soon_threadsafe(cut, websocket)
        return len(opened)

    async def _talk(self, websocket: WebSocket) -> None:
        """Serve a WebSocket, from its handshake to its end."""
        query = websocket.scope["query_string"].decode("latin-1")
        path, keys = raw_path(websocket), self._keys.sent(websocket)
        seen = Seen("GET", path, query, dict(websocket.headers), keys, status=101)
        self._control.log.add(seen)
        try:
            channel, wish = self._channel(websocket, path, seen)
            await asyncio.sleep(wish.latency or 0)
            if wish.fault == "reset":
                return await _reset_handshake(websocket)
            self._keys.check(channel.security, websocket)
            channel.check_query(websocket.query_params)
            fail_if_asked(wish)
        except Refused as refused:
            return await self._deny(websocket, error_response(refused), seen)
        headers = [(b"request-id", uuid.uuid4().hex.encode())]
        await websocket.accept(headers=headers)
        self._open[websocket] = asyncio.get_running_loop()
        try:
            await Conversation(channel, websocket, wish, self.settings.delay).run()
        finally:
            self._open.pop(websocket, None)

    def _channel(self, websocket: WebSocket, path: str, seen: Seen) -> tuple[Channel, Wish]:
        """What is at a path, and what was asked of it."""
        channel = self._channels.get(path)
        if channel is None:
            raise Refused(404, f"The WebSocket {path[:200]} is not in the document.")
        seen.operation = channel.id
        try:
            wish = preferred(websocket.headers.getlist("prefer"))
        except ValueError as error:
            raise Refused(400, f"header `Prefer`: {error}") from None
        return channel, wish.over(self._control.due(channel.id))

    async def _deny(self, websocket: WebSocket, response: Response, seen: Seen) -> None:
        """Refuse a handshake with a response of HTTP."""
        seen.status = response.status
        response.headers["request-id"] = uuid.uuid4().hex
        body = b"".join(response.pieces)
        await websocket.send_denial_response(
            StarletteResponse(body, response.status, response.headers)
        )
        # uvicorn logs an error if the connection is still open then.
        await asyncio.sleep(0.01)

    # --- HTTP -------------------------------------------------------------------------------------

    async def _serve(self, request: Request, send: Send) -> None:
        path = raw_path(request)
        query = request.scope["query_string"].decode("latin-1")
        seen = Seen(request.method, path, query, dict(request.headers), self._keys.sent(request))
        is_control = path.startswith("/mock/") and not path.startswith(PREFIX)
        wish = Wish()
        try:
            if path == "/" or is_control:
                response = await self._controlled(request, path)
            elif _is_preflight(request):
                response = Response(204, {}, ())
            else:
                self._control.log.add(seen)
                wish = self._wish(request, seen, path)
                await asyncio.sleep(wish.latency or 0)
                if wish.fault == "reset":
                    return await _reset(request, send)
                response = await self._respond(request, path, wish, seen)
        except Refused as refused:
            response = error_response(refused, wish.retry_after)
        seen.status = response.status
        response.headers["request-id"] = uuid.uuid4().hex
        if not is_control:
            response.headers |= _cors(request)
        is_cut, is_head = wish.fault == "cut-stream", request.method == "HEAD"
        delay = self.settings.delay
        await send_response(response, delay, request.receive, send, cut=is_cut, head=is_head)

    def _wish(self, request: Request, seen: Seen, path: str) -> Wish:
        """What was asked of this response, by its header or beforehand; the path's operation
        goes into the log.
        """
        operation = None
        if not path.startswith(PREFIX):
            operation, _ = self._find(request.method, path)
            seen.operation = operation.id
        try:
            due = self._control.due(operation.id if operation else None)
            return preferred(request.headers.getlist("prefer")).over(due)
        except ValueError as error:
            raise Refused(400, f"header `Prefer`: {error}") from None

    def _find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        operation, parameters, allowed = self.document.find(method, path)
        if operation is not None:
            return operation, parameters
        if path in self._channels:
            needed = "websockets, and uvicorn 0.35 or newer"
            text = f"{path} is a WebSocket: connect to it; for that the mock needs {needed}."
            raise Refused(426, text, headers={"Upgrade": "websocket"})
        if allowed:
            methods = {"Allow": ", ".join(sorted(allowed))}
            raise Refused(405, f"{method} is not for {path[:200]}.", headers=methods)
        raise Refused(404, f"{method} {path[:200]} is not in the document.")

    async def _respond(self, request: Request, path: str, wish: Wish, seen: Seen) -> Response:
        store = self._store
        if path.startswith(PREFIX):
            fail_if_asked(wish)
            name = name_in(path)
            if request.method == "PUT":
                return await put_file(request, name, store)
            return get_file(request, name, store)
        operation, parameters = self._find(request.method, path)
        strict = self.settings.strict
        call = await check(self.document, self._keys, operation, request, parameters, strict=strict)
        try:
            self._control.log.add_body(seen, call.content)
            uploads = [upload for parts in call.uploads.values() for upload in parts]
            seen.uploads = [(upload.filename, upload.size or 0) for upload in uploads]
            files_url = self._files_url(request)
            accept = request.headers.get("accept", "*/*")
            answer = self._responder.answer(Exchange(call, wish, accept, files_url, store))
        finally:
            call.close()
        if answer.begun is not None:
            self._start(self._end_later(answer.begun, files_url, store))
        if answer.ended is not None:
            self._start(self._call_webhook(answer.ended, files_url, store))
        return answer.response

    def _files_url(self, request: Request) -> str:
        """The URL under which files are, by the name that the client calls the mock by."""
        scheme, root = request.scope.get("scheme", "http"), request.scope.get("root_path", "")
        name, port = host_of(request.headers) or request.scope.get("server") or ("localhost", None)
        if not self.settings.same_host:
            name = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(name, name)
        host = f"[{name}]" if ":" in name else name
        return f"{scheme}://{host}{f':{port}' if port else ''}{root}{PREFIX}"

    # --- webhooks ---------------------------------------------------------------------------------

    def _start(self, work: Any) -> None:
        """Let something run beside the requests."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _end_later(self, task: Task, files_url: str, store: Store) -> None:
        """End a task that nobody polls after the time that its polls would take."""
        await asyncio.sleep(self.settings.polls * self.settings.pace)
        if store is self._store:
            await self._call_webhook(task, files_url, store)

    async def _call_webhook(self, task: Task, files_url: str, store: Store) -> None:
        url, task.webhook = task.webhook, None
        if url is not None:
            message = self._responder.message(task, files_url, store)
            await self.webhooks.deliver(url, message)

    # --- under /mock/ -----------------------------------------------------------------------------

    async def _controlled(self, request: Request, path: str) -> Response:
        """The mock's own paths: what it is, and what `next`, `requests` and `reset` are in
        Python.
        """
        actions: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
            ("GET", "/"): self._get_about,
            ("GET", "/mock/openapi.json"): self._get_document,
            ("GET", "/mock/requests"): self._get_requests,
            ("GET", "/mock/settings"): self._get_settings,
            ("POST", "/mock/settings"): self._post_settings,
            ("POST", "/mock/next"): self._post_next,
            ("POST", "/mock/reset"): self._post_reset,
        }
        action = actions.get((request.method, path))
        if action is None:
            raise Refused(404, f"{request.method} {path[:200]} is not one of the mock's own paths.")
        if path != "/":
            refuse_foreign(request.headers)
        return Response.of_json(await action(request))

    async def _get_about(self, request: Request) -> Any:
        return self._control.about()

    async def _get_document(self, request: Request) -> Any:
        return self.document.raw

    async def _get_requests(self, request: Request) -> Any:
        return self._control.requests()

    async def _get_settings(self, request: Request) -> Any:
        return self._control.described()

    async def _post_settings(self, request: Request) -> Any:
        values = await _object(request)
        try:
            self.settings.change(values)
        except ValueError as error:
            raise Refused(422, f"body: {error}") from None
        return self._control.described()

    async def _post_next(self, request: Request) -> Any:
        values = await _object(request)
        try:
            return {"scheduled": self._control.next(values)}
        except ValueError as error:
            raise Refused(422, f"body: {error}") from None

    async def _post_reset(self, request: Request) -> Any:
        self.reset()
        return {"reset": True}


async def _object(request: Request) -> dict[str, Any]:
    value = await read_json(request)
    if not isinstance(value, dict):
        raise Refused(422, "body: it is not a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType]


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def _reset(request: Request, send: Send) -> None:
    async for _ in request.stream():
        pass  # what is under way would meet the reset, and some clients then see a plain close
    await hang_up(request.receive, send, reset=True)


async def _reset_handshake(websocket: WebSocket) -> None:
    cut(websocket)
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def raw_path(request: HTTPConnection) -> str:
    """The path as it came, percent-encoded."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.decode("latin-1").partition("?")[0]


# --- browsers -------------------------------------------------------------------------------------


def _is_preflight(request: Request) -> bool:
    """Whether a browser asks if a web page may make a call."""
    headers = request.headers
    return (
        request.method == "OPTIONS"
        and "origin" in headers
        and ("access-control-request-method" in headers)
    )


def _cors(request: Request) -> dict[str, str]:
    """The headers by which a browser lets any web page call the API and read the response."""
    if "origin" not in request.headers:
        return {}
    allowed = {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
    if _is_preflight(request):
        asked = request.headers.get("access-control-request-headers", "")
        names = asked if _HEADER_NAMES.fullmatch(asked) else ""
        allowed |= {
            "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "access-control-allow-headers": names or "*",
            "access-control-max-age": "600",
        }
        if "access-control-request-private-network" in request.headers:
            allowed["access-control-allow-private-network"] = "true"
    return allowed


def create_app(
    document: str | Path | Mapping[str, Any] | None = None, **settings: Unpack[SettingsFields]
) -> MockApp:
    """Make the mock of a joined document.

    Args:
        document: The document, or the path of its JSON file; by default the one that ships with
            api302.
        settings: The fields of :class:`api302_mock.control.Settings`: `polls=0`, `delay=0`,
            `strict=True`.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not JSON, the document names an operation that it lacks, or a
            setting has a name or value that the mock does not know.
    """
    begun = Settings()
    begun.change(settings)
    return MockApp(Document(load(document)), begun, load_events(document))
