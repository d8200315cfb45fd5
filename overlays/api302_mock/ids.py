"""Fresh ids in the form of the document's, and putting them where an example has its own."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any, cast

from api302_mock.document import Document, Operation

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INTEGER = re.compile(r"[0-9]{1,30}")
# A leading zero stays one, and no other digit becomes one.
_ALPHABETS = ("123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Ids:
    """Fresh ids of the form of an example: a number for a number, a UUID for a UUID.

    The same ones in each run.
    """

    def __init__(self) -> None:
        self._random = random.Random(302)

    def like(self, example: Any) -> Any:
        """A new id that looks like `example`."""
        if isinstance(example, int):
            return self._random.randrange(10**9, 10**10)
        text = str(example)
        if not _UUID.fullmatch(text) and len(text) < 12:
            return f"{text}-{self._random.randrange(16**8):08x}"
        hexadecimal = re.fullmatch(r"[0-9a-f-]+", text) is not None
        return "".join(self._letter(letter, hexadecimal) for letter in text)

    def _letter(self, letter: str, hexadecimal: bool) -> str:
        if hexadecimal and letter.isalpha():
            return self._random.choice("abcdef")
        for alphabet in _ALPHABETS:
            if letter in alphabet:
                return self._random.choice(alphabet)
        return letter


def renamed(value: Any, names: set[str], old: set[str], new: Any) -> Any:
    """A copy with an id in place of the example's.

    Args:
        value: The response.
        names: Fields that hold the id, whatever value they have.
        old: The example's ids: id fields with one of these change too, and so do keys that are one.
        new: The id.
    """
    if isinstance(value, list):
        return [renamed(item, names, old, new) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    copied: dict[str, Any] = {}
    for key, item in cast("dict[str, Any]", value).items():
        if _is_id(key, item, names, old):
            copied[key] = as_kind(new, item)
        elif key in old and not key.isidentifier():
            # Some responses map tasks by their ids. What could be a field's name is one,
            # whatever the things of the API are called.
            copied[str(new)] = renamed(item, names, old, new)
        else:
            copied[key] = renamed(item, names, old, new)
    return copied


def _is_id(key: str, item: Any, names: set[str], old: set[str]) -> bool:
    if isinstance(item, bool) or not isinstance(item, (str, int)):
        return False
    return key in names or (str(item) in old and key.lower().endswith("id"))


def as_kind(new: Any, example: Any) -> Any:
    """The id as a number where the example is one, if it can be, and else as text."""
    if isinstance(example, int):
        return int(new) if _INTEGER.fullmatch(str(new)) else example
    return str(new)


def parameter_examples(document: Document, operations: Iterable[Operation], name: str) -> set[str]:
    """The values that the document shows for a parameter: what an example names exists."""
    shown: set[str] = set()
    for operation in operations:
        for parameter in operation.parameters:
            if parameter["name"] == name:
                shown |= {str(value) for value in _examples_of(document, parameter)}
    return shown - {"None"}


def _examples_of(document: Document, parameter: dict[str, Any]) -> list[Any]:
    schema = document.resolve(parameter.get("schema", {}))
    named = [document.resolve(example) for example in parameter.get("examples", {}).values()]
    own = [parameter.get("example"), schema.get("example"), *schema.get("examples", [])]
    return [*own, *(example.get("value") for example in named)]
