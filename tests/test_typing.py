"""What a type checker reports on user code: nothing on right code, all wrong lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests/typing"


def pyright(file: Path, tmp_path: Path) -> dict[int, str]:
    """Lines that pyright in strict mode refuses, each with its message."""
    project = tmp_path / "pyrightconfig.json"
    paths = [str(ROOT / "overlays"), str(ROOT / "generated")]
    project.write_text(
        json.dumps(
            {
                "include": [str(file)],
                "typeCheckingMode": "strict",
                "pythonVersion": "3.11",
                "extraPaths": paths,
            }
        )
    )
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {
        d["range"]["start"]["line"] + 1: d["message"] for d in found if d["severity"] == "error"
    }


def mypy(file: Path, tmp_path: Path) -> dict[int, str]:
    """Lines that mypy --strict refuses, each with its message."""
    environment = {**os.environ, "MYPYPATH": f"{ROOT / 'overlays'}:{ROOT / 'generated'}"}
    # The packages count as installed: errors inside them would be theirs, and hidden from a user as
    # well.
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--output=json",
    ]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, env=environment)
    assert done.returncode in (0, 1), done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {
        d["line"]: d["message"]
        for d in found
        if d["severity"] == "error" and d["file"].endswith(file.name)
    }


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_right_code_passes(checker, tmp_path: Path) -> None:
    assert checker(SAMPLES / "right.py", tmp_path) == {}


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_each_wrong_line_is_refused(checker, tmp_path: Path) -> None:
    marked = {
        n
        for n, line in enumerate((SAMPLES / "wrong.py").read_text().splitlines(), 1)
        if line.endswith("# error")
    }
    assert len(marked) >= 10
    refused = checker(SAMPLES / "wrong.py", tmp_path)
    assert set(refused) == marked, refused
