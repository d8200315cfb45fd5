"""Tasks against services that drip, say 0, or use words that nobody knows."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from patience import PATIENCE, happened, until
from support import KEY, Lazy, Request, Server, api302, http
from test_task import SUBMITTED, at, submit

polling = Lazy("api302._features.polling")
behaviour = Lazy("api302_client.behaviour")
BODY = re.sub(rb"content-length: \d+", b"content-length: 100000", at("processing"))


def dripping(start: bytes, asked: threading.Event | None = None) -> Any:
    """Send `start` at once, and the rest byte by byte, without an end."""

    def step(connection: socket.socket, _: Request) -> None:
        connection.sendall(start)
        if asked is not None:
            asked.set()
        for byte in BODY[len(start) :] + b" " * int(2 * PATIENCE / 0.05):
            time.sleep(0.05)
            connection.sendall(bytes([byte]))

    return step


def wait(which: str, url: str, **arguments: Any) -> Any:
    """Submit a task and wait for it."""
    if which == "sync":
        with api302.Client(api_key=KEY, base_url=url) as client:
            return submit(client).wait(**arguments)

    async def main() -> Any:
        async with api302.AsyncClient(api_key=KEY, base_url=url) as client:
            return await (await submit(client)).wait(**arguments)

    return asyncio.run(main())


@pytest.mark.parametrize("which", ["sync", "async"])
@pytest.mark.parametrize("part", ["head", "body"])
def test_fault_16_the_deadline_holds_against_a_response_that_drips(
    which: str, part: str, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.tasks.LONGEST_POLL", 2 * PATIENCE)
    start = BODY[:20] if part == "head" else BODY[:-10]
    server: Server = serve(SUBMITTED)
    server.steps += [dripping(start)] * 5
    begun = time.monotonic()
    with pytest.raises(api302.TaskTimeout, match=r"not done within 0\.7 s") as caught:
        wait(which, server.url, timeout=0.7, interval=0.05)
    assert time.monotonic() - begun < PATIENCE
    assert isinstance(caught.value.__cause__, api302.TimeoutError)
    assert caught.value.task_dict["id"] == "t-1"


@pytest.mark.parametrize("which", ["sync", "async"])
def test_fault_16_retry_after_zero_does_not_mean_at_once(
    which: str, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    pause = polling.Schedule.pause

    def noted(*given: Any) -> float | None:
        if (seconds := pause(*given)) is not None:
            pauses.append(seconds)
        return seconds

    monkeypatch.setattr(polling.Schedule, "pause", noted)
    pending = at("processing").replace(b"request-id", b"retry-after: 0\r\nrequest-id")
    server: Server = serve(SUBMITTED.replace(b"request-id", b"retry-after: 0\r\nrequest-id"))
    server.steps += [pending] * 1000
    with pytest.raises(api302.TaskTimeout):
        wait(which, server.url, timeout=2)
    *full, last = pauses  # up to the deadline, which may be near
    assert full
    assert all(0.5 <= one <= 0.55 for one in full)
    assert 0 <= last <= 0.55
    assert len(server.requests) - 1 == len(pauses)


def test_fault_16_the_least_pause_is_a_little_at_random() -> None:
    pauses = set()
    for chance in (0.0, 0.5, 1.0):
        schedule = polling.Schedule(
            100, None, 10, True, clock=lambda: 0.0, chance=lambda c=chance: c
        )
        schedule.suggest(0)
        pauses.add(round(schedule.pause(), 3))
    assert pauses == {0.5, 0.525, 0.55}


@pytest.mark.parametrize(
    "status", ["408 Request Timeout", "425 Too Early", "429 x", "500 x", "502 x", "503 x", "504 x"]
)
def test_fault_16_what_passes_does_not_end_the_wait(status: str, serve: Any, connect: Any) -> None:
    server: Server = serve(
        SUBMITTED,
        http({}, status),
        http("busy", status, "text/plain"),
        at("succeed", "https://x/y.mp4"),
    )
    assert submit(connect(server)).wait(PATIENCE, interval=0.01).outputs[0].url == "https://x/y.mp4"


@pytest.mark.parametrize("status", ["400 x", "401 x", "403 x", "404 x", "410 x"])
def test_what_does_not_pass_ends_it(status: str, serve: Any, connect: Any) -> None:
    server: Server = serve(SUBMITTED, http({}, status))
    with pytest.raises(api302.ApiError):
        submit(connect(server)).wait(PATIENCE, interval=0.01)
    assert len(server.requests) == 2


def test_fault_16_an_unknown_word_beside_a_url_is_an_end(
    serve: Any, connect: Any, caplog: Any
) -> None:
    polling._logged.clear()
    server: Server = serve(SUBMITTED, at("gelukt", "https://x/y.mp4"))
    result = submit(connect(server)).wait(interval=0.01)
    assert result.outputs[0].url == "https://x/y.mp4"
    assert len(server.requests) == 2
    assert "unknown task state 'gelukt' counts as succeeded" in caplog.text


def test_fault_16_words_of_the_whole_description(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    import api302_client.ends

    polling._logged.clear()
    ends = behaviour.Ends(frozenset({"finished"}), frozenset({"aborted"}))
    monkeypatch.setattr(api302_client.ends, "ENDS", ends)
    rule = behaviour.TaskStatus.of(
        {"state": "s", "succeeded": ["ok"], "failed": ["no"], "pending": ["finished-soon"]}
    )
    states = [
        polling.read_status(rule, {"s": word}, name="x").state
        for word in ("FINISHED", "aborted", "dreaming", "ok", "no")
    ]
    assert states == ["succeeded", "failed", "pending", "succeeded", "failed"]
    assert caplog.text.count("unknown task state") == 3


@pytest.mark.parametrize("timeout", [None, float("inf"), sys.maxsize, 10**30])
def test_fault_25_no_deadline(timeout: Any, serve: Any, connect: Any) -> None:
    server: Server = serve(SUBMITTED, at("processing"), at("succeed", "https://x/y.mp4"))
    assert submit(connect(server)).wait(timeout, interval=0.01).outputs
    async_server: Server = serve(SUBMITTED, at("processing"), at("succeed", "https://x/y.mp4"))
    assert wait("async", async_server.url, timeout=timeout, interval=0.01).outputs


def test_a_poll_that_was_given_up_does_not_hold_the_next(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.tasks.LONGEST_POLL", 0.3)
    monkeypatch.setattr("api302._features.tasks.SHORTEST_POLL", 0.3)
    done = at("succeed", "https://x/y.mp4")  # as often as it takes to be quick enough
    server: Server = serve(SUBMITTED, dripping(BODY[:-10]), dripping(BODY[:20]), done, forever=True)
    assert submit(connect(server)).wait(PATIENCE, interval=0.01).outputs[0].url == "https://x/y.mp4"


def test_a_poll_that_was_given_up_reads_no_more(serve: Any, connect: Any) -> None:
    server: Server = serve(SUBMITTED, dripping(BODY[:-10]))
    with pytest.raises(api302.TaskTimeout):
        submit(connect(server)).wait(0.3, interval=0.01)
    until(
        lambda: not any(one.name == "api302-poll" for one in threading.enumerate()),
        "the thread of the poll reads no more",
    )


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where it is ignored because the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a thread")
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_reaches_a_wait(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.tasks.LONGEST_POLL", 2 * PATIENCE)
    asked = threading.Event()
    server: Server = serve(SUBMITTED, dripping(BODY[:-10], asked))
    task = submit(connect(server))
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        happened(asked)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        task.wait(2 * PATIENCE, interval=0.01)
    assert time.monotonic() - begun < PATIENCE
    assert "client.resume({" in caught.value.__notes__[0]


def test_a_failed_task_that_is_an_error_envelope_too(serve: Any, connect: Any) -> None:
    failed = http(
        {
            "code": 1301,
            "message": "risk control",
            "data": {"task_id": "t-1", "task_status": "failed", "task_status_msg": "refused"},
        }
    )
    server: Server = serve(SUBMITTED, failed)
    task = submit(connect(server))
    with pytest.raises(api302.TaskFailed, match="refused") as caught:
        task.wait(interval=0.01)
    assert caught.value.task is task
    assert caught.value.status.response["code"] == 1301
