"""The form of the files: OpenAPI 3.2, vendors, ledger rows, extensions, references."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jmespath
import jsonschema_rs
from jmespath.exceptions import JMESPathError

from generator import join
from generator.document.names import SLUG
from generator.document.objects import COMPONENT_KINDS, Node
from generator.source import (
    COMMON_FILE,
    EXTENSIONS_FILE,
    LEDGER_NAME,
    MODELS_FOLDER,
    ROOT_FILE,
    VENDORS_FILE,
    Problem,
    file_name,
    obj,
    seq,
)

from .context import Context, explain, same
from .wording import keyword

COMMON_PART = COMMON_FILE.removesuffix(".yaml")
PLACES = {
    "x-file": ("field", "a field's schema"),
    "x-file-max": ("field", "a field's schema"),
    "x-segments": ("field", "a field's schema"),
    "x-names": ("field", "a schema"),
    "x-items": ("field", "a schema"),
    "x-returned": ("field", "a schema"),
    "x-search": ("document", "the document, in openapi.yaml"),
    "x-realtime": ("channel", "a channel of the AsyncAPI document"),
    "x-synonyms": ("document", "the document, in openapi.yaml"),
}
"""Where the extensions that do not belong on an operation stand."""

_OPERATION = ("operation", "an operation")

_PREFIXES = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": r"^/.*[^/]$"},
}
_VENDORS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "also": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "string", "minLength": 1},
            },
            "homes": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    **_PREFIXES,
                    "type": ["array", "object"],
                    "minProperties": 1,
                    "additionalProperties": _PREFIXES,
                },
            },
        },
    },
}
_LEDGER = {
    "type": "object",
    "propertyNames": {"pattern": r"^p(\d{3}|\d{6,10})$"},
    "additionalProperties": {
        "type": "object",
        "required": ["title"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "minLength": 1},
            "group": {"type": "string"},
            "operations": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "string"},
            },
            "guide": {"const": True},
            "unknown": {"type": "string", "minLength": 10},
            "pending": {"const": True},
            "note": {"type": "string", "minLength": 1},
        },
    },
}
_OBJECT = {"type": "object"}
_COMPONENTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        kind: _OBJECT for kind in join.COMPONENTS if kind not in ("securitySchemes", "links")
    },
}
_PATHS = {
    "type": "object",
    "propertyNames": {"pattern": "^/"},
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict.fromkeys(join.METHODS, _OBJECT),
    },
}
_DEFAULTS = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {key: {"type": ["object", "array"]} for key in join.SHARED},
}
_VENDOR_FILE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {join.DEFAULTS: _DEFAULTS, "paths": _PATHS, "components": _COMPONENTS},
}
_COMMON = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"components": _COMPONENTS},
}
_ROOT = {
    "type": "object",
    "required": ["tags"],
    "additionalProperties": False,
    "patternProperties": {"^x-": True},  # the rule about extensions has its say
    "properties": {
        join.DEFAULTS: _DEFAULTS,
        **dict.fromkeys(("openapi", "info", "servers", "security", "paths", "externalDocs"), True),
        "tags": {"type": "array", "items": _OBJECT},
        "components": {
            **_COMPONENTS,
            "properties": {**_COMPONENTS["properties"], "securitySchemes": _OBJECT},
        },
    },
}

# What the fix is, by the keyword that failed; the message already names the place and what was
# expected.
_FIXES = {
    "required": "add what is missing",
    "additionalProperties": "remove it, or correct its spelling",
    "unevaluatedProperties": "remove it, or correct its spelling",
    "propertyNames": "correct the name",
    "type": "give a value of that type; quote what is text",
    "enum": "choose one of those",
    "pattern": "write it in that form",
}


def fix_of(error: jsonschema_rs.ValidationError) -> str:
    """What to do about an error, by the keyword that failed."""
    return _FIXES.get(keyword(error), "correct it")


@cache
def _compiled(schema: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema))


@cache
def document_validator(version: str) -> jsonschema_rs.Validator:
    """For whole documents of an OpenAPI version, by the schema that openapi-spec-validator uses."""
    schema = (
        files("openapi_spec_validator")
        .joinpath(f"resources/schemas/v{version}/schema.json")
        .read_text(encoding="utf-8")
    )
    return jsonschema_rs.validator_for(json.loads(schema))


def form_of_files(context: Context) -> Iterator[Problem]:
    """Each file has the keys that its kind of file has."""
    sections = context.spec.sections()
    for name, content in context.spec.files.items():
        if content is None:
            continue
        section, slash, _ = name.partition("/")
        if slash and section == MODELS_FOLDER:
            continue  # the rules of models have their say
        if slash:
            yield from _place_problems(name, section, sections)
        if name in context.spec.realtime_files():
            continue  # the rules of realtime have their say
        for error in _compiled(json.dumps(_form_of(name))).iter_errors(content):
            path, message = explain(error)
            place = context.spec.locate(content, path) if path else (name, 1)
            yield Problem(*place, message, fix_of(error))


def _place_problems(name: str, section: str, sections: list[str]) -> Iterator[Problem]:
    """A file of a folder that is not where files are, or not called as they are."""
    if section not in sections:
        message = f"the folder `{section}` is not a section"
        fix = "move the file, or add the section's tag to openapi.yaml"
        yield Problem(name, 1, message, fix)
    if not name.endswith(".yaml"):
        yield Problem(name, 1, "the file does not end in .yaml", "rename it")


def _form_of(name: str) -> dict[str, Any]:
    """The JSON Schema of a file."""
    if name.endswith(f"/{LEDGER_NAME}"):
        return _LEDGER
    known = {ROOT_FILE: _ROOT, VENDORS_FILE: _VENDORS, COMMON_FILE: _COMMON}
    return known.get(name, _VENDOR_FILE)


def vendor_files(context: Context) -> Iterator[Problem]:
    """Each file belongs to a vendor of vendors.yaml and, where it holds paths, to one of its parts
    there.
    """
    for file in context.spec.vendor_files():
        where = f"{file.section}.{file.vendor}"
        homes = obj(obj(context.vendors.get(file.vendor)).get("homes")).get(file.section)
        if file.vendor not in context.vendors:
            fix = "add the vendor there, or name the file after one that is there"
            yield Problem(file.name, 1, f"{VENDORS_FILE} has no vendor `{file.vendor}`", fix)
        elif "paths" not in file.content:
            continue
        elif file.part and file.part not in obj(homes):
            message = f"{VENDORS_FILE} has no part `{file.part}` of {where}"
            fix = f"add it there under homes: {file.section}, with its path prefixes"
            fix += ", or move the paths"
            yield context.problem(file.content, "paths", message, fix)
        elif not file.part and isinstance(homes, dict):
            message = f"{VENDORS_FILE} has parts of {where}: {', '.join(homes)}"
            part = file_name(file.section, file.vendor, next(iter(homes), ""))
            fix = f"move the paths into them, such as {part}"
            yield context.problem(file.content, "paths", message, fix)


def vendors(context: Context) -> Iterator[Problem]:
    """Slugs have the form of slugs, homes are sections, and no prefix has two homes."""
    seen: dict[str, str] = {}
    for home in context.spec.homes():
        name = ".".join(filter(None, (home.section, home.vendor, home.part)))
        other = seen.setdefault(home.prefix, name)
        if (other, home.prefix) != (name, home.prefix) or home.listed.index(
            home.prefix
        ) != home.number:
            message = f"the prefix `{home.prefix}` is also the home of {other}"
            fix = "keep it at one vendor and section, or make one of the two longer"
            yield context.problem(home.listed, home.number, message, fix)
    for slug, vendor in context.vendors.items():
        if not SLUG.match(slug):
            yield context.problem(
                context.vendors,
                slug,
                f"the vendor slug `{slug}` is not snake_case",
                "write small letters, digits and single _",
            )
        homes = obj(obj(vendor).get("homes"))
        for section, prefixes in homes.items():
            if section not in context.spec.sections():
                message = f"there is no section `{section}`"
                fix = did_you_mean(section, context.spec.sections())
                yield context.problem(homes, section, message, fix)
            yield from _parts(context, f"{section}.{slug}", obj(prefixes))


def _parts(context: Context, where: str, prefixes: dict[str, Any]) -> Iterator[Problem]:
    for part in prefixes:
        if part == COMMON_PART:
            message = f"`{part}` is where the parts of {where} share, and has no paths"
        elif not SLUG.match(part):
            message = f"the part `{part}` of {where} is not a snake_case name"
        else:
            continue
        yield context.problem(prefixes, part, message, "choose another name")


def openapi(context: Context) -> Iterator[Problem]:
    """The joined document is OpenAPI 3.2 by the schema that openapi-spec-validator uses, and its
    schemas are JSON Schema 2020-12.
    """
    document = context.document
    if document.get("openapi") != "3.2.0":
        yield context.problem(
            context.spec.files.get(ROOT_FILE),
            "openapi",
            "the version is not 3.2.0",
            "write `openapi: 3.2.0`",
        )
        document = {**document, "openapi": "3.2.0"}
    for error in document_validator("3.2").iter_errors(document):
        path, message = explain(error)
        yield Problem(*context.spec.locate(context.document, path), message, fix_of(error))
    meta = _compiled('{"$ref": "https://json-schema.org/draft/2020-12/schema"}')
    for node in context.of_kind("schema"):
        if (node.above is None or node.above.kind != "schema") and not isinstance(node.value, bool):
            for error in meta.iter_errors(node.value):
                path, message = explain(error)
                yield context.problem(node.parent, node.key, message, fix_of(error), path)


def unread_parts(context: Context) -> Iterator[Problem]:
    """An operation has no part that neither the client nor these rules read."""
    fixes = {
        "callbacks": "say in x-task.webhook where the address to call goes",
        "servers": "remove it; the client sends every call to one host",
    }
    for operation in context.operations:
        for key in fixes.keys() & operation.node.keys():
            yield context.on(
                operation, key, f"{operation} has `{key}`, which nothing reads", fixes[key]
            )


_KEYWORDS = frozenset(
    "$ref $comment title description type enum const default example examples format deprecated "
    "readOnly writeOnly properties required additionalProperties patternProperties propertyNames "
    "minProperties maxProperties items prefixItems contains minContains maxContains minItems "
    "maxItems uniqueItems minLength maxLength pattern minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf allOf anyOf oneOf not if then else dependentRequired "
    "dependentSchemas contentMediaType contentEncoding contentSchema xml externalDocs".split()
)


def unknown_keywords(context: Context) -> Iterator[Problem]:
    """A misspelt keyword would be ignored by every tool, in silence."""
    for node in context.of_kind("schema"):
        for key in obj(node.value):
            if key not in _KEYWORDS and not key.startswith(("x-", "$")) and key != "discriminator":
                yield context.at(
                    node,
                    f"a schema has the unknown keyword `{key}`",
                    did_you_mean(key, sorted(_KEYWORDS)),
                    key,
                )


def unusual_keywords(context: Context) -> Iterator[Problem]:
    """No keyword that makes a schema a document of its own: every reference is `#/components/…`."""
    for node in context.of_kind("schema"):
        for key in (
            "$id",
            "$schema",
            "$anchor",
            "$dynamicRef",
            "$dynamicAnchor",
            "$defs",
            "discriminator",
        ):
            if key in obj(node.value):
                fix = (
                    "make it a named component and use $ref"
                    if key != "discriminator"
                    else "give the tag field of each variant a const"
                )
                yield context.at(node, f"a schema has `{key}`", fix, key)


def extensions(context: Context) -> Iterator[Problem]:
    """x- extensions are known, stand where they may, and say what extensions.schema.json allows."""
    try:
        schema = obj(context.spec.extensions_schema())
        validator = jsonschema_rs.Draft202012Validator(schema)
    except (OSError, ValueError) as error:
        yield Problem(
            EXTENSIONS_FILE, 1, f"it is no JSON Schema: {str(error).splitlines()[0]}", "correct it"
        )
        return
    definitions = obj(schema.get("properties"))
    for container, key, kind in _extension_keys(context):
        if key not in definitions:
            yield context.problem(
                container,
                key,
                f"the extension `{key}` is unknown",
                did_you_mean(key, list(definitions)),
            )
        elif kind != PLACES.get(key, _OPERATION)[0]:
            where = PLACES.get(key, _OPERATION)[1]
            yield context.problem(
                container,
                key,
                f"`{key}` does not belong on this {kind}",
                f"put it on {where}, or remove it",
            )
        else:
            for path, message, fix in extension_errors(schema, validator, key, container[key]):
                yield context.problem(container, key, f"`{key}`: {message}", fix, path)


def extension_errors(
    schema: dict[str, Any], validator: jsonschema_rs.Validator, key: str, value: Any
) -> Iterator[tuple[list[str | int], str, str]]:
    """Where and how the value of an extension breaks extensions.schema.json, and the fix."""
    for error in validator.iter_errors({key: value}):
        path, message = explain(error)
        yield path[1:], message, fix_of(error)
    for path, expression in _expressions(schema, obj(schema["properties"])[key], value):
        try:
            jmespath.compile(expression)
        except JMESPathError as error:
            fix = 'correct it; names that are not plain words go into "…"'
            yield path, f"`{expression}` is not JMESPath: {str(error).splitlines()[0]}", fix


def _expressions(
    schema: dict[str, Any], part: Any, value: Any
) -> Iterator[tuple[list[str | int], str]]:
    """The strings in a value that the extension schema says are JMESPath, and where they stand."""
    reference = obj(part).get("$ref")
    if reference == "#/$defs/jmespath":
        if isinstance(value, str):
            yield [], value
        return
    if isinstance(reference, str):
        part = obj(obj(schema.get("$defs")).get(reference.removeprefix("#/$defs/")))
    part = obj(part)
    for variant in seq(part.get("oneOf")):
        yield from _expressions(schema, variant, value)
    for key, inner in obj(value).items():
        for path, found in _expressions(
            schema, obj(part.get("properties")).get(key, part.get("additionalProperties")), inner
        ):
            yield [key, *path], found
    for number, inner in enumerate(seq(value)):
        for path, found in _expressions(schema, part.get("items"), inner):
            yield [number, *path], found


def _extension_keys(context: Context) -> Iterator[tuple[Any, str, str]]:
    """Every x- key outside of data: its container, itself, and what kind of object the container
    is.
    """
    for node in context.nodes:
        kind = "field" if node.kind == "schema" else node.kind
        yield from _own_extension_keys(node.value, kind)
        if node.role == "responses" and isinstance(node.key, str) and node.key.startswith("x-"):
            yield node.parent, node.key, "responses object"
    yield from _head_extension_keys(obj(context.spec.files.get(ROOT_FILE)))
    for content in context.spec.files.values():
        for kind in ("paths", "components"):
            yield from _own_extension_keys(obj(content).get(kind), f"{kind} object")


def _head_extension_keys(root: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    """Those of the document itself, outside of paths and components."""
    parts = ("paths", "components", join.DEFAULTS)
    head = {key: value for key, value in root.items() if key not in parts}
    yield from _nested_extension_keys(head)
    yield from ((root, key, kind) for _, key, kind in _own_extension_keys(head, "document"))


def _own_extension_keys(value: Any, kind: str) -> Iterator[tuple[Any, str, str]]:
    for key in obj(value):
        if key.startswith("x-"):
            yield value, key, kind


def _nested_extension_keys(value: Any, depth: int = 0) -> Iterator[tuple[Any, str, str]]:
    for key, inner in obj(value).items():
        if key.startswith("x-") and depth:
            yield value, key, "object"
        else:
            yield from _nested_extension_keys(inner, depth + 1)
    for inner in seq(value):
        yield from _nested_extension_keys(inner, depth + 1)


def references(context: Context) -> Iterator[Problem]:
    """Every `$ref` is local and points to a component of the kind that belongs there."""
    sections = {kind: section for section, kind in COMPONENT_KINDS.items()}
    for node in context.nodes:
        if not isinstance(node.value, dict) or "$ref" not in node.value:
            continue
        reference = node.value["$ref"]
        section = sections.get(node.kind)
        if section is None:
            yield context.at(
                node,
                f"there is a $ref where no component can stand ({node.kind})",
                "write out what is meant",
                "$ref",
            )
            continue
        prefix = f"#/components/{section}/"
        if not isinstance(reference, str) or not reference.startswith(prefix):
            message = f"the $ref `{reference}` does not point to {prefix}…"
            yield context.at(
                node,
                message,
                "refer to a named component; the files are joined, so no file name is needed",
                "$ref",
            )
            continue
        names = obj(context.document["components"].get(section))
        name = reference.removeprefix(prefix)
        if name not in names:
            yield context.at(
                node,
                f"the $ref `{reference}` points to nothing",
                did_you_mean(name, list(names)),
                "$ref",
            )
        elif obj(names[name]).get("$ref") == reference:
            yield context.at(
                node, f"the $ref `{reference}` points to itself", "describe it", "$ref"
            )


def unused_components(context: Context) -> Iterator[Problem]:
    """Every component is reached from an operation. `JsonObject` may wait for its first use."""
    components = {
        node.pointer: node
        for node in context.nodes
        if node.is_component and node.kind != "pathItem"
    }
    referred = _referred(context)
    reached = _reached([one for one in referred if one not in components], referred)
    for pointer, node in components.items():
        if pointer not in reached and node.key != "JsonObject":
            message = f"no operation uses the component `{node.key}`"
            yield context.at(node, message, "use or remove it")


def _reached(waiting: list[str], referred: dict[str, set[str]]) -> set[str]:
    """The pointers that references lead to from some objects, over any number of steps."""
    reached: set[str] = set()
    while waiting:
        for pointer in referred.get(waiting.pop(), set()) - reached:
            reached.add(pointer)
            waiting.append(pointer)
    return reached


def _referred(context: Context) -> dict[str, set[str]]:
    """What each component and operation refers to, by pointers."""
    referred: dict[str, set[str]] = {}
    for node in context.nodes:
        reference = obj(node.value).get("$ref")
        if isinstance(reference, str):
            referred.setdefault(_top(node).pointer, set()).add(reference.removeprefix("#"))
    return referred


def _top(node: Node) -> Node:
    while node.above is not None:
        node = node.above
    return node


def did_you_mean(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return (
        f"did you mean {' or '.join(f'`{other}`' for other in close)}?"
        if close
        else f"there is: {', '.join(names[:12]) or 'nothing yet'}"
    )


def resolves_to_string(context: Context, node: Node) -> bool:
    """Whether a schema takes a text, or a list of texts."""

    def text(schema: Any, depth: int = 0) -> bool:
        found = obj(context.resolve("", schema).value)
        types = found.get("type")
        if types == "string" or "string" in seq(types) or isinstance(found.get("const"), str):
            return True
        if depth > 5:
            return False
        parts = [part for kind in ("anyOf", "oneOf", "allOf") for part in seq(found.get(kind))]
        if types == "array" or "array" in seq(types):
            parts.append(found.get("items"))
        return any(text(part, depth + 1) for part in parts)

    return text(node.value)


def states_overlap(status: dict[str, Any]) -> list[Any]:
    """Values that `x-task-status` lists under two of pending, succeeded and failed."""
    listed = [
        (kind, value)
        for kind in ("pending", "succeeded", "failed")
        for value in seq(status.get(kind))
    ]
    return [
        value
        for number, (kind, value) in enumerate(listed)
        if any(k != kind and same(value, v) for k, v in listed[:number])
    ]
