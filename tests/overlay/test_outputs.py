"""The files of responses: one way to save them, from URL, base64, hexadecimal digits and bytes."""

from __future__ import annotations

import asyncio
import copy
import gzip
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from support import KEY, Lazy, Request, api302, chunk, http

behaviour = Lazy("api302_client.behaviour")
PNG = b"\x89PNG\r\n\x1a\n"
IN_BASE64 = "iVBORw0KGgo="


def draw(client: Any) -> Any:
    return client.tools.gifts.draw(prompt="a cat")


def test_outputs_of_every_kind(serve: Any, connect: Any, tmp_path: Path) -> None:
    server = serve()
    client = connect(server)
    server.steps += [
        http({"data": [{"url": f"{server.url}/a.png"}, {"b64_json": IN_BASE64}, {}]}),
        http(b"one", content_type="image/png"),
        http({"audio": "494433", "links": f'["{server.url}/b.mp3", "no URL"]'}),
        http(b"two", content_type="audio/mpeg"),
        http(b"ID3three", content_type="audio/mpeg"),
    ]
    first, second = draw(client).outputs
    assert (first.url, first.content, first.media_type) == (
        f"{server.url}/a.png",
        None,
        "image/png",
    )
    assert first.save(tmp_path / "one.png").read_bytes() == b"one"
    assert (second.content, second.media_type) == (PNG, "image/png")
    assert second.url == f"data:image/png;base64,{IN_BASE64}"
    assert second.save(tmp_path).read_bytes() == second.read() == PNG
    sung = client.tools.gifts.sing(prompt="a cat").outputs
    assert [one.content for one in sung] == [b"ID3", None]
    assert (sung[0].media_type, sung[1].url) == ("audio/mpeg", f"{server.url}/b.mp3")
    assert sung[1].read() == b"two"
    (file,) = client.tools.gifts.sing(prompt="a cat").outputs
    assert (file.content, file.save(tmp_path).suffix) == (b"ID3three", ".mp3")


def test_a_response_without_files_has_no_outputs(serve: Any, connect: Any) -> None:
    client = connect(serve(http({"data": []}), http({"total": 3}), http([1])))
    assert draw(client).outputs == []
    assert client.tools.extra.sum(one=1, other=2).outputs == []


def test_the_media_type_that_the_service_says(serve: Any, connect: Any) -> None:
    items = [{"url": "https://x/y"}, {"b64_json": "cGNt", "kind": "audio/pcm"}]
    first, second = draw(connect(serve(http({"data": items})))).outputs
    assert (first.media_type, second.media_type) == (None, "audio/pcm")


def test_an_output_goes_into_the_next_call(serve: Any, connect: Any) -> None:
    server = serve()
    client = connect(server)
    server.steps += [
        http({"data": [{"url": "https://x/a.png"}, {"b64_json": IN_BASE64}]}),
        *[http({"code": 200, "data": "https://x/b.png"})] * 2,
    ]
    url, content = draw(client).outputs
    client.tools.extra.upload(file=content)
    assert PNG in server.requests[-1].body
    assert b'filename="output.png"' in server.requests[-1].body
    client.tools.extra.upload(file=content.url)
    assert PNG in server.requests[-1].body
    remote = http({"data": [{"url": f"{server.url}/cat.png"}]})
    answers = [remote, http(PNG, content_type="image/png"), http({"code": 200, "data": "x"})]
    server.steps[:] = answers
    (output,) = draw(client).outputs
    client.tools.extra.upload(file=output)  # takes no URL: it is fetched
    assert b'filename="cat.png"' in server.requests[-1].body
    assert PNG in server.requests[-1].body
    with pytest.raises(api302.InvalidArgument, match="file: takes a local file"):
        client.tools.extra.upload(file=url.url)


def test_an_output_on_a_server_goes_into_an_async_call(serve: Any, connect: Any) -> None:
    server = serve()
    remote = http({"data": [{"url": f"{server.url}/cat.png"}]})
    picture = http(PNG, content_type="image/png")
    server.steps += [remote, picture, http({"code": 200, "data": "x"})]

    async def main() -> Any:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            (output,) = (await client.tools.gifts.draw(prompt="a cat")).outputs
            await client.tools.extra.upload(file=output)
            return output

    output = asyncio.run(main())
    assert PNG in server.requests[-1].body
    with pytest.raises(api302.InvalidArgument, match=r"await output\.read"):
        connect(server).tools.extra.upload(file=output)


def test_outputs_survive_pickling_and_copies(serve: Any, connect: Any, tmp_path: Path) -> None:
    response = draw(
        connect(serve(http({"data": [{"url": "https://x/a.png"}, {"b64_json": IN_BASE64}]})))
    )
    assert len(copy.deepcopy(response).outputs) == 2
    again = pickle.loads(pickle.dumps(response))
    assert again.outputs[1].save(tmp_path / "a.png").read_bytes() == PNG
    with pytest.raises(api302.InvalidArgument, match=r"client\.download\(output\.url, path\)"):
        again.outputs[0].read()
    with pytest.raises(api302.InvalidArgument, match="there is no folder"):
        again.outputs[1].save(tmp_path / "nowhere" / "a.png")
    assert KEY not in str(pickle.dumps(response))


def test_fault_25_outputs_are_pickled_by_themselves_too(serve: Any, connect: Any) -> None:
    """As a pool of processes returns them: without the client, as those of a response."""
    data = [{"url": "https://x/a.png"}, {"b64_json": IN_BASE64}]
    outputs = draw(connect(serve(http({"data": data})))).outputs
    packed = pickle.dumps(outputs)
    assert KEY.encode() not in packed
    remote, here = pickle.loads(packed)
    assert (remote.url, here.read(), here.media_type) == ("https://x/a.png", PNG, "image/png")
    with pytest.raises(api302.InvalidArgument, match="pickled without the client"):
        remote.read()
    assert copy.copy(outputs[0]) is outputs[0] is copy.deepcopy(outputs)[0]


def test_outputs_of_an_async_client(serve: Any, tmp_path: Path) -> None:
    server = serve(http({"data": [{"b64_json": IN_BASE64}]}))

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            (output,) = (await client.tools.gifts.draw(prompt="a cat")).outputs
            assert type(output) is api302.AsyncOutput
            assert (await output.save(tmp_path / "a.png")).read_bytes() == await output.read()

    asyncio.run(main())


def test_what_an_output_shows(serve: Any, connect: Any) -> None:
    items = [{"url": "https://x/" + "y" * 5000}, {"b64_json": "A" * 40_000}]
    url, content = draw(connect(serve(http({"data": items})))).outputs
    assert len(repr(url)) < 200
    assert repr(content) == "Output(<30000 bytes>, media_type=None)" == str(content)
    assert str(url) == url.url


@pytest.mark.parametrize(
    ("entry", "response", "found"),
    [
        ("a", {"a": "https://x/1"}, [("https://x/1", None)]),
        ("a", {"a": ["https://x/1", "no", None, "https://x/1"]}, [("https://x/1", None)]),
        ("a[].b", {"a": [{"b": [["https://x/1"], "data:,x"]}]}, ["https://x/1", "data:,x"]),
        ("a", {"a": 3}, []),
        ("a", None, []),
        ({"field": "a", "encoding": "json"}, {"a": '["https://x/1"]'}, ["https://x/1"]),
        ({"field": "a", "encoding": "json"}, {"a": "https://x/1"}, ["https://x/1"]),
        ({"field": "a", "as": "base64"}, {"a": "_-8"}, [b"\xff\xef"]),
        ({"field": "a", "as": "base64"}, {"a": "aGVs\n bG8="}, [b"hello"]),
        ({"field": "a", "as": "base64"}, {"a": "not base64!"}, []),
        ({"field": "a", "as": "base64"}, {"a": ""}, []),
        (
            {"field": "a", "as": "base64"},
            {"a": "data:image/png;base64,AA=="},
            ["data:image/png;base64,AA=="],
        ),
        ({"field": "a", "as": "hex"}, {"a": "00ff"}, [b"\x00\xff"]),
        ({"field": "a", "as": "hex"}, {"a": "xyz"}, []),
    ],
)
def test_how_entries_are_read(entry: Any, response: Any, found: list[Any]) -> None:
    rules = behaviour.read({"x-outputs": [entry]}).outputs
    seen = [file.url or file.content for file in behaviour.files(rules, response)]
    assert seen == [one[0] if isinstance(one, tuple) else one for one in found]


def test_lists_however_deep_and_values_however_strange() -> None:
    deep: Any = "https://x/1"
    for _ in range(20_000):
        deep = [deep]
    entries = ["a", "a[].b", {"field": "a", "as": "base64"}, {"field": "a || b", "as": "hex"}]
    rules = behaviour.read({"x-outputs": entries}).outputs
    assert [file.url for file in behaviour.files(rules, {"a": deep})] == ["https://x/1"]
    for value in (deep, [], {}, "", "\ud83d", 10**400, float("nan"), True, [[None, {"b": deep}]]):
        assert all(file.url or file.content for file in behaviour.files(rules, {"a": value}))
        assert all(file.url or file.content for file in behaviour.files(rules, value))


def test_a_status_call_needs_no_entries() -> None:
    rules = behaviour.read({"x-task-status": {"state": "s", "outputs": ["url"]}}).outputs
    assert behaviour.files(rules, {"url": "https://x/1"})[0].url == "https://x/1"


# --- downloads that break off ---------------------------------------------------------------------

WHOLE = bytes(range(256)) * 400


def cut(position: int, **headers: str) -> Any:
    """A step that breaks off after some bytes of the whole."""

    def step(connection: Any, _: Request) -> None:
        connection.sendall(http(WHOLE, content_type="video/mp4", **headers)[: -len(WHOLE)])
        connection.sendall(WHOLE[:position])
        connection.shutdown(2)
        connection.close()

    return step


def part(begin: int, **headers: str) -> bytes:
    said = f"bytes {begin}-{len(WHOLE) - 1}/{len(WHOLE)}"
    return http(WHOLE[begin:], "206 Partial Content", "video/mp4", content_range=said, **headers)


def test_a_download_goes_on_where_it_broke_off(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(cut(1000, etag='"v1"'), part(1000))
    saved = connect(server).download(f"{server.url}/a.mp4", tmp_path / "a.mp4")
    assert saved.read_bytes() == WHOLE
    asked = server.requests[1].headers
    assert (asked["range"], asked["if-range"]) == ("bytes=1000-", '"v1"')
    assert "range" not in server.requests[0].headers
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_download_goes_on_by_its_time_of_change(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    changed, now = "Sun, 01 Nov 2026 00:00:00 GMT", "Mon, 30 Nov 2026 00:00:00 GMT"
    server = serve(cut(7, last_modified=changed, date=now), part(7))
    assert connect(server).download(f"{server.url}/a", tmp_path / "a").read_bytes() == WHOLE
    assert server.requests[1].headers["if-range"] == changed


@pytest.mark.parametrize(
    "second",
    [
        http(WHOLE, content_type="video/mp4"),  # the file has changed, or no parts are given
        part(900),  # another part than the one that was asked for
        http({}, "416 Range Not Satisfiable"),
    ],
)
def test_a_download_begins_anew_where_it_cannot_go_on(
    second: bytes, serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(cut(1000, etag='"v1"'), second, http(WHOLE, content_type="video/mp4"))
    saved = connect(server).download(f"{server.url}/a.mp4", tmp_path / "a.mp4")
    assert saved.read_bytes() == WHOLE
    assert server.requests[1].headers["range"] == "bytes=1000-"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"etag": 'W/"v1"'},
        {"etag": '"v1"', "accept_ranges": "none"},
        {"last_modified": "Mon, 30 Nov 2026 00:00:00 GMT", "date": "Mon, 30 Nov 2026 00:00:00 GMT"},
        {"last_modified": "yesterday", "date": "today"},
    ],
)
def test_no_part_is_asked_for_of_what_may_have_changed(
    headers: dict[str, str], serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(cut(1000, **headers), http(WHOLE, content_type="video/mp4"))
    assert connect(server).download(f"{server.url}/a", tmp_path / "a").read_bytes() == WHOLE
    assert "range" not in server.requests[1].headers


def test_a_download_on_another_host_goes_on_without_the_key(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    other = serve(cut(50, etag='"v1"'), part(50))
    client = connect(serve(), headers={"x-mine": "secret"})
    url = other.url.replace("127.0.0.1", "localhost")
    assert client.download(f"{url}/a", tmp_path / "a").read_bytes() == WHOLE
    assert other.requests[1].headers["range"] == "bytes=50-"
    assert not other.requests[1].headers.keys() & {"authorization", "x-mine"}


def test_a_download_that_never_ends_leaves_nothing(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(cut(10, etag='"v1"'), forever=True)
    with pytest.raises(api302.ConnectionError):
        connect(server, max_retries=2).download(f"{server.url}/a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 3


def test_who_wants_no_repeats_gets_none(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(cut(10, etag='"v1"'), part(10))
    with pytest.raises(api302.ConnectionError):
        connect(server, repeat=False).download(f"{server.url}/a", tmp_path / "a")
    assert (len(server.requests), list(tmp_path.iterdir())) == (1, [])


def test_a_server_that_never_answers_is_asked_as_often_as_by_any_call(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    server = serve(lambda connection, _: connection.close(), forever=True)
    with pytest.raises(api302.ConnectionError):
        connect(server, max_retries=2).download(f"{server.url}/a", tmp_path / "a")
    assert len(server.requests) == 3


def test_much_progress_makes_retries_count_anew(
    serve: Any, connect: Any, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.files.MUCH", 1000)

    def again(begin: int) -> Any:
        def step(connection: Any, _: Request) -> None:
            whole = part(begin)
            connection.sendall(whole[: len(whole) - len(WHOLE) + begin + 1000])
            connection.shutdown(2)
            connection.close()

        return step

    steps = [again(begin) for begin in range(1000, 5000, 1000)]
    server = serve(cut(1000, etag='"v1"'), *steps, part(5000))
    client = connect(server, max_retries=1)
    assert client.download(f"{server.url}/a", tmp_path / "a").read_bytes() == WHOLE


OTHER = bytes(len(WHOLE))


def claimed(content: bytes, said: str, **headers: str) -> bytes:
    return http(content, "206 Partial Content", "video/mp4", content_range=said, **headers)


@pytest.mark.parametrize(
    "lie",
    [
        claimed(OTHER[1000:], f"bytes 1000-{len(WHOLE) - 1}/{len(WHOLE)}", etag='"v2"'),
        claimed(OTHER[1000:], f"bytes 1000-{len(WHOLE) - 1}/{len(WHOLE)}", etag='W/"v1"'),
        claimed(OTHER[1000:] + b"xx", f"bytes 1000-{len(WHOLE) + 1}/{len(WHOLE) + 2}"),
        claimed(OTHER[1000:-9], f"bytes 1000-{len(WHOLE) - 10}/{len(WHOLE) - 9}"),
        claimed(b"<html>Log in</html>", f"bytes 1000-{len(WHOLE) - 1}/{len(WHOLE)}"),
        claimed(OTHER[1000:], f"bytes 1000-{'9' * 5000}/{len(WHOLE)}"),
        claimed(OTHER[1000:], f"bytes 1000-999/{len(WHOLE)}"),
    ],
    ids=["version", "weak", "longer", "shorter", "page", "digits", "backwards"],
)
def test_a_part_of_another_file_is_not_put_behind_the_first(
    serve: Any, connect: Any, quick: None, tmp_path: Path, lie: bytes
) -> None:
    server = serve(cut(1000, etag='"v1"'), lie, http(WHOLE, content_type="video/mp4"))
    saved = connect(server).download(f"{server.url}/a.mp4", tmp_path / "a.mp4")

    assert saved.read_bytes() == WHOLE
    assert "range" not in server.requests[2].headers


def test_a_part_that_ends_early_is_followed_by_the_next(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    some = claimed(WHOLE[1000:5000], f"bytes 1000-4999/{len(WHOLE)}", etag='"v1"')
    server = serve(cut(1000, etag='"v1"'), some, part(5000))
    saved = connect(server).download(f"{server.url}/a.mp4", tmp_path / "a.mp4")

    assert saved.read_bytes() == WHOLE
    assert server.requests[2].headers["range"] == "bytes=5000-"


def chunked(content: bytes, *more: str, whole: bool = True, status: str = "200 OK") -> Any:
    """A step that does not say how long its body is, and ends it as asked: well, or broken off."""

    def step(connection: Any, _: Request) -> None:
        lines = [f"HTTP/1.1 {status}", "content-type: video/mp4", "transfer-encoding: chunked"]
        head = "\r\n".join([*lines, 'etag: "v1"', *more]).encode()
        connection.sendall(head + b"\r\n\r\n" + chunk(content) + (chunk(b"") if whole else b""))
        if not whole:
            connection.shutdown(2)
            connection.close()

    return step


def bytes_of(begin: int, end: int, whole: object = len(WHOLE)) -> str:
    return f"content-range: bytes {begin}-{end - 1}/{whole}"


PART = "206 Partial Content"


@pytest.mark.parametrize("whole", [len(WHOLE), "*"])
@pytest.mark.parametrize("said", [5000, len(WHOLE)], ids=["a shorter part", "less than it says"])
def test_fault_12_a_part_of_a_part_is_not_the_file(
    serve: Any, connect: Any, quick: None, tmp_path: Path, whole: object, said: int
) -> None:
    """Nobody said at first how long the file is: what the parts say is all that is known."""
    if (said, whole) == (5000, "*"):
        pytest.skip("nothing tells that there is more")
    server = serve(
        chunked(WHOLE[:1000], whole=False),
        chunked(WHOLE[1000:5000], bytes_of(1000, said, whole), status=PART),
        part(5000, etag='"v1"'),
    )
    saved = connect(server).download(f"{server.url}/a.mp4", tmp_path / "a.mp4")
    assert saved.read_bytes() == WHOLE
    assert server.requests[2].headers["range"] == "bytes=5000-"


def test_fault_12_a_part_that_nobody_asked_for_is_not_the_file(
    serve: Any, connect: Any, quick: None, tmp_path: Path
) -> None:
    some = http(WHOLE[:100], PART, "video/mp4", content_range=f"bytes 0-99/{len(WHOLE)}")
    middle = http(WHOLE[5:100], PART, "video/mp4", content_range="bytes 5-99/100")
    server = serve(some, middle, some)
    client, url = connect(server), server.url
    for _ in range(2):
        with pytest.raises(api302.ConnectionError, match="a part came, where all was asked for"):
            client.download(f"{url}/a.mp4", tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(api302.ConnectionError, match="a part came"):
        api302.Output(client._client, f"{url}/a.mp4").read()
    url = serve(part(0)).url
    assert client.download(f"{url}/a", tmp_path / "a").read_bytes() == WHOLE


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_fault_05_a_compressed_file_without_its_end_is_not_saved(
    serve: Any, connect: Any, tmp_path: Path, encoding: str
) -> None:
    """It had its length: of the half that the server sent."""
    half = gzip.compress(WHOLE)[:-20] if encoding == "gzip" else b"\x1b\xff\x0f"
    server = serve(http(half, content_type="video/mp4", content_encoding=encoding), forever=True)
    client = connect(server, max_retries=0)
    with pytest.raises(api302.ConnectionError, match="compression is broken: ") as raised:
        client.download(f"{server.url}/a.mp4", tmp_path / "a.mp4")
    assert (raised.value.status_code, raised.value.request_id) == (200, "req-1")
    assert list(tmp_path.iterdir()) == []


def test_an_output_is_read_up_to_a_limit(serve: Any, connect: Any) -> None:
    server = serve(http(b"12345", content_type="image/png"), forever=True)
    client = connect(server)
    for output in (
        api302.Output(client._client, f"{server.url}/a.png"),
        api302.Output(None, content=b"12345"),
    ):
        assert output.read() == output.read(most=5) == b"12345"
        with pytest.raises(api302.Api302Error, match="the file has more than 4 bytes"):
            output.read(most=4)


def test_a_pipe_gets_each_byte_once(serve: Any, connect: Any, quick: None, tmp_path: Path) -> None:
    import os
    import threading

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    server = serve(cut(1000, etag='"v1"'), part(1000))
    connect(server).download(f"{server.url}/a", pipe)
    reader.join()
    assert received == [WHOLE]


def test_an_async_download_goes_on(network: str, serve: Any, quick: None, tmp_path: Path) -> None:
    server = serve(cut(1000, etag='"v1"'), part(1000))

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            saved = await client.download(f"{server.url}/a.mp4", tmp_path / "a.mp4")
            assert saved.read_bytes() == WHOLE

    asyncio.run(main())
    assert server.requests[1].headers["if-range"] == '"v1"'


# --- other file systems ---------------------------------------------------------------------------


@pytest.fixture
def memory() -> Any:
    """fsspec's file system in memory, empty."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_an_output_is_saved_to_another_file_system(serve: Any, connect: Any, memory: Any) -> None:
    server = serve()
    client = connect(server)
    video = http(b"video", content_type="video/mp4")
    server.steps += [http({"data": [{"url": f"{server.url}/a.mp4"}, {"b64_json": IN_BASE64}]})]
    server.steps += [video] * 3
    url, content = draw(client).outputs
    saved = url.save("memory://bucket/films/one.mp4")
    assert str(saved) == "memory://bucket/films/one.mp4"
    assert (saved.name, saved.suffix, saved.read_bytes()) == ("one.mp4", ".mp4", b"video")
    assert memory.cat("/bucket/films/one.mp4") == b"video"
    assert str(content.save("memory://bucket/images/")) == "memory://bucket/images/download.png"
    assert str(content.save("memory://bucket/images")) == "memory://bucket/images/download (1).png"
    assert client.download(f"{server.url}/a.mp4", "memory://bucket/films/").read_bytes() == b"video"
    sound = http(b"ID3", content_type="audio/mpeg")
    server.steps[:] = [sound]
    assert str(client.tools.gifts.sing(prompt="x").save("memory://b/a.mp3")) == "memory://b/a.mp3"


def test_half_a_file_never_gets_to_another_file_system(
    serve: Any, connect: Any, quick: None, memory: Any
) -> None:
    server = serve(cut(10), forever=True)
    with pytest.raises(api302.ConnectionError):
        connect(server).download(f"{server.url}/a", "memory://bucket/a")
    assert memory.store == {}


@pytest.mark.parametrize("error", [OSError("down"), RuntimeError("an error of the store's own")])
def test_fault_18_half_an_object_is_taken_back(
    serve: Any, connect: Any, memory: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def half(path: str, target: str) -> None:
        memory.pipe_file(target, b"half")
        raise error

    monkeypatch.setattr(memory, "put_file", half)
    server = serve(http(b"video"), forever=True)
    with pytest.raises(OSError, match=str(error)):
        connect(server).download(f"{server.url}/a", "memory://bucket/a")
    assert memory.store == {}


def test_fault_18_where_files_are_renamed_an_old_one_stays_until_the_new_is_whole(
    serve: Any, connect: Any, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by SFTP, where a file is seen while it is written."""
    put = memory.put_file

    def half(path: str, target: str) -> None:
        memory.pipe_file(target, b"half")
        raise OSError("down")

    def move(source: str, target: str) -> None:
        assert not memory.exists(target), "some refuse to replace"
        memory.pipe_file(target, memory.cat_file(source))
        memory.rm_file(source)

    monkeypatch.setattr(type(memory), "mv", staticmethod(move), raising=False)
    memory.pipe_file("/bucket/a", b"old")
    server = serve(http(b"video"), forever=True)
    client = connect(server)
    monkeypatch.setattr(memory, "put_file", half)
    with pytest.raises(OSError, match="down"):
        client.download(f"{server.url}/a", "memory://bucket/a")
    assert {name: memory.cat_file(name) for name in memory.store} == {"/bucket/a": b"old"}
    monkeypatch.setattr(memory, "put_file", put)
    client.download(f"{server.url}/a", "memory://bucket/a")
    assert {name: memory.cat_file(name) for name in memory.store} == {"/bucket/a": b"video"}


def test_fault_18_two_files_of_one_name_are_two_objects(
    serve: Any, connect: Any, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find the name free before one is there."""
    both = threading.Barrier(2)
    put = memory.put_file

    def slow(path: str, target: str) -> None:
        both.wait(PATIENCE)
        put(path, target)

    monkeypatch.setattr(memory, "put_file", slow)
    server = serve(http(b"video"), forever=True)
    client = connect(server)
    saved: list[str] = []

    def one() -> None:
        saved.append(str(client.download(f"{server.url}/a.mp4", "memory://bucket/")))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(saved) == ["memory://bucket/a (1).mp4", "memory://bucket/a.mp4"]


@pytest.mark.parametrize("scheme", ["file", "local"])
def test_fault_18_a_url_of_this_machine_is_a_path(
    serve: Any, connect: Any, tmp_path: Path, scheme: str
) -> None:
    server = serve(cut(10), forever=True)
    client = connect(server, max_retries=0)
    (tmp_path / "a").write_bytes(b"old")
    url = f"{scheme}://{tmp_path.as_posix()}"
    with pytest.raises(api302.ConnectionError):
        client.download(f"{server.url}/a", f"{url}/a")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
    with pytest.raises(api302.InvalidArgument, match="there is no folder"):
        client.download(f"{server.url}/a", f"{url}/missing/a")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere-fs://bucket/a", "Protocol not known"),
        ("nowhere-fs://me:pa55word@bucket/a", r"nowhere-fs://\*\*\*@bucket"),
        ("reference://bucket/a", "cannot be written"),
        ("https://example.test/a", "not a place that files are written to"),
    ],
)
def test_file_systems_that_cannot_be_used(
    path: str, message: str, serve: Any, connect: Any
) -> None:
    with pytest.raises(api302.InvalidArgument, match=message):
        connect(serve()).download("https://x/y", path)


def test_without_fsspec_the_fix_is_named(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(api302.InvalidArgument, match="pip install fsspec"):
        connect(serve()).download("https://x/y", "s3://bucket/a")


# --- what a file is -------------------------------------------------------------------------------


def test_rare_content_is_known_where_puremagic_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    media = Lazy("api302_client.media")
    assert media.recognized(b"wOFF\0\1\0\0").suffix == ".woff"
    assert media.described("", b"wOFF\0\1\0\0").suffix == ".woff"
    assert media.recognized(b"just some words of text") is None
    monkeypatch.setitem(sys.modules, "puremagic", None)
    assert media.recognized(b"wOFF\0\1\0\0") is None
    assert media.recognized(PNG).media_type == "image/png"


def test_puremagic_is_imported_only_where_nothing_else_tells(packages: list[str]) -> None:
    import subprocess

    program = """
import sys
sys.path[:0] = sys.argv[1:]
from api302_client.media import described, recognized
described("a.png", b"x"), described("a.txt", b"words"), recognized(b"ID3")
assert "puremagic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, *packages], check=True)
