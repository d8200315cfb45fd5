"""The page on which calls are tried: what it knows of each call is what the samples send."""

from __future__ import annotations

import html.parser
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from generator.document import Document
from generator.emit.methods import Methods
from generator.join import join, operations
from generator.publish.samples.request import File, request
from generator.publish.site import descriptions, try_it
from generator.source import Spec

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>"


@cache
def methods() -> Methods:
    return Methods.of_document(Document(json.loads((ROOT / "generated/openapi.json").read_bytes())))


class Scripts(html.parser.HTMLParser):
    """The scripts of a page, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open = tag == "script"
        if self.open:
            self.found.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            attrs, text = self.found[-1]
            self.found[-1] = (attrs, text + data)


def scripts(page: str) -> list[tuple[dict[str, str | None], str]]:
    parser = Scripts()
    parser.feed(page)
    return parser.found


@cache
def calls() -> dict[str, dict[str, Any]]:
    data, _ = scripts(try_it.page(methods()))
    assert data[0] == {"type": "application/json", "id": "data"}
    return {one["id"]: one for one in json.loads(data[1])}


def test_every_call_is_there_with_its_example() -> None:
    assert list(calls()) == [one.id for one in methods().document.operations]
    for operation in methods().document.operations:
        call = calls()[operation.id]
        sent = request(methods(), operation, methods().of(operation)[0].kind)
        assert (call["method"], call["path"]) == (operation.method.upper(), operation.path)
        assert call["type"] == sent.media_type
        given = {(one["in"], one["name"]) for one in call["parameters"]}
        assert given == {(one.place, one.wire) for one in operation.parameters}
        names = [one["name"] for one in call.get("form", [])] or list(call.get("body", {}))
        assert names == [name for name in sent.body if name]
        files = [one["name"] for one in call.get("form", []) if "file" in one]
        assert files == [
            name
            for name, value in sent.body.items()
            if call["type"] == "multipart/form-data"
            and isinstance(value[0] if isinstance(value, list) else value, File)
        ]


def test_required_parameters_have_a_value() -> None:
    for call in calls().values():
        assert all(one["value"] for one in call["parameters"] if one["required"]), call["id"]


def test_a_task_is_followed_where_its_id_is_at_a_plain_path() -> None:
    kling = calls()["kling_text_to_video"]
    assert (kling["fetch"], kling["ids"]) == ("kling_get_text_to_video", {"id": "data.task_id"})
    followed = {one["fetch"] for one in calls().values() if "fetch" in one}
    assert followed <= set(calls())
    paths = [path for one in calls().values() for path in one.get("ids", {}).values()]
    assert all(re.fullmatch(r"[\w.]+", path) for path in paths)


def test_it_may_ask_for_a_mock_on_this_machine_alone() -> None:
    page = try_it.page(methods())
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["connect-src"] == "http://127.0.0.1:* http://localhost:*"
    assert rules["default-src"] == "'none'"
    assert not re.findall(r'(?:src|href)="https?:', page)


def test_text_of_the_specification_is_data() -> None:
    document = join(Spec.load(ROOT / "tests/fixtures/mini_spec"))
    for _, _, operation in operations(document):
        operation["summary"] = HOSTILE
    page = try_it.page(Methods.of_document(Document(document)))
    found = scripts(page)
    assert len(found) == 2
    assert {one["summary"] for one in json.loads(found[0][1])} == {HOSTILE}
    assert "innerHTML" not in page


def test_the_reference_leads_to_it() -> None:
    operation = methods().document.by_id["kling_text_to_video"]
    assert "(try.html#kling_text_to_video)" in descriptions.description(methods(), operation)
    assert descriptions.try_link(operation) == "try.html#kling_text_to_video"
