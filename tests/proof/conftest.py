"""What every proof works on: a fresh publication, and a mock of the whole API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import api302_mock

ROOT = Path(__file__).resolve().parents[2]
WITH_WORDS = {"kling_text_to_video": 1, "kling_get_text_to_video": 1}


@pytest.fixture(scope="session")
def publication(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make publish` writes, made from spec/ now."""
    folder = tmp_path_factory.mktemp("publication") / "openapi"
    done = subprocess.run(
        [sys.executable, "-m", "generator", "publish", "--out", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def mock() -> Iterator[api302_mock.MockServer]:
    """A mock of the whole API; any key that begins with `sk-` will do."""
    with api302_mock.start() as server:
        yield server


@pytest.fixture(scope="session")
def mock_url(mock: api302_mock.MockServer) -> str:
    """The mock's address."""
    return mock.url


@pytest.fixture
def new_words(mock: api302_mock.MockServer) -> Iterator[str]:
    """The address of the mock, whose next responses have states that no document lists.

    They are those of the samples' calls that have any: the response to a task, and its first poll.
    """
    mock.reset()
    for operation, times in WITH_WORDS.items():
        mock.next(operation=operation, fault="new-word", times=times)
    yield mock.url
    mock.reset()
