"""What an older OpenAPI version has no keyword for: where it is carried, and the list of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from .prose import code
from .walk import Json

# A tag's title has a name that reference sites read.
_CARRIED = {("tag", "summary"): "x-displayName"}
_HEAD = """# What the older versions cannot say

The OpenAPI 3.2 document is complete; 3.1 is made from it, and 3.0 from 3.1. What a version has no
keyword for is in the `x-` field named here; the places are those in the version before. What 3.0
expresses in another way (`nullable` for a type null, `enum` for `const`, `anyOf` for several
types) is not a loss and is not listed."""


@dataclass(frozen=True, order=True)
class Loss:
    """A field that a version has no keyword for."""

    version: str
    what: str
    """Kind of object and field, such as `mediaType.itemSchema`."""
    carried: str
    """The field that carries it."""
    place: str
    """JSON pointer of the object in the next newer version, which has the field."""


def carry(
    version: str, kind: str, node: Json, place: str, fields: Collection[str], losses: list[Loss]
) -> Json:
    """The object with the fields that the version does not know renamed to `x-` fields.

    Args:
        version: The version that lacks the fields.
        kind: The kind of the object.
        node: The object.
        place: Its JSON pointer.
        fields: Which fields the version lacks.
        losses: Gets an entry for each.
    """
    carried = {key: _CARRIED.get((kind, key), f"x-{key}") for key in node if key in fields}
    losses += [Loss(version, f"{kind}.{key}", name, place) for key, name in carried.items()]
    return {carried.get(key, key): value for key, value in node.items()}


def loss_report(losses: list[Loss]) -> str:
    """The losses by field, each with every place, as Markdown."""
    lines = [_HEAD]
    for (version, what, carried), group in groupby(losses, key=_heading):
        places = [f"- {code(loss.place)}" for loss in group]
        heading = f"## {version}: {code(what)} is {code(carried)} ({len(places)})"
        lines += ["", heading, "", *places]
    return "\n".join(lines) + "\n"


def _heading(loss: Loss) -> tuple[str, str, str]:
    return loss.version, loss.what, loss.carried
