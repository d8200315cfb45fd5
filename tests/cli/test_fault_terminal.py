"""What a service says is text on a terminal, and nothing more; files and streams have an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE, happened, until

from api302._terminal import harmless
from api302.cli import arguments, main

TITLE = "a \x1b]0;pwned\x07 title\x9b31m"
MARKUP = "[/bold] [link=https://evil.test]x[/link] \\[red]"


class Terminal:
    """A standard stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """There is nothing to do."""


def test_fault_21_control_characters_are_escaped() -> None:
    assert harmless(TITLE) == "a \\x1b]0;pwned\\x07 title\\x9b31m"
    assert harmless("line\n\ttab 字 👍") == "line\n\ttab 字 👍"


@pytest.mark.parametrize("command", [["chat", "hi"], ["chat", "hi", "--output", "table"]])
def test_fault_21_a_response_commands_no_terminal(
    server: Any, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    server.next(text=TITLE)
    assert main(command) == 0
    assert "pwned" in terminal.text
    assert "\x1b" not in terminal.text
    assert "\x9b" not in terminal.text


def test_fault_21_a_pipe_gets_the_response_as_it_is(server: Any, run: Any) -> None:
    server.next(text=TITLE)
    assert TITLE in run("chat", "hi").out


def test_fault_21_an_error_commands_no_terminal(server: Any, run: Any) -> None:
    server.next(error={"message": TITLE}, code=400)
    done = run("chat", "hi")
    assert "pwned" in done.err
    assert "\x1b" not in done.err


def test_fault_21_markup_of_a_state_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from api302 import TaskStatus
    from api302._features import progress as waiting
    from api302.cli import progress

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.progress("x") as show:
        show(TaskStatus("pending", MARKUP + TITLE))
    bar = waiting._Rich()
    bar.update(0.5, MARKUP)
    bar.close()
    assert "[/bold]" in terminal.text
    assert "\x1b]0;" not in terminal.text


def test_fault_21_markup_of_a_table_is_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    from api302.cli import output

    monkeypatch.setattr(output, "has_colors", lambda _: True)
    output.table([{"[/x]": MARKUP, "b": TITLE}])
    out = capsys.readouterr().out
    assert "[/x]" in out
    assert "[/bold]" in out
    assert "\x1b" not in out


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
@pytest.mark.parametrize("option", ["--messages", "--body"])
def test_fault_15_a_file_without_an_end(
    run: Any, server: Any, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(arguments, "MOST_READ", 1 << 20)
    done = run("llm", "openai", "chat-completions", "--model", "x", option, "@/dev/zero")
    assert done.code == 2
    assert f"{option}: '/dev/zero' has more than 1 MB" in done.err
    assert server.requests == []


@pytest.mark.parametrize("option", ["--messages", "--body", "--field"])
def test_fault_25_deep_json_is_an_error_of_its_option(
    run: Any, server: Any, option: str, tmp_path: Path
) -> None:
    deep = tmp_path / "deep.json"
    deep.write_text('{"a":' * 100_000)
    given = f"messages=@{deep}" if option == "--field" else f"@{deep}"
    done = run("llm", "openai", "chat-completions", "--model", "x", option, given)
    assert "Traceback" not in done.err
    if option != "--field":  # there, what is no JSON is a text
        assert (done.code, server.requests) == (2, [])
        assert option in done.err


def test_fault_20_an_error_shows_nothing_of_a_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI")
    done = run(
        *("llm", "openai", "chat-completions", "--model", "x"),
        *("--messages", f"@{tmp_path}/.env"),
    )
    assert done.code == 2
    assert "--messages: must be JSON" in done.err
    assert "wJalr" not in done.err


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_fault_24_a_closed_stream_is_no_traceback(server: Any, closed: str) -> None:
    command = f"{sys.executable} -m api302 chat hi {closed}"
    env = {**os.environ, "AI302_BASE_URL": server.url, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, shell=True, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("signals_heard")
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_fault_18_a_signal_leaves_no_half_file(tmp_path: Path, name: str, code: int) -> None:
    """A download that a process manager, a closed terminal or Ctrl-C ends."""
    begun = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "video/mp4")
            self.send_header("content-length", "1000000")
            self.end_headers()
            with suppress(OSError):
                for _ in range(9000):
                    self.wfile.write(b"x" * 100)
                    begun.set()
                    time.sleep(0.05)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    env = {**os.environ, "AI302_BASE_URL": url, "PYTHONPATH": os.pathsep.join(sys.path)}
    code_line = (
        "import sys, api302.cli as c, api302\n"
        "import click\n"
        "def go(given):\n"
        f"    with api302.Client() as client: client.download('{url}/a.mp4', 'a.mp4')\n"
        "    return 0\n"
        "c._run = go\n"
        "sys.exit(c.main(['x']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code_line],
        env=env,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        happened(begun)
        until(lambda: list(tmp_path.glob(".*.part")), "it is written")
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []
    assert b"Traceback" not in err


def test_fault_24_what_is_no_task_in_the_state_folder_is_passed_over(
    run: Any, server: Any, tmp_path: Path
) -> None:
    from api302.cli import handles

    run("videos", "kling", "text-to-video", "--prompt", "x", "--detach")
    (kept,) = handles.everything()
    wrong = [
        "[" * 100_000,
        "[]",
        "null",
        json.dumps({**kept._asdict(), "handle": 5}),
        json.dumps({**kept._asdict(), "task": []}),
        json.dumps({**kept._asdict(), "outputs": 5}),
        json.dumps({**kept._asdict(), "started": "then"}),
    ]
    for number, text in enumerate(wrong):
        (handles.folder() / f"wrong{number}.json").write_text(text)
    if hasattr(os, "mkfifo"):
        os.mkfifo(handles.folder() / "pipe.json")
    assert handles.everything() == [kept]
