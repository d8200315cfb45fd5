"""How a drafted call behaves, as far as its page shows: x-success, x-task, x-task-status and
x-outputs. A person checks all of it.

What the vendor's other operations say comes first; the words of states mean what they mean in the
rest of the specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from generator.docs.pages import Schema, note
from generator.document.media import is_json, is_media_url
from generator.runtime.behaviour import among, find, urls
from generator.source import obj, seq

from .conventions import STATES, Conventions, Rule
from .operation import Draft, response_examples

Extension = dict[str, Any]

_ID = re.compile(r"(?:.*[a-z_])?(?:id|Id|ID)")
_TASK_ID = re.compile(r"(?:task|job)_?id", re.IGNORECASE)
_STATE = re.compile(r"(?:task_?)?(?:status|state)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z][\w-]{0,50}")
_MOST_WORDS = 500


@dataclass(frozen=True)
class Facts:
    """What a page shows of a call's behaviour."""

    id: str
    vendor: str
    method: str
    path: str
    inputs: dict[str, str]
    """What the call takes, and where: parameters and top-level fields."""
    description: str
    response: Schema
    """The page's schema of the JSON response."""
    examples: list[dict[str, Any]]
    """Of the JSON response."""

    @classmethod
    def of(cls, draft: Draft) -> Facts:
        """The facts of a draft."""
        inputs = {one["name"]: one["in"] for one in draft.parameters}
        inputs |= dict.fromkeys(draft.fields, "body")
        bodies = (body for media, body in draft.call.response.items() if is_json(media))
        body = next(bodies, None)
        return cls(
            draft.id,
            draft.place.vendor,
            draft.call.method,
            draft.path,
            inputs,
            draft.call.description,
            body.schema if body else {},
            response_examples(draft),
        )

    @cached_property
    def ids(self) -> list[str]:
        """The inputs that are ids."""
        placed = ((name, place) for name, place in self.inputs.items() if place != "header")
        return [name for name, _ in placed if _ID.fullmatch(name)]

    @cached_property
    def leaves(self) -> list[tuple[str, Any]]:
        """The scalars of the examples and the path of each."""
        return [leaf for example in self.examples for leaf in _leaves(example, "")]

    @property
    def is_fetching(self) -> bool:
        """Whether it gets something by an id, or takes an id alone."""
        return bool(self.ids) and (self.method == "get" or len(self.ids) == len(self.inputs))

    @property
    def begins_task(self) -> bool:
        """Whether the response has a state, or the id of a task."""
        names = [path.rpartition(".")[2] for path, _ in self.leaves]
        return any(_STATE.fullmatch(name) or _TASK_ID.fullmatch(name) for name in names)

    def shown(self, path: str) -> list[Any]:
        """What the examples have at a path."""
        values = (find(path, example) for example in self.examples)
        return [value for value in values if value is not None]


def propose(conventions: Conventions, drafts: list[Draft]) -> None:
    """Put into each draft the extensions that its page shows, and among what is left out those that
    it does not quite show.
    """
    facts = [Facts.of(draft) for draft in drafts]
    statuses = {
        one.id: _status(conventions, one, draft.left)
        for one, draft in zip(facts, drafts, strict=True)
    }
    fetching = [one for one in facts if statuses[one.id]]
    for one, draft in zip(facts, drafts, strict=True):
        status = statuses[one.id]
        proposed: dict[str, Any] = {
            "x-success": _success(conventions, one),
            "x-task": None if status else _task(conventions, one, fetching),
            "x-task-status": status,
        }
        if not status and not proposed["x-task"]:
            proposed["x-outputs"] = _outputs(one)
        draft.extensions |= {name: rule for name, rule in proposed.items() if rule}


def _outputs(facts: Facts) -> list[str]:
    """Where the examples have the URLs of images, sound, videos or models."""
    return list(dict.fromkeys(path for path, value in facts.leaves if is_media_url(value)))


def _success(conventions: Conventions, facts: Facts) -> Extension | None:
    """Of a call whose examples are successes by the vendor's rule, or have a code that means
    success elsewhere.
    """
    if not facts.examples:
        return None
    for rule in conventions.rules("x-success", facts.vendor):
        shown = [find(rule.says.field, example) for example in facts.examples]
        if all(among(value, rule.says.values) for value in shown):
            return rule.data
    rules = [rule.says for rule in conventions.rules("x-success") if rule.says.field == "code"]
    accepted = [value for rule in rules for value in rule.values]
    return next(filter(None, (_envelope(example, accepted) for example in facts.examples)), None)


def _envelope(example: dict[str, Any], accepted: list[Any]) -> Extension | None:
    """The rule of an example with a code that is accepted, and a message."""
    message = next((name for name in ("message", "msg") if name in example), None)
    if message is None or not among(example.get("code"), accepted):
        return None
    return {"field": "code", "values": [example["code"]], "message": message}


def _status(conventions: Conventions, facts: Facts, left: list[str]) -> Extension | None:
    """Of a call that gets something by an id: where the response has a word that means a state."""
    if not facts.is_fetching or not facts.examples:
        return None
    urls_of = [path for path, value in facts.leaves if str(value).startswith("http")]
    outputs = list(dict.fromkeys(urls_of))
    for rule in conventions.rules("x-task-status", facts.vendor):
        if all(map(rule.says.known_state, facts.examples)):
            known = list(_known_outputs(rule, facts))
            return rule.data | ({"outputs": known or outputs} if outputs else {})
    return _own_status(conventions, facts, outputs, left)


def _known_outputs(rule: Rule, facts: Facts) -> Iterator[Any]:
    """The outputs of a rule that the examples have."""
    for data, path in zip(seq(rule.data.get("outputs")), rule.says.outputs, strict=False):
        if any(urls([path], example) for example in facts.examples):
            yield data


def _own_status(
    conventions: Conventions, facts: Facts, outputs: list[str], left: list[str]
) -> Extension | None:
    """Of a vendor without a rule that fits:

    the words of the page, in the meaning that they have elsewhere.
    """
    for path in filter(_is_state, dict.fromkeys(path for path, _ in facts.leaves)):
        shown = facts.shown(path)
        if not all(isinstance(value, str) for value in shown):
            continue
        lists = _state_words(conventions, dict.fromkeys([*_words(facts, path), *shown]))
        is_known = all(value.casefold() in conventions.meanings for value in shown)
        if is_known and lists["succeeded"]:
            lists["outputs"] = outputs
            return {"state": path} | {name: listed for name, listed in lists.items() if listed}
        unclear = f"`{path}` seems to be the state, but what its words mean is not known"
        note(left, f"x-task-status: {unclear}")
    return None


def _is_state(path: str) -> bool:
    """Whether the last name of a path is one for a state."""
    return bool(_STATE.fullmatch(path.rpartition(".")[2]))


def _state_words(conventions: Conventions, words: Iterable[str]) -> dict[str, list[str]]:
    """The words of each state, as the specification sorts them elsewhere."""
    lists: dict[str, list[str]] = {state: [] for state in STATES}
    for word in words:
        if state := conventions.meanings.get(word.casefold()):
            lists[state].append(word)
    return lists


def _words(facts: Facts, path: str) -> list[str]:
    """The words that a page lists or writes for the field at a path."""
    schema = facts.response
    for name in path.split("."):
        schema = obj(obj(schema.get("properties")).get(name))
    if "enum" in schema:
        return list(map(str, schema["enum"]))
    text = f"{schema.get('description', '')} {facts.description}"
    return list(dict.fromkeys(_WORD.findall(text)))[:_MOST_WORDS]


def _task(conventions: Conventions, facts: Facts, fetching: list[Facts]) -> Extension | None:
    """Of a call whose response has an id that a fetching call of the vendor takes."""
    if facts.method == "get" or not facts.examples:
        return None
    fetchers = {one.id: (one.path, one.ids) for one in fetching}
    together = set(fetchers)
    fetchers = conventions.fetching(facts.vendor) | fetchers
    rank = {
        fetch: (fetch in together, _common(path, facts.path))
        for fetch, (path, _) in fetchers.items()
    }
    for fetch in sorted(fetchers, key=lambda fetch: rank[fetch], reverse=True):
        path, wanted = fetchers[fetch]
        is_sure = fetch in together or path.startswith(facts.path + "/")
        if not rank[fetch][1]:
            continue
        task = _known_task(conventions, facts, fetch, is_sure)
        task = task or _own_task(facts, fetch, wanted, is_sure)
        if task:
            return task | _webhook(conventions, facts)
    return None


def _known_task(
    conventions: Conventions, facts: Facts, fetch: str, is_sure: bool
) -> Extension | None:
    """A rule of the vendor for this fetching call, if the examples have what it needs."""
    for rule in conventions.rules("x-task", facts.vendor) if is_sure or facts.begins_task else ():
        found = [value for one in facts.examples for value in rule.says.find(one).values()]
        if rule.says.fetch == fetch and all(found):
            task = {"fetch": fetch, "parameters": rule.data["parameters"]}
            when = rule.says.when
            fits = when and facts.inputs.get(when.name) == when.place
            return task | ({"when": rule.data["when"]} if fits else {})
    return None


def _own_task(facts: Facts, fetch: str, wanted: list[str], is_sure: bool) -> Extension | None:
    """The id in the examples that has the name which the fetching call takes, or a task's, or any
    id's where it is sure.
    """
    if len(wanted) != 1:
        return None
    paths = {path: path.rpartition(".")[2] for path, _ in _leaves(facts.examples[0], "")}
    own = (path for path, name in paths.items() if _is_task_id(name, wanted))
    any_id = (path for path, name in paths.items() if is_sure and _ID.fullmatch(name))
    path = next(own, None) or next(any_id, None)
    return {"fetch": fetch, "parameters": {wanted[0]: path}} if path else None


def _is_task_id(name: str, wanted: Iterable[str]) -> bool:
    return (name in wanted and name != "id") or bool(_TASK_ID.fullmatch(name))


def _webhook(conventions: Conventions, facts: Facts) -> Extension:
    """The input that takes a webhook's URL."""
    hooks = (item for item in facts.inputs.items() if item[0] in conventions.webhooks)
    return next(({"webhook": {"in": place, "name": name}} for name, place in hooks), {})


def _common(path: str, other: str) -> int:
    """How many parts two paths share at their beginning."""
    parts = list(zip(path.split("/")[1:], other.split("/")[1:], strict=False))
    return next((number for number, (one, two) in enumerate(parts) if one != two), len(parts))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The scalars of a response and the JMESPath of each, as far as names need no quotes; of a
    list, those of its first item.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            if _NAME.fullmatch(name):
                yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield from _leaves(value[0], f"{path}[]") if value else ()
    elif value not in (None, ""):
        yield path, value
