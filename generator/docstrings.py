"""Docstrings of generated methods, in Google's style."""

from __future__ import annotations

import unicodedata
from typing import Any

from .arguments import Argument, Body
from .source import obj, seq

WIDTH = 110  # of the text without its indent
_FILE = {
    "url": "a URL",
    "data_url": "a data URL",
    "base64": "base64 text",
}


def docstring(
    operation: dict[str, Any],
    arguments: list[Argument],
    body: Body,
    own: dict[str, str],
    returns: str,
    see: list[str],
) -> list[str]:
    """The lines of a docstring. `own`: descriptions of our own arguments, by name; `see`: what other methods make the same call."""
    lines = wrap(_sentence(str(operation.get("summary") or operation["operationId"])))
    if operation.get("deprecated"):
        lines += ["", "Deprecated."]
    if operation.get("description"):
        lines += ["", *wrap(str(operation["description"]))]
    if see:
        lines += ["", *wrap(" ".join(see))]
    if body.unknown:
        lines += ["", *wrap("The fields of this call are not documented.")]
    names = {argument.wire: argument.name for argument in arguments if argument.place == "body"}
    if body.shapes:
        lines += ["", *wrap("The fields of one form go together:")]
        for name, *fields in body.shapes:
            required, takes = ([names[wire] for wire in wires if wire in names] for wires in fields)
            others = {
                wire
                for other in body.shapes
                if other[0] != name
                for wires in other[1:]
                for wire in wires
            }
            rest = len(takes) > 8 and not others & set(fields[1])
            said = [f"needs {', '.join(required)}"] if required else []
            said += (
                [f"takes {'the fields that no other form names' if rest else ', '.join(takes)}"]
                if takes
                else []
            )
            lines += wrap(f"- {name}: {'; '.join(said) or 'nothing more'}", 2)
    lines += ["", "Args:"]
    for argument in arguments:
        lines += wrap(f"{argument.name}: {_argument_text(argument)}", 8, 4)
    for name, text in own.items():
        lines += wrap(f"{name}: {text}", 8, 4)
    lines += ["", "Returns:", *wrap(returns, 4, 4), "", "Raises:"]
    lines += wrap(
        "Api302Error: The call failed; see its status, code, message and request id.", 8, 4
    )
    last = (
        [f"Price: {price_text(seq(operation.get('x-price')))}"] if operation.get("x-price") else []
    )
    lines += [
        "",
        *(line for text in [*last, f"Source: {source_text(operation)}"] for line in wrap(text)),
    ]
    return [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in lines]


def _argument_text(argument: Argument) -> str:
    parts = [_sentence(argument.description)] if argument.description else []
    if argument.files:
        forms = [_FILE[form] for form in argument.files if form in _FILE]
        if argument.files != ("url",):
            local = "path" if argument.files == ("part",) else "pathlib.Path"
            forms.append(f"a local file ({local}, open file or bytes)")
        parts.append(
            _sentence(
                f"Takes {' or '.join([', '.join(forms[:-1]), forms[-1]] if forms[1:] else forms)}"
            )
        )
    if argument.wire and argument.name != argument.wire:
        parts.append(f"Sent as `{argument.wire}`.")
    if argument.default is not None:
        parts.append(f"Server default: {argument.default}.")
    return " ".join(parts) or ("Required." if argument.required else "Optional.")


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
    return _sentence("; ".join(texts))


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


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?:。！？" else f"{text}."


def wrap(text: str, indent: int = 0, first: int = 0) -> list[str]:
    """Lines of a text, cut at spaces, each indented (the first one by `first`); wide characters count twice."""
    lines, line, width = [], "", 0
    for word in text.split():
        size = sum(
            2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in word
        )
        if line and width + 1 + size > WIDTH - indent:
            lines.append(line)
            line, width = "", 0
        line, width = (f"{line} {word}", width + 1 + size) if line else (word, size)
    lines.append(line)
    return [" " * (first if number == 0 else indent) + line for number, line in enumerate(lines)]
