"""Files that responses give: `x-outputs` finds them, and none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.document.media import is_json, is_media_url
from generator.runtime.behaviour import Output, files
from generator.source import Problem, obj, seq

from .context import Context
from .examples import examples

_NAME = re.compile(r"[A-Za-z_]\w*")
_LITERAL = re.compile(r"`[^`]*`|'[^']*'")


def outputs(context: Context) -> Iterator[Problem]:
    """Each entry of `x-outputs` finds a file in an example, or names fields that are described.

    An operation whose examples have the URL of an image, sound, video or model says whether the
    call gives it.
    """
    described = set(_properties(obj(context.document.get("components")).get("schemas")))
    for operation in context.operations:
        responses = _responses(context, operation)
        entries = operation.node.get("x-outputs")
        if entries is None:
            yield from _forgotten(context, operation, responses)
        elif responses and not operation.unknown("response"):
            yield from _astray(context, operation, seq(entries), responses, described)


def _responses(context: Context, operation: Operation) -> list[Any]:
    """The examples of the JSON responses."""
    media = [media for _, name, media in context.media(operation, "response") if is_json(name)]
    return [value for one in media for _, _, value in examples(context, one)]


def _astray(
    context: Context,
    operation: Operation,
    entries: list[Any],
    responses: list[Any],
    described: set[str],
) -> Iterator[Problem]:
    for number, entry in enumerate(entries):
        if not isinstance(entry, str) and "field" not in obj(entry):
            continue  # the form is another rule's
        rule = Output.of(entry)
        is_shown = any(files([rule], response) for response in responses)
        names = set(_NAME.findall(_LITERAL.sub("", rule.path.field)))
        if not is_shown and not names <= described:
            message = f"no example of the response of {operation} has a file at `{rule.path.field}`"
            fix = "correct the path, or add an example with it"
            yield context.on(operation, "x-outputs", message, fix, [number])


def _forgotten(context: Context, operation: Operation, responses: list[Any]) -> Iterator[Problem]:
    if _is_followed(operation):
        return
    url = next((text for text in _texts(responses) if is_media_url(text)), None)
    if url is not None:
        message = f"an example of the response of {operation} has the file {url}"
        fix = "say in `x-outputs` where it is, or `x-outputs: []` if the call does not give it"
        yield context.on(operation, "responses", message, fix)


def _is_followed(operation: Operation) -> bool:
    """Whether its files are told by another extension: it gets or starts a task, or uploads."""
    task = operation.node.get("x-task")
    starts = task is not None and "when" not in obj(task)
    return starts or "x-task-status" in operation.node or "x-upload" in operation.node


def _properties(value: Any) -> Iterator[str]:
    """The names of all fields in a part of the document."""
    if isinstance(value, dict):
        yield from obj(value.get("properties"))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _properties(one)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _texts(one)
