"""Processes that are killed at random, and what must hold of their jobs afterwards."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Referee, lines
from .referee import file_of

JOBS = 1_000
KILLS = int(os.environ.get("API302_KILLS", "4"))
"""20 in `.ci/run`, 200 in `make weekly`."""
SEED = int(os.environ.get("API302_SEED", str(random.randrange(1 << 30))))
ROUNDS = range((KILLS + 19) // 20)
"""Each is a batch of its own, with at most 20 kills: more would leave too little to kill."""
REQUESTS = 5 * JOBS // 2
"""At least as many as a batch makes, of whose jobs some are unknown: kills are spread over them."""
PATIENCE = 300.0


def moments(number: int, least: int) -> list[int]:
    """After how many requests something is killed in a round, at random: half of its kills."""
    kills = max(least, min(20, KILLS - 20 * number) // 2)
    return sorted(random.Random(SEED + number).sample(range(1, REQUESTS), kills))


def wait_for(referee: Referee, requests: int, is_over: Callable[[], bool]) -> None:
    """Until the referee has seen so many requests, or all is over."""
    end = time.monotonic() + PATIENCE
    while referee.get("/total") < requests and not is_over():
        assert time.monotonic() < end, f"seed {SEED}: nothing goes on"
        time.sleep(0.01)


def check(referee: Referee, out: Path, keys: list[str], in_flight: int) -> None:
    """0 sent twice, 0 lost, all files whole; unknown are at most the calls in flight at kills."""
    counts = referee.counts["sent"]
    results = {line["key"]: line for line in lines(out / "results.jsonl")}
    errors = {line["key"]: line for line in lines(out / "errors.jsonl")}
    said = f"seed {SEED}"
    assert max(counts.values()) == 1, f"{said}: sent twice"
    assert {*results, *errors} == set(keys), f"{said}: lost"
    assert not {*results} & {*errors}, said
    assert {line["state"] for line in errors.values()} <= {"unknown"}, (said, errors)
    assert all(len(line["window"]) == 2 and all(line["window"]) for line in errors.values()), said
    assert len(errors) <= in_flight, f"{said}: {len(errors)} are unknown"
    assert {key for key in counts if key not in results} <= {*errors}, said
    for key, line in results.items():
        assert line["files"] == [f"{key}.mp4"], said
        assert (out / "files" / f"{key}.mp4").read_bytes() == file_of(key), f"{said}: half a file"
    left = [path.name for path in (out / "files").iterdir() if path.suffix != ".mp4"]
    assert not left, f"{said}: {left} are left behind"


def kinds(choices: list[str], kills: int, number: int) -> list[Any]:
    """What is killed each time: each of the choices at least once, the rest at random."""
    chance = random.Random(SEED - number)
    found = [*choices, *(chance.choice(choices) for _ in range(max(0, kills - len(choices))))]
    chance.shuffle(found)
    return found
