"""What the mock refuses, and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api302_mock import MockServer, start

from .conftest import KEY

CHAT = {"model": "small", "messages": [{"role": "user", "content": "你好"}]}


@pytest.fixture
def other(made: dict[str, Any]) -> Iterator[httpx.Client]:
    with start(made) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


def refused(response: httpx.Response, status: int, err_code: int, *words: str) -> None:
    assert response.status_code == status
    assert response.headers["request-id"]
    error = response.json()["error"]
    assert error["err_code"] == err_code
    assert error["type"] == "api_error"
    assert {"message", "message_cn", "message_jp"} <= set(error)
    for word in words:
        assert word in error["message"]


def test_it_says_that_it_is_the_mock(server: MockServer) -> None:
    assert httpx.get(server.url).json() == {
        "mock": True,
        "title": "Mini",
        "version": "0.1.0",
        "operations": 5,
    }


def test_a_key_is_needed(server: MockServer) -> None:
    url = f"{server.url}/v1/chat/completions"
    refused(httpx.post(url, json=CHAT), 401, -10001, "Authorization")
    refused(
        httpx.post(url, json=CHAT, headers={"Authorization": "Bearer nonsense"}), 401, -10005, "sk-"
    )
    refused(httpx.post(url, json=CHAT, headers={"Authorization": "sk-no-scheme"}), 401, -10001)


def test_paths_methods_and_media_types(http: httpx.Client) -> None:
    refused(http.get("/nowhere"), 404, -10010, "/nowhere")
    wrong = http.get("/v1/chat/completions")
    refused(wrong, 405, -10009)
    assert wrong.headers["allow"] == "POST"
    refused(
        http.post("/v1/chat/completions", content="x", headers={"Content-Type": "text/csv"}),
        415,
        -10011,
        "text/csv",
        "application/json",
    )
    refused(http.post("/v1/chat/completions", content=b"{}"), 415, -10011, "missing")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": CHAT["messages"]}, ["model"]),
        ({**CHAT, "temperature": 9}, ["body.temperature", "9"]),
        ({**CHAT, "messages": []}, ["body.messages"]),
        (
            {**CHAT, "messages": [{"role": "robot", "content": "x"}]},
            ["body.messages[0].role", "robot"],
        ),
        (
            {**CHAT, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
            ["body.messages[0].content"],
        ),
    ],
)
def test_a_wrong_body_is_refused_by_its_field(
    http: httpx.Client, body: Any, words: list[str]
) -> None:
    refused(http.post("/v1/chat/completions", json=body), 422, -10011, *words)


@pytest.mark.parametrize(
    "content", [b"{", b"", b'{"model": NaN}', b"[" * 100_000, b'{"a": "\xff"}']
)
def test_a_body_that_is_no_json(http: httpx.Client, content: bytes) -> None:
    response = http.post(
        "/v1/chat/completions", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert "body" in response.json()["error"]["message"]


def test_half_a_character_is_answered_as_json(other: httpx.Client) -> None:
    response = other.post(
        "/thing", content=b'{"name": "\\ud83d"}', headers={"Content-Type": "application/json"}
    )
    assert response.json()["data"]["name"] == "\ud83d"


def test_an_alias_is_served(http: httpx.Client) -> None:
    assert (
        http.post("/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"]
        == "你好"
    )


def test_forms_are_read_by_their_schema(http: httpx.Client, server: MockServer) -> None:
    files = {"file": ("a.wav", b"RIFF")}
    assert (
        http.post(
            "/v1/audio/transcriptions",
            files=files,
            data={"timestamp_granularities[]": ["word", "segment"]},
        ).status_code
        == 200
    )
    assert server.requests[-1].body == {
        "file": "(file)",
        "timestamp_granularities[]": ["word", "segment"],
    }
    assert server.requests[-1].uploads == [("a.wav", 4)]
    assert (
        http.post(
            "/v1/audio/transcriptions", files=files, data={"timestamp_granularities[]": "word"}
        ).status_code
        == 200
    )
    refused(
        http.post(
            "/v1/audio/transcriptions", files=files, data={"timestamp_granularities[]": "letter"}
        ),
        422,
        -10011,
        "letter",
    )
    refused(http.post("/v1/audio/transcriptions", files={"other": b"x"}), 422, -10011, "file")
    broken = http.post(
        "/v1/audio/transcriptions", content=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    refused(broken, 400, -10011, "body: it is not a form")


def test_parameters_and_bodies_of_other_kinds(other: httpx.Client) -> None:
    def send(**more: Any) -> httpx.Response:
        headers = {"Content-Type": "application/octet-stream", **more.pop("headers", {})}
        return other.post("/raw", content=b"\0\1", headers=headers, **more)

    response = send(params={"n": 5, "tags": [1, 2]}, headers={"x-mode": "a"})
    assert response.headers["content-type"] == "image/png"
    assert response.content.startswith(b"\x89PNG")
    refused(send(params={"n": 6}), 422, -10011, "query parameter `n`", "6")
    refused(send(params={"n": "six"}), 422, -10011, "query parameter `n`", "six")
    refused(send(params={"tags": ["1", "x"]}), 422, -10011, "`tags`[1]")
    refused(send(headers={"x-mode": "c"}), 422, -10011, "header parameter `x-mode`")
    assert other.post("/voice", data={"n": "3"}).status_code == 200
    refused(other.post("/voice", data={"n": "x"}), 422, -10011, "body.n")


def test_strict_refuses_what_the_document_does_not_name(made: dict[str, Any]) -> None:
    with start(made, strict=True) as server, httpx.Client(base_url=server.url, headers=KEY) as http:
        assert (
            http.post(
                "/chat", json={"q": "x", "more": {"a": 1, "b": "x"}, "free": {"any": 1}}
            ).status_code
            == 200
        )
        refused(http.post("/chat", json={"q": "x", "zz": 1}), 422, -10011, "zz")
        refused(
            http.post("/chat", json={"q": "x", "more": {"c": 1}}), 422, -10011, "body.more", "c"
        )
        refused(http.post("/chat", params={"zz": 1}, json={"q": "x"}), 422, -10011, "zz")


def test_a_path_spelled_out_wins_over_one_of_any_segments() -> None:
    def answering(word: str) -> dict[str, Any]:
        return {
            "operationId": word,
            "responses": {
                "200": {
                    "description": "Which operation it was.",
                    "content": {"application/json": {"example": {"by": word}}},
                }
            },
        }

    name = {"name": "name", "in": "path", "required": True}
    any_model = answering("any") | {
        "parameters": [name | {"schema": {"type": "string", "x-segments": True}}]
    }
    paths = {
        "/models/{name}": {"post": any_model},
        "/models/acme/one": {"post": answering("one")},
        "/models/{name}/result": {
            "get": answering("result") | {"parameters": [name | {"schema": {"type": "string"}}]}
        },
    }
    raw = {"openapi": "3.2.0", "info": {"title": "Paths", "version": "1"}, "paths": paths}
    with start(raw) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        reached = [
            client.request(method, path).json()["by"]
            for method, path in (
                ("POST", "/models/acme/one"),
                ("POST", "/models/acme/one/edit"),
                ("POST", "/models/two"),
                ("GET", "/models/two/result"),
            )
        ]
    assert reached == ["one", "any", "any", "result"]
