"""What goes with the documents so that they can be passed on.

The license, the changelog, an archive under a name with the version, and checksums of all of it.
"""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CHECKSUMS = "SHA256SUMS"
CONFORMANCE = "conformance"
_PASSED_ON = ("LICENSE", "CHANGELOG.md")
_IN_ARCHIVE = (
    "openapi-*",
    "asyncapi-*",
    "arazzo.json",
    "extensions.schema.json",
    "models*.json",
    "losses.md",
    "llms.txt",
    "llms/*.md",
    "by-tag/*.json",
    "generators/**/*",
    f"{CONFORMANCE}/*",
    *_PASSED_ON,
)


def repository() -> str:
    """The URL of the project's repository, from pyproject.toml; empty while it is not known."""
    file = PROJECT / "pyproject.toml"
    if not file.is_file():
        return ""
    project = tomllib.loads(file.read_text(encoding="utf-8"))
    return str(project.get("tool", {}).get("api302", {}).get("repository", "")).rstrip("/")


def add_distribution(folder: Path, version: str) -> None:
    """Add the conformance suite, the license, the changelog, the archive and the checksums.

    Args:
        folder: The publication, with everything else in it.
        version: The version of the document.
    """
    for name in _PASSED_ON:
        if (PROJECT / name).is_file():
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    _copy_conformance(folder)
    _write_archive(folder, f"api302-openapi-{version}")
    _write_checksums(folder)


def _copy_conformance(folder: Path) -> None:
    """Copy the cases by which a client in any language proves itself."""
    suite = PROJECT / "tests" / CONFORMANCE
    files = [*sorted(suite.glob("*.json")), *suite.glob("README.md")]
    if files:
        (folder / CONFORMANCE).mkdir()
    for file in files:
        (folder / CONFORMANCE / file.name).write_bytes(file.read_bytes())


def _write_archive(folder: Path, name: str) -> None:
    """A zip file of the documents, the same every time."""
    files = sorted(
        {file for pattern in _IN_ARCHIVE for file in folder.glob(pattern) if file.is_file()}
    )
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            inside = file.relative_to(folder).as_posix()
            entry = zipfile.ZipInfo(f"{name}/{inside}")  # with the oldest date there is
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def _write_checksums(folder: Path) -> None:
    """A line for each file, as `sha256sum --check` reads them."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{_digest(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
