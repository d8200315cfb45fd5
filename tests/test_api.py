"""Every operation of the description, called through the client against the mock.

A socket is between them, and the methods are those that a user calls.

Plain calls give their reply, tasks run to their end and their results are saved, a task of each
vendor fails as it should, streams end.
"""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from patience import PATIENCE

import api302
import api302_mock
from api302._features.calling import prepared
from api302_mock.document import Document
from api302_mock.examples import EVENT_STREAM, shown
from generator.document import Document as Model
from generator.document import Operation
from generator.document.names import python_name
from generator.emit.methods import Methods
from generator.runtime.behaviour import read

RAW = json.loads(
    (Path(__file__).resolve().parents[1] / "generated/openapi.json").read_text(encoding="utf-8")
)
DOCUMENT = Document(RAW)
METHODS = Methods.of_document(Model(RAW))
BY_ID = METHODS.document.by_id
TASKS = [one for one in METHODS.document.operations if "x-task" in one.node]
STREAMS = [one for one in METHODS.document.operations if "x-stream" in one.node]
PLAIN = [
    one for one in METHODS.document.operations if one not in TASKS or "when" in one.node["x-task"]
]
UPLOADS = [one for one in METHODS.document.operations if "finish" in one.node.get("x-upload", {})]
FAILING = {
    f"{one.section}.{one.vendor}": one
    for one in TASKS
    if "failed" in BY_ID[one.node["x-task"]["fetch"]].node["x-task-status"]
}


@pytest.fixture(scope="module")
def server() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start(pace=0, delay=0) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: api302_mock.MockServer) -> Iterator[api302.Client]:
    with api302.Client(api_key="sk-api", base_url=server.url, max_retries=0) as client:
        yield client


def method(client: api302.Client, operation: Operation, prefix: str = "") -> Any:
    """The method of an operation, such as `client.videos.kling.text_to_video`."""
    vendor = getattr(getattr(client, operation.section), operation.vendor)
    return getattr(
        vendor, operation.action if streams_alone(operation) else f"{prefix}{operation.action}"
    )


def streams_alone(operation: Operation) -> bool:
    """Whether the operation responds with events only, so that its plain name is the stream's."""
    replies = DOCUMENT.operations[operation.node["operationId"]].responses
    media = {
        name
        for status, reply in replies.items()
        if status.startswith("2")
        for name in reply.get("content", {})
    }
    return media == {EVENT_STREAM} or operation.action.startswith("stream")


def arguments(operation: Operation, called: Any) -> dict[str, Any]:
    """Keyword arguments: the request's first example, small files, required parameters."""
    shown_arguments, _ = METHODS.arguments(operation)
    mocked = DOCUMENT.operations[operation.node["operationId"]]
    body: dict[str, Any] = {}
    for media_type, media in (mocked.body or {}).get("content", {}).items():
        example = next(iter(shown(DOCUMENT, DOCUMENT.resolve(media)).values()), None)
        body = (
            example if isinstance(example, dict) else {"": example}
        )  # a body that is no object has no names
        if media_type == "application/json":
            break
    takes = inspect.signature(called).parameters
    if "extra_body" in takes and takes["extra_body"].default is inspect.Parameter.empty:
        # A form with no field at all is no body, and what fields there are nobody knows.
        return {
            "extra_body": body or {"anything": "at all"},
            **_given(operation, shown_arguments, {}, takes),
        }
    return _given(operation, shown_arguments, body, takes)


def _given(
    operation: Operation, shown_arguments: list[Any], body: dict[str, Any], takes: Any
) -> dict[str, Any]:
    examples = {
        parameter.wire: next(iter(shown(DOCUMENT, parameter.node).values()))
        for parameter in operation.parameters
        if parameter.required
    }
    given: dict[str, Any] = {}
    for argument in shown_arguments:
        if argument.name not in takes:
            continue  # the switch of another form
        value = body.get(argument.wire) if argument.place == "body" else examples.get(argument.wire)
        is_name = (
            isinstance(value, str)
            and "part" in argument.files
            and not value.startswith(("http", "data:"))
        )
        if is_name or (argument.files == ("part",) and argument.required):
            value = ("file.png", b"\x89PNG\r\n\x1a\n")
        if value is not None:
            given[argument.name] = value
    return given


WITHOUT_A_FILE = frozenset(
    {
        *("openai_chat_completions", "openai_responses", "google_generate_content"),
        *("ai302_knowledge_base_completions", "mistral_ocr"),
        *("ai302_run_sandbox_code", "ai302_generate_ppt", "ai302_load_ppt"),
    }
)
"""Operations that give a file to some requests alone: their examples have none."""


def identify(operation: Operation) -> str:
    return operation.node["operationId"]


def test_the_tests_see_every_operation() -> None:
    assert (
        len(METHODS.document.operations)
        == sum(map(len, RAW["paths"].values()))
        == len(DOCUMENT.operations)
    )
    assert python_name("web-search") == "web_search"


@pytest.mark.parametrize("operation", PLAIN, ids=identify)
def test_a_plain_call_gives_its_reply(
    operation: Operation, server: Any, client: api302.Client, tmp_path: Path
) -> None:
    if streams_alone(operation):
        pytest.skip("only streams; see below")
    server.reset()
    called = method(client, operation)
    raw = client.with_raw_response(called)(**arguments(operation, called))
    reply: Any = raw.parsed
    if reply is None:
        return
    assert 200 <= reply.http.status_code == raw.status_code < 300
    assert len(reply.request_id) == 32
    if isinstance(reply, api302_model()):
        assert json.loads(raw.content) == reply.to_dict()
    if operation.node.get("x-outputs") and operation.id not in WITHOUT_A_FILE:
        assert reply.outputs, "x-outputs finds no file"
        assert all(output.save(tmp_path).stat().st_size for output in reply.outputs)


@pytest.mark.parametrize("tag", dict.fromkeys(one.tag for one in METHODS.document.operations))
def test_help_names_no_argument_that_is_not_there(tag: str) -> None:
    for operation in METHODS.document.operations:
        if operation.tag == tag:
            assert list(_named_in_vain(operation)) == []


def _named_in_vain(operation: Operation) -> Iterator[str]:
    """Each method of a call whose help names a field that it does not take, with the fields."""
    methods = METHODS.of(operation)
    siblings = {one.name for one in methods}
    fields = {one.wire for one in METHODS.arguments(operation).all}
    for one in methods:
        text = " ".join(" ".join(one.doc).split())
        named = {
            name for name in re.findall(r"`([\w-]+)`", text) if f"Sent as `{name}`" not in text
        }
        taken = {argument.name for argument in one.arguments} | one.own.keys() | siblings
        if vain := (named & fields) - taken:
            yield f"{operation.id}, {one.name}: {', '.join(sorted(vain))}"


@pytest.mark.parametrize("operation", METHODS.document.operations, ids=identify)
def test_any_call_is_made_by_its_id(operation: Operation, client: api302.Client) -> None:
    """`client.call` makes of names on the wire the arguments of the method."""
    called = method(client, operation)
    wanted = arguments(operation, called)
    whole = wanted.get("extra_body", {})
    listed, _ = METHODS.arguments(operation)
    fields = {one.name: one.wire for one in listed if one.wire}
    clash = [name for name, wire in fields.items() if name != python_name(wire)]
    named = {fields.get(name, name): value for name, value in wanted.items() if name not in clash}
    same = {name: wanted[name] for name in clash if name in wanted}
    given = {**named, **same, **whole}
    given.pop("extra_body", None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        ready: Any = prepared(client, operation.id, given, "call")

    assert type(ready.args[0]) is type(called.__self__)
    assert ready.func.__name__ == called.__name__
    forms = operation.node.get("x-stream", {}).get("when", {}).get("name")
    wanted.pop(forms, None)  # it chooses the method, and is no argument
    assert _as_given(ready.keywords) == _as_given(wanted)


def _as_given(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


@pytest.mark.parametrize("operation", UPLOADS, ids=identify)
def test_an_upload_of_several_steps_is_one_call(
    operation: Operation, server: Any, client: api302.Client, tmp_path: Path
) -> None:
    server.reset()
    (tmp_path / "cat.png").write_bytes(content := bytes(range(256)) * 9000)
    rule = operation.node["x-upload"]
    called = getattr(getattr(getattr(client, operation.section), operation.vendor), rule["method"])
    uploaded = called(file=tmp_path / "cat.png", **arguments(operation, called))
    assert uploaded.url
    assert len(uploaded.request_id) == 32
    first, *puts, last = server.requests
    assert (first.operation, last.operation) == (operation.node["operationId"], rule["finish"])
    if "put" in rule:
        (put,) = puts
        assert (put.method, put.status, server.leaked_keys) == ("PUT", 200, [])
        client.download(f"{server.url}{put.path}", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content
        assert len(last.body[rule["etag"]]) == 34, "in its quotes"
    else:
        assert last.uploads == [("cat.png", len(content))]


def api302_model() -> type[Any]:
    from api302_client._model import Model

    return Model


def ends_in_files(operation: Operation) -> bool:
    """Whether what its task ends in, by the example that it names if it names one, has files."""
    fetch = BY_ID[operation.node["x-task"]["fetch"]].node
    status = fetch["x-task-status"]
    example = operation.node["x-task"].get("example")
    if example is None:
        return bool(status.keys() & {"outputs", "result"}) and "response" not in status
    media = fetch["responses"]["200"]["content"]["application/json"]
    rule = read(fetch).status
    assert rule is not None
    return bool(rule.read(media["examples"][example]["value"]).outputs)


@pytest.mark.parametrize("operation", TASKS, ids=identify)
def test_a_task_is_followed_and_its_results_saved(
    operation: Operation, server: Any, client: api302.Client, tmp_path: Path
) -> None:
    server.reset()
    task = submit(client, operation)
    states: list[str] = []
    result = client.resume(json.loads(json.dumps(task.to_dict()))).wait(
        timeout=PATIENCE, interval=0, on_progress=lambda s: states.append(s.state)
    )
    assert states[0] == "pending"
    assert states[-1] == "succeeded"
    assert result.response is not None
    if ends_in_files(operation):
        assert result.outputs
    for output in result.outputs:
        saved = output.save(tmp_path)
        assert saved.parent == tmp_path
        assert saved.stat().st_size > 0
    assert not server.leaked_keys


@pytest.mark.parametrize("operation", FAILING.values(), ids=identify)
def test_a_task_of_each_vendor_fails(
    operation: Operation, server: Any, client: api302.Client
) -> None:
    server.reset()
    server.next(fault="task-failed")
    task = submit(client, operation)
    with pytest.raises(api302.TaskFailed) as caught:
        task.wait(timeout=PATIENCE, interval=0)
    assert caught.value.task.id == task.id
    assert task.id in json.dumps(caught.value.task.to_dict())


def submit(client: api302.Client, operation: Operation) -> Any:
    """The task that the operation starts."""
    called = method(client, operation, "submit_" if "when" in operation.node["x-task"] else "")
    return called(**arguments(operation, called))


@pytest.mark.parametrize("operation", STREAMS, ids=identify)
def test_a_stream_ends_and_a_cut_one_raises(
    operation: Operation, server: Any, client: api302.Client
) -> None:
    server.reset()
    called = method(client, operation, "stream_")
    given = arguments(operation, called)
    with called(**given) as stream:
        events = list(stream)
        assert events
        if "accumulate" in operation.node["x-stream"]:
            assert stream.final().to_dict()
    for fault in ("cut-stream", "end-stream"):
        server.next(fault=fault)
        with pytest.raises(api302.StreamError) as caught, called(**given) as stream:
            list(stream)
        assert len(caught.value.events) <= len(events)  # a sentinel is no event


def test_slashes_of_a_value_of_many_segments_are_sent_as_they_are(server: Any) -> None:
    sent: list[bytes] = []
    http = httpx.Client(
        event_hooks={"request": [lambda request: sent.append(request.url.raw_path)]}
    )
    with api302.Client(api_key="sk-api", base_url=server.url, http_client=http) as client, http:
        for path in ("github/trending/daily/any", "/bilibili/ranking/", "bilibili", "a b/c?d"):
            client.information.rsshub.get_feed(path=path)
        for path in ("../v1/models", "a/./b", "a//b", "/"):
            with pytest.raises(api302.InvalidArgument, match="path"):
                client.information.rsshub.get_feed(path=path)
    assert sent == [
        b"/rsshub/github/trending/daily/any",
        b"/rsshub/bilibili/ranking",
        b"/rsshub/bilibili",
        b"/rsshub/a%20b/c%3Fd",
    ]
