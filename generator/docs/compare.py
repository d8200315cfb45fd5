"""What a page says that the specification lacks or contradicts, and a person must decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..rules.context import Operation, is_event_stream, is_json, same
from ..source import obj, seq
from .described import Described, fields, options, prices, shape, type_name, types
from .page import Call, Page

_DEPTH = 8


@dataclass(frozen=True)
class Finding:
    """Something to decide: where in spec/, what kind of thing, and what each side says."""

    source: str
    """The page or the recorded exchange."""
    operation: str
    file: str
    line: int
    kind: str
    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{self.message}\n    fix: {self.fix}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(described: Described, page: Page) -> list[Finding]:
    """All that a person must decide about a page."""
    found: list[Finding] = []
    for call in page.calls:
        operation = described.find(call, page.number)
        if operation is None:
            name = f"{call.method.upper()} {call.path}"
            fix = f"`python -m generator docs draft {page.source}` writes a fragment to review"
            found.append(Finding(page.source, "", "", 0, "operation", "", f"{name} ({page.title}) is not described", fix))
        else:
            comparison = Comparison(described, page.source, operation)
            found += dict.fromkeys(comparison.call(call))
            page.settled += [reason for reason in comparison.settled if reason not in page.settled]
    return found


class Comparison:
    """One operation held against one page or exchange."""

    def __init__(self, described: Described, source: str, operation: Operation) -> None:
        self.described = described
        self.context = described.context
        self.source = source
        self.operation = operation
        docs = [obj(entry) for entry in seq(operation.node.get("x-docs"))]
        self.alone = len(docs) == 1 and docs[0].get("evidence") == "page"
        """This page is all that the operation is known from, so what the page no longer has is gone."""
        self.shared = len([entry for entry in docs if entry.get("page") or entry.get("url")]) > 1
        """Several pages describe it, so what one of them requires may be optional."""
        self.settled: list[str] = []
        """Differences that our conventions settle, each with the reason."""

    def finding(self, place: tuple[str, int], kind: str, field: str, message: str, fix: str) -> Finding:
        return Finding(self.source, self.operation.id, *place, kind, field, f"{self.operation.id}: {message}", fix)

    def at(self, container: Any, key: str | None) -> tuple[str, int]:
        """Place of a key of a schema, else of the schema, else of the operation."""
        return self.described.spec.place(container, key if key in obj(container) else None) or self.described.place(self.operation)

    def call(self, call: Call) -> Iterator[Finding]:
        """Path, parameters, bodies and price."""
        spellings = {shape(path) for path in [self.operation.path, *map(str, seq(self.operation.node.get("x-aliases")))]}
        if (
            not {shape(spelling) for path in [call.path, *call.others] for spelling in (path, "/v1" + path, path.removeprefix("/v1"))}
            & spellings
        ):
            message = f"the page's path is {call.path}, ours {self.operation.path}"
            yield self.finding(self.described.place(self.operation), "path", call.path, message, "correct the path, or add it to x-aliases")
        yield from self.parameters(call)
        yield from self.bodies(call.request, "request")
        yield from self.bodies(call.reply, "reply")
        yield from self.prices(call.description)

    def parameters(self, call: Call) -> Iterator[Finding]:
        ours = {(str(one.get("in")), str(one.get("name"))): one for one in self.context.parameters(self.operation)}
        place = self.described.place(self.operation, "parameters")
        for theirs in call.parameters:
            where, name = theirs["in"], theirs["name"]
            if where == "path":
                continue  # the path has told
            mine = ours.pop((where, name), None)
            if mine is None:
                kind = theirs["schema"].get("type", "any type")
                fix = "add it to `parameters`, or send it as body field if that is what is meant"
                yield self.finding(place, "parameter", name, f"the page has the {where} parameter `{name}` ({kind})", fix)
                continue
            yield from self.required(mine, name, theirs["required"], mine.get("required") is True, "required")
            yield from self.schema(name, theirs["schema"], [mine.get("schema")], "request")
        if self.alone:
            for (where, name), mine in ours.items():
                if where == "query":
                    yield self.finding(
                        self.at(mine, "name"),
                        "gone",
                        name,
                        f"the page no longer has the query parameter `{name}`",
                        "remove it, or say in x-docs what shows it",
                    )

    def required(self, container: Any, name: str, theirs: bool, mine: bool, key: str | None) -> Iterator[Finding]:
        if theirs and not mine and self.shared:
            self.settled.append(f"`{name}` is required on this page; several pages share {self.operation.id}, so it may stay optional")
        elif theirs and not mine:
            yield self.finding(
                self.at(container, key),
                "required",
                name,
                f"the page requires `{name}`",
                "add it to `required`, unless calls without it are known",
            )
        if mine and not theirs:
            yield self.finding(
                self.at(container, key),
                "required",
                name,
                f"`{name}` is optional on the page",
                "remove it from `required`, unless the service refuses without it",
            )

    def bodies(self, theirs: dict[str, dict[str, Any]], part: str) -> Iterator[Finding]:
        key = "requestBody" if part == "request" else "responses"
        mine = {name: media for _, name, media in reversed(list(self.context.media(self.operation, part)))}
        for media, body in theirs.items():
            names = list(obj(body["schema"].get("properties")))
            if media not in mine:
                if is_event_stream(media) or (is_json(media) and any(map(is_json, mine))) or media == "*/*":
                    continue
                if not (mine and media == "application/octet-stream"):
                    yield self.finding(
                        self.described.place(self.operation, key),
                        "media",
                        media,
                        f"the page's {part} is {media}",
                        "add the media type, or say in x-docs why it is wrong",
                    )
                continue
            schema = obj(mine[media].value).get("schema")
            known = fields(self.described.variants(schema))
            if self.operation.unknown(part) and any(name not in known for name in names):
                message = f"the page has fields of the {part} that x-unknown says nobody knows: {', '.join(names)}"
                yield self.finding(
                    self.described.place(self.operation, "x-unknown"),
                    "unknown",
                    "",
                    message,
                    "`docs draft` writes the schema; then remove x-unknown",
                )
                continue
            all_of_it = [obj(found.value).get("schema") for _, name, found in self.context.media(self.operation, part) if name == media]
            yield from self.schema("", body["schema"], all_of_it, part)
            for example in body["examples"]:
                yield from self.example(mine[media].pointer, schema, example, part, media)

    def example(self, pointer: str, schema: Any, example: Any, part: str, media: str) -> Iterator[Finding]:
        """An example must fit; a file is written as a path or address, and what is masked is no value."""
        if not is_json(media):
            return
        seen: set[str] = set()
        for path, message in self.context.mismatches(f"{pointer}/schema", schema, example):
            name = ".".join(map(str, path))
            if name not in seen and _at(example, path) != "[hidden]":
                seen.add(name)
                variants = self.described.variants(schema)
                place = next(
                    (
                        self.at(variant["properties"], str(path[0]))
                        for variant in variants
                        if path and path[0] in obj(variant.get("properties"))
                    ),
                    None,
                )
                where = f" at `{name}`" if name else ""
                yield self.finding(
                    place or self.at(variants[0], None),
                    "example",
                    name,
                    f"the {part}'s example does not fit{where}: {message}",
                    "widen the schema if the service takes or sends this, else write `example: wrong` in x-docs",
                )

    def schema(self, path: str, theirs: dict[str, Any], mine: list[Any], part: str, depth: int = 0) -> Iterator[Finding]:
        """A schema of the page against all that the specification says of that place."""
        variants = [variant for schema in mine for variant in self.described.variants(schema)]
        if not theirs or depth > _DEPTH or not variants:
            return
        parts = [inner for key in ("allOf", "anyOf") for inner in theirs.get(key, [])]
        for inner in parts:
            yield from self.schema(path, inner, mine, part, depth + 1)
        wide = types(variants)
        kinds = theirs.get("type", [])
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if wide and kind not in wide and not (kind == "integer" and "number" in wide):
                known = " or ".join(sorted(wide))
                yield self.finding(
                    self.at(variants[0], "type"),
                    "type",
                    path,
                    f"the page's {part} has `{path or 'body'}` as {kind}, ours is {known}",
                    "take the union (anyOf), or keep ours if the examples bear it out",
                )
                return
        yield from self.values(path, theirs, variants, part)
        if "items" in theirs:
            items = [variant["items"] for variant in variants if "items" in variant]
            yield from self.schema(f"{path}[]", theirs["items"], items, part, depth + 1)
        if theirs.get("properties"):
            yield from self.fields(path, theirs, mine, variants, part, depth)

    def values(self, path: str, theirs: dict[str, Any], variants: list[dict[str, Any]], part: str) -> Iterator[Finding]:
        """Enums and defaults."""
        enums = [variant for variant in variants if "enum" in variant or "const" in variant]
        listed = [value for variant in enums for value in options(variant)]
        free = any(variant not in enums and variant.get("type") in ("string", "integer", "number") for variant in variants)
        if enums and "enum" in theirs:
            lacking = [value for value in theirs["enum"] if not free and not any(same(value, other) for other in listed)]
            if lacking:
                yield self.finding(
                    self.at(enums[0], "enum"),
                    "enum",
                    path,
                    f"the page's {part} lists for `{path}` also {_listed(lacking)}",
                    "add it to the enum",
                )
            gone = [value for value in listed if not any(same(value, other) for other in theirs["enum"])]
            if gone and self.alone:
                yield self.finding(
                    self.at(enums[0], "enum"),
                    "enum",
                    path,
                    f"the page's {part} no longer lists for `{path}`: {_listed(gone)}",
                    "remove it, unless callers use it",
                )
        elif "enum" in theirs and part == "request" and not enums:
            yield self.finding(
                self.at(variants[0], "type"),
                "enum",
                path,
                f"the page lists for `{path}` {_listed(theirs['enum'])}",
                "add an enum, or name the values in the description if there are more",
            )
        if "default" in theirs and part == "request":
            defaults = [variant for variant in variants if "default" in variant]
            if not any(same(variant["default"], theirs["default"]) or variant["default"] == theirs["default"] for variant in defaults):
                ours = f", ours is {_listed([defaults[0]['default']])}" if defaults else ""
                place = self.at((defaults or variants)[0], "default")
                yield self.finding(
                    place,
                    "default",
                    path,
                    f"the page's default of `{path}` is {_listed([theirs['default']])}{ours}",
                    "correct or add `default`: it says what the server does",
                )

    def fields(
        self, path: str, theirs: dict[str, Any], mine: list[Any], variants: list[dict[str, Any]], part: str, depth: int
    ) -> Iterator[Finding]:
        """Fields of an object."""
        known = fields(variants)
        owner = next((variant for variant in variants if "properties" in variant), variants[0])
        if not known:
            if not any("additionalProperties" in variant or types([variant]) == {"object"} for variant in variants) or depth == 0:
                return
            if not any(isinstance(variant.get("additionalProperties"), dict) for variant in variants):
                message = f"the page's {part} has in `{path}`: {', '.join(theirs['properties'])}"
                yield self.finding(
                    self.at(owner, None), "field", path, message, "name a schema for it, or leave it open if it differs by model"
                )
            return
        somewhere = {name for variant in variants for name in seq(variant.get("required"))}
        needed = set.intersection(*(self.described.required(schema) for schema in mine)) if mine else set()
        for name, schema in theirs["properties"].items():
            inner = f"{path}.{name}" if path else name
            if name not in known:
                kind = schema.get("type", "any type")
                must = ", required" if name in theirs.get("required", []) and part == "request" else ""
                yield self.finding(
                    self.at(owner, "properties"),
                    "field",
                    inner,
                    f"the page's {part} has `{inner}` ({kind}{must})",
                    "add it to `properties`, with words of our own",
                )
                continue
            if part == "request" and not theirs.get("required"):
                if name in needed:
                    self.settled.append(
                        f"`{inner}` is required here; the page requires nothing of `{path or 'body'}`, so its list was never filled in"
                    )
            elif part == "request":
                must = name in theirs.get("required", []) and name not in somewhere
                yield from self.required(
                    owner, inner, must or (name in theirs.get("required", []) and name in needed), name in needed, "required"
                )
            yield from self.schema(inner, schema, known[name], part, depth + 1)
        if self.alone and depth == 0 and part == "request":  # what a page leaves out of a reply is not gone
            for name in known:
                if name not in theirs["properties"]:
                    place = self.at(next(variant["properties"] for variant in variants if name in obj(variant.get("properties"))), name)
                    yield self.finding(
                        place, "gone", name, f"the page's {part} no longer has `{name}`", "remove it, or say in x-docs what shows it"
                    )

    def prices(self, text: str) -> Iterator[Finding]:
        theirs = prices(text)
        ours = [obj(price) for price in seq(self.operation.node.get("x-price"))]
        known = {(price["amount"], price["per"]) for price in ours if "amount" in price}
        lacking = [price for price in theirs if "amount" in price and (price["amount"], price["per"]) not in known]
        if lacking:
            said = ", ".join(f"{price['amount']} PTC per {price['per']}" for price in lacking)
            have = ", ".join(f"{amount} per {per}" for amount, per in sorted(known)) or "none"
            yield self.finding(
                self.described.place(self.operation, "x-price"), "price", "", f"the page's price is {said}; ours: {have}", "correct x-price"
            )


def undescribed(described: Described, mine: list[Any], value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The fields of a value that no variant of its schemas describes, with the schema that lacks them; maps are left out."""
    variants = [variant for schema in mine for variant in described.variants(schema)]
    if depth > _DEPTH or not variants:
        return
    if isinstance(value, list):
        items = [variant["items"] for variant in variants if "items" in variant]
        for item in value:
            yield from undescribed(described, items, item, f"{path}[]", depth + 1)
    if isinstance(value, dict):
        known = fields(variants)
        owner = next((variant for variant in variants if "properties" in variant), None)
        for name, inner in value.items():
            place = f"{path}.{name}" if path else name
            if name in known:
                yield from undescribed(described, known[name], inner, place, depth + 1)
            elif owner is not None and not any(isinstance(variant.get("additionalProperties"), dict) for variant in variants):
                yield f"{place} ({type_name(inner)})", owner


def _at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step] if isinstance(value, list) or step in obj(value) else None
    return value


def _listed(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)
