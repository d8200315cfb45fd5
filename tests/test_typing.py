"""What a type checker reports on user code: nothing on right code, all wrong lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests/typing"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]
BLOCK = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.S)
PROGRAMS = sorted((ROOT / "tests/programs").glob("*.py"))


def pyright(
    files: list[Path], tmp_path: Path, mode: str = "strict", **rules: str
) -> set[tuple[str, int]]:
    """File names and lines that pyright refuses."""
    project = tmp_path / "pyrightconfig.json"
    paths = [str(ROOT / name) for name in ("overlays", "generated", "tests")]
    settings = {"typeCheckingMode": mode, "pythonVersion": "3.11", "extraPaths": paths, **rules}
    project.write_text(json.dumps({"include": list(map(str, files)), **settings}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    command += ["--pythonpath", sys.executable]  # not the first Python of the PATH
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [one for one in found if one["severity"] == "error"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in errors}


def mypy(files: list[Path], tmp_path: Path) -> set[tuple[str, int]]:
    """File names and lines that mypy --strict refuses."""
    environment = {
        **os.environ,
        "MYPYPATH": os.pathsep.join([str(ROOT / "overlays"), str(ROOT / "generated")]),
    }
    # The packages count as installed: errors inside them would be theirs, and hidden from a user as
    # well.
    options = ["--strict", "--follow-imports=silent", "--output=json"]
    command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(tmp_path / "cache")]
    command += map(str, files)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode in (0, 1), done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [one for one in found if one["severity"] == "error"]
    assert {Path(one["file"]).name for one in errors} <= {file.name for file in files}
    return {(Path(one["file"]).name, one["line"]) for one in errors}


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_right_code_passes_and_each_wrong_line_is_refused(checker: Any, tmp_path: Path) -> None:
    lines = (SAMPLES / "wrong.py").read_text().splitlines()
    marked = {("wrong.py", n) for n, line in enumerate(lines, 1) if line.endswith("# error")}
    assert len(marked) >= 10
    files = [SAMPLES / "right.py", SAMPLES / "wrong.py", *PROGRAMS]
    assert checker(files, tmp_path) == marked


def test_the_code_of_the_readme_and_the_guides_passes_as_it_is(tmp_path: Path) -> None:
    """The blocks of a page one after the other, as who copies them has them."""
    lines: dict[tuple[str, int], str] = {}
    files: list[Path] = []
    for page in PAGES:
        code = "\n\n".join(BLOCK.findall(page.read_text("utf-8")))
        files.append(tmp_path / f"{page.stem.lower().replace('-', '_')}_page.py")
        files[-1].write_text(code, "utf-8")
        shown = enumerate(code.split("\n"), 1)
        lines |= {(files[-1].name, number): line for number, line in shown}
    assert len(files) > 10
    # A name that a loop or a `with` gives is used after it.
    refused = pyright(files, tmp_path, "standard", reportPossiblyUnbound="none")
    assert [f"{name}:{number}: {lines[name, number]}" for name, number in sorted(refused)] == []
