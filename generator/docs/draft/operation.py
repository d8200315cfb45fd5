"""The draft of one call: its home and name, parameters, bodies, evidence, and what is left out."""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from generator.docs import DocsError
from generator.docs.described import Described
from generator.docs.ledger import Ledger
from generator.docs.pages import Body, Call, Page, note
from generator.docs.pages.prices import prices
from generator.docs.pages.untrusted import one_line
from generator.docs.pages.values import has_long_keys, is_small
from generator.docs.sources import Entry
from generator.document import Operation
from generator.document.media import is_event_stream, is_json
from generator.document.names import class_name, pascal
from generator.rules.layout import WIDTH
from generator.source import obj, seq

from . import names
from .components import Components, Use, fields_of, sample, widened
from .house_yaml import TODO

_OPERATIONS = ', "operations": '
_VENDORS = (
    "# This is the vendor's own word, of its own host. Check what is marked TODO check against a "
    "page, a caller or the catalogue: that 302.AI has the path, and passes the fields on."
)
_PLAIN_TYPES = ("string", "integer", "number", "boolean")


@dataclass(frozen=True)
class Place:
    """Where an operation belongs."""

    section: str
    vendor: str
    file: str
    """Relative to the folder of the specification."""
    is_new: bool = False
    """No prefix in vendors.yaml says so yet."""


@dataclass
class Draft:
    """One drafted operation."""

    page: Page
    call: Call
    known: Operation | None
    """The operation of the specification, if the call is there already."""
    place: Place
    id: str
    path: str
    row: str
    """The ledger's page, if there is one."""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    request: dict[str, Any] = field(default_factory=dict)
    """Media type objects by media type."""
    fields: list[str] = field(default_factory=list)
    """The top-level fields of the request."""
    response: dict[str, Any] = field(default_factory=dict)
    shows_response: bool = True
    extensions: dict[str, Any] = field(default_factory=dict)
    """What the page shows of the call's behaviour."""
    left: list[str] = field(default_factory=list)
    """What is left out."""

    @property
    def prefix(self) -> str:
        """The start of the names of its schemas."""
        action = names.camel(self.id.removeprefix(f"{self.place.vendor}_"))
        return class_name(pascal(self.place.vendor)) + action

    @property
    def is_vendors(self) -> bool:
        """Whether all that is known of it is the vendor's own word."""
        return self.page.form == "vendor"

    def node(self) -> dict[str, Any]:
        """The operation object, with nothing that its file or folder says."""
        node: dict[str, Any] = {
            "operationId": self.id,
            "summary": f"{self._summary()} {TODO}",
            "x-docs": [self._evidence()],
        }
        if not self.is_vendors and (price := prices(self.call.description)):
            node["x-price"] = price
        node |= self.extensions
        if not self.shows_response:
            page = self.page.url or one_line(self.page.source)
            node["x-unknown"] = {"response": f"the page {page} shows none"}
        if self.parameters:
            node["parameters"] = self.parameters
        if self.request:
            required = any(body.schema.get("required") for body in self.call.request.values())
            node["requestBody"] = {"required": required, "content": self.request}
        response = {"description": f"The response. {TODO}", "content": self.response}
        return node | {"responses": {"200": response}}

    def _summary(self) -> str:
        title = names.summary(self.call.summary or self.page.title)
        action = self.id.removeprefix(f"{self.place.vendor}_")
        return names.with_verb(title, self.call.method, action)

    def _evidence(self) -> dict[str, Any]:
        page = self.page
        if self.is_vendors:
            key = "url" if page.source.startswith("http") else "source"
            source = page.source if key == "url" else re.split(r"[\\/]", page.source)[-1]
            seen = datetime.date.today().isoformat()
            return {key: one_line(source), "evidence": "vendor", "seen": seen}
        if self.row or page.url:
            entry = {"page": self.row, "url": page.url}
        else:
            entry = {"source": one_line(re.split(r"[\\/]", page.source)[-1])}
        bodies = (self.call.request or self.call.response).values()
        entry["evidence"] = "sample" if any(body.inferred for body in bodies) else "page"
        entry |= {"seen": datetime.date.today().isoformat(), "modified": page.modified}
        return {key: value for key, value in entry.items() if value}

    def head(self, described: Described) -> list[str]:
        """What to do with it, as comments."""
        name, source = f"{self.call.method.upper()} {self.path}", one_line(self.page.source)
        todo = f"Review it, settle what is marked TODO, paste it into spec/{self.place.file}."
        lines = [f"# {name}, from {source}. {todo}"]
        if self.is_vendors:
            lines.append(_VENDORS)
        if self.known:
            file, line = described.place(self.known)
            there = f"{self.id} is already there (spec/{file}:{line})"
            lines.append(f"# {there}: take from this what it lacks.")
        if self.place.is_new:
            prefix = "/" + "/".join(self.path.split("/")[1:3])
            under = f"to `{self.place.vendor}`, under homes: {self.place.section}"
            lines.append(f"# spec/vendors.yaml: add the prefix {prefix} {under}.")
        if self.row:
            lines.append(self._ledger_line(described))
        return [*lines, *(f"# Left out: {one_line(text)}." for text in dict.fromkeys(self.left))]

    def _ledger_line(self, described: Described) -> str:
        file, row = described.rows[self.row]
        operations = sorted({*map(str, seq(row.get("operations"))), self.id})
        kept = {key: row[key] for key in ("title", "group") if key in row}
        text = json.dumps(kept | {"operations": operations}, ensure_ascii=False)
        line = f"# spec/{file}: {self.row}: {text}"
        return (
            line if len(line) <= WIDTH else line.replace(_OPERATIONS, f",\n#   {_OPERATIONS[2:]}")
        )


class Drafter:
    """Drafts the calls of pages, one after the other, into one fragment."""

    def __init__(self, described: Described, components: Components, given: Place | None) -> None:
        self.described, self.components, self.given = described, components, given
        channels = obj(described.context.events.get("channels"))  # their ids are calls' too
        self.ids = {*described.context.by_id, *channels}
        self.ledger = Ledger(described)

    def draft(self, page: Page, call: Call) -> Draft:
        """One call. Raises DocsError if nobody says where it belongs."""
        known = self.described.find(call) or self.described.numbered(call, page.number)
        path = known.path if known else _path(call)
        place = self._place(page, known, path)
        id = known.id if known else names.operation_id(place.vendor, call.method, path, self.ids)
        self.ids.add(id)
        entry = Entry(page.url, page.number, "e", page.title, page.group)
        rows = [] if page.form == "vendor" else self.ledger.rows_of(entry)
        draft = Draft(page, call, known, place, id, path, rows[0] if rows else "")
        draft.left = [*page.faults, *page.refused]
        self.components.left = draft.left
        draft.parameters = self._parameters(draft)
        draft.request = self._bodies(draft, call.request, is_request=True)
        draft.response = self._bodies(draft, call.response, is_request=False)
        draft.shows_response = bool(draft.response)
        if not draft.response:
            draft.response = {"application/json": {"schema": self.components.any_object()}}
        return draft

    def _place(self, page: Page, known: Operation | None, path: str) -> Place:
        home = known or self.described.home(path)
        if home:
            return Place(home.section, home.vendor, home.file)
        if self.given:
            return self.given
        where = f"no prefix in vendors.yaml is the home of {path}"
        raise DocsError(f"{page.source}: {where}; say with --home SECTION.VENDOR where it belongs")

    def _parameters(self, draft: Draft) -> list[dict[str, Any]]:
        given = {(one["in"], one["name"]): one for one in draft.call.parameters}
        in_path = re.findall(r"\{([^{}]*)\}", draft.path)
        for name in in_path:
            schema = {"type": "string"}
            made = {"name": name, "in": "path", "required": True, "schema": schema}
            given.setdefault(("path", name), made)
        parameters: list[dict[str, Any]] = []
        for (place, name), one in given.items():
            if place == "path" and name not in in_path:
                note(draft.left, f"the path parameter {name}, which is not in the path")
            else:
                parameters.append(self._parameter(one))
        return parameters

    def _parameter(self, given: dict[str, Any]) -> dict[str, Any]:
        theirs = given["schema"]
        theirs = theirs if theirs.get("type") in _PLAIN_TYPES else {"type": "string"}
        schema = self.components.parameter(theirs)
        made = {key: given[key] for key in ("name", "in", "required")}
        made |= {"description": f"{names.words(given['name'])}. {TODO}", "schema": schema}
        if "example" in given and self.components.fits(schema, given["example"]):
            made["example"] = given["example"]
        return made

    def _bodies(self, draft: Draft, bodies: dict[str, Body], is_request: bool) -> dict[str, Any]:
        """Media type objects, JSON first."""
        content: dict[str, Any] = {}
        for media, body in sorted(bodies.items(), key=lambda item: not is_json(item[0])):
            if "*" in media or (is_request and is_event_stream(media)):
                note(draft.left, f"the body as {media}")
            elif is_event_stream(media):
                content[media] = {}  # `streams` describes the events
            elif is_request or is_json(media):
                content[media] = self._media(draft, media, body, is_request)
            else:
                content[media] = {"schema": _file(media)}
        return content

    def _media(self, draft: Draft, media: str, body: Body, is_request: bool) -> dict[str, Any]:
        """The media type object of a request, or of a JSON response."""
        examples = list(_small(draft, body.examples))
        theirs = functools.reduce(widened, examples, body.schema)
        schema = self._schema(draft, media, theirs, is_request)
        fitting = [example for example in examples if self.components.fits(schema, example)]
        if lacking := len(examples) - len(fitting):
            whose = "request" if is_request else "response"
            note(draft.left, f"{lacking} of the {whose}'s examples, which do not fit its schema")
        made: dict[str, Any] = {"schema": schema}
        if is_json(media) and fitting:
            made["examples"] = _named(draft.page.title, fitting)
        elif is_json(media):
            made = self._with_sample(draft, theirs, schema)
        if is_request and made["schema"] != self.components.any_object():
            draft.fields += fields_of(theirs)
        return made

    def _schema(
        self, draft: Draft, media: str, theirs: dict[str, Any], is_request: bool
    ) -> dict[str, Any]:
        """The schema of a body; of a request that is not an object, which no arguments can make,
        any object.
        """
        if not is_request:
            return self.components.write(theirs, f"{draft.prefix}Response", "response")
        if not _is_object(theirs):
            note(draft.left, "the schema of the request, which is not an object")
            return self.components.any_object()
        use: Use = "request" if is_json(media) else "form"
        return self.components.write(theirs, f"{draft.prefix}{use.title()}", use)

    def _with_sample(
        self, draft: Draft, theirs: dict[str, Any], schema: dict[str, Any]
    ) -> dict[str, Any]:
        """A media type object with an example of ours; of any object, if none fits."""
        words = f"Ours; the page's own was not usable. {TODO}"
        try:
            value = sample(theirs)
        except ValueError:
            value = None
        if value is None or not self.components.fits(schema, value):
            note(draft.left, "a schema that no example could be made for")
            schema, value = self.components.any_object(), {}
        return {"schema": schema, "examples": {"ours": {"summary": words, "value": value}}}


def _file(media: str) -> dict[str, Any]:
    """The schema of a response that is not JSON."""
    if media.startswith("text/"):
        return {"type": "string"}
    return {"type": "string", "contentMediaType": media}


def _is_object(theirs: dict[str, Any]) -> bool:
    """Whether a schema of a page has fields, whatever else it allows."""
    variants = theirs.get("anyOf")
    if "properties" in theirs or variants is None:
        return theirs.get("type", "object") == "object"
    return all(map(_is_object, variants))


def _path(call: Call) -> str:
    """The path of a call that is new, with its parameters in braces."""
    return re.sub(r"(?<=/):(\w+)", r"{\1}", [*call.others, call.path][0])


def _small(draft: Draft, examples: list[Any]) -> Iterable[Any]:
    """The examples that a person can read."""
    for example in examples:
        if is_small(example) and not has_long_keys(example):
            yield example
        else:
            note(draft.left, "an example that is too large")


def _named(title: str, examples: list[Any]) -> dict[str, Any]:
    """The examples by name."""
    name = names.snake(title)[:40].strip("_") or "page"
    numbered = enumerate(examples, 1)
    return {f"{name}_{number}" if number > 1 else name: {"value": one} for number, one in numbered}


def response_examples(draft: Draft) -> list[dict[str, Any]]:
    """The page's examples of the JSON response that the draft kept."""
    bodies = (media for name, media in draft.response.items() if is_json(name))
    examples = obj(next(bodies, {}).get("examples"))
    values = (example["value"] for name, example in examples.items() if name != "ours")
    return [value for value in values if isinstance(value, dict)]
