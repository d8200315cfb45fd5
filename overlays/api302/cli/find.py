"""`api302 find` and `describe`: which call does what is wanted, and what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from . import arguments, tree
from .options import OUTPUT, QUERY, Chosen, option
from .output import emit, note, write

if TYPE_CHECKING:
    from api302.directory import Description


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("-l", "--limit", type=int, default=5, show_default=True, help="How many at most.")
@click.option("--section", "sections", multiple=True, help="Only calls of this section.")
def find(words: tuple[str, ...], limit: int, sections: tuple[str, ...], **given: Any) -> None:
    """Find the call for a task, in your own words: api302 find remove the background

    English or Chinese; names of vendors and models count too. Needs no network.
    """
    from api302.directory import search

    chosen = Chosen.of(given)
    listed = search(" ".join(words), limit, sections=sections)
    if chosen.output or chosen.query:
        emit([one._asdict() for one in listed], chosen.output, chosen.query)
        return
    for one in listed:
        price = f" ({one.price})" if one.price else ""
        write(f"{one.call}\n    {one.title}{price}\n")
    note(f"api302 describe {listed[0].call}" if listed else "Nothing fits; other words may help.")


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names of calls that begin so."""
    start = incomplete.replace("-", "_")
    return [call.place for call in tree.everything() if call.place.startswith(start)]


@click.command()
@click.argument("name", nargs=-1, required=True, metavar="CALL...", shell_complete=_complete)
def describe(name: tuple[str, ...], **given: Any) -> None:
    """What a call takes, returns and costs: api302 describe videos.kling.text_to_video

    CALL is its name, its operation id, or the words of its command.
    """
    from api302.directory import describe as described

    chosen = Chosen.of(given)
    found = described(" ".join(name))
    if chosen.output or chosen.query:
        emit(found.to_dict(), chosen.output, chosen.query)
        return
    for text in _lines(found):
        write(f"{text}\n")


for _command in (find, describe):
    _command.params += [option(OUTPUT), option(QUERY)]


def _lines(found: Description) -> Iterator[str]:
    yield f"{found.call}: {found.title}"
    yield from filter(None, (found.deprecated, found.description))
    yield ""
    yield from _arguments(found)
    facts = {
        "Returns": f"{found.kind}: {found.returns}",
        "Price": found.price,
        "Models": ", ".join(found.models[:8]) + (" …" if len(found.models) > 8 else ""),
        "Endpoint": found.endpoint,
        "Source": found.source,
    }
    yield from (f"{name}: {text}" for name, text in facts.items() if text)
    yield ""
    yield f"api302 {' '.join(_command_of(found))}"


def _arguments(found: Description) -> Iterator[str]:
    call = tree.named(found.id)
    for one in arguments.arguments(call) if call else ():
        needed = ", required" if one.required else ""
        yield f"  {one.name} ({arguments.metavar(one)}{needed})"
        if one.help:
            yield f"      {one.help}"
    yield ""


def _command_of(found: Description) -> Iterator[str]:
    """A command to paste, with the arguments of the example."""
    import shlex

    call = tree.named(found.id)
    assert call is not None
    yield from (call.section.replace("_", "-"), call.vendor.replace("_", "-"))
    yield call.name.replace("_", "-")
    example: Mapping[str, Any] = found.example
    for one in arguments.arguments(call):
        value = example.get(one.name)
        if value is None or not (one.required or one.is_file):
            continue
        yield f"--{one.option}"
        yield shlex.quote(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )
    if found.kind == "session":
        yield '"Say hello"'
