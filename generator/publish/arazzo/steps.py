"""The steps of a workflow: each a call of an operation, with what it takes from those before."""

from __future__ import annotations

import math
from typing import Any

from generator.document import Operation
from generator.document.references import escape
from generator.runtime.behaviour import Path, Result, Success, Task, TaskStatus, read

from .conditions import BODY, Unsayable, is_among, is_present, selectors, succeeds, value

Json = dict[str, Any]
OPENAPI = "openapi-3.1.json"
"""The document that the steps' operationIds are from, beside the workflows."""
_LONGEST = 3600
"""Seconds that a task is polled."""
_INTERVAL = 5
"""Seconds between two polls where no rule suggests a number."""
_RESPONSE = "response"
_OK = {"condition": "$statusCode >= 200 && $statusCode < 300"}


def inputs(operation: Operation, without: str = "") -> Json:
    """The JSON Schema of what a workflow takes for its first call.

    Args:
        operation: The first call.
        without: A field of its body that the workflow itself sets.
    """
    required = [one for one in operation.parameters if one.required]
    properties: Json = {
        one.wire: {"description": one.description} if one.description else {} for one in required
    }
    names = [one.wire for one in required]
    if operation.body:
        properties["body"] = _body_schema(operation, without)
        names.append("body")
    schema: Json = {"type": "object", "properties": properties}
    return {**schema, "required": names} if names else schema


def _body_schema(operation: Operation, without: str) -> Json:
    assert operation.body is not None
    if without:
        return {"type": "object", "description": f"The request's body, without `{without}`."}
    media_type = escape(operation.body.media_types[0])
    holder = f"{operation.pointer}/requestBody"
    if "$ref" in operation.node["requestBody"]:
        holder = operation.node["requestBody"]["$ref"].removeprefix("#")
    return {"$ref": f"{OPENAPI}#{holder}/content/{media_type}/schema"}


def begin(operation: Operation, name: str, set_fields: Json | None = None) -> Json:
    """The step that calls an operation with the workflow's inputs.

    Args:
        operation: The operation.
        name: The step's id.
        set_fields: Values of top-level fields of the body that the workflow sets itself.
    """
    rule = read(operation.node)
    values = dict(set_fields or {})
    taken: Json = {p.wire: f"$inputs.{p.wire}" for p in operation.parameters if p.required}
    if rule.task and rule.task.when:
        switch = rule.task.when
        (values if switch.place == "body" else taken)[switch.name] = switch.value
    made: Json = {"stepId": name, "operationId": operation.id}
    made |= _parameters(operation, taken)
    if operation.body:
        body: Json = {"contentType": operation.body.media_types[0], "payload": "$inputs.body"}
        if values:
            targets = [{"target": f"/{escape(k)}", "value": one} for k, one in values.items()]
            body["replacements"] = targets
        made["requestBody"] = body
    return made


def follow(operation: Operation, name: str, values: Json) -> Json:
    """The step that calls an operation with values of the steps before alone."""
    made: Json = {"stepId": name, "operationId": operation.id}
    named = {one.wire for one in operation.parameters}
    if needed := [p.wire for p in operation.parameters if p.required and p.wire not in values]:
        raise Unsayable(f"{operation.id} needs {', '.join(needed)} too, which nothing says")
    made |= _parameters(operation, {key: one for key, one in values.items() if key in named})
    body = {key: one for key, one in values.items() if key not in named}
    if body and operation.body:
        made["requestBody"] = {"contentType": operation.body.media_types[0], "payload": body}
    return made


def _parameters(operation: Operation, values: Json) -> Json:
    listed = [
        {"name": one.wire, "in": one.place, "value": values[one.wire]}
        for one in operation.parameters
        if one.wire in values
    ]
    return {"parameters": listed} if listed else {}


def task_steps(submit: Json, operation: Operation, task: Task) -> tuple[list[Json], Json]:
    """The steps of a task, with the one that submits it; and the workflow's outputs.

    Raises:
        Unsayable: Arazzo cannot say where the id is, or which states end the task.
    """
    fetch = operation.document.by_id[task.fetch]
    status = read(fetch.node).status
    assert status is not None
    ids = {name: value(path) for name, path in task.parameters.items()}
    submit["successCriteria"] = [_OK, *_present(next(iter(ids.values())))]
    submit["outputs"] = ids
    taken = {name: f"$steps.{submit['stepId']}.outputs.{name}" for name in ids}
    poll = follow(fetch, "poll", taken)
    poll["successCriteria"] = _done(status)
    poll["onFailure"] = list(_not_done(fetch, status))
    if status.result:
        return _with_result(submit, poll, fetch, status.result)
    poll["outputs"] = outputs(status.outputs)
    return [submit, poll], passed_on("poll", poll)


def _present(there: str) -> list[Json]:
    return [{"condition": f"{there} != null"}]


def _done(status: TaskStatus) -> list[Json]:
    """The criteria for a task that is done."""
    if status.done_is_file:
        header = {"context": "$response.header.Content-Type", "type": "regex"}
        return [_OK, {**header, "condition": "^(?!application/json)"}]
    ways = []
    if status.state and status.succeeded:
        ways.append(is_among(_plain(status.state), status.succeeded))
    if status.done:
        test = status.done
        ways.append(is_among(test.field, test.values) if test.values else is_present(test.field))
    joined = " || ".join(f"({one})" for one in ways) if len(ways) > 1 else ways[0]
    return [_OK, {"condition": joined}]


def _not_done(fetch: Operation, status: TaskStatus) -> Any:
    """What to do with a task that is not done: end if it failed, or poll again."""
    if status.state and status.failed:
        failed = is_among(_plain(status.state), status.failed)
        yield {"name": "failed", "type": "end", "criteria": [{"condition": failed}]}
    interval = status.interval or _INTERVAL
    criteria = [_OK]
    if success := read(fetch.node).success:
        criteria = [_OK, _success(success)]
    yield {
        "name": "pending",
        "type": "retry",
        "retryAfter": interval,
        "retryLimit": math.ceil(_LONGEST / interval),
        "criteria": criteria,
    }


def _success(success: Success) -> Json:
    try:
        return {"condition": succeeds(success.field, success.values)}
    except Unsayable:
        return _OK


def _with_result(
    submit: Json, poll: Json, fetch: Operation, result: Result
) -> tuple[list[Json], Json]:
    """The steps of a task whose files another call has."""
    last = fetch.document.by_id[result.fetch]
    named = {one.wire for one in last.parameters}
    paths = {name: path for name, path in result.parameters.items() if name in named}
    poll["outputs"] = {_RESPONSE: BODY} | {name: value(path) for name, path in paths.items()}
    step = follow(last, "download", {name: f"$steps.poll.outputs.{name}" for name in paths})
    step["successCriteria"] = [_OK]
    step["outputs"] = outputs(result.outputs)
    return [submit, poll, step], passed_on("download", step)


def _plain(path: Path) -> str:
    if path.encoding:
        raise Unsayable("the state is in JSON text")
    return path.field


def outputs(paths: tuple[Path, ...]) -> Json:
    """The outputs of the last step: the whole response, and the URLs in it that can be said."""
    found: Json = {_RESPONSE: BODY}
    for path in paths:
        if not path.encoding:
            try:
                found |= selectors(path.field)
            except Unsayable:
                continue
    return found


def passed_on(step: str, made: Json) -> Json:
    """A step's outputs as the workflow's."""
    return {name: f"$steps.{step}.outputs.{name}" for name in made["outputs"]}
