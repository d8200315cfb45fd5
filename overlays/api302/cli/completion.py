"""`api302 completion`: what a shell runs to complete commands, options and models."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": 'eval "$(api302 completion bash)" in ~/.bashrc (bash 4.4 or newer)',
    "zsh": 'eval "$(api302 completion zsh)" in ~/.zshrc, after compinit',
    "fish": "api302 completion fish > ~/.config/fish/completions/api302.fish",
}


@click.command(epilog="\b\n" + "\n".join(_INSTALL.values()))
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """The completion script for a shell."""
    from click.shell_completion import get_completion_class

    from . import COMPLETE, root

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(root, {}, "api302", COMPLETE).source())
