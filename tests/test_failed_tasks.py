"""A failed task raises `TaskFailed`, also where `x-success` calls its response a failure too."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from patience import PATIENCE

import api302
from api302._types import Operation
from api302_client.behaviour import Success, TaskStatus
from api302_resources._index import OPERATIONS

_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_ENVELOPE = {"code": 1301, "result": 2, "success": False, "base_resp": {"status_code": 1027}}


def _with_both() -> dict[str, Operation]:
    """The fetching operations with words of failure and failures of the envelope."""
    found: dict[str, Operation] = {}
    for one in map(Operation.by_id, OPERATIONS):
        status = one.behaviour.status
        if one.behaviour.success and status and status.failed:
            found[one.id] = one
    return found


FETCHES = _with_both()
SUBMITS = {
    task.fetch: one
    for one in map(Operation.by_id, OPERATIONS)
    if (task := one.behaviour.task) and task.fetch in FETCHES
}


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        if not isinstance(data.get(name), dict):  # an envelope's number may stand there
            data[name] = {}
        data = data[name]
    data[last] = value


def failed_response(status: TaskStatus, success: Success) -> dict[str, Any]:
    """A response with a word of failure, in an envelope that is a failure too, if it can be."""
    data: dict[str, Any] = json.loads(json.dumps(_ENVELOPE))
    assert status.state is not None
    if status.state.field.startswith("values(data)[0]."):
        _put(data, status.state.field.replace("values(data)[0]", "data.any"), status.failed[0])
    else:
        plain = next(
            p.strip() for p in status.state.field.split("||") if _PLAIN.fullmatch(p.strip())
        )
        _put(data, plain, status.failed[0])
    if _PLAIN.fullmatch(success.field):
        _put(data, success.field, False if success.values == (True,) else 1301)
    return data


class _Handler(BaseHTTPRequestHandler):
    content = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_there_are_such_operations() -> None:
    assert len(SUBMITS) >= 10


@pytest.mark.parametrize("name", SUBMITS)
def test_a_failed_task_raises_task_failed(name: str, server: str) -> None:
    fetch, submit = FETCHES[name], SUBMITS[name]
    status, success, task = fetch.behaviour.status, fetch.behaviour.success, submit.behaviour.task
    assert status
    assert success
    assert task
    data = failed_response(status, success)
    assert status.known_state(data) == "failed"
    if _PLAIN.fullmatch(success.field):
        assert success.failure(data) is not None, "the envelope is a failure too"
    _Handler.content = json.dumps(data).encode()
    kept = {
        "kind": "api302.task",
        "version": 1,
        "operation": submit.id,
        "id": "t-1",
        "parameters": dict.fromkeys(task.parameters, "t-1"),
        "request_id": "req-1",
    }
    with api302.Client(api_key="sk-0123456789", base_url=server, max_retries=0) as client:
        handle = client.resume(kept)
        assert handle.status().state == "failed"
        with pytest.raises(api302.TaskFailed) as caught:
            handle.wait(timeout=PATIENCE, interval=0)
    assert caught.value.task is handle
    assert caught.value.task_dict == kept
    assert caught.value.status.state == "failed"
