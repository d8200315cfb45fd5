"""The AsyncAPI document of the publication: stamped, and read by AsyncAPI's own parser first."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from generator.build import BuildError, as_json
from generator.publish.npm import installed
from generator.publish.yaml_text import as_yaml
from generator.source import obj, seq

FOLDER = Path(__file__).parent
NAME = "asyncapi-3.0"
PARSER = "node_modules/@asyncapi/parser/package.json"
SECONDS = 120.0
"""For the parser to read a document."""
_MOST = 20

Json = dict[str, Any]


def write(document: Json, folder: Path) -> None:
    """Write the AsyncAPI document into the publication, as JSON and YAML; nothing without one.

    Raises:
        ToolMissing: npm is not installed.
        BuildError: The document is not valid, or the parser cannot be run.
    """
    if not document:
        return
    made = stamped(document)
    validate(made)
    (folder / f"{NAME}.json").write_text(as_json(made), encoding="utf-8", newline="\n")
    (folder / f"{NAME}.yaml").write_text(as_yaml(made), encoding="utf-8", newline="\n")


def of_tags(document: Json, only: Sequence[str]) -> Json:
    """The document with the channels of some tags and sections alone; all of it without any."""
    if not only:
        return document
    channels = {
        name: channel
        for name, channel in obj(document.get("channels")).items()
        if {tag := channel["tags"][0]["name"], tag.partition(".")[0]} & set(only)
    }
    refs = {f"#/channels/{name}" for name in channels}
    operations = {
        name: operation
        for name, operation in obj(document.get("operations")).items()
        if operation["channel"]["$ref"] in refs
    }
    return {**document, "channels": channels, "operations": operations} if channels else {}


def stamped(document: Json) -> Json:
    """A copy that says what it was made from, as the OpenAPI documents do."""
    digest = hashlib.sha256(as_json(document).encode()).hexdigest()
    channels = map(obj, obj(document.get("channels")).values())
    days = [str(entry["seen"]) for one in channels for entry in seq(one.get("x-docs"))]
    stamp = {"x-content-hash": f"sha256:{digest}", "x-evidence-date": max(days, default="")}
    return {**document, "info": {**document["info"], **stamp}}


def validate(document: Json) -> None:
    """Refuse a document that AsyncAPI's parser finds fault with.

    Raises:
        ToolMissing: npm is not installed.
        BuildError: The first faults, each with its place; or the parser cannot be run.
    """
    with installed(FOLDER, "the AsyncAPI document", PARSER) as tools:
        (tools / "document.json").write_text(as_json(document), encoding="utf-8")
        (tools / "validate.js").write_bytes((FOLDER / "validate.js").read_bytes())
        faults = _faults(tools)
    if faults:
        lines = ["the AsyncAPI document is not valid, and nothing is published:"]
        lines += [f"  #/{one['place']}: {one['message'][:300]}" for one in faults[:_MOST]]
        raise BuildError("\n".join(lines))


def _faults(tools: Path) -> list[dict[str, str]]:
    try:
        done = subprocess.run(
            ["node", "validate.js", "document.json"],
            cwd=tools,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"AsyncAPI's parser could not be run: {error}") from None
    try:
        faults: list[dict[str, str]] = json.loads(done.stdout)
    except ValueError:
        raise BuildError(f"AsyncAPI's parser failed: {done.stderr.strip()[-500:]}") from None
    return faults
