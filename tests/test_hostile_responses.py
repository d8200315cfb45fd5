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
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE

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


def seeded(make: Callable[[Random], Any]) -> st.SearchStrategy[Any]:
    """What a function makes of a drawn seed: to draw it piece by piece takes longer than a call."""
    return st.integers(0, 2**48).map(lambda seed: make(Random(seed)))


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

STRANGE: list[Any] = [
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
NAMES = ["error", "code", "message", "data", "status", "choices", "task_id", "é"]


def mutated(value: Any, random: Random, depth: int = 0) -> Any:
    """A JSON value in which something is otherwise."""
    action = random.randint(0, 7)
    if action == 0 or depth > 6:
        return random.choice(STRANGE)
    if isinstance(value, dict) and value:
        name = random.choice(sorted(value))
        rest = {each: item for each, item in value.items() if each != name}
        if action == 1:
            return rest
        if action == 2:
            return {**value, random.choice(NAMES): random.choice(STRANGE)}
        return {**value, name: mutated(value[name], random, depth + 1)}
    if isinstance(value, list) and value:
        if action == 1:
            return value[1:]
        again = [value[0]] if action == 2 else []
        return [mutated(value[0], random, depth + 1), *value[1:], *again]
    return random.choice(STRANGE)


LABELS = [
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
STATUSES = [200, 200, 200, 200, 201, 202, 204, 206, 400, 401, 404, 429, 500, 503]
ENCODINGS = ["", "", "", "gzip", "deflate", "gzip, gzip", "br", "nonsense"]
IDS = sorted(OPERATIONS)


def response(random: Random) -> tuple[str, int, dict[str, str], list[bytes]]:
    """An operation, and what a service or a gateway may say instead of its response."""
    operation_id = random.choice(IDS)
    value = mutated(example(NODES[operation_id]), random)
    ascii_only = random.random() < 0.5
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    how = random.randint(0, 9)
    if how == 0:
        body = body[: random.randint(0, len(body))]
    elif how == 1:
        body = random.randbytes(random.randint(0, 40)) + body
    elif how == 2:
        body = b"\xef\xbb\xbf" + body
    headers = {"content-type": random.choice(LABELS), "request-id": "req-1"}
    if encoding := random.choice(ENCODINGS):
        headers["content-encoding"] = encoding
        if random.random() < 0.5:
            body = zlib.compress(body) if encoding == "deflate" else gzip.compress(body, 1)
        if random.random() < 0.5:
            body = body[: random.randint(0, len(body))]
    cut = random.randint(0, len(body))
    return operation_id, random.choice(STATUSES), headers, [body[:cut], body[cut:]]


@bounded
@given(response=seeded(response))
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


def pieces(random: Random) -> tuple[list[bytes], int, Any, dict[str, str], str]:
    """Any bytes in any pieces, with what stands before them, and the operation that gets them."""
    body = random.randbytes(random.randint(0, random.choice([0, 3, 30, 300])))
    cuts = sorted(random.randint(0, 300) for _ in range(random.randint(0, 5)))
    parts = [body[a:b] for a, b in pairwise([0, *cuts, len(body)]) if a < b]
    headers = {
        "content-type": random.choice(LABELS),
        "content-encoding": random.choice(ENCODINGS),
    }
    failure = random.choice([*FAILURES, None])
    return parts, random.choice(STATUSES), failure, headers, random.choice([CHAT, SPEECH])


@bounded
@given(given=seeded(pieces))
def test_any_bytes_in_any_pieces(given: Any, wire: Wire) -> None:
    parts, status, failure, headers, operation_id = given
    wire.response = status, headers, parts, failure("gone") if failure else None
    _, error = wire.outcome(Operation.by_id(operation_id))
    if error is None:
        assert 200 <= status < 300
        return
    assert isinstance(error, (api302.ApiError, api302.DecodeError, api302.ConnectionError))
    assert error.status_code == status
    if not headers["content-encoding"]:
        assert error.content == b"".join(parts)


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
LETTERS = "a0 \t\n\\\"'%&<é你😀\u2028\x00"


POOL = max(200, EXAMPLES // 100)


@cache
def redactor_of(number: int) -> tuple[str, Redactor]:
    """A key and its redactor, whose patterns take longer to compile than to use."""
    random = Random(number)
    key = "".join(chr(random.randint(33, 126)) for _ in range(random.randint(8, 40)))
    return key, Redactor(key)


def written(random: Random) -> tuple[Redactor, str, str]:
    """The redactor of a key, how the key is written, and a text around that."""
    key, redactor = redactor_of(random.randrange(POOL))
    ways = random.choices(WAYS, k=random.choice([1, 2, len(WAYS)]))
    written = "".join(random.choice(ways)(letter) for letter in key)
    before, after = ("".join(random.choices(LETTERS, k=random.randint(0, 9))) for _ in "ab")
    return redactor, written, f"{before} {written} {after}"


@bounded
@given(given=seeded(written))
def test_fault_20_the_key_however_it_is_written(given: tuple[Redactor, str, str]) -> None:
    redactor, written, text = given
    assert written not in redactor.text(text)
    assert written.encode() not in redactor.content(text.encode())
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


PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def placed(path: str, value: Any, into: dict[str, Any]) -> dict[str, Any]:
    """An object with a value at a path, or at the first of its alternatives."""
    alternatives = path.replace("values(data)[0]", "data.first").split(" || ")
    plain = next(one for one in alternatives if PLAIN.fullmatch(one))
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
        run(handle.wait(PATIENCE, 0, None, None))
    assert caught.value.task_dict["id"] == "t-1"


def test_there_are_operations_with_both() -> None:
    assert len([one for one in BOTH if one in SUBMITTING]) >= 10
