"""From a call to a response that is no failure: sending, redirects, retries."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from .. import _log
from .._errors import Api302Error, ApiError, ConnectionError, InvalidArgument
from .._http.retry import SAFE, delay
from .._json import is_object
from .._secret import Secret
from .._types import Call, Response
from .failure import api_error
from .session import Session, Settings

MOST_REDIRECTS = 10


async def exchange(session: Session, call: Call) -> Response:
    """Send, retrying as allowed, until a response is no failure. Raises an Api302Error."""
    attempt = 0
    retries = call.options.retries
    while True:
        _rewind(call)
        started = time.monotonic()
        try:
            response = await _send(session, call)
            error = await _failure(session, call, response)
            _log.exchange(
                call.what, response.status_code, response.headers, time.monotonic() - started
            )
            if error is None:
                return response
        except ConnectionError as broken:
            error = broken
        pause = delay(error, call.kwargs["method"], attempt, retries)
        if pause is None or not all(getattr(file, "again", True) for file in call.opened):
            raise error
        attempt += 1
        _log.retry(call.what, error, pause, attempt, retries)
        await session.io.sleep(pause)


def _rewind(call: Call) -> None:
    """A file that is the body begins at its start, as the HTTP library sends the files of a form."""
    content: Any = call.kwargs.get("content")
    if hasattr(content, "seekable") and content.seekable():
        content.seek(0)


async def _send(session: Session, call: Call) -> Response:
    """Send once, following redirects of a GET.

    Neither the API key nor the caller's headers go to another host, or from https to http.
    """
    kwargs, trusted = _addressed(session.settings, call)
    url: str = kwargs["url"]
    target = None
    for _ in range(MOST_REDIRECTS + 1):
        response = await session.io.send(kwargs, call.options.timeout, call.what)
        target = _redirected(kwargs["method"], response)
        if not target:
            return response
        await session.io.release(response)
        try:
            url = urljoin(url, target)
            trusted = trusted and same_place(session.settings.base_url, url)
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
        f"{call.what}: redirected too often, or to no URL of the web; the last was {target}"
    )


def _addressed(settings: Settings, call: Call) -> tuple[dict[str, Any], bool]:
    """The request with its whole URL and its headers, and whether that host may see the API key."""
    kwargs = dict(call.kwargs)
    url: str = kwargs["url"]
    kwargs["url"] = url = settings.base_url + url if url.startswith("/") else url
    try:
        trusted = same_place(settings.base_url, url)
    except ValueError as error:
        raise InvalidArgument(f"url: {url[:80]!r} is not a URL ({error})") from None
    if not call.options.bare:
        kwargs["headers"] = {**_keys(settings, call), **kwargs["headers"]} if trusted else {}
    return kwargs, trusted


def _keys(settings: Settings, call: Call) -> dict[str, str]:
    names = call.op.key_headers if call.op else ()
    bearer = Secret(f"Bearer {settings.api_key}")
    return {"authorization": bearer, **dict.fromkeys(names, settings.api_key)}


def _redirected(method: str, response: Response) -> str | None:
    """Where a GET is redirected to, if it is."""
    follows = method in SAFE and response.status_code in (301, 302, 303, 307, 308)
    return response.headers.get("location") if follows else None


def same_place(one: str, other: str) -> bool:
    """Whether two URLs are of one scheme, host and port, so that what one may know the other may."""
    a, b = urlsplit(one), urlsplit(other)
    ports = {"https": 443, "http": 80}
    return (a.scheme, a.hostname, a.port or ports.get(a.scheme)) == (
        b.scheme,
        b.hostname,
        b.port or ports.get(b.scheme),
    )


async def _failure(session: Session, call: Call, response: Response) -> Api302Error | None:
    """The error that a response is, or None. The body is read, but for a stream's."""
    status = response.status_code
    good = 200 <= status < 300
    may_fail = call.options.check and "json" in response.headers.get("content-type", "")
    if good and call.options.stream and not may_fail:
        return None
    try:
        content = await session.io.read(response, call.what)
    except BaseException:
        await session.io.release(response)
        raise
    for observer in session.observers:
        observer(call, status, response.headers, content)
    if good and not (may_fail and _is_envelope(content)):
        return None
    return response_error(session.settings, call, status, response.headers, content)


def _is_envelope(content: bytes) -> bool:
    """Whether a body is 302.AI's error envelope."""
    if b'"err_code"' not in content:
        return False
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return False
    error = data.get("error") if is_object(data) else None
    return is_object(error) and bool(error.get("err_code"))


def response_error(
    settings: Settings,
    call: Call,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    **known: Any,
) -> ApiError:
    """The error of a response, without the API key should the response repeat it."""
    key = settings.api_key
    shown = content.replace(key.encode(), b"[key]")
    return api_error(status, without_key(key, headers), shown, call.what, **known)


def without_key(key: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers, names in lower case, that do not show the API key."""
    return {name.lower(): value.replace(key, "[key]") for name, value in headers.items()}
