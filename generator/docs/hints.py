"""How drafted calls behave, as far as their pages show: x-success, x-task, x-task-status, x-stream. A person checks all of it.

What the vendor's other operations say comes first; the words of states mean what they mean in the rest of the specification.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..rules.context import EVENT_STREAM, Operation, is_event_stream, is_json, same
from ..rules.examples import _search as search  # pyright: ignore[reportPrivateUsage]
from ..source import obj
from .described import Described
from .page import infer

if TYPE_CHECKING:
    from .draft import Draft

Behaviour = dict[str, Any]
KINDS = ("pending", "succeeded", "failed")
_ID = re.compile(r"(?:.*[a-z_])?(?:id|Id|ID)")
_TASK_ID = re.compile(r"(?:task|job)_?id", re.IGNORECASE)
_STATE = re.compile(r"(?:task_?)?(?:status|state)", re.IGNORECASE)


def suggest(described: Described, drafts: list[Draft]) -> list[Behaviour]:
    """The extensions of each draft, in their order; what lacks evidence is said in the draft's `left`."""
    states = {draft.id: _status(described, draft) for draft in drafts}
    fetching = [draft for draft in drafts if states[draft.id]]
    made: list[Behaviour] = []
    for draft in drafts:
        status = states[draft.id]
        task = None if status else _task(described, draft, fetching)
        said = {
            "x-success": _success(described, draft),
            "x-task": task,
            "x-task-status": status,
            "x-stream": _stream(described, draft),
        }
        made.append({key: value for key, value in said.items() if value})
    return made


def _success(described: Described, draft: Draft) -> Behaviour | None:
    replies = _replies(draft)
    for said in _sayings(described, "x-success", draft.vendor):
        if replies and all(
            _among(search(said["field"], reply), said["values"]) for reply in replies
        ):
            return said
    accepted = [
        value
        for said in _sayings(described, "x-success")
        if said["field"] == "code"
        for value in said["values"]
    ]
    for reply in replies:
        message = next((name for name in ("message", "msg") if name in reply), None)
        if message and _among(reply.get("code"), accepted):
            return {"field": "code", "values": [reply["code"]], "message": message}
    return None


def _status(described: Described, draft: Draft) -> Behaviour | None:
    """Of a call that takes an id alone, or gets something by it: where the reply has a word that means a state."""
    ids, replies = _ids(draft), _replies(draft)
    if not ids or not replies or (draft.method != "get" and len(ids) < len(_inputs(draft))):
        return None
    found = list(
        dict.fromkeys(
            path
            for reply in replies
            for path, value in _leaves(reply, "")
            if str(value).startswith("http")
        )
    )
    for said in _sayings(described, "x-task-status", draft.vendor):
        listed = [word for kind in KINDS for word in said.get(kind, ())]
        if "state" in said and all(
            _among(search(said["state"], reply), listed) for reply in replies
        ):
            fitting = [
                path
                for path in said.get("outputs", ())
                if any(search(path, reply) for reply in replies)
            ]
            return said | ({"outputs": fitting or found} if found else {})
    known = [
        (word, kind)
        for said in _sayings(described, "x-task-status")
        for kind in KINDS
        for word in said.get(kind, ())
    ]
    meanings = Counter((word.casefold(), kind) for word, kind in known if isinstance(word, str))
    means = {word: kind for (word, kind), _ in reversed(meanings.most_common())}
    for path in dict.fromkeys(path for reply in replies for path, _ in _leaves(reply, "")):
        shown = [value for reply in replies if (value := search(path, reply)) is not None]
        if not _STATE.fullmatch(path.rpartition(".")[2]) or not all(
            isinstance(value, str) for value in shown
        ):
            continue
        schema = _json(draft.call.reply).get("schema", {})
        for name in path.split("."):
            schema = obj(obj(schema.get("properties")).get(name))
        text = f"{schema.get('description', '')} {draft.call.description}"
        words = dict.fromkeys(
            [*map(str, schema.get("enum", re.findall(r"[A-Za-z][\w-]*", text))), *shown]
        )
        lists = {
            kind: [word for word in words if means.get(word.casefold()) == kind] for kind in KINDS
        }
        if lists["succeeded"] and all(value.casefold() in means for value in shown):
            return {"state": path} | {
                key: listed for key, listed in {**lists, "outputs": found}.items() if listed
            }
        draft.left.append(
            f"x-task-status: `{path}` seems to be the state, but what its words mean is not known"
        )
    return None


def _task(described: Described, draft: Draft, fetching: list[Draft]) -> Behaviour | None:
    """Of a call whose reply has an id that a fetching call of the vendor takes."""
    replies = _replies(draft)
    if draft.method == "get" or not replies:
        return None
    fetchers = {one.id: (one.path, _ids(one)) for one in fetching}
    together = set(fetchers)
    for operation in described.context.operations:
        if operation.vendor == draft.vendor and "x-task-status" in operation.node:
            fetchers.setdefault(operation.id, (operation.path, _required(described, operation)))
    names = {path: path.rpartition(".")[2] for path, _ in _leaves(replies[0], "")}
    begun = any(map(_STATE.fullmatch, names.values())) or any(
        map(_TASK_ID.fullmatch, names.values())
    )
    for fetch in sorted(
        fetchers,
        key=lambda one: (one in together, _common(fetchers[one][0], draft.path)),
        reverse=True,
    ):
        path, wanted = fetchers[fetch]
        sure = fetch in together or path.startswith(draft.path + "/")
        if not _common(path, draft.path):
            continue
        for said in [
            said
            for said in _sayings(described, "x-task", draft.vendor)
            if said["fetch"] == fetch and (sure or begun)
        ]:
            if all(
                search(place, reply) for place in said["parameters"].values() for reply in replies
            ):
                return _submitting(described, draft, fetch, said["parameters"], said.get("when"))
        own = [
            place
            for place, name in names.items()
            if name in (set(wanted) - {"id"}) or _TASK_ID.fullmatch(name)
        ]
        found = own or [place for place, name in names.items() if sure and _ID.fullmatch(name)]
        if found and len(wanted) == 1:
            return _submitting(described, draft, fetch, {wanted[0]: found[0]}, None)
    return None


def _submitting(
    described: Described, draft: Draft, fetch: str, parameters: dict[str, str], when: Any
) -> Behaviour:
    made: Behaviour = {"fetch": fetch, "parameters": parameters}
    inputs = _inputs(draft)
    if when and inputs.get(when["name"]) == when["in"]:
        made["when"] = when
    hooks = {said["webhook"]["name"] for said in _sayings(described, "x-task") if "webhook" in said}
    return made | next(
        (
            {"webhook": {"in": where, "name": name}}
            for name, where in inputs.items()
            if name in hooks
        ),
        {},
    )


def _stream(described: Described, draft: Draft) -> Behaviour | None:
    """Of a call that answers with events, or has a `stream` switch and names the end: as operations whose text is at the same place."""
    content = draft.body["responses"]["200"]["content"]
    name = next(filter(is_event_stream, content), "")
    switched = _inputs(draft).get("stream") == "body"
    if not name and not (
        switched and "[DONE]" in json.dumps([draft.call.request, draft.call.description])
    ):
        if switched:
            draft.left.append(
                "x-stream: there is a `stream` switch, but the page does not show how the stream ends"
            )
        return None
    page = draft.call.reply.get(name, {"schema": {}, "examples": []})
    data = [one for text in page["examples"] for one in _events(str(text))]
    schema = page["schema"] if "properties" in page["schema"] else infer(*data)
    chunk = (
        draft.schema(schema, draft.unique(f"{draft.prefix}Chunk"), "response")
        if "properties" in schema
        else draft.any_object()
    )
    kinds = [
        {"const": "[DONE]"},
        {"type": "string", "contentMediaType": "application/json", "contentSchema": chunk},
    ]
    event = draft.unique(f"{draft.prefix}Event")
    draft.schemas[event] = {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"anyOf": kinds}},
    }
    shown = [json.dumps(one, ensure_ascii=False) for one in data if draft.fits(chunk, one)] or [
        "{}"
    ]
    text = "".join(f"data: {one}\n\n" for one in [*shown, "[DONE]"])
    content[name or EVENT_STREAM] = {
        "itemSchema": {"$ref": f"#/components/schemas/{event}"},
        "examples": {"stream": {"value": text}},
    }
    alike = [
        said
        for said in _sayings(described, "x-stream")
        if "data" in said["done"] and any(search(said.get("text"), one) for one in data)
    ]
    said = {
        key: value
        for key, value in (alike or [{"done": {"data": "[DONE]"}}])[0].items()
        if key != "when"
    }
    return ({"when": {"in": "body", "name": "stream", "value": True}} if switched else {}) | said


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in re.findall(r"^data: *(\{.*\})\s*$", text, re.MULTILINE):
        with suppress(ValueError):
            yield json.loads(line)


def _sayings(described: Described, key: str, vendor: str = "") -> list[Behaviour]:
    """What the operations (of a vendor) say in an extension, the most common first."""
    nodes = (
        operation.node
        for operation in described.context.operations
        if vendor in ("", operation.vendor)
    )
    return [
        json.loads(text)
        for text, _ in Counter(json.dumps(node[key]) for node in nodes if key in node).most_common()
    ]


def _among(value: Any, values: list[Any]) -> bool:
    return any(same(value, other) for other in values)


def _json(content: dict[str, Any]) -> dict[str, Any]:
    return next((body for name, body in content.items() if is_json(name)), {})


def _replies(draft: Draft) -> list[dict[str, Any]]:
    """The page's examples of the reply that the draft kept."""
    examples = _json(draft.body["responses"]["200"]["content"]).get("examples", {})
    return [
        one["value"]
        for key, one in examples.items()
        if key != "ours" and isinstance(one["value"], dict)
    ]


def _inputs(draft: Draft) -> dict[str, str]:
    """What a call takes, and where: parameters and top-level fields."""
    found = {one["name"]: one["in"] for one in draft.body.get("parameters", ())}
    return found | {
        name: "body"
        for body in draft.call.request.values()
        for name in obj(body["schema"].get("properties"))
    }


def _ids(draft: Draft) -> list[str]:
    return [
        name for name, where in _inputs(draft).items() if where != "header" and _ID.fullmatch(name)
    ]


def _required(described: Described, operation: Operation) -> list[str]:
    taken = {
        str(one.get("name")): one.get("required") is True
        for one in described.context.parameters(operation)
    }
    return [
        name
        for name, required in (taken | described.context.body_fields(operation)).items()
        if required
    ]


def _common(path: str, other: str) -> int:
    """How many parts two paths share at their beginning."""
    parts = list(zip(path.split("/")[1:], other.split("/")[1:], strict=False))
    return next((number for number, (one, two) in enumerate(parts) if one != two), len(parts))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The scalars of a reply and the JMESPath of each, as far as names need no quotes; of a list, those of its first item."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if re.fullmatch(r"[A-Za-z_]\w*", name):
                yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield from _leaves(value[0], f"{path}[]") if value else ()
    elif value not in (None, ""):
        yield path, value
