"""A batch over Celery's workers, with Redis as the broker and the journal on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from api302 import InvalidArgument
from api302.batch import Batch, Journal
from api302.batch.limits import SharedLimits, rates_of

from .conftest import Referee, lines, video
from .killing import JOBS, ROUNDS, SEED, check, kinds, moments, wait_for
from .services import Command, Postgres, Redis, needs

THREADS = 8
WORKERS = 2


class Site:
    """All that a batch over workers needs."""

    def __init__(self, redis: Redis, postgres: Postgres, referee: Referee, folder: Path) -> None:
        self.redis, self.postgres, self.referee, self.folder = redis, postgres, referee, folder
        self.environment = {
            **referee.environment,
            "API302_BROKER": redis.url,
            "API302_JOURNAL": postgres.url,
        }
        self.workers = [self._worker(number) for number in range(WORKERS)]

    def _worker(self, number: int) -> Command:
        app = ["celery", "-A", "api302.batch.celery", "worker", "--loglevel", "ERROR"]
        pool = ["--pool", "threads", "--concurrency", str(THREADS), "-n", f"w{number}@test"]
        lean = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return Command([*app, *pool, *lean], self.environment, None)

    def runner(self, jobs: Path, out: Path, *more: str) -> list[str]:
        """The command that runs a batch here."""
        where = ["--journal", self.postgres.url, "--engine", "celery"]
        run = ["api302.batch", "run", str(jobs), "--out", str(out), "--yes"]
        return [*run, *where, "--interval", "0.3", *more]

    def close(self) -> None:
        """End all that was started."""
        for worker in self.workers:
            worker.kill()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    needs("redis-server")
    server = Redis()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    needs("initdb", "postgres")
    server = Postgres()
    server.start()
    yield server
    server.remove()


def _job_file(folder: Path, keys: list[str]) -> Path:
    path = folder / "jobs.jsonl"
    path.write_text("".join(f"{json.dumps(video(key))}\n" for key in keys), encoding="utf-8")
    return path


def test_workers_run_a_batch_and_it_is_seen_from_anywhere(
    redis: Redis, postgres: Postgres, tmp_path: Path, referee_of: Callable[..., Referee]
) -> None:
    referee = referee_of(pause=0.05, polls=2)
    site = Site(redis, postgres, referee, tmp_path)
    keys = [f"calm-{number}" for number in range(60)]
    command = site.runner(_job_file(tmp_path, keys), tmp_path / "out", "--name", "calm")
    for worker in site.workers:
        worker.start()
    try:
        run = [sys.executable, "-m", *command]
        ended = subprocess.run(
            run, env=site.environment, capture_output=True, text=True, timeout=PATIENCE
        )
        for worker in site.workers:
            worker.end()
    finally:
        site.close()
    assert ended.returncode == 0, ended.stderr
    assert set(referee.counts["polls"].values()) == {3}
    check(referee, tmp_path / "out", keys, 0)
    look = ["api302.batch", "status", "--journal", postgres.url, "--name", "calm", "--json"]
    seen = subprocess.run([sys.executable, "-m", *look], env=site.environment, capture_output=True)
    assert json.loads(seen.stdout)["saved"] == 60


@pytest.mark.kills
@pytest.mark.parametrize("number", ROUNDS)
def test_a_batch_over_workers_survives_kills(
    number: int,
    redis: Redis,
    postgres: Postgres,
    tmp_path: Path,
    referee_of: Callable[..., Referee],
) -> None:
    referee = referee_of(pause=0.1, polls=1)
    site = Site(redis, postgres, referee, tmp_path)
    keys, name = [f"wild-{one}" for one in range(JOBS)], f"wild-{number}"
    out = tmp_path / "out"
    arguments = site.runner(_job_file(tmp_path, keys), out, "--name", name)
    arguments += ["--grace", "2", "--longest-call", "5"]
    runner = Command(arguments, site.environment, None)
    services: dict[str, Any] = {"redis": redis, "postgres": postgres, "runner": runner}
    services |= {"worker": None}
    for worker in (*site.workers, runner):
        worker.start()
    try:
        when = moments(number, len(services))
        for moment, kind in zip(when, kinds([*services], len(when), number), strict=True):
            wait_for(referee, moment, lambda: _is_over(postgres, name))
            service = services[kind] or site.workers[moment % WORKERS]
            service.restart()
        _finish(runner, site, out, name)
    finally:
        site.close()
        runner.kill()
    check(referee, out, keys, WORKERS * THREADS * len(when))


def _is_over(postgres: Postgres, name: str) -> bool:
    journal = Journal.open(postgres.url, name)
    try:
        return not journal.in_hand() and journal.counts()["planned"] == 0
    finally:
        journal.close()


def _finish(runner: Command, site: Site, out: Path, name: str) -> None:
    """Until the runner says that nothing is left."""
    assert runner.process is not None
    try:
        code = runner.process.wait(timeout=300)
    except subprocess.TimeoutExpired:
        journal = Journal.open(site.postgres.url, name)
        pytest.fail(f"seed {SEED}: {journal.counts()} {journal.rows(('planned', 'sent'), limit=3)}")
    if code not in (0, 1):  # it was killed after its end, or could not begin
        runner.restart()
        assert runner.process is not None
        runner.process.wait(timeout=300)
    assert (out / "results.jsonl").exists()
    assert lines(out / "results.jsonl"), f"seed {SEED}"


def test_what_was_forgotten_is_due(postgres: Postgres) -> None:
    """Also what another engine began, which has no time; and only what is late enough."""
    journal = Journal.open(postgres.url, "forgotten")
    rows = [
        {**row, "arguments": "{}", "digest": "", "vendor": "kling", "call": "kling_text_to_video"}
        for row in ({"number": number, "key": str(number)} for number in range(1, 6))
    ]
    with journal.planning() as plan:
        plan.add(rows)
    now = time.time()
    journal.write([(1, {"state": "done"}), (2, {"state": "accepted", "due": now - 100})])
    journal.write([(3, {"state": "accepted", "due": now + 100}), (4, {"state": "saved"})])
    assert [row["number"] for row in journal.forgotten(now - 60, 10)] == [1, 2]
    assert [row["number"] for row in journal.fresh(10)] == [5]
    journal.set("engine", "celery")
    assert "forgotten" in journal.batches("celery")
    journal.close()


def test_limits_are_shared_on_postgres(postgres: Postgres) -> None:
    now = [time.time()]
    journals = [Journal.open(postgres.url, "limits") for _ in range(2)]
    one, other = (SharedLimits(rates_of(60), each, clock=lambda: now[0]) for each in journals)
    assert one.take("kling") == 0
    assert other.take("kling") == pytest.approx(1.0)
    other.cool("kling", 20.0)
    now[0] += 1.0
    assert one.take("kling") == pytest.approx(19.0)
    for journal in journals:
        journal.close()


def test_one_runner_on_postgres(postgres: Postgres, tmp_path: Path) -> None:
    batches = [Batch(tmp_path, journal=postgres.url, name="locked") for _ in range(2)]
    with (
        batches[0].journal.owned(),
        pytest.raises(InvalidArgument, match="in use by another process; wait for it or stop it"),
    ):
        batches[1].run()
    for batch in batches:
        batch.close()


def test_what_workers_run_is_not_run_here_as_well(postgres: Postgres, tmp_path: Path) -> None:
    with Batch(tmp_path, journal=postgres.url, name="theirs") as batch:
        batch.plan([video("panda")])
        batch.journal.set("engine", "celery")
        batch.journal.write([(1, {"due": time.time()})])
        with pytest.raises(
            InvalidArgument, match="is run by Celery's workers; go on with --engine"
        ):
            batch.run()
