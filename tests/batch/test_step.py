"""`step`: one thing at a time, for engines that keep the state of a job themselves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api302 import AsyncClient, AuthenticationError, BadRequestError, DecodeError
from api302.batch import astep, interrupted, started, step

from .conftest import KEY, Referee, chat, video
from .referee import file_of


def _started(job: dict[str, Any], files: Path) -> dict[str, Any]:
    return started(job["key"], job["call"], job["arguments"], files=str(files))


def test_steps_lead_from_planned_to_saved(tmp_path: Path, referee: Referee) -> None:
    state = _started(video("panda"), tmp_path)
    seen = [state["state"]]
    while state["state"] not in ("saved", "failed", "unknown"):
        state = json.loads(json.dumps(state))  # any engine may keep it
        state["due"] = None  # and does not wait here
        state = step(state)
        seen.append(state["state"])
    assert seen == ["planned", "accepted", "done", "saved"]
    assert json.loads(state["files"]) == ["panda.mp4"]
    assert (tmp_path / "panda.mp4").read_bytes() == file_of("panda")
    assert KEY not in json.dumps(state)
    assert step(state) == state, "an end stays as it is"


def test_a_step_does_not_wait(tmp_path: Path, referee: Referee) -> None:
    before = time.time()
    state = step(_started(video("panda"), tmp_path))
    assert state["due"] > before + 1
    state["due"] += 3600.0  # on a busy machine, it may be due already
    assert step(state) == state
    assert referee.counts["polls"] == {}


def test_a_plain_call_is_one_step(tmp_path: Path, referee: Referee) -> None:
    state = step(_started(chat("hello"), tmp_path))
    assert state["state"] == "saved"
    assert json.loads(state["response"])["choices"][0]["message"]["content"] == "hello"


def test_a_step_that_was_interrupted_is_unknown(tmp_path: Path) -> None:
    state = interrupted(_started(chat("hello"), tmp_path))
    assert state["state"] == "unknown"
    assert json.loads(state["error"])["type"] == "Unanswered"


async def _raising(error: Exception, folder: Path) -> dict[str, Any]:
    async def fail(call: Any, next: Any) -> Any:
        raise error

    async with AsyncClient(api_key=KEY, base_url="http://127.0.0.1:9", middleware=[fail]) as client:
        return await astep(_started(chat("hello"), folder), client)


def test_a_refused_key_is_raised(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError):
        asyncio.run(_raising(AuthenticationError("no", status_code=401), tmp_path))


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (BadRequestError("bad", status_code=400), "failed"),
        (DecodeError("odd", status_code=200, body="<odd>", request_id="r-9"), "failed"),
    ],
)
def test_what_failed_says_why(error: Exception, state: str, tmp_path: Path) -> None:
    ended = asyncio.run(_raising(error, tmp_path))
    assert ended["state"] == state
    said = json.loads(ended["error"])
    assert said["type"] == type(error).__name__
    assert said.get("body") == getattr(error, "body", None)


def test_a_host_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    async def main() -> dict[str, Any]:
        async with AsyncClient(api_key=KEY, base_url="http://127.0.0.1:9") as client:
            return await astep(_started(chat("hello"), tmp_path), client)

    before = time.time()
    state = asyncio.run(main())
    assert (state["state"], state["tries"]) == ("planned", 1)
    assert state["due"] > before


def test_a_task_that_failed_says_why(
    tmp_path: Path, referee_of: Callable[..., Referee], monkeypatch: pytest.MonkeyPatch
) -> None:
    referee = referee_of()
    monkeypatch.setenv("AI302_BASE_URL", referee.url)

    async def main() -> dict[str, Any]:
        async with AsyncClient(api_key=KEY, base_url=referee.url) as client:
            state = await astep(_started(video("fail-this"), tmp_path), client)
            return await astep({**state, "due": None}, client)

    state = asyncio.run(main())
    assert state["state"] == "failed"
    assert json.loads(state["error"])["message"] == "The prompt is refused."
