"""`api302 request`: a call that is not described yet."""

from __future__ import annotations

from typing import Any

import click

from . import arguments
from .connect import client
from .options import OUTPUT, QUERY, SAVE, TIMEOUT, Chosen, option
from .results import check_target, show


@click.command()
@click.argument("method")
@click.argument("path")
@click.option(
    "-b", "--body", metavar="JSON", help="The JSON body: @file, - for the standard input."
)
@click.option(
    "-p",
    "--param",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the query.",
)
@click.option("-H", "--header", multiple=True, metavar="NAME: VALUE", help="A header.")
@click.option(
    "--file", "files", multiple=True, metavar="NAME=PATH", help="A file of a form, with its field."
)
@click.option("-F", "--field", multiple=True, metavar="NAME=VALUE", help="A field of a form.")
def request(method: str, path: str, **given: Any) -> None:
    """Make a call that is not described yet: api302 request POST /v1/new --body @request.json

    The API key goes with it. It is repeated only if it surely was not accepted.
    """
    is_form = bool(given["files"] or given["field"])
    if is_form and given["body"]:
        raise click.UsageError("--body: is the whole body; --field and --file make a form")
    chosen = Chosen.of(given)
    check_target(chosen.save)
    response = client().request(
        method.upper(),
        path,
        query=arguments.fields(given["param"], "--param"),
        json=_body(given["body"]) if given["body"] else None,
        data=arguments.fields(given["field"]) or None,
        files=_files(given["files"]),
        headers=_headers(given["header"]),
        timeout=chosen.timeout,
    )
    show(response.parsed, chosen)


request.params += [option(one) for one in (SAVE, OUTPUT, QUERY, TIMEOUT)]


def _body(text: str) -> Any:
    import json

    try:
        return json.loads(arguments.text_of(f"@{text}" if text == "-" else text, "--body"))
    except ValueError as error:
        raise click.UsageError(f"--body: is not JSON ({error})") from None


def _files(pairs: tuple[str, ...]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--file: must be NAME=PATH, not {pair!r}")
        found.setdefault(name, []).append(arguments.file_of(path))
    return found or None


def _headers(lines: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise click.UsageError("--header: must be 'NAME: VALUE'")
        found[name.strip()] = value.strip()
    return found
