"""The guides' Python runs, guide by guide, against the mock; their links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import api302_mock

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
SCALE = "async-and-scale"
"""This one is run by tests/batch/test_guide.py, which looks at its files too."""
BLOCK = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.S)


def test_every_python_block_is_tested() -> None:
    for guide in GUIDES:
        text = guide.read_text("utf-8")
        assert len(BLOCK.findall(text)) == text.count("```python\n") > 0, guide.name


@pytest.mark.parametrize(
    "guide", [one for one in GUIDES if one.stem != SCALE], ids=lambda guide: guide.stem
)
def test_a_guide_runs(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with api302_mock.start(polls=0, delay=0) as server:
        monkeypatch.setenv("AI302_API_KEY", "sk-guide")
        monkeypatch.setenv("AI302_BASE_URL", server.url)
        module = ModuleType("guide")
        monkeypatch.setitem(sys.modules, "guide", module)  # classes are looked up in it
        text = guide.read_text("utf-8")
        for block in BLOCK.findall(text):
            exec(compile(block, guide.name, "exec", dont_inherit=True), module.__dict__)
        starts_its_own = "api302_mock.start(" in text
        assert server.requests or starts_its_own, "a guide that makes no call shows nothing"


def test_links_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for guide in GUIDES:
        assert f"(docs/guides/{guide.name})" in readme, f"the README does not name {guide.name}"
        for target in re.findall(r"\]\(([^)#:]+)\)", guide.read_text("utf-8")):
            assert (guide.parent / target).exists(), f"{guide.name}: {target}"
