"""The wheel as a user gets it: installed into a fresh virtual environment, used elsewhere."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import lock

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("api302", "api302_client", "api302_mock", "api302_resources")

USE = """
import importlib.util, sys
import api302
for name in ("api302", "api302_client", "api302_resources"):
    assert sys.prefix in importlib.util.find_spec(name).origin, name
client = api302.Client(api_key="sk-x", base_url="http://127.0.0.1:9", max_retries=0)
try:
    client.models.list()
except api302.ConnectionError as error:
    print("refused:", error)
"""

USE_MOCK = """
import api302, api302_mock
with api302_mock.start() as server, api302.Client(api_key="sk-x", base_url=server.url) as client:
    messages = [{"role": "user", "content": "hi"}]
    print(client.chat.completions.create(model="gpt-4o", messages=messages).to_dict())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--wheel",
            "--outdir",
            str(out),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_wheel_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = message_from_bytes(
            archive.read(next(n for n in names if n.endswith("/METADATA")))
        )
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert {"api302_mock/openapi.json", "api302/llms/llms.txt"} <= names
    assert "api302_mock/asyncapi.json" in names
    assert "api302/llms/videos.kling.md" in names
    required = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert {Requirement(r).name for r in required} == {
        "anyio",
        "attrs",
        "click",
        "httpx2",
        "jmespath",
        "puremagic",
    }
    assert all(">=" in r and "<" in r for r in required), (
        f"each dependency needs a range: {required}"
    )


def test_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), "-I", *arguments], cwd=work, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # The locked versions, so that a release of another project does not fail this test; `make
    # newest` tries those.
    pins = tmp_path / "pins.txt"
    pins.write_text(
        "".join(
            block.partition("\\")[0].strip() + "\n"
            for block in lock.packages(lock.show("mock")).values()
        ),
        "utf-8",
    )
    # pip is ours: to install it, and to compile every module, takes longer than the rest.
    options = ("--quiet", "--disable-pip-version-check", "--no-compile", "--constraint", str(pins))

    def install(what: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, what]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    install(str(wheel))
    assert run("-c", USE).startswith("refused:")
    install(f"{wheel}[mock]")
    assert "choices" in run("-c", USE_MOCK)
