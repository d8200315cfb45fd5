"""What the short ways have in common: a call whose first argument is the text itself, with a model
chosen beforehand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import click

from . import arguments, tree
from .calls import collected, perform
from .options import Chosen, own


class Way(NamedTuple):
    """A short way.

    Attributes:
        call: The operation id.
        about: The help.
        main: What is printed of the result unless more is asked for, as a JMESPath.
        shown: The arguments of the call that the help lists; the others are taken as well.
        preset: Arguments that are sent unless others are given, each with the environment variable
            that changes it.
        word: What the positional argument is called.
        field: The argument that it is.
        streams: Whether the text is printed as it comes.
        make: Makes that argument of the text, the other parameters and the body.
    """

    call: str
    about: str
    main: str
    shown: tuple[str, ...]
    preset: Mapping[str, tuple[Any, str]]
    word: str
    field: str
    streams: bool = False
    make: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Any] | None = None


def command(name: str, way: Way, more: Iterable[click.Parameter] = ()) -> click.Command:
    """The command of a short way; `more` are parameters that `Way.field` is made of."""
    call = tree.named(way.call)
    assert call is not None
    added = list(more)

    def run(**given: Any) -> None:
        _run(call, way, given)

    return click.Command(
        name,
        callback=run,
        params=[
            click.Argument(["words"], nargs=-1, metavar=f"[{way.word}]..."),
            *added,
            *_options(call, way),
        ],
        help=f"{way.about}\n\n{_presets(way)}",
        epilog=f"It makes the call {call.place}, and takes all its arguments: "
        f"api302 describe {call.place}.",
    )


def _presets(way: Way) -> str:
    said = [f"{name} is {value} unless given ({env})" for name, (value, env) in way.preset.items()]
    stdin = f"Without {way.word}, it is read from the standard input"
    return "; ".join([stdin, *said]) + "."


def _options(call: tree.Call, way: Way) -> list[click.Parameter]:
    listed = [one for one in arguments.arguments(call) if one.name != way.field]
    made: list[click.Parameter] = []
    for one in sorted(listed, key=lambda one: one.name not in way.shown):
        option = arguments.option_of(one._replace(required=False))
        option.hidden = one.name not in way.shown
        made.append(option)
    kinds = {kind for kind in call.data["forms"].values() if kind != "bytes"}
    return [*made, *own(kinds, {one.option for one in listed})]


def _run(call: tree.Call, way: Way, given: dict[str, Any]) -> None:
    chosen = Chosen.of(given)
    body = arguments.body(chosen.body) if chosen.body else {}
    by_option = arguments.values(call, given)
    preset = _preset(call, way, given, body)
    made, more = collected(
        call, chosen, {**preset, **body, **by_option, **_said(way, preset, given)}
    )
    plain = chosen.output is None and not chosen.query
    streams = way.streams and plain and chosen.wait
    chosen = chosen._replace(stream=chosen.stream or streams)
    perform(call, made, more, chosen, way.main if plain else "")


def _preset(
    call: tree.Call, way: Way, given: dict[str, Any], body: Mapping[str, Any]
) -> dict[str, Any]:
    """What is sent unless it is given otherwise, and the argument that the words are."""
    preset = {name: os.environ.get(env) or value for name, (value, env) in way.preset.items()}
    if given["words"] or way.field not in body:
        said = text(given["words"], way.word, _is_file(call, way))
        preset[way.field] = way.make(said, given, body) if way.make else said
    return preset


def _said(way: Way, preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What the words say counts more than what a body has."""
    return {way.field: preset[way.field]} if given["words"] else {}


def _is_file(call: tree.Call, way: Way) -> bool:
    return any(one.is_file for one in arguments.arguments(call) if one.name == way.field)


def text(words: Iterable[str], word: str, is_file: bool = False) -> Any:
    """The words of a command as one text, or the standard input where there are none."""
    said = " ".join(words)
    if said:
        return arguments.file_of(said) if is_file else arguments.text_of(said, word)
    if sys.stdin.isatty():
        raise click.UsageError(
            f"{word}: is required; give it, or hand it over on the standard input",
            click.get_current_context(),
        )
    return arguments.file_of("@-") if is_file else arguments.content("-", word).strip()
