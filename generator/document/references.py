"""Following `$ref`: the one place that does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

DATA = frozenset({"example", "examples", "default", "enum", "const"})
"""Keys below which there is data, not parts of the description."""


class DocumentError(ValueError):
    """The document says something that no client can be made from.

    The message names the place and the fix.
    """


class Found(NamedTuple):
    """A value of the document and its JSON pointer, after following references."""

    pointer: str
    value: Any


def escape(name: str) -> str:
    """A name as part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def reference(node: Any) -> str | None:
    """The `$ref` of an object, if it is one."""
    found = node.get("$ref") if isinstance(node, dict) else None
    return found if isinstance(found, str) else None


def find(document: Any, ref: Any) -> Found | None:
    """What a local `$ref` points to; None for anything else."""
    if not isinstance(ref, str) or not ref.startswith("#/"):
        return None
    value = document
    for part in ref[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return Found(ref[1:], value)


def follow(document: Any, value: Any, pointer: str = "") -> Found:
    """The object itself, or what its chain of `$ref` leads to, as far as it leads."""
    found = Found(pointer, value)
    for _ in range(20):  # a chain longer than that is a circle
        target = find(document, reference(found.value))
        if target is None:
            break
        found = target
    return found


def resolve(document: Any, value: Any, where: str) -> Any:
    """As `follow`, the value alone.

    Raises DocumentError, which names `where`, for a reference to nothing or to itself.
    """
    seen: set[str] = set()
    while (ref := reference(value)) is not None:
        if ref in seen:
            raise DocumentError(f"{where}: {ref} refers to itself and to nothing else.")
        seen.add(ref)
        target = find(document, ref)
        if target is None:
            raise DocumentError(
                f"{where}: {ref} is not in the document. Define it, or correct the reference."
            )
        value = target.value
    return value


def references(node: Any) -> Iterator[str]:
    """Every `$ref` inside a part of a document; data is left out."""
    if isinstance(node, dict):
        if (ref := reference(node)) is not None:
            yield ref
        for key, value in node.items():
            if key not in DATA:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
