"""`Client` and `AsyncClient`: the namespaces of the API, and beside them what belongs to no single
call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast, overload

from api302_resources import AsyncSections, Sections

from ._calls.call import request
from ._calls.response import seen
from ._calls.session import Session
from ._calls.settings import (
    DEFAULT_TIMEOUT,
    ApiKey,
    Settings,
    hidden,
    merged_headers,
    timeout_of,
    valid_base_url,
    valid_fallback,
    valid_http_client,
    valid_key,
    valid_middleware,
    valid_proxy,
    valid_repeat,
    valid_retries,
    valid_timeout,
    valid_transport,
)
from ._errors import Api302Error, InvalidArgument
from ._http.connections import Connections
from ._http.sync import iterate, run
from ._types import AsyncHttpClient, Cost, Estimate, HttpClient, RawResponse, Settlement, Timeout

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Self

    from ._calls.files import FileInput
    from ._features.budget import AsyncBudget, Budget
    from ._features.progress import Progress
    from ._features.tasks import AsyncTask, AsyncTaskResult, Task, TaskResult
    from ._features.uploads import AsyncFiles, Files
    from ._http.response import Response
    from ._types import Call
    from .catalog import AsyncCatalog, Catalog
    from .webhooks import AsyncWebhooks, Webhooks

    AsyncMiddleware = Callable[[Call, Callable[[Call], Awaitable[Response]]], Awaitable[Response]]

LONGEST_WAIT = 1800.0
"""Seconds that several tasks are waited for, unless it is said otherwise."""

P = ParamSpec("P")
T = TypeVar("T")


def _headers(headers: Any, default_headers: Any) -> Any:
    """The headers under both of their names, none of which a frame may show."""
    if headers is None or default_headers is None:
        return hidden(default_headers if headers is None else headers)
    return {**hidden(headers), **hidden(default_headers)}


def _session(
    is_async: bool,
    api_key: ApiKey | None,
    base_url: str | None,
    timeout: Timeout,
    max_retries: int,
    http_client: Any,
    proxy: str | None,
    headers: Mapping[str, str] | None,
    repeat: bool | None,
    fallback: Iterable[str],
    middleware: Iterable[Any],
    transport: str | None = None,
) -> Session:
    http = valid_http_client(http_client, is_async)
    settings = Settings(
        valid_key(api_key),
        valid_base_url(base_url),
        valid_timeout(timeout_of(http) if timeout is DEFAULT_TIMEOUT else timeout),
        valid_retries(max_retries),
        merged_headers(headers),
        valid_repeat(repeat),
        valid_fallback(fallback),
    )
    connections = Connections(
        is_async, http, valid_proxy(proxy, http), valid_transport(transport, http)
    )
    return Session(settings, connections, valid_middleware(middleware, is_async), _output)


def _output(session: Session | None, file: Any) -> Any:
    """The `Output` for a file of a response, imported where one is asked for."""
    from ._features.files import output

    return output(session, file.url, file.content, file.media_type)


class Client(Sections):
    """The 302.AI API.

    One client serves many threads, and survives a fork: each process has its own connections.
    `with Client() as client:` or `client.close()` lets go of them.

    Args:
        api_key: The API key; the environment variable AI302_API_KEY unless given (or AI302_KEY or
            302AI_API_KEY, which the provider's programs read). Or a function that gives it, called
            for each exchange.
        base_url: The host; AI302_BASE_URL unless given, or else https://api.302.ai (in mainland
            China https://api.302ai.cn).
        timeout: Seconds to wait for the service between two signs of life, 600 unless said
            otherwise; for the connection at most 5.
            `float("inf")` for no limit; an `httpx2.Timeout` (or httpx.Timeout) to say more.
            Unless given, that of your `http_client`, if you set one there.
        max_retries: How often a call is repeated that failed for a passing reason; one that costs
            only if it surely was not accepted.
        http_client: An `httpx2.Client` (or httpx.Client) of yours, which is used as it is and not
            closed.
        proxy: The URL of a proxy. Those in the environment (HTTPS_PROXY …) are used anyway.
        headers: Sent with each call.
        default_headers: Another name for `headers`, as in OpenAI's client.
        repeat: Whether a call may be repeated whose outcome is unknown (a timeout, a broken
            connection, a 5xx): always, never, or unless given as the description says: if it is
            free.
        fallback: Base URLs of spare hosts, which see the API key as well. Where a host cannot be
            connected to, so that nothing was sent, the next one is tried. Uploads, result URLs and
            webhooks never go elsewhere.
        middleware: Functions `f(call, next)` around each exchange, the first outermost. Each
            returns what `next(call)` returned, an `api302.Response`, or another.

    Raises:
        InvalidArgument: naming the argument and what to do.
    """

    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        base_url: str | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: HttpClient | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        fallback: Iterable[str] = (),
        middleware: Iterable[Callable[[Call, Callable[[Call], Response]], Response]] = (),
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        api_key, base_url, proxy = hidden(api_key), hidden(base_url), hidden(proxy)
        headers = default_headers = _headers(headers, default_headers)
        super().__init__(
            _session(
                False,
                api_key,
                base_url,
                timeout,
                max_retries,
                http_client,
                proxy,
                headers,
                repeat,
                fallback,
                middleware,
            )
        )

    def __repr__(self) -> str:
        return f"Client({getattr(self, '_client', None)!r})"

    @property
    def files(self) -> Files:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Uploading files."""
        from ._features.uploads import Files

        return Files(super().files)

    @cached_property
    def webhooks(self) -> Webhooks:
        """URLs for webhooks that are signed, and reading and confirming what is sent to them."""
        from .webhooks import Webhooks

        return Webhooks(self._client)

    @cached_property
    def catalog(self) -> Catalog:
        """The models: what they accept, what they cost, which call takes them. Needs no network."""
        from .catalog import Catalog

        return Catalog(self._client)

    def with_options(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client with other settings on the same connections. `copy` is another name.

        `headers` (or `default_headers`) are added to those of this client. `repeat` overrides what
        the description says of repeating a call whose outcome is unknown. With another `base_url`
        go no spare hosts.
        """
        new = type(self).__new__(type(self))
        api_key, base_url = hidden(api_key), hidden(base_url)
        headers = default_headers = _headers(headers, default_headers)
        new._client = self._client.with_settings(
            self._client.settings.changed(api_key, base_url, timeout, max_retries, headers, repeat)
        )
        return new

    copy = with_options

    def with_raw_response(self, method: Callable[P, T]) -> Callable[P, RawResponse[T]]:
        """The same method, giving a RawResponse: what it returns is `parsed`, beside status,
        headers and body. Not for streams.
        """

        def call(*args: P.args, **kwargs: P.kwargs) -> RawResponse[T]:
            token = seen.set([])
            try:
                parsed = method(*args, **kwargs)
                responses = seen.get()
            finally:
                seen.reset(token)
            return _raw_response(parsed, responses)

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
    ) -> RawResponse[Any]:
        """Make a call that is not described yet, with the API key and errors of the others.

        It is repeated only if it surely was not accepted: what it costs is not known.

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
            ApiError, ConnectionError, DecodeError: as any call. InvalidArgument: `path` is no path,
            or there is no such file.
        """
        return run(
            request(
                self._client,
                method,
                path,
                query=query,
                headers=headers,
                files=files,
                timeout=timeout,
                json=json,
                data=data,
            )
        )

    def call(
        self,
        call: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        accept: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Make any call by its name, with arguments as JSON: returns what its method returns.

            client.call("kling_text_to_video", {"prompt": "a red panda"}).wait()

        Args:
            call: An operation id, or the name of the method: `videos.kling.text_to_video`.
            arguments: By their names on the wire, or by those of the method. A field that chooses
                the form does so: with `{"stream": true}` a Stream is returned. A text in the place
                of a file is a URL, or the path of a local file, which is read: check what strangers
                give.
            accept: The media type of the response, where there are several.
            extra_headers: As of the method, like the others.
            extra_query: Parameters of the query, on top of the rest.
            extra_body: Fields of the body, on top of the rest.
            timeout: Seconds to wait for the service.

        Returns:
            The response, a Task, a Stream, Pages, or a realtime session for a `with` block: what
            the method returns.

        Raises:
            InvalidArgument: Nothing is called so, an argument is unknown, missing or wrong; names
                that are near are named.
            Api302Error: As of the method.
        """
        from ._features.calling import prepared

        return prepared(
            self,
            call,
            arguments,
            "call",
            accept=accept,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )()

    def submit(
        self,
        call: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Task[Any]:
        """Start a task by the name of its call, with arguments as JSON; does not wait for it.

        For calls that start a task always or on demand. For the arguments see `call`.

        Raises:
            InvalidArgument: The call starts no task; or as `call`.
        """
        from ._features.calling import prepared

        return prepared(
            self,
            call,
            arguments,
            "submit",
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )()

    def resume(self, task: Mapping[str, Any]) -> Task[Any]:
        """The task that `task.to_dict()` described, in any process.

        Sends nothing yet. Raises InvalidArgument, naming the field.
        """
        from ._features.tasks import Task, resumed

        return Task(resumed(self._client, task))

    @overload
    def wait(
        self,
        tasks: Iterable[Task[T]],
        timeout: float | None = ...,
        *,
        interval: float | None = ...,
        on_progress: Callable[[Progress], object] | None = ...,
        progress: bool = ...,
        cancel: bool = ...,
        return_exceptions: Literal[False] = ...,
    ) -> list[TaskResult[T]]: ...
    @overload
    def wait(
        self,
        tasks: Iterable[Task[T]],
        timeout: float | None = ...,
        *,
        interval: float | None = ...,
        on_progress: Callable[[Progress], object] | None = ...,
        progress: bool = ...,
        cancel: bool = ...,
        return_exceptions: bool,
    ) -> list[TaskResult[T] | Exception]: ...
    def wait(
        self,
        tasks: Iterable[Task[Any]],
        timeout: float | None = LONGEST_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
        cancel: bool = False,
        return_exceptions: bool = False,
    ) -> list[Any]:
        """Wait for several tasks with one poller, and return their results, in their order.

        Args:
            tasks: Of this client or others.
            timeout: Seconds in all, half an hour unless said otherwise; None for no limit.
            interval: Seconds between two polls of a task; otherwise as the description suggests.
            on_progress: Called with a `Progress` whenever something changes.
            progress: Show a progress bar, in a terminal or a notebook.
            cancel: Cancel the tasks that are not done where the wait ends before them.
            return_exceptions: Give the errors of tasks in the place of their results, and raise
                none of them.

        Raises:
            TaskFailed: A task failed. The others go on; they are `error.pending`.
            TaskTimeout: The time is over; `error.pending` are the tasks that are not done.
            InvalidArgument: One is not a task; or `cancel`, where the API cannot cancel it.
        """
        from ._features import progress as bars
        from ._features.waiting import Waits, wait

        with bars.shown_progress(progress, on_progress) as hook:
            waits = Waits(self._client, tasks, timeout, interval, hook, cancel)
            return run(wait(waits, return_exceptions))

    def as_completed(
        self,
        tasks: Iterable[Task[T]],
        timeout: float | None = LONGEST_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
        cancel: bool = False,
    ) -> Iterator[Task[T]]:
        """The tasks as they end, failed ones too: then `task.wait()` needs no network any more.

            for task in client.as_completed(tasks):
                print(task.wait().outputs)  # raises TaskFailed if it failed

        For the arguments, and TaskTimeout, see `wait`.
        """
        from ._features.waiting import Waits, as_completed

        waits = Waits(self._client, tasks, timeout, interval, on_progress, cancel)
        return iterate(as_completed(waits, progress))

    def download(
        self, url: str, path: str | PathLike[str] = ".", *, timeout: float | None = None
    ) -> Path:
        """Download a URL to a file, or under the server's name for it into a folder, and return the
        path.

        Streams to disk; a half-received file leaves nothing behind. The API key goes to the
        client's own host alone.

        Raises:
            InvalidArgument: `url` has no scheme, or the folder does not exist.
            ApiError: The server refused. ConnectionError: it did not come whole.
        """
        from ._features.files import download

        return run(download(self._client, url, path, timeout))

    def cost(self, response: Any) -> Cost:
        """What a call cost, in PTC (1 PTC is 1 USD).

        Args:
            response: A response, a RawResponse, a stream, a task or its result, or the request id
                itself.

        Raises:
            NotFoundError: The call is not on record, or not yet: a new one takes a moment, so it is
                asked for again for some seconds.
            InvalidArgument: `response` has no request id.
        """
        from ._features.cost import cost_of

        return run(cost_of(self._client, cast("Any", self).account.record, response))

    def settle(
        self,
        error: Api302Error | str | None,
        *,
        window: tuple[float, float] | None = None,
        model: str | None = None,
        others: Iterable[str] = (),
    ) -> Settlement:
        """Whether a call was billed that was sent and not answered, by the account's records.

            except api302.TimeoutError as error:
                if client.settle(error).outcome == "not billed":
                    …  # it may be made again

        What the records hold is only partly documented, and how soon they show a call is not at
        all: "not billed" is said ten minutes after the call at the earliest, "billed" only of a
        call whose request id is known, and "on record" where calls of that time belong to none of
        `others`.

        Args:
            error: What the call raised; or a request id; or None, with `window`.
            window: When the call was made, as (start, end) in Unix seconds, unless the error knows.
            model: The model of the call: calls of other models are not taken for it.
            others: Request ids of other calls of this API key at that time.

        Raises:
            InvalidArgument: nobody said when the call was made.
        """
        from ._features.settle import settled

        account = cast("Any", self).account
        return run(
            settled(self._client, account.record, account.records, error, window, model, others)
        )

    def estimate(self, call: str | Callable[..., Any], **arguments: Any) -> Estimate:
        """What a call will cost, by documented prices and what its request says; sends nothing.

            client.estimate(client.images.generate, model="gpt-image-2-t2i", prompt="a cat")

        Args:
            call: A method of the client, its name, or an operation id.
            arguments: Those of the method; with a name, fields by their names on the wire.

        Returns:
            From `low` to `high`, and on what it rests. Both are None where no price is known, or
            where what it depends on is not in the request: never a number without a basis.

        Raises:
            InvalidArgument: Nothing is called so; the method does not take the arguments; or a
                field is missing on which the whole price depends, which is named.
        """
        return _estimate(call, arguments)

    def budget(
        self, limit: float, *, currency: str = "PTC", unknown: Literal["refuse", "allow"] = "refuse"
    ) -> Budget:
        """A limit on what the calls of this client cost within `with`, in all its threads.

            with client.budget(5.0) as budget:
                client.images.generate(…)
            print(budget.spent, budget.left)

        The call that could exceed it raises BudgetError and is not sent. Clients that
        `with_options` gave count too.

        Args:
            limit: PTC; 1 PTC is 1 USD.
            currency: PTC is the only one.
            unknown: What to do with a call that has no estimate.

        Raises:
            InvalidArgument: naming the argument.
        """
        from ._features.budget import Budget

        record = cast("Any", self).account.record
        return Budget(self._client, record, limit, currency, unknown)

    def close(self) -> None:
        """Let go of the connections, also those of the clients that `with_options` gave.

        An `http_client` of yours stays open.
        """
        run(self._client.connections.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncSections):
    """`Client` for asyncio and trio: the same surface, awaited. For the arguments see `Client`.

    `http_client` is an `httpx2.AsyncClient` (or httpx.AsyncClient). `middleware` are coroutine
    functions, whose `next` is awaited; that of `api_key` may be one.

    Args:
        transport: What makes the connections: `aiohttp`, which is faster with many calls at once
            (`pip install api302[aiohttp]`), or `httpx2`. Unless given, aiohttp where it is
            installed; on trio and through a proxy always httpx2.
    """

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: AsyncHttpClient | None = None,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        fallback: Iterable[str] = (),
        middleware: Iterable[AsyncMiddleware] = (),
        transport: Literal["aiohttp", "httpx2"] | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        api_key, base_url, proxy = hidden(api_key), hidden(base_url), hidden(proxy)
        headers = default_headers = _headers(headers, default_headers)
        super().__init__(
            _session(
                True,
                api_key,
                base_url,
                timeout,
                max_retries,
                http_client,
                proxy,
                headers,
                repeat,
                fallback,
                middleware,
                transport,
            )
        )

    def __repr__(self) -> str:
        return f"AsyncClient({getattr(self, '_client', None)!r})"

    @property
    def files(self) -> AsyncFiles:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Uploading files."""
        from ._features.uploads import AsyncFiles

        return AsyncFiles(super().files)

    @cached_property
    def webhooks(self) -> AsyncWebhooks:
        """URLs for webhooks that are signed, and reading and confirming what is sent to them."""
        from .webhooks import AsyncWebhooks

        return AsyncWebhooks(self._client)

    @cached_property
    def catalog(self) -> AsyncCatalog:
        """The models: what they accept, what they cost, which call takes them. Needs no network."""
        from .catalog import AsyncCatalog

        return AsyncCatalog(self._client)

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A client with other settings on the same connections. `copy` is another name.

        `headers` (or `default_headers`) are added to those of this client. `repeat` overrides what
        the description says of repeating a call whose outcome is unknown. With another `base_url`
        go no spare hosts.
        """
        new = type(self).__new__(type(self))
        api_key, base_url = hidden(api_key), hidden(base_url)
        headers = default_headers = _headers(headers, default_headers)
        new._client = self._client.with_settings(
            self._client.settings.changed(api_key, base_url, timeout, max_retries, headers, repeat)
        )
        return new

    copy = with_options

    def with_raw_response(
        self, method: Callable[P, Awaitable[T]]
    ) -> Callable[P, Awaitable[RawResponse[T]]]:
        """The same method, giving a RawResponse. See `Client.with_raw_response`."""

        async def call(*args: P.args, **kwargs: P.kwargs) -> RawResponse[T]:
            token = seen.set([])
            try:
                parsed = await method(*args, **kwargs)
                responses = seen.get()
            finally:
                seen.reset(token)
            return _raw_response(parsed, responses)

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
    ) -> RawResponse[Any]:
        """Make a call that is not described yet. See `Client.request`."""
        return await request(
            self._client,
            method,
            path,
            query=query,
            headers=headers,
            files=files,
            timeout=timeout,
            json=json,
            data=data,
        )

    async def call(
        self,
        call: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        accept: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Make any call by its name, with arguments as JSON. See `Client.call`.

        Streams are awaited too: `stream = await client.call(…, {"stream": True, …})`.
        """
        from ._features.calling import made, prepared

        ready = prepared(
            self,
            call,
            arguments,
            "call",
            accept=accept,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )
        return await made(ready)

    async def submit(
        self,
        call: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> AsyncTask[Any]:
        """Start a task by the name of its call, with arguments as JSON. See `Client.submit`."""
        from ._features.calling import made, prepared

        ready = prepared(
            self,
            call,
            arguments,
            "submit",
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )
        return await made(ready)

    def resume(self, task: Mapping[str, Any]) -> AsyncTask[Any]:
        """The task that `task.to_dict()` described. See `Client.resume`."""
        from ._features.tasks import AsyncTask, resumed

        return AsyncTask(resumed(self._client, task))

    @overload
    async def wait(
        self,
        tasks: Iterable[AsyncTask[T]],
        timeout: float | None = ...,
        *,
        interval: float | None = ...,
        on_progress: Callable[[Progress], object | Awaitable[object]] | None = ...,
        progress: bool = ...,
        cancel: bool = ...,
        return_exceptions: Literal[False] = ...,
    ) -> list[AsyncTaskResult[T]]: ...
    @overload
    async def wait(
        self,
        tasks: Iterable[AsyncTask[T]],
        timeout: float | None = ...,
        *,
        interval: float | None = ...,
        on_progress: Callable[[Progress], object | Awaitable[object]] | None = ...,
        progress: bool = ...,
        cancel: bool = ...,
        return_exceptions: bool,
    ) -> list[AsyncTaskResult[T] | Exception]: ...
    async def wait(
        self,
        tasks: Iterable[AsyncTask[Any]],
        timeout: float | None = LONGEST_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[Progress], object | Awaitable[object]] | None = None,
        progress: bool = False,
        cancel: bool = False,
        return_exceptions: bool = False,
    ) -> list[Any]:
        """Wait for several tasks. See `Client.wait`; `on_progress` may be a coroutine function."""
        from ._features import progress as bars
        from ._features.waiting import Waits, wait

        with bars.shown_progress(progress, on_progress) as hook:
            waits = Waits(self._client, tasks, timeout, interval, hook, cancel)
            return await wait(waits, return_exceptions)

    def as_completed(
        self,
        tasks: Iterable[AsyncTask[T]],
        timeout: float | None = LONGEST_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[Progress], object | Awaitable[object]] | None = None,
        progress: bool = False,
        cancel: bool = False,
    ) -> AsyncGenerator[AsyncTask[T], None]:
        """The tasks as they end, for `async for`. See `Client.as_completed`."""
        from ._features.waiting import Waits, as_completed

        waits = Waits(self._client, tasks, timeout, interval, on_progress, cancel)
        return as_completed(waits, progress)

    async def download(
        self, url: str, path: str | PathLike[str] = ".", *, timeout: float | None = None
    ) -> Path:
        """Download a URL to disk. See `Client.download`."""
        from ._features.files import download

        return await download(self._client, url, path, timeout)

    async def cost(self, response: Any) -> Cost:
        """What a call cost. See `Client.cost`."""
        from ._features.cost import cost_of

        return await cost_of(self._client, cast("Any", self).account.record, response)

    async def settle(
        self,
        error: Api302Error | str | None,
        *,
        window: tuple[float, float] | None = None,
        model: str | None = None,
        others: Iterable[str] = (),
    ) -> Settlement:
        """Whether a call was billed that was sent and not answered. See `Client.settle`."""
        from ._features.settle import settled

        account = cast("Any", self).account
        return await settled(
            self._client, account.record, account.records, error, window, model, others
        )

    def estimate(self, call: str | Callable[..., Any], **arguments: Any) -> Estimate:
        """What a call will cost; needs no await. See `Client.estimate`."""
        return _estimate(call, arguments)

    def budget(
        self, limit: float, *, currency: str = "PTC", unknown: Literal["refuse", "allow"] = "refuse"
    ) -> AsyncBudget:
        """A limit on what calls cost within `async with`. See `Client.budget`."""
        from ._features.budget import AsyncBudget

        record = cast("Any", self).account.record
        return AsyncBudget(self._client, record, limit, currency, unknown)

    async def close(self) -> None:
        """Let go of the connections. See `Client.close`."""
        await self._client.connections.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _estimate(call: str | Callable[..., Any], arguments: Mapping[str, Any]) -> Estimate:
    from ._features.estimate import estimated, of_session
    from ._features.naming import meant, session_endpoint, session_place

    values: Mapping[str, Any] = arguments
    if place := session_place(call):
        made = of_session(session_endpoint(place), values)
    else:
        op, values = meant(call, arguments)
        made = estimated(op, _as_sent(values, op.files))
    if made.high is None and made.missing and made.missing not in values:
        raise InvalidArgument(f"{made.missing}: is needed for an estimate, as {made.basis}")
    return made


def _as_sent(values: Mapping[str, Any], files: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values as a call sends them. Raises InvalidArgument for one that can be read only once.

    The call itself would have nothing of it any more.
    """
    from api302_client._model import plain

    for name, value in values.items():
        if hasattr(value, "__next__") and name not in files:
            kind: str = type(value).__name__
            raise InvalidArgument(f"{name}: a {kind} can be read only once; give a list of it")
    made = dict(values)
    for name in made.keys() - files.keys():
        try:
            made[name] = plain(made[name])
        except RecursionError:
            why = "cannot be sent as JSON (it refers to itself, or is nested too deeply)"
            raise InvalidArgument(f"{name}: {why}") from None
    return made


def _raw_response(parsed: T, responses: list[Any] | None) -> RawResponse[T]:
    if not responses:
        raise InvalidArgument(
            "method: made no call whose response was read;"
            " a stream has `headers` and `request_id` itself"
        )
    response = responses[-1]
    return RawResponse(parsed, response.status_code, dict(response.headers), response.content)
