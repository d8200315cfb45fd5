"""The calls of public programs (`data/observed-calls.json`), each held against the description.

What a program sends must be described and valid, what it reads must be in a reply, and how it polls
must be what `x-task` and `x-task-status` say. Where the description has better evidence than a
caller, `data/observed-exceptions.yaml` says so, record by record; an exception that nothing needs
any more fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api302_mock.document import BRANCHES, Document, Operation

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
DOCUMENT = Document(json.loads((ROOT / "generated" / "openapi.json").read_text(encoding="utf-8")))
RECORDS: list[dict[str, Any]] = json.loads(
    (DATA / "observed-calls.json").read_text(encoding="utf-8")
)
EXCEPTIONS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (DATA / "observed-exceptions.yaml").read_text(encoding="utf-8")
)

# The key as a query parameter: part of the gateway, not of an operation.
KEYS = {"key", "api_key", "apiKey", "apikey"}
JSON = "application/json"
FORM = "multipart/form-data"
# What a record says of a reply that is no JSON: which media types fit.
BODIES = {
    "(binary image bytes)": ("image/", "application/octet-stream"),
    "(binary audio bytes)": ("audio/", "application/octet-stream"),
    "(plain text body)": ("text/",),
    "(whole object)": (JSON,),
    "(see file)": ("",),
}
FILES = {"part"}
TEXTS = {"url", "base64", "data_url"}


def find(document: Document, method: str, path: str) -> tuple[Operation | None, bool]:
    """The operation of a call, and whether its path is described at all."""
    routes = [route for route, _ in document.match(path)]
    for route in routes:
        if method in route.operations:
            return route.operations[method], True
    return None, bool(routes)


def queries(operation: Operation) -> set[str]:
    """The names of the query parameters."""
    return {parameter["name"] for parameter in operation.parameters if parameter["in"] == "query"}


def misses(document: Document, operation: Operation, record: dict[str, Any]) -> list[str]:
    """What of a record the description lacks or contradicts, each as `what: name`."""
    found = [f"query: {name}" for name in record["query"] if name not in queries(operation) | KEYS]
    found += request_misses(document, operation, record)
    if "response" not in (operation.raw.get("x-unknown") or {}):
        found += [
            f"reads: {path}"
            for path in record["response_reads"]
            if not reads(document, operation, path)
        ]
    if record["poll"]:
        found += poll_misses(document, operation, record["poll"])
    return found


def request_misses(
    document: Document, operation: Operation, record: dict[str, Any]
) -> Iterator[str]:
    """What of the body is not described."""
    content: dict[str, Any] = (operation.body or {}).get("content", {})
    kind = record["content_type"]
    if kind == "none":
        if (operation.body or {}).get("required"):
            yield "body: none is sent"
        return
    if kind not in content:
        yield f"media: {kind}"
        return
    schema = document.resolve(content[kind]).get("schema", True)
    unknown = "request" in (operation.raw.get("x-unknown") or {})
    if kind == JSON:
        for error in document.validator(schema).iter_errors(record["body"]):
            yield f"invalid: /{'/'.join(map(str, error.instance_path))}"
        if not unknown:
            undescribed = (
                path
                for path in places(record["body"])
                if not has(document, schema, path, bare=True)
            )
            yield from sorted({f"body: {'.'.join(path)}" for path in undescribed})
        return
    yield from form_misses(document, schema, record, unknown=unknown)


def form_misses(
    document: Document, schema: Any, record: dict[str, Any], *, unknown: bool
) -> Iterator[str]:
    """What of a form is not described."""
    fields = document.properties(schema)
    sent = {one["name"]: one["kind"] for one in record["form_fields"]}
    yield from (
        f"form required: {name}" for name in sorted(required(document, schema)) if name not in sent
    )
    for name, given in sent.items():
        if name not in fields:
            if not unknown:
                yield f"form: {name}"
        elif given not in kinds(document, fields[name]):
            yield f"form {given}: {name}"


def places(value: Any, *steps: str) -> Iterator[list[str]]:
    """The path of each field of a JSON value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield [*steps, key]
            yield from places(inner, *steps, key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, *steps, str(number))


def required(document: Document, schema: Any) -> set[str]:
    """The fields that every value of an object schema has."""
    schema = document.resolve(schema)
    found = set(schema.get("required", []))
    for part in schema.get("allOf", []):
        found |= required(document, part)
    for branch in ("anyOf", "oneOf"):
        if branch in schema:
            found |= set.intersection(*(required(document, part) for part in schema[branch]))
    return found


def kinds(document: Document, schema: Any) -> set[str]:
    """How a form field can be given: as a `file`, as `text`, or both."""
    schema = document.resolve(schema)
    forms = set(schema.get("x-file", []))
    if "items" in schema and not forms:
        return kinds(document, schema["items"])
    parts = [part for branch in BRANCHES for part in schema.get(branch, [])]
    found = {kind for part in parts for kind in kinds(document, part)}
    if forms & FILES:
        found.add("file")
    if forms & TEXTS or not (forms or parts):
        found.add("text")
    return found


def replies(
    document: Document, operation: Operation, *, error: bool = False
) -> dict[str, list[Any]]:
    """The schemas of the replies by media type; of an event stream those of the events' data."""
    found: dict[str, list[Any]] = {}
    for status, response in operation.responses.items():
        if status.startswith("2") == error:
            continue
        for media_type, media in response.get("content", {}).items():
            media = document.resolve(media)
            event = document.properties(media.get("itemSchema")).get("data")
            found.setdefault(media_type, []).append(
                media.get("schema", True) if event is None else event
            )
    return found


def reads(document: Document, operation: Operation, path: str) -> bool:
    """Whether a reply can have what a program reads at a path such as `data.0.url`."""
    known = replies(document, operation)
    if path in BODIES:
        return any(media_type.startswith(BODIES[path]) for media_type in known)
    if any("xml" in media_type for media_type in known):
        return True  # The path is that of the program's own XML parser.
    steps = path.split(".")
    right = [schema for schemas in known.values() for schema in schemas]
    # Many programs read the reply of a failure in the same breath.
    wrong = [
        schema
        for schemas in replies(document, operation, error=True).values()
        for schema in schemas
    ]
    return any(has(document, schema, steps, bare=True) for schema in right) or any(
        has(document, schema, steps) for schema in wrong
    )


def has(document: Document, schema: Any, steps: list[str], *, bare: bool = False) -> bool:
    """Whether a schema describes a place.

    Args:
        document: Where references point.
        schema: What to look into.
        steps: The way there: names, or places in a list.
        bare: A value of which nothing is said may have anything.
    """
    schema = document.resolve(schema)
    if not steps:
        return True
    if not isinstance(schema, dict):
        return bare and schema
    step, rest = steps[0], steps[1:]
    parts = [part for branch in BRANCHES for part in schema.get(branch, [])]
    if "contentSchema" in schema:
        parts.append(schema["contentSchema"])
    if any(has(document, part, steps, bare=bare) for part in parts):
        return True
    named = (
        [schema.get("type", [])] if isinstance(schema.get("type"), str) else schema.get("type", [])
    )
    if re.fullmatch(r"\d+|\*", step) and ("items" in schema or "array" in named):
        return has(document, schema.get("items", True), rest, bare=bare)
    properties = schema.get("properties", {})
    if step in properties:
        return has(document, properties[step], rest, bare=bare)
    more = schema.get("additionalProperties", True)
    if isinstance(more, dict) and more:
        return has(document, more, rest, bare=bare)
    return (
        bare
        and more is not False
        and not properties
        and not parts
        and (not named or "object" in named)
    )


def poll_misses(document: Document, operation: Operation, poll: dict[str, Any]) -> Iterator[str]:
    """Where a program polls otherwise than the description says."""
    path, _, query = poll["path"].partition("?")
    fetch, _ = find(document, poll["method"], path)
    if fetch is None:
        yield f"poll: {poll['method']} {path}"
        return
    task = operation.raw.get("x-task")
    if task is None:
        yield "poll: x-task"
        return
    if fetch.id != task["fetch"]:
        yield f"poll fetch: {fetch.id}"
    yield from (
        f"poll query: {name}" for name in re.findall(r"(\w+)=", query) if name not in queries(fetch)
    )
    status = fetch.raw.get("x-task-status") or {}
    literal = [
        value for value in poll["done_values"] + poll["failed_values"] if not value.startswith("(")
    ]
    if not literal:
        return
    state = status.get("state", "")
    state = state if isinstance(state, str) else state["field"]
    # Which one of a list or a map is looked at does not matter: `jobs[].status` is `jobs.*.status`,
    # `values(data)[0]` is `data.{task_id}`.
    told = {
        re.sub(r"values\((\w+)\)|\[\d*\]", r"\1", place.strip(" ()")) for place in state.split("||")
    }
    asked = {
        re.sub(r"\.(\{\w+\}|\*|\d+)", "", place)
        for place in poll["status_field"].partition(" (")[0].split(" or ")
    }
    if not told & asked:
        yield f"poll state: {poll['status_field']}"
    for outcome, values in (("succeeded", poll["done_values"]), ("failed", poll["failed_values"])):
        known = {str(value).lower() for value in status.get(outcome, [])}
        yield from (
            f"poll {outcome}: {value}"
            for value in values
            if not value.startswith("(") and value.lower() not in known
        )


def call(record: dict[str, Any]) -> str:
    """A record's method and path."""
    return f"{record['method']} {record['path']}"


OUTSIDE = {path: row["why"] for row in EXCEPTIONS["outside"] for path in row["paths"]}
EXCEPTED = {row["record"]: row for row in EXCEPTIONS["excepted"]}


@pytest.mark.parametrize(
    "index", range(len(RECORDS)), ids=lambda index: f"{index} {call(RECORDS[index])}"
)
def test_the_description_allows_what_a_program_does(index: int) -> None:
    record = RECORDS[index]
    operation, described = find(DOCUMENT, record["method"], record["path"])
    if not described:
        assert record["path"] in OUTSIDE, f"neither described nor listed ({record['source']})"
        return
    assert record["path"] not in OUTSIDE, "described now: drop its row"
    found = ["method"] if operation is None else misses(DOCUMENT, operation, record)

    assert sorted(found) == sorted(EXCEPTED.get(index, {}).get("what", [])), record["source"]


def test_each_exception_names_a_record_and_a_reason() -> None:
    rows = EXCEPTIONS["outside"] + EXCEPTIONS["excepted"]
    paths = [path for row in EXCEPTIONS["outside"] for path in row["paths"]]

    assert all(row["why"].strip() for row in rows)
    assert {row["record"]: row["call"] for row in EXCEPTIONS["excepted"]} == {
        index: call(RECORDS[index]) for index in EXCEPTED
    }
    assert sorted(paths) == sorted(set(paths) & {record["path"] for record in RECORDS})


def test_how_many_agree(capsys: pytest.CaptureFixture[str]) -> None:
    outside = sum(record["path"] in OUTSIDE for record in RECORDS)
    agree = len(RECORDS) - outside - len(EXCEPTED)
    with capsys.disabled():
        print(
            f"\n{len(RECORDS)} observed calls: {agree} agree, {len(EXCEPTED)} excepted, "
            f"{outside} outside the 697 pages"
        )

    assert agree > 2 * (outside + len(EXCEPTED))


def spoilt(path: str, **changes: Any) -> set[str]:
    """What is found in the first record of a path once it is changed."""
    record = next(record for record in RECORDS if record["path"] == path) | changes
    operation, _ = find(DOCUMENT, record["method"], path)
    assert operation is not None
    return set(misses(DOCUMENT, operation, record))


def test_a_record_that_disagrees_is_caught() -> None:
    bagel, flux, sd3 = (
        "/302/submit/bagel",
        "/flux/v1/flux-2-max",
        "/sd/v2beta/stable-image/generate/sd3",
    )
    poll = {
        "method": "GET",
        "path": "/flux/v1/get_result?id={id}",
        "status_field": "status",
        "done_values": ["Ready"],
        "failed_values": [],
    }

    assert spoilt(bagel, query={"nonsense": "1"}) == {"query: nonsense"}
    assert spoilt(bagel, body={"prompt": 1, "nonsense": True}) == {
        "invalid: /prompt",
        "body: nonsense",
    }
    assert spoilt(bagel, content_type="multipart/form-data", body=None) == {
        "media: multipart/form-data"
    }
    assert spoilt(
        bagel, response_reads=["images.0.nonsense", "(binary image bytes)", "error.message"]
    ) == {
        "reads: images.0.nonsense",
        "reads: (binary image bytes)",
    }
    assert spoilt(
        sd3, form_fields=[{"name": "nonsense", "kind": "text"}, {"name": "image", "kind": "text"}]
    ) >= {
        "form: nonsense",
        "form text: image",
        "form required: prompt",
    }
    assert spoilt(flux, poll=poll) == set()
    assert spoilt(
        flux,
        poll=poll | {"done_values": ["fine"], "failed_values": ["Ready"], "status_field": "state"},
    ) == {
        "poll state: state",
        "poll succeeded: fine",
        "poll failed: Ready",
    }
    assert spoilt(flux, poll=poll | {"path": "/flux/v1/get_result?uid={id}"}) == {"poll query: uid"}
    assert any(
        miss.startswith("poll fetch")
        for miss in spoilt(flux, poll=poll | {"path": "/302/task/{id}/fetch"})
    )
    assert spoilt(flux, poll=poll | {"path": "/no/such"}) == {"poll: GET /no/such"}
    assert spoilt(bagel, poll=poll) == {"poll: x-task"}
