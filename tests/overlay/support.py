"""A server that sends byte by byte what a test wants, and the packages under test.

conftest.py builds them from the mini spec.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from patience import PATIENCE

KEY = "sk-secret-key-0123456789"


def environment(packages: list[str], **more: str) -> dict[str, str]:
    """The variables of a process that has the packages under test, and no settings of this one."""
    system = ("PATH", "SYSTEMROOT", "TEMP")  # without these Windows opens no socket
    kept = {name: os.environ[name] for name in system if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(packages), **more}


class Lazy:
    """A module imported on first use, since the packages under test come after collection."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


api302: Any = Lazy("api302")


@dataclass
class Request:
    """What a client sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Step = bytes | Callable[[socket.socket, Request], None]


def http(
    body: bytes | str | object = b"",
    status: str = "200 OK",
    content_type: str = "application/json",
    **headers: str,
) -> bytes:
    """A whole response; what is no bytes is sent as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False).encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"content-type: {content_type}",
        "request-id: req-1",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(content_type: str, *more: str) -> bytes:
    """The head of a response that ends when the connection closes, or as `more` headers say."""
    return (
        "\r\n".join(
            ["HTTP/1.1 200 OK", f"content-type: {content_type}", "request-id: req-1", *more]
        ).encode()
        + b"\r\n\r\n"
    )


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def events(*items: object, done: bool = True) -> bytes:
    """An event stream of JSON events."""
    lines = [b"data: " + json.dumps(item, ensure_ascii=False).encode() + b"\n\n" for item in items]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def delta(text: str, **more: object) -> dict[str, object]:
    return {
        "id": "c-1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
        **more,
    }


def reset(connection: socket.socket, _: object = None) -> None:
    """Break a connection off, as a crash does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Server:
    """Plays its script, a step a request; the last step again and again if `forever`."""

    steps: list[Step]
    forever: bool = False
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as file:
            while request := self._read(file):
                with self._lock:
                    self.requests.append(request)
                    step = (
                        self.steps[0]
                        if self.forever and len(self.steps) == 1
                        else self.steps.pop(0)
                        if self.steps
                        else http({}, "500 No step left")
                    )
                if callable(step):
                    step(connection, request)
                    if connection._closed:  # type: ignore[attr-defined] # it is closed for good when `file` is
                        return
                else:
                    connection.sendall(step)
                    if b"content-length" not in step and b"chunked" not in step:
                        return

    @staticmethod
    def _read(file: Any) -> Request | None:
        first = file.readline()
        if not first:
            return None
        method, target, _ = first.decode().split()
        headers: dict[str, str] = {}
        while (line := file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        if headers.get("transfer-encoding") == "chunked":
            while size := int(file.readline(), 16):
                body += file.read(size)
                file.readline()
            file.readline()
        return Request(method, target, headers, body)

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket, _: object = None) -> None:
    """Say nothing more, until the client lets go: for longer than any machine is slow."""
    connection.settimeout(2 * PATIENCE)
    with suppress(OSError):
        connection.recv(1)
    connection.close()


def slowly(
    pieces: Iterable[bytes],
    start: bytes,
    end: Callable[[socket.socket], None] | None = None,
    pause: float = 0.0,
) -> Step:
    """A step that sends a head, then pieces, each in a write of its own, then ends as asked."""

    def step(connection: socket.socket, _: Request) -> None:
        import time

        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(start)
        for piece in pieces:
            if pause:
                time.sleep(pause)
            connection.sendall(piece)
        if end is None:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        else:
            end(connection)

    return step


def held(client: Any) -> int:
    """How many connections an async client has open."""
    transport = client._client.io._http._transport
    if hasattr(transport, "_pool"):
        return len(transport._pool.connections)
    connector = transport.client.connector
    return len(connector._acquired) + sum(map(len, connector._conns.values()))
