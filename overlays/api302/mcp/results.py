"""What a call returned, as the content of a message: text, images, audio, links to the rest."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import anyio
from mcp import types

from api302 import Api302Error, AsyncByteStream, AsyncStream, AsyncTask, TaskResult
from api302._agent import without_files
from api302_client.media import START, UNKNOWN, kind_of, suffix_of, type_of

from .store import Store

Block = types.TextContent | types.ImageContent | types.AudioContent | types.ResourceLink

MOST_INLINE = 1 << 20
"""Bytes of an image or a sound that is put into the message itself."""
MOST_TEXT = 60_000
"""Characters of a response that are put into the message itself."""
_MOST_FETCHED = 8
"""Files of one result that are fetched to be shown."""
_SHOWN = ("image/", "audio/")


class Results:
    """Makes the content of messages.

    Args:
        store: Keeps what is too large.
        out: The folder that files are written to; None: none is written.
    """

    def __init__(self, store: Store, out: Path | None) -> None:
        self._store = store
        self._out = out

    async def of(self, result: Any) -> list[Block]:
        """The content for what a call, or the end of a task, returned."""
        if _is(result, AsyncTask):
            return [text({"task": result.to_dict(), "next": "give `task` to the tool `wait`"})]
        if _is(result, AsyncStream):
            async with result as stream:
                result = await stream.final()
        if _is(result, AsyncByteStream):
            async with result as stream:
                pieces = [piece async for piece in stream]
            return self._file(b"".join(pieces), "")
        if _is(result, TaskResult):
            return await self._of_task(result)
        if hasattr(result, "media_type") and _is(getattr(result, "content", None), bytes):
            return self._file(result.content, result.media_type)
        return await self._of_response(result, _outputs(result))

    async def _of_task(self, result: TaskResult[Any]) -> list[Block]:
        files = [one for output in result.outputs for one in await self._output(output)]
        urls = [output.url for output in result.outputs if output.content is None]
        about: dict[str, Any] = {"state": "succeeded", "outputs": urls}
        if result.outputs:
            return [text(about), *files]
        return [text(about), *await self._of_response(result.response, [])]

    async def _of_response(self, response: Any, outputs: list[Any]) -> list[Block]:
        """A response: its JSON, with the files that are in it apart."""
        plain = response.to_dict() if hasattr(response, "to_dict") else response
        lifted: list[bytes] = []
        shown = without_files(plain, lifted)
        blocks = [block for content in lifted for block in self._file(content, "")]
        for output in outputs[:_MOST_FETCHED]:
            if output.content is None or output.content not in lifted:
                blocks += await self._output(output)
        return [*self._long_text(shown), *blocks]

    def _long_text(self, value: Any) -> list[Block]:
        """JSON as text; of what is long the start, and a link to all of it."""
        whole = value if isinstance(value, str) else _json(value)
        if len(whole) <= MOST_TEXT:
            return [text(whole)]
        media_type = "text/plain" if isinstance(value, str) else "application/json"
        uri = self._store.keep(whole.encode(errors="backslashreplace"), media_type)
        start = f"{whole[:MOST_TEXT]}\n… cut: {len(whole)} characters in all, see {uri}"
        return [text(start), _link(uri, media_type, len(whole))]

    async def _output(self, output: Any) -> list[Block]:
        """A file of a result: written, if there is a folder for that, and shown, if it is small."""
        if output.content is not None:
            return self._file(output.content, output.media_type or "")
        if self._out is not None:
            try:
                # With a slash: a folder that is gone by now is not the name of the file.
                saved = await output.save(f"{self._out}{os.sep}")
                shown = await _of_path(anyio.Path(saved))
            except (Api302Error, OSError) as error:
                return [text(f"not saved: {error}"), _of_url(output.url)]
            return [text(f"saved: {saved}"), *(shown or [_of_url(output.url)])]
        if (type_of(output.url.partition("?")[0]) or "").startswith(_SHOWN):
            return [*await _fetched(output), _of_url(output.url)][:1]
        return [_of_url(output.url)]

    def _file(self, content: bytes, said: str) -> list[Block]:
        """A file that came as bytes."""
        media_type = _media_type(content, said)
        written: list[Block] = []
        is_saved = False
        if self._out is not None:
            try:
                written = [text(f"saved: {_write(self._out, content, media_type)}")]
                is_saved = True
            except OSError as error:  # it is paid for, and there is another place
                written = [text(f"not saved: {error.strerror or error}")]
        if len(content) <= MOST_INLINE and (shown := _inline(content, media_type)):
            return [*written, *shown]
        if is_saved:
            return written
        uri = self._store.keep(content, media_type)
        return [*written, _link(uri, media_type, len(content))]


def text(value: Any) -> types.TextContent:
    """JSON, or a text, as the content of a message."""
    return types.TextContent(text=printable(value if isinstance(value, str) else _json(value)))


def printable(said: str) -> str:
    """A text that can be sent: half of a surrogate pair, which cannot, as its escape in JSON."""
    return said.encode(errors="backslashreplace").decode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _is(value: Any, kind: type) -> bool:
    """Whether a value is of a kind, whose type arguments nobody knows here."""
    return isinstance(value, kind)


def _outputs(response: Any) -> list[Any]:
    """The files of a response that the description knows of."""
    found: Any = getattr(response, "outputs", None)
    listed: list[Any] = found if _is(found, list) else []
    return [one for one in listed if hasattr(one, "read") and hasattr(one, "url")]


def _media_type(content: bytes, said: str) -> str:
    kind = kind_of(content[:START])
    plain = said.partition(";")[0].strip().lower()
    return plain if plain and plain != UNKNOWN else kind.media_type if kind else UNKNOWN


def _inline(content: bytes, said: str) -> list[Block]:
    """An image or a sound in the message itself; nothing for other files."""
    media_type = _media_type(content, said)
    data = b64encode(content).decode()
    if media_type.startswith("image/") and media_type != "image/svg+xml":
        return [types.ImageContent(data=data, mime_type=media_type)]
    if media_type.startswith("audio/"):
        return [types.AudioContent(data=data, mime_type=media_type)]
    return []


async def _fetched(output: Any) -> list[Block]:
    """A file of a result, if it is small: nobody knows beforehand, and it may have no end."""
    try:
        return _inline(await output.read(most=MOST_INLINE), "")
    except (Api302Error, OSError):
        return []


async def _of_path(path: anyio.Path) -> list[Block]:
    """A small image or sound on disk; nothing for other files."""
    size = (await path.stat()).st_size
    return _inline(await path.read_bytes(), "") if size <= MOST_INLINE else []


def _of_url(url: str) -> types.ResourceLink:
    url = printable(url)
    name = url.partition("?")[0].rstrip("/").rpartition("/")[2] or "output"
    return types.ResourceLink(uri=url, name=name, mime_type=type_of(name))


def _link(uri: str, media_type: str, size: int) -> types.ResourceLink:
    name = f"result{suffix_of(media_type)}"
    return types.ResourceLink(uri=uri, name=name, mime_type=media_type, size=size)


def _write(folder: Path, content: bytes, media_type: str) -> Path:
    """Write a file under a name of its own; an existing one is never replaced."""
    number = 1
    while True:
        path = folder / f"result-{number}{suffix_of(media_type)}"
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            number += 1
            continue
        except OSError:
            path.unlink(missing_ok=True)  # half a file is none
            raise
        return path
