"""Every operation of the real document, called with its own examples.

Each response is valid, each task can be followed to its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api302_client.behaviour import Task, TaskStatus, find
from api302_mock import MockServer, start
from api302_mock.document import Document, Operation
from api302_mock.examples import EVENT_STREAM, shown
from api302_mock.faults import NEW_NUMBER, NEW_WORD
from api302_mock.streams import event_data, event_json
from api302_mock.tasks import FAIL_MARKER
from api302_mock.validation import takes_file_part

from .conftest import KEY

GENERATED = Path(__file__).parents[2] / "generated" / "openapi.json"
DOCUMENT = Document(json.loads(GENERATED.read_text(encoding="utf-8")))
OPERATIONS = list(DOCUMENT.operations.values())
TASKS = [one for one in OPERATIONS if one.behaviour.task]
STREAMS = [one for one in OPERATIONS if one.behaviour.stream]


def by_id(operation: Operation) -> str:
    return operation.id


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with start(DOCUMENT.raw, delay=0) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


# --- making requests ------------------------------------------------------------------------------


def bodies(operation: Operation) -> list[tuple[str, Any]]:
    """The body examples of an operation, each with its media type; (``""``, None) where it
    takes none.
    """
    examples = [
        (name, value)
        for name, raw in (operation.body or {}).get("content", {}).items()
        for value in shown(DOCUMENT, DOCUMENT.resolve(raw)).values()
    ]
    return examples or [("", None)]


def request(operation: Operation, media_type: str, body: Any, **values: Any) -> dict[str, Any]:
    """The arguments for httpx; `values` are parameters or body fields that get these values."""
    sent: dict[str, Any] = {"method": operation.method, "params": {}, "headers": {}}
    sent["url"] = with_parameters(operation, values, sent["params"], sent["headers"])
    if media_type == "multipart/form-data":
        fields = (body if isinstance(body, dict) else {}) | values
        return sent | {"files": form(operation, fields) or [("none", (None, ""))]}
    if media_type:
        sent["headers"]["Content-Type"] = media_type
    if media_type.endswith("json"):
        return sent | {"json": body | values if isinstance(body, dict) else body}
    if media_type:
        return sent | {"content": body if isinstance(body, str | bytes) else b"x"}
    return sent


def with_parameters(operation: Operation, values: dict[str, Any], query: Any, headers: Any) -> str:
    """The path, with its parameters; those of the query and the headers are added."""
    path = operation.path
    for parameter in operation.parameters:
        name = parameter["name"]
        if name not in values and not parameter.get("required"):
            continue
        value = values.pop(name, None)
        value = next(iter(shown(DOCUMENT, parameter).values())) if value is None else value
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        else:
            (query if parameter["in"] == "query" else headers)[name] = text
    return path


def form(operation: Operation, fields: dict[str, Any]) -> list[tuple[str, Any]]:
    """The parts of a form; a file as one with a file name."""
    assert operation.body is not None
    schema = operation.body["content"]["multipart/form-data"]["schema"]
    properties = DOCUMENT.properties(schema)
    parts: list[tuple[str, Any]] = []
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            text = item if isinstance(item, str) else json.dumps(item)
            is_file = takes_file_part(DOCUMENT, properties.get(name)) and ":" not in text
            parts.append((name, (text, b"content") if is_file else (None, text)))
    return parts


def check(operation: Operation, response: httpx.Response) -> httpx.Response:
    """Hold a response against the document."""
    response.read()
    assert response.is_success, f"{response.status_code} {response.text}"
    content = operation.responses[str(response.status_code)].get("content", {})
    media_type = response.headers.get("content-type")
    assert media_type in content or (not content and not response.content)
    if media_type == "application/json":
        errors = DOCUMENT.validator(content[media_type]["schema"]).iter_errors(response.json())
        assert [f"{error.instance_path}: {error.message}" for error in errors] == []
    return response


def json_of(response: httpx.Response) -> Any:
    """The response's JSON; None where it is a file."""
    return response.json() if response.headers["content-type"] == "application/json" else None


def message_of(response: httpx.Response) -> str:
    """What an error response says."""
    assert response.status_code == 400, response.text
    return response.json()["error"]["message"]


# --- every operation ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=by_id)
def test_every_example_of_every_operation(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    for media_type, body in bodies(operation):
        server.reset()
        check(operation, client.request(**request(operation, media_type, body)))


# Of those without an envelope, one in ten: they differ in nothing that is asked here.
BARE = [one for one in OPERATIONS if one.behaviour.success is None]
ENVELOPES = [one for one in OPERATIONS if one.behaviour.success is not None]


@pytest.mark.parametrize("operation", BARE[::10], ids=by_id)
def test_a_failure_without_an_envelope_is_refused(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    server.reset()
    sent = request(operation, *bodies(operation)[0])
    sent["headers"] |= {"Prefer": "fault=envelope"}
    assert "no `x-success`" in message_of(client.request(**sent))


@pytest.mark.parametrize("operation", ENVELOPES, ids=by_id)
def test_every_envelope_reports_a_failure_or_is_refused(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    success = operation.behaviour.success
    assert success is not None
    server.reset()
    sent = request(operation, *bodies(operation)[0])
    sent["headers"] |= {"Prefer": "fault=envelope"}
    response = client.request(**sent)
    if not has_json(operation):
        assert "without JSON" in message_of(response)
        return
    assert response.is_success, response.text
    failure = success.failure(response.json())
    assert failure is not None
    if success.message is not None:
        assert failure.message == "The mock was asked for a failure."


def has_json(operation: Operation) -> bool:
    """Whether a success of it is JSON."""
    successes = [one for status, one in operation.responses.items() if status < "3"]
    return any("json" in media for one in successes for media in one.get("content", {}))


@pytest.mark.parametrize("operation", OPERATIONS, ids=by_id)
def test_every_new_word_is_new_or_is_refused(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    server.reset()
    sent = request(operation, *bodies(operation)[0])
    as_it_is = client.request(**sent)
    server.reset()
    sent["headers"] |= {"Prefer": "fault=new-word"}
    response = client.request(**sent)
    if response.status_code == 400:
        assert "could be a new one" in message_of(response)
        return
    assert response.status_code == as_it_is.status_code
    assert NEW_WORD in response.text or str(NEW_NUMBER) in response.text
    status = operation.behaviour.status
    if status is not None and status.state is not None:
        assert status.listed(status.state.find(response.json())) is None


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", STREAMS, ids=by_id)
def test_every_stream_comes_and_ends(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    stream = operation.behaviour.stream
    assert stream is not None
    switch = {stream.when.name: stream.when.value} if stream.when else {}
    sent = request(operation, *bodies(operation)[0], **switch)
    sent["headers"] |= {"Accept": EVENT_STREAM}
    response = check(operation, client.request(**sent))
    assert response.headers["content-type"] == EVENT_STREAM
    data = [event_data(event) for event in response.text.strip().split("\n\n")]
    if stream.sentinel is not None:
        assert data[-1] == stream.sentinel
    else:
        assert stream.last is not None
        assert stream.last.holds(json.loads(data[-1]))
    sent["headers"] |= {"Prefer": "fault=end-stream"}
    cut = [event_json(event) for event in client.request(**sent).text.strip().split("\n\n")]
    assert len(cut) < len(data)
    assert not any(stream.complete and find(stream.complete, event) for event in cut)


# --- tasks ----------------------------------------------------------------------------------------


def rules(operation: Operation) -> tuple[Task, Operation, TaskStatus]:
    """What the document says of the task that a call begins."""
    task = operation.behaviour.task
    assert task is not None
    fetch = DOCUMENT.operations[task.fetch]
    return task, fetch, fetch.behaviour.status or TaskStatus()


def submitted(operation: Operation, client: httpx.Client, **headers: str) -> dict[str, Any]:
    """Begin a task; the parameters to get its status with."""
    task, _, _ = rules(operation)
    switch = {task.when.name: task.when.value} if task.when else {}
    media_type, body = bodies(operation)[0]
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "stream"}
    sent = request(operation, media_type, body, **switch)
    sent["headers"] |= headers
    values = task.find(check(operation, client.request(**sent)).json())
    assert None not in values.values()
    return values


def polled(fetch: Operation, client: httpx.Client, values: dict[str, Any]) -> httpx.Response:
    """Get the status of a task."""
    media_type, example = bodies(fetch)[0]
    names = {one["name"] for one in fetch.parameters}
    given = {name: value for name, value in values.items() if media_type or name in names}
    return check(fetch, client.request(**request(fetch, media_type, example, **given)))


@pytest.mark.parametrize("operation", TASKS, ids=by_id)
def test_every_task_can_be_followed_to_its_end(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    task, fetch, status = rules(operation)
    server.reset()
    values = submitted(operation, client)
    for _ in range(2):
        assert state(status, polled(fetch, client, values)) == "pending"
    last = polled(fetch, client, values)
    assert state(status, last) == "succeeded"
    value = json_of(last)
    if value is None:
        return
    urls = status.read(value).outputs
    # Of a result that is the submitting operation's own response, only some have URLs; and what a
    # task ends with by an example of its own may be a text.
    is_own = bool(status.response or task.example)
    assert urls or not status.outputs or is_own, "no output in the finished task"
    wrong = _OTHER_KINDS.get(operation.tag[0], "nothing")
    for url in urls:
        file = httpx.get(url)
        assert file.is_success
        assert not file.headers["content-type"].startswith(wrong), f"{operation.id} gives {url}"
    if status.response is not None:
        assert status.response.find(value) is not None
    if status.progress is not None:
        assert status.progress.find(value) == 1


_OTHER_KINDS = {"images": ("video/", "audio/"), "image_processing": ("video/", "audio/")}
"""By section, the kinds of files that its tasks never give."""


def state(status: TaskStatus, response: httpx.Response) -> str:
    value = json_of(response)
    reading = status.read(value, is_file=value is None, ends=DOCUMENT.ends)
    if reading.basis == "word":
        assert status.progress is None or reading.progress is not None
    return reading.state


@pytest.mark.parametrize("operation", [one for one in TASKS if rules(one)[2].failed], ids=by_id)
def test_every_task_can_fail(
    operation: Operation, server: MockServer, client: httpx.Client
) -> None:
    _, fetch, status = rules(operation)
    server.reset()
    values = submitted(operation, client, Prefer="fault=task-failed")
    for _ in range(2):
        assert state(status, polled(fetch, client, values)) == "pending"
    assert status.known_state(polled(fetch, client, values).json()) == "failed"


@pytest.mark.parametrize("operation", [one for one in TASKS if not rules(one)[2].failed], ids=by_id)
def test_every_task_that_has_no_word_for_failure_refuses_to_fail(
    operation: Operation, client: httpx.Client
) -> None:
    _, fetch, _ = rules(operation)
    media_type, body = bodies(operation)[0]
    texts = [name for name, value in body.items() if isinstance(value, str)]
    asked = request(operation, media_type, body)
    asked["headers"] |= {"Prefer": "fault=task-failed"}
    for sent in (asked, request(operation, media_type, body | dict.fromkeys(texts, FAIL_MARKER))):
        message = message_of(client.request(**sent))
        assert fetch.id in message
        assert "`failed`" in message


@pytest.mark.parametrize("operation", [one for one in TASKS if rules(one)[0].cancel], ids=by_id)
def test_every_task_that_can_be_cancelled_ends_so(
    operation: Operation, client: httpx.Client
) -> None:
    task, fetch, status = rules(operation)
    cancel = DOCUMENT.operations[str(task.cancel)]
    values = submitted(operation, client)
    check(cancel, client.request(**request(cancel, *bodies(cancel)[0], **values)))
    response = polled(fetch, client, values).json()
    assert status.known_state(response) == "failed"
    assert "cancel" in str(find(status.state, response)).lower() or not any(
        "cancel" in str(word).lower() for word in status.failed
    )
