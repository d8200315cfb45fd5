"""What was found, for a person and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from . import PageError
from .diff.finding import Finding
from .pages import Page
from .pages.untrusted import one_line

CHANGES = {
    "new": "New pages",
    "gone": "Pages that are gone",
    "renamed": "Renamed pages",
    "moved": "Moved pages",
}
"""The lists of an index, and their titles."""


def diff_json(
    findings: list[Finding],
    pages: list[Page],
    unreadable: list[PageError],
    exchanges: int,
    decided: int,
) -> dict[str, Any]:
    """The differences for JSON, with the faults and differences that were not passed on.

    What several pages say alike is told once.
    """
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for finding in findings:
        key = (finding.operation, finding.file, finding.message)
        one = merged.setdefault(key, {**asdict(finding), "also": []})
        if finding.source not in (one["source"], *one["also"]):
            one["also"].append(finding.source)
    corrected = [page for page in pages if page.faults or page.settled]
    return {
        "read": {"pages": len(pages), "exchanges": exchanges},
        "findings": list(merged.values()),
        "unreadable": [
            {"source": one_line(error.source), "reason": one_line(str(error), 1000)}
            for error in unreadable
        ],
        "not_passed_on": [
            {"source": page.source, "faults": page.faults, "settled": page.settled}
            for page in corrected
        ],
        "decided": decided,
    }


def index_text(data: dict[str, Any], spec: str) -> str:
    """The index for a person."""
    index = data["index"]
    lines: list[str] = []
    for change, title in CHANGES.items():
        if entries := index[change]:
            lines.append(f"{title} ({len(entries)}):")
            lines += [f"  {entry_text(change, entry, spec)}" for entry in entries]
    lines = lines or ["The list of pages is what the ledger says."]
    counts = ", ".join(f"{len(index[change])} {change}" for change in CHANGES)
    lines.append(f"{count(index['known'], 'page')} known, {counts}.")
    if index["unclear"]:
        rows = f"{index['unclear']} of the ledger's rows have no page number"
        lines.append(f"{rows}, and the list is in another language: look for them by hand.")
    lines += _models_lines(data.get("models"), spec)
    return "\n".join(lines)


def _models_lines(models: dict[str, Any] | None, spec: str) -> Iterator[str]:
    """What the service's own lists of models say."""
    if models is None:
        yield "The service's lists of models were not asked: AI302_API_KEY is not set."
        return
    for finding in models["findings"]:
        yield from _finding_lines(finding, spec)
    yield from (f"not asked: {reason}" for reason in models["failed"])
    lists = count(len(models["asked"]), "list")
    found = len(models["findings"]) or "nothing"
    yield f"{lists} of models asked of the service, {found} to decide."


def entry_text(change: str, entry: dict[str, Any], spec: str, *, with_url: bool = True) -> str:
    """A changed page on one line."""
    if change == "new":
        text = f"{entry['group'] or 'no group'} > {entry['title'] or entry['number']}"
    else:
        place = f"{spec}/{entry['file']}:{entry['line']}"
        text = f"{place}: {entry['page']} {entry['title']} ({entry['group'] or 'no group'})"
    if change in ("renamed", "moved"):
        text += f" is now {entry['now']}"
    return one_line(f"{text}  {entry['url']}" if with_url and "url" in entry else text, 1000)


def diff_text(data: dict[str, Any], spec: str, verbose: bool) -> str:
    """The differences for a person, page by page."""
    pages: dict[str, list[str]] = {}
    for finding in data["findings"]:
        pages.setdefault(finding["source"], []).extend(_finding_lines(finding, spec))
    for entry in data["not_passed_on"] if verbose else ():
        told = [f"  known fault: {fault}" for fault in entry["faults"]]
        told += [f"  settled: {reason}" for reason in entry["settled"]]
        pages.setdefault(entry["source"], []).extend(told)
    lines: list[str] = []
    for source, told in pages.items():
        lines += [f"{one_line(source)}:", *told]
    for one in data.get("live", ()):
        place = f"{spec}/{one['file']}:{one['line']}"
        lines.append(f"proved: {place}: {one['operation']}: evidence: live, seen {one['day']}")
    lines += [f"not read: {page['reason']}" for page in data["unreadable"]]
    return "\n".join([*lines, _summary(data, verbose)])


def _finding_lines(finding: dict[str, Any], spec: str) -> Iterator[str]:
    place = f"{spec}/{finding['file']}:{finding['line']}: " if finding["file"] else ""
    also = f" (and {count(len(finding['also']), 'more page')})" if finding["also"] else ""
    yield f"  {place}{finding['message']}{also}"
    yield f"      fix: {finding['fix']}"


def _summary(data: dict[str, Any], verbose: bool) -> str:
    numbers = [count(number, name[:-1]) for name, number in data["read"].items() if number]
    read = " and ".join(numbers) or "nothing"
    faults = sum(len(entry["faults"]) + len(entry["settled"]) for entry in data["not_passed_on"])
    more = before = ""
    if faults and not verbose:
        more = f" Not passed on, as known or settled: {faults} (--verbose tells them)."
    if data["decided"]:
        before = f" {data['decided']} decided before."
    if data.get("live"):
        more += " `docs accept --recorded` puts what is proved into x-docs."
    if pages := data["read"]["pages"]:
        more += _compared(pages, data.get("read_before", 0))
    return f"{read} read, {len(data['findings']) or 'nothing'} to decide.{before}{more}"


def _compared(pages: int, before: int) -> str:
    """How many pages were compared with what they said before."""
    if pages == before:
        return " All were compared with what they said before."
    rest = f"the other {pages - before}" if before else "the rest" if pages > 1 else "it"
    compared = f" {before} compared with what they said before;" if before else ""
    return f"{compared} `docs accept` remembers what {rest} said."


def count(number: int, name: str) -> str:
    """A number of things, such as `2 pages`."""
    return f"{number} {name}{'s' * (number != 1)}"
