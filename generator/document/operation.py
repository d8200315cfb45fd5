"""An operation of the document: path, request, responses, and what our extensions say of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from generator.source import obj, seq

from .media import is_json, json_first
from .references import escape
from .schema import Schema

if TYPE_CHECKING:
    from .document import Document


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation. `place` is path, query or header."""

    wire: str
    place: str
    required: bool
    schema: Schema
    node: dict[str, Any]

    @property
    def description(self) -> str:
        """What it says of itself, or else what its schema says."""
        own = str(self.node.get("description") or "").strip()
        return own or self.schema.description

    @property
    def has_segments(self) -> bool:
        """Whether its value may be several segments of the path."""
        return self.place == "path" and "x-segments" in self.schema.target.node


@dataclass(frozen=True, slots=True)
class Media:
    """One form of a body: its media type, its schema, and that of each event of a stream."""

    type: str
    schema: Schema
    item_schema: Schema | None
    node: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, in each media type that the operation takes."""

    required: bool
    media: dict[str, Media]

    @property
    def media_types(self) -> list[str]:
        """JSON first."""
        return json_first(list(self.media))


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a status (`200`, `4XX`, `default`), in each media type that it comes in."""

    status: str
    description: str
    media: dict[str, Media]

    @property
    def is_success(self) -> bool:
        return self.status.startswith("2")

    @property
    def media_types(self) -> list[str]:
        """JSON first."""
        return json_first(list(self.media))


@dataclass(eq=False)
class Operation:
    """An operation and its home: section and vendor.

    Attributes:
        document: What its references point into.
        path: As in the document: `/acme/v1/videos/{task_id}`.
        method: In small letters.
        node: The operation object.
        file: Of the specification, where that is known; else empty.
    """

    document: Document
    section: str
    vendor: str
    path: str
    method: str
    node: dict[str, Any]
    file: str = ""

    def __str__(self) -> str:
        return self.id or f"{self.method.upper()} {self.path}"

    @property
    def id(self) -> str:
        """The operationId, or an empty string."""
        value = self.node.get("operationId")
        return value if isinstance(value, str) else ""

    @property
    def pointer(self) -> str:
        """Where it stands in the document, as a JSON pointer."""
        return f"/paths/{escape(self.path)}/{self.method}"

    # Names

    @property
    def action(self) -> str:
        """What the operation id says after the vendor: the name of its method."""
        return self.id.removeprefix(f"{self.vendor}_")

    @property
    def tag(self) -> str:
        """Its namespace: `videos.kling`."""
        return f"{self.section}.{self.vendor}"

    @property
    def place(self) -> list[str]:
        """Where people find it: on the client, if it has a shortcut, else with its vendor."""
        shortcut = self.node.get("x-shortcut")
        return str(shortcut).split(".") if shortcut else [self.section, self.vendor, self.action]

    def dotted(self, method: str) -> str:
        """A method of it as it is called there: `client.videos.kling.text_to_video`."""
        return ".".join(["client", *self.place[:-1], method])

    # What our extensions say

    def extension(self, name: str) -> dict[str, Any]:
        """What an extension says; empty without it."""
        return obj(self.node.get(name))

    def unknown(self, part: str) -> bool:
        """Whether `x-unknown` says that nobody knows the `request` or the `response`."""
        return part in self.extension("x-unknown")

    @cached_property
    def search_words(self) -> list[str]:
        """Other words that people search for it by (`x-search` of the document)."""
        return words_for(self.document, str(self.node.get("summary") or ""))

    @property
    def is_deprecated(self) -> bool:
        """Whether the provider has superseded it."""
        return self.node.get("deprecated") is True

    @property
    def replacement(self) -> Operation | None:
        """The operation to use in its place (`x-replaced-by`), if it is deprecated and has one."""
        return self.document.by_id.get(str(self.node.get("x-replaced-by")))

    @property
    def key_headers(self) -> tuple[str, ...]:
        """The headers beside `Authorization` that take the API key.

        A client meets the first requirement of `security`.
        """
        schemes = self.document.components("securitySchemes")
        first = obj(next(iter(seq(self.node.get("security"))), None))
        named = [obj(schemes.get(name)) for name in first]
        keys = [scheme for scheme in named if scheme.get("type") == "apiKey"]
        return tuple(scheme["name"].lower() for scheme in keys if scheme.get("in") == "header")

    # What goes in

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Its parameters, those of the path item that it does not replace included."""
        shared = seq(obj(obj(self.document.node.get("paths")).get(self.path)).get("parameters"))
        found: dict[tuple[str, str], Parameter] = {}
        for listed in [*shared, *seq(self.node.get("parameters"))]:
            node = obj(self.document.resolve(listed, self.id))
            wire, place = str(node.get("name")), str(node.get("in"))
            schema = self.document.schema(node.get("schema"), f"{self.id}, parameter {wire}")
            found[place, wire] = Parameter(wire, place, node.get("required") is True, schema, node)
        return list(found.values())

    @cached_property
    def body(self) -> Body | None:
        """Its request body; None if it takes none."""
        node = obj(self.document.resolve(self.node.get("requestBody"), self.id))
        media = self._media(node, f"{self.id}, request")
        return Body(node.get("required") is True, media) if media else None

    @cached_property
    def request_fields(self) -> dict[str, list[Schema]]:
        """The fields of its request by name on the wire, each with its schema in each media type:
        parameters and top-level body fields.
        """
        found: dict[str, list[Schema]] = {}
        for media in self.body.media.values() if self.body else ():
            for wire, schema in media.schema.target.fields().schemas.items():
                found.setdefault(wire, []).append(schema)
        for parameter in self.parameters:
            found.setdefault(parameter.wire, []).append(parameter.schema)
        return found

    def example(self) -> tuple[str, Any]:
        """The media type of the request and a copy of its first example; JSON goes first."""
        if not self.body:
            return "", None
        for media_type in self.body.media_types:
            for value in self.document.examples(self.body.media[media_type].node):
                return media_type, copy.deepcopy(value)
        return next(iter(self.body.media)), None

    # What comes out

    @cached_property
    def responses(self) -> list[Response]:
        """Its responses in the order of the document."""
        found = []
        for status, listed in obj(self.node.get("responses")).items():
            where = f"{self.id}, response {status}"
            node = obj(self.document.resolve(listed, where))
            found.append(
                Response(
                    status, str(node.get("description") or "").strip(), self._media(node, where)
                )
            )
        return found

    @property
    def successes(self) -> Iterator[Media]:
        """The forms of its successful responses."""
        return (
            media
            for response in self.responses
            if response.is_success
            for media in response.media.values()
        )

    @property
    def json_success(self) -> Media | None:
        """Its successful response as JSON."""
        return next((media for media in self.successes if is_json(media.type)), None)

    def _media(self, holder: dict[str, Any], where: str) -> dict[str, Media]:
        found = {}
        for media_type, listed in obj(holder.get("content")).items():
            node = obj(self.document.resolve(listed, where))
            schema = self.document.schema(node.get("schema"), where)
            items = (
                self.document.schema(node["itemSchema"], where) if "itemSchema" in node else None
            )
            found[media_type] = Media(media_type, schema, items, node)
        return found


def words_for(document: Document, title: str) -> list[str]:
    """Other words that people search for what has a title (`x-search` of the document)."""
    rows = map(obj, seq(document.node.get("x-search")))
    lower = title.lower()
    found = [seq(row.get("also")) for row in rows if _has_any(lower, seq(row.get("calls")))]
    return list(dict.fromkeys(str(word) for words in found for word in words))


def _has_any(summary: str, phrases: list[Any]) -> bool:
    return any(str(phrase).lower() in summary for phrase in phrases)
