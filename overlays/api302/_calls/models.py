"""Which model a request names, and whether the catalogue knows it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from api302 import _log
from api302._secret import Redactor
from api302._types import Operation

_REMEMBERED = 1000
_LONGEST = 100
"""Characters of a name that is shown, and looked for among the others."""


def named(op: Operation, *several: Mapping[str, Any] | None) -> str | None:
    """The model that a request names, by its parameters and body; None if its call has no such
    field.
    """
    rule = op.behaviour.models
    for values in several if rule else ():
        value = (values or {}).get(rule.field) if rule else None
        if isinstance(value, str):
            return value
    return None


def warn(what: str, model: str) -> None:
    """WARNING, once a name: the catalogue does not know a model. The service may all the same."""
    if said := unknown(model):
        _warned(what, said)


@lru_cache(_REMEMBERED)
def _warned(what: str, said: str) -> None:
    _log.logger.warning("%s: %s", what, Redactor().text(said))


@lru_cache(_REMEMBERED)
def unknown(model: str) -> str:
    """That the catalogue does not know a model, and the names that are near; empty if it does."""
    from api302_client.stored import is_written

    if is_written(model):
        return ""
    from api302_client.catalog import is_named, load, near

    if is_named(model):
        return ""
    names = [one.name for one in load().models.values() if one.name]
    close = near(model, names) if len(model) <= _LONGEST else []
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"the catalogue has no model {model!r:.{_LONGEST}}{hint}"
