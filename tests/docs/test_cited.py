"""`docs cited`: programs whose source is at hand are read for the calls that they are cited for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from generator.__main__ import main

PAGE = "        - {page: p003, evidence: page, seen: 2026-11-21}\n"


def clone(folder: Path, files: dict[str, str]) -> None:
    """A repository with one commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.test"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def cite(mini: Path, source: str, more: str = "") -> None:
    file = mini / "videos" / "acme.yaml"
    text = file.read_text("utf-8")
    assert text.count(PAGE) == 1
    entry = f"        - {{source: '{source}', {more}evidence: caller, seen: 2026-11-21}}\n"
    file.write_text(text.replace(PAGE, PAGE + entry), encoding="utf-8")


def run(mini: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["docs", "cited", str(folder), "--spec", str(mini)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("fetch(`${host}/acme/v1/videos`, {})", "1 calls it"),
        ('const BASE = "/acme/v1"; post(BASE + "/videos")', "1 calls it"),
        ("type Task = { id: string }", "1 names it in another file"),
        ("fetch(`${host}/acme/v1/videos-old`)", "1 names it in another file"),
    ],
)
def test_a_program_is_read_for_the_path(
    mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, verdict: str
) -> None:
    files = {"src/api.ts": text, "src/names.ts": 'export const kinds = ["videos"]'}
    clone(tmp_path / "clones" / "acme" / "app", files)
    cite(mini, "acme/app:src/api.ts")
    assert run(mini, tmp_path / "clones", capsys).strip() == f"1 citations: {verdict}"


def test_a_program_that_does_not_call_it_is_listed(
    mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone(tmp_path / "clones" / "acme" / "app", {"api.ts": "fetch(`${host}/acme/v1/images`)"})
    cite(mini, "acme/app:api.ts")
    out = run(mini, tmp_path / "clones", capsys)
    line = "acme_text_to_video: acme/app:api.ts does not name it: /acme/v1/videos"
    assert line in out
    assert "1 does not name it" in out


@pytest.mark.parametrize(
    ("source", "more", "said"),
    [
        ("acme/app:b.ts", "", "acme/app:b.ts has no such file"),
        ("else/app:b.ts", "", "1 citations: 1 not at hand"),
        ("acme/app:a.ts", "sister: true, ", "0 citations"),
        ("public code", "", "0 citations"),
    ],
)
def test_sources_that_cannot_be_read_and_sisters(
    mini: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    more: str,
    said: str,
) -> None:
    clone(tmp_path / "clones" / "acme" / "app", {"a.ts": "nothing"})
    cite(mini, source, more)
    assert said in run(mini, tmp_path / "clones", capsys)


def test_a_folder_that_is_not_there_is_said(
    mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", "cited", str(tmp_path / "nowhere"), "--spec", str(mini)]) == 1
    assert "there is no such folder" in capsys.readouterr().err
