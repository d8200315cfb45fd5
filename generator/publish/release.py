"""Release a version: its heading and API changes in the changelog, and its number where the project says it. All of it or nothing."""

from __future__ import annotations

import re
import tempfile
from datetime import date
from pathlib import Path

from ..build import BuildError
from .report import Report, numbers

CHANGELOG = Path("CHANGELOG.md")
# Where the project says its version, beside the spec folder's own openapi.yaml.
VERSIONED = {
    Path("pyproject.toml"): r'^\[project\]\n(?:[^\[\n].*\n)*?version = "([^"]+)"',
    Path("overlays/api302/__init__.py"): r'^__version__ = "([^"]+)"',
}
IN_SPEC = r"^info:(?:\n  .*)*?\n  version: (\S+)$"
_UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## |^\[|\Z)", re.M | re.S)


def release(spec: Path, report: Report, day: str, version: str | None = None) -> str:
    """Write the changelog and set the version; returns what to do next.

    The day is an argument, since a release has no other date that stays the same when it is made again: the newest evidence may be old.

    Raises:
        BuildError: Something is not as it must be before a release; nothing was written.
    """
    if not (spec / "openapi.yaml").is_file():
        raise BuildError(
            f"{spec} is no spec folder: --release sets the version of the working tree, so leave NEW out"
        )
    if not _is_day(day):
        raise BuildError(
            f"--release {day}: give the day of the release, such as --release 2026-11-30"
        )
    if version is None and report.verdict == "none":
        raise BuildError(
            f"the API is the same as in {report.since}, so nothing asks for a version; to release code alone give --version"
        )
    number = version or report.next
    if (
        not re.fullmatch(r"\d+\.\d+\.\d+", number)
        or numbers(number) < numbers(report.next)
        or numbers(number) == numbers(report.since)
    ):
        raise BuildError(
            f"--version {number}: after {report.since}, these changes ask for {report.next} or a higher one"
        )
    root = spec.resolve().parent
    texts = _versioned(spec, root, report.since, number)
    texts[root / CHANGELOG] = _changelog(root / CHANGELOG, report, number, day)
    _write_all(texts)
    return f"{number} is in {', '.join(path.name for path in texts)}. Next: make build, commit, git tag v{number}, make publish"


def _versioned(spec: Path, root: Path, since: str, number: str) -> dict[Path, str]:
    """The files that say the version, with the new one."""
    texts: dict[Path, str] = {}
    differing = []
    for path, pattern in {
        spec / "openapi.yaml": IN_SPEC,
        **{root / path: pattern for path, pattern in VERSIONED.items()},
    }.items():
        text = _text(path)
        found = re.search(pattern, text, re.M)
        if not found:
            raise BuildError(
                f"{path} says no version where one is looked for; write it, such as {since}"
            )
        if (said := found[1].strip("'\"")) != since:
            differing.append(f"{path} says {said}")
        texts[path] = text[: found.start(1)] + number + text[found.end(1) :]
    if differing:
        raise BuildError(
            f"the versions disagree: OLD is {since}, and {', '.join(differing)}; set them to OLD's, the release sets the next"
        )
    return texts


def _changelog(path: Path, report: Report, number: str, day: str) -> str:
    text = _text(path)
    section = _UNRELEASED.search(text)
    if not section:
        raise BuildError(
            f"{path} has no heading `## [Unreleased]`; add it above the newest version"
        )
    if f"## [{number}]" in text:
        raise BuildError(f"{path} has a heading for {number} already")
    api = report.section(3) if report.verdict != "none" else ""
    parts = [
        f"## [Unreleased]\n\n## [{number}] - {day}",
        section[1].strip(),
        api.strip(),
        text[section.end() :].strip(),
    ]
    return text[: section.start()] + "\n\n".join(part for part in parts if part) + "\n"


def _write_all(texts: dict[Path, str]) -> None:
    """Replace files, all or none: every new text is on the disk before the first is put in place, and an error puts the old ones back."""
    before = {path: path.read_bytes() for path in texts}
    with tempfile.TemporaryDirectory(
        prefix=".releasing-", dir=next(iter(texts)).parent.parent
    ) as folder:
        made = {path: Path(folder) / str(number) for number, path in enumerate(texts)}
        try:
            for path, text in texts.items():
                made[path].write_text(text, encoding="utf-8", newline="\n")
            for path, new in made.items():
                new.replace(path)
        except OSError as error:
            for path, old in before.items():
                if path.read_bytes() != old:
                    path.write_bytes(old)
            raise BuildError(
                f"{error.filename2 or error.filename} cannot be written: {error.strerror}; nothing was changed"
            ) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}") from error


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
