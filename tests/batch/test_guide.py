"""The Python of the guide *async and scale* runs, in order, against the mock."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import api302_mock

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/async-and-scale.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- test -->\n```python\n(.*?)```", TEXT, re.S)


def test_every_python_block_is_tested() -> None:
    assert len(BLOCKS) == TEXT.count("```python\n") >= 3


def test_its_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with api302_mock.start(polls=0, delay=0) as server:
        monkeypatch.setenv("AI302_API_KEY", "sk-guide-0123456789")
        monkeypatch.setenv("AI302_BASE_URL", server.url)
        names: dict[str, object] = {"__name__": "guide"}
        for block in BLOCKS:
            exec(compile(block, GUIDE.name, "exec", dont_inherit=True), names)
    files = {path.name for path in (tmp_path / "results/files").iterdir()}
    assert files == {"red panda.mp4", "giant panda.mp4", "sea otter.mp4", "panda.mp4"}


def test_its_commands_have_these_options() -> None:
    from api302.batch.command import run, status

    known = {option for one in (run, status) for name in one.params for option in name.opts}
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.S))
    used = set(re.findall(r"api302 batch \w+ .*", shell))
    for line in used:
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line
