"""Operations: what each must have, and whether tasks, streams and switches agree with the requests
and responses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.document.media import EVENT_STREAM, is_event_stream, is_json
from generator.source import Problem, obj, seq

from .context import Context
from .structure import did_you_mean, states_overlap


def basics(context: Context) -> Iterator[Problem]:
    """A summary, a 2xx response, and the shared error responses."""
    for operation in context.operations:
        summary = operation.node.get("summary")
        if not isinstance(summary, str) or not summary.strip():
            yield context.on(
                operation,
                "summary",
                f"{operation} has no summary",
                "say in a few words what it does",
            )
        responses = obj(operation.node.get("responses"))
        for status, name in (("4XX", "ClientError"), ("5XX", "ServerError")):
            if status not in responses:
                fix = f"add `{status}: {{$ref: '#/components/responses/{name}'}}`"
                yield context.on(
                    operation, "responses", f"{operation} has no {status} response", fix
                )
        if not any(status.startswith("2") for status in responses):
            yield context.on(
                operation,
                "responses",
                f"{operation} has no 2xx response",
                "add it; an unknown one is an open object, with x-unknown",
            )


def json_first(context: Context) -> Iterator[Problem]:
    """Where a body or response is JSON or something else, JSON comes first."""
    for operation in context.operations:
        for part in ("request", "response"):
            names: dict[str, list[str]] = {}
            for status, name, _ in context.media(operation, part):
                names.setdefault(status, []).append(name)
            for status, listed in names.items():
                if any(map(is_json, listed)) and not is_json(listed[0]):
                    key = "requestBody" if part == "request" else "responses"
                    message = f"{operation} lists {listed[0]} before JSON"
                    path: list[str | int] = [status] if status else []
                    yield context.on(
                        operation,
                        key,
                        message,
                        "put application/json first; generators take the first they know",
                        path,
                    )


def tasks(context: Context) -> Iterator[Problem]:
    """`x-task` and `x-task-status.result` name existing operations and pass what they take."""
    for operation in context.operations:
        task, result = (
            obj(operation.node.get("x-task")),
            obj(obj(operation.node.get("x-task-status")).get("result")),
        )
        yield from _follows(context, operation, "x-task", [], "fetch", "the task", task)
        yield from _follows(context, operation, "x-task", [], "cancel", "the task", task)
        yield from _follows(
            context, operation, "x-task-status", ["result"], "fetch", "the result", result
        )
        yield from _file_result(context, operation, result)
        target = context.by_id.get(str(task.get("fetch")))
        if target is not None and "x-task-status" not in target.node:
            message = f"`{target.id}` is fetched by {operation} and has no x-task-status"
            yield context.on(
                target, "x-task-status", message, "say how its response tells the state"
            )
        yield from _ending(context, operation, target, task)


def _ending(
    context: Context, operation: Operation, target: Operation | None, task: dict[str, Any]
) -> Iterator[Problem]:
    """The example that shows how a task ends is one of the fetching operation, and an end."""
    name = task.get("example")
    if not isinstance(name, str) or target is None:
        return
    shown: dict[str, Any] = {}
    for _, _, media in context.media(target, "response"):
        shown |= obj(obj(media.value).get("examples"))
    if name not in shown:
        message = f"x-task of {operation} names the example `{name}`, which {target} lacks"
        fix = did_you_mean(name, list(shown))
        yield context.on(operation, "x-task", message, fix, ["example"])


def _file_result(
    context: Context, operation: Operation, result: dict[str, Any]
) -> Iterator[Problem]:
    """A result without `outputs` is the response of a GET that is a file."""
    target = context.by_id.get(str(result.get("fetch")))
    if target is None or "outputs" in result:
        return
    files = [name for _, name, _ in context.media(target, "response") if not is_json(name)]
    if target.method != "get" or not files:
        message = f"the result of {operation} has no `outputs`, and {target} returns no file"
        fix = "say where the URLs are in its response"
        yield context.on(operation, "x-task-status", message, fix, ["result", "fetch"])


def _follows(
    context: Context,
    operation: Operation,
    extension: str,
    inside: list[str | int],
    role: str,
    what: str,
    rule: dict[str, Any],
) -> Iterator[Problem]:
    """The operation that an extension names under `role` exists, and gets all that it requires and
    nothing that it does not take.
    """
    name = rule.get(role)
    if not isinstance(name, str):
        return
    target = context.by_id.get(name)
    if target is None:
        fix = did_you_mean(name, list(context.by_id))
        yield context.on(
            operation,
            extension,
            f"there is no operation `{name}` to {role} {what} of {operation}",
            fix,
            [*inside, role],
        )
        return
    body, taken = context.body_fields(target), _taken(context, target)
    given = sorted(map(str, obj(rule.get("parameters"))))
    uploaded = {str(rule[role]): role for role in ("etag", "file") if role in rule}  # of x-upload
    for key in sorted({*given} - {*taken, *uploaded}):
        message = f"`{name}` has no parameter or body field `{key}`"
        fix, place = did_you_mean(key, list(taken)), [*inside, "parameters", key]
        yield context.on(operation, extension, message, fix, place)
    for key, place in uploaded.items():
        if key not in body:
            message = f"`{name}` has no body field `{key}`"
            fix = did_you_mean(key, list(body))
            yield context.on(operation, extension, message, fix, [*inside, place])
    for key in _missing(taken, {*given, *uploaded}):
        message = f"`{name}` requires `{key}`, which {what} of {operation} does not give"
        fix = "say under `parameters` where its value is in the response"
        yield context.on(operation, extension, message, fix, [*inside, "parameters"])


def _missing(taken: dict[str, bool], given: set[str]) -> list[str]:
    """What a call requires and does not get."""
    required = {key for key, is_required in taken.items() if is_required}
    return sorted(required - given)


def _taken(context: Context, target: Operation) -> dict[str, bool]:
    """The parameters and body fields of a call, and whether each is required."""
    parameters = {
        str(parameter.get("name")): parameter.get("required") is True
        for parameter in context.parameters(target)
    }
    return parameters | context.body_fields(target)


def task_states(context: Context) -> Iterator[Problem]:
    """No state word means two things."""
    for operation in context.operations:
        for value in states_overlap(obj(operation.node.get("x-task-status"))):
            message = (
                f"the state {value!r} of {operation} is listed under two of pending, succeeded "
                "and failed"
            )
            yield context.on(operation, "x-task-status", message, "keep it in one")


def uploads(context: Context) -> Iterator[Problem]:
    """`x-upload` names a last step that exists and gets from it all that it takes."""
    for operation in context.operations:
        yield from _follows(
            context,
            operation,
            "x-upload",
            [],
            "finish",
            "the upload",
            obj(operation.node.get("x-upload")),
        )


def streams(context: Context) -> Iterator[Problem]:
    """`x-stream` and an event stream among the 2xx responses go together."""
    for operation in context.operations:
        streams = [
            media
            for _, name, media in context.media(operation, "response")
            if is_event_stream(name)
        ]
        if "x-stream" in operation.node and not streams:
            message = f"{operation} has x-stream, but no 2xx response of {EVENT_STREAM}"
            yield context.on(
                operation,
                "x-stream",
                message,
                "add the response, with itemSchema, or remove x-stream",
            )
        if "x-stream" not in operation.node and streams:
            message = f"{operation} responds with {EVENT_STREAM} and has no x-stream"
            yield context.on(
                operation,
                "responses",
                message,
                "say in x-stream how it is switched on and how it ends",
            )
        for media in streams:
            if "itemSchema" not in obj(media.value):
                message = f"the event stream of {operation} has no itemSchema"
                yield context.on(
                    operation, "responses", message, "describe one event: an object with `data`"
                )


def stream_responses(context: Context) -> Iterator[Problem]:
    """`x-stream.response` names a schema."""
    schemas = obj(obj(context.document.get("components")).get("schemas"))
    for operation in context.operations:
        response = obj(operation.node.get("x-stream")).get("response")
        if response and response not in schemas:
            message = f"x-stream.response of {operation} names `{response}`, which is not a schema"
            fix = "name the schema that the events accumulate to"
            yield context.on(operation, "x-stream", message, fix)


def structured(context: Context) -> Iterator[Problem]:
    """`x-structured.field` begins with a field of the request."""
    for operation in context.operations:
        field = str(obj(operation.node.get("x-structured")).get("field", "")).partition(".")[0]
        if field and field not in (known := context.body_fields(operation)):
            message = f"{operation} has no body field `{field}`"
            fix = did_you_mean(field, sorted(known))
            yield context.on(operation, "x-structured", message, fix, ["field"])


def switches(context: Context) -> Iterator[Problem]:
    """The fields and parameters that `when`, `webhook` and x-pages name exist."""
    for operation in context.operations:
        places: list[tuple[str, list[str | int], object, object]] = []
        for extension, key in (("x-task", "when"), ("x-stream", "when"), ("x-task", "webhook")):
            switch = obj(obj(operation.node.get(extension)).get(key))
            places.append((extension, [key], switch.get("in"), switch.get("name")))
        places += _paging(obj(operation.node.get("x-pages")))
        for extension, path, where, name in places:
            if (
                isinstance(name, str)
                and isinstance(where, str)
                and name not in (known := _names(context, operation, where))
            ):
                message = (
                    f"{operation} has no {where} {'field' if where == 'body' else 'parameter'} "
                    f"`{name}`"
                )
                yield context.on(operation, extension, message, did_you_mean(name, known), path)


def hidden_switches(context: Context) -> Iterator[Problem]:
    """The texts of a call do not name the field that chooses its form: no method takes it."""
    for operation in context.operations:
        rules = [obj(obj(operation.node.get(key)).get("when")) for key in ("x-task", "x-stream")]
        hidden = [f"`{rule['name']}`" for rule in rules if rule.get("value") and "name" in rule]
        responses = obj(operation.node.get("responses"))
        texts = {"description": str(operation.node.get("description"))}
        texts["responses"] = " ".join(
            str(obj(one).get("description")) for one in responses.values()
        )
        for key, text in texts.items():
            for name in hidden:
                if name in text:
                    message = f"the text of {operation} names {name}, which chooses its form"
                    fix = "say what happens without it: each form is a method of its own"
                    yield context.on(operation, key, message, fix)


def _paging(pages: dict[str, object]) -> Iterator[tuple[str, list[str | int], object, object]]:
    """The parameters that x-pages names, each with where it is named."""
    where = pages.get("in", "query")
    for key in ("parameter", "size"):
        if key in pages:
            yield "x-pages", [key], where, pages[key]
    for name in obj(pages.get("next")):
        yield "x-pages", ["next", name], where, name


def _names(context: Context, operation: Operation, where: str) -> list[str]:
    if where == "body":
        return list(context.body_fields(operation))
    return [
        str(parameter.get("name"))
        for parameter in context.parameters(operation)
        if parameter.get("in") == where
    ]


def follows(context: Context) -> Iterator[Problem]:
    """The parameters and fields that x-follows names exist."""
    for operation in context.operations:
        known = {str(parameter.get("name")) for parameter in context.parameters(operation)}
        known |= set(context.body_fields(operation))
        for number, entry in enumerate(seq(operation.node.get("x-follows"))):
            for key in ("field", "count", "length"):
                name = obj(entry).get(key)
                if isinstance(name, str) and name not in known:
                    message = f"{operation} has no parameter or body field `{name}`"
                    fix = did_you_mean(name, sorted(known))
                    yield context.on(operation, "x-follows", message, fix, [number, key])


def unknowns(context: Context) -> Iterator[Problem]:
    """A request that x-unknown calls unknown has no fields: its method takes extra_body alone."""
    for operation in context.operations:
        if operation.unknown("request") and context.body_fields(operation):
            message = (
                f"{operation} says in x-unknown that its request is unknown, and describes "
                "fields of it"
            )
            yield context.on(
                operation,
                "x-unknown",
                message,
                "use JsonObject for it, or remove `request` from x-unknown",
                ["request"],
            )


def parameter_kinds(context: Context) -> Iterator[Problem]:
    """A path parameter is required, and none is a cookie or called like a header that the client
    sets itself.
    """
    own = {"authorization", "content-type", "accept", "content-length", "host"}
    for operation in context.operations:
        for number, parameter in enumerate(context.parameters(operation)):
            name, where = str(parameter.get("name")), parameter.get("in")
            path: list[str | int] = [number]
            if where == "header" and name.lower() in own:
                message = f"{operation} has a parameter for the header {name}"
                yield context.on(
                    operation,
                    "parameters",
                    message,
                    "remove it; the client sets this header itself",
                    path,
                )
            if where in ("cookie", "querystring"):
                yield context.on(
                    operation,
                    "parameters",
                    f"{operation} has a {where} parameter",
                    "use path, query or header",
                    path,
                )


def bodies(context: Context) -> Iterator[Problem]:
    """JSON and multipart have schemas of their own, since one for both makes openapi-python-client
    send JSON as multipart.
    """
    for operation in context.operations:
        seen: dict[str, str] = {}
        for _, name, media in context.media(operation, "request"):
            reference = obj(obj(media.value).get("schema")).get("$ref")
            if isinstance(reference, str) and reference in seen:
                message = f"{operation} has one schema for {seen[reference]} and {name}"
                yield context.on(
                    operation, "requestBody", message, "make a second one, …Form, for multipart"
                )
            elif isinstance(reference, str):
                seen[reference] = name
