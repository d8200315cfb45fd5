"""The fragment of several pages, as YAML text."""

from __future__ import annotations

from typing import Any

from ...rules.structure import SLUG
from .. import DocsError
from ..described import Described
from ..pages import Page
from . import behaviour, streams
from .components import Components
from .conventions import Conventions
from .house_yaml import CHECK, dump
from .operation import Draft, Drafter

_CHECKED = ("x-success", "x-task", "x-task-status", "x-stream")


def draft(described: Described, pages: list[Page], home: tuple[str, str] | None = None) -> str:
    """The fragment as YAML text, what to do with it in its first lines.

    Args:
        home: Section and vendor of calls that no prefix in vendors.yaml claims.

    Raises:
        DocsError: A page has no home, or not that of the rest; or a call is on two of the pages.
    """
    if home and not all(map(SLUG.match, home)):
        raise DocsError(f"--home {'.'.join(home)}: write SECTION.VENDOR, such as videos.kling")
    components = Components(described.schemas)
    drafter = Drafter(described, components, home)
    drafts = [drafter.draft(page, call) for page in pages for call in page.calls]
    files = sorted({f"spec/{one.home.file}" for one in drafts})
    if len(files) > 1:
        raise DocsError(f"these pages belong into {' and '.join(files)}; draft them file by file")
    conventions = Conventions(described)
    behaviour.propose(conventions, drafts)
    for one in drafts:
        streams.propose(conventions, components, one)
    fragment: dict[str, Any] = {"paths": _paths(drafts)}
    if components.made:
        fragment["components"] = {"schemas": components.made}
    head = [line for one in drafts for line in one.head(described)]
    return "\n".join([*dict.fromkeys(head), dump(fragment).rstrip()])


def _paths(drafts: list[Draft]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for one in drafts:
        operations = paths.setdefault(one.path, {})
        method = one.call.method
        if method in operations:
            name = f"{method.upper()} {one.path}"
            twice = f"{name} is also on another of these pages; draft them one by one"
            raise DocsError(f"{one.page.source}: {twice}")
        operations[method] = _marked(one.node())
    return paths


def _marked(node: dict[str, Any]) -> dict[str, Any]:
    """An operation, what a person checks marked."""
    return {f"{key}{CHECK}" if key in _CHECKED else key: value for key, value in node.items()}
