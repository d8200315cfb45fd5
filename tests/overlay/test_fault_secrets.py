"""Fault 20: the API key is in no error, no recording, no log, no frame, no pickle."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from support import api302, chunk, events, head, http

KEY = 'sk-0123"456/7\\8-' + "abcdefgh" * 20
"""Long, since some cut long texts; with characters that JSON and URLs write otherwise."""
SPELLED = {
    "plain": KEY,
    "JSON": json.dumps(KEY)[1:-1],
    "JSON with escaped slashes": json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "JSON, all escaped": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "JSON, all escaped, capital": "".join(f"\\u{ord(c):04X}" for c in KEY),
    "JSON, half escaped": KEY[:6] + "".join(f"\\u{ord(c):04x}" for c in KEY[6:]),
    "JSON within JSON": json.dumps(json.dumps(KEY)[1:-1])[1:-1],
    "percent": quote(KEY, safe=""),
    "percent, small": quote(KEY, safe="").replace("%2F", "%2f").replace("%5C", "%5c"),
    "percent twice": quote(quote(KEY, safe=""), safe=""),
}
SECRET_PART = "abcdefgh" * 20


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def frames(error: BaseException) -> str:
    """What an error tracker keeps: local variables of all frames but the test's own."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    lines: list[str] = []
    seen: set[int] = set()
    while found and id(found) not in seen:
        seen.add(id(found))
        lines.append(str(found))
        for frame in found.stack:
            if frame.filename != __file__:
                lines += [f"{name} = {value}" for name, value in (frame.locals or {}).items()]
        found = found.__cause__ or found.__context__
    return "\n".join(lines)


def rich_frames(error: BaseException) -> str:
    """The same as rich shows it, which cuts long texts."""
    from rich.console import Console
    from rich.traceback import Traceback

    shown = io.StringIO()
    trace = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, suppress=[__file__]
    )
    for stack in trace.trace.stacks:
        stack.frames = [frame for frame in stack.frames if frame.filename != __file__]
    Console(file=shown, width=200).print(trace)
    return shown.getvalue()


def everything(error: BaseException, in_frames: bool = True) -> str:
    """All that an error shows, keeps and drags along."""
    texts = [str(error), repr(error), repr(error.args), frames(error) if in_frames else ""]
    link: BaseException | None = error
    while link is not None:
        texts += [f"{name}={value!r}" for name, value in vars(link).items()]
        link = link.__cause__ or link.__context__
    try:
        again = pickle.dumps(error)
        texts += [again.decode("latin-1"), repr(vars(pickle.loads(again)))]
    except (TypeError, pickle.PicklingError):
        texts.append("not pickled")
    return "\n".join(texts)


def assert_hidden(text: str) -> None:
    assert KEY not in text
    for spelled in SPELLED.values():
        assert spelled not in text
    place = text.find(SECRET_PART[:16])
    assert place < 0, text[max(place - 300, 0) : place + 80]


def raised(make: Callable[[], Any]) -> BaseException:
    with pytest.raises(api302.Api302Error) as caught:
        make()
    return caught.value


@pytest.fixture
def connect_with(connect: Any) -> Any:
    return lambda server, **more: connect(server, max_retries=0).with_options(api_key=KEY, **more)


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("status", ["200 OK", "401 x", "500 x"])
def test_fault_20_a_response_that_repeats_the_key(
    spelled: str, status: str, serve: Any, connect_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "api302")
    text = SPELLED[spelled] if "JSON" in spelled else json.dumps(SPELLED[spelled])[1:-1]
    body = b'{"error": {"message": "wrong key %s", "code": "%s"}}' % ((text.encode(),) * 2)
    server = serve(http(body, status, x_echo=quote(KEY, safe="")))
    error = raised(lambda: chat(connect_with(server)))
    assert "wrong key [key]" in str(error)
    assert_hidden(everything(error))
    assert_hidden("\n".join(record.getMessage() for record in caplog.records))


KINDS: dict[str, tuple[bytes, Callable[[Any], Any]]] = {
    "DecodeError": (http(f"no JSON: {SPELLED['JSON']} and {quote(KEY, safe='')}"), chat),
    "a page": (http(f"<html>{KEY}", content_type="text/html"), chat),
    "a body that is cut": (
        head("application/json", "connection: close") + b'{"key": "%s", ' % KEY.encode(),
        chat,
    ),
    "a header that is none": (
        b"HTTP/1.1 200 OK\r\nbad header %s\r\n\r\n" % KEY.encode(),
        chat,
    ),
    "a status line that is none": (b"HTTP/9 %s\r\n\r\n" % KEY.encode(), chat),
    "redirects": (
        http("", "302 x", location=f"file:///{quote(KEY, safe='')}"),
        lambda client: client.request("GET", "/x"),
    ),
    "a redirect of a POST": (http("", "308 x", location=f"/{quote(KEY, safe='')}"), chat),
    "a stream that reports an error": (
        http(
            events({"id": KEY, "choices": []}, {"error": {"message": f"no {KEY}"}}),
            content_type="text/event-stream",
        ),
        lambda client: list(client.chat.completions.stream(model="small", messages=[])),
    ),
    "a stream that is cut": (
        http(
            events({"id": "c", "choices": [{"index": 0, "delta": {"content": KEY}}]}, done=False),
            content_type="text/event-stream",
        ),
        lambda client: client.chat.completions.stream(model="small", messages=[]).final(),
    ),
    "a stream's event that is no JSON": (
        http(b"data: {%s\n\n" % KEY.encode(), content_type="text/event-stream"),
        lambda client: list(client.chat.completions.stream(model="small", messages=[])),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_fault_20_by_kind_of_error(kind: str, serve: Any, connect_with: Any) -> None:
    step, make = KINDS[kind]
    error = raised(lambda: make(connect_with(serve(step))))
    # The frames that read a stream hold what was received.
    assert_hidden(everything(error, in_frames="stream" not in kind))


def test_fault_20_a_task_that_failed(serve: Any, connect_with: Any) -> None:
    submitted = http({"code": 0, "data": {"task_id": "t"}})
    failed = {"task_id": "t", "task_status": "failed", "task_status_msg": f"no {KEY}"}
    client = connect_with(serve(submitted, http({"code": 0, "data": failed, "k": KEY})))
    task = client.videos.create(prompt="x")
    error = raised(lambda: task.wait(interval=0, timeout=50))
    assert type(error).__name__ == "TaskFailed"
    assert_hidden(everything(error, in_frames=False))
    assert_hidden(repr(error.status.response.to_dict()))  # type: ignore[attr-defined]


def test_fault_20_no_connection(connect_with: Any, serve: Any) -> None:
    server = serve()
    server.url = "http://127.0.0.1:1"
    error = raised(lambda: chat(connect_with(server)))
    assert_hidden(everything(error))
    assert_hidden(rich_frames(error))


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": 0},
        {"max_retries": -1},
        {"base_url": "nothing"},
        {"http_client": object()},
        {"headers": {"x": "a\nb"}},
        {"headers": {"mj-api-secret": f"{KEY}\n"}},
        {"headers": ["x"]},
        {"proxy": f"nothing:{KEY}"},
        {"api_key": f"{KEY}\n"},
        {"api_key": f"{KEY} "},
        {"base_url": f"https://user:{quote(KEY, safe='')}@host"},
        {"base_url": f"ftp://user:{quote(KEY, safe='')}@host"},
        {"base_url": f"http://user:{SECRET_PART}@[::"},
    ],
)
@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
def test_fault_20_arguments_of_the_constructor(name: str, arguments: Any) -> None:
    error = raised(lambda: getattr(api302, name)(**{"api_key": KEY, **arguments}))
    assert_hidden(everything(error))
    if "timeout" in arguments or "proxy" in arguments:
        assert_hidden(rich_frames(error))
    client = getattr(api302, name)(api_key="sk-other-0123456789")
    if set(arguments) <= {"timeout", "max_retries", "base_url", "headers", "api_key"}:
        assert_hidden(
            everything(raised(lambda: client.with_options(**{"api_key": KEY, **arguments})))
        )


def test_fault_20_the_credentials_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in (f"nope://user:{SECRET_PART}@host:1", f"http://user:{SECRET_PART}@127.0.0.1:1"):
        with api302.Client(api_key="sk-0123456789", proxy=proxy, max_retries=0) as client:
            assert_hidden(everything(raised(lambda: chat(client))))
            assert_hidden(repr(client) + repr(vars(client)))
    monkeypatch.setenv("HTTPS_PROXY", f"nope://user:{SECRET_PART}@host:1")
    with api302.Client(api_key="sk-0123456789", max_retries=0) as client:
        assert_hidden(everything(raised(lambda: chat(client))))


def test_fault_20_a_request_that_cannot_be_built(connect_with: Any, serve: Any) -> None:
    client = connect_with(serve(http({})), headers={"mj-api-secret": KEY, "x-api-key": KEY})
    assert_hidden(everything(raised(lambda: chat(client, extra_body={"x": object()}))))
    assert_hidden(everything(raised(lambda: client.request("GET", "/x", headers={"a": "\n"}))))


def test_fault_20_a_connection_that_breaks_while_it_is_written_to(
    connect_with: Any, serve: Any
) -> None:
    def hang_up(connection: Any, _: Any) -> None:
        from support import reset

        reset(connection)

    client = connect_with(serve(hang_up, forever=True), headers={"mj-api-secret": KEY})
    for _ in range(3):
        assert_hidden(
            everything(raised(lambda: client.request("POST", "/x", data=b"x" * (8 << 20))))
        )


def test_fault_20_a_secret_does_not_show() -> None:
    from rich.pretty import pretty_repr

    secret = api302._secret.Secret(KEY)
    assert secret == KEY
    assert f"{secret}" == KEY
    for shown in (
        repr(secret),
        repr(secret[:30]),
        repr([secret]),
        repr({"a": secret}),
        pretty_repr(secret, max_string=20),
        pretty_repr({"a": secret}, max_string=20),
        pickle.dumps(secret).decode("latin-1"),
    ):
        assert "0123" not in shown
    assert copy.deepcopy(secret) == KEY


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *[(name, True) for name in ("refresh_token", "client_secret", "x-api-key", "apiKey")],
        *[(name, True) for name in ("Authorization", "mj-api-secret", "PASSWORD", "accessToken")],
        *[(name, True) for name in ("set-cookie", "user_session", "api_keys", "X-Goog-Signature")],
        *[(name, False) for name in ("keyword", "tokenizer", "model", "prompt", "content-type")],
    ],
)
def test_fault_20_names_of_secrets(name: str, is_secret: bool) -> None:
    assert api302._secret.is_secret_name(name) == is_secret


def test_fault_20_recordings(serve: Any, connect: Any, tmp_path: Any) -> None:
    answers = {
        "refresh_token": "abc",
        "client_secret": "def",
        "nested": [{"x-api-key": "ghi", "note": f"key {KEY}", "url": "https://u:pw@host/x"}],
        "usage": {"total_tokens": 3},
    }
    texts = http(f"your key is {KEY}", content_type="text/plain")
    server = serve(http(answers), texts, http({"id": KEY}))
    client = connect(server)
    with api302.testing.record(client, tmp_path):
        other = client.with_options(api_key=KEY)
        other.request(
            "GET", f"/keys/{quote(KEY, safe='')}", query={"access_token": "jkl", "q": KEY}
        )
        other.request("POST", "/x", json={"password": "mno", "say": KEY}, headers={"lang": KEY})
        other.request("POST", "/x", data={KEY: "1"})
    text = "\n".join(one.read_text() for one in sorted(tmp_path.iterdir()))
    for secret in ("abc", "def", "ghi", "jkl", "mno", "u:pw@", KEY, json.dumps(KEY)[1:-1]):
        assert f'"{secret}"' not in text
        assert secret not in text or len(secret) == 3
    assert_hidden(text)
    assert '"total_tokens": 3' in text


def test_fault_20_keys_of_short_length_do_not_mangle_texts(serve: Any) -> None:
    server = serve(http({"error": {"message": "key k is wrong"}}, "401 x"))
    with (
        api302.Client(api_key="k", base_url=server.url) as client,
        pytest.raises(api302.AuthenticationError, match="key k is wrong"),
    ):
        chat(client)


def test_fault_20_encoded_in_a_cut_chunk(serve: Any, connect_with: Any) -> None:
    start = head("application/json", "transfer-encoding: chunked")

    def step(connection: Any, _: Any) -> None:
        connection.sendall(start + chunk(b'{"a": "' + KEY.encode() + b'"') + b"zz\r\n")
        connection.close()

    server = serve(step)
    error = raised(lambda: chat(connect_with(server)))
    assert_hidden(everything(error))
    assert base64.b64encode(KEY.encode()).decode() not in everything(error)


# --- what the libraries log -----------------------------------------------------------------------

SIGNATURE = "c2lnbmVkIHVybA" * 3
ECHO = http({}, x_echo=KEY, set_cookie=f"session={SIGNATURE}")
QUERY = {"apiKey": KEY, "X-Amz-Signature": SIGNATURE}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that every logger was given, at every level, with the arguments of the records."""
    return "\n".join(f"{one.getMessage()} {one.msg!r} {one.args!r}" for one in caplog.records)


def assert_logged(caplog: pytest.LogCaptureFixture, *libraries: str) -> None:
    text = logged(caplog)
    assert_hidden(text)
    assert SIGNATURE not in text
    assert {*libraries} <= {one.name for one in caplog.records}, "else this proves nothing"


def test_fault_20_no_library_logs_a_secret(
    serve: Any, connect_with: Any, transport: str, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """httpx2 logs whole URLs at INFO, and httpcore2 the headers of responses at DEBUG."""
    caplog.set_level(logging.DEBUG)
    moved = http("", "302 x", location=f"/f?sig={SIGNATURE}", x_echo=KEY)
    broken = b"HTTP/1.1 200 OK\r\nx-echo %s\r\n\r\n" % KEY.encode()
    streamed = head("text/event-stream", f"x-echo: {quote(KEY)}") + events({"choices": []})
    server = serve(ECHO, moved, ECHO, ECHO, broken, streamed)
    client = connect_with(server)
    client.request("GET", "/mcp/v1/tool/api-key", query=QUERY)
    client.request("GET", f"/keys/{quote(KEY, safe='')}/x")
    client.download(f"{server.url}/f?X-Amz-Signature={SIGNATURE}#{SIGNATURE}", tmp_path)
    raised(lambda: chat(client))
    list(client.chat.completions.stream(model="small", messages=[]))
    version = "" if transport == "httpx" else "2"
    assert_logged(caplog, f"httpx{version}", f"httpcore{'' if version == '' else 2}.http11")
    assert "GET http://127.0.0.1" in logged(caplog), "the URL itself is of use"


@pytest.mark.parametrize("over", ["httpx2", "aiohttp"])
def test_fault_20_no_library_of_an_async_client_logs_a_secret(
    over: str, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    streamed = head("text/event-stream", f"x-echo: {quote(KEY)}") + events({"choices": []})
    server = serve(ECHO, streamed)

    async def main() -> None:
        settings = {"api_key": KEY, "base_url": server.url, "transport": over}
        async with api302.AsyncClient(**settings) as client:
            await client.request("GET", "/mcp/v1/tool/api-key", query=QUERY)
            async for _ in client.chat.completions.stream(model="small", messages=[]):
                pass

    asyncio.run(main(), debug=True)
    assert_logged(caplog, "api302", *(["httpx2", "httpcore2.http11"] if over == "httpx2" else []))


def test_fault_20_what_a_program_sends_itself_is_logged_as_ever(
    serve: Any, connect_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = serve(http({}), forever=True)
    connect_with(server).request("GET", "/x", query={"a": "1"})
    httpx2.get(f"{server.url}/y?b=2")
    texts = [one.getMessage() for one in caplog.records if one.name == "httpx2"]
    assert f"{server.url}/y?b=2" in texts[-1]
