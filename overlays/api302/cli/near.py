"""What is said of a name that nobody knows: those that are near."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names at most three near names; empty where none is near."""
    close = get_close_matches(name, list(known), 3)
    return f"did you mean {' or '.join(close)}?" if close else ""
