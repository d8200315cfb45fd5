"""A response that was paid for is never lost, whatever happens to what is to show or save it."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from api302.cli import main

VIDEO = ("videos", "kling", "text-to-video", "--prompt", "a red panda")
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


def rescued(err: str) -> Path:
    """The file that an error names."""
    (line,) = [one for one in err.splitlines() if one.startswith("The response is kept in ")]
    return Path(line.removeprefix("The response is kept in "))


@pytest.mark.parametrize("query", ["foo[", "a..b", "[?a=", "sort("])
@pytest.mark.parametrize(
    "call", [("chat", "hi"), ("image", "a cat"), ("request", "GET", "/v1/models")]
)
def test_a_query_that_is_none_is_refused_before_the_call(
    run: Any, server: Any, call: tuple[str, ...], query: str
) -> None:
    done = run(*call, "--query", query)

    assert done.code == 2
    assert "--query:" in done.err
    assert server.requests == []


def test_a_format_that_cannot_be_printed_is_refused_before_the_call(
    run: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    done = run("image", "a cat", "--output", "yaml")

    assert done.code == 2
    assert "pip install 'api302[cli]'" in done.err
    assert server.requests == []


def test_a_query_that_fails_on_the_response_keeps_it(run: Any, server: Any) -> None:
    done = run("image", "a cat", "--query", "sort(image_url)")

    assert done.code == 2
    assert "image_url" in json.loads(rescued(done.err).read_text("utf-8"))
    assert len(server.requests) == 1


@needs_full
@pytest.mark.parametrize(
    ("call", "suffix"),
    [(("image", "a cat"), ".json"), (("speak", "hello"), ".mp3")],
)
def test_a_full_disk_keeps_the_response(run: Any, call: tuple[str, ...], suffix: str) -> None:
    done = run(*call, "--save", FULL)
    path = rescued(done.err)

    assert done.code == 1
    assert path.suffix == suffix
    assert path.stat().st_size
    assert path.stat().st_mode & 0o077 == 0
    assert FULL.is_char_device()


class Full(io.RawIOBase):
    """An output on a disk that is full, until it is emptied."""

    is_full = True

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)


@pytest.mark.parametrize(
    "call",
    [
        ("chat", "hi"),
        ("chat", "hi", "--query", "choices"),
        ("image", "a cat"),
        ("account.records", "--all"),
        ("speak", "hello"),
    ],
)
def test_an_output_that_is_full_keeps_the_response(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    disk = Full()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(disk), "utf-8"))
    code = main(list(call))
    err = capfd.readouterr().err
    disk.is_full = False
    monkeypatch.undo()

    assert code == 1
    assert rescued(err).stat().st_size > 2


def test_without_a_state_folder_a_response_is_kept_among_temporary_files(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("AI302_STATE_DIR", str(tmp_path / "file" / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    done = run("image", "a cat", "--query", "sort(image_url)")

    assert rescued(done.err).parent == tmp_path / "temporary"


def test_a_task_whose_handle_cannot_be_kept_is_followed_and_can_be_taken_up(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with monkeypatch.context() as patch:
        patch.setenv("AI302_STATE_DIR", str(tmp_path / "file" / "state"))
        waited = run(*VIDEO)
        detached = run(*VIDEO, "--detach")
    assert (waited.code, detached.code) == (0, 0)
    assert waited.out.strip().endswith(".mp4")
    line = next(one for one in detached.err.splitlines() if "cannot be kept" in one)
    task = line.partition("api302 task wait ")[2].strip("'")

    assert run("task", "wait", task).out == waited.out
