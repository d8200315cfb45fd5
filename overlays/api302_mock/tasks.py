"""Long tasks: a submitted one is remembered and moves from pending to done as it is polled."""

from __future__ import annotations

from typing import Any, cast

from api302_client.behaviour import Task as TaskRule
from api302_client.behaviour import TaskStatus, find
from api302_mock.call import Call
from api302_mock.control import Settings
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.examples import Example
from api302_mock.ids import parameter_examples
from api302_mock.paths import put
from api302_mock.status import StatusWriter, state_of
from api302_mock.store import Store, Task
from api302_mock.things import Collections

FAIL_MARKER = "mock:fail"
"""A task fails when any text of its request contains this."""
_NOT_FOUND = -10010


class Tasks:
    """What begins, moves and ends the tasks of a document.

    Args:
        document: The document.
        collections: They learn of each task, so that what else lies under a task's path exists too.
        settings: How many polls report a task as pending.

    Raises:
        ValueError: An `x-task` names an operation that the document lacks.
    """

    def __init__(self, document: Document, collections: Collections, settings: Settings) -> None:
        self._document = document
        self._collections = collections
        self._settings = settings
        self._submits: dict[str, list[Operation]] = {}
        self._cancels: dict[str, str] = {}
        for operation in document.operations.values():
            if operation.behaviour.task is not None:
                self._add(operation, operation.behaviour.task)
        self._writer = StatusWriter(document, self._id_parameter)

    def _add(self, operation: Operation, rule: TaskRule) -> None:
        for other in (rule.fetch, rule.cancel):
            if other is not None and other not in self._document.operations:
                raise ValueError(
                    f"`x-task` of {operation.id} names {other}, which the document lacks."
                )
        self._submits.setdefault(rule.fetch, []).append(operation)
        if rule.cancel is not None:
            self._cancels[rule.cancel] = rule.fetch

    def _status_rule(self, rule: TaskRule) -> TaskStatus:
        return self._document.operations[rule.fetch].behaviour.status or TaskStatus()

    # --- submitting -------------------------------------------------------------------------------

    def refuse_if_cannot_fail(self, operation: Operation) -> None:
        """Refuse to make a task fail where no response could report it: whoever waits for that
        end would wait for ever.

        Raises:
            Refused: 400.
        """
        if operation.behaviour.status is not None:
            return  # callers send one header with every call of a task
        rule = operation.behaviour.task
        if rule is None:
            raise Refused(400, f"{operation.id} has no `x-task`, so no task of it can fail.")
        if not self._status_rule(rule).failed:
            why = f"the `x-task-status` of {rule.fetch} has no `failed`"
            raise Refused(400, f"{why}, so no task of {operation.id} can fail.")

    def submit(
        self, call: Call, examples: list[Example], store: Store, *, fails: bool
    ) -> tuple[list[Example], Task | None]:
        """Begin a task, where the call is one.

        Returns:
            The examples to choose from, with a fresh id where they have one; and the task, if it
            is one that calls a webhook at its end.

        Raises:
            Refused: 400, the task should fail and cannot.
        """
        rule = call.operation.behaviour.task
        if rule is None:
            return examples, None
        if has_marker(call.body):
            self.refuse_if_cannot_fail(call.operation)
            fails = True
        webhook = call.at(rule.webhook) if rule.webhook else None
        if not call.has(rule.when) and webhook is None:
            return self._at_once(call, rule, examples, store, fails=fails), None
        options = self._beginnings(rule, examples)
        if not options:
            return options, None
        task = self._begin(call, rule, options[0], store)
        task.fails = fails
        task.webhook = webhook if webhook and isinstance(webhook, str) else None
        if fails:
            self._writer.unfinish(options[0], task)
        return options, task if task.webhook is not None else None

    def _at_once(
        self, call: Call, rule: TaskRule, examples: list[Example], store: Store, *, fails: bool
    ) -> list[Example]:
        """The operation's own result, where the call is a task only on demand."""
        options = self._ends(rule, examples)
        for example in options:
            if _has_id(example, rule):
                task = self._begin(call, rule, example, store)
                task.done, task.fails = True, fails
        return options

    def _begin(self, call: Call, rule: TaskRule, example: Example, store: Store) -> Task:
        """Begin a task, with a fresh id that goes into the example."""
        task = Task(
            store.ids.like(find(rule.id_path, example.value)), rule.fetch, call.operation.id
        )
        put(rule.id_path, example.value, task.id)
        store.keep_task(task)
        self._collections.created(self._document.operations[rule.fetch], task.id, store)
        return task

    def _beginnings(self, rule: TaskRule, examples: list[Example]) -> list[Example]:
        """The example that reports a task: best one that is still pending."""
        with_id = [one for one in examples if _has_id(one, rule)]
        status, ends = self._status_rule(rule), self._document.ends
        with_id.sort(key=lambda one: state_of(status, one.value, ends) == "succeeded")
        return with_id[:1] or self._made(rule, examples)

    def _ends(self, rule: TaskRule, examples: list[Example]) -> list[Example]:
        """The examples of the operation's own result: where the call is a task only on demand."""
        status, ends = self._status_rule(rule), self._document.ends

        def is_end(example: Example) -> bool:
            has_id = _has_id(example, rule)
            return not has_id or state_of(status, example.value, ends) == "succeeded"

        return [one for one in examples if is_end(one)] or examples

    def _made(self, rule: TaskRule, examples: list[Example]) -> list[Example]:
        """For an operation whose examples show no task: the id alone, or beside its own
        response where the schema demands that.
        """
        for example in examples:
            for fresh in ({}, _copy(example.value)) if example.is_json else ():
                is_put = put(rule.id_path, fresh, "mock-task-0000")
                if is_put and self._document.is_valid(example.schema, fresh):
                    return [
                        Example(
                            example.status, example.media_type, example.name, fresh, example.schema
                        )
                    ]
        return []

    # --- following --------------------------------------------------------------------------------

    def cancel(self, call: Call, store: Store) -> None:
        """Mark the task that a cancelling operation names.

        Raises:
            Refused: 404, the task does not exist.
        """
        if fetch := self._cancels.get(call.operation.id):
            self._find(call, fetch, store).cancelled = True

    def poll(
        self, call: Call, examples: list[Example], store: Store, *, as_shown: bool
    ) -> tuple[list[Example], Task | None]:
        """One poll of a task.

        Args:
            call: The call.
            examples: The responses to choose from.
            store: Where tasks are.
            as_shown: The caller chose an example: respond with that, of this task.

        Returns:
            The examples that report the task's state; and the task, if it ended and its webhook
            is to be called.

        Raises:
            Refused: 404, the task does not exist.
        """
        if call.operation.behaviour.status is None:
            return examples, None
        task = self._find(call, call.operation.id, store)
        if as_shown:
            for example in examples:
                example.value = self._writer.named(example.value, task)
            return examples, None
        is_over = task.done or task.cancelled or task.polls >= self._settings.polls
        reported = self._writer.report(task, examples, self._settings.polls, is_over=is_over)
        task.polls += 1
        return reported, task if is_over and task.webhook else None

    def end(self, task: Task, examples: list[Example]) -> list[Example]:
        """The examples that report the end of a task, which is over from now on."""
        task.done = True
        return self._writer.report(task, examples, self._settings.polls, is_over=True)

    def _find(self, call: Call, fetch: str, store: Store) -> Task:
        name = self._id_parameter(fetch)
        if name is None:
            # The status of something that the document has no way to start.
            return Task(None, fetch, done=True)
        key = str(call.value(name))
        task = store.task(fetch, key)
        if task is None:
            if key not in self._shown(call.operation, fetch, name):
                raise Refused(404, f"`{name}`: the task {key[:100]!r} does not exist.", _NOT_FOUND)
            task = Task(call.value(name), fetch, done=True)
            store.keep_task(task)
        return task

    def _id_parameter(self, fetch: str) -> str | None:
        """The parameter, or body field, of a fetching operation that takes the task's id."""
        for operation in self._submits.get(fetch, []):
            if operation.behaviour.task is not None:
                return next(iter(operation.behaviour.task.parameters))
        return None

    def _shown(self, operation: Operation, fetch: str, name: str) -> set[str]:
        """The ids that the document's examples name: these tasks are done."""
        fetching = self._document.operations[fetch]
        shown = parameter_examples(self._document, [fetching, operation], name)
        for raw in (fetching.body or {}).get("content", {}).values():
            for example in self._document.resolve(raw).get("examples", {}).values():
                value = find(f'"{name}"', self._document.resolve(example).get("value"))
                shown |= {str(value)} - {"None"}
        return shown


def _copy(value: Any) -> dict[str, Any]:
    return dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}


def _has_id(example: Example, rule: TaskRule) -> bool:
    return example.is_json and find(rule.id_path, example.value) is not None


def has_marker(value: Any) -> bool:
    """Whether any text of a request asks for a task that fails."""
    if isinstance(value, str):
        return FAIL_MARKER in value
    if isinstance(value, dict):
        return any(map(has_marker, cast("dict[str, Any]", value).values()))
    return isinstance(value, list) and any(map(has_marker, cast("list[Any]", value)))
