"""A task with the models by datamodel-code-generator alone: `python models_only.py ADDRESS`."""

import importlib
import json
import sys
import urllib.request
from typing import Any

types: Any = importlib.import_module("api302_models")
PATH = "/klingai/v1/videos/text2video"


def call(path: str, model: Any, request: Any = None) -> Any:
    """A response as its model, of a request as its model has it."""
    data = request and request.model_dump_json(exclude_none=True).encode()
    headers = {"Authorization": "Bearer sk-test", "Content-Type": "application/json"}
    sent = urllib.request.Request(sys.argv[1] + path, data, headers)
    with urllib.request.urlopen(sent) as response:
        return model.model_validate_json(response.read())


models = call("/v1/models", types.Ai302ModelList).data
request = types.KlingTextToVideoRequest(prompt="A red panda")
made = call(PATH, types.KlingResponse, request).data
polled = call(f"{PATH}/{made.task_id}", types.KlingResponse).data
result = {
    "models": [model.id for model in models],
    "id": made.task_id,
    "polled": polled.task_id,
    "states": [made.task_status, polled.task_status],
}
print(json.dumps(result))
