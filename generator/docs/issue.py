"""The text of the weekly issue. All of it that pages wrote is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .pages.untrusted import link, markdown
from .report import CHANGES, count, entry_text

_LEAD = "The documentation was held against `spec/`; README.md (\u201cFor maintainers\u201d)"
_SHOWN = 40
_LONGEST = 60000  # an issue takes 65536 characters


def issue(index: dict[str, Any], diff: dict[str, Any]) -> tuple[str, str] | None:
    """Title and body of the weekly issue; None if there is nothing to tell.

    Takes the JSON of `index` and `diff`.
    """
    models = index.get("models") or {}  # asked of the service only with an API key
    findings = [*diff["findings"], *models.get("findings", ())]
    unreadable = diff["unreadable"]
    changes = {change: index["index"][change] for change in CHANGES}
    numbers = {change: len(entries) for change, entries in changes.items()}
    numbers |= {"to decide": len(findings), "not readable": len(unreadable)}
    told = [f"{number} {what}" for what, number in numbers.items() if number]
    if not told:
        return None
    lines = [f"{_LEAD} says what to do.", ""]
    for change, entries in changes.items():
        lines += _section(CHANGES[change], len(entries), _changed(change, entries))
    lines += _section("To decide", len(findings), map(_finding, findings))
    reasons = (f"- {markdown(page['reason'])}" for page in unreadable)
    lines += _section("Not readable", len(unreadable), reasons)
    return f"The documentation changed: {', '.join(told)}", _shortened("\n".join(lines))


def _section(title: str, number: int, items: Iterator[str]) -> list[str]:
    return [f"## {title} ({number})", "", *items, ""] if number else []


def _changed(change: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """The pages of one kind of change; of many new ones how many each section has."""
    if change == "new" and len(entries) > _SHOWN:
        sections = Counter(entry["group"].partition(" > ")[0] or "no group" for entry in entries)
        for section, number in sections.most_common(_SHOWN):
            yield f"- {markdown(section)}: {number}"
        return
    for entry in entries[:_SHOWN]:
        text = markdown(entry_text(change, entry, "spec", with_url=False))
        yield f"- {text} {link(str(entry['url']))}" if "url" in entry else f"- {text}"
    if len(entries) > _SHOWN:
        yield f"- and {len(entries) - _SHOWN} more"


def _finding(finding: dict[str, Any]) -> str:
    place = f"`spec/{finding['file']}:{finding['line']}` " if finding["file"] else ""
    also = f" and {count(len(finding['also']), 'more page')}" if finding["also"] else ""
    source, message, fix = link(finding["source"]), finding["message"], finding["fix"]
    return f"- [ ] {place}{markdown(message)} ({source}{also}). {markdown(fix)}"


def _shortened(body: str) -> str:
    if len(body) <= _LONGEST:
        return body.rstrip("\n") + "\n"
    kept = body[: body.rfind("\n", 0, _LONGEST)]
    return f"{kept}\n\n… and more: run `python -m generator docs diff` for all of it.\n"
