"""Chooses and makes the response of an operation: the document's example, moved along by what
the mock remembers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, cast

from api302_client.behaviour import find
from api302_client.media import essence
from api302_mock import files
from api302_mock.call import Call
from api302_mock.control import Settings
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.examples import EVENT_STREAM, Example, chosen, responses
from api302_mock.faults import (
    envelopes,
    event_schemas,
    fail_envelope,
    with_new_event_words,
    with_new_words,
)
from api302_mock.fileserver import FileLinks
from api302_mock.following import follow
from api302_mock.shapes import SHAPES, Shape
from api302_mock.store import Store, Task
from api302_mock.streams import event_json, shown_events, spoiled, written_events
from api302_mock.structured import output
from api302_mock.tasks import Tasks
from api302_mock.things import Collections
from api302_mock.wire import Response, encoded
from api302_mock.wishes import Wish

# What a media range of the document stands for.
_MEDIA = {
    "image/*": "image/png",
    "audio/*": "audio/mpeg",
    "video/*": "video/mp4",
    "*/*": "application/octet-stream",
}


class Exchange(NamedTuple):
    """A request that passed, and what its response depends on."""

    call: Call
    wish: Wish
    accept: str
    files: str
    """The URL under which files are."""
    store: Store

    @property
    def operation(self) -> Operation:
        """The operation that is called."""
        return self.call.operation

    @property
    def wants_stream(self) -> bool:
        """Whether the request asks for a stream of events, and not for a task that brings the
        result later.
        """
        stream, task = self.operation.behaviour.stream, self.operation.behaviour.task
        if stream is None or not self.call.has(stream.when):
            return False
        if stream.when is None and not self._prefers_events():
            return False
        return task is None or task.when is None or not self.call.has(task.when)

    def _prefers_events(self) -> bool:
        """Whether events are what the request accepts best; JSON, if described, comes first."""
        successes = [one for key, one in self.operation.responses.items() if key[0] == "2"]
        kinds = [essence(kind) for one in successes for kind in one.get("content", {})]
        options = [Example(200, kind, "", None, None) for kind in kinds]
        return bool(options) and chosen(options, self.accept).media_type == EVENT_STREAM


class Answer(NamedTuple):
    """A response, and the task whose webhook is to be called."""

    response: Response
    begun: Task | None = None
    """It just began, and calls its webhook at its end."""
    ended: Task | None = None
    """It just ended."""


class Responder:
    """Makes responses.

    Args:
        document: The document.
        settings: The mock's settings.

    Raises:
        ValueError: An extension of the document names an operation that it lacks.
    """

    def __init__(self, document: Document, settings: Settings) -> None:
        self._document = document
        self._settings = settings
        self._collections = Collections(document)
        self._tasks = Tasks(document, self._collections, settings)
        self._links = FileLinks(document)
        self._shapes = _shapes(document)

    def answer(self, exchange: Exchange) -> Answer:
        """The response to a request.

        Raises:
            Refused: What the request is about does not exist, or what was asked of the response
                cannot be.
        """
        wish, operation = exchange.wish, exchange.operation
        fail_if_asked(wish)
        if wish.body is not None:
            return Answer(self._own_body(exchange))
        self._collections.check(exchange.call, exchange.store)
        self._tasks.cancel(exchange.call, exchange.store)
        examples = self._examples(operation, wish)
        if wish.fault == "envelope":
            examples = envelopes(operation, examples)
        if wish.fault == "task-failed":
            self._tasks.refuse_if_cannot_fail(operation)
        exchange = _with_output(exchange)
        if exchange.wish.text is not None or wish.tool_calls is not None:
            return Answer(self._own_words(exchange, examples))
        if exchange.wants_stream and (events := _of_kind(examples, EVENT_STREAM)):
            return Answer(self._stream(exchange, events[0]))
        return self._plain(exchange, _without(examples, EVENT_STREAM) or examples)

    def _examples(self, operation: Operation, wish: Wish) -> list[Example]:
        examples = list(responses(self._document, operation, status=wish.code))
        if not examples:
            raise Refused(400, f"{operation.id} documents no {wish.code or 'success'}.")
        # Statuses are alternatives that only a wish or a task chooses among; media types of one
        # status are chosen by `Accept`.
        if operation.behaviour.task is None and operation.behaviour.status is None:
            examples = [one for one in examples if one.status == examples[0].status]
        return examples if wish.example is None else _named(operation, examples, wish.example)

    # --- the document's response ------------------------------------------------------------------

    def _plain(self, exchange: Exchange, examples: list[Example]) -> Answer:
        call, wish, store = exchange.call, exchange.wish, exchange.store
        as_shown = wish.example is not None
        examples, ended = self._tasks.poll(call, examples, store, as_shown=as_shown)
        fails = wish.fault == "task-failed"
        examples, begun = self._tasks.submit(call, examples, store, fails=fails)
        example = self._chosen(exchange, examples)
        value = self._collections.apply(call, example.value, store)
        response = self._sent(exchange, example, value)
        return Answer(response, begun, ended)

    def _chosen(self, exchange: Exchange, examples: list[Example]) -> Example:
        if not examples:
            raise Refused(
                406, f"{exchange.operation.id} documents no response that could say this."
            )
        return chosen(examples, exchange.accept, exchange.call.value("response_format"))

    def _sent(self, exchange: Exchange, example: Example, value: Any) -> Response:
        """An example on the wire, with its JSON data as it became."""
        if not example.is_json:
            if exchange.wish.fault == "new-word":
                raise _no_word(exchange.operation)
            return _of_kind_alone(example)
        operation, wish = exchange.operation, exchange.wish
        value = self._links.localized(value, exchange.call, exchange.files, exchange.store)
        follow(operation.behaviour.follows, value, exchange.call)
        if wish.fault == "envelope":
            fail_envelope(operation, value)
        if wish.fault == "new-word":
            value = self._with_new_words(operation, example, value)
        headers = {"content-type": str(example.media_type)}
        if operation.behaviour.task is not None or operation.behaviour.status is not None:
            headers["retry-after-ms"] = f"{self._settings.pace * 1000:.0f}"
        return Response.whole(example.status, headers, _spoiled(encoded(value), wish))

    def _with_new_words(self, operation: Operation, example: Example, value: Any) -> Any:
        changed = with_new_words(self._document, operation, example.schema, value)
        if changed == value:
            raise _no_word(operation)
        return changed

    def _stream(self, exchange: Exchange, example: Example) -> Response:
        rule = exchange.operation.behaviour.stream
        assert rule is not None
        schemas = event_schemas(self._document, example.schema)
        words: list[bool] = []

        def change(event: Any) -> Any:
            follow(exchange.operation.behaviour.follows, event, exchange.call)
            if exchange.wish.fault != "new-word":
                return event
            changed = with_new_event_words(self._document, schemas, event)
            words.append(changed != event)
            return changed

        events = shown_events(example, rule, change)
        if exchange.wish.fault == "new-word" and not any(words):
            raise _no_word(exchange.operation)
        return _streamed(example.status, spoiled(events, rule, exchange.wish.fault))

    # --- a response of the test's own -------------------------------------------------------------

    def _own_body(self, exchange: Exchange) -> Response:
        """The body that was asked for: JSON data, a file, or the events of a stream."""
        operation, wish = exchange.operation, exchange.wish
        examples = list(responses(self._document, operation, status=wish.code))
        status = wish.code or (examples[0].status if examples else 200)
        rule = operation.behaviour.stream
        if rule is not None and exchange.wants_stream and isinstance(wish.body, list):
            events = written_events(cast("list[Any]", wish.body), rule)
            return _streamed(status, spoiled(events, rule, wish.fault))
        if isinstance(wish.body, bytes):
            media_type = _media_type(_without(examples, EVENT_STREAM), is_json=False)
            return Response.whole(status, {"content-type": media_type}, wish.body)
        headers = {"content-type": _media_type(examples, is_json=True)}
        return Response.whole(status, headers, _spoiled(encoded(wish.body), wish))

    def _own_words(self, exchange: Exchange, examples: list[Example]) -> Response:
        """The operation's own response or stream, in which the model says what was asked for."""
        operation = exchange.operation
        rule, shape = operation.behaviour.stream, self._shapes.get(operation.id)
        if shape is not None:
            example = self._whole(examples)
            shape.write(example.value, exchange.wish.text, exchange.wish.tool_calls or [])
            follow(operation.behaviour.follows, example.value, exchange.call)
            if rule is None or not exchange.wants_stream:
                return self._sent(exchange, example, example.value)
            events = written_events(shape.events(example.value), rule, named=shape.is_named)
            return _streamed(example.status, spoiled(events, rule, exchange.wish.fault))
        text = exchange.wish.text if exchange.wish.tool_calls is None else None
        if text is not None and (fitting := _with_text(examples, text)):
            example = self._chosen(exchange, fitting)
            return self._sent(exchange, example, example.value)
        asked = "text" if exchange.wish.tool_calls is None else "tool_calls"
        raise Refused(
            400, f"`{asked}`: the mock does not know where {operation.id} has it; use `body`."
        )

    def _whole(self, examples: list[Example]) -> Example:
        """The example of a whole response, or of its first event where none is described."""
        for example in examples:
            if example.is_json and isinstance(example.value, dict):
                return example
        for example in _of_kind(examples, EVENT_STREAM):
            first = event_json(str(example.value).strip().split("\n\n")[0])
            value = cast("dict[str, Any]", first) if isinstance(first, dict) else {}
            return Example(example.status, "application/json", "", value, True)
        return Example(200, "application/json", "", {}, True)

    # --- the end of a task ------------------------------------------------------------------------

    def message(self, task: Task, files_url: str, store: Store) -> Response:
        """What the webhook of a task gets: the response that reports its end."""
        fetch = self._document.operations[task.fetch]
        examples = self._tasks.end(task, self._examples(fetch, Wish()))
        exchange = Exchange(Call(fetch), Wish(), "*/*", files_url, store)
        example = self._chosen(exchange, examples)
        return self._sent(exchange, example, example.value)


def _with_output(exchange: Exchange) -> Exchange:
    """The exchange of a request with a schema for the output, whose text follows it."""
    wish = exchange.wish
    if (wish.example, wish.fault, wish.text, wish.tool_calls) != (None,) * 4:
        return exchange
    text = output(exchange.operation.behaviour.structured, exchange.call)
    return exchange if text is None else exchange._replace(wish=replace(wish, text=text))


def fail_if_asked(wish: Wish) -> None:
    """Refuse a request where the wish is an error.

    Raises:
        Refused: With the status that was asked for.
    """
    status = wish.status
    if status is None or status < 400:
        return
    if isinstance(wish.error, str):
        raise Refused(status, wish.error, wish.err_code)
    if wish.error is not None:
        raise Refused(status, "The mock was asked for an error.", wish.err_code, body=wish.error)
    if wish.body is None:
        raise Refused(status, f"The mock was asked for {status}.", wish.err_code)


def _named(operation: Operation, examples: list[Example], name: str) -> list[Example]:
    """The examples of a name."""
    named = [one for one in examples if one.name == name]
    if not named:
        names = ", ".join(sorted({one.name for one in examples if one.name})) or "none"
        raise Refused(400, f"{operation.id} has no example `{name}`; it has {names}.")
    return named


def _media_type(examples: list[Example], *, is_json: bool) -> str:
    """The media type for a body of the test's own: the first of this kind that is described."""
    kinds = [one.media_type for one in examples if one.media_type and one.is_json == is_json]
    usual = "application/json" if is_json else "application/octet-stream"
    return _MEDIA.get(kinds[0], kinds[0]) if kinds else usual


def _spoiled(body: bytes, wish: Wish) -> bytes:
    """A body of JSON as it goes onto the wire."""
    return body[: len(body) // 2] if wish.fault == "broken-json" else body


def _shapes(document: Document) -> dict[str, Shape]:
    """The operations whose responses have a known form.

    Their streams say which, or they have the same schema as one of these.
    """
    streaming = [(one, one.behaviour.stream) for one in document.operations.values()]
    shapes: dict[str, Shape] = {}
    by_schema: dict[str, Shape] = {}
    for operation, rule in streaming:
        if rule is not None and rule.accumulate in SHAPES:
            shapes[operation.id] = shape = SHAPES[rule.accumulate]
            named = [f"#/components/schemas/{rule.response}"] if rule.response else None
            by_schema |= dict.fromkeys(named or _json_schemas(operation), shape)
    for operation, _ in streaming:
        for name in by_schema.keys() & _json_schemas(operation):
            shapes.setdefault(operation.id, by_schema[name])
    return shapes


def _json_schemas(operation: Operation) -> list[str]:
    """The named schemas of an operation's JSON successes."""
    successes = [one for status, one in operation.responses.items() if status.startswith("2")]
    media = [one.get("content", {}).get("application/json", {}) for one in successes]
    return [one["schema"]["$ref"] for one in media if "$ref" in one.get("schema", {})]


def _of_kind(examples: list[Example], media_type: str) -> list[Example]:
    return [one for one in examples if one.media_type == media_type]


def _without(examples: list[Example], media_type: str) -> list[Example]:
    return [one for one in examples if one.media_type != media_type]


def _with_text(examples: list[Example], text: str) -> list[Example]:
    """The examples that have a place for a text, with this text there."""
    fitting: list[Example] = []
    for example in examples:
        if example.is_json and isinstance(find("text", example.value), str):
            example.value["text"] = text
            fitting.append(example)
        elif (example.media_type or "").startswith("text/") and example.media_type != EVENT_STREAM:
            example.value = text
            fitting.append(example)
    return fitting


def _no_word(operation: Operation) -> Refused:
    return Refused(
        400, f"this response of {operation.id} has no state or enum word that could be a new one."
    )


def _streamed(status: int, events: list[bytes]) -> Response:
    return Response(status, {"content-type": EVENT_STREAM}, events)


def _of_kind_alone(example: Example) -> Response:
    """A response that is not JSON: text as the document shows it, or a small real file."""
    if example.media_type is None:
        return Response.whole(example.status, {}, b"")
    media_type = _MEDIA.get(example.media_type, example.media_type)
    is_text = media_type.startswith("text/") or media_type.endswith("xml")
    data = str(example.value).encode() if is_text else files.sample_of(media_type)
    return Response.whole(example.status, {"content-type": media_type}, data)
