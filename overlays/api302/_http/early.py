"""Responses that come before their request is sent: `413` to an upload, and a connection that ends.

asyncio forgets what a socket has received as soon as a write to it fails, and the library reads
nothing while it writes: the response would be lost. So the socket is read while a request is
written; on trio, and by a sync client, what was received stays.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2


class Stream(httpcore2.AsyncNetworkStream):
    """A connection of the library, whose socket is read while it is written to."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._stream: Any = getattr(inner, "_stream", None)
        socket = getattr(self._stream, "transport_stream", self._stream)  # below TLS
        self._transport: Any = getattr(socket, "_transport", None)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore2."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore2."""
        if self._transport is None:
            return await self._inner.write(buffer, timeout)
        self._transport.resume_reading()
        try:
            await self._inner.write(buffer, timeout)
        except httpcore2.WriteError:
            if getattr(self._stream, "_broken", False):  # TLS: what was received can be decrypted
                self._stream._broken = False
            raise
        finally:
            # Or else what nobody reads yet would fill the memory.
            self._transport.pause_reading()

    async def aclose(self) -> None:
        """See httpcore2."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """See httpcore2."""
        return Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """See httpcore2."""
        return self._inner.get_extra_info(info)


class Backend(httpcore2.AsyncNetworkBackend):
    """What makes the connections."""

    def __init__(self) -> None:
        self._inner: Any = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """See httpcore2."""
        made = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return Stream(await made)

    async def sleep(self, seconds: float) -> None:
        """See httpcore2."""
        await self._inner.sleep(seconds)


def install(http: Any) -> None:
    """Have a client of ours make such connections, through proxies too."""
    for transport in (http._transport, *http._mounts.values()):
        pool: Any = getattr(transport, "_pool", None)
        if hasattr(pool, "_network_backend"):
            pool._network_backend = Backend()
