"""Calls over WebSockets, as the AsyncAPI document describes them: each message that comes is
validated and gets the replies of its operation, made of the examples.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, cast

import jmespath
import jsonschema_rs
from starlette.websockets import WebSocket

from api302_client.realtime import Realtime, read
from api302_mock.body import parse_json
from api302_mock.errors import Refused
from api302_mock.ids import Ids
from api302_mock.wire import encoded
from api302_mock.wishes import Wish

FILE = "asyncapi.json"
NEW_EVENT = "mock.new_event"
PIECES = 3
"""A text that a test wants comes in so many pieces."""
Json = dict[str, Any]


def load_events(source: str | Path | Mapping[str, Any] | None = None) -> Json:
    """The AsyncAPI document beside the joined document; empty where there is none."""
    if isinstance(source, Mapping):
        return {}
    if source is not None:
        beside = Path(source).with_name(FILE)
    else:
        shipped = resources.files("api302_mock") / FILE
        if shipped.is_file():
            return json.loads(shipped.read_text(encoding="utf-8"))
        beside = Path(__file__).parents[2] / "generated" / FILE
    return json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}


@dataclass(eq=False)
class Channel:
    """A call over a WebSocket.

    Attributes:
        id: As operations have one.
        path: Where it is.
        rules: What `x-realtime` says.
        replies: The names of the messages that answer one, by its name.
        security: As operations have it.
    """

    id: str
    path: str
    rules: Realtime
    replies: dict[str, list[str]]
    security: list[dict[str, list[str]]]
    query: Json
    _messages: Json
    _schemas: Json
    _validators: dict[str, jsonschema_rs.Validator] = field(
        default_factory=dict[str, jsonschema_rs.Validator]
    )

    def check_query(self, query: Mapping[str, str]) -> None:
        """Refuse a handshake without what the query needs.

        Raises:
            Refused: 422, naming the parameter.
        """
        for name in self.query.get("required", ()):
            if not query.get(name):
                raise Refused(422, f"query `{name}`: it is missing.")

    def fault(self, event: Json) -> tuple[str, str | None] | None:
        """What is wrong with a message, and with which field."""
        name = str(event.get("type"))
        if name not in self.replies:
            return f"`type`: {name[:100]!r} is not an event that a client sends.", "type"
        return self._misfit(name, event)

    def fault_of_client(self, event: Json) -> str | None:
        """What is wrong with a message of a client, for a log."""
        found = self.fault(event)
        return f"{event.get('type')!s:.100}: {found[0]}" if found else None

    def fault_of_service(self, event: Json) -> str | None:
        """What is wrong with a message of the service, for a log."""
        name = str(event.get("type"))
        if name not in self._messages or name in self.replies:
            return f"{name[:100]}: is not described"
        found = self._misfit(name, event)
        return f"{name}: {found[0]}" if found else None

    def _misfit(self, name: str, event: Json) -> tuple[str, str | None] | None:
        """Where a message is not of its schema."""
        if name not in self._validators:
            schema = {"components": {"schemas": self._schemas}}
            payload = self._messages[name]["payload"]
            self._validators[name] = jsonschema_rs.Draft7Validator({**schema, "allOf": [payload]})
        for error in self._validators[name].iter_errors(event):
            path = ".".join(map(str, error.instance_path))
            return f"`{path or name}`: {error.message[:300]}", path or None
        return None

    def examples(self, name: str, kind: str | None) -> list[Json]:
        """The examples of a message in responses of a kind: those of its name, or all that have
        none.
        """
        listed = cast("list[Json]", self._messages[name]["examples"])
        named = [one for one in listed if "name" in one]
        fitting = [one for one in named if one["name"] == kind] if named else listed[:1]
        return [copy.deepcopy(one["payload"]) for one in fitting]


def channels(events: Json) -> dict[str, Channel]:
    """The channels of an AsyncAPI document, by path."""
    found: dict[str, Channel] = {}
    components = events.get("components", {})
    for name, channel in events.get("channels", {}).items():
        ref = f"#/channels/{name}"
        replies = {
            _last(one["messages"][0]): [
                _last(two) for two in one.get("reply", {}).get("messages", ())
            ]
            for one in events["operations"].values()
            if one["action"] == "send" and one["channel"]["$ref"] == ref
        }
        query = channel.get("bindings", {}).get("ws", {}).get("query", {})
        schemes = cast("list[str]", list(components.get("securitySchemes", {})))
        security: list[dict[str, list[str]]] = [{scheme: []} for scheme in schemes]
        found[channel["address"]] = Channel(
            name,
            channel["address"],
            read(channel["x-realtime"]),
            replies,
            security,
            query,
            components["messages"],
            components.get("schemas", {}),
        )
    return found


def _last(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


class Conversation:
    """One connection: its settings, what was made in it, and the response in progress.

    Args:
        channel: What is spoken.
        websocket: The connection, accepted.
        wish: What a test asked of it: its first response is so.
        delay: Seconds between two events of a response.
    """

    def __init__(self, channel: Channel, websocket: WebSocket, wish: Wish, delay: float) -> None:
        self._channel, self._rules = channel, channel.rules
        self._websocket, self._delay = websocket, delay
        self._wish: Wish | None = wish
        self._ids = Ids()
        self._lasting: dict[str, str] = {}
        """Fresh ids for those of the examples that stay for the whole session."""
        self._settings: Json = {}
        self._things: dict[tuple[str, str], Json] = {}
        """Objects with an id, by the field that they were in and their id."""
        self._turn: asyncio.Task[None] | None = None
        self._names: dict[str, str] = {}

    async def run(self) -> None:
        """Speak until one of the two ends it."""
        for name in self._rules.first:
            for payload in self._channel.examples(name, None):
                self._begin_with(payload)
                await self._send(self._renamed(payload, self._lasting))
        try:
            while (message := await self._websocket.receive())["type"] == "websocket.receive":
                await self._take(message.get("text") or message.get("bytes") or "")
        finally:
            if self._turn is not None:
                self._turn.cancel()

    def _begin_with(self, payload: Json) -> None:
        """The settings that a session begins with; the query says some of them."""
        rule = self._rules.settings
        settings = payload.get(rule.field) if rule else None
        if isinstance(settings, dict):
            self._settings = cast("Json", settings)
            known = self._websocket.query_params.items()
            self._settings |= {name: value for name, value in known if name in self._settings}

    # What comes

    async def _take(self, text: str | bytes) -> None:
        try:
            event = parse_json(text)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            return await self._fail("The message is not a JSON object.", None, {})
        event = cast("Json", event)
        if fault := self._channel.fault(event) or self._unknown_thing(event):
            return await self._fail(*fault, event)
        name, turn = event["type"], self._rules.response
        if name == turn.ask:
            return await self._ask(event)
        if name == turn.cancel:
            return await self._cancel(event)
        names: dict[str, str] = {}
        for reply in self._channel.replies[name]:
            for payload in self._channel.examples(reply, None):
                await self._send(self._followed(payload, event, names))

    def _unknown_thing(self, event: Json) -> tuple[str, str | None] | None:
        """A message that names a thing that does not exist."""
        for name, value in event.items():
            kind = name.removesuffix("_id")
            known = [id_ for of, id_ in self._things if of == kind]
            if kind != name and known and value not in known:
                return f"`{name}`: there is no {kind} {str(value)[:100]!r}.", name
        return None

    async def _fail(self, message: str, field: str | None, event: Json) -> None:
        for payload in self._channel.examples(self._rules.error, None):
            about = {"message": message, "param": field, "event_id": event.get("event_id")}
            payload = self._renamed(payload, {})
            for value in payload.values():
                if isinstance(value, dict):
                    cast("Json", value).update(about)
            await self._send(payload)

    # Responses

    async def _ask(self, event: Json) -> None:
        if self._turn is not None and not self._turn.done():
            return await self._fail("A response is in progress already.", None, event)
        wish, self._wish = self._wish or Wish(), None
        if wish.fault == "error-event":
            return await self._fail("The mock was asked for an error.", None, event)
        self._names = {}
        self._turn = asyncio.create_task(self._respond(event, wish))

    async def _cancel(self, event: Json) -> None:
        if self._turn is None or self._turn.done():
            return await self._fail("No response is in progress.", None, event)
        self._turn.cancel()
        with suppress(asyncio.CancelledError):
            await self._turn
        turn = self._rules.response
        for payload in self._channel.examples(turn.end, turn.canceled):
            await self._send(self._followed(payload, {}, self._names))

    async def _respond(self, event: Json, wish: Wish) -> None:
        payloads = list(self._payloads(event, wish))
        stop = len(payloads) // 2 if wish.fault in ("cut-stream", "end-stream") else None
        for number, payload in enumerate(payloads):
            if number == stop:
                return await self._stop(wish)
            if number == 1 and wish.fault == "broken-json":
                await self._websocket.send_text('{"type": ')
            if number == 1 and wish.fault == "new-word":
                await self._send({"type": NEW_EVENT, "event_id": self._ids.like("event_1")})
            await self._send(payload)
            await asyncio.sleep(self._delay)

    async def _stop(self, wish: Wish) -> None:
        if wish.fault == "end-stream":
            await self._websocket.close(1000)
        else:
            cut(self._websocket)

    def _payloads(self, event: Json, wish: Wish) -> Iterator[Json]:
        if isinstance(wish.body, list):
            yield from cast("list[Json]", wish.body)
            return
        kind = self._kind(event, wish)
        words = self._words(kind, wish)
        for name in self._channel.replies[event["type"]]:
            shown = self._channel.examples(name, kind)
            for payload in _in_words(shown, words):
                yield self._followed(payload, {}, self._names)

    def _kind(self, event: Json, wish: Wish) -> str | None:
        """The kind of response: what a test wants, or what the message or the settings say."""
        rule, settings = self._rules.kind, self._rules.settings
        if wish.example is not None:
            return wish.example
        if rule is None:
            return None
        if wish.tool_calls is not None and rule.tools:
            return rule.tools
        told = {**({settings.field: self._settings} if settings else {}), **event}
        for path in rule.fields:
            value: Any = jmespath.search(path, told)
            first: Any = (
                next(iter(cast("list[Any]", value)), None) if isinstance(value, list) else value
            )
            if isinstance(first, str):
                return first
        return rule.otherwise

    def _words(self, kind: str | None, wish: Wish) -> dict[str, str]:
        """What stands in place of the texts of the examples."""
        if wish.text is None and not wish.tool_calls:
            return {}
        whole = _texts(self._channel, kind)
        if wish.text is not None:
            return dict.fromkeys(whole, wish.text)
        call = (wish.tool_calls or [])[0]
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        ends = self._channel.examples(self._rules.response.end, kind)
        names = [str(one) for end in ends for one in _under(end, "name")]
        return {**dict.fromkeys(whole, text), **dict.fromkeys(names, str(call.get("name")))}

    # What goes

    def _followed(self, payload: Json, event: Json, names: dict[str, str]) -> Json:
        """An example that follows the message that it answers, with ids of its own."""
        for name, value in event.items():
            thing = name.removesuffix("_id")
            if name in ("type", "event_id"):
                continue
            if thing != name and isinstance(payload.get(thing), dict):
                known = self._things.get((thing, str(value))) or payload[thing]
                payload[thing] = known
                names[str(known.get("id"))] = str(value)
            elif name in payload:
                payload[name], ids = self._carried_over(name, payload[name], value)
                names |= {one: one for one in ids}
        made = self._renamed(payload, names)
        self._remember(made)
        return made

    def _carried_over(self, name: str, shown: Any, value: Any) -> tuple[Any, list[str]]:
        """What a field of an example is after a message gave it a value, and the ids that stay."""
        settings = self._rules.settings
        if settings and name == settings.field:
            self._settings = _merged(self._settings, value)
            return self._settings, []
        merged = _merged(shown, value)
        ids = [str(value)] if name.endswith("_id") else []
        if isinstance(value, dict) and isinstance(shown, dict):
            ids = list(_ids_in(value))
        return merged, ids

    def _remember(self, payload: Json) -> None:
        """Keep the objects of a message that have an id: others may name them."""
        for name, value in payload.items():
            thing = cast("Json", value) if isinstance(value, dict) else {}
            if isinstance(thing.get("id"), str):
                self._things[name, thing["id"]] = thing

    def _renamed(self, value: Any, names: dict[str, str], key: str = "") -> Any:
        """A copy with fresh ids, the same for the same one of the examples."""
        if isinstance(value, dict):
            fields = cast("Json", value).items()
            return {name: self._renamed(item, names, name) for name, item in fields}
        if isinstance(value, list):
            return [self._renamed(item, names, key) for item in cast("list[Any]", value)]
        is_id = isinstance(value, str) and _is_id(key)
        return self._fresh_id(value, names, key) if is_id else value

    def _fresh_id(self, id_: str, names: dict[str, str], key: str) -> str:
        if key == "event_id":
            return self._ids.like(id_)
        known = self._lasting if key == "conversation_id" else names
        if id_ in self._lasting or id_ in self._lasting.values():
            return self._lasting.get(id_, id_)
        return known.setdefault(id_, self._ids.like(id_))

    async def _send(self, payload: Json) -> None:
        await self._websocket.send_text(encoded(payload).decode())


def _merged(old: Any, new: Any) -> Any:
    """An object with the fields of another over its own, at any depth."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    kept, told = cast("Json", old), cast("Json", new)
    return {**kept, **{name: _merged(kept.get(name), value) for name, value in told.items()}}


def _texts(channel: Channel, kind: str | None) -> set[str]:
    """The whole texts of the examples of a kind: those that come in pieces, put together."""
    replies = channel.replies[channel.rules.response.ask or ""]
    several = [channel.examples(name, kind) for name in replies]
    return {"".join(pieces) for one in several if (pieces := _pieces(one)) and len(pieces) > 1}


def _pieces(examples: list[Json]) -> list[str]:
    """The one text field in which examples of a message differ, but for their ids."""
    if len(examples) < 2:
        return []
    first, second = examples[:2]
    differing = [
        name
        for name, value in first.items()
        if isinstance(value, str) and value != second.get(name) and not name.endswith("_id")
    ]
    return [str(one[differing[0]]) for one in examples] if differing else []


def _in_words(examples: list[Json], words: dict[str, str]) -> Iterator[Json]:
    """Examples with other texts, pieces by pieces."""
    pieces = _pieces(examples)
    new = words.get("".join(pieces)) if pieces else None
    if new is None:
        yield from (_reworded(one, words) for one in examples)
        return
    name = next(key for key, value in examples[0].items() if value == pieces[0])
    size = max(1, -(-len(new) // PIECES))
    for start in range(0, len(new), size):
        yield {**copy.deepcopy(examples[0]), name: new[start : start + size]}


def _reworded(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _reworded(item, words) for key, item in cast("Json", value).items()}
    if isinstance(value, list):
        return [_reworded(item, words) for item in cast("list[Any]", value)]
    return words.get(value, value) if isinstance(value, str) else value


def _is_id(key: str) -> bool:
    return key == "id" or key.endswith("_id")


def _ids_in(value: Any) -> Iterator[str]:
    """The ids in a value, at any depth."""
    for name, item in cast("Json", value).items() if isinstance(value, dict) else ():
        yield from [item] if isinstance(item, str) and _is_id(name) else _ids_in(item)


def _under(value: Any, key: str) -> Iterator[Any]:
    """The values of a field, at any depth."""
    if isinstance(value, dict):
        for name, item in cast("Json", value).items():
            yield from [item] if name == key and isinstance(item, str) else _under(item, key)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _under(item, key)


def cut(websocket: WebSocket) -> None:
    """Break the connection off, without a word: by the transport behind uvicorn.

    Raises:
        ConnectionResetError: The transport is missing, since the app is called in-process.
    """
    server = getattr(websocket._send, "__self__", None)  # pyright: ignore[reportPrivateUsage]
    transport = getattr(server, "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError(
            "The mock was asked to break the connection, and in-process there is none to break."
        )
    transport.abort()
