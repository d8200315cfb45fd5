"""What oasdiff (https://github.com/oasdiff/oasdiff) finds of parameters, requests, replies and event streams, judged by our conventions."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ..build import BuildError, ToolMissing
from ..source import obj
from .report import ADDED, BREAKING, CHANGED, Told
from .versions import Json, walk

FOLDER = Path(__file__).with_name("oasdiff")

# What we judge otherwise than oasdiff does; the first pattern that fits a rule counts.
JUDGED = (
    # Enums and unions of replies are open: the client hands on a value or variant that it does not know.
    (r"response-.*(enum-value-added|became-not-enum|(any|one)-of-added)$", ADDED),
    # The bounds of a reply only describe: nobody refuses a reply by them.
    (
        r"response-(body|property|header)-(exclusive-)?(max|min|multiple-of|unique-items|pattern-(added|changed|removed))",
        CHANGED,
    ),
    # A program may read it, however seldom it came; its name is gone from the client's classes.
    (r"response-(optional-property|(body|property)-(any|one)-of)-removed$", BREAKING),
    # Announced or not, what used it fails.
    (r".*-removed-with-deprecation$", BREAKING),
)
# Told by us: a method's name, the name of a schema that is gone; and the version, which the report decides.
OURS = re.compile(r"api-(tag|operation-id|schema|version|major-version)-")
ADDITION = re.compile(
    r"new-|.*-(property|parameter|header|enum-value|media-type|status|any-of|one-of|body)-added"
)
PROSE = frozenset({"summary", "description", "title", "example", "examples", "externalDocs"})


def findings(old: Json, new: Json) -> dict[str, list[Told]]:
    """By call, such as `GET /v1/models`, what differs; under an empty text what belongs to no operation.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    found: dict[str, list[Told]] = {}
    for finding in _run(old, new):
        rule, call = (
            finding["id"],
            f"{finding['operation']} {finding['path']}" if "path" in finding else "",
        )
        told = (_judge(rule, finding["level"]), rule, _plain(finding["text"]))
        if not OURS.match(rule) and told not in found.setdefault(call, []):
            found[call].append(told)
    return found


def _run(old: Json, new: Json) -> list[Json]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("old.json", "new.json")]
        for file, document in zip(files, (old, new), strict=True):
            file.write_text(json.dumps(_bare(document)), encoding="utf-8")
        # Flattened: a field that moves into an allOf is the same field. In our own folder: oasdiff reads settings where it runs.
        command = [
            "go",
            "tool",
            "oasdiff",
            "changelog",
            *map(str, files),
            "--format",
            "json",
            "--flatten-allof",
            "--include-path-params",
        ]
        try:
            done = subprocess.run(
                command, cwd=FOLDER, capture_output=True, text=True, encoding="utf-8"
            )
        except FileNotFoundError as error:
            raise ToolMissing(
                "Go is not installed, and oasdiff, which compares, is a Go program: install Go 1.26 or newer"
            ) from error
    if done.returncode:
        raise BuildError(f"oasdiff failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return json.loads(done.stdout or "[]") or []


def _bare(document: Json) -> Json:
    """A copy whose schemas have no words, and simple ones no names: to oasdiff, a variant with another description or name is another."""
    schemas = {
        f"#/components/schemas/{name}": obj(schema)
        for name, schema in obj(obj(document.get("components")).get("schemas")).items()
    }
    simple = {
        name: schema
        for name, schema in schemas.items()
        if "properties" not in schema and '"$ref"' not in json.dumps(schema)
    }

    def change(kind: str, node: Any, place: str) -> Any:
        if kind != "schema" or not isinstance(node, dict):
            return node
        if node.get("$ref") in simple:
            node = {
                **simple[node["$ref"]],
                **{key: value for key, value in node.items() if key != "$ref"},
            }
        passed = (
            PROSE | {"default"}
            if place.rpartition("/")[0].endswith(("/anyOf", "/oneOf"))
            else PROSE
        )
        return {
            key: value
            for key, value in node.items()
            if key not in passed and not key.startswith("x-")
        }

    return walk(document, change)


def _plain(text: str) -> str:
    """A finding without the media types, which are one argument in Python, and the variants that lead to a field."""
    text = re.sub(r" \(media type: [^)]*\)|(any|one|all)Of\[[^\]]*\]/", "", text)
    return text.replace("#/components/schemas/", "").replace(" (item schema)", ", in an event")


def _judge(rule: str, level: int) -> str:
    """oasdiff's levels are 1 for information, 2 for what may break, 3 for what breaks."""
    ours = next((kind for pattern, kind in JUDGED if re.match(pattern, rule)), None)
    return ours or (BREAKING if level > 1 else ADDED if ADDITION.match(rule) else CHANGED)
