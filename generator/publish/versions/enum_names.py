"""Names for the values of an enum where generators cannot make them from the values.

`""` and `漫画` are no identifiers, and `high` and `HIGH` are one.
"""

from __future__ import annotations

import re

from .prose import code, sentence
from .walk import Json

_NAMES = "x-enum-varnames"
_MAX_WORD = 8


def with_enum_names(schema: Json) -> Json:
    """A copy of a schema whose enum every generator can take.

    Values without an ASCII letter or digit get names in `x-enum-varnames`. Values that differ only
    in case cannot have two names in many languages: such an enum becomes plain text, and its
    description lists the values.
    """
    values = schema.get("enum")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return schema
    if len({value.casefold() for value in values}) < len(values):
        return _as_text(schema, values)
    if all(re.search("[A-Za-z0-9]", value) for value in values) or _NAMES in schema:
        return schema
    return {**schema, _NAMES: _distinct([_name(value) for value in values])}


def _as_text(schema: Json, values: list[str]) -> Json:
    rest = {key: value for key, value in schema.items() if key != "enum"}
    listed = ", ".join(map(code, values))
    description = f"{sentence(rest.get('description', ''))} One of {listed}.".strip()
    return {"type": "string", **rest, "description": description, "x-enum": values}


def _name(value: str) -> str:
    """The value as an identifier, from its code points where it has no ASCII letter or digit.

    Code points rather than a number in the list: the name stays when a value is inserted.
    """
    ascii_words = re.findall("[A-Za-z0-9]+", value)
    if ascii_words:
        name = "_".join(ascii_words).upper()
        return f"N{name}" if name[0].isdigit() else name
    if not value:
        return "EMPTY"
    return "_".join(["U", *(f"{ord(character):04X}" for character in value[:_MAX_WORD])])


def _distinct(names: list[str]) -> list[str]:
    """The names; one that was there before gets a number."""
    distinct: list[str] = []
    for name in names:
        number = 2
        candidate = name
        while candidate in distinct:
            candidate, number = f"{name}_{number}", number + 1
        distinct.append(candidate)
    return distinct
