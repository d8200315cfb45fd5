"""YAML as JavaScript tools write it, read from a text that nobody here wrote.

Plain scalars mean what JSON means, so dates and `16:9` stay texts. Nothing recurses, no tag is
followed, and size and depth are bounded, aliases counted as if written out: Apifox writes an alias
wherever a page refers to a schema twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from .untrusted import clean
from .values import DEEPEST, MOST_NODES

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,4})?")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_LONGEST_KEY = 1000


class UnusableYaml(Exception):
    """The text cannot be used; says why, and at which line, from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(slots=True)
class _Open:
    """A mapping or list that is not yet closed."""

    value: Any
    anchor: str | None
    nodes_before: int
    height: int = 1
    """How many levels it has, itself counted."""
    key: str | None = None
    """Of a mapping: the key that waits for its value."""


class _Anchored(NamedTuple):
    """What an alias of the anchor stands for."""

    value: Any
    nodes: int
    height: int


class _Builder:
    """Makes dicts and lists of the parser's events."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.root: Any = None
        self.documents = 0
        self.nodes = 0
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchored] = {}
        self.handlers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self.start_document,
            yaml.MappingStartEvent: lambda event: self.start(event, {}),
            yaml.SequenceStartEvent: lambda event: self.start(event, []),
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
        }

    def feed(self, event: yaml.Event) -> None:
        if handler := self.handlers.get(type(event)):
            handler(event)

    def start_document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _unusable("there is a second document", event)

    def start(self, event: Any, value: Any) -> None:
        self.count(event)
        if self.open and self.expects_key:
            raise _unusable("a key is a list or a mapping", event)
        if len(self.open) == DEEPEST:
            raise _unusable("it is nested too deeply", event)
        self.place(value)
        self.open.append(_Open(value, event.anchor, self.nodes))

    def end(self, event: Any) -> None:
        closed = self.open.pop()
        if closed.anchor:
            nodes = self.nodes - closed.nodes_before + 1
            self.anchors[closed.anchor] = _Anchored(closed.value, nodes, closed.height)
        if self.open:
            self.open[-1].height = max(self.open[-1].height, closed.height + 1)

    def scalar(self, event: Any) -> None:
        self.count(event)
        if self.open and self.expects_key:
            self.open[-1].key = clean(event.value, _LONGEST_KEY)
            return
        value = _plain(event.value) if event.implicit[0] else clean(event.value, len(event.value))
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self.place(value)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors or self.expects_key:
            raise _unusable(f"the alias *{event.anchor[:40]} leads nowhere", event)
        anchored = self.anchors[event.anchor]
        self.count(event, anchored.nodes)
        if len(self.open) + anchored.height > DEEPEST:
            raise _unusable("it is nested too deeply", event)
        self.place(anchored.value)
        self.open[-1].height = max(self.open[-1].height, anchored.height + 1)

    def count(self, event: Any, nodes: int = 1) -> None:
        if getattr(event, "tag", None):
            raise _unusable(f"there is a tag {event.tag[:80]}", event)
        self.nodes += nodes
        if self.nodes > self.most:
            raise _unusable(f"it has more than {self.most} values", event)

    @property
    def expects_key(self) -> bool:
        top = self.open[-1]
        return isinstance(top.value, dict) and top.key is None

    def place(self, value: Any) -> None:
        """Put a value where the document has come to."""
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[top.key] = value
            top.key = None


def load(text: str, most: int = MOST_NODES) -> Any:
    """The value of a YAML text of at most so many values. Raises UnusableYaml."""
    builder = _Builder(most)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except yaml.YAMLError as error:
        mark, reason = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise UnusableYaml(reason or str(error), mark.line + 1 if mark else 1) from error
    return builder.root


def _plain(text: str) -> Any:
    """The value of a plain scalar. A number that is too large for JSON's readers stays text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "-0123456789" and (number := _NUMBER.fullmatch(text)):
        if not number[1] and not number[2]:
            return int(text)
        return float(text) if math.isfinite(float(text)) else text
    return clean(text, len(text))


def _unusable(reason: str, event: yaml.Event) -> UnusableYaml:
    return UnusableYaml(reason, event.start_mark.line + 1)
