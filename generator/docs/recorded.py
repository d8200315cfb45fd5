"""Recorded exchanges of real use (`api302.testing.record`) against the specification."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..document import Operation
from ..document.media import is_json
from ..source import obj
from . import DocsError
from .compare import Comparison, Finding
from .described import Described
from .page import Call, infer


def recorded(described: Described, folder: Path) -> tuple[list[Finding], int]:
    """What the exchanges of a folder (or one file) show that the specification lacks or contradicts, and how many there are."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    if not files:
        raise DocsError(f"{folder}: there is no exchange in this folder (.json)")
    return [
        finding for file in files for finding in _compare(described, file.name, _read(file))
    ], len(files)


def _read(file: Path) -> dict[str, Any]:
    try:
        exchange = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DocsError(f"{file}: this is no recorded exchange: {error}") from error
    request, response = obj(obj(exchange).get("request")), obj(obj(exchange).get("response"))
    if not (
        isinstance(request.get("method"), str)
        and isinstance(request.get("path"), str)
        and isinstance(response.get("status"), int)
    ):
        raise DocsError(
            f"{file}: this is no recorded exchange: `request` needs method and path, `response` a status"
        )
    return exchange


def _find(described: Described, operation: str, method: str, path: str) -> Operation | None:
    if operation in described.context.by_id:
        return described.context.by_id[operation]
    templates = sorted(key for key in described.by_path if key[0] == method.lower())
    for key in sorted(templates, key=lambda key: key[1].count("{}")):  # the most literal first
        if re.fullmatch(re.escape(key[1]).replace(r"\{\}", "[^/]+"), path.rstrip("/")):
            return described.by_path[key][0]
    return None


def _compare(described: Described, source: str, exchange: dict[str, Any]) -> list[Finding]:
    request, response = exchange["request"], exchange["response"]
    method, path, status = request["method"], request["path"], response["status"]
    operation = _find(described, str(exchange.get("operation")), method, path)
    if operation is None:
        message = f"{method.upper()} {path} is not described"
        return [
            Finding(
                source,
                "",
                "",
                0,
                "operation",
                "",
                message,
                "describe it; the exchange shows body and reply",
            )
        ]
    comparison = Comparison(described, source, operation, "exchange")
    call = Call(method, path)
    call.parameters = [
        {"name": name, "in": "query", "required": False, "schema": {}}
        for name in obj(request.get("query"))
    ]
    if 200 <= status < 300:  # what was refused proves nothing
        call.request, call.reply = _request(comparison, request), _reply(response)
    found = list(comparison.call(call))
    replies = obj(operation.node.get("responses"))
    if not any(key in replies for key in (str(status), f"{status // 100}XX", "default")):
        found.append(
            comparison.finding(
                "status",
                str(status),
                f"the service answered {status}",
                "add the reply",
                key="responses",
            )
        )
    return found


def _request(comparison: Comparison, request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if "json" in request:
        return {
            "application/json": {"schema": infer(request["json"]), "examples": [request["json"]]}
        }
    media = [
        name
        for _, name, _ in comparison.context.media(comparison.operation, "request")
        if not is_json(name)
    ]
    schema = {
        "properties": {name: {} for name in request.get("form", ())}
    }  # names alone are recorded
    return (
        {media[0] if media else "multipart/form-data": {"schema": schema, "examples": []}}
        if "form" in request
        else {}
    )


def _reply(response: dict[str, Any]) -> dict[str, dict[str, Any]]:
    kind = str(obj(response.get("headers")).get("content-type") or "").partition(";")[0].strip()
    if "json" in response:
        return {
            kind or "application/json": {
                "schema": infer(response["json"]),
                "examples": [response["json"]],
            }
        }
    return {kind: {"schema": {}, "examples": []}} if kind else {}
