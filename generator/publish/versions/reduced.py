"""What is made simpler in 3.0 alone, for generators of many languages.

A field of a form is text on the wire, whatever it holds, and generators write unions and objects
there as their languages print them: in 3.0 such a field is a string. One file or several are
several files, as a form has one part for each. Two spellings of one field of a request are one name
in most languages: in 3.0 the first is described. A union that is a whole body is one object. What
was there before is in an `x-` field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.document.references import references, resolve
from generator.join import operations
from generator.source import obj, seq

from .bodies import one_object_bodies
from .enum_names import with_enum_names
from .losses import Loss
from .prose import as_text, code, sentence
from .walk import SCALARS, SCHEMAS, UNIONS, Json, union_of

CARRIED = "x-schema"
ALSO = "x-also"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_BYTES = ("contentMediaType", "contentEncoding")
"""What only 3.1 says of bytes, for which 3.0 has a format."""


def reduced(document: Json, losses: list[Loss]) -> Json:
    """A copy of a 3.1 document with text in forms, and with one spelling of each request field.

    Args:
        document: The document.
        losses: Gets an entry for each field.
    """
    if "paths" not in document:
        return document
    paths = {path: dict(item) for path, item in obj(document["paths"]).items()}
    document = {**document, "paths": paths}
    components = obj(document.get("components"))
    schemas = dict(obj(components.get("schemas")))
    others = _reached(document, list(_but_forms(document)))
    for path, method, operation in operations(document):
        if changed := _with_text(document, schemas, operation, losses, others):
            document["paths"][path][method] = changed
    for name in sorted(_of_requests_alone(document) & schemas.keys()):
        place = f"{SCHEMAS}{name}"
        schema = _one_spelling(schemas[name], place, losses)
        schemas[name] = _one_branch(document, schema, place, losses)
    one_object_bodies(document, schemas, CARRIED, losses)
    if schemas:
        document["components"] = {**components, "schemas": schemas}
    return document


# -- forms -----------------------------------------------------------------------------------------


def _with_text(
    document: Json, schemas: Json, operation: Json, losses: list[Loss], others: set[str]
) -> Json | None:
    """An operation whose forms have text in place of unions and objects, if it has any such.

    A schema of `others`, which JSON is made of too, stays.
    """
    body = obj(operation.get("requestBody"))
    content = obj(body.get("content"))
    for media_type in _FORMS:
        media = obj(content.get(media_type))
        name = str(obj(media.get("schema")).get("$ref", "")).removeprefix(SCHEMAS)
        if name not in schemas or name in others:
            continue
        form = schemas[name]
        fields = {
            field: text
            for field, schema in obj(form.get("properties")).items()
            if (text := _text_field(document, schema) or _list_field(document, schema))
        }
        if not fields and CARRIED not in json.dumps(form):
            schemas[name] = _words_in_place(document, form)
            continue
        place = f"{SCHEMAS}{name}/properties"
        losses += [Loss("3.0", _lost(form, field), CARRIED, f"{place}/{field}") for field in fields]
        schemas[name] = _words_in_place(
            document, {**form, "properties": {**form["properties"], **fields}}
        )
        content = {**content, media_type: _with_text_examples(media, schemas[name])}
    return {**operation, "requestBody": {**body, "content": content}} if content else None


def _but_forms(document: Json) -> Iterator[Any]:
    """All that is sent and received but in forms."""
    for _, _, operation in operations(document):
        content = obj(obj(operation.get("requestBody")).get("content"))
        yield {kind: media for kind, media in content.items() if kind not in _FORMS}
        yield [operation.get("responses"), operation.get("parameters")]


def _lost(form: Json, field: str) -> str:
    """What a field had that text has not."""
    schema = form["properties"][field]
    words = ("$ref", *UNIONS, "properties", "items", "type")
    return f"schema.{next(word for word in words if word in schema)}"


def _text_field(document: Json, schema: Any) -> Json | None:
    """A field of a form as text, if it is a union of scalars, or an object."""
    if CARRIED in obj(schema):
        return None
    target = obj(resolve(document, schema, "a form"))
    kinds = set(_kinds(document, target))
    is_union = len(kinds) > 1 and kinds <= SCALARS
    if not (is_union or kinds == {"object"}) or "x-file" in target:
        return None
    own = str(obj(schema).get("description") or target.get("description") or "")
    said = "As JSON text." if kinds == {"object"} else ""
    made: Json = {"type": "string", "description": f"{sentence(own)} {said}".strip()}
    if words := _words(document, target):
        made["enum"] = words
    kept = {key: target[key] for key in ("x-default", "deprecated") if key in target}
    return {**made, **kept, CARRIED: _alone(schema)}


def _list_field(document: Json, schema: Any) -> Json | None:
    """A field of a form that takes a list, as most generators can write one."""
    return _files_field(schema) or _list_of_words(document, schema)


def _files_field(schema: Any) -> Json | None:
    """A field of a form that takes a file or several, as several."""
    for union in UNIONS:
        members = seq(obj(schema).get(union))
        lists = [one for one in members if obj(one).get("type") == "array"]
        if "x-file" in obj(schema) and len(lists) == 1 and lists[0].get("items") in members:
            rest = {key: value for key, value in schema.items() if key != union}
            items = {
                f"x-{key}" if key in _BYTES else key: of for key, of in lists[0]["items"].items()
            }
            return {**lists[0], "items": items, **rest, CARRIED: {union: members}}
    return None


def _list_of_words(document: Json, schema: Any) -> Json | None:
    """A list of words as a list of texts, whose description has the words.

    openapi-generator's client in Kotlin does not compile otherwise.
    """
    target = obj(resolve(document, schema, "a form"))
    words = seq(obj(resolve(document, target.get("items"), "a form")).get("enum"))
    if not words or CARRIED in target:
        return None
    told = f"Each is one of {', '.join(map(code, map(as_text, words)))}."
    about = f"{sentence(str(target.get('description') or ''))} {told}".strip()
    return {**target, "items": {"type": "string"}, "description": about, CARRIED: _alone(schema)}


def _words_in_place(document: Json, form: Json) -> Json:
    """A form whose fields list their words themselves.

    Where a field refers to them, openapi-generator's client in Rust does not compile.
    """
    fields: Json = obj(form.get("properties"))
    listed = {}
    for name, schema in fields.items():
        target = obj(resolve(document, schema, "a form")) if "$ref" in obj(schema) else {}
        if "enum" in target:
            rest = {key: one for key, one in schema.items() if key != "$ref"}
            listed[name] = {**target, **rest, CARRIED: {"$ref": schema["$ref"]}}
    return {**form, "properties": {**fields, **listed}} if listed else form


def _kinds(document: Json, schema: Json) -> Iterator[str]:
    """The JSON types of a schema and of its alternatives, without null."""
    members = [member for union in UNIONS for member in seq(schema.get(union))]
    for member in members:
        yield from _kinds(document, obj(resolve(document, member, "a form")))
    types = schema.get("type")
    own = [types] if isinstance(types, str) else seq(types)
    if not members and not own:
        yield "object" if "properties" in schema else "anything"
    yield from (one for one in own if one != "null")


def _words(document: Json, schema: Json) -> list[str]:
    """The words of a union of which each part lists its own, as text."""
    found: list[str] = []
    for union in UNIONS:
        for member in seq(schema.get(union)):
            listed = _listed(obj(resolve(document, member, "a form")))
            if not listed:
                return []
            found += map(as_text, listed)
    return list(dict.fromkeys(found))


def _with_text_examples(media: Json, form: Json) -> Json:
    """A media type whose examples have text where its form has."""
    carried = {name: one for name, one in form["properties"].items() if CARRIED in obj(one)}
    changed = {}
    for name, example in obj(media.get("examples")).items():
        value = obj(example).get("value")
        if isinstance(value, dict):
            given = {
                key: _lowered(value[key], field) for key, field in carried.items() if key in value
            }
            example = {**example, "value": {**value, **given}}
        changed[name] = example
    return {**media, "examples": changed} if changed else media


def _lowered(value: Any, field: Json) -> Any:
    """A value of an example as its field has it."""
    if field.get("type") == "array":
        return value if isinstance(value, list) else [value]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- spellings -------------------------------------------------------------------------------------


def _of_requests_alone(document: Json) -> set[str]:
    """The schemas that requests reach and responses do not."""
    contents = [one for _, _, one in operations(document)]
    asked = _reached(document, [one.get("requestBody") for one in contents])
    return asked - _reached(document, [one.get("responses") for one in contents])


def _reached(document: Json, roots: list[Any]) -> set[str]:
    components = obj(document.get("components"))
    todo = [ref for root in roots for ref in references(root)]
    seen: set[str] = set()
    while todo:
        ref = todo.pop()
        if ref not in seen:
            seen.add(ref)
            _, _, kind, name = ref.split("/")[:4]
            todo += references(obj(components.get(kind)).get(name))
    return {ref.removeprefix(SCHEMAS) for ref in seen if ref.startswith(SCHEMAS)}


def _one_spelling(schema: Json, place: str, losses: list[Loss]) -> Json:
    """An object whose fields have one spelling each; others are in `x-also` of the first."""
    kept: Json = {}
    first: dict[str, str] = {}
    for name, one in obj(schema.get("properties")).items():
        word = "".join(char for char in name if char.isalnum()).lower()
        if word in first and isinstance(kept[first[word]], dict):
            also = {**obj(kept[first[word]].get(ALSO)), name: _alone(one)}
            kept[first[word]] = {**kept[first[word]], ALSO: also}
            losses.append(Loss("3.0", f"properties.{name}", ALSO, f"{place}/properties"))
        else:
            first.setdefault(word, name)
            kept[name] = one
    return (
        {**schema, "properties": kept} if len(kept) < len(obj(schema.get("properties"))) else schema
    )


def _alone(schema: Any) -> Any:
    """A schema whose reference stands alone; where nothing lowers it, as in an `x-` field."""
    if "$ref" not in obj(schema) or len(schema) == 1:
        return schema
    rest = {key: one for key, one in schema.items() if key != "$ref"}
    return {**rest, "allOf": [{"$ref": schema["$ref"]}]}


# -- words as text and as numbers ------------------------------------------------------------------


def _one_branch(document: Json, schema: Json, place: str, losses: list[Loss]) -> Json:
    """An object whose fields list words once: as text, if the same words are numbers too."""
    changed = {}
    for name, one in obj(schema.get("properties")).items():
        if kept := _one_list(document, one):
            was = next(key for key in ("$ref", *UNIONS) if key in one)
            rest = {key: value for key, value in one.items() if key != was}
            changed[name] = {**kept, **rest, CARRIED: {was: one[was]}}
            losses.append(Loss("3.0", f"schema.{was}", CARRIED, f"{place}/properties/{name}"))
    return {**schema, "properties": {**schema["properties"], **changed}} if changed else schema


def _one_list(document: Json, field: Any) -> Json:
    """What a union of lists of words is without the union; nothing if it is none."""
    target = obj(resolve(document, field, "a field"))
    union = union_of(target)
    members = [obj(resolve(document, one, "a field")) for one in seq(target.get(union))]
    if len(members) < 2 or not all(map(_listed, members)):
        return {}
    texts = [one for one in members if one.get("type") == "string"]
    if len(texts) == len(members):
        return with_enum_names({"type": "string", "enum": _words(document, target)})
    words = {_spelled(member) for member in members}
    return next(iter(texts), members[0]) if len(words) == 1 else {}


def _spelled(member: Json) -> str:
    """The words of an enum as text."""
    return json.dumps(sorted(map(as_text, _listed(member))))


def _listed(schema: Json) -> list[Any]:
    """The values that a schema lists."""
    return [schema["const"]] if "const" in schema else seq(schema.get("enum"))
