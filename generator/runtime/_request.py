"""From values to the arguments of `httpx2.Client.request`; httpx2 itself is not imported.

Multipart bodies are handed to httpx2 as `files`, so that httpx2 chooses a random boundary (a fixed
one lets a file forge form fields) and reads open files piece by piece. A form is multipart, where a
call also takes JSON, as soon as one value is a file: bytes, an open file, or a tuple (name, data)
or (name, data, media type).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

from ._model import Model, plain

Files = Mapping[str, tuple[str, ...]]
"""Fields of a body that take a file, each with its forms: part, url, base64, data_url."""
Extensions = Mapping[str, Any]
"""The `x-` extensions that clients act on, as in the document; `behaviour.read` reads them."""

MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"


def build(
    method: str,
    template: str,
    media_types: Sequence[str],
    path: Mapping[str, Any],
    query: Mapping[str, Any],
    headers: Mapping[str, Any],
    body: Any,
    content_type: str | None,
) -> dict[str, Any]:
    """The arguments of one request.

    They are the method, the url (the path alone), and as needed params, headers, json, data, files
    or content.

    Query parameters and headers that are None are left out. The JSON body is sent as it is given,
    its nulls included.

    Raises:
        ValueError: a path value is missing or unsafe, a header cannot be sent, the body does not
            suit the media types. Names the parameter.
    """
    kwargs: dict[str, Any] = {"method": method, "url": _fill(template, path)}
    if params := query_params(query):
        kwargs["params"] = params
    sent = header_values(headers)
    if body is not None:
        kwargs |= body_kwargs(body, media_types, content_type)
        sent = kwargs.get("headers", {}) | sent
    if sent:
        kwargs["headers"] = sent
    return kwargs


class Builder(Protocol):
    """`build` for one operation: the request by the names on the wire."""

    def __call__(
        self,
        path: Mapping[str, Any],
        query: Mapping[str, Any],
        headers: Mapping[str, Any],
        body: Any,
        content_type: str | None,
    ) -> dict[str, Any]: ...


def builder(method: str, template: str, media_types: Sequence[str]) -> Builder:
    """What an endpoint module calls `build`."""
    return partial(build, method, template, media_types)


def _fill(template: str, path: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        """`{name}` is one segment, `{+name}` may be several (RFC 6570)."""
        plus, name = match.groups()
        if not plus:
            return path_segment(path.get(name), name)
        whole = scalar("" if path.get(name) is None else path[name], name)
        segments = whole.strip("/").split("/")
        return "/".join(path_segment(segment, name) for segment in segments)

    return re.sub(r"{(\+?)([^{}]+)}", value, template)


def path_segment(value: Any, name: str = "value") -> str:
    """The value as one segment of a path.

    Raises:
        ValueError: the value is missing, empty, or would lead to another path (`.`, `..`).
    """
    text = "" if value is None else scalar(value, name)
    if text.strip() == "":
        raise ValueError(
            f"path parameter {name!r} is empty; without it the URL would be that of another call"
        )
    if text in {".", ".."}:
        raise ValueError(f"path parameter {name!r} is {text!r}, which would lead to another path")
    return quote(text, safe="")


def scalar(value: Any, name: str = "value") -> str:
    """A value as text in a path, query, header or form: booleans in lower case, objects as JSON.

    Raises:
        ValueError: it is of a type that has no text of its own, or is no finite number.
    """
    if value.__class__ is str:
        return str(value)
    if _is_decimal(value):
        if value.is_finite():
            return str(value)
        raise ValueError(f"{name!r} is {value}, which is not a number to send")
    text = _text(plain(value), name)
    if text is None:
        kind = type(value).__name__
        raise ValueError(f"{name!r} is of the type {kind}; give text, a number, a list or a dict")
    return text


def _text(value: Any, name: str) -> str | None:
    """Plain JSON as text, subclasses as what they are of; None for anything else."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if not isinstance(value, (int, float, dict, list)):
        return None
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name!r} cannot be sent as JSON ({error})") from error


def query_params(query: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Query parameters for httpx2: None left out, lists repeated."""
    return {name: _form_value(value, name) for name, value in query.items() if value is not None}


def header_values(headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers for httpx2: None left out.

    Raises:
        ValueError: a value that no header can carry, such as one with a line break. The value is
            not shown: it may be secret.
    """
    values = {name: scalar(value, name) for name, value in headers.items() if value is not None}
    for name, value in values.items():
        if not value.isascii() or not value.isprintable():
            raise ValueError(
                f"header {name!r} has a line break or another character that headers cannot carry"
            )
    return values


def body_kwargs(
    body: Any, media_types: Sequence[str], content_type: str | None = None
) -> dict[str, Any]:
    """The body as httpx2 takes it, in the media type asked for or the one that suits.

    That is multipart for a file, and the first one otherwise.

    Raises:
        ValueError: naming the field or the media types.
    """
    chosen = content_type or _choose(body, media_types)
    essence = chosen.partition(";")[0].strip().lower()
    if essence == "application/json" or essence.endswith("+json"):
        _no_files(body, chosen)
        headers = {} if essence == "application/json" else {"headers": {"Content-Type": chosen}}
        return {"json": plain(body), **headers}
    if essence in {MULTIPART, FORM}:
        return _form(body, essence, chosen)
    if not _is_content(body):
        kind = "a mapping" if isinstance(body, Mapping) else type(body).__name__
        raise ValueError(f"a {essence} body must be text, bytes or an open file, not {kind}")
    content = body.encode() if isinstance(body, str) else body
    return {"content": content, "headers": {"Content-Type": chosen}}


def _form(body: Any, essence: str, chosen: str) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise ValueError(f"a {essence} body must be a mapping of fields, not {type(body).__name__}")
    if essence == MULTIPART:
        return {"files": [part for name, value in body.items() for part in _parts(name, value)]}
    _no_files(body, chosen)
    return {
        "data": {
            name: _form_value(value, name) for name, value in body.items() if value is not None
        }
    }


def _choose(body: Any, media_types: Sequence[str]) -> str:
    if not media_types:
        raise ValueError("this call takes no body")
    if isinstance(body, Mapping):
        if MULTIPART in media_types and any(map(_has_file, body.values())):
            return MULTIPART
        return media_types[0]
    raw = (media for media in media_types if _is_raw(media))
    return next(raw, media_types[0]) if _is_content(body) else media_types[0]


def _is_content(body: Any) -> bool:
    """Whether a value is a whole body as it is sent."""
    return isinstance(body, (str, bytes, bytearray, memoryview)) or hasattr(body, "read")


def _is_raw(media_type: str) -> bool:
    essence = media_type.partition(";")[0]
    return essence not in {"application/json", MULTIPART, FORM} and not essence.endswith("+json")


def _is_file(value: Any) -> bool:
    if isinstance(value, tuple):
        return (
            2 <= len(value) <= 4
            and (value[0] is None or isinstance(value[0], str))
            and _is_file(value[1])
        )
    return isinstance(value, (bytes, bytearray, memoryview)) or (
        hasattr(value, "read") and not isinstance(value, Model)
    )


def _has_file(value: Any) -> bool:
    return _is_file(value) or (isinstance(value, (list, tuple)) and any(map(_is_file, value)))


def _no_files(body: Any, media_type: str) -> None:
    if isinstance(body, Mapping):
        for name, value in body.items():
            if _has_file(value):
                raise ValueError(
                    f"body field {name!r} is a file, which {media_type} cannot carry; give a URL "
                    "or base64 text, if the call takes it"
                )


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """A field's parts.

    A filename of None makes a plain form field, in a body that stays multipart even without a file.
    """
    if value is None:
        return []
    if _is_file(value):
        if isinstance(value, tuple):
            return [(name, value)]
        value = bytes(value) if isinstance(value, (bytearray, memoryview)) else value
        return [(name, value if hasattr(value, "read") else ("upload", value))]
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in _parts(name, item)]
    return [(name, (None, scalar(value, name)))]


def _is_decimal(value: Any) -> bool:
    """Whether a value is a Decimal. Whoever has one has imported their module."""
    decimal = sys.modules.get("decimal")
    return decimal is not None and isinstance(value, decimal.Decimal)


def _form_value(value: Any, name: str) -> str | list[str]:
    if value.__class__ is str:
        return str(value)
    listed = value if isinstance(value, (list, tuple)) else plain(value)
    if isinstance(listed, (list, tuple)):
        return [scalar(item, name) for item in listed if item is not None]
    return scalar(value, name)


def for_async(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The same request for `httpx2.AsyncClient`, which refuses an open file as `content`."""
    content = kwargs.get("content")
    if hasattr(content, "read"):
        return kwargs | {"content": _read_async(content)}
    return kwargs


async def _read_async(file: Any) -> AsyncIterator[bytes]:
    while chunk := file.read(65536):
        yield chunk
