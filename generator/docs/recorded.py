"""Recorded exchanges of real use (`api302.testing.record`) against the specification."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..rules.context import Operation, is_json
from ..source import obj
from . import DocsError
from .compare import Comparison, Finding, undescribed
from .described import Described, fields, shape


def recorded(described: Described, folder: Path) -> tuple[list[Finding], int]:
    """What the exchanges of a folder (or one file) show that the specification lacks or contradicts, and how many there are."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    if not files:
        raise DocsError(f"{folder}: there is no exchange in this folder (.json)")
    exchanges = [(file, _read(file)) for file in files]
    found: dict[tuple[Any, ...], Finding] = {}
    for file, exchange in exchanges:
        for finding in _compare(described, file.name, exchange):
            found.setdefault((finding.operation, finding.kind, finding.field, finding.message), finding)
    return list(found.values()), len(files)


def _read(file: Path) -> dict[str, Any]:
    try:
        exchange = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DocsError(f"{file}: this is no recorded exchange: {error}") from error
    request, response = obj(obj(exchange).get("request")), obj(obj(exchange).get("response"))
    if not (isinstance(request.get("method"), str) and isinstance(request.get("path"), str) and isinstance(response.get("status"), int)):
        raise DocsError(f"{file}: this is no recorded exchange: `request` needs method and path, `response` a status")
    return exchange


def _find(described: Described, exchange: dict[str, Any]) -> Operation | None:
    operation = described.context.by_id.get(str(exchange.get("operation")))
    if operation is not None:
        return operation
    method, path = exchange["request"]["method"].lower(), exchange["request"]["path"]
    exact = described.by_path.get((method, shape(path)))
    if exact:
        return exact[0]
    for (other, template), operations in described.by_path.items():
        if other == method and re.fullmatch(re.escape(template).replace(r"\{\}", "[^/]+"), path):
            return operations[0]
    return None


def _compare(described: Described, source: str, exchange: dict[str, Any]) -> Iterator[Finding]:
    request, response = exchange["request"], exchange["response"]
    operation = _find(described, exchange)
    if operation is None:
        message = f"{request['method'].upper()} {request['path']} is not described"
        yield Finding(source, "", "", 0, "operation", "", message, "describe it; the exchange shows body and reply")
        return
    comparison = Comparison(described, source, operation)
    ours = {str(one.get("name")) for one in described.context.parameters(operation) if one.get("in") == "query"}
    for name in obj(request.get("query")):
        if name not in ours:
            place = described.place(operation, "parameters")
            yield comparison.finding(place, "parameter", name, f"the query parameter `{name}` was sent", "add it to `parameters`")
    if 200 <= response["status"] < 300:  # what was refused proves nothing
        yield from _request(comparison, request)
    yield from _response(comparison, response)


def _request(comparison: Comparison, request: dict[str, Any]) -> Iterator[Finding]:
    described, operation = comparison.described, comparison.operation
    if operation.unknown("request"):
        return
    media = {name: found for _, name, found in described.context.media(operation, "request")}
    if "json" in request:
        found = next((found for name, found in media.items() if is_json(name)), None)
        if found is None:
            place = described.place(operation, "requestBody")
            yield comparison.finding(place, "media", "application/json", "JSON was sent and taken", "add the media type")
        else:
            yield from _value(comparison, found, request["json"], "request")
    elif "form" in request:
        variants = [
            variant for name, found in media.items() if not is_json(name) for variant in described.variants(obj(found.value).get("schema"))
        ]
        for name in request["form"]:
            if name not in fields(variants):
                place = described.place(operation, "requestBody")
                yield comparison.finding(
                    place, "field", name, f"the form field `{name}` was sent and taken", "add it to the form's `properties`"
                )


def _response(comparison: Comparison, response: dict[str, Any]) -> Iterator[Finding]:
    described, operation = comparison.described, comparison.operation
    status = response["status"]
    replies = obj(operation.node.get("responses"))
    if not any(key in replies for key in (str(status), f"{status // 100}XX", "default")):
        place = described.place(operation, "responses")
        yield comparison.finding(place, "status", str(status), f"the service answered {status}", "add the reply")
    if not 200 <= status < 300 or operation.unknown("reply"):
        return
    media = {name: found for _, name, found in described.context.media(operation, "reply")}
    kind = str(obj(response.get("headers")).get("content-type") or "").partition(";")[0].strip()
    if kind and kind not in media and not (is_json(kind) and any(map(is_json, media))) and "application/octet-stream" not in media:
        place = described.place(operation, "responses")
        yield comparison.finding(place, "media", kind, f"the service answered with {kind}", "add the media type")
    found = next((found for name, found in media.items() if is_json(name)), None)
    if "json" in response and found is not None:
        yield from _value(comparison, found, response["json"], "reply")


def _value(comparison: Comparison, media: Any, value: Any, part: str) -> Iterator[Finding]:
    schema = obj(media.value).get("schema")
    yield from comparison.example(media.pointer, schema, value, part, "application/json")
    names: dict[int, tuple[Any, list[str]]] = {}
    for name, owner in undescribed(comparison.described, [schema], value):
        listed = names.setdefault(id(owner), (owner, []))[1]
        listed += [name] if name not in listed else []
    for owner, listed in names.values():
        message = f"the recorded {part} has {', '.join(f'`{name}`' for name in listed)}"
        place = comparison.at(owner, "properties")
        yield comparison.finding(place, "field", listed[0].partition(" ")[0], message, "add to `properties` what matters; objects are open")
