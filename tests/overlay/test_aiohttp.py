"""The network of an async client by httpx2 and by aiohttp: what must be the same with both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import trio
from patience import PATIENCE, reserved_port, until
from support import KEY, Request, api302, http, reset, silent

RESPONSE = {"id": "c-1", "choices": []}


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def used(url: str, job: Callable[[Any], Any], **options: Any) -> Any:
    async def main() -> Any:
        options.setdefault("max_retries", 0)
        async with api302.AsyncClient(api_key=KEY, base_url=url, **options) as client:
            return await job(client)

    return asyncio.run(main())


def refusing() -> str:
    return f"http://127.0.0.1:{reserved_port()}"


def kind(client: Any) -> str:
    return type(client._client.io._http).__module__.partition(".")[0]


# --- which is used --------------------------------------------------------------------------------


def chosen(**options: Any) -> str:
    async def main() -> str:
        async with api302.AsyncClient(api_key=KEY, **options) as client:
            return kind(client)

    return asyncio.run(main())


def test_aiohttp_where_it_is_installed() -> None:
    pytest.importorskip("httpx_aiohttp")
    assert chosen() == "api302"
    assert chosen(transport="aiohttp") == "api302"


def test_httpx2_where_it_is_told_so() -> None:
    assert chosen(transport="httpx2") == "httpx2"


def test_httpx2_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(proxy="http://127.0.0.1:3128") == "httpx2"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert chosen() == "httpx2"


def test_httpx2_on_trio() -> None:
    async def main() -> str:
        async with api302.AsyncClient(api_key=KEY) as client:
            return kind(client)

    assert trio.run(main) == "httpx2"


def test_httpx2_where_aiohttp_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util
    import sys

    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "api302._http.aiohttp", raising=False)
    assert chosen() == "httpx2"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(api302.InvalidArgument, match=r"pip install 'api302\[aiohttp\]'"):
        chosen(transport="aiohttp")


def test_other_transports_are_refused() -> None:
    import httpx2

    with pytest.raises(api302.InvalidArgument, match="transport: must be 'aiohttp', 'httpx2'"):
        api302.AsyncClient(api_key=KEY, transport="curl")
    with pytest.raises(api302.InvalidArgument, match="transport: leave it out"):
        api302.AsyncClient(api_key=KEY, transport="httpx2", http_client=httpx2.AsyncClient())


# --- what must be the same ------------------------------------------------------------------------

both = pytest.mark.usefixtures("network")


def hung_up(connection: Any, _: Any) -> None:
    connection.close()


@both
@pytest.mark.parametrize("step", [reset, hung_up, silent])
def test_what_was_sent_is_known_to_be_sent(step: Any, serve: Any) -> None:
    server = serve(step, forever=True)
    patient = httpx2.Timeout(PATIENCE, read=0.4 if step is silent else PATIENCE)
    with pytest.raises(api302.ConnectionError) as caught:
        used(server.url, chat, timeout=patient, max_retries=3)
    assert caught.value.sent
    until(lambda: server.requests, "it is received")
    assert len(server.requests) == 1
    assert isinstance(caught.value, api302.TimeoutError) == (step is silent)


@both
@pytest.mark.parametrize("scheme", ["refused", "no name", "no TLS"])
def test_what_was_not_sent_is_known_not_to_be(scheme: str, serve: Any) -> None:
    url = {
        "refused": refusing,
        "no name": lambda: "http://no-such-host.invalid",
        "no TLS": lambda: serve(http(RESPONSE)).url.replace("http:", "https:"),
    }[scheme]()
    with pytest.raises(api302.ConnectionError, match="no connection to") as caught:
        used(url, chat)
    assert not isinstance(caught.value, api302.TimeoutError)
    assert (caught.value.sent, caught.value.unreached) == (False, True)


@both
def test_a_call_on_a_connection_that_just_died_is_not_repeated(serve: Any) -> None:
    """Not even a GET, which may cost: a library that repeats it in silence pays twice."""

    server = serve(http({"code": 0}), hung_up, http({"code": 0}))

    async def job(client: Any) -> None:
        await client.request("GET", "/one")
        with pytest.raises(api302.ConnectionError) as caught:
            await client.request("GET", "/two")
        assert caught.value.sent

    used(server.url, job)
    assert [request.path for request in server.requests] == ["/one", "/two"]


@both
def test_a_url_goes_as_it_is(serve: Any, tmp_path: Any) -> None:
    """A signature is over the URL as it was written."""
    server = serve(http(b"x", content_type="image/png"))
    target = "/a%2Fb/%28c%29/~d/e+f?X-Sig=a%2Fb%3D%3D&g=h+i&j=%E7%8C%AB&k=*'()"
    used(server.url, lambda client: client.download(server.url + target, tmp_path / "x.png"))
    assert server.requests[0].target == target


@both
def test_a_form_and_its_file(serve: Any) -> None:
    server = serve(http({"code": 200}))
    content = b"\x89PNG" + bytes(300_000)
    used(server.url, lambda client: client.tools.extra.upload(file=content, prefix="p"))
    request = server.requests[0]
    assert content in request.body
    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers


@both
def test_large_json(serve: Any) -> None:
    server = serve(http(RESPONSE))
    text = "猫" * 200_000
    used(server.url, lambda client: chat(client, extra_body={"user": text}))
    assert server.requests[0].json["user"] == text
    assert server.requests[0].headers["content-type"] == "application/json"


@both
def test_an_upload_that_stalls_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(api302.TimeoutError) as caught:
            used(
                url,
                lambda client: chat(client, extra_body={"user": "x" * (64 << 20)}),
                timeout=httpx2.Timeout(0.5, connect=PATIENCE),
            )
    assert caught.value.sent


@both
def test_a_response_before_the_end_of_an_upload() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def job(client: Any) -> None:
            task = asyncio.ensure_future(chat(client, extra_body={"user": "x" * (64 << 20)}))
            connection, _ = await asyncio.to_thread(listener.accept)
            with connection:
                await asyncio.to_thread(connection.recv, 1000)
                connection.sendall(http({"error": {"message": "too large"}}, "413 x"))
                with pytest.raises((api302.RequestTooLargeError, api302.ConnectionError)) as caught:
                    await asyncio.wait_for(task, PATIENCE)
            return caught.value

        error = used(url, job, timeout=httpx2.Timeout(5, connect=PATIENCE))
    assert getattr(error, "sent", True)


@both
def test_a_long_header(serve: Any) -> None:
    long = "x" * 30_000

    async def job(client: Any) -> Any:
        return await client.with_raw_response(client.chat.completions.create)(
            model="small", messages=[]
        )

    raw = used(serve(http(RESPONSE, x_long=long)).url, job)
    assert raw.headers["x-long"] == long


@both
@pytest.mark.parametrize("value", ["猫".encode(), "é".encode("latin-1")])
def test_headers_that_are_not_ascii_or_come_twice(value: bytes, serve: Any) -> None:
    step = http(RESPONSE).replace(b"request-id: req-1", b"x-a: " + value + b"\r\nX-A: b")

    async def job(client: Any) -> Any:
        method = client.with_raw_response(client.chat.completions.create)
        return await method(model="small", messages=[])

    text = "猫" if len(value) == 3 else "é"
    assert used(serve(step).url, job).headers["x-a"] == f"{text}, b"


@both
def test_a_file_that_fails_while_it_is_sent(serve: Any) -> None:
    class Broken:
        name = "x.png"

        def __init__(self) -> None:
            self.read_once = False

        def read(self, size: int = -1) -> bytes:
            if self.read_once:
                raise OSError(5, "the disk is gone")
            self.read_once = True
            return b"\x89PNG" + bytes(100)

    def drain(connection: Any, request: Request) -> None:
        connection.sendall(http({}))

    with pytest.raises(OSError, match="the disk is gone"):
        used(serve(drain).url, lambda client: client.tools.extra.upload(file=Broken(), prefix="p"))


@both
def test_hundreds_at_once_need_no_queue(many: str) -> None:
    async def job(client: Any) -> None:
        await asyncio.gather(*(chat(client) for _ in range(300)))
        assert not client._client.io.limiter._waiting

    used(many, job, timeout=httpx2.Timeout(PATIENCE))
