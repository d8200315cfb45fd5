"""The command line in this process, against the mock."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import api302_mock
from api302.cli import main

KEY = "sk-cli-secret-0123456789"


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


@pytest.fixture(scope="session")
def mock() -> Iterator[api302_mock.MockServer]:
    """A mock for all tests."""
    with api302_mock.start(pace=0, delay=0) as server:
        yield server


@pytest.fixture
def server(mock: api302_mock.MockServer) -> api302_mock.MockServer:
    """The mock as it was in the beginning."""
    mock.reset()
    return mock


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: api302_mock.MockServer
) -> None:
    """An API key, the mock as the host, and a state folder of the test's own."""
    for name in ("AI302_KEY", "302AI_API_KEY", "AI302_CHAT_MODEL", "AI302_IMAGE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", server.url)
    monkeypatch.setenv("AI302_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("api302._features.polling.Schedule.pause", _at_once)
    monkeypatch.chdir(tmp_path)


def _at_once(*_: Any) -> float:
    """Poll without waiting."""
    return 0.0


@pytest.fixture
def run(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Run the command; nothing of what it prints may show the API key."""

    def made(*arguments: object, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfdbinary.readouterr()
        code = main([str(one) for one in arguments])
        out, err = capfdbinary.readouterr()
        assert KEY.encode() not in out + err
        return Done(code, out.decode(errors="replace"), err.decode(), out)

    return made
