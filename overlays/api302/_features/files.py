"""Files that the service returns: downloads, and the results of tasks."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import unquote_to_bytes, urlsplit

from api302._calls.exchange import broken_compression
from api302._calls.failure import broken_off
from api302._calls.prepare import raw_call
from api302._calls.session import Session
from api302._errors import Api302Error, ApiError, ConnectionError, InvalidArgument
from api302._http.response import Response
from api302._http.retry import delay
from api302._http.sync import run
from api302_client._model import ResultFile, shown
from api302_client.media import START, UNKNOWN, recognized, type_of
from api302_client.writer import Writer, check_target, safe_name, writer_for
from api302_client.writer import save as save_content

from .opened import Opened

if TYPE_CHECKING:
    from api302._http.transport import Io

MOST_KEPT = 8 << 20
"""Bytes of a response that costs which an error keeps, should it not arrive whole."""
MUCH = 1 << 20
"""Bytes that an exchange of a download brings at least for its retries to count from 0 again."""
PARTIAL = 206
UNSATISFIABLE = 416
DIGITS = 15
"""Of a number of bytes at most."""


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise InvalidArgument for a path that nothing can be written to."""
    try:
        check_target(path)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None
    except TypeError:
        raise InvalidArgument(f"path: must be a path, not {type(path).__name__}") from None


async def save(opened: Opened, path: str | os.PathLike[str]) -> Path:
    """Write an open response to disk, piece by piece, and close it.

    Nothing is left behind if it does not arrive whole, or if this is cancelled.
    """
    io, response = opened.session.io, opened.response
    assert response is not None
    writer, start = _writer(path), b""
    received = _Received(0 if opened.call.options.repeatable else MOST_KEPT)
    try:
        while (piece := await opened.read()) is not None:
            received.add(piece)
            start = start or piece[:START]
            await io.thread(writer.write, piece, may_go_on=True)
        _check_whole(opened, response)
        name = safe_name(response.headers, response.url, start)
        saved = await io.thread(writer.finish, name, may_go_on=True)
    except GeneratorExit:  # the coroutine is thrown away: nothing can be awaited
        writer.drop_soon()
        raise
    except BaseException as error:
        await io.shielded(partial(_give_up, io, writer, opened))
        if isinstance(error, ConnectionError):
            error.content = opened.session.redactor.content(received.content)
        raise
    await opened.close()
    return saved


class _Received:
    """The start of what a call that costs has sent, for the error, should the rest not arrive."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Keep a piece, as far as there is room."""
        if self._size < self._most:
            self._pieces.append(piece[: self._most - self._size])
            self._size += len(self._pieces[-1])

    @property
    def content(self) -> bytes:
        """What is kept."""
        return b"".join(self._pieces)


def _check_whole(opened: Opened, response: Response) -> None:
    """Raise ConnectionError if fewer bytes arrived than the response announced, or if its
    compression has no end.
    """
    what = opened.call.what
    length, arrived = response.headers.get("content-length", ""), response.num_bytes_downloaded
    error = broken_compression(opened.call, response)
    if length.isdigit() and int(length) != arrived:
        error = ConnectionError(f"{what}: {arrived} of {length} bytes arrived", sent=True)
    if error is not None:
        raise broken_off(opened.session.redactor, what, error, response)


def _writer(path: str | os.PathLike[str]) -> Writer:
    try:
        return writer_for(path, "download")
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


async def _give_up(io: Io, writer: Writer, opened: Opened) -> None:
    await io.thread(writer.drop)
    await opened.close()


async def fetch(
    session: Session,
    url: str,
    timeout: float | None,
    stream: bool,
    headers: Mapping[str, str] | None = None,
) -> Opened:
    """Get a URL of the service or of any other host, which then does not see the API key."""
    given: Any = url
    if not isinstance(given, str) or not re.match(r"https?://[^/]", given):
        shown = f"{given!r:.80}"
        raise InvalidArgument(f"url: must be a whole URL, starting with https://, not {shown}")
    call = raw_call(
        session.settings,
        "GET",
        url,
        headers=headers,
        timeout=timeout,
        stream=stream,
        check=False,
        repeatable=True,
    )
    opened = Opened(session, call)
    response = await opened.open()
    if headers is None and response.status_code == PARTIAL:
        part = _part(response)
        if part is not None and (part.start, part.end + 1) != (0, part.whole or part.end + 1):
            await opened.close()
            error = ConnectionError(f"{call.what}: a part came, where all was asked for", sent=True)
            raise broken_off(session.redactor, call.what, error, response)
    return opened


async def download(
    session: Session, url: str, path: str | os.PathLike[str], timeout: float | None = None
) -> Path:
    """Download to disk. Where it breaks off, it goes on, or begins anew, as a GET of a file may."""
    io = session.io  # of a client that is closed meanwhile, half a file would be left
    await io.thread(check_place, path)
    transfer = Transfer(session, url, _writer(path), timeout)
    try:
        return await transfer.run()
    except GeneratorExit:  # the coroutine is thrown away: nothing can be awaited
        transfer.writer.drop_soon()
        raise
    except BaseException:
        await io.shielded(partial(transfer.give_up, io))
        raise


class Transfer:
    """A download to one temporary file, in as many exchanges as it takes."""

    def __init__(self, session: Session, url: str, writer: Writer, timeout: float | None) -> None:
        self.writer = writer
        self._session, self._url, self._timeout = session, url, timeout
        self._opened: Opened | None = None
        self._version: str | None = None
        """What `If-Range` asks for: the very file that was begun. None: it cannot go on."""
        self._size: int | None = None
        """Bytes of that file; None if the service did not say."""
        self._start = b""

    async def run(self) -> Path:
        """The path of the whole file. Raises ConnectionError, ApiError or OSError."""
        settings = self._session.settings
        repeatable = True if settings.repeat is None else settings.repeat
        attempt = 0
        while True:
            opened = await self._asked()  # an exchange repeats itself
            before = self.writer.size
            try:
                return await self._received(opened)
            except ConnectionError as error:
                attempt = 0 if self.writer.size - before >= MUCH else attempt
                pause = delay(error, repeatable, attempt, settings.retries)
                if pause is None or not (self._version or self.writer.restart()):
                    raise
                attempt += 1
                await self._close()
                await self._session.io.sleep(pause)

    async def give_up(self, io: Io) -> None:
        """Leave nothing behind."""
        await io.thread(self.writer.drop)
        await self._close()

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def _received(self, opened: Opened) -> Path:
        """Receive the file, or what is missing of it."""
        response = opened.response
        assert response is not None
        if response.status_code != PARTIAL:
            self._version, self._size = _version(response), _size(response)
        io = self._session.io
        while (piece := await opened.read()) is not None:
            if not self.writer.size:
                self._start = piece[:START]
            await io.thread(self.writer.write, piece, may_go_on=True)
        _check_whole(opened, response)
        self._check_size(response)
        name = safe_name(response.headers, response.url, self._start)
        saved = await io.thread(self.writer.finish, name, may_go_on=True)
        await self._close()
        return saved

    def _check_size(self, response: Response) -> None:
        """Raise ConnectionError if the parts do not make the whole file."""
        arrived, part = self.writer.size, _part(response)
        if response.status_code != PARTIAL or part is None:
            return
        size = part.whole if self._size is None else self._size
        size = part.end + 1 if size is None else size
        if arrived != size:
            what = f"GET {self._url.partition('?')[0]}"
            error = ConnectionError(f"{what}: {arrived} of {size} bytes arrived", sent=True)
            raise broken_off(self._session.redactor, what, error, response)

    async def _asked(self) -> Opened:
        """The response that begins where the file ends: the rest, or else the whole again."""
        if self.writer.size and self._version is not None:
            wanted = {"range": f"bytes={self.writer.size}-", "if-range": self._version}
            if (opened := await self._fetched(wanted)) is not None:
                return opened
        opened = await self._fetched(None)
        assert opened is not None
        return opened

    async def _fetched(self, wanted: Mapping[str, str] | None) -> Opened | None:
        """The open response; None where the part that is wanted cannot be had."""
        try:
            opened = await fetch(self._session, self._url, self._timeout, True, wanted)
        except ApiError as error:
            if wanted is None or error.status_code != UNSATISFIABLE:
                raise
            self._begin_anew()
            return None
        self._opened, response = opened, opened.response
        assert response is not None
        if wanted is not None and response.status_code == PARTIAL:
            if _continues(response, self.writer.size, self._size, self._version):
                return opened
            await self._close()
            self._begin_anew()
            return None
        self._begin_anew()
        return opened

    def _begin_anew(self) -> None:
        self._version = self._size = None
        if not self.writer.restart():
            what = f"GET {self._url.partition('?')[0]}"
            message = f"{what}: broke off, and the file cannot be had from there on"
            raise ConnectionError(message, sent=True)


async def _at_most(opened: Opened, most: int) -> bytes:
    """The body of an open response, which is closed. Raises Api302Error if it is larger."""
    response = opened.response
    assert response is not None
    content = bytearray()
    try:
        while (piece := await opened.read()) is not None:
            content += piece
            if len(content) > most:
                raise _too_large(most)
        _check_whole(opened, response)
    finally:
        await opened.close()
    return bytes(content)


def _too_large(most: int) -> Api302Error:
    return Api302Error(f"output: the file has more than {most} bytes")


def _version(response: Response) -> str | None:
    """What names the very file of a response, if the rest of it can be asked for.

    A weak ETag does not, nor does a time of change that is no older than the response.
    """
    headers = response.headers
    if response.status_code != 200 or headers.get("content-encoding", "identity") != "identity":
        return None
    if headers.get("accept-ranges", "bytes") != "bytes":
        return None
    if etag := headers.get("etag"):
        return None if etag.startswith("W/") else etag
    try:
        from email.utils import parsedate_to_datetime

        changed, sent = (parsedate_to_datetime(headers[name]) for name in ("last-modified", "date"))
        return headers["last-modified"] if (sent - changed).total_seconds() >= 1 else None
    except (KeyError, ValueError, TypeError):
        return None


def _size(response: Response) -> int | None:
    """Bytes of the file of a response, where it says so."""
    length = response.headers.get("content-length", "")
    is_plain = response.headers.get("content-encoding", "identity") == "identity"
    return int(length) if is_plain and length.isdecimal() and len(length) <= DIGITS else None


def _continues(response: Response, position: int, size: int | None, version: str | None) -> bool:
    """Whether a part is what follows in the very file that was begun: at that position, of a file
    of that size and version. Servers exist that ignore `If-Range`.
    """
    headers, part = response.headers, _part(response)
    if part is None or headers.get("content-encoding", "identity") != "identity":
        return False
    length = headers.get("content-length")
    is_whole = size is None or part.whole in (None, size)
    is_long = length in (None, str(part.end - part.start + 1))
    now = headers.get("etag" if (version or "").startswith('"') else "last-modified")
    return part.start == position <= part.end and is_whole and is_long and now in (None, version)


class _Part(NamedTuple):
    """Which bytes of a file a response has: the first, the last, and how many the file has."""

    start: int
    end: int
    whole: int | None


def _part(response: Response) -> _Part | None:
    """What the `content-range` of a response says, where it can be read."""
    found = re.fullmatch(
        rf"bytes (\d{{1,{DIGITS}}})-(\d{{1,{DIGITS}}})/(\d{{1,{DIGITS}}}|\*)",
        response.headers.get("content-range", ""),
    )
    if found is None:
        return None
    return _Part(int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3]))


class _Output(ResultFile):
    """One file that a call gave: on a server, or its content."""

    def __init__(
        self,
        session: Session | None,
        url: str | None = None,
        content: bytes | None = None,
        media_type: str | None = None,
    ) -> None:
        self._session, self._url = session, url
        self.content = content
        """Its bytes, where the service sent them instead of a URL."""
        self._media_type = media_type
        if url and url.startswith("data:"):
            about, _, text = url[5:].partition(",")
            data = unquote_to_bytes(text)
            with suppress(ValueError):  # broken base64 stays a URL, which `save` refuses
                self.content = b64decode(data + b"==") if about.endswith(";base64") else data
                self._url, self._media_type = None, about.partition(";")[0] or "text/plain"

    @property
    def url(self) -> str:
        """Its URL, which does not stay for ever; a data URL where the service sent the content."""
        if self._url is not None:
            return self._url
        text = b64encode(self.content or b"").decode()
        return f"data:{self.media_type or UNKNOWN};base64,{text}"

    @property
    def media_type(self) -> str | None:
        """Such as `image/png`, as far as the service, the content or the URL tell."""
        if self._media_type or self.content is None:
            return self._media_type or type_of(urlsplit(self.url).path)
        kind = recognized(self.content[:START])
        return kind.media_type if kind else None

    def __reduce__(self) -> Any:
        """Without the client, which only a URL needs."""
        return output, (None, self._url, self.content, self._media_type)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        kind = type(self).__name__
        if self.content is None:
            return f"{kind}({shown(self._url)})"
        return f"{kind}(<{len(self.content)} bytes>, media_type={self.media_type!r})"

    def __str__(self) -> str:
        return self.url if self.content is None else repr(self)

    async def _save(self, path: str | os.PathLike[str]) -> Path:
        if self.content is None:
            return await download(self._client(), self.url, path)

        name = safe_name({"content-type": self.media_type or ""}, start=self.content[:START])
        if self._session is None or not self._session.connections.is_async:
            check_place(path)
            return save_content(self.content, path, name)
        from anyio.to_thread import run_sync  # a client that is closed is not asked

        await run_sync(check_place, path)
        return await run_sync(save_content, self.content, path, name)

    async def _read(self, most: int | None) -> bytes:
        content = await self._fetched(most) if self.content is None else self.content
        if most is not None and len(content) > most:
            raise _too_large(most)
        return content

    async def _fetched(self, most: int | None) -> bytes:
        opened = await fetch(self._client(), self.url, None, stream=most is not None)
        if most is not None:
            return await _at_most(opened, most)
        assert opened.response is not None
        return opened.response.content

    def _client(self) -> Session:
        if self._session is None:
            raise InvalidArgument(
                "output: its response was pickled without the client; "
                "give its URL to one: client.download(output.url, path)"
            )
        return self._session


class Output(_Output):
    """One file that a call gave.

    Its URL is fetched without the API key, unless it is on the client's own host.
    """

    def save(self, path: str | os.PathLike[str] = ".") -> Path:
        """Write it to a file, or under the server's name for it into a folder, and return the path.

        A file of that path is replaced; in a folder a name that is taken gets a number. A download
        that breaks off goes on where it was; half of one leaves nothing behind.

        Args:
            path: A file or a folder; or a URL such as `s3://bucket/cat.png` of another file
                system, where fsspec puts it once it is whole (`pip install fsspec s3fs`).

        Raises:
            InvalidArgument: the folder does not exist, or fsspec is not installed.
            ConnectionError: it did not come whole. ApiError: the server refused.
        """
        return run(self._save(path))

    def read(self, *, most: int | None = None) -> bytes:
        """Its bytes, in memory.

        Args:
            most: Bytes that it may have; of a larger one no more is received. Unless given, it may
                have any number.

        Raises:
            Api302Error: it is larger. ConnectionError: it did not come whole.
        """
        return run(self._read(most))


class AsyncOutput(_Output):
    """`Output` for an `AsyncClient`."""

    async def save(self, path: str | os.PathLike[str] = ".") -> Path:
        """See `Output.save`."""
        return await self._save(path)

    async def read(self, *, most: int | None = None) -> bytes:
        """Its bytes, in memory. See `Output.read`."""
        return await self._read(most)


def output(
    session: Session | None,
    url: str | None = None,
    content: bytes | None = None,
    media_type: str | None = None,
) -> Any:
    """An Output of the kind that the client has."""
    is_async = session is not None and session.connections.is_async
    return (AsyncOutput if is_async else Output)(session, url, content, media_type)
