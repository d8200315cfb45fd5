"""What a call will cost, before it is sent: the documented price times what the request says.

Nothing is guessed: a request whose units are not in it has no estimate, and tokens are a range,
since a token is at least one byte of text and rarely more than eight characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from api302._json import is_array, is_mapping
from api302._types import Estimate, Operation, Values

if TYPE_CHECKING:
    from api302_client.behaviour import Price
    from api302_client.catalog import Model

_MOST_OUTPUT = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "generationConfig.maxOutputTokens",
    "generation_config.max_output_tokens",
)
"""Where a request says how many tokens the response has at most."""
_NO_TEXT = frozenset({"model", "role", "type", "url", "image_url", "data", "file_data", "format"})
"""Fields whose strings are not text that a model reads."""
_COUNT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*s?\s*")
"""A number in a text, such as `5` or `5s`."""
_WRITING = frozenset({"chat", "translation"})
"""The kinds of models whose output a request can limit, as `_MOST_OUTPUT` says."""
_WORTH_SAYING = 5
"""Models that a message names."""
_LONGEST_TOKEN, _PER_MESSAGE = 8, 16
_MEDIA = frozenset({"image_url", "input_audio", "image", "audio", "video", "file", "inline_data"})
_SCALE = {"1M characters": 1e6, "1k characters": 1e3, "megapixel": 1e6}
_TOKENS = {"1M input tokens": "input", "1M output tokens": "output", "1M tokens": "all"}


class _Range(NamedTuple):
    """A number of units, or an amount, between two bounds; None is not known."""

    low: float
    high: float | None
    said: str = ""
    missing: str = ""
    """The field that would tell."""


_UNTOLD = _Range(0.0, None, ", of which the request does not say how many")


class _Request(NamedTuple):
    """What is to be priced."""

    op: Operation
    values: Values
    """Its parameters and fields, as they are sent."""
    model: Model | None
    """The model of the catalogue that it chooses."""

    @property
    def name(self) -> str:
        """The id of its model, else of its call."""
        return self.model.id if self.model else self.op.id

    @property
    def model_field(self) -> str:
        """The field that takes the model; empty where no field does."""
        rule = self.op.behaviour.models
        return rule.field if rule else ""

    @property
    def model_name(self) -> Any:
        """The model that it names, of the catalogue or not; None where it names none."""
        return self.values.get(self.model_field) if self.model_field else None


class _PriceList(NamedTuple):
    """The documented prices of a model or a call."""

    whose: str
    """Its id."""
    source: str
    prices: tuple[Price, ...]

    @classmethod
    def of(cls, request: _Request) -> Self:
        """That of the model of a request; that of its call if the model has no price of its own."""
        op, model = request.op, request.model
        if model and model.price:
            return cls(model.id, model.source, model.price)
        return cls(op.id, op.docs, _of_call(request))


def estimated(op: Operation, values: Values) -> Estimate:
    """The cost of a request, by its parameters and body; low and high are None if it has no
    basis.
    """
    from api302_client.catalog import chosen

    # A call has all its fields: those that are not sent are None.
    values = {name: value for name, value in values.items() if value is not None}
    request = _Request(op, values, chosen(op.id, values))
    whose, source, prices = _PriceList.of(request)
    if not prices and op.behaviour.status is not None:
        return Estimate(0, 0, "PTC", f"{op.id} gets a task's status, which is free")
    fitting = [price for price in prices if price.amount is not None and price.may_hold(values)]
    if not fitting:
        return _unknown(request, prices)
    total = _sum(list(_parts(fitting, request)))
    basis = f"the documented price of {whose} ({source}): {total.said}"
    return Estimate(total.low, total.high, "PTC", basis, total.missing)


def of_session(endpoint: Any, values: Values) -> Estimate:
    """What a realtime session costs: its price is known, and what will be said in it is not.

    Args:
        endpoint: The generated module of its call.
        values: What its method is given; the model says which price holds.
    """
    from api302_client.behaviour import Price

    model = str(values.get("model") or "")
    if not model:
        return Estimate(None, None, "PTC", "the price depends on `model`", "model")
    prices = [Price.of(entry) for entry in endpoint.PRICE]
    own = [price for price in prices if not price.for_ or _is_for(price, model)]
    if not own:
        known = ", ".join(dict.fromkeys(price.for_ for price in prices if price.for_))
        why = f"the price of {model} is not documented; those of {known} are"
        return Estimate(None, None, "PTC", why)
    basis = (
        f"the documented price of {model} ({endpoint.DOCS}): {' + '.join(map(_rate, own))};"
        " how many a session takes depends on what is said in it"
    )
    return Estimate(0.0, None, "PTC", basis)


# --- which prices are meant -----------------------------------------------------------------------


def _of_call(request: _Request) -> tuple[Price, ...]:
    """The prices of a call; of those that say for which model they are, the ones of its model."""
    name, prices = request.model_name, request.op.behaviour.price
    own = tuple(price for price in prices if name and _is_for(price, str(name)))
    return own or prices


def _is_for(price: Price, name: str) -> bool:
    variant = (price.for_ or "").casefold()
    return variant == name.casefold() or variant.startswith(f"{name.casefold()},")


# --- requests without a price ---------------------------------------------------------------------


def _unknown(request: _Request, prices: tuple[Price, ...]) -> Estimate:
    """No estimate, and why there is none."""
    field = request.model_field
    if field and request.model is None and request.model_name is None:
        return Estimate(None, None, "PTC", f"the price depends on `{field}`", field)
    said = f"the price of {request.name} is not documented"
    if any(price.amount is not None for price in prices):
        said = f"no documented price of {request.name} is for this request"
    notes = "; ".join(price.note for price in prices if price.note)
    about = f" ({notes})" if notes else ""
    return Estimate(None, None, "PTC", f"{said}{about}{_priced(request.op, field)}")


def _priced(op: Operation, field: str) -> str:
    """The models of a call whose price is known, in words; empty where there are none."""
    from api302_client.catalog import load

    priced = [
        one.name
        for one in load().models.values()
        if one.name and one.price and any(call.operation == op.id for call in one.calls)
    ]
    if not priced or not field:
        return ""
    more = ", …" if len(priced) > _WORTH_SAYING else ""
    return f"; that of `{field}` {', '.join(priced[:_WORTH_SAYING])}{more} is"


# --- from prices to amounts -----------------------------------------------------------------------


def _sum(parts: list[_Range]) -> _Range:
    """Amounts that add up; without a highest one if a part has none."""
    highs = [part.high for part in parts if part.high is not None]
    return _Range(
        sum(part.low for part in parts),
        sum(highs) if len(highs) == len(parts) else None,
        " + ".join(part.said for part in parts),
        next((part.missing for part in parts if part.missing), ""),
    )


def _parts(prices: list[Price], request: _Request) -> Iterator[_Range]:
    """The amounts that add up: one for each unit, and of each the cheapest and dearest variant."""
    by_unit: dict[str, list[Price]] = {}
    for price in prices:
        by_unit.setdefault(price.per or "call", []).append(price)
    extras = _extras(by_unit)
    for unit, listed in by_unit.items():
        part = _either([_amount(price, request) for price in listed])
        yield part._replace(low=0.0) if unit in extras else part


def _extras(by_unit: dict[str, list[Price]]) -> set[str]:
    """The units that a request may not have at all: beside another one, all their prices are for
    variants. Tokens are never extra.
    """
    others = {unit: listed for unit, listed in by_unit.items() if unit not in _TOKENS}
    if len(others) < 2:
        return set()
    return {unit for unit, listed in others.items() if all(one.for_ or one.when for one in listed)}


def _either(amounts: list[_Range]) -> _Range:
    """One of several amounts, nobody knows which."""
    low = min(amounts, key=lambda one: one.low)
    if any(one.high is None for one in amounts):
        missing = next((one.missing for one in amounts if one.missing), "")
        said = next(one.said for one in amounts if one.high is None)
        return _Range(low.low, None, said, missing)
    high = max(amounts, key=lambda one: one.high or 0)
    said = low.said if low.said == high.said else f"{low.said} to {high.said}"
    return _Range(low.low, high.high, said)


def _amount(price: Price, request: _Request) -> _Range:
    amount, per = price.amount or 0.0, price.per or "call"
    if not amount:
        return _Range(0.0, 0.0, _rate(price))
    units = _units(price, per, request)
    scale = 1e6 if per in _TOKENS else _SCALE.get(per, 1.0)
    high = None if units.high is None else amount * units.high / scale
    variant = f" for {price.for_}" if price.for_ else ""
    said = f"{_rate(price)}{variant}{units.said}"
    return _Range(amount * units.low / scale, high, said, units.missing)


def _rate(price: Price) -> str:
    return f"{price.amount or 0.0:g} PTC per {price.per or 'call'}"


def _units(price: Price, per: str, request: _Request) -> _Range:
    values = request.values
    if per in _TOKENS:
        return _tokens(_TOKENS[per], price, request)
    if price.units:
        return _counted(price.units, per, values)
    if per in ("call", "image"):
        return _Range(1.0, 1.0, "" if per == "call" else " × 1")
    if per == "megapixel" and (area := _area(values)):
        return _Range(area, area, f" × {area / 1e6:g}")
    return _UNTOLD


def _counted(path: str, per: str, values: Values) -> _Range:
    """How many units a request has by a JMESPath."""
    from api302_client.behaviour import compiled

    found = compiled(path)(values)
    if "characters" in per:
        count = float(sum(map(len, _texts(found)))) if found is not None else None
    else:
        count = _number(found)
    if count is None:
        missing = path if re.fullmatch(r"\w+", path) else ""
        return _Range(0.0, None, f", by `{path}`, which the request does not say", missing)
    return _Range(count, count, f" × {count:g}")


def _number(found: Any) -> float | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, (int, float)):
        return float(found)
    if is_array(found):
        return float(len(found))
    match = _COUNT.fullmatch(found) if isinstance(found, str) else None
    return float(match[1]) if match else None


def _area(values: Values) -> float:
    from api302_client.catalog import size_of

    width, _, height = size_of(values).partition("x")
    return float(width) * float(height) if width.isdigit() and height.isdigit() else 0.0


# --- tokens ---------------------------------------------------------------------------------------


def _tokens(side: str, price: Price, request: _Request) -> _Range:
    from api302_client.behaviour import compiled

    values, model = request.values, request.model
    read = compiled(price.units)(values) if price.units else values
    if isinstance(read, (int, float)):
        count = read * _choices(values)
        return _Range(count, count, f" × {count:g} tokens")
    if side == "output":
        return _output(values, model)
    if side == "all" and not price.units:
        return _UNTOLD
    return _input(read, model.context if model else None)


def _input(read: Any, context: int | None) -> _Range:
    """The tokens of what a model reads; `context` is the most that it can read."""
    texts = list(_texts(read))
    low = sum(len(text) // _LONGEST_TOKEN for text in texts)
    high: float | None = sum(len(text.encode(errors="replace")) + _PER_MESSAGE for text in texts)
    if _has_media(read):
        high = context
    elif context:
        high = min(high, context)
    return _Range(low, high, f" × {low} to {_shown(high)} tokens")


def _output(values: Values, model: Model | None) -> _Range:
    asked = next(filter(None, (_at(path, values) for path in _MOST_OUTPUT)), None)
    known = (model.output or model.context) if model else None
    most = asked if asked is not None else known
    if most is None and model is not None and _WRITING.isdisjoint(model.kinds):
        return _UNTOLD
    high = None if most is None else most * _choices(values)
    missing = "" if high is not None else "max_tokens"
    return _Range(0.0, high, f" × 0 to {_shown(high)} tokens", missing)


def _choices(values: Values) -> int:
    """How many outputs a request asks for."""
    asked = values.get("n")
    return asked if isinstance(asked, int) and asked > 1 else 1


def _at(path: str, values: Values) -> float | None:
    from api302_client.behaviour import compiled

    return _number(compiled(path)(values))


def _shown(number: float | None) -> str:
    return "unknown" if number is None else f"{number:.0f}"


def _texts(value: Any) -> Iterator[str]:
    """The texts in a request; URLs and other data are left out."""
    if isinstance(value, str):
        if not re.match(r"https?://|data:", value):
            yield value
    elif is_mapping(value):
        for name, inner in value.items():
            if name not in _NO_TEXT:
                yield from _texts(inner)
    elif is_array(value):
        for inner in value:
            yield from _texts(inner)


def _has_media(value: Any) -> bool:
    """Whether a request has images, sound or files, whose tokens nobody can count beforehand."""
    if is_mapping(value):
        named: Mapping[str, Any] = value
        return not _MEDIA.isdisjoint(named) or any(map(_has_media, named.values()))
    return is_array(value) and any(map(_has_media, value))
