"""What a caller may give for a file, and in which form it is sent.

Whether a value is a file is decided here, once.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from api302._errors import InvalidArgument
from api302._json import is_array
from api302._types import Uploaded
from api302_client._model import Picture, ResultFile, Upload
from api302_client.media import UNKNOWN, suffix_of

from .local_files import Local, is_file, local

Content = bytes | bytearray | memoryview | BinaryIO
FileInput = (
    str
    | os.PathLike[str]
    | Content
    | tuple[str, Content]
    | tuple[str, Content, str]
    | ResultFile
    | Uploaded
    | Picture
    | Upload
)
"""A path, bytes, an open binary file, `(name, content)`, with a media type third, a URL, a file of
another response, an image of PIL, or an upload of a web framework.
"""

FORM = "multipart/form-data"
ACCEPTED = {
    "part": "a local file (pathlib.Path, bytes, an open binary file, or a tuple (name, content))",
    "url": "a URL (https://…)",
    "data_url": "a data URL (data:…;base64,…)",
    "base64": "base64 text",
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\\)")
_BASE64 = re.compile(r"[\w+/=\s-]+", re.ASCII)
_FIXES = {
    "dict": "give the file or the text itself, not an object around it",
    "ndarray": "encode it first, such as with PIL: Image.fromarray(array)",
    "Tensor": "encode it first",
    "generator": "give its bytes: b''.join(…)",
}


def put_files(
    body: Mapping[str, Any],
    fields: Mapping[str, Any],
    opened: list[Any],
    has_form: bool,
    largest: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The body with each file in a form that its field takes.

    Files opened here are added to `opened`. `largest`: by field, the bytes that a file may have.
    Raises InvalidArgument.
    """
    made = dict(body)
    for field, forms in fields.items():
        value, most, name = body.get(field), (largest or {}).get(field), field or "body"
        if is_array(value):
            made[field] = [_put(name, item, forms, opened, has_form, most) for item in value]
        elif value is not None:
            made[field] = _put(name, value, forms, opened, has_form, most)
    return made


def _check_size(field: str, value: Any, most: int | None) -> None:
    """Refuse a file, or a text that holds one, of more bytes than its field takes.

    Raises InvalidArgument. A pipe, whose length nobody knows, is sent.
    """
    size = None if most is None else _size(value)
    if most is not None and size is not None and size > most:
        raise InvalidArgument(
            f"{field}: the file has {_shown(size)}, and at most {_shown(most)} are taken; "
            "give a smaller one"
        )


def _size(value: Any) -> int | None:
    """The bytes of a file, or of the one that a text holds; None for a URL and what is no file."""
    if isinstance(value, Local):
        content = value.content
        return len(content) if isinstance(content, bytes) else content.length
    if not isinstance(value, str) or (_SCHEME.match(value[:40]) and value[:5] != "data:"):
        return None
    held = value.partition(",")[2] if value.startswith("data:") else value
    return len(held) * 3 // 4


def _shown(size: int) -> str:
    return f"{size / 2**20:.4g} MB ({size} bytes)"


def body_media_type(media_types: tuple[str, ...], body: Mapping[str, Any] | None) -> str | None:
    """The media type of a body that may be a form or JSON: a form if it has a local file.

    None where there is nothing to choose.
    """
    others = [media_type for media_type in media_types if media_type != FORM]
    if not body or "" in body or len(others) == len(media_types) or not others:
        return None
    return FORM if any(map(_has_local, body.values())) else others[0]


def _has_local(value: Any) -> bool:
    """Whether a field's value is a local file, or a list with one."""
    return any(isinstance(one, Local) for one in (value if is_array(value) else [value]))


def parts(files: Mapping[str, Any], opened: list[Any]) -> list[tuple[str, Local]]:
    """Files for the parts of a form."""
    pairs = [
        (field, item)
        for field, value in files.items()
        for item in (value if is_array(value) else [value])
    ]
    return [(field, _put(field, item, ("part",), opened, True)) for field, item in pairs]


def named_file(field: str, value: Any, forms: tuple[str, ...]) -> Any:
    """What a file is given as in JSON: the path of a local file as such, all else as it is.

    Raises InvalidArgument for a text that names no file and is nothing else that the field takes.
    """
    if not isinstance(value, str) or _is_url(value):
        return value
    path = os.path.expanduser(value)
    if _exists(path):
        return Path(path)
    if "base64" in forms and _BASE64.fullmatch(value):
        return value
    known = [ACCEPTED[form] for form in forms if form in ("url", "data_url", "base64")]
    others = f"; or give {', '.join(known)}" if known else ""
    raise InvalidArgument(f"{field}: there is no file {value[:80]!r}{others}")


def _is_url(text: str) -> bool:
    return bool(_SCHEME.match(text[:40])) and not re.match(r"[A-Za-z]:[\\/]", text)


def local_file(field: str, value: Any, opened: list[Any]) -> Local:
    """The one file of an upload. A file opened here is added to `opened`."""
    file: Local = _put(field, value, ("part",), opened, True)
    return file


def put_file(field: str, value: Any, forms: tuple[str, ...], opened: list[Any]) -> Any:
    """A file in the place of a text inside JSON. A file opened here is added to `opened`."""
    return _put(field, value, forms, opened, False)


def _put(
    field: str,
    value: Any,
    forms: tuple[str, ...],
    opened: list[Any],
    has_form: bool,
    most: int | None = None,
) -> Any:
    """A file in one of the forms that a field takes: a `Local` for a part, or text."""
    value = _given(value)
    if isinstance(value, str):
        if tuple(forms) != ("part",):
            text = _text(field, value, forms)
            _check_size(field, text, most)
            return text
        value = _decoded(value) or _path(field, value, forms)
    if not is_file(value):
        raise _not_a_file(field, value, forms)
    file = local(field, value, opened)
    _check_size(field, file, most)
    return file if "part" in forms and has_form else _encoded(field, file, forms)


def _given(value: Any) -> Any:
    """What a file of a result, or an upload, is given as: its URL, or its content."""
    if isinstance(value, ResultFile):
        content, kind = value.content, value.media_type
        if content is None:
            return value.url
        return ("output" + (suffix_of(kind) if kind else ""), content, kind)
    return value.url if isinstance(value, Uploaded) else value


def _decoded(value: str) -> tuple[str, bytes, str] | None:
    """The file that a data URL holds, for a field that takes local files alone."""
    found = re.match(r"data:([\w.+/-]*)(?:;[\w.=-]*)*;base64,", value[:200])
    if found is None:
        return None
    try:
        content = b64decode(value[found.end() :], validate=True)
    except ValueError:
        return None
    kind = found[1] or UNKNOWN
    return "upload" + suffix_of(kind), content, kind


def _path(field: str, value: str, forms: tuple[str, ...]) -> Path:
    """The path that a text is, for a field that takes local files alone."""
    if re.match(r"https?://|data:", value):
        what = f"the URL {value[:80]!r}"
        raise _refused(field, what, forms, "download it first: client.download(url, path)")
    return Path(value)


def _not_a_file(field: str, value: Any, forms: tuple[str, ...]) -> InvalidArgument:
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return _refused(field, f"{article} {kind}", forms, _FIXES.get(kind, "give one of these"))


def _encoded(field: str, file: Local, forms: tuple[str, ...]) -> str:
    """A local file as text, for a body that is not a form."""
    if "data_url" not in forms and "base64" not in forms:
        fix = f"upload it first, and give the URL: client.files.upload({file.name!r})"
        raise _refused(field, "a local file", forms, fix)
    text = b64encode(file.read()).decode()
    return f"data:{file.media_type};base64,{text}" if "data_url" in forms else text


def _text(field: str, value: str, forms: tuple[str, ...]) -> str:
    """Text as a field takes it. A path is not among that: it would be sent as it stands."""
    if value.startswith("data:"):
        return _data_url(field, value, forms)
    if _SCHEME.match(value) and not re.match(r"[A-Za-z]:[\\/]", value):
        if "url" in forms:
            return value
        what = f"the URL {value[:80]!r}"
        raise _refused(field, what, forms, "download it first: client.download(url, path)")
    if "base64" in forms and _BASE64.fullmatch(value) and not _exists(value):
        return value
    fix = "a local file is given as pathlib.Path(…)"
    raise _refused(field, f"the text {value[:80]!r}" if value else "an empty text", forms, fix)


def _data_url(field: str, value: str, forms: tuple[str, ...]) -> str:
    content = value.partition(",")[2]
    if not content:
        raise _refused(field, "a data URL without content", forms, "give one of these")
    if "data_url" in forms:
        return value
    if "base64" in forms:
        return content
    raise _refused(field, "a data URL", forms, "give one of these")


def _exists(value: str) -> bool:
    try:
        return len(value) < 1024 and os.path.exists(value)
    except (OSError, ValueError):
        return False


def _refused(field: str, what: str, forms: tuple[str, ...], fix: str) -> InvalidArgument:
    accepted = " or ".join(ACCEPTED[form] for form in forms)
    return InvalidArgument(f"{field}: takes {accepted}, not {what}; {fix}")


def put_headers(field: str, file: Local) -> dict[str, str]:
    """The headers to PUT a file with: stores want its length beforehand.

    Raises InvalidArgument where it is not known.
    """
    length = len(file.content) if isinstance(file.content, bytes) else file.content.length
    if length is None:
        raise InvalidArgument(
            f"{field}: a pipe has no length, which is needed here; "
            "give a path, bytes or a file that can be rewound"
        )
    return {"content-type": file.media_type, "content-length": str(length)}
