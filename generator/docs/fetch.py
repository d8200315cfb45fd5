"""Text from files and URLs; over the network one at a time, cached, no faster than allowed."""

from __future__ import annotations

import email.utils
import hashlib
import json
import os
import re
import tempfile
import time
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from . import DocsError, PageError
from .pages.untrusted import LONGEST_PAGE, quoted

HEADERS = {
    "User-Agent": "api302-docs (follows the documentation; one request at a time)",
    "Accept": "text/markdown, text/plain, */*;q=0.5",
    "Accept-Encoding": "gzip",
}
TIMEOUT, RETRIES, LARGEST_WAIT = 30.0, 4, 120.0
"""Seconds of one request, repetitions, and the seconds that a server may ask to wait."""
LONGEST_READ = 120.0
"""Seconds that the body of a page may take, however it comes."""
MOST_REDIRECTS = 5

_CONDITIONS = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))


class _TryAgain(Exception):
    """There is no text now; says why, and after how many seconds to ask again if the server says
    that.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Fetcher:
    """GETs with a cache on disk, retries and pauses.

    Args:
        cache: The folder for what was fetched before.
        pause: Seconds between two requests.
        longest: Bytes that a text may have.
    """

    def __init__(self, cache: Path, pause: float = 0.5, longest: int = LONGEST_PAGE) -> None:
        self.cache, self.pause, self.longest, self.requests = cache, pause, longest, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.requests:
            self._client.close()

    @cached_property
    def _client(self) -> Any:
        import httpx2  # files need no network

        return httpx2.Client(headers=HEADERS, timeout=TIMEOUT)

    def text(self, source: str) -> str:
        """The text at a URL or in a file, its lines ended alike.

        Raises DocsError, PageError where only this one is missing.
        """
        if is_url(source):
            return self.get(source)
        try:
            with open(source, "rb") as file:
                return _decoded(file.read(self.longest + 1), source, self.longest)
        except OSError as error:
            raise PageError(source, f"{error.strerror}") from error

    def get(self, url: str) -> str:
        """The text at a URL.

        Raises DocsError when it cannot be had; the cache holds whole responses only.
        """
        file = self.cache / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
        kept = _kept(file)
        reason = "it was not asked for"
        for attempt in range(RETRIES + 1):
            try:
                return self._try(url, file, kept)
            except _TryAgain as error:
                reason, wait = str(error), 2.0**attempt if error.wait is None else error.wait
            if wait > LARGEST_WAIT:
                message = f"{url}: {reason} and asks to wait {wait:.0f} seconds; try again later"
                raise DocsError(message)
            if attempt < RETRIES:
                time.sleep(wait)
        raise _lost(url, reason)

    def _try(self, url: str, file: Path, kept: dict[str, Any]) -> str:
        """One request. Raises _TryAgain if a later one may succeed."""
        import httpx2

        if self.requests:
            time.sleep(self.pause)
        self.requests += 1
        place = url
        try:
            for _ in range(MOST_REDIRECTS):
                with self._client.stream("GET", place, headers=kept.get("conditions")) as response:
                    if "location" not in response.headers or not response.is_redirect:
                        return self._text(url, response, file, kept)
                    place = _led_to(place, response.headers["location"])
        except httpx2.TransportError as error:
            raise _TryAgain(str(error) or type(error).__name__) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise PageError(url, str(error)) from error
        raise PageError(url, "it leads from one URL to the next without an end")

    def _text(self, url: str, response: Any, file: Path, kept: dict[str, Any]) -> str:
        status, headers = response.status_code, response.headers
        if status == 304 and kept:
            return str(kept["text"])
        if status == 200:
            text = _decoded(_read(response, url, self.longest), url, self.longest)
            conditions = {
                name: headers[header] for name, header in _CONDITIONS if header in headers
            }
            entry = {"url": url, "conditions": conditions, "text": text}
            write_whole(file, json.dumps(entry, ensure_ascii=False))
            return text
        if status in (404, 410):
            raise PageError(url, f"there is no such page ({status})")
        reason = f"the service answers {status}"
        if status != 429 and status < 500:
            raise _lost(url, reason)
        raise _TryAgain(reason, _asked(headers.get("Retry-After", "")))


def _lost(url: str, reason: str) -> DocsError:
    return DocsError(
        f"{url}: {reason}; nothing was written, and what was read before is in the cache"
    )


def _led_to(url: str, location: str) -> str:
    """Where a redirect leads: on the same host, as the pages of a list are."""
    try:
        place = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(place)
        is_same = new.scheme in ("http", "https") and new.hostname == old.hostname
    except ValueError:
        place, is_same = location, False
    if not is_same:
        where = quoted(place, 200)
        raise PageError(url, f"it leads to another host, which is not followed: {where}")
    return place


def _read(response: Any, url: str, longest: int) -> bytes:
    """A response's body, or its start if it is larger than a page may be."""
    body, end = bytearray(), time.monotonic() + LONGEST_READ
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > longest:
            break
        if time.monotonic() > end:
            raise PageError(url, f"it has not come to its end in {LONGEST_READ:.0f} seconds")
    return _unpacked(bytes(body), response.headers.get("content-encoding", ""), url, longest)


def _unpacked(body: bytes, encoding: str, url: str, longest: int) -> bytes:
    """A body without its compression, or the start of one that is larger than a page may be."""
    label = encoding.strip().lower()
    if label in ("", "identity"):
        return body
    if label not in ("gzip", "x-gzip"):
        raise PageError(url, f"it is packed as {quoted(label)}, which nobody asked for")
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, longest + 1)
    except zlib.error as error:
        raise PageError(url, f"it is not gzip, as it says: {error}") from error


def _kept(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _asked(value: str) -> float | None:
    """The seconds that `Retry-After` asks for, as number or as date."""
    if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _decoded(content: bytes, source: str, longest: int) -> str:
    if len(content) > longest:
        raise PageError(source, f"it has more than {longest:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        reason = f"this is not UTF-8 ({error.reason} at byte {error.start})"
        raise PageError(source, reason) from error


def is_url(source: str) -> bool:
    """Whether a source is a URL."""
    return source.startswith(("http://", "https://"))


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".writing-") as folder:
        made = Path(folder, file.name)
        made.write_text(text, encoding="utf-8", newline="\n")
        os.replace(made, file)
