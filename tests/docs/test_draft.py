"""`docs draft` passes the house rules once pasted; the rehearsal of a changed page; the list of
pages; the weekly issue.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from documentation import FIXTURES, Page, Run

from generator import rules
from generator.__main__ import main
from generator.docs.issue import issue
from generator.source import Spec

Docs = Callable[..., Run]


def paste(fragment: str, spec: Path) -> None:
    """What the person does: paths and schemas to their file, the ledger row if one is named."""
    home = re.search(r"paste it into spec/(\S+\.yaml)\.", fragment)
    assert home is not None
    file = spec / home[1]
    text = file.read_text("utf-8") if file.exists() else "paths:\ncomponents:\n  schemas:\n"
    paths, _, schemas = fragment.partition("components:\n  schemas:\n")
    text = text.replace("paths:\n", "paths:\n" + paths.partition("paths:\n")[2], 1)
    text = text.replace("\n  schemas:\n", "\n  schemas:\n" + schemas, 1)
    file.write_text(text, "utf-8")
    for ledger, number, row in re.findall(
        r"^# spec/(\S+/pages\.yaml): (p\d+): (.*(?:\n#   .*)?)$", fragment, re.MULTILINE
    ):
        row = row.replace("\n#  ", "\n  ")
        lines = (spec / ledger).read_text("utf-8").splitlines()
        (spec / ledger).write_text(
            "\n".join(f"{number}: {row}" if line.startswith(number) else line for line in lines)
            + "\n",
            "utf-8",
        )


def test_draft_passes_the_rules(docs: Docs, mini: Path, tmp_path: Path) -> None:
    run = docs("draft", FIXTURES / "docs" / "dance.md", "--out", tmp_path / "draft.yaml")
    assert run.code == 0
    assert run.err == ""
    text = (tmp_path / "draft.yaml").read_text("utf-8")
    paste(text, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []
    made = yaml.safe_load(text)
    [(path, item)] = made["paths"].items()
    operation = item["post"]
    assert path == "/acme/v2/dances/{dance_id}/moves"
    assert operation["operationId"] == "acme_moves"
    assert "tags" not in operation
    assert operation["x-price"] == [{"amount": 0.05, "unit": "PTC", "per": "call"}]
    assert operation["x-docs"][0]["evidence"] == "page"
    assert operation["x-docs"][0]["url"] == "https://doc.302.ai/437932283e0"
    fields = made["components"]["schemas"]["AcmeMovesRequest"]
    assert fields["required"] == [
        "prompt"
    ]  # `seed` is nowhere, `ratio` not in the page's own example
    assert fields["properties"]["temperature"]["type"] == "number"
    assert "type" not in fields["properties"]["on"]
    assert fields["properties"]["mode"]["enum"] == [
        "std",
        "pro",
        "fast",
    ]  # the page's example has the third
    assert "01JPME2T72ZWEZV0C8WGQNGDCE" not in fields["properties"]
    assert "# Left out: stray property: 01JPME" in text
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "sk-abc" not in text
    assert "apikey" not in text
    assert "提示词" not in text
    assert code.count("# TODO words") == len(re.findall(r"(?:description|summary): ", code))


def drafts() -> dict[str, Callable[[dict[str, Any]], object]]:
    def media(name: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"content": {name: {"schema": schema}}}

    form = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}, "self": {"type": "string"}},
        "required": ["file"],
    }
    mixed = {
        "type": "object",
        "properties": {
            "a": {"enum": [1, "x"]},
            "b": {"type": "integer", "default": "many", "enum": ["1", "2"]},
            "c": {"type": "array"},
        },
    }
    return {
        "multipart": lambda op: op.update(requestBody=media("multipart/form-data", form)),
        "no body": lambda op: op.pop("requestBody"),
        "no reply": lambda op: op.update(responses={}),
        "binary reply": lambda op: op.update(
            responses={"200": media("audio/mpeg", {"type": "string"})}
        ),
        "stream": lambda op: op.update(
            responses={"200": media("text/event-stream", {"type": "object"})}
        ),
        "list as reply": lambda op: op.update(
            responses={
                "200": media(
                    "application/json",
                    {
                        "type": "array",
                        "items": {"type": "object", "properties": {"x": {"type": "string"}}},
                    },
                )
            }
        ),
        "odd enums and defaults": lambda op: op.update(
            requestBody=media("application/json", mixed)
        ),
        "example alone": lambda op: op.update(
            requestBody={
                "content": {"application/json": {"example": {"prompt": "a", "size": {"w": 1}}}}
            }
        ),
        "types that differ": lambda op: op["requestBody"]["content"]["application/json"].update(
            example={"prompt": ["a"], "duration": 5, "image": None}
        ),
        "alternatives": lambda op: op["requestBody"]["content"]["application/json"]["schema"][
            "properties"
        ].update(
            prompt={
                "oneOf": [
                    {"type": "string"},
                    {"type": "object", "properties": {"text": {"type": "string"}}},
                ]
            }
        ),
        "names to quote": lambda op: op["requestBody"]["content"]["application/json"]["schema"][
            "properties"
        ].update(
            {
                "no": {"type": "string", "default": "yes"},
                "y": {"type": "string", "default": "010"},
                "中文": {"type": "object", "properties": {"a": {"type": "string"}}},
            }
        ),
        "files in the response": lambda op: op.update(responses={"200": with_files()}),
    }


def with_files() -> dict[str, Any]:
    """A response with the URLs of images."""
    example = {"images": [{"url": "https://file.302.ai/a.png"}], "cover": "https://x.test/b.webp"}
    images = {
        "type": "array",
        "items": {"type": "object", "properties": {"url": {"type": "string"}}},
    }
    properties = {"images": images, "cover": {"type": "string"}}
    schema = {"type": "object", "properties": properties}
    return {"content": {"application/json": {"schema": schema, "example": example}}}


def test_draft_of_a_call_that_gives_files(docs: Docs, page: Page, tmp_path: Path) -> None:
    def change(operation: dict[str, Any]) -> None:
        operation |= {"x-run-in-apifox": "", "responses": {"200": with_files()}}

    (tmp_path / "page.md").write_text(page(change, title="Things", path="/acme/v2/things"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    [operation] = (item["post"] for item in yaml.safe_load(run.out)["paths"].values())
    assert operation["x-outputs"] == ["images[].url", "cover"]
    assert re.search(r"x-outputs:.*# TODO check", run.out)


@pytest.mark.parametrize("name", drafts())
@pytest.mark.parametrize("path", ["/acme/v2/things", "/acme/{id}/class", "/acme/3d/:kind"])
def test_draft_of_any_page_passes_the_rules(
    docs: Docs, mini: Path, page: Page, tmp_path: Path, name: str, path: str
) -> None:
    def change(operation: dict[str, Any]) -> None:
        operation["x-run-in-apifox"] = ""
        drafts()[name](operation)

    (tmp_path / "page.md").write_text(page(change, title="Things", path=path), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert run.code == 0, run.err
    paste(run.out, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []


STATUS = {
    "type": "string",
    "description": "任务状态：queued 排队中，running 运行中，succeeded 成功，failed 失败",
}


def fetched(**properties: Any) -> Callable[[dict[str, Any]], object]:
    """Makes a page's operation one that fetches a task."""

    def change(operation: dict[str, Any]) -> None:
        operation |= {"summary": "Fetch a dance", "parameters": [], "x-run-in-apifox": ""}
        del operation["requestBody"]
        example = {
            name: "https://file.302.ai/a.mp4" if name == "url" else "queued" for name in properties
        }
        operation["responses"]["200"]["content"]["application/json"] = {
            "schema": {"type": "object", "properties": properties},
            "example": example,
        }

    return change


def pair(
    page: Page, folder: Path, prefix: str, fetch: Callable[[dict[str, Any]], object]
) -> list[Path]:
    """A submitting and a fetching page."""
    submit = page(
        lambda op: op.update({"x-run-in-apifox": ""}), title="Dance", path=f"{prefix}/dances"
    )
    (folder / "submit.md").write_text(submit, "utf-8")
    (folder / "fetch.md").write_text(
        page(fetch, title="Fetch a dance", path=f"{prefix}/dances/{{id}}").replace("post:", "get:"),
        "utf-8",
    )
    return [folder / "submit.md", folder / "fetch.md"]


def test_draft_of_a_task_and_its_fetching_page(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    """A vendor that nobody knows:

    the states are in the words of the page, sorted as the specification sorts them elsewhere.
    """
    vendors = mini / "vendors.yaml"
    vendors.write_text(
        vendors.read_text("utf-8") + "zeta:\n  name: Zeta\n  homes:\n    videos: [/zeta]\n", "utf-8"
    )
    known = mini / "videos" / "acme.yaml"
    words = (
        "pending: [submitted, processing, queued, running]\n        succeeded: [succeed, succeeded]"
    )
    known.write_text(
        known.read_text("utf-8").replace(
            "pending: [submitted, processing]\n        succeeded: [succeed]", words
        ),
        "utf-8",
    )
    run = docs(
        "draft", *pair(page, tmp_path, "/zeta/v1", fetched(status=STATUS, url={"type": "string"}))
    )
    assert run.code == 0, run.err
    made = yaml.safe_load(run.out)["paths"]
    submit, fetch = made["/zeta/v1/dances"]["post"], made["/zeta/v1/dances/{id}"]["get"]
    assert submit["x-task"] == {"fetch": "zeta_get_dances", "parameters": {"id": "data.task_id"}}
    assert fetch["x-task-status"] == {
        "state": "status",
        "pending": ["queued", "running"],
        "succeeded": ["succeeded"],
        "failed": ["failed"],
        "outputs": ["url"],
    }
    assert (
        run.out.count("x-task:  # TODO check") == run.out.count("x-task-status:  # TODO check") == 1
    )
    paste(run.out, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []


def test_draft_without_a_word_for_success_is_no_task(
    docs: Docs, page: Page, tmp_path: Path
) -> None:
    run = docs(
        "draft",
        *pair(page, tmp_path, "/zeta/v1", fetched(status={"type": "string"})),
        "--home",
        "videos.zeta",
    )
    assert "x-task" not in re.sub("#.*", "", run.out)
    run = docs("draft", tmp_path / "fetch.md", "--home", "videos.acme")
    assert "x-task" not in re.sub("#.*", "", run.out)


def test_draft_follows_the_vendors_conventions(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    """The vendor's envelope, its way to fetch, and its states, if the page's example bears them
    out.
    """

    def task(operation: dict[str, Any]) -> None:
        fetched(code={"type": "integer"}, data={"type": "object"})(operation)
        example = {
            "code": 0,
            "data": {
                "task_status": "succeed",
                "task_result": {"videos": [{"url": "https://file.302.ai/a.mp4"}]},
            },
        }
        operation["responses"]["200"]["content"]["application/json"]["example"] = example

    submit, fetch = pair(page, tmp_path, "/acme/v1/videos", task)
    run = docs("draft", submit)
    [operation] = (item["post"] for item in yaml.safe_load(run.out)["paths"].values())
    assert "x-success" not in operation  # the file's x-defaults say it
    assert operation["x-task"] == {
        "fetch": "acme_get_video",
        "parameters": {"task_id": "data.task_id"},
    }
    run = docs("draft", fetch)
    [operation] = (item["get"] for item in yaml.safe_load(run.out)["paths"].values())
    assert operation["x-task-status"]["succeeded"] == ["succeed"]
    assert operation["x-task-status"]["interval"] == 5
    assert operation["x-task-status"]["outputs"] == ["data.task_result.videos[].url"]
    paste(run.out, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []
    fetch.write_text(
        fetch.read_text("utf-8").replace("succeed", "dancing").replace("code: 0", "code: 7"),
        "utf-8",
    )
    run = docs("draft", fetch)
    assert (
        "# Left out: x-task-status: `data.task_status` seems to be the state, but what its "
        "words mean is not known."
    ) in run.out
    assert "x-" not in re.sub("#.*|x-docs|x-price|x-outputs", "", run.out)


EVENTS = (
    'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: {"choices": []}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize(
    ("reply", "end", "stream"),
    [
        ({"text/event-stream": {"schema": {"type": "object"}, "example": EVENTS}}, "", True),
        (
            {
                "text/event-stream": {
                    "schema": {
                        "type": "object",
                        "properties": {"choices": {"type": "array", "items": {}}},
                    }
                }
            },
            "",
            True,
        ),
        (None, "ends with data: [DONE]", True),
        (None, "", False),
    ],
)
def test_draft_of_a_stream(
    docs: Docs, mini: Path, page: Page, tmp_path: Path, reply: Any, end: str, stream: bool
) -> None:
    def change(operation: dict[str, Any]) -> None:
        switch = {"type": "boolean", "description": f"streams; {end}"}
        operation["requestBody"]["content"]["application/json"]["schema"]["properties"][
            "stream"
        ] = switch
        operation["responses"]["200"]["content"] = reply or operation["responses"]["200"]["content"]
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Talk", path="/acme/v1/talk"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    operation = yaml.safe_load(run.out)["paths"]["/acme/v1/talk"]["post"]
    if stream:
        assert operation["x-stream"]["done"] == {"data": "[DONE]"}
        assert operation["x-stream"]["when"] == {"in": "body", "name": "stream", "value": True}
        [event] = operation["responses"]["200"]["content"]["text/event-stream"]["examples"].values()
        assert event["value"] == (
            EVENTS
            if reply and "example" in reply["text/event-stream"]
            else "data: {}\n\ndata: [DONE]\n\n"
        )
    else:
        assert "x-stream" not in operation
        assert (
            "# Left out: x-stream: there is a `stream` switch, but the page does not show"
            in run.out
        )
    paste(run.out, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []


def test_draft_says_what_the_defaults_of_its_file_do_not(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    file = mini / "videos" / "acme.yaml"
    envelope = "x-success: {field: code, values: [0], message: message}\n"
    text = file.read_text("utf-8").replace(f"x-defaults:\n  {envelope}", "")
    file.write_text(
        text.replace("      x-task-status:\n", f"      {envelope}      x-task-status:\n")
    )

    submit, _ = pair(page, tmp_path, "/acme/v1/videos", fetched(code={"type": "integer"}))
    [item] = yaml.safe_load(docs("draft", submit).out)["paths"].values()

    assert item["post"]["x-success"] == {"field": "code", "values": [0], "message": "message"}
    assert list(item["post"])[-1] == "x-docs"


def test_draft_names_the_part_that_it_belongs_in(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    vendors = mini / "vendors.yaml"
    parts = "{v1: [/acme], dances: [/acme/v2/dances]}"
    vendors.write_text(vendors.read_text("utf-8").replace("videos: [/acme]", f"videos: {parts}"))
    (mini / "videos" / "acme").mkdir()
    (mini / "videos" / "acme.yaml").rename(mini / "videos" / "acme" / "v1.yaml")

    run = docs("draft", FIXTURES / "docs" / "dance.md")

    assert "paste it into spec/videos/acme/dances.yaml." in run.out
    paste(run.out, mini)
    assert [str(problem) for problem in rules.check_spec(Spec.load(mini))] == []


def test_draft_in_the_house_style(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    """Short things stand on one line, and every text is read again as the text that it was."""
    texts = [
        "2026-01-02",
        "16:9",
        "yes",
        "~",
        "a: b # c",
        "two\nlines ",
        "[x]",
        "{y}",
        "null",
        "0o7",
        "1.",
        "+1",
        "|",
    ]

    def change(operation: dict[str, Any]) -> None:
        content = operation["requestBody"]["content"]["application/json"]
        content["schema"]["properties"]["texts"] = {"type": "array", "items": {"type": "string"}}
        content["example"] = {"prompt": "a", "texts": texts}
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Dance", path="/acme/v2/dances"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert "tags:" not in run.out
    assert "        - {amount: 0.5, unit: PTC, per: call}\n" in run.out
    assert "        prompt: {type: string, description: Prompt.}  # TODO words\n" in run.out
    paste(run.out, mini)
    spec = Spec.load(mini)
    assert [str(problem) for problem in rules.check_spec(spec)] == []
    operation = spec.files["videos/acme.yaml"]["paths"]["/acme/v2/dances"]["post"]
    assert (
        operation["requestBody"]["content"]["application/json"]["examples"]["dance"]["value"][
            "texts"
        ]
        == texts
    )


def test_draft_of_an_example_alone(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    def change(operation: dict[str, Any]) -> None:
        example = {"prompt": "a", "duration": "5", "note": "sk-abcdefghijklmnopqrstuvwxyz123456"}
        operation["requestBody"]["content"]["application/json"] = {
            "schema": {"type": "object", "properties": {}},
            "example": example,
        }
        operation["x-run-in-apifox"] = ""

    (tmp_path / "page.md").write_text(page(change, title="Dance", path="/acme/v2/dances"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    made = yaml.safe_load(run.out)
    assert set(made["components"]["schemas"]["AcmeDancesRequest"]["properties"]) == {
        "prompt",
        "duration",
        "note",
    }
    assert "sk-abc" not in run.out
    assert made["paths"]["/acme/v2/dances"]["post"]["x-docs"][0]["evidence"] == "sample"


def test_draft_of_pages_of_two_files(docs: Docs, page: Page, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(page(path="/acme/v2/a"), "utf-8")
    (tmp_path / "b.md").write_text(page(path="/v1/audio/b"), "utf-8")
    run = docs("draft", tmp_path / "a.md", tmp_path / "b.md")
    assert run.code == 1
    assert (
        "belong into spec/audio/acme.yaml and spec/videos/acme.yaml; draft them file by file"
        in run.err
    )
    run = docs("draft", tmp_path / "a.md", tmp_path / "a.md")
    assert run.code == 1
    assert "POST /acme/v2/a is also on another of these pages" in run.err


def test_draft_names_the_ledger_row(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page(title="Nobody knows", path="/acme/mystery"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert (
        '# spec/videos/pages.yaml: p005: {"title": "Nobody knows", "group": "Acme", '
        '"operations": ["acme_mystery"]}'
    ) in run.out
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []


def test_draft_without_a_home(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page(path="/zeta/v1/things"), "utf-8")
    run = docs("draft", tmp_path / "page.md")
    assert run.code == 1
    assert "say with --home SECTION.VENDOR" in run.err
    assert "write SECTION.VENDOR" in docs("draft", tmp_path / "page.md", "--home", "zeta").err
    run = docs("draft", tmp_path / "page.md", "--home", "videos.zeta")
    assert "add the prefix /zeta/v1 to `zeta`, under homes: videos" in run.out
    vendors = mini / "vendors.yaml"
    vendors.write_text(
        vendors.read_text("utf-8") + "zeta:\n  name: Zeta\n  homes:\n    videos: [/zeta/v1]\n",
        "utf-8",
    )
    paste(run.out, mini)
    assert rules.check_spec(Spec.load(mini)) == []


def test_draft_of_a_seed_page_passes_the_rules_of_the_real_specification(
    docs: Docs, tmp_path: Path
) -> None:
    """Page 3 as if it were of a path that nobody has described yet."""
    text = (
        (FIXTURES / "docs" / "seed-pages" / "003_dbfaa56b86f9e841.txt")
        .read_text("utf-8")
        .replace("/302/image/generate", "/302/v2/image/paint")
    )
    (tmp_path / "page.txt").write_text(text, "utf-8")
    real = tmp_path / "real"
    shutil.copytree(Path(__file__).parents[2] / "spec", real)  # a draft remembers its page there
    run = docs("draft", tmp_path / "page.txt", spec=real)
    assert run.code == 0, run.err
    # The title is that of a page that is known; the call is not, so neither is the page.
    assert [file.name for file in (real / "digests").glob("post*")] == [
        "post_302_v2_image_paint_generate_images_unified_interface.json"
    ]
    paste(run.out, real)
    assert [str(problem) for problem in rules.check_spec(Spec.load(tmp_path / "real"))] == []


def test_a_path_that_two_vendors_claim(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page(path="/acme/v2/things"), "utf-8")
    vendors = mini / "vendors.yaml"
    vendors.write_text(
        vendors.read_text("utf-8") + "zeta:\n  name: Zeta\n  homes:\n    videos: [/acme]\n", "utf-8"
    )
    run = docs("draft", tmp_path / "page.md")
    assert run.code == 1
    assert "/acme/v2/things is claimed by videos.acme and videos.zeta in vendors.yaml" in run.err
    assert run.out == ""
    alias = mini / "audio" / "acme.yaml"
    alias.write_text(
        alias.read_text("utf-8").replace(
            "operationId: acme_speech\n",
            "operationId: acme_speech\n      x-aliases: [/acme/v1/videos]\n",
        ),
        "utf-8",
    )
    (tmp_path / "page.md").write_text(page(), "utf-8")
    run = docs("diff", tmp_path / "page.md")
    assert run.code == 1
    assert "is claimed by `acme_text_to_video` (videos/acme.yaml:" in run.err
    assert "and `acme_speech` (audio" in run.err


def test_rehearsal(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    """A page changes, `diff` names it, one edit where it says, `build`, and the method has the
    field; `diff` is silent again.
    """
    changed = tmp_path / "400000003e0.md"
    changed.write_text(
        page(
            lambda op: op["requestBody"]["content"]["application/json"]["schema"][
                "properties"
            ].update(seed={"type": "integer"})
        ),
        "utf-8",
    )
    [finding] = json.loads(docs("diff", changed, "--json").out)["findings"]
    file = mini / finding["file"]
    lines = file.read_text("utf-8").splitlines()
    assert lines[finding["line"] - 1].strip() == "properties:"
    indent = len(lines[finding["line"]]) - len(lines[finding["line"]].lstrip())
    lines.insert(
        finding["line"],
        " " * indent + "seed: {type: integer, description: Makes the video repeatable.}",
    )
    file.write_text("\n".join(lines) + "\n", "utf-8")
    assert json.loads(docs("diff", changed, "--json").out)["findings"] == []
    out = tmp_path / "generated"
    assert main(["build", "--spec", str(mini), "--out", str(out)]) == 0
    document = json.loads((out / "openapi.json").read_text("utf-8"))
    assert "seed" in document["components"]["schemas"]["AcmeVideoRequest"]["properties"]
    method = next(out.glob("api302_resources/videos/acme.py")).read_text("utf-8")
    assert re.search(r"def text_to_video\([^)]*\bseed: ", method)


LIST = """# Docs
## Docs
- [Guide](https://doc.302.ai/500000002m0.md)
## API Docs
- Language > Acme [Chat](https://doc.302.ai/400000001e0.md): x
- Videos > Acme [Text to video](https://doc.302.ai/400000003e0.md): x
- Videos > Acme [Fetch](https://doc.302.ai/400000004e0.md): x
- Videos > Acme [Nobody knows](https://doc.302.ai/400000005e0.md): x
- Audio > Acme [Speech](https://doc.302.ai/400000006e0.md): x
- Audio > Acme [Later](https://doc.302.ai/400000007e0.md): x
## Schemas
- [Thing](https://doc.302.ai/900000001d0.md)
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", {}),
        ("[Later]", "[later ]", {}),
        (
            "## Schemas",
            "- Videos > Zeta [Dance](https://doc.302.ai/400000009e0.md)\n## Schemas",
            {"new": ["Dance"]},
        ),
        (
            "- Audio > Acme [Speech](https://doc.302.ai/400000006e0.md): x\n",
            "",
            {"gone": ["Speech"]},
        ),
        ("[Text to video]", "[Films from texts]", {"renamed": ["Text to video"]}),
        ("Videos > Acme [Text", "Videos > Zeta [Text", {"moved": ["Text to video"]}),
        ("[Text to video]", "[文生视频]", {}),
    ],
)
def test_index(
    docs: Docs, mini: Path, tmp_path: Path, old: str, new: str, expected: dict[str, list[str]]
) -> None:
    file = mini / "videos" / "acme.yaml"
    file.write_text(
        file.read_text("utf-8").replace(
            "{page: p003, ", "{page: p003, url: 'https://doc.302.ai/400000003e0', "
        ),
        "utf-8",
    )
    (tmp_path / "llms.txt").write_text(LIST.replace(old, new, 1) if old else LIST, "utf-8")
    found = json.loads(docs("index", tmp_path / "llms.txt", "--json").out)["index"]
    assert {
        key: [entry["title"] for entry in found[key]]
        for key in ("new", "gone", "renamed", "moved")
        if found[key]
    } == expected
    for entry in [*found["gone"], *found["renamed"], *found["moved"]]:
        assert (
            (mini / entry["file"])
            .read_text("utf-8")
            .splitlines()[entry["line"] - 1]
            .startswith(entry["page"])
        )
    text = docs("index", tmp_path / "llms.txt").out
    assert all(title in text for titles in expected.values() for title in titles)


def test_index_of_a_list_in_chinese_cannot_tell_what_is_gone(docs: Docs, tmp_path: Path) -> None:
    (tmp_path / "llms.txt").write_text(
        "- 视频生成 [文生视频](https://doc.302.ai/400000003e0.md)\n", "utf-8"
    )
    run = docs("index", tmp_path / "llms.txt")
    assert "0 gone" in run.out
    assert (
        "7 of the ledger's rows have no page number, and the list is in another language" in run.out
    )


def test_index_of_the_real_ledger(docs: Docs, tmp_path: Path) -> None:
    """The navigation that the ledger was made from, as a list:

    nothing is new, gone, renamed or moved.
    """
    spec = Spec.load(Path(__file__).parents[2] / "spec")
    rows = [row for ledger in spec.ledgers().values() for row in ledger.values()]
    lines = [
        f"- Section > {row['group']} [{row['title']}](https://doc.302.ai/{800000000 + number}e0.md)"
        for number, row in enumerate(rows)
    ]
    (tmp_path / "llms.txt").write_text("\n".join(lines), "utf-8")
    found = json.loads(docs("index", tmp_path / "llms.txt", "--json", spec=spec.root).out)["index"]
    assert found["known"] == len(rows) > 697
    assert not any(found[key] for key in ("new", "gone", "renamed", "moved"))


def test_issue(docs: Docs, page: Page, tmp_path: Path) -> None:
    (tmp_path / "llms.txt").write_text(LIST.replace("[Guide]", "[Guide for @everyone]"), "utf-8")
    (tmp_path / "page.md").write_text(
        page(lambda op: op.update(description="价格：0.9 PTC/次")), "utf-8"
    )
    for action, source in (("index", "llms.txt"), ("diff", "page.md")):
        assert (
            docs(action, tmp_path / source, "--json", "--out", tmp_path / f"{action}.json").code
            == 0
        )
    title, _, body = docs("issue", tmp_path / "index.json", tmp_path / "diff.json").out.partition(
        "\n"
    )
    assert title == "The documentation changed: 1 new, 1 gone, 1 to decide"
    assert "## New pages (1)" in body
    assert "@everyone" not in body
    assert "@\u200beveryone" in body
    assert re.search(
        r"- \[ \] `spec/videos/acme\.yaml:\d+` acme_text_to_video: "
        r"the page's price is 0.9 PTC per call; ours: 0.5 per call",
        body,
    )
    empty = {"index": {"new": [], "gone": [], "renamed": [], "moved": [], "known": 1, "unclear": 0}}
    (tmp_path / "index.json").write_text(json.dumps(empty), "utf-8")
    (tmp_path / "page.md").write_text(page(), "utf-8")
    docs("diff", tmp_path / "page.md", "--json", "--out", tmp_path / "diff.json")
    run = docs(
        "issue", tmp_path / "index.json", tmp_path / "diff.json", "--out", tmp_path / "issue.md"
    )
    assert run.code == 0
    assert run.out == ""
    assert not (tmp_path / "issue.md").exists()
    (tmp_path / "diff.json").write_text("{}", "utf-8")
    assert (
        "these are not what" in docs("issue", tmp_path / "index.json", tmp_path / "diff.json").err
    )


def test_issue_of_many_pages_stays_short() -> None:
    new = [
        {"number": str(n), "kind": "e", "title": f"T{n}", "group": f"S{n % 3} > G", "url": "u"}
        for n in range(1300)
    ]
    finding = {
        "source": "s",
        "operation": "o",
        "file": "f",
        "line": 1,
        "kind": "k",
        "field": "x",
        "message": "m" * 100,
        "fix": "f",
        "also": [],
    }
    found = {"index": {"new": new, "gone": [], "renamed": [], "moved": []}}
    made = issue(found, {"findings": [finding] * 2000, "unreadable": []})
    assert made is not None
    assert len(made[1]) < 65536
    assert "- S0: 434" in made[1]
    assert "T17" not in made[1]
    assert "and more: run" in made[1]


def test_workflow() -> None:
    """The weekly workflow runs commands that there are, with the least rights."""
    text = (Path(__file__).parents[2] / ".github" / "workflows" / "docs.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["docs"]["permissions"] == {
        "contents": "read",
        "issues": "write",
    }
    for action in re.findall(r"python -m generator docs (\w+)", text):
        with pytest.raises(SystemExit) as stop:
            main(["docs", action, "--help"])
        assert stop.value.code == 0
    assert set(re.findall(r"generator docs (\w+)", text)) == {"index", "diff", "issue"}
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in uses)
