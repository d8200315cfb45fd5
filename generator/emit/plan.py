"""All that is generated from a document, before anything is written."""

from __future__ import annotations

from functools import cached_property

from generator.document import Document, Operation

from . import arguments
from .arguments import Arguments, NameProblem
from .endpoints import Endpoint, Facts, endpoint, facts
from .model_names import ModelNames
from .owners import owners
from .readings import with_readings
from .request_types import RequestTypes
from .response_types import Class, classes


class Plan:
    """What the packages are made of.

    Raises DocumentError, naming the place and the fix, for what none can be made from.

    Attributes:
        document: The joined document.
        modules: In which module of `params` each request schema is.
        endpoints: What each operation's module says of request and responses, by operation id,
            ordered by path.
        classes: The classes of responses by name.
        types: Renders the types of arguments.
        models: The types of arguments that take a model.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.modules = owners(document)
        ordered = sorted(document.operations, key=lambda operation: operation.path)
        self.endpoints: dict[str, Endpoint] = {
            operation.id: endpoint(operation, self.modules) for operation in ordered
        }
        expressions = [text for made in self.endpoints.values() for text in made.expressions]
        expressions += [
            message.schema.name for call in document.realtime for message in call.received
        ]
        known = classes(document, expressions)
        self.classes: dict[str, Class] = with_readings(document, self.endpoints, known)
        self.types = RequestTypes(self.modules, self.classes)
        self.models = ModelNames(document)
        self._arguments: dict[str, Arguments] = {}

    def arguments(self, operation: Operation) -> Arguments:
        """What an operation takes. Raises NameProblem."""
        if operation.id not in self._arguments:
            try:
                taken = arguments.read(operation, self.types)
                self._arguments[operation.id] = self.models.typed(operation, taken)
            except NameProblem:
                raise
            except (KeyError, TypeError, ValueError) as error:
                fault = f"its request cannot be read ({type(error).__name__}: {error})"
                raise NameProblem(fault, "run `python -m generator check`") from error
        return self._arguments[operation.id]

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """What clients must know of each operation beside request and responses, by operation id.

        Raises NameProblem.
        """
        return {
            operation.id: facts(operation, self.arguments(operation))
            for operation in self.document.operations
        }
