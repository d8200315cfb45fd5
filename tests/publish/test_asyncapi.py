"""The AsyncAPI document of the publication: what it says of itself, and that it is read first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator import build, realtime
from generator.publish import asyncapi
from generator.source import Spec

ROOT = Path(__file__).parents[2]
MINI = ROOT / "tests/fixtures/mini_spec"
INSTALLS = """
mkdir -p node_modules/@asyncapi/parser
echo '{}' > node_modules/@asyncapi/parser/package.json
"""


@pytest.fixture
def document() -> Any:
    return realtime.join(Spec.load(MINI))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts shell scripts in the place of npm and node."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def are(node: str, npm: str = INSTALLS) -> None:
        for name, script in (("npm", npm), ("node", node)):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return are


@pytest.mark.parametrize("spec", [MINI, ROOT / "spec"], ids=["mini", "real"])
def test_the_document_is_whole(spec: Path) -> None:
    made = realtime.join(Spec.load(spec))
    root = Spec.load(spec).files["openapi.yaml"]
    assert made["info"]["version"] == root["info"]["version"]
    hosts = [server["host"] for server in made["servers"].values()]
    assert hosts == [server["url"].removeprefix("https://") for server in root["servers"]]
    assert {server["protocol"] for server in made["servers"].values()} == {"wss"}
    for channel in made["channels"].values():
        assert channel["messages"].keys() <= made["components"]["messages"].keys()
    used = {one for channel in made["channels"].values() for one in channel["messages"]}
    assert used == made["components"]["messages"].keys()


def test_it_is_written_with_a_stamp(document: Any, tools: Any, tmp_path: Path) -> None:
    tools("echo '[]'")
    asyncapi.write(document, tmp_path)
    written = json.loads((tmp_path / "asyncapi-3.0.json").read_text("utf-8"))
    assert written["info"]["x-evidence-date"] == "2026-11-21"
    assert written["info"]["x-content-hash"].startswith("sha256:")
    assert {**written, "info": document["info"]} == document
    assert (tmp_path / "asyncapi-3.0.yaml").read_text("utf-8").startswith("asyncapi: 3.0.0\n")


def test_nothing_is_written_without_a_document(tmp_path: Path) -> None:
    asyncapi.write({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ('echo \'[{"place": "operations/x", "message": "is wrong"}]\'', "#/operations/x: is wrong"),
        ("echo broken >&2; exit 1", "parser failed: broken"),
    ],
)
def test_what_the_parser_refuses_is_not_published(
    document: Any, tools: Any, tmp_path: Path, node: str, said: str
) -> None:
    tools(node)
    with pytest.raises(build.BuildError, match=said):
        asyncapi.write(document, tmp_path)
    assert not list(tmp_path.glob("asyncapi*"))


def test_without_npm_one_sentence_says_so(
    document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build.ToolMissing, match="the AsyncAPI document needs npm"):
        asyncapi.write(document, tmp_path)


def test_a_part_has_the_channels_of_its_tags(document: Any) -> None:
    assert asyncapi.of_tags(document, []) == document
    for chosen in (["audio.acme"], ["audio"], ["videos", "audio"]):
        part = asyncapi.of_tags(document, chosen)
        assert list(part["channels"]) == ["acme_talk"]
        assert part["operations"] == document["operations"]
    assert asyncapi.of_tags(document, ["videos.acme"]) == {}
