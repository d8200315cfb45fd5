"""`llms.txt`: the whole API for a language model, one line an operation."""

from __future__ import annotations

import re
from typing import Any

from generator.document import Document, Operation
from generator.document.media import is_json
from generator.emit.docstrings import best_source, price_text
from generator.emit.methods import Method, Methods
from generator.emit.response_types import Class
from generator.source import obj

_MANY = 8  # more names than this are cut off

_HEAD = """# 302.AI API, and its Python client api302

> {summary}

One key for everything: `Authorization: Bearer $AI302_API_KEY`, host `{server}`. Version {version}, evidence to {seen}.

In Python: `pip install api302`, `from api302 import Client`, `client = Client()` (reads AI302_API_KEY); `AsyncClient` is the same with
`await`. Each line below has the call with the arguments that it needs or that its first example has; after `→` the fields of what it
gives; the HTTP method and path; and the documented price (1 PTC is 1 USD). *task*: the call gives a `Task`, and the fields after `→` are
those of `task.wait()`; `.outputs[0].save()` keeps a file. *task on demand*: `submit_…` gives the task. *stream*: `stream` or `stream_…`
gives events. `file`: bytes; `.save(path)` keeps them. All arguments, types and replies are in the OpenAPI documents:
"""
_DOCUMENTS = """
- [OpenAPI 3.2](openapi-3.2.yaml): also [3.1](openapi-3.1.yaml) and [3.0](openapi-3.0.yaml), each [as JSON](openapi-3.2.json) too
- [Meaning of the x- extensions](extensions.schema.json): tasks, streams, envelopes, files, prices, evidence
- [What the older versions cannot say](losses.md)
- [Reference site](index.html)
"""


def text(document: dict[str, Any]) -> str:
    """The `llms.txt` of a published document."""
    methods = Methods(Document(document))
    info = document["info"]
    lines = [
        _HEAD.format(
            summary=info.get("summary", info["title"]),
            server=document["servers"][0]["url"],
            version=info["version"],
            seen=info["x-evidence-date"],
        ).rstrip(),
        _DOCUMENTS.rstrip(),
    ]
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


def _title(methods: Methods, tag: str) -> str:
    return str(obj(methods.document.tags.get(tag)).get("summary", tag))


def _line(methods: Methods, operation: Operation) -> str:
    content = operation.node
    method = methods.of(operation)[0]
    _, body = methods.arguments(operation)
    # Where shapes exclude each other, the first one's fields.
    shape = set(body.shapes[0].required) if body.shapes else set()
    needed = [
        argument.name
        for argument in method.arguments
        if argument.required or argument.wire in shape
    ]
    needed += [name for name, annotation in method.own.items() if "=" not in annotation]
    example = obj(operation.example()[1])
    shown = [
        argument.name
        for argument in method.arguments
        if argument.place == "body" and argument.wire in example
    ]
    given = _cut([f"{name}=…" for name in dict.fromkeys([*needed, *shown])], least=len(needed))
    reply = _reply(methods, operation, method)
    task, stream = obj(content.get("x-task")), obj(content.get("x-stream"))
    notes = [
        f"{operation.method.upper()} {operation.path}",
        *(["task on demand" if "when" in task else "task"] if task else []),
        *(["stream"] if stream else []),
        *([price_text(content["x-price"]).rstrip(".")] if "x-price" in content else []),
        *(
            [f"{' and '.join(content['x-unknown'])} not documented"]
            if "x-unknown" in content
            else []
        ),
    ]
    summary, source = str(content["summary"]).rstrip("."), best_source(content)
    title = f"[{summary}]({source})" if source.startswith("http") else summary
    return f"- {title}: `{operation.dotted(method.name)}({given})`{f' → {reply}' * bool(reply)}; {'; '.join(notes)}"


def _cut(names: list[str], least: int = 0) -> str:
    """The first names, with a mark where there are more."""
    many = max(_MANY, least)
    return ", ".join([*names[:many], *["…"] * (len(names) > many)])


def _reply(methods: Methods, operation: Operation, method: Method) -> str:
    """What comes back, as the client names it: the fields of the reply, or what else it is."""
    content, at = operation.node, ""
    if method.kind == "_submit":
        fetch = methods.document.by_id[content["x-task"]["fetch"]]
        status = fetch.extension("x-task-status")
        if status.keys() & {"outputs", "result"} or "binary" in obj(status.get("done")):
            return "outputs"
        operation, at = operation if "response" in status else fetch, "reply."
    elif method.kind != "_call":
        return ""  # events, which the notes tell of
    replies = methods.replies(operation)
    told = [
        _fields(replies[media], methods.raw.classes, at) for media in replies if is_json(media)
    ][:1]
    told += ["file"] * ("bytes" in replies.values())
    told += ["text"] * (not told and "str" in replies.values())
    return " or ".join(filter(None, told))


def _fields(expression: str, classes: dict[str, Class], at: str) -> str:
    """The fields of a reply of this type, those of an envelope's `data` too; of several classes the first one's."""
    name = next((name for name in re.findall(r"\w+", expression) if name in classes), "")
    if not expression.startswith(("list[", name)) or not name:
        return "list" if expression.startswith("list[") else ""
    told = []
    for field in classes[name].fields:
        inner = re.match(r"(list\[)?(\w+)", field.type)
        if field.name == "data" and inner and inner[2] in classes:
            told += [
                f"{at}data{'[]' if inner[1] else ''}.{own.name}" for own in classes[inner[2]].fields
            ]
        else:
            told.append(f"{at}{field.name}")
    return f"{'list of ' * expression.startswith('list[')}{_cut(told)}"
