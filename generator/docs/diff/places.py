"""The places of a body, or of a call's parameters, as a page had them and has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from generator.docs.described import fields_of, options, types_of
from generator.docs.digests import ARROW, ITEM, Fact, Facts, label
from generator.docs.pages.untrusted import one_line, quoted
from generator.docs.pages.values import key
from generator.document import Operation
from generator.document.media import is_json
from generator.source import obj, seq

from .finding import Finding
from .since import NOTHING, Since, named

PLACES = ("query", "header", "path")
"""Where parameters are."""

_MOST_MODELS = 5
_LOOK = "look at the page: of alternatives, a digest keeps no more than what they have together"
_OPTIONAL = "remove it from `required`, unless the service refuses without it"


class Area:
    """The changes of a body, or of the parameters of one place."""

    def __init__(self, call: Since, name: str, before: Facts, now: Facts) -> None:
        self.call, self.before, self.now = call, before, now
        self.place, _, self.media = name.partition(" ")
        self.part = "response" if self.place == "response" else "request"
        self.whose = f"the page's {self.part}"

    def changes(self) -> Iterator[Finding]:
        """What there is, or a remark that something changed."""
        found = list(self._changes())
        yield from found
        if not found and self._root(self.before) != self._root(self.now):
            message = f"{self.whose} has other alternatives of one place"
            yield self.call.finding("variant", "", message, _LOOK, part=self.part)

    @staticmethod
    def _root(facts: Facts) -> Any:
        return facts.get("", {}).get("shape")

    def _changes(self) -> Iterator[Finding]:
        for place in self.before:
            if place not in self.now and _above(place) not in self.before.keys() - self.now.keys():
                yield self._gone(place)
        for place in self.now:
            if (
                place not in self.before
                and _above(place) not in self.now.keys() - self.before.keys()
            ):
                yield self._new(place)
            elif place in self.before:
                yield from Place(self, place).changes(self.before[place], self.now[place])

    def _gone(self, place: str) -> Finding:
        spot = Place(self, place)
        what = "parameter " if self.place in PLACES else ""
        message = f"{self.whose} no longer has the {what}{quoted(label(place), 200)}"
        if not spot.ours:
            return spot.finding("gone", message, f"ours does not have it: {NOTHING}")
        return spot.finding("gone", message, f"{self.call.gone}{spot.limits()}")

    def _new(self, place: str) -> Finding:
        spot, fact = Place(self, place), self.now[place]
        kind = " or ".join(map(str, fact.get("type", ["any type"])))
        kind += ", required" if fact.get("required") else ""
        message = f"{self.whose} has {quoted(label(place), 200)} ({one_line(kind, 100)})"
        fix = f"ours has it: {NOTHING}" if spot.ours else "add it, with words of our own"
        return spot.finding("parameter" if self.place in PLACES else "field", message, fix)


def _above(place: str) -> str:
    return place.rpartition(ARROW)[0] if ARROW in place else "\0"


class Place:
    """A place in an area, and what the specification says of it."""

    def __init__(self, area: Area, place: str) -> None:
        self.area, self.call, self.place = area, area.call, place
        self.steps = place.split(ARROW) if place else []
        self.label = label(place)
        self.shown = quoted(self.label or "body", 200)

    @cached_property
    def ours(self) -> list[dict[str, Any]]:
        """Our schemas of this place, with their variants."""
        return self._at(self.steps)

    def _at(self, steps: list[str]) -> list[dict[str, Any]]:
        """Our schemas after some steps."""
        described, operation = self.call.described, self.call.operation
        if operation is None:
            return []
        schemas, steps = self._roots(operation, steps)
        found = [one for schema in schemas for one in described.variants(schema)]
        for step in steps:
            if step == ITEM:
                inner = [one["items"] for one in found if "items" in one]
            else:
                inner = fields_of(found).get(step, [])
            found = [one for schema in inner for one in described.variants(schema)]
        return found

    def _roots(self, operation: Operation, steps: list[str]) -> tuple[list[Any], list[str]]:
        """The schemas that the steps begin at, and the steps that are left."""
        described, area = self.call.described, self.area
        if area.place in PLACES:
            same = self._parameters(operation, steps[0])
            return [one.get("schema") for one in same], steps[1:]
        part: Any = area.part
        return [
            obj(found.value).get("schema")
            for media, found in described.bodies(operation, part)
            if media == area.media or (is_json(media) and is_json(area.media))
        ], steps

    def finding(self, kind: str, message: str, fix: str, keyword: str | None = None) -> Finding:
        with_keyword = (one for one in self.ours if keyword in one)
        container = next(with_keyword, self.ours[0] if self.ours else None)
        return self.call.finding(kind, self.label, message, fix, container, keyword, self.area.part)

    def changes(self, before: Fact, now: Fact) -> Iterator[Finding]:
        """What is said otherwise of this place."""
        for keyword in dict.fromkeys((*before, *now)):
            old, new = before.get(keyword, []), now.get(keyword, [])
            if key(old) == key(new) or keyword in ("words", "shape"):
                continue
            if keyword == "enum":
                yield from self._enum(old, new)
            elif keyword == "type":
                yield self._type(old, new)
            elif keyword == "required":
                yield self._required(bool(new))
            else:
                yield self._value(keyword, old, new)

    def _type(self, old: list[Any], new: list[Any]) -> Finding:
        message = f"{self.area.whose} has {self.shown} as {_either(new)}; it was {_either(old)}"
        ours = types_of(self.ours)
        fix = f"ours is {_either(sorted(ours)) if self.ours else 'not described'}"
        takes = not ours or set(new) <= ours | ({"integer"} if "number" in ours else set())
        fix += ", which takes it; narrow it if nothing else shows the rest" * takes
        return self.finding("type", message, fix, "type")

    def _enum(self, old: list[Any], new: list[Any]) -> Iterator[Finding]:
        then, now = {key(one): one for one in old}, {key(one): one for one in new}
        gone = [one for name, one in then.items() if name not in now]
        added = [one for name, one in now.items() if name not in then]
        if gone and not new:
            message = f"{self.area.whose} lists no values for {self.shown} any more"
            fix = "see whether it takes any value now"
            yield self.finding("enum-gone", message, f"{fix}{self.limits(gone)}", "enum")
        elif gone:
            message = f"{self.area.whose} no longer lists for {self.shown}: {named(gone)}"
            yield self.finding("enum-gone", message, self._listed(gone, self.call.gone), "enum")
        if added:
            message = f"{self.area.whose} lists for {self.shown} {named(added)}"
            yield self.finding("enum", message, self._listed(added, "add it to the enum"), "enum")

    def _listed(self, values: list[Any], fix: str) -> str:
        """What values that came or went mean for ours, and for the models."""
        ours = {key(one) for variant in self.ours for one in options(variant)}
        known = [one for one in values if key(one) in ours]
        is_gone = fix == self.call.gone
        if not ours:
            text = f"ours lists no values: {NOTHING}"
        elif is_gone and not known:
            text = f"ours does not list it: {NOTHING}"
        elif not is_gone and len(known) == len(values):
            text = f"ours lists it: {NOTHING}"
        else:
            text = fix
        return f"{text}{self.limits(values)}"

    def _required(self, is_now: bool) -> Finding:
        takes = "requires" if is_now else "no longer requires"
        message = f"{self.area.whose} {takes} {self.shown}"
        ours = self._is_required()
        if ours == is_now:
            fix = f"so does ours: {NOTHING}"
        elif self.area.part == "response":
            fix = "responses of before lack it, so it stays optional" if is_now else _OPTIONAL
        elif is_now and self.call.subject is not None and self.call.subject.is_shared:
            fix = (
                "other pages describe the call too, so it may stay optional; say when it is needed"
            )
        else:
            fix = "add it to `required`, unless calls without it are known" if is_now else _OPTIONAL
        return self.finding("required", message, f"{fix}{self.limits()}")

    def _is_required(self) -> bool:
        """Whether ours requires the field in all its variants."""
        operation = self.call.operation
        if operation is None or not self.steps:
            return False
        *above, name = self.steps
        if self.area.place in PLACES and not above:
            return self._is_required_parameter(operation)
        owners = [one for one in self._at(above) if name in obj(one.get("properties"))]
        return bool(owners) and all(name in seq(one.get("required")) for one in owners)

    def _is_required_parameter(self, operation: Operation) -> bool:
        same = self._parameters(operation, self.steps[0])
        return any(one.get("required") is True for one in same)

    def _parameters(self, operation: Operation, name: str) -> list[dict[str, Any]]:
        """Our parameters of that place and name: a header may be called as one of the query is."""
        own = self.call.described.parameters(operation)
        wanted = (self.area.place, name)
        return [one for one in own if (one.get("in"), one.get("name")) == wanted]

    def _value(self, keyword: str, old: list[Any], new: list[Any]) -> Finding:
        is_known = keyword in ("default", "deprecated")
        kind = keyword if is_known else "limit"
        now, then = named(new) or "gone", named(old) or "none"
        message = f"the {keyword} of {self.shown} in {self.area.whose} is {now}; it was {then}"
        ours = [one[keyword] for one in self.ours if keyword in one]
        have = f"ours is {named(ours)}" if ours else "ours has none"
        return self.finding(kind, message, f"{have}; correct it{self.limits()}", keyword)

    def limits(self, values: list[Any] | None = None) -> str:
        """What the catalogue has of this field, or of values of it."""
        operation = self.call.operation
        if self.area.part == "response" or len(self.steps) != 1 or operation is None:
            return ""
        takes = self.call.described.context.model.models_of(operation)
        if self.steps[0] in takes and values is not None:
            return "".join(f"; {self.call.model(str(value))}" for value in values[:_MOST_MODELS])
        limited = list(self._limited(operation, values or []))
        if not limited:
            return ""
        more = f" and {len(limited) - _MOST_MODELS} more" if len(limited) > _MOST_MODELS else ""
        return f"; also in the limits of the models {', '.join(limited[:_MOST_MODELS])}{more}"

    def _limited(self, operation: Operation, values: list[Any]) -> Iterator[str]:
        """The models whose limits name this field, or values of it."""
        context = self.call.described.context
        models = [one for some in context.model.models_of(operation).values() for one in some]
        models += context.model.models_by_path(operation)
        wanted = {str(value) for value in values}  # pages write numbers as texts
        for id_ in dict.fromkeys(one.id for one in models):
            if self._is_named(context.models.get(id_, {}), wanted):
                yield id_

    def _is_named(self, model: dict[str, Any], values: set[str]) -> bool:
        limits, field = obj(model.get("limits")), self.steps[0]
        ranges = obj(obj(limits.get("properties")).get(field))
        if values:
            return not values.isdisjoint(map(str, seq(ranges.get("enum"))))
        lists = (limits.get("required"), limits.get("unsupported"))
        return bool(ranges) or any(field in seq(one) for one in lists)


def _either(kinds: list[Any]) -> str:
    return " or ".join(map(str, kinds)) or "any type"
