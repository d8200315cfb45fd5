"""What once broke `docs`, by the numbers of the faults: pages that are hostile, large or deep."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile_pages as hostile
import pytest
import yaml
from documentation import FIXTURES, Answer, Page, Run, Site
from test_draft import paste

from generator import rules
from generator.docs import PageError, fetch
from generator.docs.described import Described
from generator.docs.diff.changes import changes
from generator.docs.diff.operation import compare
from generator.docs.digests import digest
from generator.docs.pages.copied import copied
from generator.docs.pages.plain_yaml import UnusableYaml, load
from generator.docs.sources import parse_list, parse_page
from generator.source import Spec

Docs = Callable[..., Run]
SPEC = Path(__file__).parents[2] / "spec"
SEEDS = FIXTURES / "docs" / "seed-pages"


def seconds(call: Callable[[], object]) -> float:
    """The processor time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def change_request(schema: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """A page's change: another schema of the request, without example."""

    def change(operation: dict[str, Any]) -> None:
        operation["requestBody"]["content"]["application/json"] = {"schema": schema}

    return change


def of_its_own_kind(fields: int, depth: int = 1) -> str:
    """A page whose request holds fields that lead back to it, after some schemas between."""
    names = [f"S{number}" for number in range(depth)]
    schemas = {
        name: {
            "type": "object",
            "properties": {
                f"f{field}": {"$ref": f"#/components/schemas/{names[(number + 1) % depth]}"}
                for field in range(fields)
            },
        }
        for number, name in enumerate(names)
    }
    operation = hostile.operation()
    body = operation["requestBody"]["content"]["application/json"]
    body["schema"] = {"$ref": "#/components/schemas/S0"}
    data = hostile.document({"/acme/v1/videos": operation})
    return hostile.as_markdown(data | {"components": {"schemas": schemas}})


def laughs(levels: int = 20) -> str:
    """A YAML document whose aliases double with every level."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels)]
    return "\n".join([*lines, f"paths: *a{levels - 1}"])


def page_of(text: str) -> str:
    return f"# Page\n\n```yaml\n{text}\n```\n"


LARGE = {
    "six fields of its own kind": of_its_own_kind(6),
    "a circle of nine schemas": of_its_own_kind(3, 9),
    "a chain of schemas without an end": of_its_own_kind(9, 40),
    "aliases of aliases": page_of(laughs()),
    "an alias of what is around it": page_of("paths: &a\n  x: *a"),
    "opened fences": "```yaml\n" * 25_000,
    "fences of all lengths": "".join("`" * (3 + n % 500) + "yaml\n" for n in range(2_000)),
    "brackets": page_of("paths: " + "[" * 200_000),
    "braces": page_of("paths: " + "{a: " * 100_000),
    "lists in lists": page_of("paths:\n" + "".join(" " * n + "-\n" for n in range(1_500))),
    "many values": page_of("paths: [" + "1, " * 300_000 + "]"),
    "an example that is deep as text": hostile.as_markdown(
        hostile.document(
            {
                "/acme/v1/videos": {
                    "requestBody": {
                        "content": {"application/json": {"example": '{"a": ' * 100_000}}
                    }
                }
            }
        )
    ),
    "digits": page_of("paths: " + "9" * 1_000_000),
    "spaces": "# " + " " * 1_000_000 + "\n",
    "prices": hostile.as_markdown(
        hostile.document({"/acme/v1/videos": {"description": "9" * 500_000 + " PTC " * 9_000}})
    ),
    "keys": page_of("paths: '" + "sk-" * 300_000 + "'"),
    "more than may be": "x" * 2_000_001,
    "half of a key": page_of("? [a]\n: b"),
    "two documents": page_of("paths: {}\n--- \npaths: {}"),
}
COPIED = {
    "deep": "POST\n/x\nBody Params application/json\n" + "a\nobject {1}\nrequired\n" * 2_000,
    "wide": "POST\n/x\nBody Params application/json\n" + "a\nobject {9999}\nrequired\n" * 9_000,
    "types": "POST\n/x\nBody Params application/json\n" + "string\n" * 100_000,
    "calls": "POST\n" * 100_000,
    "brackets": "POST\n/x\nBody Params application/json\nExample\n" + "[" * 200_000,
    "spaces": "POST\n/x\nBody Params application/json\nstring" + " " * 300_000 + "x\nrequired",
    "curls": "POST\n/x\nBody Params application/json\n" + "curl " * 100_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_fault_22_one_bad_page_is_soon_read(docs: Docs, tmp_path: Path, name: str) -> None:
    (tmp_path / "page.md").write_text(LARGE[name], "utf-8")
    assert seconds(lambda: docs("diff", tmp_path / "page.md")) < 5
    assert seconds(lambda: docs("draft", tmp_path / "page.md")) < 10


@pytest.mark.parametrize("name", COPIED)
def test_fault_22_one_bad_text_is_soon_read(docs: Docs, tmp_path: Path, name: str) -> None:
    (tmp_path / "page.txt").write_text(COPIED[name], "utf-8")
    assert seconds(lambda: docs("diff", tmp_path / "page.txt")) < 5


def test_fault_22_the_weekly_run_goes_on(
    docs: Docs, site: Site, page: Page, tmp_path: Path
) -> None:
    """Pages that are too deep, too large or not pages are a line each; the good one is compared."""
    bad = [*LARGE.values(), b"\xff", "", "<html>", "# Guide"]
    lines = []
    for number, text in enumerate(bad, 400000100):
        site.page(f"/{number}e0.md", text)
        lines.append(f"- Videos > Acme [Page {number}]({site.url}/{number}e0.md): x")
    lines.append("- Videos > Acme [Elsewhere](http://127.0.0.2:1/400000300e0.md): x")
    lines.append("- Videos > Acme [No URL](https://[::1/400000301e0.md): x")
    lines.append(f"- Videos > Acme [Good]({site.url}/400000003e0.md): x")
    site.page("/llms.txt", "\n".join(["## API Docs", *lines]))
    changed = page(lambda op: op.update(description="价格：0.9 PTC/次"))
    site.page("/400000003e0.md", changed)

    run = docs("diff", f"{site.url}/llms.txt", "--json", "--out", tmp_path / "diff.json")

    assert run.code == 0, run.err
    data = json.loads((tmp_path / "diff.json").read_text("utf-8"))
    assert any(finding["kind"] == "price" for finding in data["findings"])
    unreadable = {entry["source"] for entry in data["unreadable"]}
    assert data["read"]["pages"] + len(unreadable) == len(lines)
    assert len(unreadable) > len(bad) - 8
    assert "http://127.0.0.2:1/400000300e0.md" in unreadable


def test_fault_22_a_schema_of_its_own_kind_ends_where_it_begins_again(mini: Path) -> None:
    page = parse_page(of_its_own_kind(6), "400000003e0.md")
    schema = page.calls[0].request["application/json"].schema
    assert set(schema["properties"]) == {f"f{number}" for number in range(6)}
    assert all(field == {} for field in schema["properties"].values())
    assert page.refused == ["what is inside `#/components/schemas/S0`, which holds itself"]
    [finding] = [one for one in compare(Described(mini), page) if one.kind == "refused"]
    assert finding.operation == "acme_text_to_video"


def test_a_limit_without_its_other_end_stays_and_crossed_ones_go() -> None:
    operation = hostile.operation()
    limits = {
        "below": {"type": "integer", "maximum": -1},
        "above": {"type": "integer", "minimum": 7},
        "crossed": {"type": "integer", "minimum": 5, "maximum": 1},
    }
    change_request({"type": "object", "properties": limits})(operation)
    text = hostile.as_markdown(hostile.document({"/acme/v1/videos": operation}))
    schema = parse_page(text, "400000003e0.md").calls[0].request["application/json"].schema
    assert schema["properties"] == {
        "below": {"type": "integer", "maximum": -1},
        "above": {"type": "integer", "minimum": 7},
        "crossed": {"type": "integer"},
    }


def test_fault_22_aliases_count_as_what_they_stand_for() -> None:
    """Apifox writes an alias where a page refers to a schema twice, so a few of them are read."""
    assert load("a: &a [1, {b: 2}]\nc: *a") == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    with pytest.raises(UnusableYaml, match="more than 50000 values") as error:
        load(laughs())
    assert error.value.line > 10
    with pytest.raises(UnusableYaml, match="leads nowhere"):
        load("a: &a\n  b: *a")
    deep = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100))])
    with pytest.raises(UnusableYaml, match="nested too deeply"):
        load(deep)


def test_fault_22_seven_hundred_pages_in_ten_seconds(page: Page) -> None:
    described = Described(SPEC)
    texts = [(SEEDS / name).read_text("utf-8") for name in sorted(SEEDS.glob("*.txt"))]
    texts.append((FIXTURES / "docs" / "dance.md").read_text("utf-8"))
    texts.append(page())

    def week() -> None:
        for number in range(700):
            text = texts[number % len(texts)]
            name = f"{number}.md" if text.startswith("# ") else f"{number}.txt"
            compare(described, parse_page(text, name))

    assert seconds(week) < 10


def test_fault_22_a_page_of_another_thing_has_a_bounded_number_of_findings(mini: Path) -> None:
    operation = hostile.operation()
    fields = {f"field{number}": {"type": "string"} for number in range(3_000)}
    body = operation["requestBody"]["content"]["application/json"]
    body["schema"] = {"type": "object", "properties": fields}
    data = hostile.document({"/acme/v1/videos": operation})
    found = compare(Described(mini), parse_page(hostile.as_markdown(data), "x.md"))
    assert len(found) == 201
    assert found[-1].message == "there are more than 200 differences"


def overridden(operation: dict[str, Any]) -> None:
    """A schema of a component, of which the page changes a field, adds one, and removes one."""
    schema = {
        "type": "object",
        "properties": {"prompt": {"type": "string"}},
        "x-apifox-refs": {
            "01JPME2T72ZWEZV0C8WGQNGDCE": {
                "$ref": "#/components/schemas/Base",
                "x-apifox-overrides": {
                    "size": {"type": "integer"},
                    "added": {"type": "boolean"},
                    "gone": None,
                },
                "required": ["size", "gone"],
            }
        },
    }
    operation["requestBody"]["content"]["application/json"] = {"schema": schema}


BASE = """
components:
  schemas:
    Base:
      type: object
      required: [kept, gone]
      properties:
        kept: {type: string}
        size: {type: string, description: as text}
        gone: {type: string}
        prompt: {type: array}
"""


def test_fault_23_overrides_of_apifox(page: Page) -> None:
    text = page(overridden).replace("components:\n  schemas: {}\n", BASE.lstrip())
    assert "Base:" in text
    schema = parse_page(text, "x.md").calls[0].request["application/json"].schema
    kinds = {name: field.get("type") for name, field in schema["properties"].items()}
    assert kinds == {"prompt": "string", "kept": "string", "size": "integer", "added": "boolean"}
    assert schema["required"] == ["size"]


def test_fault_23_deep_copied_text_is_no_traceback(docs: Docs, tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text(COPIED["deep"], "utf-8")
    run = docs("diff", tmp_path / "page.txt")
    assert run.code == 1
    assert "its tables are nested in more than 12 levels" in run.err
    fields = copied(
        "POST\n/x\nBody Params application/json\na\nobject {1}\nrequired\nb\nstring\nrequired\n",
        "x",
    )
    schema = fields.calls[0].request["application/json"].schema
    assert schema["properties"]["a"]["properties"] == {"b": {"type": "string"}}


def test_fault_23_a_summary_of_several_lines_is_one_line(
    docs: Docs, page: Page, mini: Path, tmp_path: Path
) -> None:
    """Neither in a draft, nor in the report, nor in the issue does it begin a heading."""
    summary = "Dance\n\n## Ours\n\n- [x] @everyone <b>"

    def change(operation: dict[str, Any]) -> None:
        operation |= {"summary": summary, "x-run-in-apifox": ""}

    text = page(change, path="/acme/v2/dances").replace("# Text to video", "", 1)
    (tmp_path / "page.md").write_text(text, "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert "summary: 'Create: Dance Ours - x everyone b'  # TODO words\n" in run.out
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []

    assert docs("diff", tmp_path / "page.md", spec=FIXTURES / "mini_spec").out.count("\n") == 4
    spec = FIXTURES / "mini_spec"
    docs("diff", tmp_path / "page.md", "--json", "--out", tmp_path / "diff.json", spec=spec)
    listed = f"- Videos > Acme [{summary}](https://doc.302.ai/400000077e0.md): x\n"
    (tmp_path / "llms.txt").write_text(listed.replace("\n\n", "\u2028"), "utf-8")
    docs("index", tmp_path / "llms.txt", "--json", "--out", tmp_path / "index.json")
    body = docs("issue", tmp_path / "index.json", tmp_path / "diff.json").out
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings == ["## New pages (1)", "## Pages that are gone (7)", "## To decide (1)"]
    assert "@everyone" not in body
    assert "<b>" not in body


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True, "enum": ["a", "b"]},
        {"type": "string", "nullable": True, "enum": ["a", "b", None]},
        {"type": ["string", "null"], "enum": ["a", "b"]},
        {"type": "string", "enum": ["a", "b", None]},
        {"type": "object", "nullable": True, "properties": {"x": {"type": "string"}}},
        {"type": "integer", "nullable": True},
    ],
)
def test_fault_23_nullable_takes_null(
    docs: Docs, page: Page, mini: Path, tmp_path: Path, schema: dict[str, Any]
) -> None:
    """Also beside an enum that does not list null: the draft's schema takes the page's example."""

    def change(operation: dict[str, Any]) -> None:
        body = operation["requestBody"]["content"]["application/json"]
        body["schema"]["properties"]["mode"] = schema
        body["example"] = {"prompt": "a", "mode": None}
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Dance", path="/acme/v2/dances"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert "do not fit" not in run.out
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []
    made = yaml.safe_load(run.out)
    [item] = made["paths"].values()
    media = item["post"]["requestBody"]["content"]["application/json"]
    assert media["examples"]["dance"]["value"] == {"prompt": "a", "mode": None}


def test_fault_23_a_page_that_says_nullable_is_told_if_ours_refuses_null(
    mini: Path, page: Page
) -> None:
    def change(operation: dict[str, Any]) -> None:
        body = operation["requestBody"]["content"]["application/json"]
        body["schema"]["properties"]["prompt"] = {"type": "string", "nullable": True}

    described = Described(mini)
    [finding] = compare(described, parse_page(page(change), "400000003e0.md"))
    assert finding.message.endswith("the page's request has `prompt` as null, ours is string")
    file = mini / "videos" / "acme.yaml"
    text = file.read_text("utf-8")
    at = text.index("prompt:", text.index("AcmeVideoRequest:\n"))
    file.write_text(text[:at] + text[at:].replace("type: string", "type: [string, 'null']", 1))
    assert compare(Described(mini), parse_page(page(change), "400000003e0.md")) == []


CODE = f'application/json"""\n{hostile.CANARY}()\n"""'


@pytest.mark.parametrize(
    "name", [CODE, f"application/{hostile.CANARY}()", "a b/c", "json", "x/\x1b[31m"]
)
def test_fault_21_a_media_type_that_is_none_is_left_out(
    docs: Docs, mini: Path, page: Page, tmp_path: Path, name: str
) -> None:
    def change(operation: dict[str, Any]) -> None:
        for holder in (operation["requestBody"], operation["responses"]["200"]):
            holder["content"][name] = {"schema": {"type": "string"}}
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Dance", path="/acme/v2/dances"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    [left] = [line for line in run.out.splitlines() if line.startswith("# Left out: the body of")]
    assert left.endswith("which is not a media type.")
    assert hostile.CANARY not in run.out.replace(left, "")
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []
    (tmp_path / "page.md").write_text(page(change), "utf-8")
    found = json.loads(docs("diff", tmp_path / "page.md", "--json").out)["findings"]
    assert [one["kind"] for one in found] == ["refused"]
    assert "which is not a media type; this is left out" in found[0]["message"]


@pytest.mark.parametrize(
    "name", ["a\nb", "", " a", "a`b", 'a"b', "a'b", "a\\b", "ｓelf", "a" * 65, "\u202ea"]
)
def test_fault_21_a_name_that_is_none_is_left_out(
    docs: Docs, mini: Path, page: Page, tmp_path: Path, name: str
) -> None:
    def change(operation: dict[str, Any]) -> None:
        body = operation["requestBody"]["content"]["application/json"]
        body["schema"]["properties"][name] = {"type": "string"}
        query = {"name": name, "in": "query", "schema": {"type": "string"}}
        operation["parameters"].append(query)
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Dance", path="/acme/v2/dances"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    left = [line for line in run.out.splitlines() if line.startswith("# Left out: ")]
    assert [line.split()[3:5] for line in left] == [["the", "query"], ["the", "field"]]
    [schema] = [
        schema
        for key, schema in yaml.safe_load(run.out)["components"]["schemas"].items()
        if key == "AcmeDancesRequest"
    ]
    assert set(schema["properties"]) == {"prompt", "duration", "image"}
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []


@pytest.mark.parametrize(
    "path", ["/a b", "/a\n## b", '/a"""b', "a", "/{a b}", "/a`", "//", "/{", "/" * 400]
)
def test_fault_21_a_path_that_is_none_cannot_be_drafted(
    docs: Docs, page: Page, tmp_path: Path, path: str
) -> None:
    (tmp_path / "page.md").write_text(page(path=path), "utf-8")
    for action in ("draft", "diff"):
        run = docs(action, tmp_path / "page.md")
        assert run.code == 1
        assert "which is not a path" in run.err


def test_fault_21_a_list_names_pages_of_its_own_host_alone(site: Site, docs: Docs) -> None:
    site.page("/llms.txt", "- X [A](http://127.0.0.2:9/400000003e0.md): x\n")
    run = docs("diff", f"{site.url}/llms.txt")
    assert "it is on another host than the list, so it is not fetched" in run.out
    assert [path for path, _ in site.asked] == ["/llms.txt"]


def test_fault_21_entries_of_a_list_are_one_line() -> None:
    text = "- a\u2028b\x1b[31m [c\x00d](https://doc.302.ai/400000003e0.md): x\n"
    [entry] = parse_list(text, "llms.txt")
    assert entry.title.isprintable()
    assert entry.group.isprintable()
    assert parse_list(f"- a [b]({'x' * 6000}/400000003e0.md): x\n", "llms.txt") == []


def test_page_error_has_the_line_in_the_page() -> None:
    with pytest.raises(
        PageError, match=r"x\.md:7: the page's document is not YAML: there is a tag"
    ):
        parse_page("# A\n\n```yaml\na: 1\nb: 2\npaths:\n  c: !x y\n```\n", "x.md")


def test_fault_22_a_pipe_in_a_folder_is_not_waited_for(
    docs: Docs, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "400000003e0.md").write_text(page(), "utf-8")
    os.mkfifo(folder / "400000004e0.md")
    run = docs("diff", folder)
    assert run.code == 0
    assert "1 page read" in run.out


BOMB = gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("body", "label", "told"),
    [
        (BOMB, "gzip", "it has more than 2,000,000 bytes"),
        (gzip.compress(BOMB), "gzip, gzip", "packed as `gzip, gzip`"),
        (b"\x1b\x15\x00\x00", "br", "packed as `br`"),
        (b"# Page", "gzip", "it is not gzip, as it says"),
    ],
)
def test_fault_22_a_packed_page_is_unpacked_up_to_its_limit(
    docs: Docs, site: Site, body: bytes, label: str, told: str
) -> None:
    site.page("/400000003e0.md", body, Content_Encoding=label)
    run = docs("diff", f"{site.url}/400000003e0.md")
    assert run.code == 1
    assert told in run.err
    site.page("/400000003e0.md", gzip.compress(b"x" * 999), Content_Encoding="gzip")
    assert "there is no OpenAPI document" in docs("diff", f"{site.url}/400000003e0.md").err


def test_fault_22_a_page_that_drips_is_given_up(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LONGEST_READ", -1.0)
    site.page("/a.md", "# A page that comes byte by byte")
    with (
        fetch.Fetcher(tmp_path, pause=0) as fetcher,
        pytest.raises(PageError, match="has not come to its end"),
    ):
        fetcher.get(f"{site.url}/a.md")


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://127.0.0.2:1/latest/meta-data", "it leads to another host"),
        ("file:///etc/passwd", "it leads to another host"),
        ("//elsewhere.test/a.md", "it leads to another host"),
        ("http://[::1", "it leads to another host"),
        ("/a.md", "without an end"),
    ],
)
def test_fault_21_no_redirect_leads_to_another_host(
    docs: Docs, site: Site, page: Page, location: str, told: str
) -> None:
    """One such page of a list is a finding, and not the end of the weekly run."""
    moved = Answer(status=302, headers={"Location": location})
    site.answers["/400000004e0.md"] = site.answers["/a.md"] = [moved]
    site.answers["/400000003e0.md"] = [Answer(status=301, headers={"Location": "/moved.md"})]
    site.page("/moved.md", page())
    lines = [f"- Videos [P]({site.url}/40000000{number}e0.md): x" for number in (3, 4)]
    site.page("/llms.txt", "\n".join(["## API Docs", *lines]))
    run = docs("diff", f"{site.url}/llms.txt")
    assert run.code == 0
    assert "1 page read" in run.out
    assert told in run.out


@pytest.mark.parametrize("url", ["http://x\udcff/a.md", "https://x/\u2028/a.md"])
def test_fault_25_a_url_that_cannot_be_shown(docs: Docs, url: str) -> None:
    run = docs("diff", url)
    assert run.code == 1
    assert "this is not a URL" in run.err


def test_fault_23_a_parameter_is_looked_up_by_its_place_too(mini: Path, page: Page) -> None:
    """Of a header we said that ours requires it, where a query parameter is called the same."""
    file = mini / "videos/acme.yaml"
    both = "      parameters:\n"
    both += "        - {name: region, in: query, required: true, schema: {type: string}}\n"
    both += "        - {name: region, in: header, required: false, schema: {type: string}}\n"
    named = "      operationId: acme_text_to_video\n"
    file.write_text(file.read_text("utf-8").replace(named, named + both), "utf-8")

    def with_region(is_required: bool) -> Callable[[dict[str, Any]], None]:
        one = {"name": "region", "in": "header", "schema": {"type": "string"}}
        return lambda node: node["parameters"].append({**one, "required": is_required})

    before = digest(parse_page(page(with_region(False)), "400000003e0.md"))
    now = parse_page(page(with_region(True)), "400000003e0.md")
    found = [one for one in changes(Described(mini), now, before, []) if one.kind == "required"]
    assert [one.fix for one in found] == ["add it to `required`, unless calls without it are known"]
