"""The models that people choose: what they accept, what they cost, and the call that takes them.

    catalog = Client().catalog                     # or Catalog(), without an API key
    catalog.find(kind="image-to-video", accepts={"duration": 10}, max_price=0.5)
    print(catalog.get("flux-pro-1.1-t2i"))         # limits, price, and a line of code to paste

The data belongs to this version of the package and needs no network; `refresh()` adds what the
service lists now. A model that is not here can be called all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from api302_client.behaviour import Price
from api302_client.catalog import Limits, ModelCall, TakingCall, load, misfit, near
from api302_client.catalog import Model as Entry

from ._calls.call import call
from ._calls.response import raw
from ._errors import InvalidArgument
from ._http.sync import run
from ._json import is_array
from ._types import NO_OPTIONS, Operation

if TYPE_CHECKING:
    from api302_client.behaviour import ListedModel

    from ._calls.session import Session

__all__ = ["AsyncCatalog", "Catalog", "Limits", "Model", "Price"]


class Model:
    """A model.

    Attributes:
        id: Its id in the catalogue.
        name: What the call's field for the model takes; None where the call alone chooses it.
        title: As its vendor writes it.
        vendor: Who made it, such as `flux`.
        kinds: What it does, such as `text-to-image`.
        operations: The ids of the calls that take it, the one to prefer first.
        limits: What it accepts beyond what every call accepts.
        price: What it costs; that of the call where no own price is known; empty if neither is.
        context: How many tokens a call may have in all; None where that is not known.
        output: How many tokens it returns at most; None where that is not known.
        dimensions: How many numbers its vectors have, unless the request says another length; None
            where that is not known.
        deprecated: Whether the provider has superseded it.
        replaced_by: The id of the model to use in its place.
        evidence: How it is known: page, sample, caller, vendor, catalog, or `live`.
        source: Where that is.
        seen: When the service listed it, if `refresh` found it.
        entry: All that the data says of it.
    """

    def __init__(self, entry: Entry, seen: date | None = None) -> None:
        call = entry.calls[0] if entry.calls else None
        taking = load().calls.get(call.operation) if call else None
        self.id: str = entry.id
        self.name: str | None = entry.name
        self.title: str = entry.title
        self.vendor: str = entry.vendor
        self.kinds: tuple[str, ...] = entry.kinds
        self.operations: tuple[str, ...] = tuple(call.operation for call in entry.calls)
        self.limits: Limits = entry.limits
        self.price: tuple[Price, ...] = entry.price or (taking.price if taking else ())
        self.context: int | None = entry.context
        self.output: int | None = entry.output
        self.dimensions: int | None = entry.dimensions
        self.deprecated: bool = entry.deprecated
        self.replaced_by: str | None = entry.replaced_by
        self.evidence: str = entry.evidence
        self.source: str = entry.source
        self.seen = seen
        self.entry = entry

    def __repr__(self) -> str:
        return f"<Model {self.id}: {', '.join(self.kinds)} by {self.vendor}>"

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.id}), {', '.join(self.kinds)} by {self.vendor}"]
        if self.deprecated:
            instead = f"; use {self.replaced_by}" if self.replaced_by else ""
            lines.append(f"  deprecated{instead}")
        lines += [f"  {text}" for text in _limits(self.limits)]
        if self.dimensions:
            lines.append(f"  vectors of {self.dimensions} numbers")
        prices = "; ".join(map(price_text, self.price))
        lines.append(f"  price: {prices or 'not documented'}")
        lines.append(f"  source: {self.source} ({self.evidence})")
        return "\n".join([*lines, f"  {self.code}"])

    @property
    def code(self) -> str:
        """A line of Python that calls it, to paste."""
        for one in self.entry.calls:
            if taking := load().calls.get(one.operation):
                return _code(self.entry, one, taking)
        return ""

    def problems(self, **values: Any) -> dict[str, str]:
        """What is wrong with fields of a request to this model, by field; empty if nothing is.

        What the service replaces by a value of its own counts too. A limit that nobody knows is
        no problem.
        """
        found = dict(self.limits.outside(values))
        calls = [load().calls.get(call.operation) for call in self.entry.calls]
        known = [call.fields for call in calls if call]
        for field, value in values.items():
            if field not in found and known and (problem := _taken(known, field, value)):
                found[field] = problem
        return found

    def takes(self, values: Mapping[str, Any]) -> bool:
        """Whether it accepts these fields of a request as they are, as far as is known."""
        return not self.problems(**values)

    def costs_at_most(self, amount: float, values: Mapping[str, Any]) -> bool:
        """Whether each documented price that may hold for these fields is at most an amount."""
        amounts = [price.amount for price in self.price if price.may_hold(values, whole=False)]
        known = [one for one in amounts if one is not None]
        return bool(known) and max(known) <= amount


def price_text(price: Price) -> str:
    """A price as text: `0.05 PTC per image`."""
    if price.amount is None:
        return price.note or ""
    variant = [f"{field} {value}" for field, value in price.when.items()]
    told = price.for_ or ", ".join(variant)
    return f"{price.amount:g} {price.unit} per {price.per}{f' for {told}' if told else ''}"


def _limits(limits: Limits) -> Iterator[str]:
    for field, range_ in limits.properties.items():
        said = ", ".join(
            " ".join(map(str, value)) if is_array(value) else f"{key} {value}"
            for key, value in range_.items()
        )
        yield f"{field}: {said}{_other(limits, field)}"
    if limits.sizes:
        yield f"size: {' '.join(limits.sizes)}{_other(limits, 'size')}"
    if limits.required:
        yield f"needs {', '.join(limits.required)}"
    if limits.unsupported:
        yield f"does not take {', '.join(limits.unsupported)}"


def _other(limits: Limits, field: str) -> str:
    replaced = limits.replaced.get(field)
    return "" if replaced is None else f" (anything else becomes {replaced})"


def _taken(calls: Sequence[Mapping[str, Any]], field: str, value: Any) -> str:
    """What is wrong with a field in every call; empty if some call takes it."""
    problems = [
        misfit(fields[field], value) if field in fields else "is not a field of its calls"
        for fields in calls
    ]
    return "" if "" in problems else problems[0]


def _code(entry: Entry, call: ModelCall, taking: TakingCall) -> str:
    chosen = {call.field: entry.name} if call.field else {}
    own = {**chosen, **call.fixed}
    given = {name: value for name, value in taking.arguments.items() if name not in own}
    needed = {name: "…" for name in entry.limits.required if name not in given}
    arguments = {**own, **given, **needed}
    return f"{taking.method}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


class Catalog:
    """The models of this version of the package, and those that `refresh` found.

    Made without a client it needs no API key, and cannot refresh.
    """

    def __init__(self, session: Session | None = None) -> None:
        self._session = session
        self._live: dict[str, Model] = {}

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Model]:
        return iter(self._all().values())

    def __contains__(self, name: object) -> bool:
        return bool(self._named(name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} models>"

    def find(
        self,
        kind: str | None = None,
        *,
        vendor: str | None = None,
        operation: str | None = None,
        max_price: float | None = None,
        accepts: Mapping[str, Any] | None = None,
        text: str | None = None,
        deprecated: bool = False,
    ) -> list[Model]:
        """The models that fit all that is given, in the catalogue's order.

        Args:
            kind: What it does, such as `chat`, `text-to-image` or `image-to-video`.
            vendor: Who made it, such as `kling`.
            operation: The id of a call that takes it, such as `ai302_generate_image`.
            max_price: PTC per unit of its price (a call, an image, a second, 1M tokens) that no
                documented price of it exceeds. Leaves out models whose price is not known.
            accepts: Fields of a request and the values that it must take, such as
                `{"duration": 10}`. A limit that is not known excludes nothing.
            text: What its id or title contains.
            deprecated: Whether to list superseded models too.

        Raises:
            InvalidArgument: No model is of that kind or vendor, or no call has that id.
        """
        everything = list(self)
        self._check("kind", kind, {kind for model in everything for kind in model.kinds})
        self._check("vendor", vendor, {model.vendor for model in everything})
        if max_price is not None and not max_price >= 0:
            raise InvalidArgument(f"max_price: must be 0 or more, in PTC, not {max_price!r}")
        ids, asked = _taking(operation), accepts or {}
        wanted = _Wanted(kind, vendor, ids, text, deprecated, asked, max_price)
        return [model for model in everything if wanted.fits(model)]

    @staticmethod
    def _check(name: str, value: str | None, known: set[str]) -> None:
        if value is not None and value not in known:
            close = near(value, known)
            hint = f"did you mean {' or '.join(close)}?" if close else ", ".join(sorted(known))
            raise InvalidArgument(f"{name}: no model is of {value!r}; {hint}")

    def get(self, name: str) -> Model:
        """The model of an id or wire name; a suffix such as `-web-search` may stand behind it.

        Raises:
            InvalidArgument: There is none, with the names that are near; or several vendors'
                models have this wire name, with their ids.
        """
        found = self._named(name)
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(model.id for model in found)
            raise InvalidArgument(f"name: {name!r} is the wire name of several models: {ids}")
        raise InvalidArgument(f"name: the catalogue has no model {name!r}{_hint(name, self)}")

    def _named(self, name: object) -> list[Model]:
        everything = self._all()
        if isinstance(name, str) and name in everything:
            return [everything[name]]
        return [model for model in everything.values() if model.entry.named(name)]

    def _all(self) -> dict[str, Model]:
        own = {id_: Model(entry) for id_, entry in load().models.items()}
        return {**own, **self._live}

    def refresh(self) -> list[Model]:
        """Add what the service lists now: new models, and the prices of those that are known.

        Makes one free call for each of the service's lists. Returns the models that are new, each
        with the date. What a list does not say of a model is not known.

        Raises:
            InvalidArgument: The catalogue was made without a client.
            ApiError, ConnectionError, DecodeError: as any call.
        """
        return run(self._refreshed())

    async def _refreshed(self) -> list[Model]:
        if self._session is None:
            message = "catalog: was made without a client; use client.catalog to refresh"
            raise InvalidArgument(message)
        new: list[Model] = []
        for op in map(Operation.by_id, load().lists):
            new += self._add(op, raw(await call(self._session, op, NO_OPTIONS)))
        return new

    def _add(self, op: Operation, response: Any) -> list[Model]:
        """Take the models of a list in; returns those that are new."""
        rule = op.behaviour.model_list
        new: list[Model] = []
        for listed in rule.read(response) if rule else ():
            known = self._named(listed.name)
            if known:
                self._live |= {one.id: _repriced(one, listed, op) for one in known}
            elif rule and rule.operation and listed.kinds:
                made = _listed(listed, rule.operation, op)
                self._live[made.id] = made
                new.append(made)
        return new


class AsyncCatalog(Catalog):
    """`Catalog` for `AsyncClient`: `refresh` is awaited, the rest needs no network."""

    async def refresh(self) -> list[Model]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add what the service lists now. See `Catalog.refresh`."""
        return await self._refreshed()


def _taking(operation: str | None) -> set[str] | None:
    """The ids of the models that a call takes; None where no call is asked for."""
    if operation is None:
        return None
    try:
        op = Operation.by_id(operation)
    except KeyError:
        from api302_resources._index import OPERATIONS

        close = near(operation, OPERATIONS)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise InvalidArgument(f"operation: no call has the id {operation!r}{hint}") from None
    kinds = set(op.behaviour.models.kinds) if op.behaviour.models else set[str]()
    return {
        model.id
        for model in load().models.values()
        if kinds & set(model.kinds) or any(call.operation == op.id for call in model.calls)
    }


class _Wanted(NamedTuple):
    """The models that are looked for; what is None may be anything."""

    kind: str | None
    vendor: str | None
    ids: set[str] | None
    text: str | None
    deprecated: bool
    accepts: Mapping[str, Any]
    max_price: float | None

    def fits(self, model: Model) -> bool:
        """Whether a model is one of them. Its limits and its price are looked at last."""
        return (
            self._is_meant(model)
            and (self.deprecated or not model.deprecated)
            and model.takes(self.accepts)
            and (self.max_price is None or model.costs_at_most(self.max_price, self.accepts))
        )

    def _is_meant(self, model: Model) -> bool:
        said = f"{model.id} {model.title}".casefold()
        return (
            (self.kind is None or self.kind in model.kinds)
            and (self.vendor is None or self.vendor == model.vendor)
            and (self.ids is None or model.id in self.ids)
            and (self.text is None or self.text.casefold() in said)
        )


def _hint(name: str, catalog: Catalog) -> str:
    known = [name for model in catalog for name in {model.id, model.name or model.id}]
    close = near(str(name), known)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _repriced(model: Model, listed: ListedModel, op: Operation) -> Model:
    entry = model.entry
    if listed.price:
        source = f"{op.method} {op.path}"
        entry = entry._replace(price=listed.price, evidence="live", source=source)
    return Model(entry, _today())


def _listed(listed: ListedModel, operation: str, op: Operation) -> Model:
    """A model that only the service lists."""
    taking = Operation.by_id(operation).behaviour.models
    field = taking.field if taking else "model"
    return Model(
        Entry(
            id=listed.name,
            title=listed.title or listed.name,
            vendor="",
            kinds=listed.kinds,
            calls=(ModelCall(operation, field),),
            name=listed.name,
            price=listed.price,
            evidence="live",
            source=f"{op.method} {op.path}",
        ),
        _today(),
    )


def _today() -> date:
    return date.today()
