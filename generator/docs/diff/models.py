"""A page's table of models against the catalogue: new models, and those that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.docs.pages import Page, page_number
from generator.docs.pages.models import model_name, model_rows
from generator.docs.pages.untrusted import quoted
from generator.document import Operation
from generator.runtime.behaviour import ListedModel, read
from generator.runtime.catalog import Model
from generator.source import MODELS_FOLDER, obj, seq

from .finding import Finding, Subject


def compare_models(subject: Subject, page: Page, description: str) -> Iterator[Finding]:
    """What there is to decide about the models that a page lists for its call."""
    rows = model_rows(description)
    if not rows:
        return
    context = subject.described.context
    takes = context.model.models_of(subject.operation)
    known = {one.name or "": one.id for models in takes.values() for one in models}
    listed = dict(model_name(row, known) for row in rows)
    for name, is_known in listed.items():
        if not is_known:
            message = f"the page lists the model {quoted(name)}, which the catalogue does not have"
            fix = f"add it to {MODELS_FOLDER}/<kind>.yaml with this call and its limits"
            yield subject.finding("model", name, message, fix)
    for name, id_ in known.items():
        model = context.models.get(id_, {})
        if name not in listed and _is_of(page, model, subject):
            message = f"the page no longer lists the model `{name}`"
            fix = "remove it, or mark it `deprecated: true`, or say in docs what shows it"
            yield subject.finding("model-gone", name, message, fix, model)


def _is_of(page: Page, model: dict[str, Any], subject: Subject) -> bool:
    """Whether a model is known from this page: by its number, or, where the page has none, by the
    only page that describes the call.
    """
    docs = [obj(entry) for entry in seq(model.get("docs"))]
    own = [entry for entry in docs if entry.get("evidence") == "page"]
    if page.number:
        return any(page_number(str(entry.get("url") or "")) == page.number for entry in own)
    pages = _pages(subject.operation)
    return len(pages) == 1 and any(entry.get("page") in pages for entry in own)


def _pages(operation: Operation) -> set[str]:
    """The pages that describe an operation, by their rows in the ledger."""
    described = [obj(entry) for entry in seq(operation.node.get("x-docs"))]
    return {entry["page"] for entry in described if "page" in entry}


def compare_listed(subject: Subject, response: Any) -> Iterator[Finding]:
    """What a list of the service, in a recorded exchange, says that the catalogue does not.

    Models that it lacks are not gone: a list may be of one kind, or of one key.
    """
    rule = read(subject.operation.node).model_list
    models = subject.described.context.model.models.values()
    for listed in rule.read(response) if rule else ():
        known = [one for one in models if one.named(listed.name)]
        if not known and listed.kinds:
            message = f"the service lists the model {quoted(listed.name)}"
            message += ", which the catalogue does not have"
            fix = f"add it to {MODELS_FOLDER}/{listed.kinds[0]}.yaml"
            yield subject.finding("model", listed.name, message, fix)
        for model in known:
            yield from _prices(subject, listed, model)


def _prices(subject: Subject, listed: ListedModel, model: Model) -> Iterator[Finding]:
    """Where a list has another price than the catalogue for what it names the same unit."""
    ours = {one.per: one.amount for one in model.price if not one.when}
    entry = subject.described.context.models.get(model.id)
    for price in listed.price:
        if price.per in ours and ours[price.per] != price.amount:
            message = f"`{listed.name}` costs {price.amount:g} PTC per {price.per}"
            message += f", and {ours[price.per]:g} in the catalogue"
            fix = "correct the price"
            yield subject.finding("price", listed.name, message, fix, entry, "price")
