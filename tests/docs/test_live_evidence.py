"""`evidence: live`: what recorded exchanges prove, put into the specification."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from documentation import Run

import api302_mock
from api302_mock.proxy import start as start_proxy
from generator import join, rules
from generator.docs.described import Described
from generator.source import Spec

Docs = Callable[..., Run]
HEADERS = {"Authorization": "Bearer sk-live-0123456789abcdef"}
LIVE = "{evidence: live, seen: 2026-12-01}"


@pytest.fixture
def record(mini: Path, tmp_path: Path) -> Path:
    """A record of a service that strays in one of its calls."""
    described = join.join(Spec.load(mini))
    strays = copy.deepcopy(described)
    strays["components"]["schemas"]["AcmeTaskResponse"]["properties"]["trace"] = {"type": "string"}
    video = strays["paths"]["/acme/v1/videos/{task_id}"]["get"]["responses"]["200"]
    for example in video["content"]["application/json"]["examples"].values():
        example["value"]["trace"] = "t-9"
    folder = tmp_path / "record"
    with (
        api302_mock.start(strays, delay=0, polls=0) as service,
        start_proxy(service.url, folder, document=described) as proxy,
        httpx.Client(base_url=proxy.url, headers=HEADERS) as client,
    ):
        made = client.post("/acme/v1/videos", json={"prompt": "a panda"}).json()
        client.get(f"/acme/v1/videos/{made['data']['task_id']}")
        client.post("/v1/chat/completions", json={"messages": 7})
    for file in folder.iterdir():
        exchange = json.loads(file.read_text("utf-8"))
        file.write_text(json.dumps(exchange | {"day": "2026-12-01"}), "utf-8")
    return folder


def docs_of(mini: Path, operation: str) -> list[dict[str, Any]]:
    """The evidence of an operation."""
    return Described(mini).context.by_id[operation].node["x-docs"]


def test_a_record_becomes_evidence(docs: Docs, mini: Path, record: Path) -> None:
    before = Described(mini)
    run = docs("diff", "--recorded", record)
    assert "acme_get_video: the exchange's response has `trace` (string)" in run.out
    place = f"{mini.as_posix()}/videos/acme.yaml:"
    assert f"proved: {place}" in run.out
    assert "acme_text_to_video: evidence: live, seen 2026-12-01" in run.out
    assert "`docs accept --recorded` puts what is proved into x-docs" in run.out

    run = docs("accept", "--recorded", record)
    assert run.out == (
        "acme_text_to_video: evidence: live, seen 2026-12-01\n"
        "3 exchanges read, 1 operation proved; 1 differ from the description: "
        "`docs diff --recorded` says how.\n"
    )
    first = docs_of(mini, "acme_text_to_video")
    assert first[0] == yaml.safe_load(LIVE.replace("2026-12-01", "'2026-12-01'"))
    assert first[1:] == before.context.by_id["acme_text_to_video"].node["x-docs"]
    for strayed in ("acme_get_video", "acme_chat_completions"):
        assert docs_of(mini, strayed) == before.context.by_id[strayed].node["x-docs"]
    assert rules.check_spec(Spec.load(mini)) == []


def test_a_newer_day_replaces_the_one_that_is_there(docs: Docs, mini: Path, record: Path) -> None:
    docs("accept", "--recorded", record)
    text = (mini / "videos" / "acme.yaml").read_text("utf-8")
    docs("accept", "--recorded", record)
    assert (mini / "videos" / "acme.yaml").read_text("utf-8") == text
    for day, expected in (("2026-11-01", "2026-12-01"), ("2027-01-02", "2027-01-02")):
        for file in record.iterdir():
            exchange = json.loads(file.read_text("utf-8"))
            file.write_text(json.dumps(exchange | {"day": day}), "utf-8")
        docs("accept", "--recorded", record)
        evidence = docs_of(mini, "acme_text_to_video")
        assert [one["seen"] for one in evidence if one["evidence"] == "live"] == [expected]


def exchange(**response: Any) -> dict[str, Any]:
    """An exchange of the submitting call."""
    return {
        "version": 1,
        "day": "2026-12-01",
        "operation": "acme_text_to_video",
        "request": {"method": "POST", "path": "/acme/v1/videos", "json": {"prompt": "a"}},
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json"},
            "json": {"code": 0, "data": {"task_id": "t"}},
            **response,
        },
    }


@pytest.mark.parametrize(
    ("changed", "proves"),
    [
        (exchange(), True),
        (exchange(status=500), False),
        (exchange(json={"code": 7, "message": "no balance"}), False),
        (exchange(json={"error": {"message": "no"}}), False),
        ({**exchange(), "day": None}, False),
    ],
)
def test_what_proves_a_call(
    docs: Docs, tmp_path: Path, changed: dict[str, Any], proves: bool
) -> None:
    file = tmp_path / "0001-x.json"
    file.write_text(json.dumps(changed), "utf-8")
    found = json.loads(docs("diff", "--recorded", file, "--json").out)
    assert bool(found["live"]) is proves


def test_bad_records(docs: Docs, mini: Path, tmp_path: Path) -> None:
    file = tmp_path / "0001-x.json"
    file.write_text(json.dumps({**exchange(), "version": 2}), "utf-8")
    run = docs("accept", "--recorded", file)
    assert run.code == 1
    assert "the record is of version 2, and 1 is read here" in run.err
    file.write_text(json.dumps({**exchange(), "day": "today"}), "utf-8")
    run = docs("accept", "--recorded", file)
    assert run.code == 1
    assert "the day of the record is not YYYY-MM-DD" in run.err
    run = docs("accept")
    assert "say which pages to accept" in run.err
    file.write_text(json.dumps(exchange()), "utf-8")
    vendor = mini / "videos" / "acme.yaml"
    text = vendor.read_text("utf-8").replace(
        "      x-docs:\n        - {page: p003, evidence: page, seen: 2026-11-21}\n",
        "      x-docs: [{page: p003, evidence: page, seen: 2026-11-21}]\n",
    )
    vendor.write_text(text, "utf-8")
    run = docs("accept", "--recorded", file)
    assert run.code == 1
    assert "x-docs is not a list with a line for each entry" in run.err
    assert vendor.read_text("utf-8") == text
