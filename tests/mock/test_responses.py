"""Examples, streams, files, and what can be asked of a response."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from patience import PATIENCE

from api302_mock import MockServer, start

from .conftest import KEY

CHAT = {"model": "small", "messages": [{"role": "user", "content": "你好"}]}
VIDEO = {"prompt": "a red panda"}


@pytest.fixture
def other(made: dict[str, Any]) -> Iterator[httpx.Client]:
    with start(made) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


def test_a_stream_only_when_asked_for(http: httpx.Client) -> None:
    assert (
        http.post("/v1/chat/completions", json=CHAT).headers["content-type"] == "application/json"
    )
    with http.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as response:
        assert response.headers["content-type"] == "text/event-stream"
        events = [line for line in response.iter_lines() if line]
    assert [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in events[:-1]] == [
        "你",
        "好",
    ]
    assert events[-1] == "data: [DONE]"


def test_accept_chooses_the_media_type(http: httpx.Client) -> None:
    def kind(accept: str) -> str:
        response = http.post("/v1/audio/speech", json={"input": "x"}, headers={"Accept": accept})
        magic = {"audio/mpeg": b"\xff\xfb", "audio/wav": b"RIFF"}
        assert response.content.startswith(magic[response.headers["content-type"]])
        return response.headers["content-type"]

    assert kind("*/*") == kind("audio/*") == kind("text/csv") == "audio/mpeg"
    assert (
        kind("audio/wav")
        == kind("audio/mpeg;q=0.1, audio/wav")
        == kind("*/*, audio/wav")
        == "audio/wav"
    )


def test_an_example_by_name(http: httpx.Client) -> None:
    task = http.post("/acme/v1/videos", json=VIDEO).json()["data"]["task_id"]
    told = http.get(f"/acme/v1/videos/{task}", headers={"Prefer": "example=failed"}).json()["data"]
    assert told == {"task_id": task, "task_status": "failed", "task_status_msg": "prompt refused"}
    unknown = http.post("/acme/v1/videos", json=VIDEO, headers={"Prefer": "example=nothing"})
    assert unknown.status_code == 400
    assert "accepted" in unknown.json()["error"]["message"]


def test_an_error_by_header_and_by_schedule(http: httpx.Client, server: MockServer) -> None:
    response = http.post("/acme/v1/videos", json=VIDEO, headers={"Prefer": "code=429"})
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    response = http.post(
        "/acme/v1/videos",
        json=VIDEO,
        headers={"Prefer": "code=503; retry-after=0.5, err_code=-10003"},
    )
    assert (
        response.status_code,
        response.headers["retry-after"],
        response.json()["error"]["err_code"],
    ) == (
        503,
        "0.5",
        -10003,
    )
    server.next(code=500, times=2)
    server.next(code=402, operation="acme_speech")
    assert [http.post("/acme/v1/videos", json=VIDEO).status_code for _ in range(3)] == [
        500,
        500,
        200,
    ]
    assert http.post("/v1/audio/speech", json={"input": "x"}).json()["error"]["err_code"] == -10004
    assert http.post("/mock/next", json={"code": 403}).json() == {"scheduled": 1}
    assert http.post("/acme/v1/videos", json=VIDEO).status_code == 403


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"code": 99}, "99"),
        ({"fault": "fire"}, "fire"),
        ({"cod": 429}, "cod"),
        ({"operation": "nothing"}, "nothing"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(server: MockServer, wish: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        server.next(**wish)


def test_a_preference_that_cannot_be_is_refused(http: httpx.Client) -> None:
    def post(prefer: str) -> httpx.Response:
        return http.post("/acme/v1/videos", json=VIDEO, headers={"Prefer": prefer})

    refused = post("fault=fire")
    assert refused.status_code == 400
    assert "fire" in refused.json()["error"]["message"]
    assert http.post("/mock/next", json={"code": "x"}).status_code == 422
    # Those of others are passed over.
    assert post("return=minimal, wait=5").status_code == 200


def test_faults_on_the_wire(http: httpx.Client, server: MockServer) -> None:
    def fault(name: str, *, stream: bool = False) -> httpx.Response:
        return http.post(
            "/v1/chat/completions",
            json=CHAT | {"stream": stream},
            headers={"Prefer": f"fault={name}"},
        )

    with pytest.raises(httpx.ReadError):
        fault("reset")
    for stream in (True, False):
        with pytest.raises(httpx.RemoteProtocolError):
            fault("cut-stream", stream=stream)
    assert "[DONE]" not in fault("end-stream", stream=True).text
    assert '"error"' in fault("error-event", stream=True).text
    for text in (
        fault("broken-json").text,
        fault("broken-json", stream=True).text.split("\n\n")[1],
    ):
        with pytest.raises(json.JSONDecodeError):
            json.loads(text.removeprefix("data: "))
    failed = http.post("/acme/v1/videos", json=VIDEO, headers={"Prefer": "fault=envelope"})
    assert (failed.status_code, failed.json()["code"] != 0) == (200, True)
    streamed = http.post(
        "/v1/chat/completions", json=CHAT | {"stream": True}, headers={"Prefer": "fault=envelope"}
    )
    assert (streamed.status_code, "`x-success`" in streamed.text) == (400, True)
    refused = http.post("/v1/chat/completions", json=CHAT, headers={"Prefer": "fault=task-failed"})
    assert (refused.status_code, "`x-task`" in refused.text) == (400, True)
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            "/acme/v1/videos",
            json=VIDEO,
            headers={"Prefer": "latency=3"},
            timeout=httpx.Timeout(PATIENCE, read=0.1),
        )
    assert [seen.status for seen in server.requests].count(None) >= 1


def test_uploads_are_served_back(other: httpx.Client) -> None:
    for size in (5, 3 << 20):
        url = other.post("/file/upload", files={"file": ("../a b.png", b"x" * size)}).json()["data"]
        assert url.endswith("-a-b.png")
        assert httpx.get(url).content == b"x" * size
        assert httpx.get(url).headers["content-type"] == "image/png"


def test_the_bytes_of_an_upload_of_several_steps_are_put() -> None:
    response = {"put": "https://store.example.test/u-1.png?signature=s"}
    media = {
        "application/json": {"schema": {"type": "object"}, "examples": {"one": {"value": response}}}
    }
    begin = {
        "operationId": "begin",
        "x-upload": {"put": "put", "finish": "begin", "address": "put"},
        "responses": {"200": {"description": "", "content": media}},
    }
    with start({"openapi": "3.2.0", "paths": {"/begin": {"post": begin}}}) as server:
        place = httpx.post(f"{server.url}/begin").json()["put"]
        assert place.startswith("http://localhost:")
        assert place.endswith("-u-1.png?signature=s")
        assert place != httpx.post(f"{server.url}/begin").json()["put"]
        for content in (b"x" * (2 << 20), b"again"):
            put = httpx.put(place, content=content)
            assert (put.status_code, put.headers["etag"]) == (
                200,
                f'"{hashlib.md5(content).hexdigest()}"',
            )
            assert httpx.get(place).content == content
        assert server.leaked_keys == []
        assert httpx.put(place.replace("u-1", "u-2"), content=b"").status_code == 405
        httpx.put(place, content=b"", headers=KEY)
        assert [seen.method for seen in server.leaked_keys] == ["PUT"]


def test_files_are_real_and_have_ranges(http: httpx.Client, server: MockServer) -> None:
    magic = {
        "png": b"\x89PNG",
        "jpg": b"\xff\xd8",
        "webp": b"RIFF",
        "mp3": b"\xff\xfb",
        "wav": b"RIFF",
        "pdf": b"%PDF",
        "zip": b"PK",
        "glb": b"glTF",
    }
    for kind, start_ in magic.items():
        assert httpx.get(f"{server.url}/mock/files/x.{kind}").content.startswith(start_)
    url = f"{server.url}/mock/files/x.mp4"
    whole = httpx.get(url).content
    assert whole[4:8] == b"ftyp"
    assert httpx.head(url).headers["content-length"] == str(len(whole))
    for asked, expected in (
        ("0-3", whole[:4]),
        ("4-", whole[4:]),
        ("-6", whole[-6:]),
        ("0-99999", whole),
    ):
        part = httpx.get(url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, expected)
    assert httpx.get(url, headers={"Range": "bytes=99999-"}).status_code == 416
    assert httpx.get(f"{server.url}/mock/files/x.unknown").status_code == 404
    assert http.post("/mock/files/x.png").status_code == 405
    server.next(fault="cut-stream")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)


def test_a_key_sent_to_files_is_told(server: MockServer) -> None:
    httpx.get(f"{server.url}/mock/files/x.png")
    assert server.leaked_keys == []
    httpx.get(f"{server.url}/mock/files/x.png", headers=KEY)
    assert [seen.path for seen in server.leaked_keys] == ["/mock/files/x.png"]


def test_the_log_over_http_names_no_key(http: httpx.Client) -> None:
    http.post("/acme/v1/videos", json=VIDEO)
    log = http.get("/mock/requests")
    assert log.json()[-1] == {
        "method": "POST",
        "path": "/acme/v1/videos",
        "query": "",
        "operation": "acme_text_to_video",
        "status": 200,
        "with_key": True,
    }
    assert "sk-test" not in log.text
    http.post("/mock/reset")
    assert http.get("/mock/requests").json() == []
