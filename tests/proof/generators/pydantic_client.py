"""A task of the client by openapi-generator for Python: `python pydantic_client.py ADDRESS`."""

import importlib
import json
import sys
from typing import Any

api: Any = importlib.import_module("api302_openapi")
configuration = api.Configuration(host=sys.argv[1], access_token="sk-test")
client = api.ApiClient(configuration)
kling = api.VideosKlingApi(client)
models = api.LlmAi302Api(client).ai302_list_models().data
made = kling.kling_text_to_video(api.KlingTextToVideoRequest(prompt="A red panda")).data
polled = kling.kling_get_text_to_video(made.task_id).data
result = {
    "models": [model.id for model in models],
    "id": made.task_id,
    "polled": polled.task_id,
    "states": [made.task_status, polled.task_status],
}
print(json.dumps(result))
