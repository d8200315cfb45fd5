"""Server-sent events out of bytes, however they are cut. Sans-IO: bytes in, events out.

Follows the HTML standard (CR, LF, CRLF, byte order mark, comments, several `data` lines) and
beyond it keeps what a paid stream must not
lose: a line that is bare JSON, as which this API reports errors, a stream that is nothing but such
lines, and a last
event without its blank line. `id` and `retry` serve
reconnections, which would be paid for twice, and are passed over.
"""

from __future__ import annotations

import json
from typing import NamedTuple


class Event(NamedTuple):
    """One event."""

    data: str
    """Several `data` lines are joined by LF."""
    event: str = ""
    """The event's name, if it was given."""
    stray: bool = False
    """Bare JSON, outside the format."""


class Decoder:
    """Takes the bytes of a stream piece by piece and gives the events that are complete.

    In two steps, for speed: `blocks` gives the text of each event, `events` takes one apart that
    is not a mere `data: …` line.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._ends_line = False
        self._after_cr = False
        self._head: bytes | None = b""
        self._ends: bytes | None = None
        """What ends an event: a blank line, or, where the stream is lines of bare JSON, a line.

        None: not known yet.
        """

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        return [event for block in self.blocks(chunk) for event in self.events(block)]

    def blocks(self, chunk: bytes) -> list[str]:
        """The texts of the events that `chunk` completes, lines ended by LF.

        Time is linear in the bytes, whatever their cut.
        """
        if self._head is not None:
            chunk = self._without_mark(self._head + chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_lf(chunk)
        return self._complete() if chunk and self._ends_event(chunk) else []

    def _ends_event(self, chunk: bytes) -> bool:
        """Keep bytes, and say whether they complete an event."""
        has_blank_line = b"\n\n" in chunk or (self._ends_line and chunk.startswith(b"\n"))
        self._ends_line = chunk.endswith(b"\n")
        self._pieces.append(chunk)
        if self._ends is None and b"\n" in chunk:
            self._ends = _ends(b"".join(self._pieces))
        return has_blank_line or (self._ends == b"\n" and b"\n" in chunk)

    def _complete(self) -> list[str]:
        """The texts of the events that have come whole; the rest is kept."""
        ends = self._ends or b"\n\n"
        whole, _, rest = b"".join(self._pieces).rpartition(ends)
        self._pieces = [rest] if rest else []
        return whole.decode("utf-8", "replace").split(ends.decode())

    def _without_mark(self, start: bytes) -> bytes:
        """The start of the stream without its byte order mark; nothing while that may yet come."""
        if len(start) < 3 and b"\xef\xbb\xbf".startswith(start):
            self._head = start
            return b""
        self._head = None
        return start.removeprefix(b"\xef\xbb\xbf")

    def _with_lf(self, chunk: bytes) -> bytes:
        """The bytes with their lines ended by LF, a CRLF that was cut in two included."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def close(self) -> str:
        """The block that the end leaves without its blank line, maybe a broken one, or nothing."""
        block = (self._head or b"") + b"".join(self._pieces)
        self._pieces, self._head = [], None
        return block.decode("utf-8", "replace")

    def events(self, block: str) -> list[Event]:
        """The event in a block, and any bare JSON beside it, in their order."""
        data: list[str] = []
        found: list[list[str]] = []
        name = ""
        for line in block.strip("\n").split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                found += [] if data else [data]
                data.append(value)
            elif field == "event":
                name = value
            elif line.startswith("{"):
                found.append([line])
            elif found and found[-1] is not data:  # bare JSON over several lines
                found[-1].append(line)
        return [
            Event("\n".join(lines), name if lines is data else "", lines is not data)
            for lines in found
        ]


def _ends(start: bytes) -> bytes | None:
    """What ends an event of a stream that starts so; None where only blank lines came so far."""
    first = start.lstrip(b"\n").partition(b"\n")[0]
    if not first:
        return None
    if not first.startswith(b"{"):
        return b"\n\n"
    try:
        json.loads(first, strict=False)
    except (ValueError, RecursionError):
        return b"\n\n"  # JSON over several lines
    return b"\n"
