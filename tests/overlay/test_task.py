"""Tasks, over real sockets and in other processes; and the schedule without a clock."""

from __future__ import annotations

import asyncio
import builtins
import json
import logging
import pickle
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import pytest
from patience import PATIENCE
from support import KEY, Lazy, Request, Server, api302, environment, http, silent

polling = Lazy("api302._features.polling")
SUBMITTED = http({"code": 0, "data": {"task_id": "t-1", "task_status": "submitted"}})


def at(state: str, *urls: str, **more: Any) -> bytes:
    return http(
        {
            "code": 0,
            "data": {
                "task_id": "t-1",
                "task_status": state,
                "task_result": {"videos": [{"url": url} for url in urls]},
                **more,
            },
        }
    )


def submit(client: Any) -> Any:
    return client.videos.acme.text_to_video(prompt="a red panda")


def test_a_task(serve: Any, connect: Any, tmp_path: Any) -> None:
    server = serve(SUBMITTED)
    video = http(b"video", content_type="video/mp4")
    server.steps += [
        at("submitted"),
        at("processing"),
        at("processing"),
        at("succeed", f"{server.url}/v-1.mp4"),
        video,
        video,
    ]
    client = connect(server)
    task = submit(client)
    assert (task.id, task.response.data.task_id, task.request_id) == ("t-1", "t-1", "req-1")
    assert "acme_text_to_video" in repr(task)
    with pytest.raises(
        AttributeError, match=r"no attribute 'outputs'; `wait\(\)` gives the result"
    ):
        print(task.outputs)
    with pytest.raises(AttributeError, match=r"no attribute 'colour'$"):
        print(task.colour)
    seen: list[Any] = []
    result = task.wait(interval=0.01, on_progress=seen.append)
    assert [(status.state, status.raw_state) for status in seen] == [
        ("pending", "submitted"),
        ("pending", "processing"),
        ("succeeded", "succeed"),
    ]
    assert [str(status) for status in seen] == [
        "pending (submitted)",
        "pending (processing)",
        "succeeded 100% (succeed)",
    ]
    assert type(result.response).__name__ == "AcmeTaskResponse"
    assert result.request_id == "req-1"
    (output,) = result.outputs
    assert str(output) == output.url == f"{server.url}/v-1.mp4"
    assert output.save(tmp_path).read_bytes() == output.read() == b"video"
    assert {request.path for request in server.requests[1:5]} == {"/acme/v1/videos/t-1"}


def test_status_and_events(serve: Any, connect: Any) -> None:
    server = serve(
        SUBMITTED,
        at("processing"),
        at("processing"),
        at("failed", task_status_msg="prompt refused"),
    )
    task = submit(connect(server))
    assert task.status().state == "pending"
    states = list(task.events(interval=0))
    assert [status.state for status in states] == ["pending", "failed"]
    assert states[-1].message == "prompt refused"


def test_a_task_that_fails(serve: Any, connect: Any) -> None:
    server = serve(SUBMITTED, at("failed", task_status_msg="prompt refused"))
    task = submit(connect(server))
    with pytest.raises(api302.TaskFailed, match="prompt refused") as caught:
        task.wait(interval=0)
    error = caught.value
    assert error.task is task
    assert error.task_dict == task.to_dict()
    assert error.status.response.data.task_status == "failed"
    assert json.dumps(task.to_dict()) in str(error)
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.task, copied.task_dict, str(copied)) == (None, task.to_dict(), str(error))


@pytest.mark.parametrize("timeout", [0, 0.3])
def test_a_task_that_takes_too_long(timeout: float, serve: Any, connect: Any) -> None:
    server = serve(SUBMITTED)
    task = submit(connect(server))
    server.steps, server.forever = [at("processing")], True
    start = time.monotonic()
    with pytest.raises(api302.TaskTimeout, match="not done within") as caught:
        task.wait(timeout, interval=0.05)
    assert issubclass(api302.TaskTimeout, builtins.TimeoutError)
    assert time.monotonic() - start >= timeout
    assert len(server.requests) - 1 <= timeout / 0.05 + 1, "no poll is begun after the end"
    server.steps = [at("succeed", "https://x/y.mp4")]
    assert (
        caught.value.task.wait(PATIENCE, interval=0).outputs[0].url == "https://x/y.mp4"
    )  # not lost


def test_a_look_that_hangs_does_not_outlast_the_deadline(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.tasks.LONGEST_POLL", 2 * PATIENCE)
    server = serve(SUBMITTED)
    task = submit(connect(server))
    server.steps, server.forever = [silent], True
    start = time.monotonic()
    with pytest.raises(api302.TaskTimeout) as caught:
        task.wait(0.5, interval=0.01)
    assert time.monotonic() - start < PATIENCE
    assert isinstance(caught.value.__cause__, api302.TimeoutError)


def test_passing_trouble_is_tolerated(serve: Any, connect: Any) -> None:
    def gone(connection: Any, _: Request) -> None:
        connection.close()

    server = serve(
        SUBMITTED,
        gone,
        http({}, "502 x"),
        http({}, "429 x", retry_after="0.01"),
        http("<html>"),
        at("succeed", "https://x/y.mp4"),
    )
    assert submit(connect(server)).wait(PATIENCE, interval=0.01).outputs[0].url == "https://x/y.mp4"


def test_other_trouble_is_not_and_leaves_a_note(serve: Any, connect: Any) -> None:
    server = serve(SUBMITTED, http({"error": {}}, "401 x"), SUBMITTED, at("processing"))
    client = connect(server)
    with pytest.raises(api302.AuthenticationError) as caught:
        submit(client).wait(interval=0)
    assert "client.resume({" in caught.value.__notes__[0]
    task = submit(client)

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupted:
        task.wait(interval=0, on_progress=interrupt)
    assert "client.resume({" in interrupted.value.__notes__[0]


def test_an_unknown_state_is_pending_and_logged_once(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.polling._logged", set())
    server = serve(SUBMITTED, at("dreaming"), at("dreaming"), at("SUCCEED", "https://x/y.mp4"))
    assert submit(connect(server)).wait(interval=0).outputs
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING
    ]
    assert warnings == ["acme_get_video: unknown task state 'dreaming' counts as pending"]


def test_a_reply_without_a_task_is_not_lost(serve: Any, connect: Any) -> None:
    with pytest.raises(api302.DecodeError, match=r"no data\.task_id") as caught:
        submit(connect(serve(http({"code": 0, "data": {"url": "https://x"}}))))
    assert caught.value.body == {"code": 0, "data": {"url": "https://x"}}


def test_a_task_that_is_done_when_it_is_submitted(serve: Any, connect: Any) -> None:
    done = at("succeed", "https://x/y.mp4")
    nameless = http(
        {
            "code": 0,
            "data": {
                "task_status": "succeed",
                "task_result": {"videos": [{"url": "https://x/z.mp4"}]},
            },
        }
    )
    empty = at("succeed")
    server = serve(done, nameless, empty, at("succeed", "https://x/w.mp4"))
    client = connect(server)
    task = submit(client)
    result = task.wait(0)
    assert (result.outputs[0].url, result.response, result.request_id) == (
        "https://x/y.mp4",
        task.response,
        "req-1",
    )
    assert [status.state for status in task.events()] == [task.status().state] == ["succeeded"]
    unnamed = submit(client)  # what is paid for is there, name or no name
    assert (unnamed.id, unnamed.wait().outputs[0].url) == ("", "https://x/z.mp4")
    assert len(server.requests) == 2
    assert (
        submit(client).wait(interval=0).outputs[0].url == "https://x/w.mp4"
    )  # no outputs yet: asked for


def test_words_are_no_output(serve: Any, connect: Any) -> None:
    server = serve(http({"task_id": "a-1"}), http({"state": 1, "direct": "A cat on a sofa."}))
    result = connect(server).tools.extra.ask(prompt="why").wait(interval=0)
    assert (result.outputs, result.response["direct"]) == ([], "A cat on a sofa.")


def test_text_nested_deeper_than_python_goes(serve: Any, connect: Any) -> None:
    server = serve(http({"task_id": "a-1"}), http({"state": 1, "output": "[" * 100_000}))
    assert connect(server).tools.extra.ask(prompt="why").wait(interval=0).response.state == 1


def test_bad_waits(serve: Any, connect: Any) -> None:
    task = submit(connect(serve(SUBMITTED)))
    for arguments in (
        {"timeout": -1},
        {"timeout": "10"},
        {"timeout": float("nan")},
        {"interval": -1},
    ):
        with pytest.raises(api302.InvalidArgument, match=next(iter(arguments))):
            task.wait(**arguments)


# --- resuming -------------------------------------------------------------------------------------


def test_in_another_process(serve: Any, connect: Any, packages: list[str], tmp_path: Any) -> None:
    server = serve(SUBMITTED)
    server.steps += [
        at("processing"),
        at("succeed", f"{server.url}/v.mp4"),
        http(b"video", content_type="video/mp4"),
    ]
    kept = json.dumps(submit(connect(server)).to_dict())
    assert KEY not in kept
    code = """
import api302, json, sys
task = api302.Client().resume(json.loads(sys.argv[1]))
print(task.wait(interval=0.01).outputs[0].save(sys.argv[2]))
"""
    variables = environment(packages, AI302_API_KEY=KEY, AI302_BASE_URL=server.url)
    done = subprocess.run(
        [sys.executable, "-c", code, kept, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env=variables,
    )
    assert done.stdout.strip() == str(tmp_path / "v.mp4")
    assert (tmp_path / "v.mp4").read_bytes() == b"video"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "`version` is 2, and this version of api302 reads 1"),
        ({"version": None}, "`version` is None"),
        ({"kind": "other"}, "`kind` must be 'api302.task'"),
        ({"operation": "acme_image_to_video"}, "`operation` 'acme_image_to_video' is unknown"),
        ({"operation": None}, "`operation` None is unknown"),
        ({"operation": "acme_get_video"}, "`operation` 'acme_get_video' starts no task"),
        ({"parameters": {}}, "`parameters` must have task_id"),
        ({"parameters": None}, "`parameters` must have task_id"),
    ],
)
def test_a_bad_dict(change: dict[str, Any], said: str, serve: Any, connect: Any) -> None:
    client = connect(serve(SUBMITTED))
    kept = submit(client).to_dict()
    assert client.resume(kept).id == "t-1"
    assert client.resume(kept).response is None
    with pytest.raises(api302.InvalidArgument) as caught:
        client.resume({**kept, **change})
    assert str(caught.value).startswith("task: ")
    assert said in str(caught.value)
    with pytest.raises(api302.InvalidArgument, match="task: is not what"):
        client.resume("t-1")


def test_a_task_is_not_pickled(serve: Any, connect: Any) -> None:
    with pytest.raises(TypeError, match=r"task\.to_dict\(\)"):
        pickle.dumps(submit(connect(serve(SUBMITTED))))


def test_fault_25_the_result_of_a_task_says_what_is_pickled(serve: Any, connect: Any) -> None:
    done = {"id": "g-1", "status": "done", "images": ["https://x/a.png"]}
    client = connect(serve(http({"id": "g-1", "status": "pending"}), http(done)))
    result = client.submit("gifts_paint", {"prompt": "x"}).wait(interval=0.01)
    with pytest.raises(TypeError, match=r"pass result\.response and result\.outputs, which are"):
        pickle.dumps(result)
    response, outputs = pickle.loads(pickle.dumps((result.response, result.outputs)))
    assert (response.id, outputs[0].url) == ("g-1", "https://x/a.png")


# --- other ways of telling ------------------------------------------------------------------------


def test_asynchronous_on_demand(serve: Any, connect: Any) -> None:
    def later(status: int, data: Any = "", err: str = "") -> bytes:
        return http(
            {
                "status_code": status,
                "data": data if isinstance(data, str) else json.dumps(data),
                "err": err,
            }
        )

    server: Server = serve(
        http({"total": 3}),
        http({"task_id": "t-1"}),
        *[later(0, err="result pending"), later(200, {"code": 0, "total": 3})],
        http({"task_id": "t-2"}),
        later(400, {"error": {}}, "refused upstream"),
        *[
            http({"task_id": "t-4"}),
            later(400, {"error": {"message": "too rude", "code": "policy"}}),
        ],
        http({"task_id": "t-3"}),
        later(200, {"code": 7, "why": "odd"}),
    )
    sums = connect(server).tools.extra
    assert sums.sum(one=1, other=2).total == 3
    result = sums.submit_sum(one=1, other=2).wait(interval=0)
    assert type(result.response).__name__ == "ExtraSum"
    assert result.response.total == 3
    assert [request.target for request in server.requests[:3]] == [
        "/extra/sum",
        "/extra/sum?async=true",
        "/async_result?task_id=t-1",
    ]
    with pytest.raises(api302.TaskFailed, match="refused upstream"):
        sums.submit_sum(one=1, other=2).wait(interval=0)
    with pytest.raises(api302.TaskFailed, match="too rude") as caught:
        sums.submit_sum(one=1, other=2).wait(interval=0)
    assert caught.value.code == "policy"
    with pytest.raises(api302.EnvelopeError, match="odd"):
        sums.submit_sum(one=1, other=2).wait(interval=0)


def test_done_when_the_reply_is_a_file(serve: Any, connect: Any, tmp_path: Any) -> None:
    server = serve(
        http({"task_id": "s-1"}),
        http({"task_id": "s-1"}),
        http(b"sound", content_type="audio/mpeg"),
    )
    result = connect(server).tools.extra.song(prompt="x").wait(interval=0)
    assert result.outputs[0].read() == result.response.content == b"sound"
    assert result.outputs[0].url == "data:audio/mpeg;base64,c291bmQ="
    saved = result.outputs[0].save(tmp_path)
    assert (saved.suffix, saved.read_bytes()) == (".mp3", b"sound")
    assert server.requests[1].target == "/extra/songs/result?task_id=s-1"


def test_a_file_behind_another_call_is_fetched_when_it_is_wanted(
    serve: Any, connect: Any, tmp_path: Any
) -> None:
    server = serve(
        http({"id": "r 1", "status": "queued"}),
        http({"id": "r 1", "status": "completed", "size": "h&d"}),
        *[http(b"reel", content_type="video/mp4")] * 2,
    )
    result = connect(server).tools.reel.create(prompt="x").wait(interval=0)
    (output,) = result.outputs
    assert output.url == f"{server.url}/reels/r%201/content?size=h%26d"
    assert (len(server.requests), result.response.status) == (2, "completed")
    assert output.read() == b"reel"
    saved = output.save(tmp_path)
    assert (saved.suffix, saved.read_bytes()) == (".mp4", b"reel")
    fetched = server.requests[-1]
    assert fetched.target == "/reels/r%201/content?size=h%26d"
    assert fetched.headers["authorization"] == server.requests[0].headers["authorization"]


def test_a_fetch_that_is_a_post_and_output_that_is_json(serve: Any, connect: Any) -> None:
    urls = [{"url": "https://x/1"}, {"url": "https://x/2"}]
    server = serve(
        http({"task_id": "a-1"}),
        *[
            http({"progress": "45%"}),
            http({"state": "0", "progress": " 80 % "}),
            http({"state": 1, "output": json.dumps(urls), "direct": "https://x/2"}),
        ],
        *[
            http({"task_id": "a-2"}),
            http({"output": "https://x/3"}),
            http({"task_id": "a-3"}),
            http({"task_id": "a-3"}),
        ],
    )
    client = connect(server)
    seen: list[Any] = []
    result = client.tools.extra.ask(prompt="x").wait(interval=0, on_progress=seen.append)
    assert [status.progress for status in seen] == [0.45, 0.8, 1.0]
    assert [output.url for output in result.outputs] == ["https://x/1", "https://x/2"]
    assert (server.requests[1].method, server.requests[1].json) == ("POST", {"task_id": "a-1"})
    assert [
        output.url for output in client.tools.extra.ask(prompt="x").wait(interval=0).outputs
    ] == ["https://x/3"]
    task = client.tools.extra.ask(prompt="x")
    assert task.cancel().task_id == "a-3"
    assert server.requests[-1].path == "/extra/ask/cancel"


def test_no_call_cancels(serve: Any, connect: Any) -> None:
    with pytest.raises(api302.TaskError, match="no call that cancels"):
        submit(connect(serve(SUBMITTED))).cancel()


@pytest.mark.usefixtures("network")
def test_the_async_twin(serve: Any, tmp_path: Any) -> None:
    server = serve(SUBMITTED)
    server.steps += [
        at("processing"),
        at("succeed", f"{server.url}/v.mp4"),
        http(b"video"),
        SUBMITTED,
        at("failed"),
        SUBMITTED,
        at("processing"),
    ]
    heard: list[str] = []

    async def hear(status: Any) -> None:
        await asyncio.sleep(0)
        heard.append(str(status.raw_state))

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            result = await (await submit(client)).wait(interval=0, on_progress=hear)
            assert heard == ["processing", "succeed"]
            assert (await result.outputs[0].save(tmp_path / "v.mp4")).read_bytes() == b"video"
            task = await submit(client)
            assert [
                status.state async for status in client.resume(task.to_dict()).events(interval=0)
            ] == ["failed"]
            task = await submit(client)
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(0.3):
                    await task.wait(interval=PATIENCE)
            assert (await task.status()).state == "pending"

    asyncio.run(main())


# --- the schedule ---------------------------------------------------------------------------------


def looks(
    timeout: float,
    interval: float | None = None,
    suggested: float | None = None,
    fresh: bool = True,
    chance: float = 0.0,
) -> list[float]:
    """The times at which a task is looked at, were looking to take no time."""
    now = 0.0
    schedule = polling.Schedule(
        timeout, interval, suggested, fresh, clock=lambda: now, chance=lambda: chance
    )
    times: list[float] = []
    while (pause := schedule.pause()) is not None:
        now += pause
        times.append(round(now, 2))
    return times


def test_the_schedule() -> None:
    assert looks(30, suggested=5)[:4] == [5, 10, 16, 23.2]
    assert looks(30, suggested=5)[-1] == 30  # once more at the deadline
    assert looks(30, suggested=5, chance=1.0)[1] == 9.5
    assert looks(10, suggested=5, fresh=False)[:2] == [0, 5]
    assert looks(1, interval=0.25) == [0.25, 0.5, 0.75, 1]
    assert looks(0) == [0]
    long = looks(3600)
    assert max(b - a for a, b in pairwise(long)) <= 15.01
    assert looks(120, suggested=60) == [60, 120]
    schedule = polling.Schedule(100, 1, None, True, clock=lambda: 0.0)
    assert schedule.pause(asked=30) == 30


def test_the_service_may_say_when_to_look_again() -> None:
    schedule = polling.Schedule(100, None, 10, True, clock=lambda: 0.0, chance=lambda: 0.0)
    schedule.suggest(0.7)
    assert schedule.pause() == 0.7
    schedule.suggest(None)
    assert schedule.pause() > 8
    schedule.suggest(3600)
    assert schedule.pause() == 15
    chosen = polling.Schedule(100, 2, 10, True, clock=lambda: 0.0)
    chosen.suggest(0.5)
    assert chosen.pause() == 2


def test_values_are_read_leniently() -> None:
    rule = {
        "state": "s",
        "pending": [5, 10],
        "succeeded": [99],
        "failed": [50],
        "progress": {"field": "p", "of": 100},
    }
    kind = Lazy("api302_client.behaviour").TaskStatus

    def read(rule: Any, data: Any) -> Any:
        return polling.read_status(kind.of(rule), data)

    assert [read(rule, {"s": value}).state for value in (5, "10", 99, "99", 50, None)] == [
        "pending",
        "pending",
        "succeeded",
        "succeeded",
        "failed",
        "pending",
    ]
    assert [
        read(rule, {"s": 5, "p": value}).progress
        for value in (30, "30", "30%", 300, -1, "half", None, {})
    ] == [
        0.3,
        0.3,
        0.3,
        1,
        0,
        None,
        None,
        None,
    ]
    failed = read(
        {"state": "status", "succeeded": ["completed"], "failed": ["failed"]},
        {"status": "failed", "error": {"message": "no", "code": 3}},
    )
    assert (failed.message, failed.code) == ("no", 3)
    assert read(rule, "no JSON object").state == "pending"
