"""Any bytes at any path: a status below 500 and never a traceback; and what web pages may do.

`API302_FUZZ_EXAMPLES` says how many inputs each property gets (`make fuzz` takes more).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from api302_mock import MockApp, MockServer, control, create_app, start, webhooks
from api302_mock import body as reading
from api302_mock.body import URLENCODED
from api302_mock.control import Log, Seen
from api302_mock.errors import Refused
from api302_mock.fileserver import put_file
from api302_mock.proxy import replayed
from api302_mock.store import Bounded, Files, Store, read_blocks
from api302_mock.wire import Response
from generator import join
from generator.source import Spec

from .conftest import DOCUMENT, KEY, ROOT

EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "0"))
VIDEO = {"prompt": "a red panda"}
CHAT = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}


def many(usual: int) -> Any:
    """Settings of a property: always the same inputs, `usual` of them or more if asked for."""
    return settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=max(usual, EXAMPLES),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


# --- the app, called without a socket -------------------------------------------------------------


class Caller:
    """Calls the apps of some documents in one event loop."""

    def __init__(self) -> None:
        mini = join.join(Spec.load(ROOT / "tests" / "fixtures" / "mini_spec"))
        documents = [mini, DOCUMENT]
        real = Path(ROOT / "generated" / "openapi.json")
        if real.is_file():
            documents.append(json.loads(real.read_text(encoding="utf-8")))
        self.apps = [create_app(one, delay=0, pace=0, polls=1) for one in documents]
        self._runner = asyncio.Runner()

    def call(self, app: MockApp, request: dict[str, Any]) -> int:
        """The status of the response. What the app raises is raised here."""
        return self._runner.run(_call(app, request))

    def close(self) -> None:
        self._runner.close()
        for app in self.apps:
            app.close()


async def _call(app: MockApp, request: dict[str, Any]) -> int:
    body: list[bytes] = list(request["body"])
    statuses: list[int] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": request["target"][0],
        "path": request["target"][1].decode("latin-1"),
        "raw_path": request["target"][1],
        "query_string": request["query"],
        "headers": request["headers"],
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        if body:
            return {"type": "http.request", "body": body.pop(0), "more_body": bool(body)}
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            for name, value in message["headers"]:
                assert b"\n" not in name + value
                assert b"\r" not in name + value

    # A fault breaks the connection, and in-process there is none to break.
    with contextlib.suppress(ConnectionResetError):
        await app(scope, receive, send)
    return statuses[0] if statuses else 0


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.close()


# --- inputs ---------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)
deep = st.sampled_from(["[", '{"a":', '[{"a":']).flatmap(
    lambda unit: st.integers(1, 100_000).map(lambda count: (unit * count).encode())
)
WISHES = {
    "code": [200, 99, 404, 10**400, "429", "x", True, 1.5, float("inf")],
    "err_code": [-10004, "x", [], float("nan")],
    "retry_after": [0, -1, "1e999", float("inf"), {}],
    "example": ["succeed", "", [], 3],
    "latency": [None, 0, -1, "nan", float("inf"), [], {}, True],
    "fault": ["reset", "cut-stream", "new-word", "envelope", "task-failed", "fire", 3, []],
    "body": [{}, [], "x", 1, {"a": [1]}],
    "text": ["hello", "", 3, "\ud83d", None],
    "tool_calls": [[], [{}], [{"name": "f"}], [{"name": "f", "arguments": "{"}], "x", [3], {}],
    "error": ["no", {"error": {}}, [], 3],
    "times": [0, 1, 2, -1, 10**400],
    "operation": ["chat", "acme_speech", "nothing", 3, "x" * 1000],
}
# Few draws an input: drawing is what takes the time.
wishes = st.lists(
    st.sampled_from([(name, value) for name, values in WISHES.items() for value in values]),
    max_size=3,
).map(lambda items: dict(items))
settings_ = st.dictionaries(
    st.sampled_from(["strict", "polls", "webhooks", "same_host", "nothing"]), json_values
)
parts = st.lists(
    st.tuples(
        st.sampled_from([b"file", b"image", b"prompt", b"\xff", b""]), st.binary(max_size=30)
    ),
    max_size=4,
).map(
    lambda fields: (
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"; filename="f.png"\r\n\r\n%s\r\n'
            % field
            for field in fields
        )
        + b"--b--\r\n"
    )
)
contents = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    wishes.map(lambda value: json.dumps(value).encode()),
    settings_.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([VIDEO, CHAT, CHAT | {"stream": True}, {"q": "mock:fail"}]).map(
        lambda value: json.dumps(value).encode()
    ),
    deep,
    parts,
    st.text(max_size=50).map(lambda text: text.encode(errors="replace")),
)
latin = st.text(st.characters(max_codepoint=255, blacklist_categories=["Cc"]), max_size=40)
prefer = wishes.map(
    lambda wish: ", ".join(f"{name.replace('_', '-')}={value}" for name, value in wish.items())
)
HEADERS = {
    b"accept": ["*/*", "q=\xb2", "audio/*;q=\xb2, */*;q=1e999", "text/event-stream;q=-1", ";;,"],
    b"content-type": [
        "application/json",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "multipart/form-data; boundary=\xe9; charset=nothing",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "text/plain; charset=nothing",
        "",
    ],
    b"range": ["bytes=0-", f"bytes={'9' * 5000}-", f"bytes=-{'9' * 5000}", "bytes=5-2", "bytes=-0"],
    b"host": ["127.0.0.1:80", "[::1", "a:99999", "evil.example", "[::1]:80", "\xff", ""],
    b"origin": ["http://127.0.0.1:80", "null", "https://evil.example", "http://[", ""],
    b"access-control-request-method": ["POST", ""],
    b"access-control-request-headers": ["authorization, x-a", "a\xff"],
    b"cookie": ["a=b", "=;;=", '"'],
    b"content-length": ["0", "9" * 5000, "x"],
    b"authorization": ["Bearer sk-x", "Bearer", "", "\xff sk-"],
}


pairs = [(name, value.encode("latin-1")) for name, values in HEADERS.items() for value in values]


def with_key(drawn: tuple[list[tuple[bytes, bytes]], str, str | None]) -> list[tuple[bytes, bytes]]:
    """The headers of a usual request, some of them replaced by what was drawn."""
    replaced, text, wish = drawn
    usual = {b"authorization": b"Bearer sk-test", b"content-type": b"application/json"}
    if text:
        usual[sorted(HEADERS)[len(text) % len(HEADERS)]] = text.encode("latin-1")
    asked = [(b"prefer", wish.encode("latin-1", "replace"))] if wish else []
    return [*(usual | dict(replaced)).items(), *asked]


headers = st.tuples(
    st.lists(st.sampled_from(pairs), max_size=4), st.just("") | latin, st.none() | prefer
).map(with_key)
queries = st.sampled_from(
    [b"", b"n=5", b"n=%ED%A0%80&tags=1", b"async=true", b"key=sk-1&alt=sse", b"=&=;%"]
) | st.binary(max_size=30)
METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]
OWN = [
    ("GET", "/"),
    ("POST", "/mock/next"),
    ("POST", "/mock/settings"),
    ("POST", "/mock/reset"),
    ("GET", "/mock/requests"),
    ("GET", "/mock/x"),
    ("GET", "/mock/files/x.png"),
    ("HEAD", "/mock/files/x.mp4"),
    ("PUT", "/mock/files/%2e%2e/x"),
]
SEGMENTS = ["t-1", "shown", "%FF", "%00", "a%2Fb", "\xb2", "9" * 5000, "..", "x y"]


def targets(app: MockApp) -> st.SearchStrategy[tuple[str, bytes]]:
    """Method and path: those of a document and of the mock itself, and any bytes."""
    known = [(one.method, path) for one in app.document.operations.values() for path in one.paths]
    operations = st.tuples(st.sampled_from(known), st.sampled_from(SEGMENTS) | latin)
    filled = operations.map(
        lambda drawn: (
            drawn[0][0],
            re.sub(r"\{[^}]+\}", lambda _: drawn[1], drawn[0][1]).encode("latin-1", "replace"),
        )
    )
    own = st.sampled_from(OWN).map(lambda target: (target[0], target[1].encode()))
    anything = st.tuples(
        st.sampled_from(METHODS), st.binary(max_size=60).map(lambda end: b"/" + end)
    )
    return st.one_of(filled, filled, own, anything)


def requests(app: MockApp) -> st.SearchStrategy[dict[str, Any]]:
    """Requests, as ASGI has them. Without an end of the body, the client went away."""
    bodies = st.tuples(contents, st.sampled_from(["whole", "halves", "none"])).map(
        lambda drawn: {
            "whole": [drawn[0]],
            "halves": [drawn[0][: len(drawn[0]) // 2], drawn[0][len(drawn[0]) // 2 :]],
            "none": [],
        }[drawn[1]]
    )
    return st.fixed_dictionaries(
        {"target": targets(app), "query": queries, "headers": headers, "body": bodies}
    )


def test_fault_26_any_request_gets_a_status_below_500(caller: Caller) -> None:
    statuses: Counter[int] = Counter()
    inputs = st.one_of(*(st.tuples(st.just(app), wishes, requests(app)) for app in caller.apps))

    @many(2000)
    @given(inputs)
    def check(drawn: tuple[MockApp, dict[str, Any], dict[str, Any]]) -> None:
        app, wish, request = drawn
        app.reset()
        with contextlib.suppress(ValueError):
            app.next(**wish)
        status = caller.call(app, request)
        assert status < 500
        statuses[status] += 1

    check()
    # Inputs that are all refused for one and the same reason would prove little.
    assert {200, 400, 403, 404, 405, 415, 422} <= set(statuses), statuses


# --- on a real socket -----------------------------------------------------------------------------


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def log() -> Iterator[Records]:
    """What the server logs; an error there is a traceback on a user's screen."""
    records = Records()
    # uvicorn's loggers pass nothing on, so that they are heard only here.
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(records)
    yield records
    logger.removeHandler(records)
    assert [logging.Formatter().format(record) for record in records.records] == []


def talk(server: MockServer, sent: bytes) -> bytes:
    """Send bytes, end, and read until the server is done."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
    return received


def test_fault_26_any_bytes_on_a_socket(server: MockServer, log: Records) -> None:
    head = b"POST /acme/v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-x\r\n"
    json_head = head + b"Content-Type: application/json\r\n"
    form_head = head + b"Content-Type: multipart/form-data; boundary=b\r\n"
    starts = st.sampled_from(
        [
            b"",
            b"GET ",
            b"GET / HTTP/1.1\r\n",
            b"GET /mock/files/x.png HTTP/1.1\r\nRange: bytes=",
            head,
            json_head + b"Transfer-Encoding: chunked\r\n\r\n",
            form_head + b"Content-Length: 99\r\n\r\n",
        ]
    )

    @many(150)
    @given(starts, st.binary(max_size=80))
    def check(begun: bytes, rest: bytes) -> None:
        received = talk(server, begun + rest)
        assert re.match(rb"HTTP/1\.1 [1234]", received) or not received

    check()
    assert httpx.get(server.url).is_success


def test_fault_26_a_range_of_many_digits(http: httpx.Client, log: Records) -> None:
    url = "/mock/files/x.png"
    whole = http.get(url).content
    for span, status in (
        (f"{'9' * 5000}-", 416),
        (f"0-{'9' * 5000}", 206),
        (f"-{'9' * 5000}", 206),
    ):
        response = http.get(url, headers={"Range": f"bytes={span}"})
        assert response.status_code == status
        assert status == 416 or response.content == whole


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"body": ' * 300 + b"1" + b"}" * 300, b"[]", b"x", b"", b"\xff", b"null"],
)
def test_fault_26_a_wish_that_is_none(http: httpx.Client, content: bytes, log: Records) -> None:
    response = http.post("/mock/next", content=content)
    assert response.status_code in (400, 422)
    assert response.json()["error"]["message"].startswith("body: ")


@pytest.mark.parametrize(
    "wish",
    [
        {"latency": -1},
        {"latency": 1e308},
        {"latency": [0]},
        {"retry_after": "nan"},
        {"code": True},
        {"code": 10**400},
        {"err_code": 1.5},
        {"times": 0},
        {"times": "x"},
        {"example": 3},
        {"text": ["x"]},
        {"tool_calls": [{"arguments": {}}]},
        {"tool_calls": {"name": "f"}},
        {"error": 3},
        {"fault": ["reset"]},
        {"operation": 3},
        {"body": {}, "text": "x"},
        {"code": 200, "error": "no"},
    ],
    ids=str,
)
def test_fault_26_a_wish_of_wrong_values_names_its_field(
    http: httpx.Client, wish: dict[str, Any]
) -> None:
    # httpx would not send what JSON has no words for.
    response = http.post("/mock/next", content=json.dumps(wish))
    assert response.status_code == 422
    assert f"`{next(iter(wish))}`" in response.json()["error"]["message"]


def test_fault_26_a_latency_of_null_is_none(http: httpx.Client) -> None:
    assert http.post("/mock/next", json={"latency": None, "code": 402}).status_code == 200
    assert http.post("/acme/v1/videos", json=VIDEO).status_code == 402


def test_fault_26_a_client_that_gives_up_prints_nothing(
    server: MockServer, http: httpx.Client, log: Records
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            "/acme/v1/videos",
            json=VIDEO,
            headers={"Prefer": "latency=1.5"},
            timeout=httpx.Timeout(PATIENCE, read=0.05),
        )
    head = b"POST /acme/v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-x\r\n"
    for kind in (b"application/json", b"multipart/form-data; boundary=b"):
        # The body breaks off.
        talk(server, head + b"Content-Type: " + kind + b"\r\nContent-Length: 99999\r\n\r\n--b\r\n")
    stream = CHAT | {"stream": True}
    server.settings.delay = 0.05
    with http.stream("POST", "/v1/chat/completions", json=stream) as response:
        next(response.iter_raw())
    time.sleep(1.6)  # until the response to the first is due
    assert http.get("/").is_success


# --- memory ---------------------------------------------------------------------------------------


def test_fault_26_the_log_forgets_bodies_before_requests(
    http: httpx.Client, server: MockServer
) -> None:
    body = {"prompt": "x" * (5 << 20)}
    for _ in range(12):
        assert http.post("/acme/v1/videos", json=body).is_success
    seen = server.requests
    assert len(seen) == 12
    assert sum(len(one.content) for one in seen) <= 32 << 20
    assert seen[0].body is None
    assert seen[-1].body == body


def test_fault_26_a_body_beyond_the_limit_is_413(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302_mock.body.LARGEST", 1 << 20)
    pieces = (b"x" * (1 << 20) for _ in range(3))
    headers = {"Content-Type": "application/json"}
    response = http.post("/acme/v1/videos", content=pieces, headers=headers)
    assert response.status_code == 413
    assert "1 MiB" in response.json()["error"]["message"]
    fields = {"prompt": "x" * (2 << 20)}
    form = http.post("/acme/v1/videos", data=fields, files={"image": ("a.png", b"x")})
    assert form.status_code in (400, 413)  # newer versions of Starlette refuse it themselves
    assert http.post("/acme/v1/videos", json=VIDEO).is_success


@pytest.mark.parametrize("unit", ["[],", "{},", "0,", '"ab",', '""', '{"a":[0]},'])
def test_fault_26_values_without_number_are_refused(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    """128 MB of empty lists took gigabytes."""
    monkeypatch.setattr("api302_mock.body.MOST_TOKENS", 1000)
    many = f'{{"prompt": "x", "duration": [{unit * 1001}0]}}'
    headers = {"Content-Type": "application/json"}
    response = http.post("/acme/v1/videos", content=many, headers=headers)
    assert response.status_code == 400
    assert "too many values, more than 1000" in response.json()["error"]["message"]
    assert http.post("/mock/next", content=many, headers=headers).status_code == 400
    text = {**VIDEO, "prompt": unit * 1001 + '\\"[,' * 1001}
    assert http.post("/acme/v1/videos", json=text).is_success, "one text is one value"


def test_fault_26_the_log_drops_the_oldest_requests() -> None:
    log = Log(limit=100_000, count=50)
    for number in range(200):
        seen = Seen("GET", f"/{number}", "", {}, [])
        log.add(seen)
        log.add_body(seen, b"{}")
    assert [seen.path for seen in log.all()] == [f"/{number}" for number in range(150, 200)]
    huge = Seen("GET", "/huge", "x" * 200_000, {}, [])
    log.add(huge)
    assert log.all() == [huge]


def test_fault_26_what_is_remembered_is_bounded() -> None:
    forgotten: list[int] = []
    bounded = Bounded[int](100_000, forgotten.append)
    for number in range(1000):
        bounded.put(number, number, 1000)
    assert len(bounded) < 100
    assert 999 in bounded
    assert bounded.get(999) == 999
    assert 0 not in bounded
    assert bounded.get(0) is None
    assert forgotten == list(range(1000 - len(bounded)))
    bounded.put("huge", -1, 10**9)
    assert len(bounded) == 1
    assert bounded.get("huge") == -1
    bounded.clear()
    assert len(bounded) == 0
    assert forgotten == [*range(1000), -1]


def test_fault_26_old_files_make_room_for_new_ones(server: MockServer, http: httpx.Client) -> None:
    files = Files()
    for number in range(200):
        files.keep(f"{number}.bin", io.BytesIO(b"x" * 500_000))
    assert "199.bin" in files
    assert "0.bin" not in files
    kept = [number for number in range(200) if f"{number}.bin" in files]
    assert len(kept) * 500_000 <= 64 << 20
    with tempfile.TemporaryFile() as large:
        large.write(b"y" * (2 << 20))
        files.keep("199.bin", large)
        assert files.get("199.bin") is large
        blocks = read_blocks(large, 0, 2 << 20)
        assert len(next(blocks)) == 1 << 20
        files.close()
        # Whoever still reads a file that was dropped gets a short one, and no error.
        assert large.closed
        assert list(blocks) == []


# --- web pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{url}"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
        # A name that its owner lets lead to this machine.
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8302", "Origin": "http://evil.example:8302"}, 403),
        ({"Host": "mock:8302"}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "host.docker.internal:8302"}, 200),
        ({"Host": "10.0.0.7:8302"}, 200),
    ],
    ids=str,
)
def test_fault_26_who_may_control_the_mock(
    server: MockServer, headers: dict[str, str], status: int
) -> None:
    headers = {name: value.format(url=server.url) for name, value in headers.items()}
    for method, path, body in (
        ("POST", "/mock/next", {"code": 402}),
        ("POST", "/mock/settings", {"polls": 9}),
        ("GET", "/mock/requests", None),
        ("POST", "/mock/reset", None),
    ):
        response = httpx.request(method, server.url + path, json=body, headers=headers)
        assert response.status_code == status, path
        assert "access-control-allow-origin" not in response.headers
    if status == 403:
        assert server.settings.polls == 2
        video = httpx.post(f"{server.url}/acme/v1/videos", json=VIDEO, headers=KEY)
        assert video.status_code == 200, "the wish of the foreign page came through"


def test_fault_26_a_web_page_may_call_the_api(server: MockServer, http: httpx.Client) -> None:
    origin = {"Origin": "https://page.example"}
    preflight = http.options(
        "/acme/v1/videos",
        headers=origin
        | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
            "Access-Control-Request-Private-Network": "true",
        },
    )
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert preflight.headers["access-control-allow-private-network"] == "true"
    assert server.requests == [], "a preflight is no call"
    for response in (
        http.post("/acme/v1/videos", json=VIDEO, headers=origin),
        http.post("/acme/v1/videos", json={}, headers=origin),
        http.get("/mock/files/x.png", headers=origin),
        http.get("/", headers=origin),
    ):
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-expose-headers"] == "*"
    assert "access-control-allow-origin" not in http.post("/acme/v1/videos", json=VIDEO).headers
    assert http.options("/acme/v1/videos").status_code == 405
    preflight = http.options(
        "/mock/next", headers=origin | {"Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code >= 400
    assert "access-control-allow-origin" not in preflight.headers


def test_fault_15_a_form_of_millions_of_fields_is_refused() -> None:
    body: dict[str, Any] = {URLENCODED: {"schema": {"type": "object"}}}
    operation = {"operationId": "send", "requestBody": {"content": body}, "responses": {"200": {}}}
    document = {"openapi": "3.2.0", "info": {}, "paths": {"/send": {"post": operation}}}
    headers = {"content-type": URLENCODED}
    with start(document) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        assert client.post("/send", content=b"a=1&" * 900).status_code == 200
        refused = client.post("/send", content=b"a&" * 2_000_000)
    assert refused.status_code == 400
    assert "fields" in refused.json()["error"]["message"]


def test_fault_15_a_number_beyond_all_is_not_sent_back(http: httpx.Client) -> None:
    response = http.post("/mock/next", content=b'{"body": {"a": 1e999}}')
    assert response.status_code == 400
    assert "1e999 is too large" in response.json()["error"]["message"]


def test_fault_16_a_long_text_comes_in_larger_pieces() -> None:
    text = "word " * 100_000
    with start(delay=0) as server, httpx.Client(base_url=server.url) as client:
        server.next(text=text)
        asked = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        headers = {"authorization": "Bearer sk-test"}
        lines = client.post("/v1/chat/completions", json=asked, headers=headers).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]
    deltas = [choice["delta"] for one in events for choice in one["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == text
    assert len(events) < 25_000


def test_fault_15_no_upload_fills_the_disk(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILES", 1 << 20)
    prompt = {"prompt": "x"}
    refused = http.post("/acme/v1/videos", files={"image": bytes(2 << 20)}, data=prompt)
    assert refused.status_code == 413
    assert "larger than 1 MiB" in refused.json()["error"]["message"]
    taken = http.post("/acme/v1/videos", files={"image": bytes(1 << 19)}, data=prompt)
    assert taken.status_code == 200


def test_fault_15_no_file_of_several_steps_fills_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILES", 1 << 20)
    store = Store()
    store.files.keep("a.bin", io.BytesIO(b"before"))

    def put(size: int) -> int:
        request = replayed({"type": "http", "method": "PUT", "headers": []}, bytes(size))
        return asyncio.run(put_file(request, "a.bin", store)).status

    with pytest.raises(Refused, match="larger than 1 MiB"):
        put(2 << 20)
    kept = store.files.get("a.bin")
    assert kept is not None
    assert kept.read() == b"before"
    assert put(1 << 19) == 200


def test_fault_15_wishes_and_webhooks_are_kept_to_a_limit() -> None:
    app = create_app(DOCUMENT)
    for _ in range(control.MOST_WISHES):
        app.next(code=429)
    with pytest.raises(ValueError, match="10,000 wishes wait for requests already"):
        app.next(code=429)
    app.reset()
    app.next(code=429)

    async def many() -> None:
        for number in range(webhooks.MOST_KEPT + 5):
            await app.webhooks.deliver(f"ftp://x/{number}", Response.of_json({}))

    asyncio.run(many())
    kept = app.webhooks.deliveries
    assert len(kept) == webhooks.MOST_KEPT
    assert kept[-1].url.endswith(f"/{webhooks.MOST_KEPT + 4}")
