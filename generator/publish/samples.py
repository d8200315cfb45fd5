"""Code samples for the reference: each call in Python with api302 and with curl, as `x-codeSamples`, which Redoc and Scalar show.

Both are made of one and the same example request, so that they send the same.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from generator.build import BuildError
from generator.document import Document, Operation
from generator.emit.arguments import Argument
from generator.emit.methods import Method, Methods
from generator.source import obj

WIDTH = 88
_LABELS = {
    "_submit": "api302, as a task",
    "_stream": "api302, streaming",
    "_upload": "api302, all steps in one call",
}
_UNDOCUMENTED = "# Which fields this call takes is not documented.\n"
_ENDINGS = {"x-wav": "wav", "mpeg": "mp3", "jpeg": "jpg", "svg+xml": "svg", "gltf-binary": "glb"}
_FILES = {
    "images": "image.png",
    "image_processing": "image.png",
    "videos": "video.mp4",
    "audio": "speech.mp3",
}
"""The sections whose calls take and make files, and what one is called in a sample."""
_FILE_NAME = re.compile(r"[\w-]+\.\w{2,5}")
_FILE_ADDRESS = re.compile(r"https?://[^/]+/\S+\.\w{2,5}")
_ANSWERS = {
    "openai_chat": "choices[0].message.content",
    "openai_responses": "output[-1].content[0].text",
    "anthropic_messages": "content[0].text",
    "gemini": "candidates[0].content.parts[0].text",
}
"""Where the text is in a reply whose events add up in one of the ways that `x-stream` knows."""


def samples(document: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """By operationId its `x-codeSamples`: Python, Shell, and Python again for each other way of calling it."""
    writer = _Writer(document)
    made = {
        operation.id: list(writer.samples(operation))
        for operation in writer.methods.document.operations
    }
    python = [
        sample for several in made.values() for sample in several if sample["lang"] == "Python"
    ]
    for sample, source in zip(
        python, _formatted([sample["source"] for sample in python]), strict=True
    ):
        sample["source"] = source
    return made


def _formatted(sources: list[str]) -> list[str]:
    """Python as ruff formats it, all in one run."""
    mark = "# --- sample ---\n"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--no-cache",
        "--quiet",
        f"--line-length={WIDTH}",
        "-",
    ]
    done = subprocess.run(
        command,
        input=mark + mark.join(sources),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BuildError(f"ruff cannot format the samples:\n{done.stderr}")
    return [source.strip() + "\n" for source in done.stdout.split(mark)[1:]]


@dataclass
class File:
    """A file in a request: shown in Python as a path, in JSON as the text that stands for it."""

    name: str
    text: str = ""

    def __repr__(self) -> str:
        return f"Path({self.name!r})"


@dataclass
class Given:
    """What a call sends, by place and name on the wire."""

    media_type: str = ""
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    accept: str = ""
    """What is asked for, where a file is one of several answers."""
    saved: str = ""
    """A name for the file that is the answer."""


class _Writer:
    """Writes the samples of a document's operations."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.methods = Methods.of_document(Document(document))
        self.classes = self.methods.plan.classes

    def samples(self, operation: Operation) -> Iterator[dict[str, str]]:
        """The samples of an operation, Python not yet formatted."""
        main, *twins = self.methods.of(operation)
        given = self.given(operation, main)
        first = next((twin for twin in twins if twin.kind == "_iterate"), main)
        yield {"lang": "Python", "label": "api302", "source": self.python(operation, first, given)}
        yield {"lang": "Shell", "label": "curl", "source": self.curl(operation, main, given)}
        for twin in twins:
            if twin.kind in _LABELS:
                yield {
                    "lang": "Python",
                    "label": _LABELS[twin.kind],
                    "source": self.python(operation, twin, given),
                }

    def given(self, operation: Operation, method: Method) -> Given:
        """The operation's first example, and what else it needs."""
        content = operation.node
        arguments, body = self.methods.arguments(operation)
        media_type, example = operation.example()
        given = Given(
            media_type,
            body=example if isinstance(example, dict) else {"": example} if example else {},
        )
        if body.is_unknown and media_type and not example:
            given.body, given.note = {"field": "value"}, _UNDOCUMENTED
        for argument in arguments:
            if argument.place == "body" and argument.wire in given.body:
                given.body[argument.wire] = _with_files(
                    given.body[argument.wire], argument, operation
                )
            elif argument.place == "body" and argument.required:
                given.body[argument.wire] = _placeholder(argument, operation)
        self._give_parameters(operation, given)
        for switch in [
            content[name]["when"]
            for name in ("x-task", "x-stream")
            if "when" in obj(content.get(name))
        ]:
            values = getattr(given, switch["in"])
            values.pop(switch["name"], None)
            if method.kind == "_stream":
                values[switch["name"]] = switch["value"]
        replies = self.methods.replies(operation)
        files = [media for media in replies if replies[media] == "bytes"]
        if files and "x-task-status" not in content:  # a task's file comes unasked
            kind, _, ending = files[0].partition("/")
            given.saved = f"{'speech' if kind == 'audio' else kind}.{_ENDINGS.get(ending, ending)}"
            given.accept = files[0] if len(files) < len(replies) else ""
        return given

    def _give_parameters(self, operation: Operation, given: Given) -> None:
        """Add the required parameters; where nothing is required, one is shown."""
        page = obj(operation.node.get("x-pages")).get("parameter")
        alone = not given.media_type and not any(
            parameter.required for parameter in operation.parameters
        )
        for parameter in operation.parameters:
            name, values = parameter.wire, getattr(given, parameter.place)
            # `q` is the question of a search engine, some of whose searches do without.
            if parameter.required or name == "q" or (alone and not values and name != page):
                values.update(
                    (name, value) for value in self.methods.document.examples(parameter.node)[:1]
                )

    # --- Python ---------------------------------------------------------------------------------------------------------------------------

    def python(self, operation: Operation, method: Method, given: Given) -> str:
        """The call with api302, and what one does next; not formatted."""
        passed: dict[str, Any] = {}
        for argument in method.arguments:
            if argument.place == "file":  # an upload's, which may be told its name as well
                said = (
                    value
                    for value in given.body.values()
                    if isinstance(value, str) and _FILE_NAME.fullmatch(value)
                )
                passed[argument.name] = File(next(said, "image.png"))
            elif argument.wire in (values := getattr(given, argument.place)):
                passed[argument.name] = values[argument.wire]
        named = {
            argument.wire
            for argument in self.methods.arguments(operation)[0]
            if argument.place == "body"
        }
        if more := {name: value for name, value in given.body.items() if name not in named}:
            passed["extra_body"] = more
        if given.accept and method.kind == "_call":
            passed["accept"] = given.accept
        texts = [f"{name}={value!r}" for name, value in passed.items()]
        call = f"{operation.dotted(method.name)}({', '.join(texts)})"
        if len(f"with {call} as stream:") > WIDTH and len(texts) > 1:
            call = f"{call[:-1]},)"  # which makes the formatter give each argument its line
        lines = ["from pathlib import Path\n"] if "=Path(" in call or "=[Path(" in call else []
        lines += ["from api302 import Client\n", "client = Client()  # reads AI302_API_KEY"]
        return "\n".join([*lines, given.note + self._steps(operation, method, given, call)]) + "\n"

    def _steps(self, operation: Operation, method: Method, given: Given, call: str) -> str:
        """The call, and what one does next."""
        content = operation.node
        if method.kind == "_submit":
            status = obj(
                self.methods.document.by_id[content["x-task"]["fetch"]].node.get("x-task-status")
            )
            has_files = (
                status.keys() & {"outputs", "result"} and "response" not in status
            ) or "binary" in obj(status.get("done"))
            then = (
                "for output in done.outputs:\n    print(output.save())"
                if has_files
                else "print(done.reply)"
            )
            return f"task = {call}\ndone = task.wait()\n{then}"
        if method.kind == "_stream":
            has_text = "text" in content["x-stream"]
            loop = (
                'for text in stream.text:\n        print(text, end="")'
                if has_text
                else "for event in stream:\n        print(event)"
            )
            return f"with {call} as stream:\n    {loop}"
        if method.kind == "_iterate":
            return f"for item in {call}:\n    print(item)"
        if method.kind == "_upload":
            return f"uploaded = {call}\nprint(uploaded.url)"
        if given.saved:
            return f"reply = {call}\nreply.save({given.saved!r})"
        return f"reply = {call}\nprint({self._wanted(operation)})"

    def _wanted(self, operation: Operation) -> str:
        """The part of a reply that the call is made for: a model's answer, or the address of a file; else the whole reply."""
        content = operation.node
        if answer := _ANSWERS.get(obj(content.get("x-stream")).get("accumulate", "")):
            return f"reply.{answer}"
        if operation.section not in _FILES or operation.method != "post":
            return "reply"
        media = operation.json_success
        shown = self.methods.document.examples(media.node)[:1] if media else []
        replies = self.methods.replies(operation)
        todo = deque(("reply", replies[media.type], value) for value in shown if media)
        while todo:
            expression, type_, value = todo.popleft()
            names = [name for name in re.findall(r"\w+", type_) if name in self.classes]
            if isinstance(value, str) and _FILE_ADDRESS.match(value):
                return expression
            if isinstance(value, list) and value and "list[" in type_:
                todo.append((f"{expression}[0]", type_.replace("list[", "", 1), value[0]))
            elif isinstance(value, dict) and len(names) == 1 and "list[" not in type_:
                fields = [one for one in self.classes[names[0]].fields if one.wire in value]
                todo.extend(
                    (f"{expression}.{one.name}", one.type, value[one.wire]) for one in fields
                )
        return "reply"

    # --- curl -----------------------------------------------------------------------------------------------------------------------------

    def curl(self, operation: Operation, method: Method, given: Given) -> str:
        """The call with curl, an option a line."""
        template = self.methods.plan.endpoints[
            operation.id
        ].path  # `{+name}` may be several segments
        path = re.sub(
            r"{(\+?)([^{}]+)}",
            lambda name: quote(_text(given.path[name[2]]), safe="/" if name[1] else ""),
            template,
        )
        query = [
            (name, _text(one))
            for name, value in given.query.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        url = f"{self.document['servers'][0]['url']}{path}" + (
            f"?{urlencode(query, quote_via=quote)}" if query else ""
        )
        data = list(_data(given))
        verb = (
            ""
            if operation.method == ("post" if data else "get")
            else f"-X {operation.method.upper()} "
        )
        schemes = self.document["components"]["securitySchemes"]
        keys = [
            schemes[name]
            for needed in operation.node.get("security", self.document.get("security", []))[:1]
            for name in needed
        ]
        headers = {
            key.get("name", "Authorization"): "$AI302_API_KEY"
            if "name" in key
            else "Bearer $AI302_API_KEY"
            for key in keys
        }
        headers |= {name: _text(value) for name, value in given.header.items()}
        headers |= {"Accept": given.accept} if given.accept else {}
        headers |= (
            {"Content-Type": given.media_type}
            if data and given.media_type != "multipart/form-data"
            else {}
        )
        lines = [
            f"curl {verb}{shlex.quote(url)}",
            *(f'-H "{name}: {value}"' for name, value in headers.items()),
            *data,
        ]
        lines += [f"-o {given.saved}"] if given.saved else []
        lines += ["-N"] if method.kind == "_stream" else []
        return given.note + " \\\n  ".join(lines) + "\n"


def _data(given: Given) -> Iterator[str]:
    """curl's options for the body."""
    if given.media_type == "multipart/form-data":
        for name, value in given.body.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, File):
                    yield f"-F {shlex.quote(f'{name}=@{one.name}')}"
                else:  # -F would read a file for @ and <, and options after a semicolon
                    text = _text(one)
                    option = "--form-string" if text[:1] in ("@", "<") or ";" in text else "-F"
                    yield f"{option} {shlex.quote(f'{name}={text}')}"
    elif "" in given.body:
        whole = given.body[""]
        yield (
            f"--data-binary @{whole.name}"
            if isinstance(whole, File)
            else f"-d {shlex.quote(whole)}"
        )
    elif given.media_type:
        short = json.dumps(given.body, ensure_ascii=False, default=lambda file: file.text)
        long = json.dumps(given.body, ensure_ascii=False, default=lambda file: file.text, indent=2)
        yield f"-d {shlex.quote(short if len(short) < WIDTH - 20 else long.replace(chr(10), chr(10) + '  '))}"


def _text(value: Any) -> str:
    """A value as text in an address, a header or a form."""
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    )


def _with_files(value: Any, argument: Argument, operation: Operation) -> Any:
    """The value with a file for each text that stands for one: a file's name, or its content."""
    if isinstance(value, list):
        return [_with_files(item, argument, operation) for item in value]
    if (
        not set(argument.files) - {"url"}
        or not isinstance(value, str)
        or re.match("https?://", value)
    ):
        return value
    if _FILE_NAME.fullmatch(value):
        return File(value, value)
    kind = re.match(r"data:(\w+)/([\w.+-]+)", value)
    return File(
        f"{kind[1]}.{_ENDINGS.get(kind[2], kind[2])}"
        if kind
        else _FILES.get(operation.section, "document.pdf"),
        value,
    )


def _placeholder(argument: Argument, operation: Operation) -> Any:
    """A value for a required argument that no example shows."""
    if argument.files:
        file = File(_FILES.get(operation.section, "document.pdf"))
        return file if "FileInput" in argument.annotation.parts else [file]
    if argument.annotation.values:
        return ast.literal_eval(argument.annotation.values[0])
    return 1 if "int" in argument.annotation.parts else "..."
