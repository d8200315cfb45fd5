"""How much of the provider's documentation is described, by section, and on what evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from . import join
from .models import models
from .source import Spec, obj, seq

EVIDENCE = ("live", "page", "sample", "caller", "vendor", "catalog")
KINDS = ("operations", "guide", "unknown", "pending")
UNKNOWN = ("no request", "no response")
_HEADS = ("section", "pages", "described", *KINDS[1:], "calls", *EVIDENCE, *UNKNOWN)


def coverage(spec: Spec) -> str:
    """What the ledger says of its pages, and the evidence of its operations, by section.

    Below it the models by kind, and their evidence.
    """
    pages = {section: Counter[str]() for section in spec.sections()}
    for file, rows in spec.ledgers().items():
        kinds = (_kind(obj(row)) for row in rows.values())
        pages.setdefault(file.partition("/")[0], Counter()).update(kinds)
    calls = {section: Counter[str]() for section in pages}
    for file in spec.vendor_files():
        for _, _, operation in join.operations(file.content):
            calls.setdefault(file.section, Counter()).update(_told(operation))
    for name, content in spec.realtime_files().items():
        for channel in map(obj, obj(content.get("channels")).values()):
            calls.setdefault(name.partition("/")[0], Counter()).update(_told(channel))
    rows = [_row(section, pages[section], calls[section]) for section in pages]
    return "\n\n".join(filter(None, [_summed(list(_HEADS), rows), _models(spec)]))


def _summed(heads: list[str], rows: list[list[Any]]) -> str:
    """A table with the sums of its columns as the last row."""
    sums = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    return _table([heads, *rows, ["all", *sums]])


def _models(spec: Spec) -> str:
    """A table of the models by kind: how many there are, and on what evidence."""
    kinds: dict[str, Counter[str]] = {}
    for model in models(spec)[0].values():
        counted = kinds.setdefault(str(next(iter(seq(model.get("kinds"))), "?")), Counter())
        said = {str(obj(entry).get("evidence")) for entry in seq(model.get("docs"))}
        counted["models"] += 1
        counted["priced"] += bool(model.get("price"))
        counted["limits"] += bool(model.get("limits"))
        counted[next((kind for kind in EVIDENCE if kind in said), "none")] += 1
    heads = ["models", "priced", "limits", *EVIDENCE]
    rows = [[kind, *(counted[head] for head in heads)] for kind, counted in sorted(kinds.items())]
    return _summed(["kind", *heads], rows) if rows else ""


def _kind(row: dict[str, Any]) -> str:
    return next((kind for kind in KINDS if kind in row), "?")


def _told(operation: dict[str, Any]) -> Iterator[str]:
    """What an operation counts for."""
    own = [obj(entry) for entry in seq(operation.get("x-docs")) if "sister" not in obj(entry)]
    kinds = {str(entry.get("evidence")) for entry in own}
    yield "calls"
    yield next((kind for kind in EVIDENCE if kind in kinds), "none")
    yield from (f"no {part}" for part in obj(operation.get("x-unknown")))


def _row(section: str, ledger: Counter[str], calls: Counter[str]) -> list[Any]:
    described = [ledger[kind] for kind in KINDS]
    counted = [calls[kind] for kind in ("calls", *EVIDENCE, *UNKNOWN)]
    return [section, ledger.total(), *described, *counted]


def _table(rows: list[list[Any]]) -> str:
    """Columns of equal width, the first to the left, the others to the right."""
    table = [[str(cell) for cell in row] for row in rows]
    first, *others = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for name, *cells in table:
        right = [cell.rjust(width) for cell, width in zip(cells, others, strict=True)]
        lines.append("  ".join([name.ljust(first), *right]).rstrip())
    return "\n".join(lines)
