"""The directory of calls as data of the client: what `api302.directory` searches and describes.

One file has the index of the search; a file a tag has what each call takes and returns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from generator.document import Document, Operation, Schema
from generator.document.names import argument_name
from generator.document.realtime import RealtimeCall
from generator.document.references import references
from generator.runtime import search
from generator.runtime.catalog import Model
from generator.source import obj, seq

from .arguments import Argument
from .code import File
from .docstrings import advice, best_source, files_text, price_text, sentence, size_text
from .methods import Methods
from .realtime import OWN_ARGUMENTS, connecting
from .response_text import response_text

FOLDER = "api302_resources/_directory"
_KINDS = {
    "_call": "call",
    "_submit": "task",
    "_stream": "stream",
    "_stream_bytes": "bytes",
    "_iterate": "pages",
    "_upload": "upload",
}
"""What a form of a call returns."""
SESSION = "session"
"""What a call over a WebSocket returns."""
_REF = "#/components/schemas/"
_KEPT = frozenset(
    "type required enum const default description minimum maximum exclusiveMinimum"
    " exclusiveMaximum multipleOf minLength maxLength pattern minItems maxItems uniqueItems"
    " minProperties maxProperties format".split()
)
"""What a schema says as it stands in the document."""
_LISTS = ("oneOf", "anyOf", "allOf", "prefixItems")
_INNER = ("items", "additionalProperties", "not")

# How much a word says of a call, by where it stands.
_IN_TITLE, _IN_PAIR, _IN_OTHER_WORDS, _IN_VENDOR, _IN_NAME = 30, 15, 20, 32, 12
_IN_MODELS, _IN_SECTION, _IN_DESCRIPTION, _IN_ARGUMENTS = 12, 6, 5, 2
# How likely a call is meant, beside others.
_DEPRECATED, _STATUS, _SHORTCUT, _UNKNOWN = 0.3, 0.6, 1.15, 0.9


def files(methods: Methods) -> Iterator[File]:
    """The files of the directory."""
    yield _file("index", _index(methods))
    tags: dict[str, list[Operation]] = {}
    for operation in methods.document.operations:
        tags.setdefault(operation.tag, []).append(operation)
    sessions: dict[str, list[RealtimeCall]] = {}
    for call in methods.document.realtime:
        sessions.setdefault(call.tag, []).append(call)
    for tag in dict.fromkeys([*tags, *sessions]):
        yield _file(tag, _of_tag(methods, tags.get(tag, []), sessions.get(tag, [])))


def _file(name: str, lines: Iterable[str]) -> File:
    return File(f"{FOLDER}/{name}.json", "", {"text": "".join(lines)}, is_formatted=True)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(pairs: dict[str, Any]) -> str:
    """An object, a member a line."""
    return ",\n".join(f"{_line(key)}:{_line(value)}" for key, value in pairs.items())


# -- the index -----------------------------------------------------------------------------------


def _index(methods: Methods) -> Iterator[str]:
    document = methods.document
    same = _synonyms(document.node)
    words = _Words(same)
    found: dict[str, list[int]] = {}
    for number, operation in enumerate(document.operations):
        for term, weight in sorted(_weights(methods, operation, words).items()):
            found.setdefault(term, []).extend((number, weight))
    for number, call in enumerate(document.realtime, len(document.operations)):
        for term, weight in sorted(_session_weights(methods, call, words).items()):
            found.setdefault(term, []).extend((number, weight))
    listed = [_found(methods, one) for one in document.operations]
    calls = ",\n".join(map(_line, [*listed, *map(_found_session, document.realtime)]))
    ranks = [*map(_rank, document.operations), *(1.0 for _ in document.realtime)]
    yield f'{{"calls":[\n{calls}],\n'
    yield f'"ranks":{_line(ranks)},\n'
    yield f'"phrases":{{\n{_object(_phrases(document, same))}}},\n'
    yield f'"same":{_line(same)},\n'
    yield f'"terms":{{\n{_object(dict(sorted(found.items())))}}}}}\n'


class _Words:
    """The terms of texts, of which many stand at several calls: a vendor's, a model's."""

    def __init__(self, same: dict[str, str]) -> None:
        self._same = same
        self._known: dict[str, list[str]] = {}

    def of(self, text: str) -> list[str]:
        """The terms of a text."""
        if text not in self._known:
            self._known[text] = search.terms(text, self._same)
        return self._known[text]

    def of_models(self, models: Iterable[Model]) -> dict[str, None]:
        """The terms of the names of models. A number alone says nothing."""
        texts = (f"{one.name or one.id} {one.title}" for one in models)
        terms = (term for text in texts for term in self.of(text))
        return dict.fromkeys(term for term in terms if not term.isdecimal())


def _synonyms(node: dict[str, Any]) -> dict[str, str]:
    """The term that stands for each other word; English ones by their stems."""
    found: dict[str, str] = {}
    for word, others in obj(node.get("x-synonyms")).items():
        for other in [word, *seq(others)]:
            key = search.stem(other) if other.isascii() else other
            found[key] = search.stem(word)
    return found


def _found(methods: Methods, operation: Operation) -> list[Any]:
    """What a search says of a call: `generator/runtime/search.py` reads it as `Found`."""
    form = methods.forms(operation)[0]
    return [
        call_name(operation),
        operation.id,
        str(operation.node["summary"]),
        response_text(methods, operation, form.kind),
        price_text(seq(operation.node.get("x-price"))).rstrip("."),
        _KINDS[form.kind],
        operation.is_deprecated,
        operation.tag,
        operation.method == "get",
    ]


def _found_session(call: RealtimeCall) -> list[Any]:
    """What a search says of a call over a WebSocket."""
    return [
        f"{call.tag}.{call.action}",
        call.id,
        str(call.node.get("summary") or call.id),
        "a session for a `with` block: events both ways",
        price_text(seq(call.node.get("x-price"))).rstrip("."),
        SESSION,
        False,
        call.tag,
        False,
    ]


def call_name(operation: Operation) -> str:
    """A call as it is written after `client.`."""
    return ".".join(operation.place)


def _rank(operation: Operation) -> float:
    rank = _DEPRECATED if operation.is_deprecated else 1.0
    rank *= _STATUS if "x-task-status" in operation.node else 1.0
    rank *= _SHORTCUT if "x-shortcut" in operation.node else 1.0
    rank *= _UNKNOWN if operation.unknown("request") else 1.0
    return round(rank, 3)


def _weights(methods: Methods, operation: Operation, words: _Words) -> dict[str, int]:
    """How much each term says of a call: as much as in the best place where it stands."""
    return _heaviest(words.of(str(operation.node["summary"])), _texts(methods, operation, words))


def _session_weights(methods: Methods, call: RealtimeCall, words: _Words) -> dict[str, int]:
    """How much each term says of a call over a WebSocket."""
    tags, node = methods.document.tags, call.node
    tag, section = obj(tags.get(call.tag)), obj(tags.get(call.section))
    models = " ".join(str(obj(price).get("for", "")) for price in seq(node.get("x-price")))
    texts = (
        (_IN_OTHER_WORDS, " ".join(call.search_words)),
        (_IN_VENDOR, f"{call.vendor} {tag.get('summary', '')} {tag.get('description', '')}"),
        (_IN_NAME, f"{call.tag} {call.action}".replace("_", " ").replace(".", " ")),
        (_IN_MODELS, models),
        (_IN_SECTION, f"{section.get('summary', '')} {section.get('description', '')}"),
        (_IN_DESCRIPTION, str(node.get("description") or "")),
    )
    return _heaviest(
        words.of(str(node.get("summary") or call.id)),
        ((weight, words.of(text)) for weight, text in texts),
    )


def _heaviest(title: list[str], texts: Iterable[tuple[int, Iterable[str]]]) -> dict[str, int]:
    """By term, how much it says in the best place where it stands."""
    in_title = _IN_TITLE + _IN_TITLE // max(len(title), 1)  # a short one says more by each word
    found: dict[str, int] = {}
    for weight, terms in ((in_title, title), (_IN_PAIR, search.pairs(title)), *texts):
        for term in terms:
            found[term] = max(found.get(term, 0), weight)
    return found


def _texts(
    methods: Methods, operation: Operation, words: _Words
) -> Iterator[tuple[int, Iterable[str]]]:
    """What else is said of a call, with how much each word of it says."""
    tags = methods.document.tags
    tag, section = obj(tags.get(operation.tag)), obj(tags.get(operation.section))
    vendor = f"{operation.vendor} {tag.get('summary', '')} {tag.get('description', '')}"
    models = methods.document.models_of(operation).values()
    listed = [*(one for some in models for one in some)]
    listed += methods.document.models_by_path(operation)
    arguments = " ".join(one.name for one in methods.arguments(operation).all)
    described = str(operation.node.get("description") or "")
    for weight, text in (
        (_IN_OTHER_WORDS, " ".join(operation.search_words)),
        (_IN_VENDOR, vendor),
        (_IN_NAME, " ".join(operation.place).replace("_", " ")),
        (_IN_SECTION, f"{section.get('summary', '')} {section.get('description', '')}"),
        (_IN_DESCRIPTION, described),
        (_IN_ARGUMENTS, arguments.replace("_", " ")),
    ):
        yield weight, words.of(text)
    yield _IN_MODELS, words.of_models(listed)


def _phrases(document: Document, same: dict[str, str]) -> dict[str, list[int]]:
    """By what people say for a title, the calls that have it (`x-search`)."""
    found: dict[str, list[int]] = {}
    listed = [
        [] if one.is_deprecated else [*one.search_words, *_of_title(one)]
        for one in document.operations
    ]
    listed += [call.search_words for call in document.realtime]
    for number, words in enumerate(listed):
        for phrase in {search.phrase(word, same) for word in words}:
            found.setdefault(phrase, []).append(number)
    return dict(sorted(found.items()))


def _of_title(operation: Operation) -> Iterator[str]:
    """The phrases of `x-search` that a title has itself; a single word of it is a term anyway."""
    title = str(operation.node["summary"]).lower()
    for row in map(obj, seq(operation.document.node.get("x-search"))):
        yield from (one for one in seq(row.get("calls")) if " " in one and one in title)


# -- what each call takes ------------------------------------------------------------------------


def _of_tag(
    methods: Methods, operations: list[Operation], sessions: list[RealtimeCall]
) -> Iterator[str]:
    calls = {one.id: _call(methods, one) for one in operations}
    calls |= {one.id: _session(methods, one) for one in sessions}
    shared = _reached(methods, calls)
    yield f'{{"calls":{{\n{_object(calls)}}},\n"$defs":{{\n{_object(shared)}}}}}\n'


def _call(methods: Methods, operation: Operation) -> dict[str, Any]:
    """All that is said of a call: `overlays/api302/directory.py` reads it."""
    node = operation.node
    described = {
        "description": str(node.get("description") or ""),
        "deprecated": advice(operation),
        "endpoint": f"{operation.method.upper()} {operation.path}",
        "source": best_source(node),
        "forms": dict(_forms(methods, operation)),
        "models": obj(node.get("x-models")).get("field", ""),
        "kinds": seq(obj(node.get("x-models")).get("kinds")),
        "arguments": _arguments(methods, operation),
        "example": _example(methods, operation),
    }
    return {key: value for key, value in described.items() if value not in ("", {}, [])}


def _session(methods: Methods, call: RealtimeCall) -> dict[str, Any]:
    """All that is said of a call over a WebSocket, as of any other."""
    listed = connecting(methods.plan, call).arguments
    properties = {one.name: _argument(one) for one in listed} | OWN_ARGUMENTS
    required = [one.name for one in listed if one.required]
    return {
        "description": str(call.node.get("description") or ""),
        "endpoint": f"WebSocket {call.path}",
        "source": best_source(call.node),
        "forms": {call.action: SESSION},
        "arguments": {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        },
        "example": _session_example(call, required),
    }


def _session_example(call: RealtimeCall, required: list[str]) -> dict[str, Any]:
    """The first value that is known of each argument that is needed."""
    known = {one.wire: _first_value(one.schema.node) for one in call.parameters}
    return {wire: value for wire, value in known.items() if wire in required and value is not None}


def _first_value(node: dict[str, Any]) -> Any:
    listed = [node, *seq(node.get("anyOf"))]
    values = (value for one in listed for value in seq(obj(one).get("enum")))
    return next(values, None)


def _forms(methods: Methods, operation: Operation) -> Iterator[tuple[str, str]]:
    """The methods of a call that take JSON alone, and what kind each is."""
    for form in methods.forms(operation):
        if form.kind != "_parse":  # it takes a class
            yield form.name, _KINDS[form.kind]


def _arguments(methods: Methods, operation: Operation) -> dict[str, Any]:
    """The arguments of a call as a JSON Schema: an object by the names of the method."""
    taken, shown = methods.arguments(operation), methods.own_arguments(operation)
    made: dict[str, Any] = {
        "type": "object",
        "properties": {one.name: _argument(one) for one in shown},
    }
    if required := [one.name for one in shown if one.required]:
        made["required"] = required
    if variants := _variants(taken.body.shapes, {one.wire: one.name for one in shown}, required):
        made["anyOf"] = variants
    if taken.body.is_unknown:
        made["description"] = "The fields of the body are not documented: give those you know."
    else:
        made["additionalProperties"] = False
    return made


def _variants(shapes: Any, names: dict[str, str], required: list[str]) -> list[dict[str, Any]]:
    """What each form of a body needs, where they exclude each other and need different fields."""
    needed = [[names[wire] for wire in shape.required if wire in names] for shape in shapes]
    own = [[name for name in some if name not in required] for some in needed]
    if len(shapes) < 2 or not all(own):
        return []
    return [
        {"title": shape.title, "required": some} for shape, some in zip(shapes, own, strict=True)
    ]


def _argument(argument: Argument) -> dict[str, Any]:
    """The schema of an argument, with all that is said of it."""
    made = _joined([_written(schema) for schema in argument.schemas]) or {"type": "string"}
    texts = [sentence(argument.description)] if argument.description else []
    texts += [files_text(argument.files)] if argument.files else []
    texts += [f"At most {size_text(argument.file_max)}."] if argument.file_max else []
    if texts:
        made["description"] = " ".join(texts)
    if argument.default is not None:
        made["default"] = json.loads(argument.default)
    if argument.files:
        made["x-file"] = list(argument.files)
    if argument.not_empty and made.get("type") == "string":
        made.setdefault("minLength", 1)
    return made


def _joined(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for what several media types or forms of a body say of a field."""
    plain = {_line({**one, "description": "", "x-file": ""}): one for one in listed}
    different = list(plain.values())
    if len(different) < 2:
        return dict(different[0]) if different else {}
    values = [_values(one) for one in different]
    if all(values):
        kinds = {_line(one.get("type", "")): one.get("type") for one in different}
        joined = {"enum": list(dict.fromkeys(value for some in values for value in some))}
        return {"type": next(iter(kinds.values())), **joined} if len(kinds) == 1 else joined
    return {"anyOf": different}


def _values(schema: dict[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else seq(schema.get("enum"))


def _written(schema: Schema) -> dict[str, Any]:
    """A schema as it is described: what is no object is written out, the rest refers to `$defs`."""
    if schema.ref and not schema.target.holds_object():
        target = _plain(schema.target.node)
        own = {key: value for key, value in _plain(schema.node).items() if key != "$ref"}
        return {**target, **own}
    return _plain(schema.node)


def _plain(node: Any) -> Any:
    """A schema without what only our own tools read."""
    if not isinstance(node, dict):
        return node
    made = {key: value for key, value in node.items() if key in _KEPT}
    if str(node.get("$ref", "")).startswith(_REF):
        made["$ref"] = f"#/$defs/{node['$ref'].removeprefix(_REF)}"
    made |= _inside(node)
    if node.get("format") == "binary":
        made.pop("format")
        made["x-file"] = ["part"]
    return made | ({"x-file": node["x-file"]} if "x-file" in node else {})


def _inside(node: dict[str, Any]) -> dict[str, Any]:
    """The schemas that a schema is made of, by keyword."""
    made: dict[str, Any] = {key: list(map(_plain, node[key])) for key in _LISTS if key in node}
    made |= {key: _plain(node[key]) for key in _INNER if key in node}
    if "properties" in node:
        made["properties"] = {name: _plain(one) for name, one in node["properties"].items()}
    return made


def _reached(methods: Methods, calls: dict[str, Any]) -> dict[str, Any]:
    """The schemas that the arguments of some calls refer to, directly or not."""
    schemas = methods.document.schemas
    todo = [ref for call in calls.values() for ref in references(call["arguments"])]
    found: dict[str, Any] = {}
    while todo:
        name = todo.pop().rpartition("/")[2]
        if name not in found:
            found[name] = _plain(schemas[name].node)
            todo += references(found[name])
    return dict(sorted(found.items()))


def _example(methods: Methods, operation: Operation) -> dict[str, Any]:
    """The first example of a request, by argument."""
    _, body = operation.example()
    samples = {(one.place, one.wire): one.node["example"] for one in _with_example(operation)}
    given = {("body", ""): body} if isinstance(body, str) else {}
    given |= {("body", wire): value for wire, value in obj(body).items()} | samples
    listed = [(one.name, (one.place, one.wire)) for one in methods.own_arguments(operation)]
    found = {name: given[place] for name, place in listed if place in given}
    if methods.arguments(operation).body.is_unknown:
        found |= {argument_name(name): value for name, value in obj(body).items()}
    return found


def _with_example(operation: Operation) -> Iterator[Any]:
    return (one for one in operation.parameters if "example" in one.node)
