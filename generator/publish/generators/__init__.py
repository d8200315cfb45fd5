"""Ready configuration files for tools that make clients of the documents: a folder for each tool.

Those of the three tools whose clients `tests/proof` runs whole are taken from there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = "generators"
_HERE = Path(__file__).parent
_PROOF = _HERE.parents[2] / "tests" / "proof"
_NPM = (".npmrc", "package.json", "package-lock.json")
_PROVED = {
    "openapi-typescript": (
        "typescript",
        (".npmrc", "package.json", "package-lock.json", "generate.mjs"),
    ),
    "oapi-codegen": ("go", ("go.mod", "go.sum", "oapi-codegen.yaml")),
    "openapi-generator-java": ("java", ("pom.xml",)),
}
"""The folder of `tests/proof` that has a tool's files, and which they are."""
_THERE = "../../../dist/openapi/"
"""Where the documents are from a folder of `tests/proof`."""
_MADE = ("__pycache__", "node_modules", "*.py[co]", "__init__.py")


def write(publication: Path) -> None:
    """Write the configuration files into a publication.

    Args:
        publication: Its folder; the documents are in it, two levels above each file.
    """
    folder = publication / FOLDER
    shutil.copytree(_HERE, folder, ignore=shutil.ignore_patterns(*_MADE))
    for tool, (language, names) in _PROVED.items():
        if not (_PROOF / language).is_dir():
            continue
        (folder / tool).mkdir()
        for name in names:
            text = (_PROOF / language / name).read_text(encoding="utf-8")
            file = folder / tool / name
            file.write_text(text.replace(_THERE, "../../"), encoding="utf-8", newline="\n")
