"""The README's Python runs, in order, against the mock; its maintainer's example works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import api302_mock
from api302_mock.server import has_websockets

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / ".cache/generator.json"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- test -->\n```python\n(.*?)```", README, re.S)


def test_every_python_block_is_tested() -> None:
    assert len(BLOCKS) == README.count("```python\n") >= 10


def _can_run(block: str) -> bool:
    """Whether the mock's server, an old one where the lowest versions are tested, can serve it."""
    return has_websockets() or ".realtime(" not in block


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with api302_mock.start() as server:
        monkeypatch.setenv("AI302_API_KEY", "sk-readme")
        monkeypatch.setenv("AI302_BASE_URL", server.url)
        names: dict[str, object] = {"__name__": "readme"}
        for block in filter(_can_run, BLOCKS):
            exec(compile(block, "README.md", "exec", dont_inherit=True), names)
        names["client"].close()  # type: ignore[attr-defined]
    for file in ("panda.mp4", "hello.mp3", "sky.png", "async.mp4"):
        assert (tmp_path / file).stat().st_size > 0, file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make build` makes of the specification with both of the README's edits."""
    folder = tmp_path_factory.mktemp("maintainer")
    spec = folder / "spec"
    shutil.copytree(ROOT / "spec", spec)
    _add_argument(spec)
    _add_model(spec)
    return _built(spec, folder)


def _add_argument(spec: Path) -> None:
    page = (spec / "videos/pages.yaml").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(page) if line.startswith("p365:"))
    assert "`grep -rn -A1 p365 spec`" in README
    assert any("kling_text_to_video" in line for line in page[start : start + 2])
    (field,) = re.findall(r"^ +(seed: \{.*\})$", README, re.M)
    file = spec / "videos/kling/v1.yaml"
    text = file.read_text(encoding="utf-8")
    head = re.search(r"    KlingTextToVideoRequest:\n.*?      properties:\n", text, re.S)
    assert head, "the schema that the README names"
    file.write_text(
        text[: head.end()] + f"        {field}\n" + text[head.end() :], encoding="utf-8"
    )


def test_the_maintainers_examples(built: Path) -> None:
    """Edit the files as the README says, build, and find the new argument in the method, and the
    new model wherever models are. One test, as a build takes long.
    """
    module = (built / "api302_resources/videos/kling.py").read_text(encoding="utf-8")
    assert "seed: int | None = None," in module
    assert "seed: Random seed; the same seed gives the same result." in module
    names = (built / "api302_resources/_models.py").read_text(encoding="utf-8")
    assert '"flux-pro-9-t2i"' in names
    listed = json.loads((built / "api302_client/catalog.json").read_text(encoding="utf-8"))
    model = next(one for one in listed["models"] if one["id"] == "flux-pro-9-t2i")
    assert model["calls"] == [{"operation": "ai302_generate_image_v1", "field": "model"}]
    assert model["docs"][0]["page"] == "p097"


def _add_model(spec: Path) -> None:
    found = re.search(r"^   ```yaml\n(   flux-pro-9-t2i:\n.*?)   ```$", README, re.M | re.S)
    assert found, "the README has the entry"
    file = spec / "models/text-to-image/unified_v1.yaml"
    assert f"`{file.relative_to(spec.parent).as_posix()}`" in README
    entry = re.sub(r"^   ", "", found[1], flags=re.M)
    file.write_text(file.read_text(encoding="utf-8") + entry, encoding="utf-8")


def _built(spec: Path, folder: Path) -> Path:
    """What `make build` makes of a specification, anew only where it differs from ours."""
    out, record = folder / "generated", folder / "record.json"
    if RECORD.exists():
        shutil.copytree(ROOT / "generated", out, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(RECORD, record)
    command = [sys.executable, "-m", "generator", "build", "--spec", str(spec), "--out", str(out)]
    command += ["--record", str(record)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_the_coverage_table_is_the_ledgers() -> None:
    table = subprocess.run(
        [sys.executable, "-m", "generator", "coverage"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = re.search(r"<!-- coverage -->\n```text\n(.*?)```\n<!-- /coverage -->", README, re.S)
    assert shown, "the README has no coverage table"
    assert shown[1].strip() == table.strip(), "run: make build"
