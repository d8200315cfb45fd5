"""The examples of a page, held against the page's own schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.document.media import is_json
from generator.source import obj, seq

from . import Body, Page, Schema
from .untrusted import clean, one_line
from .values import MOST_NODES, infer, is_small, parse

_LONGEST = 10_000


class Examples:
    """Reads the examples of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def body(self, media: str, schema: Schema, examples: list[Any], *, is_request: bool) -> Body:
        """A body: what is required and not in an example is not, fields that no table has are left
        out.
        """
        if not is_json(media):
            return Body(schema, [self.known(example, {}) for example in examples])
        shown = list(self._shown(schema, examples, is_request))
        inferred = (
            bool(shown) and not schema.keys() - {"type", "description"} and _is_object(schema)
        )
        if inferred:
            schema = infer(*(self.known(example, {}) for example in shown))
        schema = self._required(schema, [example for example in shown if isinstance(example, dict)])
        return Body(schema, [self.known(example, schema) for example in shown], inferred)

    def _shown(self, schema: Schema, examples: list[Any], is_request: bool) -> Iterator[Any]:
        """The examples, as JSON.

        A text or list for a request that is an object is another call's, or broken.
        """
        is_text = schema.get("type", "object") not in ("object", "array")
        for given in examples:
            example = given if is_text else self._parsed(given)
            is_foreign = is_request and _is_object(schema) and not isinstance(example, dict)
            if example is not None and not is_foreign:
                yield example

    def _parsed(self, example: Any) -> Any:
        """An example, which pages may write as text; None if it is not JSON."""
        if not isinstance(example, str):
            return example
        try:
            return parse(example)
        except ValueError:
            self.page.fault("the example is not JSON")
            return None

    def _required(self, schema: Schema, examples: list[dict[str, Any]]) -> Schema:
        required = seq(schema.get("required"))
        lacking = {name for name in required if any(name not in example for example in examples)}
        if not lacking:
            return schema
        names = ", ".join(name for name in required if name in lacking)
        self.page.fault(f"required, but not in the page's own example: {one_line(names)}")
        return {**schema, "required": [name for name in required if name not in lacking]}

    def known(self, value: Any, schema: Schema, path: str = "") -> Any:
        """An example without API keys, and without the fields that the page's own table lacks."""
        if isinstance(value, str):
            return clean(value) if len(value) <= _LONGEST else f"{clean(value, _LONGEST)}…"
        if isinstance(value, list):
            items = obj(schema.get("items"))
            return [self.known(item, items, f"{path}[]") for item in value]
        return self._known_object(value, schema, path) if isinstance(value, dict) else value

    def _known_object(self, value: dict[str, Any], schema: Schema, path: str) -> dict[str, Any]:
        fields = obj(schema.get("properties"))
        prefix = f"{path}." if path else ""
        strange = value.keys() - fields.keys() if fields else set[str]()
        if strange:
            names = ", ".join(prefix + name for name in sorted(strange))
            self.page.fault(f"only in the example: {one_line(names)}")
        kept = {name: inner for name, inner in value.items() if name not in strange}
        return {
            clean(name, 1000): self.known(inner, obj(fields.get(name)), prefix + name)
            for name, inner in kept.items()
        }


def _is_object(schema: Schema) -> bool:
    return schema.get("type", "object") == "object"


def is_usable(example: Any) -> bool:
    """Whether an example is there, and not too deep or large."""
    return example not in (None, "", {}) and is_small(example, MOST_NODES)
