"""What every proof works on: a fresh publication, and a mock of the whole API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import api302_mock

ROOT = Path(__file__).resolve().parents[2]


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
def mock_url() -> Iterator[str]:
    """The address of a mock of the whole API; any key that begins with `sk-` will do."""
    with api302_mock.start() as server:
        yield server.url
