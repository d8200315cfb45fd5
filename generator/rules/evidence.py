"""Evidence: where each operation comes from, the ledger of pages, and no secrets."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from generator.document import Operation
from generator.source import Problem, obj, seq

from .context import Context
from .structure import did_you_mean

KINDS = ("operations", "guide", "unknown", "pending")
SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_-]{0,200}[A-Za-z0-9]{16,}"
    r"|(?i:bearer)\s{1,5}(?![A-Z_]{1,100}\b)[A-Za-z0-9._~+/-]{16,}"
    r"|\beyJ[\w-]{10,300}\.eyJ[\w-]{10,}"
    r"|\bAIza[\w-]{30,}"
)
"""What looks like a key or token. Bounded, as the text of foreign pages is searched with it too."""

_MARKS = ("sk-", "eyj", "aiza", "bearer")


def evidence(context: Context) -> Iterator[Problem]:
    """An operation has x-docs; its pages are in the ledger, whose rows name it; addresses and dates
    are well formed.
    """
    rows = {page: row for _, page, row in context.rows}
    for operation in context.operations:
        yield from _shown_by(context, operation)
        for number, entry in enumerate(map(obj, seq(operation.node.get("x-docs")))):
            problems = [*_ledger_problems(operation, entry, rows), *document_problems(entry)]
            for key, message, fix in problems:
                yield context.on(operation, "x-docs", message, fix, [number, key])


def _shown_by(context: Context, operation: Operation) -> Iterator[Problem]:
    """An operation that nothing shows."""
    if "x-docs" not in operation.node:
        fix = "say where it comes from: `x-docs: [{page: p000, evidence: page, seen: 2026-11-21}]`"
        yield context.on(operation, "x-docs", f"{operation} has no x-docs", fix)
    elif all("sister" in obj(entry) for entry in seq(operation.node["x-docs"])):
        message = f"no x-docs of {operation} shows the call itself"
        yield context.on(operation, "x-docs", message, "add what does, if only its title")


def _ledger_problems(
    operation: Operation, entry: dict[str, Any], rows: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Where an entry of evidence and the ledger disagree: the key, the message and the fix."""
    page = entry.get("page")
    if isinstance(page, str) and page not in rows:
        message = f"the page {page} of {operation} is not in the ledger"
        yield "page", message, did_you_mean(page, list(rows))
    elif isinstance(page, str) and operation.id not in seq(rows[page].get("operations")):
        message = f"the ledger row of {page} does not name {operation}"
        fix = f"add {operation} to the `operations` of that row, or correct the page"
        yield "page", message, fix


def document_problems(entry: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is malformed in one entry of evidence: the key, the message and the fix."""
    url = entry.get("url")
    if isinstance(url, str) and not _is_url(url):
        yield "url", f"`{url}` is not a web address", "write https://host/path"
    for key in ("seen", "modified"):
        date = entry.get(key)
        if isinstance(date, str) and not _is_date(date):
            yield key, f"`{date}` is not a date", "write YYYY-MM-DD"


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and "." in (parts.hostname or "")
        and not re.search(r"\s", url)
    )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def ledger(context: Context) -> Iterator[Problem]:
    """Each page has one row in all ledgers, of exactly one kind, and its operations exist
    (`evidence` sees that each is reached).
    """
    seen: dict[str, str] = {}
    for rows, page, row in context.rows:
        place = "{}:{}".format(*(context.spec.place(rows, page) or ("", 0)))
        if page in seen:
            yield context.problem(
                rows,
                page,
                f"the page {page} is already in {seen[page]}",
                "keep the row of the section that it stands in",
            )
        seen.setdefault(page, place)
        kinds = [kind for kind in KINDS if kind in row]
        if len(kinds) != 1:
            message = (
                f"the row of {page} has {' and '.join(kinds) or 'no kind'}, where one of "
                f"{', '.join(KINDS)} is wanted"
            )
            yield context.problem(rows, page, message, "keep the one that is true")
        yield from _unknown_operations(context, page, row)


def _unknown_operations(context: Context, page: str, row: dict[str, Any]) -> Iterator[Problem]:
    known = [*context.by_id, *obj(context.events.get("channels"))]
    for number, name in enumerate(seq(row.get("operations"))):
        if isinstance(name, str) and name not in known:
            message = f"there is no operation `{name}`, which the row of {page} names"
            fix = did_you_mean(name, known)
            yield context.problem(row, "operations", message, fix, [number])


def secrets(context: Context) -> Iterator[Problem]:
    """No key or token stands in the specification."""
    fix = "replace it by `sk-…`; if it is real, have it revoked"
    for name in context.spec.files:
        text = (context.spec.root / name).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            small = line.lower()
            marked = any(mark in small for mark in _MARKS)  # spares most lines the slow search
            if marked and SECRET.search(line):
                yield Problem(name, number, "there is what looks like a key or token", fix)
