"""Calls over WebSockets: the module of each, its method, and the session that the method returns.

A session has a group for each word before the last of the events that a client sends:
`conversation.item.create` is `session.conversation.item.create(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from generator.document.names import METHOD_ARGUMENTS, argument_name, is_name, pascal
from generator.document.realtime import Message, RealtimeCall
from generator.source import seq

from .annotation import scalar
from .arguments import Argument, BodyArguments, NameProblem
from .code import HEADER, File, Name
from .docstrings import Texts, best_source, docstring, paragraphs, price_text, source_text, wrap
from .plan import Plan
from .request_types import RequestTypes

CLIENT, RESOURCES = "api302_client", "api302_resources"
_OWN = {
    "reconnect": 'Literal["unused", "idle", "never"] | None',
    "max_queue": "int | None",
    "extra_headers": "Mapping[str, str] | None",
    "extra_query": "Mapping[str, Any] | None",
    "timeout": "float | None",
}
_OWN_TEXTS = {
    "reconnect": (
        "When to connect again after the connection broke: while nothing was sent but the settings"
        " (`unused`, the default), also while no response is under way and nothing was sent since"
        " the last one (`idle`; the conversation so far is gone, as `session.created` shows), or"
        " `never`. Nothing is sent twice."
    ),
    "max_queue": "Events that wait to be read; beyond them the service has to wait. Default: 1024.",
    "extra_headers, extra_query": "Sent with the handshake, on top of the rest.",
    "timeout": (
        "Seconds to wait for the handshake, for an event of a response that is under way, and for"
        " the service to take an event; default: the client's."
    ),
}
_OWN_IMPORTS = {("collections.abc", "Mapping"), ("typing", "Any"), ("typing", "Literal")}


@dataclass
class Group:
    """Events that begin with the same words, and the groups below it."""

    path: tuple[str, ...]
    events: list[Message] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)

    def all(self) -> Iterator[Group]:
        """This group after those below it."""
        for group in self.groups.values():
            yield from group.all()
        yield self


OWN_ARGUMENTS: dict[str, dict[str, Any]] = {
    "reconnect": {
        "type": "string",
        "enum": ["unused", "idle", "never"],
        "description": _OWN_TEXTS["reconnect"],
    },
    "max_queue": {
        "type": "integer",
        "minimum": 1,
        "description": _OWN_TEXTS["max_queue"],
    },
}
"""What the method of every session takes beside its fields, as JSON Schemas."""


@dataclass(frozen=True)
class Connecting:
    """The method that returns a session, for the sync class and the async one."""

    call: RealtimeCall
    arguments: list[Argument]

    @property
    def name(self) -> str:
        return self.call.action

    @property
    def imports(self) -> set[tuple[str, str]]:
        """What a type checker must import to read its annotations."""
        found = {pair for argument in self.arguments for pair in argument.annotation.imports}
        module, name = session_module(self.call), session_class(self.call)
        return found | _OWN_IMPORTS | {(module, name), (module, f"Async{name}")}

    def shown(self) -> dict[str, Any]:
        """What the template renders: plain data."""
        call, name = self.call, session_class(self.call)
        by_place: dict[str, list[tuple[str, Name]]] = {"query": [], "headers": []}
        for argument in self.arguments:
            if argument.place in ("query", "header"):
                key = "headers" if argument.place == "header" else "query"
                by_place[key].append((argument.wire, Name(argument.name)))
        settings = [one.name for one in self.arguments if one.place == "settings"]
        return {
            "name": self.name,
            "kind": "_connect",
            "package": f"{CLIENT}.api.{call.tag.replace('.', '_')}",
            "endpoint": call.id,
            "module": session_module(call),
            "session": name,
            "settings": Name(settings[0]) if settings else None,
            "arguments": [
                (
                    one.name,
                    str(one.annotation if one.required else one.annotation.or_none),
                    one.required,
                )
                for one in self.arguments
            ],
            "own": _OWN,
            "sent": by_place,
            "doc": self._lines(),
            "warning": "",
            "returns": {prefix: f"{prefix}{name}" for prefix in ("", "Async")},
            "overloads": [],
        }

    def _lines(self) -> list[str]:
        node = self.call.node
        texts = Texts(
            summary=str(node.get("summary") or self.call.id),
            description=str(node.get("description") or ""),
            deprecated="",
            endpoint=f"WebSocket {self.call.path}",
            price=price_text(node["x-price"]) if "x-price" in node else "",
            source=source_text(node),
        )
        returns = (
            "A session, not connected yet: a context manager that gives the events of the service"
            " and has methods for those that are sent. It needs `pip install api302[realtime]`."
        )
        return docstring(texts, self.arguments, BodyArguments(), _OWN_TEXTS, returns, [])


def session_class(call: RealtimeCall) -> str:
    """The class of the sessions of a call."""
    return f"{pascal(call.id)}Connection"


def session_module(call: RealtimeCall) -> str:
    """Its module."""
    return f"{RESOURCES}.{call.section}.{call.id}"


def connecting(plan: Plan, call: RealtimeCall) -> Connecting:
    """The method of a call. Raises NameProblem."""
    arguments = [
        _argument(plan.types, one.wire, one.place, one.schema, one.required)
        for one in call.parameters
    ]
    rule = call.rules.get("settings")
    if rule:
        schema = call.messages[rule["message"]].fields[rule["field"]]
        made = _argument(plan.types, rule["field"], "settings", schema, False)
        arguments.append(made)
    names = [argument.name for argument in arguments]
    for name in names:
        if names.count(name) > 1 or name in {*_OWN, *METHOD_ARGUMENTS}:
            fault = f"{call.id} would take the argument `{name}` twice"
            raise NameProblem(fault, "rename one of the two")
    return Connecting(call, sorted(arguments, key=lambda argument: not argument.required))


def _argument(types: RequestTypes, wire: str, place: str, schema: Any, required: bool) -> Argument:
    name = argument_name(wire.lower() if place == "header" else wire)
    annotation = types.annotation(schema).without_none()
    return Argument(name, wire, place, required, annotation, schema.description, schemas=(schema,))


# -- files


def files(plan: Plan) -> Iterator[File]:
    """The files of all calls over WebSockets."""
    with_endpoints = {endpoint.package for endpoint in plan.endpoints.values()}
    for call in plan.document.realtime:
        package = call.tag.replace(".", "_")
        if package not in with_endpoints:
            yield File(f"{CLIENT}/api/{package}/__init__.py", "", {"text": f"{HEADER}\n"})
        path = f"{CLIENT}/api/{package}/{call.id}.py"
        yield File(path, "realtime_module.py.jinja", _facts(call))
        path = f"{session_module(call).replace('.', '/')}.py"
        yield File(path, "resources/realtime.py.jinja", _shown(plan, call))


def _facts(call: RealtimeCall) -> dict[str, Any]:
    """What the module of a call has: plain data."""
    pieces = {one.name: one.base64_fields[0] for one in call.received if one.base64_fields}
    return {
        "header": HEADER,
        "summary": str(call.node.get("summary") or call.id),
        "id": call.id,
        "path": call.path,
        "docs": best_source(call.node),
        "received": received(call),
        "audio": pieces,
        "rules": call.rules,
        "price": seq(call.node.get("x-price")),
    }


def received(call: RealtimeCall) -> str:
    """The type expression of what a client receives."""
    return " | ".join(message.schema.name for message in call.received)


def _shown(plan: Plan, call: RealtimeCall) -> dict[str, Any]:
    """What the template of the session renders: plain data."""
    root = _grouped(call)
    groups = [_shown_group(plan, call, group) for group in root.all()]
    imports = {pair for group in groups for pair in group.pop("imports")}
    by_module: dict[str, list[str]] = {}
    for module, name in sorted(imports):
        by_module.setdefault(module, []).append(name)
    events = {"call": pascal(call.id), "received": received(call)}
    models = sorted(message.schema.name for message in call.received)
    return {
        "header": HEADER,
        "summary": str(call.node.get("title") or call.id),
        "imports": by_module,
        "models": models,
        "groups": groups[:-1],
        "session": groups[-1],
        "session_class": session_class(call),
        **events,
    }


def _grouped(call: RealtimeCall) -> Group:
    root = Group(())
    for message in call.sent:
        *words, _ = message.name.split(".")
        group = root
        for number, word in enumerate(words, 1):
            group = group.groups.setdefault(word, Group(tuple(words[:number])))
        group.events.append(message)
    return root


def group_class(call: RealtimeCall, path: tuple[str, ...]) -> str:
    """The class of a group: OpenaiRealtimeConversationItemEvents."""
    return f"{pascal(call.id)}{pascal('_'.join(path))}Events"


def _shown_group(plan: Plan, call: RealtimeCall, group: Group) -> dict[str, Any]:
    imports: set[tuple[str, str]] = set()
    methods: list[dict[str, Any]] = []
    for message in group.events:
        arguments = _event_arguments(plan, message)
        imports |= {pair for one in arguments for pair in one.annotation.imports}
        methods.append(_shown_event(message, arguments))
    words = ".".join(group.path)
    children = [
        (word, group_class(call, child.path), f"The `{'.'.join(child.path)}` events.")
        for word, child in group.groups.items()
    ]
    for name in [*group.groups, *(method["name"] for method in methods)]:
        if not is_name(name) or (not group.path and name in _SESSION_NAMES):
            fault = f"`{name}` of {call.id} cannot be the name of a method"
            raise NameProblem(fault, "rename the message")
    return {
        "name": group_class(call, group.path),
        "doc": f"The `{words}` events that a client sends.",
        "children": children,
        "methods": methods,
        "imports": imports,
    }


_SESSION_NAMES = frozenset("is_open open close receive send send_audio audio interrupt".split())


def _event_arguments(plan: Plan, message: Message) -> list[Argument]:
    arguments = [
        _argument(plan.types, wire, "body", schema, wire in message.required)
        for wire, schema in message.fields.items()
    ]
    arguments = [
        replace(one, annotation=scalar("str") | scalar("bytes"))
        if one.wire in message.base64_fields
        else one
        for one in arguments
    ]
    return sorted(arguments, key=lambda one: (not one.required, one.wire == "event_id"))


def _shown_event(message: Message, arguments: list[Argument]) -> dict[str, Any]:
    texts = [(one.name, _described(one)) for one in arguments]
    lines = [line for name, text in texts for line in wrap(f"{name}: {text}", 8, 4)]
    blocks = [wrap(f"{message.summary.rstrip('.')}."), wrap(message.description)]
    blocks.append(["Args:", *lines] if lines else [])
    blocks.append(wrap(f"Sends `{message.name}`."))
    return {
        "name": message.name.rpartition(".")[2],
        "type": message.name,
        "doc": paragraphs(blocks),
        "arguments": [
            (
                one.name,
                str(one.annotation if one.required else one.annotation.or_none),
                one.required,
            )
            for one in arguments
        ],
        "fields": [(one.wire, Name(one.name)) for one in arguments],
    }


def _described(argument: Argument) -> str:
    text = argument.description.strip() or ("Required" if argument.required else "Optional")
    return text if text[-1] in ".!?" else f"{text}."
