"""Docstrings of generated methods, in Google's style."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generator.document import Operation
from generator.source import obj, seq

from .arguments import Argument, BodyArguments

WIDTH = 110  # of the text without its indent
_RAISES = "Api302Error: The call failed."
_FILE = {
    "url": "a URL",
    "data_url": "a data URL",
    "base64": "base64 text",
}


@dataclass(frozen=True)
class Texts:
    """What a docstring takes from the document."""

    summary: str
    description: str
    deprecated: str
    """What to use in its place, where it is deprecated."""
    endpoint: str
    price: str
    source: str

    @classmethod
    def of(cls, operation: Operation) -> Texts:
        """The texts of an operation."""
        node = operation.node
        return cls(
            summary=str(node.get("summary") or operation.id),
            description=str(node.get("description") or ""),
            deprecated=advice(operation),
            endpoint=f"{operation.method.upper()} {operation.path}",
            price=price_text(seq(node.get("x-price"))),
            source=source_text(node),
        )


def advice(operation: Operation) -> str:
    """What to call in place of a deprecated operation; empty for others."""
    if not operation.is_deprecated:
        return ""
    new = operation.replacement
    return f"Deprecated: use `{new.dotted(new.place[-1])}`." if new else "Deprecated."


def docstring(
    texts: Texts,
    arguments: list[Argument],
    body: BodyArguments,
    own: dict[str, str],
    returns: str,
    see: list[str],
) -> list[str]:
    """The lines of a docstring.

    `own`: descriptions of our own arguments, by name; `see`: what other methods make the same call.
    """
    return paragraphs(
        [
            wrap(sentence(texts.summary)),
            wrap(texts.deprecated),
            wrap(texts.description),
            wrap(" ".join(see)),
            ["The fields of this call are not documented."] if body.is_unknown else [],
            list(_shapes(body, arguments)),
            list(_arguments(arguments, own)),
            ["Returns:", *wrap(returns, 4, 4)],
            ["Raises:", *wrap(_RAISES, 8, 4)],
            list(_facts(texts)),
        ]
    )


def paragraphs(blocks: list[list[str]]) -> list[str]:
    """The lines of those blocks that have any text, an empty line between them."""
    shown = [block for block in blocks if any(block)]
    return [line for block in shown for line in ["", *block]][1:]


def _facts(texts: Texts) -> Iterator[str]:
    yield from wrap(f"Endpoint: {texts.endpoint}")
    yield from wrap(f"Price: {texts.price}") if texts.price else ()
    yield from wrap(f"Source: {texts.source}")


def _arguments(arguments: list[Argument], own: dict[str, str]) -> Iterator[str]:
    yield "Args:"
    texts = [(argument.name, _argument_text(argument)) for argument in arguments]
    for name, text in [*texts, *own.items()]:
        yield from wrap(f"{name}: {text}", 8, 4)


def _shapes(body: BodyArguments, arguments: list[Argument]) -> Iterator[str]:
    """Which fields go together, where shapes of the body exclude each other.

    What all have alike is left out.
    """
    if not body.shapes:
        return
    names = {argument.wire: argument.name for argument in arguments if argument.place == "body"}
    required = _apart([shape.required for shape in body.shapes])
    optional = _apart([shape.optional for shape in body.shapes])
    times = Counter(itertools.chain(*required, *optional))
    yield from wrap("The fields of one form go together:")
    for shape, needed, taken in zip(body.shapes, required, optional, strict=True):
        takes = _called(taken, names)
        if len(takes) > 8 and {times[wire] for wire in taken} == {1}:
            takes = ["the fields that no other form names"]
        said = filter(None, [_said("needs", _called(needed, names)), _said("takes", takes)])
        yield from wrap(f"- {shape.title}: {'; '.join(said) or 'nothing more'}", 2)


def _called(wires: list[str], names: dict[str, str]) -> list[str]:
    """The arguments that fields have become."""
    return [names[wire] for wire in wires if wire in names]


def _said(verb: str, listed: list[str]) -> str:
    return f"{verb} {', '.join(listed)}" if listed else ""


def _apart(lists: list[list[str]]) -> list[list[str]]:
    """Each list without what is in all of them."""
    common = set.intersection(*map(set, lists))
    return [[entry for entry in listed if entry not in common] for listed in lists]


def _argument_text(argument: Argument) -> str:
    parts = [sentence(argument.description)] if argument.description else []
    parts += [files_text(argument.files)] if argument.files else []
    parts += [f"At most {size_text(argument.file_max)}."] if argument.file_max else []
    if argument.wire and argument.name != argument.wire:
        parts.append(f"Sent as `{argument.wire}`.")
    if argument.default is not None:
        parts.append(f"Server default: {argument.default}.")
    return " ".join(parts) or ("Required." if argument.required else "Optional.")


def size_text(size: int) -> str:
    """A number of bytes as people write it: `50 MB`."""
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def files_text(files: tuple[str, ...]) -> str:
    """In which forms an argument takes a file."""
    forms = [_FILE[form] for form in files if form in _FILE]
    if files != ("url",):
        local = "path" if files == ("part",) else "pathlib.Path"
        forms.append(f"a local file ({local}, open file or bytes)")
    *others, last = forms
    return sentence(f"Takes {', '.join(others)} or {last}" if others else f"Takes {last}")


def price_text(prices: list[dict[str, Any]]) -> str:
    """Documented prices in a line."""
    texts = []
    for price in prices:
        text = (
            f"{price['amount']:g} {price['unit']} per {price['per']}" if "amount" in price else ""
        )
        text += f" for {price['for']}" if "for" in price else ""
        texts.append(
            f"{text} ({price['note']})" if text and "note" in price else text or str(price["note"])
        )
    return sentence("; ".join(texts))


def best_source(operation: dict[str, Any]) -> str:
    """Address, page or file of the best evidence."""
    first = obj(next(iter(seq(operation.get("x-docs"))), {}))
    return str(first.get("url") or first.get("page") or first.get("source") or "")


def source_text(operation: dict[str, Any]) -> str:
    """The best evidence in a line."""
    first = obj(next(iter(seq(operation.get("x-docs"))), {}))
    place = first.get("url") or (
        f"documentation page {first['page']}" if "page" in first else first.get("source", "unknown")
    )
    return f"{place} ({first.get('evidence', 'none')}, {first.get('seen', 'undated')})"


def sentence(text: str) -> str:
    """A text with a full stop behind it, unless it has one."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:。！？" else f"{text}."


def wrap(text: str, indent: int = 0, first: int = 0) -> list[str]:
    """Lines of a text, cut at spaces, each indented (the first one by `first`).

    Wide characters count twice.
    """
    lines, line, width = [], "", 0
    for word in text.split():
        size = _width(word)
        if line and width + 1 + size > WIDTH - indent:
            lines.append(line)
            line, width = "", 0
        line, width = (f"{line} {word}", width + 1 + size) if line else (word, size)
    lines.append(line)
    return [" " * (first if number == 0 else indent) + line for number, line in enumerate(lines)]


def _width(word: str) -> int:
    """How wide a word is shown."""
    if word.isascii():
        return len(word)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in word)
