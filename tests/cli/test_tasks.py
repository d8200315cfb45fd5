"""Tasks: waited for, left to go on, and taken up again."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from api302.cli import handles, task

Run = Callable[..., Any]
VIDEO = ("videos", "kling", "text-to-video", "--prompt", "a red panda")


def test_a_task_is_waited_for_and_its_file_saved(run: Run, tmp_path: Path) -> None:
    done = run(*VIDEO, "--wait", "--save", "panda.mp4")

    assert done.code == 0, done.err
    assert done.out == "panda.mp4\n"
    assert (tmp_path / "panda.mp4").stat().st_size > 0
    assert "kling_text_to_video: succeeded" in done.err


def test_a_task_prints_its_urls_or_all_of_it(run: Run) -> None:
    assert run(*VIDEO).out.startswith("http")
    result = run(*VIDEO, "-o", "json").json
    assert result["outputs"][0].startswith("http")
    assert result["response"]["data"]["task_status"] == "succeed"
    assert run(*VIDEO, "-q", "response.data.task_status").out == "succeed\n"


def test_a_task_is_taken_up_again(run: Run, server: Any) -> None:
    detached = run(*VIDEO, "--detach")
    handle = detached.out.strip()

    assert f"api302 task wait {handle}" in detached.err
    assert len(server.requests) == 1
    assert run("task", "list", "-q", "[0].handle").out.strip() == handle
    assert run("task", "status", handle[:4]).out.startswith(f"{handle} ")
    waited = run("task", "wait", handle, "--save", "panda.mp4")
    assert waited.code == 0, waited.err
    assert waited.out == "panda.mp4\n"
    assert run("task", "list", "-q", "[0].state").out == "succeeded\n"


def test_without_a_handle_the_newest_task_is_meant(run: Run) -> None:
    run(*VIDEO, "-d")
    listed = run("task", "list", "-o", "json").json

    assert run("task", "wait", "-o", "json").json["handle"] == listed[0]["handle"]


def test_handles_are_completed(run: Run) -> None:
    handle = run(*VIDEO, "-d").out.strip()
    wait = task.task.commands["wait"]
    param: Any = wait.params[0]

    assert param.shell_complete(click.Context(wait), handle[:2])[0].value == handle


def test_the_service_s_id_and_a_dict_name_a_task_too(run: Run) -> None:
    data = run(*VIDEO, "-d", "-o", "json").json

    assert run("task", "status", data["id"]).code == 0
    Path("task.json").write_text(json.dumps(data["task"]), encoding="utf-8")
    assert run("task", "wait", "@task.json").out.startswith("http")
    assert run("task", "wait", "@-", stdin=json.dumps(data).encode()).out.startswith("http")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["zzzz"], "HANDLE: no task 'zzzz' is kept"),
        ([], "no task is kept; start one with --detach"),
        (["@nothing.json"], "HANDLE: the file 'nothing.json' cannot be read"),
        (["@wrong.json"], "HANDLE: 'wrong.json' is not what task.to_dict() gave"),
    ],
)
def test_a_task_that_is_not_there(run: Run, given: list[str], said: str) -> None:
    Path("wrong.json").write_text("[]", encoding="utf-8")
    done = run("task", "wait", *given)

    assert done.code == 2
    assert said in done.err


def test_what_may_be_a_task_can_be_left_to_go_on(run: Run, server: Any) -> None:
    message = '{"role": "user", "content": "hi"}'
    done = run(
        "llm", "openai", "chat-completions", "--model", "gpt-4o", "--messages", message, "-d"
    )

    assert done.code == 0, done.err
    waited = run("task", "wait", done.out.strip(), "-q", "response.choices[0].message.role")
    assert waited.out == "assistant\n"


def test_a_task_that_fails_has_an_exit_code(run: Run, server: Any) -> None:
    server.next(fault="task-failed")
    done = run(*VIDEO)

    assert done.code == 9, done.err
    assert run("task", "list", "-q", "[0].state").out == "failed\n"


def test_a_task_that_takes_longer_goes_on(
    run: Run, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._features.polling.Schedule.pause", lambda *_: None)
    done = run(*VIDEO, "--timeout", "0.01")

    assert done.code == 10
    handle = handles.find(None).handle
    assert f"The task goes on: api302 task wait {handle}" in done.err


def test_a_result_that_cannot_be_saved_can_be_had_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("api302.Output.save", _no_space)
        done = run(*VIDEO, "--save", "panda.mp4")

    assert done.code == 1
    assert "No space left" in done.err
    again = done.err.partition("can be had again: api302 ")[2].split()
    assert run(*again, "--save", "panda.mp4").out == "panda.mp4\n"


def _no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "panda.mp4")


def test_what_cannot_be_canceled_says_so(run: Run) -> None:
    run(*VIDEO, "-d")
    done = run("task", "cancel")

    assert done.code == 1
    assert "the API has no call that cancels it" in done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_state_folder_is_its_owner_s_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    run(*VIDEO, "-d")

    folder = tmp_path / "state/tasks"
    (file,) = folder.iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state", folder, file)]
    assert modes == [0o700, 0o700, 0o600]
    assert "sk-" not in file.read_text()


def test_a_handle_that_was_cut_off_is_passed_over(run: Run, tmp_path: Path) -> None:
    run(*VIDEO, "-d")
    (tmp_path / "state/tasks/bad.json").write_text('{"handle": "x"')

    assert len(run("task", "list", "-o", "json").json) == 1


def test_a_finished_task_is_forgotten_after_a_month(run: Run) -> None:
    run(*VIDEO)
    old = handles.find(None)._replace(started="2020-01-01T00:00:00Z")
    handles.write(old)
    assert handles.everything() == []

    handles.write(old._replace(state="pending"))
    assert [one.state for one in handles.everything()] == ["pending"]


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [("linux", "xdg/api302"), ("darwin", "Library/Application Support/api302")],
)
def test_where_the_state_is_kept(
    platform: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AI302_STATE_DIR")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("sys.platform", platform)

    assert handles.folder() == tmp_path / wanted / "tasks"
