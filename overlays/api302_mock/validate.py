"""Holds a request against its operation: key, parameters, body. What the document refuses, this refuses, and names the field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import jsonschema_rs
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from api302_mock import files
from api302_mock.document import Document, Operation
from api302_mock.examples import is_json

KEY_PREFIX = "sk-"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_FILE = "(file)"
# Header parameters of these names mean nothing in OpenAPI.
_NOT_PARAMETERS = {"accept", "content-type", "authorization"}
_BIG = 1 << 20


class Refused(Exception):
    """A request that gets an error reply.

    Args:
        status: HTTP status.
        message: What is wrong, and where.
        err_code: 302.AI's code; by default the usual one of the status.
        headers: More reply headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        err_code: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.err_code = err_code
        self.headers = headers or {}


@dataclass(slots=True)
class Call:
    """A request that passed, its values typed as the schemas say."""

    operation: Operation
    path: dict[str, Any]
    query: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: dict[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None
    uploads: list[UploadFile] = field(default_factory=list[UploadFile])

    def value(self, name: str) -> Any:
        """A parameter's value, or a top-level body field's."""
        fields = cast("dict[str, Any]", self.body) if isinstance(self.body, dict) else {}
        return next(
            (
                place[name]
                for place in (self.path, self.query, fields, self.headers)
                if name in place
            ),
            None,
        )

    def matches(self, when: dict[str, Any] | None) -> bool:
        """Whether the request has an extension's switch on; True when there is no switch."""
        if when is None:
            return True
        place = {"query": self.query, "header": self.headers, "body": self.body}[when["in"]]
        if not isinstance(place, dict) or when["name"] not in place:
            return False
        given, wanted = cast("dict[str, Any]", place)[when["name"]], when["value"]
        return given == wanted or str(given).lower() == str(wanted).lower()


async def check(
    document: Document,
    operation: Operation,
    request: Request,
    path: dict[str, str],
    *,
    strict: bool,
) -> Call:
    """Validate a request.

    Raises:
        Refused: 401 for the key, 415 for the body's media type, 422 for a parameter or field, 400 for a body that cannot be read.
    """
    check_key(document, operation, request)
    call = Call(operation, path={})
    _parameters(document, call, request, path, strict=strict)
    if operation.body is not None:
        await _body(document, call, request, operation.body, strict=strict)
    return call


def keys_of(request: Request) -> list[str]:
    """Every key that a request carries, in whichever place the API takes one."""
    bearer = request.headers.get("authorization", "")
    named = [request.headers.get(name) for name in ("x-api-key", "x-goog-api-key", "mj-api-secret")]
    return [
        value
        for value in [
            bearer.removeprefix("Bearer ").strip(),
            *named,
            request.query_params.get("key"),
        ]
        if value
    ]


def check_key(document: Document, operation: Operation, request: Request) -> None:
    """Refuse a request without a key, or with one that cannot be a key."""
    if not operation.security or any(not requirement for requirement in operation.security):
        return
    schemes = document.raw.get("components", {}).get("securitySchemes", {})
    given: list[str | None] = []
    for requirement in operation.security:
        for name in requirement:
            given.append(_credential(document.resolve(schemes.get(name, {})), request))
    # Any one of the alternatives will do, as at 302.AI, where one key stands in for every vendor's.
    if not any(given):
        raise Refused(
            401, "The key is missing: send the header `Authorization: Bearer sk-...`.", -10001
        )
    if not any(key and key.startswith(KEY_PREFIX) for key in given):
        raise Refused(
            401, "The key is not one: the mock takes any key that begins with `sk-`.", -10005
        )


def _credential(scheme: dict[str, Any], request: Request) -> str | None:
    if scheme.get("type") == "apiKey":
        place = {
            "header": request.headers,
            "query": request.query_params,
            "cookie": request.cookies,
        }[scheme["in"]]
        return place.get(scheme["name"])
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == scheme.get("scheme", "bearer").lower() else None


def _parameters(
    document: Document, call: Call, request: Request, path: dict[str, str], *, strict: bool
) -> None:
    known: set[str] = set()
    for parameter in call.operation.parameters:
        name, place = parameter["name"], parameter["in"]
        where = f"{place} parameter `{name}`"
        if place == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        if place == "path":
            given = [path[name]]
        elif place == "query":
            known.add(name)
            given = request.query_params.getlist(name)
        elif place == "header":
            given = request.headers.getlist(name)
        else:
            given = [request.cookies[name]] if name in request.cookies else []
        if not given:
            if parameter.get("required"):
                raise Refused(422, f"{where}: it is required.")
            continue
        schema = parameter.get("schema", True)
        if (
            place == "header"
            or parameter.get("explode", parameter.get("style", "form") == "form") is False
        ):
            split = [part.strip() for part in given[0].split(",")]
            value = coerced(document, schema, given, where, split)
        else:
            value = coerced(document, schema, given, where)
        {"path": call.path, "query": call.query}.get(place, call.headers)[name] = value
    if strict and (more := sorted(set(request.query_params) - known - {"key"})):
        raise Refused(422, f"query parameter `{more[0]}`: the operation has none of that name.")


def coerced(
    document: Document, schema: Any, given: list[str], where: str, split: list[str] | None = None
) -> Any:
    """Text from the wire as the value that the schema means: the first reading that is valid.

    Raises:
        Refused: no reading is.
    """
    validator = document.validator(schema)
    readings = list(_readings(given, split))
    for value in readings:
        if _is_valid(validator, value):
            return value
    # Tell what is wrong with the reading that came furthest: `100` is above the maximum, rather than "100" no integer.
    problems = [_problem(validator, value, where) or where for value in readings]
    raise Refused(
        422,
        next(
            (text for text in problems if "is not of type" not in text),
            problems[0 if len(given) == 1 else -1],
        ),
    )


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
        return _json(text)
    except ValueError:
        return text


def _json(text: str | bytes) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _is_valid(validator: jsonschema_rs.Validator, value: Any) -> bool:
    try:
        return validator.is_valid(value)
    except ValueError:  # text that is no Unicode: a lone surrogate
        return False


def _problem(validator: jsonschema_rs.Validator, value: Any, where: str) -> str | None:
    try:
        error = next(validator.iter_errors(value), None)
    except ValueError as broken:
        return f"{where}: {broken}"
    return None if error is None else _told(error, where)


def _told(error: jsonschema_rs.ValidationError, where: str) -> str:
    branches = getattr(error.kind, "context", None)
    if branches:
        # Of a union, the branch that was meant is the one whose problem lies deepest.
        nested = [branch[0] for branch in branches if branch]
        deepest = max(nested, key=lambda one: len(one.instance_path), default=None)
        if deepest is not None and len(deepest.instance_path) > len(error.instance_path):
            return _told(deepest, where)
    steps = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path
    )
    message = (
        error.message
        if len(error.message) <= 300
        else error.message[:140] + " ... " + error.message[-140:]
    )
    return f"{where}{steps}: {message}"


async def _body(
    document: Document, call: Call, request: Request, body: dict[str, Any], *, strict: bool
) -> None:
    content_type = request.headers.get("content-type", "")
    sent = content_type.partition(";")[0].strip().lower()
    if not sent and (
        request.headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in request.headers
    ):
        if body.get("required"):
            raise Refused(422, f"body: it is required, as {' or '.join(body['content'])}.")
        return
    media = next(
        (
            document.resolve(raw)
            for name, raw in body["content"].items()
            if files.accepts(_essence(name), sent)
        ),
        None,
    )
    if media is None:
        raise Refused(
            415,
            f"header `Content-Type`: {sent or 'missing'}; the operation takes {' or '.join(body['content'])}.",
        )
    schema = media.get("schema", True)
    if sent in _FORMS:
        call.body = await _form(document, call, request, schema)
    elif is_json(sent):
        raw = await request.body()
        if not raw and not body.get("required"):
            return
        try:
            call.body = _json(raw)
        except ValueError as error:
            raise Refused(400, f"body: it is no JSON: {error}") from None
    elif sent.startswith("text/") or sent.endswith("xml"):
        call.body = (await request.body()).decode(errors="replace")
    else:
        call.body = await request.body()
        if problem := _problem(
            document.validator(schema), call.body[:_BIG].decode("latin-1"), "body"
        ):
            raise Refused(422, problem)
        return
    if problem := _problem(document.validator(schema, strict=strict), call.body, "body"):
        raise Refused(422, problem)


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


async def _form(document: Document, call: Call, request: Request, schema: Any) -> dict[str, Any]:
    try:
        form = await request.form(max_part_size=64 * _BIG)
    except MultiPartException as error:
        raise Refused(400, f"body: it is no form: {error.message}") from None
    properties = document.properties(schema)
    fields: dict[str, Any] = {}
    for name in dict.fromkeys(form):
        given: list[str] = []
        for value in form.getlist(name):
            if isinstance(value, UploadFile):
                call.uploads.append(value)
                # A client may send any field as a part with a name; only what the schema calls a file is kept unread.
                small = not _is_file(document, properties.get(name)) and (value.size or 0) < _BIG
                given.append((await value.read()).decode(errors="replace") if small else _FILE)
            else:
                given.append(value)
        fields[name] = coerced(document, properties.get(name, True), given, f"body.{name}")
    return fields


def _is_file(document: Document, schema: Any) -> bool:
    schema = document.resolve(schema)
    if not isinstance(schema, dict):
        return schema is None
    known = cast("dict[str, Any]", schema)
    if (
        "contentMediaType" in known
        or known.get("format") == "binary"
        or "part" in known.get("x-file", [])
    ):
        return True
    return any(
        _is_file(document, part)
        for key in ("anyOf", "oneOf", "allOf")
        for part in known.get(key, [])
    ) or ("items" in known and _is_file(document, known["items"]))
