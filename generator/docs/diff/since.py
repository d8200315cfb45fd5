"""What findings about a page's changes have in common: its call, the day before, what to do."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from generator.docs.described import Described
from generator.docs.pages import Page
from generator.docs.pages.untrusted import one_line, quoted
from generator.document import Operation
from generator.source import MODELS_FOLDER, obj, seq

from .finding import Finding, Subject

NOTHING = "nothing to do here"
_MOST_NAMES = 20
_MOST_SOURCES = 5


class Since:
    """A call of a page that was read before.

    Args:
        operation: The operation that it is; None if it is not described.
        name: The call's `method path`.
        seen: The day on which the page was read.
    """

    def __init__(
        self, described: Described, page: Page, operation: Operation | None, name: str, seen: str
    ) -> None:
        self.described, self.page, self.operation = described, page, operation
        self.name, self.seen = name, seen

    @cached_property
    def subject(self) -> Subject | None:
        if self.operation is None:
            return None
        return Subject(self.described, self.page.source, self.operation, number=self.page.number)

    def finding(
        self,
        kind: str,
        field: str,
        message: str,
        fix: str,
        container: Any = None,
        key: str | None = None,
        part: str = "",
    ) -> Finding:
        message = f"since {self.seen}, {message}"
        if self.subject is not None:
            return self.subject.finding(kind, field, message, fix, container, key, part)
        text = one_line(f"{call_text(self.name)}: {message}", 1000)
        fix = "the call is not described: draft it"
        return Finding(self.page.source, "", "", 0, kind, one_line(field, 300), text, fix, part)

    @property
    def gone(self) -> str:
        """What to do about something that the page no longer has and the specification has."""
        if self.operation is None:
            return NOTHING
        docs = [obj(entry) for entry in seq(self.operation.node.get("x-docs"))]
        others = len(docs) - 1
        if others <= 0:
            return "remove it, or mark it deprecated, unless callers use it"
        named = ", ".join(_source(entry) for entry in docs[:_MOST_SOURCES])
        return f"see whether another source of the operation still has it ({named}); else remove it"

    def model(self, name: str) -> str:
        """Where the catalogue has a model."""
        models = self.described.context.model.models.values()
        known = next((one.id for one in models if one.named(name)), None)
        if known is None:
            return f"the catalogue does not have it; if it should, add it to {MODELS_FOLDER}/"
        return f"the catalogue has it as `{known}`: correct it, `deprecated: true` if it is gone"


def call_text(name: str) -> str:
    """A call's `method path` in a message."""
    method, _, path = name.partition(" ")
    return quoted(f"{method.upper()} {path}", 300)


def _source(entry: dict[str, Any]) -> str:
    return str(entry.get("page") or entry.get("url") or entry.get("source"))


def named(values: list[Any]) -> str:
    """Values in a message; of many, the first ones."""
    shown = ", ".join(quoted(value) for value in values[:_MOST_NAMES])
    more = len(values) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
