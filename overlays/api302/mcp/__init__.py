"""A Model Context Protocol server: the calls of the API for an agent, in four tools.

    api302 mcp --only images,videos --budget 5     # over stdio, for the host that starts it
    api302 mcp --http 8302 --budget 5              # over streamable HTTP, for a token

It needs `pip install api302[mcp]`. What it may do is decided when it is started: which sections,
whether it may only read, what it may spend, which files it may read and where it may write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .guards import Guards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp.server import Server

    from api302 import AsyncClient

__all__ = ["Guards", "main", "server"]


def server(
    guards: Guards | None = None, client: Callable[[], AsyncClient] | None = None
) -> Server[Any]:
    """The server, as the official SDK runs it.

    Args:
        guards: What it may do; unless given, everything that a person confirms.
        client: Makes the client of its calls; unless given, `AsyncClient()`, when the first call is
            made.

    Raises:
        ImportError: The extra `mcp` is not installed.
    """
    from .serving import made

    return made(guards or Guards(), client)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server as the command line says, until it is closed; returns the exit code."""
    from .command import run

    return run(argv)
