"""A call over a WebSocket: what it is told when it connects, and the events that go both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from generator.realtime import message_names
from generator.source import obj, seq

from .names import pascal
from .operation import Parameter, words_for
from .schema import Schema

if TYPE_CHECKING:
    from .document import Document

_PLACES = {"query": "query", "headers": "header"}


@dataclass(frozen=True)
class Message:
    """An event: its name, which is its `type`, and its object, whose schema has a class's name."""

    name: str
    node: dict[str, Any]
    schema: Schema

    @property
    def summary(self) -> str:
        return str(self.node.get("summary") or self.name).strip()

    @property
    def description(self) -> str:
        return str(self.node.get("description") or "").strip()

    @property
    def fields(self) -> dict[str, Schema]:
        """Its fields by name on the wire, but for its `type`."""
        schemas = self.schema.fields().schemas
        return {wire: schema for wire, schema in schemas.items() if wire != "type"}

    @property
    def required(self) -> set[str]:
        return self.schema.fields().required

    @property
    def base64_fields(self) -> list[str]:
        """The fields that hold bytes, in base64."""
        schemas = self.fields.items()
        return [wire for wire, one in schemas if one.node.get("contentEncoding") == "base64"]


@dataclass(eq=False)
class RealtimeCall:
    """A channel of the AsyncAPI document, named as operations are: `<vendor>_<action>`.

    Attributes:
        document: What its references point into.
        id: The name of the channel.
        node: The channel object.
    """

    document: Document
    id: str
    node: dict[str, Any]

    @property
    def tag(self) -> str:
        """Its namespace: `audio.openai`."""
        return str(obj(next(iter(seq(self.node.get("tags"))), {})).get("name") or "")

    @property
    def section(self) -> str:
        return self.tag.partition(".")[0]

    @property
    def vendor(self) -> str:
        return self.tag.partition(".")[2]

    @property
    def action(self) -> str:
        """What the id says after the vendor: the name of its method."""
        return self.id.removeprefix(f"{self.vendor}_")

    @property
    def search_words(self) -> list[str]:
        """Other words that people search for it by (`x-search` of the document)."""
        return words_for(self.document, str(self.node.get("summary") or ""))

    @property
    def path(self) -> str:
        return str(self.node.get("address") or "")

    @property
    def rules(self) -> dict[str, Any]:
        """What `x-realtime` says."""
        return obj(self.node.get("x-realtime"))

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What the handshake takes: of the query, and of the headers."""
        binding = obj(obj(self.node.get("bindings")).get("ws"))
        return [
            self._parameter(place, wire, node, wire in seq(obj(binding.get(key)).get("required")))
            for key, place in _PLACES.items()
            for wire, node in obj(obj(binding.get(key)).get("properties")).items()
        ]

    def _parameter(self, place: str, wire: str, node: dict[str, Any], required: bool) -> Parameter:
        schema = self.document.schema(node, f"{self.id}, {place} {wire}")
        return Parameter(wire, place, required, schema, node)

    # Events

    @cached_property
    def messages(self) -> dict[str, Message]:
        """Its messages by name."""
        known = obj(obj(self.document.events.get("components")).get("messages"))
        return {
            name: Message(name, obj(known.get(name)), self._schema(name))
            for name in obj(self.node.get("messages"))
        }

    def _schema(self, name: str) -> Schema:
        return self.document.schemas[event_class(self.id, name)]

    @property
    def _operations(self) -> list[dict[str, Any]]:
        ref = f"#/channels/{self.id}"
        listed = map(obj, obj(self.document.events.get("operations")).values())
        return [one for one in listed if obj(one.get("channel")).get("$ref") == ref]

    def _of_action(self, action: str) -> list[Message]:
        names = dict.fromkeys(
            name
            for operation in self._operations
            if operation.get("action") == action
            for name in message_names(operation)
        )
        return [self.messages[name] for name in names]

    @cached_property
    def sent(self) -> list[Message]:
        """The events that a client sends."""
        return self._of_action("send")

    @cached_property
    def received(self) -> list[Message]:
        """The events that a client receives."""
        return self._of_action("receive")

    @cached_property
    def argument_schemas(self) -> list[Schema]:
        """The schemas of what a client sends."""
        schemas = [schema for message in self.sent for schema in message.fields.values()]
        return [*schemas, *(parameter.schema for parameter in self.parameters)]


def event_class(call: str, message: str) -> str:
    """The class of an event: `response.done` of openai_realtime is OpenaiRealtimeResponseDone."""
    return pascal(call) + "".join(word.capitalize() for word in re.split(r"[._]", message))


def event_schemas(events: dict[str, Any]) -> dict[str, Any]:
    """The named schemas of an AsyncAPI document, and those of its messages under their classes."""
    components = obj(events.get("components"))
    known = obj(components.get("messages"))
    found = dict(obj(components.get("schemas")))
    for call, channel in obj(events.get("channels")).items():
        for name in obj(obj(channel).get("messages")):
            message = obj(known.get(name))
            payload = obj(message.get("payload"))
            texts = [str(message.get(key) or "").strip() for key in ("summary", "description")]
            about = " ".join(f"{text.rstrip('.')}." for text in texts if text)
            found[event_class(call, name)] = {**payload, "description": about}
    return found
