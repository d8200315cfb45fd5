"""Say in our own words how a value breaks a JSON Schema.

The validator's own messages differ by its version, and people search for a message, and tests look
for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import jsonschema_rs

_MOST = 140  # characters shown of a value


def describe(error: jsonschema_rs.ValidationError) -> str:
    """What is wrong with the value, in one line."""
    rule = _rule(error)
    if rule in _WORDS:
        return _WORDS[rule](error)
    return f"{_shown(error.instance)} breaks the rule `{rule}`"


def keyword(error: jsonschema_rs.ValidationError) -> str:
    """The keyword of the schema that the value breaks, such as `required`."""
    rule = _rule(error)
    return "const" if rule == "Constant" else rule[:1].lower() + rule[1:]


def _rule(error: jsonschema_rs.ValidationError) -> str:
    return type(error.kind).__name__.removeprefix(
        "ValidationErrorKind_"
    )  # the prefix is that of older versions


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[: _MOST // 2]} … {text[-_MOST // 2 :]}"


def _choice(values: Iterable[Any], shown: Callable[[Any], str] = _shown) -> str:
    texts = [shown(value) for value in values]
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else "anything"


def _names(keys: Iterable[Any]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _unexpected(error: Any) -> str:
    return f"{_names(error.kind.unexpected)} is not known here"


def _limit(words: str) -> Callable[[Any], str]:
    return lambda error: f"{_shown(error.instance)} {words.format(error.kind.limit)}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "AdditionalProperties": _unexpected,
    "UnevaluatedProperties": _unexpected,
    "AnyOf": lambda error: f"{_shown(error.instance)} fits none of the allowed schemas",
    "OneOfNotValid": lambda error: f"{_shown(error.instance)} fits none of the allowed schemas",
    "OneOfMultipleValid": lambda error: (
        f"{_shown(error.instance)} fits several schemas, of which exactly one may fit"
    ),
    "Constant": lambda error: (
        f"{_shown(error.instance)} is not {_shown(error.kind.expected_value)}"
    ),
    "Enum": lambda error: f"{_shown(error.instance)} is not {_choice(error.kind.options)}",
    "Type": lambda error: (
        f"{_shown(error.instance)} is not of type {_choice(error.kind.types, str)}"
    ),
    "Required": lambda error: f"`{error.kind.property}` is missing",
    "Pattern": lambda error: (
        f"{_shown(error.instance)} does not have the form {error.kind.pattern}"
    ),
    "PropertyNames": lambda error: f"the key {describe(error.kind.error)}",
    "Format": lambda error: f"{_shown(error.instance)} is not a valid {error.kind.format}",
    "Minimum": _limit("is less than the minimum {}"),
    "Maximum": _limit("is greater than the maximum {}"),
    "ExclusiveMinimum": _limit("is not greater than {}"),
    "ExclusiveMaximum": _limit("is not less than {}"),
    "MinLength": _limit("is shorter than {} characters"),
    "MaxLength": _limit("is longer than {} characters"),
    "MinItems": _limit("has fewer than {} items"),
    "MaxItems": _limit("has more than {} items"),
    "MinProperties": _limit("has fewer than {} keys"),
    "MaxProperties": _limit("has more than {} keys"),
    "MultipleOf": lambda error: (
        f"{_shown(error.instance)} is not a multiple of {error.kind.multiple_of:g}"
    ),
    "UniqueItems": lambda error: f"{_shown(error.instance)} has an item twice",
    "FalseSchema": lambda error: f"{_shown(error.instance)} is not allowed here",
    "Not": lambda error: f"{_shown(error.instance)} is not allowed here",
}
