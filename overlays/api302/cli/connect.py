"""The client of a command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from .errors import NoKey

if TYPE_CHECKING:
    from api302 import Client

KEYS = ("AI302_API_KEY", "AI302_KEY", "302AI_API_KEY")
"""The environment variables that may hold the API key."""
_UNSENT = "sk-not-sent"


def base_url() -> str | None:
    """The host that the command line names; None: that of the environment, or the default."""
    ctx = click.get_current_context(silent=True)
    return ctx.find_root().params.get("base_url") if ctx else None


def host() -> str | None:
    """The host that calls go to, where it is not the default."""
    return base_url() or os.environ.get("AI302_BASE_URL") or None


def client(*, sends: bool = True, host: str | None = None, **options: Any) -> Client:
    """A client, closed when the command ends.

    Args:
        sends: Whether it sends anything: then it needs the API key.
        host: The host, where the command line names none; else that of the environment.
        options: Of the client.

    Raises:
        NoKey: No API key is set.
    """
    if sends and not any(os.environ.get(name) for name in KEYS):
        raise NoKey
    from api302 import Client

    made = Client(None if sends else _UNSENT, base_url=base_url() or host, **options)
    click.get_current_context().find_root().call_on_close(made.close)
    return made
