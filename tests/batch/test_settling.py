"""Whether a call was billed that was sent and not answered, by records that a test writes."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from api302 import Client, ConnectionError, InvalidArgument
from api302.batch import Batch

from .conftest import KEY, Referee, chat, lines

LONG_AGO = 3600.0


def _record(referee: Referee, *rows: dict[str, Any]) -> None:
    request = urllib.request.Request(f"{referee.url}/rows", json.dumps(rows).encode())
    urllib.request.urlopen(request, timeout=PATIENCE).close()


def _window(ago: float) -> tuple[float, float]:
    return time.time() - ago - 5, time.time() - ago


@pytest.fixture
def client(referee: Referee) -> Client:
    return Client(api_key=KEY, base_url=referee.url)


def test_a_row_that_no_known_call_has(client: Client, referee: Referee) -> None:
    _record(referee, {"request_id": "a", "cost": 0.02, "model": "gpt-4o"})
    found = client.settle(None, window=_window(LONG_AGO), model="gpt-4o")
    assert (found.outcome, found.cost) == ("on record", 0.02)
    assert "1 (a; 0.02 PTC in all)" in found.why
    assert "another program with this API key" in found.why
    assert client.settle(None, window=_window(LONG_AGO), others=["a"]).outcome == "not billed"


def test_what_is_left_over_is_named_with_what_it_cost(client: Client, referee: Referee) -> None:
    _record(referee, {"request_id": "a"}, {"id": "b", "cost": 0.5}, *({} for _ in range(3)))
    found = client.settle(None, window=_window(LONG_AGO))
    assert (found.outcome, found.cost, len(found.records)) == ("on record", None, 5)
    assert "5 (a, b, without an id and 2 more; 0.5 PTC in all, 4 without a cost)" in found.why
    _record(referee, {"request_id": "a"})
    found = client.settle(None, window=_window(LONG_AGO))
    assert (found.outcome, found.cost) == ("on record", None)
    assert "1 (a; none has a cost)" in found.why


def test_nothing_on_record_yet(client: Client, referee: Referee) -> None:
    found = client.settle(None, window=_window(1))
    assert found.outcome == "unknown"
    assert "ask again in" in found.why
    assert client.settle(None, window=_window(LONG_AGO)).outcome == "not billed"


def test_only_another_model(client: Client, referee: Referee) -> None:
    _record(referee, {"request_id": "a", "cost": 0.02, "model": "claude-opus-5"})
    found = client.settle(None, window=_window(LONG_AGO), model="gpt-4o")
    assert found.outcome == "unknown"
    assert "a model may have two names" in found.why


def test_by_its_request_id(client: Client, referee: Referee) -> None:
    assert client.settle("r-7").outcome == "unknown"
    assert client.settle("r-7", window=_window(LONG_AGO)).outcome == "not billed"
    referee.get("/cost/0.5")
    found = client.settle("r-7")
    assert (found.outcome, found.cost) == ("billed", 0.5)


def test_an_error_knows_when_its_call_was_made(referee: Referee) -> None:
    quick = Client(api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0)
    before = time.time()
    with pytest.raises(ConnectionError) as caught:
        quick.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert caught.value.window is not None
    assert before <= caught.value.window[0] <= caught.value.window[1] <= time.time()
    assert quick.settle(caught.value).outcome == "not billed", "it was never sent"


def test_without_a_window(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="window: must say when the call was made"):
        client.settle(None)
    with pytest.raises(InvalidArgument, match="window"):
        client.settle(None, window=(5.0, 1.0))


# --- jobs -----------------------------------------------------------------------------------------


def _unknown(folder: Path, *names: str) -> Batch:
    batch = Batch(folder)
    batch.plan([chat(name) for name in names])
    start, end = _window(LONG_AGO)
    for number in range(1, len(names) + 1):
        batch.journal.write([(number, {"state": "unknown", "sent_at": start, "until": end})])
    return batch


def test_jobs_that_were_not_billed_are_sent_again(tmp_path: Path, referee: Referee) -> None:
    with _unknown(tmp_path, "one", "two") as batch:
        assert batch.run(unknown="settle").counts["saved"] == 2


def test_a_job_that_a_call_on_record_may_be_is_not(tmp_path: Path, referee: Referee) -> None:
    _record(referee, {"request_id": "lost", "cost": 0.02, "model": "gpt-4o"})
    with _unknown(tmp_path, "one") as batch:
        ended = batch.run(unknown="settle")
    assert (ended.counts["failed"], ended.cost) == (1, 0.02)
    assert referee.counts["sent"] == {}
    assert lines(tmp_path / "errors.jsonl")[0]["error"]["type"] == "OnRecord"


def test_a_job_whose_request_is_on_record_was_billed(tmp_path: Path, referee: Referee) -> None:
    referee.get("/cost/0.5")
    with _unknown(tmp_path, "one") as batch:
        batch.journal.write([(1, {"request_id": "r-7"})])
        ended = batch.run(unknown="settle")
    assert (ended.counts["failed"], ended.cost) == (1, 0.5)
    assert lines(tmp_path / "errors.jsonl")[0]["error"]["type"] == "Billed"


def test_fewer_records_than_jobs_tell_nothing(tmp_path: Path, referee: Referee) -> None:
    _record(referee, {"request_id": "lost", "cost": 0.02, "model": "gpt-4o"})
    with _unknown(tmp_path, "one", "two") as batch:
        assert batch.run(unknown="settle").counts["unknown"] == 2
    assert referee.counts["sent"] == {}
    (first, _) = lines(tmp_path / "errors.jsonl")
    assert "1 calls are on record that may be any of 2 jobs" in first["error"]["message"]
