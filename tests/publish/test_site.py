"""What the reference site shows of each operation, and how its building fails.

tests/proof has the page in a browser.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from generator import build
from generator.document import Document
from generator.emit.docstrings import price_text
from generator.emit.methods import Methods
from generator.join import operations
from generator.publish import site
from generator.publish.markdown import inline, prose
from generator.publish.site import redoc
from generator.publish.site.descriptions import EVIDENCE, anchor, states, table
from generator.publish.versions import as_published
from generator.runtime.behaviour import TaskStatus

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "".join(f"{edited};" for edited in redoc.EDITS)
INSTALLS = f'mkdir -p "$(dirname {redoc.SCRIPT})"\ncat > {redoc.SCRIPT} <<"END"\n{{script}}\nEND\n'


@cache
def document() -> dict[str, Any]:
    return json.loads((ROOT / "generated/openapi.json").read_text(encoding="utf-8"))


@cache
def methods() -> Methods:
    return Methods.of_document(Document(document()))


@cache
def published() -> dict[str, Any]:
    """The published document, whose samples are short."""
    code = [
        {"lang": "Python", "label": "api302", "source": "1"},
        {"lang": "Shell", "label": "curl", "source": "2"},
    ]
    made = as_published(copy.deepcopy(document()))
    for _, _, operation in operations(made):
        operation["x-codeSamples"] = code
    return made


def shown(**info: str) -> dict[str, Any]:
    """The copy that the page shows, of a document with more in its info."""
    made = published()
    return site.shown(methods(), {**made, "info": {**made["info"], **info}})


@cache
def described() -> dict[str, str]:
    return {
        operation["operationId"]: operation["description"]
        for _, _, operation in operations(shown())
    }


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a shell script in npm's place."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def is_(script: str) -> None:
        (folder / "npm").write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return is_


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def each_operation() -> Iterator[tuple[dict[str, Any], str]]:
    """Each operation, and its description on the page."""
    for _, _, operation in operations(document()):
        yield operation, described()[operation["operationId"]]


def test_every_operation_shows_its_description_and_its_price() -> None:
    for operation, text in each_operation():
        assert prose(operation.get("description", "")) in text
        prices = operation.get("x-price", [])
        listed = [inline(price_text(prices))] if prices else []
        if len(prices) > 3:
            listed = [f"<li>{inline(price_text([price]))}</li>" for price in prices]
        assert all(price in text for price in listed)
        assert ("| **Price**&nbsp; | not documented&nbsp; |" in text) == (not prices)


def test_every_operation_shows_its_evidence() -> None:
    for operation, text in each_operation():
        for entry in operation["x-docs"]:
            name = label(entry["source"]) if "source" in entry else entry.get("page", "")
            assert (f"]({entry['url']}): " if "url" in entry else name) in text
            other = ", for a call of the same form" if "sister" in entry else ""
            assert f"{EVIDENCE[entry['evidence']]}{other}, seen {entry['seen']}" in text
            assert inline(entry.get("note", "")) in text


def test_every_operation_shows_what_is_not_documented() -> None:
    titles = {"request": "Request", "reply": "Response", "response": "Response"}
    for operation, text in each_operation():
        for part, searched in operation.get("x-unknown", {}).items():
            assert f"| **{titles[part]}**&nbsp; | Not documented. " in text
            assert inline(searched) in text or searched == "as for the request"
        assert "as for the request&nbsp;" not in text


def test_every_operation_shows_its_behavior() -> None:
    for operation, text in each_operation():
        status = operation.get("x-task-status", {})
        words = [word for key in ("succeeded", "failed", "pending") for word in status.get(key, [])]
        assert all(f"`{word}`" in text for word in words)
        is_task = "x-task" in operation or "x-task-status" in operation
        assert ("**Task**" in text) == is_task
        assert ("**Stream**" in text) == ("x-stream" in operation)


def test_what_is_deprecated_names_what_to_use_and_is_marked_on_the_page() -> None:
    old = {one.id: one for one in methods().document.operations if one.is_deprecated}
    assert old
    paths = shown()["paths"]
    for operation in old.values():
        text = described()[operation.id]
        assert "| **Deprecated**&nbsp;" in text
        if new := operation.replacement:
            assert f"({anchor(new)})" in text
        assert paths[operation.path][operation.method]["deprecated"] is True
    new = [one for one in methods().document.operations if one.id not in old]
    assert not any("**Deprecated**" in described()[one.id] for one in new)


def test_a_task_in_words() -> None:
    text = described()["kling_text_to_video"]
    assert "| Kling (可灵, 快手, Kuaishou), video generation&nbsp; |" in text
    assert "`client.videos.kling.text_to_video`" in text
    assert "| 0.15 PTC per point.&nbsp; |" in text
    assert "[Get a text-to-video task](#/videos/videos.kling/kling_get_text_to_video)" in text
    assert "- [p365](https://doc.302.ai/305983163e0): product catalogue of 302.AI, seen " in text


def test_a_call_says_where_its_files_are() -> None:
    row = "| **Files**&nbsp; | URLs at `images[].url`; in Python `response.outputs`.&nbsp; |"
    assert row in described()["luma_photon"]
    several = described()["openai_generate_image"]
    assert r"Base64 or URLs at `data[].[url \|\| b64_json][]`; in Python" in several
    assert "[JMESPath](https://jmespath.org)" in several
    assert "**Files**" not in described()["elevenlabs_list_voices"]


def test_a_status_call_says_which_words_mean_what() -> None:
    assert (
        "| **States**&nbsp; | The state is at `task.status`. Done: `SUCCEEDED`. Failed: "
        "`FAILED`, `CANCELLED`. "
        "Pending, as any other word: `PENDING`, `THROTTLED`, `RUNNING`. Outputs at "
        "`task.artifacts[].url`. Poll every 10 seconds.&nbsp; |"
    ) in described()["runway_get_task"]
    states = states_of(
        {
            "state": "a == `1`",
            "outputs": [{"field": "data", "encoding": "json", "then": "url"}],
            "done": {"field": "b"},
        }
    )
    assert states == (
        "The state is at `` a == `1` ``. Done too when `b` is there. Outputs at `url` in the "
        "JSON text at `data`."
    )
    assert (
        states_of({"done": {"binary": True}, "interval": 3})
        == "Done when the file itself comes. Poll every 3 seconds."
    )


def test_what_is_not_documented_says_where_it_was_looked_for() -> None:
    searched = (
        "302.AI pages by title, path and curl (three wordings); public callers (seven, all of the "
        "second version)"
    )
    looked = f"Not documented. Searched: {searched}."
    assert [
        described()["ai302_sdxl_lightning"].count(f"| **{what}**&nbsp; | {looked}&nbsp; |")
        for what in ("Request", "Response")
    ] == [1, 1]
    assert (
        "| **Response**&nbsp; | Not documented. The fields; the same search.&nbsp; |"
        in described()["ai302_chunk_text"]
    )


def test_many_prices_are_a_list() -> None:
    assert re.search(
        (
            r"\| \*\*Price\*\*&nbsp; \| <ul><li>15 PTC per 1M characters for "
            r"tts-1\.</li><li>.*</li></ul>&nbsp; \|"
        ),
        described()["openai_speech"],
    )


def test_a_call_of_many_forms_in_words() -> None:
    text = described()["openai_chat_completions"]
    assert "`client.chat.completions.create`" in text
    assert "`client.chat.completions.stream`" in text
    assert "Creates a task if `async` in the query is `true`" in text
    assert "Responds with events if `stream` in the body is `true`, until `[DONE]`." in text
    assert "`/chat/completions`" in text
    assert re.search(r"<details>\n<summary>Evidence: \d\d sources</summary>", text)


def test_a_table_is_not_torn_by_what_it_says() -> None:
    assert table([("a", "b | c"), ("left out", "")]).splitlines()[2:] == [
        "| **a**&nbsp; | b \\| c&nbsp; |"
    ]


def test_the_published_document_stays_as_it_is() -> None:
    before = copy.deepcopy(published())
    made = shown()
    assert published() == before
    assert [
        key
        for _, _, operation in operations(made)
        for key in operation
        if key.startswith("x-") and key != "x-codeSamples"
    ] == []


def test_the_landing_says_what_this_is() -> None:
    more = {"version": "1.2.3", "x-content-hash": "sha256:abc", "x-evidence-date": "2001-02-03"}
    text = shown(**more)["info"]["description"]
    assert text.startswith(document()["info"]["description"])
    for said in (
        "pip install api302",
        '-H "Authorization: Bearer $AI302_API_KEY" \\\n',
        "1.2.3",
        "`sha256:abc`",
        "2001-02-03",
        "(llms.txt)",
        "(losses.md)",
        "(openapi-3.0.yaml)",
    ):
        assert said in text


def test_a_document_need_not_describe_itself() -> None:
    made = published()
    info = {key: value for key, value in made["info"].items() if key != "description"}
    landing = site.shown(methods(), {**made, "info": info})["info"]["description"]
    assert "pip install api302" in landing


def test_a_vendor_of_several_sections_says_which_one_it_is() -> None:
    described = {tag["name"]: tag["description"] for tag in shown()["tags"]}
    own = {tag["name"]: tag["description"] for tag in published()["tags"]}
    assert own["videos.luma"] == described["videos.luma"] == "Video generation by Luma."
    assert described["videos.kling"] == f"Video generation. {own['videos.kling']}"
    assert described["image_processing.kling"].startswith("Image processing. ")


def test_every_operation_has_an_anchor_of_its_own() -> None:
    anchors = {operation.id: anchor(operation) for operation in methods().document.operations}
    assert anchors["kling_text_to_video"] == "#/videos/videos.kling/kling_text_to_video"
    assert len(set(anchors.values())) == len(operations(document()))


def test_the_page_and_the_files_beside_it(npm: Any, out: Path, tmp_path: Path) -> None:
    npm(INSTALLS.format(script=SCRIPT))
    site.build(methods(), published(), out)
    made = files(out)
    assert set(made) == {"index.html", "site/redoc.js", "site/document.js"}
    assert "import.meta" not in made["site/redoc.js"]
    assert "https://" not in made["site/redoc.js"]
    assert re.findall(r'(?:src|href)="([^"]+)"', made["index.html"]) == [
        "data:,",
        "llms.txt",
        "openapi-3.2.yaml",
        "llms.txt",
        "openapi-3.2.yaml",
        "site/document.js",
        "site/redoc.js",
    ]
    content = parsed(made["site/document.js"])
    assert content["document"] == shown()
    assert content["options"]["disableTelemetry"] is True
    (tmp_path / "again").mkdir()
    site.build(methods(), published(), tmp_path / "again")
    assert files(tmp_path / "again") == made


def parsed(script: str) -> Any:
    """The value of `api`, as a browser reads it."""
    quoted = script.removeprefix("const api=JSON.parse('").removesuffix("');\n")
    return json.loads(re.sub(r"\\(.)", r"\1", quoted))


def test_samples_are_offered_by_language_python_first(npm: Any, out: Path) -> None:
    npm(INSTALLS.format(script=SCRIPT))
    site.build(methods(), published(), out)
    offered = parsed(files(out)["site/document.js"])["options"]["codeSamples"]["languages"]
    assert [one["lang"] for one in offered] == ["Python (api302)", "Shell (curl)", "Payload"]


def test_without_npm_one_sentence_says_so(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(out))
    with pytest.raises(build.ToolMissing, match=r"needs npm.*install Node\.js"):
        site.build(methods(), published(), out)
    assert files(out) == {}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'npm error ENOTFOUND' >&2\nexit 1", "npm error ENOTFOUND"),
        ("exit 0", "node_modules/redoc/bundles/redoc.standalone.js is missing"),
        (INSTALLS.format(script="another redoc"), "Redoc no longer has"),
    ],
)
def test_nothing_is_written_when_npm_does_not_bring_what_is_needed(
    npm: Any, out: Path, script: str, said: str
) -> None:
    npm(script)
    with pytest.raises(build.BuildError, match=re.escape(said)):
        site.build(methods(), published(), out)
    assert files(out) == {}


def test_npm_is_not_waited_for_without_end(
    npm: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm("exec sleep 600")
    monkeypatch.setattr(redoc, "NPM_TIMEOUT", 0.2)
    with pytest.raises(build.BuildError, match="whether the npm registry can be reached"):
        site.build(methods(), published(), out)


def test_the_lock_pins_redoc_and_names_no_registry() -> None:
    lock = (site.FOLDER / "package-lock.json").read_text(encoding="utf-8")
    wanted = json.loads((site.FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert json.loads(lock)["packages"]["node_modules/redoc"]["version"] == wanted["redoc"]
    assert "resolved" not in lock
    assert "http" not in lock


def test_a_status_call_names_the_call_that_gives_the_addresses() -> None:
    text = states_of(
        {
            "state": "status",
            "succeeded": ["Success"],
            "result": {
                "fetch": "acme_get_file",
                "parameters": {"id": "file_id"},
                "outputs": ["file.url"],
            },
        }
    )
    assert (
        "Outputs at `file.url` in the response of `acme_get_file`, which takes `file_id`." in text
    )


def states_of(rule: dict[str, Any]) -> str:
    return states(TaskStatus.of(rule))


def label(source: str) -> str:
    """A place in a repository stands as code, and a sentence as prose."""
    return inline(source) if " " in source else f"`{source}`"
