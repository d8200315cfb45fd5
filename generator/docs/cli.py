"""The command line:

`python -m generator docs index | diff | accept | draft | cited | issue`. What is written is whole,
or there is nothing of it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import DocsError, PageError, digests, live, report
from .cited import cited
from .described import Described
from .diff.changes import changes
from .diff.finding import Finding
from .diff.operation import compare
from .diff.recorded import proved, recorded
from .draft.fragment import draft
from .fetch import Fetcher, write_whole
from .issue import issue
from .ledger import index
from .lists import compare_lists
from .pages import Page
from .pages.untrusted import LONGEST_PAGE, one_line
from .pages.vendor import LONGEST_DOCUMENT, vendor_pages
from .sources import listing, pages_of

LIVE = "https://doc.302.ai/llms.txt"
CACHE = Path("dist/docs-cache")
_SOURCE = (
    "a page (Markdown or copied text), a folder of pages, a list of pages (llms.txt), "
    "or the URL of one"
)
_ACTIONS = {
    "index": "which pages are new, gone, renamed or moved; with AI302_API_KEY also what models the "
    "service lists",
    "diff": "what pages, or recorded exchanges, say that the specification lacks or contradicts, "
    "and what pages say otherwise than the last time",
    "accept": "remember what pages say now, so that the next `diff` tells what changed since",
    "draft": "a fragment for spec/ from pages of one vendor, or from its own OpenAPI document, to "
    "review and paste",
    "cited": "which programs that x-docs cites do not call what they are cited for",
    "issue": "the text of an issue, from the JSON of index and diff; nothing if nothing changed",
}


def add(commands: Any) -> None:
    """Put `docs` among the commands."""
    about = "what a change of the provider's documentation means for spec/"
    docs = commands.add_parser("docs", help=about)
    actions = docs.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in _ACTIONS.items():
        description = f"{about[0].upper()}{about[1:]}."
        action = actions.add_parser(name, help=about, description=description)
        about = "write into a file instead of printing"
        action.add_argument("--out", type=Path, metavar="FILE", help=about)
        if name == "issue":
            action.add_argument("index", type=Path, help="what `index --json` wrote")
            action.add_argument("diff", type=Path, help="what `diff --json` wrote")
            action.set_defaults(spec=Path("spec"))
        elif name == "cited":
            _add_spec(action)
            about = "clones of their repositories, as <owner>/<name>"
            action.add_argument("clones", type=Path, metavar="FOLDER", help=about)
        else:
            _add_sources(action, name)


def _add_spec(action: argparse.ArgumentParser) -> None:
    about = "the specification (default: spec)"
    action.add_argument("--spec", type=Path, default=Path("spec"), metavar="DIR", help=about)


def _add_sources(action: argparse.ArgumentParser, name: str) -> None:
    """The arguments of the actions that read pages and the specification."""
    _add_spec(action)
    if name == "draft":
        about = f"{_SOURCE}; give a submitting and a fetching page together"
        action.add_argument("source", nargs="*", help=about)
        about = "a vendor's own OpenAPI document instead: every fact of it is marked to be checked"
        action.add_argument("--vendor", metavar="FILE_OR_URL", help=about)
        about = "with --vendor: what 302.AI puts before the vendor's paths, such as /ws"
        action.add_argument("--prefix", metavar="PATH", help=about)
        about = "with --vendor: only the vendor's paths like this one, `*` for anything; repeatable"
        action.add_argument("--path", action="append", default=[], metavar="PATTERN", help=about)
        about = "where it belongs, if no prefix in vendors.yaml says so"
        action.add_argument("--home", metavar="SECTION.VENDOR[.PART]", help=about)
    elif name == "accept":
        action.add_argument("source", nargs="*", help=_SOURCE)
        about = "put what these exchanges prove into x-docs, as `evidence: live` with its day"
        action.add_argument("--recorded", type=Path, metavar="FOLDER", help=about)
    else:
        action.add_argument("source", nargs="?", help=f"{_SOURCE} (default: {LIVE})")
        action.add_argument("--json", action="store_true", help="print JSON")
    if name == "diff":
        about = "compare the exchanges that api302.testing.record, or the mock's proxy, wrote"
        action.add_argument("--recorded", type=Path, metavar="FOLDER", help=about)
        about = "of a list, only the pages whose number an x-docs has"
        action.add_argument("--known", action="store_true", help=about)
        about = "also the known faults of pages, which are not passed on"
        action.add_argument("--verbose", action="store_true", help=about)
    about = f"what was fetched before (default: {CACHE})"
    action.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help=about)
    about = "between two requests (default: 0.5)"
    action.add_argument("--pause", type=float, default=0.5, metavar="SECONDS", help=about)


def run(args: argparse.Namespace) -> int:
    """Run an action; returns the exit code:

    0 done, whatever was found; 1 the input cannot be used.
    """
    try:
        text = _text(args)
        if args.out is not None and text:
            write_whole(args.out, text + "\n")
    except DocsError as error:
        print("\n".join(one_line(line, 2000) for line in str(error).split("\n")), file=sys.stderr)
        return 1
    if args.out is None and text:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        print(text)
    return 0


def _text(args: argparse.Namespace) -> str:
    if args.action == "issue":
        return _issue(args)
    if args.action == "cited":
        return cited(Described(args.spec), args.clones)
    return _with_pages(args)


def _with_pages(args: argparse.Namespace) -> str:
    actions = {"index": _index, "diff": _diff, "accept": _accept, "draft": _draft}
    is_vendors = args.action == "draft" and args.vendor
    longest = LONGEST_DOCUMENT if is_vendors else LONGEST_PAGE
    with Fetcher(args.cache, args.pause, longest) as fetcher:
        return actions[args.action](args, Described(args.spec), fetcher)


def _index(args: argparse.Namespace, described: Described, fetcher: Fetcher) -> str:
    data: dict[str, Any] = {
        "index": asdict(index(described, *listing(args.source or LIVE, fetcher)))
    }
    if key := os.environ.get("AI302_API_KEY", "").strip():
        data["models"] = compare_lists(described, key, os.environ.get("AI302_BASE_URL", ""))
    return _json(data) if args.json else report.index_text(data, args.spec.as_posix())


def _diff(args: argparse.Namespace, described: Described, fetcher: Fetcher) -> str:
    findings, exchanges = recorded(described, args.recorded) if args.recorded else ([], 0)
    days = proved(described, args.recorded, findings) if args.recorded else {}
    pages, unreadable = _read(args, described, fetcher)
    known, before = digests.Digests(described), 0
    for page in pages:
        found = compare(described, page)
        earlier = known.read(page)
        if earlier and earlier.form == page.form:
            before += 1
            found += changes(described, page, earlier, found)
        findings += found
    left = [one for one in findings if not _is_decided(described, one)]
    data = report.diff_json(left, pages, unreadable, exchanges, len(findings) - len(left))
    data["read_before"] = before
    data["live"] = [_proved(described, operation, day) for operation, day in days.items()]
    return _json(data) if args.json else report.diff_text(data, args.spec.as_posix(), args.verbose)


def _read(
    args: argparse.Namespace, described: Described, fetcher: Fetcher
) -> tuple[list[Page], list[PageError]]:
    """The pages to compare, and why others cannot be read."""
    pages: list[Page] = []
    unreadable: list[PageError] = []
    if args.recorded and not args.source:
        return pages, unreadable
    numbers = described.numbers if args.known else None
    for page in pages_of(args.source or LIVE, fetcher, numbers):
        if isinstance(page, PageError):
            unreadable.append(page)
        else:
            pages.append(page)
    return pages, unreadable


def _is_decided(described: Described, finding: Finding) -> bool:
    return (finding.operation, " ".join(finding.message.split())) in described.decided


def _proved(described: Described, operation: str, day: str) -> dict[str, Any]:
    file, line = described.place(described.context.by_id[operation], "x-docs")
    return {"operation": operation, "file": file, "line": line, "day": day}


def _accept(args: argparse.Namespace, described: Described, fetcher: Fetcher) -> str:
    if args.recorded:
        return _accept_recorded(args, described)
    if not args.source:
        raise DocsError("say which pages to accept, or with --recorded FOLDER which exchanges")
    pages = _all_pages(args, fetcher)
    texts = digests.Digests(described).texts(pages)
    lines = [f"{file.as_posix()}: {_change(file, text)}" for file, text in texts.items()]
    digests.write(texts)
    return "\n".join([*lines, f"{report.count(len(pages), 'page')} accepted."])


def _accept_recorded(args: argparse.Namespace, described: Described) -> str:
    if args.source:
        raise DocsError("accept pages and exchanges one after the other")
    findings, exchanges = recorded(described, args.recorded)
    days = proved(described, args.recorded, findings)
    texts = live.evidence(described, days)
    for file, text in texts.items():
        write_whole(file, text)
    lines = [f"{operation}: evidence: live, seen {day}" for operation, day in days.items()]
    counted = report.count(exchanges, "exchange")
    told = f"{counted} read, {report.count(len(days), 'operation')} proved"
    left = len({finding.source for finding in findings if finding.kind != "open"})
    more = f"; {left} differ from the description: `docs diff --recorded` says how" if left else ""
    return "\n".join([*lines, f"{told}{more}."])


def _change(file: Path, text: str) -> str:
    """What accepting a page changes."""
    if not file.is_file():
        return "read for the first time"
    return "says something else than before" if digests.is_new(file, text) else "as before"


def _draft(args: argparse.Namespace, described: Described, fetcher: Fetcher) -> str:
    if args.vendor:
        return _draft_vendors(args, described, fetcher)
    if args.prefix or args.path or not args.source:
        raise DocsError("say which pages to draft from, or --vendor FILE_OR_URL with its --prefix")
    pages = _all_pages(args, fetcher)
    text = draft(described, pages, args.home or "")
    digests.write(digests.Digests(described).texts(pages))
    return text


def _draft_vendors(args: argparse.Namespace, described: Described, fetcher: Fetcher) -> str:
    """A draft from a vendor's own document. It is not a page, so nothing is remembered of it."""
    if args.source:
        raise DocsError("draft from pages or from a vendor's document, one after the other")
    if not args.prefix:
        raise DocsError("--vendor: say with --prefix what 302.AI puts before the paths, as /ws")
    text = fetcher.text(args.vendor)
    pages = vendor_pages(text, args.vendor, args.prefix, args.path)
    return draft(described, pages, args.home or "")


def _all_pages(args: argparse.Namespace, fetcher: Fetcher) -> list[Page]:
    """The pages of all sources. Raises DocsError if one of them cannot be read."""
    pages = [page for source in args.source for page in pages_of(source, fetcher)]
    if unreadable := [str(page) for page in pages if isinstance(page, PageError)]:
        raise DocsError("\n".join(unreadable))
    return [page for page in pages if isinstance(page, Page)]


def _issue(args: argparse.Namespace) -> str:
    try:
        found, diff = (
            json.loads(file.read_text(encoding="utf-8")) for file in (args.index, args.diff)
        )
        made = issue(found, diff)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"these are not what `index --json` and `diff --json` write: {error!r}"
        raise DocsError(f"{args.index}, {args.diff}: {what}") from error
    return "" if made is None else f"{made[0]}\n\n{made[1]}"


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)
