"""A Java team takes the published document: a client of all operations by openapi-generator, and a
program that runs against the mock.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import api302_mock
from generator.join import operations
from proof.tools import NEW_STATES, check_pauses, check_sample, run, with_new_examples

pytestmark = pytest.mark.proof

PROJECT = Path(__file__).parent / "java"


@pytest.fixture(scope="module")
def project(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the generated client, all of it compiled."""
    folder = shutil.copytree(
        PROJECT,
        tmp_path_factory.mktemp("java") / "project",
        ignore=shutil.ignore_patterns("target"),
    )
    run(
        "mvn",
        "-q",
        "-B",
        "-ntp",
        "compile",
        f"-Ddocument={publication / 'openapi-3.0.json'}",
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def document(publication: Path) -> Any:
    return json.loads((publication / "openapi-3.0.json").read_text("utf-8"))


def java(project: Path, program: str, *arguments: str | Path) -> str:
    """What a program of the project prints."""
    return run(*command(program), *arguments, cwd=project)


def command(program: str) -> list[str]:
    """What starts a program of the project."""
    return ["java", "-cp", f"target/classes{os.pathsep}target/lib/*", f"sample.{program}"]


@pytest.fixture(scope="module")
def methods(project: Path) -> dict[str, list[str]]:
    """The generated methods, and the unions that each takes."""
    return {name: unions for name, *unions in map(str.split, java(project, "Methods").splitlines())}


def test_every_operation_has_a_method(methods: dict[str, list[str]], document: Any) -> None:
    names = {
        re.sub(r"_(.)", lambda word: word[1].upper(), operation["operationId"])
        for _, _, operation in operations(document)
    }
    assert len(names) > 500
    # A call that takes or gives several media types has a method for each:
    # klingTextToVideoV16Hq5sWithJson, openaiEditImageAsEventStream.
    media = re.compile(r"(With(Json|FormData))?(As[A-Z][A-Za-z0-9]*)?$")
    assert {method if method in names else media.sub("", method) for method in methods} == names


def test_a_union_is_sent_as_json_alone(methods: dict[str, list[str]], document: Any) -> None:
    bodies = [
        operation.get("requestBody", {}).get("content", {})
        for _, _, operation in operations(document)
    ]
    json_bodies = {
        content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        for content in bodies
    }
    others = {union for unions in methods.values() for union in unions} - json_bodies
    assert not others, (
        "in a form or an address the generator sends a class's name for these; map them to "
        "String under schemaMappings in pom.xml"
    )


def test_the_sample_program_against_the_mock(project: Path, mock_url: str) -> None:
    check_sample(java(project, "Sample", mock_url), mock_url)


def test_the_sample_program_loses_nothing_by_new_words(project: Path, new_words: str) -> None:
    check_sample(java(project, "Sample", new_words), new_words, NEW_STATES)


def test_f16_an_unknown_state_is_polled_with_pauses(
    project: Path, mock: api302_mock.MockServer
) -> None:
    check_pauses(mock, *command("Sample"), cwd=project)


def replies(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The operation, the schema and the value of each example of a JSON response, and new words."""
    for _, _, operation in operations(with_new_examples(document)):
        for code, reply in operation["responses"].items():
            media = reply.get("content", {}).get("application/json", {})
            schema = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if code.startswith("2") and schema:
                yield from (
                    (operation["operationId"], schema, example["value"])
                    for example in media.get("examples", {}).values()
                )


def losses(sent: Any, read: Any, place: str = "") -> Iterator[str]:
    """Where a reply and what a generated class made of it differ.

    None is absent; a union of text and number may give a number as text.
    """
    if isinstance(sent, dict) and isinstance(read, dict):
        for key in {**sent, **read}:
            yield from losses(sent.get(key), read.get(key), f"{place}/{key}")
    elif isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for number, (one, other) in enumerate(zip(sent, read, strict=True)):
            yield from losses(one, other, f"{place}/{number}")
    elif sent != read and str(sent) != read and (sent or None) != read:
        yield f"{place}: {sent!r:.80} became {read!r:.80}"


def test_the_classes_read_the_replies(project: Path, document: Any) -> None:
    classes = {
        path.stem for path in (project / "target/classes/api302/model").iterdir()
    }  # no object without described fields: it is a Map
    examples = [example for example in replies(document) if example[1] in classes]
    (project / "examples.json").write_text(
        json.dumps([{"type": schema, "value": value} for _, schema, value in examples]), "utf-8"
    )
    read = json.loads(java(project, "Examples", project / "examples.json"))
    lost = [
        f"{name} {loss}"
        for (name, _, value), one in zip(examples, read, strict=True)
        for loss in losses(value, one)
    ]
    assert len(examples) > 600
    assert lost == [], (
        "a class drops what is not described, and of a union of objects the first class reads "
        "every reply"
    )
