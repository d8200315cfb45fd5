"""OpenAI's client, for the calls that keep OpenAI's own paths."""

from __future__ import annotations

from typing import Any

import openai
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


def client(mock: str, api_key: str = "sk-clients") -> openai.OpenAI:
    return openai.OpenAI(api_key=api_key, base_url=f"{mock}/openai/v1", max_retries=0)


def test_a_video_is_made_and_read_and_deleted(mock: str) -> None:
    videos = client(mock).videos
    made = videos.create_and_poll(
        model="sora-2", prompt="a lake", seconds="4", size="1280x720", poll_interval_ms=10
    )
    assert (made.status, made.progress) == ("completed", 100)
    assert videos.download_content(made.id).read()
    assert videos.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        videos.retrieve(made.id)


def test_a_video_is_made_from_an_image(mock: str) -> None:
    image = ("lake.png", b"\x89PNG\r\n\x1a\n", "image/png")
    made = client(mock).videos.create(model="sora-2", prompt="a lake", input_reference=image)
    assert made.status == "queued"


def test_a_video_is_remixed(mock: str) -> None:
    videos = client(mock).videos
    made = videos.create_and_poll(model="sora-2", prompt="a lake", poll_interval_ms=10)
    remix = videos.remix(made.id, prompt="in winter")
    assert remix.id != made.id


def test_seconds_that_the_model_does_not_make_are_refused(mock: str) -> None:
    seconds: Any = "5"
    with pytest.raises(openai.UnprocessableEntityError, match="seconds"):
        client(mock).videos.create(model="sora-2", prompt="a lake", seconds=seconds)
