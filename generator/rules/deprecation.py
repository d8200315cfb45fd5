"""What the provider has superseded: what to use in its place."""

from __future__ import annotations

from collections.abc import Iterator

from generator.document import Operation
from generator.source import Problem, obj

from .context import Context
from .structure import did_you_mean


def replacements(context: Context) -> Iterator[Problem]:
    """`x-replaced-by` stands on a deprecated operation and names a current one of its kind."""
    for operation in context.operations:
        name = operation.node.get("x-replaced-by")
        if not isinstance(name, str):
            continue
        if not operation.is_deprecated:
            message = f"{operation} has x-replaced-by and is not deprecated"
            yield context.on(operation, "x-replaced-by", message, "add `deprecated: true`")
        new = context.by_id.get(name)
        if new is None:
            fix = did_you_mean(name, list(context.by_id))
            message = f"there is no operation `{name}` in place of {operation}"
            yield context.on(operation, "x-replaced-by", message, fix)
        elif fault := _unfit(operation, new):
            message = f"`{name}` takes the place of {operation} and {fault}"
            yield context.on(operation, "x-replaced-by", message, "name another, or none")


def _unfit(old: Operation, new: Operation) -> str:
    """Why one operation cannot take the place of another; empty if it can."""
    if new.id == old.id:
        return "is that operation itself"
    if new.is_deprecated:
        return "is deprecated itself"
    gets_status = "x-task-status" in new.node
    if gets_status != ("x-task-status" in old.node):
        return "gets a task's status" if gets_status else "does not get a task's status"
    return ""


def leads(context: Context) -> Iterator[Problem]:
    """Nothing that is to be used leads to what is deprecated: no shortcut, no fetched task."""
    for operation in context.operations:
        if operation.is_deprecated and "x-shortcut" in operation.node:
            message = f"{operation} is deprecated and has a shortcut"
            fix = "give the shortcut to the operation that replaces it"
            yield context.on(operation, "x-shortcut", message, fix)
        fetch = context.by_id.get(str(obj(operation.node.get("x-task")).get("fetch")))
        if fetch is not None and fetch.is_deprecated and not operation.is_deprecated:
            message = f"{operation} is followed with {fetch}, which is deprecated"
            yield context.on(operation, "x-task", message, "deprecate both or neither", ["fetch"])
