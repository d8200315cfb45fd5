"""What a type checker reports on user code: nothing on right code, all wrong lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests/typing"
PROGRAMS = sorted((ROOT / "tests/programs").glob("*.py"))


def pyright(files: list[Path], tmp_path: Path) -> set[tuple[str, int]]:
    """File names and lines that pyright in strict mode refuses."""
    project = tmp_path / "pyrightconfig.json"
    paths = [str(ROOT / "overlays"), str(ROOT / "generated")]
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": paths}
    project.write_text(json.dumps({"include": list(map(str, files)), **settings}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    command += ["--pythonpath", sys.executable]  # not the first Python of the PATH
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [one for one in found if one["severity"] == "error"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in errors}


def mypy(files: list[Path], tmp_path: Path) -> set[tuple[str, int]]:
    """File names and lines that mypy --strict refuses."""
    environment = {**os.environ, "MYPYPATH": f"{ROOT / 'overlays'}:{ROOT / 'generated'}"}
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
