"""Server-sent events out of bytes, however they are cut. Sans-IO: bytes in, events out.

Follows the HTML standard (CR, LF, CRLF, byte order mark, comments, several `data` lines) and beyond it keeps what a paid stream must not
lose: a line that is bare JSON, as which this API reports errors, and a last event without its blank line.
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One event."""

    data: bytes
    """UTF-8, several `data` lines joined by LF."""
    event: str = ""
    """The event's name, if it was given."""
    id: str = ""
    """The last id given."""
    stray: bool = False
    """A bare line of JSON, outside the format."""


class Decoder:
    """Takes the bytes of a stream piece by piece and gives the events that are complete."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._ends_line = False
        self._after_cr = False
        self._head: bytes | None = b""
        self._id = ""
        self.retry: int | None = None
        """Milliseconds before a reconnection, if the server gave them."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes. Time is linear in the bytes, whatever their cut."""
        if self._head is not None:
            chunk = self._head + chunk
            if len(chunk) < 3 and b"\xef\xbb\xbf".startswith(chunk):
                self._head = chunk
                return []
            self._head = None
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not chunk:
            return []
        complete = b"\n\n" in chunk or (self._ends_line and chunk.startswith(b"\n"))
        self._ends_line = chunk.endswith(b"\n")
        self._pieces.append(chunk)
        if not complete:
            return []
        *blocks, rest = b"".join(self._pieces).split(b"\n\n")
        self._pieces = [rest] if rest else []
        self._ends_line = rest.endswith(b"\n") if rest else True
        events: list[Event] = []
        for block in blocks:
            if block.startswith(b"data:") and b"\n" not in block and not self._id:
                events.append(Event(block[6:] if block.startswith(b"data: ") else block[5:]))
            elif block:
                self._block(block, events)
        return events

    def close(self) -> list[Event]:
        """The event that the stream's end leaves without its blank line, if any."""
        block = (self._head or b"") + b"".join(self._pieces)
        self._pieces, self._head = [], None
        events: list[Event] = []
        self._block(block, events)
        return events

    def _block(self, block: bytes, events: list[Event]) -> None:
        data: list[bytes] = []
        found: list[list[bytes]] = []  # `data`, and each piece of bare JSON, in their order
        name = ""
        for line in block.strip(b"\n").split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                found += [] if data else [data]
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
            elif field == b"id" and b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            elif field == b"retry" and value.isdigit():
                self.retry = int(value)
            elif line.startswith(b"{"):
                found.append([line])
            elif found and found[-1] is not data:  # bare JSON over several lines
                found[-1].append(line)
        events += [Event(b"\n".join(lines), name if lines is data else "", self._id, lines is not data) for lines in found]
