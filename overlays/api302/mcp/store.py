"""What is too large for a message, kept in memory for a while, to be read as a resource."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import NamedTuple

_MOST, _MOST_BYTES = 50, 256 << 20
SCHEME = "api302://kept/"


class Kept(NamedTuple):
    """A file that is kept."""

    uri: str
    content: bytes
    media_type: str


class Store:
    """The last results that were too large, the oldest dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, content: bytes, media_type: str) -> str:
        """Keep a file; returns the URI of its resource."""
        # Another client of the server must not guess it.
        uri = f"{SCHEME}{secrets.token_urlsafe(12)}"
        self._kept[uri] = Kept(uri, content, media_type)
        while len(self._kept) > _MOST or (self._size() > _MOST_BYTES and len(self._kept) > 1):
            self._kept.popitem(last=False)
        return uri

    def get(self, uri: str) -> Kept | None:
        """A file, or None if it is not kept (any more)."""
        return self._kept.get(uri)

    def _size(self) -> int:
        return sum(len(one.content) for one in self._kept.values())
