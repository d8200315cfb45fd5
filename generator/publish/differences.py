"""What changed between two documents: oasdiff's findings, judged by our conventions, and what oasdiff does not look at.

oasdiff (https://github.com/oasdiff/oasdiff) knows parameters, requests and replies, event streams included. It passes over `x-` extensions,
and it does not know that a tag and an operationId are a method's name in Python. A net of our own below both tells what neither names.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ..build import BuildError, ToolMissing
from ..docstrings import price_text
from ..join import operations
from ..source import obj, seq

Json = dict[str, Any]
OASDIFF = Path(__file__).with_name("oasdiff")
BREAKING, ADDED, CHANGED = KINDS = ("breaking", "added", "changed")
WORDS = "words"
"""The rule of a change in words or examples alone."""
DOCUMENT = "document"
"""The home of what belongs to no operation."""


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


# What we judge otherwise than oasdiff does; the first pattern that fits a rule counts.
JUDGED = (
    # Enums and unions of replies are open: the client hands on a value or variant that it does not know.
    (r"response-.*(enum-value-added|became-not-enum|(any|one)-of-added)$", ADDED),
    # The bounds of a reply only describe: nobody refuses a reply by them.
    (r"response-(body|property|header)-(exclusive-)?(max|min|multiple-of|unique-items|pattern-(added|changed|removed))", CHANGED),
    # A program may read it, however seldom it came; its name is gone from the client's classes.
    (r"response-(optional-property|(body|property)-(any|one)-of)-removed$", BREAKING),
    # Announced or not, what used it fails.
    (r".*-removed-with-deprecation$", BREAKING),
)
# Told by us: a method's name, a class that operations still there returned; and the version, which the report decides.
OURS = re.compile(r"api-(tag|operation-id|schema|version|major-version)-")
ADDITION = re.compile(r"new-|endpoint-added|.*-(property|parameter|header|enum-value|media-type|status|any-of|one-of|body)-added")

# For the net. Evidence and samples are no part of the API, links are made from x-task, and the rest is compared by name.
PASSED = frozenset({"x-docs", "x-codeSamples", "links", "tags", "operationId"})
PROSE = frozenset({"summary", "description", "title", "example", "examples", "externalDocs"})
# The keywords whose keys are names of the API's own.
NAMING = frozenset(
    {"properties", "patternProperties", "$defs", "dependentSchemas", "responses", "content", "headers", "encoding", "mapping"}
)

# What an extension gives an operation, and the parts of it that decide which methods there are and what they return.
GIVES: dict[str, tuple[str, set[str]]] = {
    "x-task": ("the call is a task", {"when"}),
    "x-task-status": ("the reply tells a task's state", {"reply"}),
    "x-stream": ("the reply can be streamed", {"when", "accumulate", "reply"}),
    "x-success": ("a failure inside a 200 is told", set()),
    "x-pages": ("the pages can be iterated", {"parameter", "items"}),
    "x-upload": ("an upload of several steps is one call", {"method"}),
}


def compare(old: Json, new: Json) -> tuple[list[Change], int]:
    """What changed, in the order of the new document; and the number of operations of which only the evidence was looked at anew.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    old, moved = _follow(old, new)
    before, after = _by_call(old), _by_call(new)
    found: dict[str, list[Change]] = {call: [] for call in ("", *after, *before)}

    def add(call: str, kind: str, rule: str, text: str) -> None:
        operation = after.get(call) or before.get(call) or {}
        home = next(iter(seq(operation.get("tags"))), "") if call else DOCUMENT
        found[call].append(Change(kind, str(home), str(operation.get("operationId", "")), call, rule, text))

    for finding in _oasdiff(old, new):
        rule, call = finding["id"], f"{finding['operation']} {finding['path']}" if "path" in finding else ""
        if (call in before and call in after) or not call:
            if not OURS.match(rule):
                add(call, _judge(rule, finding["level"]), rule, finding["text"])
    for call in before.keys() | after.keys():
        if call not in after:
            add(call, BREAKING, "operation-removed", f"removed ({before[call].get('summary', '')})")
        elif call not in before:
            add(call, ADDED, "operation-added", f"new: {after[call].get('summary', '')}")
    parts, gone = _component_differences(old, new)
    evidence = 0
    for call in before.keys() & after.keys():
        was, now, told = before[call], after[call], bool(found[call])
        for kind, rule, text in _names(was, now, moved.get(call)):
            add(call, kind, rule, text)
        used = _reached(was, old)
        for name in sorted(used & gone):
            add(call, BREAKING, "component", f"`{name.rpartition('/')[2]}` is gone, and a class of that name with it")
        differing = [*_differences(was, now), *(part for name in sorted(used | _reached(now, new)) for part in parts.get(name, ()))]
        fresh = {part.at[-1] for part in differing if part.old is None}
        for part in differing:
            for kind, text in _extension(part, fresh) if part.what == "extension" else ():
                add(call, kind, part.at[-1], text)
        # oasdiff does not see a range such as 4XX come or go, whatever else it tells.
        shapes = {"/".join(part.at) for part in differing if part.what == "shape" and (not told or part.at[-1].endswith("XX"))}
        if silent := sorted(shapes):
            more = f" and {len(silent) - 1} more" if silent[1:] else ""
            add(call, CHANGED, "shape", f"described another way in `{silent[0]}`{more}")
        if differing and not found[call]:
            add(call, CHANGED, WORDS, "other words or examples")
        evidence += was.get("x-docs") != now.get("x-docs") and not found[call]
    if old.get("servers") != new.get("servers"):
        add("", CHANGED, "servers", "the servers changed")
    if any(_prose(old, key) != _prose(new, key) for key in ("info", "tags")):
        add("", CHANGED, WORDS, "other words in `info` or `tags`")
    return [change for changes in found.values() for change in changes], evidence


def _by_call(document: Json) -> dict[str, Json]:
    return {f"{method.upper()} {path}": operation for path, method, operation in operations(document)}


def _prose(document: Json, key: str) -> Any:
    """Without the version, which the report decides, and what `publish` stamps."""
    value = document.get(key)
    return {k: v for k, v in value.items() if k != "version" and not k.startswith("x-")} if isinstance(value, dict) else value


def _follow(old: Json, new: Json) -> tuple[Json, dict[str, str]]:
    """The old document with each operation at the path where the new one has it, so that the two are compared; and the calls that moved."""
    before, after = _by_call(old), _by_call(new)
    now = {operation.get("operationId"): call for call, operation in after.items()}
    paths: Json = {path: dict(item) for path, item in old["paths"].items()}
    moved = {}
    for call, operation in before.items():
        there = now.get(operation.get("operationId"), call)
        if call not in after and there not in before:
            moved[there] = call
            (was_method, was_path), (method, path) = call.split(" ", 1), there.split(" ", 1)
            paths.setdefault(path, {})[method.lower()] = paths[was_path].pop(was_method.lower())
    return {**old, "paths": paths}, moved


def _oasdiff(old: Json, new: Json) -> list[Json]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("old.json", "new.json")]
        for file, document in zip(files, (old, new), strict=True):
            file.write_text(json.dumps(document, default=str), encoding="utf-8")
        # Flattened: a field that moves into an allOf is the same field. In our own folder: oasdiff reads settings where it runs.
        command = ["go", "tool", "oasdiff", "changelog", *map(str, files), "--format", "json", "--flatten-allof", "--include-path-params"]
        try:
            done = subprocess.run(command, cwd=OASDIFF, capture_output=True, text=True, encoding="utf-8")
        except FileNotFoundError as error:
            raise ToolMissing("Go is not installed, and oasdiff, which compares, is a Go program: install Go 1.26 or newer") from error
    if done.returncode:
        raise BuildError(f"oasdiff failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return _once(json.loads(done.stdout or "[]") or [])


def _once(findings: list[Json]) -> list[Json]:
    """What is told of a field in JSON and in a form alike is told once: in Python they are one argument."""
    once: dict[tuple[str, ...], list[Json]] = {}
    for finding in findings:
        text = finding["text"].partition(" (media type: ")[0]
        once.setdefault((finding["id"], finding.get("operation", ""), finding.get("path", ""), text), []).append(finding)
    return [{**told[0], "text": key[-1]} if told[1:] else told[0] for key, told in once.items()]


def _judge(rule: str, level: int) -> str:
    """oasdiff's levels are 1 for information, 2 for what may break, 3 for what breaks."""
    ours = next((kind for pattern, kind in JUDGED if re.match(pattern, rule)), None)
    return ours or (BREAKING if level > 1 else ADDED if ADDITION.match(rule) else CHANGED)


def _names(was: Json, now: Json, old_call: str | None) -> Iterator[tuple[str, str, str]]:
    """What changed of the names under which an operation is called."""
    if old_call:
        kept = old_call.split(" ", 1)[1] in seq(now.get("x-aliases"))
        yield CHANGED if kept else BREAKING, "path", f"was `{old_call}`"
    old_name, new_name = _python_name(was), _python_name(now)
    if old_name != new_name:
        yield BREAKING, "name", f"`{old_name}` is now `{new_name}`"


def _python_name(operation: Json) -> str:
    home = str(next(iter(seq(operation.get("tags"))), ""))
    return f"client.{home}.{str(operation.get('operationId')).removeprefix(home.rpartition('.')[2] + '_')}"


class _Part(NamedTuple):
    """A part that differs; None stands for what is not there."""

    what: str
    at: tuple[str, ...]
    old: Any
    new: Any


def _differences(old: Any, new: Any, at: tuple[str, ...] = (), named: bool = False) -> Iterator[_Part]:
    """The smallest parts that differ; `named` when the keys are the API's own names, so that a field `x-y` or `title` is no keyword."""
    if old == new:
        return
    if at == ("parameters",) or (isinstance(old, list) and isinstance(new, list) and len(old) == len(new)):
        old, new, named = _keyed(seq(old)), _keyed(seq(new)), True
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield _Part("shape", at, old, new)
        return
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        if was == now or (not named and key in PASSED):
            continue
        if not named and (key.startswith("x-") or key in PROSE):
            yield _Part("extension" if key.startswith("x-") else "prose", (*at, key), was, now)
        else:
            yield from _differences(was, now, (*at, key), not named and key in NAMING)


def _keyed(items: list[Any]) -> Json:
    """A list by the names of its items, if they have names (parameters do), else by place."""
    return {str(obj(item).get("name", number)): item for number, item in enumerate(items)}


def _component_differences(old: Json, new: Json) -> tuple[dict[str, list[_Part]], set[str]]:
    """What differs in each component that both documents have, by `kind/name`; and which the new one has not."""
    before, after = (
        {f"{kind}/{name}": part for kind, parts in obj(document.get("components")).items() for name, part in parts.items()}
        for document in (old, new)
    )
    return {name: list(_differences(was, after[name])) for name, was in before.items() if name in after}, before.keys() - after.keys()


def _reached(operation: Json, document: Json) -> set[str]:
    """The components that an operation uses, as `kind/name`."""
    reached: set[str] = set()
    waiting = [operation]
    while waiting:
        names = set(re.findall(r'"#/components/([^"]+)"', json.dumps(waiting.pop(), default=str))) - reached
        reached |= names
        waiting += [obj(obj(document.get("components")).get(kind)).get(name) for kind, _, name in (each.partition("/") for each in names)]
    return reached


def _extension(part: _Part, fresh: set[str]) -> Iterator[tuple[str, str]]:
    """What a changed extension means; `fresh` names the fields that are new with it."""
    key, old, new = part.at[-1], part.old, part.new
    if key == "x-price":
        was, now = (price_text(prices).rstrip(".") if prices else "none documented" for prices in (old, new))
        yield CHANGED, f"price: {was} → {now}"
    elif key in ("x-file", "x-aliases", "x-unknown"):  # lists, or a mapping of which the keys count
        field = ".".join(name for keyword, name in pairwise(part.at) if keyword == "properties") or "the body"
        where = f"`{field}` takes a file as" if key == "x-file" else "its other path" if key == "x-aliases" else "not described:"
        lost, gained = ([each for each in one or () if each not in (other or ())] for one, other in ((old, new), (new, old)))
        worse, better = (gained, lost) if key == "x-unknown" else (lost, gained)
        if lost:
            yield BREAKING if worse is lost else ADDED, f"{where} {', '.join(lost)} no longer (`{key}`)"
        if gained:
            yield ADDED if better is gained else BREAKING, f"{where} {', '.join(gained)} now (`{key}`)"
    elif key == "x-shortcut":
        yield BREAKING if old else ADDED, f"`client.{old}` is gone" if old and not new else f"now `client.{new}`"
    elif key not in GIVES:
        yield CHANGED, f"`{key}` changed"
    elif old is None or new is None:
        switch = obj(new or old).get("when")
        # A task without a switch is what the method itself returns; a switch is no longer an argument that callers give.
        other = new is None or (key == "x-task" and not switch) or (switch and switch["name"] not in fresh)
        kind = CHANGED if key in ("x-success", "x-task-status") else BREAKING if other else ADDED
        yield kind, f"{GIVES[key][0]}{' no longer' if new is None else ' now'} (`{key}`)"
    else:
        parts = {name for name in {**old, **new} if old.get(name) != new.get(name)}
        broken = parts & GIVES[key][1] or (key == "x-task" and "cancel" in parts and "cancel" not in new)
        yield BREAKING if broken else CHANGED, f"{GIVES[key][0]}: {', '.join(sorted(parts))} changed (`{key}`)"
