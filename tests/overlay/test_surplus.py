"""A server that sends more than the response to a call (fault 1: whose response it is)."""

from __future__ import annotations

import asyncio
import threading
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
