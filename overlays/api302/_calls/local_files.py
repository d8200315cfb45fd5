"""Files that callers give, opened, measured, and sent from their start."""

from __future__ import annotations

import inspect
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, cast

from api302._errors import InvalidArgument
from api302_client.media import START, described

PIECE = 65536
NAMELESS = "upload"
_COMPRESSED = ("gzip", "bz2", "lzma")
"""Modules whose files read as what was compressed: the suffix of their names says nothing."""


class Local(NamedTuple):
    """A local file, ready to be sent as a part of a form."""

    name: str
    content: bytes | Source
    media_type: str

    def read(self) -> bytes:
        """All of it."""
        if isinstance(self.content, bytes):
            return self.content
        self.content.rewind()
        return self.content.read()


class Source:
    """An open file as the HTTP library reads it: from its start, as long as it was measured, or in
    chunks.

    It has no `fileno`, whose length the library would believe, though it is another one where the
    file is
    compressed, or was written to meanwhile.
    """

    def __init__(self, field: str, file: Any) -> None:
        self._field, self._file = field, file
        self._at = 0
        self.length = _length(file)
        """Bytes; None for what cannot go back, such as a pipe: it is sent in chunks, and once."""
        self.again = True
        """Whether the call can still be repeated: a pipe that was begun cannot."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises InvalidArgument for what cannot be sent as a file."""
        self.again = self.length is not None
        if self.length is not None:
            left = self.length - self._at
            size = left if size < 0 else min(size, left)
            if not size:
                return b""
        chunk: Any = self._file.read(size)
        if not is_bytes(chunk):
            kind: str = type(chunk).__name__
            raise InvalidArgument(
                f"{self._field}: the file reads as {kind}, not bytes; open it with mode 'rb'"
            )
        self._check(len(chunk))
        self._at += len(chunk)
        return bytes(chunk)

    def _check(self, size: int) -> None:
        if self.length is not None and self._at + size > self.length:
            raise InvalidArgument(
                f"{self._field}: the file gave more than the {self.length} bytes that it has; the"
                " request was broken off"
            )
        if size:
            return
        if self.length is None and not self._at:
            raise InvalidArgument(f"{self._field}: the file is empty; nothing would be sent")
        if self.length is not None:
            raise InvalidArgument(
                f"{self._field}: the file became shorter while it was sent ({self._at} of "
                f"{self.length} bytes); the request was broken off"
            )

    def seekable(self) -> bool:
        """Whether it can go back."""
        return self.length is not None

    def rewind(self) -> None:
        """Back to the start, if it can."""
        if self.length is not None:
            self._file.seek(0)
            self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To the start, or to the end, for who measures it."""
        if self.length is None:
            raise io.UnsupportedOperation("seek")
        if whence == os.SEEK_END:
            self._at = self.length + offset
        else:
            self._at = offset if whence == os.SEEK_SET else self._at + offset
            self._file.seek(self._at)
        return self._at

    def tell(self) -> int:
        """Where the next bytes are read."""
        if self.length is None:
            raise io.UnsupportedOperation("tell")
        return self._at

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(PIECE):
            yield chunk

    def close(self) -> None:
        """Not ours to close."""


def _length(file: Any) -> int | None:
    """The bytes of a file, measured by going to its end and back; None where it cannot."""
    try:
        if hasattr(file, "seekable") and not file.seekable():
            return None
        length = file.seek(0, os.SEEK_END)
        # Some return nothing, or whether it worked, which is a number too.
        length = file.tell() if length is None or isinstance(length, bool) else length
        file.seek(0)
    except (AttributeError, TypeError, ValueError, OSError):
        return None
    return length if isinstance(length, int) else None


def is_bytes(value: object) -> TypeGuard[bytes | bytearray | memoryview]:
    """Whether a value is the content of a file itself."""
    return isinstance(value, (bytes, bytearray, memoryview))


def is_file(value: object) -> bool:
    """Whether a value is a local file, in any of the ways in which one is given."""
    if isinstance(value, type):
        return False
    return (
        isinstance(value, (os.PathLike, tuple))
        or is_bytes(value)
        or hasattr(value, "read")
        or is_upload(value)
        or is_image(value)
    )


def is_upload(value: object) -> bool:
    """Whether a value is an upload of a web framework, whose own `read` may be a coroutine.

    FastAPI's `UploadFile` is one.
    """
    return hasattr(getattr(value, "file", None), "read") and hasattr(value, "filename")


def is_image(value: object) -> bool:
    """Whether a value is an image of PIL, which need not be installed for that."""
    kinds = (kind.__module__.partition(".")[0] for kind in type(value).__mro__)
    return "PIL" in kinds and hasattr(value, "save")


def local(field: str, value: Any, opened: list[Any]) -> Local:
    """The file that a value is. Files opened here are added to `opened`.

    Raises InvalidArgument, naming the field.
    """
    name = media_type = None
    if isinstance(value, tuple):
        name, value, media_type = _parts_of(field, cast("tuple[Any, ...]", value))
    if is_upload(value):
        media_type = media_type or getattr(value, "content_type", None)
    own_name, value = _content_of(field, value)
    name = name or own_name
    if isinstance(value, (str, os.PathLike)):
        path = Path(value)  # type: ignore[arg-type]
        name = name or path.name
        value = _opened(field, path)
        opened.append(value)
    elif not is_bytes(value):
        _check_open(field, value)
        name = name or _name_of(value)
    return _made(field, value, name, media_type, opened)


def _content_of(field: str, value: Any) -> tuple[str | None, Any]:
    """An upload of a web framework, or an image, as name and content; else the value itself."""
    if is_upload(value):
        return value.filename, value.file
    if is_image(value):
        return "image.png", _encoded(field, value)
    return None, value


def _made(
    field: str, value: Any, name: str | None, media_type: str | None, opened: list[Any]
) -> Local:
    """The file with what it is: by its name, or else by its content."""
    content: Any = bytes(value) if is_bytes(value) else Source(field, value)
    start = _start_of(content)
    if getattr(content, "length", 0) is None:
        opened.append(content)  # so that a call that has begun it is not repeated
    elif not start:
        shown = f" {name!r}" if name else ""
        raise InvalidArgument(f"{field}: the file{shown} is empty; nothing would be sent")
    kind = described(name or "", start)
    return Local(name or NAMELESS + kind.suffix, content, media_type or kind.media_type)


def _start_of(content: bytes | Source) -> bytes:
    """The first bytes; nothing of what cannot go back."""
    if isinstance(content, bytes):
        return content[:START]
    start = b"" if content.length is None else content.read(START)
    content.rewind()
    return start


def _parts_of(field: str, value: tuple[Any, ...]) -> tuple[str, Any, str | None]:
    if not 2 <= len(value) <= 3 or not isinstance(value[0], str):
        raise InvalidArgument(
            f"{field}: a file as a tuple is (name, content) or (name, content, media type)"
        )
    return value[0], value[1], value[2] if len(value) == 3 else None


def _encoded(field: str, image: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG")
    except (OSError, ValueError, KeyError) as error:
        raise InvalidArgument(
            f"{field}: the image cannot be encoded as PNG ({error}); convert it first: "
            "image.convert('RGB')"
        ) from error
    return buffer.getvalue()


def _opened(field: str, path: Path) -> Any:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise InvalidArgument(f"{field}: {str(path)!r} is a folder; give the path of one file")
        if not stat.S_ISREG(mode):
            raise InvalidArgument(
                f"{field}: {str(path)!r} is not a regular file; open it, and give the open file"
            )
        return path.open("rb")
    except FileNotFoundError:
        raise InvalidArgument(
            f"{field}: there is no file {str(path)!r}; check the path, relative to {os.getcwd()!r}"
        ) from None
    except InvalidArgument:
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidArgument(f"{field}: the file {str(path)!r} cannot be read: {why}") from error


def _check_open(field: str, value: Any) -> None:
    """Raise InvalidArgument for what is not an open binary file."""
    read = getattr(value, "read", None)
    if not callable(read):
        raise InvalidArgument(
            f"{field}: the content of a file is bytes or an open binary file, "
            f"not {type(value).__name__}"
        )
    if inspect.iscoroutinefunction(read):
        raise InvalidArgument(
            f"{field}: the file is read asynchronously; "
            "give its path, or the bytes of `await file.read()`"
        )
    if isinstance(value, io.TextIOBase):
        raise InvalidArgument(f"{field}: the file is open as text; open it with mode 'rb'")
    if getattr(value, "closed", False) is True:
        raise InvalidArgument(f"{field}: the file is closed already; give an open one, or its path")


def _name_of(file: Any) -> str | None:
    """The name that an open file has, without its folders."""
    is_form_field = hasattr(file, "stream")  # werkzeug's, whose `name` is that of the field
    name = getattr(file, "filename" if is_form_field else "name", None)
    if isinstance(name, (str, bytes)) and name:
        path = Path(os.fsdecode(name))
        return (path.stem if type(file).__module__ in _COMPRESSED else path.name) or None
    return None
