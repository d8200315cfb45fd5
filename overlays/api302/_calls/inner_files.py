"""Local files inside the objects of a body, such as an image in a message: sent as data URLs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from api302._json import is_array, is_mapping, is_tuple
from api302._types import Uploaded
from api302_client._model import ResultFile
from api302_client.behaviour import FORMS

from .files import put_file
from .local_files import is_file

Tree = Mapping[str, Any]


def put_inner_files(
    body: Mapping[str, Any], fields: Mapping[str, Any], opened: list[Any]
) -> dict[str, Any]:
    """The body with its files as text, where `fields` take one (`Behaviour.inner_files`).

    What has none is the same object. Files opened here are added to `opened`. Raises
    InvalidArgument, naming the place.
    """
    return _put(body, fields, "", opened)


def has_inner_files(value: Any, below: Tree) -> bool:
    """Whether any of the fields may hold a local file. Quick, as nearly every body has none."""
    kind = value.__class__
    if kind is str or value is None:
        return False
    if kind is dict:
        for name, inner in below.items():
            if name in value and has_inner_files(value[name], inner):
                return True
        return False
    items = below.get("[]")
    if items is None or not isinstance(value, (list, tuple)):
        return FORMS in below or isinstance(value, Mapping)
    return any(has_inner_files(item, items) for item in cast("Sequence[Any]", value))


def _put(value: Any, below: Tree, where: str, opened: list[Any]) -> Any:
    if value.__class__ is str or value is None:
        return value
    if is_mapping(value):
        return _in_object(value, below, where, opened)
    if "[]" in below and (is_array(value) or is_tuple(value)):
        items = below["[]"]
        return _each(value, [_put(one, items, at, opened) for at, one in _places(value, where)])
    if FORMS not in below:
        return value
    if is_array(value):
        return _each(value, [_put(one, below, at, opened) for at, one in _places(value, where)])
    return _at_file(value, below[FORMS], where, opened)


def _places(items: Sequence[Any], where: str) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items):
        yield f"{where}[{number}]", item


def _each(old: Sequence[Any], new: list[Any]) -> Any:
    """The new items, or the same list where none of them is new."""
    return new if any(one is not other for one, other in zip(new, old, strict=True)) else old


def _in_object(value: Mapping[str, Any], below: Tree, where: str, opened: list[Any]) -> Any:
    made = value
    for name, inner in below.items():
        if name in value:
            at = f"{where}.{name}" if where else name
            new = _put(value[name], inner, at, opened)
            if new is not value[name]:
                made = {**made, name: new}
    return made


def _at_file(value: Any, forms: tuple[str, ...], where: str, opened: list[Any]) -> Any:
    if isinstance(value, str) or not (is_file(value) or isinstance(value, (ResultFile, Uploaded))):
        return value
    return put_file(where, value, _in_order(forms), opened)


def _in_order(forms: tuple[str, ...]) -> tuple[str, ...]:
    """The forms without data URLs, where base64 alone is what the description names first."""
    first = next((form for form in forms if form in ("base64", "data_url")), "")
    return tuple(form for form in forms if form != "data_url" or first == "data_url")
