"""A TypeScript team takes the published document: types by openapi-typescript, a client under `tsc
--strict` that runs against the mock.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import api302_mock
from generator.join import operations
from proof.tools import (
    NEW_STATES,
    broken_suite,
    check_conformance,
    check_pauses,
    check_sample,
    run,
    with_new_examples,
)

pytestmark = pytest.mark.proof

PROJECT = Path(__file__).parent / "typescript"


@pytest.fixture(scope="module")
def project(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with its packages, the generated types, and every example of the
    document as typed code.
    """
    folder = shutil.copytree(
        PROJECT,
        tmp_path_factory.mktemp("typescript") / "project",
        ignore=shutil.ignore_patterns("node_modules"),
    )
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", cwd=folder)
    run("node", "generate.mjs", publication / "openapi-3.1.yaml", "src/api302.d.ts", cwd=folder)
    (folder / "src/examples.ts").write_text(
        typed_examples(publication / "openapi-3.1.json"), "utf-8"
    )
    return folder


def typed_examples(document: Path) -> str:
    """TypeScript that compiles if the types take every JSON example, and new words in responses."""
    lines = ['import type { operations } from "./api302.js";']
    published = json.loads(document.read_text("utf-8"))
    for _, _, operation in operations(with_new_examples(published)):
        bodies = {'["requestBody"]': operation.get("requestBody", {})}
        bodies |= {
            f'["responses"][{code}]': reply
            for code, reply in operation["responses"].items()
            if code.startswith("2")
        }
        for place, body in bodies.items():
            for example in (
                body.get("content", {}).get("application/json", {}).get("examples", {}).values()
            ):
                kind = (
                    f""
                    f'NonNullable<operations["{operation["operationId"]}"]{place}>["content"]["application/json"]'
                )
                lines.append(
                    f"export const example{len(lines)}: {kind} = {json.dumps(example['value'])};"
                )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def mistakes(project: Path) -> list[str]:
    """What the compiler says of the types, the sample client, what must not compile (wrong.ts), and
    all examples.
    """
    assert (project / "src/examples.ts").read_text("utf-8").count("\n") > 1200
    return run(
        project / "node_modules/.bin/tsc", "--pretty", "false", cwd=project, fails=True
    ).splitlines()


def test_it_compiles(mistakes: list[str]) -> None:
    assert [line for line in mistakes if "error" in line] == []


@pytest.mark.usefixtures("mistakes")
def test_the_sample_client_against_the_mock(project: Path, mock_url: str) -> None:
    check_sample(run("node", "built/sample.js", mock_url, cwd=project), mock_url)


@pytest.mark.usefixtures("mistakes")
def test_the_sample_client_loses_nothing_by_new_words(project: Path, new_words: str) -> None:
    check_sample(run("node", "built/sample.js", new_words, cwd=project), new_words, NEW_STATES)


@pytest.mark.usefixtures("mistakes")
def test_f16_an_unknown_state_is_polled_with_pauses(
    project: Path, mock: api302_mock.MockServer
) -> None:
    check_pauses(mock, "node", "built/sample.js", cwd=project)


@pytest.mark.usefixtures("mistakes")
def test_the_rules_hold_the_conformance_suite(
    project: Path, publication: Path, tmp_path: Path
) -> None:
    suite = publication / "conformance"
    told = json.loads(run("node", "built/conformance.js", suite, cwd=project))
    check_conformance(told["count"], told["failed"])
    broken = broken_suite(tmp_path)
    told = json.loads(run("node", "built/conformance.js", broken, cwd=project))
    assert told["failed"] == ["submit: the id in an envelope"]


def test_every_operation_is_typed(project: Path, publication: Path) -> None:
    document = json.loads((publication / "openapi-3.1.json").read_text("utf-8"))
    types = (project / "src/api302.d.ts").read_text("utf-8")
    typed = re.findall(
        r"^    (\w+): \{$", types.partition("export interface operations {")[2], re.MULTILINE
    )
    assert sorted(typed) == sorted(
        operation["operationId"] for _, _, operation in operations(document)
    )


def test_the_document_in_3_2_gives_the_same_types(project: Path, publication: Path) -> None:
    """It is taken too.

    Only 3.2 has defaults, which openapi-typescript puts into comments, and the query parameters
    that have the name of a field of the body.
    """
    run("node", "generate.mjs", publication / "openapi-3.2.yaml", "newest.d.ts", cwd=project)
    newest = (project / "newest.d.ts").read_text("utf-8")
    assert '"text/event-stream": unknown;' in newest
    assert without_comments(newest) == without_comments(
        (project / "src/api302.d.ts").read_text("utf-8")
    )


def without_comments(types: str) -> str:
    """The types without comments and without query parameters."""
    bare = re.sub(r"\s*/\*\*.*?\*/", "", types, flags=re.DOTALL)
    return re.sub(r"\bquery\??: (?:never|\{[^{}]*\});", "query", bare)
