"""`make canary BUDGET=10`: the most used calls once, within a budget, held against the description.

Needs AI302_API_KEY and costs money, at most BUDGET in PTC. The exchanges are written to
canary-record/, without secrets; `python -m generator docs diff --recorded canary-record` says what
they mean for the description, `docs accept --recorded canary-record` makes evidence of them.

A call is made with the description's first example. Left out is what the example cannot do (get a
task that is somebody's), what changes the account, what has no known price, and what may cost more
than is left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api302 import Api302Error, BudgetError, Client, Stream, Task
from api302.testing import record
from api302_mock.document import Document, Operation, load
from generator.docs.described import Described
from generator.docs.diff.recorded import recorded

FOLDER = Path("canary-record")
MOST = 50
SPEC = Path(__file__).parents[1] / "spec"


def chosen(client: Client, document: Document, most: int = MOST) -> dict[str, dict[str, Any]]:
    """The most used calls that can be made, with their arguments.

    A call with a short name of its own comes first; then count the public programs that make it,
    and the pages that describe it.
    """
    usable: dict[str, dict[str, Any]] = {}
    for operation in sorted(document.operations.values(), key=uses, reverse=True):
        given = arguments(document, operation)
        if given is None or _changes_the_account(operation):
            continue
        if _highest(client, operation.id, given) < float("inf"):
            usable[operation.id] = given
        if len(usable) == most:
            break
    return usable


def uses(operation: Operation) -> tuple[bool, int, int]:
    """How much a call is used, as far as the description knows."""
    docs = [one for one in operation.raw.get("x-docs", []) if "sister" not in one]
    programs = {
        str(one.get("source")).partition(":")[0] for one in docs if one["evidence"] == "caller"
    }
    pages = {one["page"] for one in docs if "page" in one}
    return "x-shortcut" in operation.raw, len(programs), len(pages)


def arguments(document: Document, operation: Operation) -> dict[str, Any] | None:
    """What the description's first example sends; None for a call that needs somebody's id."""
    given: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter.get("required") and parameter["in"] == "path":
            return None
        if parameter.get("required") and parameter["in"] == "query":
            if operation.behaviour.status or "example" not in parameter:
                return None
            given[parameter["name"]] = parameter["example"]
    if operation.body is None:
        return given
    content = operation.body.get("content", {}).get("application/json")
    examples = document.resolve(content or {}).get("examples", {})
    first = next(map(document.resolve, examples.values()), {}).get("value")
    if operation.behaviour.status or not isinstance(first, dict):
        return None
    return given | first


def _changes_the_account(operation: Operation) -> bool:
    """Whether a call may do more than be paid for: what is free and no GET, or deletes."""
    if operation.method == "GET":
        return False
    prices = operation.raw.get("x-price", [])
    is_free = bool(prices) and all(price.get("amount") == 0 for price in prices)
    return operation.method != "POST" or is_free


def calls(client: Client, wanted: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Make each call, the cheapest first; gives its id, what became of it, and why."""
    for id_ in sorted(wanted, key=lambda one: _highest(client, one, wanted[one])):
        try:
            _follow(client.call(id_, wanted[id_]))
        except BudgetError as error:
            yield id_, "left out", str(error)
        except Api302Error as error:
            yield id_, "refused", str(error)
        else:
            yield id_, "made", ""


def _follow(result: Any) -> None:
    """Read a stream to its end, and ask once for the status of a task."""
    if isinstance(result, Stream):
        for _ in result:
            pass
    elif isinstance(result, Task):
        result.status()


def _highest(client: Client, id_: str, given: dict[str, Any]) -> float:
    try:
        high = client.estimate(id_, **given).high
    except Api302Error:
        high = None
    return float("inf") if high is None else high


def run(client: Client, document: Document, budget: float, folder: Path) -> int:
    """Make the calls within the budget and print what became of them; 1 if one differs."""
    with record(client, folder), client.budget(budget) as spent:
        done = list(calls(client, chosen(client, document)))
    for id_, what, why in done:
        print(f"{what:9} {id_}  {why}".rstrip())
    made = sum(what == "made" for _, what, _ in done)
    print(f"{made} of {len(done)} calls made; {spent.spent:g} of {budget:g} PTC known to be spent")
    if not any(folder.glob("*.json")):
        return 1
    findings, _ = recorded(Described(SPEC), folder)
    differing = {finding.operation for finding in findings if finding.kind != "open"}
    print(f"{len(differing)} operations differ: python -m generator docs diff --recorded {folder}")
    return 1 if differing else 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("budget", type=float, help="PTC that may be spent at most")
    options = parser.parse_args()
    with Client() as client:
        return run(client, Document(load()), options.budget, FOLDER)


if __name__ == "__main__":
    sys.exit(main())
