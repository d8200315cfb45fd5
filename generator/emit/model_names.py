"""The types of arguments that take a model: a Literal of the catalogue's names, and any other text.

A set of names is one alias, whatever number of calls take it: a wall of names in each would make
the package large and type checkers slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from generator.document import Document, Operation
from generator.document.names import class_name

from .annotation import Annotation
from .arguments import Argument, Arguments
from .code import HEADER, File

PACKAGE, MODULE = "api302_resources", "api302_resources._models"
_ABOUT = """The models that arguments complete.

Any other name is taken too: the service knows more models than this version.
"""


class ModelNames:
    """The aliases of a document, each made when an operation needs it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._aliases: dict[tuple[str, ...], str] = {}
        kinds: dict[str, list[str]] = {}
        for model in document.models.values():
            if model.name and not model.deprecated:
                for kind in model.kinds:
                    kinds.setdefault(kind, []).append(model.name)
        self._by_names = {tuple(names): _of_kind(kind) for kind, names in kinds.items()}

    def typed(self, operation: Operation, taken: Arguments) -> Arguments:
        """The arguments of an operation, those that take a model with the models' names."""
        fields = self.document.models_of(operation)
        aliases = {field: self._alias(operation, field) for field in fields}

        def with_names(argument: Argument) -> Argument:
            alias = aliases.get(argument.wire, "")
            return _with_alias(operation, argument, alias) if alias else argument

        taken.body.fields = [with_names(argument) for argument in taken.body.fields]
        return Arguments([with_names(argument) for argument in taken.all], taken.body)

    def _alias(self, operation: Operation, field: str) -> str:
        listed = self.document.models_of(operation)[field]
        names = tuple(model.name for model in listed if model.name and not model.deprecated)
        if not names:
            return ""
        if names not in self._aliases:
            own = class_name(f"{operation.id}_{field}")
            self._aliases[names] = self._by_names.get(names, own)
        return self._aliases[names]

    def files(self) -> Iterator[File]:
        """The module of the aliases."""
        lines = [f'{HEADER}\n"""{_ABOUT}"""\n', "from __future__ import annotations\n"]
        lines.append("from typing import Literal, TypeAlias\n")
        for names, alias in sorted(self._aliases.items(), key=lambda pair: pair[1]):
            listed = ", ".join(map(repr, dict.fromkeys(names)))
            lines.append(f"{alias}: TypeAlias = Literal[{listed}] | str")
        yield File(f"{PACKAGE}/_models.py", "", {"text": "\n".join(lines) + "\n"})


def _of_kind(kind: str) -> str:
    return f"{class_name(kind.replace('3d', 'three-d'))}Model"


def _with_alias(operation: Operation, argument: Argument, alias: str) -> Argument:
    annotation = argument.annotation
    if annotation.values or "str" not in annotation.parts:
        return argument  # the schema itself lists what it takes
    parts = tuple(alias if part == "str" else part for part in annotation.parts)
    named = Annotation(parts, (), annotation.imports | {(MODULE, alias)})
    hint = f"`client.catalog.find(operation={operation.id!r})` lists them."
    return replace(argument, annotation=named, description=f"{argument.description} {hint}".strip())
