"""The recipes for other engines, which are not dependencies of ours."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from api302.batch import started

from .conftest import Referee, video
from .referee import file_of

RECIPES = Path(__file__).resolve().parents[2] / "docs/guides/recipes"


def _recipe(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_temporal(tmp_path: Path, referee: Referee) -> None:
    pytest.importorskip("temporalio")
    from temporalio.testing import ActivityEnvironment

    recipe = _recipe("temporal_batch")
    job = video("panda")
    state = started(job["key"], job["call"], job["arguments"], files=str(tmp_path))
    seen: list[str] = []
    while state["state"] in recipe.OPEN:
        # Temporal waits between the steps, and keeps the state as JSON.
        state = json.loads(json.dumps({**state, "due": None}))
        state = ActivityEnvironment().run(recipe.take_step, state)
        seen.append(state["state"])
    assert seen == ["accepted", "done", "saved"]
    assert (tmp_path / "panda.mp4").read_bytes() == file_of("panda")
    assert recipe.interrupted(state, 5.0)["until"] == 5.0


def test_ray(tmp_path: Path, referee: Referee) -> None:
    ray = pytest.importorskip("ray", reason="Ray is tested by `make ray`, in `make weekly`")
    recipe = _recipe("ray_batch")
    environment = {"AI302_API_KEY": "sk-ray-0123456789", "AI302_BASE_URL": referee.url}
    ray.init(num_cpus=2, runtime_env={"env_vars": environment}, include_dashboard=False)
    try:
        jobs = [video(f"panda-{number}") for number in range(6)]
        states = [started(j["key"], j["call"], j["arguments"], files=str(tmp_path)) for j in jobs]
        ended = recipe.run(states)
    finally:
        ray.shutdown()
    assert {state["state"] for state in ended} == {"saved"}
    assert len(ended) == 6
    for job in jobs:
        assert (tmp_path / f"{job['key']}.mp4").read_bytes() == file_of(job["key"])
    assert max(referee.counts["sent"].values()) == 1
