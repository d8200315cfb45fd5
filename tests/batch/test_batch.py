"""A batch on one machine: what is planned, sent, and left behind; bad input; rates, money, time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import sqlalchemy as sa
from patience import PATIENCE, until

from api302 import AsyncClient, Client, InvalidArgument, QuotaError
from api302.batch import Batch, Journal, run, status
from api302.batch.limits import Limits, SharedLimits, rates_of

from .conftest import KEY, Referee, chat, lines, video
from .referee import file_of


def test_results_errors_and_files(tmp_path: Path, referee: Referee) -> None:
    jobs = [video("panda"), chat("hello"), video("a/b: c")]
    ended = run(jobs, tmp_path, interval=0.01)
    assert ended.counts["saved"] == ended.total == 3
    results = {line["key"]: line for line in lines(tmp_path / "results.jsonl")}
    assert results["hello"]["response"]["choices"][0]["message"]["content"] == "hello"
    assert results["hello"]["files"] == []
    assert results["hello"]["request_id"].startswith("r-")
    assert results["panda"]["files"] == ["panda.mp4"]
    assert (tmp_path / "files/panda.mp4").read_bytes() == file_of("panda")
    assert results["a/b: c"]["files"] == ["a%2Fb%3A c.mp4"]
    assert (tmp_path / "errors.jsonl").read_text() == ""
    assert status(tmp_path).counts == ended.counts


def test_the_same_line_sends_nothing_again(tmp_path: Path, referee: Referee) -> None:
    run([chat("one")], tmp_path)
    ended = run([chat("one"), chat("two")], tmp_path)
    assert ended.counts["saved"] == 2
    assert referee.counts["sent"] == {"one": 1, "two": 1}


# --- bad input ------------------------------------------------------------------------------------


def test_a_client_that_cannot_await(tmp_path: Path, referee: Referee) -> None:
    with (
        Client(api_key=KEY, base_url=referee.url) as client,
        pytest.raises(InvalidArgument, match="client: a batch needs an AsyncClient, not Client"),
    ):
        run([chat("one")], tmp_path, client=cast("Any", client))
    assert referee.counts["sent"] == {}


BAD = [
    ("{", "line 2: line: is not JSON"),
    ("[]", "line 2: line: must be an object"),
    ('{"key": "a", "call": "openai_chat_completions", "args": {}}', "line 2: args: is not known"),
    ('{"key": "", "call": "openai_chat_completions"}', "line 2: key: must be 1 to 200"),
    ('{"key": "a", "call": "openai_chat"}', "line 2: call: there is no operation"),
    ('{"key": "a", "call": "openai_chat_completions", "arguments": []}', "line 2: arguments: must"),
    (json.dumps({**chat("a"), "arguments": {"messages": []}}), "line 2: model: is required"),
    (json.dumps({**video("a"), "arguments": {"promt": "x"}}), "line 2: promt: is not an argument"),
    (json.dumps({**chat("good"), "key": "good"}), "line 2: key: 'good' is that of line 1 too"),
    (
        json.dumps({**chat("a"), "arguments": {**chat("a")["arguments"], "stream": True}}),
        "line 2: stream: a batch takes whole responses",
    ),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_bad_line_is_named_and_nothing_is_sent(
    line: str, said: str, tmp_path: Path, referee: Referee
) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text(f"{json.dumps(chat('good'))}\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidArgument) as caught:
        run(jobs, tmp_path / "out")
    assert said in str(caught.value)
    assert referee.counts["sent"] == {}
    assert status(tmp_path / "out").total == 0


def test_bad_lines_can_be_left_out(tmp_path: Path, referee: Referee) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("{\n" + json.dumps(chat("good")) + "\n\n[]\n", encoding="utf-8")
    with Batch(tmp_path / "out") as batch:
        planned = batch.plan(jobs, skip_bad=True)
        assert [bad.number for bad in planned.bad] == [1, 4]
        assert batch.run().counts["saved"] == 1


def test_a_key_keeps_its_arguments(tmp_path: Path, referee: Referee) -> None:
    run([chat("one")], tmp_path)
    with pytest.raises(InvalidArgument, match="key: 'one' has other arguments in the journal"):
        run([{**chat("other"), "key": "one"}], tmp_path)


def test_a_missing_job_file_says_what_one_is(tmp_path: Path, referee: Referee) -> None:
    with pytest.raises(InvalidArgument, match=r"jobs: .* cannot be read"):
        run(tmp_path / "none.jsonl", tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"deadline": -1}, "deadline"),
        ({"requests_per_minute": {"kling": 0}}, "requests_per_minute"),
        ({"tokens_per_minute": "many"}, "tokens_per_minute"),
        ({"unknown": "guess"}, "unknown"),
        ({"budget": "much"}, "budget"),
    ],
)
def test_options_are_checked(
    options: dict[str, Any], field: str, tmp_path: Path, referee: Referee
) -> None:
    with pytest.raises(InvalidArgument, match=f"^{field}: "):
        run([chat("one")], tmp_path, **options)
    assert referee.counts["sent"] == {}


# --- the journal ----------------------------------------------------------------------------------


def test_a_journal_in_use_is_refused(tmp_path: Path, referee: Referee) -> None:
    with Batch(tmp_path) as batch:
        batch.plan([chat("one")])
        with batch.journal.owned(), Batch(tmp_path) as other:
            with pytest.raises(InvalidArgument, match=f"in use by process {os.getpid()}; wait"):
                other.run()
            assert other.status().counts["planned"] == 1
        assert batch.run().counts["saved"] == 1


def test_a_journal_of_another_version_is_refused_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Batch(tmp_path) as batch:
        batch.journal.set("version", "7")
    close, closed = Journal.close, list[str]()

    def closing(journal: Journal) -> None:
        closed.append(journal.where)
        close(journal)

    monkeypatch.setattr(Journal, "close", closing)
    with pytest.raises(InvalidArgument, match=r"is of version 7, and this api302 reads version 1"):
        Batch(tmp_path)
    assert closed == [repr(str(tmp_path / "journal.sqlite"))]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_text("This is a diary, and it is longer than a page." * 9)
    with pytest.raises(InvalidArgument, match=r"journal: .* cannot be opened"):
        Batch(tmp_path)


def test_a_journal_is_synced_at_each_commit(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.sqlite")
    with journal.engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2
    journal.close()


def test_sent_is_on_disk_before_bytes_leave(
    tmp_path: Path, referee_of: Callable[..., Referee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that cannot be written any more: nothing leaves."""
    referee = referee_of()
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", referee.url)
    with Batch(tmp_path) as batch:
        batch.plan([chat("one")])

        def fail(changes: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(batch.journal, "write", fail)
        with pytest.raises(OSError, match="No space left"):
            batch.run()
    assert referee.counts["sent"] == {}


def test_a_job_that_was_sent_is_unknown_and_not_sent_again(
    tmp_path: Path, referee: Referee
) -> None:
    with Batch(tmp_path) as batch:
        batch.plan([chat("one"), chat("two")])
        batch.journal.write([(1, {"state": "sent", "sent_at": time.time()})])
    ended = run([chat("one"), chat("two")], tmp_path)
    assert (ended.counts["saved"], ended.counts["unknown"]) == (1, 1)
    assert referee.counts["sent"] == {"two": 1}
    (error,) = lines(tmp_path / "errors.jsonl")
    assert (error["key"], error["state"], error["error"]["type"]) == (
        "one",
        "unknown",
        "Unanswered",
    )
    assert error["window"][0] < error["window"][1]
    assert run([chat("one")], tmp_path, unknown="resend").counts["saved"] == 2
    assert referee.counts["sent"] == {"one": 1, "two": 1}


def test_a_timeout_is_unknown(tmp_path: Path, referee_of: Callable[..., Referee]) -> None:
    referee = referee_of(pause=2 * PATIENCE)
    patient = httpx2.Timeout(PATIENCE, read=0.3)

    async def main() -> None:
        async with AsyncClient(api_key=KEY, base_url=referee.url, timeout=patient) as client:
            with Batch(tmp_path) as batch:
                batch.plan([chat("one")], client=client)
                ended = await batch.arun(client=client)
                assert ended.counts["unknown"] == 1

    asyncio.run(main())
    (error,) = lines(tmp_path / "errors.jsonl")
    assert error["error"]["type"] == "TimeoutError"
    until(lambda: referee.counts["sent"], "it has come")
    assert referee.counts["sent"] == {"one": 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to a process")
@pytest.mark.usefixtures("signals_heard")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_waits_for_what_was_sent(
    tmp_path: Path, referee_of: Callable[..., Referee], name: str
) -> None:
    number = getattr(signal, name)
    referee = referee_of(pause=0.5)
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("".join(f"{json.dumps(chat(str(n)))}\n" for n in range(1000)))
    command = [sys.executable, "-m", "api302.batch", "run", str(jobs), "--out", str(tmp_path / "o")]
    command += ["--yes", "--concurrency", "5"]
    process = subprocess.Popen(command, env=referee.environment, stderr=subprocess.PIPE, text=True)
    until(lambda: referee.get("/total") >= 7 or process.poll() is not None, "it sends jobs")
    process.send_signal(number)
    assert (
        "it was interrupted. The same command goes on" in process.communicate(timeout=PATIENCE)[1]
    )
    assert process.returncode == 130
    assert lines(tmp_path / "o/errors.jsonl") == []
    sent = referee.counts["sent"]
    assert len(lines(tmp_path / "o/results.jsonl")) == len(sent) < 1000


# --- rates, money, time ---------------------------------------------------------------------------


def test_a_429_lets_its_vendor_rest(
    tmp_path: Path, referee: Referee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302.batch.runner.TICK", 0.01)
    referee.get("/refuse/3")
    seen: list[dict[str, float]] = []
    ended = run(
        [chat(str(number)) for number in range(5)],
        tmp_path,
        concurrency=2,
        on_progress=lambda progress: seen.append(dict(progress.pauses or {})),
    )
    assert ended.counts["saved"] == 5
    assert max(referee.counts["sent"].values()) == 1
    assert any("openai" in pauses for pauses in seen)


def test_limits_of_a_process() -> None:
    now = [0.0]
    limits = Limits(rates_of({"kling": 60, "*": 6000}), clock=lambda: now[0])
    assert limits.take("kling") == 0
    assert limits.take("kling") == pytest.approx(1.0)
    assert limits.take("luma") == 0, "another vendor goes on"
    now[0] = 1.0
    assert limits.take("kling") == 0
    assert limits.cool("kling", 30.0) == 30.0
    assert limits.take("kling") == pytest.approx(30.0)
    assert limits.take("luma") == 0
    assert limits.cool("luma", None) < limits.cool("luma", None), "longer each time"


def test_tokens_a_minute() -> None:
    now = [0.0]
    limits = Limits(rates_of(None, {"openai": 6000}), clock=lambda: now[0])
    assert limits.take("openai", 300) == 0
    assert limits.take("openai", 1) == pytest.approx(3.0 - 0.99)
    limits.accepted("openai", more_tokens=100)
    assert limits.take("openai", 1) == pytest.approx(4.0 - 0.99)


def test_limits_that_processes_share(tmp_path: Path) -> None:
    now = [1000.0]
    journals = [Journal.open(tmp_path / "j.sqlite") for _ in range(2)]
    one, other = (SharedLimits(rates_of(60), each, clock=lambda: now[0]) for each in journals)
    assert one.take("kling") == 0
    assert other.take("luma") == pytest.approx(1.0), "`*` is for all vendors together"
    other.cool("kling", 20.0)
    now[0] = 1001.0
    assert one.take("kling") == pytest.approx(19.0)
    assert one.take("luma") == 0
    for journal in journals:
        journal.close()


def test_the_rate_holds_for_many_tasks(
    tmp_path: Path, referee_of: Callable[..., Referee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submits and polls together keep to the rate, and every task is polled in its turn."""
    referee = referee_of(polls=2)
    take = Limits.take
    moments: list[tuple[float, float]] = []
    """Before and after each request was let go."""

    def noted(*given: Any, **how: Any) -> float:
        before = time.monotonic()
        if (wait := take(*given, **how)) == 0:
            moments.append((before, time.monotonic()))
        return wait

    monkeypatch.setattr(Limits, "take", noted)

    async def main() -> None:
        async with AsyncClient(api_key=KEY, base_url=referee.url) as client:
            with Batch(tmp_path) as batch:
                batch.plan([video(f"p{number}") for number in range(60)], client=client)
                await batch.arun(client=client, interval=0.05, requests_per_minute=6000)

    asyncio.run(main())
    counts = referee.counts
    assert set(counts["polls"].values()) == {3}
    assert len(counts["times"]) == len(moments) == 60 * 4
    seconds = moments[-1][1] - moments[0][0]
    assert seconds > 1.0, "at most 100 go at once, and 100 a second after that"


def test_a_budget_below_the_first_estimate_is_told(tmp_path: Path, referee: Referee) -> None:
    with pytest.raises(InvalidArgument, match=r"budget: 0\.0001 PTC are less than the first job"):
        run([chat("one")], tmp_path, budget=0.0001)
    assert referee.counts["sent"] == {}
    assert status(tmp_path).total == 0


def _bounded(text: str) -> dict[str, Any]:
    job = chat(text)
    return {**job, "arguments": {**job["arguments"], "max_tokens": 1000}}


def test_a_budget_ends_the_batch_and_a_larger_one_goes_on(tmp_path: Path, referee: Referee) -> None:
    jobs = [_bounded(str(number)) for number in range(10)]  # 0.01 PTC each, and a little input
    ended = run(jobs, tmp_path, budget=0.035)
    assert "the budget is used up" in ended.why
    assert ended.counts["saved"] == len(referee.counts["sent"]) == 3
    assert 0.03 < ended.reserved <= 0.035
    ended = run(jobs, tmp_path, budget=0.055)
    assert ended.counts["saved"] == 5
    assert max(referee.counts["sent"].values()) == 1


def test_what_jobs_did_cost_makes_room(tmp_path: Path, referee: Referee) -> None:
    referee.get("/cost/0.001")
    ended = run([_bounded(str(number)) for number in range(10)], tmp_path, budget=0.035)
    assert ended.counts["saved"] == 10, ended
    assert ended.cost > 0
    assert ended.cost + ended.reserved <= 0.035


def test_jobs_without_an_estimate_need_a_word(tmp_path: Path, referee: Referee) -> None:
    with pytest.raises(InvalidArgument, match="budget: 1 jobs have no estimate, 'panda' first"):
        run([video("panda")], tmp_path, budget=5.0)
    ended = run([video("panda")], tmp_path, budget=5.0, unpriced=True, interval=0.01)
    assert ended.counts["saved"] == 1


def test_a_deadline_begins_nothing_more(tmp_path: Path, referee_of: Callable[..., Referee]) -> None:
    referee = referee_of(pause=0.3)

    async def main() -> Any:
        async with AsyncClient(api_key=KEY, base_url=referee.url) as client:
            await client.request("GET", "/total")  # what is slow the first time is done
            with Batch(tmp_path) as batch:
                batch.plan([chat(str(number)) for number in range(500)], client=client)
                return await batch.arun(client=client, concurrency=2, deadline=3.0)

    ended = asyncio.run(main())
    assert ended.why == "the deadline is reached"
    assert 0 < ended.counts["saved"] == len(referee.counts["sent"]) < 500
    assert ended.counts["unknown"] == 0


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_uploaded_once(tmp_path: Path, referee: Referee) -> None:
    picture = tmp_path / "panda.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"panda" * 100)
    call = "kling_image_to_video"
    jobs = [
        {"key": f"v{n}", "call": call, "arguments": {"prompt": f"v{n}", "image": str(picture)}}
        for n in range(4)
    ]
    run(jobs[:2], tmp_path / "out", interval=0.01)
    assert run(jobs, tmp_path / "out", interval=0.01).counts["saved"] == 4
    assert referee.counts["uploads"] == 1
    with Batch(tmp_path / "out") as batch:
        sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
        assert batch.journal.upload(sha256) == "https://file.example/1.png"
        batch.journal.uploaded(sha256, "https://file.example/1.png", time.time() - 1)
        assert batch.journal.upload(sha256) is None, "it may be gone"


def test_files_go_where_fsspec_can(tmp_path: Path, referee: Referee) -> None:
    import fsspec

    ended = run([video("panda")], tmp_path, files="memory://results/videos", interval=0.01)
    assert ended.counts["saved"] == 1
    assert fsspec.filesystem("memory").cat("/results/videos/panda.mp4") == file_of("panda")


def test_an_unknown_target_is_refused(tmp_path: Path, referee: Referee) -> None:
    with pytest.raises(InvalidArgument, match="files: nowhere:// is not available here"):
        run([video("panda")], tmp_path, files="nowhere://results")
    assert referee.counts["sent"] == {}


def test_a_balance_that_is_used_up_ends_the_batch(tmp_path: Path, referee: Referee) -> None:
    async def poor(call: Any, next: Any) -> Any:
        raise QuotaError("The balance is too low.", call=call.what, status_code=402)

    async def main() -> Any:
        async with AsyncClient(middleware=[poor]) as client:
            with Batch(tmp_path) as batch:
                batch.plan([chat(str(number)) for number in range(50)], client=client)
                return await batch.arun(client=client, concurrency=5)

    ended = asyncio.run(main())
    assert ended.why.startswith("QuotaError: The balance is too low.")
    assert ended.counts["planned"] == 50
    assert referee.counts["sent"] == {}
