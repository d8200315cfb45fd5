"""What changed in the catalogue of models: those that came, went, or cost something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generator.emit.docstrings import price_text
from generator.source import seq

from .report import ADDED, CHANGED, Change

HOME = "models"
Models = Mapping[str, Mapping[str, Any]]


def compare_models(old: Models, new: Models) -> list[Change]:
    """The changes of models, in the order of the new catalogue. `old`, `new`: models by id."""
    found = [Change(kind, HOME, id_, "", rule, text) for kind, id_, rule, text in _all(old, new)]
    return sorted(found, key=lambda change: change.kind != ADDED)


def _all(old: Models, new: Models) -> Iterator[tuple[str, str, str, str]]:
    for id_, model in new.items():
        if id_ not in old:
            yield ADDED, id_, "model-added", f"new: {model['title']}"
            continue
        for rule, text in _changed(old[id_], model):
            yield CHANGED, id_, rule, text
    for id_, model in old.items():
        if id_ not in new:
            yield CHANGED, id_, "model-removed", f"gone: {model['title']}"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What changed of one model: the rule that tells it, and the text."""
    before, after = (price_text(seq(one.get("price"))) for one in (old, new))
    if before != after:
        said = f"{before.rstrip('.') or 'unknown'} \u2192 {after.rstrip('.') or 'unknown'}"
        yield "model-price", f"price: {said}"
    if new.get("deprecated") and not old.get("deprecated"):
        instead = new.get("replaced_by")
        yield "model-deprecated", f"deprecated{f'; use {instead}' if instead else ''}"
