"""A documentation page that was copied as text from a browser, in English or Chinese."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import urlsplit

from . import DocsError
from .page import Call, Cleaner, Page, page_number

_CALL = re.compile(r"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)(?:\s*(/\S*))?")
_PART = re.compile(r"(Header|Path|Query|Body)\s*(?:Params|参数)\s*(\S*/\S*)?", re.IGNORECASE)
_TYPE = re.compile(
    r"(string|integer|number|boolean|null|object|array|file|enum|any)(?:<[^>]*>)?\s*(?:\[([^\]{]*)(?:\{(\d+)\})?\s*\])?\s*(?:\{(\d+)\})?"
)
_REQUIRED = {"required": True, "必需": True, "必填": True, "optional": False, "可选": False}
_END = re.compile(r"Request samples|请求示例代码|Responses|返回响应|Modified at.*|修改于.*")
_LABELS = {
    "Default:": "default",
    "默认值:": "default",
    "默认值：": "default",
    "Example:": "example",
    "示例值:": "example",
    "示例值：": "example",
}
_ENUM = re.compile(r"(?:Allowed values?|Enum|枚举值)\s*[:：]?")
_VALUE = re.compile(r"(?!.*[:：]$)[\w.:×/-]+")
_CURL = re.compile(r"curl .*?['\"]?(https?://[^\s'\"]+)")


def copied(text: str, source: str) -> Page:
    """Read the copied text of a page. Raises DocsError if no call is described in it."""
    lines = [line.strip() for line in text.splitlines()]
    start, path = _find_call(lines, source)
    page = Page(source, title=_before(lines, start), number=page_number(source))
    call = Call((_CALL.match(lines[start]) or [""])[0].split("/")[0].strip().lower(), path.partition("?")[0], summary=page.title)
    page.calls.append(call)
    crumb = _before(lines, lines.index(page.title) if page.title in lines else start)
    page.group = crumb.removeprefix("1. ") if crumb.startswith("1. ") else ""
    body = lines[start + 1 :]
    stop = next((number for number, line in enumerate(body) if line in ("Request", "请求参数") or _PART.fullmatch(line)), len(body))
    call.description = "\n".join(line for line in body[:stop] if line != path)
    cleaner = Cleaner(page)
    answers = next((number for number, line in enumerate(body) if line in ("Responses", "返回响应")), len(body))
    for where, media, section in _parts(body[stop:answers]):
        fields = _fields(section)
        if where == "body":
            call.request[media or "application/json"] = _settled(cleaner, fields, section, reply=False)
            continue
        for name, schema in fields["properties"].items():
            call.parameters += cleaner.parameter({"name": name, "in": where, "required": name in fields["required"], "schema": schema})
    for line in body[stop:answers]:
        curl = _CURL.search(line)
        if curl and (shown := urlsplit(curl[1]).path) and shown != call.path:
            call.others.append(shown)
    _reply(cleaner, call, body[answers + 1 :])
    page.modified = next((found[1] for line in lines if (found := re.match(r"(?:Modified at|修改于)\s*(\d{4}-\d{2}-\d{2})", line))), "")
    return page


def _find_call(lines: list[str], source: str) -> tuple[int, str]:
    for number, line in enumerate(lines):
        found = _CALL.fullmatch(line)
        after = next((other for other in lines[number + 1 : number + 3] if other), "")
        if found and (found[2] or re.fullmatch(r"/\S+", after)):
            return number, found[2] or after
    raise DocsError(f"{source}: there is no call in this text (a line `POST` or `GET`, and its path below)")


def _before(lines: list[str], number: int) -> str:
    return next((line for line in reversed(lines[:number]) if line), "")


def _parts(lines: list[str]) -> list[tuple[str, str, list[str]]]:
    """The tables of parameters: where they are sent, media type, lines."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lines:
        part = _PART.fullmatch(line)
        if _END.fullmatch(line):
            break
        if part:
            found.append((part[1].lower(), part[2] or "", []))
        elif found:
            found[-1][2].append(line)
    return found


def _fields(lines: list[str]) -> dict[str, Any]:
    """The fields of a table, as an object schema: a line with the name, one with the type, then words, `required`, default and so on."""
    end = next((number for number, line in enumerate(lines) if line in ("Example", "Examples", "示例")), len(lines))
    starts = [number for number in range(1, end) if _TYPE.fullmatch(lines[number]) and _has_flag(lines[number + 1 : end])]
    rows: list[tuple[str, dict[str, Any], bool, int]] = []
    for position, start in enumerate(starts):
        after = lines[start + 1 : starts[position + 1] - 1 if position + 1 < len(starts) else end]
        name = lines[start - 1] if " " not in lines[start - 1] else lines[start - 1].rpartition(".")[2].strip()
        kind = _TYPE.fullmatch(lines[start])
        assert kind is not None
        rows.append((name, *_field(kind, after), int(kind[3] or kind[4] or 0)))
    return _nest(rows, len(rows))


def _has_flag(lines: list[str]) -> bool:
    """Whether `required` or `optional` comes before the next type."""
    for line in lines:
        if line in _REQUIRED:
            return True
        if _TYPE.fullmatch(line):
            return False
    return False


def _field(kind: re.Match[str], lines: list[str]) -> tuple[dict[str, Any], bool]:
    schema: dict[str, Any] = {} if kind[1] in ("any", "enum") else {"type": kind[1]}
    inner = (kind[2] or "").strip()
    if kind[1] == "array":
        schema["items"] = {"type": inner} if inner in ("string", "integer", "number", "boolean", "object") else {}
    flag = next(number for number, line in enumerate(lines) if line in _REQUIRED)
    words: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        label = _LABELS.get(line)
        if label and number + 1 < len(lines):
            schema |= {label: lines[number + 1]} if label == "default" else {}
            number += 1
        elif _ENUM.fullmatch(line):
            values = list(itertools.takewhile(_VALUE.fullmatch, lines[number + 1 :]))
            schema |= {"enum": values} if values else {}
            number += len(values)
        elif number != flag:
            words.append(line)
        number += 1
    schema["description"] = " ".join(words).strip()
    return schema, _REQUIRED[lines[flag]]


def _nest(rows: list[tuple[str, dict[str, Any], bool, int]], count: int) -> dict[str, Any]:
    """An object of the next `count` fields, each with those below it that its type counts (`[object {2}]`); takes them from `rows`."""
    found: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for _ in range(count):
        if not rows:
            break
        name, schema, required, below = rows.pop(0)
        if below:
            inner = _nest(rows, below)
            schema = {**schema, "items": inner} if schema.get("type") == "array" else {**schema, **inner}
        found["properties"][name] = schema
        found["required"] += [name] if required else []
    return found


def _settled(cleaner: Cleaner, fields: dict[str, Any], lines: list[str], reply: bool) -> dict[str, Any]:
    start = next((number for number, line in enumerate(lines) if line in ("Example", "Examples", "示例")), len(lines))
    schema = cleaner.schema(fields, "")
    text = "\n".join(lines[start + 1 :]).lstrip()
    try:
        example: Any = json.JSONDecoder(strict=False).raw_decode(text)[0] if text[:1] in ("{", "[") else None
    except ValueError:
        cleaner.fault("the example is not JSON")
        example = None
    _sort(schema, example)
    return cleaner.settle(schema, [] if example is None else [example], reply)


def _sort(schema: dict[str, Any], example: Any) -> None:
    """Copied text has no indentation: put fields into the object before them where the page's example has them."""
    if not isinstance(example, dict):
        return
    owner = ""
    for name, field in list(schema["properties"].items()):
        if name in example:
            owner = name if field.get("type") == "object" and isinstance(example[name], dict) and "properties" not in field else ""
        elif owner and name in example[owner]:
            parent = schema["properties"][owner]
            parent.setdefault("properties", {})[name] = schema["properties"].pop(name)
            if name in schema["required"]:
                schema["required"].remove(name)
                parent.setdefault("required", []).append(name)


def _reply(cleaner: Cleaner, call: Call, lines: list[str]) -> None:
    """The first 2xx reply: status line, media type, `Body`, fields, example."""
    start = next((number for number, line in enumerate(lines) if re.match(r"\W*2\d\d", line)), None)
    if start is None:
        return
    section: list[str] = []
    for line in lines[start + 1 :]:
        if re.match(r"\W{1,3}[1-5]\d\d\D", line) or _END.fullmatch(line) or line in ("Previous", "上一页"):
            break
        section.append(line)
    media = next((line for line in section[:3] if re.fullmatch(r"[a-z]+/[\w.+-]+", line)), "")
    if media:
        call.reply[media] = _settled(cleaner, _fields(section), section, reply=True)
