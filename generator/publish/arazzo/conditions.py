"""JMESPath, which our extensions speak, as Arazzo's expressions, conditions and selectors.

Arazzo has no words for all of it: what cannot be said raises `Unsayable` with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from jmespath.parser import Parser

from generator.document.references import escape
from generator.join import pointer

Node = dict[str, Any]
BODY = "$response.body"
_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")


class Unsayable(ValueError):
    """Arazzo has no expression for this; the message says for what."""


def value(path: str) -> str:
    """The runtime expression for the value at a path of the response.

    Raises:
        Unsayable: The path is more than names and indexes.
    """
    there = pointer(path)
    if there is None:
        raise Unsayable(f"no JSON pointer says `{path}`")
    return f"{BODY}#{there}"


def is_among(path: str, values: Iterable[Any]) -> str:
    """The condition that the value at a path is one of some values.

    Raises:
        Unsayable: The path is one that no condition can say.
    """
    return _among(_parsed(path), list(values))


def is_present(path: str) -> str:
    """The condition that there is something at a path. Raises as `is_among`."""
    return _truth(_parsed(path))


def succeeds(path: str, values: Iterable[Any]) -> str:
    """The condition that `x-success` has: the value is absent, or one of those. Raises as above."""
    node = _parsed(path)
    among = _among(node, list(values))
    return _any(f"{_pointer(node)} == null", among) if _is_plain(node) else among


def selectors(path: str) -> dict[str, Any]:
    """What selects the values at a path of the response, by a name for each.

    Of alternatives (`a || b`) each has its own. Raises as `is_among`.
    """
    node = _parsed(path)
    parts = _alternatives(node)
    return {_name(one): _selector(one) for one in parts}


# -- the parts of JMESPath -------------------------------------------------------------------------


def _parsed(path: str) -> Node:
    parsed: Any = Parser().parse(path).parsed
    return parsed


def _is_plain(node: Node) -> bool:
    """Whether a node is names and indexes alone."""
    kind = node["type"]
    if kind in ("subexpression", "index_expression"):
        return all(map(_is_plain, node["children"]))
    return kind in ("field", "index", "identity")


def _steps(node: Node) -> list[str | int]:
    if node["type"] in ("subexpression", "index_expression"):
        return [step for child in node["children"] for step in _steps(child)]
    return [node["value"]] if node["type"] in ("field", "index") else []


def _pointer(node: Node) -> str:
    return BODY + "#" + "".join(f"/{escape(str(step))}" for step in _steps(node))


def _bare(node: Node) -> Node:
    """Without `to_string`: Arazzo compares a number with a text that holds it."""
    if node["type"] == "function_expression" and node["value"] == "to_string":
        return node["children"][0]
    return node


def _among(node: Node, values: list[Any]) -> str:
    node = _bare(node)
    if _is_plain(node):
        return _any(*(f"{_pointer(node)} == {_literal(one)}" for one in values))
    kind = node["type"]
    if kind == "literal":
        return _constant(node["value"] in values)
    if kind in ("or_expression", "and_expression"):
        first, second = node["children"]
        there = _truth(first)
        if kind == "and_expression":
            return _all(there, _among(second, values))
        return _any(_among(first, values), _all(_not(there), _among(second, values)))
    if kind in ("not_expression", "comparator"):
        truth = _truth(node)
        said = ((True, truth), (False, _not(truth)))
        return _any(*(one for word, one in said if word in values))
    raise Unsayable(f"no condition says a {kind.replace('_', ' ')}")


def _truth(node: Node) -> str:
    """The condition that JMESPath takes for true. Empty lists and objects are taken for present."""
    node = _bare(node)
    if _is_plain(node):
        return _all(*(f"{_pointer(node)} != {none}" for none in ("null", "''", "false")))
    kind = node["type"]
    if kind == "literal":
        return _constant(bool(node["value"]))
    if kind == "not_expression":
        return _not(_truth(node["children"][0]))
    if kind == "and_expression":
        return _all(*map(_truth, node["children"]))
    if kind == "or_expression":
        return _any(*map(_truth, node["children"]))
    if kind == "comparator" and node["value"] in _OPERATORS:
        return f" {_OPERATORS[node['value']]} ".join(map(_operand, node["children"]))
    raise Unsayable(f"no condition says a {kind.replace('_', ' ')}")


def _operand(node: Node) -> str:
    node = _bare(node)
    if node["type"] == "literal":
        return _literal(node["value"])
    if _is_plain(node):
        return _pointer(node)
    raise Unsayable(f"no condition compares a {node['type'].replace('_', ' ')}")


# -- conditions as text ----------------------------------------------------------------------------


def _literal(word: Any) -> str:
    if isinstance(word, str):
        return "'" + word.replace("'", "''") + "'"
    if word is None or isinstance(word, (bool, int, float)):
        return json.dumps(word)
    raise Unsayable("no condition has a list or an object")


def _constant(holds: bool) -> str:
    return "true" if holds else "false"


def _any(*conditions: str) -> str:
    parts = dict.fromkeys(one for one in conditions if one != "false")
    if "true" in parts:
        return "true"
    return " || ".join(map(_grouped, parts)) if len(parts) > 1 else next(iter(parts), "false")


def _all(*conditions: str) -> str:
    parts = dict.fromkeys(one for one in conditions if one != "true")
    if "false" in parts:
        return "false"
    return " && ".join(map(_grouped, parts)) if len(parts) > 1 else next(iter(parts), "true")


def _not(condition: str) -> str:
    if condition in ("true", "false"):
        return _constant(condition == "false")
    return f"!({condition})"


def _grouped(condition: str) -> str:
    return f"({condition})" if " && " in condition or " || " in condition else condition


# -- selectors -------------------------------------------------------------------------------------


def _alternatives(node: Node) -> list[Node]:
    if node["type"] == "or_expression":
        return [one for child in node["children"] for one in _alternatives(child)]
    return [node]


def _selector(node: Node) -> Any:
    if _is_plain(node):
        return _pointer(node)
    return {"context": BODY, "selector": f"${_json_path(node)}", "type": "jsonpath"}


def _json_path(node: Node) -> str:
    kind = node["type"]
    if _is_plain(node):
        return "".join(map(_json_path_step, _steps(node)))
    if kind == "projection":
        return "".join(map(_json_path, node["children"]))
    if kind == "flatten":
        return f"{_json_path(node['children'][0])}[*]"
    if kind == "subexpression":
        return "".join(map(_json_path, node["children"]))
    raise Unsayable(f"no JSONPath says a {kind.replace('_', ' ')}")


def _json_path_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    return "['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']"


def _name(node: Node) -> str:
    """A name for an output: the path's own names."""
    path = _json_path(node)
    return ".".join(re.findall(r"[\w-]+", path, re.ASCII)) or "response"
