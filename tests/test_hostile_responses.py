"""Responses outside the description: mutated ones, and transports that fail at every byte.

Whatever arrives, a call returns something or raises an Api302Error that keeps what was received;
nothing else. `API302_FUZZ_EXAMPLES` says how many inputs each property gets (2,000; `make fuzz`
takes more).
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pickle
import zlib
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import api302
from api302._calls.call import finish
from api302._features.tasks import Handle
from api302._http.sync import run
from api302._secret import Redactor
from api302._types import Call, CallOptions, Operation
from api302_resources._index import OPERATIONS

EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "2000"))
KEY = "sk-0123456789abcdefghijkl"
RAW = json.loads(
    (Path(__file__).resolve().parents[1] / "generated/openapi.json").read_text(encoding="utf-8")
)
NODES = {
    node["operationId"]: node
    for path in RAW["paths"].values()
    for node in path.values()
    if isinstance(node, dict)
}
bounded = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that arrives in pieces and may end with an error."""

    def __init__(self, pieces: list[bytes], error: Exception | None = None) -> None:
        self._pieces, self._error = pieces, error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error is not None:
            raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error


class Wire:
    """A client whose transport gives what a test sets."""

    def __init__(self) -> None:
        self.response: Any = None
        self.calls = 0
        http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self.client = api302.Client(api_key=KEY, http_client=http, max_retries=2)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        if isinstance(self.response, Exception):
            raise self.response
        status, headers, pieces, error = self.response
        return httpx2.Response(status, headers=headers, stream=Pieces(pieces, error))

    def ask(self, op: Operation) -> Any:
        kwargs = {"method": op.method, "url": "/x", "headers": {}}
        repeatable = op.behaviour.may_repeat(op.method)
        options = CallOptions(timeout=5.0, retries=0, repeatable=repeatable)
        return run(finish(self.client._client, Call(kwargs, options, f"{op.method} /x", op)))

    def outcome(self, op: Operation) -> tuple[Any, api302.Api302Error | None]:
        """What a call returns, or what it raises."""
        try:
            return self.ask(op), None
        except api302.Api302Error as error:
            return None, error


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.client.close()


def example(node: dict[str, Any]) -> Any:
    """The first example of a good JSON response, or an empty object."""
    for status, response in node["responses"].items():
        if status.startswith("2"):
            media = response.get("content", {}).get("application/json", {})
            for one in media.get("examples", {}).values():
                return one.get("value")
    return {}


# --- mutations ------------------------------------------------------------------------------------

strange = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**30,
        1e300,
        "",
        "x",
        "0",
        "failed",
        "\ud83d",
        KEY,
        [],
        [[]],
        {},
        {"error": {"message": "no"}},
        {"err_code": -10008, "message": KEY},
    ]
)
names = st.sampled_from(["error", "code", "message", "data", "status", "choices", "task_id", "é"])


def mutated(value: Any, draw: Any, depth: int = 0) -> Any:
    """A JSON value in which something is otherwise."""
    action = draw(st.integers(0, 7))
    if action == 0 or depth > 6:
        return draw(strange)
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        rest = {each: item for each, item in value.items() if each != name}
        if action == 1:
            return rest
        if action == 2:
            return {**value, draw(names): draw(strange)}
        return {**value, name: mutated(value[name], draw, depth + 1)}
    if isinstance(value, list) and value:
        if action == 1:
            return value[1:]
        return [
            mutated(value[0], draw, depth + 1),
            *value[1:],
            *([value[0]] if action == 2 else []),
        ]
    return draw(strange)


labels = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=klingon",
        "text/plain",
        "text/html",
        "text/event-stream",
        "audio/mpeg",
        "application/octet-stream",
        "",
        ";;",
    ]
)
statuses = st.sampled_from([200, 200, 200, 200, 201, 202, 204, 206, 400, 401, 404, 429, 500, 503])
encodings = st.sampled_from(["", "", "", "gzip", "deflate", "gzip, gzip", "br", "nonsense"])


@st.composite
def responses(draw: Any) -> tuple[str, int, dict[str, str], list[bytes]]:
    """An operation, and what a service or a gateway may say instead of its response."""
    operation_id = draw(st.sampled_from(sorted(OPERATIONS)))
    value = mutated(example(NODES[operation_id]), draw)
    body = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    how = draw(st.integers(0, 9))
    if how == 0:
        body = body[: draw(st.integers(0, len(body)))]
    elif how == 1:
        body = draw(st.binary(max_size=40)) + body
    elif how == 2:
        body = b"\xef\xbb\xbf" + body
    headers = {"content-type": draw(labels), "request-id": "req-1"}
    if encoding := draw(encodings):
        headers["content-encoding"] = encoding
        if draw(st.booleans()):
            body = zlib.compress(body) if encoding == "deflate" else gzip.compress(body)
        if draw(st.booleans()):
            body = body[: draw(st.integers(0, len(body)))]
    cut = draw(st.integers(0, len(body)))
    return operation_id, draw(statuses), headers, [body[:cut], body[cut:]]


@bounded
@given(response=responses())
def test_a_mutated_response_is_returned_or_refused(
    wire: Wire, response: tuple[str, int, dict[str, str], list[bytes]]
) -> None:
    operation_id, status, headers, pieces = response
    wire.response, wire.calls = (status, headers, pieces, None), 0
    parsed, error = wire.outcome(Operation.by_id(operation_id))
    assert wire.calls == 1
    if error is None:
        assert 200 <= status < 300
        repr(parsed)
        return
    assert isinstance(error, (api302.ApiError, api302.DecodeError, api302.ConnectionError))
    assert (error.status_code, error.request_id) == (status, "req-1")
    assert isinstance(error.content, bytes)
    assert KEY not in str(error) + repr(vars(error))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# --- transports that fail -------------------------------------------------------------------------

BODY = json.dumps({"id": "c-1", "choices": [{"message": {"content": "你好"}}]}).encode()
FAILURES = [httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout]
CHAT = "openai_chat_completions"
SPEECH = "openai_speech"


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("packed", ["", "gzip"])
def test_fault_05_a_transport_that_fails_at_every_byte(
    failure: Any, packed: str, wire: Wire
) -> None:
    body = gzip.compress(BODY) if packed else BODY
    headers = {"content-type": "application/json", "request-id": "req-1"}
    if packed:
        headers["content-encoding"] = packed
    op = Operation.by_id(CHAT)
    returned = 0
    for end in range(len(body) + 1):
        wire.response = 200, headers, [body[:end]], failure("gone")
        parsed, error = wire.outcome(op)
        if error is None:
            assert parsed.id == "c-1"
            returned += 1
            continue
        assert isinstance(error, api302.ConnectionError)
        assert (error.status_code, error.request_id, error.sent) == (200, "req-1", True)
        assert isinstance(error, api302.TimeoutError) == (failure is httpx2.ReadTimeout)
        assert BODY.startswith(error.content)
    assert returned >= 1, "the whole body is a response, however it ended"
    for status in (400, 429, 500):
        for end in range(len(body) + 1):
            wire.response = status, headers, [body[:end]], failure("gone")
            with pytest.raises(api302.ApiError) as caught:
                wire.ask(op)
            assert caught.value.status_code == status


@bounded
@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    status=statuses,
    failure=st.sampled_from([*FAILURES, None]),
    headers=st.fixed_dictionaries({"content-type": labels, "content-encoding": encodings}),
    operation_id=st.sampled_from([CHAT, SPEECH]),
)
def test_any_bytes_in_any_pieces(
    body: bytes,
    cuts: list[int],
    status: int,
    failure: Any,
    headers: dict[str, str],
    operation_id: str,
    wire: Wire,
) -> None:
    places = [0, *sorted(cuts), len(body)]
    pieces = [body[a:b] for a, b in pairwise(places) if a < b]
    wire.response = status, headers, pieces, failure("gone") if failure else None
    _, error = wire.outcome(Operation.by_id(operation_id))
    if error is None:
        assert 200 <= status < 300
        return
    assert isinstance(error, (api302.ApiError, api302.DecodeError, api302.ConnectionError))
    assert error.status_code == status
    if not headers["content-encoding"]:
        assert error.content == b"".join(pieces)


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    "name",
    [
        *["ConnectError", "ConnectTimeout", "PoolTimeout", "ReadTimeout", "WriteTimeout"],
        *["ReadError", "WriteError", "RemoteProtocolError", "LocalProtocolError", "ProxyError"],
        *["UnsupportedProtocol", "DecodingError", "CloseError", "TooManyRedirects"],
    ],
)
def test_every_error_of_a_library_is_translated(library: Any, name: str) -> None:
    def fail(request: Any) -> Any:
        raise getattr(library, name)(f"broken, {KEY}", request=request)

    http = library.Client(transport=library.MockTransport(fail))
    client = api302.Client(api_key=KEY, http_client=http, max_retries=0)
    with pytest.raises(api302.Api302Error) as caught:
        client.request("POST", "/x")
    error = caught.value
    never = name in ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError")
    if isinstance(error, api302.ConnectionError):
        assert error.sent != (never or name == "UnsupportedProtocol")
    assert isinstance(error, api302.TimeoutError) == name.endswith("Timeout")
    assert KEY not in str(error) + str(error.__cause__)
    http.close()


def test_an_async_transport_that_fails_at_every_byte() -> None:
    made: list[Any] = []

    def answer(_: Any) -> httpx2.Response:
        return httpx2.Response(200, headers={"request-id": "req-1"}, stream=made[-1])

    async def main() -> None:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        async with http, api302.AsyncClient(api_key=KEY, http_client=http) as client:
            for end in range(len(BODY) + 1):
                made.append(Pieces([BODY[:end]], httpx2.ReadError("gone")))
                call = client.chat.completions.create(model="x", messages=[])
                if end == len(BODY):
                    assert (await call).id == "c-1"
                    continue
                with pytest.raises(api302.ConnectionError) as caught:
                    await call
                assert (caught.value.status_code, caught.value.content) == (200, BODY[:end])

    asyncio.run(main())


# --- the key, however it is written ---------------------------------------------------------------

WAYS = [
    lambda c: c,
    lambda c: f"\\u{ord(c):04x}",
    lambda c: f"\\u{ord(c):04X}",
    lambda c: f"\\\\u{ord(c):04x}",
    lambda c: f"%{ord(c):02x}",
    lambda c: f"%{ord(c):02X}",
    lambda c: f"%25{ord(c):02X}",
    lambda c: json.dumps(c)[1:-1],
    lambda c: quote(c, safe=""),
]
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@bounded
@given(key=keys, ways=st.lists(st.sampled_from(WAYS), min_size=40, max_size=40), data=st.data())
def test_fault_20_the_key_however_it_is_written(key: str, ways: list[Any], data: Any) -> None:
    written = "".join(way(c) for way, c in zip(ways, key, strict=False))
    before, after = data.draw(st.text(max_size=9)), data.draw(st.text(max_size=9))
    redactor = Redactor(key)
    text = f"{before} {written} {after}"
    assert written not in redactor.text(text)
    assert written.encode() not in redactor.content(text.encode("utf-8", "replace"))
    assert written not in json.dumps(redactor.recorded({"a": [text]}))
    assert redactor.headers({"X-Echo": text})["x-echo"] == redactor.text(text)


# --- a task that failed is a task that failed -----------------------------------------------------

BOTH = sorted(
    node["operationId"]
    for node in NODES.values()
    if "x-task-status" in node and "x-success" in node and node["x-task-status"].get("failed")
)
SUBMITTING = {
    node["x-task"]["fetch"]: node["operationId"] for node in NODES.values() if "x-task" in node
}


def placed(path: str, value: Any, into: dict[str, Any]) -> dict[str, Any]:
    """An object with a value at a path, or at the first of its alternatives."""
    plain = path.partition(" || ")[0].replace("values(data)[0]", "data.first")
    *above, last = plain.split(".")
    level = into
    for name in above:
        level = level.setdefault(name, {})
    level[last] = value
    return into


@pytest.mark.parametrize("operation_id", [one for one in BOTH if one in SUBMITTING])
def test_a_failed_task_in_an_error_envelope_raises_task_failed(
    operation_id: str, wire: Wire
) -> None:
    rule = NODES[operation_id]["x-task-status"]
    state = rule["state"] if isinstance(rule["state"], str) else rule["state"]["field"]
    body = placed(state, rule["failed"][0], {})
    success = NODES[operation_id]["x-success"]
    placed(success["field"] if "!" not in success["field"] else "code", 1301, body)
    headers = {"content-type": "application/json"}
    wire.response = 200, headers, [json.dumps(body).encode()], None
    op = Operation.by_id(SUBMITTING[operation_id])
    assert op.behaviour.task is not None
    parameters = dict.fromkeys(op.behaviour.task.parameters, "t-1")
    handle = Handle(wire.client._client, op, parameters)
    with pytest.raises(api302.TaskFailed) as caught:
        run(handle.wait(5, 0, None, None))
    assert caught.value.task_dict["id"] == "t-1"


def test_there_are_operations_with_both() -> None:
    assert len([one for one in BOTH if one in SUBMITTING]) >= 10
