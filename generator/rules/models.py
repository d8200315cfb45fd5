"""The catalogue of models: its form, its calls, its limits, and that the examples name what is in
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from generator.document import Operation, Schema
from generator.models import DEFAULTS, SHARED, models, not_models
from generator.runtime.catalog import Json, Limits, misfit, plain, size_of
from generator.source import MODELS_FOLDER, Problem, obj, seq

from .context import Context, explain
from .evidence import document_problems
from .structure import did_you_mean, fix_of

_FORM = "extensions.schema.json says what a model may have"


def model_form(context: Context) -> Iterator[Problem]:
    """Each model has what a model has, in a file of its kind, and each row that is no model a
    reason.
    """
    kinds = _kinds(context)
    for file in context.spec.model_files():
        if kinds and file.kind not in kinds:
            fix = did_you_mean(file.kind, kinds)
            yield Problem(file.name, 1, f"`{file.kind}` is no kind of model", fix)
        for key in obj(file.content.get(DEFAULTS)).keys() - set(SHARED):
            fix = f"only these can be shared: {', '.join(SHARED)}"
            yield context.problem(file.content[DEFAULTS], key, f"`{key}` in {DEFAULTS}", fix)
        for id_ in file.content.keys() & context.models.keys():
            model = context.models[id_]
            kind, place = model["kinds"][0], context.spec.place(model) or ("", 0)
            if kind != file.kind and place[0] == file.name:
                message = f"`{id_}` is {kind} first, and stands in {file.name}"
                yield context.problem(model, "kinds", message, "name the kind of its file first")
    yield from _against(context, "model", models(context.spec)[0])
    yield from _against(context, "notModel", not_models(context.spec))


def _kinds(context: Context) -> list[str]:
    try:
        definitions = obj(obj(context.spec.extensions_schema()).get("$defs"))
    except (OSError, ValueError):
        return []
    return seq(obj(definitions.get("kind")).get("enum"))


def _against(context: Context, name: str, entries: dict[str, Any]) -> Iterator[Problem]:
    validator = context.definition(name)
    for id_, entry in entries.items() if validator else ():
        for error in validator.iter_errors(entry) if validator else ():
            path, message = explain(error)
            place = context.spec.locate(entry, path)
            if context.spec.place(entry) is None:
                place = context.spec.place(entries, id_) or place
            yield Problem(*place, f"`{id_}`: {message}", f"{fix_of(error)}; {_FORM}")


def model_ids(context: Context) -> Iterator[Problem]:
    """Each model is in the catalogue once."""
    yield from models(context.spec)[1]


def model_calls(context: Context) -> Iterator[Problem]:
    """The operations of a model exist and have the fields that it needs; its vendor and its
    successor are known.
    """
    for id_, model in context.models.items():
        vendor, after = model.get("vendor"), model.get("replaced_by")
        if isinstance(vendor, str) and vendor not in context.vendors:
            fix = f"{did_you_mean(vendor, list(context.vendors))}; a maker of models has no homes"
            message = f"`{id_}` is of `{vendor}`, which vendors.yaml does not have"
            yield context.problem(model, "vendor", message, fix)
        if isinstance(after, str) and after not in context.models:
            fix = did_you_mean(after, list(context.models))
            message = f"`{id_}` is replaced by `{after}`, which is not in the catalogue"
            yield context.problem(model, "replaced_by", message, fix)
        elif isinstance(after, str) and "deprecated" in context.models[after]:
            message = f"`{id_}` is replaced by `{after}`, which is deprecated itself"
            yield context.problem(model, "replaced_by", message, "name the model to use today")
        for number, call in enumerate(seq(model.get("calls"))):
            for message, fix in _call_problems(context, obj(call)):
                yield context.problem(model, "calls", f"`{id_}`: {message}", fix, [number])


def _call_problems(context: Context, call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    name = str(call.get("operation"))
    operation = context.by_id.get(name)
    if operation is None:
        yield f"there is no operation `{name}`", did_you_mean(name, list(context.by_id))
        return
    fields = context.request_fields(operation)
    for field in [*filter(None, [call.get("field")]), *obj(call.get("with"))]:
        if field not in fields:
            message = f"{operation} has no field `{field}`"
            yield message, did_you_mean(str(field), list(fields))
    for field, value in obj(call.get("with")).items():
        if field in fields and not _fits(context, fields[field], value):
            yield f"{operation} does not take {value!r} as `{field}`", "correct the value"


def model_limits(context: Context) -> Iterator[Problem]:
    """The limits of a model are about fields that its calls have, and within what their schemas
    take.
    """
    for id_, model in context.models.items():
        found = obj(model.get("limits"))
        fields = _fields(context, model)
        if not fields or not found:
            continue
        problems = [*_contradictions(found), *_limit_problems(context, Limits.of(found), fields)]
        for path, message, fix in problems:
            yield context.problem(model, "limits", f"`{id_}`: {message}", fix, path)
        for number, entry in enumerate(seq(model.get("price"))):
            for path, message, fix in _price_problems(context, obj(entry), fields):
                yield context.problem(model, "price", f"`{id_}`: {message}", fix, [number, *path])


_Found = Iterator[tuple[list[str | int], str, str]]


_ENDS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))


def _contradictions(limits: Json) -> _Found:
    """What no request can keep."""
    for field in sorted({*seq(limits.get("required"))} & {*seq(limits.get("unsupported"))}):
        yield ["unsupported"], f"`{field}` is required too", "correct one of the two"
    for field, range_ in obj(limits.get("properties")).items():
        for low, high in _ENDS:
            if low in range_ and high in range_ and range_[low] > range_[high]:
                message = f"`{field}` has a {low} above its {high}"
                yield ["properties", field], message, "correct one of the two"


def _limit_problems(context: Context, found: Limits, fields: dict[str, list[Schema]]) -> _Found:
    yield from _unknown_fields(found, list(fields))
    for field, range_ in found.properties.items():
        for value in _bounds(range_):
            if field in fields and not _fits(context, fields[field], value):
                message = f"`{field}` cannot be {value!r} in the calls that take it"
                yield ["properties", field], message, "correct the value, or the call's schema"
    if found.sizes and not ("size" in fields or {"width", "height"} <= fields.keys()):
        yield ["sizes"], "its calls have no `size`, nor `width` and `height`", "write `properties`"
    yield from _replaced_problems(context, found, fields)


def _unknown_fields(found: Limits, known: list[str]) -> _Found:
    for key in ("properties", "required", "unsupported"):
        for number, field in enumerate(getattr(found, key)):
            if field not in known:
                step = field if key == "properties" else number
                message = f"no call of it has a field `{field}`"
                yield [key, step], message, did_you_mean(field, known)


def _bounds(range_: Json) -> list[Any]:
    """The values that a part of JSON Schema names, which the field's own schema must take."""
    return [*range_.get("enum", []), *(range_[k] for k in ("minimum", "maximum") if k in range_)]


def _replaced_problems(context: Context, found: Limits, fields: dict[str, list[Schema]]) -> _Found:
    for field, value in found.replaced.items():
        if field == "size" and found.sizes:
            is_taken = size_of({"size": value}) in found.sizes
        elif field in found.properties:
            taken = not misfit(found.properties[field], value)
            is_taken = taken and _fits(context, fields.get(field, []), value)
        else:
            fix = "say under `properties` (or `sizes`) what it takes"
            yield ["replaced", field], f"`{field}` is replaced, and not limited", fix
            continue
        if not is_taken:
            message = f"`{field}` is replaced by {value!r}, which the model does not take"
            yield ["replaced", field], message, "correct one of the two"


def call_prices(context: Context) -> Iterator[Problem]:
    """What the price of an operation depends on is in its request."""
    for operation in context.operations:
        fields = context.request_fields(operation)
        for number, entry in enumerate(seq(operation.node.get("x-price"))):
            for path, message, fix in _price_fields(obj(entry), fields):
                message = f"{operation}: {message}"
                yield context.on(operation, "x-price", message, fix, [number, *path])


def _price_problems(context: Context, price: Json, fields: dict[str, list[Schema]]) -> _Found:
    for place, path in _price_paths(price):
        try:
            jmespath.compile(path)
        except JMESPathError as error:
            message = f"`{path}` is not JMESPath: {str(error).splitlines()[0]}"
            yield place, message, "correct it"
    yield from _price_fields(price, fields)
    for field, wanted in obj(price.get("when")).items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if field in fields and not any(_fits(context, fields[field], one) for one in values):
            message = f"a price depends on `{field}` being {wanted!r}, which no call takes"
            yield ["when", field], message, "correct the value, or the call's schema"


def _price_paths(price: Json) -> Iterator[tuple[list[str | int], str]]:
    """What a price reads of a request, and where it says so."""
    for path in obj(price.get("when")):
        yield ["when", path], path
    if isinstance(units := price.get("units"), str):
        yield ["units"], units


def _price_fields(price: Json, fields: dict[str, list[Schema]]) -> _Found:
    """What a price reads of a request that no request has; what is not JMESPath is passed over."""
    for place, path in _price_paths(price):
        with suppress(JMESPathError):
            parsed: Any = jmespath.compile(path).parsed
            for field in _first_fields(parsed):
                if field not in fields:
                    message = f"a price depends on `{field}`, which no call of it has"
                    yield place, message, did_you_mean(field, list(fields))


_LEADING = ("subexpression", "projection", "filter_projection", "index_expression", "pipe")
"""The parts of a JMESPath of which the first alone reads the request itself."""


def _first_fields(node: Any) -> Iterator[str]:
    """The fields of the request itself that a JMESPath reads."""
    if node["type"] == "field":
        yield node["value"]
    outer = node["children"]
    leading = node["type"] in _LEADING
    for child in outer[:1] if leading else outer:
        if isinstance(child, dict):
            yield from _first_fields(child)


def model_evidence(context: Context) -> Iterator[Problem]:
    """The evidence of a model is well formed, its pages are in the ledger, and a wire name rests
    on more than the title of a product.
    """
    pages = {page for _, page, _ in context.rows}
    for id_, model in context.models.items():
        kinds = {obj(entry).get("evidence") for entry in seq(model.get("docs"))}
        if "name" in model and kinds == {"catalog"}:
            message = f"only the title of a product gives the wire name of `{id_}`"
            fix = "cite a source that calls it so, or write a row of not_models.yaml"
            yield context.problem(model, "docs", message, fix)
        for number, entry in enumerate(seq(model.get("docs"))):
            page = obj(entry).get("page")
            if isinstance(page, str) and page not in pages:
                message = f"the page {page} of `{id_}` is not in the ledger"
                fix = did_you_mean(page, sorted(pages))
                yield context.problem(model, "docs", message, fix, [number, "page"])
            for key, message, fix in document_problems(obj(entry)):
                yield context.problem(model, "docs", message, fix, [number, key])


def models_alike(context: Context) -> Iterator[Problem]:
    """No two models differ only in case or in the signs between words: one of the two is a slip."""
    seen: dict[tuple[str, str], str] = {}
    for id_, model in context.models.items():
        name = plain(str(model.get("name", id_)))
        for call in seq(model.get("calls")):
            place = (str(obj(call).get("operation")), name)
            other = seen.setdefault(place, id_)
            if other != id_ and "field" in obj(call) and not obj(call).get("with"):
                message = f"`{id_}` and `{other}` differ only in case or signs"
                fix = "keep the one that the evidence shows"
                yield context.spec.problem(model, None, message, fix)


def models_with_suffixes(context: Context) -> Iterator[Problem]:
    """No model is another one with a suffix: a request would mean either."""
    taken: dict[tuple[str, str], str] = {}
    for id_, model in context.models.items():
        for call in _calls_by_name(model):
            taken[call, str(model.get("name", id_))] = id_
    for id_, model in context.models.items():
        for suffix in map(str, seq(model.get("suffixes"))):
            name = f"{model.get('name', id_)}{suffix}"
            for call in _calls_by_name(model):
                if other := taken.get((call, name)):
                    message = f"`{id_}` with its suffix {suffix} is `{other}`"
                    yield context.problem(model, "suffixes", message, "keep one of the two")


def _calls_by_name(model: dict[str, Any]) -> list[str]:
    """The operations that choose a model by its name alone."""
    calls = [obj(call) for call in seq(model.get("calls"))]
    return [str(call.get("operation")) for call in calls if "field" in call and "with" not in call]


def models_named(context: Context) -> Iterator[Problem]:
    """A model that an example of the specification names is in the catalogue, with that call."""
    for operation in context.operations:
        for field, known in context.model.models_of(operation).items():
            for value, holder, key in _example_values(context, operation, field):
                if isinstance(value, str) and not any(model.named(value) for model in known):
                    names = [model.name or "" for model in known]
                    message = f"an example of {operation} has the {field} `{value}`"
                    message += ", which is not in the catalogue"
                    fix = f"add it to {MODELS_FOLDER}/ with this call, or"
                    fix = f"{fix} {did_you_mean(value, names)}"
                    yield context.problem(holder, key, message, fix)


def model_fields(context: Context) -> Iterator[Problem]:
    """`x-models` names a field of the request, and `x-lists-models` an operation."""
    for operation in context.operations:
        field = operation.extension("x-models").get("field")
        fields = context.request_fields(operation)
        if isinstance(field, str) and field not in fields:
            message = (
                f"x-models of {operation} names `{field}`, which is not a field of its request"
            )
            fix = did_you_mean(field, list(fields))
            yield context.on(operation, "x-models", message, fix, ["field"])
        taking = operation.extension("x-lists-models").get("operation")
        if isinstance(taking, str) and taking not in context.by_id:
            message = f"x-lists-models of {operation} names `{taking}`, which is not an operation"
            fix = did_you_mean(taking, list(context.by_id))
            yield context.on(operation, "x-lists-models", message, fix, ["operation"])


def _example_values(
    context: Context, operation: Operation, field: str
) -> Iterator[tuple[Any, Any, str | int]]:
    """The values that examples give a field of the body, and where they stand."""
    for _, _, media in context.media(operation, "request"):
        node = obj(media.value)
        for name, example in obj(node.get("examples")).items():
            found = obj(context.resolve(media.pointer, example).value)
            value = obj(found.get("value"))
            if field in value:
                yield value[field], node["examples"], name
        if field in obj(node.get("example")):
            yield node["example"][field], node, "example"
    for parameter in context.parameters(operation):
        if parameter.get("name") == field and "example" in parameter:
            yield parameter["example"], parameter, "example"


def _fields(context: Context, model: dict[str, Any]) -> dict[str, list[Schema]]:
    """The fields of all calls that take a model."""
    fields: dict[str, list[Schema]] = {}
    for call in seq(model.get("calls")):
        if operation := context.by_id.get(str(obj(call).get("operation"))):
            for field, schemas in context.request_fields(operation).items():
                fields.setdefault(field, []).extend(schemas)
    return fields


def _fits(context: Context, schemas: list[Schema], value: Any) -> bool:
    """Whether some schema takes a value; a form takes it as text."""
    return not schemas or any(context.fits(schema, value) for schema in schemas)
