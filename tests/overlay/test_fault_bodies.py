"""Bodies lost, paid twice or misread: faults 5, 8, 9, 10, 11, 12 and 17."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import socket
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from patience import PATIENCE
from support import KEY, Request, api302, chunk, events, head, http, reset, silent

RESPONSE = {"id": "c-1", "choices": [{"index": 0, "message": {"content": "你好"}}]}
BODY = json.dumps(RESPONSE, ensure_ascii=False).encode()
SOUND = b"ID3\x04" + bytes(range(256)) * 4
CHUNKED = "transfer-encoding: chunked"
GZIP = "content-encoding: gzip"


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def speak(client: Any) -> Any:
    return client.audio.acme.speech(input="hello")


def get(client: Any) -> Any:
    return client.videos.acme.get_video(task_id="t-1")


def sends(*pieces: bytes, broken: bool = False) -> Callable[[socket.socket, Request], None]:
    """A step that sends the pieces and then ends the connection."""

    def step(connection: socket.socket, _: Request) -> None:
        for piece in pieces:
            connection.sendall(piece)
        if broken:
            import time

            time.sleep(0.05)
            reset(connection)
        else:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    return step


def labeled(content_type: str, body: bytes, *more: str) -> bytes:
    return head(content_type, f"content-length: {len(body)}", *more) + body


def wrong_checksum(body: bytes) -> bytes:
    packed = gzip.compress(body)
    return packed[:-8] + bytes(4) + packed[-4:]


JSON = "application/json"
WHOLE = {
    "no terminating chunk": sends(head(JSON, CHUNKED), chunk(BODY)),
    "reset instead of the terminating chunk": sends(head(JSON, CHUNKED), chunk(BODY), broken=True),
    "content-length one too long": sends(head(JSON, f"content-length: {len(BODY) + 1}"), BODY),
    "gzip label on plain JSON": labeled(JSON, BODY, GZIP),
    "deflate label on plain JSON": labeled(JSON, BODY, "content-encoding: deflate"),
    "raw deflate": labeled(JSON, zlib.compress(BODY)[2:-4], "content-encoding: deflate"),
    "gzip": labeled(JSON, gzip.compress(BODY), GZIP),
    "gzip twice": labeled(JSON, gzip.compress(gzip.compress(BODY)), "content-encoding: gzip, gzip"),
    "wrong checksum": labeled(JSON, wrong_checksum(BODY), GZIP),
    "gzip without its trailer": labeled(JSON, gzip.compress(BODY)[:-8], GZIP),
    "wrong checksum, in pieces": sends(
        head(JSON, CHUNKED, GZIP),
        *[chunk(wrong_checksum(BODY)[i : i + 1]) for i in range(len(wrong_checksum(BODY)))],
        chunk(b""),
    ),
    "control characters": labeled(JSON, BODY.replace("你好".encode(), b"a\x01\tb")),
    "bytes that are not UTF-8": labeled(JSON, BODY.replace("你".encode(), b"\xe4\xbd")),
    "UTF-16": labeled(JSON, json.dumps(RESPONSE).encode("utf-16")),
    "byte order mark": labeled(JSON, b"\xef\xbb\xbf" + BODY),
    "label of text": labeled("text/plain", BODY),
    "label of sound": labeled("audio/mpeg", BODY),
    "a charset that nobody knows": labeled("application/json; charset=klingon", BODY),
}


@pytest.mark.parametrize("case", WHOLE)
def test_fault_05_a_whole_body_is_returned(case: str, serve: Any, connect: Any) -> None:
    server = serve(WHOLE[case])
    response = chat(connect(server))
    assert response.id == "c-1"
    assert response.request_id == "req-1"
    assert len(server.requests) == 1


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("case", WHOLE)
def test_fault_05_a_whole_body_is_returned_async(case: str, serve: Any) -> None:
    server = serve(WHOLE[case])

    async def main() -> Any:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            return await chat(client)

    assert asyncio.run(main()).id == "c-1"


CUT = {
    "in the middle": sends(head(JSON, f"content-length: {len(BODY)}"), BODY[:20]),
    "in a chunk": sends(head(JSON, CHUNKED), chunk(BODY[:20]) + b"ff\r\n" + BODY[20:24]),
    "reset": sends(head(JSON, CHUNKED), chunk(BODY[:20]), broken=True),
    "in gzip": sends(head(JSON, CHUNKED, GZIP), chunk(gzip.compress(BODY)[:-20]), chunk(b"")),
}


@pytest.mark.parametrize("case", CUT)
def test_fault_05_an_error_never_forgets_the_response(case: str, serve: Any, connect: Any) -> None:
    server = serve(CUT[case], forever=True)
    with pytest.raises(api302.ConnectionError) as caught:
        chat(connect(server))
    error = caught.value
    assert (error.status_code, error.request_id, error.sent) == (200, "req-1", True)
    assert error.headers["content-type"] == JSON
    assert BODY.startswith(error.content)
    assert error.content
    assert "HTTP 200, request id req-1" in str(error)
    assert len(server.requests) == 1
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.content, copied.status_code) == (error.content, 200)


def test_fault_05_a_timeout_within_the_body_keeps_what_was_received(
    serve: Any, connect: Any
) -> None:
    def step(connection: socket.socket, _: Request) -> None:
        connection.sendall(head(JSON, CHUNKED) + chunk(BODY[:9]))
        silent(connection)

    client = connect(serve(step, forever=True))
    for seconds in (0.3, 3, 30, PATIENCE):  # on a busy machine, the beginning takes a while too
        with pytest.raises(api302.TimeoutError) as caught:
            chat(client, timeout=seconds)
        if caught.value.content:
            break
    assert (caught.value.status_code, caught.value.content) == (200, BODY[:9])


def test_fault_05_a_file_that_is_cut_keeps_its_bytes(serve: Any, connect: Any) -> None:
    server = serve(sends(head("audio/mpeg", CHUNKED), chunk(SOUND)))
    with pytest.raises(api302.ConnectionError) as caught:
        speak(connect(server))
    assert caught.value.content == SOUND


@pytest.mark.parametrize("case", ["length", "checksum"])
def test_fault_05_a_file_that_is_whole_is_returned(case: str, serve: Any, connect: Any) -> None:
    steps = {
        "length": sends(head("audio/mpeg", f"content-length: {len(SOUND)}"), SOUND, broken=True),
        "checksum": labeled("audio/mpeg", wrong_checksum(SOUND), GZIP),
    }
    assert speak(connect(serve(steps[case]))).content == SOUND


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("end", [b"", b"zz\r\n"])
def test_fault_05_a_429_with_a_broken_body_is_a_429(end: bytes, serve: Any, connect: Any) -> None:
    start = (
        b"HTTP/1.1 429 x\r\nretry-after-ms: 1\r\nrequest-id: r\r\ntransfer-encoding: "
        b"chunked\r\n\r\n"
    )
    server = serve(sends(start, chunk(b'{"error"') + end), http(RESPONSE))
    assert chat(connect(server)).id == "c-1"
    server = serve(sends(start, chunk(b'{"error"') + end))
    with pytest.raises(api302.RateLimitError) as caught:
        chat(connect(server, max_retries=0))
    assert (caught.value.content, caught.value.request_id) == (b'{"error"', "r")


# --- 8: repeatability is a property of an operation -----------------------------------------------


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", [http({}, "503 x"), http({}, "408 x"), reset])
def test_fault_08_a_get_without_evidence_is_not_repeated(
    step: Any, serve: Any, connect: Any
) -> None:
    server = serve(step, forever=True)
    with pytest.raises(api302.Api302Error):
        connect(server).request("GET", "/search", query={"q": "cats"})
    assert len(server.requests) == 1


@pytest.mark.usefixtures("quick")
def test_fault_08_what_is_free_by_the_document_is_repeated(serve: Any, connect: Any) -> None:
    server = serve(http({}, "503 x"), http({"code": 0, "data": {}}))
    assert get(connect(server)).code == 0


def operation(**extensions: Any) -> Any:
    """An operation written by hand."""
    from api302_client import behaviour
    from api302_client._request import builder

    read = behaviour.read(
        {f"x-{name.replace('_', '-')}": each for name, each in extensions.items()}
    )
    build = builder("GET", "/search", ())
    return api302._types.Operation(
        id="search", method="GET", path="/search", build=build, behaviour=read
    )


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("extensions", "times"),
    [
        ({}, 1),
        ({"price": [{"amount": 0.01, "unit": "PTC", "per": "call"}]}, 1),
        ({"price": [{"amount": 0, "unit": "PTC"}]}, 3),
        ({"repeatable": {"because": "it lists files"}}, 3),
        ({"task_status": {"state": "s", "succeeded": ["done"]}}, 3),
    ],
)
@pytest.mark.parametrize("step", [http({}, "500 x"), reset])
def test_fault_08_by_operation(
    extensions: Any, times: int, step: Any, serve: Any, connect: Any
) -> None:
    server = serve(step, forever=True)
    session = connect(server)._client
    call = api302._calls.call.call(session, operation(**extensions), (None, None, None, None))
    with pytest.raises(api302.Api302Error):
        api302._http.sync.run(call)
    assert len(server.requests) == times


# --- 9: a 200 that holds a result and a code ------------------------------------------------------

NO_CHANNEL = {"err_code": -10008, "message": "no channel"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("body", "times"),
    [
        ({"error": NO_CHANNEL}, 3),
        ({"error": NO_CHANNEL, "id": "", "choices": []}, 3),
        ({"error": NO_CHANNEL, **RESPONSE}, 1),
        ({"error": NO_CHANNEL, "id": "c-1"}, 1),
        ({"error": {"err_code": 429, "message": "x"}, "usage": {"total_tokens": 9}}, 1),
    ],
)
def test_fault_09_only_the_bare_envelope_is_repeated(
    body: Any, times: int, serve: Any, connect: Any
) -> None:
    server = serve(http(body), forever=True)
    with pytest.raises(api302.ApiError) as caught:
        chat(connect(server))
    assert len(server.requests) == times
    assert caught.value.body == body


# --- 10: observers --------------------------------------------------------------------------------


def test_fault_10_a_recorder_that_fails_costs_nothing(
    serve: Any, connect: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    half = http(b'{"id": "c-1", "choices": [], "note": "\\ud83d"}')
    stream = http(events({"id": "c"}), content_type="text/event-stream")
    server = serve(http(RESPONSE), half, stream)
    client = connect(server)
    folder = tmp_path / "kept"
    with api302.testing.record(client, folder):
        shutil.rmtree(folder)
        assert chat(client).id == "c-1"
        folder.mkdir()
        assert chat(client).id == "c-1"
        shutil.rmtree(folder)
        assert len(list(client.chat.completions.stream(model="small", messages=[]))) == 1
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert all("an observer failed (FileNotFoundError" in text for text in warnings)


# --- 11: failures that are told otherwise ---------------------------------------------------------

TOLD = {
    "openai": http({"error": {"message": "no", "type": "invalid_request_error"}}),
    "text/plain": labeled("text/plain", b'{"error": {"err_code": -99, "message": "no"}}'),
    "no label": b"HTTP/1.1 200 OK\r\ncontent-length: 32\r\n\r\n"
    + b'{"error": {"message": "no"}}    ',
    "audio/mpeg": labeled("audio/mpeg", b'{"error": {"err_code": -99, "message": "no"}}'),
    "octet-stream": labeled("application/octet-stream", b'{"error": {"message": "no"}}'),
    "byte order mark": labeled(JSON, b'\xef\xbb\xbf{"error": {"err_code": -99, "message": "no"}}'),
    "html label": labeled("text/html", b'{"error": {"message": "no"}}'),
    "a text": http({"error": "no"}),
    "a list": http([{"error": {"message": "no", "code": 400}}]),
    "gzip": labeled(JSON, gzip.compress(b'{"error": {"message": "no"}}'), GZIP),
}


@pytest.mark.parametrize("case", TOLD)
def test_fault_11_a_failure_raises_whatever_its_label(case: str, serve: Any, connect: Any) -> None:
    for make in (chat, speak, lambda client: client.audio.acme.stream_speech(input="x").save("x")):
        with pytest.raises(api302.ApiError, match=r"^no") as caught:
            make(connect(serve(TOLD[case])))
        assert caught.value.status_code == 200
        assert caught.value.content


@pytest.mark.parametrize(
    "body",
    [
        {**RESPONSE, "error": None},
        {**RESPONSE, "error": ""},
        {**RESPONSE, "error": {}},
        {**RESPONSE, "error": {"name": "NameError", "value": "x"}},
        {**RESPONSE, "error": "a text beside a result"},
    ],
)
def test_fault_11_what_is_no_failure_is_returned(body: Any, serve: Any, connect: Any) -> None:
    assert chat(connect(serve(http(body)))).id == "c-1"


# --- 12: another kind of response -----------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><body>Welcome to nginx</body></html>"
STRANGE = {
    "a page": (labeled("text/html", PAGE), "is an HTML page.*check base_url"),
    "a page labeled JSON": (labeled(JSON, PAGE), "is an HTML page.*check base_url"),
    "events": (http(events({"id": 1}), content_type="text/event-stream"), "is an event stream"),
    "events labeled JSON": (http(events({"id": 1})), "is not the JSON that it says it is"),
    "nothing": (http(b""), "is empty"),
    "null": (http(b"null"), "is null"),
    "half": (http(b'{"id": "c-1", "choi'), "is not the JSON that it says it is"),
    "text": (labeled("text/plain", b"upstream is busy"), "is not JSON.*upstream is busy"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_fault_12_a_response_of_another_kind(case: str, serve: Any, connect: Any) -> None:
    step, said = STRANGE[case]
    with pytest.raises(api302.DecodeError, match=said) as caught:
        chat(connect(serve(step)))
    error = caught.value
    assert (error.status_code, error.request_id) == (200, "req-1")
    assert error.content in step
    assert error.content[:200].decode() in str(error).encode().decode("unicode_escape")


def test_fault_12_the_first_200_characters_and_no_more(serve: Any, connect: Any) -> None:
    with pytest.raises(api302.DecodeError) as caught:
        chat(connect(serve(labeled("text/plain", b"x" * 5000))))
    assert "x" * 200 in str(caught.value)
    assert "x" * 201 not in str(caught.value)
    assert len(caught.value.content) == 5000


@pytest.mark.parametrize("content_type", [JSON, "audio/mpeg", "text/plain"])
def test_fault_12_json_where_a_file_is(
    content_type: str, serve: Any, connect: Any, tmp_path: Any
) -> None:
    step = labeled(content_type, b'{"status": "queued"}')
    with pytest.raises(api302.DecodeError, match="is JSON, not a file"):
        speak(connect(serve(step)))
    with pytest.raises(api302.DecodeError, match="JSON"):
        connect(serve(step)).audio.acme.stream_speech(input="x").save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_fault_12_a_page_where_a_stream_is(serve: Any, connect: Any) -> None:
    step = labeled("text/html; charset=utf-8", PAGE)
    with pytest.raises(api302.DecodeError, match="HTML page"):
        list(connect(serve(step)).chat.completions.stream(model="small", messages=[]))
    with pytest.raises(api302.DecodeError, match="HTML page"):
        speak(connect(serve(step)))


# --- 17: memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
def test_fault_17_an_error_body_is_read_up_to_a_megabyte(
    packed: bool, serve: Any, connect: Any
) -> None:
    big = b"x" * (200 << 20) if packed else b"x" * (8 << 20)
    body = gzip.compress(big, 9) if packed else big
    label = b"content-encoding: gzip\r\n" if packed else b""
    step = b"HTTP/1.1 500 x\r\n%scontent-length: %d\r\n\r\n%s" % (label, len(body), body)
    server = serve(step, http(RESPONSE))
    del big
    client = connect(server)
    tracemalloc.start()
    try:
        with pytest.raises(api302.ServerError) as caught:
            chat(client)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(caught.value.content) == 1 << 20
    assert peak < 24 << 20
    assert chat(client).id == "c-1"


SILENCE = b"RIFF" + bytes(5 << 20)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("watched", [True, False])
def test_fault_05_a_piece_that_decompresses_to_much_is_given_whole(
    serve: Any, connect: Any, tmp_path: Path, encoding: str, watched: bool
) -> None:
    """What a stream is was seen by its first piece, and what had come with that piece was lost:
    silence compresses a thousandfold.
    """
    body = gzip.compress(SILENCE) if encoding == "gzip" else SILENCE
    sound = http(body, content_type="application/octet-stream", content_encoding=encoding)
    server = serve(sound, forever=True)
    client = connect(server)
    seen: list[bytes] = []

    def watch(call: Any, next: Any) -> Any:
        response = next(call)
        if watched:
            response.when_read(seen.append)
        return response

    client._client.middleware.append(watch)
    with client.audio.acme.stream_speech(input="x") as stream:
        assert b"".join(stream) == SILENCE
    with client.audio.acme.stream_speech(input="x") as stream:
        assert stream.save(tmp_path / "a.wav").read_bytes() == SILENCE
    assert seen == [SILENCE] * (2 if watched else 0)

    async def main() -> None:
        async with (
            api302.AsyncClient(api_key=KEY, base_url=server.url) as other,
            other.audio.acme.stream_speech(input="x") as stream,
        ):
            assert b"".join([piece async for piece in stream]) == SILENCE

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)
