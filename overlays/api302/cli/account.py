"""Models and money: `api302 models`, `balance` and `cost`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import arguments, handles
from .connect import client
from .options import OUTPUT, QUERY, Chosen, option
from .output import emit, note, show, write

if TYPE_CHECKING:
    from api302.catalog import Model


@click.command()
@click.argument("words", nargs=-1, metavar="[NAME]...")
@click.option("--kind", metavar="KIND", help="What it does: chat, text-to-image, image-to-video …")
@click.option("--vendor", metavar="VENDOR", help="Who made it: kling, flux, openai …")
@click.option("--call", metavar="CALL", help="A call that takes it, by id or name.")
@click.option("--max-price", type=float, metavar="PTC", help="PTC per unit that it costs at most.")
@click.option(
    "--accepts",
    multiple=True,
    metavar="NAME=VALUE",
    help="A field of the request and a value that it must take, such as duration=10.",
)
@click.option("--deprecated", is_flag=True, help="List superseded models too.")
@click.option("--refresh", is_flag=True, help="Add what the service lists now (needs the API key).")
def models(words: tuple[str, ...], **given: Any) -> None:
    """The models: what they accept and cost. Needs no network.

    The name of a model shows all that is known of it; another text lists those whose names have
    it.
    """
    chosen = Chosen.of(given)
    found = _found(" ".join(words), given)
    data = [_row(one) for one in found]
    if chosen.output or chosen.query:
        emit(data, chosen.output, chosen.query)
    elif len(found) == 1:
        write(f"{found[0]}\n")
    elif found:
        show(list(data[0]), [[_said(value) for value in row.values()] for row in data])
    else:
        note("No model fits.")


models.params += [option(OUTPUT), option(QUERY)]


def _found(name: str, given: dict[str, Any]) -> list[Model]:
    from api302.catalog import Catalog

    catalog = client().catalog if given["refresh"] else Catalog()
    if given["refresh"]:
        catalog.refresh()
    if name in catalog:
        return [one for one in catalog if name in (one.id, one.name)]
    return catalog.find(
        given["kind"],
        vendor=given["vendor"],
        operation=_operation(given["call"]),
        max_price=given["max_price"],
        accepts=arguments.fields(given["accepts"], "--accepts"),
        text=name or None,
        deprecated=given["deprecated"],
    )


def _operation(call: str | None) -> str | None:
    """The operation id of a call; what nothing is called stays, to be refused by its name."""
    from . import tree

    known = tree.named(call) if call else None
    return known.id if known else call


def _row(model: Model) -> dict[str, Any]:
    from api302.catalog import price_text

    return {
        "id": model.id,
        "title": model.title,
        "vendor": model.vendor,
        "kinds": list(model.kinds),
        "price": "; ".join(map(price_text, model.price)),
        "calls": list(model.operations),
    }


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType]


@click.command()
def balance(**given: Any) -> None:
    """What is left on the account, in PTC; 1 PTC is 1 USD.

    The API key must be allowed to see it.
    """
    chosen = Chosen.of(given)
    response = client().account.balance()
    plain = chosen.output is None and not chosen.query
    emit(response, chosen.output, "data.balance" if plain else chosen.query)


@click.command()
@click.argument("request_id", metavar="REQUEST_ID")
def cost(request_id: str, **given: Any) -> None:
    """What a call cost, by its request id, or the handle of a task.

    Errors name the request id, and so does --cost.
    """
    chosen = Chosen.of(given)
    kept = next((one for one in handles.everything() if one.handle == request_id), None)
    found = client().cost(kept.task["request_id"] if kept else request_id)
    if chosen.output or chosen.query:
        emit(found._asdict(), chosen.output, chosen.query)
        return
    tokens = f" ({found.input_tokens} + {found.output_tokens} tokens)" if found.input_tokens else ""
    write(f"{found.amount:g} PTC{f' for {found.model}' if found.model else ''}{tokens}\n")


for _command in (balance, cost):
    _command.params += [option(OUTPUT), option(QUERY)]
