"""A local file becomes an address that other calls take: `client.files`, and uploads of several steps."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ._core import merged_headers, raw
from ._paths import find

if TYPE_CHECKING:
    from ._core import Core
    from ._files import FileInput
    from ._resource import Given, Operation, Options

_ADDRESS = "data.url || data || url || file_url"


class Uploaded(NamedTuple):
    """An uploaded file.

    Attributes:
        url: Its address, or the id that the vendor's other calls take for it.
        reply: The service's reply.
    """

    url: str
    reply: Any

    @property
    def request_id(self) -> str | None:
        """The id under which the upload is billed."""
        return self.reply.request_id


def uploaded(core: Core, reply: Any) -> Uploaded:
    """The address in the reply of an upload."""
    url = find(_ADDRESS, raw(reply))
    if isinstance(url, str):
        return Uploaded(url, reply)
    raise core.decode_error("upload", getattr(reply, "http", None), "has no address")


async def upload(
    core: Core, op: Operation, file: FileInput, options: Options, given: Given
) -> Uploaded:
    """Make all the steps of an upload, as `x-upload` has them; `options` and `given` are those of the step that begins it."""
    from ._files import local_file, put_headers
    from ._task import operation, places

    rule: Mapping[str, Any] = op.upload or {}
    last = operation(rule["finish"])
    headers, *_, timeout = options
    opened: list[Any] = []
    try:
        local = await core.io.thread(local_file, "file", file, opened)
        about = (
            merged_headers(await core.io.thread(put_headers, "file", local))
            if "put" in rule
            else {}
        )
        begun: dict[str, Any] = {}
        with _step(op.id, begun):
            first = await core.call(op, options, **given)
            found = {
                name: find(path, raw(first))
                for name, path in {"": rule.get("put"), **rule["parameters"]}.items()
            }
            url = found.pop("")
            if None in found.values() or (
                "put" in rule and not str(url).startswith(("https://", "http://"))
            ):
                raise core.decode_error(
                    op.id, getattr(first, "http", None), "does not say how the upload goes on"
                )
            begun |= found
        if "put" in rule:
            call = core.raw_call("PUT", str(url), timeout=timeout, content=local.content)
            call.kwargs["headers"], call.bare, call.check = about, True, False
            with _step(call.what, begun):
                response = await core.exchange(call)
                etag = response.headers.get("etag")
                if "etag" in rule and not etag:
                    raise core.decode_error(call.what, response, "has no etag header")
            begun |= {rule["etag"]: etag} if "etag" in rule else {}
        with _step(last.id, begun):
            where = places(last, {**begun, rule["file"]: local} if "file" in rule else begun)
            body = where["body"] if last.module.MEDIA_TYPES else None
            reply = await core.call(
                last,
                (headers, None, None, timeout),
                path=where["path"],
                query=where["query"],
                body=body,
            )
            for one in (reply, first):
                if isinstance(address := find(rule["address"], raw(one)), str):
                    return Uploaded(address, reply)
            raise core.decode_error(last.id, getattr(reply, "http", None), "has no address")
    finally:
        for one in opened:
            one.close()


@contextmanager
def _step(what: str, begun: Mapping[str, Any]) -> Generator[None]:
    """An error says which step it was, and what the steps before it gave for the last one."""
    try:
        yield
    except BaseException as error:  # an interrupt as well: what was begun can be ended by hand
        error.add_note(
            f"The upload stopped at {what}; begun: {json.dumps(dict(begun), ensure_ascii=False) if begun else 'nothing'}"
        )
        raise


class Files:
    """Uploading files."""

    def __init__(self, generated: Any) -> None:
        self._core: Core = generated._client
        self._upload = generated.upload

    def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and get its address.

        Args:
            file: A path (`str` or `pathlib.Path`), bytes, an open binary file, `(name, content)` or `(name, content, media type)`.
                It is streamed, not read into memory.
            timeout: Seconds to wait for the network.

        Raises:
            InvalidArgument: There is no such file. ApiError: the service refused. ConnectionError: no answer came.
        """
        return uploaded(self._core, self._upload(file=file, timeout=timeout))


class AsyncFiles:
    """`Files` for an `AsyncClient`."""

    def __init__(self, generated: Any) -> None:
        self._core: Core = generated._client
        self._upload = generated.upload

    async def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and get its address; see `Files.upload`."""
        return uploaded(self._core, await self._upload(file=file, timeout=timeout))
