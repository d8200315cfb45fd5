"""Writing a file that is there whole or not at all: what every `save()` and `download()` uses.

The content goes to a file of a random name in the target's folder, opened so that no link is
followed, and takes the target's name when all is written. What is not a regular file (a device, a
pipe) is written to directly and never replaced. A target such as `s3://bucket/cat.png` is put there
by fsspec, once all is written to a temporary file of this machine. A writer may be dropped by
another thread than the one that writes.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import select
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from ._fork import in_each_child
from .media import recognized, suffix_of

LONGEST_STEM = 150
"""Bytes of a name from a server, so that a number and a suffix fit behind it."""
_LONGEST_SUFFIX = 20
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", re.IGNORECASE)
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LIVE_FOLDERS = ("/dev/", "/proc/")
"""Links in these lead to what is open already, such as `/dev/stdout`."""


_PATIENCE = 5.0 if os.name == "nt" else 0.0
"""Seconds for a target that somebody else has open."""
_LONGEST_PATH = 259 if os.name == "nt" else 0
"""Characters of a path, where that has a limit; Windows can be told that it has none."""

_claiming = threading.Lock()
_claimed: set[str] = set()
"""Names in folders of other file systems that files of this process are about to get."""


def _after_fork() -> None:
    """The lock may be held by a thread that the child does not have."""
    global _claiming
    _claiming = threading.Lock()
    _claimed.clear()


in_each_child(_after_fork)


class Dropped(Exception):
    """Another thread has dropped the writer."""


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder that `path` is, or the one that it is in.

    Raises:
        ValueError: there is no such folder, or the path can be none. The text begins with `path: `.
    """
    text = os.fspath(path)
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"path: {text!r} cannot be the path of a file")
    is_folder = text.endswith(("/", os.sep)) or os.path.isdir(text)
    folder = Path(text) if is_folder else Path(text).parent
    if not os.path.isdir(folder):
        raise ValueError(
            f"path: there is no folder {str(folder)!r}; make it first: "
            "pathlib.Path(…).mkdir(parents=True)"
        )
    try:
        os.lstat(text)
    except FileNotFoundError:
        pass
    except OSError as error:  # such as a name that is too long
        raise ValueError(f"path: {text[:200]!r} cannot be written: {error.strerror}") from error
    if not (os.access(folder, os.W_OK) or _is_special(Path(text))):
        raise ValueError(f"path: the folder {str(folder)!r} cannot be written to")
    return folder


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the URL of a file on another file system, such as `s3://bucket/cat.png`."""
    text = str(path)
    return _SCHEME.match(text) is not None and local_path(text) is None


def local_path(url: str) -> str | None:
    """The path of a URL such as `file:///tmp/cat.png`; None for any other URL, and for a path."""
    scheme, found, path = url.partition("://")
    if not found or scheme.lower() not in ("file", "local"):
        return None
    return path.lstrip("/") if os.name == "nt" else path


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise ValueError for a path that nothing can be written to. See `folder_of`."""
    if is_remote(path):
        _file_system(str(path))
    else:
        folder_of(local_path(str(path)) or path)


def writer_for(path: str | os.PathLike[str], name: str) -> Writer:
    """A writer for a path, here or on another file system. See `Writer`."""
    if is_remote(path):
        return RemoteWriter(str(path), name)
    return Writer(local_path(str(path)) or path, name)


class Writer:
    """Writes one file.

    Args:
        path: The file, which is replaced if it exists; or a folder, in which the file gets `name`,
            or the next name that is free.
        name: A plain name for the file in a folder; see `safe_name`.

    Raises:
        ValueError: see `folder_of`.
    """

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        folder = folder_of(path)
        self._path = Path(path)
        self._is_folder = self._path.is_dir()
        self._is_direct = not self._is_folder and _is_special(self._path)
        self._begin(folder / f".{secrets.token_hex(8)}.part", name)

    def _begin(self, part: Path, name: str) -> None:
        self._part, self._name = part, name
        self.size = 0
        """Bytes that were written."""
        self._file: IO[bytes] | None = None
        self._is_there = False
        self._lock = threading.Lock()
        self._is_dropped = False

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Write all of a piece. Raises OSError."""
        with self._working():
            if self._file is None:
                self._file = self._opened()
            rest = memoryview(content)
            while rest:
                if self._is_direct:
                    self._wait(self._file)
                done = _written(self._file, rest)
                self.size += done
                rest = rest[done:]

    def restart(self) -> bool:
        """Begin again with nothing written. False where what was written cannot be taken back."""
        with self._working():
            if self.size and self._is_direct:
                return False
            if self._file is not None and self.size:
                self._file.seek(0)
                self._file.truncate()
            self.size = 0
            return True

    def finish(self, name: str | None = None) -> Path:
        """Give the file its name, and return its path. Raises OSError.

        Args:
            name: The name in a folder, where it is only known now.
        """
        with self._working():
            self._name = name or self._name
            if self._file is None:
                self._file = self._opened()
            self._file.close()
            return self._path if self._is_direct else self._named()

    def drop(self) -> None:
        """Leave nothing behind, once the thread that writes is done. After `finish`: nothing."""
        self._is_dropped = True
        with self._lock:
            self._clean()

    def drop_soon(self) -> None:
        """The same without waiting: a thread that is writing cleans up itself."""
        self._is_dropped = True
        if self._lock.acquire(blocking=False):
            try:
                self._clean()
            finally:
                self._lock.release()

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            with self._lock:
                if self._is_dropped:
                    raise Dropped
                yield
        finally:
            if self._is_dropped:
                self.drop_soon()

    def _clean(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._is_there:
            self._is_there = False
            with suppress(OSError):
                self._part.unlink()

    def _opened(self) -> IO[bytes]:
        if self._is_direct:
            return _opened(self._path, self)
        file = self._part.open("xb", buffering=0)
        self._is_there = True
        return file

    def _wait(self, file: IO[bytes]) -> None:
        """Until a pipe takes more, or the writer is dropped."""
        if sys.platform == "win32":
            return
        poll = select.poll()  # `select.select` refuses a process with more than 1,024 open files
        poll.register(file, select.POLLOUT)
        while not poll.poll(50):
            self.check()

    def check(self) -> None:
        """Raises Dropped if the writer was dropped meanwhile."""
        if self._is_dropped:
            raise Dropped

    def _named(self) -> Path:
        if self._is_folder:
            return self._numbered()
        with suppress(OSError):
            mode = self._path.lstat().st_mode
            if stat.S_ISREG(mode):
                self._part.chmod(stat.S_IMODE(mode) & 0o777)
        replace(self._part, self._path)
        self._is_there = False
        return self._path

    def _numbered(self) -> Path:
        """In a folder: the first name that is free, taken in one step, also from another download
        that ends just now."""
        stem, suffix = os.path.splitext(self._name)
        if _LONGEST_PATH:
            longest = os.path.join(os.path.abspath(self._path), f" (9999){suffix}")
            stem = stem[: max(_LONGEST_PATH - len(longest), 1)].rstrip(" .")
        for number in count():
            wanted = self._path / f"{stem}{f' ({number})' if number else ''}{suffix}"
            try:
                os.link(self._part, wanted)
            except FileExistsError:
                continue
            except (OSError, NotImplementedError, AttributeError):  # a file system without links
                if not self._claimed(wanted):
                    continue
            else:
                self._part.unlink()
            self._is_there = False
            return wanted
        raise AssertionError

    def _claimed(self, wanted: Path) -> bool:
        """Take a free name by an empty file, and replace that. False if it is not free."""
        try:
            wanted.open("xb").close()
        except FileExistsError:
            return False
        try:
            replace(self._part, wanted)
        except BaseException:
            wanted.unlink(missing_ok=True)
            raise
        return True


def replace(part: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """`os.replace`, which Windows refuses while somebody else has the target open: another thread
    that replaces it, a scanner. Tried again for some seconds there. Raises OSError.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.replace(part, target)
        except PermissionError:
            if time.monotonic() >= end:
                raise
        time.sleep(0.01)


class RemotePath(type(Path())):  # type: ignore[misc]
    """The path of a file on another file system: `str()` and `os.fspath()` give its URL.

    It is opened and read by fsspec. Other methods of a path that ask the disk do not apply.
    """

    url: str

    @classmethod
    def of(cls, url: str) -> RemotePath:
        """The path of a URL such as `s3://bucket/cat.png`."""
        path = cls(url.replace("://", "/", 1))
        path.url = url
        return path

    def __str__(self) -> str:
        url: str | None = self.__dict__.get("url")
        return super().__str__() if url is None else url

    def __fspath__(self) -> str:
        return str(self)

    def open(self, mode: str = "r", *args: Any, **options: Any) -> Any:
        """Open it by fsspec."""
        import fsspec  # type: ignore

        opened: Any = fsspec.open(str(self), mode, *args, **options)
        return opened.open()

    def read_bytes(self) -> bytes:
        """Its content."""
        with self.open("rb") as file:
            content: bytes = file.read()
            return content


class RemoteWriter(Writer):
    """Writes one file of another file system, through a temporary file of this machine.

    Args:
        url: Such as `s3://bucket/cat.png`; one that ends with a slash is a folder.
        name: A plain name for the file in a folder.

    Raises:
        ValueError: fsspec, or what it needs for this file system, is not installed.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url, self._is_direct = url, False
        self._system, self._target = _file_system(url)
        self._is_folder = url.endswith("/") or self._system.isdir(self._target)
        self._begin(Path(tempfile.mkdtemp(prefix="api302-"), "part"), name)

    def _named(self) -> Path:
        scheme = self._url.partition("://")[0]
        target = self._free() if self._is_folder else self._target
        try:
            put(self._system, self._part, target)
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{_hidden(self._url)} cannot be written: {error}") from error
        finally:
            _claimed.discard(target)
        self._clean()
        return RemotePath.of(f"{scheme}://{target.lstrip('/')}")

    def _free(self) -> str:
        """The first name in the folder that is free, and that no other thread is about to take."""
        stem, suffix = os.path.splitext(self._name)
        folder = self._target.rstrip("/")
        names = (f"{stem} ({number}){suffix}" if number else self._name for number in count())
        wanted = (f"{folder}/{name}" for name in names)
        with _claiming:
            free = (one for one in wanted if one not in _claimed and not self._system.exists(one))
            found = next(free)
            _claimed.add(found)
            return found

    def _clean(self) -> None:
        super()._clean()
        with suppress(OSError):
            self._part.parent.rmdir()


def put(system: Any, path: Path, target: str) -> None:
    """Put a file on another file system, whole or, as far as that lets, not at all.

    Where renaming is one step, as by SFTP, the file gets its name once it is there. Stores of
    objects show none before it is whole.
    """
    from fsspec import AbstractFileSystem
    from fsspec.asyn import AsyncFileSystem  # type: ignore

    renames = type(system).mv is not AbstractFileSystem.mv
    if renames and not isinstance(system, AsyncFileSystem):
        part = f"{target.rpartition('/')[0]}/.{secrets.token_hex(8)}.part"
        try:
            system.put_file(str(path), part)
            if system.exists(target):  # some refuse to replace
                system.rm_file(target)
            system.mv(part, target)
        except BaseException:
            _removed(system, part)
            raise
        return
    was_there = system.exists(target)
    try:
        system.put_file(str(path), target)
    except BaseException:
        if not was_there:
            _removed(system, target)
        raise


def _removed(system: Any, target: str) -> None:
    with suppress(Exception):
        if system.exists(target):
            system.rm_file(target)


def _hidden(text: str) -> str:
    """A text for messages, without the user and password of the URLs in it."""
    return re.sub(r"//[^/\s]*@", "//***@", text)


def _file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there. Raises ValueError."""
    scheme, shown = url.partition("://")[0], _hidden(url)[:80]
    if scheme.lower() in ("http", "https", "data"):
        raise ValueError(f"path: {shown!r} is not a place that files are written to")
    try:
        from fsspec.core import url_to_fs  # type: ignore
    except ImportError:
        raise ValueError(
            f"path: {shown!r} needs fsspec (pip install fsspec, and what it needs for "
            f"{scheme}: s3fs, gcsfs …)"
        ) from None
    try:
        system, path = url_to_fs(url)
    except Exception as error:  # file systems have errors of their own
        raise ValueError(f"path: {shown!r} cannot be written: {_hidden(str(error))}") from error
    return system, str(path)


def _is_special(path: Path) -> bool:
    """Whether a path leads to what must not be replaced: a device, a pipe, the standard output."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    is_live = os.path.abspath(path).startswith(_LIVE_FOLDERS) and path.is_symlink()
    return is_live or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _opened(path: Path, writer: Writer) -> IO[bytes]:
    """Open a device or a pipe; wait for the reader of a pipe, until the writer is dropped."""
    flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    while True:
        try:
            return os.fdopen(os.open(path, flags), "wb", buffering=0)
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):
                raise
        writer.check()
        time.sleep(0.02)


def _written(file: IO[bytes], rest: memoryview) -> int:
    """How much of a piece was written: none where a pipe is full."""
    try:
        return file.write(rest) or 0
    except BlockingIOError:
        return 0


def save(content: bytes, path: str | os.PathLike[str], name: str) -> Path:
    """Write a file whose content is there already, and return its path.

    Raises:
        ValueError: see `folder_of`. OSError: it cannot be written; nothing is left behind.
    """
    writer = writer_for(path, name)
    try:
        writer.write(content)
        return writer.finish()
    finally:
        writer.drop()


# --- names ----------------------------------------------------------------------------------------


def safe_name(headers: Mapping[str, str], url: str = "", start: bytes = b"") -> str:
    """A file name from what a server says, that is one plain name below any folder on any system.

    Args:
        headers: The response's headers, names in lower case.
        url: Where the file is from; its last segment is the name where no header has one.
        start: The first bytes of the file, for a suffix where neither has one.
    """
    name = _header_name(headers.get("content-disposition", ""))
    name = unquote(urlsplit(url).path) if name is None else name
    name = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = suffix, suffix_of(headers.get("content-type", "")).lstrip(".")
        kind = None if suffix else recognized(start)
        suffix = kind.suffix.lstrip(".") if kind else suffix
    stem, suffix = _cut(stem, LONGEST_STEM) or "download", _cut(suffix, _LONGEST_SUFFIX)
    name = f"{stem}.{suffix}" if suffix else stem
    return f"_{name}" if _RESERVED.match(name) else name


def _cut(text: str, most: int) -> str:
    """So many bytes of a part of a name, without an end that Windows takes away."""
    return text.encode()[:most].decode(errors="ignore").rstrip(" .")


def _header_name(said: str) -> str | None:
    """The name in a `content-disposition`."""
    extended = re.search(r"filename\*\s*=\s*([\w-]*)'[^']*'([^;\s]+)", said, re.IGNORECASE)
    if extended:
        try:
            return unquote_to_bytes(extended[2]).decode(extended[1] or "utf-8", "replace")
        except (LookupError, ValueError):
            return unquote(extended[2])
    plain = re.search(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', said, re.IGNORECASE)
    if plain and (plain[1] or plain[2]):
        return re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] else plain[2]
    return None
