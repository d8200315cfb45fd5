"""How the operations of the specification say that calls behave:

a draft follows its vendor, else what most do.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from generator.docs.described import Described
from generator.document import Operation
from generator.runtime import behaviour

STATES = ("pending", "succeeded", "failed")
"""The lists of state words in x-task-status."""

_READERS: dict[str, Any] = {
    "x-success": behaviour.Success.of,
    "x-task": behaviour.Task.of,
    "x-task-status": behaviour.TaskStatus.of,
    "x-stream": behaviour.Stream.of,
}


class Rule(NamedTuple):
    """An extension as the specification has it, and what it says."""

    data: dict[str, Any]
    says: Any


class Conventions:
    """The rules of the specification's operations."""

    def __init__(self, described: Described) -> None:
        self.described = described

    def rules(self, extension: str, vendor: str = "") -> list[Rule]:
        """The different rules of an extension, of all operations or a vendor's, the most common
        first.
        """
        texts = Counter(
            json.dumps(operation.node[extension])
            for operation in self._operations(extension)
            if vendor in ("", operation.vendor)
        )
        rules: list[Rule] = []
        for text, _ in texts.most_common():
            data = json.loads(text)
            try:
                rules.append(Rule(data, _READERS[extension](data)))
            except (KeyError, TypeError, AttributeError, ValueError):
                continue  # malformed, which the house rules report
        return rules

    def _operations(self, extension: str) -> Iterator[Operation]:
        return (one for one in self.described.operations if extension in one.node)

    @cached_property
    def meanings(self) -> dict[str, str]:
        """The state that each word, in lower case, means in most rules."""
        counts: Counter[tuple[str, str]] = Counter()
        for rule in self.rules("x-task-status"):
            for state in STATES:
                listed = [word for word in getattr(rule.says, state) if isinstance(word, str)]
                counts.update((word.casefold(), state) for word in listed)
        return {word: state for (word, state), _ in reversed(counts.most_common())}

    @cached_property
    def webhooks(self) -> set[str]:
        """The fields that take a webhook's URL."""
        hooks = (rule.says.webhook for rule in self.rules("x-task"))
        return {hook.name for hook in hooks if hook}

    def fetching(self, vendor: str) -> dict[str, tuple[str, list[str]]]:
        """A vendor's operations that get a task's status: path, and what they require."""
        fetching: dict[str, tuple[str, list[str]]] = {}
        for operation in self._operations("x-task-status"):
            if operation.vendor == vendor:
                fetching[operation.id] = operation.path, self._required(operation)
        return fetching

    def _required(self, operation: Operation) -> list[str]:
        parameters = self.described.parameters(operation)
        taken = {str(one.get("name")): one.get("required") is True for one in parameters}
        taken |= self.described.context.body_fields(operation)
        return [name for name, required in taken.items() if required]
