"""A documentation page as the provider publishes it: Markdown with an OpenAPI 3.0.1 document inside. Known faults are set right here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from ..join import METHODS
from ..source import obj, seq
from . import DocsError

CHINESE = re.compile(r"[぀-ヿ㐀-鿿＀-￯]")
NUMBER = re.compile(r"(?:api-|/|^)(\d{5,})(?:([emd])0)?(?:\.md)?(?:[?#]|$|-run)")
# The gateway's own headers: no operation has them as parameters.
OWN_HEADERS = frozenset(
    {"authorization", "content-type", "accept", "content-length", "host", "x-api-key", "x-goog-api-key", "mj-api-secret"}
)
# Fields that are numbers wherever they stand, though pages call them integers.
NUMBERS = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "guidance_scale", "cfg_scale"})
KEPT = ("description", "enum", "default", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_STRAY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*ya?ml[ \t]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """YAML as JavaScript tools write it: plain scalars mean what JSON means, so dates and `16:9` stay texts."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


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
    """By media type: `schema` and `examples`, a list."""
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
        return (
            re.sub(r"\.md$", "", self.source)
            if self.source.startswith("http")
            else f"https://doc.302.ai/{self.number}e0" * bool(self.number)
        )


def page_number(text: str) -> str:
    """The page's number in an address or file name; empty if there is none."""
    found = NUMBER.search(urlsplit(text).path if "://" in text else text.replace("\\", "/"))
    return found[1] if found else ""


def markdown(text: str, source: str) -> Page:
    """Read a Markdown page. Raises DocsError if there is no OpenAPI document in it."""
    document: Any = None
    for block in _FENCE.finditer(text):
        start = text.count("\n", 0, block.start(2))
        try:
            document = yaml.load(block[2], _Loader)
        except (yaml.YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            line = start + (mark.line if mark else 0) + 1
            raise DocsError(f"{source}:{line}: the page's document is not YAML: {getattr(error, 'problem', None) or error}") from error
        if "paths" in obj(document):
            break
    if "paths" not in obj(document):
        raise DocsError(f"{source}: there is no OpenAPI document in this page (a fenced `yaml` block with `paths`)")
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    page = Page(source, title=heading[1].strip() if heading else "", number=page_number(source))
    for path, item in obj(document["paths"]).items():
        for method, operation in obj(item).items():
            if method in METHODS and isinstance(operation, dict):
                page.calls.append(_call(page, document, str(path), method, operation))
                page.group = page.group or str(operation.get("x-apifox-folder") or "").replace("/", " > ")
                page.number = page.number or page_number(str(operation.get("x-run-in-apifox") or ""))
                page.title = page.title or page.calls[-1].summary
    if not page.calls:
        raise DocsError(f"{source}: the page's OpenAPI document has no operation")
    if any(obj(scheme).get("type") in ("apikey", "jwt") for scheme in obj(obj(document.get("components")).get("securitySchemes")).values()):
        page.faults.append("security schemes of unknown type")
    return page


def _call(page: Page, document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Call:
    call = Call(
        method, path.partition("?")[0], summary=str(operation.get("summary") or ""), description=str(operation.get("description") or "")
    )
    cleaner = Cleaner(page, document)
    for parameter in map(cleaner.resolve, seq(operation.get("parameters"))):
        call.parameters += cleaner.parameter(parameter)
    call.request = cleaner.content(cleaner.resolve(operation.get("requestBody")))
    for status, response in obj(operation.get("responses")).items():
        if str(status).startswith("2"):
            call.reply = cleaner.content(cleaner.resolve(response), reply=True)
            break
    return call


class Cleaner:
    """Sets the known faults of a page's schemas right, and notes them."""

    def __init__(self, page: Page, document: dict[str, Any] | None = None) -> None:
        self.page = page
        self.document = document or {}

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
        if where not in ("path", "query", "header") or (where == "header" and name.lower() in OWN_HEADERS):
            return
        schema = self.schema(parameter.get("schema"), name)
        example = fit(parameter.get("example"), schema)
        yield {
            "name": name,
            "in": where,
            "required": where == "path" or parameter.get("required") is True,
            "schema": schema,
            **({"example": example} if example not in (None, "") else {}),
        }

    def content(self, body: dict[str, Any], reply: bool = False) -> dict[str, dict[str, Any]]:
        """Schema and examples by media type, the examples' own faults noted."""
        found: dict[str, dict[str, Any]] = {}
        for name, media in obj(body.get("content")).items():
            examples = [obj(example).get("value") for example in obj(obj(media).get("examples")).values()]
            examples = [media["example"]] if "example" in obj(media) else examples
            schema = self.schema(obj(media).get("schema"), "")
            if schema or examples:
                found[str(name)] = self.settle(schema, [example for example in examples if example not in (None, "", {})], reply)
        return found

    def settle(self, schema: dict[str, Any], examples: list[Any], reply: bool) -> dict[str, Any]:
        """Hold the schema against the page's own examples: what is required and not in one of them is not, and strange fields are noted."""
        if not reply and schema.get("type") == "object":
            examples = [
                example for example in examples if isinstance(example, dict)
            ]  # a text or list here is another call's, or a broken one
        required = [
            name for name in seq(schema.get("required")) if all(name in example for example in examples if isinstance(example, dict))
        ]
        if len(required) < len(seq(schema.get("required"))):
            self.fault(
                f"required, but not in the page's own example: {', '.join(name for name in schema['required'] if name not in required)}"
            )
            schema = {**schema, "required": required}
        strange = sorted(
            {name for example in examples if isinstance(example, dict) for name in example if name not in obj(schema.get("properties"))}
        )
        if strange and schema.get("properties"):
            self.fault(f"only in the example: {', '.join(strange)}")
        return {"schema": schema, "examples": examples}

    def schema(self, node: Any, name: str, depth: int = 0) -> dict[str, Any]:
        """A schema without references, extensions and known faults; empty where the page does not tell."""
        node = self.resolve(node)
        if depth > 12:
            return {}
        found: dict[str, Any] = {key: node[key] for key in KEPT if node.get(key) not in (None, "", [])}
        kind = node.get("type")
        kinds = [str(one) for one in (kind if isinstance(kind, list) else [kind] if kind else []) if one != "null"]
        if kind == "null":
            self.fault(f"type 'null': {name or 'body'}")
        if kinds == ["integer"] and name in NUMBERS:
            self.fault(f"integer, though a number: {name}")
            kinds = ["number"]
        if kinds == ["file"] or found.get("format") == "binary":
            kinds, found["format"] = ["string"], "binary"
        if found.get("format") not in ("binary", None):
            del found["format"]
        if kinds and all(one in ("string", "integer", "number", "boolean", "array", "object") for one in kinds):
            found["type"] = kinds[0] if len(kinds) == 1 else kinds
        for key in ("anyOf", "oneOf", "allOf"):
            if seq(node.get(key)):
                found["allOf" if key == "allOf" else "anyOf"] = [self.schema(part, name, depth + 1) for part in node[key]]
        if "items" in node:
            found["items"] = self.schema(node["items"], name, depth + 1)
        self._properties(node, found, depth)
        if "enum" in found:
            found["enum"] = list(dict.fromkeys(fit(value, found) for value in found["enum"] if isinstance(value, (str, int, float))))
        if "default" in found:
            found["default"] = fit(found["default"], found)
            if found["default"] is None:
                del found["default"]
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
            found["properties"] = {key: self.schema(value, key, depth + 1) for key, value in properties.items()}
            found.setdefault("type", "object")
            wrong = [key for key in required if key not in properties and not _STRAY.fullmatch(key)]
            if wrong:
                self.fault(f"required, but not described: {', '.join(wrong)}")
            found["required"] = [key for key in dict.fromkeys(required) if key in properties]


def fit(value: Any, schema: dict[str, Any]) -> Any:
    """A value that a page writes as text, in the type that its schema says; None if it is no such value."""
    kind = schema.get("type")
    try:
        if kind in ("integer", "number"):
            if isinstance(value, bool):
                return None
            number = float(value)
            return (
                int(number)
                if number.is_integer() and (kind == "integer" or isinstance(value, int))
                else number
                if kind == "number"
                else None
            )
        if kind == "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).strip().lower())
        if kind == "string":
            return (
                value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
            )
        if kind in ("array", "object"):
            return value if isinstance(value, list if kind == "array" else dict) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return value
