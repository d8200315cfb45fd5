"""A counting server for each test, and an environment whose calls go there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY = "sk-batch-0123456789"


class Referee:
    """The counting server, in a process that no test kills."""

    def __init__(self, pause: float, polls: int) -> None:
        command = [sys.executable, str(HERE / "referee.py"), str(pause), str(polls)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def get(self, path: str) -> Any:
        """What the server says of itself."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=PATIENCE) as response:
            return json.load(response)

    @property
    def counts(self) -> dict[str, Any]:
        """What it was asked for."""
        return self.get("/counts")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process whose calls go there."""
        path = [str(ROOT / "overlays"), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "AI302_API_KEY": KEY,
            "AI302_BASE_URL": self.url,
            "PYTHONPATH": os.pathsep.join(path),
        }


@pytest.fixture
def referee_of() -> Iterator[Callable[..., Referee]]:
    """Start a referee: seconds that a call takes, and polls before a task is done."""
    started: list[Referee] = []

    def start(pause: float = 0.0, polls: int = 0) -> Referee:
        started.append(Referee(pause, polls))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def referee(referee_of: Callable[..., Referee], monkeypatch: pytest.MonkeyPatch) -> Referee:
    """A quick one, which this process calls too."""
    one = referee_of()
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", one.url)
    return one


def chat(text: str) -> dict[str, Any]:
    """A job that is done at once."""
    messages = [{"role": "user", "content": text}]
    arguments = {"model": "gpt-4o", "messages": messages}
    return {"key": text, "call": "openai_chat_completions", "arguments": arguments}


def video(text: str) -> dict[str, Any]:
    """A job that starts a task."""
    return {"key": text, "call": "kling_text_to_video", "arguments": {"prompt": text}}


def lines(path: Path) -> list[Any]:
    """The JSON lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
