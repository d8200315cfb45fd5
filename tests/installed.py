"""The installed package in use, without the repository: `make installed` runs it.

A stream, a task, a file and the command line, against the mock that came with the wheel.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import api302
import api302_mock


def main() -> None:
    """Raises AssertionError, or what the package raises, if something does not work."""
    sources = Path(__file__).resolve().parents[1] / "overlays"
    assert sources not in Path(api302.__file__).resolve().parents, "this is the repository itself"
    with (
        api302_mock.start(delay=0, polls=1, pace=0) as server,
        api302.Client(api_key="sk-x", base_url=server.url) as client,
    ):
        stream = client.chat.completions.stream(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        )
        assert len(list(stream)) > 1
        task = client.videos.kling.text_to_video(prompt="a red panda")
        result = task.wait(interval=0.01)
        with tempfile.TemporaryDirectory() as folder:
            assert result.outputs[0].save(folder).stat().st_size > 0
    command = [sys.executable, "-m", "api302", "--version"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"api302 {api302.__version__}\n"
    found = sorted((one.name, one.version) for one in distributions())
    print(" ".join(f"{name}=={version}" for name, version in found))


if __name__ == "__main__":
    main()
