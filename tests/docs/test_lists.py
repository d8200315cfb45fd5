"""`docs index` with an API key: the service's own lists of models against the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documentation import Answer, Run, Site

from generator.docs.issue import issue

Docs = Callable[..., Run]
SPEC = Path(__file__).parents[2] / "spec"
KEY = "sk-lists-0123456789abcdef"
PAGES = "- Videos [Text to video](https://doc.302.ai/400000003e0.md)\n"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    file = tmp_path / "llms.txt"
    file.write_text(PAGES, "utf-8")
    return file


@pytest.fixture
def service(site: Site, docs: Docs, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A service that lists models; `docs` comes first, which takes a key of the machine away."""
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", site.url)
    listed = [{"id": "gpt-4o"}, {"id": "gpt-99-\x1b[31m", "price": {"input_token": "3"}}]
    site.page("/v1/models", json.dumps({"data": listed}))
    kinds = {"t2v": True}
    videos = [{"model_name": "acme-9", "display_name": "Acme 9", "capabilities": kinds}]
    site.page("/302/v2/model/video", json.dumps({"models": videos}))
    site.answers["/dashboard/prices"] = [Answer(f"no {KEY}", 401)]
    return site


def found(docs: Docs, pages: Path) -> dict[str, Any]:
    return json.loads(docs("index", pages, "--json", spec=SPEC).out)


def test_models_that_the_service_lists(docs: Docs, service: Site, pages: Path) -> None:
    data = found(docs, pages)
    models = data["models"]
    assert {"ai302_list_models"} < set(models["asked"])
    names = {finding["field"] for finding in models["findings"]}
    assert "acme-9" in names
    assert any(name.startswith("gpt-99-") for name in names)
    assert "gpt-4o" not in names
    assert any("the service answers 401" in reason for reason in models["failed"])
    sent = {headers.get("Authorization") for _, headers in service.asked}
    assert sent == {f"Bearer {KEY}"}
    text = docs("index", pages, spec=SPEC).out
    assert KEY not in text + json.dumps(data)
    assert all(line.isprintable() for line in text.rstrip("\n").split("\n"))
    assert "lists of models asked of the service" in text
    made = issue(data, {"findings": [], "unreadable": []})
    assert made is not None
    assert "`acme-9`, which the catalogue does not have" in made[1]


def test_without_a_key_nothing_is_asked(docs: Docs, site: Site, pages: Path) -> None:
    run = docs("index", pages)
    assert "AI302_API_KEY is not set" in run.out
    assert site.asked == []


@pytest.mark.parametrize("url", ["http://api.302.ai", "api.302.ai", "https://[::1"])
def test_where_a_key_must_not_go(
    docs: Docs, service: Site, pages: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AI302_BASE_URL", url)
    run = docs("index", pages)
    assert run.code == 1
    assert KEY not in run.err
    assert service.asked == []


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "7", '{"data": [[]]}', '{"data": {"id": 1}}'])
def test_what_is_no_list(docs: Docs, service: Site, pages: Path, body: str) -> None:
    service.page("/v1/models", body)
    run = docs("index", pages, "--json", spec=SPEC)
    assert run.code == 0
    names = {finding["field"] for finding in json.loads(run.out)["models"]["findings"]}
    assert not any(name.startswith("gpt") for name in names)
