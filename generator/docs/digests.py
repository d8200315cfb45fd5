"""What a page said when it was read the last time: its facts, in `spec/digests/`.

A digest has names, types, values and prices, and of words only a fingerprint: sentences do not
carry over. It says nothing about the specification, which may know more than one page.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.source import obj, seq

from . import DocsError
from .described import Described
from .draft.names import snake
from .fetch import write_whole
from .pages import Call, Page, Schema
from .pages.models import model_name, model_rows
from .pages.prices import prices
from .pages.schemas import LIMITS
from .pages.untrusted import clean, one_line
from .pages.values import key

FOLDER = "digests"
VERSION = 1
ITEM = "<item>"
"""Stands for the items of a list. No field can be called so."""
ARROW = " > "
"""Between the steps to a place. No field can have it in its name."""

Fact = dict[str, list[Any]]
"""What a page says of a place, each keyword with the values that it has there."""
Facts = dict[str, Fact]
"""By place."""

_KEYWORDS = (*LIMITS, "format", "pattern")
_MOST_FACTS = 5000
_DIGITS = 8
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Digest:
    """The facts of a page on a day."""

    form: str
    """`markdown` or `copied`: the two forms of a page do not say the same."""
    seen: str
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By `method path`; the facts of a call are an area's by name, and lists."""


def digest(page: Page, names: Iterable[str] = ()) -> Digest:
    """The digest of a page as it is now.

    Args:
        page: The page.
        names: Models that its tables may list.

    Raises:
        DocsError: The page has more facts than a person can look through.
    """
    known = list(names)
    calls = {f"{call.method} {call.path}": _call(call, known) for call in page.calls}
    areas = (area for call in calls.values() for area in call.values() if isinstance(area, dict))
    count = sum(map(len, areas))
    if count > _MOST_FACTS:
        raise DocsError(f"{page.source}: it has {count} facts; more than {_MOST_FACTS} is no page")
    return Digest(page.form, datetime.date.today().isoformat(), calls)


def _call(call: Call, names: list[str]) -> dict[str, Any]:
    rows = {model_name(row, names)[0]: fingerprint(row) for row in model_rows(call.description)}
    made: dict[str, Any] = {
        "other paths": sorted(call.others),
        "deprecated": ["true"] * call.deprecated,
        "prices": sorted(set(map(_price, prices(call.description)))),
        "words": [fingerprint(f"{call.summary} {call.description}")],
        "models": {name: {"row": [row]} for name, row in rows.items()},
    }
    for one in call.parameters:
        area = made.setdefault(one["in"], {})
        _put(area, one["schema"], (one["name"],), one["required"])
    for part, bodies in (("request", call.request), ("response", call.response)):
        for media, body in bodies.items():
            made[f"{part} {media}"] = _body(body.schema)
            if body.examples:
                made[f"{part} {media} example"] = [fingerprint(key(body.examples), "")]
    return {name: one for name, one in made.items() if one}


def _body(schema: Schema) -> Facts:
    facts: Facts = {}
    _put(facts, schema, (), False)
    if _has_variants(schema):
        # Variants share places, so that a change of one may hide behind another.
        facts[""]["shape"] = [fingerprint(key(_shape(schema)), "")]
    return facts


def _put(facts: Facts, schema: Schema, steps: tuple[str, ...], is_required: bool) -> None:
    """Add what a schema says, and those inside it, to the facts of their places."""
    fact = facts.setdefault(ARROW.join(steps), {})
    for keyword, values in _said(schema, is_required).items():
        known = {key(value): value for value in (*fact.get(keyword, ()), *values)}
        fact[keyword] = [known[name] for name in sorted(known)]
    for variant in _variants(schema):
        _put(facts, variant, steps, is_required)
    if "items" in schema:
        _put(facts, obj(schema["items"]), (*steps, ITEM), False)
    required = seq(schema.get("required"))
    for name, inner in obj(schema.get("properties")).items():
        _put(facts, inner, (*steps, name), name in required)


def _said(schema: Schema, is_required: bool) -> Fact:
    kind = schema.get("type", [])
    types = [kind] if isinstance(kind, str) else list(kind)
    said: Fact = {
        "type": [*types, *(["null"] if schema.get("nullable") else [])],
        "required": ["true"] if is_required else [],
        "enum": _cleaned(seq(schema.get("enum"))),
        "default": _cleaned([schema["default"]] if "default" in schema else []),
        "deprecated": ["true"] if schema.get("deprecated") else [],
    }
    said |= {name: [schema[name]] for name in _KEYWORDS if name in schema}
    if description := schema.get("description"):
        said["words"] = [fingerprint(str(description))]
    return {name: values for name, values in said.items() if values}


def _cleaned(value: Any) -> Any:
    """A value of a page without API keys and control characters."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): _cleaned(item) for name, item in value.items()}
    return value


def _variants(schema: Schema) -> list[Schema]:
    return [*schema.get("anyOf", ()), *schema.get("allOf", ())]


def _has_variants(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_has_variants, schema))
    if not isinstance(schema, dict):
        return False
    return bool(_variants(schema)) or any(map(_has_variants, schema.values()))


def _shape(value: Any) -> Any:
    """A schema without its words, and without any order."""
    if isinstance(value, list):
        return sorted(map(_shape, value), key=key)
    if not isinstance(value, dict):
        return value
    return {name: _shape(one) for name, one in value.items() if name != "description"}


def _price(price: dict[str, Any]) -> str:
    if "amount" not in price:
        return str(price.get("note"))
    return f"{price['amount']:g} {price['unit']} per {price['per']}"


def fingerprint(text: str, ignored: str = r"[\W_]+") -> str:
    """A few digits that are the same for texts that differ in blanks, case and marks alone."""
    plain = re.sub(ignored, "", text).casefold() if ignored else text
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def label(place: str) -> str:
    """A place as messages name it: `messages[].role`."""
    return place.replace(f"{ARROW}{ITEM}", "[]").replace(ARROW, ".")


# --- files ----------------------------------------------------------------------------------------


class Digests:
    """The digests beside a specification."""

    def __init__(self, described: Described) -> None:
        self.described = described
        self.folder = described.spec.root / FOLDER

    def file(self, page: Page) -> Path:
        """The file of a page: its number, else its row of the ledger, else its first call."""
        name = page.number or self._row(page) or _name_of(page)
        return self.folder / f"{name}.json"

    def _row(self, page: Page) -> str:
        """The one row of the ledger with the page's title and its first call; else none."""
        operation = self.described.find(page.calls[0])
        if operation is None:
            return ""
        title = fingerprint(page.title)
        titled = {
            number: row
            for number, (_, row) in self.described.rows.items()
            if operation.id in seq(row.get("operations"))
        }
        same = [one for one, row in titled.items() if fingerprint(str(row.get("title"))) == title]
        return same[0] if len(same) == 1 else ""

    def read(self, page: Page) -> Digest | None:
        """What a page said the last time; None if it was never read.

        Raises DocsError for a file that `write` did not write.
        """
        file = self.file(page)
        if not file.is_file():
            return None
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise DocsError(f"{file}: this is not a digest ({error}); {_ANEW}") from error
        return digest_of(data, str(file))

    def texts(self, pages: list[Page]) -> dict[Path, str]:
        """The files of pages as they are to be written. Nothing is written yet.

        Raises DocsError where two pages have one file.
        """
        texts: dict[Path, str] = {}
        for page in pages:
            file = self.file(page)
            if file in texts:
                raise DocsError(f"{page.source}: another of these pages is {file.name} already")
            texts[file] = digest_text(page, digest(page, self._names(page)))
        return texts

    def _names(self, page: Page) -> Iterator[str]:
        """The models that the catalogue has for the calls of a page."""
        model = self.described.context.model
        for operation in filter(None, map(self.described.find, page.calls)):
            for models in model.models_of(operation).values():
                yield from (one.name for one in models if one.name)


_ANEW = "write it anew with `python -m generator docs accept PAGE`"


def digest_of(data: Any, file: str) -> Digest:
    """The digest that a file holds. Raises DocsError for a file that is no digest."""
    try:
        form, seen, calls = data["form"], data["seen"], data["calls"]
        is_ours = data["version"] == VERSION and _is_well_formed(calls)
    except (KeyError, TypeError, AttributeError) as error:
        raise DocsError(f"{file}: this is not a digest ({error!r}); {_ANEW}") from error
    if not is_ours:
        raise DocsError(f"{file}: this is not a digest of version {VERSION}; {_ANEW}")
    return Digest(str(form), str(seen), calls)


def _is_well_formed(calls: Any) -> bool:
    """Whether the facts of a digest are what they are to be, for all that reads them."""
    for call in calls.values():
        for area in call.values():
            facts = area.values() if isinstance(area, dict) else ()
            lists = [values for fact in facts for values in fact.values()]
            if not all(isinstance(one, list) for one in (*lists, *([] if facts else [area]))):
                return False
    return True


def _name_of(page: Page) -> str:
    """A name of a page that has no number and no row."""
    call = page.calls[0]
    return snake(f"{call.method} {call.path} {page.title} {page.group}")[:_LONGEST_NAME]


def digest_text(page: Page, made: Digest) -> str:
    """The file of a digest."""
    head = {
        "version": VERSION,
        "page": page.url or one_line(re.split(r"[\\/]", page.source)[-1]),
        "title": page.title,
        "form": made.form,
        "seen": made.seen,
        "modified": page.modified,
        "calls": made.calls,
    }
    return _dump({name: one for name, one in head.items() if one}, 0) + "\n"


def _dump(value: Any, depth: int) -> str:
    """JSON with a line for each fact."""
    if depth > 3 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    blank = " " * (depth + 1)
    inner = (f"{blank}{_name(name)}: {_dump(one, depth + 1)}" for name, one in value.items())
    return "{\n" + ",\n".join(inner) + f"\n{' ' * depth}}}"


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def write(texts: dict[Path, str]) -> None:
    """Write files of digests."""
    for file, text in texts.items():
        write_whole(file, text)


def is_new(file: Path, text: str) -> bool:
    """Whether a digest says something else than the file that is there, apart from its day."""
    if not file.is_file():
        return True
    return _without_day(file.read_text(encoding="utf-8")) != _without_day(text)


def _without_day(text: str) -> str:
    return re.sub(r'\n "seen": "[^"]*",', "", text, count=1)
