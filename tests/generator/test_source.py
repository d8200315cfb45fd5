"""Reading YAML strictly, with the line of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from broken import MINI, Copy

from generator.source import Spec

CHAT, VIDEO = "llm/acme.yaml", "videos/acme.yaml"


def read(folder: Path, text: str | bytes) -> tuple[Any, Spec]:
    """The content of a common.yaml that holds a text."""
    (folder / "common.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    spec = Spec.load(folder)
    spec.problems = [problem for problem in spec.problems if problem.file == "common.yaml"]
    return spec.files["common.yaml"], spec


def test_values_mean_what_json_means_and_the_rest_is_text(tmp_path: Path) -> None:
    content, spec = read(
        tmp_path,
        "a: 1\nb: -1.5\nc: 2e3\nd: true\ne: null\n"
        "f: 2026-11-21\ng: 16:9\nh: 12:30:45\ni: '007'\nj: \"no\"\n"
        "k: 1.2.3\nl: n\nm: [x: 1]\nn: ~\n200: x\n",
    )

    assert spec.problems == []
    assert content == {
        "a": 1, "b": -1.5, "c": 2000.0, "d": True, "e": None, "f": "2026-11-21",
        "g": "16:9", "h": "12:30:45", "i": "007", "j": "no", "k": "1.2.3",
        "l": "n", "m": [{"x": 1}], "n": None, "200": "x",
    }  # fmt: skip
    assert type(content["a"]) is int


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "No",
        "on",
        "OFF",
        "True",
        "NULL",
        "010",
        "0x1F",
        "0o17",
        "1_000",
        "+1",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".NaN",
        "0b11",
    ],
)
def test_what_yaml_readers_disagree_on_must_be_quoted(value: str, tmp_path: Path) -> None:
    _, spec = read(tmp_path, f"a: 1\nb: {value}\n")

    [problem] = spec.problems
    assert (problem.file, problem.line) == ("common.yaml", 2)
    assert f"`{value}` is not the same to every YAML reader" in problem.message
    assert f"'{value}'" in problem.fix
    assert read(tmp_path, f"a: 1\nb: '{value}'\n")[1].problems == []


@pytest.mark.parametrize("key", ["yes", "no", "on", "true", "null", "~", "<<", "010"])
def test_keys_too(key: str, tmp_path: Path) -> None:
    _, spec = read(tmp_path, f"a: 1\n{key}: 2\n")

    [problem] = spec.problems
    assert problem.line == 2
    assert f"the key `{key}`" in problem.message
    assert f"'{key}'" in problem.fix


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: {description: Thoughts, hidden.}\n", 1, "the key `hidden.` has no value"),
        ("a: 1\nb:\n", 2, "the key `b` has no value"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key `a` is already on line 1"),
        ("a: &x {b: 1}\nc: *x\n", 1, "used again through an alias"),
        ("a: 1\nb: !!str 2\n", 2, "a YAML tag"),
        ("a: 1\nb: !thing {c: d}\n", 2, "a YAML tag"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key is a list or a mapping"),
        ("a: 1\nb: [c\nd: e\n", 3, "the file is not YAML"),
        ("a: 1\nb: c: d\n", 2, "the file is not YAML"),
        ("a: 1\n\tb: 2\n", 2, "the file is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "the file is not YAML"),
        ("# nothing\n", 1, "the file is empty"),
        (b"a: 1\nb: \xff\n", 1, "the file is not UTF-8"),
        (b"a: 1\nb: \x07\n", 2, "the character U+0007 cannot be seen"),
        ("a: " + "[" * 3000 + "]" * 3000, 1, "nested too deeply"),
        ("a: 1\nb:\n  " + "- " * 150 + "c\n", 3, "nested too deeply"),
        ("a: 1\nb: " + "{c: " * 101 + "d" + "}" * 101, 2, "nested too deeply"),
    ],
)
def test_what_is_not_plain_yaml_is_a_problem_with_its_line(
    text: str | bytes, line: int, message: str, tmp_path: Path
) -> None:
    _, spec = read(tmp_path, text)

    assert spec.problems
    first = spec.problems[0]
    assert first.line == line, spec.problems
    assert message in first.message
    assert first.fix


def test_what_a_person_would_nest_is_read(tmp_path: Path) -> None:
    content, spec = read(tmp_path, "a: " + "[" * 90 + "]" * 90)

    assert spec.problems == []
    assert len(str(content["a"])) == 180


def test_every_key_and_item_has_its_line(tmp_path: Path) -> None:
    content, spec = read(
        tmp_path, "a:\n  b: 1\n  c:\n    - d\n    - e: f\n\n      g: [h,\n        i]\n"
    )

    assert spec.place(content, "a") == ("common.yaml", 1)
    assert spec.place(content["a"], "c") == ("common.yaml", 3)
    assert spec.place(content["a"]["c"], 1) == ("common.yaml", 5)
    assert spec.place(content["a"]["c"][1], "g") == ("common.yaml", 7)
    assert spec.place(content["a"]["c"][1]["g"], 1) == ("common.yaml", 8)
    assert spec.locate(content, ["a", "c", 1, "g", 1]) == ("common.yaml", 8)
    assert spec.locate(content, ["a", "c", 1, "missing", "x"]) == ("common.yaml", 5)
    assert spec.place({"made": "by hand"}) is None


def test_only_the_files_of_a_specification_are_read(copy: Copy) -> None:
    (copy.root / "redocly.yaml").write_text("rules: {x: off}\n")
    (copy.root / "notes.txt").write_text("yes")

    spec = copy.load()

    assert spec.problems == []
    assert sorted(spec.files) == sorted(
        path.relative_to(MINI).as_posix() for path in MINI.rglob("*.yaml")
    )
    assert [file.name for file in spec.vendor_files()] == [CHAT, VIDEO, "audio/acme.yaml"]


def test_a_folder_that_holds_no_specification(tmp_path: Path) -> None:
    assert {problem.file for problem in Spec.load(tmp_path).problems} == {
        "openapi.yaml",
        "vendors.yaml",
    }


@pytest.mark.parametrize(
    ("text", "line", "character"),
    [
        ("a: x\u202ey\n", 1, "U+202E"),
        ("a: 1\n# a comment\u2066\n", 2, "U+2066"),
        ("a: 1\u2028b: 2\n", 1, "U+2028"),
        ("a: 1\n'k\u009bm': 2\n", 2, "U+009B"),
        ("\ufeffa: 1\n", 1, "U+FEFF"),
        ("a: 1\rb: 2\n", 1, "U+000D"),
        ('a: 1\nb: "x\\e[31m"\n', 2, "U+001B"),
        ('a: 1\n"\\u202e": 3\n', 2, "U+202E"),
        ('a: ["\\0"]\n', 1, "U+0000"),
    ],
)
def test_fault_21_what_a_reviewer_cannot_see_is_refused(
    text: str, line: int, character: str, tmp_path: Path
) -> None:
    _, spec = read(tmp_path, text)
    [problem] = [one for one in spec.problems if "cannot be seen" in one.message]
    assert (problem.line, problem.message.split()[2]) == (line, character)


def test_fault_21_line_ends_of_windows_and_joined_emoji_are_text(tmp_path: Path) -> None:
    content, spec = read(tmp_path, 'a: x\ty\r\nb: 👩\u200d💻\r\nc: "two\\nlines"\r\n')
    assert spec.problems == []
    assert content == {"a": "x\ty", "b": "👩\u200d💻", "c": "two\nlines"}


def test_line_ends_of_windows_are_line_ends(tmp_path: Path) -> None:
    """So that no rule, and nothing that is generated, depends on the editor."""
    long = "x" * 200
    text = f"description: |-\r\n  {long}\r\n\r\n  {long}\r\n"
    content, spec = read(tmp_path, text)
    assert content == {"description": f"{long}\n\n{long}"}
    assert [*spec.texts.values()] == [text.replace("\r\n", "\n")]
