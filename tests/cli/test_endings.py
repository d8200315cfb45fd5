"""How commands end: exit codes, errors as text and JSON, keys, pipes, completion, what is
imported.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import api302
from api302.cli import errors

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]
CHAT = ("chat", "hi", "-o", "json")


def process(
    *arguments: str, encoding: str = "utf-8", **more: Any
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    path = os.pathsep.join([str(ROOT / "overlays"), str(ROOT / "generated")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **more}
    return subprocess.run(
        [sys.executable, "-m", "api302", *arguments],
        capture_output=True,
        text=True,
        encoding=encoding,
        stdin=subprocess.DEVNULL,
        env=environment,
    )


# --- exit codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 12), (401, 3), (402, 4), (403, 3), (404, 5), (413, 12), (429, 6), (500, 7)],
)
def test_the_exit_code_tells_the_kind_of_error(
    run: Run, server: Any, status: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302._http.retry.backoff", lambda *_, **__: 0.0)
    server.next(code=status, times=9)
    done = run("--errors", "json", *CHAT)

    assert (done.code, done.error["exit_code"], done.error["status_code"]) == (code, code, status)
    assert done.error["kind"].endswith("Error")
    assert done.error["request_id"]
    assert done.out == ""


def test_every_error_of_the_client_has_an_exit_code() -> None:
    kinds = [getattr(api302, name) for name in api302.__all__ if name.endswith("Error")]
    kinds += [api302.TaskFailed, api302.TaskTimeout, api302.InvalidArgument]
    codes = {kind.__name__: errors.exit_code(kind("x")) for kind in kinds}

    assert codes.pop("Api302Error") == codes.pop("TaskError") == 1
    assert all(2 <= code <= 12 for code in codes.values()), codes
    assert (codes["TimeoutError"], codes["NoChannelError"], codes["BudgetError"]) == (8, 6, 4)


def test_the_documented_table_has_every_code() -> None:
    said = (ROOT / "README.md").read_text("utf-8") + (errors.__doc__ or "")

    for code in {*errors._CODES.values(), errors.INTERRUPTED, errors.PIPE}:
        assert f" {code} " in said, code


def test_no_connection(run: Run) -> None:
    done = run("--base-url", "http://127.0.0.1:9", "--errors=json", "balance")

    assert done.code == 8
    assert done.error["kind"] == "ConnectionError"


def test_the_options_of_the_root_are_taken_anywhere(run: Run, server: Any) -> None:
    done = run("videos", "kling", "text-to-video", "--errors", "json")
    other = run("balance", "--base-url=http://127.0.0.1:9", "--errors=json")

    assert done.error["message"] == "--prompt: is required (Text prompt.)"
    assert other.error["kind"] == "ConnectionError"
    assert server.requests == []


def test_a_wrong_command_as_json(run: Run) -> None:
    done = run("--errors", "json", "nosuch")

    assert done.code == 2
    assert done.error["kind"] == "UsageError"


def test_the_readme_s_commands_work(run: Run) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    block = text.partition("<!-- shell -->\n```sh\n")[2].partition("```")[0]
    commands = [shlex.split(line)[1:] for line in block.splitlines()]

    assert len(commands) > 5
    for command in commands:
        done = run(*command)
        assert (done.code, bool(done.out)) == (0, True), (command, done.err)


# --- the key --------------------------------------------------------------------------------------


def test_a_missing_key_says_where_to_set_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AI302_API_KEY")
    done = run("chat", "hi")

    assert done.code == 3
    assert "export AI302_API_KEY=sk-" in done.err


@pytest.mark.parametrize("name", ["AI302_KEY", "302AI_API_KEY"])
def test_the_provider_s_own_variables_are_read(
    run: Run, server: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("AI302_API_KEY")
    monkeypatch.setenv(name, "sk-other-0123456789")

    assert run("balance").code == 0
    assert server.requests[-1].headers["authorization"] == "Bearer sk-other-0123456789"


def test_a_key_in_a_response_is_not_shown(run: Run, server: Any) -> None:
    key = os.environ["AI302_API_KEY"]
    server.next(code=401, body={"error": {"message": f"wrong key {key}"}})

    done = run("--errors", "json", "balance")  # `run` looks for the key itself

    assert done.code == 3
    assert "wrong key" in done.err


# --- pipes, terminals, completion -----------------------------------------------------------------


def test_a_reader_that_has_gone_is_no_error() -> None:
    path = os.pathsep.join([str(ROOT / "overlays"), str(ROOT / "generated")])
    with subprocess.Popen(
        [sys.executable, "-m", "api302", "models", "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()  # before it writes: a pipe may be as large as the output
        said = started.stderr.read()
        code = started.wait()

    assert (code, said) == (141, b"")


def test_a_process_prints_no_colors_into_a_pipe(server: Any) -> None:
    done = process("nosuch")

    assert done.returncode == 2
    assert "\033" not in done.stderr
    assert done.stderr.startswith("Usage: api302")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("api302 vid", "video,videos"),
        ("api302 videos kling text-to-video --mo", "--mode,--model-name"),
        ("api302 videos kling text-to-video --mode ", "std,pro"),
        ("api302 videos kling text-to-video --model-name kling-v1-6", "kling-v1-6"),
        ("api302 describe videos.kling.text_to_v", "videos.kling.text_to_video"),
    ],
)
def test_completion(words: str, wanted: str) -> None:
    parts = words.split(" ")
    done = process(
        _API302_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(parts) - 1)
    )

    offered = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert set(wanted.split(",")) <= set(offered), done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_scripts(shell: str) -> None:
    done = process("completion", shell)

    assert done.returncode == 0
    assert f"_API302_COMPLETE={shell}_complete" in done.stdout


def test_the_mock_reads_its_own_options() -> None:
    done = process("mock", "--help")

    assert done.returncode == 0
    assert "--webhooks" in done.stdout


# --- what is imported -----------------------------------------------------------------------------


def imported(program: str) -> set[str]:
    """The top-level modules that a program imports."""
    shown = f"{textwrap.dedent(program)}\nimport sys; print(*sys.modules, file=sys.stderr)"
    path = os.pathsep.join([str(ROOT / "overlays"), str(ROOT / "generated")])
    done = subprocess.run(
        [sys.executable, "-c", shown],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_client_imports_nothing_of_the_command_line() -> None:
    modules = imported("import api302; api302.Client('sk-x')")

    assert not {"click", "rich", "yaml", "api302.cli"} & modules


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["videos", "--help"], ["videos", "kling", "text-to-video", "--help"]],
)
def test_a_help_text_needs_no_client(arguments: list[str]) -> None:
    modules = imported(f"from api302.cli import main; assert main({arguments!r}) == 0")

    assert "click" in modules
    assert not {"api302._client", "api302_client", "httpx2", "jmespath", "rich"} & modules


def test_without_rich_and_yaml_all_works_as_text(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rich", "rich.console", "rich.table", "rich.progress", "yaml"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("api302.cli.output.has_colors", lambda _: True)
    table = run("models", "--vendor", "kling", "-o", "table")
    yaml = run("balance", "-o", "yaml")

    assert table.out.startswith("id ")
    assert "\033" not in table.out
    assert yaml.code == 2
    assert "pip install 'api302[cli]'" in yaml.err


def test_with_rich_a_table_has_the_same_cells(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("api302.cli.output.has_colors", lambda _: True)

    table = run("balance", "-o", "table")

    assert "12.34" in table.out
    assert "[" not in json.dumps(table.out).replace("\\u001b[", "")


@pytest.mark.parametrize("bar", ["rich", "plain"])
def test_the_progress_of_a_task_on_a_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, bar: str
) -> None:
    from api302.cli import progress

    if bar == "plain":
        for name in ("rich", "rich.console", "rich.progress"):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)

    done = run("videos", "kling", "text-to-video", "--prompt", "x")

    assert done.code == 0, done.err
    assert done.out.startswith("http")
    if bar == "plain":
        assert "\rkling_text_to_video: pending" in done.err


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert errors.has_colors(Terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not errors.has_colors(Terminal)


# --- signs that an encoding lacks -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", "gbk"])
def test_what_an_encoding_lacks_is_escaped(encoding: str, server: Any) -> None:
    """As of a pipe on Windows: help is printed, and JSON stays JSON, beyond the first plane too."""
    text = "好 \U0001f600 é"
    server.next(text=text)
    done = process(*CHAT, PYTHONIOENCODING=encoding, encoding=encoding)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == text

    shown = process("videos", "--help", PYTHONIOENCODING=encoding, encoding=encoding)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "kling" in shown.stdout

    server.next(error={"message": text}, code=400)
    failed = process("--errors", "json", *CHAT, PYTHONIOENCODING=encoding, encoding=encoding)
    assert text in json.loads(failed.stderr)["error"]["message"]
