"""`make canary` tried on mocks: it keeps to the budget, and sees a service that strays."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import canary
import pytest

import api302_mock
from api302 import Client
from api302_mock.document import Document, load

KEY = "sk-canary-0123456789"
DOCUMENT = Document(load())


def test_fifty_calls_that_cost_and_change_nothing_else() -> None:
    with Client(api_key=KEY) as client:
        wanted = canary.chosen(client, DOCUMENT)
    assert len(wanted) == 50
    assert {"openai_chat_completions", "ai302_generate_image_v1"} <= wanted.keys()
    for id_ in wanted:
        operation = DOCUMENT.operations[id_]
        assert operation.method in ("GET", "POST")
        assert "{" not in operation.path
        assert operation.behaviour.status is None


def test_a_service_that_is_as_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        api302_mock.start(delay=0) as server,
        Client(api_key=KEY, base_url=server.url) as client,
    ):
        assert canary.run(client, DOCUMENT, 1000.0, tmp_path) == 0
        assert server.leaked_keys == []
    out = capsys.readouterr().out
    made = [line.split()[1] for line in out.splitlines() if line.startswith("made ")]
    assert len(made) > 45, out
    assert "openai_chat_completions" in made
    assert "0 operations differ" in out
    text = "".join(file.read_text("utf-8") for file in tmp_path.iterdir())
    assert KEY not in text
    assert '"operation": "openai_chat_completions"' in text


def test_the_budget_is_kept_and_what_strays_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strays = copy.deepcopy(DOCUMENT.raw)
    content = strays["paths"]["/v1/embeddings"]["post"]["responses"]["200"]["content"]
    value = {"object": 7, "model": "m", "data": []}
    content["application/json"] = {"schema": {}, "examples": {"strays": {"value": value}}}
    with (
        api302_mock.start(strays, delay=0) as server,
        Client(api_key=KEY, base_url=server.url) as client,
    ):
        assert canary.run(client, DOCUMENT, 0.02, tmp_path) == 1
        paid = [seen.operation for seen in server.requests]
    out = capsys.readouterr().out
    assert "left out" in out
    assert "of 0.02 PTC" in out
    assert "ai302_create_video" not in paid
    assert "openai_embeddings" in paid
    assert "1 operations differ" in out
    recorded = [json.loads(file.read_text("utf-8")) for file in tmp_path.iterdir()]
    assert {one["version"] for one in recorded} == {1}
