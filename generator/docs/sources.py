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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from . import DocsError, PageError
from .copied import copied
from .page import FENCE, Page, markdown, page_number

HEADERS = {
    "User-Agent": "api302-docs (follows the documentation; one request at a time)",
    "Accept": "text/markdown, text/plain, */*;q=0.5",
}
TIMEOUT, RETRIES, LARGEST_WAIT = 30.0, 4, 120.0
_LINE = re.compile(
    r"^\s*[-*]\s*(?P<crumb>.*?)\s*\[(?P<title>.*)\]\((?P<url>\S+?)\)\s*(?::.*)?$", re.MULTILINE
)


@dataclass(frozen=True)
class Entry:
    """A line of the list of pages."""

    url: str
    number: str = ""
    kind: str = ""
    """`e` an operation, `m` a text, `d` a schema; empty if the address does not tell."""
    title: str = ""
    group: str = ""
    """The breadcrumb: `Section > Group`."""


class Fetcher:
    """GETs with a cache on disk, retries and pauses."""

    def __init__(self, cache: Path, pause: float = 0.5) -> None:
        self.cache, self.pause, self.requests = cache, pause, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.requests:
            self._client.close()

    @cached_property
    def _client(self) -> Any:
        import httpx  # files need no network

        return httpx.Client(headers=HEADERS, timeout=TIMEOUT, follow_redirects=True)

    def text(self, source: str) -> str:
        """The text at an address or in a file, its lines ended alike."""
        if is_url(source):
            return self.get(source)
        try:
            return _decoded(Path(source).read_bytes(), source)
        except OSError as error:
            raise PageError(source, f"{error.strerror}") from error

    def get(self, url: str) -> str:
        """The text at an address. Raises DocsError when it cannot be had; the cache holds whole answers only."""
        import httpx

        file = self.cache / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
        kept, reason = _kept(file), ""
        for attempt in range(RETRIES + 1):
            if self.requests:
                time.sleep(self.pause)
            self.requests += 1
            wait = 2.0**attempt
            try:
                reply = self._client.get(url, headers=kept.get("conditions"))
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise DocsError(f"{url}: {error}") from error
            else:
                if reply.status_code == 304 and kept:
                    return str(kept["text"])
                if reply.status_code == 200:
                    text = _decoded(reply.content, url)
                    pairs = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
                    conditions = {
                        name: reply.headers[said] for name, said in pairs if said in reply.headers
                    }
                    write_whole(
                        file,
                        json.dumps(
                            {"url": url, "conditions": conditions, "text": text}, ensure_ascii=False
                        ),
                    )
                    return text
                if reply.status_code in (404, 410):
                    raise PageError(url, f"there is no such page ({reply.status_code})")
                reason = f"the service answers {reply.status_code}"
                if reply.status_code != 429 and reply.status_code < 500:
                    break
                wait = _asked(reply.headers.get("Retry-After", ""), wait)
                if wait > LARGEST_WAIT:
                    raise DocsError(
                        f"{url}: {reason} and asks to wait {wait:.0f} seconds; try again later"
                    )
            if attempt < RETRIES:
                time.sleep(wait)
        raise DocsError(
            f"{url}: {reason}; nothing was written, and what was read before is in the cache"
        )


def _kept(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _asked(value: str, otherwise: float) -> float:
    """The seconds that `Retry-After` asks for, as number or as date."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return otherwise


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise PageError(
            source, f"this is not UTF-8 ({error.reason} at byte {error.start})"
        ) from error


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".writing-") as folder:
        made = Path(folder, file.name)
        made.write_text(text, encoding="utf-8", newline="\n")
        os.replace(made, file)


def is_url(source: str) -> bool:
    """Whether a source is an address."""
    return source.startswith(("http://", "https://"))


def _address(source: str) -> str:
    """An address as the browser shows it, made that of the Markdown twin, and that of the site that of its list of pages."""
    if not is_url(source):
        return source
    try:
        parts = urlsplit(source)
    except ValueError as error:
        raise DocsError(f"{source}: this is no web address: {error}") from error
    if not parts.hostname:
        raise DocsError(f"{source}: this is no web address: there is no host in it")
    path = re.sub(r"/api-(\d+)$", r"/\1e0", parts.path.rstrip("/")) or "/llms.txt"
    return parts._replace(
        path=path if path.endswith((".md", ".txt")) else f"{path}.md", query="", fragment=""
    ).geturl()


def parse_list(text: str, source: str) -> list[Entry]:
    """The entries of a llms.txt; empty if the text is none."""
    found: list[Entry] = []
    for line in () if source.endswith(".md") or FENCE.search(text) else _LINE.finditer(text):
        if number := page_number(line["url"]):
            url = urljoin(source, line["url"]) if is_url(source) else line["url"]
            kind = re.search(r"\d([emd])0(?:\.md)?$", url)
            crumb = re.sub(r"\s*(?:>|›|»)\s*", " > ", line["crumb"].strip(" >"))
            found.append(Entry(url, number, kind[1] if kind else "", line["title"].strip(), crumb))
    return found


def parse_page(text: str, source: str) -> Page:
    """A page in either form."""
    if not text.strip():
        raise PageError(source, "the page is empty")
    if re.match(r"\s*<(!doctype|html)\b", text, re.IGNORECASE):
        raise PageError(
            source,
            "this is the page as HTML; take its Markdown (the address with `.md`), or its text as copied from a browser",
        )
    return (markdown if FENCE.search(text) or is_url(source) or source.endswith(".md") else copied)(
        text, source
    )


def listing(source: str, fetcher: Fetcher) -> tuple[list[Entry], bool]:
    """The pages at a source: those of a llms.txt, which are all that there are, or those of a folder, or one."""
    kept = Path(source, "llms.txt")
    source = str(kept) if kept.is_file() else _address(source)
    if not Path(source).is_dir() and (entries := parse_list(fetcher.text(source), source)):
        return entries, True
    pages = [page for page in pages_of(source, fetcher) if isinstance(page, Page)]
    return [Entry(page.source, page.number, "e", page.title, page.group) for page in pages], False


def pages_of(
    source: str, fetcher: Fetcher, wanted: Callable[[Entry], bool] = lambda entry: True
) -> Iterator[Page | PageError]:
    """The operation pages at a source. Of many, one that cannot be used is told and passed over; a broken connection ends it all."""
    if Path(source).is_dir():
        files = sorted(
            path
            for path in Path(source).rglob("*")
            if path.suffix in (".md", ".txt") and path.name != "llms.txt"
        )
        entries = [Entry(file.as_posix()) for file in files]
    else:
        source = _address(source)
        text = fetcher.text(source)
        listed = parse_list(text, source)
        if not listed:
            yield parse_page(text, source)
            return
        entries = [entry for entry in listed if entry.kind in ("e", "") and wanted(entry)]
    if not entries:
        raise DocsError(
            f"{source}: there is no page here (.md or .txt in a folder, or operations in a llms.txt)"
        )
    for number, entry in enumerate(entries, 1):
        try:
            address = _address(entry.url)
            page = parse_page(fetcher.text(address), address)
        except PageError as error:
            yield error
        except DocsError as error:
            raise DocsError(f"page {number} of {len(entries)}: {error}") from error
        else:
            page.group = page.group or entry.group
            yield page
