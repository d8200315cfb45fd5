"""A documentation page as the provider publishes it: Markdown with an OpenAPI 3.0.1 document inside. Known faults are set right here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml

from ..document.media import is_json
from ..join import METHODS
from ..rules.evidence import SECRET
from ..source import obj, seq
from . import PageError

CHINESE = re.compile(r"[぀-ヿ㐀-鿿＀-￯]")
FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*ya?ml[ \t]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
HIDDEN = "[hidden]"
"""What `api302.testing.record` writes for a secret."""
_NUMBER = re.compile(r"(?:api-|/|^)(\d{5,})(?:[emd]0)?(?:\.md)?(?:[?#]|$|-run)")
_STRAY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
# The gateway's own headers: no operation has them as parameters.
_OWN_HEADERS = {
    "authorization",
    "content-type",
    "accept",
    "content-length",
    "host",
    "x-api-key",
    "x-goog-api-key",
    "mj-api-secret",
}
# Fields that are numbers wherever they stand, though pages call them integers.
_NUMBERS = {
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "guidance_scale",
    "cfg_scale",
}
_TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


class _Loader(yaml.CSafeLoader):
    """YAML as JavaScript tools write it: plain scalars mean what JSON means, so dates and `16:9` stay texts."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


@dataclass
class Call:
    """An operation as a page describes it, in the form of OpenAPI, with inline schemas and without the page's known faults."""

    method: str
    path: str
    others: list[str] = field(default_factory=list)
    """Other spellings of the path that the page shows, as in its curl sample."""
    summary: str = ""
    description: str = ""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    request: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By media type: `schema` and `examples`, a list; `inferred` where the schema is known from the examples alone."""
    reply: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The same of the first 2xx reply."""


@dataclass
class Page:
    """A page of the documentation."""

    source: str
    title: str = ""
    group: str = ""
    """The breadcrumb: `Section > Group`."""
    number: str = ""
    modified: str = ""
    calls: list[Call] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Known faults that were found and set right."""
    settled: list[str] = field(default_factory=list)
    """Differences that our conventions settle; filled by the comparison."""

    @property
    def url(self) -> str:
        """Its address, if that is known."""
        if self.source.startswith("http"):
            return self.source.removesuffix(".md")
        return f"https://doc.302.ai/{self.number}e0" if self.number else ""


def page_number(text: str) -> str:
    """The page's number in an address or file name; empty if there is none."""
    found = _NUMBER.search(text.replace("\\", "/"))
    return found[1] if found else ""


def markdown(text: str, source: str) -> Page:
    """Read a Markdown page. Raises PageError if there is no OpenAPI document in it."""
    document: dict[str, Any] = {}
    for block in FENCE.finditer(text):
        try:
            document = obj(yaml.load(block[2], _Loader))
        except (yaml.YAMLError, ValueError) as error:
            mark, problem = (
                getattr(error, "problem_mark", None),
                getattr(error, "problem", None) or error,
            )
            line = text.count("\n", 0, block.start(2)) + (mark.line if mark else 0) + 1
            raise PageError(source, f"the page's document is not YAML: {problem}", line) from error
        if "paths" in document:
            break
    else:
        raise PageError(
            source, "there is no OpenAPI document in this page (a fenced `yaml` block with `paths`)"
        )
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    page = read(Page(source, title=heading[1].strip() if heading else ""), document)
    if not page.calls:
        raise PageError(source, "the page's OpenAPI document has no operation")
    return page


def read(page: Page, document: dict[str, Any]) -> Page:
    """Fill a page from its OpenAPI document."""
    page.number = page_number(page.source)
    for path, item in obj(document["paths"]).items():
        for method, operation in obj(item).items():
            if method in METHODS and isinstance(operation, dict):
                page.calls.append(_call(Cleaner(page, document), str(path), method, operation))
                page.group = page.group or str(operation.get("x-apifox-folder") or "").replace(
                    "/", " > "
                )
                page.number = page.number or page_number(
                    str(operation.get("x-run-in-apifox") or "")
                )
                page.title = page.title or page.calls[-1].summary
    return page


def _call(cleaner: Cleaner, path: str, method: str, operation: dict[str, Any]) -> Call:
    summary, description = (str(operation.get(key) or "") for key in ("summary", "description"))
    call = Call(method, path.partition("?")[0], summary=summary, description=description)
    call.parameters = [
        one
        for given in seq(operation.get("parameters"))
        for one in cleaner.parameter(cleaner.resolve(given))
    ]
    call.request = cleaner.content(operation.get("requestBody"))
    replies = [
        response
        for status, response in obj(operation.get("responses")).items()
        if str(status).startswith("2")
    ]
    call.reply = cleaner.content(replies[0], reply=True) if replies else {}
    return call


class Cleaner:
    """Sets the known faults of a page's schemas right, and notes them."""

    def __init__(self, page: Page, document: dict[str, Any]) -> None:
        self.page, self.document = page, document

    def fault(self, text: str) -> None:
        if text not in self.page.faults:
            self.page.faults.append(text)

    def resolve(self, node: Any) -> dict[str, Any]:
        """The object itself, or what its reference leads to; names may be written as in an address."""
        for _ in range(10):
            reference = obj(node).get("$ref")
            if not isinstance(reference, str):
                break
            node = self.document
            for part in reference.removeprefix("#/").split("/"):
                node = obj(node).get(unquote(part).replace("~1", "/").replace("~0", "~"))
        return obj(node)

    def parameter(self, parameter: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A parameter, unless it is the gateway's own."""
        name, where = str(parameter.get("name")), parameter.get("in")
        if where in ("path", "query") or (where == "header" and name.lower() not in _OWN_HEADERS):
            schema = self.schema(parameter.get("schema"), name)
            made = {
                "name": name,
                "in": where,
                "required": where == "path" or parameter.get("required") is True,
                "schema": schema,
            }
            example = self._known(fit(parameter.get("example"), schema), {}, "")
            yield made if example in (None, "") else {**made, "example": example}

    def content(self, body: Any, reply: bool = False) -> dict[str, dict[str, Any]]:
        """Schema and examples by media type, the examples' own faults noted."""
        found: dict[str, dict[str, Any]] = {}
        for name, media in obj(self.resolve(body).get("content")).items():
            examples = [
                obj(example).get("value") for example in obj(obj(media).get("examples")).values()
            ]
            examples = [media["example"]] if "example" in obj(media) else examples
            schema = self.schema(obj(media).get("schema"), "")
            if schema or examples:
                found[str(name)] = self.settle(
                    str(name), schema, [one for one in examples if one not in (None, "", {})], reply
                )
        return found

    def settle(
        self, media: str, schema: dict[str, Any], examples: list[Any], reply: bool
    ) -> dict[str, Any]:
        """Hold the schema against the page's own examples: what is required and not in one of them is not, strange fields are left out."""
        if not is_json(media):
            return {
                "schema": schema,
                "examples": [self._known(example, {}, "") for example in examples],
            }
        inferred = {}
        examples = [one for example in examples for one in self._parsed(example, schema, reply)]
        if (
            examples
            and not {*schema} - {"type", "description"}
            and schema.get("type", "object") == "object"
        ):
            schema, inferred = infer(*examples), {"inferred": True}
        shown = [example for example in examples if isinstance(example, dict)]
        lacking = [
            name
            for name in seq(schema.get("required"))
            if any(name not in example for example in shown)
        ]
        if lacking:
            self.fault(f"required, but not in the page's own example: {', '.join(lacking)}")
            schema = {
                **schema,
                "required": [name for name in schema["required"] if name not in lacking],
            }
        return {
            "schema": schema,
            "examples": [self._known(example, schema, "") for example in examples],
        } | inferred

    def _parsed(self, example: Any, schema: dict[str, Any], reply: bool) -> Iterator[Any]:
        """An example, which pages may write as text; a text or list for a request that is an object is another call's, or a broken one."""
        kind = schema.get("type", "object")
        if isinstance(example, str) and kind in ("object", "array"):
            try:
                example = json.loads(example, strict=False)
            except ValueError:
                return self.fault("the example is not JSON")
        if reply or kind != "object" or isinstance(example, dict):
            yield example

    def _known(self, value: Any, schema: dict[str, Any], path: str) -> Any:
        """An example without keys, and without the fields that the page's own table lacks."""
        if isinstance(value, str):
            return SECRET.sub("sk-…", value)
        if isinstance(value, list):
            return [self._known(item, obj(schema.get("items")), f"{path}[]") for item in value]
        if not isinstance(value, dict):
            return value
        known = obj(schema.get("properties"))
        prefix = f"{path}." if path else ""
        strange = sorted(name for name in value if known and name not in known)
        if strange:
            self.fault(f"only in the example: {', '.join(prefix + name for name in strange)}")
        return {
            name: self._known(inner, obj(known.get(name)), prefix + name)
            for name, inner in value.items()
            if name not in strange
        }

    def schema(self, node: Any, name: str, depth: int = 0) -> dict[str, Any]:
        """A schema without references, extensions and known faults; empty where the page does not tell."""
        node = self.resolve(node)
        if depth > 12:
            return {}
        found: dict[str, Any] = {
            key: node[key] for key in LIMITS if type_name(node.get(key)) in ("integer", "number")
        }
        found |= {"description": node["description"]} if node.get("description") else {}
        kind = node.get("type")
        kinds = [
            str(one)
            for one in (kind if isinstance(kind, list) else [kind] if kind else [])
            if one != "null"
        ]
        if kind == "null":
            self.fault(f"type 'null': {name or 'body'}")
        if kinds == ["integer"] and name in _NUMBERS:
            self.fault(f"integer, though a number: {name}")
            kinds = ["number"]
        if kinds == ["file"] or node.get("format") == "binary":
            kinds, found["format"] = ["string"], "binary"
        if kinds and all(one in _TYPES for one in kinds):
            found["type"] = kinds[0] if len(kinds) == 1 else kinds
        for key in ("anyOf", "oneOf", "allOf"):
            if seq(node.get(key)):
                found["allOf" if key == "allOf" else "anyOf"] = [
                    self.schema(part, name, depth + 1) for part in node[key]
                ]
        if "items" in node:
            found["items"] = self.schema(node["items"], name, depth + 1)
        self._properties(node, found, depth)
        values = list(
            dict.fromkeys(
                fit(value, found)
                for value in seq(node.get("enum"))
                if isinstance(value, (str, int, float))
            )
        )
        if values and len({type_name(value) for value in values}) == 1 and None not in values:
            found |= {"type": found.get("type", type_name(values[0])), "enum": values}
        if (value := fit(node.get("default"), found)) not in (None, "", []):
            found["default"] = value
        return found

    def _properties(self, node: dict[str, Any], found: dict[str, Any], depth: int) -> None:
        properties = {str(key): value for key, value in obj(node.get("properties")).items()}
        required = [str(key) for key in seq(node.get("required"))]
        for referenced in map(self.resolve, obj(node.get("x-apifox-refs")).values()):
            properties |= obj(referenced.get("properties"))
            required += seq(referenced.get("required"))
        for key in [key for key in properties if _STRAY.fullmatch(key)]:
            self.fault(f"stray property: {key}")
            del properties[key]
        if properties:
            found["properties"] = {
                key: self.schema(value, key, depth + 1) for key, value in properties.items()
            }
            found.setdefault("type", "object")
            wrong = [key for key in required if key not in properties and not _STRAY.fullmatch(key)]
            if wrong:
                self.fault(f"required, but not described: {', '.join(wrong)}")
            found["required"] = [key for key in dict.fromkeys(required) if key in properties]


def fit(value: Any, schema: dict[str, Any]) -> Any:
    """A value that a page writes as text, in the type that its schema says; None if it is no such value."""
    kind = schema.get("type")
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    if kind == "string" and type_name(value) in ("integer", "number"):
        return str(value)
    if kind in ("integer", "number") and type_name(value) in ("string", "integer", "number"):
        try:
            number = float(value)
        except ValueError:
            return None
        if number.is_integer() and (kind == "integer" or isinstance(value, int)):
            return int(number)
        return number if kind == "number" else None
    return value if not isinstance(kind, str) or type_name(value) == kind else None


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    return next((name for name, kind in _TYPES.items() if isinstance(value, kind)), "string")


def infer(*values: Any) -> dict[str, Any]:
    """What values alone tell: types, fields and items, but not what is required. What is null or masked tells nothing."""
    made: list[dict[str, Any]] = []
    kinds = list(dict.fromkeys(type_name(value) for value in values if value not in (None, HIDDEN)))
    for kind in [kind for kind in kinds if kind != "integer" or "number" not in kinds]:
        alike = [value for value in values if type_name(value) == kind]
        made.append({"type": kind})
        if kind == "object":
            names = dict.fromkeys(name for value in alike for name in value)
            properties = {
                str(name): infer(*(value[name] for value in alike if name in value))
                for name in names
            }
            made[-1] |= {"properties": properties} if properties else {}
        elif kind == "array":
            made[-1]["items"] = infer(*(item for value in alike for item in value))
    return made[0] if len(made) == 1 else {"anyOf": made} if made else {}
