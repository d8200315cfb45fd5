"""The publication as a whole: valid, stamped, the same every time, and all or nothing."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator import build
from generator.__main__ import main
from generator.document import Document
from generator.emit.methods import Methods
from generator.join import join
from generator.publish import distribution, publication
from generator.publish.parts import known_tags
from generator.publish.versions.losses import Loss, loss_report
from generator.publish.yaml_text import as_yaml
from generator.source import Spec

ROOT = Path(__file__).resolve().parents[2]
MINI = Path(__file__).resolve().parents[1] / "fixtures" / "mini_spec"
GUIDES = ROOT / "docs/guides"
GENERATORS = ROOT / "generator" / "publish" / "generators"
CONFORMANCE = ROOT / "tests/conformance"
DOCUMENTS = [f"openapi-{version}" for version in ("3.0", "3.1", "3.2")]


@pytest.fixture(autouse=True)
def no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference site is built with Node, which these tests do without; tests/proof has the real
    one.
    """
    monkeypatch.setattr(
        publication.site,
        "build",
        lambda methods, document, out: (out / "index.html").write_text(document["openapi"]),
    )
    monkeypatch.setattr(publication.asyncapi, "validate", lambda document: None)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "dist" / "openapi"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def guides() -> set[str]:
    """The pages of guides: one for each text, a first page of each language, and the recipes."""
    texts = {path.relative_to(GUIDES) for path in GUIDES.rglob("*.md")}
    pages = {path.with_suffix(".html").as_posix() for path in texts}
    recipes = {path.relative_to(GUIDES).as_posix() for path in GUIDES.glob("recipes/*.py")}
    return pages | recipes | {"index.html", "zh/index.html"}


def configurations() -> set[str]:
    """The files for generators: those that stand beside each other, and those of the proofs."""
    git = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=GENERATORS,
        capture_output=True,
        text=True,
        check=True,
    )
    own = {name for name in git.stdout.splitlines() if name != "__init__.py"}
    return own | {
        "oapi-codegen/go.mod",
        "oapi-codegen/go.sum",
        "oapi-codegen/oapi-codegen.yaml",
        "openapi-generator-java/pom.xml",
        "openapi-typescript/.npmrc",
        "openapi-typescript/generate.mjs",
        "openapi-typescript/package-lock.json",
        "openapi-typescript/package.json",
    }


def test_everything_is_there_and_the_same_every_time(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", "--spec", str(MINI), "--out", str(out)]) == 0
    names = {
        "arazzo.json",
        "asyncapi-3.0.json",
        "asyncapi-3.0.yaml",
        "extensions.schema.json",
        "index.html",
        "llms.txt",
        "losses.md",
        "models.html",
        "models.json",
        "models.schema.json",
        "LICENSE",
        "CHANGELOG.md",
        "SHA256SUMS",
        "try.html",
        "api302-openapi-0.1.0.zip",
        *(f"{name}.{end}" for name in DOCUMENTS for end in ("json", "yaml")),
        *(f"conformance/{file.name}" for file in CONFORMANCE.glob("*.json")),
        "conformance/README.md",
        *(f"llms/{tag}.md" for tag in known_tags(join(Spec.load(MINI))) if "." in tag),
        *(f"by-tag/{tag}.json" for tag in known_tags(join(Spec.load(MINI)))),
        *(f"guides/{name}" for name in guides()),
        *(f"generators/{name}" for name in configurations()),
    }
    assert set(contents(out)) == names
    assert all(name in capsys.readouterr().out for name in ("index.html",))
    publication.publish(MINI, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(out)
    publication.publish(MINI, out)  # a publication is replaced
    assert contents(tmp_path / "again") == contents(out)


def test_the_stamp(out: Path, tmp_path: Path) -> None:
    publication.publish(MINI, out)
    build.build(MINI, tmp_path / "generated")
    digest = hashlib.sha256((tmp_path / "generated" / "openapi.json").read_bytes()).hexdigest()
    for name in DOCUMENTS:
        info = json.loads((out / f"{name}.json").read_text("utf-8"))["info"]
        assert info["x-content-hash"] == f"sha256:{digest}"
        assert info["x-evidence-date"] == "2026-11-21"
        assert info["version"] == "0.1.0"


def test_what_goes_with_the_documents(out: Path) -> None:
    publication.publish(MINI, out)
    files = contents(out)
    sums = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}
    assert files["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(out / "api302-openapi-0.1.0.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    own = {f"api302-openapi-0.1.0/{name}": text for name, text in files.items()}
    assert inside == {name: own[name] for name in inside}
    names = {name.rpartition("/")[2] for name in inside}
    assert {"openapi-3.0.yaml", "openapi-3.2.json", "LICENSE", "CHANGELOG.md"} <= names


def test_a_document_says_what_it_is(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is, under which license, and, once the repository is known, where bugs are told."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr(distribution, "PROJECT", project)
    for setting, contact in (
        ("", {"name": "A"}),
        ('[tool.api302]\nrepository = ""\n', {"name": "A"}),
        (
            '[tool.api302]\nrepository = "https://example.test/a/"\n',
            {"name": "A", "url": "https://example.test/a/issues"},
        ),
    ):
        (project / "pyproject.toml").write_text(setting)
        documents, _ = versions(with_contact(join(Spec.load(MINI))))
        assert all(document["info"]["contact"] == contact for document in documents.values())
    assert documents["3.2"]["$self"] == documents["3.1"]["x-$self"] == "openapi-3.2.json"
    assert documents["3.2"]["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    license_ = documents["3.0"]["info"]["license"]
    assert license_["url"] == "https://spdx.org/licenses/MIT.html"


def versions(document: dict[str, Any]) -> tuple[dict[str, Any], list[Loss]]:
    return publication.versions(document, Methods.of_document(Document(document)))


def with_contact(document: dict[str, Any]) -> dict[str, Any]:
    info = {"license": {"name": "MIT", "identifier": "MIT"}, "contact": {"name": "A"}}
    return {**document, "info": {**document["info"], **info}}


def test_the_title_makes_a_package_that_can_be_imported() -> None:
    """Generators make a package's name of it, which must not begin with a digit."""
    for document in versions(join(Spec.load(ROOT / "spec")))[0].values():
        assert re.match("[A-Za-z]", document["info"]["title"])
        assert document["externalDocs"]["url"] == "https://doc.302.ai"


def test_yaml_says_what_json_says_to_every_reader(out: Path) -> None:
    publication.publish(MINI, out)
    for name in DOCUMENTS:
        wanted = json.loads((out / f"{name}.json").read_text("utf-8"))
        text = (out / f"{name}.yaml").read_text("utf-8")
        assert yaml.safe_load(text) == wanted, "as YAML 1.1"
        assert strict(out, name) == wanted, (
            "as our reader, which refuses what 1.1 and 1.2 read differently"
        )


def strict(folder: Path, name: str) -> Any:
    (folder / "strict").mkdir()
    shutil.copyfile(folder / f"{name}.yaml", folder / "strict" / "openapi.yaml")
    (folder / "strict" / "vendors.yaml").write_text("{}")
    spec = Spec.load(folder / "strict")
    shutil.rmtree(folder / "strict")
    assert spec.problems == []
    return spec.files["openapi.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "y",
        "N",
        "Off",
        "1e3",
        "010",
        "0x1F",
        "1_000",
        "2026-11-21",
        "16:9",
        "~",
        "",
        "<<",
        "null",
        ".5",
        "+1",
        "a: b",
        "- x",
        "#",
        "é\n\tb\n",
        "x  ",
    ],
)
def test_text_stays_text(text: str, out: Path) -> None:
    out.mkdir(parents=True)
    (out / "openapi-x.yaml").write_text(as_yaml({"a": text, "b": {text: 1}}), encoding="utf-8")
    assert (
        strict(out, "openapi-x")
        == yaml.safe_load((out / "openapi-x.yaml").read_text("utf-8"))
        == {"a": text, "b": {text: 1}}
    )


@pytest.mark.parametrize("version", ["3.2", "3.1", "3.0"])
def test_a_document_that_is_not_valid_is_not_published(
    version: str, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publication.publish(MINI, out)
    before = contents(out)
    real = publication.versions

    def broken(*given: Any) -> tuple[dict[str, Any], list[Loss]]:
        documents, losses = real(*given)
        (item,) = [
            item for path, item in documents[version]["paths"].items() if path == "/acme/v1/videos"
        ]
        item["post"] = {**item["post"], "summary": 5}
        return documents, losses

    monkeypatch.setattr(publication, "versions", broken)
    assert main(["publish", "--spec", str(MINI), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert f"the OpenAPI {version} document is not valid" in said
    assert "#/paths/~1acme~1v1~1videos/post" in said
    assert contents(out) == before


def test_what_cannot_be_called_in_python_is_told_with_file_and_line(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec"
    shutil.copytree(MINI, spec)
    file = spec / "videos/acme.yaml"
    file.write_text(
        file.read_text("utf-8").replace(
            "        duration:", "        a-b: {}\n        a_b: {}\n        duration:", 1
        ),
        "utf-8",
    )
    assert main(["publish", "--spec", str(spec), "--out", str(out)]) == 1
    assert (
        f"{spec}/videos/acme.yaml:5: acme_text_to_video: the body field `a_b` and `a-b` both become"
        in capsys.readouterr().err
    )
    assert not list(out.parent.iterdir())


def test_a_failure_on_the_way_leaves_nothing(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(methods: Methods, document: dict[str, Any], folder: Path) -> None:
        raise build.BuildError("Node is not installed")

    monkeypatch.setattr(publication.site, "build", fail)
    assert main(["publish", "--spec", str(MINI), "--out", str(out)]) == 1
    assert "Node is not installed" in capsys.readouterr().err
    assert not list(out.parent.iterdir())


def test_a_folder_of_something_else_is_left_alone(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir(parents=True)
    (out / "thesis.txt").write_text("years of work")
    assert main(["publish", "--spec", str(MINI), "--out", str(out)]) == 1
    assert "give an empty folder" in capsys.readouterr().err
    assert (out / "thesis.txt").read_text() == "years of work"


def test_what_cannot_be_written_is_said(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out.parent.parent.mkdir(exist_ok=True)
    out.parent.write_text("a file where a folder should be")
    assert main(["publish", "--spec", str(MINI), "--out", str(out)]) == 1
    assert f"nothing can be written into {out.parent}: " in capsys.readouterr().err


def test_losses_are_listed_by_what_and_where() -> None:
    report = loss_report(
        [
            Loss("3.1", "tag.parent", "x-parent", "#/tags/1"),
            Loss("3.1", "tag.parent", "x-parent", "#/tags/2"),
        ]
    )
    assert "## 3.1: `tag.parent` is `x-parent` (2)\n\n- `#/tags/1`\n- `#/tags/2`\n" in report
