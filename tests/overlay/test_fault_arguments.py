"""Arguments and surroundings: faults 24 and 25."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from support import KEY, api302, http, silent

RESPONSE = http({"id": "c-1"})


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


# --- 24: NO_PROXY ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "excluded",
    [
        "[::1]",
        "::1",
        "[fe80::]/10",
        "fe80::/10",
        "2001:db8::/32",
        "bücher.example",
        "xn--bcher-kva.example",
        "*.internal,10.0.0.0/8",
        "127.0.0.1/8",
        "nonsense[",
        ":::",
        "*",
        " , ,",
        "host:8080",
    ],
)
@pytest.mark.parametrize("proxied", [True, False])
def test_fault_24_no_proxy(
    excluded: str, proxied: bool, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxied:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", excluded)
    server = serve(RESPONSE)
    with api302.Client(api_key=KEY, base_url=server.url) as client:
        assert chat(client).id == "c-1"

    async def main() -> Any:
        other = serve(RESPONSE)
        async with api302.AsyncClient(api_key=KEY, base_url=other.url) as client:
            return await chat(client)

    assert asyncio.run(main()).id == "c-1"


def test_fault_24_a_proxy_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://127.0.0.1")
    with (
        api302.Client(api_key=KEY) as client,
        pytest.raises(api302.InvalidArgument, match="HTTP_PROXY, HTTPS_PROXY"),
    ):
        chat(client)


def test_fault_24_a_proxy_is_used(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(RESPONSE, RESPONSE)
    with api302.Client(api_key=KEY, base_url="http://api.invalid", proxy=proxy.url) as client:
        assert chat(client).id == "c-1"
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with api302.Client(api_key=KEY, base_url="http://api.invalid") as client:
        assert chat(client).id == "c-1"
    assert [one.target for one in proxy.requests] == ["http://api.invalid/v1/chat/completions"] * 2


def test_fault_24_a_frozen_program_has_what_is_named_in_texts(
    packages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pkgutil
    import runpy
    import types
    from importlib import import_module
    from pathlib import Path

    def collected(package: str) -> list[str]:
        path = import_module(package).__path__
        return [package, *(one.name for one in pkgutil.walk_packages(path, f"{package}."))]

    hooks = types.ModuleType("PyInstaller.utils.hooks")
    hooks.collect_submodules = collected  # type: ignore[attr-defined]
    hooks.collect_data_files = lambda package, includes: [(package, includes)]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "PyInstaller", types.ModuleType("PyInstaller"))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils", types.ModuleType("PyInstaller.utils"))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    (folder,) = import_module("api302.__pyinstaller").get_hook_dirs()
    hook = runpy.run_path(str(Path(folder, "hook-api302.py")))
    found = hook["hiddenimports"]
    index = import_module("api302_resources._index").OPERATIONS
    named = {f"api302_client.api.{place}" for place in index.values()}
    named |= {f"api302.{module}" for module in import_module("api302")._WHERE}
    assert named <= set(found)
    assert hook["datas"] == [
        ("api302_client", ["catalog.json"]),
        ("api302_resources", ["_directory/*.json"]),
    ]


# --- 25: arguments --------------------------------------------------------------------------------


def circle() -> list[Any]:
    messages: list[Any] = []
    messages.append({"role": "user", "content": messages})
    return messages


def deep() -> Any:
    value: Any = "x"
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"messages": circle()}, "messages: cannot be sent as JSON"),
        ({"extra_body": {"x": deep()}}, "x: cannot be sent as JSON"),
        ({"extra_body": {"x": object()}}, "x: cannot be sent as JSON"),
        ({"extra_body": {"x": b"bytes"}}, "body field 'x' is a file"),
        ({"extra_headers": ["x"]}, "headers: must be a mapping of names to values, not list"),
        ({"extra_headers": {"a b": "1"}}, "header 'a b': is not a name"),
        ({"extra_headers": {1: "1"}}, "header 1: is not a name"),
        ({"extra_headers": {"x": "\n"}}, None),
        ({"extra_headers": {"x": "a\nb"}}, "header x: has a line break"),
        ({"timeout": 0}, "timeout: must be seconds above 0"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": "3"}, "timeout"),
        ({"timeout": True}, "timeout"),
    ],
)
def test_fault_25_what_cannot_be_sent_is_refused_by_name(
    arguments: Any, said: str | None, serve: Any, connect: Any
) -> None:
    server = serve(RESPONSE)
    client = connect(server)
    given = {"model": "small", "messages": [], **arguments}
    with pytest.raises(api302.InvalidArgument) as caught:
        client.chat.completions.create(**given)
    assert said is None or said in str(caught.value)
    assert not server.requests


@pytest.mark.parametrize("timeout", [sys.maxsize, 1e300, 10**400, float("inf"), 3_000_000])
def test_fault_25_a_long_timeout_is_no_limit(timeout: Any, serve: Any, connect: Any) -> None:
    assert chat(connect(serve(RESPONSE)), timeout=timeout).id == "c-1"
    assert chat(connect(serve(RESPONSE), timeout=timeout)).id == "c-1"


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_fault_25_timeouts_of_either_library(library: str, serve: Any, connect: Any) -> None:
    kind = __import__(library).Timeout
    for given in (kind(None), kind(30.0), kind(sys.maxsize), kind(50.0, read=20.0)):
        assert chat(connect(serve(RESPONSE)), timeout=given).id == "c-1"
    late = connect(serve(silent), max_retries=0)
    with pytest.raises(api302.TimeoutError):
        chat(late, timeout=kind(50.0, read=0.1))


def test_fault_25_a_header_of_none_is_not_sent(serve: Any, connect: Any) -> None:
    server = serve(RESPONSE, RESPONSE)
    client = connect(server, headers={"x-team": "a", "x-none": None})
    chat(client, extra_headers={"X": None, "x-number": 3})
    chat(client, extra_headers={"X-Team": None})
    assert "x" not in server.requests[0].headers
    assert "x-none" not in server.requests[0].headers
    assert server.requests[0].headers["x-team"] == "a"
    assert server.requests[0].headers["x-number"] == "3"
    assert "x-team" not in server.requests[1].headers


def test_fault_25_a_client_that_was_closed_meanwhile(serve: Any) -> None:
    import httpx

    with httpx.Client() as mine:
        client = api302.Client(api_key=KEY, base_url=serve(RESPONSE).url, http_client=mine)
    with pytest.raises(api302.Api302Error, match="http_client: is closed"):
        chat(client)


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": ["x"]},
        {"headers": "x: y"},
        {"headers": {"": "x"}},
        {"proxy": 3},
        {"base_url": 3},
        {"base_url": "https://exa mple.com"},
        {"base_url": "https://a..b"},
        {"base_url": "https://" + "ü" * 70 + ".example"},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"http_client": object()},
        {"http_client": "httpx.Client"},
        {"timeout": [1]},
    ],
)
@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
def test_fault_25_settings(name: str, arguments: Any) -> None:
    argument = next(iter(arguments)).removesuffix("s")
    with pytest.raises(api302.InvalidArgument, match=argument):
        getattr(api302, name)(**{"api_key": KEY, **arguments})


def test_fault_25_a_call_without_a_limit_is_still_quick(serve: Any, connect: Any) -> None:
    started = time.monotonic()
    assert chat(connect(serve(RESPONSE)), timeout=float("inf")).id == "c-1"
    assert time.monotonic() - started < PATIENCE


NEITHER = [None, 5, 1.5, True, b"bytes", {"a": 1}, [1], ("a", "b"), {1}, object(), len]


@pytest.mark.parametrize("value", NEITHER, ids=lambda value: type(value).__name__)
def test_fault_25_what_is_no_text_is_named_by_its_argument(
    serve: Any, connect: Any, tmp_path: Path, value: Any
) -> None:
    """Each argument that is a text or a path, with what is neither: nothing is sent."""
    server = serve(http({}), forever=True)
    client = connect(server)
    refused: dict[str, list[Callable[[], Any]]] = {
        "method": [lambda: client.request(value, "/x")],
        "path": [
            lambda: client.request("GET", value),
            lambda: client.download(f"{server.url}/x", value),
            lambda: api302.Output(None, content=b"x").save(value),
        ],
        "url": [lambda: client.download(value, tmp_path / "x")],
        "call": [
            lambda: client.call(value, {}),
            lambda: client.submit(value, {}),
            lambda: client.webhooks.url("https://me.test/", call=value),
        ],
        "folder": [
            lambda: api302.testing.record(client, value).__enter__(),
            lambda: api302.testing.replay(value),
        ],
    }
    for argument, calls in refused.items():
        for call in calls:
            if argument == "call" and value is None and call is calls[-1]:
                continue  # it need not be named
            with pytest.raises(api302.InvalidArgument, match=rf"^{argument}: "):
                call()
    assert server.requests == []


@pytest.mark.parametrize("value", [5, "text", b"x", [1], {1}, object()])
def test_fault_25_what_is_no_mapping_is_named_by_its_argument(
    serve: Any, connect: Any, value: Any
) -> None:
    client = connect(serve())
    for name in ("query", "files"):
        with pytest.raises(api302.InvalidArgument, match=rf"^{name}: must be a mapping of names"):
            client.request("POST", "/x", **{name: value})
    with pytest.raises(api302.InvalidArgument, match=r"^arguments: 1 is not the name"):
        client.call("gifts_paint", {1: value})
    if not isinstance(value, (str, bytes)):
        with pytest.raises(api302.InvalidArgument, match=r"^data: must be the fields of a form"):
            client.request("POST", "/x", data=value)


def test_a_body_is_any_bytes_and_what_reads_as_such(serve: Any, connect: Any) -> None:
    server = serve(http({}), forever=True)
    client = connect(server)
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc"), io.BytesIO(b"abc"), iter([b"abc"])):
        client.request("POST", "/x", data=data)
    assert [request.body for request in server.requests] == [b"abc"] * 5


def test_fault_25_a_folder_that_cannot_be_one(serve: Any, connect: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file/in", "a\0b"):
        with pytest.raises(api302.InvalidArgument, match=r"^folder: .* cannot be made"):
            api302.testing.record(connect(serve()), folder).__enter__()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_fault_24_certificates_that_cannot_be_read_are_named(
    kind: str, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was "[Errno 2] No such file or directory", of no file."""
    for other in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(other, raising=False)
    server = serve()
    missing = tmp_path / "missing" / "file.pem"
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")

    async def acall() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            await client.request("GET", "/x")

    def call() -> None:
        if kind == "async":
            asyncio.run(acall())
        else:
            api302.Client(api_key=KEY, base_url=server.url).request("GET", "/x")

    for path in (missing, empty):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(api302.InvalidArgument, match=r"^SSL_CERT_FILE: cannot be used"):
            call()
    assert server.requests == []
