"""What a caller may give for a file, and in which form it is sent."""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeGuard

from .._errors import InvalidArgument
from .._json import is_array
from .._types import ResultFile

Content = bytes | bytearray | memoryview | BinaryIO
FileInput = str | os.PathLike[str] | Content | tuple[str, Content] | tuple[str, Content, str]
"""A file: a path, bytes, an open binary file, `(name, content)`, `(name, content, media type)`, or an address."""

ACCEPTED = {
    "part": "a local file (pathlib.Path, bytes, an open binary file, or a tuple (name, content))",
    "url": "an address (https://…)",
    "data_url": "a data URL (data:…;base64,…)",
    "base64": "base64 text",
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\\)")
_BASE64 = re.compile(r"[\w+/=\s-]+", re.ASCII)


def _is_bytes(value: object) -> TypeGuard[bytes]:
    return isinstance(value, (bytes, bytearray, memoryview))


def _is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(value, (str, os.PathLike))


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


class Local(NamedTuple):
    """A local file, ready to be sent."""

    name: str
    content: Any
    media_type: str | None


def put_files(
    body: Mapping[str, Any], fields: Mapping[str, Any], opened: list[Any], has_form: bool
) -> dict[str, Any]:
    """The body with each file in a form that its field takes. Files opened here are added to `opened`."""
    made = dict(body)
    for field, forms in fields.items():
        value = body.get(field)
        if is_array(value):
            made[field] = [_put(field or "body", item, forms, opened, has_form) for item in value]
        elif value is not None:
            made[field] = _put(field or "body", value, forms, opened, has_form)
    return made


def parts(files: Mapping[str, Any], opened: list[Any]) -> list[tuple[str, Local]]:
    """Files for the parts of a form."""
    pairs = [
        (field, item)
        for field, value in files.items()
        for item in (value if is_array(value) else [value])
    ]
    return [(field, _put(field, item, ("part",), opened, True)) for field, item in pairs]


def local_file(field: str, value: Any, opened: list[Any]) -> Local:
    """The one file of an upload. A file opened here is added to `opened`."""
    file = _put(field, value, ("part",), opened, True)
    if not isinstance(file, Local):
        raise _refused(field, f"a {type(value).__name__}", ("part",), "give one file")
    return file


def _put(field: str, value: Any, forms: tuple[str, ...], opened: list[Any], has_form: bool) -> Any:
    if isinstance(value, ResultFile):
        value = value.url or ("output", value.content, value.media_type)
    if isinstance(value, str):
        if tuple(forms) != ("part",):
            return _text(field, value, forms)
        if re.match(r"https?://|data:", value):
            raise _refused(
                field,
                f"the address {value[:80]!r}",
                forms,
                "download it first: client.download(url, path)",
            )
        value = Path(value)
    if not (_is_path(value) or _is_bytes(value) or _is_tuple(value) or hasattr(value, "read")):
        return value  # an object that the API takes here, or one that it will refuse
    local = _local(field, value, opened)
    if "part" in forms and has_form:
        return local
    if "data_url" not in forms and "base64" not in forms:
        raise _refused(
            field,
            "a local file",
            forms,
            f"upload it first, and give the address: client.files.upload({local.name!r})",
        )
    content = local.content.read() if hasattr(local.content, "read") else local.content
    text = b64encode(content).decode()
    return (
        f"data:{local.media_type or _guessed(local.name)};base64,{text}"
        if "data_url" in forms
        else text
    )


def _text(field: str, value: str, forms: tuple[str, ...]) -> str:
    if value.startswith("data:"):
        if "data_url" in forms:
            return value
        if "base64" in forms:
            return value.partition(",")[2]
        raise _refused(field, "a data URL", forms, "give one of these")
    if _SCHEME.match(value) and not re.match(r"[A-Za-z]:[\\/]", value):
        if "url" in forms:
            return value
        raise _refused(
            field,
            f"the address {value[:80]!r}",
            forms,
            "download it first: client.download(url, path)",
        )
    if "base64" in forms and _BASE64.fullmatch(value) and not _exists(value):
        return value
    fix = "a local file is given as pathlib.Path(…)"
    raise _refused(field, f"the text {value[:80]!r}" if value else "an empty text", forms, fix)


def _exists(value: str) -> bool:
    try:
        return len(value) < 1024 and os.path.exists(value)
    except (OSError, ValueError):
        return False


def _refused(field: str, what: str, forms: tuple[str, ...], fix: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field}: takes {' or '.join(ACCEPTED[form] for form in forms)}, not {what}; {fix}"
    )


def _local(field: str, value: Any, opened: list[Any]) -> Local:
    media_type = name = None
    if _is_tuple(value):
        if not 2 <= len(value) <= 3 or not isinstance(value[0], str):
            raise InvalidArgument(
                f"{field}: a file as a tuple is (name, content) or (name, content, media type)"
            )
        name, value, media_type = (*value, None)[:3]
    if _is_path(value):
        path = Path(value)
        try:
            value = path.open("rb")
        except FileNotFoundError:
            raise InvalidArgument(
                f"{field}: there is no file {str(path)!r}; check the path, relative to {os.getcwd()!r}"
            ) from None
        except IsADirectoryError:
            raise InvalidArgument(
                f"{field}: {str(path)!r} is a folder; give the path of one file"
            ) from None
        except (OSError, ValueError) as error:
            raise InvalidArgument(
                f"{field}: the file {str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error
        opened.append(value)
        return Local(str(name or path.name), value, media_type)
    if _is_bytes(value):
        return Local(str(name or "upload"), bytes(value), media_type)
    if not hasattr(value, "read"):
        raise InvalidArgument(
            f"{field}: the content of a file is bytes or an open binary file, not {type(value).__name__}"
        )
    if isinstance(value, io.TextIOBase):
        raise InvalidArgument(f"{field}: the file is open as text; open it with mode 'rb'")
    if getattr(value, "closed", False):
        raise InvalidArgument(f"{field}: the file is closed already; give an open one, or its path")
    own_name = getattr(value, "name", None)
    if not _rewinds(value):
        value = OneWay(value)
        opened.append(value)
    return Local(
        str(name or (Path(own_name).name if isinstance(own_name, str) else "upload")),
        value,
        media_type,
    )


def _rewinds(file: Any) -> bool:
    try:
        return bool(file.seekable())
    except (AttributeError, ValueError, OSError):
        return False


class OneWay:
    """A file that cannot go back, such as a pipe: its length is not known, and once it is begun, the call is not made again."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.again = True

    def read(self, size: int = -1) -> bytes:
        self.again = False
        return self._file.read(size)

    def close(self) -> None:
        """Not ours to close."""


def put_headers(field: str, file: Local) -> dict[str, str]:
    """The headers to PUT a file with: stores want its length beforehand. Raises InvalidArgument where it cannot be known."""
    if isinstance(file.content, OneWay):
        raise InvalidArgument(
            f"{field}: a pipe has no length, which is needed here; give a path, bytes or a file that can be rewound"
        )
    length = len(file.content) if _is_bytes(file.content) else file.content.seek(0, os.SEEK_END)
    return {"content-type": file.media_type or _guessed(file.name), "content-length": str(length)}


def _guessed(name: str) -> str:
    from mimetypes import guess_type

    return guess_type(name)[0] or "application/octet-stream"
