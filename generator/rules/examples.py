"""Examples: there is one wherever one is known, and each fits its schema; event streams are read
event by event.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from generator.document import Operation
from generator.document.media import is_event_stream, is_json
from generator.document.objects import Node
from generator.document.references import Found
from generator.source import Problem, obj, seq

from .context import Context, same


def present(context: Context) -> Iterator[Problem]:
    """A JSON request and each 2xx JSON or event-stream response has an example, unless x-unknown
    says that nobody knows it.
    """
    for operation in context.operations:
        for part, key in (("request", "requestBody"), ("response", "responses")):
            for status, name, media in context.media(operation, part):
                wanted = is_json(name) or is_event_stream(name)
                if wanted and not operation.unknown(part) and not examples(context, media):
                    message = f"the {part} of {operation} as {name} has no example"
                    fix = (
                        f"add one under `examples`, or say in `x-unknown: {{{part}: …}}` what "
                        "was looked for"
                    )
                    yield context.on(
                        operation,
                        key,
                        message,
                        fix,
                        [status, "content", name] if status else ["content", name],
                    )


def examples(context: Context, media: Found) -> list[tuple[Any, str | int, Any]]:
    """Container, key and value of each example of a media type, parameter or header."""
    found: list[tuple[Any, str | int, Any]] = []
    holder = obj(media.value)
    if "example" in holder:
        found.append((holder, "example", holder["example"]))
    for name, example in obj(holder.get("examples")).items():
        target = obj(context.resolve(f"{media.pointer}/examples/{name}", example).value)
        found += [(target, key, target[key]) for key in ("value", "dataValue") if key in target]
    return found


def form(context: Context) -> Iterator[Problem]:
    """An example has a `value`."""
    for node in context.of_kind("example"):
        if "$ref" not in obj(node.value) and "value" not in obj(node.value):
            yield context.at(
                node,
                f"the example `{node.key}` has no value",
                "write `value:` under its name; other forms are not read by all tools",
            )


def fitting(context: Context) -> Iterator[Problem]:
    """Examples of bodies, responses, parameters and headers fit their schemas."""
    for kind in ("mediaType", "parameter", "header"):
        for node in context.of_kind(kind):
            schema = obj(node.value).get("schema")
            if schema is None or (kind == "mediaType" and is_event_stream(str(node.key))):
                continue
            for container, key, value in examples(context, Found(node.pointer, node.value)):
                for path, message in context.mismatches(f"{node.pointer}/schema", schema, value):
                    fix = (
                        "correct the example, or the schema if the example is what the service "
                        "sends"
                    )
                    yield context.problem(
                        container,
                        key,
                        f"the example of {_owner(node)} does not fit its schema{_in(path)}: "
                        f"{message}",
                        fix,
                        path,
                    )


def of_schemas(context: Context) -> Iterator[Problem]:
    """Examples inside a schema fit it."""
    for node in context.of_kind("schema"):
        schema = obj(node.value)
        values: list[tuple[list[str | int], Any]] = (
            [(["example"], schema["example"])] if "example" in schema else []
        )
        values += [
            (["examples", number], value)
            for number, value in enumerate(seq(schema.get("examples")))
        ]
        for start, value in values:
            for path, message in context.mismatches(node.pointer, None, value):
                fix = "correct the example or the schema"
                message = (
                    f"the example of `{node.key}` does not fit its schema{_in(path)}: {message}"
                )
                yield context.problem(schema, start[0], message, fix, [*start[1:], *path])


def streams(context: Context) -> Iterator[Problem]:
    """The examples of event streams are event streams, each event fits itemSchema and
    contentSchema, and the last one ends the stream.
    """
    for operation in context.operations:
        for _, name, media in context.media(operation, "response"):
            if is_event_stream(name):
                for container, key, value in examples(context, media):
                    for message, fix in _stream_faults(context, operation, media, value):
                        yield context.problem(
                            container,
                            key,
                            f"the event stream example of {operation}: {message}",
                            fix,
                        )


def _stream_faults(
    context: Context, operation: Operation, media: Found, text: Any
) -> Iterator[tuple[str, str]]:
    if not isinstance(text, str):
        yield "it is not text", "write the raw text of the stream, as a block after `value: |+`"
        return
    events, rest = parse_events(text)
    if rest:
        yield (
            f"there is no blank line after `{rest[:60]}`",
            "end each event with a blank line; `|+` keeps the last one",
        )
        return
    if not events:
        yield (
            "there is no event in it",
            "write `data: …` lines, each event followed by a blank line",
        )
        return
    for number, event in enumerate(events, 1):
        fault = _content_fault(
            context, f"{media.pointer}/itemSchema", obj(media.value).get("itemSchema"), event
        )
        if fault:
            yield (
                f"event {number}: {fault}",
                "correct the example, or itemSchema and what it refers to",
            )
    done = obj(obj(operation.node.get("x-stream")).get("done"))
    last = events[-1]["data"]
    if "data" in done and last != done["data"]:
        yield (
            f"the last event is not `{done['data']}`, as x-stream.done says",
            "end the example as the stream ends, or correct x-stream",
        )
    elif "field" in done and not _holds(done, last):
        yield (
            f"x-stream.done does not hold for the last event, `{last[:80]}`",
            "end the example as the stream ends, or correct x-stream",
        )


def parse_events(text: str) -> tuple[list[dict[str, str]], str]:
    """The events of an event stream by the WHATWG rules, and the rest that has no blank line."""
    events: list[dict[str, str]] = []
    event: dict[str, str] = {}
    waiting: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if "data" in event:
                events.append(event)
            event, waiting = {}, []
            continue
        waiting.append(line)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in event:
            event["data"] += "\n" + value
        elif name in ("data", "event", "id", "retry"):
            event[name] = value
    return events, "\n".join(waiting) if "data" in event else ""


def _content_fault(context: Context, pointer: str, schema: Any, value: Any) -> str | None:
    """Why a value does not fit a schema whose texts hold JSON (contentSchema); None if it does."""
    if fault := _misfit(context, pointer, schema, value):
        return fault
    found = context.resolve(pointer, schema)
    faults = _faults_inside(context, found.pointer, obj(found.value), value)
    return next((fault for fault in faults if fault), None)


def _misfit(context: Context, pointer: str, schema: Any, value: Any) -> str | None:
    faults = context.mismatches(pointer, schema, value)
    return f"{faults[0][1]}{_in(faults[0][0])}" if faults else None


def _faults_inside(
    context: Context, pointer: str, schema: dict[str, Any], value: Any
) -> Iterator[str | None]:
    """Of the variants, the parts, the fields and the text itself."""
    for kind in ("anyOf", "oneOf"):
        yield _variant_fault(context, f"{pointer}/{kind}", seq(schema.get(kind)), value)
    for number, part in enumerate(seq(schema.get("allOf"))):
        yield _content_fault(context, f"{pointer}/allOf/{number}", part, value)
    for name, part in obj(schema.get("properties")).items():
        if name in obj(value):
            yield _content_fault(context, f"{pointer}/properties/{name}", part, value[name])
    if isinstance(value, str) and "contentSchema" in schema:
        yield _text_fault(context, f"{pointer}/contentSchema", schema["contentSchema"], value)


def _variant_fault(context: Context, pointer: str, variants: list[Any], value: Any) -> str | None:
    """The fault of the first variant that fits, if none that fits is without one."""
    places = [(f"{pointer}/{number}", variant) for number, variant in enumerate(variants)]
    fitting = [place for place in places if not context.mismatches(*place, value)]
    faults = [_content_fault(context, *place, value) for place in fitting]
    return None if None in faults else next(iter(faults), None)


def _text_fault(context: Context, pointer: str, schema: Any, text: str) -> str | None:
    try:
        content = json.loads(text)
    except ValueError as error:
        return f"`{text[:80]}` is not JSON: {error}"
    return _misfit(context, pointer, schema, content)


def _holds(test: dict[str, Any], data: str) -> bool:
    """Whether a test of the extensions (`field`, `values`) holds for the JSON of an event."""
    try:
        value = jmespath.search(test["field"], json.loads(data))
    except (ValueError, TypeError, JMESPathError):
        return False
    if "values" in test:
        return any(same(value, wanted) for wanted in seq(test["values"]))
    return value not in (None, "", [], {}, False)


def extension_paths(context: Context) -> Iterator[Problem]:
    """What x-task, x-upload and x-task-status look for in a response is found in one of its
    examples, and its states are listed ones.
    """
    for operation in context.operations:
        responses = _responses(context, operation)
        if responses and not operation.unknown("response"):
            yield from _parameter_paths(context, operation, responses)
            yield from _upload_paths(context, operation, responses)
            yield from _states(context, operation, responses)


_ADD_IT = "correct the path, or add an example with it"


def _parameter_paths(
    context: Context, operation: Operation, responses: list[Any]
) -> Iterator[Problem]:
    """What the next call takes from the response is in an example of it."""
    result = obj(obj(operation.node.get("x-task-status")).get("result"))
    rules: tuple[tuple[str, dict[str, Any], list[str | int]], ...] = (
        ("x-task", obj(operation.node.get("x-task")), []),
        ("x-upload", obj(operation.node.get("x-upload")), []),
        ("x-task-status", result, ["result"]),
    )
    for extension, rule, inside in rules:
        for parameter, path in obj(rule.get("parameters")).items():
            if not any(_search(path, response) is not None for response in responses):
                message = (
                    f"no example of the response of {operation} has the `{path}` that "
                    f"{extension} reads `{parameter}` from"
                )
                place = [*inside, "parameters", parameter]
                yield context.on(operation, extension, message, _ADD_IT, place)


def _upload_paths(
    context: Context, operation: Operation, responses: list[Any]
) -> Iterator[Problem]:
    """The URLs of an upload are texts in the examples of its first or last step."""
    upload = obj(operation.node.get("x-upload"))
    last = context.by_id.get(str(upload.get("finish")))
    ending = [*responses, *(_responses(context, last) if last else [])]
    for role, given in (("put", responses), ("address", ending)):
        if role not in upload:
            continue
        if not any(isinstance(_search(upload[role], response), str) for response in given):
            message = (
                f"no example has the `{upload[role]}` that x-upload of {operation} reads the "
                f"{role} from"
            )
            yield context.on(operation, "x-upload", message, _ADD_IT, [role])


def _states(context: Context, operation: Operation, responses: list[Any]) -> Iterator[Problem]:
    """The state of a task is in an example, and is a listed word wherever it is."""
    status = obj(operation.node.get("x-task-status"))
    if "state" not in status:
        return
    words = [seq(status.get(kind)) for kind in ("pending", "succeeded", "failed")]
    listed = [*itertools.chain(*words)]
    found = [_search(status["state"], response) for response in responses]
    states = [value for value in found if value is not None]
    if not states:
        message = (
            f"no example of the response of {operation} has the state that x-task-status reads"
        )
        yield context.on(operation, "x-task-status", message, _ADD_IT, ["state"])
    for value in states:
        if not any(same(value, word) for word in listed):
            message = (
                f"the state {value!r} of an example of {operation} is none that x-task-status lists"
            )
            fix = "list it under pending, succeeded or failed"
            yield context.on(operation, "x-task-status", message, fix, ["state"])


def _responses(context: Context, operation: Operation) -> list[Any]:
    """The examples of an operation's JSON responses."""
    found = [media for _, name, media in context.media(operation, "response") if is_json(name)]
    return [value for media in found for _, _, value in examples(context, media)]


def _search(path: Any, response: Any) -> Any:
    """What an extension's path finds in a response; None where it finds nothing or is malformed."""
    try:
        if isinstance(path, str):
            return jmespath.search(path, response)
        value = jmespath.search(str(obj(path).get("field")), response)
        if obj(path).get("encoding") == "json" and isinstance(value, str):
            value = json.loads(value)
        return jmespath.search(path["then"], value) if "then" in path else value
    except (ValueError, TypeError, JMESPathError):
        return None


def _in(path: list[str | int]) -> str:
    return f" at {'.'.join(map(str, path))}" if path else ""


def _owner(node: Node) -> str:
    if node.kind == "parameter":
        return f"the parameter `{obj(node.value).get('name')}`"
    top = node
    while top.above is not None:
        if top.kind == "operation":
            return f"`{obj(top.value).get('operationId')}` ({node.key})"
        top = top.above
    return f"`{top.key}` ({node.key})"
