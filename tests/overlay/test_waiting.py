"""Waiting: for several tasks at once, cancelling, interrupts, and calls that may not be done."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import pytest
from patience import PATIENCE, auntil, until
from support import KEY, Lazy, Request, Server, api302, http


class Studio:
    """A step for ever: paintings that are done after so many polls, and can be cancelled."""

    def __init__(self, polls: int = 1, failing: tuple[str, ...] = ()) -> None:
        self.polls, self.failing = polls, failing
        self.began: list[str] = []
        self.asked: dict[str, int] = {}
        self.cancelled: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, connection: Any, request: Request) -> None:
        with self.lock:
            connection.sendall(self.answer(request))

    def answer(self, request: Request) -> bytes:
        if request.path == "/gifts/paint":
            self.began.append(f"g-{len(self.began) + 1}")
            return http({"id": self.began[-1], "status": "pending"})
        name = request.path.split("/")[3]
        if request.path.endswith("/cancel"):
            self.cancelled.append(name)
            return http({"id": name, "status": "failed"})
        self.asked[name] = self.asked.get(name, 0) + 1
        if self.asked[name] <= self.polls * self.began.index(name):
            return http({"id": name, "status": "pending"})
        if name in self.failing:
            why = {"message": "refused", "code": 4}
            return http({"id": name, "status": "failed", "error": why}, request_id="poll-1")
        return http({"id": name, "status": "done", "images": [f"https://x/{name}.png"]})


def started(serve: Any, connect: Any, count: int, **how: Any) -> tuple[Studio, Any, list[Any]]:
    studio = Studio(**how)
    client = connect(serve(studio, forever=True))
    paint = client.tools.gifts.submit_paint
    return studio, client, [paint(prompt="a cat") for _ in range(count)]


def test_results_come_in_the_order_of_the_tasks(serve: Any, connect: Any) -> None:
    studio, client, tasks = started(serve, connect, 4)
    seen: list[Any] = []
    results = client.wait(reversed(tasks), interval=0.01, on_progress=seen.append)
    assert [result.outputs[0].url for result in results] == [
        f"https://x/g-{n}.png" for n in (4, 3, 2, 1)
    ]
    assert [result.task for result in results] == tasks[::-1]
    assert results[0].id == tasks[3].id == "g-4"
    assert results[0].request_id == tasks[3].request_id
    assert [news.ended for news in seen if news.status.state == "succeeded"] == [1, 2, 3, 4]
    assert (seen[-1].share, seen[-1].total, str(seen[-1])) == (1.0, 4, "4 of 4 tasks, 100%")
    assert all(0 <= one.share <= two.share for one, two in pairwise(seen))
    polls = dict(studio.asked)
    assert client.wait(tasks)[0].outputs[0].url == "https://x/g-1.png"
    assert studio.asked == polls, "tasks that have ended are not polled again"


def test_tasks_as_they_end(serve: Any, connect: Any) -> None:
    studio, client, tasks = started(serve, connect, 3, failing=("g-2",))
    ended = list(client.as_completed(tasks[::-1], interval=0.01))
    assert ended == tasks
    polls = dict(studio.asked)
    assert ended[0].wait().outputs[0].url == "https://x/g-1.png"
    with pytest.raises(api302.TaskFailed, match="refused"):
        ended[1].wait()
    assert studio.asked == polls


def test_no_tasks_and_the_same_twice(serve: Any, connect: Any) -> None:
    _, client, (task,) = started(serve, connect, 1)
    assert client.wait([]) == [] == list(client.as_completed([]))
    assert len(client.wait([task, task], interval=0)) == 1


def test_what_is_no_task_is_refused(serve: Any, connect: Any) -> None:
    _, client, (task,) = started(serve, connect, 1)
    with pytest.raises(api302.InvalidArgument, match=r"tasks: item 1 is dict, not Task.*resume"):
        client.wait([task, task.to_dict()])
    for several in (task, "g-1", None):
        with pytest.raises(api302.InvalidArgument, match=r"tasks: takes a list .*task\.wait\(\)"):
            client.wait(several)


def test_what_is_no_task_of_an_async_client_is_refused(serve: Any) -> None:
    server = serve(Studio(), forever=True).url

    async def job() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server) as client:
            pending = client.tools.gifts.submit_paint(prompt="a cat")
            with pytest.raises(api302.InvalidArgument, match=r"item 0 .*; await the call"):
                await client.wait([pending])
            task = await pending
            with (
                api302.Client(api_key=KEY, base_url=server) as other,
                pytest.raises(api302.InvalidArgument, match="the client that made it"),
            ):
                other.wait([task])

    asyncio.run(job())


def test_a_failure_leaves_the_others(serve: Any, connect: Any) -> None:
    studio, client, tasks = started(serve, connect, 3, failing=("g-1",))
    with pytest.raises(api302.TaskFailed, match="refused") as caught:
        client.wait(tasks, interval=0.01)
    assert caught.value.task is tasks[0]
    assert caught.value.pending == tasks[1:]
    assert studio.cancelled == []
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.task, copied.pending, copied.code) == (None, [], 4)
    first, *others = client.wait(tasks, interval=0.01, return_exceptions=True)
    assert isinstance(first, api302.TaskFailed)
    assert [one.outputs[0].url for one in others] == ["https://x/g-2.png", "https://x/g-3.png"]


def test_the_time_of_all_is_one(serve: Any, connect: Any) -> None:
    studio, client, tasks = started(serve, connect, 3, polls=1_000_000)
    tasks[0].wait(interval=0)
    start = time.monotonic()
    with pytest.raises(api302.TaskTimeout, match="not done within") as caught:
        client.wait(tasks, 0.5, interval=0.05, cancel=True)
    assert time.monotonic() - start < PATIENCE
    assert caught.value.pending == tasks[1:]
    assert sorted(studio.cancelled) == ["g-2", "g-3"]
    assert "was cancelled" in caught.value.__notes__[0]


def test_a_status_that_cannot_be_had(serve: Any, connect: Any) -> None:
    _, client, tasks = started(serve, connect, 2)
    lost = client.resume({**tasks[1].to_dict(), "parameters": {"id": "unknown"}})
    studio_answer = Studio.answer
    try:
        Studio.answer = lambda self, request: (  # type: ignore[method-assign]
            http({"error": {}}, "401 x")
            if request.path.endswith("unknown")
            else studio_answer(self, request)
        )
        found = client.wait([tasks[0], lost], interval=0, return_exceptions=True)
    finally:
        Studio.answer = studio_answer  # type: ignore[method-assign]
    assert isinstance(found[1], api302.AuthenticationError)
    assert found[0].outputs


def test_many_are_polled_at_once(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api302._features.tasks.LONGEST_POLL", 2 * PATIENCE)
    all_at_once, alone = threading.Barrier(8), []

    def step(connection: Any, request: Request) -> None:
        if request.method == "POST":
            connection.sendall(http({"id": "g-1", "status": "pending"}))
            return
        try:
            all_at_once.wait(PATIENCE)
        except threading.BrokenBarrierError:
            alone.append(request)
        connection.sendall(http({"id": "g-1", "status": "done", "images": ["https://x/a"]}))

    client = connect(serve(step, forever=True))
    tasks = [client.tools.gifts.submit_paint(prompt="a cat") for _ in range(8)]
    assert len(client.wait(tasks, interval=0)) == 8
    assert alone == []


def test_an_async_client_waits_for_several(serve: Any) -> None:
    studio = Studio(failing=("g-3",))
    server = serve(studio, forever=True)
    seen: list[Any] = []

    async def note(news: Any) -> None:
        await asyncio.sleep(0)
        seen.append(news)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            paint = client.tools.gifts.submit_paint
            tasks = [await paint(prompt="a cat") for _ in range(3)]
            found = await client.wait(
                tasks, interval=0.01, on_progress=note, return_exceptions=True
            )
            assert [type(one).__name__ for one in found] == [
                "AsyncTaskResult",
                "AsyncTaskResult",
                "TaskFailed",
            ]
            assert [task async for task in client.as_completed(tasks)] == tasks
            with pytest.raises(api302.InvalidArgument, match="not AsyncTask"):
                await client.wait([object()])

    asyncio.run(main())
    assert seen[-1].ended == 3


# --- cancelling and interrupts --------------------------------------------------------------------


def test_cancel_where_the_api_has_no_call(serve: Any, connect: Any) -> None:
    server = serve(http({"code": 0, "data": {"task_id": "t-1", "task_status": "submitted"}}))
    task = connect(server).videos.acme.text_to_video(prompt="a red panda")
    with pytest.raises(api302.InvalidArgument, match=r"cancel: the API has no call"):
        task.wait(cancel=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_fault_16_the_deadline_holds_for_tasks_that_wait_for_their_turn(
    serve: Any, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    """No poll gets a response: those at once each take all of their time."""
    monkeypatch.setattr("api302._features.waiting.AT_ONCE", 2)
    monkeypatch.setattr("api302._features.tasks.SHORTEST_POLL", 0.2)
    over = threading.Event()
    asked: list[str] = []

    def hang(connection: Any, request: Request) -> None:
        if request.path == "/gifts/paint":
            connection.sendall(http({"id": f"g-{len(asked)}", "status": "pending"}))
        else:
            asked.append(request.path)
            over.wait(PATIENCE)

    options: Any = {"api_key": KEY, "base_url": serve(hang, forever=True).url, "max_retries": 0}
    how: Any = {"timeout": 0.3, "interval": 0.0}

    async def main() -> None:
        async with api302.AsyncClient(**options) as client:
            paint = client.tools.gifts.submit_paint
            await client.wait([await paint(prompt="a cat") for _ in range(40)], **how)

    def blocking() -> None:
        with api302.Client(**options) as client:
            paint = client.tools.gifts.submit_paint
            client.wait([paint(prompt="a cat") for _ in range(40)], **how)

    with pytest.raises(api302.TaskTimeout) as raised:
        asyncio.run(main()) if asynchronous else blocking()
    over.set()
    assert len(raised.value.pending) == 40
    assert len(asked) <= 10, "the others are not begun"


def test_a_task_that_is_not_done_in_time_is_cancelled(serve: Any, connect: Any) -> None:
    studio, _, tasks = started(serve, connect, 2, polls=1000)
    with pytest.raises(api302.TaskTimeout) as caught:
        tasks[1].wait(0.1, interval=0.02, cancel=True)
    assert studio.cancelled == ["g-2"]
    assert "Task g-2 was cancelled." in caught.value.__notes__


def test_a_task_that_cannot_be_cancelled_hides_nothing(serve: Any, connect: Any) -> None:
    pending = http({"id": "g-1", "status": "pending"})
    server = serve(pending, pending, http({}, "500 x"))
    task = connect(server, max_retries=0).tools.gifts.submit_paint(prompt="a cat")
    with pytest.raises(api302.TaskTimeout) as caught:
        task.wait(0, cancel=True)
    assert "could not be cancelled" in caught.value.__notes__[0]


@pytest.mark.parametrize("cancel", [False, True])
def test_a_hook_that_fails_leaves_the_handle(cancel: bool, serve: Any, connect: Any) -> None:
    studio, client, tasks = started(serve, connect, 2, polls=3)

    def hook(_: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        tasks[1].wait(interval=0, on_progress=hook, cancel=cancel)
    assert caught.value.task is tasks[1]  # type: ignore[attr-defined]
    assert client.resume(caught.value.task_dict).id == "g-2"  # type: ignore[attr-defined]
    assert ("client.resume({" in caught.value.__notes__[0]) is not cancel
    assert studio.cancelled == (["g-2"] if cancel else [])


PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
sys.path[:0] = sys.argv[3:]
import api302
client = api302.Client(api_key="sk-1", base_url=sys.argv[1])
tasks = [client.tools.gifts.submit_paint(prompt="a cat") for _ in range(2)]
print("begun", flush=True)
how = dict(interval=0.05, cancel=sys.argv[2] == "cancel")
try:
    client.wait(tasks[1:], **how) if sys.argv[2] == "many" else tasks[1].wait(**how)
except KeyboardInterrupt as error:
    print(error.task.id, *error.__notes__, flush=True)
    raise
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("way", ["leave", "cancel", "many"])
def test_ctrl_c(way: str, packages: list[str], serve: Any) -> None:
    studio = Studio(polls=100_000)
    server: Server = serve(studio, forever=True)
    command = [sys.executable, "-c", PROGRAM, server.url, way, *packages]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        until(lambda: studio.asked.get("g-2") or process.poll() is not None, "it polls")
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert out.startswith("g-2 ")
    told = "was cancelled" if way == "cancel" else "client.resume({"
    assert told in out
    assert told in err, "the traceback has it too"
    assert studio.cancelled == (["g-2"] if way == "cancel" else [])


@pytest.mark.parametrize("cancel", [False, True])
def test_a_cancelled_await(cancel: bool, network: str, serve: Any) -> None:
    studio = Studio(polls=100_000)
    server = serve(studio, forever=True)

    async def main() -> BaseException:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            paint = client.tools.gifts.submit_paint
            _, task = await paint(prompt="a cat"), await paint(prompt="a cat")
            waiting = asyncio.create_task(task.wait(interval=0.02, cancel=cancel))
            await auntil(lambda: studio.asked.get("g-2"), "it polls")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await waiting
            assert caught.value.task is task  # type: ignore[attr-defined]
            return caught.value

    error = asyncio.run(main())
    told = "was cancelled" if cancel else "client.resume({"
    assert told in error.__notes__[0]
    assert studio.cancelled == (["g-2"] if cancel else [])


# --- errors ---------------------------------------------------------------------------------------


def test_errors_of_a_task_have_what_is_known(serve: Any, connect: Any) -> None:
    _, _, tasks = started(serve, connect, 1, failing=("g-1",))
    with pytest.raises(api302.TaskFailed) as caught:
        tasks[0].wait(interval=0)
    error = caught.value
    assert (error.code, error.status_code, error.request_id) == (4, 200, "req-1")
    assert (error.status.state, error.body["status"]) == ("failed", "failed")
    assert "refused [task g-1, code 4, HTTP 200, request id req-1; client.resume(" in str(error)
    assert error.call == "POST /gifts/paint"


@pytest.mark.parametrize(
    "pending",
    [
        http({}, "429 x", retry_after="3600"),
        http({}, "503 x", retry_after="3600"),
        http({"id": "g-1", "status": "pending"}, retry_after="3600"),
    ],
)
@pytest.mark.parametrize("how", ["one", "many", "async"])
def test_a_longer_retry_after_is_raised_not_slept(
    how: str, pending: bytes, serve: Any, connect: Any
) -> None:
    server = serve(http({"id": "g-1", "status": "pending"}), pending, forever=True)
    server.steps = [server.steps[0], pending, pending]

    async def in_async() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            task = await client.tools.gifts.submit_paint(prompt="a cat")
            task.handle.response = None  # so that it is polled at once
            await task.wait(2 * PATIENCE)

    def in_sync() -> None:
        client = connect(server)
        task = client.tools.gifts.submit_paint(prompt="a cat")
        task.handle.response = None
        client.wait([task], 2 * PATIENCE) if how == "many" else task.wait(2 * PATIENCE)

    start = time.monotonic()
    with pytest.raises(api302.TaskTimeout, match="polled again in 3600 s") as caught:
        asyncio.run(in_async()) if how == "async" else in_sync()
    assert time.monotonic() - start < PATIENCE
    assert caught.value.retry_after == 3600


def test_a_callers_interval_stands_against_a_suggestion(serve: Any, connect: Any) -> None:
    pending = http({"id": "g-1", "status": "pending"}, retry_after="3600")
    done = http({"id": "g-1", "status": "done", "images": ["https://x/a"]})
    server = serve(pending, pending, pending, done)
    task = connect(server).tools.gifts.submit_paint(prompt="a cat")
    assert task.wait(PATIENCE, interval=0.01).outputs


# --- a call that may answer with its task ---------------------------------------------------------

PENDING = http({"id": "g-1", "status": "pending"}, request_id="billed-1")
DONE = http({"id": "g-1", "status": "done", "images": ["https://x/a.png"]})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are polled without a pause."""
    polling = Lazy("api302._features.polling")
    monkeypatch.setattr(polling.Schedule, "pause", lambda *_: 0.0)


def test_an_unfinished_task_is_followed(serve: Any, connect: Any, at_once: None) -> None:
    server = serve(PENDING.replace(b"request-id: req-1\r\n", b""), PENDING, DONE)
    response = connect(server).tools.gifts.paint(prompt="a cat")
    assert (response.status, response.outputs[0].url) == ("done", "https://x/a.png")
    assert response.request_id == "billed-1"
    assert [request.method for request in server.requests] == ["POST", "GET", "GET"]


def test_an_unfinished_task_is_followed_async(serve: Any, at_once: None) -> None:
    server = serve(PENDING, DONE)

    async def main() -> Any:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            return await client.tools.gifts.paint(prompt="a cat")

    assert asyncio.run(main()).status == "done"


def test_an_unfinished_task_that_fails(serve: Any, connect: Any, at_once: None) -> None:
    server = serve(PENDING, http({"id": "g-1", "status": "failed", "error": {"message": "no"}}))
    with pytest.raises(api302.TaskFailed, match="no") as caught:
        connect(server).tools.gifts.paint(prompt="a cat")
    assert caught.value.task.id == "g-1"


@pytest.mark.parametrize(
    "given",
    [
        {"webhook": "https://me.test/hook"},
        {"extra_query": {"async": True}},
    ],
)
def test_who_asks_for_a_task_gets_its_answer(
    given: dict[str, Any], serve: Any, connect: Any
) -> None:
    server = serve(PENDING)
    assert connect(server).tools.gifts.paint(prompt="a cat", **given).status == "pending"
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [{"status": "new word", "id": "g-1"}, {"status": "pending"}])
def test_what_is_no_known_task_is_the_response(body: Any, serve: Any, connect: Any) -> None:
    server = serve(http(body))
    assert connect(server).tools.gifts.paint(prompt="a cat").to_dict() == body


# --- progress bars --------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def waited(serve: Any, connect: Any) -> list[Any]:
    _, client, tasks = started(serve, connect, 2)
    return [client.wait(tasks, interval=0, progress=True), tasks[0].wait(progress=True)]


def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api302._features.progress.find_spec", lambda _: None)


def test_a_line_in_a_terminal(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    waited(serve, connect)
    assert "\r2 of 2 tasks 100%" in shown.getvalue()
    assert "\rdone 100%\n" in shown.getvalue()


def test_nothing_in_a_pipe(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    monkeypatch.setattr(sys, "stderr", shown := io.StringIO())
    waited(serve, connect)
    assert shown.getvalue() == ""


def test_richs_bar(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    waited(serve, connect)
    assert "2 of 2 tasks" in shown.getvalue()
    assert "100%" in shown.getvalue()


def test_a_bar_in_a_notebook(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    bundles: list[dict[str, str]] = []

    def display(bundle: dict[str, str], **how: Any) -> Any:
        assert how == {"raw": True, "display_id": True}
        bundles.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: bundles.append(bundle))

    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    shown: Any = ModuleType("IPython.display")
    shown.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    waited(serve, connect)
    assert bundles[0]["text/html"].startswith("<progress></progress>")
    assert any('value="1.000"' in bundle["text/html"] for bundle in bundles)
    assert any("2 of 2 tasks, 100%" in bundle["text/plain"] for bundle in bundles)


def test_a_bar_as_tasks_end(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    _, client, tasks = started(serve, connect, 2)
    assert list(client.as_completed(tasks, interval=0, progress=True)) == tasks
    assert "\r1 of 2 tasks" in shown.getvalue()
    assert shown.getvalue().endswith("\r2 of 2 tasks 100%\n")


def test_a_bar_that_is_left_early(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_rich(monkeypatch)
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    _, client, tasks = started(serve, connect, 2)
    ended = client.as_completed(tasks, interval=0, progress=True)
    assert next(ended) in tasks
    ended.close()
    assert shown.getvalue().endswith("\n")


def test_a_hook_beside_the_bar(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    seen: list[Any] = []
    hook: Callable[[Any], None] = seen.append
    _, client, tasks = started(serve, connect, 1)
    client.wait(tasks, interval=0, progress=True, on_progress=hook)
    assert seen[-1].ended == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("count", [1, 40])
def test_fault_11_an_error_of_a_poll_is_raised_as_it_is(
    serve: Any, backend: str, count: int
) -> None:
    """Not within a group; and nothing is left that trio would have to end."""

    def failing(call: Any, next: Any) -> Any:
        if call.method == "GET":
            raise KeyError("mine")
        return next(call)

    async def main() -> None:
        async with api302.AsyncClient(
            api_key=KEY, base_url=serve(Studio(), forever=True).url, middleware=[failing]
        ) as client:
            tasks = [await client.submit("gifts_paint", {"prompt": "x"}) for _ in range(count)]
            with pytest.raises(KeyError, match="mine") as raised:
                await client.wait(tasks, timeout=PATIENCE, interval=0.01)
            assert len(raised.value.pending) == count - 1  # type: ignore[attr-defined]
            async for task in client.as_completed(tasks, timeout=PATIENCE, interval=0.01):
                with pytest.raises(KeyError, match="mine"):
                    await task.wait(interval=0.01)
        gc.collect()

    anyio.run(main, backend=backend)
