"""Uploads of several steps in one call."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from support import KEY, Server, api302, http, reset

CONTENT = b"\x89PNG" + os.urandom(200_000)
BEGUN = {"data": {"id": "u-1", "put": "set by begun()"}}
STORED = http(b"", etag='"d41d8"')
ENDED = http({"uri": "own:u-1"})


def begun(store: Server, path: str = "/u-1?signature=secret") -> bytes:
    return http({"data": {"id": "u-1", "put": f"{store.url}{path}"}})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "猫.png"
    path.write_bytes(CONTENT)
    return path


def test_the_steps_of_an_upload_to_a_store(serve: Any, connect: Any, picture: Path) -> None:
    store: Server = serve(STORED)
    server: Server = serve(begun(store), ENDED)
    client = connect(server, headers={"x-team": "mine"})
    uploaded = client.tools.extra.put_picture(
        file=picture, scene="vivid", extra_headers={"x-one": "1"}, extra_query={"q": "1"}
    )
    assert isinstance(uploaded, api302.Uploaded)
    assert (uploaded.url, uploaded.response.uri, uploaded.request_id) == (
        "own:u-1",
        "own:u-1",
        "req-1",
    )
    first, last = server.requests
    assert (first.method, first.target, first.json) == (
        "POST",
        "/extra/begin_put?q=1",
        {"scene": "vivid"},
    )
    assert (last.target, last.json) == ("/extra/uploads/u-1/end_put", {"etag": '"d41d8"'})
    assert all(
        (sent.headers["x-team"], sent.headers["x-one"]) == ("mine", "1") for sent in server.requests
    )
    (put,) = store.requests
    assert (put.method, put.target, put.body) == ("PUT", "/u-1?signature=secret", CONTENT)
    assert (put.headers["content-type"], put.headers["content-length"]) == (
        "image/png",
        str(len(CONTENT)),
    )
    assert not {"authorization", "x-team", "x-one", "transfer-encoding"} & put.headers.keys()
    assert KEY not in str(put)


def test_the_store_never_sees_the_key_even_on_the_clients_own_host(
    serve: Any, connect: Any, picture: Path
) -> None:
    server: Server = serve()
    server.steps = [begun(server), STORED, ENDED]
    connect(server, headers={"x-team": "mine"}).tools.extra.put_picture(file=picture, scene="vivid")
    assert "authorization" in server.requests[0].headers
    assert KEY not in str(server.requests[1])
    assert "x-team" not in server.requests[1].headers


def test_every_kind_of_file_whole_and_closed(
    serve: Any, connect: Any, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda *arguments, **more: opened.append(real(*arguments, **more)) or opened[-1],
    )
    mine = io.BytesIO(CONTENT)
    mine.seek(7)
    given = [
        picture,
        str(picture),
        CONTENT,
        mine,
        ("a.webp", CONTENT),
        ("a", picture, "image/x-mine"),
    ]
    store: Server = serve(STORED, forever=True)
    server: Server = serve(*[begun(store), ENDED] * len(given))
    client = connect(server)
    for file in given:
        client.tools.extra.put_picture(file=file, scene="vivid")
    assert all(put.body == CONTENT for put in store.requests)
    kinds = [
        "image/png",
        "image/png",
        "application/octet-stream",
        "application/octet-stream",
        "image/webp",
        "image/x-mine",
    ]
    assert [put.headers["content-type"] for put in store.requests] == kinds
    assert len(opened) == 3
    assert all(file.closed for file in opened)
    assert not mine.closed


def test_the_steps_of_an_upload_by_form(serve: Any, connect: Any, picture: Path) -> None:
    server: Server = serve(http(BEGUN), ENDED, http(BEGUN), http({"uri": None}))
    client = connect(server)
    assert client.tools.extra.send_picture(file=picture, scene="vivid").url == "own:u-1"
    assert server.requests[1].path == "/extra/uploads/u-1/end_form"
    assert CONTENT in server.requests[1].body
    assert 'filename="猫.png"'.encode() in server.requests[1].body
    assert client.tools.extra.send_picture(file=CONTENT, scene="vivid").url == "u-1", (
        "where the last reply has none, the first one's"
    )
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, b"x" * 1000), os.close(writing))).start()
    server.steps = [http(BEGUN), ENDED]
    with os.fdopen(reading, "rb") as pipe:
        assert client.tools.extra.send_picture(file=pipe, scene="vivid").url == "own:u-1"
    assert b"x" * 1000 in server.requests[-1].body


@pytest.mark.usefixtures("network")
def test_an_async_client_uploads_as_well(serve: Any, picture: Path) -> None:
    store: Server = serve(STORED)
    server: Server = serve(begun(store), ENDED, http(BEGUN), ENDED)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            assert (
                await client.tools.extra.put_picture(file=picture, scene="vivid")
            ).url == "own:u-1"
            assert (
                await client.tools.extra.send_picture(file=picture, scene="vivid")
            ).url == "own:u-1"

    asyncio.run(main())
    assert store.requests[0].body == CONTENT
    assert store.requests[0].headers["content-length"] == str(len(CONTENT)), (
        "stores refuse a body in chunks"
    )
    assert KEY not in str(store.requests[0])
    assert CONTENT in server.requests[3].body


def test_nothing_is_begun_for_a_file_that_cannot_be_sent(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    server: Server = serve()
    extra = connect(server).tools.extra
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        for file, said in (
            (tmp_path / "none.png", "there is no file"),
            ("https://x/y.png", "not the URL"),
            ([b"x"], "not a list"),
            (None, "not a NoneType"),
            (pipe, "a pipe has no length"),
            (("a", b"x", "image/png\nx: y"), "line break"),
        ):
            with pytest.raises(api302.InvalidArgument, match=said):
                extra.put_picture(file=file, scene="vivid")
    assert server.requests == []


@pytest.mark.usefixtures("quick")
def test_an_error_says_which_step_failed_and_what_was_begun(
    serve: Any, connect: Any, picture: Path
) -> None:
    store: Server = serve()
    server: Server = serve()
    client = connect(server)

    def fails(kind: Any, at: str, so_far: str) -> Any:
        with pytest.raises(kind) as caught:
            client.tools.extra.put_picture(file=picture, scene="vivid")
        assert caught.value.__notes__ == [f"The upload stopped at {at}; begun: {so_far}"]
        assert pickle.loads(pickle.dumps(caught.value)).__notes__ == caught.value.__notes__
        assert "signature" not in str(caught.value.__notes__)
        assert (server.steps, store.steps) == ([], [])
        return caught.value

    put, ids, both = f"PUT {store.url}/u-1", '{"id": "u-1"}', '{"id": "u-1", "etag": "\\"d41d8\\""}'
    server.steps = [http({}, "500 x")]
    fails(api302.ServerError, "extra_begin_put", "nothing")
    for reply in (
        {"data": {"id": "u-1"}},
        {"data": {"put": store.url}},
        {"data": {"id": "u-1", "put": "ftp://x/y"}},
    ):
        server.steps = [http(reply)]
        assert fails(api302.DecodeError, "extra_begin_put", "nothing").body == reply
    server.steps, store.steps = [begun(store)], [http(b"<Error/>", "403 x", "application/xml")]
    fails(api302.PermissionDeniedError, put, ids)
    server.steps, store.steps = [begun(store)], [reset]
    assert fails(api302.ConnectionError, put, ids).sent, "and was not sent again"
    server.steps, store.steps = [begun(store)], [http(b"", "307 x", location=server.url)]
    fails(api302.ApiError, put, ids)
    server.steps, store.steps = [begun(store)], [http(b"")]
    assert "has no etag header" in str(fails(api302.DecodeError, put, ids))
    server.steps, store.steps = [begun(store), http({}, "500 x")], [STORED]
    fails(api302.ServerError, "extra_end_put", both)
    server.steps, store.steps = [begun(store), http({"uri": None})], [STORED]
    assert fails(api302.DecodeError, "extra_end_put", both).body == {"uri": None}
    server.steps = [http({"data": {"id": "u-1", "put": "http://127.0.0.1:1/u-1"}})]
    assert not fails(api302.ConnectionError, "PUT http://127.0.0.1:1/u-1", ids).sent


@pytest.mark.usefixtures("quick")
def test_a_store_that_is_busy_gets_the_whole_file_again(
    serve: Any, connect: Any, picture: Path
) -> None:
    store: Server = serve(http(b"", "429 x"), STORED)
    server: Server = serve(begun(store), ENDED)
    assert connect(server).tools.extra.put_picture(file=picture, scene="vivid").url == "own:u-1"
    assert [put.body == CONTENT for put in store.requests] == [True, True]
