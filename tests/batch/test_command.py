"""`api302 batch run` and `api302 batch status`, as a shell has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

from .conftest import Referee, chat, lines


def _api302(referee: Referee, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api302", "batch", *arguments]
    environment = referee.environment
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.jsonl"
    path.write_text("".join(f"{json.dumps(chat(name))}\n" for name in ("one", "two")))
    return path


def test_run_and_status(tmp_path: Path, jobs: Path, referee: Referee) -> None:
    out = str(tmp_path / "out")
    run = _api302(referee, "run", str(jobs), "--out", out, "--yes", "--rpm", "openai=6000")
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == out
    assert "2 of 2 ended: 2 saved" in run.stderr
    assert {line["key"] for line in lines(tmp_path / "out/results.jsonl")} == {"one", "two"}
    status = _api302(referee, "status", "--out", out, "--json", "--results", f"{out}/copy")
    assert json.loads(status.stdout)["saved"] == 2
    assert len(lines(tmp_path / "out/copy/results.jsonl")) == 2


def test_nobody_to_ask(tmp_path: Path, jobs: Path, referee: Referee) -> None:
    run = _api302(referee, "run", str(jobs), "--out", str(tmp_path / "out"))
    assert run.returncode == 2
    assert "give --yes" in run.stderr
    assert referee.counts["sent"] == {}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--rpm", "kling=fast"), "write 600, or kling=60"),
        (("--deadline", "soon"), "write 90, 45m or 8h"),
        (("--detach",), "need --engine celery"),
        (("--budget", "0.0000001"), "are less than the first job may cost"),
    ],
)
def test_options_that_are_wrong(
    option: tuple[str, ...], said: str, tmp_path: Path, jobs: Path, referee: Referee
) -> None:
    run = _api302(referee, "run", str(jobs), "--out", str(tmp_path / "out"), "--yes", *option)
    assert run.returncode == 2, run.stderr
    assert said in " ".join(run.stderr.split())
    assert referee.counts["sent"] == {}


def test_a_status_of_nothing(tmp_path: Path, referee: Referee) -> None:
    status = _api302(referee, "status", "--out", str(tmp_path))
    assert status.returncode == 2
    assert "there is none at" in status.stderr
    assert _api302(referee, "status").returncode == 2
