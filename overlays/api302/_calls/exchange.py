"""From a call to a response that is no failure: hosts, middleware, redirects, retries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from api302 import _log
from api302._errors import (
    Api302Error,
    ApiError,
    BadRequestError,
    ConnectionError,
    DecodeError,
    EnvelopeError,
    InvalidArgument,
    NoChannelError,
    NotFoundError,
)
from api302._http import logs
from api302._http.decoding import media_type_of
from api302._http.response import Response
from api302._http.retry import SAFE, delay
from api302._secret import without_credentials
from api302._types import Call, key_headers

from .failure import api_error, broken_off, decode_error, failure_in, is_html, received
from .middleware import Send, through
from .models import unknown
from .session import Session
from .settings import Settings

MOST_OF_AN_ERROR = 1 << 20
"""Bytes that are read of the body of a response that is a failure."""
MOST_REDIRECTS = 10
PLAIN_HEADERS = frozenset({"range", "if-range"})
"""Of a download that goes on. No caller's own header is among them on another host."""
_MODEL_MAY_BE_WRONG = (BadRequestError, NotFoundError, NoChannelError, EnvelopeError)


async def exchange(session: Session, call: Call, send: Send | None = None) -> Response:
    """Send, retrying as allowed, until a response is no failure.

    `send` makes one exchange, where it is not one of HTTP alone.

    Raises an Api302Error, without secrets.
    """
    started = time.time()
    try:
        return await _exchange(session, call, send or _send)
    except Api302Error as error:
        error.window = (started, time.time())
        session.redactor.error(error)
        error.__traceback__ = None  # the frames below hold the response as it was received
        raise


async def _exchange(session: Session, call: Call, send: Send) -> Response:
    options = call.options
    while True:
        started = time.monotonic()
        refused = True
        try:
            response = await _attempt(session, call, send)
            error, refused = response.verdict or await _judged(session, call, response)
            seconds = time.monotonic() - started
            _log.exchange(call.what, response.status_code, response.headers, seconds)
            if error is None:
                return response
        except ConnectionError as broken:
            error = broken
        pause = delay(
            error,
            options.repeatable,
            call.attempt,
            options.retries,
            refused=refused,
            patience=_patience(options.timeout),
        )
        if pause is None or not all(getattr(file, "again", True) for file in call.opened):
            raise error
        call = call._replace(attempt=call.attempt + 1)
        _log.retry(call.what, error, pause, call.attempt, options.retries)
        await session.io.sleep(pause)


def _patience(timeout: Any) -> float:
    """Seconds that the caller waits for the service: no pause before a repeat is longer."""
    seconds = timeout if isinstance(timeout, (int, float)) else timeout.read
    return float("inf") if seconds is None else seconds


async def _attempt(session: Session, call: Call, send: Send) -> Response:
    """Send once, through the middleware, to the first host that can be reached.

    Only where a host cannot be reached, so that nothing was sent, the next one is tried.
    """
    ready = await _addressed(session, call)
    for url in session.settings.fallback if ready.base and ready.options.spare else ():
        try:
            return await through(session, ready, send)
        except ConnectionError as error:
            if not error.unreached:
                raise
            _log.logger.warning("%s: %s; trying the next host", call.what, type(error).__name__)
            ready = ready._replace(base=url)
    return await through(session, ready, send)


async def _send(session: Session, call: Call) -> Response:
    """Send, following redirects of a GET, and read what is to be read at once.

    Neither the API key nor the caller's headers go to another host, or from https to http.
    """
    _rewind(call)
    kwargs = {**call.kwargs, "url": call.url}
    redirects, io = 0, session.io
    while True:
        with logs.redacted(session.redactor):
            response = await io.send(kwargs, call.options.timeout, call.what)
        target = _redirected(call.method, response)
        if not target:
            response.verdict = await _judged(session, call, response)
            return response
        await io.release(response)
        url = _joined(kwargs["url"], target) if redirects < MOST_REDIRECTS else None
        if url is None:
            raise _astray(session, call, response, target)
        redirects += 1
        given: Any = kwargs["headers"]
        headers: Any = given if same_place(call.url, url) else _plain(given)
        kwargs = dict[str, Any](method=call.method, url=url, headers=headers)


def _rewind(call: Call) -> None:
    """A file that is the body begins at its start, as the HTTP library sends a form's files."""
    content: Any = call.kwargs.get("content")
    if hasattr(content, "seekable") and content.seekable():
        content.seek(0)


def _astray(session: Session, call: Call, response: Response, target: str) -> Api302Error:
    shown = session.redactor.text(target)
    return Api302Error(
        f"{call.what}: redirected too often, or to no URL of the web; the last was {shown}",
        **received(session.redactor, call.what, response.status_code, response.headers, b""),
    )


def _joined(url: str, target: str) -> str | None:
    """Where a redirect leads, if that is a URL of the web."""
    try:
        joined = urljoin(url, target)
        same_place(url, joined)
    except ValueError:
        return None
    return joined if joined.startswith(("http://", "https://")) else None


async def _addressed(session: Session, call: Call) -> Call:
    """The call with its host, and with the API key if that host may see it."""
    settings = session.settings
    url: str = call.kwargs["url"]
    is_ours = url.startswith("/")
    base = settings.base_url if is_ours else ""
    call = call._replace(base=base, redactor=session.redactor)
    if call.options.bare:
        return call
    headers = _plain(call.kwargs["headers"])
    if is_ours or _is_trusted(settings, url):
        headers = {**key_headers(call.op, await session.key()), **call.kwargs["headers"]}
    return call._replace(kwargs={**call.kwargs, "headers": headers})


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that any host may see: which part of a file is wanted."""
    return {name: value for name, value in headers.items() if name in PLAIN_HEADERS}


def _is_trusted(settings: Settings, url: str) -> bool:
    try:
        return any(same_place(host, url) for host in settings.hosts)
    except ValueError as error:
        shown = without_credentials(url[:80])
        raise InvalidArgument(f"url: {shown!r} is not a URL ({error})") from None


def _redirected(method: str, response: Response) -> str | None:
    """Where a GET is redirected to, if it is."""
    follows = method in SAFE and response.status_code in (301, 302, 303, 307, 308)
    return response.headers.get("location") if follows else None


def same_place(one: str, other: str) -> bool:
    """Whether two URLs have one scheme, host and port, so that what one may know the other may."""
    a, b = urlsplit(one), urlsplit(other)
    ports = {"https": 443, "http": 80}
    return (a.scheme, a.hostname, a.port or ports.get(a.scheme)) == (
        b.scheme,
        b.hostname,
        b.port or ports.get(b.scheme),
    )


# --- whether a response is a failure --------------------------------------------------------------


async def _judged(
    session: Session, call: Call, response: Response
) -> tuple[Api302Error | None, bool]:
    """The error that a response is, if it is one, and whether the call then surely was not
    accepted.
    """
    status = response.status_code
    good = 200 <= status < 300
    if good and call.options.stream and not await _is_whole(session, call, response):
        return None, False
    io = response.io or session.io  # the client may be closed by now
    await io.read(response, call.what, None if good else MOST_OF_AN_ERROR)
    if not good:
        return response_error(session, call, response), True
    if call.options.check and (found := failure_in(call.op, response.data)):
        error = response_error(session, call, response, code=found.code, message=found.message)
        return error, found.refused
    if call.options.stream and is_html(response.content):
        return _no_stream(session, call, response), False
    return _incomplete(session, call, response), False


async def _is_whole(session: Session, call: Call, response: Response) -> bool:
    """Whether a response that was to be a stream is no stream, so that it is read whole: JSON, or a
    page.
    """
    if not call.options.check:
        return False
    label = media_type_of(response.headers.get("content-type", ""))[0]
    if "json" in label and "json-seq" not in label and "ndjson" not in label:
        return True
    if label == "text/html":
        return True
    if call.op is None or call.op.stream_type is not None or label == "text/event-stream":
        return False
    io = response.io or session.io
    first = await io.begin(response, call.what)
    # No file of sound or images begins with these.
    return first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[", b"<!", b"<html"))


def _no_stream(session: Session, call: Call, response: Response) -> DecodeError:
    why, status = "is an HTML page", response.status_code
    headers, content = response.headers, response.content
    return decode_error(session.redactor, call.what, why, status, headers, content)


def _incomplete(session: Session, call: Call, response: Response) -> ConnectionError | None:
    """The error for a body that did not come whole.

    A JSON value that is whole is whole, whatever the connection says.
    """
    trouble = response.problem or broken_compression(call, response)
    if trouble is None:
        return None
    if isinstance(response.data, (dict, list)) or _has_its_length(response):
        _log.logger.warning("%s: the response is whole, but ended badly (%s)", call.what, trouble)
        return None
    return broken_off(session.redactor, call.what, trouble, response)


def broken_compression(call: Call, response: Response) -> ConnectionError | None:
    """The error for a body whose compression was not undone to its end.

    A label that is wrong and a checksum that is wrong lose nothing.
    """
    problem = response.compression_problem
    if not problem or "labeled" in problem or "checksum" in problem:
        return None
    return ConnectionError(f"{call.what}: the response's compression is broken: {problem}")


def _has_its_length(response: Response) -> bool:
    length = response.headers.get("content-length", "")
    whole = length.isdigit() and int(length) == response.num_bytes_downloaded
    return whole and not response.compression_problem


def response_error(
    session: Session, call: Call, response: Response, code: Any = None, message: Any = None
) -> ApiError:
    """The error of a response that is a failure.

    Where it may be the model's name that is wrong, the message names near ones.
    """
    error = api_error(
        session.redactor,
        call.what,
        response.status_code,
        response.headers,
        response.content,
        code,
        message,
    )
    if call.model and isinstance(error, _MODEL_MAY_BE_WRONG) and (said := unknown(call.model)):
        error.args = (f"{error.message.rstrip('.')}. {said[0].upper()}{said[1:]}",)
    return error
