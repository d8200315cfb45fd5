"""What a process does first when it was forked."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def in_each_child(renew: Callable[[], object]) -> None:
    """Call it in each process that is forked from this one, where the system forks.

    A lock may be held by a thread that the child does not have, and would stay held for ever.
    """
    register: Any = getattr(os, "register_at_fork", None)
    if register is not None:
        register(after_in_child=renew)
