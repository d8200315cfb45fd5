"""A fragment in the specification's conventions from a page: passes the house rules once pasted, and marks what needs a person's words."""

from __future__ import annotations

import datetime
import json
import keyword
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import yaml

from ..rules.context import is_event_stream, is_json
from ..rules.evidence import _SECRET as SECRET  # pyright: ignore[reportPrivateUsage]
from ..rules.names import class_name, pascal
from ..rules.structure import SLUG
from ..source import obj, seq
from . import DocsError
from .described import Described, prices, type_name
from .ledger import index
from .page import CHINESE, Call, Page
from .sources import Entry, Listing

_TODO = "\u2063TODO"  # takes the comment's place until the YAML is written
_LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_SAMPLES: dict[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": True, "object": {}}
_VERSION = re.compile(r"v\d+\w*|api|302|submit")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def draft(described: Described, pages: list[Page], home: tuple[str, str] | None = None) -> str:
    """The fragment as YAML text. Raises DocsError if a page has no home in vendors.yaml and none is given."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    heads: list[str] = []
    ids = set(described.context.by_id)
    for page in pages:
        for call in page.calls:
            made = Draft(described, page, call, home, ids, schemas)
            if call.method in paths.setdefault(made.path, {}):
                raise DocsError(
                    f"{page.source}: {call.method.upper()} {made.path} is also on another of these pages; draft them one by one"
                )
            paths[made.path][call.method] = made.operation
            heads += made.head()
    fragment: dict[str, Any] = {"paths": paths} | ({"components": {"schemas": schemas}} if schemas else {})
    text = yaml.dump(fragment, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6, default_flow_style=False)
    text = re.sub(rf"(['\"]?)\s*{_TODO}(['\"]?)$", r"\2  # TODO words", text.replace(json.dumps(_TODO)[1:-1], _TODO), flags=re.MULTILINE)
    return "\n".join([*heads, text.rstrip()])


class Draft:
    """One operation, its schemas among those of the fragment, and what was left out."""

    def __init__(self, described: Described, page: Page, call: Call, home: tuple[str, str] | None, ids: set[str], schemas: dict[str, Any]):
        self.described, self.page, self.call, self.schemas = described, page, call, schemas
        self.known = described.find(call, page.number)
        self.path = self.known.path if self.known else re.sub(r"(?<=/):(\w+)", r"{\1}", next(iter([*call.others, call.path])))
        found = (self.known.section, self.known.vendor) if self.known else described.home(self.path)
        if found is None and home is None:
            raise DocsError(
                f"{page.source}: no prefix in vendors.yaml is the home of {self.path}; say with --home SECTION.VENDOR where it belongs"
            )
        self.section, self.vendor = found or home or ("", "")
        self.homeless = found is None
        self.left: list[str] = list(page.faults)
        self.id = self.known.id if self.known else self._name(ids)
        ids.add(self.id)
        self.prefix = class_name(pascal(self.vendor)) + _camel(self.id.removeprefix(f"{self.vendor}_"))
        self.row = self._row()
        self.operation = self._operation()

    def head(self) -> list[str]:
        """What to do with the fragment, as comments."""
        where = f"spec/{self.section}/{self.vendor}.yaml"
        lines = [
            f"# {self.call.method.upper()} {self.path}, from {self.page.source}. Review it, write the TODO words, paste it into {where}."
        ]
        if self.known:
            lines.append(f"# {self.id} is already there (spec/{self.described.file(self.known)}): take from this what it lacks.")
        if self.homeless:
            prefix = "/" + "/".join(self.path.split("/")[1:3])
            lines.append(f"# spec/vendors.yaml: add the prefix {prefix} to `{self.vendor}`, under homes: {self.section}.")
        if self.row:
            page, file, row = self.row
            kept = {key: row[key] for key in ("title", "group") if key in row}
            row = {**kept, "operations": sorted({*map(str, seq(row.get("operations"))), self.id})}
            lines.append(f"# spec/{file}: {page}: {json.dumps(row, ensure_ascii=False)}")
        return [*lines, *(f"# Left out: {' '.join(fault.split())}." for fault in dict.fromkeys(self.left))]

    def _name(self, ids: set[str]) -> str:
        """`<vendor>_<action>` from the end of the path, as much of it as makes it unique."""
        parts = [part for part in re.split(r"[/:]", self.path) if part and not part.startswith("{")]
        words = [slug for part in parts if (slug := _snake(part)) and not _VERSION.fullmatch(slug) and slug != self.vendor] or ["call"]
        verb = "get_" if self.call.method == "get" else "delete_" if self.call.method == "delete" else ""
        for count in (*range(1, len(words) + 1), 0):
            action = verb + "_".join(words[-count:]) if count else f"{verb}{words[-1]}_{len(ids)}"
            action = f"make_{action}" if action[0].isdigit() or keyword.iskeyword(action) else action
            name = f"{self.vendor}_{action}"
            if name not in ids and SLUG.match(name):
                return name
        return f"{self.vendor}_call_{len(ids)}"

    def _row(self) -> tuple[str, str, dict[str, Any]] | None:
        """The ledger row that the page has, by number or by title and group."""
        rows = {page: (file, obj(row)) for file, ledger in self.described.spec.ledgers().items() for page, row in ledger.items()}
        numbered = [page for _, page in self.described.numbers.get(self.page.number, []) if page in rows]
        entry = Entry(self.page.url, self.page.number, "e", self.page.title, self.page.group)
        page = numbered[0] if numbered else index(self.described, Listing([entry], False)).rows.get(self.page.url, "")
        return (page, *rows[page]) if page else None

    def _operation(self) -> dict[str, Any]:
        call = self.call
        title = re.sub(r"\(\s*\)", "", CHINESE.sub("", call.summary or self.page.title)).strip(" -—()（）") or _words(self.id)
        made: dict[str, Any] = {"operationId": self.id, "summary": f"{title} {_TODO}", "tags": [f"{self.section}.{self.vendor}"]}
        today = datetime.date.today().isoformat()
        docs: dict[str, Any] = {"page": self.row[0]} if self.row else {}
        docs |= {"url": self.page.url} if self.page.url else {}
        docs |= {"source": re.split(r"[\\/]", self.page.source)[-1]} if not docs else {}
        made["x-docs"] = [{**docs, "evidence": "page", "seen": today, **({"modified": self.page.modified} if self.page.modified else {})}]
        if price := prices(call.description):
            made["x-price"] = price
        if parameters := list(self._parameters()):
            made["parameters"] = parameters
        request = {name: one for name, body in _json_first(call.request) if (one := self._media(name, body, "request"))}
        if request:
            required = any(body["schema"].get("required") for body in call.request.values())
            made["requestBody"] = {"required": required, "content": request}
        reply = {name: one for name, body in _json_first(call.reply) if (one := self._media(name, body, "reply"))}
        if not reply:
            known = "JsonObject" in self.described.schemas
            schema = {"$ref": "#/components/schemas/JsonObject"} if known else {"type": "object", "additionalProperties": True}
            reply = {"application/json": {"schema": schema}}
            made["x-unknown"] = {"reply": f"the page {self.page.url or self.page.source} shows none"}
        made["responses"] = {"200": {"description": f"The reply. {_TODO}", "content": reply}}
        for status, name in (("4XX", "ClientError"), ("5XX", "ServerError")):
            made["responses"][status] = {"$ref": f"#/components/responses/{name}"}
        return made

    def _parameters(self) -> Iterator[dict[str, Any]]:
        given = {(one["in"], one["name"]): one for one in self.call.parameters}
        for name in re.findall(r"\{([^{}]*)\}", self.path):
            given.setdefault(("path", name), {"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
        for (where, name), one in given.items():
            if where == "path" and f"{{{name}}}" not in self.path:
                self.left.append(f"the path parameter {name}, which is not in the path")
                continue
            schema = one["schema"] if one["schema"].get("type") in _SAMPLES and one["schema"]["type"] != "object" else {"type": "string"}
            schema = {key: value for key, value in self.schema(schema, "", "request").items() if key != "description"}
            made = {"name": name, "in": where, "required": one["required"], "description": f"{_words(name)}. {_TODO}", "schema": schema}
            yield made | ({"example": one["example"]} if "example" in one and self._fits(schema, one["example"]) else {})

    def _media(self, name: str, body: dict[str, Any], part: str) -> dict[str, Any] | None:
        if is_event_stream(name):
            self.left.append(f"the {part} as {name}: describe it with itemSchema and x-stream")
            return None
        if not is_json(name) and part == "reply":
            return {"schema": {"type": "string"} if name.startswith("text/") else {"type": "string", "contentMediaType": name}}
        examples = [self._clean(example, body["schema"]) for example in body["examples"]]
        theirs = body["schema"] or (_infer(examples[0]) if examples else {})
        for example in examples:
            theirs = _widen(theirs, example)
        kind = ("Request" if is_json(name) else "Form") if part == "request" else "Reply"
        schema = self.schema(theirs, self._unique(f"{self.prefix}{kind}"), "form" if kind == "Form" else part)
        fitting = [example for example in examples if self._fits(schema, example)]
        if len(fitting) < len(examples):
            self.left.append(f"{len(examples) - len(fitting)} of the {part}'s examples, which do not fit its schema")
        made: dict[str, Any] = {"schema": schema}
        if fitting and is_json(name):
            key = _snake(CHINESE.sub("", self.page.title)) or "page"
            made["examples"] = {f"{key}_{number}" if number > 1 else key: {"value": example} for number, example in enumerate(fitting, 1)}
        elif is_json(name):
            made["examples"] = {"ours": {"summary": f"Ours; the page's own was not usable. {_TODO}", "value": _sample(theirs)}}
        return made

    def schema(self, theirs: dict[str, Any], name: str, part: str) -> dict[str, Any]:
        """A schema of the page in our form; objects with fields become components."""
        if "properties" in theirs:
            return self._component(theirs, name, part)
        alternatives = [
            self.schema(inner, self._unique(f"{name}{number}"), part) for number, inner in enumerate(theirs.get("anyOf", []), 1)
        ]
        if alternatives:
            return {"anyOf": alternatives}
        if theirs.get("allOf"):
            merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
            for inner in theirs["allOf"]:
                merged["properties"] |= obj(inner.get("properties"))
                merged["required"] += seq(inner.get("required"))
            return self._component(merged, name, part) if merged["properties"] else {}
        kind = theirs.get("type")
        kinds = [kind] if isinstance(kind, str) else seq(kind)
        made: dict[str, Any] = {"type": kind} if kind else {}
        if theirs.get("format") == "binary" and part == "form":
            return {"type": "string", "contentMediaType": "application/octet-stream", "x-file": ["part"]}
        values = [value for value in seq(theirs.get("enum")) if value is not None]
        if values and len({type_name(value) for value in values}) == 1 and (not kinds or type_name(values[0]) in kinds):
            made |= {"type": kind or type_name(values[0]), "enum": values}
        made |= {key: theirs[key] for key in _LIMITS if type_name(theirs.get(key)) in ("integer", "number")}
        if "items" in theirs:
            made["items"] = self.schema(theirs["items"], self._unique(f"{name}Item"), part)
        elif kind == "array":
            made["items"] = {}
        if part != "reply" and "default" in theirs and self._fits(made, theirs["default"]):
            made["default"] = theirs["default"]
        if theirs.get("nullable") and kind:
            made["type"] = [*kinds, "null"]
            made |= {"enum": [*made["enum"], None]} if "enum" in made else {}
        return made

    def _component(self, theirs: dict[str, Any], name: str, part: str) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        made: dict[str, Any] = {"type": "object", "description": f"{_words(name)}. {_TODO}"}
        self.schemas[name] = {}  # takes the name, and its place before what is inside
        for key, field in theirs["properties"].items():
            if key == "self":
                self.left.append("the field self")
                continue
            inner = self.schema(field, self._unique(name + (_camel(key) or "Part")), part)
            properties[key] = inner if "$ref" in inner else {**inner, "description": f"{_words(key)}. {_TODO}"}
        required = [key for key in seq(theirs.get("required")) if key in properties]
        if required and part != "reply":  # what pages require of replies was filled in from one example
            made |= {"required": required}
        made["properties"] = properties
        self.schemas[name] |= made
        return {"$ref": f"#/components/schemas/{name}"}

    def _unique(self, name: str) -> str:
        name, taken = class_name(name), {one.lower() for one in (*self.described.schemas, *self.schemas)}
        return next(
            one for number in range(1, 10_000) if (one := class_name(f"{name}{number}" if number > 1 else name)).lower() not in taken
        )

    def _fits(self, schema: dict[str, Any], value: Any) -> bool:
        document = {**schema, "components": {"schemas": {**self.described.schemas, **self.schemas}}}
        try:
            return jsonschema_rs.Draft202012Validator(document).is_valid(value)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError):
            return False

    def _clean(self, value: Any, schema: dict[str, Any]) -> Any:
        """An example without keys, and without the fields that the page's own table lacks."""
        if isinstance(value, str):
            return SECRET.sub("sk-…", value)
        if isinstance(value, list):
            return [self._clean(item, obj(schema.get("items"))) for item in value]
        if isinstance(value, dict):
            known = obj(schema.get("properties"))
            strange = [key for key in value if known and key not in known]
            self.left += [f"the example's field {key}, which the page does not describe" for key in strange]
            return {key: self._clean(inner, obj(known.get(key))) for key, inner in value.items() if key not in strange}
        return value


def _widen(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """A schema that takes an example of the page as well: the union of types, and only what is there is required."""
    kind, kinds = type_name(value), schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else seq(kinds)
    if value is None:
        return {**schema, "nullable": True} if kinds else schema
    if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
        if kind == "number" and kinds == ["integer"]:
            return {**schema, "type": "number"}
        return {"anyOf": [schema, _infer(value)]}
    if isinstance(value, dict) and "properties" in schema:
        properties = {key: _widen(inner, value[key]) if key in value else inner for key, inner in schema["properties"].items()}
        return {**schema, "properties": properties, "required": [key for key in seq(schema.get("required")) if key in value]}
    if isinstance(value, list) and schema.get("items"):
        items = schema["items"]
        for item in value:
            items = _widen(items, item)
        return {**schema, "items": items}
    if "enum" in schema and value not in schema["enum"]:
        return {**schema, "enum": [*schema["enum"], value]}
    return schema


def _infer(value: Any) -> dict[str, Any]:
    """What an example alone tells."""
    if isinstance(value, dict) and value:
        return {"type": "object", "properties": {str(key): _infer(inner) for key, inner in value.items()}}
    if isinstance(value, list):
        return {"type": "array", "items": _infer(value[0]) if value else {}}
    return {} if value is None else {"type": type_name(value)}


def _sample(schema: dict[str, Any]) -> Any:
    """A value that fits."""
    for key in ("anyOf", "allOf"):
        if schema.get(key):
            return _sample(schema[key][0])
    if "properties" in schema:
        return {key: _sample(inner) for key, inner in schema["properties"].items() if key != "self"}
    kind = schema.get("type", "string")
    if "default" in schema or schema.get("enum"):
        return schema.get("default", seq(schema.get("enum"))[:1] and schema["enum"][0])
    if kind == "array":
        return [_sample(obj(schema.get("items")))] * max(1, int(schema.get("minItems", 1)))
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    return _SAMPLES[kind if isinstance(kind, str) else kind[0]] if kind != "string" else "text".ljust(int(schema.get("minLength", 0)), "t")


def _json_first(content: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(content.items(), key=lambda item: not is_json(item[0]))


def _snake(text: str) -> str:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in _snake(text).split("_"))


def _words(name: str) -> str:
    """A field's name as words, to be replaced by a sentence."""
    words = _snake(name).replace("_", " ") or "value"
    return words[:1].upper() + words[1:]
