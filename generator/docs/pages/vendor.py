"""A vendor's own OpenAPI document: its operations as calls behind the provider's prefix.

It is foreign text like a page, and says how the vendor's host is called, not that 302.AI passes all
of it on. So a draft from it takes no price, and marks each fact for a person to check.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from generator.docs import DocsError, PageError
from generator.join import METHODS
from generator.source import obj, seq

from . import Page, note, openapi
from .plain_yaml import UnusableYaml, load
from .schemas import LIMITS
from .untrusted import is_path, one_line, quoted
from .values import parse

LONGEST_DOCUMENT = 20_000_000
"""Bytes of a vendor's document."""
MOST_CALLS = 50
"""Operations of one draft."""

_MOST_NODES = 2_000_000
_MOST_NAMED = 12
# What `schemas` reads, and what says nothing of a value.
_READ = {
    *LIMITS,
    *("$ref", "type", "nullable", "enum", "const", "default", "description"),
    *("properties", "required", "items", "anyOf", "oneOf", "allOf", "deprecated"),
    *("title", "example", "examples", "xml", "externalDocs", "readOnly", "writeOnly"),
}
_INSIDE = ("items", "anyOf", "oneOf", "allOf", "not", "additionalProperties")
_MOST_SCHEMAS = 5000


def vendor_pages(text: str, source: str, prefix: str, wanted: list[str]) -> list[Page]:
    """The operations of a document, a page each, behind a prefix.

    Args:
        text: The document, JSON or YAML.
        source: Where it is from.
        prefix: What 302.AI puts before the vendor's paths: `/ws`.
        wanted: Patterns of the vendor's paths, as `/v1/videos/*`; all if there is none.

    Raises:
        PageError: It is not an OpenAPI document of version 3.
        DocsError: The prefix is none, or so many calls, or none, are wanted.
    """
    if not is_path(prefix) or prefix.endswith("/"):
        raise DocsError(f"--prefix {one_line(prefix, 100)}: write a path such as /ws")
    document = _document(text, source)
    calls = list(_operations(document))
    chosen = [one for one in calls if _is_wanted(one[0], wanted)]
    if not chosen:
        paths = ", ".join(quoted(path) for path, *_ in calls[:_MOST_NAMED])
        have = f"it has {paths}" if calls else "it has no operation"
        raise DocsError(f"{source}: no path is {' or '.join(wanted) or 'there'}; {have}")
    if len(chosen) > MOST_CALLS:
        many = f"{len(chosen)} operations; a person reviews at most {MOST_CALLS} at a time"
        raise DocsError(f"{source}: {many}. Choose with --path PATTERN")
    base = prefix + _base(document)
    return [_page(document, source, base, *one) for one in chosen]


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        read = parse if text.lstrip()[:1] == "{" else load
        document = read(text, _MOST_NODES)
    except UnusableYaml as error:
        reason = f"this is neither JSON nor YAML: {one_line(error.reason)}"
        raise PageError(source, reason, error.line) from error
    except ValueError as error:
        raise PageError(source, f"this is not JSON: {one_line(str(error))}") from error
    version = str(obj(document).get("openapi") or "")
    if not version.startswith("3."):
        kind = "Swagger 2, which is to be converted first" if "swagger" in obj(document) else ""
        kind = kind or "not an OpenAPI document of version 3"
        raise PageError(source, f"this is {kind}")
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, with the parameters that all methods of a path share."""
    for path, item in obj(document.get("paths")).items():
        shared = seq(obj(item).get("parameters"))
        for method, operation in obj(item).items():
            if method in METHODS and isinstance(operation, dict):
                own = seq(operation.get("parameters"))
                yield path, method, {**operation, "parameters": [*shared, *own]}


def _is_wanted(path: str, wanted: list[str]) -> bool:
    return not wanted or any(fnmatch.fnmatchcase(path, pattern) for pattern in wanted)


def _base(document: dict[str, Any]) -> str:
    """The path of the first server, which belongs to the vendor's paths."""
    first = next(iter(seq(document.get("servers"))), {})
    try:
        path = urlsplit(str(obj(first).get("url") or "")).path.rstrip("/")
    except ValueError:
        return ""
    return path if is_path(path) else ""


def _page(
    document: dict[str, Any], source: str, base: str, path: str, method: str, node: dict[str, Any]
) -> Page:
    page = Page(source, form="vendor")
    one = {"paths": {f"{base}{path}": {method: _plain(node)}}}
    openapi.read(page, {**one, "components": _plain(document.get("components"))})
    page.number = ""  # a number in its URL is not one of the provider's pages
    page.title = page.calls[0].summary
    for keyword in sorted(_unread(document, node)):
        note(page.refused, f"{quoted(keyword, 40)}, which a draft does not take")
    return page


def _plain(node: Any) -> Any:
    """A copy with `const` as the enum that it is."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _plain(value) for key, value in node.items()}
    if "const" in made and not isinstance(made["const"], dict) and "enum" not in made:
        made["enum"] = [made.pop("const")]
    return made


def _unread(document: dict[str, Any], node: dict[str, Any]) -> set[str]:
    """The keywords of an operation's schemas that are not read."""
    waiting = list(_schemas(node))
    found: set[str] = set()
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_SCHEMAS:
        schema = _target(document, obj(waiting.pop()))
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        is_file = schema.get("format") == "binary"
        read = _READ | ({"format"} if is_file else set())
        found |= {key for key in schema if key not in read and not key.startswith("x-")}
        waiting += _inside(schema)
    return found


def _schemas(node: dict[str, Any]) -> Iterator[Any]:
    """The schemas of an operation's bodies and parameters."""
    for body in [node.get("requestBody"), *obj(node.get("responses")).values()]:
        for media in obj(obj(body).get("content")).values():
            yield obj(media).get("schema")
    for parameter in seq(node.get("parameters")):
        yield obj(parameter).get("schema")


def _inside(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas that a schema is made of."""
    yield from obj(schema.get("properties")).values()
    for key in _INSIDE:
        inner = schema.get(key)
        yield from inner if isinstance(inner, list) else [inner]


def _target(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema's reference names, among the document's own schemas; else the schema."""
    name = str(schema.get("$ref") or "").removeprefix("#/components/schemas/")
    return obj(obj(obj(document.get("components")).get("schemas")).get(name)) or schema
