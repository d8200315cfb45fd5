"""Pages and lists of pages from files, folders and URLs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from . import DocsError, PageError
from .fetch import Fetcher, is_url
from .pages import Page, page_number
from .pages.copied import copied
from .pages.markdown import has_document, markdown
from .pages.untrusted import one_line

_LINE = re.compile(
    r"[-*](?P<crumb>[^\[]*)\[(?P<title>(?:(?!\]\().)*)\]\((?P<url>[^\s)]*)\)[ \t]*(?::.*)?"
)
_KIND = re.compile(r"\d([emd])0(?:\.md)?$")
_LONGEST_LINE = 5000


@dataclass(frozen=True)
class Entry:
    """A line of the list of pages."""

    url: str
    number: str = ""
    kind: str = ""
    """`e` an operation, `m` a text, `d` a schema; empty if the URL does not say."""
    title: str = ""
    group: str = ""
    """The breadcrumb: `Section > Group`."""


def parse_list(text: str, source: str) -> list[Entry]:
    """The entries of a llms.txt; empty if the text is none."""
    if source.endswith(".md") or has_document(text):
        return []
    entries = (_entry(line.strip(), source) for line in text.split("\n"))
    return [entry for entry in entries if entry]


def _entry(line: str, source: str) -> Entry | None:
    """The entry of a line `- Section > Group [Title](URL): words`."""
    parts = _LINE.fullmatch(line) if len(line) <= _LONGEST_LINE else None
    url = parts["url"] if parts else ""
    number = page_number(url)
    if not parts or not number or not url.isprintable():
        return None
    if is_url(source) and not is_url(url):
        url = urljoin(source, url)
    kind = _KIND.search(url)
    group = re.sub(r" ?[>›»] ?", " > ", one_line(parts["crumb"]).strip(" >"))
    return Entry(url, number, kind[1] if kind else "", one_line(parts["title"]), group)


def parse_page(text: str, source: str) -> Page:
    """A page in either form. Raises PageError."""
    if not text.strip():
        raise PageError(source, "the page is empty")
    if text[:2000].lstrip().lower().startswith(("<!doctype", "<html")):
        reason = "this is the page as HTML; take its Markdown (the URL with `.md`), "
        raise PageError(source, f"{reason}or its text as copied from a browser")
    is_markdown = is_url(source) or source.endswith(".md") or has_document(text)
    try:
        return (markdown if is_markdown else copied)(text, source)
    except RecursionError as error:
        raise PageError(source, "it is nested too deeply") from error


def listing(source: str, fetcher: Fetcher) -> tuple[list[Entry], bool]:
    """The pages at a source:

    those of a llms.txt, which are all that there are, or those of a folder, or one.
    """
    listed = Path(source, "llms.txt")
    source = str(listed) if listed.is_file() else _markdown_url(source)
    if not Path(source).is_dir() and (entries := parse_list(fetcher.text(source), source)):
        return entries, True
    pages = [page for page in pages_of(source, fetcher) if isinstance(page, Page)]
    return [Entry(page.source, page.number, "e", page.title, page.group) for page in pages], False


def pages_of(
    source: str, fetcher: Fetcher, numbers: Container[str] | None = None
) -> Iterator[Page | PageError]:
    """The operation pages at a source; of a list only those of `numbers`, if they are given.

    Of many, one that cannot be used is yielded as its error; a broken connection ends it all.
    """
    if Path(source).is_dir():
        entries = [Entry(file.as_posix()) for file in _files(Path(source))]
    else:
        source = _markdown_url(source)
        text = fetcher.text(source)
        listed = parse_list(text, source)
        if not listed:
            yield parse_page(text, source)
            return
        known = (entry for entry in listed if numbers is None or entry.number in numbers)
        entries = [entry for entry in known if entry.kind in ("e", "")]
    if not entries:
        what = "(.md or .txt in a folder, or operations in a llms.txt)"
        raise DocsError(f"{source}: there is no page here {what}")
    for number, entry in enumerate(entries, 1):
        yield _page_or_error(entry, f"page {number} of {len(entries)}", source, fetcher)


def _page_or_error(entry: Entry, which: str, listed_in: str, fetcher: Fetcher) -> Page | PageError:
    try:
        return _page(entry, listed_in, fetcher)
    except PageError as error:
        return error
    except DocsError as error:
        raise DocsError(f"{which}: {error}") from error


def _page(entry: Entry, listed_in: str, fetcher: Fetcher) -> Page:
    if is_url(listed_in) and _host(entry.url) != _host(listed_in):
        raise PageError(entry.url, "it is on another host than the list, so it is not fetched")
    url = _markdown_url(entry.url)
    page = parse_page(fetcher.text(url), url)
    page.group = page.group or entry.group
    return page


def _host(url: str) -> str | None:
    """The host and port of a URL; None if it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.hostname else None


def _files(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.suffix in (".md", ".txt"))
    # A pipe of such a name would be waited for without an end.
    return sorted(path for path in files if path.name != "llms.txt" and not path.is_fifo())


def _markdown_url(source: str) -> str:
    """A URL as the browser shows it, made that of the Markdown twin, and that of the site that of
    its list of pages.
    """
    if not is_url(source):
        return source
    if not source.isprintable():
        raise PageError(
            one_line(source), "this is not a URL: there is a character in it that cannot be seen"
        )
    if not _host(source):
        raise PageError(source, "this is not a URL: there is no host in it")
    parts = urlsplit(source)
    path = re.sub(r"/api-(\d+)$", r"/\1e0", parts.path.rstrip("/")) or "/llms.txt"
    path = path if path.endswith((".md", ".txt")) else f"{path}.md"
    return parts._replace(path=path, query="", fragment="").geturl()
