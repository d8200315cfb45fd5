"""Files: what a caller may give for one, and what the service gives, written to disk under safe names."""

from __future__ import annotations

import io
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeGuard
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from ._errors import ConnectionError, InvalidArgument
from ._paths import is_array
from ._retry import delay
from ._sync import run

if TYPE_CHECKING:
    from ._core import Core
    from ._transport import AsyncIo, Response, SyncIo

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
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", re.IGNORECASE)


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


# --- what callers give --------------------------------------------------------------------------------------------------------------------


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
    if isinstance(value, _Output):
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


# --- what the service gives ---------------------------------------------------------------------------------------------------------------


def safe_name(headers: Mapping[str, str], url: str) -> str:
    """A file name for a download, made from what the server says, that is one plain name below any folder on any system."""
    said = headers.get("content-disposition", "")
    extended = re.search(r"filename\*\s*=\s*([\w-]*)'[^']*'([^;\s]+)", said, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', said, re.IGNORECASE)
    if extended:
        try:
            name = unquote_to_bytes(extended[2]).decode(extended[1] or "utf-8", "replace")
        except LookupError:
            name = unquote(extended[2])
    elif plain and (plain[1] or plain[2]):
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] else plain[2]
    else:
        name = unquote(urlsplit(url).path)
    name = re.split(r"[/\\]", name)[-1]
    name = re.sub(
        r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]', "_", name
    ).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        from mimetypes import guess_extension

        stem, suffix = (
            suffix,
            (
                guess_extension(headers.get("content-type", "").partition(";")[0].strip()) or ""
            ).lstrip("."),
        )
    stem = (stem.encode()[:150].decode(errors="ignore") or "download") + (
        f".{suffix[:20]}" if suffix else ""
    )
    return f"_{stem}" if _RESERVED.match(stem) else stem


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder that `path` is, or the one that it is in. Raises InvalidArgument where there is none."""
    asked = Path(path)
    folder = asked if asked.is_dir() or str(path).endswith(("/", os.sep)) else asked.parent
    if not folder.is_dir():
        raise InvalidArgument(
            f"path: there is no folder {str(folder)!r}; make it first: pathlib.Path(…).mkdir(parents=True)"
        )
    return folder


class Writer:
    """A file that appears only when it is whole: as `path`, or in the folder that it is, under `name` or the next one that is free."""

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self._path, self._name = Path(path), name
        self._temporary = folder_of(path) / f".{secrets.token_hex(8)}.part"
        self._file = self._temporary.open("xb")
        self.write = self._file.write

    def done(self) -> Path:
        self._file.close()
        where = self._claimed() if self._path.is_dir() else self._path
        os.replace(self._temporary, where)
        return where

    def _claimed(self) -> Path:
        """A free name, taken by an empty file, so that another download that ends just now does not take it as well."""
        stem, suffix = Path(self._name).stem, Path(self._name).suffix
        for number in count():
            wanted = self._path / (f"{stem} ({number}){suffix}" if number else self._name)
            with suppress(FileExistsError):
                wanted.open("xb").close()
                return wanted
        raise AssertionError

    def drop(self) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._temporary.unlink()


async def save(
    io_: SyncIo | AsyncIo, response: Response, path: str | os.PathLike[str], what: str
) -> Path:
    """Write an open response to disk, piece by piece. Nothing is left behind if it does not come whole. Releases the response."""
    try:
        writer = await io_.thread(Writer, path, safe_name(response.headers, str(response.url)))
        try:
            async for chunk in io_.chunks(response, what):
                await io_.thread(writer.write, chunk)
            length = response.headers.get("content-length", "")
            if length.isdigit() and int(length) != response.num_bytes_downloaded:
                raise ConnectionError(
                    f"{what}: {response.num_bytes_downloaded} of {length} bytes came", sent=True
                )
            return await io_.thread(writer.done)
        except BaseException:
            writer.drop()
            raise
    finally:
        await io_.release(response)


async def fetch(core: Core, url: str, timeout: float | None, stream: bool) -> tuple[Any, Response]:
    """Ask for an address of the service's, or of any host, which then does not see the key."""
    if not re.match(r"https?://[^/]", url):
        raise InvalidArgument(
            f"url: must be a whole address, starting with https://, not {url[:80]!r}"
        )
    call = core.raw_call("GET", url, timeout=timeout)
    call.stream, call.check = stream, False
    return call, await core.exchange(call)


async def download(
    core: Core, url: str, path: str | os.PathLike[str], timeout: float | None = None
) -> Path:
    """Download to disk; begun anew, as a GET may, if it breaks off."""
    await core.io.thread(folder_of, path)
    attempt = 0
    while True:
        call, response = await fetch(core, url, timeout, stream=True)
        try:
            return await save(core.io, response, path, call.what)
        except ConnectionError as error:
            pause = delay(error, "GET", attempt, call.retries)
            if pause is None:
                raise
            attempt += 1
            await core.io.sleep(pause)


class _Output:
    """One result of a task: a file on a server, or its content."""

    def __init__(
        self,
        core: Core,
        url: str | None = None,
        content: bytes | None = None,
        media_type: str | None = None,
    ) -> None:
        self._core = core
        self.url = url
        """Its address; results do not stay there for ever."""
        self.content = content
        """Its bytes, where the service gave them instead of an address."""
        self.media_type = media_type
        """What kind of file `content` is."""
        if url and url.startswith("data:"):
            about, _, text = url[5:].partition(",")
            data = unquote_to_bytes(text)
            with suppress(ValueError):  # broken base64 stays an address, which `save` refuses
                self.content = b64decode(data + b"==") if about.endswith(";base64") else data
                self.url, self.media_type = None, about.partition(";")[0] or "text/plain"

    def __repr__(self) -> str:
        return (
            f"Output({self.url!r})"
            if self.url
            else f"Output(<{len(self.content or b'')} bytes>, media_type={self.media_type!r})"
        )

    def __str__(self) -> str:
        return self.url or repr(self)

    async def _save(self, path: str | os.PathLike[str]) -> Path:
        if self.content is None:
            return await download(self._core, self.url or "", path)

        def write(content: bytes) -> Path:
            writer = Writer(path, safe_name({"content-type": self.media_type or ""}, ""))
            try:
                writer.write(content)
                return writer.done()
            except BaseException:
                writer.drop()
                raise

        return await self._core.io.thread(write, self.content)

    async def _read(self) -> bytes:
        if self.content is None:
            return (await fetch(self._core, self.url or "", None, stream=False))[1].content
        return self.content


class Output(_Output):
    """One result of a task. Its address is asked for without the key, unless it is on the client's own host."""

    def save(self, path: str | os.PathLike[str] = ".") -> Path:
        """Write it to a file, or under the server's name for it into a folder, and give the path.

        A file of that path is replaced; in a folder a name that is taken gets a number. Half a download leaves nothing behind.

        Raises:
            InvalidArgument: the folder does not exist.
            ConnectionError: it did not come whole. ApiError: the server refused.
        """
        return run(self._save(path))

    def read(self) -> bytes:
        """Its bytes, in memory."""
        return run(self._read())


class AsyncOutput(_Output):
    """`Output` for an `AsyncClient`."""

    async def save(self, path: str | os.PathLike[str] = ".") -> Path:
        """See `Output.save`."""
        return await self._save(path)

    async def read(self) -> bytes:
        """Its bytes, in memory."""
        return await self._read()


def output(core: Core, **of: Any) -> Any:
    """An Output of the kind that the client has."""
    return (AsyncOutput if core.pool.is_async else Output)(core, **of)
