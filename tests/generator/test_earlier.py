"""A build after an edit makes what the edit touches, and the result is what a full build makes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from broken import MINI, Copy

from generator import build
from generator.emit import earlier


def packaged(folder: Path) -> int:
    """How many files there are below packages: what is not written anew each time."""
    return sum(1 for name in contents(folder) if name.startswith("api302_"))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def add_an_argument(copy: Copy) -> None:
    old = "    AcmeVideoRequest:\n      type: object\n      required: [prompt]\n      properties:\n"
    copy.replace("videos/acme.yaml", old, f"{old}        seed: {{type: integer}}\n")


def rename_an_operation(copy: Copy) -> None:
    copy.replace("audio/acme.yaml", "operationId: acme_speech", "operationId: acme_speak")
    copy.replace("audio/pages.yaml", "acme_speech", "acme_speak")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a full build of the mini specification made, and its record."""
    folder = tmp_path_factory.mktemp("built")
    build.build(MINI, folder / "generated", folder / "record.json")
    return folder


@pytest.fixture
def record(built: Path, copy: Copy, tmp_path: Path) -> Path:
    """The record of a build of the copy into `generated`."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path / "record.json"


def rebuilt(copy: Copy, tmp_path: Path, record: Path, full: Path) -> int:
    """Build again, compare with a full build; returns how many files were made."""
    out = tmp_path / "generated"
    summary = build.build(copy.root, out, record)
    assert contents(out) == contents(full / "generated")
    count: int = summary.counts["import"]["files"]
    return count


@pytest.mark.parametrize("edit", [add_an_argument, rename_an_operation])
def test_an_edit_makes_what_it_touches(
    copy: Copy, tmp_path: Path, record: Path, edit: Callable[[Copy], None]
) -> None:
    edit(copy)
    everything = packaged(tmp_path / "generated")
    build.build(copy.root, tmp_path / "full/generated")
    assert 0 < rebuilt(copy, tmp_path, record, tmp_path / "full") < everything / 4


def test_without_an_edit_nothing_is_made(
    copy: Copy, tmp_path: Path, record: Path, built: Path
) -> None:
    assert rebuilt(copy, tmp_path, record, built) == 0


def test_what_somebody_changed_or_removed_is_made_again(
    copy: Copy, tmp_path: Path, record: Path, built: Path
) -> None:
    changed = tmp_path / "generated/api302_resources/videos/acme.py"
    changed.write_text(f"{changed.read_text('utf-8')}# mine\n", "utf-8")
    (tmp_path / "generated/api302_client/models/acme_task.py").unlink()
    (tmp_path / "generated/api302_client/stray.py").write_text("")
    assert rebuilt(copy, tmp_path, record, built) == 2


def test_another_generator_makes_everything(
    copy: Copy, tmp_path: Path, record: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier, "generator", lambda: "another")
    assert rebuilt(copy, tmp_path, record, built) == packaged(tmp_path / "generated")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"generator": 1}'])
def test_a_broken_record_is_no_record(
    copy: Copy, tmp_path: Path, record: Path, built: Path, text: str
) -> None:
    record.write_text(text, encoding="utf-8")
    record.with_suffix(".spec").write_text(text)
    assert rebuilt(copy, tmp_path, record, built) == packaged(tmp_path / "generated")


def test_a_refused_edit_leaves_folder_and_record(copy: Copy, tmp_path: Path, record: Path) -> None:
    before = contents(tmp_path / "generated"), record.read_text(encoding="utf-8")
    copy.replace("videos/acme.yaml", "summary: Create a text-to-video task", "summary: ''")
    with pytest.raises(build.SpecError, match="has no summary"):
        build.build(copy.root, tmp_path / "generated", record)
    assert (contents(tmp_path / "generated"), record.read_text(encoding="utf-8")) == before
