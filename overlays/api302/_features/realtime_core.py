"""What a realtime session does, as coroutines that serve both clients (see `_http.sync`)."""

from __future__ import annotations

import base64
import builtins
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args
from urllib.parse import urlencode

from api302 import _log
from api302._calls.exchange import exchange, response_error
from api302._calls.prepare import raw_call
from api302._calls.session import Session
from api302._errors import (
    Api302Error,
    ConnectionError,
    DecodeError,
    InvalidArgument,
    RealtimeClosed,
    TimeoutError,
)
from api302._http.response import Response
from api302._json import is_mapping, is_object
from api302._types import Call

if TYPE_CHECKING:
    from api302._http.websocket import AsyncSocket, Closed, SyncSocket

Pcm = bytes | bytearray | memoryview
"""Samples of audio."""
Reconnect = Literal["unused", "idle", "never"]
Options = tuple[Mapping[str, str] | None, Mapping[str, Any] | None, float | None]
"""`extra_headers`, `extra_query` and `timeout` of a call."""
QUEUE = 1024
"""Events that may wait to be read, unless said otherwise."""
CHUNK = 32 << 10
"""Bytes of audio in an event at most: a second or less, far below what the service takes."""
REGULAR = 1000
"""The code of a regular end."""
PASSING = frozenset({1001, 1006, 1011, 1012, 1013, 1014})
"""Codes of an end that another connection may not meet (RFC 6455, and the registry of codes)."""
_SCHEMES = {"https": "wss", "http": "ws"}


class Endpoint(Protocol):
    """The generated module of a realtime call."""

    ID: str
    PATH: str
    RECEIVED: str
    AUDIO: Mapping[str, str]
    RULES: Mapping[str, Any]


class Talk:
    """A session as coroutines, which serve both clients."""

    def __init__(
        self,
        client: Session,
        endpoint: Endpoint,
        *,
        query: Mapping[str, Any],
        headers: Mapping[str, Any],
        settings: Mapping[str, Any] | None,
        reconnect: Any,
        max_queue: Any,
        options: Options,
    ) -> None:
        from api302_client._request import header_values, query_params
        from api302_client.realtime import read

        extra_headers, extra_query, timeout = options
        self.client = client
        self.rules = read(endpoint.RULES)
        self.pieces = endpoint.AUDIO
        """The fields of events that have audio, by event."""
        self._received = endpoint.RECEIVED
        self._settings = settings
        self._reconnect = _valid_reconnect(reconnect)
        self._queue = _valid_queue(max_queue)
        self._call = raw_call(
            client.settings,
            "GET",
            endpoint.PATH,
            headers={**header_values(headers), **(extra_headers or {})},
            timeout=timeout,
            repeatable=True,  # a handshake begins nothing
            params=query_params({**query, **(extra_query or {})}),
        )
        self.what = self._call.what
        self.request_id: str | None = None
        self._socket: SyncSocket | AsyncSocket | None = None
        self._home: Any = None
        self._is_used = False
        """Something was sent beside the settings."""
        self._is_waiting = False
        """A response was asked for, or is in progress."""
        self._is_pending = False
        """Something was sent since the last response ended."""
        self._heard: dict[str, Any] = {}
        """Where the audio that was received last belongs to."""
        self._repeats = 0

    # The connection

    @property
    def is_begun(self) -> bool:
        """Whether it was opened, and not closed."""
        return self._socket is not None

    @property
    def is_open(self) -> bool:
        return self._socket is not None and self._socket.ending is None

    async def open(self) -> None:
        """Connect, and send the settings of the session."""
        if self._socket is not None:
            raise InvalidArgument("the session is open already; make another one")
        self.client.connections.refuse_closed()
        if self.client.connections.is_async:
            _refuse_trio()
        await self._connect()
        self.client.connections.sessions.add(self)

    async def _connect(self) -> None:
        response = await exchange(self.client, self._call, self._shake_hands)
        if response.status_code != 101 or self._socket is None:
            text = "middleware: the handshake of a WebSocket has no response but that of next(call)"
            raise InvalidArgument(text)
        self.request_id = response.request_id
        self._home = _home(self.client.connections.is_async)
        self._is_waiting = self._is_pending = False
        self._heard = {}
        rule = self.rules.settings
        if self._settings is not None and rule is not None:
            await self._deliver({"type": rule.message, rule.field: self._settings})

    async def _shake_hands(self, client: Session, call: Call) -> Response:
        """Open the WebSocket: what one exchange is here."""
        from api302._http.websocket import Opening, Refused, opened

        scheme, _, rest = call.url.partition("://")
        query = urlencode(dict(call.query), doseq=True)
        how = Opening(
            f"{_SCHEMES[scheme]}://{rest}{'?' if query else ''}{query}",
            dict(call.headers),
            _seconds(call),
            client.connections.proxy,
            self._queue,
        )
        try:
            self._socket = await opened(client.connections.is_async, how, call.what)
        except Refused as refused:
            response = Response(refused.status, refused.headers)
            response.keep(refused.body, None)
            response.verdict = response_error(client, call, response), True
            return response
        response = Response(101)
        response.keep(b"", None)
        response.verdict = None, False
        return response

    def _here(self) -> SyncSocket | AsyncSocket:
        """The connection, if it belongs to this process and this event loop."""
        socket = self._socket
        if socket is None:
            raise Api302Error(f"{self.what}: the session is not open; use it in a `with` block")
        if self._home != _home(self.client.connections.is_async):
            raise ConnectionError(
                f"{self.what}: the session belongs to the process or event loop that opened it;"
                " open another one here",
                sent=False,
            )
        return socket

    async def end(self) -> None:
        """Close the connection; what was received stays to be read by nobody."""
        socket, self._socket = self._socket, None
        if socket is None:
            return
        self.client.connections.sessions.discard(self)
        if self._home != _home(self.client.connections.is_async):
            socket.leave()
        elif socket.ending is None:
            await socket.close()

    async def abandon(self) -> None:
        """Let go of the connection at once, as whoever is canceled must."""
        socket, self._socket = self._socket, None
        if socket is not None:
            self.client.connections.sessions.discard(self)
            await socket.abandon()

    # Sending

    async def send(self, event: Any) -> None:
        """Send an event. Raises RealtimeClosed, TimeoutError, InvalidArgument."""
        if not is_mapping(event) or not isinstance(event.get("type"), str):
            raise InvalidArgument("event: must be a mapping with a `type`, as text")
        socket = self._here()
        if ending := socket.ending:
            await self._renew(ending)
        self._is_used = self._is_pending = True
        self._is_waiting = self._is_waiting or event["type"] == self.rules.response.ask
        await self._deliver(event)

    async def _deliver(self, event: Mapping[str, Any]) -> None:
        from api302._http.websocket import Closed
        from api302_client._model import plain

        sent = {name: _text(value) for name, value in event.items()}
        try:
            text = json.dumps(plain(sent), ensure_ascii=False, allow_nan=False)
            text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgument(f"event: cannot be sent as JSON: {error}") from None
        try:
            await self._here().send(text)
        except Closed as ending:
            raise self._over(ending) from None
        except builtins.TimeoutError:
            seconds = _seconds(self._call)
            text = f"{self.what}: the service took no event for {seconds:g} s"
            raise TimeoutError(text, sent=True) from None

    async def send_audio(self, pcm: Any) -> None:
        """Send audio in events of a bearable size."""
        rule = self.rules.audio
        if rule is None:
            raise InvalidArgument(f"{self.what}: takes no audio")
        whole = memoryview(_bytes(pcm)).cast("B")
        for start in range(0, len(whole), CHUNK):
            text = base64.b64encode(whole[start : start + CHUNK]).decode()
            await self.send({"type": rule.message, rule.field: text})

    async def interrupt(self, played_ms: int | None) -> None:
        """Cancel the response in progress, and cut what was not heard of its audio."""
        turn, cut = self.rules.response, self.rules.truncate
        if self._is_waiting and turn.cancel:
            await self.send({"type": turn.cancel})
        if played_ms is not None and cut and self._heard:
            until = {cut.until: max(0, int(played_ms))}
            await self.send({"type": cut.message, **self._heard, **until})
            self._heard = {}

    # Receiving

    async def receive(self, timeout: float | None) -> Any:
        """The next event. Raises RealtimeClosed, TimeoutError, DecodeError."""
        from api302._http.websocket import Closed

        limit = _seconds(self._call) if self._is_waiting and timeout is None else timeout
        while True:
            try:
                message = await self._here().receive(limit if limit != float("inf") else None)
            except builtins.TimeoutError:
                text = f"{self.what}: no event within {limit:g} s"
                raise TimeoutError(text, sent=self._is_used) from None
            except Closed as ending:
                await self._renew(ending)
                continue
            return self._event(message)

    def _event(self, message: str | bytes) -> Any:
        from api302_client._structure import structure

        try:
            data = json.loads(message)
        except (ValueError, RecursionError):
            data = None
        if not is_object(data):
            content = message.encode() if isinstance(message, str) else message
            raise DecodeError(
                f"{self.what}: an event that is not a JSON object; the session goes on",
                content=self.client.redactor.content(content),
                call=self.what,
            )
        self._note(data)
        return structure(self._received, data)

    def _note(self, event: dict[str, Any]) -> None:
        """What an event means for the state of the session."""
        name, turn = event.get("type"), self.rules.response
        if not isinstance(name, str):  # what is none is an event all the same
            return
        if name not in self.rules.first:
            self._repeats = 0
        if name == turn.begin:
            self._is_waiting = True
        elif name == turn.end:
            self._is_waiting = self._is_pending = False
        elif name in self.pieces and self.rules.truncate:
            copied = self.rules.truncate.copied
            self._heard = {field: event[field] for field in copied if field in event}

    # Another connection

    async def _renew(self, ending: Closed) -> None:
        """Connect again where that is safe: nothing that was sent is sent again.

        Raises RealtimeClosed where it is not.
        """
        retries = self._call.options.retries
        if not self._may_reconnect(ending) or self._repeats >= retries:
            raise self._over(ending)
        self._repeats += 1
        _log.logger.warning(
            "%s: the connection is over (%d); reconnection %d of %d",
            self.what,
            ending.code,
            self._repeats,
            retries,
        )
        await self._connect()

    def _may_reconnect(self, ending: Closed) -> bool:
        if ending.code not in PASSING or self._reconnect == "never":
            return False
        is_idle = self._reconnect == "idle" and not (self._is_waiting or self._is_pending)
        return is_idle or not self._is_used

    def _over(self, ending: Closed) -> RealtimeClosed:
        reason = self.client.redactor.text(ending.reason)
        text = f"{self.what}: the session is over ({ending.code}): {reason or 'no reason given'}"
        return RealtimeClosed(
            text,
            close_code=ending.code,
            reason=reason,
            sent=self._is_used,
            request_id=self.request_id,
            call=self.what,
        )

    def audio(self, event: Any) -> bytes:
        """The audio in an event."""
        name = getattr(event, "type", None)
        field = self.pieces.get(name) if isinstance(name, str) else None
        text = getattr(event, field, None) if field else None
        try:
            return base64.b64decode(text or "")
        except (ValueError, TypeError):
            raise DecodeError(f"{self.what}: audio that is not base64", call=self.what) from None

    def __repr__(self) -> str:
        return "open" if self.is_open else "not open"


def _text(value: Any) -> Any:
    """Bytes of audio as base64; anything else as it is."""
    return base64.b64encode(_bytes(value)).decode() if isinstance(value, Pcm) else value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, Pcm):
        raise InvalidArgument(f"pcm: must be bytes, not {type(value).__name__}")
    return cast("bytes", value)


def _valid_reconnect(given: Any) -> Reconnect:
    known = get_args(Reconnect)
    if given is not None and given not in known:
        raise InvalidArgument(f"reconnect: must be one of {', '.join(known)}, not {given!r}")
    return given or "unused"


def _valid_queue(given: Any) -> int:
    if given is None:
        return QUEUE
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InvalidArgument(f"max_queue: must be a whole number, 1 or more, not {given!r}")
    return given


def _seconds(call: Call) -> float:
    """Seconds that the caller waits for the service; infinity for no limit."""
    timeout = call.options.timeout
    seconds = timeout if isinstance(timeout, (int, float)) else timeout.read
    return float("inf") if seconds is None else float(seconds)


def _home(is_async: bool) -> tuple[int, Any]:
    """Where a connection belongs: the process, and its event loop."""
    if not is_async:
        return os.getpid(), None
    from asyncio import get_running_loop

    try:
        return os.getpid(), get_running_loop()
    except RuntimeError:
        return os.getpid(), None


def _refuse_trio() -> None:
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        raise Api302Error(
            "a realtime call needs asyncio, as websockets knows no other event loop: run it with"
            " asyncio, or use Client in a thread, such as trio.to_thread.run_sync"
        ) from None
