"""api302 holds the conformance suite, whose cases are JSON beside this file.

The cases of a list are read by the description's own reader and the client's decisions; those of a
stream, an upload or a list of pages go through the whole client, with responses of the test.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import api302
from api302._calls.failure import api_error, explain, failure_in
from api302._errors import ConnectionError as NoResponse
from api302._errors import TimeoutError as NoResponseInTime
from api302._http import retry
from api302._secret import Redactor
from api302._types import Operation
from api302_client.behaviour import Task, TaskStatus, read

HERE = Path(__file__).parent
TOPICS = ("task", "submit", "failure", "error", "retry", "stream", "upload", "pages")
KINDS = {
    "authentication": api302.AuthenticationError,
    "quota": api302.QuotaError,
    "permission": api302.PermissionDeniedError,
    "not_found": api302.NotFoundError,
    "bad_request": api302.BadRequestError,
    "too_large": api302.RequestTooLargeError,
    "rate_limit": api302.RateLimitError,
    "server": api302.ServerError,
    "no_channel": api302.NoChannelError,
    "other": api302.ApiError,
}
KEY = "sk-conformance"

Json = dict[str, Any]


def cases(topic: str) -> list[Any]:
    listed = json.loads((HERE / f"{topic}.json").read_text("utf-8"))["cases"]
    return [pytest.param(case, id=case["name"]) for case in listed]


def test_the_suite_is_large_enough_and_each_case_is_written_down_once() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == set(TOPICS)
    names = [(topic, case.id) for topic in TOPICS for case in cases(topic)]
    assert len(names) == len(set(names)) >= 200
    assert all(f"## {topic}\n" in (HERE / "README.md").read_text("utf-8") for topic in TOPICS)


# -- decisions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("task"))
def test_task(case: Json) -> None:
    found = TaskStatus.of(case["rule"]).read(case["response"], is_file=case.get("file", False))
    said = {**found._asdict(), "outputs": list(found.outputs)}
    assert {name: said[name] for name in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", cases("submit"))
def test_submit(case: Json) -> None:
    found = Task.of(case["rule"]).find(case["response"])
    is_begun = all(value not in (None, "") for value in found.values())
    assert (found if is_begun else None) == case["expect"]


@pytest.mark.parametrize("case", cases("failure"))
def test_failure(case: Json) -> None:
    operation = Operation.by_id("ai302_list_models")._replace(behaviour=read(case["rules"]))
    found = failure_in(operation, case["response"])
    if found is None:
        assert case["expect"] is None
        return
    expect = dict(case["expect"])
    if not case["rules"]:
        code, message = explain(case["response"])
        assert {"code": code, "message": message} == expect
    else:
        assert {"code": found.code, "message": found.message} == expect


def error_of(status: int, headers: dict[str, str], body: Any) -> api302.ApiError:
    content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return api_error(Redactor(), "POST /x", status, headers, content.encode())


@pytest.mark.parametrize("case", cases("error"))
def test_error(case: Json) -> None:
    error = error_of(case["status"], case["headers"], case["body"])
    expect = case["expect"]
    assert type(error) is KINDS[expect["kind"]]
    assert (error.code, error.message) == (expect["code"], expect["message"])
    assert error.retry_after == expect["retry_after"]


@pytest.mark.parametrize("case", cases("retry"))
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_retry(case: Json, chance: float) -> None:
    failure = case["failure"]
    if "connection" in failure:
        kind = NoResponseInTime if failure["connection"] == "timeout" else NoResponse
        error: Exception = kind("x", sent=failure["connection"] != "refused")
    else:
        error = error_of(failure["status"], failure["headers"], failure["body"])
    after = retry.delay(error, case["free"], case["attempt"], case["retries"], lambda: chance)
    expect = case["expect"]["after"]
    assert (after is None) == (expect is None)
    if after is not None:
        assert expect[0] <= after <= expect[1] + 1e-9


# -- through the client ----------------------------------------------------------------------------


class Broken(httpx2.SyncByteStream):
    """A body that comes in pieces, and may break."""

    def __init__(self, pieces: list[bytes], end: str) -> None:
        self.pieces, self.end = pieces, end

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.end == "broken":
            raise httpx2.ReadError("the connection broke")


def client(handler: Any) -> api302.Client:
    transport = httpx2.MockTransport(handler)
    return api302.Client(api_key=KEY, http_client=httpx2.Client(transport=transport), max_retries=0)


def streamed(client: api302.Client, operation: str) -> Any:
    """The stream of an operation."""
    messages: Any = [{"role": "user", "content": "Hi"}]
    if operation == "anthropic_messages":
        return client.messages.stream(model="m", max_tokens=9, messages=messages)
    assert operation == "openai_chat_completions"
    return client.chat.completions.stream(model="m", messages=messages)


def is_the_rule(case: Json, extension: str) -> bool:
    """Whether a case's rule is the one of the operation that it is for."""
    document = json.loads((HERE.parents[1] / "generated/openapi.json").read_text("utf-8"))
    operations = [one for item in document["paths"].values() for one in item.values()]
    return any(
        one.get("operationId") == case["operation"] and one.get(extension) == case["rule"]
        for one in operations
        if isinstance(one, dict)
    )


@pytest.mark.parametrize("extension", ["x-stream", "x-upload", "x-pages"])
def test_the_rules_are_those_of_the_description(extension: str) -> None:
    listed = [case.values[0] for case in cases(extension.removeprefix("x-"))]
    rules = {json.dumps([case["operation"], case["rule"]]): case for case in listed}
    assert all(is_the_rule(case, extension) for case in rules.values())


def as_bytes(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else base64.b64decode(piece["base64"])


@pytest.mark.parametrize("case", cases("stream"))
def test_stream(case: Json) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        body = Broken([as_bytes(piece) for piece in case["chunks"]], case["end"])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)

    events, outcome, text = [], "whole", None
    with client(respond) as one, streamed(one, case["operation"]) as stream:
        try:
            events = [event.to_dict() for event in stream]
        except api302.StreamError as error:
            outcome = "cut" if error.body is None else "error"
            events, text = [event.to_dict() for event in error.events], error.text
        if text is None:
            text = text_of(case)
    assert (outcome, events) == (case["expect"]["outcome"], case["expect"]["events"])
    assert text == case["expect"]["text"]


def text_of(case: Json) -> str:
    """The text of a stream that is whole, read as text."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        body = Broken([as_bytes(piece) for piece in case["chunks"]], case["end"])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)

    with client(respond) as one, streamed(one, case["operation"]) as stream:
        return "".join(stream.text)


@pytest.mark.parametrize("case", cases("upload"))
def test_upload(case: Json) -> None:
    sent: list[httpx2.Request] = []
    headers = {"content-type": "application/json"}

    def respond(request: httpx2.Request) -> httpx2.Response:
        request.read()
        sent.append(request)
        if request.url.host == "store.example":
            return httpx2.Response(200, headers=case["put"])
        body = case["first"] if sum(one.url.host != "store.example" for one in sent) == 1 else None
        content = json.dumps(case["last"] if body is None else body)
        return httpx2.Response(200, headers=headers, content=content)

    found: Json = {}
    with client(respond) as one:
        try:
            found["address"] = uploaded(one, case["operation"])
        except api302.DecodeError:
            found["fails"] = "first"
    put = [one for one in sent if one.url.host == "store.example"]
    if put:
        found |= {"put": str(put[0].url), "key_at_put": "authorization" in put[0].headers}
    if len(sent) - len(put) == 2:
        found["finish"] = finished(sent[-1])
    if "fails" in found and put:
        found["fails"] = "last" if "finish" in found else "put"
    assert found == case["expect"]


def uploaded(client: api302.Client, operation: str) -> str:
    png = b"\x89PNG\r\n\x1a\n"
    if operation == "vidu_create_upload":
        return client.videos.vidu.upload_image(file=png, scene="vidu").url
    if operation == "hedra_create_asset":
        return client.videos.hedra.upload_file(file=png, name="x.png", type="image").url
    assert operation == "ai302_upload_file"
    return client.files.upload(png).url


def finished(request: httpx2.Request) -> Json:
    """The parameters of an upload's last step."""
    place = request.url.path.split("/")
    found: Json = {"id": next(part for part in place if part in ("7", "a1"))}
    if "json" in request.headers["content-type"]:
        return found | json.loads(request.content)
    return found | {"file": b"\x89PNG" in request.content}


@pytest.mark.parametrize("case", cases("pages"))
def test_pages(case: Json) -> None:
    sent: list[Json] = []
    pages = iter(case["pages"])
    in_body = case["rule"].get("in") == "body"

    def respond(request: httpx2.Request) -> httpx2.Response:
        given = json.loads(request.read()) if in_body else dict(request.url.params)
        sent.append(given)
        body = json.dumps(next(pages))
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=body)

    rule = read({"x-pages": case["rule"]}).pages
    assert rule is not None
    with client(respond) as one:
        listed = [page.response.to_dict() for page in walk(one, case).pages()]
    moving = rule.moving
    cursors = [{name: one[name] for name in moving if name in one} for one in sent]
    wanted = case["expect"]
    assert [as_text(one) for one in cursors] == [as_text(one) for one in wanted["cursors"]]
    assert [compiled(rule.items, one) for one in listed] == wanted["items"]


def as_text(values: Json) -> Json:
    return {name: str(value) for name, value in values.items()}


def compiled(path: str, data: Any) -> Any:
    from api302_client.behaviour import find

    return find(path, data)


def walk(client: api302.Client, case: Json) -> Any:
    if case["operation"] == "ai302_search_arxiv":
        return client.tools.ai302.iter_search_arxiv(query="x", **case["asked"])
    if case["operation"] == "serpapi_search":
        return client.information.serpapi.iter_search(q="x", engine="google", **case["asked"])
    assert case["operation"] == "ai302_search_xiaohongshu_app"
    return client.information.ai302.iter_search_xiaohongshu_app(
        keyword="x", page=1, **case["asked"]
    )
