"""What both clients are inside: settings, and the way of a call from arguments to reply. Written once, as coroutines (see `_sync`)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, Unpack
from urllib.parse import parse_qs, urljoin, urlsplit

from . import _log
from ._errors import (
    Api302Error,
    ApiError,
    ConnectionError,
    DecodeError,
    InvalidArgument,
    api_error,
    decode,
)
from ._paths import among, compiled, find, is_object
from ._retry import SAFE, delay

if TYPE_CHECKING:
    from api302_client._model import HttpInfo

    from ._resource import Given, Operation, Options, Values
    from ._transport import AsyncIo, Response, SyncIo, httpx

T = TypeVar("T")
DEFAULT_BASE_URL = "https://api.302.ai"
DEFAULT_TIMEOUT = 600.0
MOST_REDIRECTS = 10

Observer = Callable[["Call", int, Mapping[str, str], bytes], None]
"""Is told of each exchange: the call, status, headers, body."""
seen: ContextVar[list[Response] | None] = ContextVar("api302_seen", default=None)
"""Where `with_raw_response` finds the last response."""


class RawReply(Generic[T]):
    """A reply beside its HTTP side.

    Attributes:
        parsed: What the method returns without `with_raw_response`.
        status_code: The HTTP status.
        headers: The reply's headers, names in lower case.
        content: The body as received.
    """

    def __init__(
        self, parsed: T, status_code: int, headers: Mapping[str, str], content: bytes
    ) -> None:
        self.parsed = parsed
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed."""
        return self.headers.get("request-id")

    def json(self) -> Any:
        """The body as plain JSON. Raises ValueError if it is none."""
        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"RawReply(status_code={self.status_code}, parsed={self.parsed!r})"


class Cost(NamedTuple):
    """What a call cost.

    Attributes:
        amount: In PTC; 1 PTC is 1 USD.
        input_tokens: Tokens of the request, where they are counted; else None.
        output_tokens: Tokens of the reply, where they are counted; else None.
        model: The model that was billed, where one is named; else None.
        records: The replies of the account's record call, one for each billed request.
    """

    amount: float
    input_tokens: int | None
    output_tokens: int | None
    model: str | None
    records: tuple[Any, ...]


class Call:
    """One call, ready to be sent."""

    __slots__ = ("bare", "check", "kwargs", "op", "opened", "retries", "stream", "timeout")

    def __init__(
        self,
        kwargs: dict[str, Any],
        timeout: float | httpx.Timeout,
        retries: int,
        op: Operation | None = None,
    ) -> None:
        self.kwargs = kwargs
        """For httpx's `build_request`, but for the base URL and the key."""
        self.timeout = timeout
        self.retries = retries
        self.op = op
        self.opened: list[Any] = []
        """Files of ours, to be closed after the call."""
        self.stream = False
        """The reply is left open, to be read piece by piece, unless it is JSON."""
        self.bare = False
        """It goes as it is: without the key, wherever it goes."""
        self.check = True
        """Whether a good status may hold the provider's error envelope."""

    @property
    def what(self) -> str:
        """Method and path, for errors and the log: no query, which may hold secrets."""
        return f"{self.kwargs['method']} {self.kwargs['url'].partition('?')[0]}"

    def release(self) -> None:
        """Close the files that the call opened."""
        for file in self.opened:
            file.close()


class Pool:
    """The connections, made at the first call and shared by the clients that `with_options` gives."""

    def __init__(self, is_async: bool, http: Any, proxy: str | None) -> None:
        self.is_async = is_async
        self._settings = http, proxy
        self._lock = threading.Lock()
        self._io: SyncIo | AsyncIo | None = None
        self.closed = False

    def io(self) -> SyncIo | AsyncIo:
        if self.closed:
            raise Api302Error(
                "the client is closed; make a new one, or keep the calls inside its `with` block"
            )
        if self._io is None or not self._io.is_usable():
            with self._lock:
                if self._io is None or not self._io.is_usable():
                    from ._transport import AsyncIo, SyncIo

                    self._io = (
                        AsyncIo(*self._settings) if self.is_async else SyncIo(*self._settings)
                    )
        return self._io

    async def close(self) -> None:
        io, self._io, self.closed = self._io, None, True
        if io:
            await io.close()


class Core:
    """Settings and calls of a client."""

    def __init__(
        self,
        key: str,
        base_url: str,
        timeout: float | httpx.Timeout,
        retries: int,
        headers: Mapping[str, str],
        pool: Pool,
    ) -> None:
        self._key = key
        self.base_url = base_url
        self.timeout = timeout
        self.retries = retries
        self.headers = headers
        self.pool = pool
        self.observers: list[Observer] = []

    def __repr__(self) -> str:
        return f"<Core {self.base_url}>"

    def __copy__(self) -> Core:
        new = Core.__new__(Core)
        new.__dict__.update(self.__dict__)
        return new

    def __reduce__(self) -> Any:
        raise TypeError(
            "a client holds the key and open connections and is not pickled; make one in each process, and pass task.to_dict()"
        )

    @property
    def io(self) -> SyncIo | AsyncIo:
        return self.pool.io()

    # --- from arguments to a request ------------------------------------------------------------------------------------------------------

    def prepare(
        self,
        op: Operation,
        options: Options,
        *,
        path: Values | None = None,
        query: Values | None = None,
        headers: Values | None = None,
        body: Values | None = None,
        accept: str | None = None,
    ) -> Call:
        """The call for an operation. Raises InvalidArgument; sends nothing."""
        extra_headers, extra_query, extra_body, timeout = options
        module = op.module
        call = Call(
            {}, self.timeout if timeout is None else valid_timeout(timeout), self.retries, op
        )
        if body is not None:
            body = {name: value for name, value in body.items() if value is not None}
            for name in op.required:
                if name not in body and name not in (extra_body or ()):
                    raise InvalidArgument(f"{name}: is required, and was None")
            for name in op.not_empty:
                if isinstance(body.get(name), str) and not body[name].strip():
                    raise InvalidArgument(f"{name or 'body'}: is empty; give some text")
        try:
            if body and op.files:
                from ._files import put_files

                body = put_files(
                    body,
                    op.files,
                    call.opened,
                    "multipart/form-data" in module.MEDIA_TYPES or "" in body,
                )
            whole: Any = None
            if body and "" in body:  # a body that is no object: a text, or a file
                whole = getattr(body[""], "content", body[""])
            if extra_body:
                if whole is not None:
                    raise InvalidArgument(
                        "extra_body: the body of this call has no fields; give all of it as `body`"
                    )
                body = {**(body or {}), **extra_body}
            try:
                given = whole if whole is not None else body
                call.kwargs = module.build(
                    path or {}, {**(query or {}), **(extra_query or {})}, headers or {}, given, None
                )
            except ValueError as error:
                raise InvalidArgument(f"{op.id}: {error}") from error
            call.kwargs["headers"] = merged_headers(
                {"accept": accept} if accept else None,
                call.kwargs.get("headers"),
                self.headers,
                extra_headers,
            )
        except BaseException:
            call.release()
            raise
        return call

    def raw_call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **body: Any,
    ) -> Call:
        """A call for no operation: `url` is a path, or a whole address (which sees the key only on the client's own host)."""
        kwargs = {
            "method": method.upper(),
            "url": url,
            **body,
            "headers": merged_headers(self.headers, headers),
        }
        return Call(
            kwargs, self.timeout if timeout is None else valid_timeout(timeout), self.retries
        )

    # --- sending --------------------------------------------------------------------------------------------------------------------------

    async def exchange(self, call: Call) -> Response:
        """Send until there is an answer that is no failure, or no more point. Raises an Api302Error."""
        attempt = 0
        content: Any = call.kwargs.get("content")
        while True:
            if (
                hasattr(content, "seekable") and content.seekable()
            ):  # from its start, as httpx sends the files of a form
                content.seek(0)
            started = time.monotonic()
            try:
                response = await self._send(call)
                error = await self._failure(call, response)
                _log.exchange(
                    call.what, response.status_code, response.headers, time.monotonic() - started
                )
                if error is None:
                    return response
            except ConnectionError as broken:
                error = broken
            pause = delay(error, call.kwargs["method"], attempt, call.retries)
            if pause is None or not all(getattr(file, "again", True) for file in call.opened):
                raise error
            attempt += 1
            _log.retry(call.what, error, pause, attempt, call.retries)
            await self.io.sleep(pause)

    async def _send(self, call: Call) -> Response:
        """Send once, following redirects of a GET. Neither the key nor the caller's headers go to another host, or from https to http."""
        kwargs = dict(call.kwargs)
        url: str = kwargs["url"]
        kwargs["url"] = url = self.base_url + url if url.startswith("/") else url
        try:
            trusted = _same_place(self.base_url, url)
        except ValueError as error:
            raise InvalidArgument(f"url: {url[:80]!r} is no address ({error})") from None
        keys = {
            "authorization": Secret(f"Bearer {self._key}"),
            **{name: self._key for name in (call.op.keys if call.op else ())},
        }
        if not call.bare:
            kwargs["headers"] = {**keys, **kwargs["headers"]} if trusted else {}
        target = None
        for _ in range(MOST_REDIRECTS + 1):
            response = await self.io.send(kwargs, call.timeout, call.what)
            target = response.headers.get("location")
            if (
                kwargs["method"] not in SAFE
                or response.status_code not in (301, 302, 303, 307, 308)
                or not target
            ):
                return response
            await self.io.release(response)
            try:
                url = urljoin(url, target)
                trusted = trusted and _same_place(self.base_url, url)
            except ValueError:
                break
            kwargs = {
                "method": kwargs["method"],
                "url": url,
                "headers": kwargs["headers"] if trusted else {},
            }
            if not url.startswith(("http://", "https://")):
                break
        raise Api302Error(
            f"{call.what}: redirected too often, or to no address of the web; the last was {target}"
        )

    async def _failure(self, call: Call, response: Response) -> Api302Error | None:
        """The error that a response is, or None. The body is read, but for a stream's."""
        status = response.status_code
        good = 200 <= status < 300
        is_json = "json" in response.headers.get("content-type", "")
        if good and call.stream and not (is_json and call.check):
            return None
        try:
            content = await self.io.read(response, call.what)
        except BaseException:
            await self.io.release(response)
            raise
        for observer in self.observers:
            observer(call, status, response.headers, content)
        if good and not (
            is_json and call.check and b'"err_code"' in content and _is_envelope(content)
        ):
            return None
        return self.api_error(call, status, response.headers, content)

    def api_error(
        self, call: Call, status: int, headers: Mapping[str, str], content: bytes, **known: Any
    ) -> ApiError:
        """The error of a reply, without the key should the reply repeat it."""
        return api_error(
            status,
            self._without_key(headers),
            content.replace(self._key.encode(), b"[key]"),
            call.what,
            **known,
        )

    def _without_key(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name.lower(): value.replace(self._key, "[key]") for name, value in headers.items()}

    # --- from a response to a reply -------------------------------------------------------------------------------------------------------

    async def call(self, op: Operation, options: Options, **given: Unpack[Given]) -> Any:
        """Make a call of the API and give its reply."""
        call = (
            await self.io.thread(partial(self.prepare, op, options, **given))
            if op.files
            else self.prepare(op, options, **given)
        )
        return await self.finish(call)

    async def finish(self, call: Call) -> Any:
        """Send a call and give its reply."""
        try:
            response = await self.exchange(call)
        finally:
            call.release()
        return self.reply(call, response)

    def reply(self, call: Call, response: Response) -> Any:
        """What the description makes of a response that was read."""
        from api302_client._reply import parse
        from api302_client.errors import DecodeError as NotJson

        if (slot := seen.get()) is not None:
            slot.append(response)
        status, headers, content = response.status_code, response.headers, response.content
        try:
            reply = parse(call.op.module.RESPONSES if call.op else {}, status, headers, content)
        except NotJson:
            raise self.decode_error(
                call.what, response, "is not the JSON that it says it is"
            ) from None
        if call.op and call.op.success:
            self.check(call, reply, status, headers, content)
        return reply

    def decode_error(self, what: str, reply: Response | HttpInfo | None, why: str) -> DecodeError:
        """The error for a good reply that cannot be used; it keeps the bytes."""
        headers = self._without_key(reply.headers if reply else {})
        content = reply.content.replace(self._key.encode(), b"[key]") if reply else b""
        facts = {
            "status_code": reply.status_code if reply else None,
            "headers": headers,
            "request_id": headers.get("request-id"),
        }
        message = f"{what}: the reply {why}; its {len(content)} bytes are in .content"
        return DecodeError(message, call=what, content=content, body=decode(content), **facts)

    def check(
        self, call: Call, reply: Any, status: int, headers: Mapping[str, str], content: bytes
    ) -> None:
        """Raise if the reply's envelope, as `x-success` describes it, tells of a failure."""
        rule = (call.op and call.op.success) or {}
        data = raw(reply)
        value = find(rule["field"], data)
        if value is None or among(value, rule["values"]):
            return
        code = find(rule["code"], data) if "code" in rule else value
        raise self.api_error(
            call, status, headers, content, code=code, message=find(rule.get("message"), data)
        )

    async def items(
        self, op: Operation, options: Options, given: Given
    ) -> AsyncGenerator[Any, None]:
        """The items of all pages. A page without items is the last."""
        rule = op.pages or {}
        counter = rule["parameter"]
        extra = dict(options[1] or {})
        page = int(extra.pop(counter, rule.get("first", 1)))
        options = options[0], extra, *options[2:]
        last: Any = None
        while True:
            asked: Given = {**given, "query": {**(given.get("query") or {}), counter: page}}
            found = typed(rule["items"], await self.call(op, options, **asked))
            if (
                not found or found == last
            ):  # a service that knows no pages gives the first one for ever
                return
            for item in found:
                yield item
            page, last = page + 1, found

    async def request(
        self,
        method: str,
        path: str,
        files: Mapping[str, Any] | None,
        timeout: float | None,
        **rest: Any,
    ) -> RawReply[Any]:
        """A call that is not described."""
        if not path.startswith("/"):
            raise InvalidArgument(
                f"path: must start with a slash, such as /v1/models, not {path!r}; for an address use client.download()"
            )
        from api302_client._request import query_params

        from ._files import parts

        headers, query = rest.pop("headers"), rest.pop("query")
        body: dict[str, Any] = {
            ("content" if name == "data" and not isinstance(value, Mapping) else name): value
            for name, value in rest.items()
            if value is not None
        }
        path, _, own = path.partition("?")
        if params := {**parse_qs(own, keep_blank_values=True), **query_params(query or {})}:
            body["params"] = params
        call = self.raw_call(method, path, headers=headers, timeout=timeout, **body)
        try:
            if files:
                call.kwargs["files"] = await self.io.thread(parts, files, call.opened)
            response = await self.exchange(call)
        finally:
            call.release()
        return RawReply(
            self.reply(call, response),
            response.status_code,
            dict(response.headers),
            response.content,
        )


class Secret(str):
    """Text that does not show where values are shown, such as the local variables that an error tracker keeps."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[key]'"


def merged_headers(*several: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers by their names in lower case, later ones winning. Raises InvalidArgument without showing the value: it may be secret."""
    merged: dict[str, str] = {}
    for headers in several:
        for name, value in (headers or {}).items():
            text = str(value).strip(" \t")
            if not text.isascii() or not text.replace("\t", " ").isprintable():
                raise InvalidArgument(
                    f"header {name}: has a line break or another character that no header can have"
                )
            merged[name.lower()] = text
    return merged


def valid_timeout(value: Any) -> Any:
    """Seconds above 0 (infinity for no limit), or an `httpx.Timeout`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value > 0:
            return value
    elif value.__class__.__name__ == "Timeout":
        return value
    raise InvalidArgument(
        f"timeout: must be seconds above 0, float('inf') for none, or an httpx.Timeout, not {value!r}"
    )


def raw(reply: Any) -> Any:
    """The JSON of a reply as received, not a copy."""
    data = getattr(reply, "_raw", None)
    return reply if data is None else data


def typed(path: str, reply: Any) -> Any:
    """What a path finds in a reply: along the fields of its classes where it is plain, or else as plain JSON."""
    found = reply
    for step in path.removesuffix("[]").split(".") if path not in ("@", "[]") else []:
        names = {wire: name for name, wire in getattr(found, "__wire__", {}).items()}
        if is_object(found):
            found = compiled(step)(found)
        elif not hasattr(found, name := names.get(step, step)):
            return compiled(path)(raw(reply))
        else:
            found = getattr(found, name)
    return found


def _is_envelope(content: bytes) -> bool:
    """Whether a body is 302.AI's error envelope."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return False
    error = data.get("error") if is_object(data) else None
    return is_object(error) and bool(error.get("err_code"))


def _same_place(one: str, other: str) -> bool:
    """Whether two addresses are one scheme, host and port, so that what one may know the other may."""
    a, b = urlsplit(one), urlsplit(other)
    ports = {"https": 443, "http": 80}
    return (a.scheme, a.hostname, a.port or ports.get(a.scheme)) == (
        b.scheme,
        b.hostname,
        b.port or ports.get(b.scheme),
    )
