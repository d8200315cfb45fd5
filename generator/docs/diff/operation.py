"""A page's calls against the specification: parameters, bodies, examples, prices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from generator.docs.described import Described, Part, fields_of
from generator.docs.pages import Body, Call, Page, note
from generator.docs.pages.prices import prices
from generator.docs.pages.untrusted import one_line, quoted
from generator.docs.pages.values import HIDDEN
from generator.document.media import is_event_stream, is_json
from generator.document.references import Found
from generator.source import obj, seq

from .finding import Finding, Subject, required, type_text
from .models import compare_models
from .schemas import SchemaComparison

_BINARY = "application/octet-stream"
_MOST_FINDINGS = 200


def compare(described: Described, page: Page) -> list[Finding]:
    """All that a person must decide about a page.

    Raises DocsError where the specification has a path twice.
    """
    findings = list(dict.fromkeys(islice(_findings(described, page), _MOST_FINDINGS + 1)))
    if len(findings) <= _MOST_FINDINGS:
        return findings
    message = f"there are more than {_MOST_FINDINGS} differences"
    fix = "look at the page: it may be another call's, or broken"
    last = Finding(page.source, findings[0].operation, "", 0, "many", "", message, fix)
    return [*findings[:_MOST_FINDINGS], last]


def _findings(described: Described, page: Page) -> Iterator[Finding]:
    known = ""
    for call in page.calls:
        by_path = described.find(call)
        operation = by_path or described.numbered(call, page.number)
        if operation is None:
            yield _not_described(page, call)
            continue
        known = known or operation.id
        subject = Subject(described, page.source, operation, number=page.number)
        if not by_path:
            message = f"the page's path is {call.path}, ours {operation.path}"
            fix = "correct the path, or add it to x-aliases"
            yield subject.finding("path", call.path, message, fix)
        yield from Comparison(subject).call(call)
        yield from compare_models(subject, page, call.description)
        for reason in subject.settled:
            note(page.settled, reason)
    for what in page.refused:
        message = f"the page has {what}; this is left out"
        fix = "look at the page: it is broken, or not what it seems"
        yield Finding(page.source, known, "", 0, "refused", "", message, fix)


def _not_described(page: Page, call: Call) -> Finding:
    title = one_line(page.title, 100)
    message = f"{call.method.upper()} {call.path} ({title}) is not described"
    fix = f"`python -m generator docs draft {one_line(page.source)}` writes a fragment to review"
    return Finding(page.source, "", "", 0, "operation", "", message, fix)


class Comparison:
    """One operation held against one page or exchange."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.described = subject, subject.described
        self.operation, self.who = subject.operation, subject.who

    def call(self, call: Call) -> Iterator[Finding]:
        """Parameters, bodies and price."""
        yield from self._parameters(call)
        yield from self._bodies(call.request, "request")
        yield from self._bodies(call.response, "response")
        yield from self._prices(call.description)

    def _parameters(self, call: Call) -> Iterator[Finding]:
        ours = {
            (str(one.get("in")), str(one.get("name"))): one
            for one in self.described.parameters(self.operation)
        }
        for theirs in call.parameters:
            mine = ours.pop((theirs["in"], theirs["name"]), None)
            if theirs["in"] != "path":  # the path itself was compared
                yield from self._parameter(theirs, mine)
        for (place, name), mine in ours.items():
            if self.subject.is_alone and place == "query":
                message = f"the page no longer has the query parameter `{name}`"
                fix = "remove it, or say in x-docs what shows it"
                yield self.subject.finding("gone", name, message, fix, mine, "name", "request")

    def _parameter(self, theirs: dict[str, Any], mine: dict[str, Any] | None) -> Iterator[Finding]:
        place, name = theirs["in"], theirs["name"]
        if mine is None:
            kind = type_text(theirs["schema"])
            message = f"the {self.who} has the {place} parameter {quoted(name)} ({kind})"
            fix = "add it to `parameters`, or to the body's fields if that is what is meant"
            yield self.subject.finding(
                "parameter", name, message, fix, key="parameters", part="request"
            )
            return
        if self.who == "page":  # an exchange shows what is sent, not what must be
            is_required = mine.get("required") is True
            yield from required(self.subject, mine, name, theirs["required"], is_required)
        schemas = SchemaComparison(self.subject, "request")
        yield from schemas.compare(name, theirs["schema"], [mine.get("schema")])

    def _bodies(self, theirs: dict[str, Body], part: Part) -> Iterator[Finding]:
        mine: dict[str, list[Found]] = {}
        for media, found in self.described.bodies(self.operation, part):
            mine.setdefault(media, []).append(found)
        for media, body in theirs.items():
            if media in mine:
                yield from self._body(media, body, mine[media], part)
            elif not _may_lack(media, mine):
                key = "requestBody" if part == "request" else "responses"
                fix = "add the media type, or say in decided.yaml why it is wrong"
                message = f"the {self.who}'s {part} is {media}"
                yield self.subject.finding("media", media, message, fix, key=key, part=part)

    def _body(self, media: str, theirs: Body, mine: list[Found], part: Part) -> Iterator[Finding]:
        schemas = [obj(found.value).get("schema") for found in mine]
        known = fields_of(self.described.variants(schemas[0]))
        names = list(obj(theirs.schema.get("properties")))
        if self.described.is_unknown(self.operation, part) and not known.keys() >= {*names}:
            listed = one_line(", ".join(names))
            message = f"the {self.who} has fields of the {part} that are x-unknown: {listed}"
            fix = "`docs draft` writes the schema from a page; then remove x-unknown"
            yield self.subject.finding("unknown", "", message, fix, key="x-unknown")
            return
        findings = list(SchemaComparison(self.subject, part).compare("", theirs.schema, schemas))
        yield from findings
        wrong = {finding.field for finding in findings if finding.kind == "type"}
        if is_json(media) and not self.subject.is_misled:
            for example in theirs.examples:
                yield from self._example(mine[0].pointer, schemas[0], example, part, wrong)

    def _example(
        self, pointer: str, schema: Any, example: Any, part: Part, wrong: set[str]
    ) -> Iterator[Finding]:
        """An example must fit; what is masked is no value, and the type of a field is reported
        once.
        """
        variants = self.described.variants(schema)
        mismatches = self.described.context.mismatches(f"{pointer}/schema", schema, example)
        for path, reason in mismatches[:_MOST_FINDINGS]:
            name = ".".join(map(str, path))
            if _at(example, path) == HIDDEN or re.sub(r"\.\d+(?=\.|$)", "[]", name) in wrong:
                continue
            owner = next((one for one in map(_fields, variants) if path and path[0] in one), None)
            place = f" at {quoted(name, 200)}" if name else ""
            message = f"the {self.who}'s {part} example does not fit{place}: {reason}"
            fix = "widen the schema if the service takes or sends this, "
            fix += "else write `example: wrong` in x-docs"
            key = str(path[0]) if path else None
            yield self.subject.finding("example", name, message, fix, owner or variants[0], key)

    def _prices(self, text: str) -> Iterator[Finding]:
        ours = [obj(price) for price in seq(self.operation.node.get("x-price"))]
        known, theirs = _amounts(ours), _amounts(prices(text))
        if lacking := [price for price in theirs if price not in known]:
            named = ", ".join(f"{amount} PTC per {per}" for amount, per in lacking)
            have = ", ".join(f"{amount} per {per}" for amount, per in dict.fromkeys(sorted(known)))
            message = f"the page's price is {named}; ours: {have or 'none'}"
            yield self.subject.finding("price", "", message, "correct x-price", key="x-price")


def _amounts(listed: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """The prices that have an amount: it, and per what."""
    return [(price["amount"], price["per"]) for price in listed if "amount" in price]


def _may_lack(media: str, mine: dict[str, list[Found]]) -> bool:
    """Whether a media type of a page says nothing new beside ours."""
    if is_event_stream(media) or media == "*/*" or _BINARY in mine:
        return True
    return bool(mine and media == _BINARY) or (is_json(media) and any(map(is_json, mine)))


def _fields(variant: dict[str, Any]) -> dict[str, Any]:
    return obj(variant.get("properties"))


def _at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step] if isinstance(value, list) or step in obj(value) else None
    return value
