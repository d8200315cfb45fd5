"""The catalogue of models as data of the client: what `api302_client.catalog.Model.of` reads."""

from __future__ import annotations

import json
from typing import Any

from generator.document import Document

_BEST = ("page", "url", "source", "evidence", "seen")
"""What is kept of a model's best evidence; the rest is in the publication."""


def text(document: Document) -> str:
    """The models as JSON, a line each."""
    lines = [json.dumps(_entry(model), ensure_ascii=False) for model in document.catalog.values()]
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def _entry(model: dict[str, Any]) -> dict[str, Any]:
    best = model["docs"][0]
    return {**model, "docs": [{key: best[key] for key in _BEST if key in best}]}
