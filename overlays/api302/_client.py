"""`Client` and `AsyncClient`: the namespaces of the API, and beside them what belongs to no single call."""

from __future__ import annotations

import copy
import os
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from api302_resources import AsyncSections, Sections

from ._core import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT,
    Core,
    Cost,
    Pool,
    RawReply,
    Secret,
    merged_headers,
    raw,
    seen,
    valid_timeout,
)
from ._errors import InvalidArgument, NotFoundError
from ._paths import is_array, is_object
from ._sync import run

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Self

    from ._files import FileInput
    from ._task import AsyncTask, Task
    from ._transport import httpx
    from ._uploads import AsyncFiles, Files

P = ParamSpec("P")
T = TypeVar("T")
LATE_RECORDS = (0.5, 1.0, 2.0)
"""Seconds between two looks for what a call cost."""


def _given(argument: str, variable: str, given: str | None) -> tuple[str, str]:
    """A setting, and what to call it in an error: the argument, or the environment variable."""
    name, value = (
        (argument, given) if given is not None else (variable, os.environ.get(variable, ""))
    )
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"{name}: must be text, not {type(value).__name__}")
    return name, value


def _key(given: str | None) -> str:
    """The key, which is never part of a message."""
    name, key = _given("api_key", "AI302_API_KEY", given)
    if not key:
        raise InvalidArgument(
            "api_key: there is none; set the environment variable AI302_API_KEY or pass api_key='sk-…' (https://302.ai, API Keys)"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidArgument(
            f"{name}: has a line break, a space or a character outside ASCII; copy the key alone, without what stands around it"
        )
    return Secret(key)


def _base_url(given: str | None) -> str:
    name, url = _given("base_url", "AI302_BASE_URL", given)
    if given is None:
        url = url or DEFAULT_BASE_URL
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidArgument(f"{name}: {url!r} is no address ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidArgument(
            f"{name}: {url!r} must start with https:// (or http://) and name a host, such as {DEFAULT_BASE_URL}"
        )
    if parts.query or parts.fragment or parts.username or not url.isprintable() or " " in url:
        raise InvalidArgument(
            f"{name}: must be scheme, host and perhaps a path, without user, query, fragment or spaces"
        )
    if url.rstrip("/").endswith("/v1"):
        raise InvalidArgument(
            f"{name}: leave /v1 out, since each call's path has it: {url.rstrip('/').removesuffix('/v1')!r}"
        )
    return url.rstrip("/")


def _retries(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InvalidArgument(f"max_retries: must be a whole number, 0 or more, not {given!r}")
    return given


def _core(
    is_async: bool,
    api_key: str | None,
    base_url: str | None,
    timeout: float | httpx.Timeout,
    max_retries: int,
    http_client: Any,
    proxy: str | None,
    headers: Mapping[str, str] | None,
) -> Core:
    if http_client is not None and hasattr(http_client, "__aenter__") != is_async:
        wanted, client = (
            ("httpx.AsyncClient", "AsyncClient") if is_async else ("httpx.Client", "Client")
        )
        raise InvalidArgument(
            f"http_client: {client} takes an {wanted}, not {type(http_client).__module__}.{type(http_client).__name__}"
        )
    if proxy is not None and "://" not in proxy:
        raise InvalidArgument(
            "proxy: must be an address with its scheme, such as http://127.0.0.1:3128 or socks5://…"
        )
    if proxy is not None and http_client is not None:
        raise InvalidArgument("proxy: give it to your http_client, which makes the connections")
    pool = Pool(is_async, http_client, proxy)
    return Core(
        _key(api_key),
        _base_url(base_url),
        valid_timeout(timeout),
        _retries(max_retries),
        merged_headers(headers),
        pool,
    )


def _changed(core: Core, **options: Any) -> Core:
    """A copy with other settings, on the same connections."""
    new = copy.copy(core)
    checks: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "api_key": ("_key", _key),
        "base_url": ("base_url", _base_url),
        "timeout": ("timeout", valid_timeout),
        "max_retries": ("retries", _retries),
        "headers": ("headers", lambda given: merged_headers(core.headers, given)),
    }
    for name, value in options.items():
        if value is not None:
            attribute, check = checks[name]
            setattr(new, attribute, check(value))
    return new


def _billed(reply: Any) -> list[str]:
    """The ids under which a call was billed."""
    if isinstance(reply, str) and getattr(reply, "http", None) is None:
        return [reply]
    data = raw(getattr(reply, "reply", None) or reply)
    ids = data.get("ai302_cost_request_ids") if is_object(data) else None
    if is_array(ids) and ids:
        return [str(one) for one in ids]
    if one := getattr(reply, "request_id", None):
        return [one]
    raise InvalidArgument(
        "reply: has no request id; give a whole reply of this client, a stream that was opened, a task or its result, or the id"
    )


async def _record(
    core: Core, ask: Callable[..., Any], request_id: str
) -> tuple[Any, list[dict[str, Any]]]:
    """The reply of the account's record call, and its rows. Asks again while there is none: a new call takes a moment to show."""
    for pause in (*LATE_RECORDS, None):
        try:
            record = ask(request_id=request_id)
            record = await record if isawaitable(record) else record
            data = raw(record)
            data = data.get("data", data) if is_object(data) else data
            if rows := [
                row for row in (data if is_array(data) else [data]) if is_object(row) and row
            ]:
                return record, rows
        except NotFoundError:
            if pause is None:
                raise
        if pause is not None:
            await core.io.sleep(pause)
    raise NotFoundError(
        f"request {request_id}: its cost is not on record, or not yet; ask again later",
        status_code=200,
    )


async def _cost(core: Core, ask: Callable[..., Any], reply: Any) -> Cost:
    found = [await _record(core, ask, one) for one in _billed(reply)]
    rows = [row for _, each in found for row in each]

    def total(name: str) -> int | None:
        known = [int(row[name]) for row in rows if row.get(name) is not None]
        return sum(known) if known else None

    model = next((row["model"] for row in rows if row.get("model")), None)
    return Cost(
        sum(float(row.get("cost") or 0) for row in rows),
        total("input_token"),
        total("output_token"),
        model,
        tuple(record for record, _ in found),
    )


class Client(Sections):
    """The 302.AI API. One client serves many threads; `with Client() as client:` or `client.close()` lets go of its connections.

    Args:
        api_key: The key; the environment variable AI302_API_KEY unless given.
        base_url: The host; AI302_BASE_URL unless given, or else https://api.302.ai (in mainland China https://api.302ai.cn).
        timeout: Seconds to wait for the service between two signs of life, 600 unless said otherwise; for the connection at most 5.
            `float("inf")` for no limit; an `httpx.Timeout` to say more.
        max_retries: How often a call is repeated that failed for a passing reason; one that costs only if it surely was not accepted.
        http_client: An `httpx.Client` of yours, which is used as it is and not closed.
        proxy: The address of a proxy. Those in the environment (HTTPS_PROXY …) are used anyway.
        headers: Sent with each call.

    Raises:
        InvalidArgument: naming the argument and what to do.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: httpx.Client | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            _core(False, api_key, base_url, timeout, max_retries, http_client, proxy, headers)
        )

    def __repr__(self) -> str:
        return f"Client(base_url={self._client.base_url!r})"

    @property
    def files(self) -> Files:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Uploading files."""
        from ._uploads import Files

        return Files(super().files)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client with other settings on the same connections. `headers` are added to those of this client."""
        new = type(self).__new__(type(self))
        new._client = _changed(
            self._client,
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
        )
        return new

    def with_raw_response(self, method: Callable[P, T]) -> Callable[P, RawReply[T]]:
        """The same method, giving a RawReply: what it returns is `parsed`, beside status, headers and body. Not for streams."""

        def call(*args: P.args, **kwargs: P.kwargs) -> RawReply[T]:
            token = seen.set([])
            try:
                parsed = method(*args, **kwargs)
                responses = seen.get()
            finally:
                seen.reset(token)
            return _raw_reply(parsed, responses)

        return call

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | str | bytes | None = None,
        files: Mapping[str, FileInput | list[FileInput]] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> RawReply[Any]:
        """Make a call that is not described yet, with the key, retries and errors of the others.

        Args:
            method: Such as GET.
            path: From the slash on, such as /v1/models.
            query: Parameters of the query; None is left out.
            json: The body, sent as JSON.
            data: The fields of a form, or a body as text or bytes.
            files: The files of a form, by field.
            headers: For this call alone.
            timeout: Seconds, as for the client.

        Raises:
            ApiError, ConnectionError, DecodeError: as any call. InvalidArgument: `path` is no path, or there is no such file.
        """
        return run(
            self._client.request(
                method, path, files, timeout, query=query, json=json, data=data, headers=headers
            )
        )

    def resume(self, task: Mapping[str, Any]) -> Task[Any]:
        """The task that `task.to_dict()` described, in any process. Asks nothing yet. Raises InvalidArgument, naming the field."""
        from ._task import Task, resumed

        return Task(resumed(self._client, task))

    def download(
        self, url: str, path: str | PathLike[str] = ".", *, timeout: float | None = None
    ) -> Path:
        """Download an address to a file, or under the server's name for it into a folder, and give the path.

        Streams to disk; a half-received file leaves nothing behind. The key goes to the client's own host alone.

        Raises:
            InvalidArgument: `url` has no scheme, or the folder does not exist.
            ApiError: The server refused. ConnectionError: it did not come whole.
        """
        from ._files import download

        return run(download(self._client, url, path, timeout))

    def cost(self, reply: Any) -> Cost:
        """What a call cost, in PTC (1 PTC is 1 USD).

        Args:
            reply: A reply, a RawReply, a stream, a task or its result, or the request id itself.

        Raises:
            NotFoundError: The call is not on record, or not yet: a new one takes a moment, so it is asked for again for some seconds.
            InvalidArgument: `reply` has no request id.
        """
        return run(_cost(self._client, cast("Any", self).account.record, reply))

    def close(self) -> None:
        """Let go of the connections, also those of the clients that `with_options` gave. An `http_client` of yours stays open."""
        run(self._client.pool.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncSections):
    """`Client` for asyncio and trio: the same surface, awaited. For the arguments see `Client`; `http_client` is an `httpx.AsyncClient`."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: httpx.AsyncClient | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            _core(True, api_key, base_url, timeout, max_retries, http_client, proxy, headers)
        )

    def __repr__(self) -> str:
        return f"AsyncClient(base_url={self._client.base_url!r})"

    @property
    def files(self) -> AsyncFiles:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Uploading files."""
        from ._uploads import AsyncFiles

        return AsyncFiles(super().files)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client with other settings on the same connections. `headers` are added to those of this client."""
        new = type(self).__new__(type(self))
        new._client = _changed(
            self._client,
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
        )
        return new

    def with_raw_response(
        self, method: Callable[P, Awaitable[T]]
    ) -> Callable[P, Awaitable[RawReply[T]]]:
        """The same method, giving a RawReply. See `Client.with_raw_response`."""

        async def call(*args: P.args, **kwargs: P.kwargs) -> RawReply[T]:
            token = seen.set([])
            try:
                parsed = await method(*args, **kwargs)
                responses = seen.get()
            finally:
                seen.reset(token)
            return _raw_reply(parsed, responses)

        return call

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | str | bytes | None = None,
        files: Mapping[str, FileInput | list[FileInput]] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> RawReply[Any]:
        """Make a call that is not described yet. See `Client.request`."""
        return await self._client.request(
            method, path, files, timeout, query=query, json=json, data=data, headers=headers
        )

    def resume(self, task: Mapping[str, Any]) -> AsyncTask[Any]:
        """The task that `task.to_dict()` described. See `Client.resume`."""
        from ._task import AsyncTask, resumed

        return AsyncTask(resumed(self._client, task))

    async def download(
        self, url: str, path: str | PathLike[str] = ".", *, timeout: float | None = None
    ) -> Path:
        """Download an address to disk. See `Client.download`."""
        from ._files import download

        return await download(self._client, url, path, timeout)

    async def cost(self, reply: Any) -> Cost:
        """What a call cost. See `Client.cost`."""
        return await _cost(self._client, cast("Any", self).account.record, reply)

    async def close(self) -> None:
        """Let go of the connections. See `Client.close`."""
        await self._client.pool.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _raw_reply(parsed: T, responses: list[Any] | None) -> RawReply[T]:
    if not responses:
        raise InvalidArgument(
            "method: made no call whose reply was read; a stream has `headers` and `request_id` itself"
        )
    response = responses[-1]
    return RawReply(parsed, response.status_code, dict(response.headers), response.content)
