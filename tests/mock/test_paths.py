"""Writing at the paths of the extensions: where a path is a place, and never where it computes."""

from __future__ import annotations

from typing import Any

import pytest

from api302_mock.paths import DROP, put


@pytest.mark.parametrize(
    ("path", "data", "changed"),
    [
        ("a.b", {}, {"a": {"b": 7}}),
        ("a || b.c", {"b": {"c": 1}}, {"b": {"c": 7}}),
        ("a || b", {}, {"a": 7}),
        ('a[]."302_x"', {"a": [{}, {"302_x": 1}]}, {"a": [{"302_x": 7}, {"302_x": 7}]}),
        ("a[].b[*].c", {"a": [{"b": [{"c": 1}]}]}, {"a": [{"b": [{"c": 7}]}]}),
        ("a[0].b", {"a": [{"b": 1}]}, {"a": [{"b": 7}]}),
        (
            "error && 'FAILED' || status || task.status",
            {"task": {"status": 1}},
            {"task": {"status": 7}},
        ),
    ],
)
def test_a_place_is_written(path: str, data: Any, changed: Any) -> None:
    assert put(path, data, 7)
    assert data == changed


@pytest.mark.parametrize(
    "path", ["(a || b) && join('', ['x', a || b])", "values(a)[0].b", "[a][?@]", "a[?b].c | [0]"]
)
def test_what_is_computed_is_not(path: str) -> None:
    data = {"a": {"b": 1}}
    assert not put(path, data, 7)
    assert not put(path, data, DROP)
    assert data == {"a": {"b": 1}}
