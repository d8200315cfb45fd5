"""What goes through all operations: `make test` takes one of a tag, `make test-long` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_of_each(names: Iterable[tuple[str, str]]) -> list[Any]:
    """Parameters of a test, those after the first of a tag marked as long.

    Args:
        names: Each parameter, and its tag.
    """
    seen: set[str] = set()
    parameters = []
    for name, tag in names:
        marks = [pytest.mark.long] if tag in seen else []
        parameters.append(pytest.param(name, marks=marks))
        seen.add(tag)
    return parameters
