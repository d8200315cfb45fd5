"""The change report without oasdiff: what our own comparison sees, the next version, what is told,
and a release. No Go is needed.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.__main__ import main
from generator.join import join, operations
from generator.publish.changes import command, oasdiff, release
from generator.publish.changes.report import Change, Report
from generator.publish.versions import as_published, to_30, to_31
from generator.source import Spec

MINI = Path(__file__).parents[1] / "fixtures/mini_spec"
Edit = Callable[[dict[str, Any], dict[str, Any]], object]


def mini() -> dict[str, Any]:
    return json.loads(json.dumps(join(Spec.load(MINI))))


def edited(edit: Edit) -> dict[str, Any]:
    """The mini document, edited by a function of its operations by id and of its schemas."""
    document = mini()
    edit(
        {operation["operationId"]: operation for _, _, operation in operations(document)},
        document["components"]["schemas"],
    )
    return document


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What oasdiff says in these tests."""
    returned: list[dict[str, Any]] = []
    monkeypatch.setattr(oasdiff, "entries", lambda old, new: returned)
    return returned


def finding(rule: str, level: int, text: str, call: str = "POST /acme/v1/videos") -> dict[str, Any]:
    method, path = call.split()
    return {"id": rule, "level": level, "text": text, "operation": method, "path": path}


SWITCH = {"in": "body", "name": "quick", "value": True}


def with_quick(operations: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A task on demand, with the field that demands it."""
    operations["acme_text_to_video"]["x-task"]["when"] = SWITCH
    schemas["AcmeVideoRequest"]["properties"]["quick"] = {"type": "boolean"}


# What is done to the mini document, and what is told about it: kind, operation, a part of the text.
EDITS: dict[str, tuple[Edit, list[tuple[str, str, str]]]] = {
    "a price": (
        lambda ops, _: ops["acme_text_to_video"].update(
            {"x-price": [{"amount": 0.8, "unit": "PTC", "per": "call"}]}
        ),
        [("changed", "acme_text_to_video", "price: 0.5 PTC per call → 0.8 PTC per call")],
    ),
    "the first price": (
        lambda ops, _: ops["acme_get_video"].update({"x-price": [{"note": "free"}]}),
        [("changed", "acme_get_video", "price: now free")],
    ),
    "a price more": (
        lambda ops, _: ops["acme_text_to_video"]["x-price"].append(
            {"amount": 0.8, "unit": "PTC", "per": "call", "for": "long ones"}
        ),
        [("changed", "acme_text_to_video", "price: now 0.8 PTC per call for long ones")],
    ),
    "a path parameter of several segments": (
        lambda ops, _: ops["acme_get_video"]["parameters"][0]["schema"].update(
            {"x-segments": True}
        ),
        [("changed", "acme_get_video", "`x-segments` changed")],
    ),
    "no task any more": (
        lambda ops, _: ops["acme_text_to_video"].pop("x-task"),
        [("breaking", "acme_text_to_video", "the call is a task no longer")],
    ),
    "a task from now on": (
        lambda ops, _: ops["acme_chat_completions"].update(
            {"x-task": {"fetch": "acme_get_video", "parameters": {"task_id": "id"}}}
        ),
        [("breaking", "acme_chat_completions", "the call is a task now")],
    ),
    "a task on demand by a field that callers give": (
        lambda ops, _: ops["acme_chat_completions"].update(
            {
                "x-task": {
                    "fetch": "acme_get_video",
                    "parameters": {"task_id": "id"},
                    "when": {**SWITCH, "name": "stream"},
                }
            }
        ),
        [("breaking", "acme_chat_completions", "the call is a task now")],
    ),
    "a task on demand by a new field": (
        lambda ops, schemas: (
            ops["acme_chat_completions"].update(
                {
                    "x-task": {
                        "fetch": "acme_get_video",
                        "parameters": {"task_id": "id"},
                        "when": {**SWITCH, "name": "later"},
                    }
                }
            ),
            schemas["AcmeChatRequest"]["properties"].update(later={"type": "boolean"}),
        ),
        [
            ("added", "acme_chat_completions", "the call is a task now"),
            ("changed", "acme_chat_completions", "properties/later"),
        ],
    ),
    "a task that becomes one on demand": (
        with_quick,
        [
            ("breaking", "acme_text_to_video", "the call is a task: when changed"),
            ("changed", "acme_text_to_video", "properties/quick"),
        ],
    ),
    "another word of a state": (
        lambda ops, _: ops["acme_get_video"]["x-task-status"].update(
            failed=["failed", "refused"], interval=9
        ),
        [
            (
                "changed",
                "acme_get_video",
                "the response has a task's status: failed, interval changed",
            )
        ],
    ),
    "what success is": (
        lambda ops, _: ops["acme_get_video"]["x-success"].update(values=[0, 200]),
        [("changed", "acme_get_video", "a failure inside a 200 is recognized: values changed")],
    ),
    "a stream's sum": (
        lambda ops, _: ops["acme_chat_completions"]["x-stream"].pop("accumulate"),
        [("breaking", "acme_chat_completions", "the response can be streamed: accumulate changed")],
    ),
    "a stream's end": (
        lambda ops, _: ops["acme_chat_completions"]["x-stream"].update(done={"data": "END"}),
        [("changed", "acme_chat_completions", "the response can be streamed: done changed")],
    ),
    "a spelling less": (
        lambda ops, _: ops["acme_chat_completions"].pop("x-aliases"),
        [("breaking", "acme_chat_completions", "no longer at /chat/completions")],
    ),
    "a spelling more": (
        lambda ops, _: ops["acme_chat_completions"]["x-aliases"].append("/chat"),
        [("added", "acme_chat_completions", "also at /chat")],
    ),
    "a place at the top less": (
        lambda ops, _: ops["acme_text_to_video"].pop("x-shortcut"),
        [("breaking", "acme_text_to_video", "`client.videos.create` is gone")],
    ),
    "a place at the top more": (
        lambda ops, _: ops["acme_get_video"].update({"x-shortcut": "videos.get"}),
        [("added", "acme_get_video", "now also `client.videos.get`")],
    ),
    "a form of a file less": (
        lambda _, schemas: schemas["AcmeVideoRequest"]["properties"]["image"].update(
            {"x-file": ["url", "base64"]}
        ),
        [("breaking", "acme_text_to_video", "`image` takes no file as data_url any more")],
    ),
    "a form of a file more": (
        lambda _, schemas: schemas["AcmeImageUrl"]["properties"]["url"]["x-file"].append("base64"),
        [("added", "acme_chat_completions", "`url` takes a file as base64 too")],
    ),
    "a request that nobody knows any more": (
        lambda ops, _: ops["acme_text_to_video"].update(
            {"x-unknown": {"request": "looked everywhere"}}
        ),
        [("breaking", "acme_text_to_video", "not described any more: request")],
    ),
    "another vendor": (
        lambda ops, _: ops["acme_get_video"].update(tags=["audio.other"]),
        [
            (
                "breaking",
                "acme_get_video",
                "`client.videos.acme.get_video` is now `client.audio.other.acme_get_video`",
            )
        ],
    ),
    "another name": (
        lambda ops, _: ops["acme_get_video"].update(operationId="acme_look_up"),
        [
            (
                "breaking",
                "acme_look_up",
                "`client.videos.acme.get_video` is now `client.videos.acme.look_up`",
            )
        ],
    ),
    "words": (
        lambda ops, _: ops["acme_get_video"].update(summary="Look"),
        [("changed", "acme_get_video", "other words")],
    ),
    "words of a field that operations share": (
        lambda _, schemas: schemas["AcmeTask"].update(description="How it stands."),
        [
            ("changed", "acme_text_to_video", "other words"),
            ("changed", "acme_get_video", "other words"),
        ],
    ),
    "fields that are called like keywords": (
        lambda _, schemas: schemas["AcmeVideo"]["properties"].update(
            {"title": {"type": "string"}, "x-price": {"type": "number"}}
        ),
        [
            (
                "changed",
                "acme_text_to_video",
                "described differently in `properties/title` and 1 more",
            ),
            ("changed", "acme_get_video", "described differently in `properties/title` and 1 more"),
        ],
    ),
    "what oasdiff passes over": (
        lambda ops, _: ops["acme_get_video"]["responses"].pop("5XX"),
        [("changed", "acme_get_video", "described differently in `responses/5XX`")],
    ),
    "evidence": (lambda ops, _: ops["acme_get_video"]["x-docs"][0].update(seen="2027-01-01"), []),
    "samples": (
        lambda ops, _: ops["acme_get_video"].update(
            {"x-codeSamples": [{"lang": "curl", "source": "curl"}]}
        ),
        [],
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_we_see(findings: list[Any], name: str) -> None:
    edit, expected = EDITS[name]
    found = command.report(mini(), edited(edit)).changes
    assert [(change.kind, change.operation) for change in found] == [
        (kind, operation) for kind, operation, _ in expected
    ]
    for change, (_, _, text) in zip(found, expected, strict=True):
        assert text in change.text


def test_an_extension_that_was_there_before_reads_backwards(findings: list[Any]) -> None:
    """What is unknown in the old document and described in the new one is added."""
    old = edited(EDITS["a request that nobody knows any more"][0])
    assert [(change.kind, change.text) for change in command.report(old, mini()).changes] == [
        ("added", "described now: request (`x-unknown`)")
    ]


def test_a_range_of_statuses_that_goes_is_told_whatever_else_is(findings: list[Any]) -> None:
    findings.append(finding("new-optional-request-property", 1, "added `seed`"))
    new = edited(lambda ops, _: ops["acme_text_to_video"]["responses"].pop("4XX"))
    assert [change.text for change in command.report(mini(), new).changes] == [
        "added `seed`",
        "described differently in `responses/4XX`",
    ]


def test_what_publishing_adds_is_no_change(findings: list[Any]) -> None:
    """A published document is compared with what would be published of the other."""
    newest = as_published(mini())
    newest["info"] |= {"x-content-hash": "sha256:0", "x-evidence-date": "2026-11-21"}
    middle, _ = to_31(newest)
    oldest, _ = to_30(middle)
    for published in (newest, middle, oldest):
        assert command.report(published, mini()).changes == []
        assert command.report(mini(), published).changes == []


def test_known_values_of_a_published_response(findings: list[Any]) -> None:
    """oasdiff does not see them, since an open enum is an extension."""
    published = as_published(mini())
    published["info"]["x-content-hash"] = "sha256:0"

    def edit(operations: dict[str, Any], schemas: dict[str, Any]) -> None:
        values = schemas["AcmeTask"]["properties"]["task_status"]["enum"]
        values[values.index("failed")] = "paused"

    changes = command.report(published, edited(edit)).changes
    assert {(change.kind, change.operation, change.text) for change in changes} == {
        (kind, operation, text)
        for operation in ("acme_text_to_video", "acme_get_video")
        for kind, text in (
            ("changed", "failed is not a known value of `task_status` any more"),
            ("added", "paused is a known value of `task_status` too"),
        )
    }


def test_operations_come_go_and_move(findings: list[Any]) -> None:
    new = mini()
    new["paths"]["/acme/v2/videos"] = new["paths"].pop("/acme/v1/videos")
    new["paths"]["/acme/v2/new"] = {
        "post": {"operationId": "acme_new", "summary": "Newest", "tags": ["videos.acme"]}
    }
    del new["paths"]["/acme/v1/videos/{task_id}"]
    told = {
        change.operation: (change.kind, change.call, change.text)
        for change in command.report(mini(), new).changes
    }
    assert told == {
        "acme_text_to_video": ("breaking", "POST /acme/v2/videos", "was `POST /acme/v1/videos`"),
        "acme_new": ("added", "POST /acme/v2/new", "new: Newest"),
        "acme_get_video": (
            "breaking",
            "GET /acme/v1/videos/{task_id}",
            "removed (Get a text-to-video task)",
        ),
    }
    new["paths"]["/acme/v2/videos"]["post"]["x-aliases"] = [
        "/acme/v1/videos"
    ]  # the old path goes on
    kept = [
        change.kind
        for change in command.report(mini(), new).changes
        if change.operation == "acme_text_to_video"
    ]
    assert kept == ["changed"]


def test_a_class_that_is_gone(findings: list[Any]) -> None:
    """Told where an operation returned it that is still there; a removed operation takes its
    schemas along silently.
    """
    text = json.dumps(mini()).replace("AcmeTaskResult", "AcmeOutcome")
    renamed = [
        change
        for change in command.report(mini(), json.loads(text)).changes
        if change.rule == "component"
    ]
    assert {(change.kind, change.operation) for change in renamed} == {
        ("breaking", "acme_text_to_video"),
        ("breaking", "acme_get_video"),
    }
    assert all("`AcmeTaskResult` is gone" in change.text for change in renamed)
    new = mini()
    del new["paths"]["/v1/chat/completions"]
    new["components"]["schemas"] = {
        name: schema for name, schema in new["components"]["schemas"].items() if "Chat" not in name
    }
    assert [change.rule for change in command.report(mini(), new).changes] == ["operation-removed"]


@pytest.mark.parametrize(
    ("rule", "level", "kind"),
    [
        ("request-property-removed", 2, "breaking"),
        ("request-property-enum-value-removed", 3, "breaking"),
        ("request-property-enum-value-added", 1, "added"),
        ("new-optional-request-property", 1, "added"),
        ("new-required-request-property", 3, "breaking"),
        ("request-body-added-required", 3, "breaking"),
        ("request-property-default-value-added", 1, "changed"),
        ("response-optional-property-added", 1, "added"),
        ("response-optional-property-removed", 1, "breaking"),
        ("response-required-property-removed", 3, "breaking"),
        ("response-property-enum-value-added", 3, "added"),
        ("response-property-any-of-added", 3, "added"),
        ("response-body-one-of-removed", 1, "breaking"),
        ("response-property-max-length-increased", 3, "changed"),
        ("response-property-pattern-changed", 2, "changed"),
        ("response-property-type-changed", 3, "breaking"),
        ("response-property-became-nullable", 3, "breaking"),
        ("request-parameter-removed-with-deprecation", 1, "breaking"),
        ("endpoint-deprecated", 1, "changed"),
    ],
)
def test_how_we_judge_oasdiffs_rules(findings: list[Any], rule: str, level: int, kind: str) -> None:
    findings.append(finding(rule, level, "something"))
    findings.append(finding("api-tag-removed", 1, "told by us"))
    findings.append({"id": "api-version-not-bumped", "level": 1, "text": "decided by us"})
    assert [(change.rule, change.kind) for change in command.report(mini(), mini()).changes] == [
        (rule, kind)
    ]


def test_a_finding_is_told_once_and_in_short(findings: list[Any]) -> None:
    """A field of JSON and of a form is one argument in Python; a class's name says more than its
    address.
    """
    findings += [
        finding("new-optional-request-property", 1, f"added `seed` (media type: {kind})")
        for kind in ("a/json", "b/form")
    ]
    findings.append(
        finding(
            "response-optional-property-added",
            1,
            "added `data/anyOf[subschema #2]/anyOf[#/components/schemas/X]/id`",
        )
    )
    findings.append(
        finding(
            "response-property-any-of-added",
            3,
            "added `#/components/schemas/X` (media type: text/event-stream) (item schema)",
        )
    )
    assert [change.text for change in command.report(mini(), mini()).changes] == [
        "added `seed`",
        "added `data/id`",
        "added `X`, in an event",
    ]


def test_a_component_that_is_no_schema_has_no_name_in_python(findings: list[Any]) -> None:
    new = json.loads(
        json.dumps(mini()).replace(
            '"#/components/responses/ClientError"', '"#/components/responses/Refused"'
        )
    )
    new["components"]["responses"]["Refused"] = new["components"]["responses"].pop("ClientError")
    assert {change.kind for change in command.report(mini(), new).changes} == {"changed"}


@pytest.mark.parametrize(
    ("since", "kinds", "verdict", "following"),
    [
        ("0.1.3", [], "none", "0.1.3"),
        ("0.1.3", ["changed", "added"], "added", "0.1.4"),
        ("0.1.3", ["changed", "breaking"], "breaking", "0.2.0"),
        ("1.2.3", ["changed"], "changed", "1.2.4"),
        ("1.2.3", ["changed", "added"], "added", "1.3.0"),
        ("1.2.3+abc", ["added", "breaking"], "breaking", "2.0.0"),
    ],
)
def test_the_next_version(since: str, kinds: list[str], verdict: str, following: str) -> None:
    made = Report(
        since,
        [Change(kind, "videos.acme", "acme_x", "POST /x", "rule", "text") for kind in kinds],
        0,
    )
    assert (made.verdict, made.next) == (verdict, following)


def test_markdown(findings: list[Any]) -> None:
    """Grouped by what it means and by vendor; what operations share is said once."""
    findings += [finding("request-property-removed", 2, "removed the request property `duration`")]
    findings += [
        finding("new-optional-request-property", 1, f"added `{letter}`") for letter in "abcdefg"
    ]
    for call in (
        "POST /acme/v1/videos",
        "GET /acme/v1/videos/{task_id}",
        "POST /v1/chat/completions",
    ):
        findings.append(
            finding("response-optional-property-added", 1, "added the error's `hint`", call)
        )
    new = edited(EDITS["words"][0])
    new["servers"] = [{"url": "https://other.example.test"}]
    new["paths"]["/v1/audio/transcriptions"]["post"]["x-docs"][0]["seen"] = "2027-01-01"
    assert command.report(mini(), new).markdown() == (
        "# API changes since 0.1.0\n\n"
        "## Breaking\n\n- **videos.acme**\n"
        "  - `acme_text_to_video` (`POST /acme/v1/videos`): removed the request property "
        "`duration`\n\n"
        "## Added\n\n- **llm.acme, videos.acme**\n"
        "  - `acme_chat_completions`, `acme_text_to_video`, `acme_get_video`: added the error's "
        "`hint`\n"
        "- **videos.acme**\n"
        "  - `acme_text_to_video` (`POST /acme/v1/videos`): added `a`; added `b`; added `c`; "
        "added `d`; added `e`; and 2 more\n\n"
        "## Changed\n\n- **document**\n  - the servers changed\n\n"
        "Evidence alone, which changes nothing, of 1 more operation.\n\nNext version: 0.2.0 "
        "(breaking).\n"
    )
    assert "API is the same: no new version" in Report("0.1.0", [], 0).markdown()


@dataclass
class Run:
    """What a run of the command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Runs `python -m generator changes …`."""

    def run_command(*arguments: str | Path) -> Run:
        code = main(["changes", *map(str, arguments)])
        said = capsys.readouterr()
        return Run(code, said.out, said.err)

    return run_command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on the mini specification, in the folder where the command runs."""
    root = tmp_path / "project"
    shutil.copytree(MINI, root / "spec")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\n\n[project]\nname = "x"\nversion = "0.1.0"\n', "utf-8"
    )
    (root / "overlays/api302").mkdir(parents=True)
    (root / "overlays/api302/__init__.py").write_text(
        '"""X."""\n\n__version__ = "0.1.0"\n', "utf-8"
    )
    unreleased = (
        "# Changelog\n\nIntroduction.\n\n## [Unreleased]\n\n### Fixed\n\n- A thing by hand.\n\n"
    )
    (root / "CHANGELOG.md").write_text(
        unreleased + "## [0.1.0] - 2026-11-01\n\n- First.\n", "utf-8"
    )
    (root / "generated").mkdir()
    (root / "generated/openapi.json").write_text(json.dumps(mini()), "utf-8")
    monkeypatch.chdir(root)
    return root


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.test", *arguments],
        check=True,
        capture_output=True,
    )


def test_documents_folders_and_revisions(
    findings: list[Any], project: Path, run: Callable[..., Run]
) -> None:
    """OLD may be JSON, YAML, a folder or a revision; the default is the newest tag, and NEW's
    default is spec/.
    """
    file = project / "spec/videos/acme.yaml"
    file.write_text(file.read_text("utf-8").replace("amount: 0.5", "amount: 0.75"), "utf-8")
    as_yaml = project / "old.yaml"
    as_yaml.write_text(
        yaml.safe_dump(mini()).replace("'200'", "200").replace("'2026-11-21'", "2026-11-21"),
        "utf-8",
    )
    git("init", "--quiet")
    git("add", "generated")
    git("commit", "--quiet", "-m", "a")
    git("tag", "v0.1.0")
    for version in ("0.2.0", "0.10.0"):  # 0.10 is newer than 0.2
        (project / "generated/openapi.json").write_text(
            json.dumps({**mini(), "info": {"title": "M", "version": version}}), "utf-8"
        )
        git("commit", "--quiet", "-am", version)
        git("tag", f"v{version}")
    for old, since in (
        ("old.yaml", "0.1.0"),
        ("v0.1.0", "0.1.0"),
        (str(MINI), "0.1.0"),
        ("HEAD~1", "0.2.0"),
        (None, "0.10.0"),
    ):
        done = run("--json", *([old] if old else []))
        assert (done.code, done.err) == (0, "")
        told = json.loads(done.out)
        assert told["since"] == since
        assert [change["text"] for change in told["changes"] if change["rule"] == "x-price"] == [
            "price: 0.5 PTC per call → 0.75 PTC per call"
        ]
    assert "price: 0.5 PTC per call → 0.75 PTC per call" in run("old.yaml").out
    assert "The API is the same: no new version." in run("old.yaml", "old.yaml").out


def test_older_openapi_versions_are_compared_as_such(
    findings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer side is lowered, so that the way down is no change."""
    compared: list[str] = []
    monkeypatch.setattr(
        oasdiff,
        "entries",
        lambda old, new: compared.append(f"{old['openapi']} {new['openapi']}") or [],
    )
    middle = to_31(mini())[0]
    oldest = to_30(middle)[0]
    price = edited(EDITS["a price"][0])
    for old in (mini(), middle, oldest):
        assert [change.rule for change in command.report(old, price).changes] == ["x-price"]
        assert command.report(mini(), copy.deepcopy(old)).changes == []
    assert [pair[:3] for pair in compared] == ["3.2", "3.2", "3.1", "3.1", "3.0", "3.0"]
    assert all(len(set(pair.split())) == 1 for pair in compared)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense: [", "old.json is neither JSON nor YAML"),
        ('{"a": ', "old.json is neither JSON nor YAML"),
        (b"\xff\xfe", "old.json is neither JSON nor YAML"),
        ("just words", "old.json is not an OpenAPI document of version 3.0, 3.1 or 3.2"),
        (
            '{"swagger": "2.0", "paths": {}}',
            "old.json is not an OpenAPI document of version 3.0, 3.1 or 3.2",
        ),
        (
            '{"openapi": "3.1.0", "paths": {}, "info": {"title": "t", "version": "today"}}',
            "old.json has no version in info.version, such as 0.1.0",
        ),
        (
            (
                '{"openapi": "3.1.0", "info": {"title": "t", "version": "1.0.0"}, "paths": {"/a": '
                '{"get": 7}}}'
            ),
            "old.json is not a valid OpenAPI 3.1 document, at paths//a/get: 7 is not of type",
        ),
    ],
)
def test_what_is_no_document(
    project: Path, run: Callable[..., Run], content: str | bytes, message: str
) -> None:
    (project / "old.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("old.json")
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_what_cannot_be_found(
    findings: list[Any], project: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    git("init", "--quiet")
    assert "no git tag v* to compare with yet: give OLD" in run().err
    assert run("v9").err == (
        "`v9` is not a file, a folder or a git revision: give a document, a spec folder or a "
        "revision\n"
    )
    git("add", "spec")
    git("commit", "--quiet", "-m", "no document")
    assert run("HEAD").err == "the git revision `HEAD` has no generated/openapi.json\n"
    (project / "spec/videos/acme.yaml").write_text("paths: [", "utf-8")
    assert "spec/videos/acme.yaml:2: the file is not YAML" in run("generated/openapi.json").err
    assert run("generated/openapi.json", "generated/openapi.json", "--version", "1.0.0").code == 2
    monkeypatch.setenv("PATH", str(project))
    assert run("v9").err == "git is not installed: install it, or give two files\n"


def test_no_go(project: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    before = files(project)
    done = run("generated/openapi.json", "--release", "2026-11-30")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "Go is not installed, and oasdiff, which compares, is a Go program: install Go 1.26 or "
        "newer\n"
    )
    assert files(project) == before


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in sorted(root.rglob("*.*"))
        if path.is_file()
    }


def test_release(findings: list[Any], project: Path, run: Callable[..., Run]) -> None:
    findings.append(
        finding("request-property-removed", 2, "removed the request property `duration`")
    )
    before = files(project)
    done = run("generated/openapi.json", "--release", "2026-11-30")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "0.2.0 is in openapi.yaml, pyproject.toml, __init__.py, CHANGELOG.md. Next: make build, "
        "commit, git tag v0.2.0, make publish\n"
    )
    after = files(project)
    assert after["CHANGELOG.md"] == (
        "# Changelog\n\nIntroduction.\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n### "
        "Fixed\n\n- A thing by hand.\n\n"
        "### API changes since 0.1.0\n\n#### Breaking\n\n- **videos.acme**\n"
        "  - `acme_text_to_video` (`POST /acme/v1/videos`): removed the request property "
        "`duration`\n\n"
        "## [0.1.0] - 2026-11-01\n\n- First.\n"
    )
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "CHANGELOG.md",
        "spec/openapi.yaml",
        "pyproject.toml",
        "overlays/api302/__init__.py",
    }
    for name in changed - {"CHANGELOG.md"}:
        assert after[name] == before[name].replace("0.1.0", "0.2.0")
    # A second time, the versions are not OLD's any more.
    again = run("generated/openapi.json", "--release", "2026-11-30")
    assert again.code == 1
    assert "the versions disagree: OLD is 0.1.0, and " in again.err
    assert files(project) == after


def test_release_of_a_higher_version_and_of_code_alone(
    findings: list[Any], project: Path, run: Callable[..., Run]
) -> None:
    done = run("generated/openapi.json", "--release", "2026-11-30")
    assert done.code == 1
    assert "the API is the same as in 0.1.0" in done.err
    assert run("generated/openapi.json", "--release", "2026-11-30", "--version", "1.0.0").code == 0
    assert (
        files(project)["CHANGELOG.md"].split("## [")[2]
        == "1.0.0] - 2026-11-30\n\n### Fixed\n\n- A thing by hand.\n\n"
    )


BROKEN: dict[str, tuple[Callable[[Path], object], list[str], str]] = {
    "no day": (
        lambda root: None,
        ["--release", "tomorrow"],
        "give the day of the release, such as --release 2026-11-30",
    ),
    "an empty day": (lambda root: None, ["--release", ""], "give the day of the release"),
    "no day of the calendar": (
        lambda root: None,
        ["--release", "2026-02-30"],
        "give the day of the release",
    ),
    "too low": (
        lambda root: None,
        ["--release", "2026-11-30", "--version", "0.1.1"],
        "--version 0.1.1: after 0.1.0, these changes ask for 0.2.0 or a higher one",
    ),
    "no version": (
        lambda root: None,
        ["--release", "2026-11-30", "--version", "next"],
        "--version next: after 0.1.0",
    ),
    "versions disagree": (
        lambda root: (root / "pyproject.toml").write_text('[project]\nversion = "0.1.1"\n'),
        ["--release", "2026-11-30"],
        "pyproject.toml has 0.1.1;",
    ),
    "no version is said": (
        lambda root: (root / "pyproject.toml").write_text('[tool.x]\nversion = "0.1.0"\n'),
        ["--release", "2026-11-30"],
        "pyproject.toml has no version where one is expected",
    ),
    "the house rules refuse it": (
        lambda root: (root / "spec/videos/acme.yaml").write_text(
            (root / "spec/videos/acme.yaml").read_text().replace("unit: PTC", "unit: USD", 1)
        ),
        ["--release", "2026-11-30"],
        "spec/videos/acme.yaml:",
    ),
    "no changelog": (
        lambda root: (root / "CHANGELOG.md").unlink(),
        ["--release", "2026-11-30"],
        "CHANGELOG.md cannot be read",
    ),
    "nothing unreleased": (
        lambda root: (root / "CHANGELOG.md").write_text("# Changelog\n\n## [0.1.0]\n"),
        ["--release", "2026-11-30"],
        "has no heading `## [Unreleased]`",
    ),
    "released before": (
        lambda root: (root / "CHANGELOG.md").write_text(
            "# Changelog\n\n## [Unreleased]\n\n## [0.2.0]\n"
        ),
        ["--release", "2026-11-30"],
        "has a heading for 0.2.0 already",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_release_is_refused_whole(
    findings: list[Any], project: Path, run: Callable[..., Run], name: str
) -> None:
    breaks, arguments, message = BROKEN[name]
    findings.append(finding("request-property-removed", 2, "removed"))
    breaks(project)
    before = files(project)
    done = run("generated/openapi.json", *arguments)
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert files(project) == before


def test_a_release_of_something_else_than_the_working_tree_is_refused(
    findings: list[Any], project: Path, run: Callable[..., Run]
) -> None:
    done = run("generated/openapi.json", "generated/openapi.json", "--release", "2026-11-30")
    assert done.code == 1
    assert "generated/openapi.json is not a spec folder" in done.err


@pytest.mark.parametrize("written", range(4))
def test_a_release_that_fails_on_the_way_leaves_everything_as_it_was(
    findings: list[Any],
    project: Path,
    run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    findings.append(finding("request-property-removed", 2, "removed"))
    before, place, left = files(project), Path.replace, iter(range(written))

    def replace(self: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise OSError(28, "No space left on device", str(self), None, str(target))
        return place(self, target)

    monkeypatch.setattr(release.Path, "replace", replace)
    done = run("generated/openapi.json", "--release", "2026-11-30")
    assert done.code == 1
    assert "cannot be written: No space left on device; nothing was changed" in done.err
    assert files(project) == before
    assert not list(project.glob(".releasing-*"))
