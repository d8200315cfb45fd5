"""`llms.txt`: one line per operation, with the names of its JSON, and a link to its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from generator.document import Operation, Schema
from generator.document.media import is_event_stream, is_json
from generator.emit.docstrings import price_text
from generator.emit.methods import Methods
from generator.publish.markdown import code, inline, text
from generator.runtime.behaviour import read
from generator.source import obj, seq

from . import realtime
from .page import tag_title

_MAX_NAMES = 8
_MAX_MODELS = 3
_PLAIN = re.compile(r"[\w/{}.~:@-]+")
_HEAD = """# {title}

> {summary}

One API key for everything: header `Authorization: Bearer $AI302_API_KEY`, host `{server}`.
Version {version}, evidence to {seen}.

```sh
curl {server}/v1/chat/completions \\
  -H "Authorization: Bearer $AI302_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-4o", "messages": [{{"role": "user", "content": "Hi"}}]}}'
```

Each line below has the call with the fields that it requires or that its first example has: in
braces those of a JSON body, in parentheses those of a form, after `?` those of the query; after `→`
the fields of its response; its documented price (1 PTC is 1 USD); and its name in Python.
*task*: the response has an id, and the call named there returns the state and the result.
*task on demand*: the same with a switch. *stream*: events on demand. `file`: the response is bytes.
Follow a line's link before you write its call: there are all of its arguments, its models, and an
example to change.

In Python: `pip install api302`, `from api302 import Client`, `client = Client()` (reads
AI302_API_KEY); arguments are named as the JSON's fields, with `_` for other signs;
`client.….submit(…)` style calls return a `Task`: `task.wait().outputs[0].save()` saves its file.
`client.catalog.find(operation="…")` lists all models of a call. `AsyncClient` is the same with
`await`.
"""
_DOCUMENTS = """
The documents that this is made from:

- [OpenAPI 3.2](openapi-3.2.yaml), [3.1](openapi-3.1.yaml) and [3.0](openapi-3.0.yaml), also
  [as JSON](openapi-3.2.json), and a part for each tag: `by-tag/videos.kling.json`
- [Workflows](arazzo.json): tasks and uploads step by step
- [Models](models.json): what each accepts and costs. A line names the first ones that a call takes;
  in Python `catalog.find(operation="…")` of the client lists all
- [Meaning of the x- extensions](extensions.schema.json): tasks, streams, envelopes, files, prices
- [What the older versions cannot say](losses.md)
- [Reference site](index.html)
"""
_EVENTS = "\n- [AsyncAPI 3.0](asyncapi-3.0.yaml), also [as JSON](asyncapi-3.0.json): WebSockets"


def llms_text(methods: Methods, info: dict[str, Any], folder: str = "") -> str:
    """The `llms.txt` of a document.

    Args:
        methods: How the document's operations are called.
        info: The `info` of the published document.
        folder: Of the pages, with a slash behind it, where `llms.txt` is beside the documents; else
            the pages are beside it and there are no documents.
    """
    head = _HEAD.format(
        title=text(info["title"]),
        summary=text(info.get("summary", info["title"])),
        server=methods.document.server,
        version=text(info["version"]),
        seen=text(info["x-evidence-date"]),
    )
    documents = _DOCUMENTS.rstrip() + (_EVENTS if methods.document.realtime else "")
    lines = [head.rstrip(), *([documents] if folder else []), *_other_words(methods)]
    section = vendor = ""
    for operation in methods.document.operations:
        if operation.section != section:
            section, vendor = operation.section, ""
            lines.append(f"\n## {tag_title(methods, section)}")
        if operation.vendor != vendor:
            vendor = operation.vendor
            page = f"{folder}{operation.tag}.md"
            lines.append(f"\n### [{tag_title(methods, operation.tag)}]({page})\n")
            lines += realtime.lines(methods, operation.tag, folder)
        lines.append(_line(methods, operation, folder))
    return "\n".join(lines) + "\n"


def _other_words(methods: Methods) -> list[str]:
    """A line for each row of `x-search`: the words, and a phrase of the titles to look for."""
    rows = seq(methods.document.node.get("x-search"))
    if not rows:
        return []
    words = [f"- {text(', '.join(row['also']))}: {text('; '.join(row['calls']))}" for row in rows]
    return ["\n## Other words\n\nWhat people say, and the words of the titles below.\n", *words]


def _line(methods: Methods, operation: Operation, folder: str) -> str:
    title = text(str(operation.node["summary"]).rstrip("."))
    label = f"[{title}]({folder}{operation.tag}.md#{operation.id})"
    call = f"{operation.method.upper()} {operation.path}{_sent(methods, operation)}"
    response = _response(operation)
    arrow = f" → {response}" if response else ""
    python = code(operation.dotted(methods.of(operation)[0].name))
    notes = [*_notes(operation), *_models(methods, operation), python]
    return f"- {label}: {code(call)}{arrow}; {'; '.join(notes)}"


def _sent(methods: Methods, operation: Operation) -> str:
    """The fields of a request that it requires, and those of its first example."""
    query = [one for one in operation.parameters if one.place == "query"]
    shown = [one.wire for one in query if one.required]
    in_query = f"?{'&'.join(map(_name, shown))}" if shown else ""
    return in_query + _sent_in_body(methods, operation)


def _sent_in_body(methods: Methods, operation: Operation) -> str:
    if not operation.body:
        return ""
    media_type, example = operation.example()
    arguments = methods.arguments(operation).body
    # Where shapes of the body exclude each other, the first one's fields.
    by_shape = arguments.shapes[0].required if arguments.shapes else []
    required = [one.wire for one in arguments.fields if one.required or one.wire in by_shape]
    names = list(dict.fromkeys(filter(None, [*required, *obj(example)])))
    if not names:
        return ""
    listed = _cut(list(map(_name, names)), at_least=len(required))
    return f" {{{listed}}}" if is_json(media_type) else f" ({listed})"


def _name(name: str) -> str:
    """A field's name; as JSON if it is more than letters."""
    return name if _PLAIN.fullmatch(name) else repr(name)


def _models(methods: Methods, operation: Operation) -> Iterator[str]:
    """The first models that the call takes, and how many more there are."""
    for listed in methods.document.models_of(operation).values():
        names = [model.name or "" for model in listed if not model.deprecated]
        shown = ", ".join(map(code, names[:_MAX_MODELS]))
        more = f" and {len(names) - _MAX_MODELS} more" if len(names) > _MAX_MODELS else ""
        yield f"models: {shown}{more}"


def _notes(operation: Operation) -> Iterator[str]:
    """What kind of call it is, its price, and what is not documented."""
    node, rule = operation.node, read(operation.node)
    if operation.is_deprecated:
        new = operation.replacement
        yield f"deprecated: use {code(new.id)}" if new else "deprecated"
    if rule.task:
        kind = "task on demand" if rule.task.when else "task"
        yield f"{kind}: {code(rule.task.fetch)}"
    if rule.stream:
        yield "stream"
    if rule.price:
        yield inline(price_text(node["x-price"]).rstrip("."))
    if "x-unknown" in node:
        parts = [text(part) for part in node["x-unknown"]]
        yield f"{' and '.join(parts)} not documented"


def _cut(names: list[str], at_least: int = 0) -> str:
    """The first names, with a mark where there are more."""
    limit = max(_MAX_NAMES, at_least)
    return ", ".join([*names[:limit], "…"] if len(names) > limit else names)


# -- responses -----------------------------------------------------------------------------------


def _response(operation: Operation) -> str:
    """The fields of the response, or what else it is; of tasks, what one needs of it."""
    rule = read(operation.node)
    if rule.task and not rule.task.when:
        return code(", ".join(rule.task.parameters.values()))
    if rule.status and rule.status.state:
        return code(", ".join(path.field for path in (rule.status.state, *rule.status.outputs)))
    media = operation.json_success
    described = (_fields(media.schema) if media else "", _without_fields(operation))
    return " or ".join(filter(None, described))


def _without_fields(operation: Operation) -> str:
    """What else a response may be; text is not worth saying beside JSON."""
    kinds = [one.type for one in operation.successes if not is_json(one.type)]
    whole = [one for one in kinds if not is_event_stream(one)]
    if any(not one.startswith("text/") for one in whole):
        return "file"
    return "text" if whole and operation.json_success is None else ""


def _fields(schema: Schema) -> str:
    target = schema.target
    if "array" in target.types and target.items:
        inner = _fields(target.items)
        return f"list of {inner}" if inner else "list"
    names = list(_names(_first(target)))
    return code(_cut(names)) if names else ""


def _first(target: Schema) -> Schema:
    """An object with fields: itself, or the first of its alternatives that is one."""
    if target.fields().schemas and not (target.any_of or target.one_of):
        return target
    for part in [*target.any_of, *target.one_of]:
        if part.target.fields().schemas:
            return _first(part.target)
    return target


def _names(target: Schema) -> Iterator[str]:
    """The names of an object's fields, and of those in an envelope's `data`."""
    for name, schema in target.fields().schemas.items():
        inner = schema.but_null
        items = inner.items.but_null if inner.items else None
        held = (items or inner).fields().schemas if name == "data" else {}
        mark = "[]" if items else ""
        if held:
            yield from (f"data{mark}.{_name(own)}" for own in held)
        else:
            yield _name(name)
