"""Connections: finalizers, many calls at once, event loops (faults 2, 3 and 4)."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from patience import PATIENCE, happened, until
from support import KEY, api302, chunk, delta, environment, events, head, http, slowly

RESPONSE = {"id": "c-1", "choices": []}
STREAM = head("text/event-stream", "transfer-encoding: chunked")


def chat(client: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[])


def stream(client: Any) -> Any:
    return client.chat.completions.stream(model="small", messages=[])


def in_time(job: Any) -> None:
    """Do it in a thread, so that a deadlock is a failure and no standstill."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            job()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it hangs"
    if failed:
        raise failed[0]


def endless(connection: Any, _: Any) -> None:
    """A stream that goes on until the client lets go."""
    connection.sendall(STREAM)
    try:
        for number in itertools.count():
            connection.sendall(chunk(events(delta(str(number)), done=False)))
            time.sleep(0.005)
    except OSError:
        connection.close()


# --- 2: abandoned streams -------------------------------------------------------------------------


def test_fault_02_abandoned_streams_do_not_lock_the_client(serve: Any, connect: Any) -> None:
    client = connect(serve(endless, forever=True))

    def job() -> None:
        before = gc.get_threshold()
        gc.set_threshold(50, 2, 2)  # so that it runs within the library as well
        try:
            for _ in range(120):
                for _event in stream(client):
                    break
        finally:
            gc.set_threshold(*before)

    in_time(job)


def test_fault_02_what_finalizers_leave_is_closed_by_the_next_call(
    serve: Any, connect: Any
) -> None:
    server = serve(endless, endless, endless, http(RESPONSE))
    client = connect(server)
    for _ in range(3):
        for _event in stream(client):
            break
    gc.collect()
    assert chat(client).id == "c-1"
    io = client._client.io
    assert not io.leftovers
    assert not io.opened


def test_fault_02_a_watched_stream_is_let_go_of_without_a_collector(
    serve: Any, connect: Any
) -> None:
    """A recorder and a span hold the response that they watch, which holds them."""
    told: list[tuple[Any, bytes]] = []

    def watch(call: Any, next: Any) -> Any:
        response = next(call)
        response.when_read(lambda content: told.append((response, content)))
        return response

    client = connect(serve(endless, endless, http(RESPONSE)), middleware=[watch])
    gc.disable()
    try:
        for _ in range(2):
            for _ in stream(client):
                break
        assert len(told) == 1, "the next call tells, and no finalizer"
        chat(client)
        assert len(client._client.io.opened) == 0
    finally:
        gc.enable()
    contents = [content for _, content in told]
    assert len(contents) == 3, "each is told once"
    assert all(content.startswith(b"data: {") for content in contents[:2])


def test_fault_02_a_response_never_closes_from_its_finalizer(serve: Any, connect: Any) -> None:
    client = connect(serve(endless, http(RESPONSE)))
    session = client._client
    call = api302._calls.prepare.raw_call(session.settings, "GET", "/x", stream=True)
    response = api302._http.sync.run(api302._calls.exchange.exchange(session, call))
    raw = response._raw
    del response
    gc.collect()
    assert not raw.is_closed
    assert len(session.io.leftovers) == 1
    assert chat(client).id == "c-1"
    assert raw.is_closed


@pytest.mark.usefixtures("network")
def test_fault_02_abandoned_async_streams(serve: Any) -> None:
    server = serve(endless, forever=True)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            for _ in range(40):
                async for _event in stream(client):
                    break
            gc.collect()
            await asyncio.sleep(0)

    in_time(lambda: asyncio.run(main()))


# --- 3: many calls at once ------------------------------------------------------------------------


def answer(connection: Any, _: Any) -> None:
    connection.sendall(http(RESPONSE))


@pytest.mark.usefixtures("network")
def test_fault_03_thousands_of_calls_at_once(many: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 5000
    arrived = itertools.count()
    went: list[int] = []
    place = api302._http.transport.AsyncIo._place

    async def noted(*given: Any) -> int:
        number = next(arrived)
        found = await place(*given)
        went.append(number)
        return found

    monkeypatch.setattr(api302._http.transport.AsyncIo, "_place", noted)
    # A test server on a busy machine is slow to accept a thousand connections at once.
    patient = httpx2.Timeout(600, connect=PATIENCE)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=many, timeout=patient) as client:
            async with asyncio.timeout(PATIENCE):  # where calls queue in the pool, they never end
                await asyncio.gather(*(chat(client) for _ in range(count)))

    asyncio.run(main())
    assert len(went) == count
    # A thousand run at once, and of as many that get their places together the loop wakes one
    # before the other.
    assert max(abs(turn - number) for turn, number in enumerate(went)) <= 1000


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_fault_03_a_clients_own_limit_is_kept(many: str, library: str) -> None:
    theirs = __import__(library)

    async def main() -> None:
        limits = theirs.Limits(max_connections=3)
        async with theirs.AsyncClient(limits=limits) as mine:
            client = api302.AsyncClient(api_key=KEY, base_url=many, http_client=mine)
            assert len(await asyncio.gather(*(chat(client) for _ in range(60)))) == 60

    asyncio.run(main())


def test_fault_03_in_order_of_arrival() -> None:
    order: list[int] = []
    limiter = api302._http.limiter.Limiter(1, 1, threading.Event)
    place = limiter.take()
    assert place == 0
    tickets = [limiter.take() for _ in range(3)]
    limiter.leave(tickets[1])
    for _ in range(2):
        limiter.give_back(0)
        order += [n for n, (event, _) in enumerate(tickets) if event.is_set() and n not in order]
    assert order == [0, 2]
    limiter.give_back(0)
    assert limiter.take() == 0


def test_fault_03_a_place_is_not_waited_for_longer_than_the_timeout(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api302._http import transport

    monkeypatch.setattr(transport, "POOL", 1)
    monkeypatch.setattr(transport, "POOLS", 1)
    server = serve(endless, http(RESPONSE))
    with api302.Client(api_key=KEY, base_url=server.url) as client:
        with stream(client) as held:
            next(held)
            late = client.with_options(timeout=0.2, max_retries=0)
            with pytest.raises(api302.TimeoutError, match="no free connection") as caught:
                chat(late)
            assert not caught.value.sent
        assert chat(client).id == "c-1"


# --- 4: event loops -------------------------------------------------------------------------------


def sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
        except OSError:
            continue
    return found


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="counts sockets in /proc"
)


@pytest.mark.usefixtures("network")
@needs_proc
def test_fault_04_each_loop_closes_what_it_leaves(serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    asyncio.run(chat(client))
    before = sockets()
    for _ in range(20):
        assert asyncio.run(chat(client)).id == "c-1"
    # The server, which is in this process, may still be about to close its sides.
    until(lambda: sockets() <= before + 2, "the sockets are closed")
    asyncio.run(client.close())


def test_fault_04_each_run_of_trio_closes_what_it_leaves(serve: Any) -> None:
    """Trio does not tell when it ends: the next run closes what the ones before it left."""
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    trio.run(chat, client)
    before = sockets()
    for _ in range(20):
        assert trio.run(chat, client).id == "c-1"
    until(lambda: sockets() <= before + 2, "the sockets are closed")
    assert len(client._client.connections._ios) == 1
    trio.run(client.close)


@pytest.mark.usefixtures("kept")
def test_fault_04_two_runs_of_trio_at_once_keep_their_connections(serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    barrier = threading.Barrier(2)

    async def main() -> None:
        for _ in range(10):
            await trio.to_thread.run_sync(barrier.wait)
            assert (await chat(client)).id == "c-1"

    threads = [threading.Thread(target=trio.run, args=(main,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert server.connections == 2
    trio.run(client.close)


@pytest.mark.usefixtures("network")
def test_fault_04_close_in_another_loop(serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    asyncio.run(chat(client))
    asyncio.run(client.close())
    with pytest.raises(api302.Api302Error, match="closed"):
        asyncio.run(chat(client))


@pytest.mark.usefixtures("network")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("closed", [True, False])
def test_fault_04_a_loop_that_ends_without_its_generators(closed: bool, serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(chat(client))
    if closed:
        loop.close()
    assert asyncio.run(chat(client)).id == "c-1"
    asyncio.run(client.close())
    loop.close()
    del client, loop
    gc.collect()


@pytest.mark.usefixtures("network", "kept")
def test_fault_04_two_loops_at_once_keep_their_connections(serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    barrier = threading.Barrier(2)

    def job() -> None:
        async def main() -> None:
            for _ in range(10):
                await asyncio.to_thread(barrier.wait)
                assert (await chat(client)).id == "c-1"

        asyncio.run(main())

    threads = [threading.Thread(target=job) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert server.connections == 2
    asyncio.run(client.close())


@pytest.mark.usefixtures("network")
def test_fault_04_close_while_the_loop_runs_in_another_thread(serve: Any) -> None:
    server = serve(http(RESPONSE), forever=True)
    client = api302.AsyncClient(api_key=KEY, base_url=server.url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(chat(client), loop).result(PATIENCE)
        http_client = client._client.connections._ios[loop]._http
        asyncio.run(client.close())
        assert http_client.is_closed
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


# --- what holds -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("kept")
def test_holds_streams_whose_end_comes_after_done_share_a_connection(
    serve: Any, connect: Any
) -> None:
    body = [chunk(events(delta("a"))), b"0\r\n\r\n"]

    def keep(connection: Any) -> None: ...

    server = serve(slowly(body, STREAM, keep, pause=0.05), forever=True)
    client = connect(server)
    for _ in range(4):
        assert len(list(stream(client))) == 1
    assert server.connections == 1


def test_holds_threads_whose_first_call_happens_at_once(packages: list[str], serve: Any) -> None:
    import subprocess
    import sys

    server = serve(http(RESPONSE), forever=True)
    code = f"""
import threading
barrier, found = threading.Barrier(16), []
def job():
    barrier.wait()
    import api302
    client = api302.Client(api_key="sk-0123456789", base_url={server.url!r})
    found.append(client.chat.completions.create(model="small", messages=[]).id)
threads = [threading.Thread(target=job) for _ in range(16)]
[t.start() for t in threads]; [t.join() for t in threads]
assert found == ["c-1"] * 16, found
"""
    for options in ([], ["-O"], ["-OO"], ["-bb", "-W", "error"]):
        command = [sys.executable, *options, "-c", code]
        subprocess.run(command, check=True, env=environment(packages), timeout=PATIENCE)


def test_holds_a_connection_that_the_server_closed_leads_to_no_second_post(
    serve: Any, connect: Any
) -> None:
    closed = threading.Event()

    def once(connection: Any, _: Any) -> None:
        connection.sendall(http(RESPONSE))
        connection.shutdown(2)
        connection.close()
        closed.set()

    server = serve(once, forever=True)
    client = connect(server)
    for _ in range(5):
        assert chat(client).id == "c-1"
        happened(closed)
        closed.clear()
    assert len(server.requests) == 5


@pytest.mark.parametrize("how", ["isolated", "zipped"])
def test_holds_isolated_and_zipped_programs(
    how: str, packages: list[str], serve: Any, tmp_path: Path
) -> None:
    import shutil
    import subprocess
    import sys

    path = packages
    if how == "zipped":
        for folder in packages:
            for name in ("api302", "api302_client", "api302_resources"):
                if Path(folder, name).is_dir():
                    shutil.copytree(Path(folder, name), tmp_path / "in" / name)
        path = [shutil.make_archive(str(tmp_path / "program"), "zip", tmp_path / "in")]
    code = f"""
import sys
sys.path[:0] = {path!r}
import api302
client = api302.Client(api_key="sk-0123456789", base_url={serve(http(RESPONSE)).url!r})
assert client.chat.completions.create(model="small", messages=[]).id == "c-1"
client.close()
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=PATIENCE)
