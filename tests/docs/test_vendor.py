"""`docs draft --vendor`: a vendor's own OpenAPI document, each fact of it marked to be checked."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from documentation import Run, Site
from test_draft import paste

from generator import rules
from generator.source import Spec

Docs = Callable[..., Run]
MOVES = "/acme/api/v3/dance/{dance_id}/moves"

MOVE: dict[str, Any] = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "maxLength": 500, "description": "The vendor's sentence."},
        "ratio": {"type": "string", "enum": ["16:9", "1:1"], "default": "16:9"},
        "kind": {"const": "fast"},
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
        "when": {"type": ["string", "null"], "format": "date-time"},
        "properties": {"type": "string"},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Acme", "version": "1"},
    "servers": [{"url": "https://api.vendor.test/api/v3/"}],
    "paths": {
        "/dance/{dance_id}/moves": {
            "parameters": [
                {"name": "dance_id", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
            ],
            "summary": "Moves",
            "post": {
                "summary": "Text to video",
                "description": "Price: 0.5 USD/call. Key: sk-a1B2c3D4e5F6g7H8i9J0k1",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Move"}}
                    },
                },
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"id": {"type": "string"}},
                                }
                            }
                        },
                    }
                },
            },
        },
        "/films": {"get": {"responses": {"200": {"description": "ok"}}}},
    },
    "components": {"schemas": {"Move": MOVE}},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "vendor.json"
    made.write_text(json.dumps(DOCUMENT), "utf-8")
    return made


def test_a_draft_of_a_vendors_document(docs: Docs, mini: Path, file: Path) -> None:
    run = docs("draft", "--vendor", file, "--prefix", "/acme", "--path", "/dance/*")
    assert (run.code, run.err) == (0, "")
    made = yaml.safe_load(run.out)
    [(path, item)] = made["paths"].items()
    assert path == MOVES
    operation = item["post"]
    [entry] = operation["x-docs"]
    assert (entry["source"], entry["evidence"]) == ("vendor.json", "vendor")
    assert "x-price" not in operation
    assert [one["name"] for one in operation["parameters"]] == ["dance_id"]
    schema = made["components"]["schemas"]["AcmeMovesRequest"]
    assert schema["properties"]["kind"]["enum"] == ["fast"]
    assert schema["properties"]["when"]["type"] == ["string", "null"]
    assert "The vendor's own word" not in run.out
    assert "This is the vendor's own word" in run.out
    assert "The vendor's sentence" not in run.out
    assert "sk-a1B2" not in run.out
    assert "# Left out: `additionalProperties`, which a draft does not take." in run.out
    assert "# Left out: `format`, which a draft does not take." in run.out
    assert not (mini / "digests").exists()


def test_each_fact_is_marked(docs: Docs, file: Path) -> None:
    text = docs("draft", "--vendor", file, "--prefix", "/acme", "--path", "/dance/*").out
    for line in text.splitlines():
        is_fact = re.search(
            r"^  '?/|(required|enum|default|maxLength): |^ +(parameters|requestBody|responses):$"
            r"|^    Acme\w+:$",
            line.partition("  # TODO")[0],
        )
        if is_fact:
            assert line.endswith("# TODO check"), line
    marked = [line for line in text.splitlines() if line.endswith("# TODO check")]
    assert any("enum: ['16:9', '1:1'], default: '16:9'" in line for line in marked)
    assert any(line.startswith(f"  '{MOVES}':") for line in marked)


def test_it_passes_the_house_rules_once_pasted(docs: Docs, mini: Path, file: Path) -> None:
    text = docs("draft", "--vendor", file, "--prefix", "/acme", "--path", "/dance/*").out
    paste(text, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []


def test_what_is_there_already_and_a_home_that_is_not(docs: Docs, file: Path) -> None:
    data = copy.deepcopy(DOCUMENT)
    data["servers"] = []
    data["paths"] = {"/v1/videos": {"post": data["paths"]["/dance/{dance_id}/moves"]["post"]}}
    file.write_text(json.dumps(data), "utf-8")
    run = docs("draft", "--vendor", file, "--prefix", "/acme")
    assert "# acme_text_to_video is already there (spec/videos/acme.yaml:5)" in run.out
    run = docs("draft", "--vendor", file, "--prefix", "/beta")
    assert run.code == 1
    assert "no prefix in vendors.yaml is the home of /beta/v1/videos" in run.err


def test_a_document_by_its_url_in_yaml(docs: Docs, site: Site) -> None:
    data = copy.deepcopy(DOCUMENT)
    data["info"]["description"] = "x" * 2_500_000  # more than a page may have
    site.page("/openapi.yaml", yaml.safe_dump(data))
    url = f"{site.url}/openapi.yaml"
    run = docs("draft", "--vendor", url, "--prefix", "/acme")
    made = yaml.safe_load(run.out)
    assert list(made["paths"]) == [MOVES, "/acme/api/v3/films"]
    assert made["paths"][MOVES]["post"]["x-docs"][0]["url"] == url


def many(data: dict[str, Any]) -> None:
    data["paths"] = {f"/films/{n}": {"get": {"responses": {}}} for n in range(60)}


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda data: data.clear(), [], "not an OpenAPI document of version 3"),
        (lambda data: data.update(openapi=None, swagger="2.0"), [], "Swagger 2, which is to be"),
        (many, [], "60 operations; a person reviews at most 50 at a time. Choose with --path"),
        (
            lambda data: None,
            ["--path", "/moves"],
            "no path is /moves; it has `/dance/{dance_id}/mo",
        ),
        (lambda data: data.update(paths={}), [], "it has no operation"),
        (lambda data: None, ["--prefix", "acme"], "--prefix acme: write a path such as /ws"),
        (lambda data: None, ["--prefix", "/acme/"], "write a path such as /ws"),
        (lambda data: None, ["--prefix", ""], "say with --prefix"),
        (lambda data: None, ["page.md"], "one after the other"),
    ],
)
def test_what_cannot_be_drafted(
    docs: Docs,
    file: Path,
    change: Callable[[dict[str, Any]], object],
    options: list[str],
    message: str,
) -> None:
    data = copy.deepcopy(DOCUMENT)
    change(data)
    file.write_text(json.dumps(data), "utf-8")
    prefix = [] if "--prefix" in options else ["--prefix", "/acme"]
    run = docs("draft", *options, "--vendor", file, *prefix)
    assert run.code == 1
    assert message in run.err
    assert run.out == ""


@pytest.mark.parametrize("text", ["{", "[1", "a: &a [*a]", '{"openapi": NaN}', "\x00"])
def test_what_is_no_document(docs: Docs, file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    run = docs("draft", "--vendor", file, "--prefix", "/acme")
    assert run.code == 1
    assert file.name in run.err


def test_a_draft_without_anything(docs: Docs) -> None:
    assert "say which pages to draft from" in docs("draft").err
    assert "say which pages to draft from" in docs("draft", "page.md", "--prefix", "/acme").err
