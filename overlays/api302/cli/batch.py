"""`api302 batch`: many calls that survive a crash."""

from __future__ import annotations

import click

try:
    from api302.batch.command import batch
except ImportError as _missing:
    raise click.UsageError(
        f"`api302 batch` needs more packages ({_missing}): pip install 'api302[batch]'"
    ) from None

__all__ = ["batch"]
