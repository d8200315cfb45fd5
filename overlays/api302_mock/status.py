"""How a response reports the state of a task: an example that says it, or one changed so that
it does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

from api302_client.behaviour import Ends, State, TaskStatus, find
from api302_mock.document import Document, Operation
from api302_mock.examples import Example, responses
from api302_mock.ids import as_kind, parameter_examples, renamed
from api302_mock.paths import DROP, put
from api302_mock.store import Task

# What becomes of the outputs in a response that reports no success, best first.
_Clearing = Literal["drop", "blank", "keep"]


def state_of(rule: TaskStatus, value: Any, ends: Ends) -> State:
    """The state that a response reports, as clients read it."""
    return rule.read(value, ends=ends).state


class StatusWriter:
    """Makes responses that report the state of tasks.

    Args:
        document: The document.
        id_parameter: Gives the parameter of a fetching operation that takes the task's id.
    """

    def __init__(self, document: Document, id_parameter: Callable[[str], str | None]) -> None:
        self._document = document
        self._id_parameter = id_parameter

    def report(
        self, task: Task, examples: list[Example], polls: int, *, is_over: bool
    ) -> list[Example]:
        """The examples that report how a task is, changed where none does.

        Args:
            task: The task.
            examples: Those of its fetching operation.
            polls: How many polls report it as pending.
            is_over: It has come to its end.
        """
        rule = self._rule(task)
        files = [one for one in examples if not one.is_json]
        others = [one for one in examples if one.is_json]
        state = _reported(task, rule, is_over=is_over)
        if files and state == "succeeded" and (rule.done_is_file or not others):
            return files
        if not others:
            return files if not rule.done_is_file else []
        shown = self._shown_as(task, rule, state, others)
        if shown is None:
            return [self._computed(task, rule, state, others, polls)]
        value = self._finished(copy.deepcopy(shown.value), task, rule, state)
        return [self._sent(shown, value, task, rule, state, polls)]

    def unfinish(self, example: Example, task: Task) -> None:
        """Where the only example of a submitting operation is done at once: one that will fail
        must not say so.
        """
        rule = self._rule(task)
        if self._state(rule, example.value) == "succeeded":
            fitting = self._fitting(example, task, rule, "pending")
            example.value = next(fitting, example.value)

    def _rule(self, task: Task) -> TaskStatus:
        return self._document.operations[task.fetch].behaviour.status or TaskStatus()

    def _state(self, rule: TaskStatus, value: Any) -> State:
        return state_of(rule, value, self._document.ends)

    def _submit(self, task: Task) -> Operation | None:
        return None if task.submit is None else self._document.operations[task.submit]

    # --- an example as it is ----------------------------------------------------------------------

    def _shown_as(
        self, task: Task, rule: TaskStatus, state: State, examples: list[Example]
    ) -> Example | None:
        """The example whose state is `state`, best one of the operation that the task began
        with.
        """
        shown = [one for one in examples if self._state(rule, one.value) == state]
        if task.cancelled and state == "failed":
            # Of a cancelled task an example of a failure would tell the wrong story where the
            # document
            # knows the right one.
            cancels = [one for one in shown if _is_cancel(find(rule.state, one.value))]
            shown = cancels if cancels or any(map(_is_cancel, rule.failed)) else shown
        own = [one for one in shown if task.submit is not None and one.name == task.submit]
        if state != "pending" or own or not shown:
            return next(iter([*own, *shown]), None)
        return _stage(rule, shown, task.polls)

    # --- one that is changed ----------------------------------------------------------------------

    def _computed(
        self, task: Task, rule: TaskStatus, state: State, examples: list[Example], polls: int
    ) -> Example:
        """A response that reports `state` where no example does: another one, changed at the
        rule's paths.
        """
        # The less a base says of how a task ended, the less of it is wrong here.
        order: tuple[State, ...] = ("pending", "succeeded", "failed")
        bases = sorted(examples, key=lambda one: order.index(self._state(rule, one.value)))
        for base in bases:
            for value in self._fitting(base, task, rule, state):
                return self._sent(base, value, task, rule, state, polls)
        return replace(bases[0], value=self.named(bases[0].value, task))

    def _fitting(self, base: Example, task: Task, rule: TaskStatus, state: State) -> Iterator[Any]:
        """The ways of changing a response to report `state` that its schema allows, the best
        first.
        """
        clearings: tuple[_Clearing, ...] = ("drop", "blank", "keep")
        for clearing in clearings:
            value = copy.deepcopy(base.value)
            if state != "succeeded":
                _clear_outputs(rule, value, clearing)
            self._write_state(rule, value, task, state)
            if state == "failed" and rule.message is not None:
                put(rule.message, value, _failure(task))
            value = self._finished(value, task, rule, state)
            is_valid = self._document.is_valid(base.schema, value)
            if is_valid and self._state(rule, value) == state:
                yield value

    def _write_state(self, rule: TaskStatus, value: Any, task: Task, state: State) -> None:
        if rule.state is None:
            return
        words = {"pending": rule.pending, "succeeded": rule.succeeded, "failed": rule.failed}[state]
        if words:
            word = words[min(task.polls, len(words) - 1)] if state == "pending" else words[0]
            cancel = next(filter(_is_cancel, words), word)
            put(rule.state, value, cancel if task.cancelled else word)
        elif self._state(rule, value) != state:
            # The document has no word for this, such as for work that still goes on.
            put(rule.state, value, DROP)

    def _finished(self, value: Any, task: Task, rule: TaskStatus, state: State) -> Any:
        """With the submitting operation's own response, where the fetching one brings that."""
        submit = self._submit(task)
        if state != "succeeded" or rule.response is None or submit is None:
            return value
        id_path = submit.behaviour.task.id_path if submit.behaviour.task else None
        own = [one for one in responses(self._document, submit) if one.is_json]
        results = [one for one in own if find(id_path, one.value) is None] or own
        if results:
            put(rule.response, value, results[0].value)
        return value

    # --- of this task -----------------------------------------------------------------------------

    def _sent(
        self, example: Example, value: Any, task: Task, rule: TaskStatus, state: State, polls: int
    ) -> Example:
        value = self.named(value, task)
        for moved in _progressed(value, task, rule, state, polls):
            if self._document.is_valid(example.schema, moved):
                return replace(example, value=moved)
        return replace(example, value=value)

    def named(self, value: Any, task: Task) -> Any:
        """The response with the task's id in place of the example's."""
        name = self._id_parameter(task.fetch)
        if name is None or task.id is None:
            return value
        fetch = self._document.operations[task.fetch]
        old = parameter_examples(self._document, [fetch], name)
        submit = self._submit(task)
        rule = submit.behaviour.task if submit else None
        if submit is not None and rule is not None:
            own = [one for one in responses(self._document, submit) if one.is_json]
            old |= {str(find(rule.id_path, one.value)) for one in own}
        value = renamed(value, {name} - {"id"}, old - {"None"}, task.id)
        held = find(rule.id_path, value) if rule is not None else None
        if rule is not None and isinstance(held, (str, int)):
            put(rule.id_path, value, as_kind(task.id, held), create=False)
        return value


def _reported(task: Task, rule: TaskStatus, *, is_over: bool) -> State:
    if not is_over:
        return "pending"
    if not task.is_failed:
        return "succeeded"
    if rule.failed:
        return "failed"
    # No word tells of a failure: a cancelled task is over and has what it has.
    return "succeeded" if task.cancelled else "pending"


def _stage(rule: TaskStatus, examples: list[Example], polls: int) -> Example:
    """Of pending examples the one for this poll: each state once, in the order of the rule's
    words.
    """
    words = list(rule.pending)

    def stage(example: Example) -> int:
        word = find(rule.state, example.value)
        return words.index(word) if word in words else len(words)

    stages: dict[int, Example] = {}
    for example in examples:
        stages.setdefault(stage(example), example)
    return stages[sorted(stages)[min(polls, len(stages) - 1)]]


def _clear_outputs(rule: TaskStatus, value: Any, clearing: _Clearing) -> None:
    done = [rule.done.field] if rule.done else []
    for path in [*rule.outputs, *done, rule.response]:
        if path is None or path == rule.state or (rule.state and path == rule.state.field):
            continue
        if clearing == "drop":
            put(path, value, DROP)
        elif clearing == "blank" and (held := find(path, value)) is not None:
            put(path, value, [] if isinstance(held, list) else "", create=False)


def _progressed(
    value: Any, task: Task, rule: TaskStatus, state: State, polls: int
) -> Iterator[Any]:
    """The ways of saying the progress that fits the state."""
    if rule.progress is None or state == "failed":
        return
    share = 1.0 if state == "succeeded" else min(task.polls, polls) / (polls + 1)
    field, finished = rule.progress
    number = share * finished if finished <= 1 and share < 1 else round(share * finished)
    percent = f"{share:.0%}"
    held = find(field, value)
    says_percent = finished == 1 and not isinstance(held, (int, float))
    options: list[Any] = [percent, number] if says_percent else [number, percent]
    if isinstance(held, str) and not says_percent:
        options.insert(0, str(number))
    for option in options:
        changed = copy.deepcopy(value)
        put(field, changed, option)
        yield changed


def _failure(task: Task) -> str:
    return "The task was cancelled." if task.cancelled else "The task failed, as the request asked."


def _is_cancel(word: Any) -> bool:
    return "cancel" in str(word).lower()
