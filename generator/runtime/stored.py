"""The catalogue as it is stored: JSON, a model a line.

Apart from its classes in `catalog`, since a first call looks for its model's name and needs none.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

_REMEMBERED = 1000
"""Names that were looked for."""


def content() -> bytes:
    """The catalogue."""
    loader: Any = globals()["__loader__"]  # which reads from a zip file too
    stored: bytes = loader.get_data(f"{__file__.removesuffix('stored.py')}catalog.json")
    return stored


@lru_cache(_REMEMBERED)
def is_written(name: str) -> bool:
    """Whether a wire name is written out there: quickly, since calls wait for it."""
    key = json.dumps(name, ensure_ascii=False)
    return f'"name": {key}'.encode(errors="replace") in content()
