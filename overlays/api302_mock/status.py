"""How a response reports the state of a task: an example that says it, or one that is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from api302_client.behaviour import Ends, Path, State, TaskStatus, find
from api302_client.behaviour import Task as TaskRule
from api302_mock.document import Document, Operation
from api302_mock.examples import Example, responses
from api302_mock.ids import as_kind, parameter_examples, renamed
from api302_mock.paths import DROP, put
from api302_mock.store import Task

# What becomes of the outputs in a response that reports no success, best first.
_Clearing = Literal["drop", "blank", "keep"]
_CLEARINGS: tuple[_Clearing, ...] = ("drop", "blank", "keep")


def state_of(rule: TaskStatus, value: Any, ends: Ends) -> State:
    """The state that a response reports, as clients read it."""
    return rule.read(value, ends=ends).state


class Report(NamedTuple):
    """What a response is to report."""

    task: Task
    rule: TaskStatus
    """How responses of the task's fetching operation report."""
    state: State
    polls: int = 0
    """How many polls report the task as pending."""

    @property
    def words(self) -> tuple[Any, ...]:
        """The service's words for the state."""
        rule = self.rule
        words = {"pending": rule.pending, "succeeded": rule.succeeded, "failed": rule.failed}
        return words[self.state]

    @property
    def word(self) -> Any:
        """The word for the state; of several pending ones the one for this poll."""
        words = self.words
        if self.task.cancelled:
            return next(filter(_is_cancel, words), words[0])
        return words[min(self.task.polls, len(words) - 1)] if self.state == "pending" else words[0]

    @property
    def share(self) -> float:
        """How much of the task is done."""
        done = min(self.task.polls, self.polls) / (self.polls + 1)
        return 1.0 if self.state == "succeeded" else done


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
        report = Report(task, rule, _reported(task, rule, is_over=is_over), polls)
        files = _as_file(report, examples)
        if files is not None:
            return files
        others = [one for one in examples if one.is_json]
        shown = self._shown_as(report, others)
        if shown is None:
            return [self._computed(report, others)]
        return [self._sent(report, shown, self._finished(report, copy.deepcopy(shown.value)))]

    def unfinish(self, example: Example, task: Task) -> None:
        """Take the end out of a submitting operation's only example, for a task that will fail."""
        report = Report(task, self._rule(task), "pending")
        if self._state(report, example.value) == "succeeded":
            example.value = next(self._fitting(report, example), example.value)

    def _rule(self, task: Task) -> TaskStatus:
        return self._document.operations[task.fetch].behaviour.status or TaskStatus()

    def _state(self, report: Report, value: Any) -> State:
        return state_of(report.rule, value, self._document.ends)

    def _submit(self, task: Task) -> tuple[Operation, TaskRule] | None:
        """The operation that the task began with, and its rule."""
        operation = self._document.operations[task.submit] if task.submit is not None else None
        rule = operation.behaviour.task if operation is not None else None
        return (operation, rule) if operation is not None and rule is not None else None

    # --- an example as it is ----------------------------------------------------------------------

    def _shown_as(self, report: Report, examples: list[Example]) -> Example | None:
        """The example that reports this, best one of the operation that the task began with."""
        shown = [one for one in examples if self._state(report, one.value) == report.state]
        if report.task.cancelled and report.state == "failed":
            shown = _cancelled(report, shown)
        own = [one for one in shown if one.name in self._names(report.task)]
        if report.state == "pending" and shown and not own:
            return _stage(report, shown)
        return next(iter([*own, *shown]), None)

    def _names(self, task: Task) -> tuple[str | None, ...]:
        """The names of the examples that belong to the operation that the task began with."""
        submit = self._submit(task)
        return (task.submit, submit[1].example) if submit is not None else (task.submit,)

    # --- one that is changed ----------------------------------------------------------------------

    def _computed(self, report: Report, examples: list[Example]) -> Example:
        """A response that reports this where no example does: another one, changed."""
        # The less a base says of how a task ended, the less of it is wrong here.
        order: tuple[State, ...] = ("pending", "succeeded", "failed")
        bases = sorted(examples, key=lambda one: order.index(self._state(report, one.value)))
        for base in bases:
            for value in self._fitting(report, base):
                return self._sent(report, base, value)
        return replace(bases[0], value=self.named(bases[0].value, report.task))

    def _fitting(self, report: Report, base: Example) -> Iterator[Any]:
        """The ways of changing a response to report this that its schema allows, the best first."""
        for clearing in _CLEARINGS:
            value = copy.deepcopy(base.value)
            if report.state != "succeeded":
                _clear_outputs(report.rule, value, clearing)
            self._write_state(report, value)
            if report.state == "failed" and report.rule.message is not None:
                put(report.rule.message, value, _failure(report.task))
            value = self._finished(report, value)
            is_valid = self._document.is_valid(base.schema, value)
            if is_valid and self._state(report, value) == report.state:
                yield value

    def _write_state(self, report: Report, value: Any) -> None:
        path = report.rule.state
        if path is not None and report.words:
            put(path, value, report.word)
        elif path is not None and self._state(report, value) != report.state:
            # The document has no word for this, such as for work that still goes on.
            put(path, value, DROP)

    def _finished(self, report: Report, value: Any) -> Any:
        """With the submitting operation's own response, where the fetching one brings that."""
        submit = self._submit(report.task)
        if report.state != "succeeded" or report.rule.response is None or submit is None:
            return value
        operation, rule = submit
        own = [one for one in responses(self._document, operation) if one.is_json]
        results = [one for one in own if find(rule.id_path, one.value) is None] or own
        if results:
            put(report.rule.response, value, results[0].value)
        return value

    # --- of this task -----------------------------------------------------------------------------

    def _sent(self, report: Report, example: Example, value: Any) -> Example:
        value = self.named(value, report.task)
        for moved in _progressed(report, value):
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
        if submit is None:
            return renamed(value, {name} - {"id"}, old, task.id)
        operation, rule = submit
        own = [one for one in responses(self._document, operation) if one.is_json]
        old |= {str(find(rule.id_path, one.value)) for one in own} - {"None"}
        value = renamed(value, {name} - {"id"}, old, task.id)
        held = find(rule.id_path, value)
        if isinstance(held, (str, int)):
            put(rule.id_path, value, as_kind(task.id, held), create=False)
        return value


def _reported(task: Task, rule: TaskStatus, *, is_over: bool) -> State:
    if not is_over:
        return "pending"
    if not task.is_failed:
        return "succeeded"
    if rule.failed:
        return "failed"
    # No word reports a failure: a cancelled task is over and has what it has.
    return "succeeded" if task.cancelled else "pending"


def _as_file(report: Report, examples: list[Example]) -> list[Example] | None:
    """The examples that are files, where one of them reports this; None where JSON does."""
    files = [one for one in examples if not one.is_json]
    says_so = report.rule.done_is_file
    if len(files) == len(examples):
        return files if report.state == "succeeded" or not says_so else []
    return files or None if says_so and report.state == "succeeded" else None


def _cancelled(report: Report, examples: list[Example]) -> list[Example]:
    """Of examples of a failure those of a cancelled task.

    Another failure would tell the wrong story where the document knows the right one.
    """
    fitting = [one for one in examples if _is_cancel(find(report.rule.state, one.value))]
    return fitting if fitting or any(map(_is_cancel, report.words)) else examples


def _stage(report: Report, examples: list[Example]) -> Example:
    """Of pending examples the one for this poll: each state once, as the rule lists them."""
    words = list(report.words)

    def stage(example: Example) -> int:
        word = find(report.rule.state, example.value)
        return words.index(word) if word in words else len(words)

    stages: dict[int, Example] = {}
    for example in examples:
        stages.setdefault(stage(example), example)
    return stages[sorted(stages)[min(report.task.polls, len(stages) - 1)]]


def _clear_outputs(rule: TaskStatus, value: Any, clearing: _Clearing) -> None:
    """Take out what only a finished task has."""
    for path in _result_paths(rule):
        held = path.find(value)
        if clearing == "drop":
            put(path, value, DROP)
        elif clearing == "blank" and held is not None:
            put(path, value, [] if isinstance(held, list) else "", create=False)


def _result_paths(rule: TaskStatus) -> list[Path]:
    """Where a response has what only a finished task has."""
    paths = [*rule.outputs]
    paths += [Path(rule.done.field)] if rule.done is not None else []
    paths += [rule.response] if rule.response is not None else []
    return [path for path in paths if path != rule.state]


def _progressed(report: Report, value: Any) -> Iterator[Any]:
    """The ways of saying the progress that fits the state."""
    progress = report.rule.progress
    if progress is None or report.state == "failed":
        return
    for option in _progress_options(report.share, progress.of_, find(progress.field, value)):
        changed = copy.deepcopy(value)
        put(progress.field, changed, option)
        yield changed


def _progress_options(share: float, finished: float, held: Any) -> list[Any]:
    """A share as a number out of `finished` and as a percentage, the likelier first."""
    number = share * finished if finished <= 1 and share < 1 else round(share * finished)
    percent = f"{share:.0%}"
    if finished != 1:
        return [str(number), number, percent] if isinstance(held, str) else [number, percent]
    return [number, percent] if isinstance(held, (int, float)) else [percent, number]


def _failure(task: Task) -> str:
    return "The task was cancelled." if task.cancelled else "The task failed, as the request asked."


def _is_cancel(word: Any) -> bool:
    return "cancel" in str(word).lower()
