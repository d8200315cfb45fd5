"""The whole way: building, checking and the command line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from broken import MINI, Copy

from generator.build import replaced

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: object, seed: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `python -m generator`."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(seed),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=ROOT
    )


def bytes_of(folder: Path) -> dict[str, str]:
    """A digest of each file of a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini specification, built once."""
    out = tmp_path_factory.mktemp("built") / "generated"
    done = run("build", "--spec", MINI, "--out", out, seed=1)
    assert done.returncode == 0, done.stderr
    return out


def test_the_document_and_the_packages_are_written(built: Path) -> None:
    text = (built / "openapi.json").read_text("utf-8")

    assert sorted(path.name for path in built.iterdir()) == [
        "api302_client",
        "api302_resources",
        "asyncapi.json",
        "llms",
        "openapi.json",
    ]
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert "你好" in text
    assert not list(built.rglob("__pycache__"))
    assert [path for path in built.parent.iterdir() if path != built] == [], (
        "the temporary folder is gone"
    )


def test_the_same_input_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    done = run("build", "--spec", MINI, "--out", tmp_path / "again", seed=2)

    assert done.returncode == 0, done.stderr
    assert bytes_of(tmp_path / "again") == bytes_of(built)


def test_check_is_content_with_what_build_wrote(built: Path) -> None:
    before = bytes_of(built)

    done = run("check", "--spec", MINI, "--out", built)

    assert (done.returncode, done.stderr) == (0, "")
    assert "5 operations" in done.stdout
    assert "5 functions" in done.stdout
    assert bytes_of(built) == before


def test_check_names_what_differs_and_what_to_run(built: Path, copy: Copy, tmp_path: Path) -> None:
    copy.replace(
        "videos/acme.yaml", "summary: Create a text-to-video task", "summary: Generate a film"
    )
    out = shutil.copytree(built, tmp_path / "generated")
    (out / "stray.py").write_text("")
    (out / "api302_client" / "py.typed").unlink()

    done = run("check", "--spec", copy.root, "--out", out)

    assert done.returncode == 1
    assert "different: openapi.json" in done.stderr
    assert "not generated: stray.py" in done.stderr
    assert "missing: api302_client/py.typed" in done.stderr
    assert f"run: python -m generator build --spec {copy.root} --out {out}" in done.stderr


def test_a_broken_specification_leaves_the_generated_folder_alone(built: Path, copy: Copy) -> None:
    copy.replace("videos/acme.yaml", "summary: Create a text-to-video task", "summary: ''")
    before = bytes_of(built)

    done = run("build", "--spec", copy.root, "--out", built)

    assert done.returncode == 1
    assert (
        f"{copy.root.as_posix()}/videos/acme.yaml:6: acme_text_to_video has no summary\n    fix: "
        in done.stderr
    )
    assert done.stderr.endswith(f"1 problem in {copy.root}\n")
    assert bytes_of(built) == before
    assert [path for path in built.parent.iterdir() if path != built] == []


def test_a_rebuild_leaves_nothing_of_the_old_one(built: Path, copy: Copy, tmp_path: Path) -> None:
    out = shutil.copytree(built, tmp_path / "generated")
    (out / "api302_client" / "old.py").write_text("")

    done = run("build", "--spec", copy.root, "--out", out)

    assert done.returncode == 0, done.stderr
    assert not (out / "api302_client" / "old.py").exists()


def test_a_folder_that_was_not_generated_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    done = run("build", "--spec", MINI, "--out", tmp_path)

    assert done.returncode == 1
    assert "was not generated" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_join_prints_the_document(built: Path) -> None:
    done = run("join", "--spec", MINI)

    assert done.returncode == 0
    assert done.stdout == (built / "openapi.json").read_text("utf-8")


def test_coverage_counts_pages_and_operations_by_section() -> None:
    done = run("coverage", "--spec", MINI)

    table = [line.split() for line in done.stdout.splitlines()]
    assert table[0][:6] == ["section", "pages", "described", "guide", "unknown", "pending"]
    assert table[0][6:9] == ["calls", "live", "page"]
    assert table[1][:9] == ["llm", "2", "1", "1", "0", "0", "1", "0", "1"]
    operations, models = (row for row in table if row[:1] == ["all"])
    assert operations[:9] == ["all", "7", "4", "1", "1", "1", "6", "0", "5"]
    assert models == ["all", "4", "3", "2", "0", "4", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["build", "--speck", "x"], ["check", "--spec", "no/such/folder"]]
)
def test_wrong_use_is_exit_code_2(arguments: list[str]) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("moment", [0, 1])
def test_fault_18_an_interrupted_replacement_leaves_the_folder_before(
    moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the two steps: the old folder is aside, the new one not in its place yet."""
    folder, rename, seen = tmp_path / "generated", Path.rename, []
    folder.mkdir()
    (folder / "mark").write_text("old", "utf-8")

    def interrupted(path: Path, target: Path) -> Path:
        seen.append(path)
        if len(seen) == moment + 1:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), replaced(folder, "mark") as made:
        (made / "mark").write_text("new", "utf-8")
    assert (folder / "mark").read_text("utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["generated"]
