"""One stream, opened, read or saved by several, or twice: one call, and nothing of it lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import pytest
from patience import PATIENCE
from support import KEY, api302, delta, events, head, http, reset, slowly

PIECES = [b"ID3\x04" + bytes([65 + number]) * 996 for number in range(20)]
SOUND = b"".join(PIECES)
SLOWLY = slowly(PIECES, head("audio/mpeg", f"content-length: {len(SOUND)}"), pause=0.002)
EVENTS = http(events(delta("a"), delta("b")), content_type="text/event-stream")
both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def speak(client: Any) -> Any:
    return client.audio.acme.stream_speech(input="x")


def chat(client: Any) -> Any:
    return client.chat.completions.stream(model="small", messages=[])


def at_once(jobs: list[Any]) -> list[Any]:
    """What each job gave or raised, all of them in threads."""

    def do(job: Any) -> Any:
        try:
            return job()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(do, jobs))


async def all_at_once(jobs: list[Any]) -> list[Any]:
    """The same in tasks."""
    results: list[Any] = [None] * len(jobs)

    async def do(number: int, job: Any) -> None:
        try:
            results[number] = await job()
        except Exception as error:
            results[number] = error

    async with anyio.create_task_group() as group:
        for number, job in enumerate(jobs):
            group.start_soon(do, number, job)
    return results


def test_fault_05_threads_that_open_one_stream_make_one_call(serve: Any, connect: Any) -> None:
    """Each of them made the call, which was paid for as often."""
    for make, step in ((chat, EVENTS), (speak, SLOWLY)):
        server = serve(step, forever=True)
        stream = make(connect(server))
        at_once([stream.__enter__] * 8)
        assert len(server.requests) == 1
        stream.close()


@both
def test_fault_05_tasks_that_open_one_stream_make_one_call(serve: Any, backend: str) -> None:
    async def main() -> None:
        for make, step in ((chat, EVENTS), (speak, SLOWLY)):
            server = serve(step, forever=True)
            async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
                stream = make(client)
                await all_at_once([stream.__aenter__] * 8)
                assert len(server.requests) == 1
                assert [piece async for piece in stream]

    anyio.run(main, backend=backend)


def test_fault_05_a_stream_whose_call_failed_makes_no_other(serve: Any, connect: Any) -> None:
    """Reading on made the call again, which may have been accepted."""
    server = serve(reset, forever=True)
    for make in (chat, speak):
        before = len(server.requests)
        stream = make(connect(server))
        for _ in range(3):
            with pytest.raises((api302.Api302Error, StopIteration)):
                next(stream)
        assert len(server.requests) == before + 1


@both
def test_fault_05_an_async_stream_whose_call_failed_makes_no_other(
    serve: Any, backend: str
) -> None:
    server = serve(reset, forever=True)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            for make in (chat, speak):
                before = len(server.requests)
                stream = make(client)
                for _ in range(3):
                    with pytest.raises((api302.Api302Error, StopAsyncIteration)):
                        await anext(stream)
                assert len(server.requests) == before + 1

    anyio.run(main, backend=backend)


def test_fault_13_threads_that_read_the_bytes_of_one_stream_lose_none(
    serve: Any, connect: Any
) -> None:
    server = serve(SLOWLY)
    stream = speak(connect(server))
    parts = at_once([lambda: list(stream)] * 4)
    assert len(server.requests) == 1
    pieces = [piece for part in parts for piece in part]
    assert sorted(b"".join(pieces)) == sorted(SOUND)


@both
def test_fault_13_tasks_that_read_the_bytes_of_one_stream_lose_none(
    serve: Any, backend: str
) -> None:
    """All but one got a RuntimeError."""
    server = serve(SLOWLY)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            stream = speak(client)

            async def read() -> bytes:
                return b"".join([piece async for piece in stream])

            parts = await all_at_once([read] * 4)
        assert sorted(b"".join(parts)) == sorted(SOUND)

    anyio.run(main, backend=backend)
    assert len(server.requests) == 1


def test_fault_05_a_file_lacks_nothing_that_was_read_before(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    """The file began where the reader had stopped."""
    stream = speak(connect(serve(SLOWLY)))
    first = next(stream)
    with pytest.raises(api302.Api302Error, match=rf"has given {len(first)} bytes.*save it before"):
        stream.save(tmp_path / "a.mp3")
    assert list(tmp_path.iterdir()) == []
    assert first + b"".join(stream) == SOUND, "what is left can still be read"


def test_fault_05_what_was_saved_is_not_replaced_by_nothing(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    """A second `save` wrote an empty file."""
    stream = speak(connect(serve(SLOWLY)))
    path = stream.save(tmp_path / "a.mp3")
    for again in (lambda: stream.save(tmp_path / "a.mp3"), lambda: next(stream)):
        with pytest.raises(api302.Api302Error, match="was saved already; read the file"):
            again()
    assert path.read_bytes() == SOUND
    with speak(connect(serve(SLOWLY))) as closed:
        pass
    with pytest.raises(api302.Api302Error, match="is closed"):
        closed.save(tmp_path / "b.mp3")
    assert not (tmp_path / "b.mp3").exists()


def test_fault_05_threads_that_save_one_stream_get_one_whole_file(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    server = serve(SLOWLY)
    stream = speak(connect(server))
    paths = [tmp_path / f"{number}.mp3" for number in range(4)]
    results = at_once([lambda path=path: stream.save(path) for path in paths])
    saved = [one for one in results if isinstance(one, Path)]
    assert [path.read_bytes() for path in saved] == [SOUND]
    assert all(isinstance(one, api302.Api302Error) for one in results if one not in saved)
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == saved


@both
def test_fault_05_tasks_that_save_and_read_one_stream(
    serve: Any, backend: str, tmp_path: Path
) -> None:
    """Whoever comes first has it; the other is told why it has nothing."""

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            stream = speak(client)

            async def read() -> bytes:
                return b"".join([piece async for piece in stream])

            async def save() -> bytes:
                return (await stream.save(tmp_path / "a.mp3")).read_bytes()

            results = await all_at_once([save, read, read, save])
        whole = b"".join(one for one in results if isinstance(one, bytes))
        errors = [one for one in results if not isinstance(one, bytes)]
        assert sorted(whole) == sorted(SOUND)
        assert errors
        assert all(isinstance(one, api302.Api302Error) for one in errors)

    server = serve(SLOWLY)
    anyio.run(main, backend=backend)
    assert len(server.requests) == 1


@both
def test_fault_05_a_reader_whose_stream_is_closed_does_not_take_it_for_whole(
    serve: Any, backend: str
) -> None:
    """Of a body that ends with its connection, what came so far was given as all."""
    is_over = Event()

    def hold(connection: Any, _: Any) -> None:
        connection.sendall(head("audio/mpeg") + PIECES[0])
        is_over.wait(PATIENCE)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=serve(hold).url) as client:
            stream = speak(client)
            assert await anext(stream) == PIECES[0]

            async def read() -> None:
                with pytest.raises(api302.Api302Error):
                    await anext(stream)

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await anyio.wait_all_tasks_blocked()
                await stream.close()
                is_over.set()
            assert [piece async for piece in stream] == []

    anyio.run(main, backend=backend)
