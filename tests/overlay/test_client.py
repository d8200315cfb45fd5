"""Making a client and making a call."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import re
import subprocess
import sys
import threading
from typing import Any

import pytest
from support import KEY, api302, environment, http

MESSAGES: Any = [{"role": "user", "content": "你好"}]
REPLY = {
    "id": "c-1",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "你好"}, "finish_reason": "stop"}
    ],
    "new": {"a": 1},
}


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=MESSAGES, **more)


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "api_key: is missing; set the environment variable AI302_API_KEY"),
        ({"api_key": ""}, "api_key: is missing"),
        ({"api_key": f"{KEY}\n"}, "api_key: has a line break"),
        ({"api_key": f"Bearer {KEY}"}, "api_key: has a line break, a space"),
        ({"api_key": f"{KEY}é"}, "outside ASCII"),
        (
            {"api_key": KEY, "base_url": "api.302.ai"},
            "base_url: 'api.302.ai' must start with https://",
        ),
        ({"api_key": KEY, "base_url": "https://"}, "base_url"),
        ({"api_key": KEY, "base_url": "https://api.302.ai:x"}, "base_url"),
        ({"api_key": KEY, "base_url": "https://api.302.ai/v1/"}, "base_url: leave /v1 out"),
        ({"api_key": KEY, "base_url": "https://u:p@api.302.ai"}, "base_url: must be scheme, host"),
        ({"api_key": KEY, "timeout": 0}, "timeout: must be seconds above 0"),
        ({"api_key": KEY, "timeout": "10"}, "timeout"),
        ({"api_key": KEY, "max_retries": -1}, "max_retries"),
        ({"api_key": KEY, "proxy": "localhost:3128"}, "proxy: must be a URL with its scheme"),
        ({"api_key": KEY, "headers": {"x-a": "1\r\nx-b: 2"}}, "header x-a: has a line break"),
    ],
)
def test_bad_settings(client: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(api302.InvalidArgument) as caught:
        getattr(api302, client)(**arguments)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_the_environment_is_read_when_a_client_is_made(
    monkeypatch: pytest.MonkeyPatch, serve: Any
) -> None:
    server = serve(http(REPLY))
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", server.url + "/")
    with api302.Client() as client:
        chat(client)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="key"):
        api302.Client(key=KEY)


def test_a_client_is_cheap(packages: list[str]) -> None:
    code = """
import logging  # brings dataclasses from Python 3.14 on
import sys
before = set(sys.modules)
import api302
client = api302.Client(api_key="k")
client.videos.acme, client.chat.completions, client.with_options(timeout=3)
for name in ("httpx", "httpx2", "attrs", "attr", "jmespath", "asyncio", "anyio", "dataclasses"):
    assert name in before or name not in sys.modules, name
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(packages))


def test_every_public_name_is_there(packages: list[str]) -> None:
    for name in api302.__all__:
        assert getattr(api302, name) is not None
    assert set(api302.__all__) < set(dir(__import__("api302")))
    with pytest.raises(AttributeError, match="nothing"):
        _ = api302.nothing


def test_httpx_is_imported_by_the_network_alone(packages: list[str]) -> None:
    from pathlib import Path

    files = Path(packages[1], "api302").rglob("*.py")
    importing = [
        file.name for file in files if re.search(r"^\s*(import|from) httpx", file.read_text(), re.M)
    ]
    assert sorted(importing) == ["aiohttp.py", "transport.py"]


# --- the key --------------------------------------------------------------------------------------


def test_the_key_is_nowhere_to_be_seen(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(
        http({"error": {"message": f"wrong key {KEY}"}}, "401 Unauthorized", x_echo=KEY),
        http(f"not JSON, {KEY}"),
    )
    client = connect(server)
    shown = [repr(client), str(client), repr(client.chat), repr(client._client), repr(vars(client))]
    for error_class in (api302.AuthenticationError, api302.DecodeError):
        with pytest.raises(error_class) as caught:
            chat(client)
        error = caught.value
        shown += [
            str(error),
            repr(error),
            repr(vars(error)),
            repr(pickle.dumps({k: v for k, v in vars(error).items() if k != "headers"})),
        ]
        shown.append(repr(pickle.loads(pickle.dumps(error))))
    # What the server itself repeats (here in x-echo) is the transport's to log; of what we send,
    # nothing.
    shown += [
        record.getMessage()
        for record in caplog.records
        if "x-echo" not in record.getMessage().lower()
    ]
    assert not [text for text in shown if KEY in text]
    for secret in (client, copy.copy(client)):
        with pytest.raises(TypeError, match="holds the API key"):
            pickle.dumps(secret)


# --- calls ----------------------------------------------------------------------------------------


def test_a_call(serve: Any, connect: Any, transport: str) -> None:
    server = serve(http(REPLY))
    reply = chat(
        connect(server, headers={"X-Team": "a"}),
        temperature=0.5,
        web_search=True,
        extra_body={"new": None, "model": "other"},
        extra_query={"q": "ü"},
        extra_headers={"Lang": "en"},
    )
    request = server.requests[0]
    assert request.json == {
        "model": "other",
        "messages": MESSAGES,
        "temperature": 0.5,
        "web-search": True,
        "new": None,
    }
    assert request.target == "/v1/chat/completions?q=%C3%BC"
    assert (request.headers["lang"], request.headers["x-team"]) == ("en", "a")
    assert request.headers["user-agent"].startswith("api302/") == (transport == "httpx2")
    assert reply.choices[0].message.content == "你好"
    assert reply.request_id == "req-1"
    assert reply["new"] == {"a": 1}


def test_names_of_our_own_give_way(serve: Any, connect: Any) -> None:
    server = serve(http(b"sound", content_type="audio/mpeg"))
    reply = connect(server).audio.acme.speech(
        input="hello", from_="en", timeout_=3, timeout=30, accept="audio/mpeg"
    )
    assert reply.content == b"sound"
    assert server.requests[0].json == {"input": "hello", "from": "en", "timeout": 3}
    assert server.requests[0].headers["accept"] == "audio/mpeg"


def test_an_unknown_keyword_is_refused_by_name(connect: Any, serve: Any) -> None:
    with pytest.raises(TypeError, match="temprature"):
        chat(connect(serve()), temprature=1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"when": [object()]}, r"when\[0\]: cannot be sent as JSON; it is of the type object"),
        ({"n": float("nan")}, "n: cannot be sent as JSON"),
    ],
)
def test_what_is_no_json_is_refused_by_name(body: Any, said: str, connect: Any, serve: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        chat(connect(serve()), extra_body=body)


def test_a_reply_that_contradicts_the_description_is_not_lost(serve: Any, connect: Any) -> None:
    server = serve(
        http({"id": 7, "choices": {"x": 1}, "usage": "none"}),
        http("half of {", content_type="application/json"),
        http("plain", content_type="text/plain"),
    )
    client = connect(server)
    reply = chat(client)
    assert (reply.id, reply.choices, reply["usage"]) == (7, {"x": 1}, "none")
    with pytest.raises(api302.DecodeError) as caught:
        chat(client)
    assert caught.value.content == b"half of {"
    assert caught.value.request_id == "req-1"
    with pytest.raises(api302.DecodeError, match=r"is not JSON .*begin 'plain'") as caught:
        chat(client)
    assert (caught.value.body, caught.value.status_code) == ("plain", 200)


@pytest.mark.usefixtures("kept")
def test_options_share_the_connections(serve: Any, connect: Any) -> None:
    server = serve(*[http(REPLY)] * 4)
    client = connect(server, headers={"x-a": "1"})
    other = client.with_options(timeout=30, max_retries=0, headers={"x-b": "2"}, api_key="sk-other")
    for one in (client, other, client, other.with_options()):
        chat(one)
    assert server.connections == 1
    assert [request.headers.get("x-b") for request in server.requests] == [None, "2", None, "2"]
    assert [request.headers["authorization"] for request in server.requests[:2]] == [
        f"Bearer {KEY}",
        "Bearer sk-other",
    ]
    assert server.requests[1].headers["x-a"] == "1"


def test_namespaces_hold_their_client(serve: Any) -> None:
    completions = api302.Client(api_key=KEY, base_url=serve(http(REPLY)).url).chat.completions
    assert completions.create(model="small", messages=MESSAGES).id == "c-1"
    asyncio.run(api302.AsyncClient(api_key=KEY).close())
    completions._client.io._http.close()


def test_raw_reply(serve: Any, connect: Any) -> None:
    server = serve(
        http(REPLY),
        http({"error": {}}, "404 Not Found"),
        http({"code": 0, "data": {"task_id": "t"}}),
    )
    client = connect(server)
    raw = client.with_raw_response(client.chat.completions.create)(model="small", messages=MESSAGES)
    assert raw.parsed.id == "c-1"
    assert (raw.status_code, raw.request_id, json.loads(raw.content)) == (200, "req-1", REPLY)
    with pytest.raises(api302.NotFoundError):
        client.with_raw_response(client.chat.completions.create)(model="small", messages=MESSAGES)
    assert client.with_raw_response(client.videos.create)(prompt="x").parsed.id == "t"
    with pytest.raises(api302.InvalidArgument, match="a stream has `headers`"):
        client.with_raw_response(client.chat.completions.stream)(model="small", messages=MESSAGES)


def test_a_call_that_is_not_described(serve: Any, connect: Any) -> None:
    server = serve(
        http({"a": [1]}),
        http(b"\x89PNG", content_type="image/png"),
        http("", "204 No Content"),
        http({"error": {"err_code": -10010}}, "404 Not Found"),
    )
    client = connect(server)
    reply = client.request(
        "get", "/new/thing", query={"n": 1, "none": None, "yes": True}, headers={"x-a": "1"}
    )
    assert (reply.parsed, reply.status_code, reply.headers["content-type"]) == (
        {"a": [1]},
        200,
        "application/json",
    )
    assert server.requests[0].target == "/new/thing?n=1&yes=true"
    assert client.request("POST", "/new", json={"a": 1}, timeout=30).parsed.content == b"\x89PNG"
    assert client.request("DELETE", "/new").parsed is None
    with pytest.raises(api302.NotFoundError):
        client.request("POST", "/new", data={"a": "1"})
    assert server.requests[3].body == b"a=1"
    with pytest.raises(api302.InvalidArgument, match="path: must start with a slash"):
        client.request("GET", "https://evil.example/")


def test_pages(serve: Any, connect: Any) -> None:
    def page(*names: str) -> bytes:
        return http({"data": {"list": [{"name": name} for name in names]}})

    server = serve(page("a", "b"), page("c"), page(), page("d"), page())
    client = connect(server)
    assert [thing.name for thing in client.tools.extra.iter_things(limit=2)] == ["a", "b", "c"]
    assert [request.target for request in server.requests] == [
        f"/extra/things?page={page}&limit=2" for page in (1, 2, 3)
    ]
    assert next(iter(client.tools.extra.iter_things(extra_query={"page": 7}))).name == "d"
    assert server.requests[3].target == "/extra/things?page=7"


def test_cost(serve: Any, connect: Any) -> None:
    record = http({"data": {"cost": "0.25", "input_token": 3, "output_token": 4, "model": "small"}})
    server = serve(http(REPLY), record, record, record, record)
    client = connect(server)
    reply = chat(client)
    cost = client.cost(reply)
    assert (cost.amount, cost.input_tokens, cost.output_tokens, cost.model) == (0.25, 3, 4, "small")
    assert client.cost("req-2").amount == 0.25
    assert client.cost({"ai302_cost_request_ids": ["a", "b"]}).amount == 0.5
    assert [request.path for request in server.requests[1:]] == [
        f"/dashboard/record/{one}" for one in ("req-1", "req-2", "a", "b")
    ]
    with pytest.raises(api302.InvalidArgument, match="response: has no request id"):
        client.cost(object())


def test_many_threads(serve: Any, connect: Any) -> None:
    server = serve(http(REPLY), forever=True)
    client = connect(server)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(chat(client).id for _ in range(10)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["c-1"] * 80


def test_a_closed_client_says_so(serve: Any) -> None:
    with api302.Client(api_key=KEY, base_url=serve(http(REPLY)).url) as client:
        chat(client)
    with pytest.raises(api302.Api302Error, match="the client is closed"):
        chat(client)


def test_a_client_that_nobody_closes_lets_go_by_itself(serve: Any) -> None:
    import gc

    server = serve(http(REPLY))
    client = api302.Client(api_key=KEY, base_url=server.url)
    completions = client.chat.completions
    assert chat(client).id == "c-1"
    transport = client._client.io._http
    del client
    gc.collect()
    assert not transport.is_closed  # the namespace still has it
    del completions
    gc.collect()
    assert transport.is_closed


def library(name: str) -> Any:
    return __import__(name)


class Instrumented:
    """A client within another object, as instrumentation makes it."""

    def __init__(self, client: Any) -> None:
        self._inner = client
        self.sent = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, *args: Any, **kwargs: Any) -> Any:
        self.sent += 1
        return self._inner.send(*args, **kwargs)


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_client_of_the_callers(name: str, serve: Any) -> None:
    server = serve(*[http(REPLY)] * 3)
    with library(name).Client(headers={"x-mine": "1"}, follow_redirects=True) as mine:
        with api302.Client(api_key=KEY, base_url=server.url, http_client=mine) as client:
            chat(client)
        assert not mine.is_closed
        wrapped = Instrumented(mine)
        client = api302.Client(api_key=KEY, base_url=server.url, http_client=wrapped)
        chat(client, timeout=library(name).Timeout(30.0, read=50.0))
        assert wrapped.sent == 1
    assert server.requests[0].headers["x-mine"] == "1"


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_an_async_client_of_the_callers(name: str, serve: Any) -> None:
    server = serve(http(REPLY))

    async def main() -> None:
        async with library(name).AsyncClient() as mine:
            wrapped = Instrumented(mine)
            client = api302.AsyncClient(api_key=KEY, base_url=server.url, http_client=wrapped)
            assert (await chat(client)).id == "c-1"
            await client.close()
            assert (wrapped.sent, mine.is_closed) == (1, False)

    asyncio.run(main())


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_client_that_cannot_be_used_is_refused_by_name(name: str) -> None:
    class Session:
        def send(self) -> None: ...

        def close(self) -> None: ...

    with (
        library(name).Client() as mine,
        pytest.raises(api302.InvalidArgument, match=r"takes an httpx2\.AsyncClient or httpx"),
    ):
        api302.AsyncClient(api_key=KEY, http_client=mine)
    with pytest.raises(api302.InvalidArgument, match="http_client: is closed"):
        api302.Client(api_key=KEY, http_client=mine)
    theirs = library(name).AsyncClient()
    with pytest.raises(api302.InvalidArgument, match=r"takes an httpx2\.Client or httpx"):
        api302.Client(api_key=KEY, http_client=theirs)
    with pytest.raises(api302.InvalidArgument, match=r"not .*\.Session$"):
        api302.Client(api_key=KEY, http_client=Session())


@pytest.mark.usefixtures("network")
def test_the_async_client(serve: Any) -> None:
    server = serve(
        http(REPLY),
        http(REPLY),
        http({"data": {"cost": 1}}),
        http({"a": 1}),
        http({"error": {}}, "404 Not Found"),
        http({"data": {"list": [{"name": "a"}]}}),
        http({}),
    )

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            reply = await chat(client)
            assert reply.choices[0].message.content == "你好"
            raw = await client.with_raw_response(client.chat.completions.create)(
                model="small", messages=MESSAGES
            )
            assert (raw.parsed.id, raw.status_code) == ("c-1", 200)
            assert (await client.cost(reply)).amount == 1
            assert (await client.request("GET", "/x")).parsed == {"a": 1}
            with pytest.raises(api302.NotFoundError):
                await chat(client.with_options(timeout=20))
            assert [thing.name async for thing in client.tools.extra.iter_things()] == ["a"]
            assert "sk-" not in repr(client)
        with pytest.raises(api302.Api302Error, match="closed"):
            await chat(client)

    asyncio.run(main())


def test_inside_a_running_event_loop_the_sync_client_works_too(serve: Any, connect: Any) -> None:
    client = connect(serve(http(REPLY)))

    async def main() -> Any:
        return chat(client)

    assert asyncio.run(main()).id == "c-1"


def test_both_clients_have_the_same_surface() -> None:
    import inspect

    for one, other in (
        (api302.Client, api302.AsyncClient),
        (api302.Stream, api302.AsyncStream),
        (api302.ByteStream, api302.AsyncByteStream),
        (api302.Task, api302.AsyncTask),
        (api302.Output, api302.AsyncOutput),
    ):
        public = [name for name in dir(one) if not name.startswith("_")]
        assert [
            name for name in dir(other) if not name.startswith("_") and name != "aclose"
        ] == public
        for name in public:
            ours = getattr(one, name)
            if inspect.isfunction(ours):
                assert [*inspect.signature(ours).parameters] == [
                    *inspect.signature(getattr(other, name)).parameters
                ], name
                assert ours.__doc__, f"{one.__name__}.{name} has no docstring"
                assert getattr(other, name).__doc__, f"{other.__name__}.{name} has no docstring"


def test_the_last_header_of_a_name_wins_however_it_is_spelt(serve: Any, connect: Any) -> None:
    server = serve(http(REPLY))
    mine = {"X-A": "0"}
    client = connect(server, headers=mine)
    mine["X-B"] = "too late"
    for name in ("x-a", "X-A", "x-a"):
        client = client.with_options(headers={name: f" {name} "})
    chat(client)
    assert server.requests[0].headers["x-a"] == "x-a"
    assert "x-b" not in server.requests[0].headers
    for value in ("a\nb", "a\x01b", "é"):
        with pytest.raises(api302.InvalidArgument, match="header x-a") as caught:
            client.with_options(headers={"x-a": value})
        assert value not in str(caught.value)


def test_a_setting_from_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI302_BASE_URL", "api.302.ai")
    with pytest.raises(
        api302.InvalidArgument, match=r"^AI302_BASE_URL: 'api\.302\.ai' must start with"
    ):
        api302.Client(api_key=KEY)
    monkeypatch.setenv("AI302_API_KEY", "sk-a b")
    with pytest.raises(api302.InvalidArgument, match=r"^AI302_API_KEY: has a line break"):
        api302.Client(base_url="http://x")
    for options in ({"api_key": 1}, {"base_url": b"http://x"}):
        with pytest.raises(api302.InvalidArgument, match=f"{next(iter(options))}: must be text"):
            api302.Client(**{"api_key": KEY, **options})


def test_a_query_in_the_path_is_kept(serve: Any, connect: Any) -> None:
    server = serve(*[http(REPLY)] * 2)
    client = connect(server)
    client.request("GET", "/x?limit=3&empty=")
    client.request("GET", "/x?limit=3", query={"a": 1})
    assert [request.target for request in server.requests] == [
        "/x?limit=3&empty=",
        "/x?limit=3&a=1",
    ]


def test_pages_end_where_the_service_knows_none(serve: Any, connect: Any) -> None:
    server = serve(http({"data": {"list": [{"name": "a"}, {"name": "b"}]}}), forever=True)
    assert [thing.name for thing in connect(server).tools.extra.iter_things()] == ["a", "b"]


def test_the_cost_of_a_call_takes_a_moment_to_show(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api302._features.cost

    monkeypatch.setattr(api302._features.cost, "LATE_RECORDS", (0.0, 0.0))
    missing, empty, found = (
        http({"error": {}}, "404 x"),
        http({"data": {}}),
        http({"data": {"cost": 0.5}}),
    )
    server = serve(missing, empty, found, *[missing] * 3, *[empty] * 3)
    client = connect(server)
    assert client.cost("r-1").amount == 0.5
    for _ in range(2):
        with pytest.raises(api302.NotFoundError):
            client.cost("r-2")
    assert len(server.requests) == 9


@pytest.mark.usefixtures("network")
def test_one_async_client_for_several_event_loops(serve: Any) -> None:
    client = api302.AsyncClient(api_key=KEY, base_url=serve(http(REPLY), forever=True).url)

    async def main() -> None:
        assert (await chat(client)).id == "c-1"
        await (
            client._client.io.close()
        )  # or else its connections, without their loop, warn when they are collected

    asyncio.run(main())
    asyncio.run(main())


@pytest.mark.parametrize(
    ("variable", "proxy", "said"),
    [
        ("", "ftp://x:1", "^proxy: .*ftp"),
        ("", "socks5://127.0.0.1:1", "^proxy: .*socks"),
        ("HTTP_PROXY", "socks4://x:1", "^HTTP_PROXY.*socks4"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    variable: str, proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, proxy)
    with pytest.raises(api302.InvalidArgument, match=said):
        chat(
            api302.Client(
                api_key=KEY, base_url="http://some.example", proxy=None if variable else proxy
            )
        )


def test_what_is_required_cannot_be_none(serve: Any, connect: Any) -> None:
    server = serve()
    client = connect(server)
    with pytest.raises(api302.InvalidArgument, match="messages: is required, and was None"):
        client.chat.completions.create(model="small", messages=None)
    with pytest.raises(api302.InvalidArgument, match="prompt: is empty"):
        client.videos.acme.text_to_video(prompt="  ")
    assert server.requests == []
