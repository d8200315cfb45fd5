"""JSON schemas of classes, and objects of these classes out of JSON.

Pydantic's own classes do both themselves. Dataclasses and TypedDicts are read here, so that nobody
needs Pydantic for them.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from itertools import chain, count
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from api302._errors import Api302Error, InvalidArgument
from api302._json import is_array, is_object

Json = dict[str, Any]
_PLAIN: dict[Any, Json] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    None: {"type": "null"},
    NoneType: {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    Any: {},
}
"""The schemas of types that hold no others."""
_LISTS = (list, tuple, set, frozenset, Sequence)
_MAPPINGS = (dict, Mapping)
"""These and the lists need not say what they hold."""
_UNIONS = (Union, UnionType)
_MARKS = (NotRequired, Required)
"""What says something of a field, and nothing of its value."""
_DATA = ("enum", "const", "default", "examples", "required")
"""Keywords whose values are no schemas."""
_TAKEN = "a Pydantic model, a dataclass or a TypedDict"


class Output(NamedTuple):
    """A class for an output."""

    name: str
    schema: Json
    strict: bool
    """Whether the schema says all of its objects, as strict services want it."""
    load: Callable[[Any], Any]
    """Makes an object of JSON. Raises ValueError or TypeError for what is not of the class."""


def output_of(argument: str, kind: Any) -> Output:
    """The schema of a class. Raises InvalidArgument, naming the argument, for what has none."""
    try:
        schema, load = _read(argument, kind)
    except Api302Error:
        raise
    except Exception as error:  # hints of names that are not there; and Pydantic has its own
        shown = getattr(kind, "__name__", repr(kind))[:80]
        why = str(error).partition("\n")[0]
        raise InvalidArgument(
            f"{argument}: the fields of {shown} cannot be read ({why}); define its classes in a"
            " module, not in a function, and give them types that JSON has"
        ) from error
    name = "".join(char if char.isalnum() else "_" for char in getattr(kind, "__name__", "output"))
    strict = _close(schema)
    return Output(name[:64], schema, strict, load)


def is_class(value: object) -> bool:
    """Whether a value is a class, or a type such as `list[Step]`, where JSON is usual."""
    return isinstance(value, type) or get_origin(value) is not None


def _read(argument: str, kind: Any) -> tuple[Json, Callable[[Any], Any]]:
    if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate"):
        return kind.model_json_schema(), kind.model_validate
    if hasattr(kind, "__pydantic_validator__"):  # a dataclass of Pydantic's
        adapter = sys.modules["pydantic"].TypeAdapter(kind)
        return adapter.json_schema(), adapter.validate_python
    if not _is_object(kind):
        name = getattr(kind, "__name__", None) or repr(kind)
        raise InvalidArgument(f"{argument}: takes {_TAKEN}, not {name[:80]}")
    schemas = _Schemas(argument)
    schema = schemas.of(kind, kind.__name__)
    definitions = schemas.definitions
    own = definitions.pop(kind.__name__) if not _refers(definitions, schema["$ref"]) else schema
    return ({**own, "$defs": definitions} if definitions else own), lambda data: loaded(kind, data)


def _is_object(kind: Any) -> bool:
    is_typed: bool = is_typeddict(kind)
    return is_typed or (isinstance(kind, type) and dataclasses.is_dataclass(kind))


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _refers(definitions: Json, ref: str) -> bool:
    """Whether a class holds itself, so that it stands among the definitions."""
    return f"'{ref}'" in repr(definitions)


def _close(schema: Any) -> bool:
    """Say of each object that it has its fields and no others; whether that could be said."""
    if is_array(schema):
        closed = [_close(item) for item in schema]
        return all(closed)
    if not is_object(schema):
        return True
    inner = [
        _close(list(value.values()) if key in ("properties", "$defs") else value)
        for key, value in schema.items()
        if key not in _DATA
    ]
    return _close_object(schema) and all(inner)


def _close_object(schema: Json) -> bool:
    properties = schema.get("properties")
    if is_object(properties):
        schema["required"] = list(properties)
        schema["additionalProperties"] = False
        for field in properties.values():
            field.pop("default", None)
    is_open = schema.get("type") == "object" and properties is None
    return not is_open and schema != {}


class _Schemas:
    """Writes the schemas of dataclasses and TypedDicts, each once."""

    def __init__(self, argument: str) -> None:
        self._argument = argument
        self.definitions: Json = {}
        self._names: dict[Any, str] = {}
        """Of the classes among them, of which two may have one name."""
        self._generics: dict[Any, Callable[[tuple[Any, ...], str], Json]] = {
            Literal: self._literal,
            Annotated: self._annotated,
            **dict.fromkeys(_MARKS, self._marked),
            **dict.fromkeys(_UNIONS, self._union),
            **dict.fromkeys(_LISTS, self._list),
            **dict.fromkeys(_MAPPINGS, self._mapping),
        }

    def of(self, kind: Any, where: str) -> Json:
        """The schema of a type. Raises InvalidArgument for one that has none."""
        if kind in _PLAIN:
            return {**_PLAIN[kind]}
        if _is_enum(kind):
            return {"enum": [member.value for member in kind]}
        if hasattr(kind, "model_json_schema"):
            fault = f"{where}: is of Pydantic; make the class around it one of Pydantic's too"
            raise InvalidArgument(f"{self._argument}: {fault}")
        if _is_object(kind):
            return self._object(kind)
        return self._generic(kind, where)

    def _generic(self, kind: Any, where: str) -> Json:
        write = self._generics.get(_origin(kind))
        if write is None or _is_mixed(kind):
            raise InvalidArgument(
                f"{self._argument}: {where} is of the type {kind!r}, which JSON has not; "
                "use text, numbers, lists, dicts, dataclasses or TypedDicts"
            )
        return write(get_args(kind), where)

    def _literal(self, values: tuple[Any, ...], where: str) -> Json:
        return {"enum": list(values)}

    def _annotated(self, arguments: tuple[Any, ...], where: str) -> Json:
        about = next((one for one in arguments[1:] if isinstance(one, str)), None)
        schema = self.of(arguments[0], where)
        return {**schema, "description": about} if about and "$ref" not in schema else schema

    def _marked(self, arguments: tuple[Any, ...], where: str) -> Json:
        return self.of(arguments[0], where)

    def _union(self, kinds: tuple[Any, ...], where: str) -> Json:
        return {"anyOf": [self.of(one, where) for one in kinds]}

    def _list(self, items: tuple[Any, ...], where: str) -> Json:
        return {"type": "array", "items": self.of(items[0], where) if items else {}}

    def _mapping(self, arguments: tuple[Any, ...], where: str) -> Json:
        values = self.of(arguments[1], where) if len(arguments) > 1 else {}
        return {"type": "object", "additionalProperties": values}

    def _object(self, kind: Any) -> Json:
        if kind not in self._names:
            name = self._names[kind] = self._free(kind.__name__)
            self.definitions[name] = {}
            fields = {
                field: self.of(hint, f"{name}.{field}") for field, hint in _hints(kind).items()
            }
            about = (kind.__doc__ or "").strip()
            is_own = about and not about.startswith(
                f"{kind.__name__}("
            )  # a dataclass writes its signature
            described = {"description": about} if is_own else {}
            self.definitions[name] = {"type": "object", **described, "properties": fields}
        return {"$ref": f"#/$defs/{self._names[kind]}"}

    def _free(self, name: str) -> str:
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        return next(one for one in names if one not in self.definitions)


def _origin(kind: Any) -> Any:
    """What a generic type is one of, such as `list` of `list[int]`; None for any other type."""
    return get_origin(kind) or (kind if kind in (*_LISTS, *_MAPPINGS) else None)


def _is_mixed(kind: Any) -> bool:
    """Whether it is a tuple whose items are of several types, each at its place."""
    return get_origin(kind) is tuple and len({*get_args(kind)} - {...}) > 1


def _hints(kind: Any) -> Json:
    hints = get_type_hints(kind, include_extras=True)
    if is_typeddict(kind):
        return hints
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}


def loaded(kind: Any, data: Any, where: str = "") -> Any:
    """An object of a type, out of JSON.

    Raises:
        ValueError: naming the field, if the JSON is of another type.
    """
    origin, arguments = _origin(kind), get_args(kind)
    if origin is Annotated or origin in _MARKS:
        return loaded(arguments[0], data, where)
    if origin in _UNIONS:
        return _first_of(arguments, data, where)
    if origin is Literal:
        return _checked(data in arguments, data, where, f"one of {list(arguments)}")
    if _is_object(kind):
        return _loaded_object(kind, data, where)
    if origin in _LISTS:
        return _loaded_list(kind, data, where)
    if origin in _MAPPINGS:
        return _loaded_mapping(arguments, data, where)
    return _scalar(kind, data, where)


def _scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is float:
        is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
        return float(_checked(is_number, data, where, "a number"))
    if kind is int:
        return _checked(
            isinstance(data, int) and not isinstance(data, bool), data, where, "an integer"
        )
    if kind in (str, bool):
        return _checked(isinstance(data, kind), data, where, kind.__name__)
    if kind in (None, NoneType):
        return _checked(data is None, data, where, "null")
    if kind in (datetime, date):
        return kind.fromisoformat(_checked(isinstance(data, str), data, where, "a date as text"))
    if _is_enum(kind):
        return kind(data)
    return data


def _checked(holds: bool, data: Any, where: str, wanted: str) -> Any:
    if not holds:
        raise ValueError(f"{where.lstrip('.') or 'the output'}: is {data!r:.80}, not {wanted}")
    return data


def _first_of(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    faults: list[str] = []
    for kind in kinds:
        try:
            return loaded(kind, data, where)
        except Exception as fault:  # whatever the class raises, the next may take it
            faults.append(str(fault) or type(fault).__name__)
    raise ValueError("; ".join(faults))


def _loaded_list(kind: Any, data: Any, where: str) -> Any:
    _checked(is_array(data), data, where, "a list")
    arguments = get_args(kind)
    items: Iterator[Any] = (
        loaded(arguments[0], one, f"{where}[{number}]") if arguments else one
        for number, one in enumerate(data)
    )
    made = _origin(kind)
    return list(items) if made in (list, Sequence) else made(items)


def _loaded_mapping(arguments: tuple[Any, ...], data: Any, where: str) -> Any:
    _checked(is_object(data), data, where, "an object")
    if len(arguments) < 2:
        return data
    return {key: loaded(arguments[1], one, f"{where}.{key}") for key, one in data.items()}


def _required(kind: Any) -> Iterator[str]:
    """The fields that a TypedDict must have; the class itself does not know under postponed
    annotations.
    """
    for name, hint in _hints(kind).items():
        origin = get_origin(hint)
        if origin is not NotRequired and (origin is Required or name in kind.__required_keys__):
            yield name


def _loaded_object(kind: Any, data: Any, where: str) -> Any:
    _checked(is_object(data), data, where, f"an object ({kind.__name__})")
    values = {
        name: loaded(hint, data[name], f"{where}.{name}")
        for name, hint in _hints(kind).items()
        if name in data
    }
    if is_typeddict(kind):
        for name in _required(kind):
            _checked(name in values, data, where, f"an object with the field {name}")
        return values
    try:
        return kind(**values)
    except TypeError as fault:
        raise ValueError(f"{where.lstrip('.') or kind.__name__}: {fault}") from fault
