"""The provider's list of pages against the ledger: new, gone, renamed, moved."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from ..source import obj, seq
from .described import Described
from .page import CHINESE, page_number
from .sources import Entry, Listing


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

    rows: dict[str, str] = field(default_factory=dict)
    """The ledger's page by the address of each page that one row fits."""

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.renamed or self.moved)


def index(described: Described, listing: Listing) -> Index:
    """Compare by page number where x-docs has it, else by title and group."""
    rows = {page: (file, obj(row)) for file, ledger in described.spec.ledgers().items() for page, row in ledger.items()}
    by_number = _numbers(described)
    by_title: dict[str, list[tuple[str, str]]] = {}
    for page, (_, row) in rows.items():
        by_title.setdefault(plain(str(row.get("title"))), []).append((plain(str(row.get("group") or "")), page))
    found, seen = Index(), set[str]()
    foreign = False
    for entry in listing.entries:
        if entry.kind == "d":
            continue
        foreign = foreign or bool(CHINESE.search(entry.title)) or not entry.title
        pages = [page for page in by_number.get(entry.number, []) if page in rows]
        if not pages and entry.number not in by_number:
            pages = _titled(by_title, entry, seen)
        if not pages and entry.number not in by_number:
            found.new.append({"number": entry.number, "kind": entry.kind, "title": entry.title, "group": entry.group, "url": entry.url})
            continue
        found.known += 1
        seen |= set(pages)
        if len(pages) == 1:
            found.rows[entry.url] = pages[0]
            _compare(described, found, pages[0], rows[pages[0]], entry)
    numbered = {page for pages in by_number.values() for page in pages}
    for page, (file, row) in rows.items() if listing.whole else ():
        if page not in seen and foreign and page not in numbered:
            found.unclear += 1
        elif page not in seen:
            found.gone.append(_row(described, page, file, row))
    return found


def _numbers(described: Described) -> dict[str, list[str]]:
    """Ledger pages by page number; a number of an operation that no row has, has none."""
    found: dict[str, list[str]] = {}
    for operation in described.context.operations:
        for entry in map(obj, seq(operation.node.get("x-docs"))):
            number = page_number(str(entry.get("url") or ""))
            if number and re.search("302|apifox", str(entry["url"])):
                pages = found.setdefault(number, [])
                pages += [str(entry["page"])] if entry.get("page") and entry["page"] not in pages else []
    return found


def _titled(by_title: dict[str, list[tuple[str, str]]], entry: Entry, seen: set[str]) -> list[str]:
    """The one row with this title whose group ends the breadcrumb; else the one row with this title."""
    crumb = plain(entry.group)
    titled = [(group, page) for group, page in by_title.get(plain(entry.title), []) if page not in seen] if entry.title else []
    for fitting in ([page for group, page in titled if group and crumb.endswith(group)], [page for _, page in titled]):
        if len(fitting) == 1 or (fitting and crumb):
            return fitting[:1]
    return []


def _compare(described: Described, found: Index, page: str, place: tuple[str, dict[str, Any]], entry: Entry) -> None:
    file, row = place
    title, group = str(row.get("title")), str(row.get("group") or "")
    if entry.title and not _translated(title, entry.title) and plain(title) != plain(entry.title):
        found.renamed.append({**_row(described, page, file, row), "now": entry.title, "url": entry.url})
    if entry.group and not _translated(group, entry.group) and not plain(entry.group).endswith(plain(group)):
        found.moved.append({**_row(described, page, file, row), "now": entry.group, "url": entry.url})


def _row(described: Described, page: str, file: str, row: dict[str, Any]) -> dict[str, Any]:
    line = (described.spec.place(described.spec.ledgers()[file], page) or (file, 1))[1]
    return {"page": page, "title": row.get("title"), "group": row.get("group", ""), "file": file, "line": line}


def _translated(ours: str, theirs: str) -> bool:
    """Whether the two are in different languages, so that they cannot be compared."""
    return bool(CHINESE.search(_half(ours))) != bool(CHINESE.search(_half(theirs)))


def _half(text: str) -> str:
    """Full-width letters and brackets as their half-width forms."""
    return unicodedata.normalize("NFKC", text)


def plain(text: str) -> str:
    """A title without what changes from copy to copy: case, blanks, kinds of brackets."""
    return re.sub(r"[\W_]+", "", _half(text)).casefold()
