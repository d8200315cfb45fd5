"""A recipe: jobs of `api302.batch` over a cluster of Ray. Needs `pip install api302[batch] ray`.

    call, files = "kling_text_to_video", "s3://videos"
    states = [started(prompt, call, {"prompt": prompt}, files=files) for prompt in prompts]
    ended = run(states)

The driver keeps the states and does the waiting. The step that sends is never repeated by Ray: if
its worker dies, the job ends as `unknown`, and is not sent again on a guess.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import ray

from api302.batch import interrupted, step

OPEN = ("planned", "accepted", "done")
State = dict[str, Any]


@ray.remote(max_retries=0)
def send(state: State) -> State:
    """The step that costs."""
    return step(state)


@ray.remote(max_retries=5)
def go_on(state: State) -> State:
    """A poll, or a download."""
    return step(state)


def run(states: Iterable[State], at_once: int = 100) -> list[State]:
    """Run jobs to their ends, so many steps at once."""
    waiting, running, ended = list(states), {}, []
    while waiting or running:
        now = time.time()
        for state in [one for one in waiting if (one["due"] or 0.0) <= now]:
            if len(running) >= at_once:
                break
            waiting.remove(state)
            running[(send if state["state"] == "planned" else go_on).remote(state)] = state
        done, _ = ray.wait([*running], timeout=0.2) if running else ([], time.sleep(0.2))
        for reference in done:
            state = _result(reference, running.pop(reference))
            (waiting if state["state"] in OPEN else ended).append(state)
    return ended


def _result(reference: Any, before: State) -> State:
    """The state after a step; of one whose worker died, what can be said."""
    try:
        return ray.get(reference)
    except ray.exceptions.WorkerCrashedError:
        return interrupted(before) if before["state"] == "planned" else before
