"""A call in Python with api302, and what one does next."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from generator.document import Operation
from generator.emit.methods import Method, Methods
from generator.emit.response_types import Field
from generator.runtime.behaviour import read
from generator.source import obj

from .request import FILE_NAME, SECTIONS_WITH_FILES, File, Request

_LONG = 88
_FILE_URL = re.compile(r"https?://[^/]+/\S+\.\w{2,5}")
_TEXTS = {
    "openai_chat": "choices[0].message.content",
    "openai_responses": "output[-1].content[0].text",
    "anthropic_messages": "content[0].text",
    "gemini": "candidates[0].content.parts[0].text",
}
"""Where the text is in a response whose events accumulate in a way that `x-stream` knows."""


class Writer:
    """Writes the samples of one operation, not yet formatted.

    Every value of the example stands in them as a Python literal, so that no text becomes code.
    """

    def __init__(self, methods: Methods, operation: Operation, request: Request) -> None:
        self.methods = methods
        self.operation = operation
        self.request = request
        self.rule = read(operation.node)

    def source(self, method: Method) -> str:
        """The sample for one of the operation's methods."""
        call = self._call(method)
        needs_path = "=Path(" in call or "=[Path(" in call
        lines = ["from pathlib import Path\n"] if needs_path else []
        lines += ["from api302 import Client\n", "client = Client()  # reads AI302_API_KEY"]
        return "\n".join([*lines, self.request.note + self._steps(method, call)]) + "\n"

    def _call(self, method: Method) -> str:
        values = dict(self._arguments(method))
        named = {one.wire for one in self.methods.arguments(self.operation).body.fields}
        if more := {name: v for name, v in self.request.body.items() if name not in named}:
            values["extra_body"] = more
        if self.request.accept and method.kind == "_call":
            values["accept"] = self.request.accept
        texts = [f"{name}={value!r}" for name, value in values.items()]
        call = f"{self.operation.dotted(method.name)}({', '.join(texts)})"
        if len(f"with {call} as stream:") > _LONG and len(texts) > 1:
            return f"{call[:-1]},)"  # which makes the formatter give each argument its line
        return call

    def _arguments(self, method: Method) -> Iterator[tuple[str, Any]]:
        for argument in method.arguments:
            if argument.place == "file":
                yield argument.name, self._uploaded_file()
            elif argument.wire in (values := self.request.at(argument.place)):
                yield argument.name, values[argument.wire]

    def _uploaded_file(self) -> File:
        """The file of an upload, whose name may be among the fields."""
        texts = [value for value in self.request.body.values() if isinstance(value, str)]
        return File(next(filter(FILE_NAME.fullmatch, texts), "image.png"))

    def _steps(self, method: Method, call: str) -> str:
        """The call, and what one does next."""
        if method.kind == "_submit":
            return self._task(call)
        if method.kind == "_stream":
            return self._stream(call)
        if method.kind == "_iterate":
            return f"for item in {call}:\n    print(item)"
        if method.kind == "_upload":
            return f"uploaded = {call}\nprint(uploaded.url)"
        if self.request.save_as:
            return f"response = {call}\nresponse.save({self.request.save_as!r})"
        return f"response = {call}\nprint({self._wanted()})"

    def _task(self, call: str) -> str:
        then = "print(done.response)"
        if self._gives_files():
            then = "for output in done.outputs:\n    print(output.save())"
        return f"task = {call}\ndone = task.wait()\n{then}"

    def _gives_files(self) -> bool:
        assert self.rule.task is not None
        fetch = self.methods.document.by_id[self.rule.task.fetch]
        status = read(fetch.node).status
        if status is None:
            return False
        end = self._end(fetch, self.rule.task.example)
        if end is not None:
            return bool(status.read(end).outputs)
        has_urls = bool(status.outputs or status.result) and status.response is None
        return has_urls or status.done_is_file

    def _end(self, fetch: Operation, name: str | None) -> Any:
        """The example that shows how the task ends, where it has one of its own."""
        media = fetch.json_success
        shown = obj(media.node.get("examples")) if media is not None else {}
        return obj(shown.get(name)).get("value") if name is not None else None

    def _stream(self, call: str) -> str:
        if self.rule.stream and self.rule.stream.text:
            return (
                f'with {call} as stream:\n    for text in stream.text:\n        print(text, end="")'
            )
        return f"with {call} as stream:\n    for event in stream:\n        print(event)"

    def _wanted(self) -> str:
        """The part of a response that the call is made for: a model's text, or a file's URL."""
        if self.rule.stream and self.rule.stream.accumulate in _TEXTS:
            return f"response.{_TEXTS[self.rule.stream.accumulate]}"
        if self.operation.section in SECTIONS_WITH_FILES and self.operation.method == "post":
            return self._file_url() or "response"
        return "response"

    def _file_url(self) -> str | None:
        """The expression for the first file's URL in the example of the response."""
        media = self.operation.json_success
        if media is None:
            return None
        type_ = self.methods.responses(self.operation)[media.type]
        examples = self.methods.document.examples(media.node)
        todo = deque(("response", type_, value) for value in examples[:1])
        while todo:
            expression, type_, value = todo.popleft()
            if isinstance(value, str) and _FILE_URL.match(value):
                return expression
            todo += self._inside(expression, type_, value)
        return None

    def _inside(self, expression: str, type_: str, value: Any) -> Iterator[tuple[str, str, Any]]:
        """The parts of a value that the client has names for: expression, type and value."""
        if "list[" in type_:
            if isinstance(value, list) and value:
                yield f"{expression}[0]", type_.replace("list[", "", 1), value[0]
            return
        for field in self._fields(type_):
            if isinstance(value, dict) and field.wire in value:
                yield f"{expression}.{field.name}", field.type, value[field.wire]

    def _fields(self, type_: str) -> list[Field]:
        """The fields of the one class that a type names."""
        classes = self.methods.plan.classes
        names = [name for name in re.findall(r"\w+", type_) if name in classes]
        return classes[names[0]].fields if len(names) == 1 else []
