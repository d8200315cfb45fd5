"""Holds a request against its operation: key, parameters, body.

What is refused is named by its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, cast

import jsonschema_rs
from starlette.datastructures import UploadFile
from starlette.requests import Request

from api302_client.media import essence, is_json
from api302_mock import files, models
from api302_mock.body import MULTIPART, URLENCODED, parse_json, read_bytes, read_form
from api302_mock.call import Call
from api302_mock.document import BRANCHES, Document, Operation
from api302_mock.errors import Refused
from api302_mock.keys import Keys
from api302_mock.wire import encoded

FILE_PART = "(file)"
"""Stands in the body for a file part of a form."""
# Header parameters of these names mean nothing in OpenAPI.
_NOT_PARAMETERS = {"accept", "content-type", "authorization"}
_MiB = 1 << 20
_LONGEST = 300
"""Characters of a message; longer ones are cut in the middle."""


async def check(
    document: Document,
    keys: Keys,
    operation: Operation,
    request: Request,
    path: dict[str, str],
    *,
    strict: bool,
) -> Call:
    """Validate a request. The caller closes the call's files.

    Raises:
        Refused: 401 for the API key, 413 or 415 for the body's size or media type, 422 for a
            parameter or field, 400 for a body that cannot be read.
        ClientDisconnect: The client went away.
    """
    keys.check(operation.security, request)
    call = Call(operation)
    _Parameters(document, call, request, path).check()
    if strict:
        _refuse_unknown(call, request, keys)
    try:
        if operation.body is not None:
            await _Body(document, call, request, operation.body, strict).check()
        models.refuse(call, strict=strict)
    except BaseException:
        call.close()
        raise
    return call


def _refuse_unknown(call: Call, request: Request, keys: Keys) -> None:
    declared = {one["name"] for one in call.operation.parameters if one["in"] == "query"}
    unknown = sorted(set(request.query_params) - declared - keys.query_names)
    if unknown:
        raise Refused(422, f"query parameter `{unknown[0]}`: the operation has none of that name.")


class _Parameters:
    """The parameters of one request."""

    def __init__(
        self, document: Document, call: Call, request: Request, path: dict[str, str]
    ) -> None:
        self._document = document
        self._call = call
        self._request = request
        self._path = path

    def check(self) -> None:
        """Put the values of all parameters into the call."""
        for parameter in self._call.operation.parameters:
            if parameter["in"] != "header" or parameter["name"].lower() not in _NOT_PARAMETERS:
                self._check(parameter)

    def _check(self, parameter: dict[str, Any]) -> None:
        name, place = parameter["name"], parameter["in"]
        where = f"{place} parameter `{name}`"
        given = self._given(name, place)
        if not given:
            if parameter.get("required"):
                raise Refused(422, f"{where}: it is required.")
            return
        split = [part.strip() for part in given[0].split(",")] if _is_one_text(parameter) else None
        value = coerced(self._document, parameter.get("schema", True), given, where, split)
        places = {"path": self._call.path, "query": self._call.query}
        places.get(place, self._call.headers)[name] = value

    def _given(self, name: str, place: str) -> list[str]:
        if place == "path":
            return [self._path[name]]
        if place == "query":
            return self._request.query_params.getlist(name)
        if place == "header":
            return self._request.headers.getlist(name)
        return [self._request.cookies[name]] if name in self._request.cookies else []


def _is_one_text(parameter: dict[str, Any]) -> bool:
    """Whether a list goes as one text with commas."""
    if parameter["in"] == "header":
        return True
    return not parameter.get("explode", parameter.get("style", "form") == "form")


def coerced(
    document: Document, schema: Any, given: list[str], where: str, split: list[str] | None = None
) -> Any:
    """Text from the wire as the value that the schema means: the first reading that is valid.

    Raises:
        Refused: No reading is.
    """
    readings = list(_readings(given, split))
    for value in readings:
        if document.is_valid(schema, value):
            return value
    # Say what is wrong with the reading that came furthest: `100` is above the maximum, rather
    # than "100" is not an integer.
    errors = [error for value in readings if (error := document.first_error(schema, value))]
    furthest = [error for error in errors if list(error.schema_path)[-1:] != ["type"]]
    usual = errors[0 if len(given) == 1 else -1]
    raise Refused(422, _message(furthest[0] if furthest else usual, where))


def _readings(given: list[str], split: list[str] | None) -> Iterator[Any]:
    parsed = [_parsed(text) for text in given]
    if len(given) == 1:
        yield given[0]
        if parsed[0] is not given[0]:
            yield parsed[0]
    if split is not None:
        yield split
        yield [_parsed(text) for text in split]
    yield list(given)
    yield parsed


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text


def problem(
    document: Document, schema: Any, value: Any, where: str, *, strict: bool = False
) -> str | None:
    """What is wrong with a value, with its place; None where it is valid."""
    error = document.first_error(schema, value, strict=strict)
    return None if error is None else _message(error, where)


def _message(error: jsonschema_rs.ValidationError, where: str) -> str:
    # Of a union, the branch that was meant is the one whose problem lies deepest.
    context: list[list[jsonschema_rs.ValidationError]] = getattr(error.kind, "context", None) or []
    branches = [branch[0] for branch in context if branch]
    deepest = max(branches, key=lambda one: len(one.instance_path), default=None)
    if deepest is not None and len(deepest.instance_path) > len(error.instance_path):
        return _message(deepest, where)
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path]
    return f"{where}{''.join(steps)}: {_cut(error.message)}"


def _cut(message: str) -> str:
    if len(message) <= _LONGEST:
        return message
    half = _LONGEST // 2 - 10
    return f"{message[:half]} ... {message[-half:]}"


class _Body:
    """The body of one request."""

    def __init__(
        self,
        document: Document,
        call: Call,
        request: Request,
        body: dict[str, Any],
        strict: bool,
    ) -> None:
        self._document = document
        self._call = call
        self._request = request
        self._body = body
        self._strict = strict

    async def check(self) -> None:
        """Read it, hold it against its schema, put it into the call."""
        media_type = essence(self._request.headers.get("content-type", ""))
        if not media_type and self._is_empty():
            self._refuse_if_required()
            return
        schema = self._schema(media_type)
        if media_type in (MULTIPART, URLENCODED):
            await self._read_form(media_type, schema)
        elif is_json(media_type):
            await self._read_json(schema)
        else:
            await self._read_other(media_type, schema)

    def _is_empty(self) -> bool:
        headers = self._request.headers
        return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

    def _refuse_if_required(self) -> None:
        if self._body.get("required"):
            kinds = " or ".join(self._body["content"])
            raise Refused(422, f"body: it is required, as {kinds}.")

    def _schema(self, media_type: str) -> Any:
        for name, raw in self._body["content"].items():
            if files.accepts(essence(name), media_type):
                return self._document.resolve(raw).get("schema", True)
        kinds = " or ".join(self._body["content"])
        sent = media_type or "missing"
        raise Refused(415, f"header `Content-Type`: {sent}; the operation takes {kinds}.")

    def _refuse_invalid(self, schema: Any, value: Any, *, strict: bool = False) -> None:
        if wrong := problem(self._document, schema, value, "body", strict=strict):
            raise Refused(422, wrong)

    async def _read_json(self, schema: Any) -> None:
        content = await read_bytes(self._request)
        if not content and not self._body.get("required"):
            return
        try:
            self._call.body = parse_json(content)
        except ValueError as error:
            raise Refused(400, f"body: it is not JSON: {error}") from None
        self._call.content = content
        self._refuse_invalid(schema, self._call.body, strict=self._strict)
        check_files(self._document, schema, self._call.body, "body")

    async def _read_other(self, media_type: str, schema: Any) -> None:
        content = await read_bytes(self._request)
        if media_type.startswith("text/") or media_type.endswith("xml"):
            self._call.body = content.decode(errors="replace")
            self._call.content = encoded(self._call.body)
            self._refuse_invalid(schema, self._call.body)
            return
        self._call.body = self._call.content = content
        self._refuse_invalid(schema, content[:_MiB].decode("latin-1"))

    async def _read_form(self, media_type: str, schema: Any) -> None:
        parts: dict[str, list[str | UploadFile]] = {}
        for name, value in await read_form(self._request, media_type):
            parts.setdefault(name, []).append(value)
            if isinstance(value, UploadFile):
                self._call.uploads.setdefault(name, []).append(value)
        properties = self._document.properties(schema)
        body: dict[str, Any] = {}
        for name, values in parts.items():
            field = properties.get(name, True)
            texts = [await self._text(field, value) for value in values]
            body[name] = coerced(self._document, field, texts, f"body.{name}")
        self._call.body = body
        self._call.content = encoded(body)
        self._refuse_invalid(schema, body, strict=self._strict)
        check_files(self._document, schema, body, "body", frozenset(self._call.uploads))
        check_sizes(self._document, schema, self._call.uploads)

    async def _text(self, schema: Any, value: str | UploadFile) -> str:
        """A part as text.

        A client may send any field as a part with a name; what the schema calls a file stays
        unread.
        """
        if isinstance(value, str):
            return value
        if takes_file_part(self._document, schema) or (value.size or 0) >= _MiB:
            return FILE_PART
        return (await value.read()).decode(errors="replace")


# --- files ----------------------------------------------------------------------------------------

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]+(={1,2}\s*)?")
_FORMS = {
    "part": "a file part with a file name",
    "url": "a URL",
    "data_url": "a data URL",
    "base64": "base64 text",
}


def takes_file_part(document: Document, schema: Any) -> bool:
    """Whether a form's field is a file."""
    if schema is True:
        return True  # nobody says what it is
    forms = _forms(document, schema)
    if forms:
        return "part" in forms
    return any(_is_binary(part) for part in _same_value(document, schema))


def _is_binary(schema: dict[str, Any]) -> bool:
    return "contentMediaType" in schema or schema.get("format") == "binary"


def _same_value(document: Document, schema: Any) -> Iterator[dict[str, Any]]:
    """The schemas of a value, and of the items where it is a list."""
    for part in document.branches(schema):
        yield part
        if "items" in part:
            yield from _same_value(document, part["items"])


def _forms(document: Document, schema: Any) -> list[str]:
    """The forms in which a value, or a list's items, may be a file; none where it is no file."""
    texts = list(_texts(document, schema, []))
    if not all(texts):
        return []  # some other text is as good
    return [form for forms in texts for form in forms]


def _texts(document: Document, schema: Any, forms: list[str]) -> Iterator[list[str]]:
    """For each text that a value, or a list's items, may be: in which forms it is a file, if so.

    `forms`: those of the union or the list that it stands in.
    """
    found = document.resolve(schema)
    if not isinstance(found, dict):
        return
    node = cast("dict[str, Any]", found)
    forms = node.get("x-file", [] if node.keys() & {"enum", "const"} else forms)
    if "string" in _types(node):
        yield forms
    inner = [part for branch in BRANCHES for part in node.get(branch, [])]
    for part in [*inner, node.get("items")]:
        yield from _texts(document, part, forms)


def _types(schema: dict[str, Any]) -> list[str]:
    kind: Any = schema.get("type", [])
    return cast("list[str]", kind) if isinstance(kind, list) else [kind]


def check_files(
    document: Document, schema: Any, value: Any, where: str, parts: frozenset[str] = frozenset()
) -> None:
    """Refuse text that is not a file where one belongs, such as the `str()` of an object.

    Args:
        document: The document.
        schema: The schema of an object.
        value: The value, which is valid by that schema.
        where: Its place, for the message.
        parts: The fields that came as file parts.

    Raises:
        Refused: 422.
    """
    if not isinstance(value, dict):
        return
    given = cast("dict[str, Any]", value)
    fields = {name: one for name, one in given.items() if name not in parts}
    for wrong in _wrong_files(document, schema, fields, where):
        raise Refused(422, wrong)
    properties = document.properties(schema)
    for name in properties.keys() & fields.keys():
        _check_held(document, properties[name], fields[name], f"{where}.{name}")


def _wrong_files(document: Document, schema: Any, value: Any, where: str) -> Iterator[str]:
    """What is wrong with the files in an object or a list, at any depth."""
    found = document.resolve(schema)
    if not isinstance(found, dict) or not isinstance(value, (dict, list)):
        return
    node = cast("dict[str, Any]", found)
    for part in node.get("allOf", []):
        yield from _wrong_files(document, part, value, where)
    for variants in (node.get("anyOf", []), node.get("oneOf", [])):
        yield from _wrong_in_all(document, variants, value, where)
    if isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _wrong_files(document, node.get("items"), item, f"{where}[{number}]")
    else:
        yield from _wrong_fields(document, node, cast("dict[str, Any]", value), where)


def _wrong_in_all(document: Document, variants: list[Any], value: Any, where: str) -> Iterator[str]:
    """What is wrong with the files by every variant that a value may be; nothing if they are right
    by one.
    """
    meant = [one for one in variants if document.is_valid(one, value)] or variants
    wrong = [list(_wrong_files(document, one, value, where)) for one in meant]
    if all(wrong):
        yield from chain.from_iterable(wrong)


def _wrong_fields(
    document: Document, schema: dict[str, Any], fields: dict[str, Any], where: str
) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        # Some callers send an empty text for a file that they may leave out.
        is_left_out = name not in schema.get("required", []) and fields.get(name) == ""
        if name in fields and not is_left_out:
            yield from _wrong_texts(document, field, fields[name], f"{where}.{name}")
            yield from _wrong_files(document, field, fields[name], f"{where}.{name}")


def _wrong_texts(document: Document, schema: Any, value: Any, where: str) -> Iterator[str]:
    forms = _forms(document, schema)
    for text in cast("list[Any]", value) if isinstance(value, list) else [value]:
        if forms and isinstance(text, str) and not _is_file(text, forms):
            wanted = " or ".join(_FORMS[form] for form in dict.fromkeys(forms))
            yield f"{where}: {text[:40]!r} is not a file; send {wanted}."


def check_sizes(document: Document, schema: Any, uploads: Mapping[str, list[UploadFile]]) -> None:
    """Refuse a file part of more bytes than its field takes.

    Raises:
        Refused: 413.
    """
    fields = document.properties(schema)
    for name, parts in uploads.items():
        for part in parts:
            _check_size(document, fields.get(name), part.size or 0, f"body.{name}")


def _check_size(document: Document, schema: Any, size: int, where: str) -> None:
    limits = [part["x-file-max"] for part in _same_value(document, schema) if "x-file-max" in part]
    if limits and size > max(limits):
        message = f"{where}: the file has {size} bytes; at most {max(limits)} are taken."
        raise Refused(413, message, err_code=-10017)


def _check_held(document: Document, schema: Any, value: Any, where: str) -> None:
    """Refuse a file of more bytes than its field takes, where its text holds it."""
    is_file = bool(_forms(document, schema))
    for text in cast("list[Any]", value) if isinstance(value, list) else [value]:
        if is_file and isinstance(text, str):
            _check_size(document, schema, _held(text), where)


def _held(text: str) -> int:
    """The bytes of the file that a text holds; 0 for a URL."""
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    elif _URI.fullmatch(text):
        return 0
    return len(text) * 3 // 4


def _is_file(text: str, forms: list[str]) -> bool:
    if "url" in forms and _URI.fullmatch(text):
        return True
    if "data_url" in forms and text[:5].lower() == "data:":
        return True
    return "base64" in forms and _BASE64.fullmatch(text) is not None
