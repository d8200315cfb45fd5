"""The example request that the samples of an operation send."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from generator.document import Operation
from generator.emit.arguments import Argument, Arguments
from generator.emit.methods import Methods
from generator.runtime.behaviour import Switch, read

Values = dict[str, Any]

SECTIONS_WITH_FILES = {
    "images": "image.png",
    "image_processing": "image.png",
    "videos": "video.mp4",
    "audio": "speech.mp3",
}
"""The sections whose calls take and make files, and what such a file is called in a sample."""
FILE_NAME = re.compile(r"[\w-]+\.\w{2,5}")
_OTHER_FILE = "document.pdf"
_ENDINGS = {"x-wav": "wav", "mpeg": "mp3", "jpeg": "jpg", "svg+xml": "svg", "gltf-binary": "glb"}
_NOT_DOCUMENTED = "# Which fields this call takes is not documented.\n"


@dataclass
class File:
    """A file in a request: shown in Python as a path, in JSON as the text that stands for it."""

    name: str
    text: str = ""

    def __repr__(self) -> str:
        return f"Path({self.name!r})"


@dataclass
class Request:
    """What a call sends, by place and name on the wire."""

    media_type: str = ""
    path: Values = field(default_factory=dict)
    query: Values = field(default_factory=dict)
    header: Values = field(default_factory=dict)
    body: Values = field(default_factory=dict)
    note: str = ""
    """A comment above the call."""
    accept: str = ""
    """The media type to ask for, where a file is one of several responses."""
    save_as: str = ""
    """A name for the file that is the response."""

    def at(self, place: str) -> Values:
        """What is sent in a place: `path`, `query`, `header` or `body`."""
        return {"path": self.path, "query": self.query, "header": self.header}.get(place, self.body)


def request(methods: Methods, operation: Operation, kind: str) -> Request:
    """The operation's first example, and what else a call of this kind needs."""
    arguments = methods.arguments(operation)
    made = _with_body(operation, arguments)
    _add_parameters(methods, operation, made)
    for switch in _switches(operation):
        made.at(switch.place).pop(switch.name, None)
        if kind == "_stream":
            made.at(switch.place)[switch.name] = switch.value
    _expect_file(methods, operation, made)
    return made


def _with_body(operation: Operation, arguments: Arguments) -> Request:
    media_type, example = operation.example()
    if arguments.body.is_unknown and media_type and not example:
        return Request(media_type, body={"field": "value"}, note=_NOT_DOCUMENTED)
    if example and not isinstance(example, dict):
        example = {"": example}
    body = example or {}
    for argument in arguments.body.fields:
        if argument.wire in body:
            body[argument.wire] = _with_files(body[argument.wire], argument, operation)
        elif argument.required:
            body[argument.wire] = _placeholder(argument, operation)
    return Request(media_type, body=body)


def _with_files(value: Any, argument: Argument, operation: Operation) -> Any:
    """The value with a file for each text that stands for one: a file's name, or its content."""
    if isinstance(value, list):
        return [_with_files(item, argument, operation) for item in value]
    takes_files = set(argument.files) - {"url"}
    if not takes_files or not isinstance(value, str) or re.match("https?://", value):
        return value
    if FILE_NAME.fullmatch(value):
        return File(value, value)
    data_url = re.match(r"data:(\w+)/([\w.+-]+)", value)
    if data_url:
        kind, ending = data_url.groups()
        return File(_saved_name(kind, ending), value)
    return File(_file_name(operation), value)


def _file_name(operation: Operation) -> str:
    return SECTIONS_WITH_FILES.get(operation.section, _OTHER_FILE)


def _placeholder(argument: Argument, operation: Operation) -> Any:
    """A value for a required argument that no example shows."""
    if argument.files:
        file = File(_file_name(operation))
        return file if "FileInput" in argument.annotation.parts else [file]
    if argument.annotation.values:
        return ast.literal_eval(argument.annotation.values[0])
    return 1 if "int" in argument.annotation.parts else "..."


def _add_parameters(methods: Methods, operation: Operation, made: Request) -> None:
    """Add the required parameters; where nothing is required, one is shown."""
    required = [parameter for parameter in operation.parameters if parameter.required]
    needs_nothing = not made.media_type and not required
    moving = _moving(operation)
    for parameter in operation.parameters:
        name, values = parameter.wire, made.at(parameter.place)
        is_first = needs_nothing and not values and name not in moving
        # `q` is the question of a search engine, some of whose searches do without.
        if parameter in required or name == "q" or is_first:
            for example in methods.document.examples(parameter.node)[:1]:
                values[name] = example


def _moving(operation: Operation) -> tuple[str, ...]:
    """The parameters that lead from page to page, which an iterator sets itself."""
    pages = read(operation.node).pages
    return pages.moving if pages else ()


def _switches(operation: Operation) -> Iterator[Switch]:
    """The fields that make the call a task or a stream."""
    rule = read(operation.node)
    for behaviour in (rule.task, rule.stream):
        if behaviour and behaviour.when:
            yield behaviour.when


def _expect_file(methods: Methods, operation: Operation, made: Request) -> None:
    """Note the file that the call responds with. A task's file comes without being asked for."""
    responses = methods.responses(operation)
    files = [media_type for media_type, type_ in responses.items() if type_ == "bytes"]
    if not files or read(operation.node).status:
        return
    kind, _, ending = files[0].partition("/")
    made.save_as = _saved_name("speech" if kind == "audio" else kind, ending)
    if len(files) < len(responses):
        made.accept = files[0]


def _saved_name(kind: str, ending: str) -> str:
    """A file's name of the two parts of a media type, whatever they hold."""
    return ".".join(
        re.sub(r"[^\w-]+", "", part) or "file" for part in (kind, _ENDINGS.get(ending, ending))
    )
