"""The workflows of the publication: valid, and each carried out against the mock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from publish.arazzo_runner import Condition, Ended, Scope, at_pointer, run, selected
from publish.of_each_tag import one_of_each

import api302_mock
from generator.build import BuildError
from generator.document import Document
from generator.emit.methods import Methods
from generator.publish.arazzo import arazzo, validate
from generator.publish.arazzo.conditions import (
    Unsayable,
    is_among,
    is_present,
    selectors,
    succeeds,
    value,
)
from generator.publish.samples.request import File, request
from generator.runtime.behaviour import Test as Rule
from generator.runtime.behaviour import find, read

ROOT = Path(__file__).resolve().parents[2]


@cache
def document() -> Document:
    return Document(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))


@cache
def methods() -> Methods:
    return Methods.of_document(document())


@cache
def workflows() -> dict[str, dict[str, Any]]:
    made = arazzo(document(), document().node["info"])
    assert made is not None
    validate(made)
    return {one["workflowId"]: one for one in made["workflows"]}


@pytest.fixture(scope="module")
def server() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start(pace=0) as server:
        yield server


@pytest.fixture(scope="module")
def http(server: api302_mock.MockServer) -> Iterator[httpx.Client]:
    key = {"Authorization": "Bearer sk-test"}
    with httpx.Client(base_url=server.url, headers=key) as client:
        yield client


def filled(value: Any, *, is_form: bool) -> Any:
    """An example's value with bytes for each file."""
    if isinstance(value, File):
        return b"\x89PNG\r\n\x1a\n" if is_form else value.text
    if isinstance(value, list):
        return [filled(one, is_form=is_form) for one in value]
    return value


def inputs(workflow: dict[str, Any]) -> dict[str, Any]:
    """What a workflow takes, from the examples of its first call or the one that uses a file."""
    first = workflow["steps"][0]["operationId"]
    if workflow["workflowId"].startswith("upload_then_"):
        first = workflow["steps"][1]["operationId"]
    operation = document().by_id[first]
    sent = request(methods(), operation, "_call")
    is_form = sent.media_type == "multipart/form-data"
    body = {key: filled(one, is_form=is_form) for key, one in sent.body.items()}
    given = {"body": body.get("", body), "file": b"\x89PNG\r\n\x1a\n"}
    return {**sent.path, **sent.query, **sent.header, **given}


def carried_out(name: str, http: httpx.Client, **more: Any) -> Ended:
    workflow = workflows()[name]
    return run(workflow, {**inputs(workflow), **more}, document(), http)


def kinds() -> Iterator[tuple[str, str]]:
    """Each workflow, and the tag of its first call, whose uploads have a file of their own."""
    for name, workflow in workflows().items():
        operation = document().by_id[workflow["steps"][0]["operationId"]]
        yield name, f"{operation.node['tags'][0]} {name.startswith('upload_then_')}"


@pytest.mark.parametrize("name", one_of_each(kinds()))
def test_every_workflow_is_carried_out(name: str, http: httpx.Client) -> None:
    workflow = workflows()[name]
    ended = carried_out(name, http)
    assert not ended.failed, (ended, workflow["steps"])
    assert set(ended.outputs) == set(workflow["outputs"])
    last = read(document().by_id[ended.calls[-1]].node).status
    if last:
        found = last.read(ended.outputs["response"])
        assert found.state == "succeeded" or last.done_is_file
        files = [one for name in workflow.get("x-files", []) for one in flat(ended.outputs[name])]
        said = [path for path in last.outputs if not path.encoding]
        if len(said) == len(last.outputs) and not any("join(" in path.field for path in said):
            assert set(found.outputs) <= set(files)


def flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [one for item in value for one in flat(item)]
    return [value] if isinstance(value, str) else []


def test_each_task_and_upload_has_a_workflow_or_a_reason() -> None:
    made = arazzo(document(), document().node["info"])
    assert made is not None
    left_out = made["info"]["x-left-out"]
    begun = {
        one.id for one in document().operations if "x-task" in one.node or "x-upload" in one.node
    }
    has_one = {one["steps"][0]["operationId"] for one in made["workflows"]}
    assert begun - has_one == set(left_out)
    assert all(left_out.values())
    assert len(left_out) < 15
    assert sum(name.startswith("upload_then_") for name in workflows()) > 50


def test_a_task_is_submitted_polled_and_its_file_is_got(http: httpx.Client) -> None:
    ended = carried_out("kling_text_to_video", http)
    assert ended.calls[0] == "kling_text_to_video"
    assert ended.calls[1:] == ["kling_get_text_to_video"] * 3
    (url,) = ended.outputs["data.task_result.videos.url"]
    assert httpx.get(url).content[4:8] == b"ftyp"
    assert workflows()["kling_text_to_video"]["x-files"] == ["data.task_result.videos.url"]


def test_a_file_that_another_call_has_is_got_by_a_step(http: httpx.Client) -> None:
    ended = carried_out("openai_create_video", http)
    assert ended.calls[-1] == "openai_get_video_content"
    assert ended.outputs["response"][4:8] == b"ftyp"


def test_a_task_that_fails_ends_at_once(http: httpx.Client) -> None:
    ended = carried_out("kling_text_to_video", http, body={"prompt": "mock:fail"})
    assert ended.failed == "poll"
    assert len(ended.calls) < 5
    refused = carried_out("kling_text_to_video", http, body={})
    assert refused == Ended({}, "submit", ["kling_text_to_video"])


def test_an_uploaded_file_is_used(http: httpx.Client, server: api302_mock.MockServer) -> None:
    name = next(one for one in workflows() if one.startswith("upload_then_kling"))
    ended = carried_out(name, http, file=b"the file")
    assert ended.calls[0] == "ai302_upload_file"
    workflow = workflows()[name]
    use = workflow["steps"][1]
    (replaced,) = [one for one in use["requestBody"]["replacements"] if "steps" in one["value"]]
    body = [one.body for one in server.requests if one.operation == use["operationId"]][-1]
    url = body[replaced["target"].removeprefix("/")]
    assert httpx.get(url).content == b"the file"


def test_a_document_that_is_not_valid_is_refused() -> None:
    made = arazzo(document(), document().node["info"])
    assert made is not None
    broken = {**made, "workflows": [{**made["workflows"][0], "steps": []}]}
    with pytest.raises(BuildError, match="#/workflows/0/steps: "):
        validate(broken)
    assert arazzo(Document({"paths": {}}), {"title": "A", "version": "1"}) is None


RESPONSES: list[Any] = [
    {},
    {"status": "DONE"},
    {"status": "done", "error": None},
    {"status": "done", "error": "no"},
    {"status": "", "state": "failed"},
    {"status": None, "state": "Done"},
    {"code": 0, "a": {"b": [1]}},
    {"code": "0", "status": 2},
    {"code": 2000, "status": "2"},
    {"body": {"status": -1}},
    {"body": {"status": 1}, "text": "x"},
    {"text": "", "words": "w"},
    {"detail": "Request is still in progress"},
    {"it's": "done", "x-y": {"a/b": "done"}},
]


@pytest.mark.parametrize("response", RESPONSES, ids=json.dumps)
@pytest.mark.parametrize(
    "path",
    [
        "status",
        "status || state",
        "error && 'FAILED' || status",
        "error && 'FAILED' || status || (text || words) && 'done'",
        "to_string(code) == '0' && 'done' || to_string(code) == '2000' && 'running' || 'failed'",
        "(body.status == `-1` && 'working') || (body.status == `1` && 'done')",
        "status || detail && (detail == `\"Request is still in progress\"` && 'running' || 'done')",
        '"it\'s"',
        '"x-y"."a/b"',
    ],
)
def test_a_condition_says_what_the_extension_says(path: str, response: Any) -> None:
    scope = Scope({}, response=httpx.Response(200, json=response))
    for values in (["done"], ["failed", "FAILED"], ["running", "working"], [2, 0]):
        said = Condition(is_among(path, values), scope.value).truth()
        assert said == Rule(path, tuple(values)).holds(response), is_among(path, values)
    assert Condition(is_present(path), scope.value).truth() == Rule(path).holds(response)


@pytest.mark.parametrize("response", RESPONSES, ids=json.dumps)
@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("code", [0]),
        ("status", ["done", "2"]),
        ("!error", [True]),
        ("!(status && status != 'failed')", [True]),
    ],
)
def test_success_is_what_x_success_says(path: str, values: list[Any], response: Any) -> None:
    scope = Scope({}, response=httpx.Response(200, json=response))
    said = Condition(succeeds(path, values), scope.value).truth()
    rule = read({"x-success": {"field": path, "values": values}}).success
    assert rule is not None
    assert said == (rule.failure(response) is None)


def test_selectors_find_what_jmespath_finds() -> None:
    data = {"a": {"b": [{"c": "1"}, {"c": "2"}, {}]}, "d": ["3"], "x-y": [{"z": "4"}]}
    for path in ("a.b[].c", "a.b[0].c", "d[]", "d", '"x-y"[].z', "a.nothing[].c"):
        (made,) = selectors(path).values()
        is_selector = isinstance(made, dict)
        found = (
            selected(data, made["selector"])
            if is_selector
            else at_pointer(data, made.partition("#")[2])
        )
        assert found == (find(path, data) or found)
    assert selectors("a || d[].e") == {
        "a": "$response.body#/a",
        "d.e": {"context": "$response.body", "selector": "$.d[*].e", "type": "jsonpath"},
    }


@pytest.mark.parametrize(
    "path", ["jobs[?status=='x'].id", "values(data)[0].state", "a | b", "type(a)"]
)
def test_what_cannot_be_said_is_told(path: str) -> None:
    with pytest.raises(Unsayable, match=r"no condition|no JSONPath"):
        is_among(path, ["x"])
    with pytest.raises(Unsayable, match="no JSON pointer says"):
        value(path)
