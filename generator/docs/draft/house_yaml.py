"""YAML in the house style: short things on one line, lists indented, dates bare, and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ...source import is_ambiguous

TODO = "\ue000"
"""At the end of a text: `# TODO words` follows its line. Text of a page cannot hold it."""
CHECK = "\ue001"
"""At the end of a key: a comment `# TODO check`."""

_COMMENTS = {TODO: "  # TODO words", CHECK: "  # TODO check"}
_LONGEST = 84
"""Of what stands on one line behind a key, so that few lines are longer than 100."""
_BLOCKS = {
    "paths",
    "schemas",
    "properties",
    "examples",
    "x-docs",
    "x-price",
    "x-task",
    "x-task-status",
    "x-stream",
}
_PLAIN = re.compile(r"[\w/$(](?:[\w./()+=@%$;' -]*[\w./()+=@%$;'-])?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def dump(data: dict[str, Any]) -> str:
    """A mapping of JSON values as YAML text, its marks as comments."""
    return "\n".join(_commented(line) for line in _mapping(data)) + "\n"


def _commented(line: str) -> str:
    for mark, comment in _COMMENTS.items():
        if mark in line:
            line = line.replace(f" {mark}", "").replace(mark, "") + comment
    return line


def _mapping(data: dict[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(f"{_scalar(key)}:", value, key.rstrip(CHECK))


def _sequence(data: list[Any]) -> Iterator[str]:
    for value in data:
        if isinstance(value, dict) and (_flow(value, "") is None):
            first, *rest = _mapping(value)
            yield f"- {first}"
            yield from (f"  {line}" if line else line for line in rest)
        else:
            yield from _entry("-", value, "")


def _entry(lead: str, value: Any, key: str) -> Iterator[str]:
    """A key or dash with its value: on one line if that is short, else indented below."""
    flow = _flow(value, key)
    if flow is not None:
        yield f"{lead} {flow}"
    elif isinstance(value, str):
        first, *rest = _literal(value) if _is_literal(value) else _folded(value)
        yield f"{lead} {first}"
        yield from (f"  {line}" if line else line for line in rest)
    else:
        yield lead
        inner = _mapping(value) if isinstance(value, dict) else _sequence(value)
        yield from (f"  {line}" if line else line for line in inner)


def _flow(value: Any, key: str) -> str | None:
    """A value on one line; None if that would be long, or the house style has it below its key."""
    if isinstance(value, (dict, list)):
        return _flow_container(value, key)
    if isinstance(value, str) and (len(value) > _LONGEST or "\n" in value):
        return None
    return _scalar(value)


def _flow_container(value: dict[str, Any] | list[Any], key: str) -> str | None:
    is_block = key in _BLOCKS or (key == "parameters" and isinstance(value, list))
    if value and is_block:
        return None
    items = value.items() if isinstance(value, dict) else [("", inner) for inner in value]
    parts: list[str] = []
    room = _LONGEST
    for name, inner in items:
        part = _flow(inner, name)
        if part is None:
            return None
        parts.append(f"{_scalar(name)}: {part}" if isinstance(value, dict) else part)
        room -= len(parts[-1]) + 2
        if room < 0:
            return None
    joined = ", ".join(parts)
    return f"{{{joined}}}" if isinstance(value, dict) else f"[{joined}]"


def _scalar(value: Any) -> str:
    """A scalar on one line; a text in quotes if some reader takes the plain one for another."""
    if not isinstance(value, str):
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", json.dumps(value))  # to YAML 1.1 `1e+20` is a text
    bare = value.rstrip(TODO + CHECK).removesuffix(" ") if value[-1:] in _COMMENTS else value
    if _DATE.fullmatch(bare) or (_PLAIN.fullmatch(bare) and not is_ambiguous(bare)):
        return value
    if bare.isprintable():
        return "'{}'".format(value.replace("'", "''"))
    return f'"{_escaped(value)}"'


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(one) or (one if one.isprintable() else _code(one)) for one in text)


def _code(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"


def _is_literal(text: str) -> bool:
    """Whether a text can stand as it is below its key."""
    lines = text.split("\n")
    return lines[0][:1] not in ("", " ") and all(map(str.isprintable, lines))


def _literal(text: str) -> Iterator[str]:
    kept = text.rstrip("\n")
    ends = len(text) - len(kept)
    yield f"|{'-' if not ends else '' if ends == 1 else '+'}"
    yield from kept.split("\n")
    yield from [""] * (ends - 1)


def _folded(text: str) -> Iterator[str]:
    """A text in double quotes, broken into lines that join without a space."""
    pieces = [_escaped(text[at : at + _LONGEST // 2]) for at in range(0, len(text), _LONGEST // 2)]
    lines = [f"\\{piece}" if piece.startswith(" ") else piece for piece in pieces]
    yield '"' + lines[0] + ("\\" if len(lines) > 1 else '"')
    for line in lines[1:-1]:
        yield f"{line}\\"
    if len(lines) > 1:
        yield f'{lines[-1]}"'
