"""A documentation page is foreign text: one bad page is one finding, and nothing of it runs."""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
import yaml
from documentation import FIXTURES
from hostile_pages import (
    CANARY,
    EXAMPLES,
    as_markdown,
    document,
    hostile,
    hostile_copied,
    hostile_markdown,
    hostile_operation,
    hostile_yaml,
    texts,
    value,
)
from markdown_it import MarkdownIt
from test_draft import paste

from generator import rules
from generator.build import build
from generator.docs import DocsError, PageError
from generator.docs.described import Described
from generator.docs.diff.changes import changes
from generator.docs.diff.operation import compare
from generator.docs.digests import digest, digest_of, digest_text
from generator.docs.draft import house_yaml
from generator.docs.draft.fragment import draft
from generator.docs.issue import issue
from generator.docs.pages import Page, untrusted
from generator.docs.pages.plain_yaml import UnusableYaml, load
from generator.docs.pages.vendor import vendor_pages
from generator.docs.report import diff_json, diff_text
from generator.docs.sources import parse_list, parse_page
from generator.rules import layout
from generator.source import Spec

MINI = FIXTURES / "mini_spec"


class StrictLoader(yaml.CSafeLoader):
    """YAML with dates as texts, as the specification's reader takes it."""

    yaml_implicit_resolvers: ClassVar = {
        first: [one for one in resolvers if not one[0].endswith("timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@functools.cache
def described() -> Described:
    """The mini specification."""
    return Described(MINI)


def read(text: str, source: str) -> Page | PageError:
    """A page, or why it cannot be used: no other error comes of it."""
    try:
        return parse_page(text, source)
    except PageError as error:
        return error


def check_report(pages: list[Page | PageError]) -> None:
    """Terminal, JSON and the issue show what pages say, and none of it is markup."""
    good = [page for page in pages if isinstance(page, Page)]
    findings = [finding for page in good for finding in compare(described(), page)]
    bad = [page for page in pages if isinstance(page, PageError)]
    data = diff_json(findings, good, bad, 0, 0)
    assert len(data["findings"]) <= 201 * len(good)
    text = diff_text(data, "spec", verbose=True)
    assert all(line.isprintable() for line in text.split("\n")), text
    json.dumps(data, ensure_ascii=False).encode()
    empty = {"index": {"new": [], "gone": [], "renamed": [], "moved": []}}
    if made := issue(empty, data):
        check_markdown(made[1], {"To decide", "Not readable"})


def check_markdown(text: str, headings: set[str]) -> None:
    """No heading but ours, no HTML, no image, no link but those of the pages, nobody mentioned."""
    tokens = PARSER.parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before and before.type == "heading_open":
            assert re.sub(r" \(\d+\)$", "", token.content) in headings, text
        assert token.type not in ("html_block", "fence", "code_block", "table_open", "hr"), text
        in_link = False
        for inner in token.children or ():
            in_link = inner.type == "link_open" or (in_link and inner.type != "link_close")
            assert inner.type not in ("html_inline", "image", "strong_open", "em_open"), text
            if inner.type == "link_open":
                assert str(inner.attrs["href"]).startswith("https://doc.302.ai/"), text
            elif inner.type == "text" and not in_link:
                assert not re.search(r"@\w|#\d|://\w", inner.content), text


@hostile(hostile_operation, batch=2)
def test_hostile_pages_before_and_after(operations: list[dict[str, Any]]) -> None:
    """What a page said is kept as text of a line, read as it was, and compared with anything."""
    texts = (as_markdown(document({"/acme/v1/videos": one})) for one in operations)
    pages = [page for page in (read(text, "page.md") for text in texts) if isinstance(page, Page)]
    for page in pages:
        text = digest_text(page, digest(page))
        assert all(map(str.isprintable, text.rstrip("\n").split("\n"))), text
        before = digest_of(json.loads(text), "digest")
        assert changes(described(), page, before, []) == []
        for other in pages:
            told = changes(described(), other, before, [])
            data = diff_json(told, [other], [], 0, 0)
            shown = diff_text(data, "spec", verbose=True)
            assert all(line.isprintable() for line in shown.split("\n")), shown
            assert len(told) <= 201


@hostile(hostile_operation)
def test_hostile_documents_through_diff(operation: dict[str, Any]) -> None:
    path = "/acme/v1/videos" if len(operation) % 2 else "/acme/v9/dances"
    text = as_markdown(document({path: operation}))
    check_report([read(text, "https://doc.302.ai/400000003e0.md")])


def drafted(pages: list[Page]) -> str:
    """The draft of pages, which YAML's reader takes, and whose names are names."""
    text = draft(described(), pages, "videos.acme") + "\n"
    assert all(line.isprintable() for line in text.split("\n")), text
    made = yaml.load(text, yaml.CSafeLoader)
    assert set(made) <= {"paths", "components"}
    for path, item in made["paths"].items():
        assert untrusted.is_path(path)
        for operation in item.values():
            assert re.fullmatch(r"acme_[a-z0-9_]+", operation["operationId"])
            summary = str(operation["summary"])
            assert re.fullmatch(r"[\w ,.()/&+:'`-]{1,80}", summary, re.ASCII), summary
    return text


@hostile(hostile_markdown)
def test_hostile_texts_through_diff(text: str) -> None:
    check_report([read(text, "page.md")])


@hostile(hostile_copied)
def test_hostile_copied_texts(text: str) -> None:
    check_report([read(text, "page.txt")])


@hostile(hostile_yaml)
def test_hostile_yaml(text: str) -> None:
    try:
        value = load(text)
    except UnusableYaml:
        return
    json.dumps(value).encode()


@hostile(value)
def test_hostile_values_in_a_draft_are_read_as_they_were(value: Any) -> None:
    data = {"value": value, "examples": {"one": value}, "listed": [value, value]}
    text = house_yaml.dump(data)
    assert all(line.isprintable() for line in text.split("\n"))
    assert yaml.load(text, StrictLoader) == data


@hostile(texts)
def test_hostile_lists_of_pages(pieces: list[str]) -> None:
    words = " ".join(pieces)
    text = f"- {words} [{words}](https://doc.302.ai/400000003e0.md): {words}\n"
    text += f"- A [B]({words}400000004)\n"
    for entry in parse_list(text, "https://doc.302.ai/llms.txt"):
        assert all(map(str.isprintable, (entry.title, entry.group, entry.url)))
        found = {"new": [vars(entry)], "gone": [], "renamed": [], "moved": []}
        made = issue({"index": found}, {"findings": [], "unreadable": []})
        assert made is not None
        check_markdown(made[1], {"New pages"})


@hostile(lambda random: random.choice(["", "`", "``", "_", "*", " "]).join(texts(random)))
def test_hostile_text_is_no_markdown(text: str) -> None:
    check_markdown(f"- {untrusted.markdown(text)}\n", set())


def pages_of(operations: list[dict[str, Any]]) -> Iterator[Page]:
    """The pages that can be read, each with a path of its own."""
    for number, operation in enumerate(operations):
        data = document({f"/acme/v9/dance{number}/moves": operation})
        page = read(as_markdown(data), f"page{number}.md")
        if isinstance(page, Page):
            yield page


def problems(text: str, folder: Path) -> list[str]:
    """What the house rules say to a draft once it is pasted."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MINI, folder)
    paste(text, folder)
    return list(map(str, rules.check_spec(Spec.load(folder))))


@hostile(hostile_operation, batch=3)
def test_hostile_documents_of_vendors(operations: list[dict[str, Any]]) -> None:
    """A vendor's document is as foreign as a page."""
    first, second, shared = operations
    data = document({"/v9/dances": first, "/v9/films/{id}": second})
    data["paths"]["/v9/dances"]["parameters"] = [shared, *map(str, shared)]
    data["servers"] = [shared.get("servers", shared), {"url": "https://[::1"}]
    try:
        pages = vendor_pages(json.dumps(data), "https://vendor.test/openapi.json", "/acme", [])
    except PageError:
        return
    text = drafted(pages)
    made = yaml.load(text, yaml.CSafeLoader)
    for item in made["paths"].values():
        for operation in item.values():
            assert [entry["evidence"] for entry in operation["x-docs"]] == ["vendor"]
            assert "x-price" not in operation


@hostile(hostile_yaml)
def test_hostile_yaml_as_a_vendors_document(text: str) -> None:
    with contextlib.suppress(DocsError):
        vendor_pages(f"openapi: 3.0.0\n{text}", "vendor.yaml", "/acme", [])
    with contextlib.suppress(DocsError):
        vendor_pages(f"{{{text}", "vendor.json", "/acme", [])


@pytest.fixture
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any length pass the house rules."""
    monkeypatch.setattr(layout, "LENGTH", 10**6)


@pytest.mark.usefixtures("long_files")
def test_hostile_drafts_pass_the_house_rules(tmp_path: Path) -> None:
    @hostile(hostile_operation, batch=100)
    def check(operations: list[dict[str, Any]]) -> None:
        text = drafted(list(pages_of(operations)))
        assert problems(text, tmp_path / "spec") == []

    check()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "properties": {"a": {"type": "string"}}},
        {"type": "boolean", "allOf": [{"properties": {"a": {}}}]},
        {"type": "string", "anyOf": [{"properties": {"a": {}}}, {"type": "string"}]},
        {"type": "integer", "nullable": True, "anyOf": [{"type": "string"}]},
    ],
)
def test_fault_21_a_parameter_with_fields_makes_no_schema_without_a_name(
    schema: dict[str, Any], tmp_path: Path
) -> None:
    """Found by 20,000 inputs: a plain type that has fields as well."""
    operation = {
        "summary": "Dance",
        "parameters": [{"name": "async", "in": "query", "schema": schema}],
        "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
    }
    text = drafted(list(pages_of([operation])))
    assert problems(text, tmp_path / "spec") == []


@pytest.mark.usefixtures("long_files")
def test_fault_21_a_draft_of_hostile_pages_runs_no_code_in_build(tmp_path: Path) -> None:
    """Whatever a page says, it is a text in what is generated of its draft, and never code."""
    random = Random(302)
    count = min(max(60, EXAMPLES // 20), 250)
    text = drafted(list(pages_of([hostile_operation(random) for _ in range(count)])))
    assert CANARY in text
    assert problems(text, tmp_path / "spec") == []
    build(tmp_path / "spec", tmp_path / "generated")
    modules = sorted((tmp_path / "generated").rglob("*.py"))
    assert len(modules) > 50
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [value for _, value in ast.iter_fields(node) if isinstance(value, str)]
            is_text = isinstance(node, ast.Constant)
            assert is_text or not any(CANARY in name for name in names), module
