"""The joined document, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from generator.join import METHODS
from generator.runtime.catalog import Model
from generator.source import obj, seq

from .operation import Operation
from .realtime import RealtimeCall, event_schemas
from .references import references, resolve
from .schema import Schema


class Document:
    """A joined OpenAPI document: its operations, its schemas, and what its references lead to.

    With it goes the AsyncAPI document of what is sent over WebSockets, whose schemas are with the
    others.

    Attributes:
        node: The document as plain dicts and lists. It must not change while this object is used.
        models: The models of the catalogue by id, those whose calls are in the document.
        events: The AsyncAPI document; empty without one.
    """

    def __init__(
        self,
        node: dict[str, Any],
        models: Mapping[str, dict[str, Any]] | None = None,
        events: dict[str, Any] | None = None,
    ) -> None:
        self.node = node
        self.events = events or {}
        self.models = {id_: Model.of(data) for id_, data in (models or {}).items()}
        self.catalog = dict(models or {})
        """The models as plain data."""
        self._schemas: dict[int, Schema] = {}  # by id() of the node, which the schema keeps alive

    def components(self, kind: str) -> dict[str, Any]:
        """The components of a kind, such as `schemas`, by name."""
        return obj(self._components.get(kind))

    @cached_property
    def _components(self) -> dict[str, Any]:
        own = obj(self.node.get("components"))
        if not self.events:
            return own
        return {**own, "schemas": {**obj(own.get("schemas")), **event_schemas(self.events)}}

    @property
    def server(self) -> str:
        """The URL of the first server, or an empty string."""
        return str(obj(next(iter(seq(self.node.get("servers"))), {})).get("url") or "")

    # Operations

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation, in the order of the document."""
        return [
            self._operation(path, method, node)
            for path, item in obj(self.node.get("paths")).items()
            for method, node in obj(item).items()
            if method in METHODS and isinstance(node, dict)
        ]

    def _operation(self, path: str, method: str, node: dict[str, Any]) -> Operation:
        tag = str(next(iter(seq(node.get("tags"))), ""))
        section, _, vendor = tag.partition(".")
        return Operation(self, section, vendor, path, method, node)

    @cached_property
    def by_id(self) -> dict[str, Operation]:
        """Operations by operationId; of two with one id, the first."""
        return {operation.id: operation for operation in reversed(self.operations) if operation.id}

    @cached_property
    def tags(self) -> dict[str, dict[str, Any]]:
        """The tags by name: sections, and vendors within them."""
        return {
            tag["name"]: tag
            for tag in map(obj, seq(self.node.get("tags")))
            if isinstance(tag.get("name"), str)
        }

    @cached_property
    def realtime(self) -> list[RealtimeCall]:
        """The calls over WebSockets."""
        channels = obj(self.events.get("channels")).items()
        return [RealtimeCall(self, name, obj(channel)) for name, channel in channels]

    # Models

    @cached_property
    def _takers(self) -> dict[str, dict[str, dict[str, Model]]]:
        """The models that each operation takes, by operation id, field and id; those that its path
        chooses under an empty field.
        """
        found: dict[str, dict[str, dict[str, Model]]] = {}
        for model in self.models.values():
            for call in model.calls:
                found.setdefault(call.operation, {}).setdefault(call.field or "", {})[model.id] = (
                    model
                )
        for operation in self.operations:
            uses = operation.extension("x-models")
            if kinds := set(seq(uses.get("kinds"))):
                taken = found.setdefault(operation.id, {}).setdefault(str(uses.get("field")), {})
                named = (one for one in self.models.values() if one.name)
                taken.update({one.id: one for one in named if kinds & set(one.kinds)})
        return found

    def models_of(self, operation: Operation) -> dict[str, list[Model]]:
        """The models that an operation takes, by the field that takes them."""
        fields = self._takers.get(operation.id, {})
        return {field: list(models.values()) for field, models in fields.items() if field}

    def models_by_path(self, operation: Operation) -> list[Model]:
        """The models that an operation's path chooses."""
        return list(self._takers.get(operation.id, {}).get("", {}).values())

    # Schemas

    @cached_property
    def schemas(self) -> dict[str, Schema]:
        """The named schemas."""
        made = {
            name: Schema(self, node, name, name)
            for name, node in self.components("schemas").items()
        }
        self._schemas.update(
            {
                id(schema.origin): schema
                for schema in made.values()
                if isinstance(schema.origin, dict)
            }
        )
        return made

    def schema(self, node: Any, where: str) -> Schema:
        """The schema that stands at a node; `where` names the place in messages."""
        if not isinstance(node, dict):
            return Schema(self, node, where)
        _ = self.schemas
        if id(node) not in self._schemas:
            self._schemas[id(node)] = Schema(self, node, where)
        return self._schemas[id(node)]

    # References

    def resolve(self, node: Any, where: str) -> Any:
        """The node itself, or what its chain of `$ref` leads to.

        Raises DocumentError, which names `where`, if it leads nowhere.
        """
        return resolve(self._referred, node, where)

    @cached_property
    def _referred(self) -> dict[str, Any]:
        """What references point into."""
        return {**self.node, "components": self._components} if self.events else self.node

    def examples(self, holder: dict[str, Any]) -> list[Any]:
        """The examples of a parameter object or a media type object."""
        if "example" in holder:
            return [holder["example"]]
        named = obj(holder.get("examples"))
        return [obj(self.resolve(example, name)).get("value") for name, example in named.items()]

    def reached(self, roots: Iterable[Any]) -> set[str]:
        """Names of the schemas that some parts of the document refer to, directly or not."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [ref for root in roots for ref in references(root)]
        while todo:
            ref = todo.pop()
            if ref not in seen:
                seen.add(ref)
                _, _, kind, name = ref.split("/")
                found |= {name} if kind == "schemas" else set()
                todo += references(self.components(kind).get(name))
        return found
