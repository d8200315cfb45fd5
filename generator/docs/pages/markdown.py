"""A page as Markdown, with an OpenAPI document in a fenced `yaml` block."""

from __future__ import annotations

import re
from collections.abc import Iterator

from generator.docs import PageError
from generator.source import obj

from . import Page, openapi
from .plain_yaml import UnusableYaml, load
from .untrusted import clean, one_line

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(?:yaml|yml)[ \t]*")
_HEADING = re.compile(r"^# (\S.*)$", re.MULTILINE)


def has_document(text: str) -> bool:
    """Whether there is a fenced `yaml` block in a text."""
    return next(_blocks(text), None) is not None


def markdown(text: str, source: str) -> Page:
    """Read a Markdown page. Raises PageError if there is no OpenAPI document in it."""
    for line, block in _blocks(text):
        try:
            document = obj(load(block))
        except UnusableYaml as error:
            reason = f"the page's document is not YAML: {one_line(error.reason)}"
            raise PageError(source, reason, line + error.line) from error
        if "paths" in document:
            heading = _HEADING.search(text)
            title = one_line(clean(heading[1])) if heading else ""
            return openapi.read(Page(source, title), document)
    raise PageError(
        source, "there is no OpenAPI document in this page (a fenced `yaml` block with `paths`)"
    )


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The fenced `yaml` blocks: the line before each block's first, from 1, and the text in it.

    A fence that nothing closes is no block, nor are those inside another.
    """
    fence, start = "", 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not fence:
            if line[:1] in "`~" and (opened := _FENCE.fullmatch(line)):
                fence, start = opened[1], number + 1
        elif line.rstrip(" \t") == fence:
            yield start, "\n".join(lines[start:number])
            fence = ""
