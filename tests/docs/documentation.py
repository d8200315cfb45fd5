"""What the tests of `docs` share beside their fixtures:

a documentation site, a run of the command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass
class Answer:
    """What the server says to a request."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection in the middle."""


@dataclass
class Site:
    """The server: answers by path, in order, the last one again and again; and what was asked."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def page(self, path: str, body: str | bytes, **headers: str) -> None:
        self.answers[path] = [
            Answer(body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        ]


Page = Callable[..., str]


@dataclass
class Run:
    """What a run of the command gave."""

    code: int
    out: str
    err: str
