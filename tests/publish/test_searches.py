"""What people search for (`data/searches.yaml`) is found in llms.txt, and in the site's texts.

The site's own engine answers the same searches in `tests/proof/test_site.py`.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.document import Document
from generator.emit.methods import Methods
from generator.publish.llms import llms_text
from generator.publish.site.descriptions import description

ROOT = Path(__file__).resolve().parents[2]
SEARCHES: dict[str, list[str]] = yaml.safe_load(
    (ROOT / "tests/data/searches.yaml").read_text("utf-8")
)


@cache
def methods() -> Methods:
    return Methods.of_document(Document(json.loads((ROOT / "generated/openapi.json").read_bytes())))


@cache
def calls() -> list[tuple[str, str]]:
    """Each call's operation id, and its line in llms.txt."""
    info: dict[str, Any] = {**methods().document.node["info"], "x-evidence-date": "2001-02-03"}
    lines = llms_text(methods(), info).splitlines()
    shown = [line for line in lines if re.search(r"; `client\.[\w.]+`$", line)]
    operations = methods().document.operations
    return [(one.id, line) for one, line in zip(operations, shown, strict=True)]


@cache
def other_words() -> dict[str, list[str]]:
    """The table at the top of llms.txt: phrases of the titles, by word."""
    rows = methods().document.node["x-search"]
    return {word.lower(): row["calls"] for row in rows for word in row["also"]}


def phrases(query: str) -> list[str]:
    """What an agent looks for: the words themselves, and what the table has for them."""
    known = other_words()
    near = [found for word, found in known.items() if query in word or word in query]
    return [query, *known.get(query, []), *(phrase for found in near for phrase in found)]


def grep(query: str) -> list[str]:
    """The first calls whose titles have a phrase, and then those that have its words."""
    wanted = [phrase.lower() for phrase in phrases(query.lower())]
    titles = [(operation, line.partition("](")[0].lower()) for operation, line in calls()]
    whole = [one for phrase in wanted for one, title in titles if phrase in title]
    words = [phrase.split() for phrase in wanted]
    apart = [one for some in words for one, title in titles if all(map(title.__contains__, some))]
    return list(dict.fromkeys([*whole, *apart]))[:5]


def is_right(query: str, operation: str) -> bool:
    return any(fnmatch(operation, pattern) for pattern in SEARCHES[query])


def test_there_are_sixty_searches_in_two_languages() -> None:
    chinese = [query for query in SEARCHES if not query.isascii()]
    assert len(SEARCHES) >= 60
    assert 20 <= len(chinese) <= len(SEARCHES) - 20


@pytest.mark.parametrize("query", SEARCHES)
def test_llms_txt_has_the_call_among_the_first_five(query: str) -> None:
    found = grep(query)
    assert any(is_right(query, one) for one in found), found


@pytest.mark.parametrize("query", SEARCHES)
def test_the_sites_text_of_the_right_call_has_the_words(query: str) -> None:
    right = [one for one in methods().document.operations if is_right(query, one.id)]
    assert right, "the test names no call that there is"
    texts = [f"{one.node['summary']} {one.id} {description(methods(), one)}" for one in right]
    words = re.split(r"[\s-]", query.lower())
    assert any(all(word in text.lower() for word in words) for text in texts)
