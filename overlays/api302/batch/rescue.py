"""What became of calls that the journal could not be told: kept in files until the next run.

A full disk would refuse such a file too. So a run has the room for it from its start, in the
batch's folder; what does not fit there goes to the folder of temporary files. The next run takes
all of it into the journal before it does anything else.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

from api302._errors import Api302Error
from api302._json import is_object
from api302._log import logger

from .journal import Journal, jobs

ROOM = 64 << 20
"""Bytes that are kept free: the responses of the calls that are in hand when a disk is full."""
_SUFFIX = ".rescue"
_PIECE = 1 << 20
_SHOWN = 10
_UNSENT = {"state": "planned", "sent_at": None, "reserved": None, "due": None}
"""What became of a job that was to be sent: it was not, as that could not be written down."""

Change = Mapping[str, Any]


class _Kept(NamedTuple):
    """What became of a job, and the turn of an engine that has turns."""

    order: int
    number: int
    turn: int | None
    change: dict[str, Any]


class Rescue:
    """The files of a journal. Within `with` what was kept before is in the journal, and there is
    room.

    Args:
        journal: Whose jobs they are.
        folder: Where the room is; without one, there is none but for temporary files.
    """

    def __init__(self, journal: Journal, folder: Path | None = None) -> None:
        self._journal, self._folder = journal, folder
        self._id = journal.identity()
        self._path = Path(folder or "", f".api302-{self._id}{_SUFFIX}")
        self._room: IO[bytes] | None = None
        self._at = 0
        self._order = count(time.time_ns())
        self._places: dict[str, set[int]] = {}
        """The jobs that are kept here, by the file."""
        self._lost: set[int] = set()

    def __enter__(self) -> Rescue:
        self.take_up()
        self._reserve()
        return self

    def __exit__(self, *_: object) -> None:
        if self._room is not None:
            self._room.close()
            if not self._at:
                self._path.unlink(missing_ok=True)

    def _reserve(self) -> None:
        """Raises Api302Error if there is no room."""
        try:
            number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            self._room = open(number, "r+b", buffering=0)  # noqa: SIM115 (to the end of `with`)
            _fill(self._room)
        except OSError as error:
            self.__exit__()
            raise Api302Error(
                f"{self._folder}: has no room of {ROOM >> 20} MB for responses that a full disk"
                f" would lose ({error.strerror}); nothing was sent. Make room, and go on with the"
                " same command"
            ) from None

    # --- keeping ----------------------------------------------------------------------------------

    def keep(self, changes: Iterable[tuple[int, Change]], turn: int | None = None) -> None:
        """Keep what became of jobs, in order. Raises nothing: see `notes`."""
        for number, change in changes:
            if "state" not in change:
                continue
            told = _UNSENT if change["state"] == "sent" else dict(change)
            line = {"order": next(self._order), "number": number, "turn": turn, "change": told}
            data = json.dumps(line, default=str).encode() + b"\n"
            place = self._into_room(data) or _into_temporary(data, self._id)
            self._lost.add(number) if place is None else self._note(place, number)

    def _note(self, place: str, number: int) -> None:
        self._places.setdefault(place, set()).add(number)

    def _into_room(self, data: bytes) -> str | None:
        if self._room is None:
            return None
        try:
            # What ends a line is overwritten by the next: all after it is not written yet.
            _write_at(self._room, self._at, data + b"\0")
            os.fsync(self._room.fileno())
        except OSError:
            with suppress(OSError):
                _write_at(self._room, self._at, b"\0")
            return None
        self._at += len(data)
        return str(self._path)

    @property
    def is_holding(self) -> bool:
        """Whether something is kept that the journal does not have."""
        return bool(self._places)

    def notes(self) -> Iterator[str]:
        """What to say of it, in sentences."""
        if self._places:
            number = len(set[int]().union(*self._places.values()))
            where = ", ".join([*self._places][:_SHOWN])
            yield (
                f"What became of {number} jobs is kept in {where}; the same command takes it into"
                " the journal"
            )
        if self._lost:
            listed = ", ".join(map(str, sorted(self._lost)[:_SHOWN]))
            yield (
                f"What became of {len(self._lost)} jobs could be kept nowhere (number {listed} in"
                " the journal); --unknown settle tells what was billed"
            )

    # --- taking up --------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Write what was kept into the journal, and say so. Raises what the journal does."""
        paths = [path for path in self._files() if _is_ours(path)]
        kept = sorted(one for path in paths for one in _read(path))
        self._journal.write((one.number, one.change) for one in kept if one.turn is None)
        for one in kept:
            if one.turn is not None and not self._journal.claim(one.number, one.turn, one.change):
                self._journal.rescue(one.number, one.change)  # it was held for unknown meanwhile
        for path in paths:
            path.unlink(missing_ok=True)
        self._places.clear()
        if numbers := {one.number for one in kept if one.change["state"] != "planned"}:
            where = ", ".join(map(str, paths[:_SHOWN]))
            logger.warning(
                "what became of %d jobs, which an earlier run could not write into the journal, is"
                " in it now (from %s)",
                len(numbers),
                where,
            )

    def _files(self) -> list[Path]:
        found = [self._path] if self._folder is not None else []
        return [*found, *Path(tempfile.gettempdir()).glob(f"api302-{self._id}-*{_SUFFIX}")]


_BINARY: int = getattr(os, "O_BINARY", 0)
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_allocate: Callable[[int, int, int], None] | None = getattr(os, "posix_fallocate", None)
"""macOS and Windows have none."""


def _fill(file: IO[bytes]) -> None:
    """Have the disk give a file its room. Raises OSError."""
    if _allocate is not None:
        try:
            return _allocate(file.fileno(), 0, ROOM)
        except OSError as error:  # of a file system that cannot
            if error.errno == errno.ENOSPC:
                raise
    piece = bytes(_PIECE)
    for at in range(0, ROOM, len(piece)):
        _write_at(file, at, piece)


def _write_at(file: IO[bytes], at: int, data: bytes) -> None:
    file.seek(at)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _into_temporary(data: bytes, id: str) -> str | None:
    """Keep a line in a file of its own; its path, or None if there is no room for it either."""
    path = None
    try:
        number, path = tempfile.mkstemp(_SUFFIX, f"api302-{id}-")  # has mode 0600
        with open(number, "wb") as file:
            file.write(data)
    except OSError:
        if path is not None:
            Path(path).unlink(missing_ok=True)
        return None
    return path


def _is_ours(path: Path) -> bool:
    """Whether a file is a regular one of this user: anybody may write into the temporary folder."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and (os.name == "nt" or facts.st_uid == os.geteuid())


def _read(path: Path) -> Iterator[_Kept]:
    """What a file has, up to where its room was not used. Raises OSError."""
    number = os.open(path, os.O_RDONLY | _BINARY | _NOFOLLOW)
    with open(number, "rb") as file:
        content = b"".join(iter(lambda: file.read(_PIECE).partition(b"\0")[0], b""))
    for line in content.split(b"\n")[:-1]:
        with suppress(ValueError, TypeError, RecursionError):  # half of one, of a run that died
            kept = _Kept(**json.loads(line))
            if is_object(kept.change) and "state" in kept.change and kept.change.keys() <= _COLUMNS:
                yield kept


_COLUMNS = frozenset(jobs.c.keys())
