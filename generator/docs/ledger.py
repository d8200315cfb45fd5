"""The provider's list of pages against the ledger: new, gone, renamed, moved."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from .described import Described
from .page import CHINESE
from .sources import Entry


@dataclass
class Index:
    """What `docs index` found. Rows are told with file and line, pages with their address."""

    new: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0
    """Pages of the list that the ledger or an operation's x-docs has."""
    unclear: int = 0
    """Ledger rows without a number whose title the list, in another language, cannot confirm."""


def index(described: Described, entries: list[Entry], whole: bool) -> Index:
    """Compare by page number where x-docs has it, else by title and group. What a whole list lacks is gone."""
    found, seen = Index(), set[str]()
    listed = [entry for entry in entries if entry.kind != "d"]
    for entry in listed:
        pages = rows_of(described, entry, seen)
        if not pages and entry.number not in described.numbers:
            found.new.append(asdict(entry))
            continue
        found.known += 1
        seen |= set(pages)
        if len(pages) == 1:
            _compare(described, found, pages[0], entry)
    foreign = any(CHINESE.search(entry.title) or not entry.title for entry in listed)
    numbered = {page for known in described.numbers.values() for _, page in known}
    for page in described.rows if whole else ():
        if page not in seen and foreign and page not in numbered:
            found.unclear += 1
        elif page not in seen:
            found.gone.append(_row(described, page))
    return found


def rows_of(described: Described, entry: Entry, seen: set[str]) -> list[str]:
    """The ledger's pages that an entry is: by number, else the one with its title whose group ends the breadcrumb, else the one with it."""
    if entry.number in described.numbers:
        return list(
            dict.fromkeys(
                page for _, page in described.numbers[entry.number] if page in described.rows
            )
        )
    title, crumb = plain(entry.title), plain(entry.group)
    rows = {
        page: row
        for page, (_, row) in described.rows.items()
        if title and page not in seen and plain(str(row.get("title"))) == title
    }
    fitting = [
        page
        for page, row in rows.items()
        if row.get("group") and crumb.endswith(plain(str(row["group"])))
    ]
    for pages in (fitting, list(rows)):
        if len(pages) == 1 or (pages and crumb):
            return pages[:1]
    return []


def _compare(described: Described, found: Index, page: str, entry: Entry) -> None:
    row = _row(described, page)
    title, group = str(row["title"]), row["group"]
    if entry.title and not _translated(title, entry.title) and plain(title) != plain(entry.title):
        found.renamed.append({**row, "now": entry.title, "url": entry.url})
    if (
        entry.group
        and not _translated(group, entry.group)
        and not plain(entry.group).endswith(plain(group))
    ):
        found.moved.append({**row, "now": entry.group, "url": entry.url})


def _row(described: Described, page: str) -> dict[str, Any]:
    file, row = described.rows[page]
    line = (described.spec.place(described.spec.ledgers()[file], page) or (file, 1))[1]
    return {
        "page": page,
        "title": row.get("title"),
        "group": str(row.get("group") or ""),
        "file": file,
        "line": line,
    }


def _translated(ours: str, theirs: str) -> bool:
    """Whether the two are in different languages, so that they cannot be compared."""
    return bool(CHINESE.search(_half(ours))) != bool(CHINESE.search(_half(theirs)))


def _half(text: str) -> str:
    """Full-width letters and brackets as their half-width forms."""
    return unicodedata.normalize("NFKC", text)


@cache
def plain(text: str) -> str:
    """A title without what changes from copy to copy: case, blanks, kinds of brackets."""
    return re.sub(r"[\W_]+", "", _half(text)).casefold()
