"""Redoc's browser script, pinned in `package-lock.json`, edited so that it asks for nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.build import BuildError, ToolMissing

FOLDER = Path(__file__).parent
SCRIPT = "node_modules/redoc/bundles/redoc.standalone.js"
EDITS = {
    # A browser opens no module from a file, so Redoc becomes a plain script, which has no exports
    # and no `import.meta`.
    "const{RedocStandalone,hydrate,init}=": "'use strict';window.Redoc=",
    "export{RedocStandalone,hydrate,init}": "",
    "import.meta.": "document.",
    # Its logo comes from the web, so the name stands there in letters.
    "https://cdn.redoc.ly/redoc/logo-mini": (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='45' height='12'>"
        "<text y='10' font-size='11' font-family='sans-serif' fill='gray'>Redoc</text></svg>#"
    ),
}
NPM_TIMEOUT = 300.0
"""Seconds for npm to install Redoc."""
_PINS = ("package.json", "package-lock.json", ".npmrc")
_OPTIONS = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")


def redoc_script() -> str:
    """The script, as npm has it, with our edits.

    Raises:
        ToolMissing: npm is not installed.
        BuildError: npm fails, or the script is not the one that the edits are for.
    """
    text = _from_npm()
    for old, new in EDITS.items():
        if old not in text:
            raise BuildError(
                f"Redoc no longer has `{old}`: another version needs other edits "
                f"(EDITS in {Path(__file__).name})"
            )
        text = text.replace(old, new)
    return text


def _from_npm() -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise ToolMissing(
            "the reference site needs npm, which is not on the PATH: "
            "install Node.js 20 or newer (https://nodejs.org)"
        )
    with TemporaryDirectory() as folder:
        for name in _PINS:
            shutil.copyfile(FOLDER / name, Path(folder, name))
        try:
            done = subprocess.run(
                [npm, "ci", *_OPTIONS],
                cwd=folder,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=NPM_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(
                f"npm did not install Redoc within {NPM_TIMEOUT:g} seconds: "
                "see whether the npm registry can be reached"
            ) from None
        script = Path(folder, SCRIPT)
        if done.returncode or not script.is_file():
            reason = done.stderr.strip() or f"{SCRIPT} is missing"
            raise BuildError(
                f"npm could not install what {FOLDER.name}/package-lock.json pins: {reason}"
            )
        return script.read_text(encoding="utf-8")
