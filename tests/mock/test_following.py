"""Responses follow the request where a program depends on it, as `x-follows` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api302_client.behaviour import Follow
from api302_client.catalog import load
from api302_mock import MockServer, start
from api302_mock.call import Call
from api302_mock.document import Document
from api302_mock.following import follow
from api302_mock.streams import event_json

from .conftest import DOCUMENT, KEY
from .test_own import REAL

CALLED = Document(DOCUMENT).operations["chat"]
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with start(REAL, delay=0) as server:
        yield server


@pytest.fixture
def http(server: MockServer) -> Iterator[httpx.Client]:
    server.reset()
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


@pytest.mark.parametrize(
    ("rule", "body", "before", "after"),
    [
        ({"response": "a.b", "field": "m"}, {"m": "x"}, {"a": {"b": "y"}}, {"a": {"b": "x"}}),
        # What is not there is not made, and what is not a scalar is not repeated.
        ({"response": "a.b", "field": "m"}, {"m": "x"}, {"a": {}}, {"a": {}}),
        ({"response": "a", "field": "m"}, {"m": [1]}, {"a": "y"}, {"a": "y"}),
        ({"response": "a", "field": "m"}, {}, {"a": "y"}, {"a": "y"}),
        ({"response": "a", "count": "n"}, {"n": 3}, {"a": [1, 2]}, {"a": [1, 2, 1]}),
        ({"response": "a", "count": "n"}, {"n": 1}, {"a": [1, 2]}, {"a": [1]}),
        ({"response": "a", "count": "n"}, {"n": 0}, {"a": [1, 2]}, {"a": [1, 2]}),
        ({"response": "a", "count": "n"}, {"n": True}, {"a": [1, 2]}, {"a": [1, 2]}),
        ({"response": "a", "count": "n"}, {"n": ["x", "y", "z"]}, {"a": [1]}, {"a": [1, 1, 1]}),
        ({"response": "a", "count": "n"}, {"n": "a text"}, {"a": [1, 2]}, {"a": [1]}),
        # Token ids: one text, or two.
        ({"response": "a", "count": "n"}, {"n": [5, 6, 7]}, {"a": [1]}, {"a": [1]}),
        ({"response": "a", "count": "n"}, {"n": [[5], [6]]}, {"a": [1]}, {"a": [1, 1]}),
        ({"response": "a", "count": "n"}, {"n": 2}, {"a": []}, {"a": []}),
        (
            {"response": "a", "count": "n", "index": "i"},
            {"n": 2},
            {"a": [{"i": 7, "b": [1]}]},
            {"a": [{"i": 0, "b": [1]}, {"i": 1, "b": [1]}]},
        ),
        ({"response": "a", "length": "d"}, {"d": 5}, {"a": [1, 2]}, {"a": [1, 2, 1, 2, 1]}),
        (
            {"response": "a[].v", "length": "d"},
            {"d": 3},
            {"a": [{"v": [1, 2]}, {"v": [1, 2]}]},
            {"a": [{"v": [1, 2, 1]}, {"v": [2, 1, 2]}]},
        ),
        ({"response": "a", "length": "d"}, {"d": 10**9}, {"a": [1]}, {"a": [1]}),
        (
            {"response": "a", "sum": ["b", "c"]},
            {},
            {"a": 0, "b": 2, "c": 3},
            {"a": 5, "b": 2, "c": 3},
        ),
        ({"response": "a", "sum": ["b", "c"]}, {}, {"a": 9, "b": 2}, {"a": 2, "b": 2}),
        ({"response": "a", "sum": ["b", "c"]}, {}, {"b": 2}, {"b": 2}),
    ],
)
def test_what_a_rule_does(rule: Any, body: Any, before: Any, after: Any) -> None:
    follow([Follow.of(rule)], before, Call(CALLED, body=body))
    assert before == after


def test_embeddings(http: httpx.Client) -> None:
    texts = [f"text {number}" for number in range(100)]
    body = {"model": "mine", "input": texts, "dimensions": 256}
    for path in ("/v1/embeddings", "/jina/v1/embeddings"):
        response = http.post(path, json=body).json()
        assert response["model"] == "mine"
        assert [one["index"] for one in response["data"]] == list(range(100))
        assert {len(one["embedding"]) for one in response["data"]} == {256}
    assert len(http.post("/v1/embeddings", json=body | {"input": "one"}).json()["data"]) == 1


@pytest.mark.parametrize(
    ("path", "model", "length"),
    [
        ("/v1/embeddings", "text-embedding-3-small", 1536),
        ("/v1/embeddings", "BAAI/bge-m3", 1024),
        ("/jina/v1/embeddings", "jina-clip-v1", 768),
    ],
)
def test_vectors_are_as_long_as_those_of_the_model(
    http: httpx.Client, path: str, model: str, length: int
) -> None:
    body = {"model": model, "input": ["one", "two"]}
    assert load().models[model].dimensions == length
    first, second = (one["embedding"] for one in http.post(path, json=body).json()["data"])
    assert len(first) == len(second) == length
    shorter = http.post(path, json=body | {"dimensions": 5}).json()["data"]
    assert [len(one["embedding"]) for one in shorter] == [5, 5]


def test_chat(http: httpx.Client, server: MockServer) -> None:
    body = {"model": "my-model", "n": 3, "messages": MESSAGES}
    response = http.post("/v1/chat/completions", json=body).json()
    assert response["model"] == "my-model"
    assert [choice["index"] for choice in response["choices"]] == [0, 1, 2]
    usage = response["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    server.next(text="hello")
    own = http.post("/v1/chat/completions", json=body).json()
    assert [one["message"]["content"] for one in own["choices"]] == ["hello"] * 3
    text = http.post("/v1/chat/completions", json=body | {"stream": True}).text
    events = [value for one in text.strip().split("\n\n") if (value := event_json(one))]
    assert {event["model"] for event in events if "model" in event} == {"my-model"}
    assert {choice["index"] for event in events for choice in event["choices"]} == {0, 1, 2}


def test_other_models(http: httpx.Client) -> None:
    messages = {"model": "my-model", "max_tokens": 9, "messages": MESSAGES}
    assert http.post("/v1/messages", json=messages).json()["model"] == "my-model"
    text = http.post("/v1/messages", json=messages | {"stream": True}).text
    assert json.dumps("my-model") in text
    responses = {"model": "my-model", "input": "hello"}
    assert http.post("/v1/responses", json=responses).json()["model"] == "my-model"
    text = http.post("/v1/responses", json=responses | {"stream": True}).text
    assert json.dumps("my-model") in text


def test_images_and_documents(http: httpx.Client) -> None:
    body = {"model": "dall-e-3", "prompt": "x", "n": 4}
    images = http.post("/v1/images/generations", json=body).json()["data"]
    assert len(images) == 4
    assert len({image["url"] for image in images}) == 4
    assert all(http.get(image["url"]).content.startswith(b"\x89PNG") for image in images)
    rerank = {"model": "m", "query": "x", "documents": ["a", "b", "c", "d"]}
    results = http.post("/jina/v1/rerank", json=rerank).json()["results"]
    assert [one["index"] for one in results] == [0, 1, 2, 3]
    assert len(http.post("/jina/v1/rerank", json=rerank | {"top_n": 2}).json()["results"]) == 2
