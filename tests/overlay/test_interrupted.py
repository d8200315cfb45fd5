"""Work that is interrupted: by signals to processes, and by cancellation at every await."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trio
from patience import PATIENCE, auntil, happened, until
from support import (
    KEY,
    Request,
    Server,
    api302,
    chunk,
    delta,
    environment,
    events,
    head,
    http,
    slowly,
)

CONTENT = b"0123456789" * 20_000
COUNT = int(2 * PATIENCE / 0.05)
"""Pieces or polls that last for longer than any machine is slow."""

# --- signals --------------------------------------------------------------------------------------

PROGRAM = """
import signal, sys
import api302

# Whoever runs the tests in the background may have SIGINT ignored, which is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

def progress(_):
    print("begun", flush=True)

client = api302.Client(api_key="sk-0123456789", base_url=sys.argv[2])
match sys.argv[1]:
    case "stream":
        for event in client.chat.completions.stream(model="small", messages=[]):
            print("begun", flush=True)
    case "wait":
        client.videos.acme.text_to_video(prompt="x").wait(interval=0.05, on_progress=progress)
    case "upload":
        class Slow:
            def read(self, size=-1):
                import time
                print("begun", flush=True)
                time.sleep(0.05)
                return b"x" * 1000
        client.tools.extra.upload(file=Slow())
    case "download":
        class Loud:
            pass
        print("begun", flush=True)
        client.download(sys.argv[2] + "/a.mp4", sys.argv[3])
"""


def steps(work: str) -> list[Any]:
    endless = slowly(
        [chunk(b"x" * 1000)] * COUNT, head("video/mp4", "transfer-encoding: chunked"), pause=0.05
    )
    return {
        "stream": [
            slowly([events(delta("x"), done=False)] * COUNT, head("text/event-stream"), pause=0.05)
        ],
        "wait": [
            http({"code": 0, "data": {"task_id": "t-1"}}),
            *[http({"code": 0, "data": {"task_id": "t-1", "task_status": "processing"}})] * COUNT,
        ],
        "upload": [http({})],
        "download": [endless] * 3,
    }[work]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("work", ["stream", "wait", "upload", "download"])
def test_a_process_that_gets_a_signal(
    work: str, sent: str, serve: Any, packages: list[str], tmp_path: Path
) -> None:
    server: Server = serve(*steps(work))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, work, server.url, str(tmp_path / "a.mp4")],
        env=environment(packages),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            if work == "download":
                until(lambda: server.requests or process.poll() is not None, "it is asked for")
            time.sleep(0.3)  # for the work to go on
            process.send_signal(signal.Signals[sent])
            begun = time.monotonic()
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert time.monotonic() - begun < PATIENCE
    assert process.returncode in (-signal.Signals[sent], 1, 130)
    submits = [request for request in server.requests if request.method == "POST"]
    assert len(submits) <= 1, "nothing that costs is sent twice"
    assert not (tmp_path / "a.mp4").exists()
    if sent == "SIGINT":
        assert "KeyboardInterrupt" in errors
        assert list(tmp_path.iterdir()) == []
        assert ("client.resume({" in errors) is (work == "wait")
    else:
        assert errors == ""


# --- cancellation ---------------------------------------------------------------------------------

# The HTTP library leaves an inner generator to the collector, of which trio warns; the connection
# is closed.
quiet = pytest.mark.filterwarnings(
    "ignore:Async generator 'httpcore:ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@asynccontextmanager
async def client_of(server: Server, transport: str) -> AsyncIterator[Any]:
    """An async client on our own transport, or on a caller's own client of httpx."""
    async with httpx.AsyncClient() as own:
        options = {"http_client": own} if transport == "httpx" else {}
        async with api302.AsyncClient(api_key=KEY, base_url=server.url, **options) as client:
            yield client


def open_files() -> set[str]:
    """The files below a folder for tests that this process has open."""
    found: set[str] = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return {path for path in found if ".part" in path or path.endswith(".mp4")}


def files(_: socket.socket, __: Request) -> None:
    """Send a file in pieces."""
    _.sendall(head("video/mp4", f"content-length: {len(CONTENT)}"))
    for start in range(0, len(CONTENT), 50_000):
        _.sendall(CONTENT[start : start + 50_000])
        time.sleep(0.002)


def check(folder: Path) -> bool:
    """Whether the file is there whole; else nothing is, and nothing is open."""
    left = list(folder.iterdir())
    assert open_files() == set()
    if not left:
        return False
    assert [path.name for path in left] == ["a.mp4"]
    assert left[0].read_bytes() == CONTENT
    left[0].unlink()
    return True


@pytest.mark.usefixtures("network")
def test_fault_18_cancelled_at_every_await_of_asyncio(
    transport: str, serve: Any, tmp_path: Path
) -> None:
    server: Server = serve(files, forever=True)
    outcomes: list[bool] = []

    async def main() -> None:
        async with client_of(server, transport) as client:
            for after in [*range(40), *range(40, 400, 9)]:
                task = asyncio.ensure_future(client.download(f"{server.url}/a.mp4", tmp_path))
                for _ in range(after):
                    await asyncio.sleep(0 if after < 40 else 0.0002)
                task.cancel()
                done = await asyncio.gather(task, return_exceptions=True)
                is_whole = check(tmp_path)
                outcomes.append(is_whole)
                if not isinstance(done[0], BaseException):
                    assert is_whole
                    return

    asyncio.run(main())
    assert not outcomes[0]


@quiet
def test_fault_18_cancelled_at_every_await_of_trio(
    transport: str, serve: Any, tmp_path: Path
) -> None:
    server: Server = serve(files, forever=True)
    outcomes: list[bool] = []

    async def main() -> None:
        async with client_of(server, transport) as client:
            for after in [*range(40), *range(40, 400, 9)]:
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(client.download, f"{server.url}/a.mp4", tmp_path)
                        for _ in range(after):
                            await trio.sleep(0 if after < 40 else 0.0002)
                        scope.cancel()
                is_whole = check(tmp_path)
                outcomes.append(is_whole)
                if not scope.cancelled_caught:
                    assert is_whole
                    return

    trio.run(main)
    assert not outcomes[0]


@pytest.mark.usefixtures("network")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@quiet
@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_fault_18_cancelled_while_nobody_reads_the_pipe(
    runner: str, transport: str, serve: Any, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    server: Server = serve(files)

    async def save() -> None:
        import anyio

        async with client_of(server, transport) as client:
            with anyio.move_on_after(0.5):
                await client.download(f"{server.url}/a.mp4", pipe)

    begun = time.monotonic()
    asyncio.run(save()) if runner == "asyncio" else trio.run(save)
    assert time.monotonic() - begun < PATIENCE
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.usefixtures("network")
@quiet
@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_cancelled_in_a_stream(runner: str, transport: str, serve: Any) -> None:
    endless = slowly([events(delta("x"), done=False)] * 400, head("text/event-stream"), pause=0.01)
    whole = http(events(delta("a")), content_type="text/event-stream")
    assert callable(endless)

    def answer(connection: socket.socket, request: Request) -> None:
        # By what is asked: of those that are cancelled, some never arrive, and some late.
        if b"whole" in request.body:
            connection.sendall(whole)
        else:
            endless(connection, request)

    server: Server = serve(answer, forever=True)

    async def main() -> str:
        import anyio

        async with client_of(server, transport) as client:
            for number in range(20):
                with anyio.move_on_after(0.002 * number):
                    await client.chat.completions.stream(model="small", messages=[]).final()
            last = await client.chat.completions.stream(model="whole", messages=[]).final()
            assert len(client._client.io.opened) == 0
            return last.choices[0].message.content

    assert (asyncio.run(main()) if runner == "asyncio" else trio.run(main)) == "a"


# --- a client that is closed meanwhile ------------------------------------------------------------


def endless(content_type: str) -> Any:
    """A body that does not say where it ends."""
    return slowly([b"x" * 1000] * COUNT, head(content_type), pause=0.05)


async def _closed_while(client: Any, has_begun: Callable[[], object], work: Any) -> Any:
    """The error of work whose client is closed by another task once it has begun."""
    caught: list[Exception] = []

    async def begin() -> None:
        try:
            await work(client)
        except Exception as error:
            caught.append(error)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(begin)
            await auntil(has_begun, "the work has begun")
            await client.close()
    (error,) = caught
    return error


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fault_18_a_client_that_is_closed_saves_no_half_file(
    serve: Any, tmp_path: Path, backend: str
) -> None:
    """Its own end of the connection is not the end of the file."""
    server = serve(endless("application/octet-stream"), forever=True)

    async def main() -> None:
        client = api302.AsyncClient(api_key=KEY, base_url=server.url, max_retries=2)
        await _closed_while(
            client,
            lambda: any(path.stat().st_size for path in tmp_path.iterdir()),
            lambda c: c.download(f"{server.url}/a", tmp_path / "a"),
        )

    anyio.run(main, backend=backend)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fault_12_what_a_client_that_is_closed_has_received_is_not_the_whole(
    serve: Any, backend: str
) -> None:
    server = serve(endless("audio/mpeg"), forever=True)

    received: list[bytes] = []

    async def read(client: Any) -> None:
        async with client.audio.acme.stream_speech(input="x") as stream:
            async for piece in stream:
                received.append(piece)

    async def main() -> None:
        client = api302.AsyncClient(api_key=KEY, base_url=server.url)
        error = await _closed_while(client, lambda: received, read)
        assert isinstance(error, api302.ConnectionError)
        assert (error.status_code, error.request_id, error.sent) == (200, "req-1", True)

    anyio.run(main, backend=backend)


def test_fault_05_a_call_goes_on_whose_client_is_closed(serve: Any) -> None:
    """Its connections are a caller's own: the response comes, and is paid for."""
    asked, closed = threading.Event(), threading.Event()

    def late(connection: Any, _: Request) -> None:
        asked.set()
        happened(closed)
        connection.sendall(http({"id": "c-1", "choices": []}))

    server = serve(late)
    with httpx.Client() as own:
        client = api302.Client(api_key=KEY, base_url=server.url, http_client=own)
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(client.chat.completions.create, model="small", messages=[])
            happened(asked)
            client.close()
            closed.set()
            assert made.result(PATIENCE).id == "c-1"


def test_fault_05_a_file_that_is_here_is_saved_by_a_closed_client(
    serve: Any, tmp_path: Path
) -> None:
    """It came with the response, and needs no network."""
    server = serve(http({"data": [{"b64_json": "iVBORw0KGgo="}]}), forever=True)
    with api302.Client(api_key=KEY, base_url=server.url) as client:
        (output,) = client.tools.gifts.draw(prompt="x").outputs
    assert output.save(tmp_path / "a.png").read_bytes() == output.read() == b"\x89PNG\r\n\x1a\n"

    async def main() -> Path:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            (output,) = (await client.tools.gifts.draw(prompt="x")).outputs
        return await output.save(tmp_path / "b.png")

    for backend in ("asyncio", "trio"):
        assert anyio.run(main, backend=backend).stat().st_size == 8


def test_fault_10_a_task_that_cannot_be_cancelled_hides_no_error(serve: Any) -> None:
    """The client was closed while it waited."""
    server = serve(http({"id": "g-1", "status": "pending"}), forever=True)

    async def work(client: Any) -> None:
        task = await client.submit("gifts_paint", {"prompt": "x"})
        await task.wait(interval=0.01, timeout=PATIENCE, cancel=True)

    async def main() -> None:
        client = api302.AsyncClient(api_key=KEY, base_url=server.url)
        error = await _closed_while(client, lambda: len(server.requests) > 1, work)
        assert "The task was not cancelled (the client is closed" in "".join(error.__notes__)
        assert error.task_dict["id"] == "g-1"

    anyio.run(main)
