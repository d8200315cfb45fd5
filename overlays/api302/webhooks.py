"""Reading what the service sends to the URL that was given as `webhook` when a task was submitted.

The service signs nothing, so anybody may call that URL. `client.webhooks.url(…)` makes one with a
token of ours, and `client.webhooks.app(…)` is an ASGI application that takes such calls: it checks
the token, asks the service whether what was told is true, and hands each task over once.
Answer with a status of 200; the service tries three times.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from inspect import isawaitable, iscoroutinefunction
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from api302_client.behaviour import TaskStatus as StatusRule

from . import _log
from ._calls.session import Session
from ._errors import Api302Error, InvalidArgument, NotFoundError
from ._features.naming import operation_id as named_id
from ._features.polling import is_passing, read_status
from ._features.tasks import VERSION, Handle, resumed
from ._http.sync import run
from ._json import is_object
from ._secret import Secret
from ._types import Operation, TaskStatus

PARAMETER = "api302"
"""The query parameter with our token."""
WEEK = 7 * 86_400.0
LARGEST = 1 << 20
"""Bytes that a message may have."""
PATIENCE = 30.0
"""Seconds in which a message must have come."""
REMEMBERED = 10_000
"""Tasks that a receiver remembers, unless it is given a memory of its own."""


class Event(NamedTuple):
    """A message about a task."""

    task_id: str
    """The task's id, as `task.id`; empty where the message has none."""
    status: TaskStatus[Any]
    """Its status; the response is typed where the operation was named, or else the message as a
    dict.
    """
    operation_id: str | None = None
    """The call that submitted it, where it was named."""
    parameters: Mapping[str, Any] = {}
    """What the call that gets the status takes, as far as the message has it."""

    @property
    def task_dict(self) -> dict[str, Any]:
        """What `client.resume()` takes. Raises InvalidArgument where the call is not known."""
        if self.operation_id is None:
            raise InvalidArgument("operation_id: name the call that submitted the task")
        about = {"operation": self.operation_id, "id": self.task_id}
        known = {**about, "parameters": dict(self.parameters), "request_id": None}
        return {"kind": "api302.task", "version": VERSION, **known}


class Token(NamedTuple):
    """What a signed URL says."""

    operation_id: str | None
    """The call that submits the task, if the URL was made for one."""
    expires_at: float
    """When it ends, in seconds since 1970."""


# --- messages -------------------------------------------------------------------------------------


def parse(body: bytes | str | Mapping[str, Any], *, operation_id: str | None = None) -> Event:
    """Read a message.

    Args:
        body: The body of the request, as received or as JSON already.
        operation_id: The submitting operation (`task.to_dict()["operation"]`). Without it the
            message is read by the
            rules of all tasks that call webhooks, which is enough for the unified calls
            (`/302/v2/…`).

    Raises:
        InvalidArgument: The body is not a JSON object, or not a message of this call; or the
            operation is unknown or starts no task.
    """
    message = _message(body)
    named = None if operation_id is None else _named(operation_id)
    if named is None:
        fetch = _known(message)
        status = read_status(_rule(fetch), message, cast("Any", message), name="webhook")
        return Event(_task_id(message) or "", status)
    submitting, fetch = named
    if why := _is_other(fetch, message):
        raise InvalidArgument(f"body: is not a message about a task of {operation_id}: {why}")
    from api302_client._structure import structure

    kinds = fetch.responses.get("200", {})
    response = structure(kinds.get("application/json", "Any"), message)
    status = read_status(_rule(fetch), message, response, name=fetch.id)
    if submitting is None:
        return Event(_task_id(message) or "", status)
    parameters = _parameters(submitting, message)
    first = next(iter(parameters.values()), None)
    task_id = (_task_id(message) or "") if first is None else str(first)
    return Event(task_id, status, submitting.id, parameters)


def _message(body: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    data: Any = None
    try:
        data = dict(body) if isinstance(body, Mapping) else json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(
            f"body: is not JSON ({error}); give the body of the request as it came"
        ) from None
    if not is_object(data):
        raise InvalidArgument("body: is not a JSON object; give the body of the request as it came")
    return data


def _rule(fetch: Operation) -> StatusRule:
    return fetch.behaviour.status or StatusRule()


def _known(message: dict[str, Any]) -> Operation:
    """The operation whose rule knows the state in a message, of those whose tasks call webhooks.

    Raises InvalidArgument.
    """
    from api302_resources._index import WEBHOOKS

    known: list[tuple[bool, Operation]] = []
    for operation in map(Operation.by_id, WEBHOOKS):
        rule = operation.behaviour.status
        if rule is not None and rule.known_state(message):
            known.append((bool(rule.read(message).outputs), operation))
    if not known:
        raise InvalidArgument(
            "body: is not a message about a task that any call of this version is known to send; "
            "name the call that submitted it: operation_id=task.to_dict()['operation']"
        )
    return max(known, key=lambda one: one[0])[1]


def _named(operation_id: str) -> tuple[Operation | None, Operation]:
    """The operation that starts a task, and the one that gets its status; or that one alone."""
    try:
        named = Operation.by_id(operation_id)
        task = named.behaviour.task
        fetch = Operation.by_id(task.fetch) if task else named
    except KeyError:
        raise InvalidArgument(
            f"operation_id: {operation_id!r} is unknown to this version of api302"
        ) from None
    if not fetch.behaviour.status:
        raise InvalidArgument(f"operation_id: {operation_id!r} has nothing to do with tasks")
    return named if task else None, fetch


def _is_other(fetch: Operation, message: dict[str, Any]) -> str:
    """Why a message cannot be the status of such a task; nothing if it can."""
    rule = _rule(fetch)
    if rule.state is not None:
        state = rule.state.find(message)
        has_state = isinstance(state, (str, int, float)) and state != ""
        if has_state or (rule.done is not None and rule.done.holds(message)):
            return ""
        return f"it has no state at `{rule.state.field}`"
    known = (rule.done is not None and rule.done.holds(message)) or rule.read(message).outputs
    return "" if known or _task_id(message) else "it has neither an id nor an output"


def _parameters(submitting: Operation, message: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the call that gets the status, from where the submitting response has
    them; the id also from where messages of the unified calls do.
    """
    rule = submitting.behaviour.task
    assert rule is not None
    found = {name: value for name, value in rule.find(message).items() if value not in (None, "")}
    first = next(iter(rule.parameters))
    if first not in found and (task_id := _task_id(message)) is not None:
        found = {first: task_id, **found}
    return found


def _task_id(message: dict[str, Any]) -> str | None:
    for place in (message, message.get("data")):
        if is_object(place) and (found := place.get("task_id")):
            return str(found)
    return None


# --- signed URLs ----------------------------------------------------------------------------------


class _Signer:
    """Makes and checks the tokens of a secret."""

    def __init__(self, session: Session, secret: str | bytes | None) -> None:
        self._key = Secret(_key(session, secret).hex())

    def url(self, url: str, call: str | None, expires_in: float) -> str:
        """The URL with a token."""
        parts = _parts(url)
        operation = "" if call is None else _with_webhook(call)
        expires = int(time.time() + _seconds(expires_in))
        said = f"1.{expires}.{operation}.{secrets.token_hex(8)}"
        given = parse_qsl(parts.query, keep_blank_values=True)
        others = [(name, value) for name, value in given if name != PARAMETER]
        query = urlencode([*others, (PARAMETER, self._signed(said))], errors="replace")
        return urlunsplit(parts._replace(query=query))

    def verify(self, url: str | bytes) -> Token:
        """What the token of a URL, or of its query, says. Raises InvalidArgument."""
        given: Any = url
        text = given.decode("latin-1") if isinstance(given, bytes) else given
        if not isinstance(text, str):
            raise InvalidArgument(f"url: must be the URL that was called, not {text!r:.80}")
        text = text.partition("#")[0]
        query = text.partition("?")[2] if "?" in text or "://" in text else text
        token = (parse_qs(query).get(PARAMETER) or [""])[0]
        said = token.rpartition(".")[0]
        if not compare_digest(token.encode(errors="replace"), self._signed(said).encode()):
            raise InvalidArgument(f"url: its `{PARAMETER}` token is missing or not ours")
        _, expires, operation, _ = said.split(".")
        if int(expires) < time.time():
            raise InvalidArgument("url: its token has expired; make the URL for a longer time")
        return Token(operation or None, float(expires))

    def _signed(self, said: str) -> str:
        mac = hmac(bytes.fromhex(self._key), said.encode("utf-8", "replace"), sha256).digest()
        text = said.encode("utf-8", "replace").decode()
        return f"{text}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


def _parts(url: str) -> SplitResult:
    """The parts of a caller's URL. Raises InvalidArgument."""
    try:
        parts: SplitResult = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except (ValueError, TypeError, AttributeError):
        pass
    raise InvalidArgument(f"url: must be a whole URL of yours, not {url!r:.80}")


def _key(session: Session, secret: str | bytes | None) -> bytes:
    """The key of the tokens: of a secret of the caller's, or of the API key."""
    given: Any = session.settings.api_key if secret is None else secret
    if not isinstance(given, (str, bytes)):
        raise InvalidArgument("secret: give one, as the API key of this client changes")
    if not given:
        raise InvalidArgument("secret: is empty")
    content = given.encode(errors="surrogatepass") if isinstance(given, str) else given
    return hmac(content, b"api302 webhook 1", sha256).digest()


def _with_webhook(call: str) -> str:
    """The id of a call that takes a webhook. Raises InvalidArgument."""
    operation = Operation.by_id(named_id(call))
    task = operation.behaviour.task
    if task is None or task.webhook is None:
        raise InvalidArgument(f"call: {operation.id} takes no webhook")
    return operation.id


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e10:
        raise InvalidArgument(f"expires_in: must be seconds, more than 0, not {value!r}")
    return value


# --- the client's part ----------------------------------------------------------------------------


class _Webhooks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def parse(
        self, body: bytes | str | Mapping[str, Any], *, operation_id: str | None = None
    ) -> Event:
        """Read a message. See `api302.webhooks.parse`."""
        return parse(body, operation_id=operation_id)

    def url(
        self,
        url: str,
        *,
        call: str | None = None,
        expires_in: float = WEEK,
        secret: str | bytes | None = None,
    ) -> str:
        """Your URL with a token that only who has the secret can make, to be given as `webhook`.

        Args:
            url: Where your program takes the message.
            call: The operation id of the call that submits the task, such as
                `kling_text_to_video`, so that `app` knows how to read the message.
            expires_in: Seconds, a week unless said otherwise.
            secret: Yours, the same where it is checked; the client's API key unless given, from
                which it cannot be told.

        Raises:
            InvalidArgument: naming the argument.
        """
        return _Signer(self._session, secret).url(url, call, expires_in)

    def verify(self, url: str | bytes, *, secret: str | bytes | None = None) -> Token:
        """Check the token of the URL that was called, or of its query string.

        Raises InvalidArgument if it is missing, was changed, or has expired.
        """
        return _Signer(self._session, secret).verify(url)

    def app(
        self,
        on_event: Callable[[Event], object | Awaitable[object]],
        *,
        secret: str | bytes | None = None,
        seen: Seen | None = None,
    ) -> Receiver:
        """An ASGI application for the URLs that `url` makes: `uvicorn`, or mounted in another.

        A message has at most a megabyte, and half a minute to come in.

        Args:
            on_event: Called once for each task that has ended, with the status as the service
                tells it when asked. If it raises, the service is answered with 500, so that it
                tries again. A function that is not a coroutine's runs in a thread.
            secret: That of `url`.
            seen: Where the keys of tasks are kept that were handed over; in memory unless given.
                `key in seen`, `seen.add(key)` and `seen.discard(key)` are used.
        """
        signer = _Signer(self._session, secret)
        return Receiver(self._session, signer, on_event, _Memory() if seen is None else seen)

    async def _confirm(self, event: Event) -> Event:
        return await _confirmed(self._session, event)


class Webhooks(_Webhooks):
    """Webhooks, of a `Client`."""

    def confirm(self, event: Event) -> Event:
        """The event with the status as the service tells it when asked, once.

        Raises InvalidArgument if the event does not name its call; ApiError or ConnectionError if
        the status cannot be had.
        """
        return run(self._confirm(event))


class AsyncWebhooks(_Webhooks):
    """Webhooks, of an `AsyncClient`."""

    async def confirm(self, event: Event) -> Event:
        """See `Webhooks.confirm`."""
        return await self._confirm(event)


async def _confirmed(session: Session, event: Event) -> Event:
    handle: Handle = resumed(session, event.task_dict)
    return event._replace(status=await handle.poll())


# --- the receiver ---------------------------------------------------------------------------------


class Seen(Protocol):
    """A memory of keys, such as a set; one of your own may outlive the process."""

    def __contains__(self, key: Any, /) -> bool: ...
    def add(self, key: str, /) -> Any: ...
    def discard(self, key: str, /) -> Any: ...


class _Memory:
    """The last keys, in memory."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key: Any) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        self._keys[key] = None
        if len(self._keys) > REMEMBERED:
            self._keys.popitem(last=False)

    def discard(self, key: str) -> None:
        self._keys.pop(key, None)


class _Answer(Exception):
    """A response that is decided.

    `closes` says that no other request is taken from this connection: the rest of this one's body
    would be read for it.
    """

    def __init__(self, status: int, text: str, *, closes: bool = False) -> None:
        super().__init__(text)
        self.status, self.text, self.closes = status, text, closes


Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Receiver:
    """The ASGI application of `client.webhooks.app(…)`."""

    def __init__(
        self, session: Session, signer: _Signer, on_event: Callable[[Event], Any], seen: Seen
    ) -> None:
        self._session, self._signer = session, signer
        self._on_event, self._seen = on_event, seen

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"a webhook is called by HTTP, not by {scope['type']}")
        try:
            answer = await self._answer(scope, receive)
        except _Answer as decided:
            answer = decided
        except Exception as error:
            _log.logger.exception("a webhook's event was not handled: %s", type(error).__name__)
            answer = _Answer(500, "not handled; try again")
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if answer.closes and str(scope.get("http_version", "1.1")).startswith("1"):
            headers.append((b"connection", b"close"))  # HTTP/2 forbids it, and needs it not
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.text.encode()})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> _Answer:
        if scope["method"] != "POST":
            raise _Answer(405, "a webhook is called with POST")
        try:
            token = self._signer.verify(scope.get("query_string", b""))
        except InvalidArgument as error:
            raise _Answer(403, str(error)) from None
        body = await _body(receive)
        try:
            event = parse(body, operation_id=token.operation_id)
            key = f"{event.task_dict['operation']}:{event.task_id}"
        except InvalidArgument as error:
            raise _Answer(400, str(error)) from None
        if key in self._seen:
            return _Answer(200, "known already")
        confirmed = await self._ended(event)
        # Only now, so that a message about the end is taken while one about the progress is asked
        # for; and before anything is awaited, so that a second one about the end finds it.
        if key in self._seen:
            return _Answer(200, "known already")
        self._seen.add(key)
        try:
            if isawaitable(waiting := await self._called(confirmed)):
                await waiting
        except BaseException:
            self._seen.discard(key)
            raise
        return _Answer(200, "ok")

    async def _ended(self, event: Event) -> Event:
        """Ask the service for the task of a message, which must have ended."""
        try:
            confirmed = await self._confirm(event)
        except InvalidArgument as error:  # the message lacks what the status is asked with
            raise _Answer(400, str(error)) from None
        except NotFoundError as error:
            raise _Answer(404, error.message) from None
        except Api302Error as error:
            status = 503 if is_passing(error) else 500
            _log.logger.warning("a webhook was not confirmed (%s)", type(error).__name__)
            raise _Answer(status, "the task's status cannot be had; try again") from None
        if confirmed.status.state == "pending":
            is_progress = event.status.state == "pending"
            raise _Answer(200 if is_progress else 503, "the task has not ended")
        return confirmed

    async def _confirm(self, event: Event) -> Event:
        if self._session.connections.is_async:
            return await _confirmed(self._session, event)
        from anyio.to_thread import run_sync

        return await run_sync(lambda: run(_confirmed(self._session, event)))

    async def _called(self, event: Event) -> Any:
        if iscoroutinefunction(self._on_event):
            return self._on_event(event)
        from anyio.to_thread import run_sync

        return await run_sync(self._on_event, event)


async def _live(receive: Receive, send: Send) -> None:
    """Take part in the server's start and end, for which there is nothing to do."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    """The request's body, as far as a message may be long, and may take."""
    from anyio import fail_after

    try:
        with fail_after(PATIENCE):
            return await _whole(receive)
    except TimeoutError:
        raise _Answer(408, f"a message comes within {PATIENCE:g} seconds", closes=True) from None


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Answer(400, "the request broke off")
        body += message.get("body", b"")
        if len(body) > LARGEST:
            raise _Answer(413, f"a message has at most {LARGEST} bytes", closes=True)
        if not message.get("more_body"):
            return bytes(body)
