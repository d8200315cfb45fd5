"""What stands around the code: workflows, templates, records, and the commands that they name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from hatch_build import urls

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_has_the_least_rights_and_pinned_actions(file: Path) -> None:
    text = file.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        puts_files_beside_a_tag = (file.stem, name) == ("release", "assets")
        assert job["permissions"]["contents"] == ("write" if puts_files_beside_a_tag else "read")
        # A token is had where no code of the project runs.
        runs_ours = any("make" in step.get("run", "").split() for step in job["steps"])
        assert not (runs_ours and "id-token" in job["permissions"])
        assert job["timeout-minutes"] <= 330
    uses = re.findall(r"uses: (.*)", text)
    pinned = re.compile(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert uses
    assert [action for action in uses if not pinned.fullmatch(action)] == []
    assert "persist-credentials: false" in text


def test_an_action_has_one_pin() -> None:
    uses = {
        action
        for file in WORKFLOWS
        for action in re.findall(r"uses: (.*)", file.read_text("utf-8"))
    }
    names = [action.partition("@")[0] for action in uses]
    assert len(names) == len(set(names)), sorted(uses)


def test_every_python_that_is_promised_is_tested() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    promised = {
        classifier.rpartition(" ")[2]
        for classifier in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", classifier)
    }
    assert set(matrix["python"]) == promised
    assert {one["system"].partition("-")[0] for one in matrix["include"]} == {"macos", "windows"}


@pytest.mark.parametrize(
    "name", [".ci/run", "CONTRIBUTING.md", "README.md", ".github/pull_request_template.md"]
)
def test_the_commands_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert named
    assert named <= TARGETS


def test_every_target_is_listed_with_what_it_does() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True
    )
    assert set(re.findall(r"^  make ([a-z-]+) +\S", done.stdout, re.M)) == TARGETS - {"help"} | {
        "help"
    }


def test_the_repository_is_one_setting() -> None:
    assert set(urls("")) == {"302.AI"}  # the provider's documentation is not ours
    known = urls("https://github.com/Owner/api302")
    assert known["Documentation"] == "https://owner.github.io/api302/"
    elsewhere = urls("https://git.example.com/owner/api302")
    assert elsewhere["Documentation"].endswith("/owner/api302/blob/main/docs/guides")
    known = urls("https://github.com/owner/api302")
    assert known["Issues"] == "https://github.com/owner/api302/issues"
    assert {"Repository", "Issues", "Changelog"} < known.keys()
    setting = PROJECT["tool"]["api302"]["repository"]
    assert setting == "" or re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", setting)


def test_records_are_numbered_short_and_listed() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text("utf-8")
    assert [int(file.name[:4]) for file in RECORDS] == list(range(1, len(RECORDS) + 1))
    for file in RECORDS:
        text = file.read_text("utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        assert f"- [{title}]({file.name})" in listed, file.name
        assert len(text.splitlines()) < 40
        assert all(f"**{part}.**" in text for part in ("Situation", "Decision", "Consequences"))


@pytest.mark.parametrize("name", ["SECURITY.md", "CONTRIBUTING.md", "docs/adr/README.md"])
def test_what_a_page_links_to_is_there(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
