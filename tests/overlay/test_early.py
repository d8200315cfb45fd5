"""Fault 5: a response that comes before its request was sent, from a server that reads no more."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
import pytest
from patience import PATIENCE
from support import KEY, api302, http, reset

LARGE = b"\x00\x01" * (8 << 20)
"""Bytes that no buffer of a connection takes at once."""
REFUSED = http({"error": {"message": "no more than 1 MB"}}, "413 Content Too Large")
DONE = http({"text": "paid for"})
BODIES: dict[str, dict[str, Any]] = {
    "a file of a form": {"files": {"file": ("a.wav", LARGE)}},
    "JSON": {"json": {"image": "x" * (16 << 20)}},
}


class Early:
    """Responds to the head of a request, and closes the connection while the body is sent."""

    def __init__(self, response: bytes, tls: ssl.SSLContext | None = None) -> None:
        self._response, self._tls = response, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.calls += 1
                threading.Thread(target=self._respond, args=(connection,), daemon=True).start()

    def _respond(self, connection: socket.socket) -> None:
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1000)
            connection.settimeout(0.3)  # the client fills what there is of buffers, and waits
            connection.sendall(self._response)
            threading.Event().wait(0.3)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def early() -> Iterator[Any]:
    made: list[Early] = []

    def make(response: bytes, tls: ssl.SSLContext | None = None) -> Early:
        made.append(Early(response, tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


def check(server: Early, outcome: Any) -> None:
    assert server.calls == 1
    if server._response is DONE:
        assert outcome.parsed == {"text": "paid for"}
        return
    assert isinstance(outcome, api302.RequestTooLargeError)
    assert (outcome.status_code, outcome.request_id) == (413, "req-1")
    assert "no more than 1 MB" in str(outcome)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("response", [REFUSED, DONE], ids=["413", "200"])
def test_fault_05_a_response_in_the_middle_of_an_upload(
    early: Any, connect: Any, response: bytes, body: str
) -> None:
    server = early(response)
    client = connect(server, timeout=PATIENCE)
    try:
        check(server, client.request("POST", "/x", **BODIES[body]))
    except api302.ApiError as error:
        check(server, error)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("response", [REFUSED, DONE], ids=["413", "200"])
@pytest.mark.parametrize("over", ["httpx2", "aiohttp", "trio"])
def test_fault_05_an_async_client_gets_it_too(
    early: Any, over: str, response: bytes, body: str
) -> None:
    """Over httpx2 on asyncio, which forgets what was received, it was a connection that broke."""
    server = early(response)

    async def main() -> None:
        own = None if over == "trio" else over
        settings = {"api_key": KEY, "base_url": server.url, "transport": own, "timeout": PATIENCE}
        async with api302.AsyncClient(**settings) as client:
            try:
                check(server, await client.request("POST", "/x", **BODIES[body]))
            except api302.ApiError as error:
                check(server, error)

    anyio.run(main, backend="trio" if over == "trio" else "asyncio")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate of its own that clients trust."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    certificate = builder.add_extension(host, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "both.pem").write_bytes(private + public)
    (tmp_path / "public.pem").write_bytes(public)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


@pytest.mark.parametrize("over", ["httpx2", "aiohttp"])
def test_fault_05_a_response_in_the_middle_of_an_upload_by_tls(
    early: Any, tls: ssl.SSLContext, over: str
) -> None:
    server = early(REFUSED, tls)

    async def main() -> None:
        settings = {"api_key": KEY, "base_url": server.url, "transport": over, "timeout": PATIENCE}
        async with api302.AsyncClient(**settings) as client:
            with pytest.raises(api302.RequestTooLargeError) as caught:
                await client.request("POST", "/x", **BODIES["a file of a form"])
            check(server, caught.value)

    asyncio.run(main())


def test_fault_15_what_nobody_reads_waits_on_the_network(serve: Any) -> None:
    """A socket that is read while a request is written is not read on afterwards."""
    sent: list[int] = []

    def endless(connection: socket.socket, _: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n\r\n")
        connection.settimeout(1.0)
        with suppress(OSError):
            while sum(sent) < 256 << 20:
                sent.append(connection.send(b"x" * 65536))

    async def main() -> None:
        settings = {"api_key": KEY, "base_url": serve(endless).url, "transport": "httpx2"}
        async with (
            api302.AsyncClient(**settings) as client,
            client.audio.acme.stream_speech(input="x") as stream,
        ):
            await anext(stream)
            for _ in range(100):
                await asyncio.sleep(0.005)

    asyncio.run(main())
    assert sum(sent) < 64 << 20


def test_fault_05_a_connection_that_breaks_says_how(serve: Any) -> None:
    """An error of the library without words was an error of ours without words."""

    async def main() -> None:
        settings = {"api_key": KEY, "base_url": serve(reset).url, "transport": "httpx2"}
        async with api302.AsyncClient(**settings) as client:
            with pytest.raises(api302.ConnectionError, match=r"^POST /x: \w+"):
                await client.request("POST", "/x", json={})

    asyncio.run(main())
