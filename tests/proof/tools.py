"""What the proofs in several languages share: running a language's tools, and what a sample client
must have seen.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import api302
import api302_mock
from api302_mock.faults import NEW_WORD
from generator.join import operations

CONFORMANCE = Path(__file__).parents[1] / "conformance"
JDK = "Maven 3.8 or newer, and a JDK of 17 or newer"
NEEDED = {
    "npm": "Node.js 20 or newer",
    "node": "Node.js 20 or newer",
    "go": "Go 1.26 or newer",
    "java": JDK,
    "mvn": JDK,
    "cargo": "Rust 1.85 or newer",
    "jq": "jq 1.6 or newer",
}


def run(
    *command: str | Path, cwd: Path, fails: bool = False, env: dict[str, str] | None = None
) -> str:
    """What a tool prints; `env` is added to the environment.

    The test fails if the tool is not installed, or if it fails and `fails` does not allow for that.
    """
    name = str(command[0])
    if shutil.which(name) is None:
        pytest.fail(
            (
                f"{name} was not found: install {NEEDED.get(name, name)}, then run `make "
                f"publish-proof` again"
            ),
            pytrace=False,
        )
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=os.environ | (env or {})
    )
    assert fails or done.returncode == 0, (
        f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def with_new_words(value: Any) -> Any:
    """A response with words that no document lists wherever it has one for a state or a type."""
    if isinstance(value, list):
        return [with_new_words(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = {"status", "state", "task_status", "type", "path_type"}
    return {
        key: "new-word" if key in words and isinstance(one, str) else with_new_words(one)
        for key, one in value.items()
    }


def with_new_examples(document: Any) -> Any:
    """A copy of a document with one more example for each of a response: one with new words."""
    document = copy.deepcopy(document)
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            media = response.get("content", {}).get("application/json", {})
            for name, example in list(media.get("examples", {}).items()):
                changed = {**example, "value": with_new_words(example["value"])}
                if changed != example:
                    media["examples"][f"{name}New"] = changed
    return document


STATES = ("submitted", "processing", "succeed")
NEW_STATES = (NEW_WORD, "processing", "succeed")


def check_pauses(mock: api302_mock.MockServer, *command: str | Path, cwd: Path) -> None:
    """Hold that a sample client rests between polls of a task whose state it does not know.

    Args:
        mock: The mock; all polls of the sample's task get a new word.
        command: The sample, without the mock's URL, which is put at its end.
        cwd: The folder of the sample.
    """
    mock.reset()
    mock.next(operation="kling_get_text_to_video", fault="new-word", times=100_000)
    with subprocess.Popen([*command, mock.url], cwd=cwd, start_new_session=True) as process:
        begun = time.monotonic()
        try:
            _until(lambda: _polls(mock) > 1)
            time.sleep(2)
            polls, seconds = _polls(mock), time.monotonic() - begun
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            mock.reset()
    assert 2 <= polls <= seconds * 100 + 10, "a sample rests 10 ms or more"


def _polls(mock: api302_mock.MockServer) -> int:
    return sum(one.operation == "kling_get_text_to_video" for one in mock.requests)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not done():
        assert time.monotonic() < end, "the sample never polled"
        time.sleep(0.05)


def check_conformance(count: int, failed: list[str]) -> None:
    """Hold what a language's rules make of the suite."""
    cases = [
        case
        for file in CONFORMANCE.glob("*.json")
        for case in json.loads(file.read_text("utf-8"))["cases"]
    ]
    assert failed == []
    assert count == len(cases) >= 150


def broken_suite(folder: Path) -> Path:
    """A copy of the suite in which one case is wrong, so that whoever holds it must fail."""
    suite = shutil.copytree(CONFORMANCE, folder / "broken")
    file = suite / "submit.json"
    content = json.loads(file.read_text("utf-8"))
    content["cases"][0]["expect"] = {"id": "another"}
    file.write_text(json.dumps(content), "utf-8")
    return suite


def check_sample(printed: str, mock_url: str, states: tuple[str, ...] = STATES) -> None:
    """Hold what a sample client printed, one line of JSON, against what api302 sees at the same
    mock.

    Args:
        printed: By the sample.
        mock_url: The mock's address.
        states: Those of the task, as they were polled.
    """
    seen = json.loads(printed)
    messages: Any = [{"role": "user", "content": "Hello"}]
    with api302.Client(api_key="sk-test", base_url=mock_url) as client:
        reply: Any = client.chat.completions.create(model="gpt-4o", messages=messages)
        assert seen["models"] == [model.id for model in client.models.list().data]
        assert (seen["chat"], seen["tokens"]) == (
            reply.choices[0].message.content,
            reply.usage.total_tokens,
        )
        with client.chat.completions.stream(model="gpt-4o", messages=messages) as stream:
            chunks = list(stream)
        assert seen["chunks"] == len(chunks) > 2
        assert seen["streamed"] == "".join(
            choice.delta.content or "" for chunk in chunks for choice in chunk.choices or ()
        )
        assert seen["states"] == list(states)
        assert (
            seen["video"]
            == client.videos.kling.text_to_video(prompt="A red panda")
            .wait(interval=0.01)
            .outputs[0]
            .url
        )
        assert (
            seen["sound"]
            == len(client.audio.openai.speech(model="tts-1", input="Hello", voice="alloy").content)
            > 100
        )
    with urllib.request.urlopen(seen["uploaded"]) as file:
        assert file.read() == b"\x89PNG"
    with (
        api302.Client(api_key="wrong", base_url=mock_url) as client,
        pytest.raises(api302.AuthenticationError) as refused,
    ):
        client.models.list()
    assert seen["refused"] == {
        "status": 401,
        "code": refused.value.code,
        "message": refused.value.message,
    }
