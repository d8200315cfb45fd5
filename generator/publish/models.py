"""The catalogue of models as it is published: `models.json`, and the JSON Schema that says what it
holds.
"""

from __future__ import annotations

from typing import Any

from generator.document import Document
from generator.source import obj, seq

FILE, SCHEMA_FILE = "models.json", "models.schema.json"
_NEEDED = ("model", "kind", "limits", "range", "price", "docs", "scalars", "jmespath")


def models_json(document: Document, info: dict[str, Any]) -> dict[str, Any]:
    """The models of a document, complete, and what takes them.

    Args:
        document: The document, with its models.
        info: The `info` of the published document.
    """
    models = list(document.catalog.values())
    days = [str(obj(entry).get("seen")) for model in models for entry in seq(model.get("docs"))]
    return {
        "$schema": SCHEMA_FILE,
        "version": info["version"],
        "evidence_date": max(days, default=""),
        "models": models,
    }


def models_schema(extensions: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of `models.json`, from the one of the specification."""
    definitions = {name: extensions["$defs"][name] for name in _NEEDED}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The models of 302.AI",
        "description": "Each model once: the calls that take it, what it accepts, what it costs.",
        "type": "object",
        "required": ["version", "evidence_date", "models"],
        "properties": {
            "$schema": {"type": "string"},
            "version": {"type": "string", "description": "Of the OpenAPI document beside it."},
            "evidence_date": {"type": "string", "description": "Day of the newest evidence."},
            "models": {"type": "array", "items": {"$ref": "#/$defs/model"}},
        },
        "$defs": definitions,
    }
