"""`client.files`: a local file becomes an address that other calls take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ._core import raw
from ._errors import DecodeError
from ._paths import find

if TYPE_CHECKING:
    from ._files import FileInput

_ADDRESS = "data.url || data || url || file_url"


class Uploaded(NamedTuple):
    """An uploaded file."""

    url: str
    """Its address."""
    reply: Any
    """The service's reply."""

    @property
    def request_id(self) -> str | None:
        """The id under which the upload is billed."""
        return self.reply.request_id


def uploaded(reply: Any) -> Uploaded:
    """The address in the reply of an upload."""
    url = find(_ADDRESS, raw(reply))
    if isinstance(url, str):
        return Uploaded(url, reply)
    http = reply.http
    why = "the upload was answered without an address; the reply is in .body"
    raise DecodeError(why, status_code=http.status_code, content=http.content, body=raw(reply), request_id=reply.request_id)


class Files:
    """Uploading files."""

    def __init__(self, generated: Any) -> None:
        self._upload = generated.upload

    def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and get its address.

        Args:
            file: A path (`str` or `pathlib.Path`), bytes, an open binary file, `(name, content)` or `(name, content, media type)`.
                It is streamed, whatever its size.
            timeout: Seconds to wait for the network.

        Raises:
            InvalidArgument: There is no such file. ApiError: the service refused. ConnectionError: no answer came.
        """
        return uploaded(self._upload(file=file, timeout=timeout))


class AsyncFiles:
    """`Files` for an `AsyncClient`."""

    def __init__(self, generated: Any) -> None:
        self._upload = generated.upload

    async def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and get its address; see `Files.upload`."""
        return uploaded(await self._upload(file=file, timeout=timeout))
