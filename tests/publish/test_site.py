"""What the reference site shows of each operation, and how its building fails. tests/proof has the page in a browser."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from generator import build
from generator.emit.docstrings import price_text
from generator.join import operations
from generator.publish import site

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "".join(f"{edited};" for edited in site._EDITS)
INSTALLS = f'mkdir -p "$(dirname {site._SCRIPT})"\ncat > {site._SCRIPT} <<"END"\n{{script}}\nEND\n'


@cache
def document() -> dict[str, Any]:
    return json.loads((ROOT / "generated/openapi.json").read_text(encoding="utf-8"))


@cache
def described() -> dict[str, str]:
    return {
        operation["operationId"]: operation["description"]
        for _, _, operation in operations(site.shown(document()))
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


def test_every_operation_shows_what_its_extensions_say() -> None:
    for _, _, operation in operations(document()):
        text = described()[operation["operationId"]]
        assert operation.get("description", "") in text
        prices = operation.get("x-price", [])
        listed = (
            [f"<li>{price_text([price])}</li>" for price in prices]
            if len(prices) > 3
            else [price_text(prices)] * bool(prices)
        )
        assert all(price in text for price in listed) and (
            "| **Price**&nbsp; | not documented&nbsp; |" in text
        ) == (not prices)
        for entry in operation["x-docs"]:
            assert (
                f"]({entry['url']}): " in text
                if "url" in entry
                else entry.get("source", entry.get("page")) in text
            )
            assert f"{site._EVIDENCE[entry['evidence']]}, seen {entry['seen']}" in text
            assert entry.get("note", "") in text
        for what, searched in operation.get("x-unknown", {}).items():
            assert (
                f"| **{what.capitalize()}**&nbsp; | Not documented. " in text
                and "as for the request&nbsp;" not in text
            )
            assert searched in text or searched == "as for the request"
        words = [
            word
            for key in ("succeeded", "failed", "pending")
            for word in operation.get("x-task-status", {}).get(key, [])
        ]
        assert all(f"`{word}`" in text for word in words)
        assert ("**Task**" in text) == ("x-task" in operation or "x-task-status" in operation)
        assert ("**Stream**" in text) == ("x-stream" in operation)


def test_a_task_in_words() -> None:
    text = described()["kling_text_to_video"]
    assert "| Kling, video generation&nbsp; |" in text
    assert "`client.videos.kling.text_to_video`" in text
    assert "| 0.15 PTC per point.&nbsp; |" in text
    assert (
        "[Tell how a video from a text stands](#/videos/videos.kling/kling_get_text_to_video)"
        in text
    )
    assert "- [p365](https://doc.302.ai/305983163e0): product catalogue of 302.AI, seen " in text


def test_a_status_call_says_which_words_mean_what() -> None:
    assert (
        "| **States**&nbsp; | The state is at `task.status`. Done: `SUCCEEDED`. Failed: `FAILED`, `CANCELLED`. "
        "Pending, as any other word: `PENDING`, `THROTTLED`, `RUNNING`. Outputs at `task.artifacts[].url`. Ask every 10 seconds.&nbsp; |"
    ) in described()["runway_get_task"]
    states = site._states(
        {
            "state": "a == `1`",
            "outputs": [{"field": "data", "encoding": "json", "then": "url"}],
            "done": {"field": "b"},
        }
    )
    assert (
        states
        == "The state is at `` a == `1` ``. Done too when `b` is there. Outputs at `url` in the JSON text at `data`."
    )
    assert (
        site._states({"done": {"binary": True}, "interval": 3})
        == "Done when the file itself comes. Ask every 3 seconds."
    )


def test_what_is_not_documented_says_where_it_was_looked_for() -> None:
    searched = "302.AI pages by title, path and curl (three wordings); public callers (seven, all of the second version)"
    looked = f"Not documented. Looked for in: {searched}."
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
        r"\| \*\*Price\*\*&nbsp; \| <ul><li>15 PTC per 1M characters for tts-1\.</li><li>.*</li></ul>&nbsp; \|",
        described()["openai_speech"],
    )


def test_a_call_of_many_forms_in_words() -> None:
    text = described()["openai_chat_completions"]
    assert "`client.chat.completions.create`" in text and "`client.chat.completions.stream`" in text
    assert "Begins one if `async` in the query is `true`" in text
    assert "Answers with events if `stream` in the body is `true`, until `[DONE]`." in text
    assert "`/chat/completions`" in text
    assert re.search(r"<details>\n<summary>\d\d sources</summary>", text)


def test_a_table_is_not_torn_by_what_it_says() -> None:
    assert site._table([("a", "b | c"), ("left out", ""), ("left out too", None)]).splitlines()[
        2:
    ] == ["| **a**&nbsp; | b \\| c&nbsp; |"]


def test_the_published_document_stays_as_it_is() -> None:
    published = copy.deepcopy(document())
    shown = site.shown(published)
    assert published == document()
    assert [
        key
        for _, _, operation in operations(shown)
        for key in operation
        if key.startswith("x-") and key != "x-codeSamples"
    ] == []


def test_the_landing_says_what_this_is() -> None:
    info = {
        **document()["info"],
        "version": "1.2.3",
        "x-content-hash": "sha256:abc",
        "x-evidence-date": "2001-02-03",
    }
    text = site.shown({**document(), "info": info})["info"]["description"]
    assert text.startswith(info["description"])
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
    info = {key: value for key, value in document()["info"].items() if key != "description"}
    assert "pip install api302" in site.shown({**document(), "info": info})["info"]["description"]


def test_a_vendor_of_several_sections_says_which_one_it_is() -> None:
    described = {tag["name"]: tag["description"] for tag in site.shown(document())["tags"]}
    own = {tag["name"]: tag.get("description", "") for tag in document()["tags"]}
    assert described["videos.kling"] == f"Video generation. {own['videos.kling']}".strip()
    assert (
        described["image_processing.kling"]
        == f"Image processing. {own['image_processing.kling']}".strip()
    )


def test_every_operation_has_an_anchor_of_its_own() -> None:
    found = site.anchors(document())
    assert found["kling_text_to_video"] == "#/videos/videos.kling/kling_text_to_video"
    assert len(set(found.values())) == len(operations(document()))


def test_the_page_and_the_files_beside_it(npm: Any, out: Path, tmp_path: Path) -> None:
    npm(INSTALLS.format(script=SCRIPT))
    site.build(document(), out)
    made = files(out)
    assert set(made) == {"index.html", "site/redoc.js", "site/document.js"}
    assert "import.meta" not in made["site/redoc.js"] and "https://" not in made["site/redoc.js"]
    assert re.findall(r'(?:src|href)="([^"]+)"', made["index.html"]) == [
        "data:,",
        "llms.txt",
        "openapi-3.2.yaml",
        "site/document.js",
        "site/redoc.js",
    ]
    content = json.loads(made["site/document.js"].removeprefix("const api=").removesuffix(";\n"))
    assert (
        content["document"] == site.shown(document())
        and content["options"]["disableTelemetry"] is True
    )
    (tmp_path / "again").mkdir()
    site.build(document(), tmp_path / "again")
    assert files(tmp_path / "again") == made


def test_samples_are_offered_by_language_python_first(npm: Any, out: Path) -> None:
    npm(INSTALLS.format(script=SCRIPT))
    sampled = copy.deepcopy(document())
    for _, _, operation in operations(sampled):
        operation["x-codeSamples"] = [
            {"lang": "Python", "label": "api302", "source": "1"},
            {"lang": "Shell", "label": "curl", "source": "2"},
        ]
    site.build(sampled, out)
    offered = re.search(r'"languages":(\[.*?\])', files(out)["site/document.js"])
    assert offered and [one["lang"] for one in json.loads(offered[1])] == [
        "Python (api302)",
        "Shell (curl)",
        "Payload",
    ]


def test_without_npm_one_sentence_says_so(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(out))
    with pytest.raises(build.ToolMissing, match=r"needs npm.*install Node\.js"):
        site.build(document(), out)
    assert files(out) == {}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'npm error ENOTFOUND' >&2\nexit 1", "npm error ENOTFOUND"),
        ("exit 0", "there is no node_modules/redoc/bundles/redoc.standalone.js"),
        (INSTALLS.format(script="another redoc"), "Redoc no longer has"),
    ],
)
def test_nothing_is_written_when_npm_does_not_bring_what_is_needed(
    npm: Any, out: Path, script: str, said: str
) -> None:
    npm(script)
    with pytest.raises(build.BuildError, match=re.escape(said)):
        site.build(document(), out)
    assert files(out) == {}


def test_npm_is_not_waited_for_without_end(
    npm: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm("exec sleep 60")
    monkeypatch.setattr(site, "_SECONDS", 0.2)
    with pytest.raises(build.BuildError, match="whether the npm registry can be reached"):
        site.build(document(), out)


def test_the_lock_pins_redoc_and_names_no_registry() -> None:
    lock = (site.FOLDER / "package-lock.json").read_text(encoding="utf-8")
    wanted = json.loads((site.FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert json.loads(lock)["packages"]["node_modules/redoc"]["version"] == wanted["redoc"]
    assert "resolved" not in lock and "http" not in lock


def test_a_status_call_names_the_call_that_gives_the_addresses() -> None:
    text = site._states(
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
    assert "Outputs at `file.url` in the reply of `acme_get_file`, which takes `file_id`." in text
