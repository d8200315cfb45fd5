"""The text of a stream, piece by piece; `api302_client.texts` has that of a whole response.

Where a stream has several choices, its text is that of choice 0: those of the others would only
mix with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from api302._json import is_object
from api302_client.behaviour import compiled
from api302_client.texts import mended
from api302_client.texts import parts_text as _text

from .accumulate import chat_parts, rest_of
from .merge import Growing, Json, indexed, is_empty


class Texts:
    """What the events of one stream add to its text. Never raises, whatever the events are."""

    def __init__(self, kind: str | None, path: str | None) -> None:
        self._added: Callable[[Any], str]
        if kind == "openai_chat":
            self._added = _Chat()
        elif kind:
            self._added = _PIECES[kind]
        else:
            self._added = _by_path(path)
        self._half = ""
        """The first half of a character whose other half comes with the next event."""

    def of(self, event: Any) -> str:
        """The text that an event adds."""
        added = self._added(event)
        if not added or (added.isascii() and not self._half):
            return added
        added = self._half + added
        self._half = added[-1] if "\ud800" <= added[-1] <= "\udbff" else ""
        return mended(added[: len(added) - len(self._half)])

    def rest(self) -> str:
        """At the end: the text that was held back."""
        kept = self._added.rest() if isinstance(self._added, _Chat) else ""
        text, self._half = mended(self._half + kept), ""
        return text

    def pieces(self, events: Iterable[Any]) -> Iterator[str]:
        """The texts of all events of a stream, without empty ones."""
        for event in events:
            if text := self.of(event):
                yield text
        if text := self.rest():
            yield text


def _by_path(path: str | None) -> Callable[[Any], str]:
    find = compiled(path) if path else None

    def added(event: Any) -> str:
        text = find(event) if find else event
        return text if isinstance(text, str) else ""

    return added


# --- Chat Completions -----------------------------------------------------------------------------


class _Chat:
    """The text of choice 0; where there is no such choice, that of the first one, at the end."""

    def __init__(self) -> None:
        self._whole = Growing()
        self._others: dict[int, Growing] = {}
        self._has_first = False

    def __call__(self, event: Any) -> str:
        if not is_object(event):
            return event if isinstance(event, str) else ""
        text = ""
        for index, part in chat_parts(event):
            if index == 0:
                self._has_first = True
                text += _added(part, self._whole)
            elif not self._has_first:
                _added(part, self._others.setdefault(index, Growing()))
        return text

    def rest(self) -> str:
        if self._has_first or not self._others:
            return ""
        text = str(self._others[min(self._others)])
        self._others = {}
        return text


def _added(part: Json, whole: Growing) -> str:
    """What a part adds to the text of its choice."""
    delta, message = part.get("delta"), part.get("message")
    text = _text(delta.get("content") if is_object(delta) else delta)
    if not is_empty(message):
        whole.add(text)
        said = _text(message.get("content") if is_object(message) else message)
        more = rest_of(whole, said, not is_empty(part.get("finish_reason")))
        whole.add(more)
        return text + more
    if delta is None:
        text = _text(part.get("text"))
    whole.add(text)
    return text


# --- the other kinds ------------------------------------------------------------------------------


def _responses(event: Any) -> str:
    if is_object(event) and event.get("type") == "response.output_text.delta":
        return _text(event.get("delta"))
    return ""


def _messages(event: Any) -> str:
    if not is_object(event):
        return ""
    started = event.get("content_block")
    if is_object(started):
        return _text(started.get("text"))
    delta = event.get("delta")
    return _text(delta.get("text") if is_object(delta) else delta)


def _gemini(event: Any) -> str:
    if not is_object(event):
        return ""
    for index, candidate in indexed(event.get("candidates")):
        content = candidate.get("content")
        if index == 0:
            return _text(content.get("parts") if is_object(content) else content)
    return ""


_PIECES: dict[str, Callable[[Any], str]] = {
    "openai_responses": _responses,
    "anthropic_messages": _messages,
    "gemini": _gemini,
}
