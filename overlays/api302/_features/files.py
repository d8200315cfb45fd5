"""Files that the service returns: downloads, and the results of tasks."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from api302._calls.failure import broken_off
from api302._calls.prepare import raw_call
from api302._calls.session import Session
from api302._errors import ConnectionError, InvalidArgument
from api302._http.response import Response
from api302._http.retry import delay
from api302._http.sync import run
from api302._types import ResultFile
from api302_client.media import START
from api302_client.writer import Writer, folder_of, safe_name
from api302_client.writer import save as save_content

from .opened import Opened

if TYPE_CHECKING:
    from api302._http.transport import Io

MOST_KEPT = 8 << 20
"""Bytes of a response that costs which an error keeps, should it not arrive whole."""


def target_folder(path: str | os.PathLike[str]) -> Path:
    """`folder_of`, raising InvalidArgument."""
    try:
        return folder_of(path)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


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
        _check_length(opened, response)
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


def _check_length(opened: Opened, response: Response) -> None:
    """Raise ConnectionError if fewer bytes arrived than the response announced."""
    length, arrived = response.headers.get("content-length", ""), response.num_bytes_downloaded
    if length.isdigit() and int(length) != arrived:
        what = opened.call.what
        error = ConnectionError(f"{what}: {arrived} of {length} bytes arrived", sent=True)
        raise broken_off(opened.session.redactor, what, error, response)


def _writer(path: str | os.PathLike[str]) -> Writer:
    try:
        return Writer(path, "download")
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


async def _give_up(io: Io, writer: Writer, opened: Opened) -> None:
    await io.thread(writer.drop)
    await opened.close()


async def fetch(session: Session, url: str, timeout: float | None, stream: bool) -> Opened:
    """Get a URL of the service or of any other host, which then does not see the API key."""
    if not re.match(r"https?://[^/]", url):
        raise InvalidArgument(f"url: must be a whole URL, starting with https://, not {url[:80]!r}")
    call = raw_call(
        session.settings, "GET", url, timeout=timeout, stream=stream, check=False, repeatable=True
    )
    opened = Opened(session, call)
    await opened.open()
    return opened


async def download(
    session: Session, url: str, path: str | os.PathLike[str], timeout: float | None = None
) -> Path:
    """Download to disk; begun anew, as a GET of a file may, if it breaks off."""
    await session.io.thread(target_folder, path)
    attempt = 0
    while True:
        opened = await fetch(session, url, timeout, stream=True)
        how = opened.call.options
        try:
            return await save(opened, path)
        except ConnectionError as error:
            pause = delay(error, how.repeatable, attempt, how.retries)
            if pause is None:
                raise
            attempt += 1
            await session.io.sleep(pause)


class _Output(ResultFile):
    """One result of a task: a file on a server, or its content."""

    def __init__(
        self,
        session: Session,
        url: str | None = None,
        content: bytes | None = None,
        media_type: str | None = None,
    ) -> None:
        self._session = session
        self.url = url
        """Its URL; results do not stay there for ever."""
        self.content = content
        """Its bytes, where the service sent them instead of a URL."""
        self.media_type = media_type
        """What kind of file `content` is."""
        if url and url.startswith("data:"):
            about, _, text = url[5:].partition(",")
            data = unquote_to_bytes(text)
            with suppress(ValueError):  # broken base64 stays a URL, which `save` refuses
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
            return await download(self._session, self.url or "", path)

        name = safe_name({"content-type": self.media_type or ""}, start=self.content[:START])
        await self._session.io.thread(target_folder, path)
        return await self._session.io.thread(save_content, self.content, path, name)

    async def _read(self) -> bytes:
        if self.content is None:
            opened = await fetch(self._session, self.url or "", None, stream=False)
            assert opened.response is not None
            return opened.response.content
        return self.content


class Output(_Output):
    """One result of a task.

    Its URL is fetched without the API key, unless it is on the client's own host.
    """

    def save(self, path: str | os.PathLike[str] = ".") -> Path:
        """Write it to a file, or under the server's name for it into a folder, and return the path.

        A file of that path is replaced; in a folder a name that is taken gets a number. Half a
        download leaves nothing behind.

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


def output(session: Session, **of: Any) -> Any:
    """An Output of the kind that the client has."""
    return (AsyncOutput if session.connections.is_async else Output)(session, **of)
