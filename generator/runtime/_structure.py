"""From JSON to reply classes, by type expressions such as `list[KlingTask] | str | None`. Lenient: a reply is never refused.

For each class one function is written on first use, compiled and kept. A value that is not what the description says stays as it is:
an unknown enum value, text for a number, a list for an object, null. Fields that are not described stay reachable (see `Model`).
An object in a union goes to the member that its tag names (a field with a constant or an enum that tells the members apart), or else to the
one that knows most of its fields; a tag that no member has gives `Unknown`, on which every field is an attribute.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ._model import Model, Unknown

Loader = Callable[[Any], Any]

SCALARS = frozenset({"Any", "bool", "bytes", "float", "int", "str"})


class Shape(NamedTuple):
    """What matters of a type: the classes, the item of its lists, the value of its maps. Scalars are kept as they come."""

    models: tuple[str, ...] = ()
    item: Shape | None = None
    value: Shape | None = None

    def __or__(self, other: Shape) -> Shape:  # type: ignore[override]
        return Shape(tuple(dict.fromkeys(self.models + other.models)), _join(self.item, other.item), _join(self.value, other.value))

    @property
    def is_scalar(self) -> bool:
        """Whether values are kept as they come."""
        return not self.models and (self.item is None or self.item.is_scalar) and (self.value is None or self.value.is_scalar)


def _join(one: Shape | None, other: Shape | None) -> Shape | None:
    return one | other if one is not None and other is not None else one if other is None else other


def structure(type_expression: str, data: Any) -> Any:
    """The JSON value `data` as the type expression says, as far as it follows it. Never raises for the data's sake."""
    try:
        return (_loaders.get(type_expression) or loader(type_expression))(data)
    except RecursionError:  # nested deeper than Python goes: the plain JSON is at least all there
        return data


def loader(type_expression: str) -> Loader:
    """The function that `structure` applies, for a loop over many values of one type."""
    found = _loaders.get(type_expression)
    if found is None:
        found = _loaders[type_expression] = _compile(shape_of(type_expression))
    return found


def shape_of(type_expression: str) -> Shape:
    """Read a type expression.

    Raises:
        ValueError: it is no type expression of ours.
    """
    return _shape(ast.parse(type_expression, mode="eval").body)


def _shape(node: ast.expr) -> Shape:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _shape(left) | _shape(right)
        case ast.Name(id=name):
            return Shape() if name in SCALARS else Shape(models=(name,))
        case ast.Constant(value=None) | ast.Subscript(value=ast.Name(id="Literal")):
            return Shape()
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return Shape(item=_shape(item))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
            return Shape(value=_shape(value))
    raise ValueError(f"not a type expression: {ast.unparse(node)}")


# The functions written below find each other here, by the class's name. A class that was not met yet has a function that makes its successor.
_scope: dict[str, Any] = {"new": object.__new__}
_loaders: dict[str, Loader] = {}


def _compile(shape: Shape) -> Loader:
    scope = _scope
    exec(f"def load(v):\n    return {_value(shape, 'v')}", scope)
    return scope.pop("load")


def _value(shape: Shape, source: str, depth: int = 0) -> str:
    """Python that turns the value of the expression `source` into what the shape says. `source` is evaluated once, first."""
    if shape.is_scalar:
        return source
    name = f"v{depth}"
    bound = f"({name} := {source})" if source != name else name
    has_item = shape.item is not None and not shape.item.is_scalar
    has_value = shape.value is not None
    if len(shape.models) == 1 and not has_item and not has_value:
        return f"{_loader_name(shape.models[0])}({name}) if {bound}.__class__ is dict else {name}"
    if has_item and not shape.models and not has_value:
        assert shape.item is not None
        inner = _value(shape.item, f"v{depth + 1}", depth + 1)
        return f"[{inner} for v{depth + 1} in {name}] if {bound}.__class__ is list else {name}"
    return f"{_union(shape)}({source})"


def _loader_name(model: str) -> str:
    name = f"load_{model}"
    if name not in _scope:

        def first(data: dict[str, Any]) -> Any:
            load = _scope[name] = _write(_class(model))
            return load(data)

        _scope[name] = first
    return name


def _class(name: str) -> type[Model]:
    from . import models

    return getattr(models, name)


def _write(cls: type[Model]) -> Loader:
    """Write the function that makes an object of the class from a dict."""
    lines = ["def load(d):", "    o = new(cls)", "    o._raw = d", "    get = d.get"]
    for name, annotation in cls.__annotations__.items():
        wire = cls.__wire__.get(name, name)
        lines.append(f"    o.{name} = {_value(shape_of(annotation), f'get({wire!r})')}")
    lines.append("    return o")
    key = f"class_{cls.__name__}"
    _scope[key] = cls
    exec("\n".join(lines).replace("new(cls)", f"new({key})"), _scope)
    return _scope.pop("load")


def _union(shape: Shape) -> str:
    """The name of a function that tells the members of a union apart; maps are handled here too."""
    name = f"union_{abs(hash(shape))}"
    name = f"union_{len(_unions)}" if shape not in _unions else _unions[shape]
    if shape not in _unions:
        _unions[shape] = name
        load_item = _compile(shape.item) if shape.item is not None else None
        load_value = _compile(shape.value) if shape.value is not None else None
        choose: Callable[[dict[str, Any]], str] | None = None

        def load(data: Any) -> Any:
            nonlocal choose
            if data.__class__ is dict:
                if choose is None:
                    choose = _chooser(shape.models)
                model = choose(data)
                if model:
                    return _scope[_loader_name(model)](data)
                if load_value is not None:
                    return {key: load_value(value) for key, value in data.items()}
                unknown = Unknown()
                unknown._raw = data
                return unknown
            if data.__class__ is list and load_item is not None:
                return [load_item(item) for item in data]
            return data

        _scope[name] = load
    return name


_unions: dict[Shape, str] = {}


def _chooser(models: tuple[str, ...]) -> Callable[[dict[str, Any]], str]:
    """A function that names the member for a dict, or says '' where none fits."""
    fields = {model: _wire_annotations(_class(model)) for model in models}
    tag, by_value = _tag(fields)
    untagged = [model for model in models if tag not in fields[model] or not _literals(fields[model][tag])]

    def choose(data: dict[str, Any]) -> str:
        candidates: list[str] | tuple[str, ...] = models
        value = data.get(tag)
        if tag and value is not None:
            candidates = by_value.get(value, untagged) if isinstance(value, (str, int)) else untagged
            if len(candidates) == 1 and value.__class__ is str and candidates is not untagged:
                return candidates[0]
        best, most = "", 0
        for model in candidates:
            known = fields[model]
            shared = sum(key in known for key in data) * 1000 - len(known)
            if shared > most:
                best, most = model, shared
        return best

    return choose


def _tag(fields: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[Any, list[str]]]:
    """The field whose literals tell most members apart, and the members by its values."""
    best: tuple[int, str, dict[Any, list[str]]] = (1, "", {})
    for wire in dict.fromkeys(wire for known in fields.values() for wire in known):
        by_value: dict[Any, list[str]] = {}
        tagged = 0
        for model, known in fields.items():
            values = _literals(known.get(wire, ""))
            tagged += bool(values)
            for value in values:
                by_value.setdefault(value, []).append(model)
        overlaps = sum(len(members) > 1 for members in by_value.values())
        if tagged > 1 and overlaps < len(by_value) and tagged > best[0]:
            best = (tagged, wire, by_value)
    return best[1], best[2]


def _wire_annotations(cls: type[Model]) -> dict[str, str]:
    return {cls.__wire__.get(name, name): annotation for name, annotation in cls.__annotations__.items()}


def _literals(annotation: str) -> list[Any]:
    if "Literal" not in annotation:
        return []
    found = [
        node.slice
        for node in ast.walk(ast.parse(annotation, mode="eval"))
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Literal"
    ]
    return [leaf.value for node in found for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)]
