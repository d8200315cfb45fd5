"""The methods of the client: the forms in which each operation is called (at once, as a task, a stream…), their arguments and replies."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .annotations import (
    ANY,
    FILE,
    Annotation,
    Schemas,
    imported,
    literal,
    received,
    returned,
    scalar,
    union,
)
from .arguments import Argument, Body, NameProblem
from .arguments import arguments as read_arguments
from .docstrings import docstring
from .join import operations
from .lower import Types, is_json, lower
from .lower import operations as lowered_operations
from .params import owners
from .source import obj, seq

_SOON = {
    "_submit": "Task",
    "_stream": "Stream",
    "_stream_bytes": "ByteStream",
    "_iterate": "Iterator",
}
_TWINS = {
    "_submit": "gives a task at once",
    "_stream": "gives the events as they come",
    "_stream_bytes": "gives the bytes as they come",
    "_iterate": "goes through the items of all pages",
    "_upload": "makes all the steps of the upload in one call",
}
_EVENTS = "text/event-stream"


@dataclass
class Operation:
    """An operation of the document, and where it stands."""

    path: str
    method: str
    content: dict[str, Any]
    parameters: list[dict[str, Any]]
    section: str
    vendor: str
    action: str
    """What the operation id says after the vendor: the name of its method."""

    @property
    def constant(self) -> str:
        return self.action.upper()

    @property
    def module(self) -> str:
        return f"{self.section}.{self.vendor}"

    @property
    def place(self) -> list[str]:
        """Where people find it below the client: at the top, if it has a shortcut, or else with its vendor."""
        shortcut = self.content.get("x-shortcut")
        return str(shortcut).split(".") if shortcut else [self.section, self.vendor, self.action]

    def dotted(self, method: str) -> str:
        """A method of it as it is called there: `client.videos.kling.text_to_video`."""
        return ".".join(["client", *self.place[:-1], method])


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
    hidden: tuple[dict[str, Any], ...] = ()
    """Fields that are no arguments, beside the switches of all forms."""


@dataclass
class Method:
    """A method to render, for the sync class and the async one."""

    name: str
    kind: str
    constant: str
    arguments: list[Argument]
    own: list[tuple[str, str]]
    """Our own arguments, as name and `annotation = default`."""
    sent: dict[str, list[tuple[str, str]]]
    """By place, what is sent: name on the wire and the Python expression."""
    item: Annotation
    doc: list[str]
    imports: set[tuple[str, str]]
    whole: Annotation | None
    """What `final()` of a stream gives."""
    overloads: list[tuple[list[Argument], Annotation]]
    """Where each shape of the request has a reply of its own: its arguments and what takes the place of `item`."""

    def returns(self, prefix: str, item: Annotation | None = None) -> str:
        """The annotation of what the method returns; `prefix` is `Async` on the async class."""
        items = [item] if item else [own for _, own in self.overloads] or [self.item]
        if self.kind == "_stream_bytes":
            return f"{prefix}ByteStream"
        if self.kind == "_stream":
            return f"{prefix}Stream[{self.item}, {self.whole}]"
        outer = f"{prefix}{_SOON[self.kind]}[{{}}]" if self.kind in _SOON else "{}"
        return " | ".join(outer.format(own) for own in items)


class Methods:
    """How each operation of a document is called in Python."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        lowered = lower(document)
        self.raw = {
            operation["x-client"]["id"]: operation["x-client"]
            for operation in lowered_operations(lowered)
        }
        self.types = Types(document)
        self.schemas = Schemas(document, owners(document), set(lowered["components"]["schemas"]))
        self.tags = {tag["name"]: tag for tag in seq(document.get("tags"))}
        self.operations = [
            self._operation(path, method, content) for path, method, content in operations(document)
        ]
        self.by_id = {operation.content["operationId"]: operation for operation in self.operations}

    def _operation(self, path: str, method: str, content: dict[str, Any]) -> Operation:
        section, _, vendor = str(content["tags"][0]).partition(".")
        inherited = seq(obj(self.document["paths"][path]).get("parameters"))
        parameters = {
            (p["name"], p["in"]): p
            for p in map(self.schemas.deref, [*inherited, *seq(content.get("parameters"))])
        }
        action = str(content["operationId"]).removeprefix(f"{vendor}_")
        return Operation(path, method, content, list(parameters.values()), section, vendor, action)

    def arguments(self, operation: Operation) -> tuple[list[Argument], Body]:
        """What an operation takes. Raises NameProblem."""
        try:
            return read_arguments(operation.content, operation.parameters, self.schemas)
        except NameProblem:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise NameProblem(
                f"its request cannot be read ({type(error).__name__}: {error})",
                "run `python -m generator check`",
            ) from error

    def of(self, operation: Operation, name: str = "") -> list[Method]:
        """The methods of an operation, the plainest first, under a name or where people find it; its docstring points to the others."""
        first, *twins = self.forms(operation, name)
        see = [f"`{twin.name}` {_TWINS[twin.kind]}." for twin in twins]
        return [
            self._method(operation, first, see),
            *(self._method(operation, twin, []) for twin in twins),
        ]

    def forms(self, operation: Operation, name: str = "") -> Iterator[Form]:
        """The forms in which an operation is called; `create`, a shortcut's name, gives its twins bare names."""
        content, name = operation.content, name or operation.place[-1]
        twin = str.format if name != "create" else lambda prefix, _: prefix.removesuffix("_{}")
        task, stream, pages = (
            obj(content.get("x-task")),
            content.get("x-stream"),
            obj(content.get("x-pages")),
        )
        replies = self.replies(content)
        whole = [media for media in replies if media != _EVENTS]
        binary = [media for media in whole if replies[media] == "bytes"]
        streams_alone = stream is not None and (not whole or name.startswith("stream"))
        if task and not task.get("when"):
            yield Form("_submit", name, self._task_reply(operation))
        elif not streams_alone:
            yield Form(
                "_call",
                name,
                returned(replies[media] for media in whole) if whole else scalar("None"),
                accept=tuple(whole),
            )
        if task.get("when"):
            yield Form(
                "_submit", twin("submit_{}", name), self._task_reply(operation), switch=task["when"]
            )
        if stream is not None:
            called = name if streams_alone else twin("stream_{}", name)
            yield Form(
                "_stream",
                called,
                self._event(content),
                self._sum(content),
                obj(obj(stream).get("when")),
            )
        if binary:
            called = twin("stream_{}" if stream is None else "stream_bytes_{}", name)
            yield Form("_stream_bytes", called, Annotation(), accept=tuple(binary))
        if pages:
            item = self._item(content, str(pages["items"]))
            yield Form(
                "_iterate",
                twin("iter_{}", name),
                item,
                hidden=({"in": "query", "name": pages["parameter"]},),
            )
        if "finish" in content.get("x-upload", {}):
            yield Form("_upload", content["x-upload"]["method"], imported("Uploaded", "api302"))

    def _method(self, operation: Operation, form: Form, see: list[str]) -> Method:
        content, kind, item = operation.content, form.kind, form.item
        shown, body = self.arguments(operation)
        hidden = [
            *form.hidden,
            *(
                obj(obj(content[key]).get("when"))
                for key in ("x-task", "x-stream")
                if key in content
            ),
        ]
        switches = {(place.get("in"), place.get("name")) for place in hidden}
        shown = [argument for argument in shown if (argument.place, argument.wire) not in switches]
        sent: dict[str, list[tuple[str, str]]] = {
            "path": [],
            "query": [],
            "headers": [],
            "body": [],
        }
        for argument in shown:
            sent["headers" if argument.place == "header" else argument.place].append(
                (argument.wire, argument.name)
            )
        sent["path"].sort(key=lambda pair: operation.path.find(f"{{{pair[0]}}}"))
        if form.switch:
            sent["headers" if form.switch["in"] == "header" else form.switch["in"]].append(
                (form.switch["name"], repr(form.switch["value"]))
            )
        if not content.get("requestBody"):
            del sent["body"]
        unknown = body.unknown and "body" in sent
        own, texts, imports = _own_arguments(form.accept, unknown)
        if kind == "_upload":
            content, shown = self._as_upload(operation, shown)
        imports |= (
            item.imports
            | (form.whole.imports if form.whole else set())
            | {pair for argument in shown for pair in argument.annotation.imports}
        )
        if kind == "_iterate":
            imports |= {("collections.abc", "Iterator"), ("collections.abc", "AsyncIterator")}
        elif kind in _SOON:
            imports |= {("api302", _SOON[kind]), ("api302", f"Async{_SOON[kind]}")}
        lines = docstring(content, shown, body, texts, self._returns(content, kind, item), see)
        kept = {place: pairs for place, pairs in sent.items() if pairs or place == "body"}
        overloads = self._overloads(shown, body, form) if kind in ("_call", "_submit") else []
        return Method(
            form.name,
            kind,
            operation.constant,
            shown,
            own,
            kept,
            item,
            lines,
            imports,
            form.whole,
            overloads,
        )

    def _overloads(
        self, shown: list[Argument], body: Body, form: Form
    ) -> list[tuple[list[Argument], Annotation]]:
        """Where the request is one of `…Request` and the response one of the `…Response` to each: what each takes and gives."""
        replies = [part for expression in form.item.parts for part in expression.split(" | ")]
        names = [name.removesuffix("Request") + "Response" for name, _, _ in body.variants]
        if len(names) < 2 or sorted(names) != sorted(replies):
            return []
        overloads = []
        for reply, (_, required, fields) in zip(names, body.variants, strict=True):
            own = [
                replace(argument, required=argument.wire in required)
                if argument.place == "body"
                else argument
                for argument in shown
                if argument.place != "body" or argument.wire in fields
            ]
            overloads.append(
                (sorted(own, key=lambda argument: not argument.required), received(reply))
            )
        return overloads

    def _as_upload(
        self, operation: Operation, shown: list[Argument]
    ) -> tuple[dict[str, Any], list[Argument]]:
        """What the one call of an upload says of itself, and what it takes: the file, and the arguments of the step that begins it."""
        rule = operation.content["x-upload"]
        finish = self.by_id.get(rule["finish"])
        if finish is None:
            raise NameProblem(
                f"x-upload.finish names `{rule['finish']}`, which is no operation",
                "name the last step",
            )
        if any(argument.name == "file" for argument in shown):
            raise NameProblem(
                "an argument `file` stands where x-upload's method has the file",
                "take x-upload off this operation",
            )
        told = f"Makes the calls `{operation.action}` and `{finish.action}`; see there which files are taken. "
        told += (
            "In between, the file goes to a store on another host, which never sees the key. "
            if "put" in rule
            else ""
        )
        told += "The notes of an error say which step failed and what was begun before. "
        told += "`extra_query` and `extra_body` go with the first call, `extra_headers` with both."
        file = Argument(
            "file",
            "",
            "file",
            True,
            FILE,
            "The file; it is streamed, whatever its size.",
            files=("part",),
        )
        return {
            **operation.content,
            "summary": "Upload a file, all steps in one call",
            "description": told,
        }, [file, *shown]

    def _returns(self, content: dict[str, Any], kind: str, item: Annotation) -> str:
        replies = [
            self.schemas.deref(reply)
            for status, reply in obj(content.get("responses")).items()
            if status.startswith("2")
        ]
        described = [reply.get("description") for reply in replies]
        text = str(next(iter(described), "") or "The reply.").strip()
        return {
            "_call": text,
            "_submit": f"The task, accepted; `wait()` follows it to its end and gives its outputs and its `reply` ({item}).",
            "_stream": f"The stream, a context manager to iterate over ({item}).",
            "_stream_bytes": f"{text.rstrip('.')}, as a context manager that gives the bytes as they come.",
            "_iterate": "The items of all pages, each page asked for when it is reached.",
            "_upload": "In `url` what other calls take for the file, and in `reply` what the last step replied.",
        }[kind]

    def replies(self, content: dict[str, Any]) -> dict[str, str]:
        """Type expressions of the successful replies by media type."""
        found: dict[str, str] = {}
        for status, by_media in self.raw[content["operationId"]]["responses"].items():
            for media, expression in by_media.items() if status.startswith("2") else ():
                if "when" in obj(content.get("x-task")):
                    expression = self._without_ticket(content, expression)
                known = found.setdefault(media, expression)
                found[media] = known if known == expression else f"{known} | {expression}"
        return found

    def _json_reply(self, content: dict[str, Any]) -> list[str]:
        return [
            expression for media, expression in self.replies(content).items() if is_json(media)
        ] or ["Any"]

    def _without_ticket(self, content: dict[str, Any], expression: str) -> str:
        """The type of a reply that may also be a task's id, without the classes that hold the id: they answer `submit_…` alone."""
        names = expression.split(" | ")
        schemas = obj(self.document["components"].get("schemas"))
        paths = obj(obj(content.get("x-task")).get("parameters")).values()
        ids = {re.split(r"[.\[]", str(path))[0] for path in paths}
        kept = [
            name for name in names if not ids & obj(obj(schemas.get(name)).get("properties")).keys()
        ]
        return " | ".join(kept) if kept else expression

    def _task_reply(self, operation: Operation) -> Annotation:
        """What a finished task's `reply` is."""
        fetch = self.by_id.get(operation.content["x-task"]["fetch"])
        if fetch is None:
            raise NameProblem(
                f"x-task.fetch names `{operation.content['x-task']['fetch']}`, which is no operation",
                "name the fetching operation",
            )
        status = obj(fetch.content.get("x-task-status"))
        own = self._json_reply(operation.content if "response" in status else fetch.content)
        return returned(iter([*own, "bytes"] if obj(status.get("done")).get("binary") else own))

    def _event(self, content: dict[str, Any]) -> Annotation:
        """What each event of the operation's stream carries."""
        expression = self.raw[content["operationId"]]["stream"]
        if expression is None:
            raise NameProblem(
                f"it has x-stream, but no 2xx reply of {_EVENTS} with itemSchema",
                "describe the stream's events",
            )
        return received(expression)

    def _sum(self, content: dict[str, Any]) -> Annotation:
        """What the events of the operation's stream add up to."""
        stream = obj(content.get("x-stream"))
        if "accumulate" not in stream:
            return received("Any")
        return received(stream.get("response") or self._json_reply(content)[0].split(" | ")[0])

    def _item(self, content: dict[str, Any], path: str) -> Annotation:
        """The type of the items that a plain path of names finds in the reply."""
        for media, about in self.contents(content):
            if is_json(media):
                schema = obj(obj(about).get("schema"))
                for step in path.removesuffix("[]").split(".") if path not in ("@", "[]") else []:
                    schema = obj(
                        obj(self.schemas.deref(schema).get("properties")).get(step.strip('"'))
                    )
                items = obj(self.schemas.deref(schema).get("items"))
                return received(self.types.expression(items, path)) if items else ANY
        return ANY

    def contents(self, content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The media types of the successful replies, with their media type objects."""
        for status, response in obj(content.get("responses")).items():
            if status.startswith("2"):
                yield from obj(self.schemas.deref(response).get("content")).items()

    def example(self, content: dict[str, Any]) -> tuple[str, Any]:
        """The media type of the request and a copy of its first example; JSON goes first."""
        contents = obj(self.schemas.deref(content.get("requestBody")).get("content"))
        for media_type in sorted(contents, key=lambda name: not is_json(name)):
            for value in self.shown(obj(contents[media_type])):
                return media_type, copy.deepcopy(value)
        return next(iter(contents), ""), None

    def shown(self, holder: dict[str, Any]) -> list[Any]:
        """The examples of a parameter or media type."""
        named = [
            self.schemas.deref(example).get("value")
            for example in obj(holder.get("examples")).values()
        ]
        return [holder["example"]] if "example" in holder else named


def _own_arguments(
    accept: tuple[str, ...], unknown: bool
) -> tuple[list[tuple[str, str]], dict[str, str], set[tuple[str, str]]]:
    """Our own arguments: name and annotation with default, their descriptions, and what to import for them."""
    mapping, texts = "Mapping[str, Any]", dict[str, str]()
    own: dict[str, str] = {}
    media = union(literal(name) for name in accept)
    if unknown:
        own["extra_body"] = mapping
        texts["extra_body"] = "The whole body."
    if len(accept) > 1:
        own["accept"] = f"{media} | None = None"
        texts["accept"] = "The media type to answer in."
    own["extra_headers"] = "Mapping[str, str] | None = None"
    own["extra_query"] = f"{mapping} | None = None"
    own.setdefault("extra_body", f"{mapping} | None = None")
    own["timeout"] = "float | None = None"
    given = ", ".join(name for name in own if name.startswith("extra_") and name not in texts)
    texts[given] = "Sent on top of the rest."
    texts["timeout"] = (
        "Seconds to wait for the service, unless the client's; a task's own time is `wait(timeout=…)`."
    )
    imports = {("collections.abc", "Mapping"), ("typing", "Any")} | (
        media.imports if len(accept) > 1 else set()
    )
    return list(own.items()), texts, imports
