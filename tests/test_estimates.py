"""What the calls of the real description will cost: the variant that the request asks for."""

from __future__ import annotations

from typing import Any

import pytest

import api302

IMAGE = {"model": "gpt-image-1", "prompt": "a cat"}
TALK = "doubao-seedance-2-0-260128"


def estimate(operation: str, arguments: dict[str, Any]) -> api302.Estimate:
    with api302.Client(api_key="sk-test", base_url="http://127.0.0.1:9") as client:
        return client.estimate(operation, **arguments)


@pytest.mark.parametrize(
    ("operation", "arguments", "low", "high"),
    [
        # What the request leaves open makes a range; the tokens of an image are those of its size.
        ("openai_generate_image", IMAGE, 0.010, 0.250),
        ("openai_generate_image", {**IMAGE, "size": "1024x1024", "quality": "low"}, 0.010, 0.012),
        ("openai_generate_image", {**IMAGE, "n": 2, "quality": "high"}, 0.330, 0.500),
        ("openai_generate_image", {"model": "dall-e-2", "prompt": "x", "n": 3}, 0.048, 0.060),
        # A part of an object, a field that is not there, and how many a list has.
        ("udio_generate", {"gen_params": {"model_type": "udio32-v1.5"}}, 0.05, 0.05),
        ("vidu_reference_to_image", {"model": "viduq2", "resolution": "2K"}, 0.028, 0.028),
        ("vidu_reference_to_image", {"resolution": "2K", "images": ["a"] * 4}, 0.07, 0.07),
        # The schema's default stands for what is left out.
        ("kling_omni_video_o1", {"prompt": "x", "o1_type": "firstTail"}, 0.56, 0.56),
        # A call that serves models of many vendors costs what the model costs.
        ("ai302_generate_image", {"model": "wan2.7-image-pro", "n": 2}, 0.16, 0.16),
    ],
)
def test_the_variant_that_the_request_asks_for_counts(
    operation: str, arguments: dict[str, Any], low: float, high: float
) -> None:
    found = estimate(operation, arguments)
    assert found.low is not None
    assert found.high is not None
    assert found.low >= low - 1e-9
    assert found.high <= high + 1e-9
    assert found.high >= found.low > 0


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        # Tokens of a video, or of a page that is read, are not those of the text in the request.
        ("doubao_create_video", {"model": TALK, "content": []}, "does not say how many"),
        ("jina_read", {"url": "https://example.test"}, "does not say how many"),
        ("openai_generate_image", {**IMAGE, "size": "2048x2048"}, "does not say how many"),
        ("openai_edit_image", {**IMAGE, "image": b"x"}, "image × 0 to unknown tokens"),
        (
            "stability_generate_sd3",
            {"model": "sd3.5-large"},
            "`model` sd3, sd3.5-medium is",
        ),
        ("ai302_generate_image", {"model": "wan2.7-image"}, "that of `model` "),
    ],
)
def test_what_the_request_does_not_say_is_no_number(
    operation: str, arguments: dict[str, Any], said: str
) -> None:
    found = estimate(operation, arguments)
    assert found.high is None
    assert said in found.basis
