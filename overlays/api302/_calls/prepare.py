"""From arguments to a call that can be sent. Nothing is sent here; what is wrong raises InvalidArgument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import InvalidArgument
from .._types import Call, CallOptions, Operation, Options, Timeout, Values
from .files import put_files
from .session import Settings


def operation_call(
    settings: Settings,
    op: Operation,
    options: Options,
    *,
    path: Values | None = None,
    query: Values | None = None,
    headers: Values | None = None,
    body: Values | None = None,
    accept: str | None = None,
    retries: int | None = None,
    stream: bool = False,
) -> Call:
    """The call for an operation. Raises InvalidArgument; sends nothing."""
    extra_headers, extra_query, extra_body, timeout = options
    given = None if body is None else _checked(op, body, extra_body)
    opened: list[Any] = []
    try:
        if given and op.files:
            has_form = "multipart/form-data" in op.media_types or "" in given
            given = put_files(given, op.files, opened, has_form)
        content = _content(given, extra_body)
        asked = {**(query or {}), **(extra_query or {})}
        try:
            kwargs = op.build(path or {}, asked, headers or {}, content, None)
        except ValueError as error:
            raise InvalidArgument(f"{op.id}: {error}") from error
        accepted = {"accept": accept} if accept else None
        kwargs["headers"] = merged_headers(
            accepted, kwargs.get("headers"), settings.headers, extra_headers
        )
        how = _how(settings, timeout, retries)._replace(stream=stream)
    except BaseException:
        for file in opened:
            file.close()
        raise
    return Call(kwargs, how, op, opened)


def raw_call(
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: Timeout | None = None,
    stream: bool = False,
    check: bool = True,
    **body: Any,
) -> Call:
    """A call for no operation: `url` is a path, or a whole URL (which sees the API key only on the client's own host)."""
    sent = merged_headers(settings.headers, headers)
    kwargs = {"method": method.upper(), "url": url, **body, "headers": sent}
    how = _how(settings, timeout)._replace(stream=stream, check=check)
    return Call(kwargs, how)


def bare_call(
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: Timeout | None = None,
    **body: Any,
) -> Call:
    """A call to another service, such as a store for uploads: these headers and no others, and never the API key."""
    kwargs = {"method": method, "url": url, **body, "headers": dict(headers)}
    return Call(kwargs, _how(settings, timeout)._replace(bare=True, check=False))


def _how(settings: Settings, timeout: Any, retries: int | None = None) -> CallOptions:
    seconds = settings.timeout if timeout is None else valid_timeout(timeout)
    return CallOptions(seconds, settings.retries if retries is None else retries)


def _checked(op: Operation, body: Values, extra: Values | None) -> dict[str, Any]:
    """The body without what is None. Raises InvalidArgument for a required field that is missing or empty."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in op.required:
        if name not in given and name not in (extra or ()):
            raise InvalidArgument(f"{name}: is required, and was None")
    for name in op.not_empty:
        value = given.get(name)
        if isinstance(value, str) and not value.strip():
            raise InvalidArgument(f"{name or 'body'}: is empty; give some text")
    return given


def _content(body: dict[str, Any] | None, extra: Values | None) -> Any:
    """The fields of the body, or the text or file that the whole body is."""
    whole = body[""] if body and "" in body else None
    if whole is None:
        return {**(body or {}), **extra} if extra else body
    if extra:
        raise InvalidArgument(
            "extra_body: the body of this call has no fields; give all of it as `body`"
        )
    return getattr(whole, "content", whole)


def merged_headers(*several: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers by their names in lower case, later ones winning.

    Raises InvalidArgument without showing the value: it may be secret.
    """
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
    """Seconds above 0 (infinity for no limit), or a Timeout of httpx2 or httpx."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value > 0:
            return value
    elif value.__class__.__name__ == "Timeout":
        return value
    raise InvalidArgument(
        f"timeout: must be seconds above 0, float('inf') for none, or an httpx2.Timeout, not {value!r}"
    )
