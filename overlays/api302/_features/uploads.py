"""A local file becomes an address that other calls take: `client.files`, and uploads of several steps."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from api302_client.behaviour import find

from .._calls.call import call
from .._calls.exchange import exchange
from .._calls.files import FileInput, local_file, put_headers
from .._calls.prepare import bare_call
from .._calls.response import decode_error, raw
from .._calls.session import Session
from .._calls.settings import merged_headers
from .._types import Given, Operation, Options, Uploaded
from .tasks import places

_ADDRESS = "data.url || data || url || file_url"


def uploaded(session: Session, reply: Any) -> Uploaded:
    """The address in the reply of an upload."""
    url = find(_ADDRESS, raw(reply))
    if isinstance(url, str):
        return Uploaded(url, reply)
    raise decode_error(session, "upload", getattr(reply, "http", None), "has no address")


async def upload(
    session: Session, op: Operation, file: FileInput, options: Options, given: Given
) -> Uploaded:
    """Make all the steps of an upload, as `x-upload` has them; `options` and `given` are those of the step that begins it."""
    rule = op.behaviour.upload
    assert rule is not None and rule.finish is not None
    last = Operation.by_id(rule.finish)
    headers, *_, timeout = options
    opened: list[Any] = []
    try:
        local = await session.io.thread(local_file, "file", file, opened)
        about = {}
        if rule.put:  # before anything is begun: what cannot be sent is refused
            about = merged_headers(await session.io.thread(put_headers, "file", local))
        begun: dict[str, Any] = {}
        with _step(op.id, begun):
            first = await call(session, op, options, **given)
            found = {
                name: find(path, raw(first))
                for name, path in {"": rule.put, **rule.parameters}.items()
            }
            url = found.pop("")
            if None in found.values() or (
                rule.put and not str(url).startswith(("https://", "http://"))
            ):
                raise decode_error(
                    session,
                    op.id,
                    getattr(first, "http", None),
                    "does not say how the upload goes on",
                )
            begun |= found
        if rule.put:
            put = bare_call(
                session.settings,
                "PUT",
                str(url),
                headers=about,
                timeout=timeout,
                content=local.content,
            )
            with _step(put.what, begun):
                response = await exchange(session, put)
                etag = response.headers.get("etag")
                if rule.etag and not etag:
                    raise decode_error(session, put.what, response, "has no etag header")
            begun |= {rule.etag: etag} if rule.etag else {}
        with _step(last.id, begun):
            where = places(last, {**begun, rule.file: local} if rule.file else begun)
            body = where["body"] if last.media_types else None
            reply = await call(
                session,
                last,
                (headers, None, None, timeout),
                path=where["path"],
                query=where["query"],
                body=body,
            )
            for one in (reply, first):
                if isinstance(address := find(rule.address, raw(one)), str):
                    return Uploaded(address, reply)
            raise decode_error(session, last.id, getattr(reply, "http", None), "has no address")
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
        self._session: Session = generated._client
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
        return uploaded(self._session, self._upload(file=file, timeout=timeout))


class AsyncFiles:
    """`Files` for an `AsyncClient`."""

    def __init__(self, generated: Any) -> None:
        self._session: Session = generated._client
        self._upload = generated.upload

    async def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and get its address; see `Files.upload`."""
        return uploaded(self._session, await self._upload(file=file, timeout=timeout))
