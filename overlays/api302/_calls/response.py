"""From a response to what the caller gets: the operation's type, or the error for what cannot be
that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from api302._errors import DecodeError
from api302._http.decoding import ABSENT, media_type_of
from api302._http.response import Response
from api302._types import Call, Operation

from . import failure
from .failure import is_html
from .session import Session

seen: ContextVar[list[Response] | None] = ContextVar("api302_seen", default=None)
"""Where `with_raw_response` finds the last response."""
_SOUND_AND_PICTURES = ("audio/", "image/", "video/", "font/", "model/")
_FILES = (
    *_SOUND_AND_PICTURES,
    "application/octet-stream",
    "application/zip",
    "application/pdf",
)


def parse_response(session: Session, call: Call, response: Response) -> Any:
    """Parse a response that was read into the operation's type.

    Raises DecodeError if it is of another kind.
    """
    if (slot := seen.get()) is not None:
        slot.append(response)
    from api302_client._model import HttpInfo, attach

    described = Described.of(call.op, response)
    if why := described.refusal():
        raise decode_error(session, call.what, response, why)
    value = described.value()
    # What was parsed holds the body already. `with_raw_response` has its bytes.
    content = b"" if is_parsed(value) else response.content
    info = HttpInfo(response.status_code, response.headers, content)
    return attach(value, info, _files(session, call.op, value))


def _files(session: Session, op: Operation | None, value: Any) -> Any:
    """What finds the files of a response, if it may have any."""
    from api302_client._model import Binary

    rules = op.behaviour.outputs if op else ()
    if not rules and not isinstance(value, Binary):
        return None
    from .outputs import outputs_of

    return outputs_of(session, rules)


def with_files(session: Session, op: Operation, value: Any) -> Any:
    """A response that was parsed elsewhere, with what finds its files."""
    from api302_client._model import attach

    http = getattr(value, "http", None)
    files = _files(session, op, value)
    return value if http is None or files is None else attach(value, http, files)


def is_parsed(value: Any) -> bool:
    """Whether a value was made of JSON, and so holds all that was received."""
    return isinstance(value, (dict, list)) or hasattr(value, "_raw")


def without_content(parsed: Any) -> Any:
    """A parsed response without the bytes that it was parsed from."""
    http = getattr(parsed, "http", None)
    if http is not None and is_parsed(parsed):
        setattr(parsed, "_http" if hasattr(parsed, "_raw") else "http", http._replace(content=b""))
    return parsed


class Described(NamedTuple):
    """A response with a good status beside what the document says of it."""

    response: Response
    by_media: Mapping[str, str]
    """Type expressions by media type, of this status; none where the document does not know it."""
    media_type: str
    charset: str
    expression: str | None
    """The one for this media type: `bytes` for a file, `str` for text."""
    json: str | None
    """The one for JSON."""
    streams: bool
    """The call answers with events unless it is asked not to."""

    @classmethod
    def of(cls, op: Operation | None, response: Response) -> Described:
        """Choose the expressions for a response."""
        media_type, charset = media_type_of(response.headers.get("content-type", ""))
        by_media = _by_status(op.responses if op else {}, response.status_code)
        json = next((kind for media, kind in by_media.items() if _is_json(media)), None)
        wide = f"{media_type.partition('/')[0]}/*"
        expression = by_media.get(media_type) or by_media.get(wide)
        if expression is None:
            expression = json if _is_json(media_type) and json else by_media.get("*/*")
        rule = op.behaviour.stream if op else None
        streams = rule is not None and rule.when is None
        return cls(response, by_media, media_type, charset, expression, json, streams)

    def refusal(self) -> str:
        """Why the response cannot be what is described; nothing if it can."""
        start, data = self.response.start, self.response.data
        if not start:
            return self._refusal_of_nothing()
        if data is None and self.json and not re.search(r"\b(None|Any)\b", self.json):
            return "is null"
        if is_html(start) and self.by_media and not self._may_be_a_page():
            return "is an HTML page"
        if data is not ABSENT:
            return "is JSON, not a file" if self._is_no_file(data) else ""
        return self._refusal_of_text()

    def _may_be_a_page(self) -> bool:
        """Whether text or a file of this very media type is described."""
        return self.expression in ("str", "bytes") and self.media_type in self.by_media

    def _refusal_of_nothing(self) -> str:
        if self.response.status_code in (204, 205) or self.expression == "str":
            return ""
        return "is empty" if self.by_media or _is_json(self.media_type) else ""

    def _is_no_file(self, data: Any) -> bool:
        """Whether JSON stands where only a file is described."""
        if self.json or not isinstance(data, (dict, list)) or "bytes" not in self.by_media.values():
            return False
        return self.expression != "bytes" or self.media_type.startswith(_SOUND_AND_PICTURES)

    def _refusal_of_text(self) -> str:
        """Why something that is not JSON is refused."""
        if self.json and self.media_type == "text/event-stream" and not self.streams:
            return "is an event stream, not JSON"
        if self.expression in ("bytes", "str"):
            return ""
        if _is_json(self.media_type):
            return "is not the JSON that it says it is"
        if not self.json or self.media_type.startswith(_FILES):
            return ""
        start = self.response.start[:64].lstrip(b"\xef\xbb\xbf \r\n")
        is_stream = self.media_type == "text/event-stream" or start.startswith(
            (b"data:", b"event:")
        )
        return "is an event stream, not JSON" if is_stream else "is not JSON"

    def value(self) -> Any:
        """The value that the caller gets."""
        from api302_client._model import Binary
        from api302_client._structure import structure

        data = self.response.data
        mislabeled = self.json and isinstance(data, (dict, list))
        if self.expression == "bytes" and not mislabeled:
            return Binary(self.response.content, self.media_type)
        if self.expression == "str":
            return self._text("replace")
        if not self.response.start:
            return None
        if data is not ABSENT and (mislabeled or not self.media_type.startswith(_FILES)):
            return structure(self.json or "Any", data)
        return self._other(self.response.content)

    def _other(self, content: bytes) -> Any:
        """Text, or else a file."""
        from api302_client._model import Binary

        is_text = self.media_type.startswith("text/") or "bytes" not in self.by_media.values()
        if is_text and not self.media_type.startswith(_FILES):
            try:
                return self._text("strict")
            except UnicodeDecodeError:
                pass
        return Binary(content, self.media_type or "application/octet-stream")

    def _text(self, errors: str) -> str:
        try:
            return self.response.content.decode(self.charset or "utf-8", errors)
        except LookupError:
            return self.response.content.decode("utf-8", errors)


def _by_status(responses: Mapping[str, Mapping[str, str]], status: int) -> Mapping[str, str]:
    for key in (str(status), f"{status // 100}XX", "default"):
        if key in responses:
            return responses[key]
    return {}


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def decode_error(session: Session, what: str, response: Response, why: str) -> DecodeError:
    """The error for a good response that cannot be used; it keeps the bytes."""
    return failure.decode_error(
        session.redactor, what, why, response.status_code, response.headers, response.content
    )


def unusable(session: Session, what: str, parsed: Any, why: str) -> DecodeError:
    """The error for a parsed response that cannot be used; it keeps the JSON."""
    http = getattr(parsed, "http", None)
    status: int | None = http.status_code if http else None
    headers: Mapping[str, str] = http.headers if http else {}
    content: bytes = http.content if http else b""
    if is_parsed(parsed):
        content = json.dumps(raw(parsed), ensure_ascii=False).encode("utf-8", "replace")
    return failure.decode_error(session.redactor, what, why, status, headers, content)


def check(
    session: Session,
    call: Call,
    op: Operation,
    data: Any,
    headers: Mapping[str, str],
    content: bytes,
) -> None:
    """Raise if the JSON of a response, as the rules of `op` say, reports a failure."""
    if found := failure.failure_in(op, data):
        raise failure.api_error(
            session.redactor, call.what, 200, headers, content, found.code, found.message
        )


def names_task(op: Operation, response: Any) -> bool:
    """Whether the response of a call that may start a task has all that its task is found by."""
    rule = op.behaviour.task
    return rule is not None and None not in rule.find(raw(response)).values()


def raw(parsed: Any) -> Any:
    """The JSON of a response as received, not a copy."""
    data = getattr(parsed, "_raw", None)
    return parsed if data is None else data
