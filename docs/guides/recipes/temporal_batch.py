"""A recipe: a job of `api302.batch` as a workflow of Temporal.

Needs `pip install api302[batch] temporalio`. Temporal keeps the state and does the waiting;
`take_step` sends, polls once, or downloads one file.

    worker = Worker(client, task_queue="api302", workflows=[JobWorkflow], activities=[take_step],
                    activity_executor=ThreadPoolExecutor(20))
    state = started("panda", "kling_text_to_video", {"prompt": "a red panda"}, files="s3://videos")
    await client.execute_workflow(JobWorkflow.run, state, id="panda", task_queue="api302")

The step that sends is tried once. If its worker dies, nobody knows whether the call was accepted:
the job ends as `unknown`, and is not sent again on a guess. All other steps may be repeated.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.exceptions import TimeoutError as NoWord

with workflow.unsafe.imports_passed_through():
    from api302.batch import interrupted, step

LONGEST_STEP = timedelta(minutes=20)
OPEN = ("planned", "accepted", "done")


@activity.defn
def take_step(state: dict[str, Any]) -> dict[str, Any]:
    """One step, with a client of the worker's environment (AI302_API_KEY)."""
    return step(state)


@workflow.defn
class JobWorkflow:
    """A job from `planned` to its end."""

    @workflow.run
    async def run(self, state: dict[str, Any]) -> dict[str, Any]:
        """The last state: `saved`, `failed` or `unknown`."""
        while state["state"] in OPEN:
            wait = (state["due"] or 0.0) - workflow.now().timestamp()
            if wait > 0:
                await workflow.sleep(timedelta(seconds=wait))
            state = await self._step(state)
        return state

    async def _step(self, state: dict[str, Any]) -> dict[str, Any]:
        sends = state["state"] == "planned"
        policy = RetryPolicy(maximum_attempts=1) if sends else RetryPolicy()
        try:
            return await workflow.execute_activity(
                take_step, state, start_to_close_timeout=LONGEST_STEP, retry_policy=policy
            )
        except ActivityError as error:
            if sends and isinstance(error.cause, NoWord):
                return interrupted(state, workflow.now().timestamp())
            raise
