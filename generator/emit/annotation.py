"""Annotations: Python types as text, and the names that must be imported to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from generator.document.names import TYPE_NAMES

from .response_types import OUTPUT, PARSED, Class

MODELS, MODEL_BASE = "api302_client.models", "api302_client._model"
_RETURNED = {
    "bytes": "Binary",
    "dict[str, Any]": "JsonObject",
    "list[Any]": "JsonList",
    "str": "Text",
}
_FILE = {"Binary": [OUTPUT]}


@dataclass(frozen=True)
class Annotation:
    """A union of types, its Literal values apart, and the (module, name) pairs to import."""

    parts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    imports: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Annotation) -> Annotation:
        parts = tuple(dict.fromkeys(self.parts + other.parts))
        if "float" in parts:  # which admits int
            parts = tuple(part for part in parts if part != "int")
        return Annotation(
            parts, tuple(dict.fromkeys(self.values + other.values)), self.imports | other.imports
        )

    def __str__(self) -> str:
        if "Any" in self.parts:
            return "Any"
        literal = [f"Literal[{', '.join(self.values)}]"] if self.values else []
        last = ["None"] if "None" in self.parts else []
        return (
            " | ".join([*literal, *(part for part in self.parts if part != "None"), *last]) or "Any"
        )

    @property
    def or_none(self) -> Annotation:
        """The same, or None."""
        return self if str(self) == "Any" else self | scalar("None")

    def without_none(self) -> Annotation:
        """For an argument: there None means not sent."""
        return Annotation(
            tuple(part for part in self.parts if part != "None"), self.values, self.imports
        )


ANY = Annotation(("Any",), (), frozenset({("typing", "Any")}))
FILE = Annotation(("FileInput",), (), frozenset({("api302", "FileInput")}))


def scalar(name: str) -> Annotation:
    """A type that needs no import."""
    return Annotation((name,))


def imported(name: str, module: str) -> Annotation:
    """A type that is imported by its name."""
    return Annotation((name,), (), frozenset({(module, name)}))


def generic(name: str, module: str, *arguments: Annotation) -> Annotation:
    """A type with arguments, such as `Sequence[str]`."""
    imports = frozenset({(module, name)}).union(*(argument.imports for argument in arguments))
    return Annotation((f"{name}[{', '.join(map(str, arguments))}]",), (), imports)


def literal(value: object) -> Annotation:
    """One value; of a float, which no Literal can hold, its type."""
    if value is None:
        return scalar("None")
    if isinstance(value, float):
        return scalar("float")
    return Annotation((), (repr(value),), frozenset({("typing", "Literal")}))


def union(annotations: Iterator[Annotation]) -> Annotation:
    """The types of all of them."""
    joined = Annotation()
    for annotation in annotations:
        joined |= annotation
    return joined if joined.parts or joined.values else ANY


def returned(expressions: Iterator[str]) -> Annotation:
    """The type of a whole response, from the type expressions the raw client structures it by."""
    whole = (
        imported(_RETURNED[text], MODEL_BASE) if text in _RETURNED else received(text)
        for text in expressions
    )
    return union(whole)


def with_files(whole: Annotation, classes: Mapping[str, Class]) -> Annotation:
    """The type of a whole response of a call that gives files, with their class left open."""
    known = {name: [OUTPUT] for name in _RETURNED.values()}
    known |= {name: cls.variables for name, cls in classes.items() if cls.gives_files}
    return replace(whole, parts=tuple(_with_files(part, known) for part in whole.parts))


def file_itself(whole: Annotation) -> Annotation:
    """The type of a whole response, with the class of its files left open where it is a file."""
    return replace(whole, parts=tuple(_with_files(part, _FILE) for part in whole.parts))


def _with_files(part: str, known: Mapping[str, list[str]]) -> str:
    """A union with the variables of its members; `A[Parsed]` is one that has its first already."""
    members: list[str] = []
    for member in part.split(" | "):
        bare, _, parsed = member.partition("[")
        given = {PARSED: parsed.removesuffix("]") or "None", OUTPUT: OUTPUT}
        variables = [given[name] for name in known.get(bare, ())]
        members.append(f"{bare}[{', '.join(variables)}]" if variables else member)
    is_whole = all(member.count("[") == member.count("]") for member in part.split(" | "))
    return " | ".join(members) if is_whole else part


def received(expression: str) -> Annotation:
    """The type of a part of a response, from the type expression that structures it."""
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "", expression)
    names = set(re.findall(r"[A-Za-z_]\w*", bare))
    typing = {("typing", name) for name in names & {"Any", "Literal"}}
    base = {(MODEL_BASE, name) for name in names & {PARSED}}
    models = {(MODELS, name) for name in names - TYPE_NAMES}
    return Annotation((expression,), (), frozenset(typing | base | models))
