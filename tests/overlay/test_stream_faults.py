"""Streams that are left, broken, interrupted by heartbeats, or not event streams at all.

Its properties draw `EXAMPLES` inputs (see `drawn`).
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from drawn import many
from gateways import STREAMS
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE, auntil
from support import KEY, Lazy, Server, api302, chunk, delta, environment, events, head, http, slowly
from test_accumulate import mutated
from test_stream import FINISH, STREAM, WHOLE, WORDS, gather, stream, text_of

types = Lazy("api302._types")
prepare = Lazy("api302._calls.prepare")
reader_module = Lazy("api302._features.reader")
TEXT = "".join(WORDS)
ENDLESS = slowly([events(delta("x"), done=False)] * 60_000, head(STREAM), pause=0.01)


# --- left in the middle ---------------------------------------------------------------------------

LEAVE = """
import gc, sys, threading
import api302, httpx
own = httpx.Client() if sys.argv[2] == "httpx" else None
client = api302.Client(api_key="sk-0123456789", base_url=sys.argv[1], http_client=own)
gc.set_threshold(5, 2, 2)  # the collector runs everywhere, also within the pool

def leave(number):
    for _ in range(number):
        stream = client.chat.completions.stream(model="small", messages=[])
        for event in stream:
            break
        stream.myself = [stream]  # a cycle of the user's: the collector finds it, wherever it runs

def cut_by_an_error(number):
    for _ in range(number):
        try:
            for text in client.chat.completions.stream(model="small", messages=[]).text:
                raise KeyError(text)
        except KeyError as error:
            kept = error

threads = [threading.Thread(target=work, args=(25,), daemon=True) for work in (leave,
cut_by_an_error, leave, cut_by_an_error)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


@pytest.mark.parametrize("transport", ["httpx2", "httpx"])
def test_fault_02_streams_that_are_left_do_not_deadlock(
    transport: str, serve: Any, packages: list[str]
) -> None:
    server: Server = serve(http(WHOLE, content_type=STREAM), forever=True)
    done = subprocess.run(
        [sys.executable, "-c", LEAVE, server.url, transport],
        env=environment(packages),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("done", "")
    assert len(server.requests) == 100


def test_fault_02_a_stream_is_in_no_cycle(serve: Any, connect: Any) -> None:
    client = connect(serve(*[ENDLESS] * 4))
    gc.disable()
    try:
        for leave in (
            iter,
            lambda running: running.text,
            lambda running: running,
            lambda running: running.__enter__(),
        ):
            running = stream(client)
            next(iter(leave(running)))
            gone = weakref.ref(running)
            del running
            assert gone() is None
    finally:
        gc.enable()


@pytest.mark.usefixtures("network")
def test_fault_02_the_next_call_closes_what_was_left(serve: Any, connect: Any) -> None:
    server: Server = serve(*[ENDLESS] * 30, http(WHOLE, content_type=STREAM))
    client = connect(server)
    for _ in range(30):
        for event in stream(client):
            assert event
            break
    assert text_of(stream(client)) == TEXT
    assert len(client._client.io.opened) == 0

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            for _ in range(30):
                async for event in stream(other):
                    assert event
                    break
                async for text in stream(other).text:
                    assert text
                    break
            server.steps += [http(WHOLE, content_type=STREAM)]
            # The loop ends what is left of asynchronous generators, in tasks of its own.
            await auntil(lambda: len(asyncio.all_tasks()) == 1, "the generators are ended")
            assert text_of([event async for event in stream(other)]) == TEXT
            assert len(other._client.io.opened) == 0

    server.steps += [ENDLESS] * 60
    asyncio.run(main())


def test_a_stream_of_bytes_that_is_left(serve: Any, connect: Any) -> None:
    endless = slowly([b"x" * 1000] * 100, head("audio/mpeg"), pause=0.01)
    client = connect(serve(endless, endless, http(b"sound", content_type="audio/mpeg")))
    for _ in range(2):
        for piece in client.audio.acme.stream_speech(input="x"):
            assert piece
            break
    assert b"".join(client.audio.acme.stream_speech(input="x")) == b"sound"
    assert len(client._client.io.opened) == 0


# --- what stands between the events ---------------------------------------------------------------

BETWEEN = {
    "a comment": b": keep-alive\n\n",
    "a ping": b"event: ping\ndata: ping\n\n",
    "a ping without data": b"event: ping\n\n",
    "a ping with a number": b"event: ping\ndata: 1700000000\n\n",
    "a bare ping": b"data: ping\n\n",
    "a word": b"data: processing\n\n",
    "a quoted word": b'data: "ping"\n\n',
    "null": b"data: null\n\n",
    "nothing": b"data: \n\ndata:\n\n",
    "a heartbeat with a date": b"event: heartbeat\ndata: 2026-01-01T00:00:00Z\n\n",
    "ids and retries": b"id: 1\nretry: 10\n\n",
}


@pytest.mark.parametrize("name", BETWEEN)
def test_fault_13_heartbeats_are_no_events(name: str, serve: Any, connect: Any) -> None:
    beat = BETWEEN[name]
    first = events(delta(WORDS[0]), done=False)
    body = (
        beat
        + first
        + beat
        + events(*map(delta, WORDS[1:]), FINISH, done=False)
        + beat
        + b"data: [DONE]\n\n"
    )
    server: Server = serve(*[http(body, content_type=STREAM)] * 4)
    client = connect(server)
    assert text_of(stream(client)) == "".join(stream(client).text) == TEXT
    assert stream(client).final().choices[0].message.content == TEXT
    assert text_of(gather(server.url)) == TEXT


def test_a_word_in_the_place_of_events_is_shown_when_the_stream_is_cut(
    serve: Any, connect: Any
) -> None:
    body = events(delta("a"), done=False) + b"data: upstream timed out\n\n"
    with pytest.raises(
        api302.StreamError, match=r"cut short.*the last text was 'upstream timed out'"
    ):
        list(stream(connect(serve(http(body, content_type=STREAM)))))


def test_an_error_event_in_plain_text(serve: Any, connect: Any) -> None:
    body = events(delta("a"), done=False) + b"event: error\ndata: out of memory\n\n"
    with pytest.raises(api302.StreamError, match="reported an error: out of memory") as caught:
        list(stream(connect(serve(http(body, content_type=STREAM)))))
    assert caught.value.text == "a"


LINES = [json.dumps(one) for one in (*map(delta, WORDS), FINISH)]


@pytest.mark.parametrize(
    "label",
    [STREAM, "application/x-ndjson", "application/json", "text/plain", "application/json-seq"],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n\n"])
def test_fault_13_lines_of_json(label: str, line_end: str, serve: Any, connect: Any) -> None:
    body = line_end.join(LINES) + line_end
    server: Server = serve(*[http(body, content_type=label)] * 3)
    client = connect(server)
    assert text_of(stream(client)) == "".join(stream(client).text) == TEXT
    assert gather(server.url, "final").choices[0].message.content == TEXT


def test_fault_13_lines_of_json_come_one_by_one(serve: Any, connect: Any) -> None:
    client = connect(
        serve(slowly([f"{LINES[0]}\n".encode(), b"\n" * 50], head(STREAM), lambda _: None))
    )
    with stream(client) as running:
        assert next(running).choices[0].delta.content == WORDS[0]


def test_fault_13_raw_control_characters(serve: Any, connect: Any) -> None:
    raw = json.dumps(delta("a\tb\x01")).replace("\\t", "\t").replace("\\u0001", "\x01")
    body = f"data: {raw}\n\ndata:{raw}\n\n".encode() + events(FINISH)
    reply = '{"id": "c", "choices": [{"index": 0, "message": {"content": "a\nb\x01"}}]}'
    client = connect(serve(http(body, content_type=STREAM), http(reply)))
    assert text_of(stream(client)) == "a\tb\x01" * 2
    assert (
        client.chat.completions.create(model="small", messages=[]).choices[0].message.content
        == "a\nb\x01"
    )


# --- ends -----------------------------------------------------------------------------------------


def finish(index: int = 0) -> dict[str, Any]:
    return {"id": "c-1", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("ending", ["chunked", "length", "closed"])
def test_fault_13_a_clean_end_without_done_is_an_end(
    ending: str, serve: Any, connect: Any, caplog: Any
) -> None:
    caplog.set_level(logging.INFO, "api302")
    body = events(*map(delta, WORDS), finish(), done=False)
    answer = {
        "chunked": head(STREAM, "transfer-encoding: chunked") + chunk(body) + b"0\r\n\r\n",
        "length": http(body, content_type=STREAM),
        "closed": head(STREAM) + body,
    }[ending]
    server: Server = serve(*[answer] * 3)
    assert stream(connect(server)).final().choices[0].message.content == TEXT
    assert text_of(gather(server.url)) == TEXT
    assert "".join(gather(server.url, "text")) == TEXT
    assert "ended without '[DONE]', but is complete" in caplog.text


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([delta("a")], id="no finish_reason"),
        pytest.param(
            [
                delta("a"),
                finish(0),
                {**delta("b"), "choices": [{"index": 1, "delta": {"content": "b"}}]},
            ],
            id="one of two choices",
        ),
        pytest.param([], id="nothing"),
        pytest.param([{"choices": []}], id="no choice"),
    ],
)
def test_fault_13_a_clean_end_before_that_is_a_cut(
    said: list[Any], serve: Any, connect: Any
) -> None:
    with pytest.raises(api302.StreamError, match="cut short"):
        stream(connect(serve(http(events(*said, done=False), content_type=STREAM)))).final()


def test_fault_13_a_broken_end_is_a_cut(serve: Any, connect: Any) -> None:
    body = head(STREAM, "transfer-encoding: chunked") + chunk(
        events(delta("a"), finish(), done=False)
    )
    with pytest.raises(api302.StreamError, match="cut short") as caught:
        stream(connect(serve(slowly([], body)))).final()
    assert caught.value.partial.choices[0].finish_reason == "stop"


@pytest.mark.usefixtures("kept")
def test_what_follows_the_end_is_no_event(serve: Any, connect: Any) -> None:
    """Also in a piece of its own, which the connection shares with the next call."""
    late = slowly(
        [chunk(WHOLE), chunk(events(delta("late"))), b"0\r\n\r\n"],
        head(STREAM, "transfer-encoding: chunked"),
        lambda _: None,
        pause=0.05,
    )
    server: Server = serve(late, late, late)
    client = connect(server)
    assert text_of(stream(client)) == "".join(stream(client).text) == TEXT
    assert stream(client).final().choices[0].message.content == TEXT
    assert server.connections == 1


def test_fault_06_half_a_character_does_not_hide_the_error(serve: Any, connect: Any) -> None:
    half = b'data: {"choices": [{"index": 0, "delta": {"content": "a\\ud83d"}}]}\n\n'
    server: Server = serve(*[http(half, content_type=STREAM)] * 2)
    for run in (lambda: list(stream(connect(server))), lambda: gather(server.url, "final")):
        with pytest.raises(api302.StreamError, match="cut short") as caught:
            run()
        assert (caught.value.text, caught.value.partial.choices[0].message.content) == (
            "a\ufffd",
            "a\ufffd",
        )
    whole = (
        half
        + b'data: {"choices": [{"index": 0, "delta": {"content": "\\ude00"}}]}\n\ndata: [DONE]\n\n'
    )
    server.steps += [http(whole, content_type=STREAM)] * 2
    assert list(stream(connect(server)).text) == ["a", "😀"]
    assert stream(connect(server)).final().choices[0].message.content == "a😀"


# --- mutated streams, read three ways
# ---------------------------------------------------------------

BASES = [json.dumps(said) for said, _ in STREAMS.values()]
RAW = [
    b"\n",
    b"\n\n",
    b"\r",
    b"data: ",
    b"data:",
    b"event: x\n",
    b"\xff",
    b"{",
    b"}",
    b'"',
    b"\0",
    b": c\n",
    b"[DONE]",
    b"data: [DONE]\n\n",
    b"\xed\xa0\xbd",
]


def body_of(chance: random.Random) -> bytes:
    """An event stream whose events, lines and bytes are not as they should be."""
    said = (
        mutated(json.loads(chance.choice(BASES)), chance)
        if chance.random() < 0.7
        else json.loads(chance.choice(BASES))
    )
    body = (
        b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in said)
        + b"data: [DONE]\n\n"
    )
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(0, len(body))
        match chance.randint(0, 2):
            case 0:
                body = body[:at] + chance.choice(RAW) + body[at:]
            case 1:
                body = body[:at] + body[at + chance.randint(1, 20) :]
            case _:
                body = body[:at]
    return body


def read(session: Any, content: bytes, cuts: list[int], how: str) -> Any:
    """Read a stream that is cut into pieces: its events, its text or its final response."""
    op = types.Operation.by_id("acme_chat_completions")
    body = {"model": "small", "messages": []}
    call = prepare.operation_call(session.settings, op, types.NO_OPTIONS, body=body, stream=True)
    reader = reader_module.Reader(session, call)
    reader.open(SimpleNamespace(is_stream_consumed=False, headers={}, status_code=200))
    taken = reader.text_of if how == "text" else reader.load
    found: list[Any] = []
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        found += map(taken, reader.feed(content[start:end]))
    found += map(taken, reader.end())
    if how == "text":
        return "".join(found) + reader.rest_of_text()
    return reader.final() if how == "final" else found


def test_fault_06_mutated_streams_read_three_ways() -> None:
    session = api302.Client(api_key=KEY, base_url="https://api.example.test")._client

    @many
    @given(st.integers(0, 2**48))
    def check(seed: int) -> None:
        chance = random.Random(seed)
        content = body_of(chance)
        cuts = sorted(chance.randint(0, len(content)) for _ in range(chance.randint(0, 3)))
        ends: list[Any] = []
        for how in ("events", "text", "final"):
            error: Any = None
            result: Any = None
            try:
                result = read(session, content, cuts, how)
            except api302.StreamError as caught:
                error = caught
            ends.append(error is None)
            if error is not None:
                error.text.encode()
                assert isinstance(error.events, list)
            elif how == "text":
                result.encode()
        assert len(set(ends)) == 1, "all three ways end alike"

    check()


# --- bytes that break off -------------------------------------------------------------------------


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("more", ["content-length: 100000", "transfer-encoding: chunked"])
def test_fault_05_bytes_that_break_off_are_kept_by_the_error(
    more: str, serve: Any, connect: Any, tmp_path: Any
) -> None:
    sound = b"sound" * 1000
    body = sound if "length" in more else chunk(sound)
    server: Server = serve(*[slowly([body], head("audio/mpeg", more))] * 3)
    client = connect(server)
    with pytest.raises(api302.ConnectionError) as caught:
        client.audio.acme.stream_speech(input="x").save(tmp_path)
    error = caught.value
    assert (error.status_code, error.request_id, error.content) == (200, "req-1", sound)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(api302.ConnectionError) as iterated:
        list(client.audio.acme.stream_speech(input="x"))
    assert (iterated.value.status_code, iterated.value.request_id) == (200, "req-1")

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as other:
            with pytest.raises(api302.ConnectionError) as again:
                await other.audio.acme.stream_speech(input="x").save(tmp_path)
            assert again.value.content == sound

    asyncio.run(main())
    assert len(server.requests) == 3, "what costs is not sent again"


# --- one stream, several readers ------------------------------------------------------------------

SHARES = 30


def shared(size: int) -> Any:
    """Events that come several at a time."""
    pieces = [
        chunk(events(*[delta(f"{share}.{one} ") for one in range(size)], done=False))
        for share in range(SHARES)
    ]
    head_ = head("text/event-stream", "transfer-encoding: chunked")
    return slowly([*pieces, chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"], head_, pause=0.003)


def expected(size: int) -> list[str]:
    return sorted(f"{share}.{one} " for share in range(SHARES) for one in range(size))


def said(event: Any) -> str:
    return event.choices[0].delta.content


@pytest.mark.parametrize("size", [1, 5])
def test_fault_13_threads_that_read_one_stream_lose_no_event(
    serve: Any, connect: Any, size: int
) -> None:
    """What one had not taken yet was replaced by what another received."""
    client = connect(serve(shared(size)))
    with client.chat.completions.stream(model="small", messages=[]) as stream:

        def read(_: int) -> list[str]:
            found = []
            for event in stream:
                found.append(said(event))
                time.sleep(0.004)
            return found

        with ThreadPoolExecutor(4) as pool:
            found = [one for part in pool.map(read, range(4)) for one in part]
    assert sorted(found) == expected(size)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("size", [1, 5])
def test_fault_13_tasks_that_read_one_stream_lose_no_event(
    serve: Any, backend: str, size: int
) -> None:
    """All but the first got a RuntimeError."""
    server = serve(shared(size))
    found: list[str] = []

    async def main() -> None:
        async with (
            api302.AsyncClient(api_key=KEY, base_url=server.url) as client,
            client.chat.completions.stream(model="small", messages=[]) as stream,
        ):

            async def read() -> None:
                async for event in stream:
                    found.append(said(event))
                    await anyio.sleep(0.004)

            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as group:
                    for _ in range(4):
                        group.start_soon(read)

    anyio.run(main, backend=backend)
    assert sorted(found) == expected(size)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fault_13_a_stream_that_breaks_off_is_told_to_each_task(serve: Any, backend: str) -> None:
    broken = slowly([chunk(events(delta("a"), done=False))], head("text/event-stream"), pause=0.2)
    server = serve(broken)
    errors: list[Exception] = []

    async def main() -> None:
        async with (
            api302.AsyncClient(api_key=KEY, base_url=server.url) as client,
            client.chat.completions.stream(model="small", messages=[]) as stream,
        ):

            async def read() -> None:
                try:
                    async for _ in stream:
                        pass
                except api302.StreamError as error:
                    errors.append(error)

            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as group:
                    for _ in range(3):
                        group.start_soon(read)

    anyio.run(main, backend=backend)
    assert len(errors) == 3
