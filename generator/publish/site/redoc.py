"""Redoc's browser script, pinned in `package-lock.json`, edited so that it asks for nothing."""

from __future__ import annotations

from pathlib import Path

from generator.build import BuildError
from generator.publish.npm import TIMEOUT, installed

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
NPM_TIMEOUT = TIMEOUT
"""Seconds for npm to install Redoc."""


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
    with installed(FOLDER, "the reference site", SCRIPT, NPM_TIMEOUT) as folder:
        return (folder / SCRIPT).read_text(encoding="utf-8")
