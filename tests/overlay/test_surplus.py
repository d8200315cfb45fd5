"""A server that sends more than the response to a call (fault 1: whose response it is)."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from patience import PATIENCE
from support import KEY, api302, head, http


def chat(client: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[])


def answered(text: str) -> bytes:
    return http({"id": text, "choices": []})


SURPLUS = {
    "another response": answered("b"),
    "a body that is longer than it says": b" " * 40,
    "a beginning": b"HTT",
    "a chunked one behind it": head("text/plain", "transfer-encoding: chunked") + b"0\r\n\r\n",
}


@pytest.mark.parametrize("surplus", SURPLUS)
def test_fault_01_what_a_server_sends_too_much_is_no_response_to_the_next_call(
    surplus: str, serve: Any, connect: Any
) -> None:
    """It waited on the connection for the next call, which got it, or failed of it."""
    server = serve(answered("a") + SURPLUS[surplus], answered("c"))
    client = connect(server, max_retries=0)
    ids = [client.chat.completions.create(model="small", messages=[]).id for _ in range(2)]
    assert ids == ["a", "c"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("transport_of_its_own", ["httpx2", "aiohttp"])
@pytest.mark.parametrize("surplus", SURPLUS)
def test_fault_01_nor_for_an_async_client(
    surplus: str, transport_of_its_own: str, serve: Any
) -> None:
    server = serve(answered("a") + SURPLUS[surplus], answered("c"))

    async def main() -> list[str]:
        settings = {"api_key": KEY, "base_url": server.url, "transport": transport_of_its_own}
        async with api302.AsyncClient(**settings, max_retries=0) as client:
            create = client.chat.completions.create
            return [(await create(model="small", messages=[])).id for _ in range(2)]

    assert asyncio.run(main()) == ["a", "c"]
    assert len(server.requests) == 2


def test_fault_01_a_connection_is_kept_where_nothing_is_too_much(serve: Any, connect: Any) -> None:
    server = serve(answered("a"), answered("b"), answered("c"))
    client = connect(server)
    ids = [client.chat.completions.create(model="small", messages=[]).id for _ in range(3)]
    assert (ids, server.connections) == (["a", "b", "c"], 1)


UNASKED = {
    "a response": answered("b"),
    "the end of an idle connection": http("", "408 Request Timeout", connection="close"),
    "what is no HTTP": b"x" * 40,
}


@pytest.mark.parametrize("transport_of_its_own", ["httpx2", "aiohttp"])
@pytest.mark.parametrize("unasked", UNASKED)
def test_fault_01_what_arrives_unasked_is_no_response_to_the_next_call(
    unasked: str, transport_of_its_own: str, serve: Any
) -> None:
    """By aiohttp, the next call got it, and was not made."""
    is_sent = threading.Event()

    def more(connection: Any, _: Any) -> None:
        connection.sendall(answered("a"))
        is_read.wait(PATIENCE)
        connection.sendall(UNASKED[unasked])
        is_sent.set()

    is_read = threading.Event()
    server = serve(more, answered("c"))

    async def main() -> list[str]:
        settings = {"api_key": KEY, "base_url": server.url, "transport": transport_of_its_own}
        async with api302.AsyncClient(**settings, max_retries=0) as client:
            first = await chat(client)
            is_read.set()
            await asyncio.to_thread(is_sent.wait, PATIENCE)
            for _ in range(5):  # the loop reads what has arrived
                await asyncio.sleep(0.01)
            return [first.id, (await chat(client)).id]

    assert asyncio.run(main()) == ["a", "c"]
    assert len(server.requests) == 2


# --- what is not quite HTTP -----------------------------------------------------------------------

RESPONSE = b'{"id": "a", "choices": []}'
LENGTH = b"content-length: %d" % len(RESPONSE)
CHUNKS = b"transfer-encoding: chunked"
IN_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(RESPONSE), RESPONSE)
PAID = {
    "its length twice": ((LENGTH, LENGTH), RESPONSE),
    "a length and chunks": ((LENGTH, CHUNKS), IN_CHUNKS),
    "chunks and a length": ((CHUNKS, b"Content-Length: 1"), IN_CHUNKS),
    "many headers": ((LENGTH, *[b"x-%d: 1" % number for number in range(300)]), RESPONSE),
    "a chunk that is longer": ((CHUNKS,), IN_CHUNKS.replace(b"]}", b"]}XX")),
}


def whole(lines: tuple[bytes, ...], body: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"request-id: req-1", *lines, b"", body])


@pytest.mark.parametrize("how", PAID)
def test_fault_05_a_response_that_is_not_quite_http_is_returned(
    how: str, serve: Any, network: str
) -> None:
    """aiohttp refused what httpx2 takes, without status, request id and content."""
    server = serve(whole(*PAID[how]))

    async def main() -> str:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            return (await chat(client)).id

    assert asyncio.run(main()) == "a"
    assert len(server.requests) == 1


BROKEN = [b"0x5\r\nhello\r\n", b"-5\r\nhello\r\n", b"f" * 30 + b"\r\nhello", b"5\nhello\n0\n\n"]


@pytest.mark.parametrize("chunks", BROKEN)
@pytest.mark.parametrize("apart", [False, True])
def test_fault_16_broken_chunks_are_not_waited_for(
    chunks: bytes, apart: bool, serve: Any, network: str
) -> None:
    """Over aiohttp, for ever: it had dropped its timeout as well."""

    def respond(connection: Any, _: Any) -> None:
        head_, end, body = whole((CHUNKS,), chunks).partition(b"\r\n\r\n")
        connection.sendall(head_ + end + (b"" if apart else body))
        if apart:
            time.sleep(0.05)
            connection.sendall(body)
        connection.close()

    server = serve(respond)

    async def main() -> None:
        settings = {"api_key": KEY, "base_url": server.url, "max_retries": 0}
        async with api302.AsyncClient(**settings, timeout=PATIENCE) as client:
            with pytest.raises(api302.ConnectionError) as caught:
                await asyncio.wait_for(chat(client), PATIENCE)
            assert (caught.value.status_code, caught.value.request_id) == (200, "req-1")
            assert "400" not in str(caught.value)
            assert "\n" not in str(caught.value)

    asyncio.run(main())
