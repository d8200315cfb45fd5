"""A fragment in the specification's conventions from a page: passes the house rules once pasted, and marks what needs a person."""

from __future__ import annotations

import datetime
import json
import keyword
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import jsonschema_rs
import yaml

from .. import join
from ..rules.context import is_event_stream, is_json
from ..rules.layout import WIDTH
from ..rules.names import class_name, pascal
from ..rules.structure import SLUG
from ..source import _AMBIGUOUS as AMBIGUOUS  # pyright: ignore[reportPrivateUsage]
from ..source import _NUMBER as NUMBER  # pyright: ignore[reportPrivateUsage]
from ..source import file_name, obj, seq
from . import DocsError
from .described import Described
from .hints import suggest
from .ledger import rows_of
from .page import CHINESE, LIMITS, Call, Page, infer, type_name
from .prices import prices
from .sources import Entry

_TODO = "§TODO§"  # stands for a comment until the YAML is written
_SAMPLES: dict[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "object": {},
}
_VERSION = re.compile(r"v\d+\w*|api|302|submit")
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


class _Dumper(yaml.SafeDumper):
    """YAML in the house style: what is short stands on one line, lists are indented, dates are bare."""

    yaml_implicit_resolvers: ClassVar = {
        first: [one for one in known if not one[0].endswith("timestamp")]
        for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent(self, data: Any) -> None:
        node = self.represent_data(data)
        self._lay_out(node, "")
        self.serialize(node)

    def _lay_out(self, node: yaml.Node, key: str) -> int:
        """Decide what stands on one line; returns how long it is."""
        if isinstance(node, yaml.ScalarNode):
            node.style = "|" if "\n" in node.value else node.style
            return len(node.value) if node.style != "|" else 1000
        pairs = (
            [("", inner) for inner in node.value]
            if isinstance(node, yaml.SequenceNode)
            else [(k.value, v) for k, v in node.value]
        )
        width = sum(len(name) + 4 + self._lay_out(inner, name) for name, inner in pairs)
        block = key in _BLOCKS or (key == "parameters" and isinstance(node, yaml.SequenceNode))
        node.flow_style = width <= 84 and not block  # type: ignore[attr-defined]
        return width if node.flow_style else 1000  # type: ignore[attr-defined]


# Texts that the specification's reader takes for numbers, or refuses, are quoted.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"{NUMBER.pattern}|{AMBIGUOUS.pattern}"), None
)


def draft(described: Described, pages: list[Page], home: tuple[str, ...] | None = None) -> str:
    """The fragment as YAML text. Raises DocsError if a page has no home in vendors.yaml and none is given, or not that of the rest."""
    schemas: dict[str, Any] = {}
    ids = set(described.context.by_id)
    drafts = [
        Draft(described, page, call, home, ids, schemas) for page in pages for call in page.calls
    ]
    files = {f"spec/{one.file}" for one in drafts}
    if len(files) > 1:
        raise DocsError(
            f"these pages belong into {' and '.join(sorted(files))}; draft them file by file"
        )
    paths: dict[str, Any] = {}
    for one, behaviour in zip(drafts, suggest(described, drafts), strict=True):
        name = f"{one.method.upper()} {one.path}"
        if one.method in paths.setdefault(one.path, {}):
            raise DocsError(
                f"{one.page.source}: {name} is also on another of these pages; draft them one by one"
            )
        paths[one.path][one.method] = one.operation(behaviour)
    fragment: dict[str, Any] = {"paths": paths} | (
        {"components": {"schemas": schemas}} if schemas else {}
    )
    text = yaml.dump(fragment, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    text = re.sub(rf"^(.*?) ?{_TODO}(.*)$", r"\1\2  # TODO words", text, flags=re.MULTILINE)
    text = re.sub(
        r"^( +x-(?:success|task|task-status|stream):.*)$",
        r"\1  # TODO check",
        text,
        flags=re.MULTILINE,
    )
    return "\n".join([*dict.fromkeys(line for one in drafts for line in one.head()), text.rstrip()])


class Draft:
    """One operation, its schemas among those of the fragment, and what was left out."""

    def __init__(
        self,
        described: Described,
        page: Page,
        call: Call,
        home: tuple[str, ...] | None,
        ids: set[str],
        schemas: dict[str, Any],
    ) -> None:
        self.described, self.page, self.call, self.schemas, self.method = (
            described,
            page,
            call,
            schemas,
            call.method,
        )
        self.known = described.find(call) or described.numbered(call, page.number)
        self.path = (
            self.known.path
            if self.known
            else re.sub(r"(?<=/):(\w+)", r"{\1}", [*call.others, call.path][0])
        )
        found = self.known or described.home(self.path)
        if found is None and home is None:
            raise DocsError(
                f"{page.source}: no prefix in vendors.yaml is the home of {self.path}; say with --home SECTION.VENDOR where it belongs"
            )
        self.homeless = found is None
        self.section, self.vendor, *part = (
            (found.section, found.vendor) if found else home or ("", "")
        )
        self.file = found.file if found else file_name(self.section, self.vendor, *part)
        self.left = list(page.faults)
        self.id = self.known.id if self.known else self._name(ids)
        ids.add(self.id)
        self.prefix = class_name(pascal(self.vendor)) + _camel(
            self.id.removeprefix(f"{self.vendor}_")
        )
        pages = rows_of(described, Entry(page.url, page.number, "e", page.title, page.group), set())
        self.row = pages[0] if pages else ""
        self.body = self._body()
        self.lead = self._lead()

    def head(self) -> list[str]:
        """What to do with the fragment, as comments."""
        name = f"{self.method.upper()} {self.path}"
        lines = [
            f"# {name}, from {self.page.source}. Review it, settle what is marked TODO, paste it into spec/{self.file}."
        ]
        if self.known:
            file, line = self.described.place(self.known)
            lines.append(
                f"# {self.id} is already there (spec/{file}:{line}): take from this what it lacks."
            )
        if self.homeless:
            prefix = "/" + "/".join(self.path.split("/")[1:3])
            lines.append(
                f"# spec/vendors.yaml: add the prefix {prefix} to `{self.vendor}`, under homes: {self.section}."
            )
        if self.row:
            file, row = self.described.rows[self.row]
            row = {key: row[key] for key in ("title", "group") if key in row} | {
                "operations": sorted({*map(str, seq(row.get("operations"))), self.id})
            }
            line = f"# spec/{file}: {self.row}: {json.dumps(row, ensure_ascii=False)}"
            if len(line) > WIDTH:
                line = line.replace(', "operations": ', ',\n#   "operations": ')
            lines.append(line)
        return [
            *lines,
            *(f"# Left out: {' '.join(fault.split())}." for fault in dict.fromkeys(self.left)),
        ]

    def operation(self, behaviour: dict[str, Any]) -> dict[str, Any]:
        """The operation as it stands in a file: without what the file's defaults say, its keys in the house's order."""
        spec = self.described.spec
        file = next((one for one in spec.vendor_files() if one.name == self.file), None)
        shared = join.defaults(spec, file) if file else {}
        whole = self.lead | behaviour | self.body
        own = {
            key: value for key, value in whole.items() if key not in shared or value != shared[key]
        }
        return {key: own[key] for key in sorted(own, key=join.rank)}

    def _name(self, ids: set[str]) -> str:
        """`<vendor>_<action>` from the end of the path, as much of it as makes it unique."""
        parts = [_snake(part) for part in re.split(r"[/:]", self.path) if not part.startswith("{")]
        words = [
            part for part in parts if part and not _VERSION.fullmatch(part) and part != self.vendor
        ] or ["call"]
        verb = {"get": "get_", "delete": "delete_"}.get(self.method, "")
        for count in range(1, len(words) + 1):
            action = verb + "_".join(words[-count:])
            action = (
                f"make_{action}" if action[0].isdigit() or keyword.iskeyword(action) else action
            )
            if (name := f"{self.vendor}_{action}") not in ids and SLUG.match(name):
                return name
        return f"{self.vendor}_call_{len(ids)}"

    def _lead(self) -> dict[str, Any]:
        call, page = self.call, self.page
        title = re.sub(r"\(\s*\)", "", CHINESE.sub("", call.summary or page.title)).strip(
            " -—()（）"
        ) or _words(self.id)
        inferred = any(body.get("inferred") for body in (call.request or call.reply).values())
        docs = (
            {"page": self.row, "url": page.url}
            if self.row or page.url
            else {"source": re.split(r"[\\/]", page.source)[-1]}
        )
        docs |= {
            "evidence": "sample" if inferred else "page",
            "seen": datetime.date.today().isoformat(),
            "modified": page.modified,
        }
        return {
            "operationId": self.id,
            "summary": f"{title} {_TODO}",
            "x-docs": [{key: value for key, value in docs.items() if value}],
        } | ({"x-price": price} if (price := prices(call.description)) else {})

    def _body(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if parameters := list(self._parameters()):
            made["parameters"] = parameters
        if request := {
            name: self._media(name, body, "request")
            for name, body in _json_first(self.call.request)
        }:
            required = any(body["schema"].get("required") for body in self.call.request.values())
            made["requestBody"] = {"required": required, "content": request}
        reply = {
            name: self._media(name, body, "reply") for name, body in _json_first(self.call.reply)
        }
        if not reply:
            reply = {"application/json": {"schema": self.any_object()}}
            made = {
                "x-unknown": {"reply": f"the page {self.page.url or self.page.source} shows none"}
            } | made
        responses: dict[str, Any] = {
            "200": {"description": f"The reply. {_TODO}", "content": reply}
        }
        return {**made, "responses": responses}

    def any_object(self) -> dict[str, Any]:
        """An object of which nothing is known."""
        known = "JsonObject" in self.described.schemas
        return (
            {"$ref": "#/components/schemas/JsonObject"}
            if known
            else {"type": "object", "additionalProperties": True}
        )

    def _parameters(self) -> Iterator[dict[str, Any]]:
        given = {(one["in"], one["name"]): one for one in self.call.parameters}
        for name in re.findall(r"\{([^{}]*)\}", self.path):
            given.setdefault(
                ("path", name),
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}},
            )
        for (where, name), one in given.items():
            if where == "path" and f"{{{name}}}" not in self.path:
                self.left.append(f"the path parameter {name}, which is not in the path")
                continue
            schema = (
                one["schema"]
                if one["schema"].get("type") in ("string", "integer", "number", "boolean")
                else {"type": "string"}
            )
            schema = self.schema(schema, "", "request")
            made = {
                "name": name,
                "in": where,
                "required": one["required"],
                "description": f"{_words(name)}. {_TODO}",
                "schema": schema,
            }
            yield made | (
                {"example": one["example"]}
                if "example" in one and self.fits(schema, one["example"])
                else {}
            )

    def _media(self, name: str, body: dict[str, Any], part: str) -> dict[str, Any]:
        if is_event_stream(name):
            return {}  # `hints` describes the events
        if not is_json(name) and part == "reply":
            return {
                "schema": {"type": "string"}
                if name.startswith("text/")
                else {"type": "string", "contentMediaType": name}
            }
        examples, theirs = body["examples"], body["schema"]
        for example in examples:
            theirs = _widen(theirs, example)
        kind = ("Request" if is_json(name) else "Form") if part == "request" else "Reply"
        schema = self.schema(
            theirs, self.unique(f"{self.prefix}{kind}"), "form" if kind == "Form" else part
        )
        fitting = [example for example in examples if self.fits(schema, example)]
        if len(fitting) < len(examples):
            self.left.append(
                f"{len(examples) - len(fitting)} of the {part}'s examples, which do not fit its schema"
            )
        if not is_json(name):
            return {"schema": schema}
        key = _snake(CHINESE.sub("", self.page.title)) or "page"
        shown: dict[str, Any] = {
            f"{key}_{number}" if number > 1 else key: {"value": one}
            for number, one in enumerate(fitting, 1)
        }
        ours = {
            "ours": {
                "summary": f"Ours; the page's own was not usable. {_TODO}",
                "value": _sample(theirs),
            }
        }
        return {"schema": schema, "examples": shown or ours}

    def schema(self, theirs: dict[str, Any], name: str, part: str) -> dict[str, Any]:
        """A schema of the page in our form; objects with fields become components."""
        parts = seq(theirs.get("allOf"))
        properties = {
            key: field
            for inner in [theirs, *parts]
            for key, field in obj(inner.get("properties")).items()
        }
        if properties:
            required = [key for inner in [theirs, *parts] for key in seq(inner.get("required"))]
            return self.component(properties, required, name, part)
        if theirs.get("anyOf"):
            return {
                "anyOf": [
                    self.schema(one, self.unique(f"{name}{number}"), part)
                    for number, one in enumerate(theirs["anyOf"], 1)
                ]
            }
        if theirs.get("format") == "binary" and part == "form":
            return {
                "type": "string",
                "contentMediaType": "application/octet-stream",
                "x-file": ["part"],
            }
        kind = theirs.get("type")
        made: dict[str, Any] = {
            key: theirs[key] for key in ("type", "enum", *LIMITS) if key in theirs
        }
        if "items" in theirs or kind == "array":
            made["items"] = self.schema(obj(theirs.get("items")), self.unique(f"{name}Item"), part)
        if part != "reply" and "default" in theirs and self.fits(made, theirs["default"]):
            made["default"] = theirs["default"]
        if theirs.get("nullable") and kind:
            made |= {"type": [*([kind] if isinstance(kind, str) else kind), "null"]}
            made |= {"enum": [*made["enum"], None]} if "enum" in made else {}
        return made

    def component(
        self, theirs: dict[str, Any], required: list[str], name: str, part: str
    ) -> dict[str, Any]:
        """A named object of these fields."""
        made = self.schemas[name] = {
            "type": "object"
        }  # takes the name, and its place before what is inside
        properties: dict[str, Any] = {}
        for key, field in theirs.items():
            inner = self.schema(field, self.unique(name + (_camel(key) or "Part")), part)
            properties[key] = (
                inner if "$ref" in inner else {**inner, "description": f"{_words(key)}. {_TODO}"}
            )
        if properties.pop("self", None):
            self.left.append("the field self")
        if (required := [key for key in required if key in properties]) and part != "reply":
            made |= {
                "required": required
            }  # what pages require of replies was filled in from one example
        made["properties"] = properties
        return {"$ref": f"#/components/schemas/{name}"}

    def unique(self, name: str) -> str:
        """A name that no schema has."""
        taken = {one.lower() for one in (*self.described.schemas, *self.schemas)}
        names = (
            class_name(f"{name}{number}" if number > 1 else name) for number in range(1, 10_000)
        )
        return next(one for one in names if one.lower() not in taken)

    def fits(self, schema: dict[str, Any], value: Any) -> bool:
        """Whether a value fits a schema of the fragment."""
        document = {**schema, "components": {"schemas": {**self.described.schemas, **self.schemas}}}
        try:
            return jsonschema_rs.Draft202012Validator(document).is_valid(value)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError):
            return False


def _widen(schema: dict[str, Any], value: Any) -> dict[str, Any]:
    """A schema that takes an example of the page as well: the union of types, and only what is there is required."""
    kind, kinds = type_name(value), schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else seq(kinds)
    if value is None:
        return {**schema, "nullable": True} if kinds else schema
    if kind == "number" and kinds == ["integer"]:
        return {**schema, "type": "number"}
    if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
        return {"anyOf": [schema, infer(value)]}
    if isinstance(value, dict) and "properties" in schema:
        properties = {
            key: _widen(inner, value[key]) if key in value else inner
            for key, inner in schema["properties"].items()
        }
        return {
            **schema,
            "properties": properties,
            "required": [key for key in seq(schema.get("required")) if key in value],
        }
    for item in value if isinstance(value, list) and schema.get("items") else ():
        schema = {**schema, "items": _widen(schema["items"], item)}
    if "enum" in schema and value not in schema["enum"]:
        return {**schema, "enum": [*schema["enum"], value]}
    return schema


def _sample(schema: dict[str, Any]) -> Any:
    """A value that fits."""
    for part in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        return _sample(part)
    if "properties" in schema:
        return {key: _sample(inner) for key, inner in schema["properties"].items() if key != "self"}
    for value in (schema["default"],) if "default" in schema else seq(schema.get("enum")):
        return value
    kind = schema.get("type", "string")
    if kind == "array":
        return [_sample(obj(schema.get("items")))] * max(1, int(schema.get("minItems", 1)))
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    return (
        _SAMPLES[kind if isinstance(kind, str) else kind[0]]
        if kind != "string"
        else "text".ljust(int(schema.get("minLength", 0)), "t")
    )


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
