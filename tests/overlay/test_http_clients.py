"""Callers' own HTTP clients: which are taken, and with which timeout."""

from __future__ import annotations

import asyncio
import gzip
import time
import urllib.request
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from patience import PATIENCE
from support import KEY, api302, http, silent

RESPONSE = {"id": "c-1", "choices": []}
LIBRARIES = {"httpx": httpx, "httpx2": httpx2}


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


class Wrapped:
    """An instrumented client, as tracing libraries make them: of no class of the library."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.sent = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, *args: Any, **kwargs: Any) -> Any:
        self.sent += 1
        return self._inner.send(*args, **kwargs)


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_instrumented_client_is_taken(library: str, serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    with LIBRARIES[library].Client() as inner:
        wrapped = Wrapped(inner)
        client = api302.Client(api_key=KEY, base_url=server.url, http_client=wrapped)
        assert chat(client).id == "c-1"
        assert wrapped.sent == 1

    async def main() -> None:
        async with LIBRARIES[library].AsyncClient() as inner:
            wrapped = Wrapped(inner)
            client = api302.AsyncClient(api_key=KEY, base_url=server.url, http_client=wrapped)
            assert (await chat(client)).id == "c-1"
            assert wrapped.sent == 1

    asyncio.run(main())


class Subclass(httpx2.Client):
    """A client of a caller's own class."""


def refused() -> dict[str, tuple[Any, Any]]:
    """Each with the kind of client that it is given to."""
    return {
        "httpx.AsyncClient": (httpx.AsyncClient(), api302.Client),
        "httpx2.AsyncClient": (httpx2.AsyncClient(), api302.Client),
        "httpx.Client": (httpx.Client(), api302.AsyncClient),
        "httpx2.Client": (httpx2.Client(), api302.AsyncClient),
        "urllib.request.OpenerDirector": (urllib.request.build_opener(), api302.Client),
        "test_http_clients.Subclass": (Subclass(), api302.AsyncClient),
        "builtins.str": ("http://127.0.0.1", api302.Client),
        "the class httpx2.Client": (httpx2.Client, api302.Client),
    }


@pytest.mark.parametrize(
    "name",
    [
        "httpx.AsyncClient",
        "httpx2.AsyncClient",
        "httpx.Client",
        "httpx2.Client",
        "urllib.request.OpenerDirector",
        "test_http_clients.Subclass",
        "builtins.str",
        "the class httpx2.Client",
    ],
)
def test_anything_else_is_refused_by_its_name(name: str) -> None:
    given, kind = refused()[name]
    takes = "an httpx2.AsyncClient or httpx.AsyncClient"
    if kind is api302.Client:
        takes = "an httpx2.Client or httpx.Client"
    with pytest.raises(api302.InvalidArgument) as caught:
        kind(api_key=KEY, http_client=given)
    assert f"http_client: {kind.__name__} takes {takes}, not " in str(caught.value)
    module, _, last = name.rpartition(".")
    assert module in str(caught.value).partition(", not ")[2]
    assert str(caught.value).endswith(f".{last}")


# --- timeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
def test_its_own_timeout_holds(library: str, serve: Any) -> None:
    with LIBRARIES[library].Client(timeout=0.2) as mine:
        client = api302.Client(
            api_key=KEY, base_url=serve(silent).url, http_client=mine, max_retries=0
        )
        with pytest.raises(api302.TimeoutError):
            chat(client)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("own", [0.05, None])
def test_an_argument_of_ours_is_stronger(library: str, own: Any, serve: Any) -> None:
    def slow(connection: Any, _: Any) -> None:
        time.sleep(0.3)
        connection.sendall(http(RESPONSE))

    given = LIBRARIES[library].Timeout(own if own else 0.05)
    with LIBRARIES[library].Client(timeout=given) as mine:
        client = api302.Client(
            api_key=KEY, base_url=serve(slow).url, http_client=mine, timeout=PATIENCE, max_retries=0
        )
        assert chat(client).id == "c-1"
    with LIBRARIES[library].Client(timeout=given) as mine:
        client = api302.Client(
            api_key=KEY, base_url=serve(slow).url, http_client=mine, max_retries=0
        )
        assert chat(client, timeout=PATIENCE).id == "c-1"


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_librarys_five_seconds_are_no_ones_wish(library: str) -> None:
    theirs = LIBRARIES[library]
    for timeout, expected in (
        ({}, 600),
        ({"timeout": 7}, theirs.Timeout(7)),
        ({"timeout": None}, theirs.Timeout(None)),
        ({"timeout": theirs.Timeout(9, connect=1)}, theirs.Timeout(9, connect=1)),
    ):
        with theirs.Client(**timeout) as mine:
            client = api302.Client(api_key=KEY, http_client=mine)
            assert client._client.settings.timeout == expected


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_timeout_object_of_either_library(library: str, serve: Any, connect: Any) -> None:
    given = LIBRARIES[library].Timeout(30, read=0.2)
    client = connect(serve(silent), timeout=given, max_retries=0)
    with pytest.raises(api302.TimeoutError, match="no sign of life"):
        chat(client)


@pytest.mark.parametrize("given", [0, -1, True, "5", object(), float("nan"), (1, 2, 3, 4)])
def test_other_timeouts_are_refused(given: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match="timeout: must be seconds above 0"):
        api302.Client(api_key=KEY, timeout=given)


def test_a_timeout_object_with_text_is_refused() -> None:
    class Timeout:
        connect = read = write = pool = "5"

    with pytest.raises(api302.InvalidArgument, match="timeout: must be seconds above 0"):
        api302.Client(api_key=KEY, timeout=Timeout())


@pytest.mark.parametrize("library", LIBRARIES)
def test_fault_12_files_by_a_transport_for_tests(library: str, tmp_path: Path) -> None:
    """It has the whole body at once, and nothing came off a wire: that is no broken download."""
    lib: Any = LIBRARIES[library]

    def handle(request: Any) -> Any:
        path = request.url.path
        if path.endswith(".gz"):
            packed = gzip.compress(b"hello")
            return lib.Response(200, content=packed, headers={"content-encoding": "gzip"})
        return lib.Response(200, content=b"ID3", headers={"content-type": "audio/mpeg"})

    with lib.Client(transport=lib.MockTransport(handle)) as own:
        client = api302.Client(api_key=KEY, base_url="https://x.test", http_client=own)
        for name, content in (("a.mp3", b"ID3"), ("a.gz", b"hello")):
            url = f"https://x.test/{name}"
            assert client.download(url, tmp_path / name).read_bytes() == content
            assert api302.Output(client._client, url).read(most=9) == content
        with client.audio.acme.stream_speech(input="x") as stream:
            assert stream.save(tmp_path / "b.mp3").read_bytes() == b"ID3"

    async def main() -> None:
        async with lib.AsyncClient(transport=lib.MockTransport(handle)) as own:
            client = api302.AsyncClient(api_key=KEY, base_url="https://x.test", http_client=own)
            saved = await client.download("https://x.test/c.gz", tmp_path / "c")
            assert saved.read_bytes() == b"hello"
            async with client.audio.acme.stream_speech(input="x") as stream:
                assert [piece async for piece in stream] == [b"ID3"]

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)
