"""What the layers pass to each other: an operation's facts, a call, and the values that calls end
in. No behavior.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
)

from ._errors import InvalidArgument
from ._secret import Redactor, Secret

if TYPE_CHECKING:
    from api302_client.behaviour import Behaviour

T = TypeVar("T", covariant=True)


class TimeoutSettings(Protocol):
    """Seconds for each step of an exchange, None for no limit: an `httpx2.Timeout`, or an
    `httpx.Timeout`.
    """

    @property
    def connect(self) -> float | None: ...
    @property
    def read(self) -> float | None: ...
    @property
    def write(self) -> float | None: ...
    @property
    def pool(self) -> float | None: ...


Timeout = float | TimeoutSettings
"""Seconds (infinity for no limit), or more precisely."""


class HttpClient(Protocol):
    """What is used of a caller's own `httpx2.Client` or `httpx.Client`."""

    def build_request(self, *args: Any, **kwargs: Any) -> Any: ...
    def send(self, *args: Any, **kwargs: Any) -> Any: ...
    def close(self) -> None: ...


class AsyncHttpClient(Protocol):
    """What is used of a caller's own `httpx2.AsyncClient` or `httpx.AsyncClient`."""

    def build_request(self, *args: Any, **kwargs: Any) -> Any: ...
    def send(self, *args: Any, **kwargs: Any) -> Awaitable[Any]: ...
    def aclose(self) -> Awaitable[None]: ...


Options = tuple[
    Mapping[str, str] | None, Mapping[str, Any] | None, Mapping[str, Any] | None, float | None
]
"""The arguments of ours that each method takes: extra_headers, extra_query, extra_body, timeout."""
NO_OPTIONS: Options = (None, None, None, None)
Values = Mapping[str, Any]
"""Values by name on the wire; None is not sent."""


class Given(TypedDict, total=False):
    """The arguments of a call by place, each by name on the wire. No body, or None: it has none."""

    path: Values | None
    query: Values | None
    headers: Values | None
    body: Values | None
    accept: str | None


class Endpoint(Protocol):
    """An operation's facts, as its module of `api302_client.api` has them."""

    @property
    def ID(self) -> str: ...
    @property
    def METHOD(self) -> str: ...
    @property
    def PATH(self) -> str: ...
    @property
    def MEDIA_TYPES(self) -> tuple[str, ...]: ...
    @property
    def RESPONSES(self) -> Mapping[str, Mapping[str, str]]: ...
    @property
    def STREAM(self) -> str | None: ...
    @property
    def DOCS(self) -> str: ...
    @property
    def FILES(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def REQUIRED(self) -> tuple[str, ...]: ...
    @property
    def NOT_EMPTY(self) -> tuple[str, ...]: ...
    @property
    def KEY_HEADERS(self) -> tuple[str, ...]: ...
    @property
    def EXTENSIONS(self) -> Mapping[str, Any]: ...
    @property
    def build(self) -> Build: ...


class Build(Protocol):
    """Makes the arguments of a request from values by place, each by its name on the wire."""

    def __call__(
        self,
        path: Values,
        query: Values,
        headers: Values,
        body: Any,
        content_type: str | None,
    ) -> dict[str, Any]: ...


class Operation(NamedTuple):
    """One operation of the API."""

    id: str
    method: str
    path: str
    build: Build
    behaviour: Behaviour
    """What its extensions say."""
    media_types: tuple[str, ...] = ()
    """Of the request's body; none where it has no body."""
    responses: Mapping[str, Mapping[str, str]] = {}
    """Type expressions by status and media type."""
    stream_type: str | None = None
    """Type expression of an event."""
    docs: str = ""
    """The URL of its documentation."""
    files: Mapping[str, tuple[str, ...]] = {}
    """Body fields that take a file, each with the forms it takes it in: part, url, base64,
    data_url.
    """
    required: tuple[str, ...] = ()
    """Body fields that every call needs."""
    not_empty: tuple[str, ...] = ()
    """Body fields in which an empty text is a mistake."""
    key_headers: tuple[str, ...] = ()
    """Headers that take the API key as well as `Authorization`."""

    @classmethod
    def of(cls, endpoint: Endpoint) -> Operation:
        """The operation of an endpoint module, made once."""
        return _operation(endpoint)

    @classmethod
    def by_id(cls, operation_id: str) -> Operation:
        """The operation of an id. Raises KeyError."""
        from importlib import import_module

        from api302_resources._index import OPERATIONS

        return _operation(import_module(f"api302_client.api.{OPERATIONS[operation_id]}"))

    def __repr__(self) -> str:
        return f"<Operation {self.id}>"


@cache
def _operation(endpoint: Endpoint) -> Operation:
    from api302_client.behaviour import read

    return Operation(
        id=endpoint.ID,
        method=endpoint.METHOD,
        path=endpoint.PATH,
        build=endpoint.build,
        behaviour=read(endpoint.EXTENSIONS),
        media_types=endpoint.MEDIA_TYPES,
        responses=endpoint.RESPONSES,
        stream_type=endpoint.STREAM,
        docs=endpoint.DOCS,
        files=endpoint.FILES,
        required=endpoint.REQUIRED,
        not_empty=endpoint.NOT_EMPTY,
        key_headers=endpoint.KEY_HEADERS,
    )


class CallOptions(NamedTuple):
    """How a call is sent and read, apart from what is sent."""

    timeout: Timeout
    retries: int
    """How often it is repeated at most."""
    stream: bool = False
    """The response is left open, to be read piece by piece, unless it is JSON."""
    bare: bool = False
    """It goes as it is: without the API key and the client's headers, wherever it goes."""
    check: bool = True
    """Whether a good status may hold the provider's error envelope."""
    repeatable: bool = False
    """It may be made again when its outcome is unknown: after a timeout, a broken connection or a
    5xx.
    """
    spare: bool = False
    """It may go to a spare host, where the first cannot be reached."""


class Call(NamedTuple):
    """One call, ready to be sent. Middleware is handed it, complete, for each exchange.

    For middleware are the properties and `replace`; the fields may change.
    """

    kwargs: dict[str, Any]
    """For `build_request` of the HTTP client, but for the base URL and the API key."""
    options: CallOptions
    what: str
    """Method and path, for errors and the log: no query, which may hold secrets."""
    op: Operation | None = None
    opened: Iterable[Any] = ()
    """Files that were opened for the call, to be closed after it."""
    model: str | None = None
    """The model that it names."""
    values: Mapping[str, Any] = {}
    """What is sent, by name on the wire: parameters and the fields of the body."""
    base: str = ""
    """The base URL that it is sent to; nothing if `kwargs` has a whole URL."""
    attempt: int = 0
    """How often the call was made before: 0 the first time."""
    redactor: Redactor = Redactor()
    """Takes the secrets of the client that makes the call out of what is kept of it."""

    @property
    def operation(self) -> str | None:
        """The id of the operation, such as `openai_chat`; None for `client.request()` and files."""
        return self.op.id if self.op else None

    @property
    def method(self) -> str:
        """Such as POST."""
        return self.kwargs["method"]

    @property
    def url(self) -> str:
        """The whole URL, without the query."""
        return self.base + self.kwargs["url"]

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case, the API key included."""
        return MappingProxyType(self.kwargs["headers"])

    @property
    def query(self) -> Mapping[str, Any]:
        """The parameters of the query."""
        return MappingProxyType(self.kwargs.get("params") or {})

    @property
    def json(self) -> Any:
        """The body, where it is JSON; else None. Not to be changed: give `replace` a new one."""
        return self.kwargs.get("json")

    @property
    def stream(self) -> bool:
        """Whether the body of a good response is left to be read piece by piece."""
        return self.options.stream

    def replace(
        self,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Call:
        """The call with other content, for `next`. Its URL stays.

        Args:
            api_key: The API key, in the place of the client's.
            headers: Added to those of the call; one that is None is taken away.
            query: Added to the parameters of the query; one that is None is taken away.
            json: The whole JSON body.

        Raises:
            InvalidArgument: the call has no JSON body, or goes to a host that may not see the key.
        """
        kwargs = dict(self.kwargs)
        if api_key is not None:
            if "authorization" not in kwargs["headers"]:
                raise InvalidArgument(f"api_key: {self.what} goes to a host that may not see it")
            key = key_headers(self.op, Secret(api_key))
            kwargs["headers"] = {**kwargs["headers"], **key}
        if headers is not None:
            named = {name.lower(): value for name, value in headers.items()}
            kwargs["headers"] = _without_none({**kwargs["headers"], **named})
        if query is not None:
            kwargs["params"] = _without_none({**(kwargs.get("params") or {}), **query})
        if json is not None:
            if "json" not in kwargs:
                raise InvalidArgument(f"json: {self.what} has no JSON body that can be replaced")
            kwargs["json"] = json
        return self._replace(kwargs=kwargs)

    def release(self) -> None:
        """Close the files that were opened for the call."""
        for file in self.opened:
            file.close()

    def __repr__(self) -> str:
        return f"<Call {self.what}>"  # the body may be large, and the headers hold the API key


def key_headers(op: Operation | None, key: Secret) -> dict[str, str]:
    """The headers that an operation takes the API key in."""
    names = op.key_headers if op else ()
    return {"authorization": Secret(f"Bearer {key}"), **dict.fromkeys(names, key)}


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# --- what calls end in ----------------------------------------------------------------------------


class RawResponse(Generic[T]):
    """A parsed response beside its HTTP side.

    Attributes:
        parsed: What the method returns without `with_raw_response`.
        status_code: The HTTP status.
        headers: The response's headers, names in lower case.
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
        """The body as plain JSON. Raises ValueError if it is not JSON."""
        import json

        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"RawResponse(status_code={self.status_code}, parsed={self.parsed!r})"


class Cost(NamedTuple):
    """What a call cost.

    Attributes:
        amount: In PTC; 1 PTC is 1 USD.
        input_tokens: Tokens of the request, where they are counted; else None.
        output_tokens: Tokens of the response, where they are counted; else None.
        model: The model that was billed, where one is named; else None.
        records: The responses of the account's record call, one for each billed request.
    """

    amount: float
    input_tokens: int | None
    output_tokens: int | None
    model: str | None
    records: tuple[Any, ...]


class Settlement(NamedTuple):
    """What the account's records say of a call that was sent and not answered.

    Attributes:
        outcome: `billed`: the call itself is on record, by its request id. `on record`: the records
            of the time have calls that belong to no known one; one of them may be this call, or all
            may be another program's with the same API key. `not billed`. `unknown`: not known, or
            not known yet.
        why: What that rests on, and when to ask again.
        cost: In PTC, of the call's record, or of the one that is left over; None where it has no
            cost, or where several are left.
        records: The records that may be the call's.
    """

    outcome: Literal["billed", "on record", "not billed", "unknown"]
    why: str
    cost: float | None = None
    records: tuple[Any, ...] = ()


class Estimate(NamedTuple):
    """What a call will cost, by documented prices and what its request says.

    Attributes:
        low: At least; None where nothing is known.
        high: At most; None where that is not known.
        currency: `PTC`; 1 PTC is 1 USD.
        basis: The prices and units that it rests on, or why there is no estimate.
        missing: The field of the request that would tell more; empty if there is none.
    """

    low: float | None
    high: float | None
    currency: str
    basis: str
    missing: str = ""

    def __str__(self) -> str:
        if self.low is None:
            return f"no estimate: {self.basis}"
        high = "unknown" if self.high is None else f"{self.high:g}"
        amount = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {high}"
        return f"{amount} {self.currency}: {self.basis}"


class TaskStatus(NamedTuple, Generic[T]):
    """The status of a task.

    Attributes:
        state: `pending`, `succeeded` or `failed`.
        raw_state: The service's own word for it.
        progress: From 0 to 1, where the service reports it; else None.
        outputs: URLs of the results.
        message: Why it failed.
        code: The vendor's code for why it failed.
        response: The response that says all this.
    """

    state: Literal["pending", "succeeded", "failed"]
    raw_state: Any = None
    progress: float | None = None
    outputs: tuple[str, ...] = ()
    message: str = ""
    code: Any = None
    response: T | None = None

    def __str__(self) -> str:
        share = f" {self.progress:.0%}" if self.progress is not None else ""
        word = f" ({self.raw_state})" if self.raw_state not in (None, self.state) else ""
        return f"{self.state}{share}{word}"


class Uploaded(NamedTuple):
    """An uploaded file.

    Attributes:
        url: Its URL, or the id that the vendor's other calls take for it.
        response: The service's response.
    """

    url: str
    response: Any

    @property
    def request_id(self) -> str | None:
        """The id under which the upload is billed."""
        return self.response.request_id
