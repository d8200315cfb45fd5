"""The change report: what changed, the version that follows from it, and both as Markdown for people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

BREAKING, ADDED, CHANGED = KINDS = ("breaking", "added", "changed")
WORDS = "words"
"""The rule of a change in words or examples alone."""
DOCUMENT = "document"
"""The home of what belongs to no operation."""

Told = tuple[str, str, str]
"""Kind of change, rule and text."""

_TITLES = {BREAKING: "Breaking", ADDED: "Added", CHANGED: "Changed"}
_SHOWN = 5
_LONG = 200


@dataclass(frozen=True)
class Change:
    """One thing that changed, and what that means to those who use the API."""

    kind: str
    home: str
    """Section and vendor, such as `videos.kling`."""
    operation: str
    call: str
    """Method and path."""
    rule: str
    """oasdiff's rule, or our extension."""
    text: str


@dataclass(frozen=True)
class Report:
    """What changed since a version."""

    since: str
    changes: list[Change]
    evidence: int
    """Operations of which only the evidence was looked at anew, which is no change of the API."""

    @property
    def verdict(self) -> str:
        """The gravest kind of change, or `none`."""
        return next(
            (kind for kind in KINDS if any(change.kind == kind for change in self.changes)), "none"
        )

    @property
    def next(self) -> str:
        """By Semantic Versioning; before 1.0, what breaks raises the minor and all else the patch. The same version if nothing changed."""
        major, minor, patch = numbers(self.since)
        if self.verdict == BREAKING:
            return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
        if self.verdict == ADDED and major:
            return f"{major}.{minor + 1}.0"
        return f"{major}.{minor}.{patch + (self.verdict != 'none')}"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        facts = {
            "since": self.since,
            "verdict": self.verdict,
            "next": self.next,
            "evidence": self.evidence,
        }
        return {**facts, "changes": [asdict(change) for change in self.changes]}

    def markdown(self) -> str:
        """For people."""
        asked = (
            f"Next version: {self.next} ({self.verdict})."
            if self.changes
            else "The API is the same: no new version."
        )
        return f"{self.section(1)}\n{asked}\n"

    def section(self, level: int) -> str:
        """What changed, in Markdown with headings from this level on."""
        lines = [f"{'#' * level} API changes since {self.since}"]
        for kind in KINDS:
            if changes := [
                change for change in self.changes if change.kind == kind and change.rule != WORDS
            ]:
                lines += ["", f"{'#' * (level + 1)} {_TITLES[kind]}", "", *_entries(changes)]
        if reworded := [change for change in self.changes if change.rule == WORDS]:
            lines += [
                "",
                f"Other words or examples alone: {_listed(f'`{change.operation or DOCUMENT}`' for change in reworded)}.",
            ]
        if self.evidence:
            lines += [
                "",
                f"Evidence looked at anew, which changes nothing, of {self.evidence} more operation{'s' * (self.evidence > 1)}.",
            ]
        return "\n".join(lines) + "\n"


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch of a version."""
    major, minor, patch = re.split(r"[.+-]", version)[:3]
    return int(major), int(minor), int(patch)


def _entries(changes: list[Change]) -> list[str]:
    """Lines by home. Operations that changed alike share a line, and so do the changes of an operation."""
    calls_by_text: dict[str, dict[str, Change]] = {}
    for change in changes:
        calls_by_text.setdefault(change.text, {}).setdefault(change.call, change)
    texts_by_calls: dict[tuple[str, ...], list[str]] = {}
    for text, calls in calls_by_text.items():
        texts_by_calls.setdefault(tuple(calls), []).append(text)
    lines_by_home: dict[str, list[str]] = {}
    for texts in texts_by_calls.values():
        alike = list(calls_by_text[texts[0]].values())
        home = _listed(sorted({change.home for change in alike}))
        lines_by_home.setdefault(home, []).append(f"  - {_who(alike)}{_said(texts)}")
    return [line for home, lines in lines_by_home.items() for line in (f"- **{home}**", *lines)]


def _who(alike: list[Change]) -> str:
    if alike[0].home == DOCUMENT:
        return ""
    names = [f"`{change.operation}`" for change in alike]
    return f"{_listed(names)}: " if names[1:] else f"{names[0]} (`{alike[0].call}`): "


def _said(texts: list[str]) -> str:
    short = [text if len(text) <= _LONG else f"{text[: _LONG - 1]}…" for text in texts]
    return "; ".join(
        [*short[:_SHOWN], *([f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else [])]
    )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return (
        ", ".join(listed)
        if len(listed) <= _SHOWN
        else f"{', '.join(listed[:_SHOWN])} and {len(listed) - _SHOWN} more"
    )
