"""The fragment of several pages, as YAML text."""

from __future__ import annotations

from typing import Any

from generator import join
from generator.docs import DocsError
from generator.docs.described import Described
from generator.docs.pages import Page
from generator.docs.pages.schemas import LIMITS
from generator.document.names import SLUG
from generator.source import file_name

from . import behaviour, streams
from .components import Components
from .conventions import Conventions
from .house_yaml import CHECK, dump
from .operation import Draft, Drafter, Place

_FACTS = {
    *("parameters", "requestBody", "responses", "required", "enum", "default"),
    *(*LIMITS, "contentMediaType"),
}
"""What a vendor's document may say otherwise than 302.AI's service."""
_CHECKED = ("x-success", "x-task", "x-task-status", "x-stream", "x-outputs")


def draft(described: Described, pages: list[Page], home: str = "") -> str:
    """The fragment as YAML text, what to do with it in its first lines.

    Args:
        home: `SECTION.VENDOR` or `SECTION.VENDOR.PART`, for calls that no prefix in vendors.yaml
            claims.

    Raises:
        DocsError: A page has no home, or not that of the rest; or a call is on two of the pages.
    """
    components = Components(described.schemas)
    drafter = Drafter(described, components, _given(home) if home else None)
    drafts = [drafter.draft(page, call) for page in pages for call in page.calls]
    files = sorted({f"spec/{one.place.file}" for one in drafts})
    if len(files) > 1:
        raise DocsError(f"these pages belong into {' and '.join(files)}; draft them file by file")
    conventions = Conventions(described)
    behaviour.propose(conventions, drafts)
    for one in drafts:
        streams.propose(conventions, components, one)
    fragment: dict[str, Any] = {"paths": _paths(described, drafts)}
    if schemas := components.used(fragment["paths"]):
        fragment["components"] = {"schemas": schemas}
    if any(one.is_vendors for one in drafts):
        fragment = _checked(fragment)
    head = [line for one in drafts for line in one.head(described)]
    return "\n".join([*dict.fromkeys(head), dump(fragment).rstrip()])


def _checked(fragment: dict[str, Any]) -> dict[str, Any]:
    """A fragment whose facts are marked, each for a person to check."""
    marked: dict[str, Any] = {
        "paths": {
            f"{path}{CHECK}": _marked(operations) for path, operations in fragment["paths"].items()
        }
    }
    if "components" in fragment:
        schemas = fragment["components"]["schemas"]
        named = {f"{name}{CHECK}": _marked(schema) for name, schema in schemas.items()}
        marked["components"] = {"schemas": named}
    return marked


def _marked(node: Any, key: str = "") -> Any:
    """A part of a fragment with its facts marked. What is inside an example is none."""
    if isinstance(node, list):
        return [_marked(item, key) for item in node]
    if not isinstance(node, dict) or key in ("examples", "example", "x-docs"):
        return node
    are_names = key == "properties"
    return {
        f"{name}{CHECK}" if name in _FACTS and not are_names else name: _marked(
            inner, "" if are_names else name
        )
        for name, inner in node.items()
    }


def _given(home: str) -> Place:
    """The place that a person names."""
    parts = home.split(".")
    if len(parts) not in (2, 3) or not all(map(SLUG.match, parts)):
        example = "such as videos.kling, or SECTION.VENDOR.PART"
        raise DocsError(f"--home {home}: write SECTION.VENDOR, {example}")
    return Place(parts[0], parts[1], file_name(*parts), is_new=True)


def _paths(described: Described, drafts: list[Draft]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    shared = {
        file.name: join.defaults(described.spec, file) for file in described.spec.vendor_files()
    }
    for one in drafts:
        operations = paths.setdefault(one.path, {})
        method = one.call.method
        if method in operations:
            name = f"{method.upper()} {one.path}"
            twice = f"{name} is also on another of these pages; draft them one by one"
            raise DocsError(f"{one.page.source}: {twice}")
        operations[method] = _in_style(one.node(), shared.get(one.place.file, {}))
    return paths


def _in_style(node: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """An operation without what the defaults of its file say, in the house's order, what a person
    checks marked.
    """
    own = {key: value for key, value in node.items() if key not in shared or value != shared[key]}
    ordered = sorted(own, key=join.rank)
    return {f"{key}{CHECK}" if key in _CHECKED else key: own[key] for key in ordered}
