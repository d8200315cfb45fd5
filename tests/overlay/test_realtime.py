"""Realtime sessions against a WebSocket server with a script: the events, audio, and every way in
which a connection goes wrong.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import pytest
from patience import PATIENCE, auntil, reserved_port, until
from support import KEY, api302
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

HELLO = {"type": "hello", "settings": {"style": "long", "model": "m1"}}
BEGAN = {"type": "began", "response_id": "r1"}
CAME = {"type": "sound.came", "response_id": "r1", "item_id": "i1", "sound": "AQI="}
ENDED = {"type": "ended", "response_id": "r1", "state": "done"}
Script = Callable[[ServerConnection], None]


class Service:
    """A service with a script for each connection, the last one for all that follow."""

    def __init__(self, *scripts: Script, refusals: list[Response] | None = None) -> None:
        self.scripts = list(scripts)
        self.refusals = refusals or []
        self.handshakes: list[Request] = []
        self.received: list[list[Any]] = []
        self._server: Server = serve(
            self._talk,
            "127.0.0.1",
            0,
            process_request=self._decide,
            max_size=None,
            close_timeout=1,
        )
        self.port = self._server.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _decide(self, _: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request)
        return self.refusals.pop(0) if self.refusals else None

    def _talk(self, connection: ServerConnection) -> None:
        self.received.append([])
        script = self.scripts[min(len(self.received), len(self.scripts)) - 1]
        try:
            script(connection)
        except ConnectionClosed:
            return

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)


def say(connection: ServerConnection, *events: Any) -> None:
    for event in events:
        connection.send(event if isinstance(event, str) else json.dumps(event))


def hear(service: Service, connection: ServerConnection, count: int = 1) -> None:
    for _ in range(count):
        service.received[-1].append(json.loads(connection.recv()))


def break_off(connection: ServerConnection) -> None:
    """A reset, without a close frame."""
    linger = struct.pack("ii", 1, 0)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.socket.shutdown(socket.SHUT_RDWR)
    connection.socket.close()


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*scripts: Script, **options: Any) -> Service:
        started.append(Service(*scripts, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def client(service: Service, **options: Any) -> Any:
    return api302.Client(KEY, base_url=service.url, **options)


def polite(connection: ServerConnection) -> None:
    """Say hello, and listen until the client goes."""
    say(connection, HELLO)
    for _ in connection:
        pass


# --- events ---------------------------------------------------------------------------------------


def test_events_are_typed_and_those_of_a_new_kind_are_kept(service: Any) -> None:
    new = {"type": "mood.changed", "mood": "happy", "more": [1]}

    def script(connection: ServerConnection) -> None:
        say(connection, HELLO, new, BEGAN, CAME, ENDED)
        connection.close(1000)

    with client(service(script)).audio.acme.talk(model="m1") as session:
        hello, mood, _, came, ended = session

    from api302_client import models

    kinds: Any = models
    assert isinstance(hello, kinds.AcmeTalkHello)
    assert hello.settings.style == "long"
    assert (mood.type, mood.mood, mood.more, mood.to_dict()) == ("mood.changed", "happy", [1], new)
    assert isinstance(came, kinds.AcmeTalkSoundCame)
    assert session.audio(came) == b"\x01\x02"
    assert session.audio(ended) == b""
    assert isinstance(ended, kinds.AcmeTalkEnded)
    assert not session.is_open


def test_what_is_sent_is_what_the_methods_say(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection, 6)
        say(connection, ENDED)
        connection.close()

    server = service(script)
    settings = {"style": "brief"}
    with client(server).audio.acme.talk(model="m1", settings=settings) as session:
        session.ask(text="Hi")
        session.ask()
        session.sound.put(sound=b"\x01\x02")
        session.sound.put(sound="AAA=")
        session.send({"type": "new.one", "value": None})
        events = [event.type for event in session]

    assert events == ["hello", "ended"]
    assert server.received == [
        [
            {"type": "setup", "settings": settings},
            {"type": "ask", "text": "Hi"},
            {"type": "ask"},
            {"type": "sound.put", "sound": "AQI="},
            {"type": "sound.put", "sound": "AAA="},
            {"type": "new.one", "value": None},
        ]
    ]
    assert server.handshakes[0].path == "/v1/talk?model=m1"


def test_async_sessions_do_the_same(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection, 4)
        say(connection, BEGAN, CAME, ENDED)
        connection.close()

    server = service(script)

    async def pieces() -> Any:
        yield b"\x01\x02"
        yield bytearray(b"\x03\x04")

    async def main() -> list[bytes]:
        async with api302.AsyncClient(KEY, base_url=server.url) as asynchronous:
            opened = asynchronous.audio.acme.talk(model="m1", settings={"style": "long"})
            async with opened as session:
                await session.send_audio(pieces())
                await session.ask(text="Hi")
                return [session.audio(event) async for event in session]

    assert b"".join(asyncio.run(main())) == b"\x01\x02"
    assert [event["type"] for event in server.received[0]] == [
        "setup",
        "sound.put",
        "sound.put",
        "ask",
    ]


def test_audio_goes_in_pieces_of_a_bearable_size(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        hear(server, connection, 5)
        connection.close()

    server = service(script)
    sound = bytes(range(256)) * 400
    with client(server).audio.acme.talk(model="m1") as session:
        session.send_audio(memoryview(sound))
        session.send_audio([b"\x01\x02"])
        list(session)

    pieces = [base64.b64decode(event["sound"]) for event in server.received[0]]
    assert b"".join(pieces) == sound + b"\x01\x02"
    assert max(map(len, pieces)) <= 32 << 10


def test_interrupting_cancels_and_cuts_what_was_not_heard(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection)
        say(connection, BEGAN, CAME)
        hear(server, connection, 2)
        say(connection, {**ENDED, "state": "stopped"})
        hear(server, connection)
        connection.close()

    server = service(script)
    with client(server).audio.acme.talk(model="m1") as session:
        session.ask()
        while session.receive().type != "sound.came":
            pass
        session.interrupt(played_ms=7)
        assert session.receive().state == "stopped"
        session.interrupt()
        session.ask()
        list(session)

    assert server.received[0][1:] == [
        {"type": "stop"},
        {"type": "sound.cut", "item_id": "i1", "until_ms": 7},
        {"type": "ask"},
    ]


@pytest.mark.parametrize("text", ["no JSON", "[1]", "7"])
def test_an_event_that_is_no_object_is_an_error_and_the_session_goes_on(
    service: Any, text: str
) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, text, HELLO)
        connection.close()

    with client(service(script)).audio.acme.talk(model="m1") as session:
        with pytest.raises(api302.DecodeError, match="not a JSON object") as caught:
            session.receive()
        assert caught.value.content == text.encode()
        assert session.receive().type == "hello"


@pytest.mark.parametrize("kind", [["hello"], {"a": 1}, None, 7, True])
def test_fault_06_a_type_that_is_no_text_is_an_event(service: Any, kind: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, {"type": kind, "sound": "AQI="}, HELLO)
        connection.close()

    with client(service(script)).audio.acme.talk(model="m1") as session:
        event = session.receive()
        assert event.to_dict()["type"] == kind
        assert session.audio(event) == b""
        assert session.receive().type == "hello"


def test_wrong_arguments_are_named(service: Any) -> None:
    talk = client(service(polite)).audio.acme.talk
    with pytest.raises(api302.InvalidArgument, match="reconnect: must be one of unused, idle"):
        talk(model="m1", reconnect="always")
    for wrong in (0, True, "many"):
        with pytest.raises(api302.InvalidArgument, match="max_queue: must be a whole number"):
            talk(model="m1", max_queue=wrong)
    with talk(model="m1") as session:
        for event in ({}, {"type": 7}, "ask"):
            with pytest.raises(api302.InvalidArgument, match="event: must be a mapping"):
                session.send(event)
        for value in (float("nan"), object(), "\ud800"):
            with pytest.raises(api302.InvalidArgument, match="cannot be sent as JSON"):
                session.send({"type": "ask", "text": value})
        for sound in ("text", 7, ["text"]):
            with pytest.raises(api302.InvalidArgument, match="pcm: must be bytes"):
                session.send_audio(sound)
        with pytest.raises(api302.InvalidArgument, match="open already"):
            session.open()
    with pytest.raises(api302.Api302Error, match="not open"):
        session.receive()


# --- the API key ----------------------------------------------------------------------------------


def test_the_key_is_in_a_header_and_nowhere_else(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        connection.close(4001, f"no more for {KEY}")

    server = service(script)
    session = client(server).audio.acme.talk(model="m1")
    with session, pytest.raises(api302.RealtimeClosed) as caught:
        list(session)

    error = caught.value
    assert server.handshakes[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in server.handshakes[0].path
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [str(frame.locals) for frame in shown.stack if frame.filename != __file__]
    # The server of this test logs what it received.
    logged = [one.getMessage() for one in caplog.records if one.name != "websockets.server"]
    told = [str(error), error.reason, repr(session), repr(vars(session)), *frames, *logged]
    assert [text for text in told if KEY in text] == []
    assert any("GET /v1/talk" in text for text in logged)
    assert error.close_code == 4001


@pytest.mark.parametrize(
    "response",
    ["101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x", "101 S", "x"],
)
def test_a_handshake_that_repeats_the_key_leaves_it_in_no_frame(response: str) -> None:
    content = f"HTTP/1.1 {response}\r\nX-Echo: {KEY}\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(api302.ConnectionError) as caught:
            api302.Client(KEY, base_url=url, max_retries=0).audio.acme.talk(model="m1").open()
        thread.join(5)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [
        f"{frame.filename}: {frame.locals}"
        for each in (shown, shown.__cause__, shown.__context__)
        if each
        for frame in each.stack
        if frame.filename != __file__
    ]
    assert frames
    assert [one for one in frames if KEY in one] == []


def test_a_redirect_is_not_followed(service: Any) -> None:
    other = service(polite)
    to = Headers({"Location": f"ws://localhost:{other.port}/v1/talk"})
    server = service(polite, refusals=[Response(302, "Found", to, b"")])

    with pytest.raises(api302.ApiError) as caught:
        client(server).audio.acme.talk(model="m1").open()

    assert caught.value.status_code == 302
    assert other.handshakes == []


# --- the handshake --------------------------------------------------------------------------------


def refusal(status: int, **headers: str) -> Response:
    body = json.dumps({"error": {"message": "No.", "err_code": -1}}).encode()
    known = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
    return Response(status, HTTPStatus(status).phrase, Headers(known), body)


@pytest.mark.parametrize(
    ("status", "name"), [(401, "AuthenticationError"), (402, "QuotaError"), (404, "NotFoundError")]
)
def test_a_refused_handshake_is_the_error_of_its_status(
    service: Any, status: int, name: str
) -> None:
    server = service(polite, refusals=[refusal(status)])
    with pytest.raises(getattr(api302, name), match="No"):
        client(server).audio.acme.talk(model="m1").open()
    assert len(server.handshakes) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_handshake_is_repeated_as_it_begins_nothing(service: Any, status: int) -> None:
    server = service(polite, refusals=[refusal(status), refusal(status)])
    with client(server).audio.acme.talk(model="m1") as session:
        assert session.receive().type == "hello"
    assert len(server.handshakes) == 3


def test_a_host_that_cannot_be_reached_gives_way_to_a_spare_one(service: Any) -> None:
    port = reserved_port()
    server = service(polite)
    one = api302.Client(KEY, base_url=f"http://127.0.0.1:{port}", fallback=[server.url])
    with one.audio.acme.talk(model="m1") as session:
        assert session.receive().type == "hello"

    alone = api302.Client(KEY, base_url=f"http://127.0.0.1:{port}", max_retries=0)
    with pytest.raises(api302.ConnectionError, match="could not connect") as caught:
        alone.audio.acme.talk(model="m1").open()
    assert (caught.value.sent, caught.value.unreached) == (False, True)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handshake_has_a_deadline(is_async: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        kind = api302.AsyncClient if is_async else api302.Client
        session = kind(KEY, base_url=url, timeout=0.3, max_retries=0).audio.acme.talk(model="m1")
        with pytest.raises(api302.TimeoutError, match=r"no connection within 0\.3 s") as caught:
            asyncio.run(session.open()) if is_async else session.open()
    assert caught.value.sent is False


def test_middleware_sees_the_handshake(service: Any) -> None:
    seen: list[tuple[str, int]] = []

    def watch(call: Any, next: Any) -> Any:
        response = next(call.replace(headers={"x-mine": "1"}))
        seen.append((call.what, response.status_code))
        return response

    server = service(polite)
    one = client(server, middleware=[watch])
    with one.audio.acme.talk(model="m1", extra_headers={"x-more": "2"}) as session:
        session.receive()
    assert seen == [("GET /v1/talk", 101)]
    headers = server.handshakes[0].headers
    assert (headers["x-mine"], headers["x-more"]) == ("1", "2")


def test_middleware_may_refuse_the_handshake(service: Any) -> None:
    server = service(polite)

    def refuse(call: Any, next: Any) -> Any:
        raise api302.BudgetError(f"{call.what}: no")

    one = client(server, middleware=[refuse])
    with pytest.raises(api302.BudgetError, match="GET /v1/talk"):
        one.audio.acme.talk(model="m1").open()
    assert server.handshakes == []


@pytest.mark.parametrize("name", ["acme_talk", "audio.acme.talk", "client.audio.acme.talk"])
def test_a_call_by_its_name_returns_the_session(service: Any, name: str) -> None:
    server = service(polite)
    given = {"model": "m1", "settings": {"style": "brief"}}
    with client(server).call(name, given, timeout=50) as session:
        assert session.receive().type == "hello"

    async def run() -> str:
        one = api302.AsyncClient(KEY, base_url=server.url)
        async with one, await one.call(name, given) as talk:
            return (await talk.receive()).type

    assert asyncio.run(run()) == "hello"


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ({}, {}, "model: is required by acme_talk"),
        ({"model": "m1", "modle": 1}, {}, "modle: is not an argument of acme_talk; did you mean"),
        ({"model": "m1", "reconnect": "soon"}, {}, "reconnect: must be one of"),
        ({"model": "m1"}, {"extra_body": {"a": 1}}, "extra_body: a realtime session has none"),
    ],
)
def test_a_call_by_its_name_checks_its_arguments(
    service: Any, given: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        client(service(polite)).call("acme_talk", given, **options)


def test_a_session_is_no_task_and_its_name_is_near_others(service: Any) -> None:
    one = client(service(polite))
    with pytest.raises(api302.InvalidArgument, match=r"is a session and starts no task"):
        one.submit("acme_talk", {"model": "m1"})
    with pytest.raises(api302.InvalidArgument, match=r"did you mean acme_talk"):
        one.call("acme_tallk", {"model": "m1"})


def test_an_estimate_says_the_price_and_that_nobody_knows_how_much_is_said(service: Any) -> None:
    server = service(polite)
    one = client(server)
    made = one.estimate("acme_talk", model="m1")
    same = one.estimate(one.audio.acme.talk, model="m1")
    other = one.estimate("acme_talk", model="m9")

    assert (made.low, made.high) == (0, None)
    assert made == same
    assert "depends on what is said in it" in made.basis
    assert (other.low, other.high) == (None, None)
    assert "the price of m9 is not documented" in other.basis
    with pytest.raises(api302.InvalidArgument, match="model: is needed for an estimate"):
        one.estimate("acme_talk")
    with one.budget(1.0), pytest.raises(api302.BudgetError, match="what is said in it"):
        one.audio.acme.talk(model="m1").open()
    assert server.handshakes == []
    with one.budget(1.0, unknown="allow"), one.audio.acme.talk(model="m1") as session:
        assert session.receive().type == "hello"


def test_the_library_is_missing(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = service(polite)
    monkeypatch.setitem(sys.modules, "websockets.exceptions", None)
    with pytest.raises(api302.Api302Error, match=r"pip install api302\[realtime\]"):
        client(server).audio.acme.talk(model="m1").open()


def test_the_library_is_imported_when_it_is_used(packages: list[str]) -> None:
    code = (
        "import sys, api302\n"
        "session = api302.Client('sk-1234567').audio.acme.talk(model='m1')\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'websockets'])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(packages)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "[]"


def lingering(connection: ServerConnection) -> None:
    say(connection, HELLO)
    with suppress(ConnectionClosed):
        connection.recv()


def test_sessions_that_nobody_closed_leave_no_thread_and_no_connection(service: Any) -> None:
    server = service(lingering)
    one = client(server)
    before = threading.active_count()
    session: Any = None
    for _ in range(20):
        session = one.audio.acme.talk(model="m1").open()
        assert session.receive().type == "hello"
    del session
    gc.collect()

    until(lambda: threading.active_count() <= before, "the threads end")


def test_async_sessions_that_nobody_closed_end_in_their_loop(service: Any) -> None:
    server = service(lingering)

    async def run() -> None:
        session: Any = None
        async with api302.AsyncClient(KEY, base_url=server.url) as one:
            for _ in range(20):
                session = await one.audio.acme.talk(model="m1").open()
                assert (await session.receive()).type == "hello"
            del session
            gc.collect()
            await auntil(lambda: len(asyncio.all_tasks()) == 1, "the sessions end")

    asyncio.run(run())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_session_let_go_in_a_child_goes_on_in_its_parent(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        connection.recv()
        say(connection, BEGAN)
        lingering(connection)

    session = client(service(script)).audio.acme.talk(model="m1").open()
    assert session.receive().type == "hello"
    child = os.fork()
    if child == 0:
        del session
        gc.collect()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    session.ask(text="Hi")
    assert session.receive(timeout=PATIENCE).type == "began"
    session.close()


@pytest.mark.parametrize("is_async", [False, True])
def test_only_one_may_receive(service: Any, is_async: bool) -> None:
    server = service(lingering)
    if is_async:

        async def run() -> list[Any]:
            one = api302.AsyncClient(KEY, base_url=server.url)
            async with one, one.audio.acme.talk(model="m1") as talk:
                await talk.receive()
                both = (talk.receive(timeout=0.3), talk.receive(timeout=0.3))
                return await asyncio.gather(*both, return_exceptions=True)

        kinds = {type(error) for error in asyncio.run(run())}
        assert kinds == {api302.InvalidArgument, api302.TimeoutError}
    else:

        def receive(_: int) -> type[Exception] | None:
            try:
                session.receive(timeout=0.3)
            except api302.Api302Error as error:
                return type(error)
            return None

        with (
            client(server).audio.acme.talk(model="m1") as session,
            ThreadPoolExecutor(2) as pool,
        ):
            session.receive()
            # The second may come when the first is over: then once more.
            both = {api302.InvalidArgument, api302.TimeoutError}
            until(lambda: set(pool.map(receive, range(2))) == both, "the second is refused")


def test_trio_is_refused(service: Any) -> None:
    trio = pytest.importorskip("trio")
    server = service(polite)

    async def main() -> None:
        await api302.AsyncClient(KEY, base_url=server.url).audio.acme.talk(model="m1").open()

    with pytest.raises(api302.Api302Error, match="needs asyncio"):
        trio.run(main)
    assert server.handshakes == []


# --- another connection ---------------------------------------------------------------------------


def hello_and_break(connection: ServerConnection) -> None:
    say(connection, HELLO)
    time.sleep(0.05)
    break_off(connection)


@pytest.mark.usefixtures("quick")
def test_an_unused_session_is_connected_again(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        hear(server, connection)
        polite(connection)

    server = service(hello_and_break, script)
    with client(server).audio.acme.talk(model="m1", settings={"style": "brief"}) as session:
        assert [session.receive().type, session.receive().type] == ["hello", "hello"]
        session.ask()

    assert len(server.handshakes) == 2
    assert server.received[1][0] == {"type": "setup", "settings": {"style": "brief"}}


@pytest.mark.usefixtures("quick")
def test_a_session_is_connected_again_before_its_first_event_is_sent(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection)
        connection.close()

    server = service(hello_and_break, script)
    with client(server).audio.acme.talk(model="m1") as session:
        session.receive()
        until(lambda: not session.is_open, "it is closed")
        session.ask(text="Hi")
        list(session)

    assert server.received == [[], [{"type": "ask", "text": "Hi"}]]


@pytest.mark.parametrize("is_async", [False, True])
def test_what_was_sent_is_never_sent_again(service: Any, is_async: bool) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection)
        break_off(connection)

    server = service(script)

    async def main() -> None:
        one = api302.AsyncClient(KEY, base_url=server.url)
        async with one.audio.acme.talk(model="m1", reconnect="idle") as session:
            await session.ask()
            async for _ in session:
                pass

    def blocking() -> None:
        with client(server).audio.acme.talk(model="m1", reconnect="idle") as session:
            session.ask()
            list(session)

    with pytest.raises(api302.RealtimeClosed) as caught:
        asyncio.run(main()) if is_async else blocking()

    assert (caught.value.sent, caught.value.close_code) == (True, 1006)
    assert len(server.handshakes) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("policy", "connections"), [("unused", 1), ("idle", 2), ("never", 1)])
def test_an_idle_session_is_connected_again_if_that_is_wanted(
    service: Any, policy: str, connections: int
) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection)
        say(connection, BEGAN, ENDED)
        hello_and_break(connection)

    def second(connection: ServerConnection) -> None:
        say(connection, HELLO)
        connection.close()

    server = service(script, second)
    session = client(server).audio.acme.talk(model="m1", reconnect=policy)
    events: list[str] = []
    with session:
        session.ask()
        with suppress(api302.RealtimeClosed):
            for event in session:
                events.append(event.type)

    assert len(server.handshakes) == connections
    assert server.received[0] == [{"type": "ask"}]
    assert events[:4] == ["hello", "began", "ended", "hello"]


@pytest.mark.usefixtures("quick")
def test_a_service_that_breaks_every_connection_is_given_up(service: Any) -> None:
    server = service(hello_and_break)
    with (
        client(server, max_retries=2).audio.acme.talk(model="m1") as session,
        pytest.raises(api302.RealtimeClosed) as caught,
    ):
        list(session)
    assert caught.value.sent is False
    assert len(server.handshakes) == 3


@pytest.mark.parametrize("code", [1008, 4000, 1003])
def test_an_end_that_the_service_means_is_final(service: Any, code: int) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        connection.close(code, "enough")

    server = service(script)
    with (
        client(server).audio.acme.talk(model="m1") as session,
        pytest.raises(api302.RealtimeClosed, match="enough") as caught,
    ):
        list(session)
    assert (caught.value.close_code, caught.value.reason) == (code, "enough")
    assert len(server.handshakes) == 1


# --- time, room, and the end ----------------------------------------------------------------------


def test_waiting_for_an_event_has_a_deadline(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection)
        say(connection, BEGAN)
        for _ in connection:
            pass

    def waits(seconds: float) -> bool:
        with client(server, timeout=seconds).audio.acme.talk(model="m1") as session:
            session.receive(timeout=PATIENCE)
            with pytest.raises(api302.TimeoutError, match=r"no event within 0\.05 s"):
                session.receive(timeout=0.05)
            session.ask()
            session.receive(timeout=PATIENCE)
            with pytest.raises(api302.TimeoutError, match=f"no event within {seconds} s") as caught:
                session.receive()
            assert session.is_open
        return caught.value.sent is True

    server = service(script)
    for seconds in (0.3, 3.3, 30.3):  # on a busy machine, the handshake takes a while too
        with suppress(api302.TimeoutError):
            assert waits(seconds)
            return
    pytest.fail("no connection")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_service_that_is_gone_is_found_out(
    monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    from websockets.server import ServerProtocol

    import api302._http.websocket as websocket

    monkeypatch.setattr(websocket, "SILENCE", 0.1)

    def shake_hands_and_freeze(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        protocol = ServerProtocol()
        while protocol.state.name == "CONNECTING":
            protocol.receive_data(connection.recv(4096))
            for event in protocol.events_received():
                protocol.send_response(protocol.accept(cast("Request", event)))
            connection.sendall(b"".join(protocol.data_to_send()))
        frozen.append(connection)

    frozen: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=shake_hands_and_freeze, args=(listening,))
        thread.start()
        options = {"base_url": url, "max_retries": 0}
        try:
            with pytest.raises(api302.RealtimeClosed, match="no sign of life"):
                _received(options, is_async)
        finally:
            thread.join()
            for connection in frozen:
                connection.close()


def _received(options: dict[str, Any], is_async: bool) -> Any:
    """The first event of a session."""

    async def main() -> Any:
        async with api302.AsyncClient(KEY, **options).audio.acme.talk(model="m1") as session:
            return await session.receive()

    if is_async:
        return asyncio.run(main())
    with api302.Client(KEY, **options).audio.acme.talk(model="m1") as session:
        return session.receive()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_service_waits_for_a_reader_that_is_slow(service: Any, is_async: bool) -> None:
    count, sent, size = 150, [0], 256 << 10

    def script(connection: ServerConnection) -> None:
        for number in range(count):
            connection.send(json.dumps({**BEGAN, "number": number, "pad": "x" * size}))
            sent[0] += 1
        connection.close()

    server = service(script)

    def held() -> int:
        """How many it could send until it had to wait."""
        before, steady = -1, 0
        while steady < 3:
            steady = steady + 1 if sent[0] == before else 0
            before = sent[0]
            time.sleep(0.1)
        return sent[0]

    async def main() -> tuple[int, list[int]]:
        one = api302.AsyncClient(KEY, base_url=server.url)
        async with one.audio.acme.talk(model="m1", max_queue=4) as session:
            waiting = await asyncio.to_thread(held)
            return waiting, [event["number"] async for event in session]

    if is_async:
        waiting, numbers = asyncio.run(main())
    else:
        with client(server).audio.acme.talk(model="m1", max_queue=4) as session:
            waiting = held()
            numbers = [event["number"] for event in session]

    assert waiting < count, "it had to wait, as the buffers of the system are smaller"
    assert numbers == list(range(count))


@pytest.mark.parametrize("is_async", [False, True])
def test_a_service_that_does_not_read_is_not_waited_for_without_end(
    service: Any, is_async: bool
) -> None:
    stop = threading.Event()

    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        stop.wait(2 * PATIENCE)

    server = service(script)
    event = {"type": "ask", "text": "x" * (1 << 20)}

    async def main(seconds: float) -> None:
        one = api302.AsyncClient(KEY, base_url=server.url, timeout=seconds)
        async with one.audio.acme.talk(model="m1") as session:
            for _ in range(200):
                await session.send(event)

    def blocking(seconds: float) -> None:
        with client(server, timeout=seconds).audio.acme.talk(model="m1") as session:
            for _ in range(200):
                session.send(event)

    try:
        for seconds in (0.5, 5.5, 50.5):  # on a busy machine, the handshake takes a while too
            with pytest.raises(api302.TimeoutError) as caught:
                asyncio.run(main(seconds)) if is_async else blocking(seconds)
            if "no connection" not in str(caught.value):
                break
        assert f"took no event for {seconds} s" in str(caught.value)
        assert caught.value.sent is True
    finally:
        stop.set()


def _closed_with(service: Any) -> tuple[Service, list[Any]]:
    """A service that notes how its connection ends."""
    ends: list[Any] = []

    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        try:
            while True:
                connection.recv()
        except ConnectionClosed as error:
            ends.append(error.rcvd.code if error.rcvd else None)

    return service(script), ends


def _wait_for(ends: list[Any]) -> list[Any]:
    until(lambda: ends, "the connection ends")
    return ends


def test_an_error_in_the_block_closes_the_session(service: Any) -> None:
    server, ends = _closed_with(service)
    session = client(server).audio.acme.talk(model="m1")
    with pytest.raises(ZeroDivisionError):
        _fail_in(session, ZeroDivisionError())
    assert _wait_for(ends) == [1000]
    assert not session.is_open


def _fail_in(session: Any, error: BaseException) -> None:
    with session:
        session.receive()
        raise error


def test_an_interrupt_lets_go_at_once(service: Any) -> None:
    server, ends = _closed_with(service)
    with pytest.raises(KeyboardInterrupt):
        _fail_in(client(server).audio.acme.talk(model="m1"), KeyboardInterrupt())
    assert _wait_for(ends) == [None]


def test_a_canceled_task_lets_go_at_once(service: Any) -> None:
    server, ends = _closed_with(service)

    async def main() -> None:
        one = api302.AsyncClient(KEY, base_url=server.url)

        async def listen() -> None:
            async with one.audio.acme.talk(model="m1") as session:
                await session.receive()
                greeted.set()
                await session.receive()

        greeted = asyncio.Event()
        task = asyncio.create_task(listen())
        await greeted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert _wait_for(ends) == [None]


def test_a_canceled_wait_loses_no_event(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        hear(server, connection)
        say(connection, HELLO, ENDED)
        connection.close()

    server = service(script)

    async def main() -> list[str]:
        one = api302.AsyncClient(KEY, base_url=server.url)
        async with one.audio.acme.talk(model="m1") as session:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.receive(), 0.05)
            await session.ask()
            return [event.type async for event in session]

    assert asyncio.run(main()) == ["hello", "ended"]


def test_closing_the_client_ends_its_sessions(service: Any) -> None:
    server, ends = _closed_with(service)
    with client(server) as one:
        session = one.audio.acme.talk(model="m1").open()
        session.receive()
    assert _wait_for(ends) == [1000]
    assert not session.is_open
    with pytest.raises(api302.Api302Error, match="the client is closed"):
        one.audio.acme.talk(model="m1").open()


def test_another_thread_may_send(service: Any) -> None:
    def script(connection: ServerConnection) -> None:
        say(connection, HELLO)
        hear(server, connection, 20)
        say(connection, ENDED)
        connection.close()

    server = service(script)
    with client(server).audio.acme.talk(model="m1") as session:
        sender = threading.Thread(target=lambda: [session.ask(text=str(n)) for n in range(20)])
        sender.start()
        assert [event.type for event in session] == ["hello", "ended"]
        sender.join()
    assert [event["text"] for event in server.received[0]] == [str(n) for n in range(20)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_leaves_the_session_to_its_parent(service: Any) -> None:
    server, ends = _closed_with(service)
    with client(server).audio.acme.talk(model="m1") as session:
        session.receive()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                session.ask()
            except api302.ConnectionError as error:
                code = 0 if "belongs to the process" in str(error) and not error.sent else 2
            session.close()
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        session.ask()
        assert session.is_open
        assert ends == []
    assert _wait_for(ends) == [1000]


def test_an_async_session_belongs_to_its_event_loop(service: Any) -> None:
    server = service(polite)
    session = api302.AsyncClient(KEY, base_url=server.url).audio.acme.talk(model="m1")

    async def opened() -> None:
        await session.open()

    first = asyncio.new_event_loop()
    try:
        first.run_until_complete(opened())
        with pytest.raises(api302.ConnectionError, match="event loop"):
            asyncio.run(session.receive())
        first.run_until_complete(session.close())
    finally:
        first.close()
