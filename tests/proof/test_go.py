"""A Go team takes the published document: a client of all operations by oapi-codegen, vetted, and a
program that runs against the mock.
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

MODULE = Path(__file__).parent / "go"


@pytest.fixture(scope="module")
def module(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the module with the generated package."""
    folder = shutil.copytree(MODULE, tmp_path_factory.mktemp("go") / "proof")
    (folder / "api302").mkdir()
    run(
        "go",
        "tool",
        "oapi-codegen",
        "-config",
        "oapi-codegen.yaml",
        publication / "openapi-3.0.yaml",
        cwd=folder,
    )
    return folder


def test_it_compiles_and_vets(module: Path) -> None:
    run("go", "build", "-trimpath", "./...", cwd=module)
    run("go", "vet", "-trimpath", "./...", cwd=module)


def test_every_operation_has_a_method_and_every_example_fits(
    module: Path, publication: Path
) -> None:
    published = json.loads((publication / "openapi-3.0.json").read_text("utf-8"))
    document = module / "examples.json"
    document.write_text(json.dumps(with_new_examples(published)), "utf-8")
    told = run("go", "test", "-trimpath", "-v", "./examples", "-document", document, cwd=module)
    counted = re.search(r"(\d+) operations, (\d+) examples", told)
    assert counted
    assert int(counted[1]) == len(operations(published))
    assert int(counted[2]) > 1200


def test_the_sample_program_against_the_mock(module: Path, mock_url: str) -> None:
    check_sample(run("go", "run", "-trimpath", "./sample", mock_url, cwd=module), mock_url)


def test_the_sample_program_loses_nothing_by_new_words(module: Path, new_words: str) -> None:
    told = run("go", "run", "-trimpath", "./sample", new_words, cwd=module)
    check_sample(told, new_words, NEW_STATES)


def test_f16_an_unknown_state_is_polled_with_pauses(
    module: Path, mock: api302_mock.MockServer
) -> None:
    check_pauses(mock, "go", "run", "-trimpath", "./sample", cwd=module)


def test_the_rules_hold_the_conformance_suite(
    module: Path, publication: Path, tmp_path: Path
) -> None:
    command = ("go", "test", "-trimpath", "-v", "./conformance", "-cases")
    told = run(*command, publication / "conformance", cwd=module)
    counted = re.search(r"(\d+) cases", told)
    assert counted
    check_conformance(int(counted[1]), re.findall(r"--- FAIL: (.+)", told))
    told = run(*command, broken_suite(tmp_path), cwd=module, fails=True)
    assert "--- FAIL: TestConformance/submit:_the_id_in_an_envelope" in told
