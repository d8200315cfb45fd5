"""WaveSpeed's own Python client against the mock, its base URL set to 302.AI's mount.

It is in no environment of ours: `pip install -r tests/clients/wavespeed.txt` into one that has
`api302[mock]` and pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import api302_mock

wavespeed: Any = pytest.importorskip("wavespeed", reason="tests/clients/wavespeed.txt has it")

URL = "https://file.302.ai/gpt/imgs/ref.png"


@pytest.fixture(scope="module")
def server() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start(pace=0, delay=0) as server:
        yield server


@pytest.fixture
def client(server: api302_mock.MockServer) -> Any:
    server.reset()
    return wavespeed.Client(api_key="sk-test", base_url=f"{server.url}/ws")


def run(client: Any, model: str, **fields: Any) -> list[str]:
    return client.run(model, fields, poll_interval=0.01)["outputs"]


def reached(server: api302_mock.MockServer) -> list[str | None]:
    """The operations that were called, several polls of one task as one."""
    called = [seen.operation for seen in server.requests]
    return [one for one, after in zip(called, [*called[1:], None], strict=True) if one != after]


@pytest.mark.parametrize(
    ("model", "fields", "operation"),
    [
        ("google/imagen4", {"prompt": "a lake", "resolution": "2k"}, "wavespeed_imagen4"),
        (
            "google/nano-banana-2/edit",
            {"prompt": "make it winter", "images": [URL]},
            "wavespeed_nano_banana_2_edit",
        ),
        (
            "kwaivgi/kling-v3.0-pro/image-to-video",
            {"image": URL, "prompt": "the boat sails", "duration": 5, "sound": True},
            "wavespeed_kling_v3_0_pro_image_to_video",
        ),
        ("acme/new-model/edit", {"prompt": "a lake", "mood": 7}, "wavespeed_create_prediction"),
    ],
)
def test_a_model_is_run_to_its_end(
    server: api302_mock.MockServer,
    client: Any,
    model: str,
    fields: dict[str, Any],
    operation: str,
) -> None:
    outputs = run(client, model, **fields)

    assert reached(server) == [operation, "wavespeed_get_prediction"]
    assert httpx2.get(outputs[0]).status_code == 200


def test_the_field_that_a_model_does_not_take_is_refused(client: Any) -> None:
    with pytest.raises(RuntimeError, match=r"body.resolution"):
        run(client, "google/imagen4", prompt="a lake", resolution="8k")


def test_a_failed_task_raises(server: api302_mock.MockServer, client: Any) -> None:
    with pytest.raises(RuntimeError, match="failed"):
        run(client, "google/imagen4", prompt="mock:fail")

    assert reached(server) == ["wavespeed_imagen4", "wavespeed_get_prediction"]


def test_a_task_is_found_again_by_its_id(server: api302_mock.MockServer, client: Any) -> None:
    run(client, "luma/photon", prompt="a lake")
    task = server.requests[-1].path.split("/")[-2]

    data = client.get_result(task)["data"]

    assert (data["id"], data["status"]) == (task, "completed")
