"""The batch's part of `make bench`: jobs a second beside bare aiohttp, planning, polling.

Run by `bench.py`; alone, `python tests/bench_batch.py` prints these rows only.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_network import KEY, MIB, PATH, Row, Served

JOBS = 10_000
PLANNED = 100_000
PAUSE = 0.05
TASK, TASKS, POLLS = "kling_text_to_video", 1_000, 4
PER_MINUTE = 12_000.0


def _jobs(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        text = f"Say hello to guest number {number}, in a line or two."
        arguments = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
        yield {"key": f"guest-{number}", "call": "openai_chat_completions", "arguments": arguments}


def _job_file(folder: str, count: int) -> Path:
    path = Path(folder, "jobs.jsonl")
    path.write_text("".join(f"{json.dumps(job)}\n" for job in _jobs(count)), encoding="utf-8")
    return path


# --- in processes of their own --------------------------------------------------------------------


def measure_batch(url: str, count: str, at_once: str) -> None:
    """Print the seconds that a batch takes once it is planned, and how many jobs were saved."""
    from api302 import AsyncClient
    from api302.batch import Batch

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder, Batch(Path(folder, "out")) as batch:
            async with AsyncClient(api_key=KEY, base_url=url) as client:
                batch.plan(_jobs(int(count)), client=client)
                start = time.perf_counter()
                ended = await batch.arun(client=client, concurrency=int(at_once))
                print(time.perf_counter() - start, ended.counts["saved"])

    asyncio.run(main())


def measure_aiohttp(url: str, count: str, at_once: str) -> None:
    """Print the seconds that the same takes with bare aiohttp and nothing written down."""
    import aiohttp

    async def main() -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        connector = aiohttp.TCPConnector(limit=1000)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            jobs, answers = _jobs(int(count)), 0

            async def worker() -> None:
                nonlocal answers
                for job in jobs:
                    async with session.post(f"{url}{PATH}", json=job["arguments"]) as reply:
                        reply.raise_for_status()
                        answers += bool((await reply.json())["choices"][0]["message"]["content"])

            start = time.perf_counter()
            await asyncio.gather(*(worker() for _ in range(int(at_once))))
            print(time.perf_counter() - start, answers)

    asyncio.run(main())


def measure_planning(path: str, url: str) -> None:
    """Print the seconds from a fresh process to a planned batch's first call, and its memory."""
    start = time.perf_counter()
    from api302 import AsyncClient
    from api302.batch import Batch

    first: list[float] = []

    async def note(call: Any, next: Any) -> Any:
        first.append(time.perf_counter() - start)
        return await next(call)

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder, Batch(Path(folder, "out")) as batch:
            async with AsyncClient(api_key=KEY, base_url=url, middleware=[note]) as client:
                planned = batch.plan(path, client=client)
                await batch.arun(client=client, deadline=0.5)
                print(first[0], _peak(), planned.total)

    asyncio.run(main())


def measure_polling(url: str) -> None:
    """Print how many submits and polls a batch of tasks makes, and in how many seconds."""
    from api302 import AsyncClient
    from api302.batch import Batch

    times: list[float] = []

    async def note(call: Any, next: Any) -> Any:
        if call.operation:  # downloads go at their own pace
            times.append(time.perf_counter())
        return await next(call)

    async def main() -> None:
        jobs = [
            {"key": f"t{n}", "call": TASK, "arguments": {"prompt": str(n)}} for n in range(TASKS)
        ]
        with tempfile.TemporaryDirectory() as folder, Batch(Path(folder, "out")) as batch:
            async with AsyncClient(api_key=KEY, base_url=url, middleware=[note]) as client:
                batch.plan(jobs, client=client)
                options: Any = {"requests_per_minute": PER_MINUTE, "interval": 1.0}
                ended = await batch.arun(client=client, concurrency=100, **options)
        print(len(times), times[-1] - times[0], ended.counts["saved"])

    asyncio.run(main())


def _peak() -> int:
    """Bytes of memory that this process had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _child(*arguments: str) -> list[str]:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


# --- rows -----------------------------------------------------------------------------------------


def batches(url: str) -> list[Row]:
    """Jobs of 50 ms, beside bare aiohttp; the two take turns."""
    rows: list[Row] = []
    for at_once, budget in ((20, 1.15), (100, None)):
        times: dict[str, float] = {}
        for _ in range(2):
            for kind in ("--batch", "--aiohttp"):
                seconds, done = _child(kind, url, str(JOBS), str(at_once))
                assert int(done) == JOBS
                times[kind] = min(times.get(kind, float("inf")), float(seconds))
        ours, bare = times["--batch"], times["--aiohttp"]
        rows.append(
            Row(
                f"{JOBS:,} jobs of 50 ms, {at_once} at once",
                f"{ours:.1f} s",
                f"bare aiohttp, no journal {bare:.1f} s",
                ours / bare,
                f"{budget} x" if budget else "reported",
                budget is None or ours <= budget * bare,
            )
        )
    return rows


def planning(url: str) -> list[Row]:
    """A large batch, up to its first call."""
    with tempfile.TemporaryDirectory() as folder:
        path = _job_file(folder, PLANNED)
        seconds, memory, total = _child("--planning", str(path), url)
    assert int(total) == PLANNED
    return [
        Row(
            f"{PLANNED:,} jobs planned, to the first call",
            f"{float(seconds):.1f} s",
            "",
            None,
            "5 s",
            float(seconds) <= 5,
        ),
        Row(
            f"{PLANNED:,} jobs planned, memory",
            f"{int(memory) / MIB:.0f} MiB",
            "",
            None,
            "200 MiB",
            int(memory) <= 200 * MIB,
        ),
    ]


def polling() -> list[Row]:
    """One poller for many tasks, held to a rate. The first second may have more."""
    command = [sys.executable, str(Path(__file__).parent / "batch/referee.py"), "0", str(POLLS - 1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            made, seconds, saved = _child(
                "--polling", f"http://127.0.0.1:{server.stdout.readline().strip()}"
            )
        finally:
            server.kill()
    assert (int(made), int(saved)) == (TASKS * (1 + POLLS), TASKS)
    second = PER_MINUTE / 60
    rate = (int(made) - second) / float(seconds)
    return [
        Row(
            f"{TASKS:,} tasks, one poller, {PER_MINUTE:,.0f} requests a minute",
            f"{rate:.0f} /s",
            f"the rate {second:.0f} /s",
            rate / second,
            "1.0 x",
            rate <= 1.01 * second,
        )
    ]


def rows() -> list[Row]:
    """All of this file's rows."""
    with Served(PAUSE) as url:
        found = [*batches(url), *planning(url)]
    return [*found, *polling()]


if __name__ == "__main__":
    modes = {
        "--batch": measure_batch,
        "--aiohttp": measure_aiohttp,
        "--planning": measure_planning,
        "--polling": measure_polling,
    }
    if len(sys.argv) > 1:
        modes[sys.argv[1]](*sys.argv[2:])
    else:
        for row in rows():
            print(*row, sep="  ")
