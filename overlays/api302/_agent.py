"""What an agent gives and gets: arguments checked by the description of a call, files only from
where they may be read, responses without the files that are in them.
"""

from __future__ import annotations

import binascii
import errno
import os
import re
import stat
import sys
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from api302_client.catalog import near
from api302_client.media import START, kind_of

from ._errors import InvalidArgument
from ._json import is_array, is_mapping
from .directory import Description

_URL = re.compile(r"https?://[^/]|data:", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LONG = 200
"""Characters of a text that is rather base64 than the path of a file."""
_SYMLINK = (errno.ELOOP, errno.ENOTDIR)
_OPTIONS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "accept"})
"""Arguments of each method that are the caller's own, and not an agent's."""
_SHORTEST = 512
"""Characters of a text that may be a file in base64."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,")


# --- arguments ------------------------------------------------------------------------------------


def checked(described: Description, arguments: Any) -> dict[str, Any]:
    """The arguments, if they have the names that the description shows. Raises InvalidArgument."""
    named = as_object("arguments: must be an object", arguments)
    given = {str(name): value for name, value in named.items() if value is not None}
    schema = described.arguments
    known = schema["properties"]
    is_closed = schema.get("additionalProperties") is False
    for name in given:
        if name not in known and (is_closed or name in _OPTIONS):
            close = near(name, known)
            hint = f"did you mean {' or '.join(close)}?" if close else f"it takes {_listed(known)}"
            raise InvalidArgument(f"{name}: is not an argument of {described.call}; {hint}")
    if missing := [name for name in schema.get("required", ()) if name not in given]:
        raise InvalidArgument(f"{', '.join(missing)}: is required by {described.call}")
    return given


def as_object(message: str, value: Any) -> Mapping[str, Any]:
    """An object that was given. Raises InvalidArgument with the message for anything else."""
    if not is_mapping(value):
        raise InvalidArgument(message)
    return value


def _listed(known: Mapping[str, Any]) -> str:
    return ", ".join(known) or "no arguments"


def with_files(
    described: Description, arguments: Mapping[str, Any], files: Files
) -> dict[str, Any]:
    """The arguments, with what stands for a file as the client takes it."""
    known = described.arguments["properties"]
    return {
        name: files.given(name, value, known[name]["x-file"])
        if "x-file" in known.get(name, ())
        else value
        for name, value in arguments.items()
    }


# --- files ----------------------------------------------------------------------------------------


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
        if is_array(value):
            return [self.given(name, one, forms) for one in value]
        if not isinstance(value, str) or _URL.match(value):
            return value
        if len(value) > _LONG:
            return _decoded(name, value, forms)
        if _SCHEME.match(value):
            raise InvalidArgument(f"{name}: must be an https URL, or the path of a file")
        if self._root is None:
            fix = "give a URL" if "url" in forms else "a root folder must be opened for that"
            raise InvalidArgument(f"{name}: no file of this machine is read; {fix}")
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
        except ValueError:  # half a character
            raise InvalidArgument(f"{name}: {path!r} cannot be the path of a file") from None
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
    if sys.platform == "win32" or os.open not in os.supports_dir_fd:
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


# --- files inside of JSON -------------------------------------------------------------------------


def without_files(value: Any, lifted: list[bytes]) -> Any:
    """JSON with a note in the place of each file that it has as base64."""
    if is_mapping(value):
        return {key: without_files(inner, lifted) for key, inner in value.items()}
    if is_array(value):
        return [without_files(inner, lifted) for inner in value]
    if isinstance(value, str) and len(value) >= _SHORTEST and (content := _held(value)):
        lifted.append(content)
        return f"(file {len(lifted)}, {len(content)} bytes)"
    return value


def _held(value: str) -> bytes | None:
    """The file that a text holds as base64 or a data URL; None if it holds none."""
    data = _DATA.match(value)
    encoded = value[data.end() :] if data else value
    if not _BASE64.fullmatch(encoded):
        return None
    try:
        content = b64decode(encoded.replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        return None
    return content if data or kind_of(content[:START]) else None
