"""The proxy before a WebSocket: what passes, what differs, what is kept, and where the key goes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import patience
import pytest
from patience import PATIENCE, reserved_port
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

import api302
import api302.testing
from api302_mock import MockServer, start
from api302_mock.proxy import ProxyServer
from api302_mock.proxy import start as start_proxy
from api302_mock.server import has_websockets
from generator.docs.described import Described
from generator.docs.diff.recorded import recorded

pytestmark = pytest.mark.skipif(not has_websockets(), reason="this uvicorn serves no WebSockets")

ROOT = Path(__file__).parents[2]
KEY = "sk-proxy-realtime-0123456789"
HI: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


@pytest.fixture(scope="module")
def _service() -> Iterator[MockServer]:
    with start(delay=0) as server:
        yield server


@pytest.fixture
def service(_service: MockServer) -> MockServer:
    _service.reset()
    return _service


@pytest.fixture
def proxy(service: MockServer, tmp_path: Path) -> Iterator[ProxyServer]:
    with start_proxy(service.url, tmp_path / "record") as server:
        yield server


def raw(url: str, path: str = "/v1/realtime?model=gpt-realtime", key: str = KEY) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    return connect(url.replace("http", "ws") + path, additional_headers=headers, proxy=None)


def until(connection: ClientConnection, name: str) -> None:
    while json.loads(connection.recv(timeout=PATIENCE))["type"] != name:
        pass


def kept(folder: Path) -> list[dict[str, Any]]:
    """What was recorded; nothing of it may show the key."""
    files = sorted((folder / "record").glob("*.json"))
    assert all(KEY not in file.read_text("utf-8") for file in files)
    return [json.loads(file.read_text("utf-8")) for file in files]


def test_a_conversation_passes_and_is_recorded(
    proxy: ProxyServer, service: MockServer, tmp_path: Path
) -> None:
    with (
        api302.Client(KEY, base_url=proxy.url) as client,
        client.audio.openai.realtime(model="gpt-realtime", session={"type": "realtime"}) as talk,
    ):
        talk.conversation.item.create(item=HI)
        talk.send_audio(bytes(30000))
        talk.response.create()
        types = [talk.receive(timeout=PATIENCE).type]
        while types[-1] != "response.done":
            types.append(talk.receive(timeout=PATIENCE).type)
    proxy.close()

    assert proxy.problems == []
    assert service.requests[-1].keys == [KEY]
    (record,) = kept(tmp_path)
    assert (record["operation"], record["response"]["status"]) == ("openai_realtime", 101)
    assert record["request"]["query"] == {"model": "gpt-realtime"}
    told = [one["event"]["type"] for one in record["events"] if one["from"] == "service"]
    said = [one["event"] for one in record["events"] if one["from"] == "client"]
    assert told == types
    assert [one["type"] for one in said] == [
        "session.update",
        "conversation.item.create",
        "input_audio_buffer.append",
        "response.create",
    ]
    assert said[1]["item"] == HI
    assert said[2]["audio"].endswith("… (40000 characters)")


def test_what_strays_on_either_side_is_told_once_and_passed_on(
    proxy: ProxyServer, service: MockServer, tmp_path: Path
) -> None:
    service.next(fault="new-word")
    with raw(proxy.url) as connection:
        for event in ({"type": "session.update"}, {"type": "dance"}, {"type": "dance"}):
            connection.send(json.dumps(event))
        connection.send("[1]")
        connection.send(json.dumps({"type": "response.create"}))
        until(connection, "response.done")
    proxy.close()

    told = [problem for _, problem in proxy.problems]
    assert any(one.startswith("client: session.update: ") and "session" in one for one in told)
    assert sum("dance" in one for one in told) == 1
    assert "client: a message that is not a JSON object" in told
    assert "service: mock.new_event: is not described" in told
    assert kept(tmp_path)[0]["differs"] == told


def test_a_refused_handshake_is_passed_back(
    proxy: ProxyServer, service: MockServer, tmp_path: Path
) -> None:
    service.next(code=429)
    with pytest.raises(InvalidStatus) as caught:
        raw(proxy.url)
    proxy.close()

    assert caught.value.response.status_code == 429
    (record,) = kept(tmp_path)
    assert record["response"]["status"] == 429
    assert record["response"]["json"]["error"]


def test_a_path_that_is_not_described_is_told(proxy: ProxyServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidStatus) as caught:
        raw(proxy.url, "/v1/other")
    proxy.close()

    assert caught.value.response.status_code == 404
    assert kept(tmp_path)[0]["differs"] == ["it is not described"]


def test_a_connection_that_breaks_breaks_off_for_the_caller_too(
    proxy: ProxyServer, service: MockServer, tmp_path: Path
) -> None:
    service.next(fault="cut-stream")
    with raw(proxy.url) as connection:
        connection.send(json.dumps({"type": "response.create"}))
        with pytest.raises(ConnectionClosed) as caught:
            until(connection, "response.done")
    proxy.close()

    assert caught.value.rcvd is None
    (record,) = kept(tmp_path)
    assert "the connection broke off" in record["differs"]
    assert any(one["from"] == "service" for one in record["events"])


def test_an_end_has_its_code_in_both_directions(tmp_path: Path) -> None:
    ended: list[Any] = []

    def script(connection: ServerConnection) -> None:
        message = connection.recv()
        if message == "end":
            connection.close(4001, "enough")
            return
        try:
            connection.recv()
        except ConnectionClosed as error:
            ended.append((error.rcvd.code, error.rcvd.reason) if error.rcvd else None)

    with serving(script) as url, start_proxy(url, tmp_path / "record") as proxy:
        with raw(proxy.url) as connection:
            connection.send("end")
            with pytest.raises(ConnectionClosed) as caught:
                connection.recv(timeout=PATIENCE)
        with raw(proxy.url) as connection:
            connection.send("go on")
            connection.close(4002, "bye")
        patience.until(lambda: ended, "the service has seen the end")

    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "enough")
    assert ended == [(4002, "bye")]


def test_no_redirect_takes_the_key_elsewhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        elsewhere = f"ws://127.0.0.1:{other.getsockname()[1]}/"

        def redirect(_: ServerConnection, request: Request) -> Response:
            return Response(HTTPStatus.FOUND, "Found", Headers(Location=elsewhere))

        with (
            serving(None, redirect) as url,
            start_proxy(url, tmp_path / "record") as proxy,
            pytest.raises(InvalidStatus) as caught,
        ):
            raw(proxy.url)
        with pytest.raises(TimeoutError):
            other.accept()

    assert caught.value.response.status_code == 302
    assert "location" not in caught.value.response.headers


def test_a_service_that_cannot_be_reached_is_a_502(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{reserved_port()}"
    with start_proxy(url, tmp_path / "record") as proxy, pytest.raises(InvalidStatus) as caught:
        raw(proxy.url)

    assert caught.value.response.status_code == 502
    assert kept(tmp_path)[0]["differs"] == ["the service cannot be reached"]


def test_a_key_among_the_protocols_of_a_browser_is_not_kept(
    proxy: ProxyServer, tmp_path: Path
) -> None:
    names: list[Any] = ["realtime", f"openai-insecure-api-key.{KEY}"]
    url = proxy.url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime"
    with pytest.raises(InvalidStatus):
        connect(url, subprotocols=names, proxy=None)
    proxy.close()

    assert len(kept(tmp_path)) == 1


def test_a_record_of_a_websocket_is_no_finding_of_the_calls(
    proxy: ProxyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with raw(proxy.url) as connection:
        until(connection, "session.created")
    proxy.close()
    assert "ERROR" not in caplog.text

    described = Described(ROOT / "spec")
    assert recorded(described, tmp_path / "record") == ([], 1)


def test_a_record_of_a_websocket_is_not_replayed(service: MockServer, tmp_path: Path) -> None:
    client = api302.Client(KEY, base_url=service.url)
    with client, api302.testing.record(client, tmp_path):
        client.audio.openai.realtime(model="gpt-realtime").open().close()
    again = api302.Client(KEY, middleware=[api302.testing.replay(tmp_path)])
    refused = pytest.raises(api302.Api302Error, match="a conversation is not replayed")
    with again, refused:
        again.audio.openai.realtime(model="gpt-realtime").open()


class serving:
    """A service with a script for each connection."""

    def __init__(self, script: Any, decide: Any = None) -> None:
        self._server = serve(script or (lambda _: None), "127.0.0.1", 0, process_request=decide)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
