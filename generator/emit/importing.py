"""Import what was generated, in a process of its own: it has no API key, no network, and cannot write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .code import GenerationError

OVERLAYS = Path(__file__).parents[2] / "overlays"
_SCRIPT = Path(__file__).with_name("import_script.py")
_NEEDED = ("SYSTEMROOT",)
"""Of the environment: what Python does not start without (on Windows)."""


def import_everything(out: Path) -> dict[str, int]:
    """Import every module below `out`, make every class, and count what is there. Raises GenerationError if one fails."""
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-W", "error", str(_SCRIPT)]
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [*command, str(out.resolve()), str(OVERLAYS)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env=environment,
            cwd=elsewhere,
        )
    if done.returncode:
        raise GenerationError(f"a generated module does not work:\n{done.stderr}")
    counts: dict[str, int] = json.loads(done.stdout)
    return counts
