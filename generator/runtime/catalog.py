"""What the catalogue says of a model, read in one place.

A model is what people choose: its wire name, the calls that take it, what it accepts beyond the
call's schema, its price.
The client, the mock, the house rules and the publication use these classes, so that they cannot
disagree about a limit.

    limits = Limits.of({"properties": {"seconds": {"enum": [5, 10]}}})
    list(limits.refused({"seconds": 7}))  # [("seconds", "must be 5 or 10, not 7")]
"""

# Annotations are not postponed: a named tuple would compile the text of each at import.
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple, Self

from .behaviour import Price, among
from .stored import content, is_written

Json = Mapping[str, Any]

_SIZE = re.compile(r"(\d{1,6})\s*[x*×]\s*(\d{1,6})", re.IGNORECASE)
_REMEMBERED = 1000
"""Names that were looked for."""
_LONGEST = 100
"""Characters of a wrong value that a message shows."""
_BEYOND = 10**300
"""A whole number from here on is too large for a `float`."""
_WORTH_SAYING = 12
"""Values of a list that a message shows."""


class ModelCall(NamedTuple):
    """A call that takes a model."""

    operation: str
    """Operation id."""
    field: str | None = None
    """The request's field for the wire name: of the body, or a parameter. None: the path alone
    chooses the model.
    """
    fixed: Mapping[str, Any] = {}
    """Other fields that the request must have for this model, such as its provider."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From one entry of `calls`."""
        return cls(data["operation"], data.get("field"), data.get("with", {}))


class Limits(NamedTuple):
    """What a model accepts beyond what the schema of the call says.

    Attributes:
        properties: By field, a part of JSON Schema: enum, minimum, maximum, multipleOf, minLength,
            maxLength, minItems, maxItems.
        required: Fields that the model needs.
        unsupported: Fields that it does not take.
        sizes: The sizes that it makes, as `1024x1024` (width and height in pixels).
        replaced: By field, what the service uses in place of a value that the model does not take;
            such a value is no error.
    """

    properties: Mapping[str, Json] = {}
    required: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    replaced: Mapping[str, Any] = {}

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `limits` of a model."""
        return cls(
            data.get("properties", {}),
            tuple(data.get("required", ())),
            tuple(data.get("unsupported", ())),
            tuple(data.get("sizes", ())),
            data.get("replaced", {}),
        )

    def outside(self, values: Json) -> Iterator[tuple[str, str]]:
        """The fields of a request whose values the model does not take, each with what it takes."""
        for field in self.unsupported:
            if values.get(field) is not None:
                yield field, "is not supported by this model; leave it out"
        for field, range_ in self.properties.items():
            if (value := values.get(field)) is not None and (problem := misfit(range_, value)):
                yield field, problem
        if self.sizes and (size := size_of(values)) and size not in self.sizes:
            yield "size", f"must be {_any_of(self.sizes)}, not {size}"

    def missing(self, values: Json) -> Iterator[tuple[str, str]]:
        """The fields that the model needs and a request lacks."""
        for field in self.required:
            if values.get(field) in (None, "", []):
                yield field, "is required by this model"

    def refused(self, values: Json) -> Iterator[tuple[str, str]]:
        """What is wrong with a whole request: what is missing, and what is outside and not
        replaced.
        """
        yield from self.missing(values)
        for field, problem in self.outside(values):
            if field not in self.replaced:
                yield field, problem


def misfit(range_: Json, value: Any) -> str:
    """What is wrong with a value by a part of JSON Schema; empty if nothing is."""
    if "enum" in range_ and not among(value, range_["enum"]):
        return f"must be {_any_of(range_['enum'])}, not {repr(value)[:_LONGEST]}"
    for number, names in (
        (_number(value), _OF_NUMBERS),
        (len(value) if isinstance(value, str) else None, _OF_TEXTS),
        (len(value) if isinstance(value, (list, tuple)) else None, _OF_LISTS),
    ):
        if number is None:
            continue
        for name, (word, is_wrong) in names.items():
            if name in range_ and is_wrong(number, range_[name]):
                return f"must be {word} {range_[name]}{_unit(name)}, not {number:g}"
    return ""


_Wrong = tuple[str, Callable[[float, Any], bool]]
_OF_NUMBERS: dict[str, _Wrong] = {
    "minimum": ("at least", lambda value, limit: value < limit),
    "maximum": ("at most", lambda value, limit: value > limit),
    "multipleOf": ("a multiple of", lambda value, limit: bool(value % limit)),
}
_OF_TEXTS: dict[str, _Wrong] = {
    "minLength": ("at least", lambda value, limit: value < limit),
    "maxLength": ("at most", lambda value, limit: value > limit),
}
_OF_LISTS: dict[str, _Wrong] = {
    "minItems": ("at least", lambda value, limit: value < limit),
    "maxItems": ("at most", lambda value, limit: value > limit),
}


def _unit(name: str) -> str:
    return {"Length": " characters", "Items": " items"}.get(name[3:], "")


def _number(value: Any) -> float | None:
    """A number, or a text that is one."""
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if abs(value) < _BEYOND:
        return value
    return math.inf if value > 0 else -math.inf


def size_of(values: Json) -> str:
    """The size that a request asks for, as `1024x1024`: by `size`, or by `width` and `height`;
    empty if it does not say.
    """
    if match := _SIZE.fullmatch(str(values.get("size") or "")):
        return f"{match[1]}x{match[2]}"
    width, height = values.get("width"), values.get("height")
    return f"{width}x{height}" if width is not None and height is not None else ""


def _any_of(values: Iterable[Any]) -> str:
    """Values as text: `5 or 10`."""
    shown = [str(value) for value in values]
    if len(shown) > _WORTH_SAYING:
        shown = [*shown[:_WORTH_SAYING], "…"]
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


class Model(NamedTuple):
    """A model of the catalogue.

    Attributes:
        id: Its id in the catalogue: the wire name where it has one that no other model has.
        title: As its vendor writes it.
        vendor: Slug of who made it, as in vendors.yaml.
        kinds: What it does, such as `text-to-image`; the first is what it is listed under.
        calls: The calls that take it, the one to prefer first.
        name: What the calls' field takes; None if the path alone chooses it.
        limits: What it accepts.
        price: What it costs; empty where that is not known.
        context: How many tokens a call may have in all; None where that is not known.
        output: How many tokens it returns at most; None where that is not known.
        dimensions: How many numbers its vectors have, unless the request says another length; None
            where that is not known.
        suffixes: What may be put behind its name to add a feature.
        deprecated: Whether the provider has superseded it.
        replaced_by: The id of the model to use in its place.
        evidence: The best evidence that it exists: page, sample, caller, vendor or catalog.
        source: Where that is: a URL, a page of the ledger, or a repository.
    """

    id: str
    title: str
    vendor: str
    kinds: tuple[str, ...]
    calls: tuple[ModelCall, ...]
    name: str | None = None
    limits: Limits = Limits()
    price: tuple[Price, ...] = ()
    context: int | None = None
    output: int | None = None
    dimensions: int | None = None
    suffixes: tuple[str, ...] = ()
    deprecated: bool = False
    replaced_by: str | None = None
    evidence: str = ""
    source: str = ""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From a complete entry of the catalogue."""
        docs: Json = next(iter(data.get("docs", ())), {})
        return cls(
            id=data["id"],
            title=data["title"],
            vendor=data["vendor"],
            kinds=tuple(data["kinds"]),
            calls=tuple(map(ModelCall.of, data["calls"])),
            name=data.get("name"),
            limits=Limits.of(data.get("limits", {})),
            price=tuple(map(Price.of, data.get("price", ()))),
            context=data.get("tokens", {}).get("context"),
            output=data.get("tokens", {}).get("output"),
            dimensions=data.get("dimensions"),
            suffixes=tuple(data.get("suffixes", ())),
            deprecated=data.get("deprecated", False),
            replaced_by=data.get("replaced_by"),
            evidence=docs.get("evidence", ""),
            source=docs.get("url") or docs.get("page") or docs.get("source", ""),
        )

    def named(self, name: Any) -> bool:
        """Whether a name on the wire means this model, its suffixes included."""
        if not self.name or not isinstance(name, str) or not name:
            return False
        at = len(self.name) if name.startswith(self.name) else 0
        while at and (found := [s for s in self.suffixes if name.startswith(s, at)]):
            at += len(max(found, key=len))
        return at == len(name)


class TakingCall(NamedTuple):
    """How a call that takes models is written in Python, and what it costs.

    Attributes:
        method: As it is called: `client.images.generate`.
        arguments: The required arguments, with the values of an example.
        fields: The fields of its request, each with the values that it takes as far as they are
            listed, as in `Limits.properties`.
        price: What it costs, whatever the model.
    """

    method: str
    arguments: Mapping[str, Any]
    fields: Mapping[str, Json]
    price: tuple[Price, ...] = ()

    @classmethod
    def of(cls, data: Json) -> Self:
        """From one entry of `calls` of the data."""
        price = tuple(map(Price.of, data.get("price", ())))
        return cls(data["method"], data["arguments"], data["fields"], price)


class Data(NamedTuple):
    """The data of the catalogue.

    Attributes:
        models: Every model by id.
        calls: The calls that models list, by operation id.
        lists: The operations whose responses list models of the service.
    """

    models: dict[str, Model]
    calls: dict[str, TakingCall]
    lists: tuple[str, ...]


@cache
def load() -> Data:
    """The catalogue of this version, read once."""
    data: Json = json.loads(content())
    return Data(
        {entry["id"]: Model.of(entry) for entry in data["models"]},
        {id_: TakingCall.of(call) for id_, call in data["calls"].items()},
        tuple(data["lists"]),
    )


@lru_cache(_REMEMBERED)
def is_named(name: str) -> bool:
    """Whether some model has a wire name, its suffixes included."""
    return is_written(name) or any(model.named(name) for model in load().models.values())


@cache
def _by_operation() -> dict[str, list[Model]]:
    found: dict[str, list[Model]] = {}
    for model in load().models.values():
        for operation in dict.fromkeys(call.operation for call in model.calls):
            found.setdefault(operation, []).append(model)
    return found


def chosen(operation: str, values: Json) -> Model | None:
    """The model of this version's catalogue that a request chooses. `values` are body fields and
    parameters.
    """
    return find(_by_operation().get(operation, ()), operation, values)


def find(models: Iterable[Model], operation: str, values: Json) -> Model | None:
    """The model that a request to an operation chooses, if the catalogue has it. `values` are body
    fields and parameters.
    """
    for model in models:
        for call in model.calls:
            if call.operation == operation and _chooses(model, call, values):
                return model
    return None


def _chooses(model: Model, call: ModelCall, values: Json) -> bool:
    named = call.field is None or model.named(values.get(call.field))
    return named and all(among(values.get(field), [value]) for field, value in call.fixed.items())


def near(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that are most like another, best first."""
    from difflib import get_close_matches

    by_plain: dict[str, str] = {plain(one): one for one in known}
    return [by_plain[one] for one in get_close_matches(plain(name), by_plain, most, 0.6)]


def plain(name: str) -> str:
    """A name without what people get wrong in it: case, and the signs between its words."""
    return re.sub(r"[\W_]+", "", name.lower())
