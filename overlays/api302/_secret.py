"""The API key while it is held: text that does not show where values are shown."""

from __future__ import annotations


class Secret(str):
    """Text whose `repr` is a mark, such as in the local variables that an error tracker keeps."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[key]'"
