"""What a test can ask of the next replies: an error code, a certain example, a delay, or a fault on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

Fault = Literal[
    "reset", "cut-stream", "end-stream", "error-event", "broken-json", "envelope", "task-failed"
]


@dataclass(slots=True, frozen=True)
class Wish:
    """How a reply shall be. The same names work in a `Prefer` header (`Prefer: code=429, latency=0.5`) and in :meth:`MockApp.next`.

    Attributes:
        code: Answer with this status: an error in the provider's envelope, or a success that the operation documents.
        err_code: 302.AI's code in the error's envelope, instead of the usual one of the status.
        retry_after: Seconds, for the `Retry-After` header; 429 and 503 say 1 without it.
        example: Answer with the document's example of this name.
        latency: Wait this many seconds before anything else.
        fault: `reset` closes the connection (TCP reset) before any reply. `cut-stream` breaks off in the middle of any body;
            `end-stream` closes an event stream cleanly but without its end; `error-event` puts an error into it.
            `broken-json` spoils the JSON of a body or event. `envelope` reports a failure inside a 200, where the operation
            has `x-success`. `task-failed` makes the submitted task fail. A call that cannot show one of these two is refused with 400.
        times: For how many requests (:meth:`MockApp.next` alone).
        operation: For requests of this operationId alone (:meth:`MockApp.next` alone).
    """

    code: int | None = None
    err_code: int | None = None
    retry_after: float | None = None
    example: str | None = None
    latency: float = 0
    fault: Fault | None = None
    times: int = 1
    operation: str | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Wish:
        """A wish from names and values.

        Raises:
            ValueError: a name or value is not one of those above.
        """
        known = {item.name for item in fields(cls)}
        if more := sorted(set(values) - known):
            raise ValueError(f"`{more[0]}` is unknown; the names are {', '.join(sorted(known))}.")
        made = dict(values)
        for name, kind in (
            ("code", int),
            ("err_code", int),
            ("retry_after", float),
            ("latency", float),
            ("times", int),
        ):
            if made.get(name) is not None:
                made[name] = kind(made[name])
        if made.get("fault") not in (None, *get_args(Fault)):
            raise ValueError(
                f"fault `{made['fault']}` is unknown; the faults are {', '.join(get_args(Fault))}."
            )
        if not 200 <= (made.get("code") or 200) <= 599:
            raise ValueError(f"code {made['code']} is no status between 200 and 599.")
        return cls(**made)

    def over(self, other: Wish) -> Wish:
        """Both wishes; where both say something, this one."""
        said = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if getattr(self, item.name) != item.default
        }
        return replace(other, **said)


def preferred(headers: Iterable[str]) -> Wish:
    """The wish in `Prefer` headers; preferences of other people's (`return=minimal`) are passed over, as RFC 7240 says.

    Raises:
        ValueError: a preference of ours has a value that it cannot have.
    """
    values: dict[str, Any] = {}
    ours = {item.name for item in fields(Wish)} - {"times", "operation"}
    for part in ",".join(headers).replace(";", ",").split(","):
        name, _, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        if name in ours:
            values[name] = value.strip().strip('"')
    return Wish.of(values)
