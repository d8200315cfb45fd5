"""`make release`: what it hands out, and when it refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from scripts import lock, release, sbom

VERSION = release.tomllib.loads(lock.PROJECT.read_text("utf-8"))["project"]["version"]
CHANGELOG = f"""# Changelog

## [Unreleased]

## [{VERSION}] - 2026-12-01

### Added

- A thing.

## [0.0.1] - 2026-01-01

- An older thing.

[0.0.1]: https://example.test/0.0.1
"""
# What CycloneDX 1.6 asks of the parts that we write.
REFERENCE = {"type": "string", "pattern": "^pkg:pypi/[a-z0-9][a-z0-9-]*@[A-Za-z0-9.!+-]+$"}
LICENSES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "oneOf": [
            {"required": ["expression"], "properties": {"expression": {"type": "string"}}},
            {
                "required": ["license"],
                "properties": {"license": {"type": "object", "required": ["name"]}},
            },
        ]
    },
}
COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "framework", "library"]},
        "bom-ref": REFERENCE,
        "name": {"type": "string", "minLength": 1},
        "version": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "scope": {"enum": ["required", "optional", "excluded"]},
        "purl": REFERENCE,
        "licenses": LICENSES,
        "properties": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            },
        },
    },
}
BILL = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "version", "serialNumber"],
    "additionalProperties": False,
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "version": {"type": "integer", "minimum": 1},
        "serialNumber": {"type": "string", "pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "timestamp": {"type": "string", "format": "date-time"},
                "component": COMPONENT,
            },
        },
        "components": {"type": "array", "uniqueItems": True, "items": COMPONENT},
        "dependencies": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["ref"],
                "additionalProperties": False,
                "properties": {
                    "ref": REFERENCE,
                    "dependsOn": {"type": "array", "uniqueItems": True, "items": REFERENCE},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.of_project("2026-12-01")


def test_the_bill_of_materials_is_what_its_schema_asks(bill: dict[str, Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(BILL, validate_formats=True)
    assert [error.message for error in validator.iter_errors(bill)] == []
    assert sbom.of_project("2026-12-01") == bill
    assert sbom.of_project("2026-12-02")["serialNumber"] != bill["serialNumber"]


def test_the_bill_has_what_a_user_installs_and_no_more(bill: dict[str, Any]) -> None:
    parts = {one["name"]: one for one in bill["components"]}
    required = {name for name, one in parts.items() if one["scope"] == "required"}
    assert {"anyio", "attrs", "click", "httpx2", "jmespath", "puremagic", "idna"} <= required
    assert {"starlette", "aiohttp", "rich", "websockets"} <= parts.keys() - required
    assert not {"pytest", "ruff", "basedpyright", "hatchling", "openai"} & parts.keys()
    assert {"name": "api302:extra", "value": "mock"} in parts["starlette"]["properties"]
    assert all(one.get("licenses") for one in parts.values())
    locked = release.sbom.pinned(lock.LOCK.read_text("utf-8"))
    assert all(one["version"] == str(locked[name]) for name, one in parts.items())


def test_the_graph_of_the_bill_is_closed_and_reaches_all(bill: dict[str, Any]) -> None:
    graph = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    own = bill["metadata"]["component"]["bom-ref"]
    assert graph.keys() == {own, *(one["bom-ref"] for one in bill["components"])}
    reached, waiting = set[str](), [own]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += graph[reference]
    assert reached == graph.keys()


def test_a_package_that_is_not_locked_or_not_there() -> None:
    project = {"dependencies": ["anyio>=4"], "optional-dependencies": {}, "name": "x"}
    with pytest.raises(SystemExit, match=r"not in requirements\.lock: anyio, idna"):
        sbom.sbom(project, {"typing-extensions": "1"}, "2026-12-01")
    with pytest.raises(SystemExit, match="no-such-package is not installed"):
        sbom.sbom({**project, "dependencies": ["no-such-package"]}, {}, "2026-12-01")


def publication(folder: Path, version: str = VERSION, digest: str = "") -> Path:
    """A publication as `make publish` leaves it, as far as a release looks at it."""
    folder.mkdir()
    joined = (lock.ROOT / "generated" / "openapi.json").read_bytes()
    digest = digest or hashlib.sha256(joined).hexdigest()
    document = {"info": {"version": version, "x-content-hash": f"sha256:{digest}"}}
    (folder / "openapi-3.2.json").write_text(json.dumps(document), "utf-8")
    with zipfile.ZipFile(folder / f"api302-openapi-{version}.zip", "w") as archive:
        archive.write(folder / "openapi-3.2.json", "openapi-3.2.json")
    return folder


def test_a_release_has_everything_with_checksums(tmp_path: Path) -> None:
    out = tmp_path / "release"
    out.mkdir()
    (out / "of-before.txt").write_text("old", "utf-8")
    (out / "SHA256SUMS").write_text("old", "utf-8")
    files = release.release(out, publication(tmp_path / "openapi"), CHANGELOG, VERSION)
    assert [file.name for file in files] == sorted(
        [
            f"api302-{VERSION}-py3-none-any.whl",
            f"api302-{VERSION}.tar.gz",
            f"api302-{VERSION}.cdx.json",
            f"api302-openapi-{VERSION}.zip",
            f"CHANGES-{VERSION}.md",
            "LICENSE",
            "SHA256SUMS",
        ]
    )
    lines = (out / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert sums.keys() == {file.name for file in files} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert (out / f"CHANGES-{VERSION}.md").read_text("utf-8") == "### Added\n\n- A thing.\n"
    with tarfile.open(out / f"api302-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"spec/openapi.yaml", "spec/digests/p097.json", "CHANGELOG.md"} <= names


@pytest.mark.parametrize(
    ("changelog", "message"),
    [
        ("# Changelog\n", r"has no heading `## \[.*\] - DAY`"),
        (CHANGELOG.replace("### Added\n\n- A thing.\n", ""), "says nothing of"),
    ],
)
def test_a_version_without_its_changes_is_refused(
    tmp_path: Path, changelog: str, message: str
) -> None:
    with pytest.raises(release.NotReady, match=message):
        release.release(tmp_path / "out", publication(tmp_path / "openapi"), changelog, VERSION)
    assert not (tmp_path / "out").exists()


def test_a_publication_of_something_else_is_refused(tmp_path: Path) -> None:
    older = publication(tmp_path / "older", "0.0.1")
    with pytest.raises(release.NotReady, match=r"there is api302-openapi-0\.0\.1\.zip; run"):
        release.documents(older, VERSION)
    with pytest.raises(release.NotReady, match="it is not there; run `make publish`"):
        release.documents(tmp_path, VERSION)
    other = publication(tmp_path / "other", digest="0" * 64)
    with pytest.raises(release.NotReady, match="made of another generated/"):
        release.documents(other, VERSION)


def test_fault_18_a_folder_of_other_things_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "packages", lambda into: None)
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(release.NotReady, match=r"has no SHA256SUMS.* is left alone"):
        release.release(out, publication(tmp_path / "openapi"), CHANGELOG, VERSION)
    assert (out / "thesis.txt").read_text("utf-8") == "years of work"


def test_fault_18_an_interrupted_release_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(into: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "packages", interrupted)
    out = tmp_path / "release"
    out.mkdir()
    (out / "SHA256SUMS").write_text("old", "utf-8")
    with pytest.raises(KeyboardInterrupt):
        release.release(out, publication(tmp_path / "openapi"), CHANGELOG, VERSION)
    assert (out / "SHA256SUMS").read_text("utf-8") == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["openapi", "release"]


def test_fault_20_what_is_not_committed_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archives take whole folders: a recording that lies there would be published."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.test"]
    assert release.uncommitted(tmp_path / "nowhere") == []
    subprocess.run([*git, "init", "--quiet"], check=True)
    (tmp_path / "kept.txt").write_text("1", "utf-8")
    subprocess.run([*git, "add", "kept.txt"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "one"], check=True)
    assert release.uncommitted(tmp_path) == []
    (tmp_path / "kept.txt").write_text("2", "utf-8")
    (tmp_path / "tests" / "recorded").mkdir(parents=True)
    (tmp_path / "tests" / "recorded" / "0001.json").write_text("{}", "utf-8")
    assert release.uncommitted(tmp_path) == [" M kept.txt", "?? tests/recorded/0001.json"]

    monkeypatch.setattr(release, "uncommitted", lambda root: ["?? tests/recorded/0001.json"])
    out = tmp_path / "out"
    assert release.main(["--out", str(out)]) == 1
    assert "tests/recorded/0001.json" in capsys.readouterr().err
    assert not out.exists()
