"""A task of the client by openapi-python-client: `python stock_client.py ADDRESS`."""

import importlib
import json
import sys
from typing import Any


def call(tag: str, name: str, *path: str, **arguments: Any) -> Any:
    """The parsed response of an operation."""
    module = importlib.import_module(f"api302_openapi.api.{tag}.{name}")
    return module.sync_detailed(*path, client=client, **arguments).parsed


def name(module: str) -> Any:
    return importlib.import_module(module)


client = name("api302_openapi").AuthenticatedClient(base_url=sys.argv[1], token="sk-test")
request = name("api302_openapi.models").KlingTextToVideoRequest(prompt="A red panda")
models = call("llm_ai302", "ai302_list_models")
made = call("videos_kling", "kling_text_to_video", body=request).data
polled = call("videos_kling", "kling_get_text_to_video", made.task_id).data
result = {
    "models": [model.id for model in models.data],
    "id": made.task_id,
    "polled": polled.task_id,
    "states": [str(made.task_status), str(polled.task_status)],
}
print(json.dumps(result))
