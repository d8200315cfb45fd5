"""A document for each tag and section: closed under references, valid, the same as the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator

from generator.__main__ import main
from generator.document.references import find, references
from generator.join import join, operations
from generator.publish import publication
from generator.publish.parts import known_tags, models_of, part
from generator.publish.versions import to_31
from generator.source import Spec

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "tests/fixtures/mini_spec"


@cache
def whole() -> dict[str, Any]:
    return json.loads((ROOT / "generated/openapi.json").read_text("utf-8"))


def named(document: dict[str, Any]) -> Iterator[str]:
    """The operations that a document's operations name."""
    for _, _, operation in operations(document):
        task, status = operation.get("x-task", {}), operation.get("x-task-status", {})
        yield from (task[key] for key in ("fetch", "cancel") if key in task)
        yield from [status["result"]["fetch"]] if "result" in status else []
        yield from [operation["x-replaced-by"]] if "x-replaced-by" in operation else []
        for response in operation["responses"].values():
            yield from (link["operationId"] for link in response.get("links", {}).values())


@pytest.mark.parametrize("tag", known_tags(whole()))
def test_a_part_has_its_calls_and_all_that_they_refer_to(tag: str) -> None:
    one = part(whole(), [tag])
    ids = {operation["operationId"] for _, _, operation in operations(one)}
    own = {
        operation["operationId"]
        for _, _, operation in operations(whole())
        if f"{operation['tags'][0]}.".startswith(f"{tag}.")
    }
    assert own
    assert own <= ids
    assert set(named(one)) <= ids
    assert all(find(one, ref) for ref in references(one))
    reached = {ref.split("/")[3] for ref in references(one) if "/schemas/" in ref}
    reached |= {
        operation["x-stream"]["response"]
        for _, _, operation in operations(one)
        if "response" in operation.get("x-stream", {})
    }
    assert set(one["components"].get("schemas", {})) <= reached  # and nothing else
    for path, method, operation in operations(one):
        assert operation == whole()["paths"][path][method]


@pytest.mark.parametrize("tags", [["videos.kling"], ["llm"], ["tools.ai302", "audio.suno"]])
def test_a_part_is_valid(tags: list[str]) -> None:
    one = part(whole(), tags)
    assert not list(OpenAPIV32SpecValidator(one).iter_errors())
    assert one["info"]["x-part"] == tags
    lowered, _ = to_31(one)
    assert not list(OpenAPIV31SpecValidator(lowered).iter_errors())
    groups = {tag for group in lowered["x-tagGroups"] for tag in group["tags"]}
    assert groups == {tag["name"] for tag in lowered["tags"]}


def test_search_words_and_models_are_those_of_the_part() -> None:
    kling = part(whole(), ["videos.kling"])
    assert 0 < len(kling["x-search"]) < len(whole()["x-search"])
    calls = [{"operation": "kling_text_to_video"}, {"operation": "openai_chat_completions"}]
    models = {"a": {"id": "a", "calls": calls}, "b": {"id": "b", "calls": calls[1:]}}
    assert models_of(models, kling) == {"a": {"id": "a", "calls": calls[:1]}}


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        publication.site, "build", lambda methods, document, out: (out / "index.html").touch()
    )


@pytest.mark.usefixtures("no_node")
def test_only_a_part_is_published(tmp_path: Path) -> None:
    out = tmp_path / "videos"
    command = ["publish", "--spec", str(MINI), "--out", str(out), "--only", "videos.acme"]
    assert main(command) == 0
    publication.publish(MINI, tmp_path / "whole")
    for version in ("3.2", "3.1", "3.0"):
        found = json.loads((out / f"openapi-{version}.json").read_text("utf-8"))
        all_ = json.loads((tmp_path / f"whole/openapi-{version}.json").read_text("utf-8"))
        tags = {tag for _, _, one in operations(found) for tag in one["tags"]}
        assert tags == {"videos.acme"}
        assert found["info"]["x-content-hash"] == all_["info"]["x-content-hash"]
        schemas = found["components"]["schemas"]
        assert schemas == {name: all_["components"]["schemas"][name] for name in schemas}
    by_tag = tmp_path / "whole/by-tag"
    names = {f"{tag}.json" for tag in known_tags(join(Spec.load(MINI)))}
    assert {file.name for file in by_tag.iterdir()} == names
    kling = json.loads((by_tag / "videos.acme.json").read_text("utf-8"))
    assert kling["paths"] == json.loads((out / "openapi-3.1.json").read_text("utf-8"))["paths"]
    models = json.loads((out / "models.json").read_text("utf-8"))["models"]
    assert models
    assert all(call["operation"].startswith("acme") for one in models for call in one["calls"])
    assert "chat" not in (out / "llms.txt").read_text("utf-8").partition("## ")[2]


@pytest.mark.usefixtures("no_node")
def test_a_tag_that_no_call_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["publish", "--spec", str(MINI), "--out", str(out), "--only"]
    assert main([*command, "videos.acne"]) == 1
    assert "--only videos.acne: no call has this tag; there are videos.acme" in (
        capsys.readouterr().err
    )
    assert main([*command, "qqqq"]) == 1
    assert "there are audio, llm, videos" in capsys.readouterr().err
    assert not out.exists()
