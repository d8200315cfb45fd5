"""`llms.txt`: the whole API for a language model, one line an operation."""

from __future__ import annotations

from typing import Any

from ..docstrings import best_source, price_text
from ..methods import Methods, Operation
from ..source import obj

_HEAD = """# 302.AI API, and its Python client api302

> {summary}

One key for everything: `Authorization: Bearer $AI302_API_KEY`, host `{server}`. Version {version}, evidence to {seen}.

In Python: `pip install api302`, `from api302 import Client`, `client = Client()` (reads AI302_API_KEY); `AsyncClient` is the same with
`await`. Each line below has the call with the arguments that it needs, the HTTP method and path, and the documented price (1 PTC is
1 USD). *task*: the call gives a `Task`; `task.wait()` gives the result, and `.outputs[0].save()` keeps a file. *task on demand*:
`submit_…` gives the task. *stream*: `stream` or `stream_…` gives events. All arguments, types and replies are in the OpenAPI documents:
"""
_DOCUMENTS = """
- [OpenAPI 3.2](openapi-3.2.yaml): also [3.1](openapi-3.1.yaml) and [3.0](openapi-3.0.yaml), each [as JSON](openapi-3.2.json) too
- [Meaning of the x- extensions](extensions.schema.json): tasks, streams, envelopes, files, prices, evidence
- [What the older versions cannot say](losses.md)
- [Reference site](index.html)
"""


def text(document: dict[str, Any]) -> str:
    """The `llms.txt` of a published document."""
    methods = Methods(document)
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
    for operation in methods.operations:
        if operation.section != section:
            section, vendor = operation.section, ""
            lines.append(f"\n## {_title(methods, section)}")
        if operation.vendor != vendor:
            vendor = operation.vendor
            lines.append(f"\n### {_title(methods, operation.module)}\n")
        lines.append(_line(methods, operation))
    return "\n".join(lines) + "\n"


def _title(methods: Methods, tag: str) -> str:
    return str(obj(methods.tags.get(tag)).get("summary", tag))


def _line(methods: Methods, operation: Operation) -> str:
    content = operation.content
    method = methods.of(operation)[0]
    _, body = methods.arguments(operation)
    shape = set(body.shapes[0][1]) if body.shapes else set()  # where shapes exclude each other, the first one's fields
    needed = [argument.name for argument in method.arguments if argument.required or argument.wire in shape]
    needed += [name for name, annotation in method.own if "=" not in annotation]
    required = ", ".join(f"{name}=…" for name in needed)
    task, stream = obj(content.get("x-task")), obj(content.get("x-stream"))
    notes = [
        f"{operation.method.upper()} {operation.path}",
        *(["task on demand" if "when" in task else "task"] if task else []),
        *(["stream"] if stream else []),
        *([price_text(content["x-price"]).rstrip(".")] if "x-price" in content else []),
        *([f"{' and '.join(content['x-unknown'])} not documented"] if "x-unknown" in content else []),
    ]
    summary, source = str(content["summary"]).rstrip("."), best_source(content)
    title = f"[{summary}]({source})" if source.startswith("http") else summary
    return f"- {title}: `{operation.dotted(method.name)}({required})`; {'; '.join(notes)}"
