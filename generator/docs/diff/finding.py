"""A finding, and the operation that findings are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generator.docs.described import Described
from generator.docs.pages import note, page_number
from generator.docs.pages.untrusted import one_line
from generator.document import Operation
from generator.source import obj, seq


@dataclass(frozen=True)
class Finding:
    """Something to decide: where in spec/, what kind of thing, and what each side says."""

    source: str
    """The page or the recorded exchange."""
    operation: str
    file: str
    line: int
    kind: str
    field: str
    message: str
    fix: str
    part: str = ""
    """`request` or `response`, where it is about one of them."""


class Subject:
    """An operation that one page or exchange is about.

    Args:
        source: The page or the exchange.
        who: `page` or `exchange`, for messages.
        number: The page's number.
    """

    def __init__(
        self,
        described: Described,
        source: str,
        operation: Operation,
        who: str = "page",
        number: str = "",
    ) -> None:
        self.described, self.source, self.operation, self.who = described, source, operation, who
        docs = [obj(entry) for entry in seq(operation.node.get("x-docs"))]
        is_page = who == "page"
        self.is_alone = is_page and [entry.get("evidence") for entry in docs] == ["page"]
        """This page is all that the operation is known from, so what the page no longer has is
        gone.
        """
        self.is_shared = len([entry for entry in docs if entry.keys() & {"page", "url"}]) > 1
        """Several pages describe it, so what one of them requires may be optional."""
        self.is_misled = is_page and not {number, ""}.isdisjoint(_misleading(docs))
        """The page's example is another call's, as x-docs says."""
        self.settled: list[str] = []
        """Differences that our conventions settle, each with the reason."""

    def settle(self, reason: str) -> None:
        """Note a difference that our conventions settle."""
        note(self.settled, reason)

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
        """A finding at a key of a schema, else at the schema, else at a key of the operation."""
        place = self.described.spec.place(container, key if key in obj(container) else None)
        file, line = place or self.described.place(self.operation, *([key] if key else []))
        text = one_line(f"{self.operation.id}: {message}", 1000)
        field = one_line(field, 300)
        return Finding(self.source, self.operation.id, file, line, kind, field, text, fix, part)


def _misleading(docs: list[dict[str, Any]]) -> set[str]:
    """The numbers of the pages whose example is another call's; `""` for one without a number."""
    wrong = (entry for entry in docs if entry.get("example") == "wrong")
    return {page_number(str(entry.get("url") or "")) for entry in wrong}


def required(
    subject: Subject, owner: Any, name: str, theirs: bool, mine: bool
) -> tuple[Finding, ...]:
    """What there is to decide where the two sides differ in whether a field or parameter is
    required.
    """
    if theirs and not mine:
        if subject.is_shared:
            pages = f"several pages share {subject.operation.id}, so it may stay optional"
            subject.settle(f"`{name}` is required on this page; {pages}")
            return ()
        fix = "add it to `required`, unless calls without it are known"
        message = f"the page requires `{name}`"
    elif mine and not theirs:
        fix = "remove it from `required`, unless the service refuses without it"
        message = f"`{name}` is optional on the page"
    else:
        return ()
    return (subject.finding("required", name, message, fix, owner, "required", "request"),)


def type_text(schema: dict[str, Any]) -> str:
    """The type of a schema, for a message."""
    kind = schema.get("type") or "any type"
    return kind if isinstance(kind, str) else " or ".join(kind)
