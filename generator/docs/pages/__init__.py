"""What a page of the documentation says: `Page`, its `Call`s and their `Body`s.

`markdown` and `copied` read the two forms of a page. `openapi` reads the OpenAPI document inside,
`schemas` and `examples` its parts, without the known faults of the provider's pages. A page is
foreign text: `untrusted` says what may pass from it, `plain_yaml` and `values` bound how large and
deep it may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

CHINESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]")
"""Letters and punctuation of Chinese and Japanese."""

_NUMBER = re.compile(r"(?:api-|/|^)([0-9]{5,20})(?:[emd]0)?(?:\.md)?(?:[?#]|$|-run)")
_MOST_NOTES = 50

Schema = dict[str, Any]
"""A JSON schema without references; `nullable` says that null is a value too."""


@dataclass
class Body:
    """A request or response body in one media type."""

    schema: Schema = field(default_factory=dict)
    examples: list[Any] = field(default_factory=list)
    inferred: bool = False
    """The schema is known from the examples alone."""


@dataclass
class Call:
    """An operation as a page describes it, in the form of OpenAPI, with inline schemas and without
    known faults.
    """

    method: str
    path: str
    others: list[str] = field(default_factory=list)
    """Other spellings of the path that the page shows, as in its curl sample."""
    summary: str = ""
    description: str = ""
    deprecated: bool = False
    parameters: list[dict[str, Any]] = field(default_factory=list)
    """`name`, `in`, `required`, `schema`, and `example` where there is one."""
    request: dict[str, Body] = field(default_factory=dict)
    """Bodies by media type."""
    response: dict[str, Body] = field(default_factory=dict)
    """Bodies of the first 2xx response by media type."""


@dataclass
class Page:
    """A page of the documentation."""

    source: str
    title: str = ""
    group: str = ""
    """The breadcrumb: `Section > Group`."""
    number: str = ""
    modified: str = ""
    form: str = "markdown"
    """`markdown`; `copied` as text from a browser; `vendor`, which is no page of the provider but a
    call of a vendor's own document.
    """
    calls: list[Call] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Known faults that were found and corrected."""
    refused: list[str] = field(default_factory=list)
    """What is left out because no API has it: names that are no names, schemas without an end."""
    settled: list[str] = field(default_factory=list)
    """Differences that our conventions settle; filled by the comparison."""

    def fault(self, text: str) -> None:
        """Note a known fault."""
        note(self.faults, text)

    def refuse(self, text: str) -> None:
        """Note something that is left out, for a person to see."""
        note(self.refused, text)

    @property
    def url(self) -> str:
        """Its URL, or an empty string."""
        if self.source.startswith("http"):
            return self.source.removesuffix(".md")
        return f"https://doc.302.ai/{self.number}e0" if self.number else ""


def note(notes: list[str], text: str) -> None:
    """Add a note once; of a page that is wrong everywhere, the first ones are enough."""
    if len(notes) == _MOST_NOTES:
        text = "and more of this kind"
    if len(notes) <= _MOST_NOTES and text not in notes:
        notes.append(text)


def page_number(text: str) -> str:
    """The page's number in a URL or file name; empty if there is none."""
    found = _NUMBER.search(text[:2000].replace("\\", "/"))
    return found[1] if found else ""
