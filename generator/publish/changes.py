"""The command line: `python -m generator changes [OLD] [NEW]`: what changed between two documents, and which version comes next."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ..build import ToolMissing
from ..join import join
from ..rules import check_spec
from ..rules.context import explain
from ..rules.structure import document_validator
from ..source import Spec, SpecError, obj
from .differences import compare
from .hints import hinted
from .release import release
from .report import Report
from .versions import Json, to_30, to_31

DOCUMENT_IN_GIT = "generated/openapi.json"


class Unusable(Exception):
    """What was given is not what can be compared; the message says what to give."""


def report(old: Json, new: Json) -> Report:
    """What changed between two documents. Where one is published, or in an older OpenAPI version, the other is compared as such.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    published = ["x-content-hash" in document["info"] for document in (old, new)]
    if any(published):
        old, new = (
            document if hints else hinted(document)
            for document, hints in zip((old, new), published, strict=True)
        )
    for version, lower in (("3.1", to_31), ("3.0", to_30)):
        if min(old["openapi"], new["openapi"])[:3] <= version:
            old, new = (
                lower(document)[0] if document["openapi"][:3] > version else document
                for document in (old, new)
            )
    return Report(str(old["info"]["version"]), *compare(old, new))


def read(source: str) -> Json:
    """The document of a file, a spec folder or a git revision. Raises Unusable."""
    path = Path(source)
    try:
        if path.is_dir():
            document = join(Spec.load(path))
        else:
            document = _parsed(
                path.read_text(encoding="utf-8") if path.is_file() else _in_git(source)
            )
    except SpecError as error:
        raise Unusable(
            "\n".join(f"{path.as_posix()}/{problem}" for problem in error.problems)
        ) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Unusable(f"{source} is neither JSON nor YAML: {error}") from error
    version = re.match(r"3\.[012](?=\.)", str(obj(document).get("openapi")))
    if not version:
        raise Unusable(f"{source} is no OpenAPI document of version 3.0, 3.1 or 3.2")
    for error in document_validator(version[0]).iter_errors(document):
        place, message = explain(error)
        raise Unusable(
            f"{source} is no valid OpenAPI {version[0]} document, at {'/'.join(map(str, place)) or 'the top'}: {message}"
        )
    if not re.fullmatch(r"\d+\.\d+\.\d+([-+].*)?", document["info"]["version"]):
        raise Unusable(f"{source} has no version in info.version, such as 0.1.0")
    return document


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return json.loads(text)
    return json.loads(
        json.dumps(yaml.load(text, yaml.CSafeLoader), default=str)
    )  # keys and days are texts, as in JSON


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError as error:
        raise ToolMissing("git is not installed: install it, or give two files") from error
    return done.stdout if done.returncode == 0 else None


def _in_git(revision: str) -> str:
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
    if commit is None:
        raise Unusable(
            f"`{revision}` is no file, no folder and no git revision: give a document, a spec folder or a revision"
        )
    text = _git("show", f"{commit.strip()}:{DOCUMENT_IN_GIT}")
    if text is None:
        raise Unusable(f"the git revision `{revision}` has no {DOCUMENT_IN_GIT}")
    return text


def _newest_tag() -> str:
    tags = (
        _git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname") or ""
    ).split()
    if not tags:
        raise Unusable(
            "there is no git tag v* yet to compare with: give OLD, such as a document, a git revision or a spec folder"
        )
    return tags[0]


def add(commands: Any) -> None:
    """Put `changes` among the commands."""
    what = (
        "what changed between two documents, what breaks, and which version comes next (needs Go)"
    )
    command = commands.add_parser(
        "changes", help=what, description=what[0].upper() + what[1:] + "."
    )
    source = "a document (JSON or YAML), a git revision or a spec folder"
    command.add_argument(
        "old", nargs="?", metavar="OLD", help=f"{source} (default: the newest git tag v*)"
    )
    command.add_argument(
        "new", nargs="?", default="spec", metavar="NEW", help=f"{source} (default: spec)"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument(
        "--release",
        metavar="DATE",
        help="write the report into CHANGELOG.md and set the next version",
    )
    command.add_argument(
        "--version",
        metavar="X.Y.Z",
        help="a higher version than the changes ask for, with --release",
    )
    command.set_defaults(spec=Path())


def run(args: argparse.Namespace) -> int:
    """Print the report, or release; returns the exit code: 0 done, whatever changed; 2 unusable input. Raises BuildError and SpecError."""
    try:
        if args.version and args.release is None:
            raise Unusable("--version says which version to release: give --release DATE with it")
        if args.release is not None and Path(args.new).is_dir():
            args.spec = Path(args.new)
            if problems := check_spec(Spec.load(args.spec)):
                raise SpecError(problems)  # what the house rules refuse is not released
        made = report(read(args.old or _newest_tag()), read(args.new))
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if args.release is not None:
        print(release(Path(args.new), made, args.release, args.version))
    elif args.json:
        print(json.dumps(made.as_dict(), ensure_ascii=False, indent=1))
    else:
        print(made.markdown(), end="")
    return 0
