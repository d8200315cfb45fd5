"""Pieces of descriptions that the publication adds."""

from __future__ import annotations

import json
import re
from typing import Any

_ENDS = tuple(".!?:。！？：")


def sentence(text: str) -> str:
    """A text with a full stop, unless it has an end or is empty."""
    text = text.strip()
    return text if not text or text.endswith(_ENDS) else f"{text}."


def plain(value: Any) -> str:
    """A JSON value in a sentence: bare if it is a word or a number, else as code."""
    text = as_text(value)
    return text if re.fullmatch(r"\w+([.-]\w+)*|-?\d+(\.\d+)?", text) else code(text)


def as_text(value: Any) -> str:
    """A JSON value as text: a string as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def code(text: str) -> str:
    """A text as a Markdown code span, whatever it holds, in one line.

    A text of spaces alone, which no code span can hold, is shown in quotes.
    """
    text = re.sub(r"\s", " ", text)
    if not text.strip():
        text = f'"{text}"'
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    needs_space = text[0] in "` " or text[-1] in "` "
    return f"{fence} {text} {fence}" if needs_space else f"{fence}{text}{fence}"
