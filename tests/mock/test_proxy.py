"""The proxy: passes calls on, holds both sides against the description, records them.

The service is a second mock, which here and there strays from the description on purpose.
"""

from __future__ import annotations

import copy
import gzip
import json
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from patience import PATIENCE

from api302_mock import start
from api302_mock.document import Document, load
from api302_mock.proxy import LARGEST, ProxyApp, ProxyServer
from api302_mock.proxy import start as start_proxy

KEY = "sk-proxy-0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {KEY}"}
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": True}
VIDEO = {"prompt": "a panda", "duration": "5"}


@pytest.fixture
def strayed(mini: dict[str, Any]) -> dict[str, Any]:
    """A description of which the service does something else: a type, a field, a status."""
    made = copy.deepcopy(mini)
    response = made["components"]["schemas"]["AcmeTaskResponse"]
    response["properties"]["code"] = {"type": "string"}
    response["properties"]["trace"] = {"type": "string"}
    video = made["paths"]["/acme/v1/videos"]["post"]
    video["x-success"] = {"field": "code", "values": ["ok"]}
    example = {"code": "ok", "trace": "t", "data": {"task_id": "t-1", "task_status": "submitted"}}
    video["responses"]["200"]["content"]["application/json"]["examples"] = {
        "accepted": {"value": example}
    }
    return made


@contextmanager
def proxied(service: Any, document: Any, folder: Path) -> Iterator[tuple[ProxyServer, Any]]:
    """A mock as the service, the proxy before it, and a client of the proxy."""
    with (
        start(service, delay=0, polls=0) as mock,
        start_proxy(mock.url, folder, document=document) as proxy,
        httpx.Client(base_url=proxy.url, headers=HEADERS) as client,
    ):
        yield proxy, client
        assert not mock.leaked_keys


def kept(folder: Path) -> list[dict[str, Any]]:
    """The exchanges of a folder."""
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


def test_what_is_as_described_passes_unchanged(mini: dict[str, Any], tmp_path: Path) -> None:
    with proxied(mini, mini, tmp_path) as (proxy, client):
        made = client.post("/acme/v1/videos", json=VIDEO).json()
        task = made["data"]["task_id"]
        assert client.get(f"/acme/v1/videos/{task}").json()["data"]["task_status"] == "succeed"
        form = client.post("/acme/v1/videos", files={"image": b"x"}, data={"prompt": "a"})
        assert form.status_code == 200
        events = client.post("/v1/chat/completions", json=CHAT)
        assert events.text.endswith("data: [DONE]\n\n")
    assert proxy.problems == []
    assert [one["operation"] for one in kept(tmp_path)] == [
        "acme_text_to_video",
        "acme_get_video",
        "acme_text_to_video",
        "acme_chat_completions",
    ]
    first, _, third, fourth = kept(tmp_path)
    assert first["request"]["json"] == VIDEO
    assert first["response"]["json"] == made
    assert third["request"]["form"] == ["image", "prompt"]
    assert "[DONE]" in fourth["response"]["text"]
    assert first["version"] == 1


def test_what_strays_is_told_and_passed_on(
    mini: dict[str, Any], strayed: dict[str, Any], tmp_path: Path
) -> None:
    with proxied(strayed, mini, tmp_path) as (proxy, client):
        made = client.post("/acme/v1/videos", json=VIDEO).json()
        assert (made["code"], made["trace"]) == ("ok", "t")
        client.post("/acme/v1/videos", json={**VIDEO, "seed": 3})
        client.post("/acme/v1/nothing", json={})
    told = proxy.problems
    names = [name for name, _ in told]
    assert names == ["acme_text_to_video"] * 3 + ["POST /acme/v1/nothing"]
    assert 'response.code: "ok" is not of type' in told[0][1]
    assert told[1][1].startswith("request: body")
    assert "seed" in told[1][1]
    assert told[3][1] == "it is not described"
    assert kept(tmp_path)[0]["differs"] == [told[0][1]]


def test_a_status_and_a_body_that_are_not_described(mini: dict[str, Any], tmp_path: Path) -> None:
    strays, described = copy.deepcopy(mini), copy.deepcopy(mini)
    responses = strays["paths"]["/acme/v1/videos"]["post"]["responses"]
    responses["202"] = responses.pop("200")
    described["paths"]["/acme/v1/videos"]["post"]["responses"].pop("default", None)
    with proxied(strays, described, tmp_path) as (proxy, client):
        client.post("/acme/v1/videos", json=VIDEO)
    assert proxy.problems == [("acme_text_to_video", "status 202 is not described")]


def test_a_page_where_json_belongs(mini: dict[str, Any], tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"<p>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with service(Handler) as url, start_proxy(url, tmp_path, document=mini) as proxy:
        httpx.post(f"{proxy.url}/acme/v1/videos", json=VIDEO)
    [(_, problem)] = proxy.problems
    assert problem == "the response is text/html, not application/json"


def test_broken_json_and_broken_streams_are_told(mini: dict[str, Any], tmp_path: Path) -> None:
    with proxied(mini, mini, tmp_path) as (proxy, client):
        client.post("/acme/v1/videos", json=VIDEO, headers={"prefer": "fault=broken-json"})
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1/chat/completions", json=CHAT, headers={"prefer": "fault=cut-stream"})
    assert proxy.problems[0][1].startswith("response: it is not JSON")
    assert kept(tmp_path)[1]["differs"] == ["the response broke off"]
    assert kept(tmp_path)[1]["response"]["bytes"] > 0


def test_an_event_that_strays_is_told(mini: dict[str, Any], tmp_path: Path) -> None:
    strays = copy.deepcopy(mini)
    content = strays["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    [example] = list(content["text/event-stream"]["examples"].values())[:1]
    example["value"] = 'data: {"id": 7, "choices": []}\n\ndata: [DONE]\n\n'
    with proxied(strays, mini, tmp_path) as (proxy, client):
        client.post("/v1/chat/completions", json=CHAT)
    [(name, problem)] = proxy.problems
    assert name == "acme_chat_completions"
    assert problem.startswith("event 1")


def test_the_key_goes_to_the_service_alone(
    mini: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        start(mini, delay=0) as mock,
        start_proxy(mock.url, tmp_path, document=mini) as proxy,
        httpx.Client(base_url=proxy.url, headers=HEADERS) as client,
    ):
        client.post("/acme/v1/videos", json={"prompt": f"say {KEY}", KEY: KEY})
        client.post(f"/acme/v1/videos/{KEY}?token={KEY}", json=[KEY])
        client.post("/acme/v1/videos", content=f'"{KEY}', headers={"content-type": "text/json"})
        assert mock.requests[0].keys == [KEY]
    assert KEY not in json.dumps(proxy.problems)
    texts = [file.name + file.read_text("utf-8") for file in tmp_path.iterdir()]
    assert len(texts) == 3
    assert KEY not in "".join(texts)
    out, err = capfd.readouterr()
    assert KEY not in out + err


def test_fault_20_what_differs_quotes_no_secret(
    mini: dict[str, Any], strayed: dict[str, Any], tmp_path: Path
) -> None:
    """The message of a difference has a part of the body, and fields beside the wrong one."""
    secret = "rt-never-to-be-seen"
    video = strayed["paths"]["/acme/v1/videos"]["post"]["responses"]["200"]
    example = video["content"]["application/json"]["examples"]["accepted"]["value"]
    example["data"]["refresh_token"] = secret
    mini["components"]["schemas"]["AcmeTaskResponse"]["properties"]["data"] = {
        "anyOf": [{"type": "string"}, {"type": "integer"}]
    }
    wrong = {"prompt": {"client_secret": secret}}
    with proxied(strayed, mini, tmp_path) as (proxy, client):
        client.post("/acme/v1/videos", json=VIDEO)
        client.post("/acme/v1/videos", json=wrong)
    assert len(proxy.problems) >= 2
    assert secret not in str(proxy.problems)
    for one in kept(tmp_path):
        assert secret not in json.dumps([one["differs"], one["request"]])


def test_cookies_of_one_caller_are_not_sent_for_another(tmp_path: Path) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Cookie", ""))
            self.send_response(302)
            self.send_header("Set-Cookie", "session=1")
            self.send_header("Location", "http://elsewhere.test/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with service(Handler) as url, start_proxy(url, tmp_path) as proxy:
        for _ in range(2):
            response = httpx.get(f"{proxy.url}/x")
            assert response.status_code == 302
            assert response.headers["location"] == "http://elsewhere.test/"
            assert response.headers["set-cookie"] == "session=1"
    assert seen == ["", ""]


@contextmanager
def service(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A service of a test's own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_large_body_passes_and_is_recorded_by_its_size(tmp_path: Path) -> None:
    size = LARGEST + 5

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(b"x" * size)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with service(Handler) as url, start_proxy(url, tmp_path) as proxy:
        assert len(httpx.get(f"{proxy.url}/file").content) == size
    [exchange] = kept(tmp_path)
    assert exchange["response"]["bytes"] == size


@contextmanager
def answering(*pieces: bytes) -> Iterator[str]:
    """A service that answers anything with these bytes."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            for piece in pieces:
                self.wfile.write(piece)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response of HTTP."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


AS_JSON = b"Content-Type: application/json"


@pytest.mark.parametrize("target", ["@{host}/x", "{host}/x", "http://{host}/x", ":x@{host}/", "*"])
def test_fault_20_no_target_names_another_host(target: str, tmp_path: Path) -> None:
    """Behind the service's URL, what follows would be another host, which gets the API key."""
    other: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            other.append(self.path)

    with (
        answering(answer(b"{}")) as url,
        service(Handler) as elsewhere,
        start_proxy(url, tmp_path) as proxy,
    ):
        host, port = proxy.url.removeprefix("http://").split(":")
        line = f"GET {target.format(host=elsewhere.removeprefix('http://'))} HTTP/1.1"
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            head = [line, "Host: x", f"Authorization: Bearer {KEY}", "Connection: close", "", ""]
            connection.sendall("\r\n".join(head).encode())
            said = connection.recv(65536)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert other == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "body", [b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 990 + b"]" * 990, b'{"a": 1e999}']
)
def test_fault_10_a_body_that_is_hard_to_read_is_recorded(body: bytes, tmp_path: Path) -> None:
    with answering(answer(body, AS_JSON)) as url, start_proxy(url, tmp_path) as proxy:
        assert httpx.post(f"{proxy.url}/v1/chat/completions", json=CHAT).content == body
    [exchange] = kept(tmp_path)
    assert exchange["request"]["json"] == CHAT
    assert "is not JSON" in exchange["differs"][0]


def test_fault_10_a_status_that_no_server_sends_is_recorded(tmp_path: Path) -> None:
    odd = answer(b'{"id": 1}', AS_JSON, status=b"999 Odd")
    with answering(odd) as url, start_proxy(url, tmp_path) as proxy:
        response = httpx.post(f"{proxy.url}/v1/chat/completions", json=CHAT)
    assert (response.status_code, response.json()) == (599, {"id": 1})
    [exchange] = kept(tmp_path)
    assert exchange["response"]["status"] == 999


def test_fault_10_a_folder_with_other_files_takes_the_record(tmp_path: Path) -> None:
    (tmp_path / "7\u00b2-notes.json").write_text("{}")
    (tmp_path / "0003-mine.json").write_text("{}")
    with answering(answer(b"{}", AS_JSON)) as url, start_proxy(url, tmp_path) as proxy:
        httpx.post(f"{proxy.url}/v1/chat/completions", json=CHAT)
    assert (tmp_path / "0004-openai_chat_completions.json").is_file()


def test_fault_10_a_record_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "record"
    folder.write_text("a file")
    with answering(answer(b"{}", AS_JSON)) as url, start_proxy(url, folder) as proxy:
        response = httpx.post(f"{proxy.url}/v1/chat/completions", json=CHAT)
    assert response.json() == {}
    assert proxy.problems[-1][1].startswith("it is not recorded: ")


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("gzip", gzip.compress(bytes(LARGEST + 1))),
        ("gzip, gzip", gzip.compress(gzip.compress(bytes(LARGEST * 4)))),
        ("gzip", b"{}"),
        ("br", b"{}"),
    ],
    ids=["gzip", "deflate", "gzip of much", "gzip twice", "not gzip", "br"],
)
def test_fault_17_a_packed_body_passes_as_it_is(label: str, body: bytes, tmp_path: Path) -> None:
    """Nobody asked for it, and a few bytes may be all memory once they are unpacked."""
    packed = answer(body, AS_JSON, f"Content-Encoding: {label}".encode())
    with (
        answering(packed) as url,
        start_proxy(url, tmp_path) as proxy,
        httpx.stream("POST", f"{proxy.url}/v1/chat/completions", json=CHAT) as response,
    ):
        assert response.headers["content-encoding"] == label
        assert b"".join(response.iter_raw()) == body
    [exchange] = kept(tmp_path)
    if len(body) in range(3, 100):
        assert exchange["response"]["json"] == {"a": 1}
    else:
        assert exchange["response"]["bytes"] == len(body)
        assert "cannot be unpacked" in exchange["differs"][0]


def test_fault_21_what_differs_commands_no_terminal(tmp_path: Path) -> None:
    odd = '{"\u009b31m\u202e\u2028": 1, "id": "\u009b2J"}'.encode()
    lines: list[str] = []
    with answering(answer(odd, AS_JSON)) as url:
        app = ProxyApp(url, Document(load(None)), tmp_path, lines.append)
        with ProxyServer(app) as proxy:
            httpx.post(f"{proxy.url}/v1/chat/completions", json=CHAT)
            form = {"\u009b31m\u202efield": b"x"}
            httpx.post(f"{proxy.url}/302/images/edits", files=form)
    assert r"\x9b31m\u202e" in lines[0]
    assert all(line.isprintable() for line in lines), lines


def test_a_record_goes_on_where_it_ended(mini: dict[str, Any], tmp_path: Path) -> None:
    for _ in range(2):
        with proxied(mini, mini, tmp_path) as (_, client):
            client.post("/acme/v1/videos", json=VIDEO)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["0001-acme_text_to_video.json", "0002-acme_text_to_video.json"]


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    with start_proxy("http://127.0.0.1:9", tmp_path) as proxy:
        response = httpx.get(f"{proxy.url}/v1/models", headers=HEADERS)
    assert response.status_code == 502
    assert "cannot be reached" in response.json()["error"]["message"]
    assert not list(tmp_path.iterdir())


def test_the_command_lists_what_passes(mini: dict[str, Any], tmp_path: Path) -> None:
    document = tmp_path / "mini.json"
    document.write_text(json.dumps(mini), "utf-8")
    command = [sys.executable, "-m", "api302_mock", "--spec", str(document), "--port", "0"]
    with start(mini, delay=0) as mock:
        options = ["--proxy", f"{mock.url}/", "--record", str(tmp_path / "record")]
        with subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            try:
                assert running.stdout is not None
                said = running.stdout.readline()
                url = said.split()[4].rstrip(",")
                path = f"{url}/acme/v1/videos?key={KEY}"
                assert httpx.post(path, json=VIDEO, headers=HEADERS).status_code == 200
                line = running.stdout.readline()
            finally:
                running.terminate()
            rest = running.stdout.read()
    assert said == f"Proxy of {mock.url} at {url}, record in {tmp_path / 'record'}\n"
    assert line.startswith("POST /acme/v1/videos 200 acme_text_to_video: request: query parameter")
    assert KEY not in said + line + rest
    assert len(kept(tmp_path / "record")) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--proxy", "api.302.ai"], "write the service's URL"),
        (["--proxy", "https://[::1"], "write the service's URL"),
        (["--proxy", "http://api.302.ai"], "write https://api.302.ai"),
        (["--proxy", "https://me:secret@api.302.ai"], "without a user"),
        (["--proxy", "https://api.302.ai", "--host", "0.0.0.0"], "listens on this machine alone"),
    ],
)
def test_where_a_key_must_not_go(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "api302_mock", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert message in done.stderr
    assert "secret" not in done.stderr
