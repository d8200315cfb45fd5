"""A request as curl and as Python, without sending it. The key stays a variable of the shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from api302 import Call as Request
from api302._json import is_array, is_object, is_tuple

from .arguments import arguments
from .options import Chosen
from .tree import Call, shortcuts

_LONGEST = 400
"""Characters of a text that are shown; longer ones are files."""


class _Held(Exception):
    """The request, which is not sent."""

    def __init__(self, request: Request) -> None:
        self.request = request


def hold(request: Request, following: Any) -> Any:
    """Middleware that keeps a request from being sent."""
    raise _Held(request)


def held(make: Callable[[], Any]) -> Request:
    """The request that a call would send first, by a client with `hold`."""
    try:
        result = make()
        for _ in result:
            break
    except _Held as caught:
        return caught.request
    raise AssertionError("the call sends nothing")


# --- curl -----------------------------------------------------------------------------------------


def curl(request: Request) -> str:
    """The request as a command of curl."""
    query = urlencode(dict(request.query), doseq=True)
    url = shlex.quote(f"{request.url}{'?' if query else ''}{query}")
    lines = [f"curl -X {request.method} {url}"] if request.method != "GET" else [f"curl {url}"]
    for name, value in request.headers.items():
        if "[key]" in repr(value):
            shown = "Bearer $AI302_API_KEY" if name == "authorization" else "$AI302_API_KEY"
            lines.append(f'-H "{name}: {shown}"')
        elif name != "accept":
            lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
    return " \\\n  ".join([*lines, *_body(request)])


def _body(request: Request) -> Iterator[str]:
    parts = request.kwargs.get("files")
    if parts:
        yield from _form(request, parts)
    elif request.json is not None:
        yield "-H 'content-type: application/json'"
        yield f"-d {shlex.quote(json.dumps(_short(request.json), ensure_ascii=False))}"
    elif content := request.kwargs.get("content") or request.kwargs.get("data"):
        yield f"--data-binary {shlex.quote(_short(_text(content)))}"


def _form(request: Request, parts: Any) -> Iterator[str]:
    paths = {wire: _paths(value) for wire, value in request.values.items()}
    for wire, part in parts:
        if is_tuple(part) and part[0] is None:
            yield f"--form-string {shlex.quote(f'{wire}={_text(part[1])}')}"
        else:
            left = paths.get(wire) or [str(getattr(part, "name", "file"))]
            yield f"-F {shlex.quote(f'{wire}=@{left.pop(0)}')}"


def _paths(value: Any) -> list[str]:
    return [
        str(one) for one in (value if is_array(value) else [value]) if hasattr(one, "__fspath__")
    ]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _short(value: Any) -> Any:
    """A value without the long texts that files become."""
    if is_object(value):
        return {name: _short(inner) for name, inner in value.items()}
    if is_array(value):
        return [_short(inner) for inner in value]
    if isinstance(value, str) and len(value) > _LONGEST and " " not in value[:_LONGEST]:
        return f"{value[:40]}… ({len(value)} characters)"
    return value


# --- Python ---------------------------------------------------------------------------------------


def python(call: Call, given: Mapping[str, Any], more: Mapping[str, Any], chosen: Chosen) -> str:
    """The call as a program."""
    files = {one.name for one in arguments(call) if one.is_file}
    shown = {name: _literal(value, name in files) for name, value in given.items()}
    if more:
        shown["extra_body"] = _literal(dict(more), False)
    kinds = set(call.data["forms"].values())
    is_task = kinds == {"task"} or (not chosen.wait and "task" in kinds)
    method = f"client.{_method(call, kinds, chosen)}"
    imports = (
        ["from pathlib import Path", ""] if any("Path(" in one for one in shown.values()) else []
    )
    body = "".join(f"    {name}={value},\n" for name, value in shown.items())
    arguments_ = f"(\n{body})" if body else "()"
    return "\n".join(
        [
            *imports,
            "from api302 import Client",
            "",
            "client = Client()  # reads AI302_API_KEY",
            *_use(f"{method}{arguments_}", kinds, is_task, chosen),
        ]
    )


def _prefix(kinds: set[str], chosen: Chosen) -> str:
    """How the method of a form begins that is not the plain one of its call."""
    if chosen.stream and "stream" in kinds:
        return "stream"
    if not chosen.wait and {"call", "task"} <= kinds:
        return "submit"
    return "iter" if chosen.all and "pages" in kinds else ""


def _method(call: Call, kinds: set[str], chosen: Chosen) -> str:
    places = {one: place for place, one in shortcuts().items()}
    place = places.get(call.id, call.place) if call.name in call.id else call.place
    groups, _, name = place.rpartition(".")
    prefix = _prefix(kinds, chosen)
    twin = prefix if name == "create" else f"{prefix}_{name}"
    return f"{groups}.{twin if prefix else name}"


def _use(call: str, kinds: set[str], is_task: bool, chosen: Chosen) -> Iterator[str]:
    if kinds == {"stream"} or (chosen.stream and "stream" in kinds):
        yield f"with {call} as stream:"
        yield "    for text in stream.text:"
        yield '        print(text, end="", flush=True)'
    elif is_task:
        yield f"task = {call}"
        if not chosen.wait:
            yield "print(task.to_dict())"
            return
        yield "result = task.wait()"
        yield f"result.outputs[0].save({_quoted(chosen.save or '.')})"
    elif chosen.all and "pages" in kinds:
        yield f"for item in {call}:"
        yield "    print(item)"
    else:
        yield f"response = {call}"
        yield "print(response)"


def _literal(value: Any, is_file: bool) -> str:
    """A value as Python has it."""
    if is_array(value):
        return f"[{', '.join(_literal(one, is_file) for one in value)}]"
    if is_object(value):
        pairs = (f"{_quoted(name)}: {_literal(inner, False)}" for name, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, tuple):
        return 'Path("/dev/stdin").read_bytes()'
    if isinstance(value, str):
        is_path = is_file and "://" not in value and Path(value).expanduser().exists()
        return f"Path({_quoted(value)})" if is_path else _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    """A text in double quotes, as JSON and Python have it alike."""
    return json.dumps(text, ensure_ascii=False)
