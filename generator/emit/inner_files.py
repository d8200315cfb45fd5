"""Where a request takes files below its fields, such as the images inside messages."""

from __future__ import annotations

from collections.abc import Iterator

from generator.document import Operation, Schema
from generator.document.media import is_json
from generator.source import seq


def inner_files(operation: Operation) -> dict[str, list[str]]:
    """By path, such as `messages[].content[].image_url.url`, the forms in which a file is taken.

    The fields of the body themselves are not among them: methods know those as arguments.
    """
    found: dict[str, list[str]] = {}
    media = operation.body.media.values() if operation.body else ()
    for schema in (one.schema for one in media if is_json(one.type)):
        for path, forms in _files(schema, "", ()):
            if "." in path or "[]" in path.rstrip("[]"):
                found[path] = list(dict.fromkeys([*found.get(path, ()), *forms]))
    return dict(sorted(found.items()))


def _files(schema: Schema, path: str, seen: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """The files below a place; `seen` are the schemas on the way, which may hold themselves."""
    if schema.ref:
        if schema.target_name not in seen:
            yield from _files(schema.referred, path, (*seen, schema.target_name))
        return
    if seq(schema.node.get("x-file")):
        yield path, schema.file_forms
        return
    if schema.items:
        yield from _files(schema.items, f"{path}[]", seen)
    for wire, inner in schema.properties.items():
        yield from _files(inner, f"{path}.{wire}" if path else wire, seen)
    for member in [*schema.any_of, *schema.one_of, *schema.all_of]:
        yield from _files(member, path, seen)
