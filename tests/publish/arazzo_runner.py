"""Carries out the workflows of an Arazzo document: as much of Arazzo 1.1 as ours use."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from generator.document import Document

Json = dict[str, Any]
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>true|false|null)(?!\w)"
    r"|(?P<sign>\|\||&&|[=!<>]=|[<>!()])|(?P<expression>\$[^\s()!=<>|&]+))"
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|(\[\*\])")


class Ended(NamedTuple):
    """How a workflow ended."""

    outputs: Json
    failed: str
    """The step that failed; empty if all went well."""
    calls: list[str]
    """The operations that were called, in order."""


@dataclass
class Scope:
    """What expressions can refer to."""

    inputs: Json
    steps: dict[str, Json] = field(default_factory=dict)
    response: httpx.Response | None = None

    def value(self, expression: str) -> Any:
        """What a runtime expression stands for; None where it leads nowhere."""
        name, _, pointer = expression.partition("#")
        return at_pointer(self._named(name), pointer)

    def _named(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if kind == "$inputs":
            return self.inputs.get(rest)
        if kind == "$steps":
            step, _, output = rest.partition(".outputs.")
            return self.steps[step][output]
        assert self.response is not None, name
        if kind == "$statusCode":
            return self.response.status_code
        assert kind == "$response", name
        if rest.startswith("header."):
            return self.response.headers.get(rest.removeprefix("header."))
        assert rest == "body", name
        is_json = "json" in self.response.headers.get("content-type", "")
        return self.response.json() if is_json else self.response.content

    def filled(self, value: Any) -> Any:
        """A value in which expressions and selectors are replaced by what they stand for."""
        if isinstance(value, str) and value.startswith("$"):
            return self.value(value)
        if isinstance(value, dict) and "selector" in value:
            return selected(self.value(value["context"]), value["selector"])
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        return value

    def holds(self, criterion: Json) -> bool:
        """Whether a criterion is met."""
        condition = criterion["condition"]
        if criterion.get("type") == "regex":
            context = self.value(criterion["context"])
            return context is not None and re.search(condition, str(context)) is not None
        assert "type" not in criterion, criterion
        return Condition(condition, self.value).truth()

    def all_hold(self, criteria: list[Json]) -> bool:
        return all(map(self.holds, criteria))


def at_pointer(value: Any, pointer: str) -> Any:
    """What a JSON pointer leads to in a value, or None."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def selected(value: Any, path: str) -> list[Any]:
    """The nodes that a JSONPath of names, indexes and `[*]` selects."""
    assert _STEP.sub("", path) == "$", path
    nodes = [value]
    for name, index, quoted, every in _STEP.findall(path):
        if every:
            nodes = [one for node in nodes if isinstance(node, list) for one in node]
        elif index:
            nodes = [node[int(index)] for node in nodes if isinstance(node, list) and node]
        else:
            key = name or re.sub(r"\\(.)", r"\1", quoted)
            nodes = [node[key] for node in nodes if isinstance(node, dict) and key in node]
    return nodes


class Condition:
    """A simple condition, read from left to right: `||` binds less than `&&`, and both than `!`."""

    def __init__(self, text: str, value: Callable[[str], Any]) -> None:
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            assert match is not None, f"{text!r} at {position}"
            assert match.lastgroup is not None
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self.value = value

    def truth(self) -> bool:
        found = self._any()
        assert not self.tokens, self.tokens
        return bool(found)

    def _next(self, *signs: str) -> str:
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def _any(self) -> Any:
        found = self._all()
        while self._next("||"):
            other = self._all()
            found = found or other
        return found

    def _all(self) -> Any:
        found = self._one()
        while self._next("&&"):
            other = self._one()
            found = found and other
        return found

    def _one(self) -> Any:
        if self._next("!"):
            return not self._one()
        if self._next("("):
            found = self._any()
            assert self._next(")"), self.tokens
            return found
        first = self._operand()
        if sign := self._next(*_COMPARED):
            return compared(first, sign, self._operand())
        return first

    def _operand(self) -> Any:
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "word":
            return {"true": True, "false": False, "null": None}[text]
        assert kind == "expression", text
        return self.value(text)


def compared(first: Any, sign: str, second: Any) -> bool:
    """A comparison as Arazzo has it: of texts without case, of a number with a text that is one."""
    if first is None or second is None:
        return (first is second) == (sign == "==")
    if isinstance(first, bool) != isinstance(second, bool):
        return sign == "!="
    if isinstance(first, str) and isinstance(second, str):
        return _COMPARED[sign](first.casefold(), second.casefold())
    try:
        return _COMPARED[sign](float(first), float(second))
    except (TypeError, ValueError):
        return sign == "!="


def run(workflow: Json, inputs: Json, document: Document, http: httpx.Client) -> Ended:
    """Carry out a workflow. Retries do not wait.

    Args:
        workflow: Of an Arazzo document.
        inputs: What it takes. Bytes in a form are a file.
        document: The OpenAPI document that it is about.
        http: Sends its calls.
    """
    scope, calls = Scope(inputs), list[str]()
    for step in workflow["steps"]:
        if not is_done(step, scope, document, http, calls):
            return Ended({}, step["stepId"], calls)
        named = step.get("outputs", {})
        scope.steps[step["stepId"]] = {name: scope.filled(one) for name, one in named.items()}
    return Ended(scope.filled(workflow.get("outputs", {})), "", calls)


def is_done(
    step: Json, scope: Scope, document: Document, http: httpx.Client, calls: list[str]
) -> bool:
    """Call a step's operation, again as long as its actions say so; returns whether it succeeds."""
    for _ in range(100):
        calls.append(step["operationId"])
        scope.response = call(step, scope, document, http)
        if scope.all_hold(step.get("successCriteria", [])):
            return True
        if not is_retried(step, scope):
            return False
    return False


def is_retried(step: Json, scope: Scope) -> bool:
    """Whether the first action for this failure is to try again."""
    for action in step.get("onFailure", []):
        if scope.all_hold(action["criteria"]):
            return action["type"] == "retry"
    return False


def call(step: Json, scope: Scope, document: Document, http: httpx.Client) -> httpx.Response:
    """Send the call of a step."""
    operation = document.by_id[step["operationId"]]
    places: dict[str, Json] = {"path": {}, "query": {}, "header": {}}
    for one in step.get("parameters", []):
        places[one["in"]][one["name"]] = scope.filled(one["value"])
    path = re.sub(r"{(\w+)}", lambda match: str(places["path"][match[1]]), operation.path)
    sent: Json = {"params": places["query"], "headers": places["header"]}
    if "requestBody" in step:
        sent |= body(step["requestBody"], scope)
    return http.request(operation.method, path, **sent)


def body(described: Json, scope: Scope) -> Json:
    """The arguments for httpx that send a step's body."""
    payload = scope.filled(described["payload"])
    for one in described.get("replacements", []):
        payload = {**payload, one["target"].removeprefix("/"): scope.filled(one["value"])}
    if "json" in described["contentType"]:
        return {"json": payload}
    if described["contentType"] == "multipart/form-data":
        return {"files": [part for name, value in payload.items() for part in parts(name, value)]}
    if isinstance(payload, bytes):
        return {"content": payload, "headers": {"content-type": described["contentType"]}}
    return {"data": payload}


def parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """The parts of a form for a field."""
    if isinstance(value, list):
        return [part for one in value for part in parts(name, one)]
    if isinstance(value, bytes):
        return [(name, ("file.png", value))]
    text = value if isinstance(value, str) else httpx.Request("POST", "http://x", json=value).read()
    return [(name, (None, text))]
