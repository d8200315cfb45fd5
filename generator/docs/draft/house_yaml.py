"""YAML in the house style: short things on one line, lists indented, dates bare, and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from generator.source import is_ambiguous

TODO = "\ue000"
"""At the end of a text: `# TODO words` follows its line. Text of a page cannot hold it."""
CHECK = "\ue001"
"""At the end of a key: a comment `# TODO check`."""

_COMMENTS = {TODO: "  # TODO words", CHECK: "  # TODO check"}
_WIDTH = 100
_LONGEST = 84
"""Of what stands on one line behind a key."""
_FOLDED = 60
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
    return "\n".join(_commented(line) for line in _mapping(data, _WIDTH)) + "\n"


def _commented(line: str) -> str:
    for mark, comment in _COMMENTS.items():
        if mark in line:
            line = line.replace(f" {mark}", "").replace(mark, "") + comment
    return line


def _mapping(data: dict[str, Any], room: int) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(f"{_scalar(key)}:", value, key.rstrip(CHECK), room)


def _sequence(data: list[Any], room: int) -> Iterator[str]:
    for value in data:
        if value and isinstance(value, dict) and _flow(value, "", room - 2) is None:
            first, *rest = _mapping(value, room - 2)
            yield f"- {first}"
            yield from _indented(rest)
        else:
            yield from _entry("-", value, "", room)


def _entry(lead: str, value: Any, key: str, room: int) -> Iterator[str]:
    """A key or dash with its value: on one line if there is room for it, else indented below."""
    flow = _flow(value, key, room - len(lead) - 1)
    if flow is not None:
        yield f"{lead} {flow}"
    elif isinstance(value, str):
        first, *rest = _literal(value) if _is_literal(value) else _folded(value)
        yield f"{lead} {first}"
        yield from _indented(rest)
    elif isinstance(value, dict):
        yield lead
        yield from _indented(_mapping(value, room - 2))
    else:
        yield lead
        yield from _indented(_sequence(value, room - 2))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else line for line in lines)


def _flow(value: Any, key: str, room: int) -> str | None:
    """A value on one line; None if there is no room, or the house style has it below its key."""
    if not value or not isinstance(value, (dict, list, str)):
        return _scalar(value)
    room = min(room, _LONGEST)
    if isinstance(value, str):
        return _flow_text(value, room)
    if key in _BLOCKS or (key == "parameters" and isinstance(value, list)):
        return None
    return _flow_mapping(value, room) if isinstance(value, dict) else _flow_sequence(value, room)


def _flow_text(text: str, room: int) -> str | None:
    scalar = _scalar(text) if len(text) <= room and "\n" not in text else None
    return scalar if scalar and len(scalar) <= room else None


def _flow_mapping(data: dict[str, Any], room: int) -> str | None:
    parts: list[str] = []
    for key, value in data.items():
        lead = f"{_scalar(key)}: "
        part = _flow(value, key, room - len(lead) - 2)
        if part is None:
            return None
        parts.append(lead + part)
        room -= len(parts[-1]) + 2
    return f"{{{', '.join(parts)}}}" if room >= 0 else None


def _flow_sequence(data: list[Any], room: int) -> str | None:
    parts: list[str] = []
    for value in data:
        part = _flow(value, "", room - 2)
        if part is None:
            return None
        parts.append(part)
        room -= len(part) + 2
    return f"[{', '.join(parts)}]" if room >= 0 else None


def _scalar(value: Any) -> str:
    """A scalar on one line; a text in quotes if some reader takes the plain one for another."""
    if not isinstance(value, str):
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", json.dumps(value))  # to YAML 1.1 `1e+20` is a text
    bare = value.rstrip(TODO + CHECK).removesuffix(" ") if value[-1:] in _COMMENTS else value
    if _DATE.fullmatch(bare) or (_PLAIN.fullmatch(bare) and not is_ambiguous(bare)):
        return value
    if bare.isprintable():
        return "'{}'".format(value.replace("'", "''"))
    return '"{}"'.format("".join(_escaped_letters(value)))


def _escaped_letters(text: str) -> Iterator[str]:
    """What stands in double quotes for each letter."""
    return (_ESCAPES.get(one) or (one if one.isprintable() else _code(one)) for one in text)


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
    lines = [""]
    for one in _escaped_letters(text):
        if len(lines[-1]) > _FOLDED:
            lines[-1] += "\\"
            lines.append("\\" if one == " " else "")
        lines[-1] += one
    lines[0] = f'"{lines[0]}'
    lines[-1] += '"'
    yield from lines
