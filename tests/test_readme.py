"""The README's Python runs, in order, against the mock; its maintainer's example works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import api302_mock

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / ".cache/generator.json"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- test -->\n```python\n(.*?)```", README, re.S)


def test_every_python_block_is_tested() -> None:
    assert len(BLOCKS) == README.count("```python\n") >= 10


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with api302_mock.start() as server:
        monkeypatch.setenv("AI302_API_KEY", "sk-readme")
        monkeypatch.setenv("AI302_BASE_URL", server.url)
        names: dict[str, object] = {"__name__": "readme"}
        for block in BLOCKS:
            exec(compile(block, "README.md", "exec"), names)
        names["client"].close()  # type: ignore[attr-defined]
    for file in ("panda.mp4", "hello.mp3", "sky.png", "async.mp4"):
        assert (tmp_path / file).stat().st_size > 0, file


def test_the_maintainers_example(tmp_path: Path) -> None:
    """Edit one file as the README says, build, and find the new argument in the method."""
    spec = tmp_path / "spec"
    shutil.copytree(ROOT / "spec", spec)
    page = (spec / "videos/pages.yaml").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(page) if line.startswith("p365:"))
    assert "`grep -rn -A1 p365 spec`" in README
    assert any("kling_text_to_video" in line for line in page[start : start + 2])
    (field,) = re.findall(r"^ +(seed: \{.*\})$", README, re.M)
    file = spec / "videos/kling/v1.yaml"
    text = file.read_text(encoding="utf-8")
    head = re.search(r"    KlingTextToVideoRequest:\n.*?      properties:\n", text, re.S)
    assert head, "the schema that the README names"
    file.write_text(
        text[: head.end()] + f"        {field}\n" + text[head.end() :], encoding="utf-8"
    )
    out, record = tmp_path / "generated", tmp_path / "record.json"
    if RECORD.exists():  # what `make build` remembers: only what the edit touches is made anew
        shutil.copytree(ROOT / "generated", out, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(RECORD, record)
    command = [sys.executable, "-m", "generator", "build", "--spec", str(spec), "--out", str(out)]
    command += ["--record", str(record)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    module = (out / "api302_resources/videos/kling.py").read_text(encoding="utf-8")
    assert "seed: int | None = None," in module
    assert "seed: Random seed; the same seed gives the same result." in module


def test_the_coverage_table_is_the_ledgers() -> None:
    table = subprocess.run(
        [sys.executable, "-m", "generator", "coverage"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = re.search(r"<!-- coverage -->\n```text\n(.*?)```\n<!-- /coverage -->", README, re.S)
    assert shown, "the README has no coverage table"
    assert shown[1].strip() == table.strip(), "run: make build"
