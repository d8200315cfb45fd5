"""Pages that mean harm, or are broken: texts, values, and strategies that put them into a page."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "2000"))
"""Inputs of each kind."""

CANARY = "canary_of_api302"
"""The name that no generated code may have outside of its texts."""

TEXTS = [
    f'"""\nimport {CANARY}\n"""',
    f"'''\n{CANARY}()\n'''",
    f'application/json"""\n{CANARY}()\n"""',
    f"application/{CANARY}()",
    f"x'); {CANARY}(); ('",
    f'x"); {CANARY}(); ("',
    f"\\\n{CANARY}()",
    f"a\n{CANARY}()",
    f"{{{{ {CANARY}() }}}}",
    f"{{% set x = {CANARY}() %}}",
    "a\n\n## Heading\n",
    "a\r\n# Heading",
    "a\u2028# Heading",
    "a\x0b# Heading",
    "a\x85b",
    "\x1b[31mred",
    "\x00",
    "\u202eabc",
    "\ufeff",
    "\ue000 \ue001",
    "# TODO words",
    "[x](javascript:alert(1))",
    "![x](https://example.com/x.png)",
    "<script>alert(1)</script>",
    "<https://example.com>",
    "`code` ``` ~~~",
    "``` \n## Heading",
    "@everyone #1 GH-1",
    "- [ ] task | cell | **bold** __bold__ $math$",
    "https://example.com/ www.example.com",
    "%s %d {0} {x} ${x}",
    "\\N{DASH} \\x00 \\",
    "class",
    "self",
    "ｓelf",
    "None",
    "__init__",
    "__class__",
    "to_dict",
    "id",
    "status",
    "stream",
    "a-b",
    "a_b",
    "中文",
    "😀",
    "e\u0301",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "null",
    "true",
    "1e999",
    "-0",
    "0x10",
    "1_000",
    "9" * 5000,
    "a" * 300,
    "a b " * 200,
    "sk-" + "a1" * 20,
    "sk-" * 3000,
    "Bearer " + "a1" * 20,
    "2026-01-02",
    "16:9",
    "*alias",
    "&anchor",
    "!tag",
    "- a",
    ": ",
    "#",
    "",
    " ",
    "\t",
    "[DONE]",
    "data: {}\n\ndata: [DONE]\n\n",
    '{"a": [1, {"b": null}]}',
    "[" * 3000,
    '{"a":' * 3000,
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "multipart/form-data",
    "text/event-stream",
    "*/*",
    "$ref",
    "x-task",
    "2XX",
    "default",
    "价格：0.1 PTC/次",
    "9" * 400 + " PTC/call",
]

TYPES = ["string", "integer", "number", "boolean", "array", "object", "null", "file", "any"]
WORDS = [
    "type",
    "format",
    "nullable",
    "enum",
    "default",
    "required",
    "properties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "description",
    "example",
    "examples",
    "x-apifox-refs",
    "x-apifox-overrides",
    "$ref",
]
REFERENCES = [
    "#/components/schemas/Self",
    "#/components/schemas/Six",
    "#/components/schemas/Style",
    "#/components/schemas/%E9%A3%8E%E6%A0%BC",
    "#/components/schemas/None",
    "#/paths",
    "#",
    "",
    "https://example.com/x.json",
    "#/" + "a/" * 1000,
]


def bounded(**more: Any) -> settings:
    """The settings of a property test: the same inputs in every run."""
    return settings(
        max_examples=more.pop("max_examples", EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def operation() -> dict[str, Any]:
    """An operation as a page has it, with something of everything."""
    item = {
        "type": "object",
        "properties": {"url": {"type": "string"}, "weight": {"type": "integer"}},
    }
    properties = {
        "prompt": {"type": "string", "description": "提示词"},
        "mode": {"type": "string", "enum": ["std", "pro"], "default": "std", "nullable": True},
        "refs": {"type": "array", "items": item, "minItems": 1},
        "style": {"$ref": "#/components/schemas/Style"},
        "temperature": {"type": "integer", "minimum": 0, "maximum": 2},
        "stream": {"type": "boolean"},
        "image": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    }
    request = {
        "schema": {
            "type": "object",
            "properties": properties,
            "required": ["prompt"],
            "x-apifox-refs": {
                "01JPME2T72ZWEZV0C8WGQNGDCE": {
                    "$ref": "#/components/schemas/Style",
                    "x-apifox-overrides": {"name": None, "size": {"type": "integer"}},
                }
            },
        },
        "example": {"prompt": "一只熊猫", "mode": "std", "refs": [{"url": "https://a.b/c"}]},
    }
    task = {"type": "object", "properties": {"task_id": {"type": "string"}}}
    response = {
        "schema": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "data": task},
            "required": ["code"],
        },
        "example": {"code": 0, "data": {"task_id": "t-1"}},
    }
    query = {"name": "async", "in": "query", "schema": {"type": "boolean"}, "example": "true"}
    return {
        "summary": "Dance",
        "description": "**价格：0.5 PTC/次** ends with data: [DONE]",
        "parameters": [query],
        "requestBody": {"content": {"application/json": request}},
        "responses": {"200": {"content": {"application/json": response}}},
        "x-apifox-folder": "Videos/Acme",
    }


COMPONENTS: dict[str, Any] = {
    "Style": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    "风格": {"type": "object", "properties": {"style": {"type": "string"}}},
    "Self": {"$ref": "#/components/schemas/Self"},
    "Six": {
        "type": "object",
        "properties": {f"f{n}": {"$ref": "#/components/schemas/Six"} for n in range(6)},
    },
}


def _deep(depth: int) -> Any:
    made: Any = "x"
    for _ in range(depth):
        made = {"type": "object", "properties": {"inner": made}}
    return made


VALUES: list[Any] = [
    *TEXTS,
    *TYPES,
    *({"$ref": reference} for reference in REFERENCES),
    *({"type": kind} for kind in TYPES),
    *({"type": "string", "enum": [text, "b"]} for text in TEXTS[:20]),
    *({"type": "string", "default": text} for text in TEXTS[:20]),
    {"type": ["string", "null"], "enum": ["a"]},
    {"type": "string", "enum": ["a", None], "nullable": True},
    {"enum": [1, "x", None, {"a": 1}]},
    {"type": "string", "minLength": 10**12},
    {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9}},
    {"type": "integer", "minimum": 5, "maximum": 1},
    {"type": "number", "minimum": 1e308, "default": 1e308},
    {"anyOf": [{}, {"type": "string"}, {"$ref": "#/components/schemas/Six"}]},
    {"type": "object", "properties": {"self": {"type": "string"}}, "required": ["self"]},
    _deep(5),
    _deep(20),
    _deep(80),
    {},
    [],
    [[]],
    [{}],
    None,
    True,
    False,
    0,
    -1,
    0.5,
    10**30,
    list(range(600)),
    [str(number) for number in range(600)],
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a value with each of its keys."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _replace(draw: Callable[[Any], Any], holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))


def _rename(draw: Callable[[Any], Any], holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[draw(texts)] = holder.pop(key)


def _add(draw: Callable[[Any], Any], holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        name = draw(st.sampled_from(WORDS) | texts)
        holder[name] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    else:
        holder.append(copy.deepcopy(draw(st.sampled_from(VALUES))))


def _remove(draw: Callable[[Any], Any], holder: Any, key: Any) -> None:
    del holder[key]


_CHANGES = [_replace, _replace, _replace, _rename, _rename, _add, _add, _remove]

texts = st.sampled_from(TEXTS) | st.text(max_size=12)


@st.composite
def operations(draw: Callable[[Any], Any]) -> dict[str, Any]:
    """An operation with a few hostile changes."""
    made = operation()
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(made))
        if not places:
            break
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        draw(st.sampled_from(_CHANGES))(draw, holder, key)
    return made


def document(calls: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The OpenAPI document of a page, of the operations by path."""
    paths = {path: {"post": call} for path, call in calls.items()}
    return {"openapi": "3.0.1", "paths": paths, "components": {"schemas": COMPONENTS}}


def as_markdown(data: Any, title: str = "Dance") -> str:
    """A page with a document; JSON is YAML too."""
    return f"# {title}\n\n```yaml\n{json.dumps(data, ensure_ascii=False)}\n```\n"


LINES = [
    "POST",
    "GET",
    "POST /acme/v9/dances",
    "/acme/v9/dances",
    "Request",
    "Body Params application/json",
    'Body Params application/x"""',
    "Query Params",
    "Header Params",
    "Path Params",
    "string",
    "integer",
    "object",
    "object {2}",
    "object {9999}",
    "array",
    "array [object {1}]",
    "array[string]",
    "enum<string>",
    "string ",
    "required",
    "optional",
    "必需",
    "可选",
    "Default:",
    "Enum",
    "Allowed values:",
    "Example",
    "Example:",
    "示例",
    "prompt",
    "seed",
    "messages",
    '{"prompt": "a", "seed": {"x": 1}}',
    '{"prompt":',
    "Request samples",
    "curl --location 'https://api.302.ai/v1/acme/v9/dances'",
    "curl 'https://[::1/x'",
    "Responses",
    "🟢200OK",
    "application/json",
    "Body",
    "🟠404",
    "Modified at 2025-04-21 07:45:26",
    "Modified at 9999-99-99",
    "Previous",
    "1. Videos > Acme",
    "",
]
