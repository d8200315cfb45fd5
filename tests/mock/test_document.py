"""Every operation of the real document, called with its own examples: each reply is valid, each task can be followed to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api302_mock import MockServer, start
from api302_mock.document import Document, Operation
from api302_mock.examples import EVENT_STREAM, shown
from api302_mock.paths import search
from api302_mock.tasks import FAIL_MARKER, holds

from .conftest import KEY

DOCUMENT = Document(
    json.loads(
        (Path(__file__).parents[2] / "generated" / "openapi.json").read_text(encoding="utf-8")
    )
)
OPERATIONS = list(DOCUMENT.operations.values())
TASKS = [operation for operation in OPERATIONS if operation.extension("task")]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with start(DOCUMENT.raw, delay=0) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


def bodies(operation: Operation) -> list[tuple[str, Any]]:
    """The body examples of an operation, each with its media type; (``""``, None) where it takes none."""
    content = (operation.body or {}).get("content", {})
    found = [
        (name, value)
        for name, raw in content.items()
        for value in shown(DOCUMENT, DOCUMENT.resolve(raw)).values()
    ]
    return found or [("", None)]


def request(operation: Operation, media_type: str, body: Any, **values: Any) -> dict[str, Any]:
    """The arguments for httpx; `values` are parameters or body fields that get these values."""
    path, query, headers = operation.path, {}, {"Content-Type": media_type} if media_type else {}
    for parameter in operation.parameters:
        name = parameter["name"]
        if name not in values and not parameter.get("required"):
            continue
        value = values.pop(name, None)
        value = next(iter(shown(DOCUMENT, parameter).values())) if value is None else value
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        else:
            place = query if parameter["in"] == "query" else headers
            place[name] = str(value).lower() if isinstance(value, bool) else str(value)
    made_: dict[str, Any] = {
        "method": operation.method,
        "url": path,
        "params": query,
        "headers": headers,
    }
    if media_type == "multipart/form-data":
        del headers["Content-Type"]
        fields = (body if isinstance(body, dict) else {}) | values
        files = [
            (name, (None, item if isinstance(item, str) else json.dumps(item)))
            for name, item in fields.items()
        ]
        return made_ | {"files": files or [("none", (None, ""))]}
    if media_type.endswith("json"):
        return made_ | {"json": body | values if isinstance(body, dict) else body}
    return (
        made_ | {"content": body if isinstance(body, str | bytes) else b"x"}
        if media_type
        else made_
    )


def check(operation: Operation, reply: httpx.Response) -> httpx.Response:
    """Hold a reply against the document."""
    reply.read()
    assert reply.is_success, f"{reply.status_code} {reply.text}"
    content = operation.responses[str(reply.status_code)].get("content", {})
    media_type = reply.headers.get("content-type")
    assert media_type in content or (not content and not reply.content)
    if media_type == "application/json":
        errors = DOCUMENT.validator(content[media_type]["schema"]).iter_errors(reply.json())
        assert [f"{error.instance_path}: {error.message}" for error in errors] == []
    return reply


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_example_of_every_operation(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    for media_type, body in bodies(operation):
        server.reset()
        check(operation, client.request(**request(operation, media_type, body)))


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one.extension("stream")],
    ids=lambda operation: operation.id,
)
def test_every_stream_comes_and_ends(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    stream = operation.extension("stream") or {}
    switch = {stream["when"]["name"]: stream["when"]["value"]} if "when" in stream else {}
    media_type, body = bodies(operation)[0]
    reply = check(operation, client.request(**request(operation, media_type, body, **switch)))
    assert reply.headers["content-type"] == EVENT_STREAM
    data = [
        line.removeprefix("data:").strip()
        for line in reply.text.splitlines()
        if line.startswith("data:")
    ]
    if "data" in stream["done"]:
        assert data[-1] == stream["done"]["data"]
    else:
        assert search(stream["done"]["field"], json.loads(data[-1])) is not None
    cut = client.request(
        **request(operation, media_type, body, **switch)
        | {"headers": {"Prefer": "fault=end-stream", **KEY}}
    )
    assert len(cut.text) < len(reply.text)


def can_fail(operation: Operation) -> bool:
    """Whether the call that tells the state of the operation's task has a word for failure."""
    fetch = DOCUMENT.operations[(operation.extension("task") or {})["fetch"]]
    return "failed" in (fetch.extension("task-status") or {})


@pytest.mark.parametrize("operation", TASKS, ids=lambda operation: operation.id)
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_every_task_can_be_followed_to_its_end(
    operation: Operation, fails: bool, server: MockServer, client: httpx.Client
) -> None:
    task = operation.extension("task") or {}
    fetch = DOCUMENT.operations[task["fetch"]]
    status = fetch.extension("task-status") or {}
    if fails and not can_fail(operation):
        pytest.skip("its document knows no word for failure; that it is refused is tested below")
    server.reset()
    switch = {task["when"]["name"]: task["when"]["value"]} if "when" in task else {}
    media_type, body = bodies(operation)[0]
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "stream"}
    sent = request(operation, media_type, body, **switch)
    sent["headers"] |= {"Prefer": "fault=task-failed"} if fails else {}
    submitted = check(operation, client.request(**sent)).json()
    values = {name: search(path, submitted) for name, path in task["parameters"].items()}
    assert None not in values.values()
    states: list[Any] = []
    last: httpx.Response | None = None
    for _ in range(3):
        kind, example = next(iter(bodies(fetch)))
        parameters = {
            name: value
            for name, value in values.items()
            if kind or name in {one["name"] for one in fetch.parameters}
        }
        last = check(fetch, client.request(**request(fetch, kind, example, **parameters)))
        told = last.json() if last.headers["content-type"] == "application/json" else None
        states.append(search(status.get("state"), told) if told is not None else None)
        if told is not None and "progress" in status:
            assert search(status["progress"]["field"], told) is not None or fails
    assert last is not None
    if "state" in status:
        assert states[0] in status.get("pending", []) and states[1] in status.get("pending", [])
        # Some results are told by their own field, or by being binary, and have no state.
        by_result = (
            states[2] is None
            and not fails
            and (holds(status.get("done"), told) if told is not None else "done" in status)
        )
        assert by_result or states[2] in status["failed" if fails else "succeeded"]
    if fails or told is None:
        return
    addresses = [item for path in status.get("outputs", []) for item in flat(search(path, told))]
    # Of a result that is the submitting operation's own reply, only some have addresses.
    assert addresses or "outputs" not in status or "response" in status, (
        "no output in the example of the finished task"
    )
    for address in addresses:
        assert httpx.get(address).is_success
    if "response" in status:
        assert search(status["response"], told) is not None


@pytest.mark.parametrize(
    "operation", [one for one in TASKS if not can_fail(one)], ids=lambda operation: operation.id
)
def test_every_task_that_has_no_word_for_failure_refuses_to_fail(
    operation: Operation, client: httpx.Client
) -> None:
    task = operation.extension("task") or {}
    fetch = DOCUMENT.operations[task["fetch"]]
    media_type, body = bodies(operation)[0]
    texts = [name for name, value in body.items() if isinstance(value, str)]
    asked = request(operation, media_type, body)
    asked["headers"] |= {"Prefer": "fault=task-failed"}
    for sent in (asked, request(operation, media_type, body | dict.fromkeys(texts, FAIL_MARKER))):
        reply = client.request(**sent)
        assert reply.status_code == 400
        assert (
            fetch.id in reply.json()["error"]["message"]
            and "`failed`" in reply.json()["error"]["message"]
        )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_envelope_tells_a_failure_or_is_refused(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    success = operation.extension("success")
    server.reset()
    sent = request(operation, *bodies(operation)[0])
    sent["headers"] |= {"Prefer": "fault=envelope"}
    reply = client.request(**sent)
    if success is None:
        assert reply.status_code == 400 and "no `x-success`" in reply.json()["error"]["message"]
        return
    if not any(
        "json" in media
        for status, one in operation.responses.items()
        if status < "3"
        for media in one.get("content", {})
    ):
        assert reply.status_code == 400 and "without JSON" in reply.json()["error"]["message"]
        return
    assert reply.is_success, reply.text
    # As a client sees it, which does not take true for 1.
    told = search(success["field"], reply.json())
    assert told is not None and (type(told), told) not in [
        (type(word), word) for word in success["values"]
    ]
    if "message" in success:
        assert search(success["message"], reply.json()) == "The mock was asked for a failure."


def flat(value: Any) -> list[str]:
    """The texts in a value."""
    return (
        [text for item in value for text in flat(item)]
        if isinstance(value, list)
        else [value]
        if value
        else []
    )


@pytest.mark.parametrize(
    "operation",
    [one for one in TASKS if "cancel" in (one.extension("task") or {})],
    ids=lambda operation: operation.id,
)
def test_every_task_that_can_be_cancelled_ends_so(
    operation: Operation, client: httpx.Client
) -> None:
    task = operation.extension("task") or {}
    cancel, fetch = DOCUMENT.operations[task["cancel"]], DOCUMENT.operations[task["fetch"]]
    submitted = check(operation, client.request(**request(operation, *bodies(operation)[0]))).json()
    values = {name: search(path, submitted) for name, path in task["parameters"].items()}
    check(cancel, client.request(**request(cancel, *bodies(cancel)[0], **values)))
    told = check(fetch, client.request(**request(fetch, *bodies(fetch)[0], **values))).json()
    status = fetch.extension("task-status") or {}
    assert search(status["state"], told) in status["failed"]
