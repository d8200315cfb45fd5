"""Files under `/mock/files/`: URLs in responses lead there, uploads are kept and served back."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from starlette.datastructures import UploadFile
from starlette.requests import Request

from api302_client.behaviour import files as found
from api302_client.behaviour import find
from api302_mock import body, files
from api302_mock.call import Call
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.store import SMALL, Store, read_blocks
from api302_mock.wire import Response

PREFIX = "/mock/files/"
_URL = re.compile(r"https?://[^\s\"'<>\\)\]]+")
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
# Of an output whose URL has no ending that says which kind of file it is: by the section of the
# operation.
_KINDS = {"images": "png", "image_processing": "png", "audio": "mp3"}


def name_in(path: str) -> str:
    """The file's name in a path under :data:`PREFIX`."""
    return unquote(path.removeprefix(PREFIX))


# --- URLs in responses ----------------------------------------------------------------------------


class FileLinks:
    """Makes the file URLs in responses lead to the mock, so that they can be downloaded.

    Args:
        document: The document.
    """

    def __init__(self, document: Document) -> None:
        self._uploads = set(_uploads(document))

    def localized(self, value: Any, call: Call, base: str, store: Store) -> Any:
        """A copy of a response.

        Args:
            value: The response as JSON data.
            call: The request, whose uploaded file the response of an upload leads to.
            base: The URL under which files are.
            store: Where uploaded files are kept.
        """
        operation = call.operation
        value = _with_put_url(value, operation, base, store)
        value = _with_outputs(value, operation, base)
        uploads = [upload for parts in call.uploads.values() for upload in parts]
        kept = _kept(uploads[0], store) if uploads and operation.id in self._uploads else None

        def local(match: re.Match[str]) -> str:
            url = match[0].rstrip(".,;")
            if url.startswith(base) or not (kept or files.is_known(_extension(url))):
                return match[0]
            return base + (kept or _name(url)) + match[0][len(url) :]

        return _mapped(value, lambda text: _URL.sub(local, text))


def _uploads(document: Document) -> list[str]:
    """The operations that keep a file for other calls: the last, or only, steps of uploads."""
    rules = [(one.id, one.behaviour.upload) for one in document.operations.values()]
    alone = [name for name, rule in rules if rule is not None and rule.finish is None]
    last = [rule.finish for _, rule in rules if rule is not None and rule.finish and rule.file]
    return [*alone, *last]


def _kept(upload: UploadFile, store: Store) -> str:
    """Keep an uploaded file.

    Returns:
        Its new name.
    """
    name = f"{uuid.uuid4().hex[:12]}-{_name(upload.filename or 'file')}"
    if (upload.size or 0) < SMALL:
        upload.file.seek(0)
        store.files.keep(name, io.BytesIO(upload.file.read()))
    else:
        # A large one lies on disk. What was parsed is closed when the request ends, so the file
        # changes hands.
        store.files.keep(name, upload.file)
        upload.file = io.BytesIO()
    return name


def _with_put_url(value: Any, operation: Operation, base: str, store: Store) -> Any:
    """With a fresh URL to PUT to, where the call begins an upload of several steps."""
    rule = operation.behaviour.upload
    url = find(rule.put, value) if rule is not None else None
    if not isinstance(url, str):
        return value
    name = f"{uuid.uuid4().hex[:12]}-{_name(url)}"
    store.files.keep(name, io.BytesIO())
    query = url[len(url.partition("?")[0]) :]
    return _mapped(value, lambda text: text.replace(url, f"{base}{name}{query}"))


def _with_outputs(value: Any, operation: Operation, base: str) -> Any:
    """A URL declared as an output is a file even where it has no ending that says which kind."""
    kind = _KINDS.get(operation.tag[0], "mp4")
    for url in filter(None, (file.url for file in found(operation.behaviour.outputs, value))):
        if url.startswith("http") and not files.is_known(_extension(url)):
            value = _replaced(value, url, f"{base}{_name(url)}.{kind}")
    return value


def _replaced(value: Any, old: str, new: str) -> Any:
    return _mapped(value, lambda text: text.replace(old, new))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_mapped(item, change) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: _mapped(item, change) for key, item in fields.items()}
    return change(value) if isinstance(value, str) else value


def _extension(url: str) -> str:
    last = re.split(r"[?#]", url)[0].rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""


def _name(url: str) -> str:
    """A file's name from a URL or a path, with nothing in it that needs quoting."""
    last = re.split(r"[/\\]", re.split(r"[?#]", url)[0].rstrip("/"))[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-")[-200:] or "file"


# --- requests for files ---------------------------------------------------------------------------


async def put_file(request: Request, name: str, store: Store) -> Response:
    """Take the bytes of an upload of several steps, as a store of files does: no API key, no
    JSON, an `ETag`.

    Raises:
        Refused: 405, nobody was given this URL; 413, it is too large.
        ClientDisconnect: The client went away.
    """
    if name not in store.files:
        raise _wrong_method(request.method)
    digest = hashlib.md5(usedforsecurity=False)
    with ExitStack() as on_failure:
        file = on_failure.enter_context(tempfile.SpooledTemporaryFile(SMALL))
        async for chunk in request.stream():
            if file.tell() + len(chunk) > body.LARGEST_FILES:
                raise Refused(413, f"body: the file is larger than {body.LARGEST_FILES >> 20} MiB.")
            file.write(chunk)
            digest.update(chunk)
        on_failure.pop_all()
    store.files.keep(name, cast("BinaryIO", file))
    return Response.whole(200, {"etag": f'"{digest.hexdigest()}"'}, b"")


def get_file(request: Request, name: str, store: Store) -> Response:
    """An uploaded file, or a small real one of the kind that its name says; a part of it by
    `Range`.

    Raises:
        Refused: 404, 405 or 416.
    """
    if request.method not in ("GET", "HEAD"):
        raise _wrong_method(request.method)
    file = _file(name, store)
    size = file.seek(0, io.SEEK_END)
    headers = {"content-type": files.media_of(_extension(name)), "accept-ranges": "bytes"}
    span = _span(request.headers.get("range", ""), size)
    if span is None:
        return Response(200, headers, read_blocks(file, 0, size), size)
    first, last = span
    if first > last:
        outside = {"content-range": f"bytes */{size}"}
        raise Refused(416, "header `Range`: it lies outside the file.", headers=outside)
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    length = last - first + 1
    return Response(206, headers, read_blocks(file, first, length), length)


def _wrong_method(method: str) -> Refused:
    return Refused(405, f"{method} is not for files.", headers={"Allow": "GET, HEAD"})


def _file(name: str, store: Store) -> BinaryIO:
    kept = store.files.get(name)
    if kept is not None:
        return kept
    if "/" in name or not files.is_known(_extension(name)):
        raise Refused(404, f"The file {name[:100]!r} does not exist.")
    return io.BytesIO(files.sample(_extension(name)))


def _span(header: str, size: int) -> tuple[int, int] | None:
    """The first and last byte that a `Range` header asks for; None for the whole file."""
    match = _RANGE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(size - _number(match[2]), 0), size - 1
    last = min(_number(match[2]), size - 1) if match[2] else size - 1
    return _number(match[1]), last


def _number(digits: str) -> int:
    """A number, up to one that is larger than any file."""
    return int(digits) if len(digits) < 18 else 10**18
