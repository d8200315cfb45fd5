"""Tools from npm, as a folder's `package-lock.json` pins them, installed while they are used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.build import BuildError, ToolMissing

TIMEOUT = 300.0
"""Seconds for npm to install what is pinned."""
_PINS = ("package.json", "package-lock.json", ".npmrc")
_OPTIONS = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")


@contextmanager
def installed(pins: Path, what: str, wanted: str, timeout: float = TIMEOUT) -> Iterator[Path]:
    """A folder with `node_modules` as a folder pins them.

    Args:
        pins: The folder with `package.json`, `package-lock.json` and `.npmrc`.
        what: What needs them, for messages: `the reference site`.
        wanted: A file in it that must be there.
        timeout: Seconds for npm.

    Raises:
        ToolMissing: npm is not installed.
        BuildError: npm fails, or the file is missing.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ToolMissing(
            f"{what} needs npm, which is not on the PATH: "
            "install Node.js 20 or newer (https://nodejs.org)"
        )
    with TemporaryDirectory() as name:
        folder = Path(name)
        for pin in _PINS:
            shutil.copyfile(pins / pin, folder / pin)
        try:
            done = subprocess.run(
                [npm, "ci", *_OPTIONS],
                cwd=folder,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(
                f"npm did not install what {what} needs within {timeout:g} seconds: "
                "see whether the npm registry can be reached"
            ) from None
        if done.returncode or not (folder / wanted).is_file():
            reason = done.stderr.strip() or f"{wanted} is missing"
            raise BuildError(
                f"npm could not install what {pins.name}/package-lock.json pins: {reason}"
            )
        yield folder
