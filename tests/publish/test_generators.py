"""The configuration files for generators: those of the table are there, and each names documents
that exist.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generator.join import join
from generator.publish import generators
from generator.publish.parts import known_tags
from generator.source import Spec

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = re.compile(r"(?:\.\./)*(?:openapi-[\d.]+\.(?:json|yaml)|by-tag/[\w.]+\.json)")
"""A document as a command, a configuration file or the table names it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as a publication has it."""
    publication = tmp_path_factory.mktemp("publication")
    generators.write(publication)
    return publication / generators.FOLDER


@pytest.fixture(scope="module")
def documents() -> set[str]:
    """The documents of a publication."""
    names = {f"openapi-{version}.{end}" for version in ("3.0", "3.1", "3.2") for end in END}
    return names | {f"by-tag/{tag}.json" for tag in known_tags(join(Spec.load(ROOT / "spec")))}


END = ("json", "yaml")


def rows(folder: Path) -> list[list[str]]:
    """The rows of the table: tool, folder, document, command, limits."""
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    table = [line for line in lines if line.startswith("| ")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("| ").split(" | ")] for line in table]


def test_the_table_has_a_row_for_each_tool(folder: Path) -> None:
    named = {row[1] for row in rows(folder)}
    assert named == {path.name for path in folder.iterdir() if path.is_dir()}
    assert len(named) >= 10
    configured = {path.name for path in (folder / "openapi-generator").glob("*.yaml")}
    commands = " ".join(row[3] for row in rows(folder))
    assert configured == {name for name in configured if f"-c {name}" in commands} != set()


def test_each_row_names_its_document_and_files_that_are_there(
    folder: Path, documents: set[str]
) -> None:
    for tool, name, document, command, limits in rows(folder):
        assert document in documents, tool
        assert re.search(r"\d+\.\d+\.\d+", tool)
        assert limits
        files = re.findall(r"[\w-]+\.(?:yaml|mjs|txt|py|jq)\b", DOCUMENT.sub("", command))
        missing = [file for file in files if not (folder / name / file).is_file()]
        assert missing == [], tool


def test_each_file_names_documents_that_exist(folder: Path, documents: set[str]) -> None:
    named = set()
    for file in folder.rglob("*"):
        if file.is_dir() or file.name in ("README.md", "package-lock.json"):
            continue
        for found in DOCUMENT.findall(file.read_text("utf-8")):
            path = found.removeprefix("../../") if "/../" in found else found
            assert path in documents, (file.name, found)
            named.add(file.parent.name)
    assert named >= {"hey-api", "orval", "openapi-generator", "datamodel-code-generator", "ogen"}


def test_what_a_tool_pins_is_what_the_table_says(folder: Path) -> None:
    for tool, name, _, command, _ in rows(folder):
        version = re.findall(r"\d+\.\d+\.\d+", tool)[0]
        texts = [path.read_text("utf-8") for path in (folder / name).iterdir() if path.is_file()]
        assert any(version in text for text in [command, *texts]), tool


def test_no_file_names_a_registry(folder: Path) -> None:
    texts = [path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()]
    assert [text for text in texts if "://registry." in text or '"resolved"' in text] == []
