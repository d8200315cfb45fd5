"""A user's tests of an application: responses of one's own, errors, a slow service, tasks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until

import api302
from api302 import Client
from api302_mock import MockServer

from .summaries import Summarizer, Summary

TEXT = json.dumps({"title": "Pandas", "points": ["eat bamboo"]})
PANDAS = Summary("Pandas", ["eat bamboo"])


@pytest.fixture
def app(api302_mock: MockServer, tmp_path: Path) -> Iterator[Summarizer]:
    api302_mock.settings.polls = 0
    with Client(api_key="sk-test", base_url=api302_mock.url, max_retries=1) as client:
        yield Summarizer(client, tmp_path)


def test_a_summary(app: Summarizer, api302_mock: MockServer) -> None:
    api302_mock.next(text=TEXT)
    assert app.sum_up("Pandas eat bamboo.") == PANDAS
    sent = api302_mock.requests[-1]
    assert sent.operation == "openai_chat_completions"
    assert sent.body["messages"][1]["content"] == "Pandas eat bamboo."


def test_an_output_of_another_kind(app: Summarizer, api302_mock: MockServer) -> None:
    api302_mock.next(text="I would rather talk.")
    assert app.sum_up("x") is None


def test_a_stream(app: Summarizer, api302_mock: MockServer) -> None:
    api302_mock.next(text="one two three")
    assert app.words("x") == 3
    api302_mock.next(text="one two three", fault="cut-stream")
    with pytest.raises(api302.StreamError) as caught:
        app.words("x")
    assert "one two three".startswith(caught.value.text)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(401, api302.AuthenticationError), (402, api302.QuotaError), (500, api302.ServerError)],
)
def test_errors(code: int, kind: type[Exception], app: Summarizer, api302_mock: MockServer) -> None:
    api302_mock.next(code=code, times=2)
    with pytest.raises(kind):
        app.sum_up("x")


def test_it_tries_again(app: Summarizer, api302_mock: MockServer) -> None:
    api302_mock.next(code=429, retry_after=0.01)
    api302_mock.next(text=TEXT)
    assert app.sum_up("x") == PANDAS
    assert len(api302_mock.requests) == 2


def test_a_slow_service_is_not_paid_twice(api302_mock: MockServer, tmp_path: Path) -> None:
    api302_mock.next(latency=20.0)
    client = Client(api_key="sk-test", base_url=api302_mock.url, timeout=0.5)
    with client, pytest.raises(api302.TimeoutError):
        Summarizer(client, tmp_path).sum_up("x")
    until(lambda: api302_mock.requests, "it is received")
    assert len(api302_mock.requests) == 1


def test_files(app: Summarizer, api302_mock: MockServer, tmp_path: Path) -> None:
    assert app.cover(PANDAS).read_bytes().startswith(b"\x89PNG")
    trailer = app.trailer(PANDAS)
    assert trailer is not None
    assert (trailer.parent, trailer.suffix) == (tmp_path, ".mp4")
    api302_mock.next(fault="task-failed")
    assert app.trailer(PANDAS) is None
