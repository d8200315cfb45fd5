"""`make live`: the free GETs of the real service, each reply held against the description.

Needs AI302_API_KEY; costs nothing.

Free is a GET that the description prices at nothing and that needs no argument. The exchanges are
written to live-record/, without secrets.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from api302 import Api302Error, Client
from api302.testing import record
from api302_mock.document import Document, Operation, load


def free_gets(document: Document) -> Iterator[Operation]:
    """The operations that cost nothing and can be called as they are."""
    for operation in document.operations.values():
        prices = operation.raw.get("x-price", [])
        free = all(price.get("amount", 1) == 0 for price in prices)
        asks = any(parameter.get("required") for parameter in operation.parameters)
        if operation.method == "GET" and free and not asks:
            yield operation


def mismatches(client: Client, document: Document) -> Iterator[tuple[str, str]]:
    """Call each; give operation ids, each with what is wrong or an empty text."""
    for operation in free_gets(document):
        try:
            reply = client.request("GET", operation.path)
        except Api302Error as error:
            yield operation.id, f"refused: {error}"
            continue
        content = operation.responses["200"]["content"]
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            yield operation.id, ""
            continue
        errors = document.validator(schema).iter_errors(reply.json())
        yield (
            operation.id,
            "; ".join(
                f"{'.'.join(map(str, error.instance_path)) or 'reply'}: {error.message[:200]}"
                for error in errors
            ),
        )


def main() -> int:
    """Print a line for each call; 1 if one does not match."""
    document = Document(load())
    with Client() as client, record(client, "live-record"):
        found = dict(mismatches(client, document))
    for operation, problem in found.items():
        print(f"{'differs' if problem else 'matches'}  {operation}  {problem}")
    print(f"{len(found)} free calls, {sum(map(bool, found.values()))} differ")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
