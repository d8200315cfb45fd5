"""`llms.txt`: the whole API for a language model, one line per operation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.emit.docstrings import best_source, price_text
from generator.emit.methods import Method, Methods
from generator.emit.response_text import cut, response_text
from generator.runtime.behaviour import read
from generator.source import seq

from .markdown import code, inline, link, text

_MAX_MODELS = 3
_PLAIN_PATH = re.compile(r"[\w/{}.~:@-]+")
_HEAD = """# {title}, and its Python client api302

> {summary}

One API key for everything: `Authorization: Bearer $AI302_API_KEY`, host `{server}`.
Version {version}, evidence to {seen}.

In Python: `pip install api302`, `from api302 import Client`, `client = Client()` (reads
AI302_API_KEY); `AsyncClient` is the same with `await`. Each line below has the call with the
arguments that it requires or that its first example has; after `→` the fields of its response; the
HTTP method and path; and the documented price (1 PTC is 1 USD). *task*: the call returns a `Task`,
and the fields after `→` are those of `task.wait()`; `.outputs[0].save()` saves a file.
*task on demand*: `submit_…` returns the task. *stream*: `stream` or `stream_…` returns events.
`file`: bytes; `.save(path)` saves them. All arguments, types and responses are in these documents:

- [OpenAPI 3.2](openapi-3.2.yaml), [3.1](openapi-3.1.yaml) and [3.0](openapi-3.0.yaml), also
  [as JSON](openapi-3.2.json)
- [Models](models.json): what each accepts and costs. A line names the first ones that a call takes;
  in Python `catalog.find(operation="…")` of the client lists all
- [Meaning of the x- extensions](extensions.schema.json): tasks, streams, envelopes, files, prices
- [What the older versions cannot say](losses.md)
- [Reference site](index.html)
"""


def llms_text(methods: Methods, info: dict[str, Any]) -> str:
    """The `llms.txt` of a document.

    Args:
        methods: How the document's operations are called.
        info: The `info` of the published document.
    """
    head = _HEAD.format(
        title=text(info["title"]),
        summary=text(info.get("summary", info["title"])),
        server=methods.document.server,
        version=text(info["version"]),
        seen=text(info["x-evidence-date"]),
    )
    lines = [head.rstrip(), *_other_words(methods)]
    section = vendor = ""
    for operation in methods.document.operations:
        if operation.section != section:
            section, vendor = operation.section, ""
            lines.append(f"\n## {_title(methods, section)}")
        if operation.vendor != vendor:
            vendor = operation.vendor
            lines.append(f"\n### {_title(methods, operation.tag)}\n")
        lines.append(_line(methods, operation))
    return "\n".join(lines) + "\n"


def _other_words(methods: Methods) -> list[str]:
    """A line for each row of `x-search`: the words, and a phrase of the titles to look for."""
    rows = seq(methods.document.node.get("x-search"))
    if not rows:
        return []
    words = [f"- {text(', '.join(row['also']))}: {text('; '.join(row['calls']))}" for row in rows]
    return ["\n## Other words\n\nWhat people say, and the words of the titles below.\n", *words]


def _title(methods: Methods, tag: str) -> str:
    return text(str(methods.document.tags.get(tag, {}).get("summary", tag)))


def _line(methods: Methods, operation: Operation) -> str:
    method = methods.of(operation)[0]
    arguments = _arguments(methods, operation, method)
    call = code(f"{operation.dotted(method.name)}({arguments})")
    response = response_text(methods, operation, method.kind)
    arrow = f" → {response}" if response else ""
    title = text(str(operation.node["summary"]).rstrip("."))
    label = link(title, best_source(operation.node))
    notes = [*_notes(operation), *_models(methods, operation)]
    return f"- {label}: {call}{arrow}; {'; '.join(notes)}"


def _models(methods: Methods, operation: Operation) -> Iterator[str]:
    """The first models that the call takes, and how many more there are."""
    for listed in methods.document.models_of(operation).values():
        names = [model.name or "" for model in listed if not model.deprecated]
        shown = ", ".join(map(code, names[:_MAX_MODELS]))
        more = f" and {len(names) - _MAX_MODELS} more" if len(names) > _MAX_MODELS else ""
        yield f"models: {shown}{more}"


def _arguments(methods: Methods, operation: Operation, method: Method) -> str:
    """The arguments that the call requires, and those of its first example."""
    body = methods.arguments(operation).body
    # Where shapes of the body exclude each other, the first one's fields.
    by_shape = set(body.shapes[0].required) if body.shapes else set()
    required = [one.name for one in method.arguments if one.required or one.wire in by_shape]
    required += [name for name, annotation in method.own.items() if "None" not in annotation]
    names = dict.fromkeys([*required, *_in_example(operation, method)])
    return cut([f"{name}=…" for name in names], at_least=len(required))


def _in_example(operation: Operation, method: Method) -> list[str]:
    """The arguments that the body of the first example has."""
    _, example = operation.example()
    fields = set(example) if isinstance(example, dict) else set()
    in_body = [argument for argument in method.arguments if argument.place == "body"]
    return [argument.name for argument in in_body if argument.wire in fields]


def _notes(operation: Operation) -> Iterator[str]:
    """Method and path, what kind of call it is, its price, and what is not documented."""
    node, rule = operation.node, read(operation.node)
    if operation.is_deprecated:
        new = operation.replacement
        yield f"deprecated: use {code(new.dotted(new.place[-1]))}" if new else "deprecated"
    plain = _PLAIN_PATH.fullmatch(operation.path)
    yield f"{operation.method.upper()} {operation.path if plain else code(operation.path)}"
    if rule.task:
        yield "task on demand" if rule.task.when else "task"
    if rule.stream:
        yield "stream"
    if rule.price:
        yield inline(price_text(node["x-price"]).rstrip("."))
    if "x-unknown" in node:
        parts = ["response" if part == "reply" else text(part) for part in node["x-unknown"]]
        yield f"{' and '.join(parts)} not documented"
