"""The command line: `python -m generator changes [OLD] [NEW]`: what changed between two documents, and which version comes next."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from ..build import ToolMissing
from ..join import join
from ..source import Spec, SpecError, obj
from .differences import ADDED, BREAKING, CHANGED, DOCUMENT, KINDS, WORDS, Change, Json, compare
from .hints import hinted
from .release import release
from .versions import to_30, to_31

DOCUMENT_IN_GIT = "generated/openapi.json"
_TITLES = {BREAKING: "Breaking", ADDED: "Added", CHANGED: "Changed"}
_SHOWN = 5


class Unusable(Exception):
    """What was given is not what can be compared; the message says what to give."""


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
        return next((kind for kind in KINDS if any(change.kind == kind for change in self.changes)), "none")

    @property
    def next(self) -> str:
        """By Semantic Versioning; before 1.0, what breaks raises the minor and all else the patch. The same version if nothing changed."""
        major, minor, patch = map(int, re.split(r"[.+-]", self.since)[:3])
        if self.verdict == BREAKING:
            return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
        if self.verdict == ADDED and major:
            return f"{major}.{minor + 1}.0"
        return f"{major}.{minor}.{patch + (self.verdict != 'none')}"

    def as_dict(self) -> Json:
        """For programs."""
        facts = {"since": self.since, "verdict": self.verdict, "next": self.next, "evidence": self.evidence}
        return {**facts, "changes": [asdict(change) for change in self.changes]}

    def markdown(self) -> str:
        """For people."""
        asked = f"Next version: {self.next} ({self.verdict})." if self.changes else "The API is the same: no new version."
        return f"{self.section(1)}\n{asked}\n"

    def section(self, level: int) -> str:
        """What changed, in Markdown with headings from this level on."""
        lines = [f"{'#' * level} API changes since {self.since}"]
        for kind in KINDS:
            if changes := [change for change in self.changes if change.kind == kind and change.rule != WORDS]:
                lines += ["", f"{'#' * (level + 1)} {_TITLES[kind]}", "", *_entries(changes)]
        if reworded := [change for change in self.changes if change.rule == WORDS]:
            lines += ["", f"Other words or examples alone: {_listed(f'`{change.operation or DOCUMENT}`' for change in reworded)}."]
        if self.evidence:
            lines += ["", f"Evidence looked at anew, which changes nothing, of {self.evidence} more operation{'s' * (self.evidence > 1)}."]
        return "\n".join(lines) + "\n"


def _entries(changes: list[Change]) -> list[str]:
    """Lines by home. Operations that changed alike share a line, and so do the changes of an operation."""
    by_text: dict[str, list[Change]] = {}
    for change in changes:
        by_text.setdefault(change.text, []).append(change)
    alike: dict[tuple[str, ...], list[str]] = {}
    for text, told in by_text.items():
        alike.setdefault(tuple(dict.fromkeys(change.call for change in told)), []).append(text)
    by_home: dict[str, list[str]] = {}
    for texts in alike.values():
        told = by_text[texts[0]]
        names = list(dict.fromkeys(f"`{change.operation}`" for change in told))
        who = _listed(names) if names[1:] else f"{names[0]} (`{told[0].call}`)"
        home = _listed(sorted({change.home for change in told}))
        by_home.setdefault(home, []).append(_said(texts) if home == DOCUMENT else f"{who}: {_said(texts)}")
    return [line for home, lines in by_home.items() for line in (f"- **{home}**", *(f"  - {line}" for line in lines))]


def _said(texts: list[str]) -> str:
    short = [text if len(text) <= 200 else text[:199] + "…" for text in texts]
    return "; ".join([*short[:_SHOWN], *([f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else [])])


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed) if len(listed) <= _SHOWN else f"{', '.join(listed[:_SHOWN])} and {len(listed) - _SHOWN} more"


def report(old: Json, new: Json) -> Report:
    """What changed between two documents. Where one is published, or in an older OpenAPI version, the other is compared as such.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    published = ["x-content-hash" in document["info"] for document in (old, new)]
    if any(published):
        old, new = (document if hints else hinted(document) for document, hints in zip((old, new), published, strict=True))
    for version, lower in (("3.1", to_31), ("3.0", to_30)):
        if min(old["openapi"], new["openapi"])[:3] <= version:
            old, new = (lower(document)[0] if document["openapi"][:3] > version else document for document in (old, new))
    return Report(str(old["info"]["version"]), *compare(old, new))


def read(source: str) -> Json:
    """The document of a file, a spec folder or a git revision. Raises Unusable."""
    path = Path(source)
    try:
        if path.is_dir():
            document = join(Spec.load(path))
        else:
            text = path.read_text(encoding="utf-8") if path.is_file() else _in_git(source)
            document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, yaml.CSafeLoader)
    except SpecError as error:
        raise Unusable("\n".join(f"{path.as_posix()}/{problem}" for problem in error.problems)) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Unusable(f"{source} is neither JSON nor YAML: {error}") from error
    if not (re.match(r"3\.[012]\.", str(obj(document).get("openapi"))) and isinstance(document.get("paths"), dict)):
        raise Unusable(f"{source} is no OpenAPI document of version 3.0, 3.1 or 3.2: it needs `openapi` and `paths`")
    if not re.match(r"\d+\.\d+\.\d+", str(obj(document.get("info")).get("version"))):
        raise Unusable(f"{source} has no version in info.version, such as 0.1.0")
    return document


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError as error:
        raise ToolMissing("git is not installed: install it, or give two files") from error
    return done.stdout if done.returncode == 0 else None


def _in_git(revision: str) -> str:
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
    if commit is None:
        raise Unusable(f"`{revision}` is no file, no folder and no git revision: give a document, a spec folder or a revision")
    text = _git("show", f"{commit.strip()}:{DOCUMENT_IN_GIT}")
    if text is None:
        raise Unusable(f"the git revision `{revision}` has no {DOCUMENT_IN_GIT}")
    return text


def _newest_tag() -> str:
    tags = (_git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname") or "").split()
    if not tags:
        raise Unusable("there is no git tag v* yet to compare with: give OLD, such as a document, a git revision or a spec folder")
    return tags[0]


def add(commands: Any) -> None:
    """Put `changes` among the commands."""
    what = "what changed between two documents, what breaks, and which version comes next (needs Go)"
    command = commands.add_parser("changes", help=what, description=what[0].upper() + what[1:] + ".")
    source = "a document (JSON or YAML), a git revision or a spec folder"
    command.add_argument("old", nargs="?", metavar="OLD", help=f"{source} (default: the newest git tag v*)")
    command.add_argument("new", nargs="?", default="spec", metavar="NEW", help=f"{source} (default: spec)")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--release", metavar="DATE", help="write the report into CHANGELOG.md and set the next version")
    command.add_argument("--version", metavar="X.Y.Z", help="a higher version than the changes ask for, with --release")
    command.set_defaults(spec=Path())


def run(args: argparse.Namespace) -> int:
    """Print the report, or release; returns the exit code: 0 done, whatever changed; 2 unusable input. Raises BuildError."""
    try:
        if args.version and not args.release:
            raise Unusable("--version says which version to release: give --release DATE with it")
        made = report(read(args.old or _newest_tag()), read(args.new))
        if args.release:
            text = release(Path(args.new), made, args.release, args.version)
        else:
            text = json.dumps(made.as_dict(), ensure_ascii=False, indent=1) if args.json else made.markdown().rstrip()
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(text)
    return 0
