"""Long tasks: a submitted one is remembered and moves from pending to done as it is asked about."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from api302_mock.document import Document, Operation
from api302_mock.examples import Reply, replies
from api302_mock.memory import Ids, Memory, as_kind, parameter_examples, renamed
from api302_mock.paths import DROP, put, search
from api302_mock.validate import Call, Refused

FAIL_MARKER = "mock:fail"
"""A task fails when any text of its request contains this."""


@dataclass(slots=True)
class Task:
    """A task and how far it is."""

    id: Any
    fetch: str
    submit: Operation | None = None
    looks: int = 0
    done: bool = False
    failed: bool = False
    cancelled: bool = False


class Tasks:
    """The tasks of one mock.

    Args:
        document: The document.
        ids: Where new ids come from.
        memory: Told of each task, so that what else lies under a task's path exists too.
        polls: Tells how many looks at a task tell that it is pending, before one tells that it is done.
    """

    def __init__(
        self, document: Document, ids: Ids, memory: Memory, polls: Callable[[], int]
    ) -> None:
        self._document = document
        self._ids = ids
        self._memory = memory
        self._polls = polls
        self._known: dict[tuple[str, str], Task] = {}
        self._submits: dict[str, list[Operation]] = {}
        self._cancels: dict[str, str] = {}
        for operation in document.operations.values():
            if task := operation.extension("task"):
                for other in (task["fetch"], task.get("cancel", task["fetch"])):
                    if other not in document.operations:
                        raise ValueError(
                            f"`x-task` of {operation.id} names {other}, which the document has not."
                        )
                self._submits.setdefault(task["fetch"], []).append(operation)
                if "cancel" in task:
                    self._cancels[task["cancel"]] = task["fetch"]

    def check_can_fail(self, operation: Operation) -> None:
        """Refuse to make a task fail where nothing could tell it: whoever waits for that end would wait for ever.

        Raises:
            Refused: 400.
        """
        if operation.extension("task-status") is not None:
            return  # callers send one header with every call of a task
        task = operation.extension("task")
        if task is None:
            raise Refused(400, f"{operation.id} has no `x-task`, so no task of it can fail.")
        if "failed" not in _status(self._document.operations[task["fetch"]]):
            raise Refused(
                400,
                f"the `x-task-status` of {task['fetch']} has no `failed`, so no task of {operation.id} can fail.",
            )

    def submitted(self, call: Call, found: list[Reply], *, fail: bool) -> list[Reply]:
        """The replies that fit a submitting call: with a fresh id when it makes a task, else the operation's own."""
        task = call.operation.extension("task")
        if task is None:
            return found
        if _has_marker(call.body):
            self.check_can_fail(call.operation)
        where = _id_path(task)
        fetch = self._document.operations[task["fetch"]]
        asked = (
            call.matches(task.get("when"))
            or call.value(task.get("webhook", {}).get("name", "")) is not None
        )
        with_id = [
            reply for reply in found if reply.is_json and search(where, reply.value) is not None
        ]
        if asked:
            with_id = sorted(
                with_id, key=lambda reply: _kind(_status(fetch), reply.value) == "succeeded"
            ) or self._made(where, found)
            chosen = with_id[:1]
        else:
            chosen = [
                reply
                for reply in found
                if reply not in with_id or _kind(_status(fetch), reply.value) == "succeeded"
            ] or found
        for reply in chosen:
            if not reply.is_json or (example := search(where, reply.value)) is None:
                continue
            key = self._ids.like(example)
            put(where, reply.value, key)
            task_ = Task(
                key, fetch.id, call.operation, done=not asked, failed=fail or _has_marker(call.body)
            )
            self._known[fetch.id, str(key)] = task_
            if asked and task_.failed and _kind(_status(fetch), reply.value) == "succeeded":
                # An operation whose only example is done at once: one that will fail must not say so here.
                reply.value = next(
                    self._fitting(reply, task_, _status(fetch), "pending"), reply.value
                )
            self._memory.created(fetch, key)
        return chosen

    def _made(self, where: str, found: list[Reply]) -> list[Reply]:
        """For an operation whose examples show no task: the id alone, or beside its own reply where the schema demands that."""
        for reply in found:
            if reply.is_json:
                for start in ("{}", json.dumps(reply.value)):
                    value: Any = json.loads(start)
                    if put(where, value, "mock-task-0000") and self._document.validator(
                        reply.schema
                    ).is_valid(value):
                        return [
                            Reply(reply.status, reply.media_type, reply.name, value, reply.schema)
                        ]
        return []

    def cancelled(self, call: Call) -> None:
        """Mark the task that a cancelling operation names.

        Raises:
            Refused: 404, there is no such task.
        """
        if fetch := self._cancels.get(call.operation.id):
            self._find(call, fetch).cancelled = True

    def fetched(self, call: Call, found: list[Reply], *, as_shown: bool) -> list[Reply]:
        """The replies that tell how the task stands; one look further with each call.

        Args:
            call: The call.
            found: The replies to choose from.
            as_shown: The caller chose an example: tell that, of this task.

        Raises:
            Refused: 404, there is no such task.
        """
        operation = call.operation
        if operation.extension("task-status") is None:
            return found
        status = _status(operation)
        task = self._find(call, operation.id)
        if as_shown:
            return [replace(reply, value=self._named(reply.value, task)) for reply in found]
        over = task.done or task.looks >= self._polls() or task.cancelled
        kind = (
            "failed"
            if over and (task.failed or task.cancelled)
            else "succeeded"
            if over
            else "pending"
        )
        if kind == "failed" and "failed" not in status:
            kind = "pending" if not task.cancelled else "succeeded"
        told = self._told(task, status, kind, found)
        task.looks += 1
        return told

    def _find(self, call: Call, fetch: str) -> Task:
        name = self._parameter(fetch)
        if name is None:
            return Task(
                None, fetch, done=True
            )  # a status of something that the document has no way to start
        key = str(call.value(name))
        if (fetch, key) not in self._known:
            if key not in parameter_examples(
                self._document, [self._document.operations[fetch], call.operation], name
            ) | self._shown(fetch):
                raise Refused(404, f"`{name}`: there is no task {key[:100]!r}.", -10010)
            self._known[fetch, key] = Task(call.value(name), fetch, done=True)
        return self._known[fetch, key]

    def _parameter(self, fetch: str) -> str | None:
        return next(
            (
                next(iter(_task(operation)["parameters"]))
                for operation in self._submits.get(fetch, [])
            ),
            None,
        )

    def _shown(self, fetch: str) -> set[str]:
        """The ids that the examples of the fetching operation's body name."""
        name = self._parameter(fetch) or ""
        found: set[str] = set()
        for raw in (self._document.operations[fetch].body or {}).get("content", {}).values():
            for example in self._document.resolve(raw).get("examples", {}).values():
                found.add(str(search(f'"{name}"', self._document.resolve(example).get("value"))))
        return found - {"None"}

    def _told(
        self, task: Task, status: dict[str, Any], kind: str, found: list[Reply]
    ) -> list[Reply]:
        binary = [reply for reply in found if not reply.is_json]
        if binary and (status.get("done") == {"binary": True} or len(binary) == len(found)):
            if kind == "succeeded":
                return binary
            found = [reply for reply in found if reply.is_json]
        found = [reply for reply in found if reply.is_json]
        shown = self._shown_as(task, status, kind, found)
        if shown is not None:
            value = self._finished(copy.deepcopy(shown.value), task, status, kind)
            return [self._sent(shown, value, task, status, kind)]
        return [self._computed(task, status, kind, found)] if found else found

    def _shown_as(
        self, task: Task, status: dict[str, Any], kind: str, found: list[Reply]
    ) -> Reply | None:
        """The example to tell this with, as it is: one whose state means `kind`, best one of the operation that made the task."""
        words: list[Any] = status.get(kind, [])
        shown = [reply for reply in found if _kind(status, reply.value) == kind]
        if task.cancelled and kind == "failed":
            # Of a cancelled task an example of a failure would tell the wrong story where the document knows the right one.
            cancels = [
                reply for reply in shown if _is_cancel(search(status.get("state"), reply.value))
            ]
            shown = cancels if cancels or any(map(_is_cancel, words)) else shown
        own = [reply for reply in shown if task.submit is not None and reply.name == task.submit.id]
        if kind != "pending" or own or not shown:
            return next(iter([*own, *shown]), None)

        def stage(reply: Reply) -> int:
            state = search(status.get("state"), reply.value)
            return words.index(state) if state in words else len(words)

        # Each pending state once, in the order of the document's words.
        stages = {stage(reply): reply for reply in sorted(reversed(shown), key=stage)}
        return list(stages.values())[min(task.looks, len(stages) - 1)]

    def _computed(self, task: Task, status: dict[str, Any], kind: str, found: list[Reply]) -> Reply:
        """A reply that means `kind`, where no example does: another one, changed at the plain paths of the extension."""
        # The less a base tells of how a task ended, the less of it is wrong here.
        bases = sorted(
            found,
            key=lambda reply: ("pending", "succeeded", "failed").index(_kind(status, reply.value)),
        )
        for base in bases:
            for value in self._fitting(base, task, status, kind):
                return self._sent(base, value, task, status, kind)
        return replace(bases[0], value=self._named(bases[0].value, task))

    def _fitting(self, base: Reply, task: Task, status: dict[str, Any], kind: str) -> Iterator[Any]:
        """The ways of changing a reply to mean `kind` that its schema allows, the best first."""
        for cleared in ("drop", "blank", "keep"):
            value = self._changed(base.value, task, status, kind, cleared)
            if _kind(status, value) == kind and self._is_valid(base, value):
                yield value

    def _is_valid(self, reply: Reply, value: Any) -> bool:
        return self._document.validator(reply.schema).is_valid(value)

    def _changed(
        self, example: Any, task: Task, status: dict[str, Any], kind: str, cleared: str
    ) -> Any:
        value = copy.deepcopy(example)
        state = status.get("state")
        if kind != "succeeded":
            for path in [
                *status.get("outputs", []),
                status.get("done", {}).get("field"),
                status.get("response"),
            ]:
                if path is None or path == state:
                    continue
                held = search(path, value)
                if cleared == "drop":
                    put(path, value, DROP)
                elif cleared == "blank" and held is not None:
                    put(path, value, [] if isinstance(held, list) else "", create=False)
        words: list[Any] = status.get(kind, [])
        if state is not None and words:
            word = words[min(task.looks, len(words) - 1)] if kind == "pending" else words[0]
            put(
                state,
                value,
                next((cancel for cancel in words if _is_cancel(cancel)), word)
                if task.cancelled
                else word,
            )
        elif state is not None and _kind(status, value) != kind:
            put(
                state, value, DROP
            )  # a document that has no word for this, such as for work that still goes on
        if kind == "failed" and (message := status.get("error", {}).get("message")):
            put(
                message,
                value,
                "The task was cancelled."
                if task.cancelled
                else "The task failed, as the request asked.",
            )
        return self._finished(value, task, status, kind)

    def _finished(self, value: Any, task: Task, status: dict[str, Any], kind: str) -> Any:
        """With the submitting operation's own reply, where the fetching one brings that."""
        if kind == "succeeded" and "response" in status and task.submit is not None:
            own = [reply for reply in replies(self._document, task.submit) if reply.is_json]
            own = [
                reply for reply in own if search(_id_path(_task(task.submit)), reply.value) is None
            ] or own
            if own:
                put(status["response"], value, own[0].value)
        return value

    def _sent(
        self, reply: Reply, value: Any, task: Task, status: dict[str, Any], kind: str
    ) -> Reply:
        value = self._named(value, task)
        moved = self._progressed(value, task, status, kind)
        return replace(reply, value=moved if self._is_valid(reply, moved) else value)

    def _named(self, value: Any, task: Task) -> Any:
        """The reply with the task's id for the example's."""
        name = self._parameter(task.fetch)
        if name is None or task.id is None:
            return value
        old = parameter_examples(self._document, [self._document.operations[task.fetch]], name)
        where = None
        if task.submit is not None:
            where = _id_path(_task(task.submit))
            old |= {
                str(search(where, reply.value))
                for reply in replies(self._document, task.submit)
                if reply.is_json
            }
        value = renamed(value, {name} - {"id"}, old - {"None"}, task.id)
        if where is not None and isinstance(held := search(where, value), (str, int)):
            put(where, value, as_kind(task.id, held), create=False)
        return value

    def _progressed(self, value: Any, task: Task, status: dict[str, Any], kind: str) -> Any:
        progress = status.get("progress")
        if progress is None or kind == "failed":
            return value
        share = 1.0 if kind == "succeeded" else min(task.looks, self._polls()) / (self._polls() + 1)
        number: Any = f"{share:.0%}"
        if "of" in progress:
            number = (
                share * progress["of"]
                if progress["of"] <= 1 and share < 1
                else round(share * progress["of"])
            )
            number = str(number) if isinstance(search(progress["field"], value), str) else number
        changed = copy.deepcopy(value)
        put(progress["field"], changed, number)
        return changed


def _task(operation: Operation) -> dict[str, Any]:
    return operation.extension("task") or {}


def _status(operation: Operation) -> dict[str, Any]:
    return operation.extension("task-status") or {}


def _id_path(task: dict[str, Any]) -> str:
    return next(iter(task["parameters"].values()))


def _kind(status: dict[str, Any], value: Any) -> str:
    """What a reply tells: `pending`, `succeeded` or `failed`."""
    state = search(status.get("state"), value)
    for kind in ("succeeded", "failed", "pending"):
        if state is not None and any(
            state == word and isinstance(state, bool) == isinstance(word, bool)
            for word in status.get(kind, [])
        ):
            return kind
    return "succeeded" if holds(status.get("done"), value) else "pending"


def _is_cancel(word: Any) -> bool:
    return "cancel" in str(word).lower()


def holds(test: dict[str, Any] | None, value: Any) -> bool:
    """Whether an extension's test is true of a reply or an event."""
    if not test or "field" not in test:
        return False
    held = search(test["field"], value)
    return held in test["values"] if "values" in test else held not in (None, "", [], {}, False)


def _has_marker(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_marker, value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(value, list):
        return any(map(_has_marker, value))  # pyright: ignore[reportUnknownArgumentType]
    return isinstance(value, str) and FAIL_MARKER in value
