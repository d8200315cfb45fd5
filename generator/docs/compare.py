"""What a page, or a recorded exchange, says that the specification lacks or contradicts, and a person must decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..rules.context import Operation, is_event_stream, is_json, same
from ..source import obj, seq
from .described import Described, fields, options, types
from .page import HIDDEN, Call, Page, page_number
from .prices import prices

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


def compare(described: Described, page: Page) -> list[Finding]:
    """All that a person must decide about a page."""
    found: list[Finding] = []
    for call in page.calls:
        by_path = described.find(call)
        operation = by_path or described.numbered(call, page.number)
        if operation is None:
            message = f"{call.method.upper()} {call.path} ({page.title}) is not described"
            fix = f"`python -m generator docs draft {page.source}` writes a fragment to review"
            found.append(Finding(page.source, "", "", 0, "operation", "", message, fix))
            continue
        comparison = Comparison(described, page.source, operation, number=page.number)
        if not by_path:
            message = f"the page's path is {call.path}, ours {operation.path}"
            found.append(
                comparison.finding(
                    "path", call.path, message, "correct the path, or add it to x-aliases"
                )
            )
        found += dict.fromkeys(comparison.call(call))
        page.settled += [reason for reason in comparison.settled if reason not in page.settled]
    return found


class Comparison:
    """One operation held against one page or exchange."""

    def __init__(
        self,
        described: Described,
        source: str,
        operation: Operation,
        who: str = "page",
        number: str = "",
    ) -> None:
        self.described = described
        self.context = described.context
        self.source, self.operation, self.who = source, operation, who
        docs = [obj(entry) for entry in seq(operation.node.get("x-docs"))]
        self.alone = who == "page" and len(docs) == 1 and docs[0].get("evidence") == "page"
        """This page is all that the operation is known from, so what the page no longer has is gone."""
        self.shared = len([entry for entry in docs if entry.get("page") or entry.get("url")]) > 1
        """Several pages describe it, so what one of them requires may be optional."""
        wrong = [
            page_number(str(entry.get("url") or ""))
            for entry in docs
            if entry.get("example") == "wrong"
        ]
        self.misled = who == "page" and (number in wrong or "" in wrong)
        """The page's example is another call's, as x-docs says."""
        self.settled: list[str] = []
        """Differences that our conventions settle, each with the reason."""

    def finding(
        self,
        kind: str,
        field: str,
        message: str,
        fix: str,
        container: Any = None,
        key: str | None = None,
    ) -> Finding:
        """At a key of a schema, else at the schema, else at a key of the operation."""
        place = self.described.spec.place(container, key if key in obj(container) else None)
        file, line = place or self.described.place(self.operation, *([key] if key else []))
        return Finding(
            self.source,
            self.operation.id,
            file,
            line,
            kind,
            field,
            f"{self.operation.id}: {message}",
            fix,
        )

    def call(self, call: Call) -> Iterator[Finding]:
        """Parameters, bodies and price."""
        yield from self.parameters(call)
        yield from self.bodies(call.request, "request")
        yield from self.bodies(call.reply, "response")
        yield from self.prices(call.description)

    def parameters(self, call: Call) -> Iterator[Finding]:
        ours = {
            (str(one.get("in")), str(one.get("name"))): one
            for one in self.context.parameters(self.operation)
        }
        for theirs in call.parameters:
            where, name = theirs["in"], theirs["name"]
            mine = ours.pop((where, name), None)
            if where == "path":
                continue  # the path has told
            if mine is None:
                message = (
                    f"the {self.who} has the {where} parameter `{name}` ({_type(theirs['schema'])})"
                )
                fix = "add it to `parameters`, or to the body's fields if that is what is meant"
                yield self.finding("parameter", name, message, fix, key="parameters")
                continue
            if self.who == "page":  # an exchange shows what is sent, not what must be
                yield from self.required(
                    mine, name, theirs["required"], mine.get("required") is True
                )
            yield from self.schema(name, theirs["schema"], [mine.get("schema")], "request")
        for (where, name), mine in ours.items():
            if self.alone and where == "query":
                message = f"the page no longer has the query parameter `{name}`"
                yield self.finding(
                    "gone", name, message, "remove it, or say in x-docs what shows it", mine, "name"
                )

    def required(self, owner: Any, name: str, theirs: bool, mine: bool) -> Iterator[Finding]:
        if theirs and not mine and self.shared:
            self.settled.append(
                f"`{name}` is required on this page; several pages share {self.operation.id}, so it may stay optional"
            )
        elif theirs and not mine:
            fix = "add it to `required`, unless calls without it are known"
            yield self.finding(
                "required", name, f"the page requires `{name}`", fix, owner, "required"
            )
        elif mine and not theirs:
            fix = "remove it from `required`, unless the service refuses without it"
            yield self.finding(
                "required", name, f"`{name}` is optional on the page", fix, owner, "required"
            )

    def bodies(self, theirs: dict[str, dict[str, Any]], part: str) -> Iterator[Finding]:
        mine: dict[str, list[Any]] = {}
        for _, name, found in self.context.media(self.operation, part):
            mine.setdefault(name, []).append(found)
        for media, body in theirs.items():
            if media not in mine:
                unclear = (
                    is_event_stream(media)
                    or media == "*/*"
                    or (mine and media == "application/octet-stream")
                )
                if not (
                    unclear
                    or "application/octet-stream" in mine
                    or (is_json(media) and any(map(is_json, mine)))
                ):
                    key = "requestBody" if part == "request" else "responses"
                    fix = "add the media type, or say in decided.yaml why it is wrong"
                    yield self.finding(
                        "media", media, f"the {self.who}'s {part} is {media}", fix, key=key
                    )
                continue
            schemas = [obj(found.value).get("schema") for found in mine[media]]
            known = fields(self.described.variants(schemas[0]))
            names = list(obj(body["schema"].get("properties")))
            if self.operation.unknown(part) and any(name not in known for name in names):
                message = f"the {self.who} has fields of the {part} that x-unknown says nobody knows: {', '.join(names)}"
                fix = "`docs draft` writes the schema from a page; then remove x-unknown"
                yield self.finding("unknown", "", message, fix, key="x-unknown")
                continue
            findings = list(self.schema("", body["schema"], schemas, part))
            yield from findings
            wrong = {finding.field for finding in findings if finding.kind == "type"}
            for example in body["examples"] if is_json(media) and not self.misled else ():
                yield from self.example(mine[media][0].pointer, schemas[0], example, part, wrong)

    def example(
        self, pointer: str, schema: Any, example: Any, part: str, wrong: set[str]
    ) -> Iterator[Finding]:
        """An example must fit; what is masked is no value, and the type of a field is told once."""
        variants = self.described.variants(schema)
        for path, message in self.context.mismatches(f"{pointer}/schema", schema, example):
            name = ".".join(map(str, path))
            if _at(example, path) == HIDDEN or re.sub(r"\.\d+(?=\.|$)", "[]", name) in wrong:
                continue
            owner = next(
                (
                    one["properties"]
                    for one in variants
                    if path and path[0] in obj(one.get("properties"))
                ),
                variants[0],
            )
            message = f"the {self.who}'s {part} example does not fit{f' at `{name}`' if name else ''}: {message}"
            fix = "widen the schema if the service takes or sends this, else write `example: wrong` in x-docs"
            yield self.finding("example", name, message, fix, owner, str(path[0]) if path else None)

    def schema(
        self, path: str, theirs: dict[str, Any], mine: list[Any], part: str, depth: int = 0
    ) -> Iterator[Finding]:
        """A schema of the page against all that the specification says of that place."""
        variants = [variant for schema in mine for variant in self.described.variants(schema)]
        if not theirs or depth > _DEPTH or not variants:
            return
        for inner in [inner for key in ("allOf", "anyOf") for inner in theirs.get(key, [])]:
            yield from self.schema(path, inner, mine, part, depth + 1)
        wide, kinds = types(variants), theirs.get("type", [])
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if wide and kind not in wide and not (kind == "integer" and "number" in wide):
                message = f"the {self.who}'s {part} has `{path or 'body'}` as {kind}, ours is {' or '.join(sorted(wide))}"
                fix = "take the union (anyOf), or keep ours if the examples bear it out"
                yield self.finding("type", path, message, fix, variants[0], "type")
                return
        yield from self.enum(path, theirs, variants, part)
        yield from self.default(path, theirs, variants, part)
        if "items" in theirs:
            items = [variant["items"] for variant in variants if "items" in variant]
            yield from self.schema(f"{path}[]", theirs["items"], items, part, depth + 1)
        if theirs.get("properties"):
            yield from self.fields(path, theirs, mine, variants, part, depth)

    def enum(
        self, path: str, theirs: dict[str, Any], variants: list[dict[str, Any]], part: str
    ) -> Iterator[Finding]:
        if "enum" not in theirs:
            return
        enums = [variant for variant in variants if "enum" in variant or "const" in variant]
        listed = [value for variant in enums for value in options(variant)]
        free = any(
            variant not in enums and variant.get("type") in ("string", "integer", "number")
            for variant in variants
        )
        lacking = [
            value for value in theirs["enum"] if not any(same(value, other) for other in listed)
        ]
        if not enums and part == "request":
            message = f"the page lists for `{path}` {_listed(lacking)}"
            fix = "add an enum, or name the values in the description if there are more"
            yield self.finding("enum", path, message, fix, variants[0], "type")
        if enums and lacking and not free:
            message = f"the page's {part} lists for `{path}` also {_listed(lacking)}"
            yield self.finding("enum", path, message, "add it to the enum", enums[0], "enum")
        gone = [
            value for value in listed if not any(same(value, other) for other in theirs["enum"])
        ]
        if gone and self.alone:
            message = f"the page's {part} no longer lists for `{path}`: {_listed(gone)}"
            yield self.finding(
                "enum", path, message, "remove it, unless callers use it", enums[0], "enum"
            )

    def default(
        self, path: str, theirs: dict[str, Any], variants: list[dict[str, Any]], part: str
    ) -> Iterator[Finding]:
        ours = [variant for variant in variants if "default" in variant]
        if (
            part == "request"
            and "default" in theirs
            and not any(variant["default"] == theirs["default"] for variant in ours)
        ):
            message = f"the page's default of `{path}` is {_listed([theirs['default']])}"
            message += f", ours is {_listed([ours[0]['default']])}" if ours else ""
            fix = "correct or add `default`: it says what the server does"
            yield self.finding("default", path, message, fix, (ours or variants)[0], "default")

    def fields(
        self,
        path: str,
        theirs: dict[str, Any],
        mine: list[Any],
        variants: list[dict[str, Any]],
        part: str,
        depth: int,
    ) -> Iterator[Finding]:
        """Fields of an object."""
        known, prefix = fields(variants), f"{path}." if path else ""
        maps = any(isinstance(variant.get("additionalProperties"), dict) for variant in variants)
        owner = next((variant for variant in variants if "properties" in variant), variants[0])
        if not known:
            if (
                not maps
                and depth
                and any(
                    "additionalProperties" in variant or types([variant]) == {"object"}
                    for variant in variants
                )
            ):
                message = (
                    f"the {self.who}'s {part} has in `{path}`: {', '.join(theirs['properties'])}"
                )
                fix = "name a schema for it, or leave it open if it differs by model"
                yield self.finding("field", path, message, fix, owner)
            return
        listed = seq(theirs.get("required"))
        somewhere = {name for variant in variants for name in seq(variant.get("required"))}
        always = set.intersection(*(self.described.required(schema) for schema in mine))
        for name, schema in theirs["properties"].items():
            if name not in known:
                if not maps:
                    must = ", required" if name in listed and part == "request" else ""
                    message = (
                        f"the {self.who}'s {part} has `{prefix}{name}` ({_type(schema)}{must})"
                    )
                    fix = "add it to `properties`, with words of our own"
                    yield self.finding("field", prefix + name, message, fix, owner, "properties")
                continue
            if listed and part == "request":
                yield from self.required(
                    owner,
                    prefix + name,
                    name in listed and (name in always or name not in somewhere),
                    name in always,
                )
            elif listed and name in always - {
                *listed
            }:  # the other way round tells nothing: such lists were filled in from one example
                message = f"`{prefix}{name}` is optional in the page's response"
                yield self.finding(
                    "required",
                    prefix + name,
                    message,
                    "remove it from `required`; some replies lack it",
                    owner,
                    "required",
                )
            elif name in always and part == "request":
                reason = f"the page requires nothing of `{path or 'body'}`, so its list was never filled in"
                self.settled.append(f"`{prefix}{name}` is required here; {reason}")
            yield from self.schema(prefix + name, schema, known[name], part, depth + 1)
        if (
            self.alone and depth == 0 and part == "request"
        ):  # what a page leaves out of a reply is not gone
            for name in [name for name in known if name not in theirs["properties"]]:
                place = next(
                    variant["properties"]
                    for variant in variants
                    if name in obj(variant.get("properties"))
                )
                message = f"the page's {part} no longer has `{name}`"
                yield self.finding(
                    "gone", name, message, "remove it, or say in x-docs what shows it", place, name
                )

    def prices(self, text: str) -> Iterator[Finding]:
        ours = [obj(price) for price in seq(self.operation.node.get("x-price"))]
        known = sorted((price["amount"], price["per"]) for price in ours if "amount" in price)
        theirs = [(price["amount"], price["per"]) for price in prices(text) if "amount" in price]
        lacking = ", ".join(
            f"{amount} PTC per {per}" for amount, per in theirs if (amount, per) not in known
        )
        if lacking:
            have = (
                ", ".join(f"{amount} per {per}" for amount, per in dict.fromkeys(known)) or "none"
            )
            yield self.finding(
                "price",
                "",
                f"the page's price is {lacking}; ours: {have}",
                "correct x-price",
                key="x-price",
            )


def _at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step] if isinstance(value, list) or step in obj(value) else None
    return value


def _listed(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type") or "any type"
    return kind if isinstance(kind, str) else " or ".join(kind)
