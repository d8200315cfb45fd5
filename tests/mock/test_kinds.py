"""Errors that a test asks for by name: each one makes the client raise the class of that name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from patience import PATIENCE

import api302
from api302 import Api302Error, Client
from api302_mock import MockServer, start
from api302_mock.kinds import KNOWN

BASES = {"Api302Error", "ApiError", "TaskError"}
NO_RESPONSE = {
    "BudgetError": "before it sends anything",
    "InvalidArgument": "before it sends anything",
    "OutputError": "`text`",
    "RealtimeClosed": "`fault=",
    "TaskTimeout": "`polls`",
    "TimeoutError": "`latency`",
}
STATUSES = {
    "BadRequestError": 400,
    "AuthenticationError": 401,
    "QuotaError": 402,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "RequestTooLargeError": 413,
    "RateLimitError": 429,
    "ServerError": 500,
    "NoChannelError": 503,
}
CODES = {
    "AuthenticationError": "-10001 -10005 invalid_api_key authentication_error Unauthorized",
    "QuotaError": "-10004 -10006 -10007 -10012 -10018 insufficient_quota InsufficientBalance",
    "PermissionDeniedError": "-10002 -10013 -10014",
    "NotFoundError": "-10010",
    "BadRequestError": "-10009 -10011 -10015 -10016 -10600 InvalidParameter MissingParameter",
    "RequestTooLargeError": "-10017",
    "RateLimitError": "rate_limit_exceeded rate_limit_error RateLimitExceeded",
    "ServerError": "-10003 -10504 -1024 InternalError",
    "NoChannelError": "-10008",
}
PAIRS = [(code, kind) for kind, codes in CODES.items() for code in codes.split()]


def _kinds() -> list[str]:
    """The names of all errors of the client."""
    found = [name for name in api302.__all__ if isinstance(getattr(api302, name), type)]
    return [name for name in found if issubclass(getattr(api302, name), Api302Error)]


@pytest.fixture(scope="module")
def _real() -> Iterator[MockServer]:
    with start(delay=0, polls=0, pace=0) as server:
        yield server


@pytest.fixture
def real(_real: MockServer) -> MockServer:
    _real.reset()
    return _real


@pytest.fixture
def client(real: MockServer) -> Iterator[Client]:
    with Client(api_key="sk-test", base_url=real.url, max_retries=0) as client:
        yield client


def _chat(client: Client) -> object:
    return client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
    )


def _stream(client: Client) -> object:
    with client.chat.completions.stream(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        return list(stream)


def _task(client: Client) -> object:
    return client.videos.kling.text_to_video(prompt="a red panda").wait(timeout=PATIENCE)


def _speech(client: Client) -> object:
    return client.audio.minimax.speech(model="speech-02-hd", text="hello")


CALLS = {"TaskFailed": _task, "StreamError": _stream, "EnvelopeError": _speech}
"""The call whose response can hold the error; else a chat."""


@pytest.mark.parametrize("name", sorted({*_kinds()} - BASES - {*NO_RESPONSE}))
def test_each_error_of_the_client_comes_by_its_name(
    name: str, real: MockServer, client: Client
) -> None:
    real.next(error=name)
    with pytest.raises(Api302Error) as caught:
        CALLS.get(name, _chat)(client)
    assert type(caught.value).__name__ == name
    if name in STATUSES:
        assert caught.value.status_code == STATUSES[name]
        assert f"asked for {name}" in caught.value.message


@pytest.mark.parametrize(("code", "kind"), PAIRS)
def test_each_code_makes_its_class(code: str, kind: str, real: MockServer, client: Client) -> None:
    real.next(error=code)
    with pytest.raises(Api302Error) as caught:
        _chat(client)
    assert type(caught.value).__name__ == kind
    assert str(caught.value.code) == code
    assert caught.value.status_code == STATUSES[kind]
    body = caught.value.body["error"]
    assert body["err_code" if code.startswith("-") else "code"] == caught.value.code


def test_every_name_is_tested_here() -> None:
    assert {*KNOWN} == ({*_kinds()} - BASES - {*NO_RESPONSE}) | {
        code for code, _ in PAIRS if not code.startswith("-")
    }


@pytest.mark.parametrize("name", sorted(NO_RESPONSE))
def test_an_error_that_no_response_makes_says_how_it_is_had(name: str, real: MockServer) -> None:
    with pytest.raises(ValueError, match="`error`: no response makes a") as caught:
        real.next(error=name)
    assert NO_RESPONSE[name] in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("insuficient_quota", "insufficient_quota"),
        ("QuotaEror", "QuotaError"),
        ("RateLimit", "RateLimitError"),
        ("something_else", "the names are"),
    ],
)
def test_a_wrong_name_lists_near_ones(wrong: str, near: str, real: MockServer) -> None:
    with pytest.raises(ValueError, match="is not the name of an error") as caught:
        real.next(error=wrong)
    assert near in str(caught.value)


@pytest.mark.parametrize(
    ("message", "more", "status"),
    [("no more of this", {}, 400), ("Gone", {}, 400), ("teapot_error", {"code": 418}, 418)],
)
def test_a_message_stays_a_message(
    message: str, more: Any, status: int, real: MockServer, client: Client
) -> None:
    real.next(error=message, **more)
    with pytest.raises(api302.ApiError) as caught:
        _chat(client)
    assert (caught.value.status_code, caught.value.message) == (status, message)


def test_a_status_of_ones_own_goes_before_the_usual_one(real: MockServer, client: Client) -> None:
    real.next(error="insufficient_quota", code=429, retry_after=7)
    with pytest.raises(api302.QuotaError) as caught:
        _chat(client)
    assert (caught.value.status_code, caught.value.retry_after) == (429, 7)


def test_a_name_and_a_fault_exclude_each_other(real: MockServer) -> None:
    with pytest.raises(ValueError, match="ConnectionError is a fault itself"):
        real.next(error="ConnectionError", fault="reset")
