"""Names and homes: operation ids, tags, paths, schema names, field names."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from generator.document import Operation
from generator.document.names import (
    METHOD_ARGUMENTS,
    RESERVED_CLASSES,
    RESERVED_FIELDS,
    SLUG,
    TYPE_NAMES,
    class_name,
    pascal,
)
from generator.document.references import references
from generator.source import COMMON_FILE, Home, Problem, obj, seq

from .context import Context
from .structure import did_you_mean

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


def operation_ids(context: Context) -> Iterator[Problem]:
    """An operationId is `<vendor>_<action>`, unique, and the action can be a method."""
    seen: dict[str, Operation] = {}
    methods: dict[tuple[str, str, str], Operation] = {}
    for operation in context.operations:
        identifier, prefix = operation.id, f"{operation.vendor}_"
        if not identifier:
            yield context.on(
                operation,
                "operationId",
                f"{operation} has no operationId",
                f"give it one: {prefix}<action>",
            )
            continue
        if not SLUG.match(identifier) or not identifier.startswith(prefix):
            message = f"the operationId `{identifier}` is not {prefix}<action> in snake_case"
            yield context.on(
                operation,
                "operationId",
                message,
                f"name it {prefix}… with small letters, digits and single _",
            )
        if identifier in seen:
            there = "{}:{}".format(
                *(context.spec.place(seen[identifier].node, "operationId") or ("", 0))
            )
            yield context.on(
                operation,
                "operationId",
                f"the operationId `{identifier}` is already used in {there}",
                "rename one of the two",
            )
            continue
        seen[identifier] = operation
        yield from _method_names(context, operation, methods)


def _method_names(
    context: Context, operation: Operation, seen: dict[tuple[str, str, str], Operation]
) -> Iterator[Problem]:
    for method in _methods(operation):
        if not method.isidentifier() or keyword.iskeyword(method):
            message = f"`{method}` cannot be the name of a method"
            yield context.on(operation, "operationId", message, "choose another action")
        other = seen.setdefault((operation.section, operation.vendor, method), operation)
        if other is not operation:
            message = f"the method `{method}` of `{operation.id}` is also one of `{other}`"
            fix = "choose another action for one of the two"
            yield context.on(operation, "operationId", message, fix)


def _methods(operation: Operation) -> list[str]:
    """The methods that the namespace gets for an operation."""
    action = operation.id.removeprefix(f"{operation.vendor}_")
    kinds = {"x-stream": "stream_", "x-pages": "iter_"}
    derived = [
        prefix + action for extension, prefix in kinds.items() if extension in operation.node
    ]
    if "x-structured" in operation.node:
        derived.append(f"parse_{action}")
    if "when" in obj(operation.node.get("x-task")):
        derived.append(f"submit_{action}")
    derived += (
        [str(upload["method"])]
        if "method" in (upload := obj(operation.node.get("x-upload")))
        else []
    )
    return [action, *derived]


def shortcuts(context: Context) -> Iterator[Problem]:
    """No two operations have one x-shortcut."""
    seen: dict[str, Operation] = {}
    for operation in context.operations:
        name = operation.node.get("x-shortcut")
        if isinstance(name, str):
            other = seen.setdefault(name, operation)
            if other is not operation:
                yield context.on(
                    operation,
                    "x-shortcut",
                    f"the shortcut `{name}` is already that of `{other}`",
                    "give it to one of the two",
                )
            elif any(keyword.iskeyword(part) for part in name.split(".")):
                yield context.on(
                    operation,
                    "x-shortcut",
                    f"the shortcut `{name}` has a Python keyword in it",
                    "choose another word",
                )


def shared_shortcuts(context: Context) -> Iterator[Problem]:
    """`x-shared-shortcut` is the shortcut of another operation."""
    known = {str(one.node["x-shortcut"]) for one in context.operations if "x-shortcut" in one.node}
    for operation in context.operations:
        name = str(operation.node.get("x-shared-shortcut", ""))
        if name and name not in known:
            message = f"no operation has the shortcut `{name}`"
            fix = did_you_mean(name, sorted(known))
            yield context.on(operation, "x-shared-shortcut", message, fix)


def homes(context: Context) -> Iterator[Problem]:
    """A path, and each of its aliases, stands in the file that the longest prefix in vendors.yaml
    names.
    """
    prefixes = sorted(context.spec.homes(), key=lambda home: -len(home.prefix))
    for operation in context.operations:
        for path in [operation.path, *_aliases(operation)]:
            key = None if path == operation.path else "x-aliases"
            home = next((home for home in prefixes if home.holds(path)), None)
            # An alias is under its operation's home unless another vendor claims it.
            if home is None and not key:
                section = f"homes: {operation.section}"
                fix = f"add a prefix of it to `{operation.vendor}` in vendors.yaml, under {section}"
                message = f"no prefix in vendors.yaml is the home of {path}"
                yield context.on(operation, key, message, fix)
            elif home and _is_elsewhere(home, operation, alias=bool(key)):
                fix = "move it there, or correct the prefixes in vendors.yaml"
                message = f"the home of {path} is {home.file}, not {operation.file}"
                yield context.on(operation, key, message, fix)


def aliases(context: Context) -> Iterator[Problem]:
    """An alias is not a path of another operation."""
    known = {operation.path: operation for operation in context.operations}
    seen: dict[str, Operation] = {}
    for operation in context.operations:
        for path in _aliases(operation):
            call = f"{operation.method} {path}"
            other = known.get(path) or seen.setdefault(call, operation)
            if other is not operation:
                message = f"the alias {path} is also a path of `{other}`"
                yield context.on(operation, "x-aliases", message, "keep it at one operation")


def _aliases(operation: Operation) -> list[str]:
    listed = seq(operation.node.get("x-aliases"))
    return [alias for alias in listed if isinstance(alias, str)]


def _is_elsewhere(home: Home, operation: Operation, alias: bool) -> bool:
    """Whether a path belongs into another file; an alias may belong into another part of the same
    vendor.
    """
    if alias:
        return (home.section, home.vendor) != (operation.section, operation.vendor)
    return home.file != operation.file


def path_parameters(context: Context) -> Iterator[Problem]:
    """The path parameters of an operation are those of its path's template, and no parameter comes
    twice.
    """
    for operation in context.operations:
        wanted = _TEMPLATE.findall(operation.path)
        parameters = context.parameters(operation)
        given = [parameter.get("name") for parameter in parameters if parameter.get("in") == "path"]
        for name in wanted:
            if name not in given:
                message = f"the path has {{{name}}}, but {operation} has no path parameter `{name}`"
                yield context.on(
                    operation,
                    "parameters",
                    message,
                    "add the parameter, with `in: path` and `required: true`",
                )
        for name in given:
            if name not in wanted:
                message = f"{operation} has a path parameter `{name}` that is not in its path"
                yield context.on(
                    operation, "parameters", message, "correct the name, or remove the parameter"
                )
        yield from _given_twice(context, operation)
        for alias in _aliases(operation):
            if sorted(_TEMPLATE.findall(alias)) != sorted(wanted):
                message = f"the alias {alias} has other parameters than {operation.path}"
                yield context.on(operation, "x-aliases", message, "use the same names in braces")


def _given_twice(context: Context, operation: Operation) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for parameter in context.parameters(operation):
        place, name = str(parameter.get("in")), str(parameter.get("name"))
        if (place, name) in seen:
            message = f"{operation} has the {place} parameter `{name}` twice"
            yield context.on(operation, "parameters", message, "remove one of the two")
        seen.add((place, name))


def _prefix(file: str) -> str:
    """How the names of a vendor's schemas begin; empty for a file of several vendors."""
    return class_name(pascal(re.split(r"[/.]", file)[1])) if "/" in file else ""


def component_names(context: Context) -> Iterator[Problem]:
    """A schema shares its name with no component of another kind: some code generators make a type
    of each.
    """
    components = obj(context.document.get("components"))
    others = {
        name: kind for kind, named in components.items() if kind != "schemas" for name in obj(named)
    }
    for node in context.of_kind("schema"):
        if node.is_component and str(node.key) in others:
            message = f"`{node.key}` names a schema and one of components.{others[str(node.key)]}"
            yield context.at(node, message, "rename one of the two")


def schema_names(context: Context) -> Iterator[Problem]:
    """Schemas of a vendor's file are named after the vendor; all are names that the generators keep
    and that hide nothing.
    """
    seen: dict[str, str] = {}
    for node in context.of_kind("schema"):
        if not node.is_component:
            continue
        name, file = str(node.key), context.file_of(node)
        prefix = _prefix(file)
        if not re.match(rf"{re.escape(prefix)}(?![a-z])", name):
            fix = f"name it {prefix}…, or put it into common.yaml if several vendors use it"
            yield context.at(node, f"the schema name `{name}` does not start with `{prefix}`", fix)
        kept = class_name(name)
        if kept != name:
            yield context.at(
                node,
                f"openapi-python-client would rename the schema `{name}` to `{kept}`",
                f"name it `{kept}`",
            )
        if name in RESERVED_CLASSES or (name == "JsonObject" and file != COMMON_FILE):
            fix = "choose another name" if name != "JsonObject" else "use the one of common.yaml"
            yield context.at(
                node, f"the schema name `{name}` would hide one that the generated code needs", fix
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            yield context.at(
                node,
                f"the schema names `{name}` and `{other}` differ in case only",
                "rename one of the two",
            )


def body_names(context: Context) -> Iterator[Problem]:
    """A schema named as generators name an operation's request or response is that.

    Where the operation's own body has no name, they would call both the same.
    """
    schemas = obj(obj(context.document.get("components")).get("schemas"))
    by_name = {name.lower(): name for name in schemas}
    for operation in context.operations:
        for part, what in (("requestBody", "request"), ("responses", "response")):
            name = by_name.get(f"{operation.id.replace('_', '')}{what}".lower())
            own = set(references(operation.node.get(part)))
            if name and own and f"#/components/schemas/{name}" not in own:
                message = (
                    f"the schema `{name}` has the name of the {what} of {operation}, and is none"
                )
                fix = "name it after the operation that has it"
                yield context.problem(schemas, name, message, fix)


def field_names(context: Context) -> Iterator[Problem]:
    """No field is called `self`: attrs could not write a constructor for it."""
    for node in context.of_kind("schema"):
        if node.role == "properties" and node.key == "self":
            yield context.at(
                node,
                "a field is called `self`",
                "leave it out and say so in the object's description; objects are open",
            )


def renamed(context: Context) -> list[str]:
    """Fields and parameters whose Python name gets a trailing underscore, with the reason; no
    fault, but worth seeing.
    """
    found: dict[str, str] = {}
    requests = _request_pointers(context)
    for node in context.of_kind("schema"):
        if node.role == "properties":
            _note(
                found,
                str(node.key),
                "argument" if node.top.pointer in requests else "field",
                f"{node.top.key}.{node.key}",
            )
    for node in context.of_kind("parameter"):
        name = obj(node.value).get("name")
        if isinstance(name, str):
            _note(found, name, "argument", f"{node.top.key} {name}")
    return [f"{place} -> {python}" for place, python in sorted(found.items())]


def _note(found: dict[str, str], name: str, kind: str, place: str) -> None:
    python = re.sub(r"\W+", "_", name).strip("_")
    if keyword.iskeyword(python) or python in (
        METHOD_ARGUMENTS if kind == "argument" else (RESERVED_FIELDS - TYPE_NAMES)
    ):
        found[place] = f"{python}_"


def _request_pointers(context: Context) -> set[str]:
    """Pointers of the components that are request bodies, whose fields become arguments."""
    pointers: set[str] = set()
    waiting = [
        (media.pointer, obj(media.value).get("schema"))
        for op in context.operations
        for _, _, media in context.media(op, "request")
    ]
    while waiting:
        pointer, schema = waiting.pop()
        found = context.resolve(pointer, schema)
        if found.pointer not in pointers:
            pointers.add(found.pointer)
            variants = [
                variant
                for kind in ("oneOf", "anyOf", "allOf")
                for variant in seq(obj(found.value).get(kind))
            ]
            waiting += [("", variant) for variant in variants if "$ref" in obj(variant)]
    return pointers
