"""Import generated code in a process without API key, network and right to write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .code import GenerationError

OVERLAYS = Path(__file__).parents[2] / "overlays"
_SCRIPT = Path(__file__).with_name("import_script.py")
_NEEDED = ("SYSTEMROOT",)
"""Of the environment: what Python does not start without (on Windows)."""


def import_everything(out: Path) -> dict[str, int]:
    """Import every module below `out`, make every class, and count what is there.

    Raises GenerationError if one fails.
    """
    counts: dict[str, int] = json.loads(_run(out, None))
    return counts


def import_modules(out: Path, paths: Iterable[str]) -> None:
    """Import some modules below `out`, by the paths of their files.

    Raises GenerationError if one fails.
    """
    parts = [Path(path).with_suffix("").parts for path in paths if path.endswith(".py")]
    names = [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]
    if names:
        _run(out, names)


def _run(out: Path, names: list[str] | None) -> str:
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-W", "error", str(_SCRIPT)]
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [*command, str(out.resolve()), str(OVERLAYS)],
            input=json.dumps(names),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env=environment,
            cwd=elsewhere,
        )
    if done.returncode:
        raise GenerationError(f"a generated module does not work:\n{done.stderr}")
    return done.stdout
