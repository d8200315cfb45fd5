"""Pages that mean harm, or are broken: texts, values, and strategies that put them into a page."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from generator.docs.pages.untrusted import clean

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


def hostile(kind: Callable[[Random], Any], batch: int = 1) -> Callable[[Any], Any]:
    """Call a test with inputs of a kind, the same in every run; with a batch, with lists of them.

    Hypothesis draws the seeds, and on failure the smallest one that fails.
    """

    def decorate(test: Callable[[Any], None]) -> Callable[[], None]:
        @settings(
            max_examples=max(1, EXAMPLES // batch),
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        )
        @given(st.integers(0, 2**40))
        def check(seed: int) -> None:
            random = Random(seed)
            made = [kind(random) for _ in range(batch)]
            try:
                test(made if batch > 1 else made[0])
            except Exception as error:
                error.add_note(f"{'one of ' * (batch > 1)}{made!r}"[:20_000])
                raise

        return check

    return decorate


def operation() -> dict[str, Any]:
    """An operation as a page has it, with something of everything."""
    fields = {"url": {"type": "string"}, "weight": {"type": "integer"}}
    item = {"type": "object", "properties": fields}
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
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a value with each of its keys."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def text(random: Random) -> str:
    """A hostile text, now and then one of any characters."""
    if random.random() < 0.8:
        return random.choice(TEXTS)
    return "".join(chr(random.choice(_LETTERS)) for _ in range(random.randrange(12)))


_LETTERS = [*range(128), *range(0xA0, 0x180), 0x2028, 0x4E2D, 0x1F600, 0xE000, 0xFEFF, 0x202E]


def texts(random: Random, most: int = 3) -> list[str]:
    """Some hostile texts."""
    return [text(random) for _ in range(random.randint(1, most))]


def value(random: Random, depth: int = 0) -> Any:
    """A value of JSON without control characters."""
    kind = random.randrange(8 if depth < 3 else 4)
    if kind == 0:
        return random.choice([None, True, False, 0, -1, 0.5, 1e30, 10**30, -1e-9])
    if kind < 4:
        return clean(text(random), 400)
    inner = [value(random, depth + 1) for _ in range(random.randrange(4))]
    return inner if kind < 6 else {clean(text(random), 60): one for one in inner}


def _change(random: Random, made: dict[str, Any]) -> None:
    """One hostile change, somewhere."""
    holder, key = random.choice(list(_places(made)))
    kind = random.choice(["replace", "replace", "replace", "rename", "rename", "add", "remove"])
    hostile = copy.deepcopy(random.choice(VALUES))
    if kind == "remove":
        del holder[key]
    elif kind == "replace":
        holder[key] = hostile
    elif isinstance(holder, list):
        holder.append(hostile)
    elif kind == "rename":
        holder[text(random)] = holder.pop(key)
    else:
        holder[random.choice(WORDS) if random.random() < 0.7 else text(random)] = hostile


def hostile_operation(random: Random) -> dict[str, Any]:
    """An operation with some of the fields, and a few hostile changes."""
    made = operation()
    properties = made["requestBody"]["content"]["application/json"]["schema"]["properties"]
    for name in random.sample(sorted(properties), 4):
        del properties[name]
    for _ in range(random.randint(1, 4)):
        if made:
            _change(random, made)
    return made


def hostile_markdown(random: Random) -> str:
    """A page whose text was cut, doubled, or has hostile pieces in it."""
    made = as_markdown(document({"/acme/v1/videos": operation()}))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(made) + 1)
        end = min(len(made), at + random.randrange(200))
        made = made[:at] + random.choice([*TEXTS, *PIECES]) + made[end:]
    return made


def hostile_copied(random: Random) -> str:
    """A copied text of lines in any order."""
    start = ["Dance", "POST", "/acme/v9/dances", "Request", "Body Params application/json"]
    lines = [random.choice([*LINES, *LINES, *TEXTS]) for _ in range(random.randrange(60))]
    return "\n".join([*start, *lines])


def hostile_yaml(random: Random) -> str:
    """Pieces of YAML."""
    return "".join(random.choice([*PIECES, *PIECES, *TEXTS]) for _ in range(random.randrange(30)))


PIECES = ["```", "```yaml\n", "~~~", "{", "}", "]", "[", "&a ", "*a", "a: ", "- ", "  ", "\n"]
PIECES += ["&x ", "*x", '"', "'", "? ", "<<: ", "# ", "---\n", "...\n", "| \n", ",", "!x "]


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
