"""What is raised for what, what is made again, and where the key goes."""

from __future__ import annotations

import asyncio
import builtins
import email.utils
import logging
import pickle
import socket
import traceback
from importlib import import_module
from typing import Any

import httpx2
import pytest
from patience import PATIENCE, reserved_port, until
from support import KEY, Lazy, Server, api302, http, reset, silent

retry = Lazy("api302._http.retry")
errors = Lazy("api302._calls.failure")
OK = http({"id": "c-1"})


def post(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def get(client: Any) -> Any:
    return client.videos.acme.get_video(task_id="t-1")


def envelope(code: int, message: str = "No.") -> dict[str, Any]:
    return {
        "error": {"err_code": code, "message": message, "message_cn": "不。", "type": "api_error"}
    }


STATUS = {
    "400 x": "BadRequestError",
    "401 x": "AuthenticationError",
    "402 x": "QuotaError",
    "403 x": "PermissionDeniedError",
    "404 x": "NotFoundError",
    "413 x": "RequestTooLargeError",
    "422 x": "BadRequestError",
    "429 x": "RateLimitError",
    "500 x": "ServerError",
    "503 x": "ServerError",
    "418 x": "ApiError",
    "302 x": "ApiError",
}


@pytest.mark.parametrize("status", STATUS)
def test_status_classes(status: str, serve: Any, connect: Any) -> None:
    server = serve(http(envelope(-99), status, retry_after="7"))
    with pytest.raises(api302.ApiError) as caught:
        post(connect(server, max_retries=0))
    error = caught.value
    assert type(error).__name__ == STATUS[status]
    assert (error.status_code, error.code, error.request_id, error.retry_after) == (
        int(status[:3]),
        -99,
        "req-1",
        7,
    )
    assert error.message == "No."
    for fact in ("No.", status[:3], "-99", "req-1", "POST /v1/chat/completions"):
        assert fact in str(error)
    assert error.body == envelope(-99)
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.body, copied.content) == (
        type(error),
        str(error),
        error.body,
        error.content,
    )


CODES = {
    -10001: "AuthenticationError",
    -10004: "QuotaError",
    -10005: "AuthenticationError",
    -10006: "QuotaError",
    -10007: "QuotaError",
    -10008: "NoChannelError",
    -10010: "NotFoundError",
    -10012: "QuotaError",
    -10013: "PermissionDeniedError",
    -10018: "QuotaError",
    -1024: "ServerError",
    -77777: "EnvelopeError",
}


@pytest.mark.parametrize("code", CODES)
def test_an_envelope_in_a_good_reply(code: int, serve: Any, connect: Any) -> None:
    server = serve(http(envelope(code)))
    with pytest.raises(api302.ApiError) as caught:
        post(connect(server, max_retries=0))
    assert type(caught.value).__name__ == CODES[code]
    assert (caught.value.status_code, caught.value.code, caught.value.message) == (200, code, "No.")


def test_the_documented_envelope_of_a_vendor(serve: Any, connect: Any) -> None:
    server = serve(
        http({"code": 1102, "message": "resource pack is empty"}),
        http({"code": 429, "message": "slow down"}),
        http({"code": "0", "data": {"task_id": "t"}}),
        http({"data": {"task_id": "t"}}),
    )
    client = connect(server)
    with pytest.raises(api302.EnvelopeError) as caught:
        client.videos.create(prompt="x")
    assert (caught.value.code, caught.value.message) == (1102, "resource pack is empty")
    with pytest.raises(api302.RateLimitError):
        client.videos.create(prompt="x")
    assert client.videos.create(prompt="x").id == "t"  # "0" is 0
    assert client.videos.create(prompt="x").id == "t"  # no field, no failure
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"message": "a", "code": "b", "type": "c"}}, "b", "a"),
        (
            {"error": {"message": "a", "code": None, "type": "overloaded_error"}},
            "overloaded_error",
            "a",
        ),
        ({"error": {"err_code": -1, "message": "中", "message_en": "a"}}, -1, "a"),
        ({"error": {"error_code": -1, "message_cn": "中"}}, -1, "中"),
        ({"code": "InvalidParameter", "message": "a", "request_id": "r"}, "InvalidParameter", "a"),
        ({"error": "a"}, None, "a"),
        ({"base_resp": {"status_code": 1002, "status_msg": "a"}}, 1002, "a"),
        ({"detail": [{"loc": ["body"], "msg": "a"}]}, None, '[{"loc": ["body"], "msg": "a"}]'),
        ({"code": 4, "description": "a"}, 4, "a"),
        ("<html>Bad gateway</html>", None, ""),
        ("upstream gone", None, "upstream gone"),
        ([], None, ""),
        (None, None, ""),
    ],
)
def test_every_envelope_is_understood(body: Any, code: Any, message: str) -> None:
    assert errors.explain(body) == (code, message)


def test_a_failure_without_words(serve: Any, connect: Any) -> None:
    server = serve(
        http("<html>", "502 Bad Gateway", "text/html"),
        http("", "301 Moved", location="https://other/"),
    )
    client = connect(server, max_retries=0)
    with pytest.raises(api302.ServerError, match="Bad Gateway"):
        post(client)
    with pytest.raises(api302.ApiError, match="redirects to 'https://other/'"):
        post(client)


def test_the_tree() -> None:
    assert issubclass(api302.ConnectionError, builtins.ConnectionError)
    for name in ("TimeoutError", "TaskTimeout"):
        assert issubclass(getattr(api302, name), builtins.TimeoutError)
    assert issubclass(api302.TimeoutError, api302.ConnectionError)
    assert issubclass(api302.NoChannelError, api302.ServerError)
    tree = import_module("api302._errors").__doc__ or ""
    for name in [
        name
        for name in api302.__all__
        if name.endswith("Error") or name in ("InvalidArgument", "TaskFailed", "TaskTimeout")
    ]:
        assert issubclass(getattr(api302, name), api302.Api302Error)
        assert f" {name} " in tree.replace("\n", " "), f"{name} is not drawn in the tree"
        error = getattr(api302, name)("text")
        assert (
            type(pickle.loads(pickle.dumps(error))),
            pickle.loads(pickle.dumps(error)).args,
        ) == (type(error), ("text",))


# --- retries: through sockets ---------------------------------------------------------------------


def cut(connection: socket.socket, _: Any) -> None:
    """The start of a response, and the end of the connection."""
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":')
    connection.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("step", "posts", "gets"),
    [
        pytest.param(silent, 1, 3, id="read timeout"),
        pytest.param(reset, 1, 3, id="reset"),
        pytest.param(lambda connection, _: connection.close(), 1, 3, id="closed without a word"),
        pytest.param(http({}, "500 x"), 1, 3, id="500"),
        pytest.param(http({}, "503 x"), 1, 3, id="503"),
        pytest.param(http({}, "429 x"), 3, 3, id="429"),
        pytest.param(http(envelope(-10008), "503 x"), 3, 3, id="no channel"),
        pytest.param(http(envelope(-10008)), 3, 3, id="no channel in a good reply"),
        pytest.param(http(envelope(-10004), "429 x"), 1, 1, id="no balance"),
        pytest.param(http({}, "400 x"), 1, 1, id="400"),
        pytest.param(http({}, "404 x"), 1, 1, id="404"),
        pytest.param(http({}, "429 x", retry_after="61"), 1, 1, id="too long a pause"),
        pytest.param(cut, 1, 3, id="cut reply"),
    ],
)
def test_what_is_made_again(step: Any, posts: int, gets: int, serve: Any, connect: Any) -> None:
    patient = httpx2.Timeout(PATIENCE, read=0.3 if step is silent else PATIENCE)
    for call, times in ((post, posts), (get, gets)):
        server = serve(step, forever=True)
        with pytest.raises(api302.Api302Error):
            call(connect(server, timeout=patient))
        until(lambda: len(server.requests) >= times, "they are received")  # noqa: B023
        assert len(server.requests) == times


@pytest.mark.usefixtures("quick")
def test_a_refused_connection_is_tried_again(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "api302")
    server = serve()
    server.url = f"http://127.0.0.1:{reserved_port()}"
    with pytest.raises(api302.ConnectionError) as caught:
        post(connect(server))
    assert not caught.value.sent
    assert [
        record.message.partition(";")[0] for record in caplog.records if record.name == "api302"
    ] == ["POST /v1/chat/completions: ConnectionError"] * 2


@pytest.mark.usefixtures("network")
@pytest.mark.usefixtures("quick")
def test_it_helps(serve: Any, connect: Any) -> None:
    server = serve(http({}, "429 x", retry_after_ms="10"), http(envelope(-10008), "503 x"), OK)
    assert post(connect(server)).id == "c-1"
    assert [request.json for request in server.requests] == [{"model": "small", "messages": []}] * 3

    async def main() -> None:
        async with api302.AsyncClient(
            api_key=KEY, base_url=serve(http({}, "500 x"), http({"code": 0}), http({}, "500 x")).url
        ) as client:
            assert (await get(client)).code == 0
            with pytest.raises(api302.ServerError):
                await post(client)

    asyncio.run(main())


def test_a_timeout(serve: Any, connect: Any) -> None:
    with pytest.raises(api302.TimeoutError, match="may have been accepted") as caught:
        post(connect(serve(silent)), timeout=httpx2.Timeout(PATIENCE, read=0.1))
    assert caught.value.sent
    assert isinstance(caught.value, builtins.TimeoutError)


def test_timeouts_by_default(connect: Any, serve: Any) -> None:
    transport = Lazy("api302._http.transport")
    assert transport.timeouts(600.0) == (5.0, 600.0, 600.0, 600.0)
    assert transport.timeouts(float("inf")) == (5.0, None, None, None)
    assert connect(serve())._client.settings.timeout == 600


# --- retries: the decision alone ------------------------------------------------------------------


def test_retry_after() -> None:
    now = 1_700_000_000.0
    date = email.utils.formatdate(now + 30, usegmt=True)
    for headers, seconds in (
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": date}, 30),
        ({"retry-after": email.utils.formatdate(now - 30, usegmt=True)}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ):
        assert retry.retry_after(headers, now=lambda: now) == seconds, headers


def test_delay() -> None:
    limited = api302.RateLimitError("x", retry_after=30.0)
    assert retry.delay(limited, "POST", 0, 2, chance=lambda: 1.0) == 30.1
    assert retry.delay(limited, "POST", 2, 2) is None
    assert retry.delay(api302.RateLimitError("x", retry_after=61.0), "POST", 0, 2) is None
    pauses = [retry.backoff(attempt, chance=lambda: 0.0) for attempt in range(7)]
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8]
    assert retry.backoff(1, chance=lambda: 1.0) == 0.75
    assert retry.backoff(10_000) <= 8


# --- redirects ------------------------------------------------------------------------------------


def test_redirects_of_a_get(serve: Any, connect: Any) -> None:
    other = serve(http({"code": 0}))
    server = serve(
        http("", "307 x", location="/elsewhere?a=1"),
        http("", "302 x", location=f"{other.url}/there"),
    )
    client = connect(server, headers={"x-team": "secret"})
    assert get(client).code == 0
    assert [request.headers.get("authorization") for request in server.requests] == [
        f"Bearer {KEY}"
    ] * 2
    assert server.requests[1].target == "/elsewhere?a=1"
    foreign = other.requests[0]
    assert "authorization" not in foreign.headers
    assert "x-team" not in foreign.headers
    assert KEY not in str(foreign)


def test_back_home_the_key_stays_hidden(serve: Any, connect: Any) -> None:
    server = serve()
    other = serve(http("", "302 x", location=f"{server.url}/back"))
    server.steps += [http("", "302 x", location=f"{other.url}/there"), http({"code": 0})]
    assert get(connect(server)).code == 0
    assert "authorization" not in server.requests[1].headers


@pytest.mark.parametrize(
    "target", ["/again", "file:///etc/passwd", "http://[", "http://127.0.0.1:99999/"]
)
def test_redirects_that_lead_nowhere(target: str, serve: Any, connect: Any) -> None:
    server = serve(http("", "302 x", location=target), forever=True)
    with pytest.raises(api302.Api302Error, match="redirected"):
        get(connect(server))
    assert len(server.requests) <= 11


def test_a_post_is_not_redirected(serve: Any, connect: Any) -> None:
    server: Server = serve(http("", "308 x", location="/again"))
    with pytest.raises(api302.ApiError, match="base_url"):
        post(connect(server))
    assert len(server.requests) == 1


def test_plain_http_after_https_is_another_place() -> None:
    same = Lazy("api302._calls.exchange").same_place
    assert same("https://a.b", "https://a.b:443/x")
    assert not same("https://a.b", "http://a.b/x")
    assert not same("https://a.b", "https://a.b.evil/x")
    assert not same("https://a.b", "https://a.b@evil/x")
    assert not same("https://a.b", "https://a.b:444/x")


def _shown(error: BaseException) -> str:
    """What an error tracker keeps: local variables of our frames and the libraries'."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    lines: list[str] = []
    while found:
        lines += [
            f"{found}",
            *(
                f"{name} = {value}"
                for frame in found.stack
                if frame.filename != __file__
                for name, value in (frame.locals or {}).items()
            ),
        ]
        found = found.__cause__ or found.__context__
    return "\n".join(lines)


@pytest.mark.parametrize(
    "step",
    [
        http({}, "500 x"),
        http("<x>"),
        lambda connection, _: connection.close(),
        silent,
    ],
)
def test_no_local_variable_shows_the_key(step: Any, serve: Any, connect: Any) -> None:
    client = connect(serve(step, forever=True), max_retries=0, timeout=0.3)
    calls = [
        lambda: post(client),
        lambda: client.request("GET", "/x"),
        lambda: post(client.with_options(base_url="http://127.0.0.1:1")),
    ]
    for make in calls:
        with pytest.raises(api302.Api302Error) as caught:
            make()
        shown = _shown(caught.value)
        assert (
            "kwargs = " in shown
            or "headers = " in shown
            or isinstance(caught.value, api302.ApiError)
        )
        assert KEY not in shown


def test_what_a_service_says_is_cut_to_a_size_and_can_be_printed(serve: Any, connect: Any) -> None:
    client = connect(
        serve(
            http({"error": {"message": "x" * 10**6}}, "400 x"),
            http(b'{"message": "\\ud800"}', "400 x"),
        )
    )
    with pytest.raises(api302.BadRequestError) as caught:
        post(client)
    assert len(str(caught.value)) < 3000
    assert len(caught.value.content) > 10**6
    with pytest.raises(api302.BadRequestError) as caught:
        post(client)
    assert str(caught.value).encode()


def test_no_connection_names_the_host() -> None:
    with pytest.raises(api302.ConnectionError, match=r"no connection to http://127\.0\.0\.1:1/ \("):
        post(api302.Client(api_key=KEY, base_url="http://127.0.0.1:1", max_retries=0))


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
def test_no_connection_has_a_reason_where_calls_are_awaited_too(transport: str) -> None:
    if transport == "aiohttp":
        pytest.importorskip("httpx_aiohttp")

    async def job() -> None:
        url = "http://127.0.0.1:1"
        async with api302.AsyncClient(
            api_key=KEY, base_url=url, max_retries=0, transport=transport
        ) as client:
            await client.request("GET", "/any")

    reason = r"no connection to http://127\.0\.0\.1:1/ \(\w.{10,}\)"
    with pytest.raises(api302.ConnectionError, match=reason):
        asyncio.run(job())
