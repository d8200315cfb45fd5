"""In which module of `api302_client.params` the type of each request schema is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from generator.document import Document, Schema

COMMON = "common"


def owners(document: Document) -> dict[str, str]:
    """The params module of each schema that requests reach.

    It is the vendor's, or `common` if several vendors reach the schema.

    So a common schema never refers to a vendor's, and modules import each other in one direction
    alone.
    """
    reached: dict[str, set[str]] = {}
    for tag, roots in _requests(document):
        for name in _reach(roots):
            reached.setdefault(name, set()).add(tag.replace(".", "_"))
    return {
        name: min(homes) if len(homes) == 1 else COMMON
        for name, homes in sorted(reached.items())
        if name in document.schemas and not document.schemas[name].is_open_object
    }


def _requests(document: Document) -> Iterator[tuple[str, list[Schema]]]:
    """What each call is asked with, and its tag."""
    for operation in document.operations:
        media = operation.body.media.values() if operation.body else ()
        parameters = [one.schema for one in operation.parameters]
        yield operation.tag, [*(one.schema for one in media), *parameters]
    for call in document.realtime:
        yield call.tag, list(call.argument_schemas)


def _reach(roots: Iterable[Schema]) -> set[str]:
    """Names of the schemas that types of these are made of."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        schema = todo.pop()
        if not schema.ref:
            todo += _parts(schema)
        elif schema.target_name not in found:
            found.add(schema.target_name)
            todo.append(schema.referred)
    return found


def _parts(schema: Schema) -> list[Schema]:
    """The schemas inside a schema of which its type is made."""
    if is_file(schema):
        return []
    fields = list(schema.properties.values()) or ([schema.additional] if schema.additional else [])
    items = [schema.items] if schema.items else []
    members = [*schema.any_of, *schema.one_of, *schema.all_of]
    return [*fields, *items, *(member for member in members if member.has_shape)]


def is_file(schema: Schema) -> bool:
    """A text that may be sent as a part of a form: the content of a file."""
    is_text = schema.is_file and "string" in schema.types
    return is_text and "part" in (schema.file_forms or ["part"])
