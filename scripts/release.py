"""`make release`: everything that a release hands out, in `dist/release/`, whole or not at all.

The wheel and the source archive, the publication's documents under a name with the version, the
bill of materials, the license, what changed, and checksums of all of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generator.build import BuildError, replaced
from scripts import lock, sbom

OUT = lock.ROOT / "dist" / "release"
PUBLICATION = lock.ROOT / "dist" / "openapi"
CHECKSUMS = "SHA256SUMS"


class NotReady(Exception):
    """The project cannot be released as it is; says what to do. Nothing was written."""


def changes_of(changelog: str, version: str) -> tuple[str, str]:
    """The day of a version and what changed in it, as CHANGELOG.md says.

    Raises NotReady if the version has no heading there.
    """
    heading = rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d{{2}}-\d{{2}})\n"
    found = re.search(rf"{heading}(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)", changelog, re.M | re.S)
    if found is None:
        fix = "run `python -m generator changes --release DAY`, or give the first one by hand"
        raise NotReady(f"CHANGELOG.md has no heading `## [{version}] - DAY`; {fix}")
    if not found[2].strip():
        raise NotReady(f"CHANGELOG.md says nothing of {version}; say what changed")
    return found[1], found[2].strip() + "\n"


def documents(publication: Path, version: str) -> Path:
    """The archive of the publication's documents.

    Raises NotReady if it was not made, or is of another version.
    """
    archive = publication / f"api302-openapi-{version}.zip"
    if not archive.is_file():
        others = ", ".join(file.name for file in publication.glob("api302-openapi-*.zip"))
        there = f"there is {others}" if others else "it is not there"
        raise NotReady(f"{archive}: {there}; run `make publish`")
    document = json.loads((publication / "openapi-3.2.json").read_text("utf-8"))
    joined = lock.ROOT / "generated" / "openapi.json"
    digest = hashlib.sha256(joined.read_bytes()).hexdigest()
    if document["info"].get("x-content-hash") != f"sha256:{digest}":
        raise NotReady(f"{publication}: it was made of another generated/; run `make publish`")
    return archive


def packages(into: Path) -> None:
    """Build the wheel and the source archive.

    Raises NotReady with the builder's own words.
    """
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into)]
    done = subprocess.run([*command, str(lock.ROOT)], capture_output=True, text=True)
    if done.returncode:
        raise NotReady(f"the packages cannot be built:\n{done.stdout}{done.stderr}")


def release(out: Path, publication: Path, changelog: str, version: str) -> list[Path]:
    """Make the release in a folder, which is replaced whole; returns its files.

    Raises NotReady, also for a folder that holds something else than a release.
    """
    day, changed = changes_of(changelog, version)
    archive = documents(publication, version)
    try:
        _into(out, archive, version, day, changed)
    except BuildError as error:
        raise NotReady(str(error)) from error
    return sorted(out.iterdir())


def _into(out: Path, archive: Path, version: str, day: str, changed: str) -> None:
    with replaced(out, CHECKSUMS) as made:
        packages(made)
        shutil.copy(archive, made)
        shutil.copy(lock.ROOT / "LICENSE", made)
        bill = json.dumps(sbom.of_project(day), indent=2, ensure_ascii=False)
        (made / f"api302-{version}.cdx.json").write_text(f"{bill}\n", "utf-8", newline="\n")
        (made / f"CHANGES-{version}.md").write_text(changed, "utf-8", newline="\n")
        files = sorted(made.iterdir())
        lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
        (made / CHECKSUMS).write_text("".join(lines), "utf-8", newline="\n")


def uncommitted(root: Path) -> list[str]:
    """What of a working tree is not committed, as `git status` lists it; nothing outside of git.

    The archives take whole folders, so a file that lies there by chance would be published.
    """
    command = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=all"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 if the project is not ready."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--publication", type=Path, default=PUBLICATION)
    options = parser.parse_args(arguments)
    project = tomllib.loads(lock.PROJECT.read_text("utf-8"))["project"]
    changelog = (lock.ROOT / "CHANGELOG.md").read_text("utf-8")
    try:
        if left := uncommitted(lock.ROOT):
            shown = "\n  ".join(left[:10])
            raise NotReady(
                f"not all of the working tree is committed; commit or remove:\n  {shown}"
            )
        files = release(options.out, options.publication, changelog, project["version"])
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    for file in files:
        print(f"{file.name}  {file.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
