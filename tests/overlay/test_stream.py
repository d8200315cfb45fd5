"""Streams, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import pickle
import socket
import threading
import time
from typing import Any

import pytest
from patience import PATIENCE, happened
from support import KEY, api302, chunk, delta, events, head, held, http, reset, silent, slowly

WORDS = ["你好", ",世", "界 ", "😀", "!"]
FINISH = {
    "id": "c-1",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    "usage": {"total_tokens": 9},
}
WHOLE = events(delta(WORDS[0], model="small"), *map(delta, WORDS[1:]), FINISH)
STREAM = "text/event-stream"


def stream(client: Any, **more: Any) -> Any:
    return client.chat.completions.stream(model="small", messages=[], **more)


def stay(_: socket.socket) -> None:
    """Keep the connection open."""


def text_of(chunks: Any) -> str:
    return "".join(one.choices[0].delta.content or "" for one in chunks)


def gather(url: str, how: str = "async") -> Any:
    """Events, text or the final reply by the async client."""

    async def main() -> Any:
        async with (
            api302.AsyncClient(api_key=KEY, base_url=url) as client,
            stream(client) as running,
        ):
            if how == "text":
                return [text async for text in running.text]
            if how == "final":
                return await running.final()
            return [event async for event in running]

    return asyncio.run(main())


def test_a_stream(serve: Any, connect: Any) -> None:
    server = serve(http(WHOLE, content_type=STREAM))
    running = stream(connect(server), temperature=0.5)
    assert server.requests == []  # opened when first used
    with running:
        chunks = list(running)
    assert type(chunks[0]).__name__ == "AcmeChatChunk"
    assert text_of(chunks) == "".join(WORDS)
    assert server.requests[0].json == {
        "model": "small",
        "messages": [],
        "temperature": 0.5,
        "stream": True,
    }
    assert STREAM in server.requests[0].headers["accept"]
    assert running.request_id == "req-1"
    assert running.headers["content-type"] == STREAM
    reply = running.final()
    assert type(reply).__name__ == "AcmeChatResponse"
    assert reply.choices[0].message.content == "".join(WORDS)
    assert (reply.choices[0].finish_reason, reply.usage, reply["model"], reply.request_id) == (
        "stop",
        {"total_tokens": 9},
        "small",
        "req-1",
    )


def test_lenses(serve: Any, connect: Any) -> None:
    server = serve(*[http(WHOLE, content_type=STREAM)] * 6)
    client = connect(server)
    assert list(stream(client).text) == WORDS
    assert stream(client).final().choices[0].message.content == "".join(WORDS)
    running = stream(client)
    first = next(running)
    assert [first.choices[0].delta.content, *running.text] == WORDS
    assert running.final().choices[0].message.content == "".join(WORDS)
    assert text_of(gather(server.url)) == "".join(WORDS)
    assert gather(server.url, "text") == WORDS
    assert gather(server.url, "final").choices[0].message.content == "".join(WORDS)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_cut_at_every_byte(line_end: bytes, serve: Any, connect: Any) -> None:
    body = b"\xef\xbb\xbf: hello\n" + events(delta("你好"), delta("世界")).replace(
        b'{"id"', b'{\ndata:"id"', 1
    )
    body = body.replace(b"\n", line_end)
    server = serve(
        *[
            slowly(
                [chunk(body[:cut]), chunk(body[cut:]), b"0\r\n\r\n"],
                head(STREAM, "transfer-encoding: chunked"),
                stay,
            )
            for cut in range(1, len(body))
        ]
    )
    client = connect(server)
    for _ in range(1, len(body)):
        with stream(client) as running:
            assert text_of(running) == "你好世界"
    one_by_one = serve(
        slowly(
            [chunk(bytes([byte])) for byte in body] + [b"0\r\n\r\n"],
            head(STREAM, "transfer-encoding: chunked"),
        )
    )
    assert text_of(gather(one_by_one.url)) == "你好世界"


# --- ends -----------------------------------------------------------------------------------------


def clean(connection: socket.socket) -> None:
    connection.sendall(b"0\r\n\r\n")
    connection.close()


@pytest.mark.parametrize("how", ["async", "sync", "text", "final"])
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(clean, id="clean"),
        pytest.param(reset, id="reset"),
        pytest.param(socket.socket.close, id="closed"),
    ],
)
def test_a_stream_that_is_cut_short(end: Any, how: str, serve: Any, connect: Any) -> None:
    pieces = [chunk(events(delta("你好"), delta("世界"), done=False) + b'data: {"half')]

    def wait_and_end(connection: socket.socket) -> None:
        time.sleep(0.1)  # a reset discards what was not yet received
        end(connection)

    server = serve(slowly(pieces, head(STREAM, "transfer-encoding: chunked"), wait_and_end))
    with pytest.raises(api302.StreamError, match="cut short") as caught:
        if how == "async":
            gather(server.url)
        else:
            running = stream(connect(server))
            list(
                {
                    "sync": lambda: running,
                    "text": lambda: running.text,
                    "final": lambda: [running.final()],
                }[how]()
            )
    error = caught.value
    assert (
        text_of(error.events)
        == error.text
        == error.partial.choices[0].message.content
        == "你好世界"
    )
    assert error.request_id == "req-1"
    assert pickle.loads(pickle.dumps(error)).text == "你好世界"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(b'data: {"error": {"message": "overloaded", "code": "busy"}}\n\n', id="event"),
        pytest.param(
            b'{"error": {"message": "overloaded", "code": "busy"}}\n', id="line without data"
        ),
        pytest.param(
            b'{\n "error": {\n"message": "overloaded",\n"code": "busy"}}\n',
            id="several lines, no end",
        ),
        pytest.param(
            b'event: error\ndata: {"type": "error", "message": "overloaded", "code": "busy"}\n\n',
            id="named",
        ),
    ],
)
def test_an_error_inside_a_stream(last: bytes, serve: Any, connect: Any) -> None:
    server = serve(
        *[http(events(delta("你"), done=False) + last + events(), content_type=STREAM)] * 2
    )
    for run in (lambda: list(stream(connect(server))), lambda: gather(server.url)):
        with pytest.raises(api302.StreamError, match="overloaded") as caught:
            run()
        assert (caught.value.text, caught.value.code) == ("你", "busy")


def test_an_event_that_is_no_json(serve: Any, connect: Any) -> None:
    server = serve(
        http(events(delta("你"), done=False) + b"data: {nonsense\n\n", content_type=STREAM)
    )
    with pytest.raises(api302.StreamError, match="is not JSON") as caught:
        list(stream(connect(server)))
    assert (caught.value.text, caught.value.body) == ("你", "{nonsense")
    assert caught.value.__cause__ is None  # it would hold the whole text, secrets included


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_a_refusal(content_type: str, serve: Any, connect: Any) -> None:
    failure = {"error": {"err_code": -10004, "message": "too low"}}
    server = serve(
        *[http(failure, content_type=content_type), http(failure, "402 x")] * 2,
        http({"error": {}}, "429 x"),
        http(WHOLE, content_type=STREAM),
    )
    client = connect(server)
    for _ in range(2):
        with pytest.raises(api302.QuotaError, match="too low"), stream(client):
            pass
    for _ in range(2):
        with pytest.raises(api302.QuotaError):
            gather(server.url)
    assert text_of(stream(client)) == "".join(WORDS)  # refused at first, then opened
    assert server.connections <= 3


def test_a_whole_reply_instead_of_a_stream(serve: Any, connect: Any) -> None:
    reply = {
        "id": "c-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "你好"}}],
    }
    server = serve(*[http(reply)] * 4)
    client = connect(server)
    with stream(client) as running:
        assert list(running) == []
    assert running.final().choices[0].message.content == "你好"
    assert list(stream(client).text) == ["你好"]
    assert gather(server.url, "final").id == "c-1"
    assert gather(server.url, "text") == ["你好"]


def test_events_under_a_wrong_name(serve: Any, connect: Any) -> None:
    server = serve(http(WHOLE), http(WHOLE, content_type="text/plain"))
    client = connect(server)
    assert text_of(stream(client)) == text_of(stream(client)) == "".join(WORDS)


# --- connections ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("network", "kept")
def test_the_connection_is_used_again(serve: Any, connect: Any) -> None:
    chunked = head(STREAM, "transfer-encoding: chunked") + chunk(WHOLE)

    def late_end(connection: socket.socket, _: object) -> None:
        connection.sendall(chunked)
        time.sleep(0.1)
        connection.sendall(chunk(b": bye\n\n") + b"0\r\n\r\n")

    server = serve(chunked + b"0\r\n\r\n", late_end, chunked + b"0\r\n\r\n")
    client = connect(server)
    for _ in range(3):
        assert text_of(stream(client)) == "".join(WORDS)
    assert server.connections == 1

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            for _ in range(2):
                assert text_of([event async for event in stream(other)]) == "".join(WORDS)

    server.steps += [late_end, chunked + b"0\r\n\r\n"]
    asyncio.run(main())
    assert server.connections == 2


@pytest.mark.parametrize("which", ["sync", "async"])
def test_a_server_that_does_not_hang_up(which: str, serve: Any, connect: Any) -> None:
    server = serve(slowly([WHOLE], head(STREAM), silent))
    start = time.monotonic()
    chunks = gather(server.url) if which == "async" else list(stream(connect(server)))
    assert text_of(chunks) == "".join(WORDS)
    assert time.monotonic() - start < PATIENCE


@pytest.mark.usefixtures("network")
def test_leaving_early(serve: Any, connect: Any) -> None:
    endless = slowly([events(delta("x"), done=False)] * 30_000, head(STREAM), pause=0.02)
    server = serve(endless, endless, endless, http(WHOLE, content_type=STREAM))
    client = connect(server)
    with stream(client) as running:
        assert next(running).choices[0].delta.content == "x"
    assert list(running) == []
    with pytest.raises(api302.StreamError, match="closed before its end"):
        running.final()
    for event in stream(client):
        assert event
        break
    gc.collect()
    pool = client._client.io._http._transport._pool
    assert len(pool.connections) == 1  # nothing is closed by a finalizer, but by the next call

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            async with stream(other) as running:
                async for event in running:
                    assert event
                    break
            assert held(other) == 0

    asyncio.run(main())
    assert text_of(stream(client)) == "".join(WORDS)
    assert [one for one in pool.connections if not one.is_idle()] == []


def test_an_end_that_is_an_event(serve: Any, connect: Any) -> None:
    said = [
        {
            "type": "message_start",
            "message": {
                "id": "m-1",
                "role": "assistant",
                "content": [],
                "usage": {"input_tokens": 3},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "你"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "好"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    server = serve(
        http(events(*said, done=False), content_type=STREAM),
        http(events(*said[:-1], done=False), content_type=STREAM),
    )
    client = connect(server)
    with client.tools.extra.stream_talk(prompt="hi") as running:
        assert list(running.text) == ["你", "好"]
    assert server.requests[0].target == "/extra/talk?stream=true"
    reply = running.final()
    assert (reply.content[0].text, reply.stop_reason, reply.usage) == (
        "你好",
        "end_turn",
        {"input_tokens": 3, "output_tokens": 2},
    )
    with pytest.raises(api302.StreamError, match="without the event that ends it"):
        list(client.tools.extra.stream_talk(prompt="hi"))


# --- bytes ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("network")
def test_a_stream_of_bytes(serve: Any, connect: Any, tmp_path: Any) -> None:
    sound = bytes(range(256)) * 1000
    server = serve(
        *[http(sound, content_type="audio/mpeg")] * 4,
        http({"error": {"err_code": -10004}}),
        http({"url": "https://x"}),
        http({}, "404 x"),
    )
    client = connect(server)

    def speak(one: Any) -> Any:
        return one.audio.acme.stream_speech(input="hello")

    with speak(client) as running:
        assert b"".join(running) == sound
    assert running.request_id == "req-1"
    saved = speak(client).save(tmp_path / "a.mp3")
    assert (saved, saved.read_bytes()) == (tmp_path / "a.mp3", sound)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            async with speak(other) as running:
                assert b"".join([piece async for piece in running]) == sound
            assert (await speak(other).save(tmp_path)).read_bytes() == sound

    asyncio.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp3", "speech.mp3"]
    with pytest.raises(api302.QuotaError):
        list(speak(client))
    with pytest.raises(api302.DecodeError, match="is JSON, not the file") as caught:
        list(speak(client))
    assert caught.value.body == {"url": "https://x"}
    with pytest.raises(api302.NotFoundError):
        speak(client).save(tmp_path)


# --- ended by others ---------------------------------------------------------------------------

DRIPPING = slowly(
    [events(delta("a"), done=False), *[b": \n\n"] * 6000], head("text/event-stream"), pause=0.1
)


def test_another_thread_may_close_it(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = threading.Event()
    read = api302._http.body.Body.read

    def noted(*given: Any, **how: Any) -> Any:
        reads.set()
        return read(*given, **how)

    def close() -> None:
        happened(reads)
        stream.close()

    stream = connect(serve(DRIPPING)).chat.completions.stream(model="small", messages=[])
    assert next(stream)
    monkeypatch.setattr(api302._http.body.Body, "read", noted)
    closing = threading.Thread(target=close)
    closing.start()
    start = time.monotonic()
    with pytest.raises(api302.StreamError, match="closed while it was read") as caught:
        list(stream)
    closing.join()
    assert caught.value.text == "a"
    assert time.monotonic() - start < PATIENCE


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("pause", [0.0, 0.3])
@pytest.mark.parametrize("how", ["close", "cancel"])
def test_another_task_may_end_it(how: str, pause: float, serve: Any) -> None:
    """Also before its response has come."""

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=serve(DRIPPING).url) as client:
            stream = client.chat.completions.stream(model="small", messages=[])
            task = asyncio.ensure_future(stream.final())
            await asyncio.sleep(pause)
            if how == "close":
                await stream.close()
                with pytest.raises(api302.StreamError, match="closed while it was read"):
                    await task
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert held(client) == 0

    asyncio.run(main())
