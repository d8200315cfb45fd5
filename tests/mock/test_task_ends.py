"""A finished task has what was asked for, where one fetching operation serves several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api302 import Client
from api302_mock import start

from .test_own import REAL

PANDA: dict[str, Any] = {"prompt": "a red panda"}
PICTURE = "https://file.302.ai/gpt/imgs/ref.png"
WAN = {"model": "wan2.2-t2i-flash", "input": PANDA}
ASKED = {"role": "user", "content": [{"text": "a hat"}]}
TALK = {"model": "wan2.6-image", "input": {"messages": [ASKED]}}
FILM = {"model": "wan2.2-t2v-plus", "input": PANDA}
SOUL = {"prompt": "A portrait", "style_id": "8f09a1aa-5b34-4bd4-9a9f-6c26fc84f888"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        start(REAL, delay=0) as server,
        Client(api_key="sk-test", base_url=server.url, max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("call", "arguments", "suffixes"),
    [
        ("alibaba_text_to_image", WAN, {"png"}),
        ("alibaba_generate_image", TALK, {"png"}),
        ("alibaba_create_video", FILM, {"mp4"}),
        ("wavespeed_nano_banana_text_to_image", PANDA, {"png"}),
        ("wavespeed_wan_2_5_text_to_video", PANDA, {"mp4"}),
        ("wavespeed_image_captioner", {"image": PICTURE}, set()),
        ("vidu_reference_to_image", {"model": "viduq2", "prompt": "a hat"}, {"png"}),
        ("higgsfield_soul_standard", SOUL, {"png"}),
        ("higgsfield_soul", {"params": SOUL | {"width_and_height": "1536x1536"}}, {"png"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_submitted_decides(
    client: Client, call: str, arguments: dict[str, Any], suffixes: set[str]
) -> None:
    result = client.submit(call, arguments).wait()
    assert {one.url.rpartition(".")[2] for one in result.outputs if one.url} == suffixes
