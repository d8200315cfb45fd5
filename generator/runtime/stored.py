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
def is_named(name: str) -> bool:
    """Whether some model has a wire name, its suffixes included.

    Quick for the names that are written out: a call must not wait until everything is read.
    """
    key = json.dumps(name, ensure_ascii=False)
    if f'"name": {key}'.encode(errors="replace") in content():
        return True
    from .catalog import load

    return any(model.named(name) for model in load().models.values())
