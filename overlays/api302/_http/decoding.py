"""From the bytes of a body to what they mean: compression, undone piece by piece and as far as it
goes, and JSON.

A label that is wrong (`gzip` on plain JSON) and a checksum that is wrong at the end lose nothing.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

ACCEPTED = "gzip, deflate"
"""What every request asks for: no more than can be undone here."""
PIECE = 1 << 20
"""Bytes that one step decompresses at most, so that a small input cannot fill the memory at once.
"""
ABSENT: Any = object()
"""There is no JSON value: a body that is something else. None is JSON's null."""
LARGE = 1 << 20
"""Bytes from which on a body is decoded with a mind to memory."""
_ASCII = bytes(range(128))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_BINARY = ("audio/", "image/", "video/", "font/", "model/")
_loads = json.JSONDecoder(strict=False).decode
"""Control characters within texts, which JSON does not allow, are no reason to lose a response."""
_TRAILER = 8
"""Bytes of checksum and length that end a gzip body; zlib's has 4."""
_MAGIC = b"\x1f\x8b"
_FOREIGN = ("br", "zstd", "compress")
MOST_ENCODINGS = 5
"""Encodings of one body that are undone at most: each takes memory, however little it holds."""


class Decoder:
    """One `content-encoding`. `problem` says what was wrong with it."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._inflate: Any = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as it begins
        self._begun = False
        self._start = b""
        """What came before the first decompressed bytes: a label can be wrong until then."""
        self._plain = False
        self._held = b""
        """What came behind a gzip member, too little to tell whether another begins there."""
        self.problem = ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decompressed pieces of `data`."""
        if self._plain:
            yield data
            return
        before = self._inflate.copy() if data else None
        if not self._begun:
            self._start += data
        try:
            yield from self._pieces(self._inflate, data)
        except zlib.error as error:
            yield from self._mended(before, data, str(error))
        if self._begun:
            self._start = b""

    def close(self) -> Iterator[bytes]:
        """Note that the body has ended; what is left is a body too short to prove its label."""
        if self._plain or self.problem or self._inflate.eof or not (self._begun or self._start):
            return
        if not self._begun and not _is_framed(self._start):
            self._plain, self.problem = True, f"it is labeled {self._encoding} and is not"
            yield self._start
            return
        self.problem = f"the {self._encoding} body is cut short"

    def _pieces(self, inflate: Any, data: bytes) -> Iterator[bytes]:
        while data and not self.problem:
            if inflate.eof:
                data = self._held + data
                if not data.startswith(_MAGIC):  # padding, as some servers add
                    self._held = data if _MAGIC.startswith(data) else b""
                    return
                inflate = self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                self._held = b""
            piece = inflate.decompress(data, PIECE)
            if piece:
                self._begun = True
                yield piece
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail

    def _mended(self, before: Any, data: bytes, why: str) -> Iterator[bytes]:
        """What can be had of a piece that does not decompress."""
        is_first = not self._begun and self._encoding == "deflate"
        if is_first and not _is_json(self._start):  # some mean deflate without zlib's frame
            self._encoding, self._inflate = "raw deflate", zlib.decompressobj(-zlib.MAX_WBITS)
            start, self._start = self._start, b""
            yield from self.feed(start)
            return
        if not self._begun and not _is_framed(self._start):
            self._plain, self.problem = True, f"it is labeled {self._encoding} and is not"
            yield self._start
            return
        for less in range(1, _TRAILER + 1):
            try:
                pieces = list(self._pieces(before.copy(), data[:-less]))
            except zlib.error:
                continue
            self.problem = f"its {self._encoding} checksum is wrong ({why})"
            yield from pieces
            return
        self.problem = f"its {self._encoding} compression is broken ({why})"


class Undone:
    """An encoding that stays: the body is not what it says it is, and has a problem."""

    def __init__(self, why: str) -> None:
        self._why = why
        self.problem = ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data as it came."""
        self.problem = self.problem or (self._why if data else "")
        yield data

    def close(self) -> Iterator[bytes]:
        """Nothing is left."""
        return iter(())


def _is_json(data: bytes) -> bool:
    """Whether bytes begin as JSON does, which deflate would often read as something."""
    return data[:1] in (b"{", b"[") and not _CONTROL.search(data)


def _is_framed(data: bytes) -> bool:
    """Whether bytes begin as gzip or zlib does."""
    is_zlib = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return is_zlib or data[:2] == b"\x1f\x8b"


def decoders(encoding: str) -> list[Decoder | Undone]:
    """The decoders for a `content-encoding` header, in the order in which they are undone."""
    names = [name.strip().lower().removeprefix("x-") for name in encoding.split(",")]
    known = [name for name in names if name in ("gzip", "deflate", *_FOREIGN)]
    if len(known) > MOST_ENCODINGS:
        return [Undone(f"it has {len(known)} encodings")]
    return [
        Undone(f"it is {name}, which nobody asked for") if name in _FOREIGN else Decoder(name)
        for name in reversed(known)
    ]


# --- JSON -----------------------------------------------------------------------------------------


def json_of(content: bytes, content_type: str) -> Any:
    """A body as JSON, or ABSENT.

    What looks like an object or an array is tried whatever its label says.
    """
    return ABSENT if (text := text_of(content, content_type)) is None else json_in(text)


def json_in(text: str) -> Any:
    """Text as JSON, or ABSENT."""
    try:
        return _loads(text)
    except (ValueError, RecursionError):
        return ABSENT


def text_of(content: bytes, content_type: str) -> str | None:
    """The text of a body that may be JSON; None for one that is nothing, or sound or a picture."""
    media_type, charset = media_type_of(content_type)
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n\0")[:1]
    if not content or (start not in (b"{", b"[") and media_type.startswith(_BINARY)):
        return None
    if charset not in ("", "utf-8", "utf8"):
        try:
            return content.decode(charset).removeprefix("\ufeff")
        except (LookupError, UnicodeError):
            pass
    encoding = json.detect_encoding(content)
    if encoding == "utf-8" and _is_mostly_ascii(content):
        content, encoding = _NOT_ASCII.sub(_escaped, content), "ascii"
    return content.decode(encoding, "replace").removeprefix("\ufeff")


def _is_mostly_ascii(content: bytes) -> bool:
    """Whether a body is large and has but a few characters that are not ASCII.

    One of these would make each character of its text take two or four bytes.
    """
    if len(content) < LARGE or content.isascii():
        return False
    return len(content.translate(None, _ASCII)) * 10 < len(content)


def _escaped(found: re.Match[bytes]) -> bytes:
    """Characters as JSON escapes them."""
    return json.dumps(found[0].decode("utf-8", "replace"))[1:-1].encode()


@lru_cache(maxsize=256)
def media_type_of(content_type: str) -> tuple[str, str]:
    """The media type and the charset of a `content-type` header, in lower case."""
    media_type, _, parameters = content_type.partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
    return media_type.strip().lower(), charset[1].lower() if charset else ""
