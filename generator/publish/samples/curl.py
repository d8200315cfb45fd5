"""A call with curl, an option a line. Every value is quoted, so that the shell runs none of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from generator.document import Operation
from generator.emit.methods import Methods
from generator.source import obj, seq

from .request import File, Request

_LONG = 68
_KEY = "$AI302_API_KEY"


def source(methods: Methods, operation: Operation, request: Request, *, streams: bool) -> str:
    """The sample for an operation.

    Args:
        methods: How the document's operations are called.
        operation: The operation.
        request: What is sent.
        streams: Whether the response is shown as it comes.
    """
    data = list(body_options(request))
    verb = operation.method.upper()
    usual = "POST" if data else "GET"
    url = shlex.quote(_url(methods, operation, request))
    lines = [f"curl {url}" if verb == usual else f"curl -X {verb} {url}"]
    lines += _key_options(operation)
    lines += [f"-H {quoted(f'{name}: {text(v)}')}" for name, v in _headers(request, data).items()]
    lines += data
    if request.save_as:
        lines.append(f"-o {shlex.quote(request.save_as)}")
    if streams:
        lines.append("-N")
    return request.note + " \\\n  ".join(lines) + "\n"


def _url(methods: Methods, operation: Operation, request: Request) -> str:
    def value(match: re.Match[str]) -> str:
        has_segments, name = match.groups()  # `{+name}` may be several segments
        return quote(text(request.path[name]), safe="/" if has_segments else "")

    template = methods.plan.endpoints[operation.id].path
    url = methods.document.server + re.sub(r"{(\+?)([^{}]+)}", value, template)
    query = [pair for name, sent in request.query.items() for pair in _pairs(name, sent)]
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    values = value if isinstance(value, list) else [value]
    return [(name, text(one)) for one in values]


def _key_options(operation: Operation) -> Iterator[str]:
    """The headers of the first requirement, which have the API key from the environment."""
    document = operation.document
    schemes = document.components("securitySchemes")
    default = seq(document.node.get("security"))
    first = next(iter(seq(operation.node.get("security", default))), {})
    for name in obj(first):
        scheme = obj(schemes.get(name))
        if "name" in scheme:
            yield f'-H "{_in_double_quotes(scheme["name"])}: {_KEY}"'
        else:
            yield f'-H "Authorization: Bearer {_KEY}"'


def _headers(request: Request, data: list[str]) -> dict[str, Any]:
    headers = dict(request.header)
    if request.accept:
        headers["Accept"] = request.accept
    if data and request.media_type != "multipart/form-data":
        headers["Content-Type"] = request.media_type
    return headers


def body_options(request: Request) -> Iterator[str]:
    """The options for the body."""
    if request.media_type == "multipart/form-data":
        for name, value in request.body.items():
            for one in value if isinstance(value, list) else [value]:
                yield _form_option(name, one)
    elif "" in request.body:
        whole = request.body[""]
        if isinstance(whole, File):
            yield f"--data-binary {shlex.quote(f'@{whole.name}')}"
        else:
            yield f"-d {shlex.quote(whole)}"
    elif request.media_type:
        yield f"-d {shlex.quote(_json(request.body))}"


def _form_option(name: str, value: Any) -> str:
    if isinstance(value, File):
        return f"-F {shlex.quote(f'{name}=@{value.name}')}"
    # -F would read a file for @ and <, and options after a semicolon.
    sent = text(value)
    is_plain = sent[:1] not in ("@", "<") and ";" not in sent
    return f"{'-F' if is_plain else '--form-string'} {shlex.quote(f'{name}={sent}')}"


def _json(body: dict[str, Any]) -> str:
    short = json.dumps(body, ensure_ascii=False, default=_file_text)
    if len(short) < _LONG:
        return short
    return json.dumps(body, ensure_ascii=False, default=_file_text, indent=2).replace("\n", "\n  ")


def _file_text(file: File) -> str:
    return file.text


def text(value: Any) -> str:
    """A value as text in a URL, a header or a form."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def quoted(header: str) -> str:
    """A header in double quotes, as people write it, if that is the same to a shell."""
    header = re.sub(r"\s+", " ", header)
    return shlex.quote(header) if re.search(r'["$`\\!]', header) else f'"{header}"'


def _in_double_quotes(value: str) -> str:
    return re.sub(r'(["$`\\])', r"\\\1", value)
