"""Text of a service on a terminal: it is shown, and commands nothing."""

from __future__ import annotations

import json
import re
from io import TextIOWrapper
from typing import Any, TextIO

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Text whose control characters are escaped, but for line breaks and tabs.

    Those of a response could set the terminal's title, its clipboard, or what it seems to say.
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def escaping(stream: TextIO) -> None:
    """Have a standard stream escape what its encoding has no sign for, instead of raising: of a
    pipe, Windows has a few hundred signs.
    """
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def json_for(stream: TextIO, data: Any, indent: int | None = None) -> str:
    """Data as JSON, in the signs that a stream has."""
    is_whole = (stream.encoding or "utf-8").replace("-", "").lower() == "utf8"
    return json.dumps(data, ensure_ascii=not is_whole, indent=indent)
