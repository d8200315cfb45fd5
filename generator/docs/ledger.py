"""The provider's list of pages against the ledger: new, gone, renamed, moved."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from .described import Described
from .pages import CHINESE
from .sources import Entry


@dataclass
class Index:
    """What `docs index` found. Rows have file and line, pages their URL."""

    new: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0
    """Pages of the list that the ledger or an operation's x-docs has."""
    unclear: int = 0
    """Ledger rows without a number whose title the list, in another language, cannot confirm."""


class Ledger:
    """The ledger's rows, found by the provider's pages.

    A row is found once, unless it has a page number.
    """

    def __init__(self, described: Described) -> None:
        self.described = described
        self.seen: set[str] = set()
        self._by_title: dict[str, list[str]] = {}
        for page, (_, row) in described.rows.items():
            self._by_title.setdefault(_plain(str(row.get("title"))), []).append(page)

    def rows_of(self, entry: Entry) -> list[str]:
        """The ledger's pages that an entry is: by number, else by title.

        Of rows with one title it is the one whose group ends the entry's breadcrumb, else the
        first one.
        """
        if entry.number in self.described.numbers:
            pages = (page for _, page in self.described.numbers[entry.number])
            return [page for page in dict.fromkeys(pages) if page in self.described.rows]
        crumb, titled = _plain(entry.group), self._titled(entry.title)
        if not crumb:
            return titled if len(titled) == 1 else []
        grouped = [page for page in titled if self._ends(crumb, page)]
        return (grouped or titled)[:1]

    def _titled(self, title: str) -> list[str]:
        """The rows with a title that were not found before."""
        plain = _plain(title)
        return [page for page in self._by_title.get(plain, ()) if plain and page not in self.seen]

    def _ends(self, crumb: str, page: str) -> bool:
        """Whether the group of a row ends a breadcrumb."""
        group = self.described.rows[page][1].get("group")
        return bool(group) and crumb.endswith(_plain(str(group)))

    def row(self, page: str) -> dict[str, Any]:
        """A row with its file and line."""
        file, row = self.described.rows[page]
        spec = self.described.spec
        _, line = spec.place(spec.ledgers()[file], page) or (file, 1)
        group = str(row.get("group") or "")
        return {"page": page, "title": row.get("title"), "group": group, "file": file, "line": line}


def index(described: Described, entries: list[Entry], whole: bool) -> Index:
    """Compare by page number where x-docs has it, else by title and group.

    What a whole list lacks is gone.
    """
    index, ledger = Index(), Ledger(described)
    listed = [entry for entry in entries if entry.kind != "d"]
    for entry in listed:
        pages = ledger.rows_of(entry)
        if not pages and entry.number not in described.numbers:
            index.new.append(asdict(entry))
            continue
        index.known += 1
        ledger.seen |= set(pages)
        if len(pages) == 1:
            _compare(index, ledger.row(pages[0]), entry)
    if whole:
        is_foreign = any(CHINESE.search(entry.title) or not entry.title for entry in listed)
        _gone(described, index, ledger, is_foreign)
    return index


def _gone(described: Described, index: Index, ledger: Ledger, is_foreign: bool) -> None:
    """The rows that no entry is. Of a list in another language only numbers tell that."""
    numbered = {page for known in described.numbers.values() for _, page in known}
    for page in [page for page in described.rows if page not in ledger.seen]:
        if is_foreign and page not in numbered:
            index.unclear += 1
        else:
            index.gone.append(ledger.row(page))


def _compare(index: Index, row: dict[str, Any], entry: Entry) -> None:
    title, group = str(row["title"]), row["group"]
    if _differs(title, entry.title) and _plain(title) != _plain(entry.title):
        index.renamed.append({**row, "now": entry.title, "url": entry.url})
    if _differs(group, entry.group) and not _plain(entry.group).endswith(_plain(group)):
        index.moved.append({**row, "now": entry.group, "url": entry.url})


def _differs(ours: str, theirs: str) -> bool:
    """Whether the two may differ: the list has the text, in the same language."""
    return bool(theirs) and bool(CHINESE.search(_half(ours))) == bool(CHINESE.search(_half(theirs)))


def _half(text: str) -> str:
    """Full-width letters and brackets as their half-width forms."""
    return unicodedata.normalize("NFKC", text)


@cache
def _plain(text: str) -> str:
    """A title without what changes from copy to copy: case, blanks, kinds of brackets."""
    return re.sub(r"[\W_]+", "", _half(text)).casefold()
