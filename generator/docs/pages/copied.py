"""A page that was copied as text from a browser, in English or Chinese."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from generator.docs import PageError

from . import Page, openapi
from .untrusted import clean, is_path, one_line
from .values import parse_first

_CALL = re.compile(r"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)(?:\s*(/\S*))?")
_PART = re.compile(r"(Header|Path|Query|Body)\s*(?:Params|参数)\s*(\S*/\S*)?", re.IGNORECASE)
_TYPE = re.compile(
    r"(string|integer|number|boolean|null|object|array|file|enum|any)(?:<[^>]*>)?"
    r"\s*(?:\[([^\]{]*)(?:\{(\d{1,4})\})?\s*\])?\s*(?:\{(\d{1,4})\})?"
)
_REQUIRED = {"required": True, "必需": True, "必填": True, "optional": False, "可选": False}
_END = re.compile(r"Request samples|请求示例代码|Responses|返回响应|Modified at.*|修改于.*")
_RESPONSES = re.compile(r"Responses|返回响应")
_EXAMPLE = re.compile(r"Examples?|示例")
_DEFAULT = re.compile(r"(?:Default|默认值)[:：]")
_SHOWN = re.compile(r"(?:Example|示例值)[:：]")
_ENUM = re.compile(r"(?:Allowed values?|Enum|枚举值)\s*[:：]?")
_VALUE = re.compile(r"(?!.*[:：]$)[\w.:×/-]+")
_STATUS = re.compile(r"\W{0,3}2\d\d")
_NEXT_STATUS = re.compile(r"\W{1,3}[1-5]\d\d\D.*|Previous|上一页")
_MEDIA_TYPE = re.compile(r"[a-z]+/[\w.+-]+")
_CURL = re.compile(r"curl [^\n]{0,300}?['\"]?(https?://[^\s'\"]+)")
_MODIFIED = re.compile(r"(?:Modified at|修改于) {0,5}([0-9]{4}-[0-9]{2}-[0-9]{2})")

# Lines of a table are short, so only lines of words and of examples are longer than this.
_LONGEST_LINE = 300
_DEEPEST = 12
_MOST_FIELDS = 5000
_INNER_TYPES = ("string", "integer", "number", "boolean", "object")


def copied(text: str, source: str) -> Page:
    """Read the copied text of a page. Raises PageError if no call is described in it."""
    lines = [line.strip() for line in clean(text, len(text)).splitlines()]
    start, method, path = _find_call(lines, source)
    title = _before(lines, start)
    crumb = _before(lines, lines.index(title) if title else start)
    body = lines[start + 1 :]
    stop = next((number for number, line in enumerate(body) if _starts_tables(line)), len(body))
    responses = _first(_RESPONSES, body)
    description = "\n".join(line for line in body[:stop] if line != path)
    operation = _request(source, body[stop:responses])
    operation |= {"summary": title, "description": description}
    operation["responses"] = _response(source, body[responses + 1 :])
    page = Page(source, one_line(title), one_line(crumb[3:]) if crumb.startswith("1. ") else "")
    page.form = "copied"
    openapi.read(page, {"paths": {path: {method.lower(): operation}}})
    page.calls[0].others = list(_shown_paths(body[stop:responses], page.calls[0].path))
    page.modified = next((date for date in map(_modified, lines) if date), "")
    return page


def _modified(line: str) -> str:
    """The date of a line that says when the page was changed."""
    found = _MODIFIED.match(line)
    try:
        return datetime.date.fromisoformat(found[1]).isoformat() if found else ""
    except ValueError:
        return ""


def _find_call(lines: list[str], source: str) -> tuple[int, str, str]:
    """Line, method and path: the path is beside the method or below it."""
    for number, line in enumerate(lines):
        found = _match(_CALL, line)
        if not found:
            continue
        after = next((other for other in lines[number + 1 : number + 3] if other), "")
        if found[2] or re.fullmatch(r"/\S+", after):
            return number, found[1], found[2] or after
    raise PageError(
        source, "there is no call in this text (a line `POST` or `GET`, and its path below)"
    )


def _starts_tables(line: str) -> bool:
    return line in ("Request", "请求参数") or _match(_PART, line) is not None


def _before(lines: list[str], number: int) -> str:
    return next((lines[at] for at in range(number - 1, -1, -1) if lines[at]), "")


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """The match of a whole line that may be one of a table."""
    return pattern.fullmatch(line) if len(line) <= _LONGEST_LINE else None


def _first(pattern: re.Pattern[str], lines: list[str]) -> int:
    """The number of the first line that is of a pattern, else how many lines there are."""
    return next((number for number, line in enumerate(lines) if _match(pattern, line)), len(lines))


def _shown_paths(lines: list[str], path: str) -> Iterator[str]:
    """Other spellings of the call's path, in the page's curl samples."""
    for line in lines:
        curl = _CURL.search(line[:2000])
        try:
            shown = urlsplit(curl[1]).path if curl else ""
        except ValueError:
            continue
        if shown != path and is_path(shown):
            yield shown


def _request(source: str, lines: list[str]) -> dict[str, Any]:
    """`parameters` and `requestBody` of the tables."""
    operation: dict[str, Any] = {"parameters": []}
    for place, media, table in _tables(lines):
        fields = _fields(source, table)
        if place == "body":
            body = operation.setdefault("requestBody", {"content": {}})
            body["content"][media] = _media(fields, table)
            continue
        for name, schema in fields["properties"].items():
            required = name in fields["required"]
            parameter = {"name": name, "in": place, "required": required, "schema": schema}
            operation["parameters"].append(parameter)
    return operation


def _tables(lines: list[str]) -> list[tuple[str, str, list[str]]]:
    """The tables of parameters: where they are sent, media type, lines."""
    tables: list[tuple[str, str, list[str]]] = []
    for line in lines[: _first(_END, lines)]:
        if part := _match(_PART, line):
            tables.append((part[1].lower(), part[2] or "application/json", []))
        elif tables:
            tables[-1][2].append(line)
    return tables


@dataclass
class _Row:
    """A field of a table."""

    name: str
    schema: dict[str, Any]
    is_required: bool
    inner: int
    """How many of the rows below it are its fields (`[object {2}]`)."""


def _fields(source: str, lines: list[str]) -> dict[str, Any]:
    """The fields of a table as an object schema:

    a line with the name, one with the type, then words, `required` and so on.
    """
    lines = lines[: _first(_EXAMPLE, lines)]
    starts = list(_starts(lines))
    if len(starts) > _MOST_FIELDS:
        raise PageError(source, f"a table has more than {_MOST_FIELDS} fields")
    rows: list[_Row] = []
    for (start, kind), following in itertools.zip_longest(starts, starts[1:]):
        end = following[0] - 1 if following else len(lines)
        name = lines[start - 1]
        name = name.rpartition(".")[2].strip() if " " in name else name
        rows.append(_row(name, kind, lines[start + 1 : end]))
    return _nested(source, iter(rows), len(rows), 0)


def _starts(lines: list[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """The lines with a type, below a name and above `required` or `optional`."""
    kinds = [_match(_TYPE, line) for line in lines]
    is_field = False
    starts: list[tuple[int, re.Match[str]]] = []
    for number in range(len(lines) - 1, 0, -1):
        kind = kinds[number]
        if kind and is_field:
            starts.append((number, kind))
        if kind:
            is_field = False
        if lines[number] in _REQUIRED:
            is_field = True
    return reversed(starts)


def _schema(kind: str, items: str) -> dict[str, Any]:
    """The schema of a type as a page has it; `items` is the type in an array's brackets."""
    if kind == "array":
        return {"type": kind, "items": {"type": items} if items in _INNER_TYPES else {}}
    return {} if kind in ("any", "enum") else {"type": kind}


def _row(name: str, kind: re.Match[str], lines: list[str]) -> _Row:
    schema = _schema(kind[1], (kind[2] or "").strip())
    flag = next((number for number, line in enumerate(lines) if line in _REQUIRED), None)
    is_required = flag is not None and _REQUIRED[lines[flag]]
    words = _described(schema, [line for number, line in enumerate(lines) if number != flag])
    schema["description"] = " ".join(words).strip()
    return _Row(name, schema, is_required, int(kind[3] or kind[4] or 0))


def _described(schema: dict[str, Any], lines: list[str]) -> list[str]:
    """Put default and enum of a field into its schema; returns the other lines."""
    words: list[str] = []
    at = 0
    while at < len(lines):
        line, has_next = lines[at], at + 1 < len(lines)
        at += 1
        if has_next and _match(_DEFAULT, line):
            schema["default"] = lines[at]
            at += 1
        elif has_next and _match(_SHOWN, line):
            at += 1
        elif _match(_ENUM, line):
            values = list(itertools.takewhile(lambda one: _match(_VALUE, one), lines[at:]))
            schema |= {"enum": values} if values else {}
            at += len(values)
        else:
            words.append(line)
    return words


def _nested(source: str, rows: Iterator[_Row], count: int, depth: int) -> dict[str, Any]:
    """An object of the next `count` rows, each with those below it that are its fields."""
    if depth > _DEEPEST:
        raise PageError(source, f"its tables are nested in more than {_DEEPEST} levels")
    fields: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for row in itertools.islice(rows, count):
        schema = row.schema
        if row.inner:
            inner = _nested(source, rows, row.inner, depth + 1)
            is_list = schema.get("type") == "array"
            schema = {**schema, "items": inner} if is_list else {**schema, **inner}
        fields["properties"][row.name] = schema
        if row.is_required:
            fields["required"].append(row.name)
    return fields


def _media(fields: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    text = "\n".join(lines[_first(_EXAMPLE, lines) + 1 :]).lstrip()
    if not text.startswith(("{", "[")):
        return {"schema": fields}
    try:
        example = parse_first(text)
    except ValueError:
        example = text
    if isinstance(example, dict):
        _move_into_owners(fields, example)
    return {"schema": fields, "example": example}


def _move_into_owners(schema: dict[str, Any], example: dict[str, Any]) -> None:
    """Copied text has no indentation:

    put fields into the object before them where the page's example has them.
    """
    owner = ""
    for name, field in list(schema["properties"].items()):
        if name in example:
            is_open = field.get("type") == "object" and "properties" not in field
            owner = name if is_open and isinstance(example[name], dict) else ""
        elif owner and name in example[owner]:
            parent = schema["properties"][owner]
            parent.setdefault("properties", {})[name] = schema["properties"].pop(name)
            if name in schema["required"]:
                schema["required"].remove(name)
                parent.setdefault("required", []).append(name)


def _response(source: str, lines: list[str]) -> dict[str, Any]:
    """The first 2xx response: status line, media type, `Body`, fields, example."""
    start = next((number for number, line in enumerate(lines) if _STATUS.match(line)), len(lines))
    section = list(itertools.takewhile(_is_of_response, lines[start + 1 :]))
    media = next((line for line in section[:3] if _match(_MEDIA_TYPE, line)), "")
    if not media:
        return {}
    return {"200": {"content": {media: _media(_fields(source, section), section)}}}


def _is_of_response(line: str) -> bool:
    return not (_match(_NEXT_STATUS, line) or _match(_END, line))
