"""`api302 mcp`: what the command line says, and the server that runs by it."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from api302 import InvalidArgument

from .guards import Guards

TOKEN = "AI302_MCP_TOKEN"
_PORT = 8302


def run(argv: Sequence[str] | None) -> int:
    """Run the server until it is closed; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        guards = Guards(
            only=[one.strip() for one in (options.only or "").split(",") if one.strip()],
            read_only=options.read_only,
            budget=options.budget,
            root=options.root,
            out=options.out,
        )
        from .serving import made

        server = made(guards)
        return _over_http(server, options) if options.http is not None else _over_stdio(server)
    except InvalidArgument as error:
        print(f"api302 mcp: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "uvicorn"):
            raise
        print("api302 mcp: needs the extra: pip install 'api302[mcp]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "api302 mcp",
        description="Serve the calls of the API to an agent (Model Context Protocol), over stdio "
        "unless --http is given. The API key is read from AI302_API_KEY.",
    )
    parser.add_argument("--only", metavar="SECTIONS", help="sections, such as images,videos")
    parser.add_argument("--read-only", action="store_true", help="only calls that change nothing")
    parser.add_argument(
        "--budget",
        type=float,
        metavar="PTC",
        help="what all calls together may cost; without it a person is asked before each call",
    )
    parser.add_argument("--root", metavar="DIR", help="files below it may be read; default: none")
    parser.add_argument("--out", metavar="DIR", help="results are saved in it; default: nowhere")
    parser.add_argument(
        "--http",
        type=int,
        nargs="?",
        const=_PORT,
        metavar="PORT",
        help=f"serve streamable HTTP on this port (default {_PORT}), on this machine alone",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    return parser


def _over_stdio(server: Any) -> int:
    import anyio
    from mcp import stdio_server

    async def serve() -> None:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)
    return 0


def _over_http(server: Any, options: Any) -> int:
    import uvicorn

    from .http import PATH, app

    token = os.environ.get(TOKEN, "") or _new_token()
    host, port = options.host, options.http
    shown = f"[{host}]" if ":" in host else host
    made = app(server, token, host, port)
    print(f"api302 mcp: http://{shown}:{port}{PATH}", file=sys.stderr, flush=True)
    uvicorn.run(made, host=host, port=port, log_level="warning")
    return 0


def _new_token() -> str:
    """A token for this run, told once."""
    token = secrets.token_urlsafe(32)
    print(f"api302 mcp: the token is {token} (set {TOKEN} to choose it)", file=sys.stderr)
    return token
