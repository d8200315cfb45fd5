"""`python -m generator changes [OLD] [NEW]`: what changed, and which version comes next."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from generator.build import ToolMissing
from generator.join import join
from generator.models import models
from generator.publish.models import FILE as MODELS_FILE
from generator.publish.versions import Json, as_published, open_responses, to_30, to_31
from generator.rules import check_spec
from generator.rules.context import explain
from generator.rules.structure import document_validator
from generator.source import Spec, SpecError, obj

from .compare import compare
from .models import Models, compare_models
from .release import release
from .report import Report

DOCUMENT_IN_GIT = "generated/openapi.json"
MODELS_IN_GIT = "generated/api302_client/catalog.json"


class Unusable(Exception):
    """An argument that cannot be compared; the message says what to give instead."""


def report(
    old: Json, new: Json, old_models: Models | None = None, new_models: Models | None = None
) -> Report:
    """What changed between two documents, and in their models, where both are known.

    Where one is a published document, the other is compared as it would be published; where one
    has an older OpenAPI version, the other is lowered to it.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    old, new = _alike(old, new)
    changes, evidence = compare(old, new)
    if old_models is not None and new_models is not None:
        changes += compare_models(old_models, new_models)
    return Report(str(old["info"]["version"]), changes, evidence)


def _alike(old: Json, new: Json) -> tuple[Json, Json]:
    """Both documents as published ones if one is, and in the older OpenAPI version of the two."""
    if _is_published(old) or _is_published(new):
        old, new = _published(old), _published(new)
    lowest = min(old["openapi"], new["openapi"])[:3]
    return _lowered(old, lowest), _lowered(new, lowest)


def _is_published(document: Json) -> bool:
    return "x-content-hash" in document["info"]


def _published(document: Json) -> Json:
    """The document as it is published. One that is has its hints; old ones had closed responses."""
    return open_responses(document) if _is_published(document) else as_published(document)


def _lowered(document: Json, version: str) -> Json:
    """The document in an OpenAPI version; it stays as it is if it has an older one."""
    if version < "3.2" <= document["openapi"]:
        document, _ = to_31(document)
    if version < "3.1" <= document["openapi"]:
        document, _ = to_30(document)
    return document


def read(source: str) -> Json:
    """The document of a file, a spec folder or a git revision.

    Raises:
        Unusable: It is not an OpenAPI document that can be compared.
    """
    document = _content(source)
    version = re.match(r"3\.[012](?=\.)", str(obj(document).get("openapi")))
    if not version:
        raise Unusable(f"{source} is not an OpenAPI document of version 3.0, 3.1 or 3.2")
    for error in document_validator(version[0]).iter_errors(document):
        place, message = explain(error)
        at = "/".join(map(str, place)) or "the top"
        raise Unusable(f"{source} is not a valid OpenAPI {version[0]} document, at {at}: {message}")
    if not re.fullmatch(r"\d+\.\d+\.\d+([-+].*)?", document["info"]["version"]):
        raise Unusable(f"{source} has no version in info.version, such as 0.1.0")
    return document


def _content(source: str) -> Any:
    path = Path(source)
    try:
        if path.is_dir():
            return join(Spec.load(path))
        return _parsed(path.read_text(encoding="utf-8") if path.is_file() else _in_git(source))
    except SpecError as error:
        problems = (f"{path.as_posix()}/{problem}" for problem in error.problems)
        raise Unusable("\n".join(problems)) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Unusable(f"{source} is neither JSON nor YAML: {error}") from error


def read_models(source: str) -> Models | None:
    """The models of a spec folder, of a git revision, or beside a published document, by id.

    None where there is no catalogue, as in versions that had none.
    """
    path = Path(source)
    if path.is_dir():
        return models(Spec.load(path))[0]
    beside = path.with_name(MODELS_FILE)
    text = beside.read_text("utf-8") if path.is_file() and beside.is_file() else None
    if not path.is_file():
        text = _git("show", f"{source}:{MODELS_IN_GIT}")
    try:
        listed = obj(json.loads(text)).get("models") if text else None
    except ValueError:
        return None
    return {str(obj(one).get("id")): obj(one) for one in listed} if listed is not None else None


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return json.loads(text)
    content = yaml.load(text, yaml.CSafeLoader)
    return json.loads(json.dumps(content, default=str))  # keys and days are text, as in JSON


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError as error:
        raise ToolMissing("git is not installed: install it, or give two files") from error
    return done.stdout if done.returncode == 0 else None


def _in_git(revision: str) -> str:
    wanted = revision + "^{commit}"
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    if commit is None:
        raise Unusable(
            f"`{revision}` is not a file, a folder or a git revision: "
            "give a document, a spec folder or a revision"
        )
    text = _git("show", f"{commit.strip()}:{DOCUMENT_IN_GIT}")
    if text is None:
        raise Unusable(f"the git revision `{revision}` has no {DOCUMENT_IN_GIT}")
    return text


def _newest_tag() -> str:
    options = ("--merged", "HEAD", "--sort=-version:refname")
    tags = (_git("tag", "--list", "v*", *options) or "").split()
    if not tags:
        raise Unusable(
            "no git tag v* to compare with yet: "
            "give OLD, such as a document, a git revision or a spec folder"
        )
    return tags[0]


def add(commands: Any) -> None:
    """Add `changes` to the commands."""
    summary = "report what changed between two documents, what breaks, and which version comes next"
    summary += " (needs Go)"
    description = summary[0].upper() + summary[1:] + "."
    command = commands.add_parser("changes", help=summary, description=description)
    source = "a document (JSON or YAML), a git revision or a spec folder"
    old = f"{source} (default: the newest git tag v*)"
    command.add_argument("old", nargs="?", metavar="OLD", help=old)
    new = f"{source} (default: spec)"
    command.add_argument("new", nargs="?", default="spec", metavar="NEW", help=new)
    command.add_argument("--json", action="store_true", help="print JSON")
    day = "write the report into CHANGELOG.md and set the next version"
    command.add_argument("--release", metavar="DATE", help=day)
    version = "a higher version than the changes ask for, with --release"
    command.add_argument("--version", metavar="X.Y.Z", help=version)
    command.set_defaults(spec=Path())


def run(args: argparse.Namespace) -> int:
    """Print the report, or release.

    Returns:
        The exit code: 0 done, whatever changed; 2 an argument cannot be used.

    Raises:
        BuildError: A tool is missing or fails, or the release is refused.
        SpecError: The house rules refuse the specification that is to be released.
    """
    try:
        _check_release(args)
        old = args.old or _newest_tag()
        changes = report(read(old), read(args.new), read_models(old), read_models(args.new))
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if args.release is not None:
        print(release(Path(args.new), changes, args.release, args.version))
    elif args.json:
        print(json.dumps(changes.as_dict(), ensure_ascii=False, indent=1))
    else:
        print(changes.markdown(), end="")
    return 0


def _check_release(args: argparse.Namespace) -> None:
    """Refuse to release what the house rules refuse."""
    if args.version and args.release is None:
        raise Unusable("--version says which version to release: give --release DATE with it")
    if args.release is None or not Path(args.new).is_dir():
        return
    args.spec = Path(args.new)
    if problems := check_spec(Spec.load(args.spec)):
        raise SpecError(problems)
