"""The change report: what changed, the version that follows from it, and both as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from generator.publish.markdown import code, inline, text

BREAKING, ADDED, CHANGED = KINDS = ("breaking", "added", "changed")
WORDS = "words"
"""The rule of a change in descriptions or examples alone."""
DOCUMENT = "document"
"""The home of what belongs to no operation."""

_TITLES = {BREAKING: "Breaking", ADDED: "Added", CHANGED: "Changed"}
_MAX_LISTED = 5
_MAX_TEXT = 200


class Finding(NamedTuple):
    """One difference of an operation or of the document."""

    kind: str
    """`breaking`, `added` or `changed`."""
    rule: str
    """oasdiff's rule, our extension, or the kind of name that changed."""
    text: str


@dataclass(frozen=True)
class Change:
    """A difference, and the operation that has it."""

    kind: str
    home: str
    """Section and vendor, such as `videos.kling`."""
    operation: str
    call: str
    """Method and path."""
    rule: str
    text: str


@dataclass(frozen=True)
class Report:
    """What changed since a version."""

    since: str
    changes: list[Change]
    evidence: int
    """Number of operations whose evidence alone was updated, which does not change the API."""

    @property
    def verdict(self) -> str:
        """The gravest kind of change, or `none`."""
        present = {change.kind for change in self.changes}
        return next((kind for kind in KINDS if kind in present), "none")

    @property
    def next(self) -> str:
        """The next version by Semantic Versioning; the same version if nothing changed.

        Before 1.0 a breaking change raises the minor version and all else the patch version.
        """
        major, minor, patch = numbers(self.since)
        if self.verdict == BREAKING:
            return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
        if self.verdict == ADDED and major:
            return f"{major}.{minor + 1}.0"
        return f"{major}.{minor}.{patch + (self.verdict != 'none')}"

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "since": self.since,
            "verdict": self.verdict,
            "next": self.next,
            "evidence": self.evidence,
            "changes": [asdict(change) for change in self.changes],
        }

    def markdown(self) -> str:
        """The whole report as Markdown."""
        verdict = f"Next version: {self.next} ({self.verdict})."
        if not self.changes:
            verdict = "The API is the same: no new version."
        return f"{self.section(1)}\n{verdict}\n"

    def section(self, level: int) -> str:
        """The changes as Markdown with headings from this level on."""
        lines = [f"{'#' * level} API changes since {self.since}"]
        for kind in KINDS:
            lines += self._of_kind(kind, level + 1)
        reworded = [change.operation or DOCUMENT for change in self.changes if change.rule == WORDS]
        if reworded:
            names = _listed(map(code, reworded))
            lines += ["", f"Descriptions or examples alone: {names}."]
        if self.evidence:
            what = f"{self.evidence} more operation{'s' * (self.evidence > 1)}"
            lines += ["", f"Evidence alone, which changes nothing, of {what}."]
        return "\n".join(lines) + "\n"

    def _of_kind(self, kind: str, level: int) -> list[str]:
        of_kind = [change for change in self.changes if change.kind == kind]
        changes = [change for change in of_kind if change.rule != WORDS]
        return ["", f"{'#' * level} {_TITLES[kind]}", "", *_entries(changes)] if changes else []


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch of a version."""
    major, minor, patch = re.split(r"[.+-]", version)[:3]
    return int(major), int(minor), int(patch)


def _entries(changes: list[Change]) -> list[str]:
    """Lines by home. Operations with the same changes share a line."""
    calls_by_text: dict[str, dict[str, Change]] = {}
    for change in changes:
        call = change.call or change.operation  # a model has no call
        calls_by_text.setdefault(change.text, {}).setdefault(call, change)
    texts_by_calls: dict[tuple[str, ...], list[str]] = {}
    for what, calls in calls_by_text.items():
        texts_by_calls.setdefault(tuple(calls), []).append(what)
    lines_by_home: dict[str, list[str]] = {}
    for texts in texts_by_calls.values():
        alike = list(calls_by_text[texts[0]].values())
        home = _listed(sorted({text(change.home) for change in alike}))
        lines_by_home.setdefault(home, []).append(f"  - {_operations(alike)}{_texts(texts)}")
    return [line for home, lines in lines_by_home.items() for line in (f"- **{home}**", *lines)]


def _operations(alike: list[Change]) -> str:
    if alike[0].home == DOCUMENT:
        return ""
    names = [code(change.operation) for change in alike]
    if names[1:] or not alike[0].call:
        return f"{_listed(names)}: "
    return f"{names[0]} ({code(alike[0].call)}): "


def _texts(texts: list[str]) -> str:
    short = [inline(one if len(one) <= _MAX_TEXT else f"{one[: _MAX_TEXT - 1]}…") for one in texts]
    if len(short) > _MAX_LISTED:
        short[_MAX_LISTED:] = [f"and {len(texts) - _MAX_LISTED} more"]
    return "; ".join(short)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    if len(listed) <= _MAX_LISTED:
        return ", ".join(listed)
    return f"{', '.join(listed[:_MAX_LISTED])} and {len(listed) - _MAX_LISTED} more"
