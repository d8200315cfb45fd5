"""The table of models that a page has, in a Markdown table or as it is copied from a browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .untrusted import one_line

_HEAD = re.compile(r"\|?\s*(?:模型名称|模型名|Models?(?:\s+name)?)\s*(?:\||描述|Description)", re.I)
_RULE = re.compile(r"[\s|:-]+")
_NAME = re.compile(r"[\w./@:+-]{2,100}?(?=[A-Z][a-z]|[A-Z]{2}|\s|\||$|[\u3400-\u9fff（(])")
_MOST_ROWS = 500


def model_rows(text: str) -> list[str]:
    """The lines of a page's table of models, each beginning with a name; none without a table."""
    lines = iter(text.splitlines())
    for line in lines:
        if _HEAD.match(line.strip()):
            return list(_rows(lines))[:_MOST_ROWS]
    return []


def _rows(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        row = line.strip().strip("|").strip(" `*")
        if not row and line.strip():
            continue  # a Markdown table's empty cell
        if not row:
            return
        if not _RULE.fullmatch(row):
            yield one_line(row, 200)


def model_name(row: str, known: Iterable[str]) -> tuple[str, bool]:
    """The name at the start of a row, and whether it is a known one.

    In a copied page the next cell follows without a space, so that only a known name is sure.
    """
    named = {name for name in known if row.startswith(name) and not _goes_on(row[len(name) :])}
    if named:
        return max(named, key=len), True
    found = _NAME.match(row)
    return (found[0] if found else row[:40]).rstrip("`| "), False


def _goes_on(rest: str) -> bool:
    """Whether a name goes on: `gpt-4o` is not the model of `gpt-4o-mini`."""
    return re.match(r"[-./@:]?\d|[-./@:]\w", rest) is not None
