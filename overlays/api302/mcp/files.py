"""The files that an agent names: URLs, data, and what stands below the one folder that is open."""

from __future__ import annotations

import binascii
import errno
import os
import re
import stat
from base64 import b64decode
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from api302 import InvalidArgument

_URL = re.compile(r"https?://[^/]|data:", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LONG = 200
"""Characters of a text that is rather base64 than the path of a file."""
_SYMLINK = (errno.ELOOP, errno.ENOTDIR)
_FOLLOWS_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class Files:
    """Opens files below a folder, and closes them after the call.

    Args:
        root: The folder; None: no file is opened.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._opened: list[BinaryIO] = []

    def given(self, name: str, value: Any, forms: list[str]) -> Any:
        """What the client is given for a file argument: never a text that could be a local path.

        Args:
            name: The argument, for messages.
            value: What the agent gave: a text, or a list of texts.
            forms: In which forms the argument takes a file.

        Raises:
            InvalidArgument: It is no file that may be read.
        """
        if isinstance(value, list):
            return [self.given(name, one, forms) for one in value]
        if not isinstance(value, str) or _URL.match(value):
            return value
        if len(value) > _LONG:
            return _decoded(name, value, forms)
        if _SCHEME.match(value):
            raise InvalidArgument(f"{name}: must be an https URL, or the path of a file")
        if self._root is None:
            fix = "start the server with --root DIR" if "part" in forms else "give a URL"
            raise InvalidArgument(f"{name}: this server reads no files; {fix}, or give a URL")
        return self._open(name, value)

    def close(self) -> None:
        """Close what was opened."""
        while self._opened:
            self._opened.pop().close()

    def _open(self, name: str, path: str) -> tuple[str, BinaryIO]:
        assert self._root is not None
        parts = _below(name, self._root, path)
        try:
            file = _opened(self._root, parts)
        except OSError as error:
            what = (
                "is a symlink, or leads through one" if error.errno in _SYMLINK else error.strerror
            )
            raise InvalidArgument(f"{name}: {path!r} cannot be read: {what}") from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise InvalidArgument(f"{name}: {path!r} is not a file")
        self._opened.append(file)
        return parts[-1], file


def _below(name: str, root: Path, path: str) -> tuple[str, ...]:
    """The parts of a path below the root. Raises InvalidArgument for one that leaves it."""
    pure = PurePath(path)
    if pure.is_absolute():
        if not pure.is_relative_to(root):
            raise InvalidArgument(f"{name}: {path!r} is not below the folder that may be read")
        pure = pure.relative_to(root)
    if ".." in pure.parts or not pure.parts or "\0" in path:
        raise InvalidArgument(f"{name}: {path!r} must be the path of a file, without `..`")
    return pure.parts


def _opened(root: Path, parts: tuple[str, ...]) -> BinaryIO:
    """A file, opened step by step, so that no folder of its path can be a symlink."""
    if not _FOLLOWS_FD:
        return _opened_at_once(root, parts)
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        # A pipe, which would wait for a writer, is opened at once and then refused.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.fdopen(os.open(parts[-1], flags, dir_fd=here), "rb")
    finally:
        os.close(here)


def _opened_at_once(root: Path, parts: tuple[str, ...]) -> BinaryIO:
    """Where the system cannot open below a folder: the path must be what it says."""
    path = root.joinpath(*parts)
    if path.resolve() != path:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return path.open("rb")


def _decoded(name: str, value: str, forms: list[str]) -> bytes:
    """Base64 as bytes, which the client writes in the form that the argument takes."""
    try:
        return b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        takes = ", ".join(forms)
        raise InvalidArgument(f"{name}: must be a file (as {takes}); this is neither") from None
