"""Tasks move over polls; what was created exists, and what was deleted does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api302_mock import MockServer, start
from api302_mock.tasks import FAIL_MARKER

from .conftest import KEY


@pytest.fixture
def other(made: dict[str, Any]) -> Iterator[httpx.Client]:
    with start(made, polls=1) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


def follow(http: httpx.Client, times: int, **body: Any) -> list[dict[str, Any]]:
    response = http.post("/acme/v1/videos", json={"prompt": "a red panda"} | body).json()
    task = response["data"]["task_id"]
    told = [http.get(f"/acme/v1/videos/{task}").json()["data"] for _ in range(times)]
    assert {one["task_id"] for one in told} == {task}
    return told


def test_a_task_goes_from_pending_to_done(http: httpx.Client, server: MockServer) -> None:
    told = follow(http, 4)
    assert [one["task_status"] for one in told] == ["submitted", "processing", "succeed", "succeed"]
    assert "task_result" not in told[0]
    url = told[2]["task_result"]["videos"][0]["url"]
    # Results lie on another host than the API, so that a client must not send its key there.
    assert url == f"{server.url.replace('127.0.0.1', 'localhost')}/mock/files/v-1.mp4"
    assert httpx.get(url).content[4:8] == b"ftyp"


def test_ids_differ_and_unknown_ones_are_404(http: httpx.Client) -> None:
    ids = {
        http.post("/acme/v1/videos", json={"prompt": "x"}).json()["data"]["task_id"]
        for _ in range(20)
    }
    assert len(ids) == 20
    assert http.get("/acme/v1/videos/t-unknown").json()["error"]["err_code"] == -10010
    # The id that the document shows exists, and is done.
    assert http.get("/acme/v1/videos/t-1").json()["data"]["task_status"] == "succeed"


def test_a_task_can_fail(http: httpx.Client) -> None:
    told = follow(http, 3, prompt=f"please {FAIL_MARKER}")
    assert (told[2]["task_status"], told[2]["task_status_msg"]) == ("failed", "prompt refused")
    response = http.post(
        "/acme/v1/videos", json={"prompt": "x"}, headers={"Prefer": "fault=task-failed"}
    ).json()
    last = [http.get(f"/acme/v1/videos/{response['data']['task_id']}").json() for _ in range(3)][-1]
    assert last["data"]["task_status"] == "failed"


def test_polls_are_configurable(mini: dict[str, Any]) -> None:
    with start(mini, polls=0) as server, httpx.Client(base_url=server.url, headers=KEY) as http:
        assert follow(http, 1)[0]["task_status"] == "succeed"
        server.settings.polls = 4
        assert [told["task_status"] for told in follow(http, 5)] == [
            "submitted",
            *["processing"] * 3,
            "succeed",
        ]


def test_a_task_on_demand_brings_the_own_reply_as_json_text(other: httpx.Client) -> None:
    assert other.post("/chat", json={"q": "x"}).json() == {"answer": "hello"}
    task = other.post("/chat", params={"async": "true"}, json={"q": "x"}).json()["task_id"]
    assert len(task) == 36
    pending, done = (other.get("/result", params={"task_id": task}).json() for _ in range(2))
    assert pending["status_code"] == 0
    assert "data" not in pending
    assert (done["status_code"], json.loads(done["data"])) == (200, {"answer": "hello"})
    task = other.post("/chat", params={"async": "true"}, json={"q": FAIL_MARKER}).json()["task_id"]
    failed = [other.get("/result", params={"task_id": task}).json() for _ in range(2)][-1]
    assert (failed["status_code"], bool(failed["err"])) == (400, True)
    assert other.get("/result", params={"task_id": "zz"}).status_code == 404


def test_a_result_in_json_text_progress_and_cancel(other: httpx.Client) -> None:
    task = other.post("/model", json={}).json()["id"]
    assert len(task) == len("task_0123456789ab")
    told = [other.get(f"/task/{task}/fetch").json() for _ in range(2)]
    assert [one["status"] for one in told] == ["processing", "succeeded"]
    assert [one["progress"] for one in told] == ["0%", "100%"]
    assert [one["id"] for one in told] == [task, task]
    assert "output" not in told[0]
    assert httpx.get(json.loads(told[1]["output"])[0]).status_code == 200
    assert other.post("/task/zz/cancel").status_code == 404
    assert other.post(f"/task/{task}/cancel").json() == {"ok": True}
    # Where the document knows no word for failure, a cancelled task is over and has what it has.
    assert other.get(f"/task/{task}/fetch").json()["status"] == "succeeded"


def test_a_task_that_is_done_when_the_reply_is_binary(other: httpx.Client) -> None:
    number = other.post("/voice", data={"n": 1}).json()["data"]["number"]
    assert isinstance(number, int)
    pending, done = (other.put("/voice", json={"number": number}) for _ in range(2))
    assert pending.json() == {"wait": True}
    assert (done.headers["content-type"], done.content[:4]) == ("audio/wav", b"RIFF")
    assert other.put("/voice", json={"number": 1}).status_code == 404


def test_created_things_exist_until_they_are_deleted(other: httpx.Client) -> None:
    assert other.get("/thing/mine").status_code == 404
    assert other.post("/thing", json={"name": "mine", "size": 5}).json() == {
        "data": {"name": "mine", "size": 5}
    }
    assert other.put("/thing/mine", json={"size": 6}).json() == {
        "data": {"name": "mine", "size": 6}
    }
    assert other.get("/thing/mine").json() == {"data": {"name": "mine", "size": 6}}
    for name in ("mine", "shown"):
        assert other.get(f"/thing/{name}").status_code == 200
        assert other.delete(f"/thing/{name}").status_code == 204
        assert other.get(f"/thing/{name}").status_code == 404
        assert other.delete(f"/thing/{name}").status_code == 404
    other.post("/thing", json={"name": "a/b c"})
    assert other.get("/thing/a%2Fb%20c").json()["data"]["name"] == "a/b c"
