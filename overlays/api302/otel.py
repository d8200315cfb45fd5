"""Spans of OpenTelemetry, one for each exchange: `Client(middleware=[api302.otel.trace])`.

Needs `pip install 'api302[otel]'`. A span has OpenTelemetry's `gen_ai.*` and `http.*` attributes,
and of ours:

    api302.operation        the operation's id, such as openai_chat
    api302.request_id       the id under which the call is billed
    api302.task_id          the task that was created or polled
    api302.cost             in PTC (1 PTC is 1 USD), where the call has one price

Never a body, a text of a body, a header or an API key. https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import unquote, urlsplit

try:
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_tracer, use_span
except ImportError as _missing:
    raise ImportError(f"api302.otel needs: pip install 'api302[otel]' ({_missing})") from None

from api302 import __version__
from api302._errors import Api302Error
from api302._http.decoding import ABSENT, json_of
from api302._http.response import Response
from api302._json import is_array, is_mapping, is_object
from api302._types import Call

OPERATIONS = {
    "openai_chat": "chat",
    "openai_responses": "chat",
    "anthropic_messages": "chat",
    "gemini": "generate_content",
}
"""OpenTelemetry's name of an operation, by how its events accumulate."""
ASKED = {
    "model": "gen_ai.request.model",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
}
"""Fields of a request that are no content."""
USED = {
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "input_tokens": "gen_ai.usage.input_tokens",
    "promptTokenCount": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "candidatesTokenCount": "gen_ai.usage.output_tokens",
}
LONGEST = 256
"""Characters of a value: a longer one is no name."""


def trace(call: Call, next: Callable[[Call], Any]) -> Any:
    """Middleware for `Client` and `AsyncClient`: a span around each exchange.

    The span is the current one while the call is sent; that of a stream ends with the stream. The
    tracer is that of the global provider.
    """
    span = get_tracer("api302", __version__).start_span(
        _safe(call, _name(call)),
        kind=SpanKind.CLIENT,
        attributes={name: _safe(call, value) for name, value in _asked(call)},
    )
    return _awaited(span, call, next) if iscoroutinefunction(next) else _called(span, call, next)


def _called(span: Span, call: Call, next: Callable[[Call], Response]) -> Response:
    with use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            response = next(call)
        except BaseException as error:
            _fail(span, error)
            raise
    return _answered(span, call, response)


async def _awaited(span: Span, call: Call, next: Callable[[Call], Awaitable[Response]]) -> Response:
    with use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            response = await next(call)
        except BaseException as error:
            _fail(span, error)
            raise
    return _answered(span, call, response)


def _answered(span: Span, call: Call, response: Response) -> Response:
    span.set_attribute("http.response.status_code", response.status_code)
    if response.request_id:
        span.set_attribute("api302.request_id", _safe(call, _short(response.request_id)))
    if response.error is not None:
        _fail(span, response.error)
        return response

    def read(content: bytes) -> None:
        try:
            found = _received(call, response, content)
            span.set_attributes({name: _safe(call, value) for name, value in found})
        finally:
            span.end()

    response.when_read(read)
    return response


def _fail(span: Span, error: BaseException) -> None:
    """The class of an error; its message may hold a part of the body."""
    code = getattr(error, "code", None)
    if isinstance(error, Api302Error) and isinstance(code, (str, int)):
        span.set_attribute("api302.error_code", _short(code))
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
    span.end()


# --- what a span knows ----------------------------------------------------------------------------


def _name(call: Call) -> str:
    return f"{_operation(call)} {_model(call)}".rstrip()


def _operation(call: Call) -> str:
    """OpenTelemetry's name of an operation, or else ours."""
    rule = call.op.behaviour.stream if call.op else None
    kind = rule.accumulate if rule else None
    if kind in OPERATIONS:
        return OPERATIONS[kind]
    if call.op and call.op.path.endswith("/embeddings"):
        return "embeddings"
    return call.operation or call.method


def _model(call: Call) -> str:
    model = call.json.get("model") if is_object(call.json) else None
    return _short(model) if isinstance(model, str) else ""


def _asked(call: Call) -> Iterator[tuple[str, Any]]:
    yield "gen_ai.operation.name", _operation(call)
    yield "gen_ai.provider.name", "302.ai"
    yield "http.request.method", call.method
    yield "server.address", urlsplit(call.url).hostname or ""
    if call.attempt:
        yield "http.request.resend_count", call.attempt
    if call.op:
        yield "api302.operation", call.op.id
        yield "url.template", call.op.path
        match call.op.behaviour.price:
            case (price,) if price.amount is not None and (price.per, price.for_) == ("call", None):
                yield "api302.cost", price.amount
            case _:
                pass
    if call.stream:
        yield "gen_ai.request.stream", True
    if is_object(call.json):
        yield from _named(call.json, ASKED)


def _received(call: Call, response: Response, content: bytes) -> Iterator[tuple[str, Any]]:
    for data in _values(response, content):
        yield from _named(data, {"id": "gen_ai.response.id", "model": "gen_ai.response.model"})
        inner = data.get("response") or data.get("message")  # of an event
        for place in (data, inner if is_object(inner) else {}):
            for name in ("usage", "usageMetadata"):
                if is_object(usage := place.get(name)):
                    yield from _named(usage, USED)
        if reasons := [*_reasons(data)]:
            yield "gen_ai.response.finish_reasons", reasons
        if task := _task(call, data):
            yield "api302.task_id", _short(task)


def _values(response: Response, content: bytes) -> Iterator[Mapping[str, Any]]:
    """The JSON object that a body is, or those of its events."""
    data = json_of(content, response.headers.get("content-type", ""))
    if data is not ABSENT:
        yield from [data] if is_object(data) else []
        return
    for line in content.splitlines():
        if line.startswith(b"data:"):
            try:
                event = json.loads(line[5:])
            except (ValueError, RecursionError):
                continue
            yield from [event] if is_object(event) else []


def _reasons(data: Mapping[str, Any]) -> Iterator[str]:
    choices = data.get("choices")
    for choice in choices if is_array(choices) else []:
        if is_object(choice) and isinstance(reason := choice.get("finish_reason"), str):
            yield _short(reason)
    if isinstance(reason := data.get("stop_reason"), str):
        yield _short(reason)


def _task(call: Call, data: Mapping[str, Any]) -> Any:
    """The id of the task that a response is about."""
    if call.op is None:
        return None
    if (rule := call.op.behaviour.task) is not None:
        return next(iter(rule.find(data).values()), None)
    if call.op.behaviour.status is None:
        return None
    if found := _in_path(call):
        return found
    for place in (call.query, call.json, data, data.get("data")):
        if is_mapping(place) and isinstance(found := place.get("task_id"), (str, int)):
            return found
    return None


def _in_path(call: Call) -> str:
    """The last parameter of a path, which names the task that is polled."""
    template = call.op.path if call.op else ""
    if "{" not in template:
        return ""
    literals = map(re.escape, re.split(r"\{[^{}]*\}", template))
    found = re.fullmatch("([^?]*)".join(literals), call.kwargs["url"])
    return unquote(found[found.lastindex or 0]) if found else ""


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Numbers and short texts under OpenTelemetry's names."""
    for name, attribute in names.items():
        value = values.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield attribute, value
        elif isinstance(value, str):
            yield attribute, _short(value)


def _short(value: Any) -> str:
    return str(value)[:LONGEST].encode(errors="replace").decode()  # exporters send UTF-8


def _safe(call: Call, value: Any) -> Any:
    """A value without secrets, whoever put them there."""
    if is_array(value):
        return [_safe(call, one) for one in value]
    return call.redactor.text(value) if isinstance(value, str) else value
