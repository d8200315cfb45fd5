"""The kinds of faults that broke the client, tried on batches: nothing lost, nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from patience import PATIENCE
from sqlalchemy.exc import OperationalError

import api302
from api302 import Api302Error, AsyncClient, InvalidArgument
from api302.batch import Batch, Journal, astep, started
from api302.batch.files import Target
from api302.batch.jobs import file_stem
from api302.batch.rescue import ROOM, Rescue
from api302.batch.runner import Progress
from api302.batch.settling import settle_jobs

from .conftest import KEY, Referee, chat, lines, video
from .services import Postgres, needs

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
HALF = "half \ud83d"
Answer = Callable[[Any], bytes]


def image(key: str, count: int = 1) -> dict[str, Any]:
    """A job whose response has the files themselves."""
    arguments = {"model": "gpt-image-1", "prompt": key, "n": count}
    return {"key": key, "call": "openai_generate_image", "arguments": arguments}


def pictures(call: Any) -> bytes:
    """As many images as were asked for, each another one, as base64."""
    sent = call.kwargs["json"]
    files = [PNG + f"{sent['prompt']} {number}".encode() for number in range(sent["n"])]
    return json.dumps({"data": [{"b64_json": b64encode(one).decode()} for one in files]}).encode()


class Answering:
    """Middleware that answers itself, and counts."""

    def __init__(self, answer: Answer, status: int = 200) -> None:
        self._answer, self._status = answer, status
        self.count = 0

    async def __call__(self, call: Any, next: Any) -> Any:
        self.count += 1
        headers = {"content-type": "application/json", "request-id": f"r-{self.count}"}
        return api302.Response(self._status, headers, self._answer(call))


def ran(jobs: Any, out: Path, answering: Answering, **options: Any) -> Progress:
    """Plan and run jobs with what answers them."""

    async def go() -> Progress:
        with Batch(out, files=options.pop("files", None)) as batch:
            batch.plan(jobs)
            async with AsyncClient(api_key=KEY, middleware=[answering]) as client:
                return await batch.arun(client=client, **options)

    return asyncio.run(go())


def _full(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


# --- what the service says ------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [(200, "saved"), (400, "failed")])
def test_fault_10_half_a_character_ends_no_batch(tmp_path: Path, status: int, state: str) -> None:
    said = {"choices": [{"message": {"content": HALF}}], "error": {"message": HALF}}
    body = json.dumps(said if status == 400 else {"choices": said["choices"]}).encode()
    answering = Answering(lambda _: body, status)
    ended = ran([chat("a"), chat("b")], tmp_path, answering)
    assert (ended.counts[state], answering.count) == (2, 2)
    (line, _) = lines(tmp_path / ("results.jsonl" if status == 200 else "errors.jsonl"))
    held = line["response"] if status == 200 else line["error"]["body"]
    assert held["choices"][0]["message"]["content"] == HALF, "as it came"


def test_fault_10_a_long_request_id_fits_into_any_journal(tmp_path: Path) -> None:
    async def long(call: Any, next: Any) -> Any:
        headers = {"content-type": "application/json", "request-id": "r" * 5000}
        return api302.Response(200, headers, b'{"choices": []}')

    ended = ran([chat("a")], tmp_path, long)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert ended.counts["saved"] == 1
    assert lines(tmp_path / "results.jsonl")[0]["request_id"] == "r" * 200


# --- jobs -----------------------------------------------------------------------------------------


def _deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def _circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("content", "field", "why"),
    [
        (_deep(1_000_000), "messages", "nested too deeply"),
        (_circle(), "messages", "holds itself"),
        (b"bytes", "messages[0].content", "a local file"),
        (float("nan"), "messages[0].content", "not a number in JSON"),
        (HALF, "messages[0].content", "half of a character"),
        (object(), "messages[0].content", "of the type object"),
    ],
)
def test_fault_25_what_is_no_json_is_named_before_anything_is_sent(
    tmp_path: Path, content: Any, field: str, why: str
) -> None:
    job = chat("a")
    job["arguments"]["messages"][0]["content"] = content
    answering = Answering(lambda _: b"{}")
    with pytest.raises(InvalidArgument, match="line 1: ") as raised:
        ran([job], tmp_path, answering)
    assert f"{field}" in raised.value.message
    assert why in raised.value.message
    assert answering.count == 0


@pytest.mark.parametrize(
    "line",
    ['{"key": "a", "arguments": ' + "[" * 200_000, '{"a":' * 200_000 + "1" + "}" * 200_000],
)
def test_fault_25_a_deep_line_is_a_bad_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidArgument, match="line 1: line: is not JSON"), Batch(tmp_path) as one:
        one.plan(path)


def test_fault_25_what_are_no_jobs(tmp_path: Path) -> None:
    wrong: Any = None
    with Batch(tmp_path) as batch:
        with pytest.raises(InvalidArgument, match="jobs: must be a file"):
            batch.plan(wrong)
        with pytest.raises(InvalidArgument, match="arguments: must be an object"):
            batch.plan([{"key": "a", "call": "openai_chat_completions", "arguments": {1: 2}}])


# --- files ----------------------------------------------------------------------------------------


def test_fault_18_files_in_a_response_are_saved_once(tmp_path: Path) -> None:
    ended = ran([image("one"), image("two", 2)], tmp_path, Answering(pictures))
    assert ended.counts["saved"] == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()} == {
        "one.png": PNG + b"one 0",
        "two-1.png": PNG + b"two 0",
        "two-2.png": PNG + b"two 1",
    }


@pytest.mark.parametrize("where", ["", "memory://batch-names"])
def test_fault_18_no_job_replaces_the_file_of_another(tmp_path: Path, where: str) -> None:
    """`a-1` is a job, and the first file of `a` too."""
    jobs = [image("a-1"), image("a", 2), image("a-2")]
    ran(jobs, tmp_path, Answering(pictures), **({"files": where} if where else {}))
    names = {line["key"]: line["files"] for line in lines(tmp_path / "results.jsonl")}
    target = Target(where or tmp_path / "files")
    found = [
        target._fs.cat_file(target._at(name)) if where else (tmp_path / "files" / name).read_bytes()
        for key in ("a", "a-1", "a-2")
        for name in names[key]
    ]
    assert found == [PNG + told for told in (b"a 0", b"a 1", b"a-1 0", b"a-2 0")]


@pytest.mark.parametrize("place", ["store", "no links"])
@pytest.mark.parametrize("of", ["one batch", "two batches"])
def test_fault_18_processes_that_write_one_name_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, of: str
) -> None:
    """Each has decided on the name before the other has written: neither file is lost."""
    where = f"memory://{of}" if place == "store" else str(tmp_path / "files")
    both = threading.Barrier(2)
    contents = [PNG + b"one" * 50_000, PNG + b"two" * 50_000]

    def slow(then: Any) -> Any:
        def step(*given: Any, **how: Any) -> Any:
            if Path(given[1]).suffix == ".png":  # the last step, after which the name is taken
                both.wait(PATIENCE)
            return then(*given, **how)

        return step

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    def write(content: bytes) -> str:
        with closing(Journal.open(tmp_path / "j", next(batches))) as journal:
            return asyncio.run(Target(where, journal).write(content, "image/png", "a"))

    batches = iter(["x", "x"] if of == "one batch" else ["x", "y"])
    if place == "store":
        monkeypatch.setattr("api302.batch.files.put", lambda fs, path, at: slow(_put)(path, at, fs))
    else:
        monkeypatch.setattr("os.link", refuse)
        monkeypatch.setattr("os.replace", slow(os.replace))
    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(write, contents))
    target = Target(where)
    found = (
        [target._fs.cat_file(target._at(name)) for name in names]
        if place == "store"
        else [(tmp_path / "files" / name).read_bytes() for name in names]
    )
    assert found == contents
    assert "a.png" in names


def _put(path: Path, at: str, fs: Any) -> None:
    fs.put_file(str(path), at)


def test_fault_18_names_are_names_on_any_system() -> None:
    for key in ("CON", "nul", "com1.txt", "Lpt9"):
        assert file_stem(key).startswith("%")
    assert file_stem("CONSOLE") == "CONSOLE"
    assert file_stem("con-1") == "con-1"


@pytest.mark.parametrize("method", ["write", "fetch"])
def test_fault_18_a_full_disk_loses_no_paid_file(
    tmp_path: Path, referee: Referee, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    answering = Answering(pictures)

    def go() -> Progress:
        if method == "write":
            return ran([image("a", 2), image("b")], tmp_path, answering)
        with Batch(tmp_path) as batch:
            batch.plan([video("a"), video("b")])
            return batch.run(interval=0.01)

    with monkeypatch.context() as patch:
        patch.setattr(Target, "_keep", _full)
        ended = go()
    assert "cannot be written ([Errno 28]" in ended.why
    assert ended.counts["done"] + ended.counts["accepted"] == 2
    again = go()
    assert again.counts["saved"] == 2
    count = answering.count if method == "write" else sum(referee.counts["sent"].values())
    assert count == 2, "nothing was sent twice"
    assert len(list((tmp_path / "files").iterdir())) == (3 if method == "write" else 2)


def test_fault_18_a_step_that_cannot_save_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        job = image("a")
        async with AsyncClient(api_key=KEY, middleware=[Answering(pictures)]) as client:
            state = started(job["key"], job["call"], job["arguments"], files=str(tmp_path))
            with monkeypatch.context() as patch:
                patch.setattr(Target, "_keep", _full)
                state = await astep(state, client)
                assert state["state"] == "done"
                with pytest.raises(Api302Error, match="No space left"):
                    await astep(state, client)
            state = await astep(json.loads(json.dumps(state)), client)
            assert (state["state"], json.loads(state["files"])) == ("saved", ["a.png"])

    asyncio.run(go())
    assert (tmp_path / "a.png").read_bytes() == PNG + b"a 0"


def test_fault_18_half_an_object_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target("memory://batch-half")

    def half(path: str, name: str) -> None:
        target._fs.pipe_file(name, b"half")
        raise ValueError("the store has errors of its own")

    monkeypatch.setattr(target._fs, "put_file", half)
    with pytest.raises(Api302Error, match="errors of its own"):
        asyncio.run(target.write(PNG, "image/png", "a"))
    assert target._fs.ls("/batch-half") == []


def test_fault_18_what_a_killed_run_left_of_an_object_is_replaced() -> None:
    target = Target("memory://batch-left")
    target._fs.pipe_file(target._at("a.png"), PNG[:20])
    assert asyncio.run(target.write(PNG, "image/png", "a")) == "a.png"
    assert target._fs.cat_file(target._at("a.png")) == PNG


def test_fault_18_a_batch_leaves_the_half_files_of_others(tmp_path: Path) -> None:
    """Two batches with one folder for files: one begins, or ends, while the other downloads."""
    with Batch(tmp_path / "one") as one, Batch(tmp_path / "two") as other:
        first, second = (Target(tmp_path, batch.journal) for batch in (one, other))
        part, again = first._folder(), Target(tmp_path, one.journal)
        second.close()
        assert part.is_dir()
        again.close()
        assert not part.exists(), "what a killed run of the same batch left"


def test_fault_18_a_local_url_is_a_folder(tmp_path: Path) -> None:
    target = Target(f"file://{tmp_path}/made")
    asyncio.run(target.write(PNG, "image/png", "a"))
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a.png"]


# --- the journal ----------------------------------------------------------------------------------


class Full:
    """A journal that cannot be written once responses have come: its disk is full."""

    def __init__(self, batch: Batch) -> None:
        self._write = batch.journal.write
        batch.journal.write = self  # type: ignore[method-assign]

    def __call__(self, changes: Any) -> None:
        listed = list(changes)
        if any(change.get("response") for _, change in listed):
            raise OperationalError("UPDATE …", {}, Exception("database or disk is full"))
        self._write(listed)


def paid(call: Any) -> bytes:
    """A response that has what was asked for."""
    content = f"paid {call.kwargs['json']['messages'][0]['content']} {HALF}"
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def failing(out: Path, answering: Answering, keys: str) -> str:
    """Run a batch whose journal cannot be written; what its error tells beside."""

    async def go() -> None:
        with Batch(out) as batch:
            batch.plan([chat(key) for key in keys])
            Full(batch)
            async with AsyncClient(api_key=KEY, middleware=[answering]) as client:
                await batch.arun(client=client)

    with pytest.raises(Api302Error, match=r"journal: .* is full") as raised:
        asyncio.run(go())
    assert "paid" not in str(raised.value)
    return "; ".join(raised.value.__notes__)


def contents(out: Path) -> dict[str, str]:
    """What the results of chats say, by key."""
    found = {line["key"]: line["response"]["choices"][0] for line in lines(out / "results.jsonl")}
    return {key: choice["message"]["content"] for key, choice in found.items()}


def test_fault_10_a_journal_that_cannot_be_written_keeps_what_was_paid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next run has it by itself, and says so once."""
    answering = Answering(paid)
    told = failing(tmp_path, answering, "ab")
    (path,) = tmp_path.glob(".api302-*.rescue")
    assert f"What became of 2 jobs is kept in {path}" in told
    assert path.stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert ran([], tmp_path, answering, unknown="resend").counts["saved"] == 2
    assert contents(tmp_path) == {key: f"paid {key} {HALF}" for key in "ab"}
    assert answering.count == 2, "nothing was sent twice"
    assert [record.args[0] for record in caplog.records if record.args] == [2]  # type: ignore[index]
    caplog.clear()
    ran([], tmp_path, answering)
    assert not caplog.records
    assert not list(tmp_path.glob(".api302-*"))


def test_fault_10_the_room_for_what_was_paid_is_there_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would refuse the file in which it is kept."""
    sizes: list[int] = []

    def answer(call: Any) -> bytes:
        (path,) = tmp_path.glob(".api302-*.rescue")
        sizes.append(path.stat().st_blocks * 512 if hasattr(os.stat_result, "st_blocks") else ROOM)
        return paid(call)

    ran([chat("a")], tmp_path, Answering(answer))
    assert sizes[0] >= ROOM
    monkeypatch.setattr("api302.batch.rescue._fill", _full)
    answering = Answering(paid)
    with pytest.raises(Api302Error, match=r"has no room of 64 MB .* nothing was sent"):
        ran([chat("b")], tmp_path, answering)
    assert answering.count == 0
    assert not list(tmp_path.glob(".api302-*"))


def test_fault_10_what_the_room_does_not_take_goes_to_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    answering = Answering(paid)
    with monkeypatch.context() as patch:
        patch.setattr("api302.batch.rescue._fill", lambda _: None)  # where it is written
        patch.setattr("api302.batch.rescue._write_at", _full)
        failing(out, answering, "ab")
    assert len(list(temporary.iterdir())) == 2
    assert ran([], out, answering).counts["saved"] == 2
    assert (sorted(contents(out)), answering.count) == (["a", "b"], 2)
    assert not list(temporary.iterdir())


def test_fault_10_what_nothing_takes_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, referee: Referee
) -> None:
    """Every disk is full: the error says which jobs are concerned, and they are not sent again."""
    with Batch(tmp_path) as batch:
        batch.plan([chat("a"), chat("b")])
        with monkeypatch.context() as patch:
            patch.setattr(batch.journal, "write", batch.journal.write)
            Full(batch)
            patch.setattr("api302.batch.rescue._fill", lambda _: None)  # where it is written
            patch.setattr("api302.batch.rescue._write_at", _full)
            patch.setattr("tempfile.mkstemp", _full)
            with pytest.raises(Api302Error, match="is full") as raised:
                batch.run()
        (told,) = raised.value.__notes__
        assert "2 jobs could be kept nowhere (number 1, 2 in the journal)" in told
        assert batch.run().counts["unknown"] == 2
    assert sum(referee.counts["sent"].values()) == 2


def test_fault_10_a_line_that_did_not_fit_leaves_the_others_whole(tmp_path: Path) -> None:
    with Batch(tmp_path) as batch:
        batch.plan([chat("a"), chat("b")])
        batch.journal.set("id", "1")
        with Rescue(batch.journal, tmp_path) as rescue:
            room = Short(rescue._room, 400)
            rescue._room = room  # type: ignore[assignment]
            rescue.keep([(1, {"state": "saved", "response": "x" * 1000, "request_id": "no"})])
            assert room.failed
            rescue.keep([(1, {"state": "accepted"}), (2, {"state": "saved", "request_id": "r"})])
            rescue.keep([(1, {"state": "saved", "request_id": "s"}), (2, {"polls": 1})])
        Rescue(batch.journal, tmp_path).take_up()
        rows = batch.journal.rows()
        assert [(row["state"], row["request_id"]) for row in rows] == [
            ("saved", "s"),
            ("saved", "r"),
        ]


class Short:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file: Any, most: int) -> None:
        self._file, self._most, self.failed = file, most, False

    def write(self, data: Any) -> int:
        if self._file.tell() >= self._most:
            self.failed = True
            raise OSError(28, "No space left on device")
        return self._file.write(data[: self._most - self._file.tell()])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_fault_10_what_was_to_be_sent_and_was_not_is_planned(tmp_path: Path) -> None:
    """The journal may have it for sent: a database can end after it wrote and before it says so."""
    with Batch(tmp_path) as batch:
        batch.plan([chat("a")])
        batch.journal.write([(1, {"state": "sent", "sent_at": 5.0})])
        with Rescue(batch.journal, tmp_path) as rescue:
            rescue.keep([(1, {"state": "sent", "sent_at": 5.0})])
    answering = Answering(paid)
    assert ran([], tmp_path, answering).counts["saved"] == 1
    assert answering.count == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_fault_20_files_of_others_are_not_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write into the folder of temporary files; and a journal may be begun anew."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with Batch(tmp_path / "out") as batch:
        batch.plan([chat("a")])
        batch.journal.set("id", "1")
        line = {"order": 1, "number": 1, "turn": None, "change": {"state": "saved"}}
        bad: list[Any] = [{**line, "change": 5}, {**line, "change": {"state": "saved", "batch": 1}}]
        bad[1]["change"]["drop"] = "table"
        (temporary / "api302-1-bad.rescue").write_text(
            "\n".join([*map(json.dumps, bad), "[" * 100_000, "5", '{"order": 1', json.dumps(line)])
        )
        whole = json.dumps(line) + "\n"
        (tmp_path / "elsewhere").write_text(whole)
        (temporary / "api302-1-link.rescue").symlink_to(tmp_path / "elsewhere")
        (temporary / "api302-2-other.rescue").write_text(whole)
        (tmp_path / "out/.api302-2.rescue").write_text(whole)
        with Rescue(batch.journal, tmp_path / "out"):
            pass
        assert batch.journal.counts()["planned"] == 1
        assert (tmp_path / "elsewhere").read_text() == whole
        own = temporary / "api302-1-own.rescue"
        own.write_text(whole)
        monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
        Rescue(batch.journal).take_up()
        assert own.exists()
        assert batch.journal.counts()["planned"] == 1


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://user:pa55word@host:port/db",
        "postgresql://user:pa55word@",
        "nodialect://u:pa55word@h/d",
    ],
)
def test_fault_20_a_wrong_journal_shows_no_password(tmp_path: Path, where: str) -> None:
    with pytest.raises(InvalidArgument, match="journal: ") as raised:
        Journal.open(where)
    assert "pa55word" not in str(raised.value)


def test_fault_20_a_password_in_a_query_is_not_shown(tmp_path: Path) -> None:
    journal = Journal.open(f"sqlite:///{tmp_path}/j.sqlite?password=pa55word&uri=true")
    assert "pa55word" not in journal.where
    journal.close()


def test_fault_24_a_clock_that_is_set_back_stops_no_poll(
    tmp_path: Path, referee: Referee, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Batch(tmp_path) as batch:
        batch.plan([video("a")])
        real, shift = time.time, [0.0]
        monkeypatch.setattr(time, "time", lambda: real() + shift[0])

        def back(progress: Progress) -> None:
            if progress.counts["accepted"]:
                shift[0] = -7200.0

        ended = batch.run(interval=1.0, deadline=PATIENCE, on_progress=back)
    assert ended.counts["saved"] == 1


# --- failed jobs, once more -----------------------------------------------------------------------


def test_fault_08_what_was_paid_for_is_not_sent_again(tmp_path: Path, referee: Referee) -> None:
    with Batch(tmp_path) as batch:
        batch.plan([video("a")])
        batch.run(interval=0.01)
        (row,) = batch.journal.rows(("saved",))
        failed = json.dumps({"type": "ServerError", "message": "no", "status_code": 503})
        batch.journal.write([(row["number"], {"state": "failed", "error": failed})])
        assert batch.run(interval=0.01, retry_failed=True).counts["saved"] == 1
        refused = json.dumps({"type": "TaskFailed", "message": "no"})
        batch.journal.write([(row["number"], {"state": "failed", "error": refused})])
        assert referee.counts["sent"] == {"a": 1}
        assert batch.run(interval=0.01, retry_failed=True).counts["saved"] == 1
    assert referee.counts["sent"] == {"a": 2}, "a task that failed is sent again"


def test_fault_08_a_record_without_a_cost_is_billed() -> None:
    answering = Answering(lambda _: b'{"data": {"model": "x", "cost": null}}')

    async def go() -> api302.Settlement:
        async with AsyncClient(api_key=KEY, middleware=[answering]) as client:
            return await client.settle("r-1")

    settled = asyncio.run(go())
    assert (settled.outcome, settled.cost) == ("billed", None)


def test_fault_25_a_clock_that_was_set_back_has_a_window(tmp_path: Path) -> None:
    answering = Answering(lambda _: b'{"items": []}')

    async def go() -> dict[str, int]:
        with Batch(tmp_path) as batch:
            batch.plan([chat("a")])
            change = {"state": "unknown", "sent_at": 2000.0, "until": 1000.0}
            batch.journal.write([(1, change)])
            async with AsyncClient(api_key=KEY, middleware=[answering]) as client:
                return await settle_jobs(client, batch.journal)

    assert asyncio.run(go()) == {"not billed": 1}


def test_fault_24_processes_that_make_one_journal_at_once(tmp_path: Path) -> None:
    """Each finds that there is none, and makes its tables and its version."""
    path, barrier = tmp_path / "journal.sqlite", threading.Barrier(8)
    versions: list[str | None] = []

    def one() -> None:
        barrier.wait(PATIENCE)
        journal = Journal.open(path)
        versions.append(journal.get("version"))
        journal.set("settings", "{}")
        journal.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert versions == ["1"] * 8


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of these tests' own."""
    needs("postgres", "initdb")
    server = Postgres()
    server.start()
    yield server
    server.remove()


def test_fault_10_postgresql_takes_whatever_a_response_has(
    tmp_path: Path, postgres: Postgres
) -> None:
    said = json.dumps({"choices": [{"message": {"content": f"{HALF} nul \0"}}]}).encode()

    async def long(call: Any, next: Any) -> Any:
        headers = {"content-type": "application/json", "request-id": "r" * 5000}
        return api302.Response(200, headers, said)

    async def go() -> Progress:
        with Batch(tmp_path, journal=postgres.url, name="any") as batch:
            batch.plan([chat("a"), chat("字")])
            async with AsyncClient(api_key=KEY, middleware=[long]) as client:
                return await batch.arun(client=client)

    assert asyncio.run(go()).counts["saved"] == 2
    (first, _) = lines(tmp_path / "results.jsonl")
    assert first["response"]["choices"][0]["message"]["content"] == f"{HALF} nul \0"


def test_fault_24_the_lock_of_a_journal_is_free_at_once(postgres: Postgres) -> None:
    journal = Journal.open(postgres.url, "lock")
    for _ in range(50):
        with journal.owned():
            other = Journal.open(postgres.url, "lock")
            with pytest.raises(InvalidArgument, match="in use"), other.owned():
                pass
            other.close()
    journal.close()


def test_fault_10_a_database_that_goes_down_keeps_what_was_paid(
    tmp_path: Path, postgres: Postgres
) -> None:
    async def down(call: Any, next: Any) -> Any:
        postgres.kill()
        return api302.Response(200, {"content-type": "application/json"}, b'{"choices": []}')

    async def go() -> None:
        with Batch(tmp_path, journal=postgres.url, name="down") as batch:
            batch.plan([chat("a")])
            async with AsyncClient(api_key=KEY, middleware=[down]) as client:
                await batch.arun(client=client)

    try:
        with pytest.raises(Api302Error, match=r"journal: .* cannot be written") as raised:
            asyncio.run(go())
    finally:
        postgres.restart()
    assert "What became of 1 jobs is kept in" in "; ".join(raised.value.__notes__)
    with Batch(tmp_path, journal=postgres.url, name="down") as batch:
        client = AsyncClient(api_key=KEY, middleware=[down])
        assert batch.run(client=client).counts["saved"] == 1
    assert lines(tmp_path / "results.jsonl")[0]["response"] == {"choices": []}


@pytest.mark.parametrize("is_taken", [False, True], ids=["in time", "held for unknown"])
def test_fault_10_a_worker_keeps_what_the_journal_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_taken: bool
) -> None:
    pytest.importorskip("celery")
    from api302.batch.celery import Worker

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("api302.batch.celery._PERSISTENCE", -1.0)
    answering = Answering(paid)
    with Batch(tmp_path / "out") as batch:
        batch.plan([chat("a"), chat("b")])
        client = AsyncClient(api_key=KEY, middleware=[answering])
        worker = Worker(batch.journal, client, {})
        with monkeypatch.context() as patch:
            down = OperationalError("UPDATE …", {}, Exception("server closed the connection"))
            patch.setattr(worker, "_written", Mock(side_effect=down))
            with pytest.raises(OperationalError):
                worker.take(1, 0)
        (path,) = tmp_path.glob("api302-*.rescue")
        if is_taken:
            batch.journal.write([(1, {"state": "unknown", "turn": 7})])
            Worker(batch.journal, client, {})  # another process of this machine
        else:
            worker.take(2, 0)
        row = batch.journal.row(1)
        assert row is not None
        assert (row["state"], "paid a" in row["response"]) == ("saved", True)
        assert not path.exists()
    assert answering.count == (1 if is_taken else 2)


def test_fault_18_a_worker_that_cannot_save_sends_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Celery's workers: the job keeps its response, and waits for room."""
    pytest.importorskip("celery")
    from api302.batch.celery import Worker

    answering = Answering(pictures)
    settings = {"files": str(tmp_path / "files")}
    with Batch(tmp_path) as batch:
        batch.plan([image("a")])
        client = AsyncClient(api_key=KEY, middleware=[answering])
        worker = Worker(batch.journal, client, settings)
        with monkeypatch.context() as patch:
            patch.setattr(Target, "_keep", _full)
            assert worker.take(1, 0) is not None
            batch.journal.write([(1, {"due": None})])
            assert worker.take(1, 1) is not None
        row = batch.journal.row(1)
        assert row is not None
        assert row["state"] == "done"
        assert "No space left" in (batch.journal.get("stopped") or "")
        batch.journal.write([(1, {"due": None})])
        assert worker.take(1, row["turn"]) is None
        ended = batch.journal.row(1)
        assert ended is not None
        assert (ended["state"], ended["files"]) == ("saved", '["a.png"]')
    assert answering.count == 1


@pytest.mark.parametrize(
    "said", [{"items": 5}, {"items": None}, {"items": [1]}, {"data": {"items": []}}, [], {}]
)
def test_fault_08_records_of_another_form_do_not_say_that_nothing_was_billed(
    tmp_path: Path, said: Any
) -> None:
    """What is not billed is sent again."""
    answering = Answering(lambda _: json.dumps(said).encode())

    async def go() -> dict[str, int]:
        with Batch(tmp_path) as batch:
            batch.plan([chat("a")])
            batch.journal.write([(1, {"state": "unknown", "sent_at": 1000.0, "until": 1001.0})])
            async with AsyncClient(api_key=KEY, middleware=[answering], max_retries=0) as client:
                return await settle_jobs(client, batch.journal)

    assert asyncio.run(go()) == {"unknown": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_fault_18_a_pipe_is_no_file_of_a_job(tmp_path: Path, referee: Referee) -> None:
    """To read it would wait for ever."""
    os.mkfifo(tmp_path / "pipe.png")
    job = {"key": "a", "call": "kling_image_to_video", "arguments": {"prompt": "x"}}
    job["arguments"]["image"] = str(tmp_path / "pipe.png")  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    with Batch(tmp_path / "out") as batch:
        batch.plan([job])
        assert batch.run(interval=0.01).counts["failed"] == 1
    (line,) = lines(tmp_path / "out/errors.jsonl")
    assert "pipe.png' is not a file" in line["error"]["message"]
    assert referee.counts["sent"] == {}
