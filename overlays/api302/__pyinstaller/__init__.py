"""For PyInstaller, which finds this by an entry point: modules imported by name at run time."""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Where the hooks are."""
    return [str(Path(__file__).parent)]
