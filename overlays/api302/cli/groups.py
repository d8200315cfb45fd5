"""The groups of commands: sections, vendors and calls, each made when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from . import tree
from .near import did_you_mean

SHORT = {
    "chat": ("talk", "Chat with a language model."),
    "image": ("media", "Generate images from text."),
    "video": ("media", "Generate a video from text or images."),
    "speak": ("media", "Turn text into speech."),
    "transcribe": ("media", "Turn speech into text."),
    "search": ("media", "Search the web."),
    "find": ("find", "Find the call for a task, in your own words."),
    "describe": ("find", "What a call takes, returns and costs."),
    "models": ("account", "The models: what they accept and cost."),
    "balance": ("account", "What is left on the account."),
    "cost": ("account", "What a call cost."),
    "task": ("task", "Tasks that were started: list, status, wait, cancel."),
    "request": ("request", "Make a call that is not described yet."),
    "completion": ("completion", "The completion script for bash, zsh or fish."),
    "mock": ("servers", "A mock of the service on this machine."),
    "batch": ("batch", "Many calls that survive a crash, from a file of jobs."),
    "mcp": ("servers", "A Model Context Protocol server for agents."),
}
"""The short ways: the module that has each, and what it does."""


def _dashed(name: str) -> str:
    """A name as commands and options have it; both spellings are taken."""
    return name.replace("_", "-")


NAMES: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": _dashed,
    "max_content_width": 100,
}


class Group(click.Group):
    """A group that prints its help if no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


class Lazy(Group):
    """A group that knows the names of its commands before it makes one."""

    def summaries(self) -> Mapping[str, str]:
        """Each command's name and what it does."""
        raise NotImplementedError

    def make(self, name: str) -> click.Command | None:
        """The command of a name; None if it has none such."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.make(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0].replace("_", "-") if args else ""
        if args and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            raise click.UsageError(self.unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def unknown(self, name: str) -> str:
        """What is said of a name that no command has."""
        hint = did_you_mean(name.replace("_", "-"), self.summaries())
        return f"there is no command {name!r}; {hint or '--help lists them'}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _section(formatter, "Commands", self.summaries())


def _section(formatter: click.HelpFormatter, title: str, rows: Mapping[str, str]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl([(name, text) for name, text in rows.items()])


class Root(Lazy):
    """The command `api302`."""

    def summaries(self) -> Mapping[str, str]:
        sections = {_dashed(name): about for name, about in tree.sections().items()}
        return {**{name: about for name, (_, about) in SHORT.items()}, **sections}

    def make(self, name: str) -> click.Command | None:
        if name in SHORT:
            module = import_module(f".{SHORT[name][0]}", __package__)
            return getattr(module, name)
        section = name.replace("-", "_")
        if section in tree.sections():
            return _Section(section)
        return _call(tree.named(name), name) if "." in name or "-" in name else None

    def unknown(self, name: str) -> str:
        if "." not in name and "_" not in name:
            return super().unknown(name)
        places = [*tree.shortcuts(), *(call.place for call in tree.everything())]
        known = places if "." in name else [call.id for call in tree.everything()]
        hint = did_you_mean(name.replace("-", "_"), known)
        return f"there is no call {name!r}{'; ' if hint else ''}{hint}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _section(formatter, "Short ways", {name: about for name, (_, about) in SHORT.items()})
        sections = {_dashed(name): about for name, about in tree.sections().items()}
        _section(formatter, "Every call, by section and vendor", sections)


class _Section(Lazy):
    """The vendors of a section."""

    def __init__(self, section: str) -> None:
        self.section = section
        super().__init__(_dashed(section), help=tree.sections()[section])

    def summaries(self) -> Mapping[str, str]:
        return {**self._shortcuts(), **self._vendors()}

    def _vendors(self) -> dict[str, str]:
        return {_dashed(name): about for name, about in tree.vendors(self.section).items()}

    def _shortcuts(self) -> dict[str, str]:
        """The calls of any vendor that stand in the section itself."""
        found = {place: tree.named(place) for place in tree.shortcuts()}
        start = f"{self.section}."
        return {
            _dashed(place.removeprefix(start)): call.summary
            for place, call in found.items()
            if call and place.startswith(start)
        }

    def make(self, name: str) -> click.Command | None:
        plain = name.replace("-", "_")
        if plain in tree.vendors(self.section):
            return _Vendor(self.section, plain)
        place = f"{self.section}.{plain}"
        return _call(tree.named(place), name) if place in tree.shortcuts() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _section(formatter, "With any vendor", self._shortcuts())
        _section(formatter, "Vendors", self._vendors())


class _Vendor(Lazy):
    """The calls of a vendor in a section."""

    def __init__(self, section: str, vendor: str) -> None:
        self.calls = tree.calls(section, vendor)
        about = tree.vendors(section)[vendor]
        super().__init__(_dashed(vendor), help=about)

    def summaries(self) -> Mapping[str, str]:
        old = {True: "(deprecated) ", False: ""}
        return {
            _dashed(name): old[one.deprecated] + one.summary for name, one in self.calls.items()
        }

    def make(self, name: str) -> click.Command | None:
        return _call(self.calls.get(name.replace("-", "_")), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _section(formatter, "Calls", self.summaries())


def _call(call: tree.Call | None, name: str) -> click.Command | None:
    if call is None:
        return None
    from . import calls

    if not calls.is_session(call):
        return calls.command(call, name)
    from . import conversation

    return conversation.command(call, name)
