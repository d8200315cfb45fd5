"""302.AI's own command line, with every image, video and 3D model that it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from ai302.core.models import SUPPORTED_MODELS
from typer import Typer
from typer.testing import CliRunner

URL = "https://file.302.ai/gpt/imgs/ref.png"

COMMANDS = {
    "t2i": "image",
    "i2i": "image",
    "t2v": "video",
    "i2v": "video",
    "t23d": "3d",
    "i23d": "3d",
}
"""By its kind of model, the command that takes a model."""
MODELS = [(kind, model) for kind in COMMANDS for model in SUPPORTED_MODELS[kind]]

PARAMETERS: dict[str, list[dict[str, Any]]] = json.loads(
    files("ai302.assets").joinpath("model_params.json").read_text("utf-8")
)
"""Its own list of what each model takes."""

OPERATIONS = {
    "image": ["ai302_generate_image", "ai302_get_image_task"],
    "video": ["ai302_create_video", "ai302_get_video"],
    "hyper3d-rodin": ["rodin_create_model", "rodin_get_model"],
    "doubao-seed3d": ["doubao_create_3d", "doubao_get_3d"],
    "Tripo": ["tripo_create_task", "tripo_get_task"],
    "HunYuan3D-v21@HunYuan": ["hunyuan_generate_3d_v21", "hunyuan_get_3d_v21"],
    "HunYuan3D-Pro@HunYuan": ["hunyuan_generate_3d_pro", "hunyuan_get_3d_pro"],
    "HunYuan3D-Rapid@HunYuan": ["hunyuan_generate_3d_rapid", "hunyuan_get_3d_rapid"],
}
"""How a task is made and polled, by the command, the model or what follows its `@`."""

RENAMED = ("HunYuan3D-Pro@HunYuan", "HunYuan3D-Rapid@HunYuan")
"""Models whose parameters it lists by names of its own, such as `enable_pbr` for `EnablePBR`. It
has no options for them, and `--extra` sends them as they are: its fault, so they stay untested.
"""


class CommandLine:
    """The command line, in this process.

    Args:
        mock: URL of the mock.
        app: What the command `302ai` runs.
    """

    def __init__(self, mock: str, app: Typer) -> None:
        self._mock = mock
        self._app = app

    def run(self, *arguments: str) -> dict[str, Any]:
        """What a command prints; it must succeed."""
        done = CliRunner().invoke(self._app, arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def operations(self) -> list[str]:
        """What it called, but for the records of costs; nothing may have been refused."""
        seen = httpx.get(f"{self._mock}/mock/requests").json()
        assert [one for one in seen if one["status"] != 200] == []
        called = [one["operation"] for one in seen]
        return [operation for operation in called if operation != "ai302_get_record"]


@pytest.fixture(scope="module")
def app(mock: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typer]:
    """The command line, which reads its settings as it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AI302_BASE_URL", mock)
        patch.setenv("AI302_KEY", "sk-clients")
        patch.setenv("AI302_CONFIG_DIR", str(tmp_path_factory.mktemp("ai302")))
        yield import_module("ai302.cli.app").app


@pytest.fixture
def ai302(mock: str, app: Typer) -> Iterator[CommandLine]:
    """The command line; the mock refuses what the description does not name."""
    httpx.post(f"{mock}/mock/reset").raise_for_status()
    httpx.post(f"{mock}/mock/settings", json={"strict": True, "polls": 0}).raise_for_status()
    yield CommandLine(mock, app)
    httpx.post(f"{mock}/mock/reset").raise_for_status()


def inputs(kind: str, model: str) -> list[str]:
    """The least that a model takes: of Hunyuan3D's, either a prompt or an image."""
    if kind.startswith("t"):
        return ["--prompt", "a lake"]
    image = ["--image", URL]
    return image if model.startswith("HunYuan3D") else ["--prompt", "a lake", *image]


def value(parameter: dict[str, Any]) -> Any:
    """The last value that a parameter may have; None where it may be any text."""
    choices = parameter["enum"] or parameter["range"] or [None]
    return True if parameter["type"].startswith("bool") else choices[-1]


def settings(model: str) -> dict[str, Any]:
    """All parameters of a model that have known values."""
    listed = PARAMETERS[model.replace("minimax-hailuo", "minimaxi-hailuo")]
    values = {parameter["name"]: value(parameter) for parameter in listed}
    return {name: given for name, given in values.items() if given is not None}


def operations(kind: str, model: str) -> list[str]:
    """What a model is called and polled by."""
    return (
        OPERATIONS.get(COMMANDS[kind]) or OPERATIONS["Tripo" if model.endswith("@Tripo") else model]
    )


@pytest.mark.parametrize(("kind", "model"), MODELS)
def test_a_model_is_run_to_its_end(ai302: CommandLine, kind: str, model: str) -> None:
    command = COMMANDS[kind]
    made = ai302.run(command, "create", "--model", model, *inputs(kind, model))

    done = ai302.run(command, "fetch", made["taskid"], "--short")

    assert done["status"] == "completed"
    assert done["result_url"].startswith("http")
    assert ai302.operations() == operations(kind, model)


@pytest.mark.parametrize(("kind", "model"), [one for one in MODELS if one[1] not in RENAMED])
def test_a_model_takes_its_parameters(ai302: CommandLine, kind: str, model: str) -> None:
    extra = json.dumps(settings(model))

    made = ai302.run(
        COMMANDS[kind], "create", "--model", model, *inputs(kind, model), "--extra", extra
    )

    assert made["taskid"]
    assert ai302.operations() == operations(kind, model)[:1]


@pytest.fixture
def image(tmp_path: Path) -> str:
    """Path of an image."""
    path = tmp_path / "lake.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    return str(path)


@pytest.mark.parametrize("model", ["gemini-3.1-flash-image-preview", "gemini-3.1-flash-lite-image"])
@pytest.mark.parametrize("region", [[], ["--bbox", "0,0,100,100"]])
def test_an_image_is_edited(ai302: CommandLine, image: str, model: str, region: list[str]) -> None:
    edit = ("image", "edit", "--image", image, "--prompt", "a boat", "--model", model)

    made = ai302.run(*edit, *region)

    assert made["image_url"].startswith("http")
    assert ai302.operations() == ["google_generate_image"]


@pytest.mark.parametrize(
    ("model", "operations"),
    [
        ("gpt-image-1.5", ["openai_edit_image", "ai302_get_async_result"]),
        ("gpt-image-2", ["openai_edit_image", "ai302_get_async_result"]),
        ("wan2.7-image", ["alibaba_generate_image", "alibaba_get_task"]),
        ("wan2.7-image-pro", ["alibaba_generate_image", "alibaba_get_task"]),
    ],
)
def test_an_image_is_edited_by_a_task(
    ai302: CommandLine, image: str, model: str, operations: list[str]
) -> None:
    """It finds no URL: the mock's task of Alibaba Cloud ends in a video, and the result of an
    asynchronous call is JSON as text, which other callers of 302.AI parse and it does not.
    """
    region = ["--mask_image", image] if model.startswith("gpt") else ["--bbox", "0,0,100,100"]
    edit = ("image", "edit", "--image", image, "--prompt", "a boat", "--model", model)
    made = ai302.run(*edit, *region)

    done = ai302.run("image", "fetch", made["taskid"], "--short")

    assert done["status"] == "completed"
    assert ai302.operations() == operations


def test_an_image_is_enlarged(ai302: CommandLine) -> None:
    """What comes back is not known, so there is no URL."""
    made = ai302.run("image", "upscale", "--image", URL, "--scale", "2")

    assert made["status"] == "completed"
    assert ai302.operations() == ["ai302_upscale_v6"]


def test_a_part_of_an_image_is_erased(ai302: CommandLine, image: str) -> None:
    made = ai302.run("image", "erase", "--image", image, "--mask_image", image)

    assert made["result_url"].startswith("http")
    assert ai302.operations() == ["ai302_erase"]
