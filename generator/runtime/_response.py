"""From an HTTP response to what the caller gets, by the table `RESPONSES` of an endpoint module."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ._model import Binary, HttpInfo, attach
from ._structure import structure
from .errors import DecodeError

Responses = Mapping[str, Mapping[str, str]]
"""Type expressions by status (`200`, `4XX`, `default`) and media type.

`bytes` means a file, `str` text.
"""

FILE_KINDS = (
    "audio/",
    "image/",
    "video/",
    "font/",
    "model/",
    "application/octet-stream",
    "application/zip",
    "application/pdf",
)


def parse(responses: Responses, status: int, headers: Mapping[str, str], content: bytes) -> Any:
    """Turn a body into what its status and media type say, or as near to it as it allows.

    A model, or `JsonObject`, `JsonList`, `Text`, `Binary`; each carries `http` and `request_id`.
    None for an empty body that may be empty.

    Raises:
        DecodeError: the status is good, the body is declared to be JSON and does not parse.
    """
    http = HttpInfo(status, {name.lower(): value for name, value in headers.items()}, content)
    media_type, charset = _content_type(http.headers.get("content-type", ""))
    by_media = _by_status(responses, status)
    expression = _by_media_type(by_media, media_type)
    return attach(_read(by_media, expression, media_type, charset, status, content), http)


def _read(
    by_media: Mapping[str, str],
    expression: str | None,
    media_type: str,
    charset: str,
    status: int,
    content: bytes,
) -> Any:
    if expression == "bytes":
        return Binary(content, media_type)
    if _is_json(media_type) and (content or (status < 400 and status not in (204, 205))):
        return _json(expression or "Any", charset, status, content)
    if expression == "str":
        return _text(content, charset)
    if not content:
        return None
    if media_type.startswith(FILE_KINDS):
        return Binary(content, media_type)
    return _unlabelled(by_media, media_type, charset, content)


def _json(expression: str, charset: str, status: int, content: bytes) -> Any:
    """A body that is declared to be JSON."""
    try:
        return structure(expression, _loads(content, charset))
    except (ValueError, RecursionError):
        if status < 400:
            raise DecodeError(content, status) from None
        # The status says enough: a proxy's page under a wrong label must not hide it.
        return _text(content, charset)


def _unlabelled(by_media: Mapping[str, str], media_type: str, charset: str, content: bytes) -> Any:
    """A body with a wrong label, or none: what parses as JSON is JSON, then text, then a file."""
    try:
        return structure(_only_json(by_media) or "Any", _loads(content, charset))
    except (ValueError, RecursionError):
        pass
    try:
        if "bytes" not in by_media.values() or media_type.startswith("text/"):
            return content.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        pass
    return Binary(content, media_type or "application/octet-stream")


def _content_type(header: str) -> tuple[str, str]:
    media_type, _, parameters = header.partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
    return media_type.strip().lower(), charset[1].lower() if charset else ""


def _by_status(responses: Responses, status: int) -> Mapping[str, str]:
    for key in (str(status), f"{status // 100}XX", "default"):
        if key in responses:
            return responses[key]
    return {}


def _by_media_type(by_media: Mapping[str, str], media_type: str) -> str | None:
    if media_type in by_media:
        return by_media[media_type]
    if (wide := media_type.partition("/")[0] + "/*") in by_media:
        return by_media[wide]
    if _is_json(media_type) and (found := _only_json(by_media)):
        return found
    return by_media.get("*/*")


def _only_json(by_media: Mapping[str, str]) -> str | None:
    return next((kind for media, kind in by_media.items() if _is_json(media)), None)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _loads(content: bytes, charset: str) -> Any:
    if charset in ("", "utf-8", "utf8"):
        return json.loads(content, strict=False)
    try:
        return json.loads(content.decode(charset), strict=False)
    except LookupError:
        return json.loads(content, strict=False)


def _text(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return content.decode("utf-8", errors="replace")
