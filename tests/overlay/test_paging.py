"""Listings in pages: counted, skipped, led by a cursor; left and taken up again."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from support import KEY, api302, http, reset


@pytest.fixture
def transport() -> str:
    """Pages are calls like others: one transport is enough."""
    return "httpx2"


Options = tuple[None, Any, Any, None]
PLAIN: Options = (None, None, None, None)


def operation(method: str = "GET", **rule: Any) -> Any:
    """An operation that lists in pages, written by hand."""
    from api302_client import behaviour
    from api302_client._request import builder

    takes = ("application/json",) if method == "POST" else ()
    return api302._types.Operation(
        id="list",
        method=method,
        path="/list",
        build=builder(method, "/list", takes),
        behaviour=behaviour.read({"x-pages": {"items": "items", **rule}}),
        media_types=takes,
    )


def pages(client: Any, op: Any, options: Options = PLAIN, **given: Any) -> Any:
    return api302.Pages(client._client, op, options, given)


def served(serve: Any, *bodies: Any) -> Any:
    return serve(*[http(body) for body in bodies])


def test_a_cursor_leads_from_page_to_page(serve: Any, connect: Any) -> None:
    server = served(
        serve, {"items": [1, 2], "next": "b"}, {"items": [], "next": "c"}, {"items": [3]}
    )
    found = pages(connect(server), operation(next={"cursor": "next"}), query={"q": "x"})
    assert list(found) == [1, 2, 3]
    assert [one.target for one in server.requests] == [
        "/list?q=x",
        "/list?q=x&cursor=b",
        "/list?q=x&cursor=c",
    ]
    assert found.cursor is None
    assert list(found) == []


@pytest.mark.parametrize("end", [None, ""])
def test_a_cursor_that_is_empty_is_the_end(end: Any, serve: Any, connect: Any) -> None:
    server = served(serve, {"items": [1], "next": end})
    assert list(pages(connect(server), operation(next={"cursor": "next"}))) == [1]


def test_a_cursor_that_comes_again_ends_the_walk(serve: Any, connect: Any) -> None:
    server = serve(http({"items": [1], "next": "same"}), forever=True)
    assert list(pages(connect(server), operation(next={"cursor": "next"}))) == [1, 1]


def test_items_are_skipped_as_many_as_came(serve: Any, connect: Any) -> None:
    server = served(serve, {"items": [1, 2]}, {"items": [3]}, {"items": []})
    rule = operation(parameter="offset", counts="items", first=0)
    assert list(pages(connect(server), rule)) == [1, 2, 3]
    assert [one.target for one in server.requests] == [
        "/list?offset=0",
        "/list?offset=2",
        "/list?offset=3",
    ]


@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ({"num": 20}, ["/list?num=20&start=0", "/list?num=20&start=20"]),
        ({"num": "20"}, ["/list?num=20&start=0", "/list?num=20&start=20"]),
        ({}, ["/list?start=0", "/list?start=10"]),
        ({"start": 30}, ["/list?start=30", "/list?start=40"]),
    ],
)
def test_items_are_skipped_by_the_size_of_a_page(
    query: Any, targets: Any, serve: Any, connect: Any
) -> None:
    server = served(serve, {"items": [1, 2, 3]}, {"items": []})
    rule = operation(parameter="start", counts="items", first=0, size="num", step=10)
    assert list(pages(connect(server), rule, query=query)) == [1, 2, 3]
    assert [one.target for one in server.requests] == targets


def test_pages_are_counted_in_the_body(serve: Any, connect: Any) -> None:
    server = served(serve, {"items": [1], "more": True}, {"items": [2], "more": False})
    rule = operation("POST", parameter="page", more="more", **{"in": "body"})
    found = pages(connect(server), rule, (None, None, {"page": 4}, None), body={"query": "x"})
    assert list(found) == [1, 2]
    assert [one.json for one in server.requests] == [
        {"query": "x", "page": 4},
        {"query": "x", "page": 5},
    ]


def test_a_count_and_what_the_response_hands_on(serve: Any, connect: Any) -> None:
    server = served(
        serve, {"items": [1], "id": "s", "more": True}, {"items": [2], "id": None, "more": 0}
    )
    rule = operation(parameter="page", next={"search_id": "id"}, more="more")
    assert list(pages(connect(server), rule)) == [1, 2]
    assert [one.target for one in server.requests] == ["/list?page=1", "/list?page=2&search_id=s"]


def test_page_by_page_and_on_in_another_process(serve: Any, connect: Any) -> None:
    bodies = {"items": [1], "next": "b"}, {"items": [2], "next": None}
    server = served(serve, *bodies)
    client, rule = connect(server), operation(next={"cursor": "next"})
    first = next(pages(client, rule).pages())
    assert (first.items, first.cursor, first.response["next"]) == ([1], {"cursor": "b"}, "b")
    cursor = json.loads(json.dumps(first.cursor))
    last = list(pages(client, rule, query=cursor).pages())
    assert [(page.items, page.cursor) for page in last] == [([2], None)]
    assert server.requests[1].target == "/list?cursor=b"


@pytest.mark.parametrize("fault", [http({}, "400 x"), reset])
def test_a_page_that_fails_is_asked_for_again_and_no_other(
    fault: Any, serve: Any, connect: Any
) -> None:
    server = serve(http({"items": [1]}), fault, http({"items": [2]}), http({"items": []}))
    found = pages(connect(server), operation(parameter="page"))
    assert next(found) == 1
    with pytest.raises(api302.Api302Error):
        next(found)
    assert found.cursor == {"page": 2}
    assert list(found) == [2]
    assert [one.target for one in server.requests] == [f"/list?page={n}" for n in (1, 2, 2, 3)]


def test_a_loop_that_was_left_goes_on_at_the_next_item(serve: Any, connect: Any) -> None:
    server = served(serve, {"items": [1, 2, 3]}, {"items": []})
    found = pages(connect(server), operation(parameter="page"))
    assert next(found) == 1
    assert list(found) == [2, 3]
    assert len(server.requests) == 2


@pytest.mark.parametrize("body", [{"items": None}, {"items": {}}, {}, []])
def test_what_is_no_list_has_no_items(body: Any, serve: Any, connect: Any) -> None:
    server = served(serve, body)
    assert list(pages(connect(server), operation(parameter="page"))) == []


def test_asynchronously(serve: Any) -> None:
    server = served(serve, {"items": [1], "next": "b"}, {"items": [2]}, {"items": [3]})
    rule = operation(next={"cursor": "next"})

    async def walk() -> list[Any]:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            found = api302.AsyncPages(client._client, rule, PLAIN, {})
            later = api302.AsyncPages(client._client, rule, PLAIN, {"query": {"cursor": "c"}})
            items = [item async for item in found]
            return items + [page.items async for page in later.pages()]

    assert asyncio.run(walk()) == [1, 2, [3]]
    assert server.requests[2].target == "/list?cursor=c"


# --- one listing, several readers -----------------------------------------------------------------


def listing(serve: Any, count: int = 12) -> Any:
    """Pages of three items each, which take a moment."""

    def give(connection: Any, request: Any) -> None:
        number = int(request.target.partition("cursor=")[2] or 0)
        time.sleep(0.01)
        more = {"next": str(number + 1)} if number + 1 < count else {}
        items = [f"{number}.{one}" for one in range(3)]
        connection.sendall(http({"items": items, **more}))

    return serve(give, forever=True)


EVERY = sorted(f"{number}.{one}" for number in range(12) for one in range(3))


def test_fault_13_threads_that_read_one_listing_lose_no_item(serve: Any, connect: Any) -> None:
    """And no page is asked for twice, which may cost."""
    server = listing(serve)
    found = pages(connect(server), operation(next={"cursor": "next"}))

    def read(_: int) -> list[str]:
        taken = []
        for item in found:
            taken.append(item)
            time.sleep(0.005)
        return taken

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(read, range(4)))
    assert sorted(item for part in parts for item in part) == EVERY
    assert len(server.requests) == 12


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fault_13_tasks_that_read_one_listing_lose_no_item(serve: Any, backend: str) -> None:
    server = listing(serve)
    taken: list[str] = []

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            op = operation(next={"cursor": "next"})
            found = api302.AsyncPages(client._client, op, PLAIN, {})

            async def read() -> None:
                async for item in found:
                    taken.append(item)
                    await anyio.sleep(0.005)

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(read)

    anyio.run(main, backend=backend)
    assert sorted(taken) == EVERY
    assert len(server.requests) == 12
