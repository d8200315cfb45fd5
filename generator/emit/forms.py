"""The forms in which each operation is called, and what each one returns.

Forms are: a plain call, a task, a stream, page by page, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from generator.document import Operation
from generator.document.media import EVENT_STREAM, is_json
from generator.source import obj

from .annotation import (
    ANY,
    Annotation,
    file_itself,
    imported,
    received,
    returned,
    scalar,
    with_files,
)
from .arguments import NameProblem
from .plan import Plan
from .response_types import expression


@dataclass
class Form:
    """One way of calling an operation."""

    kind: str
    """The method of `api302._resource.Resource` that does the work."""
    name: str
    item: Annotation
    """What is returned, or what the task, stream or iterator returned is of."""
    whole: Annotation | None = None
    """What `final()` of a stream gives."""
    switch: dict[str, Any] = field(default_factory=dict)
    """The field that asks for this form, as in `x-task.when`."""
    accept: tuple[str, ...] = ()
    structured: Annotation | None = None
    """What is returned where a class is given for the output: `item`, or of a stream `whole`."""


def forms(plan: Plan, operation: Operation, name: str = "") -> list[Form]:
    """The forms of an operation, the plainest first.

    `create`, a shortcut's name, gives its twins bare names. Raises NameProblem.
    """
    name = name or operation.place[-1]
    prefix = Prefix(is_bare=name == "create")
    responses = responses_of(plan, operation)
    whole = {media: kind for media, kind in responses.items() if media != EVENT_STREAM}
    streams_alone = "x-stream" in operation.node and (not whole or name.startswith("stream"))
    at_once = _at_once(plan, operation, name, prefix, whole)
    streamed = name if streams_alone else prefix("stream", name)
    return [
        *(form for form in at_once if form.kind != "_call" or not streams_alone),
        *_parse(plan, operation, name, prefix),
        *_stream(plan, operation, streamed),
        *_bytes(operation, name, prefix, whole),
        *_more(operation, name, prefix),
    ]


def _at_once(
    plan: Plan, operation: Operation, name: str, prefix: Prefix, whole: dict[str, str]
) -> Iterator[Form]:
    """The call that returns the result itself, and the one that begins a task.

    Where it is always a task, that call alone.
    """
    task = operation.extension("x-task")
    if task and "when" not in task:
        yield Form("_submit", name, _task_response(plan, operation))
        return
    item = returned(iter(whole.values())) if whole else scalar("None")
    item = _with_files(plan, operation, item)
    yield Form("_call", name, item, accept=tuple(whole))
    if "when" in task:
        item = _task_response(plan, operation)
        yield Form("_submit", prefix("submit", name), item, switch=task["when"])


def _bytes(
    operation: Operation, name: str, prefix: Prefix, whole: dict[str, str]
) -> Iterator[Form]:
    """The call that hands over a file as it comes."""
    if binary := tuple(media for media, kind in whole.items() if kind == "bytes"):
        called = "stream_bytes" if "x-stream" in operation.node else "stream"
        yield Form("_stream_bytes", prefix(called, name), Annotation(), accept=binary)


@dataclass(frozen=True)
class Prefix:
    """Puts `submit_` and the like before a name; of bare names only that stays."""

    is_bare: bool

    def __call__(self, prefix: str, name: str) -> str:
        return prefix if self.is_bare else f"{prefix}_{name}"


def _stream(plan: Plan, operation: Operation, name: str) -> Iterator[Form]:
    """The call whose events come one by one."""
    if "x-stream" in operation.node:
        switch = obj(operation.extension("x-stream").get("when"))
        event, whole = _event(plan, operation), _sum(plan, operation)
        structured = _structured(plan, operation)
        yield Form("_stream", name, event, whole, switch, structured=structured)


def _parse(plan: Plan, operation: Operation, name: str, prefix: Prefix) -> Iterator[Form]:
    """The call whose output is of a class of the caller's."""
    if structured := _structured(plan, operation):
        yield Form("_parse", prefix("parse", name), structured, structured=structured)


def _more(operation: Operation, name: str, prefix: Prefix) -> Iterator[Form]:
    """The forms that make several calls: paging and uploads."""
    if pages := operation.extension("x-pages"):
        yield Form("_iterate", prefix("iter", name), _item(operation, str(pages["items"])))
    if "finish" in operation.extension("x-upload"):
        yield Form(
            "_upload", operation.extension("x-upload")["method"], imported("Uploaded", "api302")
        )


# -- what they return


def responses_of(plan: Plan, operation: Operation) -> dict[str, str]:
    """Type expressions of the successful responses by media type."""
    found: dict[str, str] = {}
    may_be_ticket = "when" in operation.extension("x-task")
    for status, by_media in plan.endpoints[operation.id].responses.items():
        for media, kind in by_media.items() if status.startswith("2") else ():
            kind = _without_ticket(operation, kind) if may_be_ticket else kind
            known = found.setdefault(media, kind)
            found[media] = known if known == kind else f"{known} | {kind}"
    return found


def _json_responses(plan: Plan, operation: Operation) -> list[str]:
    return [kind for media, kind in responses_of(plan, operation).items() if is_json(media)] or [
        "Any"
    ]


def _without_ticket(operation: Operation, kind: str) -> str:
    """The type of a response that may also be a task's id, without the classes that hold the id.

    Those are returned by `submit_…` alone.
    """
    paths = obj(operation.extension("x-task").get("parameters")).values()
    ids = {re.split(r"[.\[]", str(path))[0] for path in paths}
    schemas = operation.document.schemas
    kept = [
        name
        for name in kind.split(" | ")
        if name not in schemas or not ids & schemas[name].properties.keys()
    ]
    return " | ".join(kept) if kept else kind


def _task_response(plan: Plan, operation: Operation) -> Annotation:
    """What a finished task's `response` is."""
    name = operation.extension("x-task")["fetch"]
    fetch = operation.document.by_id.get(name)
    if fetch is None:
        raise NameProblem(
            f"x-task.fetch names `{name}`, which is no operation", "name the fetching operation"
        )
    status = fetch.extension("x-task-status")
    told = operation if "response" in status else fetch
    own = _json_responses(plan, told)
    whole = returned(iter([*own, "bytes"] if obj(status.get("done")).get("binary") else own))
    return _with_files(plan, told, whole)


def _with_files(plan: Plan, operation: Operation, whole: Annotation) -> Annotation:
    """The type of a whole response of an operation, with the class of the files that it gives."""
    gives = "x-outputs" in operation.node
    return with_files(whole, plan.classes) if gives else file_itself(whole)


def _event(plan: Plan, operation: Operation) -> Annotation:
    """What each event of the operation's stream carries."""
    kind = plan.endpoints[operation.id].stream
    if kind is None:
        fault = f"it has x-stream, but no 2xx response of {EVENT_STREAM} with itemSchema"
        raise NameProblem(fault, "describe the stream's events")
    return received(kind)


def _sum(plan: Plan, operation: Operation) -> Annotation:
    """What the events of the operation's stream add up to."""
    stream = operation.extension("x-stream")
    if "accumulate" not in stream:
        return received("Any")
    whole = stream.get("response") or _json_responses(plan, operation)[0].split(" | ")[0]
    return _with_files(plan, operation, received(whole))


def _structured(plan: Plan, operation: Operation) -> Annotation | None:
    """The response whose output is of a class of the caller's; None where none can be asked for."""
    if "x-structured" not in operation.node:
        return None
    name = _json_responses(plan, operation)[0].split(" | ")[0]
    return _with_files(plan, operation, received(f"{name}[Parsed]"))


def _item(operation: Operation, path: str) -> Annotation:
    """The type of the items that a plain path of names finds in the response."""
    schema = operation.json_success.schema if operation.json_success else None
    for step in path.removesuffix("[]").split(".") if path not in ("@", "[]") else []:
        schema = schema.but_null.properties.get(step.strip('"')) if schema else None
    items = schema.but_null.items if schema else None
    return received(expression(items)) if items else ANY
