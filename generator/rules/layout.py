"""The look of the files: what a person can hold and read top down, with nothing said twice."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from generator import join
from generator.source import LEDGER_NAME, Problem, VendorFile, obj

from .context import Context, same

WIDTH, LENGTH = 120, 620
_BLOCK = re.compile(r"^( *)(?:- )*[^#]*[:-] \|[+-]?\s*$")


def widths(context: Context) -> Iterator[Problem]:
    """No line is longer than 120 columns, but in text that is kept as it is (`|`), since a fold
    would be another text.
    """
    for name, text in context.spec.texts.items():
        for number in _long_lines(text):
            fix = "break it: a mapping or list into lines, a text with `>-`"
            yield Problem(name, number, f"the line is longer than {WIDTH} columns", fix)


def _long_lines(text: str) -> Iterator[int]:
    """The numbers of the lines that are too long, those of literal blocks left out."""
    literal = -1  # the indent of the key whose literal block this is
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip(" "))
        if literal >= 0 and (indent > literal or not line.strip()):
            continue
        block = _BLOCK.match(line) if line.rstrip("+- ").endswith("|") else None
        literal = len(block[1]) if block else -1
        if len(line) > WIDTH:
            yield number


def lengths(context: Context) -> Iterator[Problem]:
    """A vendor's file is one that a person can hold."""
    for name, text in context.spec.texts.items():
        lines = text.count("\n")
        if lines > LENGTH and not name.endswith(LEDGER_NAME):
            message = f"the file has {lines} lines, more than {LENGTH}"
            fix = "cut it into parts, <vendor>/<part>.yaml"
            fix += ", and say in vendors.yaml which path is where"
            yield Problem(name, LENGTH + 1, message, fix)


def order(context: Context) -> Iterator[Problem]:
    """An operation reads top down: summary, request, responses, behaviour, and then price and
    evidence.
    """
    for _, _, _, operation in _operations(context):
        keys = list(operation)
        for before, key in itertools.pairwise(keys):
            if join.rank(before) > join.rank(key):
                message = f"`{key}` stands after `{before}` in {operation.get('operationId')}"
                there = ", ".join(sorted(keys, key=join.rank))
                yield context.problem(operation, key, message, f"put it before: {there}")
                break


def repeated(context: Context) -> Iterator[Problem]:
    """What the operations of a file share is said once: by the folder, or in `x-defaults`."""
    for file, path, method, operation in _operations(context):
        shared = join.defaults(context.spec, file)
        at = f"{method.upper()} {path}"
        if "tags" in operation:
            fix = f"remove it; the folder says that the tag is {file.section}.{file.vendor}"
            yield context.problem(operation, "tags", f"{at} has `tags`", fix)
        for key in shared.keys() & operation.keys() - {"responses"}:
            if same(operation[key], shared[key]):
                yield _default(context, operation, key, f"`{key}` of {at}")
        responses, shown = obj(operation.get("responses")), obj(shared.get("responses"))
        for status in shown.keys() & responses.keys():
            if same(responses[status], shown[status]):
                yield _default(context, responses, status, f"the response {status} of {at}")
    yield from _undeclared(context)


def _default(context: Context, container: Any, key: str, what: str) -> Problem:
    fix = f"remove it; only what differs from `{join.DEFAULTS}` is written out"
    return context.problem(container, key, f"{what} is the default", fix)


def _undeclared(context: Context) -> Iterator[Problem]:
    """What all operations of a file say alike, and its head could say for them."""
    for file in context.spec.vendor_files():
        operations = [operation for _, _, operation in join.operations(file.content)]
        for key in set(join.SHARED) - {"responses"} if len(operations) > 1 else ():
            first = operations[0]
            if all(key in other and same(other[key], first.get(key)) for other in operations):
                message = f"every operation of {file.name} has this `{key}`"
                fix = f"say it once, at the head of the file under `{join.DEFAULTS}`"
                yield context.problem(first, key, message, fix)


def _operations(context: Context) -> Iterator[tuple[VendorFile, str, str, dict[str, Any]]]:
    """The operations as they are written, before defaults."""
    for file in context.spec.vendor_files():
        for path, method, operation in join.operations(file.content):
            yield file, path, method, operation
