"""Release a version: its section of the changelog, and its number where the project has it.

All files are written, or none.
"""

from __future__ import annotations

import re
import tempfile
from datetime import date
from pathlib import Path

from generator.build import BuildError

from .report import Report, numbers

CHANGELOG = Path("CHANGELOG.md")
# The files that have the version, beside the spec folder's own openapi.yaml.
VERSIONED = {
    Path("pyproject.toml"): r'^\[project\]\n(?:[^\[\n].*\n)*?version = "([^"]+)"',
    Path("overlays/api302/__init__.py"): r'^__version__ = "([^"]+)"',
}
IN_SPEC = r"^info:(?:\n  .*)*?\n  version: (\S+)$"
_UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## |^\[|\Z)", re.M | re.S)


def release(spec: Path, report: Report, day: str, version: str | None = None) -> str:
    """Write the changelog and set the version.

    Args:
        spec: The spec folder of the working tree.
        report: What changed since the last version.
        day: The day of the release, as `2026-11-30`. An argument, since a release that is made
            again must have the same date.
        version: A higher version than the report asks for.

    Returns:
        What to do next.

    Raises:
        BuildError: The project is not ready for a release; nothing was written.
    """
    if not (spec / "openapi.yaml").is_file():
        raise BuildError(
            f"{spec} is not a spec folder: "
            "--release sets the version of the working tree, so leave NEW out"
        )
    if not _is_day(day):
        raise BuildError(
            f"--release {day}: give the day of the release, such as --release 2026-11-30"
        )
    number = _number(report, version)
    root = spec.resolve().parent
    texts = _versioned(spec, root, report.since, number)
    texts[root / CHANGELOG] = _changelog(root / CHANGELOG, report, number, day)
    _write_all(texts)
    written = ", ".join(path.name for path in texts)
    following = f"make build, commit, git tag v{number}, make publish"
    return f"{number} is in {written}. Next: {following}"


def _number(report: Report, version: str | None) -> str:
    """The version to release."""
    if version is None and report.verdict == "none":
        raise BuildError(
            f"the API is the same as in {report.since}, so nothing asks for a version; "
            "to release code alone give --version"
        )
    number = version or report.next
    if not re.fullmatch(r"\d+\.\d+\.\d+", number) or not _follows(number, report):
        raise BuildError(
            f"--version {number}: after {report.since}, "
            f"these changes ask for {report.next} or a higher one"
        )
    return number


def _follows(number: str, report: Report) -> bool:
    return numbers(number) >= numbers(report.next) and numbers(number) != numbers(report.since)


def _versioned(spec: Path, root: Path, since: str, number: str) -> dict[Path, str]:
    """The files that have the version, with the new one."""
    patterns = {spec / "openapi.yaml": IN_SPEC}
    patterns |= {root / path: pattern for path, pattern in VERSIONED.items()}
    texts: dict[Path, str] = {}
    differing = []
    for path, pattern in patterns.items():
        text = _text(path)
        match = re.search(pattern, text, re.M)
        if not match:
            raise BuildError(f"{path} has no version where one is expected; write it, as {since}")
        if (present := match[1].strip("'\"")) != since:
            differing.append(f"{path} has {present}")
        texts[path] = text[: match.start(1)] + number + text[match.end(1) :]
    if differing:
        raise BuildError(
            f"the versions disagree: OLD is {since}, and {', '.join(differing)}; "
            "set them to OLD's, the release sets the next"
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
    parts = [
        f"## [Unreleased]\n\n## [{number}] - {day}",
        section[1].strip(),
        report.section(3).strip() if report.verdict != "none" else "",
        text[section.end() :].strip(),
    ]
    return text[: section.start()] + "\n\n".join(part for part in parts if part) + "\n"


def _write_all(texts: dict[Path, str]) -> None:
    """Replace files, all or none.

    Every new text is on the disk before the first is put in place, and an error restores the old.
    """
    before = {path: path.read_bytes() for path in texts}
    folder = next(iter(texts)).parent.parent
    with tempfile.TemporaryDirectory(prefix=".releasing-", dir=folder) as staging:
        staged = {path: Path(staging) / str(number) for number, path in enumerate(texts)}
        try:
            for path, text in texts.items():
                staged[path].write_text(text, encoding="utf-8", newline="\n")
            for path, new in staged.items():
                new.replace(path)
        except OSError as error:
            _restore(before)
            raise BuildError(
                f"{error.filename2 or error.filename} cannot be written: {error.strerror}; "
                "nothing was changed"
            ) from error


def _restore(before: dict[Path, bytes]) -> None:
    for path, old in before.items():
        if path.read_bytes() != old:
            path.write_bytes(old)


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
