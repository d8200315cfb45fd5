"""The tools and resources as a client lists them. What they say is all that an agent knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcp import types

from api302 import directory
from api302.catalog import Catalog, price_text
from api302.directory import Found

from .guards import Guards
from .service import LONGEST_WAIT, MOST_FOUND, WAITED

LLMS, CATALOG = "api302://llms.txt", "api302://catalog"

INSTRUCTIONS = (
    "The 302.AI API: some thousand calls to AI models and tools (chat, images, video, audio, web "
    "search, documents). First `search` for a call, then `describe` it, then `call` it; where that "
    "returns a `task`, `wait` for it. Calls cost money; prices are in PTC (1 PTC is 1 USD)."
)


def tools(guards: Guards) -> list[types.Tool]:
    """The four tools."""
    files = "Files are given as URLs"
    files += f", or as paths below {guards.root}." if guards.root else "."
    written = f" Files that come back are saved in {guards.out}." if guards.out else ""
    string = {"type": "string"}
    return [
        _tool(
            "search",
            "Find calls by words, in English or Chinese; vendors and models count too."
            f"{_only(guards)} Returns names, what they do, what they return, prices.",
            {
                "words": {**string, "description": "What is wanted: `cut out`, `文生图`"},
                "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": 5},
            },
            ["words"],
            reads=True,
        ),
        _tool(
            "describe",
            "All that is known of a call: its arguments as a JSON Schema, models, price, example.",
            {"call": {**string, "description": "A name that `search` returned"}},
            ["call"],
            reads=True,
        ),
        _tool(
            "call",
            f"Make a call. {files}{written} A call that takes time returns `task` at once.",
            {
                "call": {**string, "description": "A name that `search` returned"},
                "arguments": {"type": "object", "description": "As `describe` shows them"},
                "background": {
                    "type": "boolean",
                    "description": "Return a `task` at once; where `describe` says it is possible",
                },
            },
            ["call", "arguments"],
            reads=False,
        ),
        _tool(
            "wait",
            f"Wait for a task and return its outputs; if it takes longer, call again.{written}",
            {
                "task": {"type": "object", "description": "The `task` that `call` returned"},
                "seconds": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": LONGEST_WAIT,
                    "default": WAITED,
                },
            },
            ["task"],
            reads=True,
        ),
    ]


def _only(guards: Guards) -> str:
    """What calls are left out."""
    said = f" Only {', '.join(sorted(guards.only))}." if guards.only else ""
    return f"{said} Only calls that read." if guards.read_only else said


def _tool(
    name: str, about: str, properties: dict[str, Any], required: list[str], *, reads: bool
) -> types.Tool:
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    hints = types.ToolAnnotations(read_only_hint=reads, open_world_hint=name in ("call", "wait"))
    return types.Tool(name=name, description=about, input_schema=schema, annotations=hints)


def resources() -> list[types.Resource]:
    """What can be read whole."""
    return [
        types.Resource(
            uri=LLMS,
            name="llms.txt",
            description="Every call in a line: what it does, its name, what comes back, its price",
            mime_type="text/plain",
        ),
        types.Resource(
            uri=CATALOG,
            name="catalog",
            description="Every model in a line: its name, what it does, its price, its calls",
            mime_type="text/plain",
        ),
    ]


def llms_text(guards: Guards) -> str:
    """Every call that may be made, a line each."""
    listed = [one for one in directory.calls() if guards.allows(one)]
    lines = [f"# Calls of the 302.AI API\n\n> {INSTRUCTIONS}"]
    tag = ""
    for one in listed:
        if one.tag != tag:
            tag = one.tag
            lines.append(f"\n## {tag}\n")
        lines.append("; ".join(_parts(one)))
    return "\n".join(lines) + "\n"


def _parts(found: Found) -> Iterator[str]:
    yield f"- {found.title}: `{found.call}`" + (f" → {found.returns}" if found.returns else "")
    if found.kind != "call":
        yield found.kind
    if found.price:
        yield found.price
    if found.deprecated:
        yield "deprecated"


def catalog_text(guards: Guards) -> str:
    """Every model that some call takes which may be made, a line each."""
    allowed = {one.id: one.call for one in directory.calls() if guards.allows(one)}
    lines = ["# Models of the 302.AI API\n"]
    for model in Catalog():
        calls = [allowed[one] for one in model.operations if one in allowed]
        if calls and not model.deprecated:
            price = "; ".join(map(price_text, model.price)) or "price not documented"
            kinds = ", ".join(model.kinds)
            name = model.name or model.id
            lines.append(f"- `{name}`: {model.title}, {kinds}; {price}; {', '.join(calls)}")
    return "\n".join(lines) + "\n"
