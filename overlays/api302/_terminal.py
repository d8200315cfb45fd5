"""Text of a service on a terminal: it is shown, and commands nothing."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Text whose control characters are escaped, but for line breaks and tabs.

    Those of a response could set the terminal's title, its clipboard, or what it seems to say.
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
