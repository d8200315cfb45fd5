"""llms.txt: one line an operation, with the names of its JSON; and a page for each tag."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from api302 import Client
from generator import realtime
from generator.document import Document, Schema
from generator.emit.methods import Methods
from generator.join import newest_evidence, operations
from generator.models import models
from generator.publish import llms
from generator.publish.llms import llms_text, pages
from generator.publish.llms.fields import Lists
from generator.publish.llms.page import shortened
from generator.source import Spec

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "tests/fixtures/mini_spec"
CALL = re.compile(r"- \[(.+?)\]\(([\w.]+)#(\w+)\): `(\w+) (\S+?)(?:\?\S+)?(?: [{(].*?[)}])?`")


@cache
def methods() -> Methods:
    joined = json.loads((ROOT / "generated/openapi.json").read_text("utf-8"))
    spec = Spec.load(ROOT / "spec")
    return Methods.of_document(Document(joined, models(spec)[0], realtime.join(spec)))


@cache
def text() -> str:
    info = methods().document.node["info"]
    return llms_text(methods(), {**info, "x-evidence-date": "2001-02-03"})


@cache
def made() -> dict[str, str]:
    return pages(methods())


def page(tag: str) -> str:
    return made()[f"{tag}.md"]


def lines() -> list[str]:
    return [line for line in text().splitlines() if CALL.match(line)]


def line(operation_id: str) -> str:
    (found,) = [one for one in lines() if f"#{operation_id})" in one]
    return found


def section(operation_id: str) -> str:
    tag = methods().document.by_id[operation_id].tag
    _, _, rest = page(tag).partition(f"\n## {operation_id}\n")
    return re.split(r"\n##? ", rest)[0]


# -- llms.txt --------------------------------------------------------------------------------------


def test_each_operation_has_one_line() -> None:
    wanted = [
        (path, method.upper(), one["operationId"])
        for path, method, one in operations(methods().document.node)
    ]
    channels = {call.id for call in methods().document.realtime}
    matches = [match for match in map(CALL.match, lines()) if match]
    found = [match.group(5, 4, 3) for match in matches if match[3] not in channels]
    assert found == wanted
    assert channels == {match[3] for match in matches} - {name for _, _, name in wanted}


def test_the_names_in_python_are_there() -> None:
    client = Client(api_key="sk-test")
    for one in lines():
        name = re.search(r"; `client\.([\w.]+)`$", one)
        assert name, one
        method: Any = client
        for part in name[1].split("."):
            method = getattr(method, part)
        assert callable(method)


def test_what_a_call_requires_is_named_as_in_json() -> None:
    for one in lines():
        match = CALL.match(one)
        assert match
        operation = methods().document.by_id.get(match[3])
        if operation is None:  # a WebSocket, which has a test of its own
            continue
        sent = one.partition("→")[0]
        for parameter in operation.parameters:
            if parameter.required and parameter.place in ("path", "query"):
                assert parameter.wire in sent
        for argument in methods().arguments(operation).body.fields:
            assert not argument.required or argument.wire in sent, one


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("openai_speech", "/v1/audio/speech {model, input, voice}` → file; "),
        (
            "suno_music",
            "/suno/submit/music {mv, gpt_description_prompt, make_instrumental}` → `data`",
        ),
        ("openai_edit_image", "/v1/images/edits (image, prompt, model)` → `created, data[].url, "),
        ("ai302_get_transcript", "/302/transcript?url` → `success, message, detail`; "),
        ("openai_chat_completions", "{model, messages}` → `id, object, created, model, choices, "),
        ("kling_get_text_to_video", "` → `data.task_status, data.task_result.videos[].url`; "),
    ],
)
def test_a_line_has_what_is_sent_and_what_comes_back(operation: str, said: str) -> None:
    assert said in line(operation)


def test_a_line_says_what_a_program_must_know() -> None:
    kling = line("kling_text_to_video")
    assert "` → `data.task_id`; task: `kling_get_text_to_video`; " in kling
    assert " PTC per " in kling
    chat = line("openai_chat_completions")
    assert "; task on demand: `ai302_get_async_result`; stream; " in chat
    assert re.search("models: (`[^`]+`, ){2}`[^`]+` and [0-9]{3} more", chat)
    assert any("not documented" in one for one in lines())


def test_it_stays_short() -> None:
    assert len(text().encode()) < 300 * len(lines()), "bytes, for each call"


def test_the_head_has_one_curl_the_date_and_the_documents_beside_it() -> None:
    head = text().partition("\n## ")[0]
    assert head.count("curl ") == 1
    assert "evidence to 2001-02-03" in head
    assert "openapi-3.2.yaml" not in head
    info = {**methods().document.node["info"], "x-evidence-date": ""}
    published = llms_text(methods(), info, "llms/")
    for name in ("openapi-3.1.yaml", "arazzo.json", "models.json", "losses.md", "index.html"):
        assert f"({name})" in published.partition("\n## ")[0]
    assert "](llms/videos.kling.md#kling_text_to_video)" in published


def test_what_is_deprecated_comes_last_of_its_vendor_and_says_what_to_use() -> None:
    by_tag: dict[str, list[bool]] = {}
    for operation in methods().document.operations:
        by_tag.setdefault(operation.tag, []).append(operation.is_deprecated)
    assert any(any(marks) for marks in by_tag.values())
    assert all(marks == sorted(marks) for marks in by_tag.values())
    noted = [one for one in lines() if re.search(r"; deprecated(;|$|: use `\w+`)", one)]
    assert len(noted) == sum(map(sum, by_tag.values()))
    (old,) = [one for one in noted if "/klingai/m2v_txt2video`" in one or "/m2v_txt2video " in one]
    assert "deprecated: use `kling_text_to_video`" in old


# -- pages -----------------------------------------------------------------------------------------


def test_every_link_leads_to_a_heading() -> None:
    headings = {
        (name, heading)
        for name, content in made().items()
        for heading in re.findall("^## (.+)$", content, re.MULTILINE)
    }
    calls = {(f"{one.tag}.md", one.id) for one in methods().document.operations}
    assert calls <= headings
    for name, content in {"llms.txt": text(), **made()}.items():
        for target, anchor in re.findall(r"\]\(([\w.]*)#(\w+)\)", content):
            assert (target or name, anchor) in headings, (name, target, anchor)
    assert set(re.findall(r"^### \[.+\]\((.+)\)$", text(), re.MULTILINE)) == set(made())


def test_a_section_has_every_argument() -> None:
    for operation in methods().document.operations:
        shown = section(operation.id)
        for name in operation.request_fields:
            assert f"- `{name}`" in shown, (operation.id, name)


def test_the_types_that_arguments_are_of_are_on_their_page() -> None:
    for content in made().values():
        named = re.findall(r"^ *- `[^`]+`(?: \([^)]*\))?: (?:list of )?`([A-Z]\w+)`", content, re.M)
        schemas = set(named) & set(methods().document.schemas)
        assert schemas <= set(re.findall("^## (.+)$", content, re.MULTILINE))
    chat = page("llm.openai").partition("\n## OpenaiChatMessage\n")[2].partition("\n## ")[0]
    assert "- `role` (required): one of " in chat


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("kling_text_to_video", "- `prompt` (required): string, 1 to 2500 characters. "),
        ("kling_text_to_video", "- `mode`: one of `std`, `pro`, default `std`. "),
        ("kling_text_to_video", "- `cfg_scale`: number, 0 to 1, default `0.5`. "),
        ("kling_text_to_video", "whose `id` is `data.task_id` of the response."),
        ("kling_text_to_video", "Models that `model_name` takes: `kling-v1`, "),
        (
            "kling_image_to_video",
            "- `image`: string, a file as a URL or base64 text, at most 10 MB.",
        ),
        ("kling_get_text_to_video", "- `id` (path, required): string. The task's id."),
        ("kling_get_text_to_video", "Done: `succeed`. Failed: `failed`."),
        ("openai_edit_image", "Body, `multipart/form-data`:"),
        ("openai_chat_completions", "until `[DONE]`"),
        ("openai_chat_completions", "The body has one of these forms:"),
        ("ai302_generate_image", "`gemini-3-pro-image`"),
    ],
)
def test_a_section_says_what_a_caller_must_know(operation: str, said: str) -> None:
    assert said in section(operation)


def test_the_examples_of_responses_are_json() -> None:
    count = 0
    for content in made().values():
        for shown in re.findall("```json\n(.*)\n```", content):
            assert len(json.dumps(json.loads(shown))) < 4000
            count += 1
    assert count > 700


def test_a_long_example_is_cut_and_stays_json() -> None:
    value = {"a": "x" * 100, "b": [1, 2, 3], "c": {"d": {"e": 1}}}
    assert shortened(value, 2, 2) == {"a": "x" * 60 + "…", "b": [1, 2], "c": {"d": {}}}


def kind(schema: dict[str, Any]) -> str:
    document = Document({"components": {"schemas": {"Thing": {"type": "object"}}}})
    return Lists().about(Schema(document, schema, "here"))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "any value."),
        ({"type": "string", "minLength": 1}, "string, not empty."),
        ({"type": ["integer", "null"], "maximum": 3}, "integer or null, at most 3."),
        ({"enum": ["a", "", 1]}, 'one of `a`, `""`, `1`.'),
        ({"const": True}, "`true`."),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}, "list of `Thing`."),
        ({"anyOf": [{"type": "string"}, {"enum": ["a"]}]}, "string or `a`."),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "object whose values are number.",
        ),
        (
            {"type": "number", "exclusiveMinimum": 0, "default": 1},
            "number, more than 0, default `1`.",
        ),
        (
            {"type": "string", "x-file": ["part", "url"], "description": "A *file*."},
            r"string, a file as a part of the form or a URL. A \*file\*.",
        ),
    ],
)
def test_what_is_said_of_a_value(schema: dict[str, Any], said: str) -> None:
    assert kind(schema) == said


def test_fields_in_fields_stand_below_them() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    schema = {"properties": {"a": {"type": "array", "items": inner}, "c": {"type": "boolean"}}}
    made = Lists().fields(Schema(Document({}), {**schema, "required": ["c"]}, "here"))
    assert list(made) == [
        "- `c` (required): boolean.",
        "- `a`: list of object.",
        "  - `b` (required): string.",
    ]


def test_build_writes_what_is_made_now(tmp_path: Path) -> None:
    few = Methods.of_document(Document(*mini()))
    count = llms.write(few, tmp_path / "llms")
    names = {path.name for path in (tmp_path / "llms").iterdir()}
    assert len(names) == count + 1
    assert names == {"llms.txt", *pages(few)}
    written = (tmp_path / "llms/llms.txt").read_text("utf-8")
    assert f"evidence to {newest_evidence(few.document.node)}." in written
    there = {path.name: path.read_text("utf-8") for path in (ROOT / "generated/llms").iterdir()}
    assert there.pop("llms.txt").startswith("# API of 302.AI")
    assert there == made()


def mini() -> tuple[dict[str, Any], dict[str, Any]]:
    from generator.join import join

    spec = Spec.load(MINI)
    return join(spec), models(spec)[0]


def test_a_call_over_a_websocket_has_a_line_and_a_part_of_its_page() -> None:
    spec = Spec.load(MINI)
    few = Methods.of_document(Document(*mini(), realtime.join(spec)))
    text = llms.llms_text(few, {"title": "Mini", "version": "1", "x-evidence-date": "2026-11-21"})
    (line,) = [line for line in text.splitlines() if "acme_talk" in line]
    assert "`GET /v1/talk?model`; WebSocket" in line
    assert "`client.audio.acme.talk`" in line
    page = pages(few)["audio.acme.md"]
    part = page[page.index("## acme_talk") :]
    for event in ("`ask` `text?`", "`sound.put` `sound`", "`sound.came` ", '{"type": "ask", '):
        assert event in part
    assert "## acme_speech" in page


def test_a_reader_of_markdown_finds_the_headings_and_nothing_of_the_texts() -> None:
    for content in list(made().values())[:20]:
        tokens = MarkdownIt("commonmark").parse(content)
        headings = [one.tag for one in tokens if one.type == "heading_open"]
        assert headings.count("h2") == len(re.findall("^## ", content, re.MULTILINE))
        assert headings.count("h1") == 1 + content.count("\n# Types of these arguments\n")
        assert not [one for one in tokens if one.type == "html_block"]
