"""The operations of a specification as the provider would publish them."""

from __future__ import annotations

import json
from typing import Any

from generator.docs.described import Described
from generator.document import Operation
from generator.document.media import is_json
from generator.source import obj


def as_operation(described: Described, operation: Operation) -> dict[str, Any]:
    """An operation as the OpenAPI document of its page has it: schemas written out, the same
    examples.
    """
    context = described.context

    def inline(schema: Any, depth: int = 0) -> dict[str, Any]:
        node = obj(context.resolve("", schema).value) if depth < 7 else {}
        made = {key: node[key] for key in ("type", "enum", "default", "required") if key in node}
        made |= {"items": inline(node["items"], depth + 1)} if "items" in node else {}
        made |= (
            {
                "properties": {
                    name: inline(one, depth + 1) for name, one in node["properties"].items()
                }
            }
            if "properties" in node
            else {}
        )
        return made | {
            key: [inline(one, depth + 1) for one in node[key]]
            for key in ("anyOf", "oneOf", "allOf")
            if key in node
        }

    def content(part: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _, name, media in context.media(operation, part):
            if is_json(name) or part == "request":
                examples = {
                    key: context.resolve("", one).value
                    for key, one in obj(media.value.get("examples")).items()
                }
                found.setdefault(
                    name, {"schema": inline(media.value.get("schema")), "examples": examples}
                )
        return found

    return {
        "parameters": [
            {**one, "schema": inline(one.get("schema"))} for one in context.parameters(operation)
        ],
        "requestBody": {"content": content("request")},
        "responses": {"200": {"content": content("reply")}},
    }


def as_page(described: Described, operation: Operation) -> str:
    """The page of an operation."""
    paths = {operation.path: {operation.method: as_operation(described, operation)}}
    text = json.dumps({"paths": paths}, ensure_ascii=False)
    return f"# {operation}\n\n```yaml\n{text}\n```\n"
