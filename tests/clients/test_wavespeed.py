"""WaveSpeed's client, its base URL set to 302.AI's mount of WaveSpeed's API."""

from __future__ import annotations

import pytest
import wavespeed

URL = "https://file.302.ai/gpt/imgs/ref.png"


@pytest.fixture
def client(mock: str) -> wavespeed.Client:
    return wavespeed.Client(api_key="sk-clients", base_url=f"{mock}/ws")


def run(client: wavespeed.Client, model: str, **fields: object) -> list[str]:
    return client.run(model, fields, poll_interval=0.01)["outputs"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("google/imagen4", {"prompt": "a lake", "resolution": "2k"}),
        ("google/nano-banana-2/edit", {"prompt": "make it winter", "images": [URL]}),
        ("kwaivgi/kling-v3.0-pro/image-to-video", {"image": URL, "duration": 5, "sound": True}),
        ("acme/new-model/edit", {"prompt": "a lake", "resolution": "8k", "mood": 7}),
    ],
)
def test_a_model_is_run_to_its_end(
    client: wavespeed.Client, model: str, fields: dict[str, object]
) -> None:
    outputs = run(client, model, **fields)
    assert outputs
    assert all(output.startswith("http") for output in outputs)


def test_a_model_with_an_operation_is_held_to_its_fields(client: wavespeed.Client) -> None:
    with pytest.raises(RuntimeError, match=r"body\.resolution"):
        run(client, "google/imagen4", prompt="a lake", resolution="8k")


def test_a_failed_task_raises(client: wavespeed.Client) -> None:
    with pytest.raises(RuntimeError, match="Prediction failed"):
        run(client, "google/imagen4", prompt="mock:fail")


def test_a_task_is_found_again_by_its_id(client: wavespeed.Client) -> None:
    done = client.run_no_throw("luma/photon", {"prompt": "a lake"}, poll_interval=0.01)

    data = client.get_result(done["task_id"])["data"]

    assert (data["id"], data["status"]) == (done["task_id"], "completed")
    assert data["outputs"] == done["outputs"]


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(RuntimeError, match="401"):
        run(wavespeed.Client(api_key="nonsense", base_url=f"{mock}/ws"), "luma/photon", prompt="a")
