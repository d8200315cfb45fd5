"""The one reader of the x- extensions: fixed cases that pin what each of them says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.runtime import behaviour
from generator.runtime.behaviour import Ends, Progress, Reading, Success, TaskStatus

DOCUMENT = json.loads(Path("generated/openapi.json").read_text(encoding="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def operations() -> list[dict[str, Any]]:
    items = [item for path in DOCUMENT["paths"].values() for item in path.values()]
    return [item for item in items if isinstance(item, dict) and "operationId" in item]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("COMPLETED", "completed", True),
        (" Completed\n", "completed", True),
        ("completed", "complete", False),
        (0, "0", True),
        ("0", 0, True),
        (0.0, 0, True),
        ("0.0", 0, True),
        (False, 0, False),
        (0, False, False),
        (False, "0", False),
        (False, "false", True),
        ("TRUE", True, True),
        (1, True, False),
        ("1", True, False),
        (2, "2", True),
        ("02", 2, True),
        (None, "none", False),
        (None, None, False),
        ("", "", True),
        ([], "", False),
        ({}, {}, False),
        ("İ", "i̇", True),
        (10**400, 10**400, True),
    ],
)
def test_same_words(one: Any, other: Any, expected: bool) -> None:
    assert behaviour.same(one, other) is expected
    assert behaviour.same(other, one) is expected


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("status", {"status": 0}, 0),
        ("data.items[1].id", {"data": {"items": [{"id": 1}, {"id": 2}]}}, 2),
        ("data.items[5].id", {"data": {"items": []}}, None),
        ("data.id", {"data": "text"}, None),
        ("data.id", ["data"], None),
        ("data[0]", {"data": "text"}, None),
        ("length(data)", {"data": 5}, None),
        ("sort(data)", {"data": [1, "a"]}, None),
        ("join('', data)", {"data": [1]}, None),
        ("a || b", {"b": 2}, 2),
        ("a || b", None, None),
        ("data.url || data || url", {"data": {"url": "u"}}, "u"),
        ("data.url || data || url", {"data": "d"}, "d"),
        ("data.url || data || url", {"url": "x"}, "x"),
        ({"field": "body", "encoding": "json", "then": "a"}, {"body": '{"a": 1}'}, 1),
        ({"field": "body", "encoding": "json", "then": "a"}, {"body": {"a": 1}}, 1),
        ({"field": "body", "encoding": "json", "then": "a"}, {"body": "plain text"}, "plain text"),
        ({"field": "body", "encoding": "json"}, {"body": "plain text"}, "plain text"),
        ({"field": "body", "encoding": "json"}, {"body": '"a\tb"'}, "a\tb"),
        (
            {"field": "body", "encoding": "json", "then": "a"},
            {"body": "[" * 100_000},
            "[" * 100_000,
        ),
        ({"field": "body", "encoding": "json", "then": "a"}, {}, None),
        (None, {"a": 1}, None),
    ],
)
def test_paths(path: Any, data: Any, expected: Any) -> None:
    assert behaviour.find(path, data) == expected


@pytest.mark.parametrize(
    ("test", "data", "expected"),
    [
        ({"field": "a"}, {"a": "x"}, True),
        ({"field": "a"}, {"a": 0}, True),
        ({"field": "a"}, {"a": ""}, False),
        ({"field": "a"}, {"a": []}, False),
        ({"field": "a"}, {"a": {}}, False),
        ({"field": "a"}, {"a": False}, False),
        ({"field": "a"}, {"a": None}, False),
        ({"field": "a"}, {}, False),
        ({"field": "a"}, "text", False),
        ({"field": "a", "values": [2]}, {"a": "2"}, True),
        ({"field": "a", "values": [0]}, {"a": False}, False),
        ({"field": "a", "values": ["stop"]}, {"a": "STOP"}, True),
        ({"field": "a", "values": ["stop"]}, {}, False),
    ],
)
def test_tests(test: dict[str, Any], data: Any, expected: bool) -> None:
    assert behaviour.Test.of(test).holds(data) is expected


SUCCESS = {"field": "code", "values": [0, "200"], "message": "msg"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"code": 0}, None),
        ({"code": "0"}, None),
        ({"code": 200}, None),
        ({"code": None}, None),
        ({}, None),
        ("text", None),
        (None, None),
        ({"code": False}, (False, None)),
        ({"code": 1301, "msg": "no"}, (1301, "no")),
        ({"code": 1301, "msg": {"en": "no"}}, (1301, None)),
    ],
)
def test_success(data: Any, expected: Any) -> None:
    assert Success.of(SUCCESS).failure(data) == expected


def test_success_with_a_code_of_its_own() -> None:
    rule = Success.of({"field": "ok", "values": [True], "code": "error.code"})
    assert rule.failure({"ok": False, "error": {"code": "E7"}}) == ("E7", None)
    assert rule.failure({"ok": "true"}) is None
    assert rule.failure({"ok": 1}) == (None, None)


RULE = {
    "state": "status",
    "pending": ["queued", 0],
    "succeeded": ["done", 1],
    "failed": ["failed", -1],
    "outputs": ["url", "more[].url"],
    "progress": {"field": "progress", "of": 100},
    "error": {"message": "error.message", "code": "error.code"},
}
ENDS = Ends(frozenset({"success"}), frozenset({"cancelled"}))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": "queued"}, Reading("pending", "queued")),
        ({"status": "0", "progress": "45%"}, Reading("pending", "0", progress=0.45)),
        (
            {"status": "DONE", "url": "https://a/1"},
            Reading("succeeded", "DONE", progress=1.0, outputs=("https://a/1",)),
        ),
        ({"status": "1", "url": "no URL"}, Reading("succeeded", "1", progress=1.0)),
        ({"status": True}, Reading("pending", True, "unknown")),
        (
            {"status": "failed", "error": {"message": "why", "code": 7}},
            Reading("failed", "failed", message="why", code=7),
        ),
        ({"status": -1, "error": "text"}, Reading("failed", -1)),
        ({"status": "success"}, Reading("succeeded", "success", "ends", 1.0)),
        ({"status": "Cancelled"}, Reading("failed", "Cancelled", "ends")),
        ({"status": "new"}, Reading("pending", "new", "unknown")),
        (
            {"status": "new", "url": "https://a/1"},
            Reading("succeeded", "new", "outputs", 1.0, ("https://a/1",)),
        ),
        (
            {"status": "new", "url": "https://a/1", "progress": 50},
            Reading("pending", "new", "unknown", 0.5),
        ),
        ({"status": "queued", "url": "https://a/1"}, Reading("pending", "queued")),
        ({"url": "https://a/1"}, Reading("pending", None, "unknown")),
        ({}, Reading("pending", None, "unknown")),
        ("text", Reading("pending", None, "unknown")),
        (None, Reading("pending", None, "unknown")),
    ],
)
def test_readings(data: Any, expected: Reading) -> None:
    assert TaskStatus.of(RULE).read(data, ends=ENDS) == expected


def test_alternatives_of_outputs_are_one_list_without_repetition() -> None:
    data = {
        "status": "done",
        "url": "https://a/1",
        "more": [{"url": "https://a/2"}, {"url": "https://a/1"}],
    }
    assert TaskStatus.of(RULE).read(data).outputs == ("https://a/1", "https://a/2")


def test_done_means_success_where_no_word_does() -> None:
    rule = TaskStatus.of({"done": {"field": "image.url"}, "outputs": ["image.url"]})
    assert rule.read({"detail": "in progress"}) == Reading("pending", basis="done")
    found = rule.read({"image": {"url": "https://a/1"}})
    assert found == Reading("succeeded", None, "done", 1.0, ("https://a/1",))


def test_done_does_not_overrule_a_word() -> None:
    rule = TaskStatus.of({**RULE, "done": {"field": "url"}})
    assert rule.read({"status": "queued", "url": "https://a/1"}).state == "pending"
    assert rule.read({"status": "failed", "url": "https://a/1"}).state == "failed"
    assert rule.read({"status": "cancelled"}, ends=ENDS).state == "failed"


def test_a_file_is_success_only_where_the_rule_says_so() -> None:
    rule = TaskStatus.of({"done": {"binary": True}})
    assert rule.read(None, is_file=True) == Reading("succeeded", None, "file", 1.0)
    assert TaskStatus.of(RULE).read(None, is_file=True).state == "pending"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (50, 0.5),
        ("50", 0.5),
        ("50%", 0.5),
        (" 7 % ", 0.07),
        (250, 1.0),
        (-3, 0.0),
        (True, None),
        (None, None),
        ("half", None),
        ([50], None),
        (float("nan"), None),
        ("nan", None),
        (10**400, None),
    ],
)
def test_progress(value: Any, expected: float | None) -> None:
    found = Progress("p", 100).find({"p": value})
    assert found == (None if expected is None else pytest.approx(expected))


def test_ends_are_words_that_two_vendors_share_and_nobody_uses_otherwise() -> None:
    def rule(**words: list[Any]) -> TaskStatus:
        return TaskStatus.of({"state": "s", "succeeded": [], "failed": [], **words})

    ends = Ends.of(
        [
            ("one", rule(succeeded=["Done", "ready", 2], failed=["error", "odd"])),
            ("one", rule(failed=["odd"])),
            ("two", rule(succeeded=["done", "ready", 2], failed=["ERROR"])),
            ("three", rule(pending=["ready"])),
        ]
    )
    assert ends == Ends(frozenset({"done"}), frozenset({"error"}))
    assert ends.state("DONE") == "succeeded"
    assert ends.state("Error") == "failed"
    assert ends.state("odd") is None
    assert ends.state(2) is None
    assert ends.state(None) is None


def test_ends_of_the_document_have_the_usual_words() -> None:
    rules = [(item["tags"][0], behaviour.read(item).status) for item in operations()]
    ends = Ends.of((tag, status) for tag, status in rules if status is not None)
    assert {"success", "succeeded", "completed"} <= ends.succeeded
    assert {"failed", "error", "cancelled", "canceled"} <= ends.failed
    assert not ends.succeeded & ends.failed


def test_every_extension_of_the_document_is_read() -> None:
    seen: set[str] = set()
    for item in operations():
        found = behaviour.read(item)
        named = {
            "x-success": found.success,
            "x-task": found.task,
            "x-task-status": found.status,
            "x-stream": found.stream,
            "x-pages": found.pages,
            "x-upload": found.upload,
            "x-repeatable": found.repeatable,
        }
        for name, rule in named.items():
            assert (rule is not None) == (name in item), (item["operationId"], name)
        assert len(found.price) == len(item.get("x-price", ()))
        seen |= {name for name in behaviour.READ_BY_CLIENTS if name in item}
    assert {"x-success", "x-task", "x-task-status", "x-stream", "x-upload"} <= seen


def test_a_known_failure_is_read_before_the_envelope() -> None:
    """The state is known, so a response that is also an error envelope is a failed task."""
    both = [
        behaviour.read(item)
        for item in operations()
        if {"x-success", "x-task-status"} <= item.keys()
    ]
    assert len(both) >= 14
    for found in both:
        assert found.status is not None
        assert found.success is not None
        if found.status.state is None or not found.status.failed:
            continue
        word = found.status.failed[0]
        if isinstance(word, str) and found.status.state.encoding is None:
            assert found.status.listed(word) == "failed"


RULES = [rule for item in operations() if (rule := behaviour.read(item).status) is not None]


@settings(max_examples=2_000, derandomize=True, deadline=None)
@given(st.sampled_from(RULES), JSON)
def test_no_response_makes_reading_raise(rule: TaskStatus, data: Any) -> None:
    assert rule.read(data, ends=ENDS).state in ("pending", "succeeded", "failed")


FREE = {"amount": 0, "unit": "PTC", "per": "call"}
PAID = {"amount": 0.01, "unit": "PTC", "per": "call"}


@pytest.mark.parametrize(
    ("extensions", "method", "expected"),
    [
        ({}, "GET", False),
        ({"x-price": [FREE]}, "GET", True),
        ({"x-price": [FREE]}, "head", True),
        ({"x-price": [FREE]}, "POST", False),
        ({"x-price": [FREE, PAID]}, "GET", False),
        ({"x-price": [{"note": "by model"}]}, "GET", False),
        ({"x-price": []}, "GET", False),
        ({"x-task-status": RULE}, "POST", True),
        ({"x-task-status": RULE, "x-price": [PAID]}, "GET", True),
        ({"x-repeatable": {"because": "the page calls it free"}}, "POST", True),
    ],
)
def test_a_call_may_be_repeated_if_it_is_free_by_evidence_or_a_status_call(
    extensions: dict[str, Any], method: str, expected: bool
) -> None:
    assert behaviour.read(extensions).may_repeat(method) is expected
