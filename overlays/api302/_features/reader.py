"""The sans-IO half of a stream: bytes in, events as JSON out.

Knows the end from a cut, and accumulates the response.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

from api302 import _log
from api302._calls.failure import explain
from api302._calls.response import parse_response, raw, with_files, without_content
from api302._calls.session import Session
from api302._errors import DecodeError, InvalidArgument, StreamError
from api302._http.response import Response
from api302._http.sse import Decoder, Event
from api302._json import is_array, is_object
from api302._types import Call
from api302_client.behaviour import Stream as StreamRule
from api302_client.behaviour import compiled
from api302_client.texts import whole_text

from .accumulate import accumulate
from .text import Texts

if TYPE_CHECKING:
    from api302_client.behaviour import Test

_JSON = json.JSONDecoder(strict=False)  # raw line breaks in texts are sent, and paid for
_scan_once = getattr(_JSON, "scan_once")  # noqa: B009 - typeshed does not know it
_scan = cast("Callable[[str, int], tuple[Any, int]]", _scan_once)
_HEARTBEATS = ("ping", "heartbeat", "keepalive", "keep-alive")
_JSON_STARTS = len("data: ")
_NOTHING: Any = object()


class State(Enum):
    """How far a stream has come."""

    OPEN = auto()
    DONE = auto()
    """The event that ends it has come, and nothing more is waited for."""
    OVER = auto()
    """The sentinel has come: whatever follows is not an event."""
    CLOSED = auto()
    """The caller has closed it before its end."""


def _test(test: Test) -> Callable[[Any], bool]:
    """`test.holds`, for every event of a stream: the values as they stand, and no more."""
    if test.values is None:
        return test.holds
    find, values = compiled(test.field), test.values
    return lambda value: find(value) in values


class Reader:
    """Reads one stream."""

    def __init__(self, session: Session, call: Call) -> None:
        from api302_client._structure import loader

        assert call.op is not None
        self._session, self._call, self._op = session, call, call.op
        self._rule = rule = call.op.behaviour.stream or StreamRule(sentinel="[DONE]")
        self._last = _test(rule.last) if rule.last and not rule.sentinel else None
        # Looked for only in events that have such a word: a path that needs jmespath takes longer
        # than the rest of an event.
        self._error = compiled(rule.error) if rule.error not in (None, "error") else None
        expression = call.op.stream_type or "Any"
        self.load: Callable[[Any], Any] = loader(expression)
        """Makes a typed event of a JSON one."""
        self._takes_text = bool(re.search(r"\b(str|Any)\b", expression))
        self._texts = Texts(rule.accumulate, rule.text)
        self._decoder = Decoder()
        self._state = State.OPEN
        self._looks_into_all = self._last is not None or self._error is not None
        self._kept: list[str] = []
        """The events as lines `data: <JSON>`: text takes less memory than objects and no time of
        the collector.
        """
        self._stray = ""
        """What came last in the place of an event and was not JSON."""
        self._response: Response | None = None
        self._whole: Any = None
        """The response, where the service sent a whole one instead of a stream."""

    # --- bytes in, events out ---------------------------------------------------------------------

    def open(self, response: Response) -> Iterable[Any]:
        """Take the response, and return the events in it, if it was read already as JSON."""
        self._response = response
        if self._state is State.CLOSED:
            raise self.cut()
        if not response.is_stream_consumed:
            return ()
        content = response.content
        if not content.lstrip().startswith((b"{", b"[")):
            return self.feed(content)
        try:
            self._whole = parse_response(self._session, self._call, response)
        except DecodeError:
            if b"\n" not in content.strip():
                raise
            return self.feed(content)  # lines of JSON
        self._state = State.OVER
        _log.logger.warning(
            "%s: answered with a whole response instead of a stream; stream.final() has it",
            self._call.what,
        )
        return ()

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """The events that a piece completes.

        Raises StreamError for an event that reports an error.
        """
        return self._take(self._decoder.blocks(chunk))

    def end(self) -> Iterator[Any]:
        """The body has ended: the event that it leaves, if any.

        Raises StreamError if the stream was cut short.
        """
        yield from self._take([self._decoder.close()], is_end=True)
        if not self.is_done and self._state is not State.CLOSED and self._is_complete():
            self._state = State.DONE
            _log.logger.info("%s: ended without %s, but is complete", self._call.what, self._end)
        if not self.is_done:
            raise self.cut()

    def _take(self, blocks: list[str], is_end: bool = False) -> Iterator[Any]:
        keep, looks_into_all = self._kept.append, self._looks_into_all
        if self._state is State.OVER:
            return
        for block in blocks:
            try:
                value, end = _scan(block, _JSON_STARTS)
                is_line = end == len(block) and block.startswith("data: {")
            except (ValueError, StopIteration, RecursionError):
                value, is_line = _NOTHING, False
            if is_line:
                if looks_into_all or "error" in value or value.get("type") == "error":
                    self._look_into(value, block)
                keep(block)
                yield value
                continue
            yield from self._slowly(block, is_end)
            if self._is_over():
                return

    def _is_over(self) -> bool:
        # A call, since type checkers do not see that `_slowly` changes the state.
        return self._state is State.OVER

    def _look_into(self, value: dict[str, Any], block: str) -> None:
        """Raise StreamError for an event that reports an error; note the one that is the last."""
        if value.get("error") or value.get("type") == "error":
            raise self._reported(value)
        if self._error is not None and "err" in block and self._error(value):
            raise self._reported(value)
        if self._last is not None and self._last(value):
            self._state = State.DONE

    def _slowly(self, block: str, is_end: bool) -> Iterator[Any]:
        """The values of a block that is not one line `data: <JSON>`."""
        for event in self._decoder.events(block):
            text = event.data.strip()
            if text in (self._rule.sentinel, "[DONE]"):
                self._state = State.OVER
                return
            value = self._value(event, text, is_end) if text else _NOTHING
            if value is _NOTHING:
                continue
            if event.event == "error":
                raise self._reported(value)
            if value.__class__ is dict:
                self._look_into(value, block)
            kept = json.dumps(value) if isinstance(value, str) else text
            self._kept.append(f"data: {kept}")
            yield value

    def _value(self, event: Event, text: str, is_end: bool) -> Any:
        """What an event's data is, or nothing.

        Heartbeats, and what a gateway says beside the events, are passed over.
        """
        value, fault = _json_of(text)
        if fault is not None:
            return self._text(event, text, fault, is_end)
        is_structure = is_object(value) or is_array(value)
        if self._takes_text or is_structure or event.event == "error":
            return value if value is not None else _NOTHING
        return self._pass_over(event, text)

    def _text(self, event: Event, text: str, fault: str, is_end: bool) -> Any:
        """Data that is not JSON, where the stream has texts; else nothing.

        Raises StreamError for JSON that is broken within the stream.
        """
        is_heartbeat = event.event in _HEARTBEATS
        if event.event == "error" or (self._takes_text and not is_heartbeat):
            return text
        if not (event.stray or is_end) and text.startswith(("{", "[")):
            raise self.error(f"an event is not JSON ({fault}): {text[:200]!r}", body=text)
        return _NOTHING if self._takes_text else self._pass_over(event, text)

    def _pass_over(self, event: Event, text: str) -> Any:
        self._stray = "" if event.event in _HEARTBEATS or text in _HEARTBEATS else text[:200]
        return _NOTHING

    @property
    def is_done(self) -> bool:
        """Whether what ends the stream has come, so that nothing more is waited for."""
        return self._state in (State.DONE, State.OVER)

    def close(self) -> None:
        """The caller has closed the stream."""
        if self._state is State.OPEN:
            self._state = State.CLOSED

    # --- what the events make
    # -----------------------------------------------------------------------

    @property
    def values(self) -> list[Any]:
        """The events so far, as JSON."""
        return [_parsed(line[_JSON_STARTS:]) for line in self._kept]

    def text_of(self, value: Any) -> str:
        """The text that the next event adds."""
        return self._texts.of(value)

    def rest_of_text(self) -> str:
        """At the end: the text that was held back, or that of a response that came whole."""
        return self._texts.rest() + self._whole_text()

    def _whole_text(self) -> str:
        kind = self._rule.accumulate
        return whole_text(kind, raw(self._whole)) if self._whole is not None else ""

    def _accumulated(self) -> Any:
        """The response: as it came, or accumulated from the events; typed."""
        if self._whole is not None:
            return self._whole
        if self._rule.accumulate is None:
            raise InvalidArgument(
                f"final: the events of {self._op.id} do not accumulate to one response; "
                "iterate over them"
            )
        from api302_client._response import parse

        responses = self._op.responses
        if self._rule.response:
            responses = {"200": {"application/json": self._rule.response}}
        given: Mapping[str, str] = self._response.headers if self._response else {}
        content = json.dumps(accumulate(self._rule.accumulate, self.values)).encode()
        headers = {**given, "content-type": "application/json"}
        response = without_content(parse(responses, 200, headers, content))
        return with_files(self._session, self._op, response)

    def final(self) -> Any:
        """The whole response. Raises StreamError if the stream did not come to its end."""
        if not self.is_done:
            raise self.error("the stream was closed before its end")
        return self._accumulated()

    def _is_complete(self) -> bool:
        """Whether the events make a whole response, by `x-stream.complete`, without the end."""
        if not (self._kept and self._rule.accumulate and self._rule.complete):
            return False
        response = accumulate(self._rule.accumulate, self.values)
        return compiled(self._rule.complete)(response) is True

    # --- errors
    # -------------------------------------------------------------------------------------

    @property
    def _end(self) -> str:
        sentinel = self._rule.sentinel
        return repr(sentinel) if sentinel else "the event that ends it"

    def cut(self) -> StreamError:
        """The error of a stream that ended before its end."""
        if self._state is State.CLOSED:
            return self.error("the stream was closed while it was read")
        last = f"; the last text was {self._stray!r}" if self._stray else ""
        return self.error(f"the stream was cut short: it ended without {self._end}{last}")

    def _reported(self, value: Any) -> StreamError:
        known = value.get("error") if is_object(value) else value
        found = (self._error and is_object(value) and self._error(value)) or known
        code, message = explain(found if is_object(found) else value)
        text = str(message or (found if isinstance(found, str) else _shown(value)))
        return self.error(f"the service reported an error: {text}", code=code, body=value)

    def error(self, message: str, **facts: Any) -> StreamError:
        """A StreamError that keeps what came. Never raises."""
        values = self.values
        request_id = self._response.headers.get("request-id") if self._response else None
        about = f", request id {request_id}" if request_id else ""
        error = StreamError(
            f"{message} [{self._call.what}, after {len(values)} events{about}]",
            events=self._typed(values),
            text=self._text_so_far(values),
            partial=self._partial(),
            request_id=request_id,
            **facts,
        )
        self._session.redactor.error(error)
        return error

    def _typed(self, values: list[Any]) -> list[Any]:
        try:
            return [self.load(value) for value in values]
        except Exception:  # whatever it is, the events as JSON are better than nothing
            return values

    def _text_so_far(self, values: list[Any]) -> str:
        texts = Texts(self._rule.accumulate, self._rule.text)
        return "".join(texts.pieces(values)) + self._whole_text()

    def _partial(self) -> Any:
        if self._whole is None and not (self._kept and self._rule.accumulate):
            return None
        try:
            return self._accumulated()
        except Exception:  # an error that is made must not become another
            return None


def _json_of(text: str) -> tuple[Any, str | None]:
    """The JSON of a text, and why it has none.

    The error itself holds the text, and whatever secret is in it, so it must not be the context of
    the one that is raised.
    """
    try:
        return json.loads(text, strict=False), None
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _parsed(text: str) -> Any:
    """An event that was parsed before; deeper in calls than then, it may be nested too deeply."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _shown(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)[:500]
    except (ValueError, RecursionError):
        return "an event that is nested too deeply to be shown"
