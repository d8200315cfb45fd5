"""A documentation page that was copied as text from a browser, in English or Chinese."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import urlsplit

from . import PageError
from .page import Page, read

_CALL = re.compile(r"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)(?:\s*(/\S*))?")
_PART = re.compile(r"(Header|Path|Query|Body)\s*(?:Params|参数)\s*(\S*/\S*)?", re.IGNORECASE)
_TYPE = re.compile(
    r"(string|integer|number|boolean|null|object|array|file|enum|any)(?:<[^>]*>)?\s*(?:\[([^\]{]*)(?:\{(\d+)\})?\s*\])?\s*(?:\{(\d+)\})?"
)
_REQUIRED = {"required": True, "必需": True, "必填": True, "optional": False, "可选": False}
_END = re.compile(r"Request samples|请求示例代码|Responses|返回响应|Modified at.*|修改于.*")
_ANSWERS = re.compile(r"Responses|返回响应")
_EXAMPLE = re.compile(r"Examples?|示例")
_DEFAULT = re.compile(r"(?:Default|默认值)[:：]")
_SHOWN = re.compile(r"(?:Example|示例值)[:：]")
_ENUM = re.compile(r"(?:Allowed values?|Enum|枚举值)\s*[:：]?")
_VALUE = re.compile(r"(?!.*[:：]$)[\w.:×/-]+")
_CURL = re.compile(r"curl .*?['\"]?(https?://[^\s'\"]+)")


def copied(text: str, source: str) -> Page:
    """Read the copied text of a page. Raises PageError if no call is described in it."""
    lines = [line.strip() for line in text.splitlines()]
    start, method, path = _find_call(lines, source)
    title = _before(lines, start)
    crumb = _before(lines, lines.index(title) if title else start)
    body = lines[start + 1 :]
    stop = next(
        (
            number
            for number, line in enumerate(body)
            if line in ("Request", "请求参数") or _PART.fullmatch(line)
        ),
        len(body),
    )
    answers = _first(_ANSWERS, body)
    description = "\n".join(line for line in body[:stop] if line != path)
    operation: dict[str, Any] = {"summary": title, "description": description, "parameters": []}
    for where, media, section in _parts(body[stop:answers]):
        fields = _fields(section)
        if where == "body":
            operation.setdefault("requestBody", {"content": {}})["content"][media] = _media(
                fields, section
            )
        for name, schema in fields["properties"].items() if where != "body" else ():
            operation["parameters"].append(
                {
                    "name": name,
                    "in": where,
                    "required": name in fields["required"],
                    "schema": schema,
                }
            )
    operation["responses"] = _reply(body[answers + 1 :])
    page = read(
        Page(source, title, crumb[3:] if crumb.startswith("1. ") else ""),
        {"paths": {path: {method.lower(): operation}}},
    )
    shown = [urlsplit(curl[1]).path for line in body[stop:answers] if (curl := _CURL.search(line))]
    page.calls[0].others = [other for other in shown if other not in ("", page.calls[0].path)]
    page.modified = next(
        (
            found[1]
            for line in lines
            if (found := re.match(r"(?:Modified at|修改于)\s*(\d{4}-\d{2}-\d{2})", line))
        ),
        "",
    )
    return page


def _find_call(lines: list[str], source: str) -> tuple[int, str, str]:
    """Line, method and path: the path is beside the method or below it."""
    for number, line in enumerate(lines):
        found = _CALL.fullmatch(line)
        after = next((other for other in lines[number + 1 : number + 3] if other), "")
        if found and (found[2] or re.fullmatch(r"/\S+", after)):
            return number, found[1], found[2] or after
    raise PageError(
        source, "there is no call in this text (a line `POST` or `GET`, and its path below)"
    )


def _before(lines: list[str], number: int) -> str:
    return next((line for line in reversed(lines[:number]) if line), "")


def _first(pattern: re.Pattern[str], lines: list[str]) -> int:
    return next(
        (number for number, line in enumerate(lines) if pattern.fullmatch(line)), len(lines)
    )


def _parts(lines: list[str]) -> list[tuple[str, str, list[str]]]:
    """The tables of parameters: where they are sent, media type, lines."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lines[: _first(_END, lines)]:
        part = _PART.fullmatch(line)
        if part:
            found.append((part[1].lower(), part[2] or "application/json", []))
        elif found:
            found[-1][2].append(line)
    return found


def _fields(lines: list[str]) -> dict[str, Any]:
    """The fields of a table, as an object schema: a line with the name, one with the type, then words, `required`, default and so on."""
    lines = lines[: _first(_EXAMPLE, lines)]
    starts = [
        number
        for number in range(1, len(lines))
        if _TYPE.fullmatch(lines[number]) and _has_flag(lines[number + 1 :])
    ]
    rows: list[tuple[str, dict[str, Any], bool, int]] = []
    for start, following in itertools.zip_longest(starts, starts[1:]):
        name = (
            lines[start - 1]
            if " " not in lines[start - 1]
            else lines[start - 1].rpartition(".")[2].strip()
        )
        kind = _TYPE.fullmatch(lines[start])
        assert kind is not None
        rows.append(
            (
                name,
                *_field(kind, lines[start + 1 : following - 1 if following else None]),
                int(kind[3] or kind[4] or 0),
            )
        )
    return _nest(rows, len(rows))


def _has_flag(lines: list[str]) -> bool:
    """Whether `required` or `optional` comes before the next type."""
    return next(
        (line in _REQUIRED for line in lines if line in _REQUIRED or _TYPE.fullmatch(line)), False
    )


def _field(kind: re.Match[str], lines: list[str]) -> tuple[dict[str, Any], bool]:
    schema: dict[str, Any] = {} if kind[1] in ("any", "enum") else {"type": kind[1]}
    inner = (kind[2] or "").strip()
    if kind[1] == "array":
        schema["items"] = (
            {"type": inner} if inner in ("string", "integer", "number", "boolean", "object") else {}
        )
    flag = next(line for line in lines if line in _REQUIRED)
    words: list[str] = []
    waiting = lines[: lines.index(flag)] + lines[lines.index(flag) + 1 :]
    while waiting:
        line = waiting.pop(0)
        if waiting and _DEFAULT.fullmatch(line):
            schema["default"] = waiting.pop(0)
        elif waiting and _SHOWN.fullmatch(line):
            waiting.pop(0)
        elif _ENUM.fullmatch(line):
            values = list(itertools.takewhile(_VALUE.fullmatch, waiting))
            schema |= {"enum": values} if values else {}
            del waiting[: len(values)]
        else:
            words.append(line)
    schema["description"] = " ".join(words).strip()
    return schema, _REQUIRED[flag]


def _nest(rows: list[tuple[str, dict[str, Any], bool, int]], count: int) -> dict[str, Any]:
    """An object of the next `count` fields, each with those below it that its type counts (`[object {2}]`); takes them from `rows`."""
    found: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for _ in range(count):
        if not rows:
            break
        name, schema, required, below = rows.pop(0)
        if below:
            inner = _nest(rows, below)
            schema = (
                {**schema, "items": inner} if schema.get("type") == "array" else {**schema, **inner}
            )
        found["properties"][name] = schema
        found["required"] += [name] if required else []
    return found


def _media(fields: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    text = "\n".join(lines[_first(_EXAMPLE, lines) + 1 :]).lstrip()
    if not text.startswith(("{", "[")):
        return {"schema": fields}
    try:
        example = json.JSONDecoder(strict=False).raw_decode(text)[0]
    except ValueError:
        example = text
    if isinstance(example, dict):
        _sort(fields, example)
    return {"schema": fields, "example": example}


def _sort(schema: dict[str, Any], example: dict[str, Any]) -> None:
    """Copied text has no indentation: put fields into the object before them where the page's example has them."""
    owner = ""
    for name, field in list(schema["properties"].items()):
        if name in example:
            owner = (
                name
                if field.get("type") == "object"
                and isinstance(example[name], dict)
                and "properties" not in field
                else ""
            )
        elif owner and name in example[owner]:
            parent = schema["properties"][owner]
            parent.setdefault("properties", {})[name] = schema["properties"].pop(name)
            if name in schema["required"]:
                schema["required"].remove(name)
                parent.setdefault("required", []).append(name)


def _reply(lines: list[str]) -> dict[str, Any]:
    """The first 2xx reply: status line, media type, `Body`, fields, example."""
    start = next(
        (number for number, line in enumerate(lines) if re.match(r"\W*2\d\d", line)), len(lines)
    )
    ends = re.compile(rf"\W{{1,3}}[1-5]\d\d\D.*|{_END.pattern}|Previous|上一页")
    section = list(itertools.takewhile(lambda line: not ends.fullmatch(line), lines[start + 1 :]))
    media = next((line for line in section[:3] if re.fullmatch(r"[a-z]+/[\w.+-]+", line)), "")
    return {"200": {"content": {media: _media(_fields(section), section)}}} if media else {}
