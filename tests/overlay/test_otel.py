"""Spans of OpenTelemetry: what they tell, and what they never tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from support import KEY, api302, delta, events, http, reset

sdk = pytest.importorskip("opentelemetry.sdk.trace")
SECRET = "a text that no span may hold"
RESPONSE = {
    "id": "c-1",
    "model": "small-2",
    "choices": [{"message": {"content": SECRET}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The spans that have ended, in memory."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(api302.otel, "get_tracer", provider.get_tracer)
    yield exporter.get_finished_spans
    provider.shutdown()


def chat(client: Any) -> Any:
    messages = [{"role": "user", "content": SECRET}]
    return client.chat.completions.create(model="small", messages=messages, temperature=0.5)


def told(span: Any) -> dict[str, Any]:
    """What a span tells, after a look for what it must not tell."""
    everything = span.to_json()
    for secret in (SECRET, KEY, "authorization"):
        assert secret not in everything
    return dict(span.attributes)


def test_a_call(serve: Any, connect: Any, spans: Any) -> None:
    server = serve(http(RESPONSE))
    chat(connect(server, middleware=[api302.otel.trace]))
    (span,) = spans()
    assert span.name == "chat small"
    assert told(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "302.ai",
        "gen_ai.request.model": "small",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.id": "c-1",
        "gen_ai.response.model": "small-2",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "url.template": "/v1/chat/completions",
        "api302.operation": "acme_chat_completions",
        "api302.request_id": "req-1",
    }


def test_a_stream_ends_its_span(serve: Any, connect: Any, spans: Any) -> None:
    last = {"id": "c-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    body = events(delta(SECRET), last)
    client = connect(
        serve(http(body, content_type="text/event-stream")), middleware=[api302.otel.trace]
    )
    with client.chat.completions.stream(model="small", messages=[]) as stream:
        next(stream)
        assert not spans()
        list(stream)
    (span,) = spans()
    attributes = told(span)
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.usage.output_tokens"] == 4


def test_an_async_client_and_the_current_span(serve: Any, spans: Any) -> None:
    from opentelemetry.trace import get_current_span

    current: list[Any] = []

    async def inner(call: Any, next: Any) -> Any:
        current.append(get_current_span())
        return await next(call)

    async def main() -> None:
        async with api302.AsyncClient(
            api_key=KEY,
            base_url=serve(http(RESPONSE)).url,
            middleware=[api302.otel.trace, inner],
        ) as client:
            await chat(client)

    asyncio.run(main())
    assert current[0].name == "chat small"
    assert told(spans()[0])["gen_ai.usage.input_tokens"] == 3


@pytest.mark.usefixtures("quick")
def test_failures(serve: Any, connect: Any, spans: Any) -> None:
    refused = {"error": {"err_code": -10004, "message": SECRET}}
    server = serve(http({}, "429 x"), http(refused, "402 x"), reset)
    client = connect(server, middleware=[api302.otel.trace])
    for _ in range(2):
        with pytest.raises(api302.Api302Error):
            chat(client)
    first, second, third = spans()
    assert told(first)["error.type"] == "RateLimitError"
    assert told(second)["http.request.resend_count"] == 1
    assert told(second)["error.type"] == "QuotaError"
    assert told(second)["api302.error_code"] == "-10004"
    assert told(third)["error.type"] == "ConnectionError"
    assert {span.status.status_code.name for span in (first, second, third)} == {"ERROR"}
    assert all(not span.events for span in (first, second, third))


def test_the_task_and_the_price(serve: Any, connect: Any, spans: Any) -> None:
    pending = {"code": 0, "data": {"task_id": "t-1", "task_status": "processing"}}
    client = connect(serve(http(pending), forever=True), middleware=[api302.otel.trace])
    task = client.videos.acme.text_to_video(prompt=SECRET)
    task.status()
    created, polled = map(told, spans())
    assert created["api302.task_id"] == polled["api302.task_id"] == "t-1"
    assert created["api302.cost"] == 0.5
    assert "api302.cost" not in polled


@pytest.mark.parametrize("asynchronous", [False, True])
def test_fault_02_the_span_of_an_abandoned_stream_ends_with_the_next_call(
    serve: Any, spans: Any, asynchronous: bool
) -> None:
    part = events(delta("a", usage={"completion_tokens": 4}), done=False)
    server = serve(http(part, content_type="text/event-stream"), http(RESPONSE))
    options: Any = {"api_key": KEY, "base_url": server.url, "middleware": [api302.otel.trace]}

    def begun(client: Any) -> Any:
        return client.chat.completions.stream(model="small", messages=[])

    async def main() -> None:
        async with api302.AsyncClient(**options) as client:
            stream = begun(client)
            async for _ in stream:
                break
            del stream
            await chat(client)

    if asynchronous:
        asyncio.run(main())
    else:
        with api302.Client(**options) as client:
            next(iter(begun(client)))
            chat(client)
    first, second = sorted(map(told, spans()), key=lambda one: "gen_ai.request.stream" not in one)
    assert first["gen_ai.usage.output_tokens"] == 4
    assert second["gen_ai.response.id"] == "c-1"


def test_fault_20_a_key_in_a_wrong_place_is_in_no_span(
    serve: Any, connect: Any, spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(
        serve(http({**RESPONSE, "id": KEY}), forever=True), middleware=[api302.otel.trace]
    )
    client.chat.completions.create(model=KEY, messages=[])
    (span,) = spans()
    assert told(span)["gen_ai.response.id"] != KEY
    assert span.name.startswith("chat ")
    assert KEY not in caplog.text


def test_fault_10_half_a_character_is_in_no_span(serve: Any, connect: Any, spans: Any) -> None:
    """Exporters send UTF-8, and one span that is none takes all others with it."""
    half = {**RESPONSE, "id": "half \ud83d", "model": "\ud83d"}
    client = connect(serve(http(json.dumps(half).encode())), middleware=[api302.otel.trace])
    chat(client)
    (span,) = spans()
    assert told(span)["gen_ai.response.id"] == "half ?"
    for value in (span.name, *span.attributes.values()):
        str(value).encode()


def test_what_strays_costs_nothing(serve: Any, connect: Any, spans: Any) -> None:
    strange = {"id": ["x"], "choices": {"a": 1}, "usage": [1], "model": "m" * 10_000}
    chat(connect(serve(http(strange)), middleware=[api302.otel.trace]))
    (span,) = spans()
    assert len(told(span)["gen_ai.response.model"]) == 256
