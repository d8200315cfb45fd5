"""`api302 mock` and `api302 mcp`: the servers, which read their own arguments."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

_ALL: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


def _server(name: str, module: str, about: str) -> click.Command:
    def run(arguments: tuple[str, ...]) -> None:
        try:
            main: Callable[[list[str]], Any] = import_module(module).main
        except ImportError as error:
            raise click.UsageError(
                f"`api302 {name}` needs more packages ({error}): pip install 'api302[{name}]'"
            ) from None
        click.get_current_context().exit(main(list(arguments)) or 0)

    taken = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(name, callback=run, params=[taken], help=about, context_settings=_ALL)


mock: click.Command = _server(
    "mock", "api302_mock.__main__", "A mock of the service on this machine."
)
mcp: click.Command = _server("mcp", "api302.mcp", "A Model Context Protocol server for agents.")
