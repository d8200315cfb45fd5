"""A Markdown page for a tag: each call with all its arguments, its models, and an example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.document.media import is_json
from generator.emit.docstrings import best_source, price_text
from generator.emit.methods import Methods
from generator.publish.markdown import code, inline, link, prose, text
from generator.publish.samples import curl
from generator.publish.samples.request import request
from generator.publish.site.descriptions import states, streaming, switched
from generator.runtime.behaviour import Success, Task, read
from generator.runtime.catalog import Limits, Model
from generator.source import obj, seq

from . import realtime
from .fields import Lists

_MOST_MODELS = 400
"""All are shown up to this number; of more, which any chat model is, the first."""
_FIRST_MODELS = 60
_LONGEST_TEXT = 60
_LONGEST_RESPONSE = 700
_HEAD = """# {title}

Host `{server}`, header `Authorization: Bearer $AI302_API_KEY` unless an example says otherwise. A
heading is the call's operationId. All calls: [llms.txt]({index}).
"""


def pages(methods: Methods, index: str = "llms.txt") -> dict[str, str]:
    """The page of each tag, by file name.

    Args:
        methods: How the document's operations are called.
        index: Where `llms.txt` is, as a link of the pages.
    """
    by_tag: dict[str, list[Operation]] = {}
    for operation in methods.document.operations:
        by_tag.setdefault(operation.tag, []).append(operation)
    return {f"{tag}.md": page(methods, calls, index) for tag, calls in by_tag.items()}


def page(methods: Methods, operations: list[Operation], index: str = "llms.txt") -> str:
    """The page of some operations of one tag."""
    first = operations[0]
    title = f"{tag_title(methods, first.tag)}: {tag_title(methods, first.section).lower()}"
    lists = Lists()
    parts = [_HEAD.format(title=title, server=methods.document.server, index=index)]
    parts += ["\n\n".join(_operation(methods, one, lists)) + "\n" for one in operations]
    parts += realtime.parts(methods, first.tag)
    parts += _types(lists)
    return "\n".join(parts)


def tag_title(methods: Methods, tag: str) -> str:
    """A tag's title, or its name."""
    return text(str(methods.document.tags.get(tag, {}).get("summary", tag)))


def _types(lists: Lists) -> Iterator[str]:
    """The named objects that the arguments are made of."""
    done: set[str] = set()
    if lists.named:
        yield "# Types of these arguments\n"
    while todo := [name for name in lists.named if name not in done]:
        for name in todo:
            done.add(name)
            schema = lists.named[name]
            lines = list(lists.fields(schema)) or [f"- {lists.about(schema)}"]
            about = inline(schema.description)
            yield "\n\n".join(filter(None, [f"## {name}", about, "\n".join(lines)])) + "\n"


# -- one call --------------------------------------------------------------------------------------


def _operation(methods: Methods, operation: Operation, lists: Lists) -> Iterator[str]:
    """The paragraphs of a call."""
    main = methods.of(operation)[0]
    call = f"{operation.method.upper()} {operation.path}"
    summary = text(str(operation.node["summary"]).rstrip("."))
    yield f"## {operation.id}"
    yield f"{summary}. {code(call)}, in Python {code(operation.dotted(main.name))}"
    if description := prose(str(operation.node.get("description") or "")):
        yield description
    if facts := [f"- {fact}" for fact in _facts(operation)]:
        yield "\n".join(facts)
    if arguments := "\n".join(_arguments(methods, operation, lists)).strip():
        yield arguments
    example = request(methods, operation, main.kind)
    source = curl.source(methods, operation, example, streams=main.kind == "_stream")
    yield f"```sh\n{source}```"
    if response := _response(operation):
        yield response


def _facts(operation: Operation) -> Iterator[str]:
    """What a program must know besides the arguments."""
    node = operation.node
    if operation.is_deprecated:
        new = operation.replacement
        yield f"Deprecated{f': use {reference(operation, new)}' if new else ''}."
    yield from _behavior(operation)
    if "x-price" in node:
        yield f"Price: {inline(price_text(node['x-price']))}"
    for part in obj(node.get("x-unknown")):
        yield f"The {text(part)} is not documented."
    if aliases := seq(node.get("x-aliases")):
        yield f"Also at {', '.join(map(code, aliases))}."
    if (shown := link("documentation", best_source(node))) != "documentation":
        yield f"See the {shown}."


def _behavior(operation: Operation) -> Iterator[str]:
    """How a task is followed, how a stream ends, and which 200 is a failure."""
    rule = read(operation.node)
    if rule.task:
        yield _task(operation, rule.task)
    if rule.status:
        yield f"Gets a task's status. {states(rule.status)}"
    if rule.stream:
        yield streaming(rule.stream)
    if rule.success:
        yield _success(rule.success)
    if rule.upload:
        yield f"An upload: what other calls take for the file is {code(rule.upload.address)}."


def reference(here: Operation, other: Operation) -> str:
    """A link from one call's section to another's."""
    page_ = "" if here.tag == other.tag else f"{other.tag}.md"
    return f"[{other.id}]({page_}#{other.id})"


def _task(operation: Operation, task: Task) -> str:
    fetch = operation.document.by_id[task.fetch]
    taken = ", ".join(f"{code(name)} is {code(path)}" for name, path in task.parameters.items())
    follow = f"poll {reference(operation, fetch)}, whose {taken} of the response"
    cancel = operation.document.by_id.get(str(task.cancel))
    end = f"; {reference(operation, cancel)} cancels it" if cancel else ""
    return f"Begins a task{switched(task.when)}: {follow}{end}."


def _success(success: Success) -> str:
    words = " or ".join(code(json.dumps(one, ensure_ascii=False)) for one in success.values)
    why = f"; the reason is at {code(success.message)}" if success.message else ""
    return f"A 200 is a failure if {code(success.field)} is there and is not {words}{why}."


# -- arguments -------------------------------------------------------------------------------------


def _arguments(methods: Methods, operation: Operation, lists: Lists) -> Iterator[str]:
    """The arguments, in the places where they go."""
    for parameter in operation.parameters:
        where, name = parameter.place, parameter.wire
        line, *inner = lists.field(name, parameter.schema, parameter.required, place=where)
        own = parameter.node.get("description")
        more = inline(str(own)) if own and "description" in parameter.schema.node else ""
        if own and not more and parameter.schema.description != own:
            more = inline(str(own))
        yield f"{line} {more}".rstrip()
        yield from inner
    yield from _body(methods, operation, lists)
    for field, models in methods.document.models_of(operation).items():
        yield from _models(field, [one for one in models if not one.deprecated])


def _body(methods: Methods, operation: Operation, lists: Lists) -> Iterator[str]:
    shown: dict[tuple[str, ...], str] = {}
    for media_type in operation.body.media_types if operation.body else ():
        assert operation.body is not None
        schema = operation.body.media[media_type].schema
        lines = tuple(lists.fields(schema)) or (f"- {lists.about(schema)}",)
        head = f"Body, {code(media_type)}"
        if lines in shown:
            yield f"\n{head}: the same fields as {code(shown[lines])}."
            continue
        shown[lines] = media_type
        yield f"\n{head}:\n"
        yield from lines
    yield from _forms(methods, operation)


def _forms(methods: Methods, operation: Operation) -> Iterator[str]:
    """Which fields go together, where forms of the body exclude each other."""
    shapes = methods.arguments(operation).body.shapes
    if not shapes:
        return
    yield "\nThe body has one of these forms:\n"
    for shape in shapes:
        needs = ", ".join(map(code, shape.required)) or "nothing"
        takes = ", ".join(map(code, shape.optional))
        yield f"- {text(shape.title)}: needs {needs}{f'; takes {takes}' if takes else ''}"


def _models(field: str, models: list[Model]) -> Iterator[str]:
    names = [f"{code(one.name)}{_limits(one.limits)}" for one in models if one.name]
    if not names:
        return
    shown = names if len(names) <= _MOST_MODELS else names[:_FIRST_MODELS]
    left = len(names) - len(shown)
    more = f", and {left} more, which the catalogue of models has" if left else ""
    yield f"\nModels that {code(field)} takes: {', '.join(shown)}{more}."


def _limits(limits: Limits) -> str:
    parts = [f"{code(name)} {_range(one)}" for name, one in limits.properties.items()]
    parts += [f"sizes {', '.join(limits.sizes)}"] if limits.sizes else []
    parts += [f"needs {', '.join(map(code, limits.required))}"] if limits.required else []
    parts += [f"not {', '.join(map(code, limits.unsupported))}"] if limits.unsupported else []
    return f" ({'; '.join(parts)})" if parts else ""


def _range(range_: Any) -> str:
    if "enum" in range_:
        return ", ".join(map(str, range_["enum"]))
    return " ".join(f"{key} {value}" for key, value in range_.items())


# -- response --------------------------------------------------------------------------------------


def _response(operation: Operation) -> str:
    """The example of the response, shortened, or what else it is."""
    media = operation.json_success
    if media is None:
        kinds = dict.fromkeys(one.type for one in operation.successes)
        return f"Response: {', '.join(map(code, kinds))}" if kinds else ""
    examples = operation.document.examples(media.node)
    if not examples:
        return ""
    for most, deepest in ((3, 9), (1, 9), (1, 4), (1, 3), (1, 2)):
        shown = json.dumps(shortened(examples[0], most, deepest), ensure_ascii=False)
        if len(shown) <= _LONGEST_RESPONSE:
            break
    others = [one.type for one in operation.successes if not is_json(one.type)]
    also = f" (or {', '.join(map(code, others))})" if others else ""
    return f"Response{also}, for example:\n\n```json\n{shown}\n```"


def shortened(value: Any, most: int, deepest: int) -> Any:
    """An example with long texts cut, lists of their first items, and nothing below a depth."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…"
    if isinstance(value, dict):
        inner = value if deepest else {}
        return {key: shortened(one, most, deepest - 1) for key, one in inner.items()}
    if isinstance(value, list):
        return [shortened(one, most, deepest - 1) for one in value[: most if deepest else 0]]
    return value
