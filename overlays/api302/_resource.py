"""What the generated namespaces stand on: `Operation`, the facts of one call, and the two classes whose methods do the work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from ._sync import iterate, run

if TYPE_CHECKING:
    from ._core import Core
    from ._files import FileInput
    from ._stream import AsyncByteStream, AsyncStream, ByteStream, Stream
    from ._task import AsyncTask, Task
    from ._uploads import Uploaded

Options = tuple[
    Mapping[str, str] | None, Mapping[str, Any] | None, Mapping[str, Any] | None, float | None
]
"""The arguments of ours that each call takes: extra_headers, extra_query, extra_body, timeout."""
Values = Mapping[str, Any]
"""Values by name on the wire; None is not sent."""


class Given(TypedDict, total=False):
    """The arguments of a call by place, each by name on the wire. No body, or None: the operation has none."""

    path: Values | None
    query: Values | None
    headers: Values | None
    body: Values | None
    accept: str | None


class Endpoint(Protocol):
    """What a module of `api302_client.api` gives."""

    METHOD: str
    PATH: str
    RESPONSES: Mapping[str, Mapping[str, str]]
    STREAM: str | None
    MEDIA_TYPES: tuple[str, ...]

    def build(
        self,
        path: Values,
        query: Values,
        headers: Values,
        body: Values | None,
        content_type: str | None,
    ) -> dict[str, Any]: ...


class Operation:
    """One operation of the API: where its endpoint module is, and its extensions word for word as in the document."""

    __slots__ = (
        *("_module", "docs", "endpoint", "files", "id", "keys", "not_empty", "pages"),
        *("price", "required", "status", "stream", "success", "task", "upload"),
    )

    def __init__(
        self,
        *,
        id: str,
        endpoint: str,
        docs: str = "",
        files: Mapping[str, tuple[str, ...]] | None = None,
        success: Mapping[str, Any] | None = None,
        task: Mapping[str, Any] | None = None,
        status: Mapping[str, Any] | None = None,
        stream: Mapping[str, Any] | None = None,
        pages: Mapping[str, Any] | None = None,
        upload: Mapping[str, Any] | None = None,
        price: list[Any] | None = None,
        not_empty: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
        required: tuple[str, ...] = (),
    ) -> None:
        self.id = id
        self.endpoint = endpoint
        """`videos_kling.kling_text_to_video`, below `api302_client.api`."""
        self.docs = docs
        self.files = files or {}
        """Body fields that take a file, each with the forms it takes it in: part, url, base64, data_url."""
        self.success = success
        self.task = task
        self.status = status
        self.stream = stream
        self.pages = pages
        self.upload = upload
        self.price = price
        self.not_empty = not_empty
        """Body fields in which an empty text is a mistake."""
        self.required = required
        """Body fields that every call needs."""
        self.keys = keys
        """Headers that take the key as well as `Authorization`."""
        self._module: Endpoint | None = None

    def __repr__(self) -> str:
        return f"<Operation {self.id}>"

    @property
    def module(self) -> Endpoint:
        """The endpoint module, imported on first use."""
        if self._module is None:
            from importlib import import_module
            from typing import cast

            self._module = cast("Endpoint", import_module(f"api302_client.api.{self.endpoint}"))
        return self._module


def _events(given: Given) -> Given:
    return {"accept": "text/event-stream, */*;q=0.5", **given}


class Resource:
    """A namespace of `Client`: its methods make the calls."""

    def __init__(self, client: Core) -> None:
        self._client = client

    def _call(self, op: Operation, *, options: Options, **given: Unpack[Given]) -> Any:
        return run(self._client.call(op, options, **given))

    def _submit(self, op: Operation, *, options: Options, **given: Unpack[Given]) -> Task[Any]:
        from ._task import Task, submit

        return Task(run(submit(self._client, op, options, given)))

    def _stream(self, op: Operation, *, options: Options, **given: Unpack[Given]) -> Stream[Any]:
        from ._stream import Stream

        return Stream(self._client, self._client.prepare(op, options, **_events(given)))

    def _stream_bytes(
        self, op: Operation, *, options: Options, **given: Unpack[Given]
    ) -> ByteStream:
        from ._stream import ByteStream

        return ByteStream(self._client, self._client.prepare(op, options, **given))

    def _iterate(self, op: Operation, *, options: Options, **given: Unpack[Given]) -> Iterator[Any]:
        return iterate(self._client.items(op, options, given))

    def _upload(
        self, op: Operation, *, file: FileInput, options: Options, **given: Unpack[Given]
    ) -> Uploaded:
        from ._uploads import upload

        return run(upload(self._client, op, file, options, given))


class AsyncResource:
    """A namespace of `AsyncClient`: the same as `Resource`, awaited."""

    def __init__(self, client: Core) -> None:
        self._client = client

    async def _call(self, op: Operation, *, options: Options, **given: Unpack[Given]) -> Any:
        return await self._client.call(op, options, **given)

    async def _submit(
        self, op: Operation, *, options: Options, **given: Unpack[Given]
    ) -> AsyncTask[Any]:
        from ._task import AsyncTask, submit

        return AsyncTask(await submit(self._client, op, options, given))

    def _stream(
        self, op: Operation, *, options: Options, **given: Unpack[Given]
    ) -> AsyncStream[Any]:
        from ._stream import AsyncStream

        return AsyncStream(self._client, self._client.prepare(op, options, **_events(given)))

    def _stream_bytes(
        self, op: Operation, *, options: Options, **given: Unpack[Given]
    ) -> AsyncByteStream:
        from ._stream import AsyncByteStream

        return AsyncByteStream(self._client, self._client.prepare(op, options, **given))

    def _iterate(
        self, op: Operation, *, options: Options, **given: Unpack[Given]
    ) -> AsyncIterator[Any]:
        return self._client.items(op, options, given)

    async def _upload(
        self, op: Operation, *, file: FileInput, options: Options, **given: Unpack[Given]
    ) -> Uploaded:
        from ._uploads import upload

        return await upload(self._client, op, file, options, given)
