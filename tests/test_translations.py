"""The Chinese README and guides keep the English ones' headings, code blocks and tables."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAIRS = [(ROOT / "README.md", ROOT / "README.zh-CN.md")]
PAIRS += [(guide, guide.parent / "zh" / guide.name) for guide in GUIDES]
COVERAGE = re.compile(r"<!-- coverage -->.*?<!-- /coverage -->\n", re.S)
BLOCK = re.compile(r"^(?:<!-- \w+ -->\n)? *```.*?^ *```$", re.S | re.M)
HEADING = re.compile(r"^(#+) (.+)$", re.M)
TABLE = re.compile(r"(?:^\|.*\n)+", re.M)
LINK = re.compile(r"\]\(([^)#:]+)[#)]")


def blocks(text: str) -> list[str]:
    """All code blocks, fences and marks included; the generated coverage table is left out."""
    return BLOCK.findall(COVERAGE.sub("", text))


def prose(text: str) -> str:
    return BLOCK.sub("", COVERAGE.sub("", text))


def headings(text: str) -> list[tuple[str, str]]:
    """Level (as its marks) and words of each heading."""
    return HEADING.findall(prose(text))


def tables(text: str) -> list[str]:
    return TABLE.findall(prose(text) + "\n")


def differences(english: str, chinese: str) -> list[str]:
    """What a translation must change to be in step again, a line each."""
    found = _headings(headings(english), headings(chinese))
    for number, (one, other) in enumerate(zip_longest(blocks(english), blocks(chinese)), 1):
        if one != other:
            found.append(f"code block {number} differs: {_first(one, other)}")
    for number, (one, other) in enumerate(zip_longest(tables(english), tables(chinese)), 1):
        rows = [(table or "").count("\n") for table in (one, other)]
        if rows[0] != rows[1]:
            head = (one or other or "").partition("\n")[0]
            found.append(f"table {number} ({head}): {rows[0]} rows in English, {rows[1]} here")
    return found


def _headings(english: list[tuple[str, str]], chinese: list[tuple[str, str]]) -> list[str]:
    for number, (one, other) in enumerate(zip_longest(english, chinese), 1):
        if one is None or other is None or one[0] != other[0]:
            shown = [" ".join(heading) if heading else "nothing" for heading in (one, other)]
            return [f"heading {number}: {shown[0]!r} in English, {shown[1]!r} here"]
    return []


def _first(english: str | None, chinese: str | None) -> str:
    """The first line in which two blocks differ."""
    lines = zip_longest((english or "").split("\n"), (chinese or "").split("\n"))
    one, other = next(pair for pair in lines if pair[0] != pair[1])
    return f"{one!r} in English, {other!r} here"


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda path: path.name)
def test_a_translation_is_in_step(english: Path, chinese: Path) -> None:
    name = chinese.relative_to(ROOT).as_posix()
    assert chinese.exists(), f"{name} is missing: translate {english.relative_to(ROOT)}"
    found = differences(english.read_text("utf-8"), chinese.read_text("utf-8"))
    assert not found, "\n".join([f"bring {name} in step:", *found])


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda path: path.name)
def test_its_links_lead_somewhere(english: Path, chinese: Path) -> None:
    targets = LINK.findall(prose(chinese.read_text("utf-8")))
    assert len(targets) >= len(LINK.findall(prose(english.read_text("utf-8"))))
    gone = [target for target in targets if not (chinese.parent / target).exists()]
    assert not gone, f"{chinese.name} links to what is not there: {gone}"


def test_each_translation_has_its_original() -> None:
    translated = {path.name for path in (ROOT / "docs" / "guides" / "zh").glob("*.md")}
    assert translated == {guide.name for guide in GUIDES}


def test_the_readmes_link_to_each_other_at_the_top() -> None:
    for path, other in (PAIRS[0], PAIRS[0][::-1]):
        top = path.read_text("utf-8").split("\n")[:4]
        assert any(f"]({other.name})" in line for line in top), path.name


PAGE = """# A
<!-- test -->
```python
x = 1  # a comment
# not a heading
```
## B
| a | b |
| --- | --- |
| 1 | 2 |
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## B", "### B", "heading 2: '## B' in English, '### B' here"),
        ("## B\n", "", "heading 2: '## B' in English, 'nothing' here"),
        ("# a comment", "# 注释", "code block 1 differs: 'x = 1  # a comment' in English"),
        ("<!-- test -->\n", "", "code block 1 differs: '<!-- test -->' in English"),
        ("| 1 | 2 |\n", "", "table 1 (| a | b |): 3 rows in English, 2 here"),
    ],
)
def test_a_difference_is_named(old: str, new: str, message: str) -> None:
    (found,) = differences(PAGE, PAGE.replace(old, new))
    assert found.startswith(message)


def test_translated_words_and_the_coverage_table_are_no_difference() -> None:
    coverage = "<!-- coverage -->\n```text\nall 1\n```\n<!-- /coverage -->\n"
    assert not differences(PAGE + coverage, PAGE.replace("# A", "# 甲").replace("2 |", "二 |"))
