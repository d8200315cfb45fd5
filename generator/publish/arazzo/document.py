"""The Arazzo document: a workflow for each task, each upload, and each use of an uploaded file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from generator.build import BuildError
from generator.document import Document, Operation
from generator.document.media import is_json
from generator.runtime.behaviour import find, read
from generator.source import obj, seq

from .conditions import Unsayable, value
from .steps import OPENAPI, begin, follow, inputs, task_steps

Json = dict[str, Any]
FILE = "arazzo.json"
_SCHEMA = Path(__file__).with_name("arazzo-1.1.schema.yaml")
_SOURCE = "api302"
_FILES = "x-files"
_LEFT_OUT = "x-left-out"
_DESCRIPTION = (
    "A workflow for each call that begins a task (submit, poll, and get the files), each upload, "
    "and each call that takes the URL of an uploaded file. Texts in the outputs that `x-files` of "
    "a workflow names are URLs of files on other hosts: GET them without the API key. "
    "`x-left-out` has the calls for which Arazzo has no words, with the reason; what `x-task`, "
    "`x-task-status` and `x-upload` of the OpenAPI document say of them still holds."
)


def arazzo(document: Document, info: Json) -> Json | None:
    """The workflows of a document; None if it has no task and no upload.

    Args:
        document: The joined document.
        info: The `info` of the published document.
    """
    left_out: dict[str, str] = {}
    workflows = list(_workflows(document, left_out))
    if not workflows:
        return None
    return {
        "arazzo": "1.1.0",
        "$self": FILE,
        "info": {
            "title": f"Workflows of the {info['title']}",
            "description": _DESCRIPTION,
            "version": info["version"],
            _LEFT_OUT: left_out,
        },
        "sourceDescriptions": [{"name": _SOURCE, "url": OPENAPI, "type": "openapi"}],
        "workflows": workflows,
    }


def validate(document: Json) -> None:
    """Refuse a document that is not valid.

    Raises:
        BuildError: The first errors, each with its place.
    """
    errors = list(_validator().iter_errors(document))[:20]
    if errors:
        lines = [f"  #/{'/'.join(map(str, one.instance_path))}: {one.message}" for one in errors]
        raise BuildError("\n".join(["the Arazzo document is not valid:", *lines]))


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(yaml.safe_load(_SCHEMA.read_text("utf-8")))


def _workflows(document: Document, left_out: dict[str, str]) -> Iterator[Json]:
    store = _general_upload(document)
    for operation in document.operations:
        rule = read(operation.node)
        made = []
        try:
            if rule.task:
                made.append(_task(operation))
            if rule.upload:
                made.append(_upload(operation))
            field = _url_field(operation)
            if store and field and not operation.is_deprecated:
                made.append(_upload_then(store, operation, field))
        except Unsayable as error:
            left_out[operation.id] = str(error)
        yield from made


def _workflow(operation: Operation, name: str, summary: str, steps: list[Json], **own: Any) -> Json:
    made: Json = {"workflowId": re.sub(r"[^\w-]", "_", name), "summary": summary, **own}
    made["steps"] = steps
    if operation.is_deprecated:
        made["x-deprecated"] = True
    return made


# -- tasks -----------------------------------------------------------------------------------------


def _task(operation: Operation) -> Json:
    steps, outputs = _followed(begin(operation, "submit"), operation)
    summary = f"{_summary(operation)}, and wait for its result"
    return _workflow(
        operation, operation.id, summary, steps, inputs=inputs(operation), **_given(outputs)
    )


def _followed(submit: Json, operation: Operation) -> tuple[list[Json], Json]:
    task = read(operation.node).task
    assert task is not None
    return task_steps(submit, operation, task)


def _given(outputs: Json) -> Json:
    files = [name for name in outputs if name != "response"]
    return {"outputs": outputs, **({_FILES: files} if files else {})}


def _summary(operation: Operation) -> str:
    return str(operation.node["summary"]).rstrip(".")


# -- uploads ---------------------------------------------------------------------------------------


def _upload(operation: Operation) -> Json:
    """One upload; its `address` is what other calls take for the file."""
    upload = read(operation.node).upload
    assert upload is not None
    if upload.put:
        raise Unsayable("a step PUTs the file to a URL of the response, which no operation is")
    step = begin(operation, "upload")
    step["successCriteria"] = [{"condition": f"{value(upload.address)} != null"}]
    step["outputs"] = {"address": value(upload.address)}
    steps = [step]
    taken = inputs(operation)
    outputs = {"address": "$steps.upload.outputs.address"}
    if upload.finish:
        last = operation.document.by_id[upload.finish]
        step["outputs"] |= {name: value(path) for name, path in upload.parameters.items()}
        values = {name: f"$steps.upload.outputs.{name}" for name in upload.parameters}
        values[str(upload.file)] = "$inputs.file"
        steps.append(follow(last, "finish", values))
        taken["properties"]["file"] = {"description": "The file's bytes."}
        taken["required"] = [*taken.get("required", []), "file"]
    summary = _summary(operation)
    return _workflow(
        operation, f"{operation.id}_whole", summary, steps, inputs=taken, outputs=outputs
    )


def _general_upload(document: Document) -> Operation | None:
    """The upload for the files of every call: the one that has a place at the top of a client."""
    for operation in document.operations:
        if "x-upload" in operation.node and "x-shortcut" in operation.node:
            return operation
    return None


def _url_field(operation: Operation) -> str | None:
    """The one required field of a JSON body that takes a file as a URL."""
    media = operation.body.media if operation.body else {}
    first = next(iter(operation.body.media_types), "") if operation.body else ""
    if not is_json(first):
        return None
    fields = media[first].schema.target.fields()
    taking = [
        name
        for name, schema in fields.schemas.items()
        if name in fields.required and "url" in seq(schema.target.node.get("x-file"))
    ]
    texts = [name for name in taking if fields.schemas[name].target.node.get("type") == "string"]
    return texts[0] if len(taking) == 1 == len(texts) else None


def _upload_then(store: Operation, operation: Operation, field: str) -> Json:
    """A workflow that uploads a file and gives its URL to a call."""
    upload = read(store.node).upload
    assert upload is not None
    address = value(upload.address)
    there = find(upload.address, _example(store))
    if not isinstance(there, str) or not there.startswith("http"):
        raise Unsayable(f"{store.id} does not return a URL")
    first: Json = {"stepId": "upload", "operationId": store.id}
    assert store.body is not None
    media_type = store.body.media_types[0]
    (file,) = store.body.media[media_type].schema.target.fields().required
    first["requestBody"] = {"contentType": media_type, "payload": {file: "$inputs.file"}}
    first["successCriteria"] = [{"condition": f"{address} != null"}]
    first["outputs"] = {"address": address}
    use = begin(operation, "use", {field: "$steps.upload.outputs.address"})
    rest, outputs = [use], {"response": "$steps.use.outputs.response"}
    if "x-task" in operation.node:
        rest, outputs = _followed(use, operation)
    else:
        use["outputs"] = {"response": "$response.body"}
    taken = inputs(operation, without=field)
    taken["properties"]["file"] = {"description": f"The bytes of the file for `{field}`."}
    taken["required"] = [*taken.get("required", []), "file"]
    summary = f"Upload a file, then: {_summary(operation)}"
    name = f"upload_then_{operation.id}"
    return _workflow(operation, name, summary, [first, *rest], inputs=taken, **_given(outputs))


def _example(operation: Operation) -> Any:
    media = operation.json_success
    examples = operation.document.examples(media.node) if media else []
    return obj(next(iter(examples), None))
