"""Random kills of a batch on one machine: nothing is sent twice, nothing is lost.

The referee counts in a process of its own, which is never killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Referee, video
from .killing import JOBS, ROUNDS, check, moments, wait_for

CONCURRENCY = 20


@pytest.mark.kills
@pytest.mark.parametrize("number", ROUNDS)
def test_a_batch_survives_kills(
    number: int, tmp_path: Path, referee_of: Callable[..., Referee]
) -> None:
    referee = referee_of(pause=0.1, polls=1)
    keys = [f"panda-{one}" for one in range(JOBS)]
    jobs, out = tmp_path / "jobs.jsonl", tmp_path / "out"
    jobs.write_text("".join(f"{json.dumps(video(key))}\n" for key in keys), encoding="utf-8")
    command = [sys.executable, "-m", "api302.batch", "run", str(jobs), "--out", str(out), "--yes"]
    command += ["--interval", "0.3", "--concurrency", str(CONCURRENCY)]
    kills = 0
    for moment in moments(number, 1):
        process = subprocess.Popen(command, env=referee.environment, stderr=subprocess.DEVNULL)
        wait_for(referee, moment, lambda process=process: process.poll() is not None)
        kills += process.poll() is None
        process.kill()
        process.wait()
    ended = subprocess.run(command, env=referee.environment, capture_output=True, text=True)
    assert ended.returncode in (0, 1), ended.stderr
    assert kills == len(moments(number, 1))
    check(referee, out, keys, CONCURRENCY * kills)
