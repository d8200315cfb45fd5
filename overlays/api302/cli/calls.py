"""The command of a call: its options, and what happens when it is made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from . import arguments
from .connect import client, host
from .options import Chosen, own
from .output import note, write
from .tree import Call

if TYPE_CHECKING:
    from api302 import Call as Request
    from api302 import Client, Estimate


def command(call: Call, name: str | None = None) -> click.Command:
    """The command of a call."""
    return CallCommand(name or call.name.replace("_", "-"), call, _made(call))


def is_session(call: Call) -> bool:
    """Whether it is a conversation over a WebSocket, whose command is another."""
    return _kinds(call) == {"session"}


class CallCommand(click.Command):
    """A command whose options are made of the description of a call."""

    def __init__(self, name: str, call: Call, callback: Callable[..., None]) -> None:
        listed = arguments.arguments(call)
        model = call.data.get("models")
        options = [
            arguments.option_of(one, _models(call) if one.name == model else None) for one in listed
        ]
        taken = {one.option for one in listed}
        self.call = call
        super().__init__(
            name,
            callback=callback,
            params=[*options, *own(_kinds(call), taken)],
            help=_help(call),
            epilog=_epilog(call),
            deprecated=call.deprecated,
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The arguments of the call, and apart from them the options of every call."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            is_own = not (param.name or "").startswith("arg_")
            if record:
                rows["Options" if is_own else "Arguments"].append(record)
        for title, listed in rows.items():
            if listed:
                with formatter.section(title):
                    formatter.write_dl(listed)


def _made(call: Call) -> Callable[..., None]:
    def made(**given: Any) -> None:
        run(call, given)

    return made


def _kinds(call: Call) -> set[str]:
    """What the forms of a call are. An upload of several steps is a command of its own."""
    forms: Mapping[str, str] = call.data["forms"]
    if forms.get(call.name) == "upload":
        return {"upload"}
    return {kind for kind in forms.values() if kind not in ("upload", "bytes")}


def _help(call: Call) -> str:
    text = f"{call.summary}.\n\n{call.data.get('description', '')}"
    old = call.data.get("deprecated", "")
    return f"{text}\n\n{old}" if old else text


def _epilog(call: Call) -> str:
    known = [
        f"{call.data['endpoint']}, in Python client.{call.place}().",
        f"Source: {call.data['source']}" if call.data.get("source") else "",
    ]
    return "\n\n".join(filter(None, known))


def _models(call: Call) -> Any:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from api302_client.catalog import load

        models = load().models.values()
        names = [
            one.name or one.id for one in models if _takes(one, call.id) and not one.deprecated
        ]
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _takes(model: Any, operation: str) -> bool:
    return any(one.operation == operation for one in model.calls)


# --- making the call ------------------------------------------------------------------------------


def run(call: Call, given: Mapping[str, Any]) -> None:
    """Make a call from what its options say, and show the result."""
    chosen = Chosen.of(given)
    body = arguments.body(chosen.body) if chosen.body else {}
    made, more = collected(call, chosen, {**body, **arguments.values(call, given)})
    perform(call, made, more, chosen)


def collected(
    call: Call, chosen: Chosen, given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a call, and the fields beside them. Raises click.UsageError."""
    more = arguments.fields(chosen.field)
    for one in arguments.arguments(call):
        named = {one.name, one.name.strip("_"), one.option}
        if one.required and not named & (given.keys() | more.keys()):
            raise click.UsageError(
                f"--{one.option}: is required{f' ({one.help})' if one.help else ''}",
                click.get_current_context(silent=True),
            )
    return given, more


def perform(
    call: Call, given: dict[str, Any], more: dict[str, Any], chosen: Chosen, main: str = ""
) -> None:
    """Make a call, or what else is asked for: the sample, the estimate.

    `main` is what of a response is printed, as a JMESPath; empty for all of it.
    """
    from .results import check_target, show

    if chosen.dry_run:
        _sample(call, given, more, chosen)
        return
    check_target(chosen.save)
    if not is_allowed(call, chosen, lambda: _estimated(call, given, more, chosen)):
        return
    with_stream = {**given, "stream": True} if chosen.stream else given
    timeout = chosen.timeout if not _waits(call, chosen) else None
    options: dict[str, Any] = {"extra_body": more or None, "timeout": timeout}
    made = client()
    if chosen.budget is not None:
        # It is not left: a command does not wait until all records of cost are there.
        made.budget(chosen.budget).__enter__()
    if _kinds(call) == {"upload"} or chosen.all:
        result = _twin(made, call, chosen)(**given)
    elif not chosen.wait:
        result = made.submit(call.id, given, **options)
    else:
        result = made.call(call.id, with_stream, **options)
    show(result, chosen, host(), main)
    if chosen.cost:
        _print_cost(made, result)


def _waits(call: Call, chosen: Chosen) -> bool:
    """Whether `--timeout` is that of a task's result."""
    return _kinds(call) == {"task"} and chosen.wait


def _twin(made: Client, call: Call, chosen: Chosen) -> Any:
    """The method of a form that `Client.call` has no way to ask for."""
    owner: Any = made
    for name in (call.section, call.vendor):
        owner = getattr(owner, name)
    return getattr(owner, f"iter_{call.name}" if chosen.all else call.name)


def _sample(call: Call, given: dict[str, Any], more: dict[str, Any], chosen: Chosen) -> None:
    from .samples import curl, python

    request = _request(call, given, more, chosen)
    write(f"{curl(request)}\n\n{python(call, given, more, chosen)}\n")


def _request(call: Call, given: dict[str, Any], more: dict[str, Any], chosen: Chosen) -> Request:
    """The first request of a call, checked as ever, and not sent."""
    from .samples import held, hold

    made = client(sends=False, middleware=[hold])
    if _kinds(call) == {"upload"}:
        return held(lambda: _twin(made, call, chosen)(**given))
    body = {**given, "stream": True} if chosen.stream else given
    how = made.call if chosen.wait else made.submit
    return held(lambda: how(call.id, body, extra_body=more or None))


def _print_cost(made: Client, result: Any) -> None:
    """Say what a call cost, beside its result, which is there by now and must not be lost."""
    from api302 import Api302Error

    try:
        cost = made.cost(result)
        said = f"{cost.amount:g} PTC"
    except Api302Error as error:
        said = f"its cost is not known: {error}"
    request_id = getattr(result, "request_id", None)
    note(f"{said}; request id {request_id}" if request_id else said)


# --- money, and what is not undone ----------------------------------------------------------------


def is_allowed(call: Call, chosen: Chosen, estimate: Callable[[], Estimate]) -> bool:
    """Whether the call may be sent; asks where somebody is there to answer."""
    if chosen.budget is not None:
        _check_budget(estimate(), chosen.budget)
    if chosen.estimate:
        told = str(estimate())
        write(f"{told}\n") if not chosen.yes else note(told)
        return chosen.yes or (sys.stdin.isatty() and click.confirm("Send it?", err=True))
    if call.data["endpoint"].startswith("DELETE ") and not chosen.yes:
        return _confirmed(call)
    return True


def _confirmed(call: Call) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{call.place} deletes something; give --yes where nobody is asked")
    return click.confirm(f"{call.summary}?", err=True, abort=True)


def _estimated(call: Call, given: dict[str, Any], more: dict[str, Any], chosen: Chosen) -> Estimate:
    """What a call will cost, by what it would send."""
    request = _request(call, given, more, chosen)
    sent = {name: value for name, value in request.values.items() if name and value is not None}
    return client(sends=False).estimate(call.id, **sent)


def _check_budget(estimate: Estimate, budget: float) -> None:
    """Raise BudgetError if a call may cost more than a budget, or if nobody knows."""
    from api302 import BudgetError

    if estimate.high is None:
        why = "what it costs is not known beforehand"
    elif estimate.high > budget:
        why = f"it may cost {estimate.high:g} PTC"
    else:
        return
    message = f"--budget: the call was not sent: {why}, and the budget is {budget:g} PTC"
    raise BudgetError(f"{message} ({estimate.basis})", left=budget, estimate=estimate)
