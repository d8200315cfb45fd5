"""A local file becomes a URL for other calls: `client.files`, and uploads of several steps."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from api302._calls.call import call
from api302._calls.exchange import exchange
from api302._calls.files import FileInput, local_file, put_headers
from api302._calls.local_files import Local
from api302._calls.prepare import bare_call
from api302._calls.response import decode_error, raw, unusable
from api302._calls.session import Session
from api302._calls.settings import merged_headers
from api302._errors import DecodeError
from api302._types import Endpoint, Given, Operation, Options, Uploaded
from api302_client.behaviour import find

from .tasks import places


class _Upload:
    """An upload of several steps: what was found so far, and where it stands."""

    def __init__(self, session: Session, op: Operation, local: Local, options: Options) -> None:
        rule = op.behaviour.upload
        assert rule is not None
        assert rule.finish is not None
        self.session, self.op, self.rule, self.local = session, op, rule, local
        self.last = Operation.by_id(rule.finish)
        self.headers, _, _, self.timeout = options
        self.options = options
        self.begun: dict[str, Any] = {}
        """Parameters of the last step that the steps before it gave."""

    async def begin(self, given: Given) -> tuple[Any, str | None]:
        """The first step: its response, and where the bytes are to be put, if anywhere."""
        with _step(self.op.id, self.begun):
            first = await call(self.session, self.op, self.options, **given)
            found = {name: find(path, raw(first)) for name, path in self.rule.parameters.items()}
            url = find(self.rule.put, raw(first))
            is_lost = self.rule.put and not str(url).startswith(("https://", "http://"))
            if None in found.values() or is_lost:
                raise self._unusable(self.op.id, first, "does not say how the upload goes on")
            self.begun |= found
        return first, url

    async def put(self, url: str, headers: dict[str, str]) -> None:
        """PUT the bytes to a store, which never sees the API key."""
        asked = bare_call(
            self.session.settings,
            "PUT",
            url,
            headers=headers,
            timeout=self.timeout,
            content=self.local.content,
        )
        with _step(asked.what, self.begun):
            response = await exchange(self.session, asked)
            etag = response.headers.get("etag")
            if self.rule.etag and not etag:
                raise decode_error(self.session, asked.what, response, "has no etag header")
        if self.rule.etag:
            self.begun[self.rule.etag] = etag

    async def finish(self, first: Any) -> Uploaded:
        """The last step, and the URL that it or the first one gives."""
        known = {**self.begun, self.rule.file: self.local} if self.rule.file else self.begun
        where = places(self.last, known)
        with _step(self.last.id, self.begun):
            response = await call(
                self.session,
                self.last,
                (self.headers, None, None, self.timeout),
                path=where["path"],
                query=where["query"],
                body=where["body"] if self.last.media_types else None,
            )
            for one in (response, first):
                if isinstance(url := find(self.rule.address, raw(one)), str):
                    return Uploaded(url, response)
            raise self._unusable(self.last.id, response, "has no URL")

    def _unusable(self, what: str, response: Any, why: str) -> DecodeError:
        return unusable(self.session, what, response, why)


async def upload(
    session: Session, op: Operation, file: FileInput, options: Options, given: Given
) -> Uploaded:
    """Make all the steps of an upload, as `x-upload` has them.

    `options` and `given` are those of the step that begins it.
    """
    opened: list[Any] = []
    # The steps belong to one host.
    session = session.with_settings(session.settings._replace(fallback=()))
    try:
        local = await session.io.thread(local_file, "file", file, opened)
        steps = _Upload(session, op, local, options)
        headers: dict[str, str] = {}
        if steps.rule.put:  # before anything is begun: what cannot be sent is refused
            headers = merged_headers(await session.io.thread(put_headers, "file", local))
        first, url = await steps.begin(given)
        if url is not None:
            await steps.put(url, headers)
        return await steps.finish(first)
    finally:
        for one in opened:
            one.close()


@contextmanager
def _step(what: str, begun: Mapping[str, Any]) -> Generator[None]:
    """An error says which step it was, and what the steps before it gave for the last one."""
    try:
        yield
    except BaseException as error:  # an interrupt as well: what was begun can be ended by hand
        known = json.dumps(dict(begun), ensure_ascii=False) if begun else "nothing"
        error.add_note(f"The upload stopped at {what}; begun: {known}")
        raise


def uploaded(session: Session, op: Operation, response: Any) -> Uploaded:
    """The URL in the response of an upload of one step, by the operation's `x-upload`."""
    rule = op.behaviour.upload
    url = find(rule.address, raw(response)) if rule else None
    if isinstance(url, str):
        return Uploaded(url, response)
    raise unusable(session, op.id, response, "has no URL")


class Files:
    """Uploading files."""

    def __init__(self, generated: Any) -> None:
        kind = cast("Any", type(generated))

        class Uploads(kind):
            def _call(self, endpoint: Endpoint, **given: Any) -> Uploaded:
                return uploaded(
                    self._client, Operation.of(endpoint), kind._call(self, endpoint, **given)
                )

        self._generated: Any = Uploads(generated._client)

    def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and return its URL.

        Args:
            file: A path (`str` or `pathlib.Path`), bytes, an open binary file, `(name, content)` or
                `(name, content, media type)`. It is streamed, not read into memory.
            timeout: Seconds to wait for the network.

        Raises:
            InvalidArgument: There is no such file, or it is empty. ApiError: the service refused.
            ConnectionError: no response arrived.
        """
        return self._generated.upload(file=file, timeout=timeout)


class AsyncFiles:
    """`Files` for an `AsyncClient`."""

    def __init__(self, generated: Any) -> None:
        kind = cast("Any", type(generated))

        class Uploads(kind):
            async def _call(self, endpoint: Endpoint, **given: Any) -> Uploaded:
                response = await kind._call(self, endpoint, **given)
                return uploaded(self._client, Operation.of(endpoint), response)

        self._generated: Any = Uploads(generated._client)

    async def upload(self, file: FileInput, *, timeout: float | None = None) -> Uploaded:
        """Upload a file (at most 50 MB) and return its URL; see `Files.upload`."""
        return await self._generated.upload(file=file, timeout=timeout)
