"""What oasdiff (https://github.com/oasdiff/oasdiff) finds in parameters, requests and responses.

Its findings are judged by our conventions, which differ from its own in the rules below.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from generator.build import BuildError, ToolMissing
from generator.publish.versions.walk import Json, walk
from generator.source import obj

from .report import ADDED, BREAKING, CHANGED, Finding

FOLDER = Path(__file__).with_name("oasdiff_go")

# Rules that we judge otherwise than oasdiff does; the first pattern that matches counts.
JUDGED = (
    # Enums and unions of responses are open: the client passes an unknown value or variant on.
    (r"response-.*(enum-value-added|became-not-enum|(any|one)-of-added)$", ADDED),
    # The bounds of a response only describe: no client refuses a response by them.
    (
        r"response-(body|property|header)-(exclusive-)?"
        r"(max|min|multiple-of|unique-items|pattern-(added|changed|removed))",
        CHANGED,
    ),
    # A program may read it, however rarely it came; its name is gone from the client's classes.
    (r"response-(optional-property|(body|property)-(any|one)-of)-removed$", BREAKING),
    # Announced or not, what used it fails.
    (r".*-removed-with-deprecation$", BREAKING),
)
# Reported by our own comparison: a method's name, the name of a schema that is gone. The version
# is what the report decides.
OURS = re.compile(r"api-(tag|operation-id|schema|version|major-version)-")
ADDITION = re.compile(
    r"new-|.*-(property|parameter|header|enum-value|media-type|status|any-of|one-of|body)-added"
)
PROSE = frozenset({"summary", "description", "title", "example", "examples", "externalDocs"})


def findings(old: Json, new: Json) -> dict[str, list[Finding]]:
    """oasdiff's findings by call, such as `GET /v1/models`; those of no operation under `""`.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    by_call: dict[str, list[Finding]] = {}
    for entry in entries(old, new):
        call = f"{entry['operation']} {entry['path']}" if "path" in entry else ""
        known = by_call.setdefault(call, [])
        finding = Finding(_judge(entry["id"], entry["level"]), entry["id"], _plain(entry["text"]))
        if not OURS.match(finding.rule) and finding not in known:
            known.append(finding)
    return by_call


def entries(old: Json, new: Json) -> list[Json]:
    """What oasdiff prints for two documents, one object a finding."""
    # Flattened: a field that moves into an allOf is the same field.
    options = ["--format", "json", "--flatten-allof", "--include-path-params"]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("old.json", "new.json")]
        for file, document in zip(files, (old, new), strict=True):
            file.write_text(json.dumps(_bare(document)), encoding="utf-8")
        command = ["go", "tool", "oasdiff", "changelog", *map(str, files), *options]
        try:
            # In our own folder, since oasdiff reads settings from the folder where it runs.
            done = subprocess.run(
                command, cwd=FOLDER, capture_output=True, text=True, encoding="utf-8"
            )
        except FileNotFoundError as error:
            raise ToolMissing(
                "Go is not installed, and oasdiff, which compares, is a Go program: "
                "install Go 1.26 or newer"
            ) from error
    if done.returncode:
        raise BuildError(f"oasdiff failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return json.loads(done.stdout or "[]") or []


def _bare(document: Json) -> Json:
    """A copy without prose in schemas, and with simple schemas inlined.

    To oasdiff a union's member with another description or another name is another member.
    """
    components = obj(obj(document.get("components")).get("schemas"))
    simple = {
        f"#/components/schemas/{name}": schema
        for name, schema in components.items()
        if _is_simple(schema)
    }

    def change(kind: str, node: Any, place: str) -> Any:
        if kind != "schema" or not isinstance(node, dict):
            return node
        if node.get("$ref") in simple:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            node = {**simple[node["$ref"]], **beside}
        in_union = place.rpartition("/")[0].endswith(("/anyOf", "/oneOf"))
        ignored = PROSE | {"default"} if in_union else PROSE
        kept = {key: value for key, value in node.items() if key not in ignored}
        return {key: value for key, value in kept.items() if not key.startswith("x-")}

    return walk(document, change)


def _is_simple(schema: Json) -> bool:
    return "properties" not in schema and '"$ref"' not in json.dumps(schema)


def _plain(text: str) -> str:
    """A finding without media types, which are one argument in Python, and without variants."""
    text = re.sub(r" \(media type: [^)]*\)|(any|one|all)Of\[[^\]]*\]/", "", text)
    return text.replace("#/components/schemas/", "").replace(" (item schema)", ", in an event")


def _judge(rule: str, level: int) -> str:
    """The kind of a finding. oasdiff's levels: 1 information, 2 may break, 3 breaks."""
    for pattern, kind in JUDGED:
        if re.match(pattern, rule):
            return kind
    if level > 1:
        return BREAKING
    return ADDED if ADDITION.match(rule) else CHANGED
