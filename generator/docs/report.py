"""What was found, for a person, as JSON, and as the text of an issue."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from . import PageError
from .compare import Finding
from .page import Page

_CHANGES = {
    "new": "New pages",
    "gone": "Pages that are gone",
    "renamed": "Renamed pages",
    "moved": "Moved pages",
}
_SHOWN = 40
_LONGEST = 60000  # an issue takes 65536 characters


def diff_json(
    findings: list[Finding],
    pages: list[Page],
    unreadable: list[PageError],
    exchanges: int,
    decided: int,
) -> dict[str, Any]:
    """The differences for JSON, with the faults and differences that were not passed on. What several pages say alike is told once."""
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for finding in findings:
        one = merged.setdefault(
            (finding.operation, finding.file, finding.message), {**asdict(finding), "also": []}
        )
        one["also"] += (
            [finding.source] if finding.source not in (one["source"], *one["also"]) else []
        )
    return {
        "read": {"pages": len(pages), "exchanges": exchanges},
        "findings": list(merged.values()),
        "unreadable": [{"source": error.source, "reason": str(error)} for error in unreadable],
        "not_passed_on": [
            {"source": page.source, "faults": page.faults, "settled": page.settled}
            for page in pages
            if page.faults or page.settled
        ],
        "decided": decided,
    }


def index_text(data: dict[str, Any], spec: str) -> str:
    """The index for a person."""
    found = data["index"]
    lines: list[str] = []
    for key, title in _CHANGES.items():
        if found[key]:
            lines += [
                f"{title} ({len(found[key])}):",
                *(f"  {_entry(key, entry, spec)}" for entry in found[key]),
            ]
    lines = lines or ["The list of pages is what the ledger says."]
    lines.append(
        f"{_count(found['known'], 'page')} known, {', '.join(f'{len(found[key])} {key}' for key in _CHANGES)}."
    )
    if found["unclear"]:
        lines.append(
            f"{found['unclear']} of the ledger's rows have no page number, and the list is in another language: look for them by hand."
        )
    return "\n".join(lines)


def _entry(key: str, entry: dict[str, Any], spec: str) -> str:
    if key == "new":
        return (
            f"{entry['group'] or 'no group'} > {entry['title'] or entry['number']}  {entry['url']}"
        )
    place = f"{spec}/{entry['file']}:{entry['line']}: {entry['page']} {entry['title']} ({entry['group'] or 'no group'})"
    return place if key == "gone" else f"{place} is now {entry['now']}  {entry['url']}"


def diff_text(data: dict[str, Any], spec: str, verbose: bool) -> str:
    """The differences for a person, page by page."""
    pages: dict[str, list[str]] = {}
    for finding in data["findings"]:
        place = f"{spec}/{finding['file']}:{finding['line']}: " if finding["file"] else ""
        also = f" (and {_count(len(finding['also']), 'more page')})" if finding["also"] else ""
        pages.setdefault(finding["source"], []).extend(
            [f"  {place}{finding['message']}{also}", f"      fix: {finding['fix']}"]
        )
    for entry in data["not_passed_on"] if verbose else ():
        told = [f"  known fault: {fault}" for fault in entry["faults"]] + [
            f"  settled: {reason}" for reason in entry["settled"]
        ]
        pages.setdefault(entry["source"], []).extend(told)
    lines = [line for source, told in pages.items() for line in (f"{source}:", *told)]
    lines += [f"not read: {page['reason']}" for page in data["unreadable"]]
    what = (
        " and ".join(_count(number, name[:-1]) for name, number in data["read"].items() if number)
        or "nothing"
    )
    faults = sum(len(entry["faults"]) + len(entry["settled"]) for entry in data["not_passed_on"])
    more = (
        f" Not passed on, as known or settled: {faults} (--verbose tells them)."
        if faults and not verbose
        else ""
    )
    before = f" {data['decided']} decided before." if data["decided"] else ""
    lines.append(f"{what} read, {len(data['findings']) or 'nothing'} to decide.{before}{more}")
    return "\n".join(lines)


def issue(index: dict[str, Any], diff: dict[str, Any]) -> tuple[str, str] | None:
    """Title and body of the weekly issue; None if there is nothing to tell."""
    found, findings, unreadable = index["index"], diff["findings"], diff["unreadable"]
    changes = {key: found[key] for key in _CHANGES if found[key]}
    counts = [f"{len(entries)} {key}" for key, entries in changes.items()]
    counts += [f"{len(findings)} to decide"] if findings else []
    counts += [f"{len(unreadable)} not readable"] if unreadable else []
    if not counts:
        return None
    lines = [
        "The documentation was held against `spec/`; README.md (\u201cFor maintainers\u201d) says what to do.",
        "",
    ]
    for key, entries in changes.items():
        lines += [f"## {_CHANGES[key]} ({len(entries)})", ""]
        if key == "new" and len(entries) > _SHOWN:
            groups = Counter(entry["group"].partition(" > ")[0] or "no group" for entry in entries)
            lines += [f"- {_safe(group)}: {number}" for group, number in groups.most_common()]
        else:
            lines += [f"- {_safe(_entry(key, entry, 'spec'))}" for entry in entries[:_SHOWN]]
            lines += [f"- and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
        lines.append("")
    lines += [f"## To decide ({len(findings)})", ""] if findings else []
    for finding in findings:
        place = f"`spec/{finding['file']}:{finding['line']}` " if finding["file"] else ""
        also = f" and {_count(len(finding['also']), 'more page')}" if finding["also"] else ""
        lines.append(
            f"- [ ] {place}{_safe(finding['message'])} ({_safe(finding['source'])}{also}). {_safe(finding['fix'])}"
        )
    lines += (
        [
            "",
            f"## Not readable ({len(unreadable)})",
            "",
            *(f"- {_safe(page['reason'])}" for page in unreadable),
        ]
        if unreadable
        else []
    )
    body = "\n".join(lines) + "\n"
    if len(body) > _LONGEST:
        body = (
            body[: body.rfind("\n", 0, _LONGEST)]
            + "\n\n… and more: run `python -m generator docs diff` for all of it.\n"
        )
    return f"The documentation changed: {', '.join(counts)}", body


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _safe(text: str) -> str:
    """Text of a page in Markdown: on one line, and nobody is mentioned by it."""
    return " ".join(text.split()).replace("@", "@\u200b").replace("<", "&lt;")
