"""The catalogue of models in the client."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import Any

import pytest
from support import KEY, Server, api302, http

MESSAGES: Any = [{"role": "user", "content": "hello"}]
LISTED = {
    "data": [
        {"id": "small", "chat": True, "price": {"in": "$2.5 / M tokens", "out": 5}},
        {"id": "huge", "name": "Acme Huge", "chat": True, "price": {"in": 30, "out": None}},
        {"id": "no-kind"},
        {"name": "no id", "chat": True},
        "no object",
    ]
}


def catalog() -> Any:
    from api302.catalog import Catalog

    return Catalog()


def ids(models: Any) -> list[str]:
    return [model.id for model in models]


def test_it_needs_no_client_and_no_network() -> None:
    models = catalog()

    assert ids(models) == ["small", "large", "tiny", "acme-video"]
    assert len(models) == 4
    assert "large" in models
    assert "huge" not in models
    assert repr(models) == "<Catalog of 4 models>"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["small", "large", "acme-video"]),
        ({"deprecated": True}, ["small", "large", "tiny", "acme-video"]),
        ({"kind": "chat"}, ["small", "large"]),
        ({"kind": "image-to-video"}, ["acme-video"]),
        ({"vendor": "acme", "text": "LARGE"}, ["large"]),
        ({"operation": "acme_chat_completions"}, ["small", "large"]),
        ({"max_price": 4}, ["small", "acme-video"]),
        ({"max_price": 0.5}, []),
        ({"max_price": 0.5, "accepts": {"duration": 5}}, ["acme-video"]),
        ({"accepts": {"duration": 10}}, ["acme-video"]),
        ({"accepts": {"duration": "10"}}, ["acme-video"]),
        ({"accepts": {"duration": 7}}, []),
        ({"accepts": {"temperature": 1.5}}, ["small"]),
        ({"accepts": {"temperature": 2.5}}, []),
    ],
)
def test_find(asked: dict[str, Any], found: list[str]) -> None:
    assert ids(catalog().find(**asked)) == found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"kind": "image-to-vidio"},
            "kind: no model is of 'image-to-vidio'; did you mean image-to",
        ),
        ({"vendor": "zzz"}, "vendor: no model is of 'zzz'; acme"),
        ({"operation": "acme_chat_completion"}, "did you mean acme_chat_completions?"),
        ({"operation": "zzz"}, "operation: no call has the id 'zzz'"),
        ({"max_price": -1}, "max_price: must be 0 or more, in PTC, not -1"),
        ({"max_price": float("nan")}, "max_price: must be 0 or more"),
    ],
)
def test_what_cannot_be_found_is_refused_by_name(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(api302.InvalidArgument) as caught:
        catalog().find(**asked)
    assert said in str(caught.value)


def test_get() -> None:
    small = catalog().get("small")

    assert (small.name, small.title, small.vendor, small.kinds) == (
        "small",
        "Acme Small",
        "acme",
        ("chat",),
    )
    assert small.operations == ("acme_chat_completions",)
    assert (small.evidence, small.source, small.seen) == ("page", "p001", None)
    assert catalog().get("small-web-search").id == "small"
    assert catalog().get("tiny").replaced_by == "small"


def test_an_unknown_name_is_refused_with_those_that_are_near() -> None:
    with pytest.raises(api302.InvalidArgument, match=r"no model 'Smal'; did you mean small\?"):
        catalog().get("Smal")
    with pytest.raises(api302.InvalidArgument, match=r"no model 'nothing at all'$"):
        catalog().get("nothing at all")


def test_a_model_as_text_has_its_limits_its_price_and_a_line_to_paste() -> None:
    video = str(catalog().get("acme-video"))

    assert video.splitlines() == [
        "Acme Video (acme-video), text-to-video, image-to-video by acme",
        "  duration: 5 10 (anything else becomes 5)",
        "  price: 0.5 PTC per call for duration 5; 1 PTC per call for duration 10",
        "  source: p003 (page)",
        "  client.videos.create(prompt='a red panda')",
    ]
    assert "deprecated; use small" in str(catalog().get("tiny"))


@pytest.mark.parametrize("name", ["small", "large", "acme-video"])
def test_the_line_to_paste_runs(name: str, serve: Any) -> None:
    reply = {"code": 0, "data": {"task_id": "t-1"}, "choices": []}
    started: Server = serve(http(reply))
    with api302.Client(api_key=KEY, base_url=started.url) as client:
        exec(catalog().get(name).code, {"client": client})
    sent = started.requests[0].json
    assert sent.get("model") == catalog().get(name).name


def test_what_is_wrong_with_a_request() -> None:
    large, video = catalog().get("large"), catalog().get("acme-video")

    assert large.problems(temperature=1) == {}
    assert large.problems(temperature=1.5) == {"temperature": "must be at most 1, not 1.5"}
    assert video.problems(duration=7, seconds=3) == {
        "duration": "must be 5 or 10, not 7",
        "seconds": "is not a field of its calls",
    }
    assert large.takes({"temperature": 0.5})
    assert not video.takes({"seconds": 3})


def test_refresh_adds_what_the_service_lists(serve: Any) -> None:
    started = serve(http(LISTED))
    with api302.Client(api_key=KEY, base_url=started.url) as client:
        new = client.catalog.refresh()

        assert ids(new) == ["huge"]
        assert [request.path for request in started.requests] == ["/lists/models"]
        huge, small = client.catalog.get("huge"), client.catalog.get("small")
    assert (huge.title, huge.kinds, huge.evidence) == ("Acme Huge", ("chat",), "live")
    assert huge.source == "GET /lists/models"
    assert abs((date.today() - huge.seen).days) <= 1
    assert [(one.amount, one.per) for one in huge.price] == [(30, "1M input tokens")]
    assert [one.amount for one in small.price] == [2.5, 5]
    assert (small.title, small.evidence) == ("Acme Small", "live")
    assert "model='huge'" in huge.code
    assert "huge" not in catalog()


def test_refresh_is_awaited_by_the_async_client(serve: Any) -> None:
    started = serve(http(LISTED))

    async def main() -> list[str]:
        async with api302.AsyncClient(api_key=KEY, base_url=started.url) as client:
            new = await client.catalog.refresh()
            assert ids(client.catalog.find(text="huge")) == ["huge"]
            return ids(new)

    assert asyncio.run(main()) == ["huge"]


def test_refresh_without_a_client_is_refused() -> None:
    with pytest.raises(api302.InvalidArgument, match=r"use client\.catalog to refresh"):
        catalog().refresh()


# --- names that the catalogue does not know -------------------------------------------------------


def chat(client: Any, model: str) -> Any:
    return client.chat.completions.create(model=model, messages=MESSAGES)


def test_an_unknown_model_is_called_with_a_warning_that_names_near_ones(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    started = serve(http({"choices": []}), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)
    with client, caplog.at_level(logging.WARNING, "api302"):
        for model in ("smmall", "small", "small-web-search", "smmall"):
            chat(client, model)

    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "POST /v1/chat/completions: the catalogue has no model 'smmall'; did you mean small?"
    ]
    assert len(started.requests) == 4


@pytest.mark.parametrize(
    ("model", "status", "body", "ends"),
    [
        (
            "lage",
            "400 Bad Request",
            {"error": {"message": "model not found."}},
            "model not found. The catalogue has no model 'lage'; did you mean large?",
        ),
        (
            "larg",
            "503 Service Unavailable",
            {"error": {"err_code": -10008, "message": "no channel"}},
            "no channel. The catalogue has no model 'larg'; did you mean large?",
        ),
        ("large", "400 Bad Request", {"error": {"message": "no"}}, "no"),
        ("lage", "401 Unauthorized", {"error": {"message": "no key"}}, "no key"),
    ],
)
def test_the_error_of_a_wrong_name_names_near_ones(
    model: str, status: str, body: Any, ends: str, serve: Any
) -> None:
    started = serve(http(body, status), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url, max_retries=0)
    with client, pytest.raises(api302.ApiError) as caught:
        chat(client, model)
    assert caught.value.message == ends
