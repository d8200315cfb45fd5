"""Pages and lists of pages from files, folders and addresses; over the network one at a time, cached, and no more often than allowed."""

from __future__ import annotations

import email.utils
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from . import DocsError
from .copied import copied
from .page import Page, markdown, page_number

USER_AGENT = "api302-docs (follows the documentation; one request at a time)"
TIMEOUT, LARGEST_WAIT, LARGEST_PAGE = 30.0, 120.0, 8 << 20
_LINE = re.compile(r"^\s*[-*]\s*(?P<crumb>.*?)\s*\[(?P<title>.*)\]\((?P<url>\S+?)\)\s*(?::.*)?$")


class MissingPage(DocsError):
    """An address that the service has no page for."""


@dataclass(frozen=True)
class Entry:
    """A line of the list of pages."""

    url: str
    number: str
    kind: str
    """`e` an operation, `m` a text, `d` a schema; empty if the address does not tell."""
    title: str = ""
    group: str = ""
    """The breadcrumb: `Section > Group`."""


@dataclass
class Listing:
    """The pages that there are; `whole` if that is all of them, so that what it lacks is gone."""

    entries: list[Entry]
    whole: bool


@dataclass
class Unreadable:
    """A page of many that could not be read, and why."""

    source: str
    reason: str


@dataclass
class Fetcher:
    """GETs with a cache on disk, retries and pauses."""

    cache: Path | None = None
    pause: float = 0.5
    retries: int = 4
    sleep: Callable[[float], None] = time.sleep
    requests: int = 0
    _client: Any = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._client is not None:
            self._client.close()

    def get(self, url: str) -> str:
        """The text at an address. Raises DocsError when it cannot be had; the cache holds whole answers only."""
        import httpx  # files need no network

        if self._client is None:
            headers = {"User-Agent": USER_AGENT, "Accept": "text/markdown, text/plain, */*;q=0.5"}
            self._client = httpx.Client(headers=headers, timeout=TIMEOUT, follow_redirects=True)
        kept = self._kept(url)
        conditions = {name: kept[key] for name, key in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")) if kept.get(key)}
        reason = ""
        for attempt in range(self.retries + 1):
            if self.requests:
                self.sleep(self.pause)
            self.requests += 1
            wait = min(2.0**attempt, LARGEST_WAIT)
            try:
                reply = self._client.get(url, headers=conditions)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise DocsError(f"{url}: {error}") from error
            else:
                if reply.status_code == 304 and "text" in kept:
                    return kept["text"]
                if reply.status_code == 200:
                    return self._keep(url, reply)
                if reply.status_code in (404, 410):
                    raise MissingPage(f"{url}: there is no such page ({reply.status_code})")
                reason = f"the service answers {reply.status_code}"
                if reply.status_code != 429 and reply.status_code < 500:
                    break
                asked = _seconds(reply.headers.get("Retry-After", ""))
                if asked is not None and asked > LARGEST_WAIT:
                    raise DocsError(f"{url}: {reason} and asks to wait {asked:.0f} seconds; try again later")
                wait = wait if asked is None else asked
            if attempt < self.retries:
                self.sleep(wait)
        raise DocsError(f"{url}: {reason}; nothing was written, and what was read before is in the cache")

    def _file(self, url: str) -> Path | None:
        return self.cache / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json" if self.cache else None

    def _kept(self, url: str) -> dict[str, str]:
        file = self._file(url)
        try:
            kept = json.loads(file.read_text(encoding="utf-8")) if file else {}
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and kept.get("url") == url and isinstance(kept.get("text"), str) else {}

    def _keep(self, url: str, reply: Any) -> str:
        if len(reply.content) > LARGEST_PAGE:
            raise DocsError(f"{url}: the page is larger than {LARGEST_PAGE >> 20} MiB")
        try:
            text = reply.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DocsError(f"{url}: the page is not UTF-8") from error
        file = self._file(url)
        if file is not None:
            kept = {"url": url, "etag": reply.headers.get("ETag", ""), "modified": reply.headers.get("Last-Modified", ""), "text": text}
            write_whole(file, json.dumps(kept, ensure_ascii=False))
        return text


def _seconds(value: str) -> float | None:
    """What `Retry-After` asks for: seconds, or a date."""
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def is_url(source: str) -> bool:
    """Whether a source is an address."""
    return urlsplit(source).scheme in ("http", "https")


def _text(source: str, fetcher: Fetcher) -> str:
    if is_url(source):
        return fetcher.get(source)
    try:
        return Path(source).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocsError(f"{source}: the file is not UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DocsError(f"{source}: {error.strerror}") from error


def _kind(source: str) -> str:
    found = re.search(r"\d([emd])0(?:\.md)?$", source)
    return found[1] if found else ""


def parse_list(text: str, source: str) -> list[Entry]:
    """The entries of a llms.txt or sitemap.xml; empty if it is neither."""
    if "<urlset" in text[:2000] or "<sitemapindex" in text[:2000]:
        urls = [found.strip() for found in re.findall(r"<loc>([^<]*)</loc>", text)]
        return [Entry(url, page_number(url), _kind(url)) for url in urls if page_number(url)]
    entries = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and page_number(found["url"]):
            url = urljoin(source, found["url"]) if is_url(source) else found["url"]
            crumb = re.sub(r"\s*(?:>|›|»)\s*", " > ", found["crumb"].strip(" >"))
            entries.append(Entry(url, page_number(url), _kind(url), found["title"].strip(), crumb))
    return entries


def _page(source: str, fetcher: Fetcher) -> Page:
    if is_url(source) and not source.endswith((".md", ".txt")):
        source += ".md"
    return parse_page(_text(source, fetcher), source)


def parse_page(text: str, source: str) -> Page:
    """A page in either form."""
    if not source.endswith(".txt") or re.search(r"^(```|~~~)\s*ya?ml\s*$", text, re.MULTILINE):
        if source.endswith(".md") or "```" in text or is_url(source):
            return markdown(text, source)
    return copied(text, source)


def listing(source: str, fetcher: Fetcher) -> Listing:
    """The list of pages at a source: llms.txt, sitemap, or the pages of a folder, or a single page."""
    folder = Path(source)
    if not is_url(source) and folder.is_dir():
        source = next((str(folder / name) for name in ("llms.txt", "sitemap.xml") if (folder / name).is_file()), "")
        if not source:
            pages = [page for page in pages_of(str(folder), fetcher) if isinstance(page, Page)]
            return Listing([Entry(page.source, page.number, "e", page.title, page.group) for page in pages], False)
    if is_url(source) and urlsplit(source).path in ("", "/"):
        source = urljoin(source, "/llms.txt")
    text = _text(source, fetcher)
    entries = parse_list(text, source)
    if entries:
        return Listing(entries, True)
    try:
        page = parse_page(text, source)
    except DocsError as error:
        raise DocsError(f"{source}: this is no list of pages (llms.txt, sitemap.xml), and no page: {error}") from error
    return Listing([Entry(source, page.number, "e", page.title, page.group)], False)


def pages_of(source: str, fetcher: Fetcher, wanted: Callable[[Entry], bool] = lambda entry: True) -> Iterator[Page | Unreadable]:
    """The operation pages at a source. Of many, one that cannot be read is told and passed over; a broken connection ends it all."""
    folder = Path(source)
    if not is_url(source) and folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.suffix in (".md", ".txt") and path.name != "llms.txt")
        if not files:
            raise DocsError(f"{source}: there is no page in this folder (.md or .txt)")
        for number, file in enumerate(files):
            yield from _each(file.as_posix(), fetcher, f"{number + 1} of {len(files)}")
        return
    if is_url(source) and urlsplit(source).path in ("", "/"):
        source = urljoin(source, "/llms.txt")
    if not re.search(r"llms\S*\.txt$|\.xml$", source):
        yield _page(source, fetcher)
        return
    entries = [entry for entry in parse_list(_text(source, fetcher), source) if entry.kind in ("e", "") and wanted(entry)]
    if not entries:
        raise DocsError(f"{source}: there is no page in this list")
    for number, entry in enumerate(entries):
        for page in _each(entry.url, fetcher, f"{number + 1} of {len(entries)}"):
            if isinstance(page, Page):
                page.group = page.group or entry.group
            yield page


def _each(source: str, fetcher: Fetcher, which: str) -> Iterator[Page | Unreadable]:
    try:
        if is_url(source) and not source.endswith(".md"):
            source += ".md"
        text = _text(source, fetcher)
    except MissingPage as error:
        yield Unreadable(source, str(error))
        return
    except DocsError as error:
        raise DocsError(f"page {which}: {error}") from error
    try:
        yield parse_page(text, source)
    except DocsError as error:
        yield Unreadable(source, str(error))
