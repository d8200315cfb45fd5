"""Each house rule, against the mini specification broken in one way."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
import yaml
from broken import MINI, Copy

from generator import join, rules
from generator.source import Spec

CHAT, VIDEO, AUDIO = "llm/acme.yaml", "videos/acme.yaml", "audio/acme.yaml"


@dataclass
class Break:
    """One fault: the text that is replaced, and the problem's file, line text and message."""

    rule: str
    file: str
    old: str
    new: str
    message: str
    at: str = ""
    """A text on the line of the problem; without it, the one of `new`."""
    where: str = ""
    """The file of the problem, if it is another one."""
    problems: int = 1
    """How many problems there are in all."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.message[:50]}"


BREAKS = [
    Break(**fault)
    for fault in yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text("utf-8"))
]


@pytest.mark.parametrize("fault", BREAKS, ids=str)
def test_each_fault_is_reported_with_file_line_and_fix(fault: Break, copy: Copy) -> None:
    copy.replace(fault.file, fault.old, fault.new)

    problems = rules.check_spec(copy.load())

    where = fault.where or fault.file
    line = copy.line(where, fault.at or fault.new.strip("\n"))
    found = [
        problem
        for problem in problems
        if fault.message in problem.message and (problem.file, problem.line) == (where, line)
    ]
    assert found, f"nothing at {where}:{line} in\n" + "\n".join(map(str, problems))
    assert all(problem.fix and problem.message for problem in problems)
    assert len(problems) == fault.problems, "\n".join(map(str, problems))


def test_the_mini_specification_is_in_order() -> None:
    assert rules.check_spec(Spec.load(MINI)) == []


def test_every_rule_has_a_fault_in_the_list() -> None:
    here = {fault.rule for fault in BREAKS}

    assert {rule.__name__ for rule in rules.RULES} - {
        "form_of_files",
        "lengths",
        "other_vendors",
    } <= here


REAL = pytest.param(MINI.parent.parent.parent / "spec", marks=pytest.mark.long)


@pytest.mark.parametrize("root", [MINI, REAL], ids=["mini", "real"])
def test_openapi_spec_validator_accepts_what_the_rules_accept(root: Path) -> None:
    """The validator's own checks on the document with links; the rules use its schema alone."""
    openapi_spec_validator.validate(
        join.join(Spec.load(root)), cls=openapi_spec_validator.OpenAPIV32SpecValidator
    )


def test_names_that_python_writes_with_an_underscore_are_listed() -> None:
    listed = rules.notes(Spec.load(MINI))

    assert "AcmeSpeechRequest.from -> from_" in listed
    assert "AcmeSpeechRequest.timeout -> timeout_" in listed
    assert "AcmeTaskResponse.request_id -> request_id_" in listed


def test_a_letter_after_digits_in_a_slug_is_large_in_the_names_of_schemas(copy: Copy) -> None:
    copy.append(
        "videos/acme2x.yaml",
        "components:\n  schemas:\n    Acme2XVideo: {type: string}\n    AcmeOther: {type: string}\n",
    )

    messages = [
        problem.message
        for problem in rules.check_spec(copy.load())
        if problem.file == "videos/acme2x.yaml"
    ]

    assert not any("Acme2XVideo" in message for message in messages if "name" in message)
    assert any("`AcmeOther` does not start with `Acme2X`" in message for message in messages)


def test_all_faults_are_reported_at_once(copy: Copy) -> None:
    copy.replace(VIDEO, "summary: Get a text-to-video task", "summary: ''")
    copy.replace(CHAT, "maximum: 2, default: 1,", "maximum: 2, default: high,")
    copy.append(AUDIO, "  schemas: {}\n")

    problems = rules.check_spec(copy.load())

    assert {problem.file for problem in problems} == {VIDEO, CHAT, AUDIO}
    assert problems == sorted(problems)


def test_a_missing_file_of_vendors_is_a_problem(copy: Copy) -> None:
    (copy.root / "vendors.yaml").unlink()

    assert any(problem.file == "vendors.yaml" for problem in rules.check_spec(copy.load()))


@pytest.mark.parametrize("text", ["{", "[]", '{"properties": 7}'])
def test_a_broken_schema_of_the_extensions_is_a_problem(text: str, copy: Copy) -> None:
    (copy.root / "extensions.schema.json").write_text(text)

    assert any(
        problem.file == "extensions.schema.json" or "is unknown" in problem.message
        for problem in rules.check_spec(copy.load())
    )


@pytest.mark.parametrize("seed", range(60))
def test_no_broken_specification_is_a_traceback(seed: int, copy: Copy) -> None:
    """Keys deleted and values replaced at random: whatever it is, it is reported, not raised."""
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        path = chance.choice(sorted(copy.root.rglob("*.yaml")))
        content = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
        for _ in range(chance.choice([1, 3])):
            _spoil(content, chance)
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")

    for problem in rules.check_spec(copy.load()):
        assert problem.line >= 1
        assert problem.message
        assert problem.fix
        assert str(problem).startswith(f"{problem.file}:{problem.line}: ")


def _spoil(content: Any, chance: random.Random) -> None:
    """Change one place somewhere in a document."""
    places: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            keys = list(node) if isinstance(node, dict) else range(len(node))
            places += [(node, key) for key in keys]
            waiting += [node[key] for key in keys]
    if not places:
        return
    node, key = chance.choice(places)
    strange = [
        None,
        True,
        7,
        -1.5,
        "",
        "x",
        "#/components/schemas/Nobody",
        [],
        {},
        [None],
        [[1]],
        {"": None},
        {"$ref": 3},
        {"a": {"b": []}},
    ]
    match chance.randrange(4):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[
                chance.choice(
                    ["x-strange", "$ref", "", "properties", "200", "get", "examples", "enum"]
                )
            ] = node.pop(key)
        case 2:
            node[key] = json.loads(
                json.dumps(chance.choice(places)[0])
            )  # a piece of the document at the wrong place
        case _:
            node[key] = chance.choice(strange)


def test_a_file_that_is_no_yaml_is_the_only_problem(copy: Copy) -> None:
    copy.replace(VIDEO, "      operationId: acme_get_video", "       operationId: acme_get_video")

    [problem] = rules.check_spec(copy.load())

    assert problem.file == VIDEO
    assert "the file is not YAML" in problem.message


def in_parts(copy: Copy) -> None:
    """Cut the videos of the mini specification into two parts and what they share."""
    text = (copy.root / VIDEO).read_text("utf-8")
    head, _, rest = text.partition("paths:\n")
    paths, _, schemas = rest.partition("components:\n")
    first, _, second = paths.partition("  /acme/v1/videos/{task_id}:\n")
    (copy.root / VIDEO).unlink()
    copy.append("videos/acme/common.yaml", f"{head}components:\n{schemas}")
    copy.append("videos/acme/submit.yaml", f"paths:\n{first}")
    copy.append("videos/acme/fetch.yaml", f"paths:\n  /acme/v1/videos/{{task_id}}:\n{second}")
    copy.replace(
        "vendors.yaml",
        "    videos: [/acme]\n",
        "    videos:\n      submit: [/acme]\n      fetch: ['/acme/v1/videos/{task_id}']\n",
    )


def test_a_vendor_may_be_a_folder(copy: Copy) -> None:
    before = join.join(copy.load())
    in_parts(copy)

    assert rules.check_spec(copy.load()) == []
    assert json.dumps(join.join(copy.load())) == json.dumps(before)


@pytest.mark.parametrize(
    ("old", "new", "file", "at", "message"),
    [
        (
            "      fetch: ['/acme/v1/videos/{task_id}']\n",
            "",
            "videos/acme/fetch.yaml",
            "paths:",
            "vendors.yaml has no part `fetch` of videos.acme",
        ),
        (
            "submit: [/acme]\n      fetch: ['/acme/v1/videos/{task_id}']\n",
            "fetch: [/acme]\n      submit: ['/acme/v1/videos/{task_id}']\n",
            "videos/acme/submit.yaml",
            "  /acme/v1/videos:",
            "the home of /acme/v1/videos is videos/acme/fetch.yaml, not videos/acme/submit.yaml",
        ),
        (
            "submit: [/acme]",
            "submit: [/acme, '/acme/v1/videos/{task_id}']",
            "vendors.yaml",
            "fetch:",
            "is also the home of videos.acme.submit",
        ),
    ],
    ids=["unknown", "wrong", "twice"],
)
def test_a_path_in_the_wrong_part_is_a_problem(
    old: str, new: str, file: str, at: str, message: str, copy: Copy
) -> None:
    in_parts(copy)
    copy.replace("vendors.yaml", old, new)

    problems = rules.check_spec(copy.load())

    line = copy.line(file, at)
    found = [one for one in problems if message in one.message and one.fix]
    assert (file, line) in [(one.file, one.line) for one in found], "\n".join(map(str, problems))


def test_an_alias_may_belong_to_another_part_of_the_vendor(copy: Copy) -> None:
    in_parts(copy)
    copy.replace(
        "videos/acme/submit.yaml",
        "      x-shortcut: videos.create\n",
        "      x-shortcut: videos.create\n      x-aliases: ['/acme/v1/videos/{task_id}/again']\n",
    )

    problems = rules.check_spec(copy.load())

    assert not any("the home of" in problem.message for problem in problems)


def test_a_long_file_is_a_problem_but_a_ledger(copy: Copy) -> None:
    for file in (VIDEO, "videos/pages.yaml"):
        copy.append(file, "# more\n" * 620)

    [problem] = rules.check_spec(copy.load())

    assert (problem.file, problem.line) == (VIDEO, 621)
    assert "more than 620" in problem.message
    assert "<vendor>/<part>.yaml" in problem.fix


def test_text_that_is_kept_as_it_is_may_be_long(copy: Copy) -> None:
    long = "x" * 200
    copy.replace(
        CHAT,
        "      description: Returns the completion in one response, or as an event stream.\n",
        f"      description: |-\n        {long}\n\n        {long}\n",
    )
    assert rules.check_spec(copy.load()) == []

    copy.append(CHAT, f"# {long}\n")

    [problem] = rules.check_spec(copy.load())
    assert problem.line == copy.line(CHAT, f"# {long}")


def test_what_every_operation_of_a_file_says_belongs_at_its_head(copy: Copy) -> None:
    envelope = "  x-success: {field: code, values: [0], message: message}\n"
    copy.replace(VIDEO, f"x-defaults:\n{envelope}", "")
    for place in ("      x-shortcut: videos.create\n", "      x-task-status:\n"):
        copy.replace(VIDEO, place, f"    {envelope}{place}")

    [problem] = rules.check_spec(copy.load())

    assert problem.message == "every operation of videos/acme.yaml has this `x-success`"
    assert problem.line == copy.line(VIDEO, "      x-success")
    assert "x-defaults" in problem.fix


@pytest.mark.parametrize(
    "text",
    [
        "The IP address of the caller.",
        "An e-mail address.",
        "The field `reply` of the vendor.",
        "The answer of the model.",
        "The API key.",
        "Color of the border.",
    ],
)
def test_words_that_are_right_where_they_stand(text: str, copy: Copy) -> None:
    copy.replace(CHAT, "description: URL or data URL.", f"description: '{text}'")

    assert rules.check_spec(copy.load()) == []


@pytest.mark.parametrize(
    "text",
    [
        "The address of the caller.",
        "Addresses of images.",
        "The key.",
        "Its colour.",
        "Look at it.",
    ],
)
def test_words_that_are_refused_say_what_to_write(text: str, copy: Copy) -> None:
    copy.replace(CHAT, "description: URL or data URL.", f"description: '{text}'")

    problems = rules.check_spec(copy.load())

    assert [problem.fix.startswith("write: ") for problem in problems] == [True]


def test_a_summary_that_names_another_vendor_is_a_problem(copy: Copy) -> None:
    copy.append("vendors.yaml", "other:\n  name: Other\n  homes: {audio: [/other]}\n")
    copy.append("audio/other.yaml", "paths: {}\n")
    copy.replace("audio/acme.yaml", "Transcribe audio", "Transcribe audio (other, new)")
    copy.replace("videos/acme.yaml", "Create a text-to-video task", "Create a task (Acme)")
    found = [str(one) for one in rules.check_spec(copy.load()) if "another vendor" in one.message]
    assert len(found) == 1
    assert "the summary of acme_transcribe names another vendor, other" in found[0]
