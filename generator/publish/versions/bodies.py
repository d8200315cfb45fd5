"""A union as a whole body, which is one object in 3.0.

Many generators cannot write such a body, or write none: tools that make a tool of a call show no
argument of it. The object has the fields of all branches, and demands what all of them demand.
"""

from __future__ import annotations

from generator.document.references import resolve
from generator.join import operations
from generator.source import obj, seq

from .losses import Loss
from .walk import SCALARS, SCHEMAS, Json, union_of

_OF_OBJECT = {"type", "description", "properties", "required"}


def one_object_bodies(document: Json, schemas: Json, carried: str, losses: list[Loss]) -> None:
    """Put one object in place of each union that is a whole body.

    Args:
        document: A document of OpenAPI 3.1.
        schemas: Its schemas, which are changed.
        carried: The field that gets the union.
        losses: Gets an entry for each.
    """
    for name in sorted(_bodies(document) & schemas.keys()):
        schema = schemas[name]
        union = union_of(schema)
        branches = [obj(resolve(document, one, name)) for one in seq(schema.get(union))]
        if branches and all(map(_is_object, branches)):
            rest = {key: value for key, value in schema.items() if key != union}
            schemas[name] = {**rest, **_merged(document, branches), carried: {union: schema[union]}}
            losses.append(Loss("3.0", f"schema.{union}", carried, f"{SCHEMAS}{name}"))


def _bodies(document: Json) -> set[str]:
    """The names of the schemas that are a whole body."""
    names: set[str] = set()
    for _, _, operation in operations(document):
        content = obj(obj(operation.get("requestBody")).get("content"))
        names |= {str(obj(obj(media).get("schema")).get("$ref")) for media in content.values()}
    return {name.removeprefix(SCHEMAS) for name in names}


def _is_object(branch: Json) -> bool:
    return "properties" in branch and branch.keys() <= _OF_OBJECT


def _merged(document: Json, branches: list[Json]) -> Json:
    fields: dict[str, list[Json]] = {}
    for branch in branches:
        for name, schema in branch["properties"].items():
            fields.setdefault(name, []).append(schema)
    required = [set(seq(branch.get("required"))) for branch in branches]
    common = [name for name in fields if all(name in names for names in required)]
    properties = {name: _one_field(document, schemas) for name, schemas in fields.items()}
    return {
        "type": "object",
        **({"required": common} if common else {}),
        "properties": properties,
    }


def _one_field(document: Json, schemas: list[Json]) -> Json:
    """A field as all branches have it; where they differ, as any of them has it."""
    bare = [{key: value for key, value in one.items() if key != "description"} for one in schemas]
    if all(one == bare[0] for one in bare):
        return schemas[0]
    if words := _all_words(schemas):
        return {"type": "string", "enum": words, **_shared(schemas)}
    if types := _types_but_null(schemas):
        return {"type": types, **_shared(schemas)}
    targets = [obj(resolve(document, one, "a field of a body")) for one in schemas]
    if all(map(_is_object, targets)):
        return _merged(document, targets)
    return {"anyOf": _each_once(bare)}


def _each_once(schemas: list[Json]) -> list[Json]:
    return [one for number, one in enumerate(schemas) if one not in schemas[:number]]


def _shared(schemas: list[Json]) -> Json:
    """What all branches say of a field, and the first's description."""
    first = schemas[0]
    return {
        key: value
        for key, value in first.items()
        if key == "description" or all(one.get(key) == value for one in schemas)
    }


def _types_but_null(schemas: list[Json]) -> str | list[str]:
    """The one type of all branches, with null where one allows it; empty if there are several.

    A union of two texts is one that generators make nonsense of.
    """
    types: list[str] = []
    for schema in schemas:
        own = schema.get("type")
        types += [own] if isinstance(own, str) else seq(own) or ["anything"]
    types = list(dict.fromkeys(types))
    plain = [one for one in types if one != "null"]
    if len(plain) != 1 or plain[0] not in SCALARS:
        return []
    return types if len(types) > 1 else types[0]


def _all_words(schemas: list[Json]) -> list[str]:
    """The words of all branches, if each lists its own."""
    words: list[str] = []
    for schema in schemas:
        own = [schema["const"]] if "const" in schema else seq(schema.get("enum"))
        if not own or schema.get("type") != "string":
            return []
        words += own
    return list(dict.fromkeys(words))
