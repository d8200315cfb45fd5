"""What goes over WebSockets: the form of the AsyncAPI document, its names, messages and evidence.

That the whole is AsyncAPI, the parser of AsyncAPI itself says when it is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from generator.document.names import SLUG, class_name, pascal
from generator.document.realtime import event_class
from generator.document.references import DATA, find
from generator.realtime import HEAD, message_names, messages_of
from generator.source import Problem, obj, seq

from .context import Context, explain
from .evidence import document_problems
from .structure import did_you_mean, extension_errors, fix_of
from .words import LONGEST, VERBS

_OBJECT = {"type": "object"}
_TEXT = {"type": "string", "minLength": 1}
_LINE = {"type": "string", "pattern": r"^[^\n\r]*\S[^\n\r]*$"}
_SCHEMA = {
    "type": "object",
    "allOf": [{"$ref": "https://json-schema.org/draft/2020-12/schema"}],
    "properties": {
        "properties": {
            "type": "object",
            "propertyNames": _LINE,
            "additionalProperties": {"type": "object"},
        }
    },
}
_MESSAGES = {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["$ref"]}}
_CHANNEL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["address", "summary", "tags", "bindings", "x-realtime", "x-docs"],
    "patternProperties": {"^x-": True},  # the rule about extensions has its say
    "properties": {
        "address": {"type": "string", "pattern": "^/[A-Za-z0-9/_.-]*$"},
        **dict.fromkeys(("title", "summary"), _LINE),
        "description": _TEXT,
        "tags": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"required": ["name"]}},
        "bindings": {
            "type": "object",
            "required": ["ws"],
            "properties": {"ws": {"type": "object", "properties": {"query": _SCHEMA}}},
        },
    },
}
_OPERATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["action", "channel", "messages"],
    "properties": {
        "action": {"enum": ["send", "receive"]},
        "channel": {"type": "object", "required": ["$ref"]},
        "messages": _MESSAGES,
        "reply": {
            "type": "object",
            "additionalProperties": False,
            "required": ["channel", "messages"],
            "properties": {"channel": _OBJECT, "messages": _MESSAGES},
        },
    },
}
_MESSAGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary", "payload", "examples"],
    "properties": {
        "summary": _LINE,
        "description": _TEXT,
        "payload": _SCHEMA,
        "examples": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["payload"],
                "additionalProperties": False,
                "properties": {"name": _LINE, "payload": _OBJECT},
            },
        },
    },
}
_COMPONENTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "securitySchemes": _OBJECT,
        "schemas": {"type": "object", "additionalProperties": _SCHEMA},
        "messages": {"type": "object", "additionalProperties": _MESSAGE},
    },
}
_PART = {
    "type": "object",
    "additionalProperties": False,
    "required": ["components"],
    "properties": {"components": _COMPONENTS},
}
_WHOLE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["asyncapi", "info", "channels", "operations"],
    "properties": {
        **dict.fromkeys(HEAD, True),
        "asyncapi": {"const": "3.0.0"},
        "info": {"type": "object", "required": ["title"], "properties": {"title": _LINE}},
        "channels": {"type": "object", "minProperties": 1, "additionalProperties": _CHANNEL},
        "operations": {"type": "object", "additionalProperties": _OPERATION},
        "components": _COMPONENTS,
    },
}


def asyncapi_form(context: Context) -> Iterator[Problem]:
    """One file is the AsyncAPI document; the others are parts of it, with components alone."""
    for number, (name, content) in enumerate(context.spec.realtime_files().items()):
        validator = jsonschema_rs.Draft202012Validator(_PART if number else _WHOLE)
        for error in validator.iter_errors(content):
            path, message = explain(error)
            place = context.spec.locate(content, path) if path else (name, 1)
            yield Problem(*place, message, fix_of(error))


def asyncapi_extensions(context: Context) -> Iterator[Problem]:
    """The extensions of a channel say what extensions.schema.json allows."""
    try:
        schema = obj(context.spec.extensions_schema())
        validator = jsonschema_rs.Draft202012Validator(schema)
    except (OSError, ValueError):
        return  # the rule of the other extensions reports it
    known = obj(schema.get("properties"))
    for channel in map(obj, _channels(context).values()):
        for key in [key for key in channel if key.startswith("x-")]:
            if key not in known:
                message, fix = f"the extension `{key}` is unknown", did_you_mean(key, list(known))
                yield context.problem(channel, key, message, fix)
                continue
            for path, message, fix in extension_errors(schema, validator, key, channel[key]):
                yield context.problem(channel, key, f"`{key}`: {message}", fix, path)


def asyncapi_references(context: Context) -> Iterator[Problem]:
    """Every `$ref` is local and leads somewhere."""
    for holder, ref in _references(context.events):
        if find(context.events, ref) is None:
            kind, _, name = str(ref).removeprefix("#/").rpartition("/")
            known = find(context.events, f"#/{kind}")
            names = list(obj(known.value)) if known else []
            message = f"the $ref `{ref}` leads to nothing in the AsyncAPI document"
            yield context.problem(holder, "$ref", message, did_you_mean(name, names))


def _references(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every object with a `$ref`, and the reference; data is left out."""
    if "$ref" in obj(node):
        yield node, node["$ref"]
    for key, value in obj(node).items():
        yield from () if key in DATA else _references(value)
    for value in seq(node):
        yield from _references(value)


def channels(context: Context) -> Iterator[Problem]:
    """A channel is named as operations are, and its summary says what the call does."""
    listed = _channels(context)
    for name, channel in listed.items():
        tag = str(obj(next(iter(seq(channel.get("tags"))), {})).get("name") or "")
        section, _, vendor = tag.partition(".")
        if section not in context.spec.sections() or vendor not in context.vendors:
            message = f"the tag `{tag}` of {name} is not a section and a vendor of it"
            yield context.problem(channel, "tags", message, "write it as `audio.openai`")
        elif not SLUG.match(name) or not name.startswith(f"{vendor}_"):
            message = f"the channel `{name}` is not {vendor}_<action> in snake_case"
            yield context.problem(listed, name, message, "rename it")
        if name in context.by_id:
            message = f"the channel `{name}` has the id of an operation"
            yield context.problem(listed, name, message, "rename one of the two")
        summary = str(channel.get("summary") or "")
        if len(summary) > LONGEST or summary.partition(" ")[0] not in VERBS:
            message = f"the summary of {name} is not a short imperative phrase"
            fix = f"begin with a verb such as Start, and write at most {LONGEST} characters"
            yield context.problem(channel, "summary", message, fix)


def messages(context: Context) -> Iterator[Problem]:
    """A message goes one way, belongs to a channel, and its `type` is its name."""
    used = {name for channel in _channels(context) for name in messages_of(context.events, channel)}
    known = _messages(context)
    for name, message in known.items():
        if name not in used:
            text = f"no operation has the message `{name}`"
            yield context.problem(known, name, text, "use or remove it")
        constant = _type_of(context, obj(message).get("payload"))
        if constant != name:
            text = f"the `type` of the message `{name}` is {constant!r}"
            yield context.problem(known, name, text, "make it a const, the message's name")
    sent, received = _directions(context)
    for name in sorted(sent & received):
        text = f"the message `{name}` is both sent and received"
        yield context.problem(known, name, text, "make two of it")
    for operation in map(obj, obj(context.events.get("operations")).values()):
        for name in message_names(obj(operation.get("reply"))):
            if name not in received:
                text = f"the reply `{name}` is no message that is received"
                yield context.problem(operation, "reply", text, did_you_mean(name, list(received)))


def _type_of(context: Context, payload: Any) -> Any:
    """The constant of the field `type` of a payload."""
    node = obj(payload)
    own = obj(obj(node.get("properties")).get("type")).get("const")
    parts = (_type_of(context, part) for part in seq(node.get("allOf")))
    return own or next(filter(None, parts), None)


def _directions(context: Context) -> tuple[set[str], set[str]]:
    """The messages that are sent, and those that are received."""
    found: dict[str, set[str]] = {"send": set(), "receive": set()}
    for operation in map(obj, obj(context.events.get("operations")).values()):
        found.setdefault(str(operation.get("action")), set()).update(message_names(operation))
    return found["send"], found["receive"]


def message_examples(context: Context) -> Iterator[Problem]:
    """The examples of messages fit their payloads."""
    for name, message in _messages(context).items():
        validator = _validator(context, obj(message).get("payload"))
        for number, example in enumerate(seq(obj(message).get("examples"))):
            value = obj(example).get("payload")
            for error in validator.iter_errors(value) if validator else ():
                path, text = explain(error)
                text = f"the example {number + 1} of `{name}` does not fit its payload: {text}"
                where = [number, "payload", *path]
                yield context.problem(message, "examples", text, "correct one of the two", where)


def _validator(context: Context, payload: Any) -> jsonschema_rs.Validator | None:
    """Of JSON Schema draft 7, as AsyncAPI has it; None where a schema is malformed."""
    components = {"components": {"schemas": obj(context.events.get("components")).get("schemas")}}
    try:
        return jsonschema_rs.Draft7Validator({**components, "allOf": [obj(payload)]})
    except (ValueError, TypeError, jsonschema_rs.ReferencingError):
        return None


def message_rules(context: Context) -> Iterator[Problem]:
    """`x-realtime` names messages that go the way it says, fields that they have, and examples."""
    sent, received = _directions(context)
    messages = {"sent": sent, "received": received}
    for channel in map(obj, _channels(context).values()):
        rules = obj(channel.get("x-realtime"))
        for name, way in _named_messages(rules):
            if isinstance(name, str) and name not in messages[way]:
                text = f"`x-realtime` names `{name}`, which is no message that is {way}"
                fix = did_you_mean(name, sorted(messages[way]))
                yield context.problem(channel, "x-realtime", text, fix)
        for part in _parts(rules):
            yield from _field_problems(context, channel, part)


def _named_messages(rules: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """The messages that `x-realtime` names, and which way each goes."""
    response = obj(rules.get("response"))
    yield from ((name, "received") for name in seq(rules.get("first")))
    yield rules.get("error"), "received"
    yield from ((response.get(key), "received") for key in ("begin", "end"))
    yield from ((response.get(key), "sent") for key in ("ask", "cancel"))
    yield from ((part.get("message"), "sent") for part in _parts(rules))


def _parts(rules: dict[str, Any]) -> list[dict[str, Any]]:
    """What of `x-realtime` is about one message and its fields."""
    return [obj(rules.get(key)) for key in ("settings", "audio", "truncate")]


def _field_problems(
    context: Context, channel: dict[str, Any], part: dict[str, Any]
) -> Iterator[Problem]:
    """Fields that `x-realtime` says its messages have, and that they lack."""
    payload = obj(_messages(context).get(str(part.get("message")))).get("payload")
    fields = obj(obj(payload).get("properties"))
    wanted = [part.get("field"), part.get("until"), *seq(part.get("copied"))]
    for name in wanted if fields else ():
        if isinstance(name, str) and name not in fields:
            text = f"`{part['message']}` has no field `{name}`, which `x-realtime` names"
            yield context.problem(channel, "x-realtime", text, did_you_mean(name, list(fields)))


def event_schemas(context: Context) -> Iterator[Problem]:
    """Schemas are named after the vendor of a channel, used, and no other schema has their name."""
    named = _schemas(context)
    others = obj(obj(context.document.get("components")).get("schemas"))
    prefixes = [class_name(pascal(name)) for name in _channels(context)]
    classes = set(_event_classes(context))
    referred = {str(ref).rpartition("/")[2] for _, ref in _references(context.events)}
    for name in named:
        if name in others or name in classes:
            text, fix = f"there are two schemas `{name}`", "rename one of them"
        elif not name.startswith(tuple(prefixes)) or class_name(name) != name:
            text = f"the schema name `{name}` does not start with {' or '.join(prefixes)}"
            fix = "name it so, in PascalCase"
        elif name not in referred:
            text, fix = f"nothing uses the schema `{name}`", "use or remove it"
        else:
            continue
        yield context.problem(named, name, text, fix)
    for name in sorted(classes & set(others)):
        text = f"the schema `{name}` has the name of an event's class"
        yield context.problem(others, name, text, "rename it")


def _event_classes(context: Context) -> Iterator[str]:
    for channel in _channels(context):
        for message in messages_of(context.events, channel):
            yield event_class(channel, message)


def channel_evidence(context: Context) -> Iterator[Problem]:
    """A channel's evidence is in the ledger, whose rows name it."""
    rows = {page: row for _, page, row in context.rows}
    for name, channel in _channels(context).items():
        for number, entry in enumerate(map(obj, seq(channel.get("x-docs")))):
            page = entry.get("page")
            if page is not None and name not in seq(obj(rows.get(page)).get("operations")):
                text = f"the ledger has no row of {page} that names {name}"
                fix = f"add {name} to the `operations` of that row, or correct the page"
                yield context.problem(channel, "x-docs", text, fix, [number, "page"])
            for key, text, fix in document_problems(entry):
                yield context.problem(channel, "x-docs", text, fix, [number, key])


def _channels(context: Context) -> dict[str, Any]:
    return obj(context.events.get("channels"))


def _messages(context: Context) -> dict[str, Any]:
    return obj(obj(context.events.get("components")).get("messages"))


def _schemas(context: Context) -> dict[str, Any]:
    return obj(obj(context.events.get("components")).get("schemas"))
