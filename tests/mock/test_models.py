"""The mock refuses what the catalogue says that a model refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api302_client.catalog import load
from api302_mock import start

from .conftest import KEY

IMAGE = "/302/image/generate"


@pytest.fixture(scope="module")
def real() -> Iterator[httpx.Client]:
    """The mock of the real document."""
    with start() as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


@pytest.fixture(scope="module")
def strict() -> Iterator[httpx.Client]:
    with start(strict=True) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


def message(response: httpx.Response) -> str:
    return str(response.json()["error"]["message"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"model": "stable-sd3-i2i"},
            "body.image: it is required by this model (the model stable-sd3-i2i).",
        ),
        (
            {"model": "stable-sd3-i2i", "image": "https://a.test/a.png", "aspect_ratio": "1:1"},
            "body.aspect_ratio: it is not supported by this model; leave it out",
        ),
    ],
)
def test_what_a_model_refuses_is_refused(
    real: httpx.Client, more: dict[str, Any], said: str
) -> None:
    response = real.post(IMAGE, json={"prompt": "a cat", **more})

    assert response.status_code == 422
    assert message(response).startswith(said)


@pytest.mark.parametrize(
    "more",
    [
        {"model": "stable-sd3-i2i", "image": "https://a.test/a.png"},
        {"model": "luma-t2i", "aspect_ratio": "7:5"},  # the page: becomes 1:1
        {"model": "doubao-v3-t2i", "width": 4000, "height": 4000},  # the page: becomes 512
        {"model": "dall-e-3-t2i", "width": 300, "height": 300},  # the page: becomes 1024x1024
        {"model": "a-model-that-nobody-knows"},
    ],
)
def test_what_is_replaced_or_unknown_is_taken(real: httpx.Client, more: dict[str, Any]) -> None:
    assert real.post(IMAGE, json={"prompt": "a cat", **more}).status_code == 200


def test_an_unknown_duration_is_refused(real: httpx.Client) -> None:
    video = {"model": "viduq3-pro", "prompt": "a cat"}

    assert real.post("/302/v2/video/create", json={**video, "duration": 16}).status_code == 200
    long = real.post("/302/v2/video/create", json={**video, "duration": 17})
    assert long.status_code == 422
    assert message(long).startswith("body.duration: it must be at most 16, not 17")


def test_a_file_of_a_form_is_the_image_that_a_model_needs(real: httpx.Client) -> None:
    fields = {"prompt": "a cat", "model": "stable-sd3-i2i"}
    file = {"image": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}

    assert real.post(IMAGE, data=fields, files=file).status_code == 200
    assert real.post(IMAGE, data=fields, files={"other": file["image"]}).status_code == 422


def test_a_wrong_name_is_refused_in_strict_mode_with_those_that_are_near(
    strict: httpx.Client,
) -> None:
    wrong = strict.post(IMAGE, json={"prompt": "a cat", "model": "flux_pro_1_1_t2i"})
    right = strict.post(IMAGE, json={"prompt": "a cat", "model": "flux-pro-1.1-t2i"})

    assert wrong.status_code == 400
    assert "no model 'flux_pro_1_1_t2i'; did you mean flux-pro-1.1-t2i" in message(wrong)
    assert right.status_code == 200


def test_every_model_of_the_unified_call_can_be_called(real: httpx.Client) -> None:
    names = [
        (model.name, model.limits.required)
        for model in load().models.values()
        if any(call.operation == "ai302_generate_image_v1" for call in model.calls)
    ]

    assert len(names) >= 69
    for name, required in names:
        image = {"image": "https://a.test/a.png"} if "image" in required else {}
        response = real.post(IMAGE, json={"prompt": "a cat", "model": name, **image})
        assert response.status_code == 200, (name, response.text)


@pytest.mark.parametrize(
    ("value", "status"), [("1" + "0" * 400, 200), ("-1" + "0" * 400, 422), ("1e999", 400)]
)
def test_fault_26_a_number_beyond_all_is_no_traceback(
    real: httpx.Client, value: str, status: int
) -> None:
    """The service replaces a width that is too large by its own."""
    body = f'{{"prompt": "x", "model": "doubao-v2-t2i", "width": {value}, "height": 512}}'
    headers = {"Content-Type": "application/json"}
    assert real.post(IMAGE, content=body, headers=headers).status_code == status
