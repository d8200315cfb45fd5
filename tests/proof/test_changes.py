"""The change report with the real oasdiff: what it sees, that what we judge of it is still there,
and a rehearsal of a change.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docs.conftest import Page, page  # noqa: F401 - a documentation page in the provider's form

from generator.join import join, operations
from generator.publish.changes import oasdiff
from generator.publish.changes.command import read, report
from generator.publish.changes.report import Report
from generator.source import Spec

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "tests/fixtures/mini_spec"
Json = dict[str, Any]
Edit = Callable[[dict[str, Json], dict[str, Json], dict[str, Json]], object]


def told(made: Report) -> list[tuple[str, str, str]]:
    return [(change.kind, change.operation, change.text) for change in made.changes]


def test_the_rules_we_judge_are_oasdiffs() -> None:
    """Each pattern of ours fits a rule that oasdiff has; a new version that renames its rules shows
    here.
    """
    command = ["go", "tool", "oasdiff", "checks", "changelog", "--format", "json"]
    known = json.loads(
        subprocess.run(
            command, cwd=oasdiff.FOLDER, capture_output=True, text=True, check=True
        ).stdout
    )
    rules = [rule["id"] for rule in known]
    assert len(rules) > 700
    patterns = [pattern for pattern, _ in oasdiff.JUDGED] + [
        "api-tag-",
        "api-operation-id-",
        "api-schema-",
        "api-version-",
    ]
    for pattern in patterns:
        assert any(re.match(pattern, rule) for rule in rules), pattern
    additions = [
        rule["id"]
        for rule in known
        if oasdiff.ADDITION.match(rule["id"]) and rule["level"] == "info"
    ]
    assert {
        "new-optional-request-property",
        "response-optional-property-added",
        "request-property-enum-value-added",
    } <= {*additions}


# What is done to the mini document, and what is told. The event stream's items and what is JSON
# inside their `data` count too.
EDITS: dict[str, tuple[Edit, list[tuple[str, str, str]]]] = {
    "nothing": (lambda ops, schemas, paths: None, []),
    "a request's field": (
        lambda ops, schemas, paths: schemas["AcmeChatRequest"]["properties"].update(
            seed={"type": "integer"}
        ),
        [("added", "acme_chat_completions", "added the new optional request property `seed`")],
    ),
    "a request's field less": (
        lambda ops, schemas, paths: schemas["AcmeVideoRequest"]["properties"].pop("duration"),
        [("breaking", "acme_text_to_video", "removed the request property `duration`")],
    ),
    "a required field": (
        lambda ops, schemas, paths: schemas["AcmeVideoRequest"].update(
            required=["prompt", "duration"]
        ),
        [("breaking", "acme_text_to_video", "the request property `duration` became required")],
    ),
    "a reply's field": (
        lambda ops, schemas, paths: schemas["AcmeChatResponse"]["properties"].update(
            cost={"type": "number"}
        ),
        [
            (
                "added",
                "acme_chat_completions",
                "added the optional property `cost` to the response with the `200` status",
            )
        ],
    ),
    "a reply's optional field less": (
        lambda ops, schemas, paths: schemas["AcmeTaskResponse"]["properties"].pop("request_id"),
        [
            (
                "breaking",
                "acme_text_to_video",
                (
                    "removed the optional property `request_id` from the response with the `200` "
                    "status"
                ),
            ),
            (
                "breaking",
                "acme_get_video",
                (
                    "removed the optional property `request_id` from the response with the `200` "
                    "status"
                ),
            ),
        ],
    ),
    "a reply's state": (
        lambda ops, schemas, paths: schemas["AcmeTask"]["properties"]["task_status"]["enum"].append(
            "paused"
        ),
        [
            (
                "added",
                operation,
                (
                    "added the new `paused` enum value to the `data/task_status` response property "
                    "for the response status `200`"
                ),
            )
            for operation in ("acme_text_to_video", "acme_get_video")
        ],
    ),
    "a stream's field": (
        lambda ops, schemas, paths: schemas["AcmeChatChunk"]["properties"].pop("choices"),
        [
            (
                "breaking",
                "acme_chat_completions",
                "choices` from the response with the `200` status, in an event",
            )
        ],
    ),
    "the stream": (
        lambda ops, schemas, paths: ops["acme_chat_completions"]["responses"]["200"]["content"].pop(
            "text/event-stream"
        ),
        [
            (
                "breaking",
                "acme_chat_completions",
                "removed the media type `text/event-stream` for the response with the status `200`",
            )
        ],
    ),
    "the name of a path's parameter": (
        lambda ops, schemas, paths: (
            ops["acme_get_video"]["parameters"][0].update(name="id"),
            paths.update({"/acme/v1/videos/{id}": paths.pop("/acme/v1/videos/{task_id}")}),
        ),
        [
            ("breaking", "acme_get_video", "was `GET /acme/v1/videos/{task_id}`"),
            ("breaking", "acme_get_video", "added the new path request parameter `id`"),
            ("breaking", "acme_get_video", "deleted the `path` request parameter `task_id`"),
        ],
    ),
    "another tag": (
        lambda ops, schemas, paths: ops["acme_get_video"].update(tags=["audio.acme"]),
        [
            (
                "breaking",
                "acme_get_video",
                "`client.videos.acme.get_video` is now `client.audio.acme.get_video`",
            )
        ],
    ),
    "a field that moves into a common part": (
        lambda ops, schemas, paths: (
            schemas.update(
                AcmeBase={
                    "type": "object",
                    "properties": {"image": schemas["AcmeVideoRequest"]["properties"].pop("image")},
                }
            ),
            schemas.update(
                AcmeVideoRequest={
                    "allOf": [
                        {"$ref": "#/components/schemas/AcmeBase"},
                        schemas["AcmeVideoRequest"],
                    ]
                }
            ),
        ),
        [("changed", "acme_text_to_video", "described differently in")],
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_oasdiff_sees(name: str) -> None:
    edit, expected = EDITS[name]
    old = json.loads(json.dumps(join(Spec.load(MINI))))
    new = copy.deepcopy(old)
    edit(
        {operation["operationId"]: operation for _, _, operation in operations(new)},
        new["components"]["schemas"],
        new["paths"],
    )
    found = told(report(old, new))
    assert [(kind, operation) for kind, operation, _ in found] == [
        (kind, operation) for kind, operation, _ in expected
    ]
    for (_, _, text), (_, _, part) in zip(found, expected, strict=True):
        assert part in text


def test_a_choice_in_a_union_that_gets_a_name() -> None:
    """To oasdiff by itself, one variant goes and another comes, which would be breaking."""
    choice = {"type": "string", "enum": ["5", "10"]}
    old = json.loads(json.dumps(join(Spec.load(MINI))))
    old["components"]["schemas"]["AcmeVideoRequest"]["properties"]["size"] = {
        "anyOf": [choice, {"type": "array", "items": choice}]
    }
    new = copy.deepcopy(old)
    choice = {**choice, "description": "How long."}
    named = {"$ref": "#/components/schemas/AcmeSize"}
    new["components"]["schemas"]["AcmeVideoRequest"]["properties"]["size"] = {
        "anyOf": [named, {"type": "array", "items": named}]
    }
    new["components"]["schemas"]["AcmeSize"] = choice
    assert [kind for kind, _, _ in told(report(old, new))] == ["changed"]


def test_what_oasdiff_cannot_read(tmp_path: Path) -> None:
    broken = json.loads(json.dumps(join(Spec.load(MINI))))
    del broken["components"]["schemas"]["AcmeTask"]
    (tmp_path / "broken.json").write_text(json.dumps(broken), "utf-8")
    done = generator("changes", MINI, tmp_path / "broken.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "oasdiff failed" in done.stderr
    assert "AcmeTask" in done.stderr


def test_the_publication_is_what_it_is_made_of(publication: Path) -> None:
    """Each published document, in each version and form, says what spec/ says, and shows a new
    field of it.
    """
    spec = read(str(ROOT / "spec"))
    edited = json.loads(json.dumps(spec))
    edited["components"]["schemas"]["KlingTextToVideoRequest"]["properties"]["zoom"] = {
        "type": "integer"
    }
    for name in ("openapi-3.2.json", "openapi-3.2.yaml", "openapi-3.1.json", "openapi-3.0.json"):
        document = read(str(publication / name))
        assert told(report(document, spec)) == [], name
        assert told(report(document, edited)) == [
            ("added", "kling_text_to_video", "added the new optional request property `zoom`"),
        ], name


def generator(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


# A line of the request's schema and of its form's.
FIELD = "        duration: {anyOf: [{type: string}, {type: integer}], description: Seconds.}"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The specification before a page changes: the mini one, with a choice in it."""
    spec = tmp_path / "spec"
    shutil.copytree(MINI, spec)
    edit(
        spec,
        FIELD,
        f"        mode: {{type: string, enum: [std, pro], description: How well.}}\n{FIELD}",
    )
    shutil.copytree(spec, tmp_path / "before")
    return tmp_path / "before"


def edit(spec: Path, old: str, new: str) -> None:
    """What a maintainer does in an editor."""
    file = spec / "videos/acme.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


CALL = """
import json, sys
import api302_mock
from api302 import Client
server = api302_mock.start(sys.argv[1], strict=True)
with server, Client(api_key="sk-test", base_url=server.url) as client:
    print(client.videos.acme.text_to_video(**json.loads(sys.argv[2])).id)
"""


def call(out: Path, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """Call the operation with the client that was built into a folder, on a strict mock of the
    document there.
    """
    path = f"{out}:{ROOT / 'overlays'}"
    command = [sys.executable, "-c", CALL, str(out / "openapi.json"), json.dumps(arguments)]
    return subprocess.run(
        command, env={"PYTHONPATH": path, "PATH": ""}, capture_output=True, text=True
    )


def test_rehearsal(before: Path, page: Page, tmp_path: Path) -> None:  # noqa: F811
    """A page changes; `docs diff` names what; the edit, `build`, client and mock follow; the report
    names it and the next version.
    """
    spec, out, file = tmp_path / "spec", tmp_path / "generated", tmp_path / "400000003e0.md"

    def today(operation: Json) -> None:
        operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["mode"] = {
            "type": "string",
            "enum": ["std", "pro"],
        }

    def tomorrow(operation: Json) -> None:
        today(operation)
        fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        fields["mode"]["enum"].append("max")
        fields["seed"] = {"type": "integer"}
        operation["description"] = "文本生成视频。\n\n**价格：0.8 PTC/次**"

    def differences_to(change: Callable[[Json], None]) -> set[tuple[str, str]]:
        file.write_text(page(change), "utf-8")
        done = generator("docs", "diff", file, "--spec", spec, "--json")
        assert done.returncode == 0, done.stderr
        return {
            (finding["kind"], finding["field"]) for finding in json.loads(done.stdout)["findings"]
        }

    assert differences_to(today) == set()
    assert differences_to(tomorrow) == {("enum", "mode"), ("field", "seed"), ("price", "")}
    assert generator("build", "--spec", spec, "--out", out).returncode == 0
    assert "seed" in call(out, prompt="a red panda", seed=7).stderr

    edit(spec, "enum: [std, pro]", "enum: [std, pro, max]")
    edit(
        spec, FIELD, f"        seed: {{type: integer, description: Makes it repeatable.}}\n{FIELD}"
    )
    edit(spec, "amount: 0.5", "amount: 0.8")
    edit(spec, "p003, evidence: page, seen: 2026-11-21", "p003, evidence: page, seen: 2026-11-30")
    assert differences_to(tomorrow) == set()
    built = generator("build", "--spec", spec, "--out", out)
    assert built.returncode == 0, built.stderr
    done = call(out, prompt="a red panda", mode="max", seed=7)
    assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr

    made = json.loads(generator("changes", before, spec, "--json").stdout)
    assert (made["verdict"], made["next"], made["evidence"]) == ("added", "0.1.1", 0)
    assert sorted(
        (change["kind"], change["operation"], change["text"]) for change in made["changes"]
    ) == [
        (
            "added",
            "acme_text_to_video",
            "added the new `max` enum value to the request property `mode`",
        ),
        ("added", "acme_text_to_video", "added the new optional request property `seed`"),
        ("changed", "acme_text_to_video", "price: 0.5 PTC per call → 0.8 PTC per call"),
    ]


def test_rehearsal_of_what_breaks(before: Path, page: Page, tmp_path: Path) -> None:  # noqa: F811
    """The page takes a choice and a field away; the client no longer has them, and the report says
    so and asks for a minor version.
    """
    spec, out, file = tmp_path / "spec", tmp_path / "generated", tmp_path / "400000003e0.md"

    def tomorrow(operation: Json) -> None:
        fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        fields["mode"] = {"type": "string", "enum": ["std"]}
        del fields["image"]

    file.write_text(page(tomorrow), "utf-8")
    found = json.loads(generator("docs", "diff", file, "--spec", spec, "--json").stdout)["findings"]
    assert {(finding["kind"], finding["field"]) for finding in found} == {
        ("enum-gone", "mode"),
        ("gone", "image"),
    }

    edit(spec, "enum: [std, pro]", "enum: [std]")
    for line in re.findall(
        r"^        image: \{.*\n", (spec / "videos/acme.yaml").read_text("utf-8"), re.M
    ):
        edit(spec, line, "")
    built = generator("build", "--spec", spec, "--out", out)
    assert built.returncode == 0, built.stderr
    assert call(out, prompt="a red panda", mode="std").returncode == 0
    assert "image" in call(out, prompt="a red panda", image="https://example.test/a.png").stderr

    done = generator("changes", before, spec)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "# API changes since 0.1.0\n\n## Breaking\n\n- **videos.acme**\n"
        "  - `acme_text_to_video` (`POST /acme/v1/videos`): removed the enum value `pro` of the "
        "request property `mode`; "
        "removed the request property `image`\n\n"
        "Next version: 0.2.0 (breaking).\n"
    )
