"""Sound for a realtime conversation, from a file or the standard input, read while it is sent."""

from __future__ import annotations

import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import click

from .arguments import closed_at_end

_PIECE = 1 << 18
"""Bytes that are read at once."""
_RAW = (".pcm", ".raw")


class Samples(NamedTuple):
    """Samples of 16 bits: the first piece, and what reads the others."""

    name: str
    first: bytes
    read: Callable[[], bytes]

    @classmethod
    def of(cls, name: str, rate: int) -> Samples:
        """The samples of a file, or of the standard input, `-`.

        Raises click.UsageError for what cannot be read, or is sound of another kind.
        """
        try:
            file = sys.stdin.buffer if name == "-" else _opened(name)
            start = file.read(4)
        except OSError as error:
            raise _unreadable(name, error) from None
        begun = _Begun(start, file)
        if start == b"RIFF":
            read = _of_wave(name, begun, rate)
        elif name == "-" or Path(name).suffix.lower() in _RAW:
            read = lambda: begun.read(_PIECE)  # noqa: E731
        else:
            raise _other_sound(name, "is not a WAV file", rate)
        made = cls(name, _whole(name, read), read)
        if not made.first or _is_odd(file, start):
            raise made.no_samples()
        return made

    def pieces(self) -> Iterator[bytes]:
        """All of them. Raises click.UsageError where they cannot be read to their end."""
        piece = self.first
        while piece:
            if len(piece) % 2:
                raise self.no_samples()
            yield piece
            piece = _whole(self.name, self.read)

    def no_samples(self) -> click.UsageError:
        """What is said of a file that is empty, or has half a sample."""
        return click.UsageError(f"--audio: {self.name!r} has no whole samples of 16 bits")


def _opened(name: str) -> BinaryIO:
    return closed_at_end(Path(name).expanduser().open("rb"))


class _Begun:
    """A file of which the start was read, as wave reads it: forward alone."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self._start, self._file = start, file

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end alone."""
        made, self._start = self._start[:size], self._start[size:]
        while len(made) < size and (more := self._file.read(size - len(made))):
            made += more
        return made

    def close(self) -> None:
        """It is open as long as the process."""


def _whole(name: str, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, wave.Error, EOFError) as error:
        raise _unreadable(name, error) from None


def _is_odd(file: BinaryIO, start: bytes) -> bool:
    """Whether a file of samples alone has half of one, as far as it can be told before it is sent.

    A pipe cannot; of a WAV file its header has told.
    """
    with suppress(OSError, ValueError):
        if start != b"RIFF" and file.seekable():
            at = file.tell()
            size = file.seek(0, 2)
            file.seek(at)
            return bool(size % 2)
    return False


def _of_wave(name: str, begun: _Begun, rate: int) -> Callable[[], bytes]:
    try:
        file = wave.open(cast("Any", begun))  # noqa: SIM115 (read while it is sent)
        form = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
    except (wave.Error, EOFError, OSError) as error:
        raise _other_sound(name, f"cannot be read as WAV ({error})", rate) from None
    if form != (1, 16, rate):
        told = "has {} channel(s) of {} bits, {} samples a second".format(*form)
        raise _other_sound(name, told, rate)
    return lambda: file.readframes(_PIECE // 2)


def _unreadable(name: str, error: Exception) -> click.UsageError:
    why = getattr(error, "strerror", None) or error
    return click.UsageError(f"--audio: {name!r} cannot be read ({why})")


def _other_sound(name: str, why: str, rate: int) -> click.UsageError:
    return click.UsageError(
        f"--audio: {name!r} {why}; it must be one channel of 16 bits, {rate} samples a second:"
        f" ffmpeg -i FILE -ac 1 -ar {rate} -c:a pcm_s16le speech.wav"
    )
