"""Recorded exchanges of real use (`api302.testing.record`) against the specification."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generator.docs import DocsError
from generator.docs.described import Described
from generator.docs.pages import Body, Call
from generator.docs.pages.untrusted import media_type, one_line
from generator.docs.pages.values import infer
from generator.document import Operation
from generator.document.media import is_json
from generator.runtime.behaviour import read as behaviour
from generator.source import obj

from .finding import Finding, Subject
from .models import compare_listed
from .operation import Comparison

VERSION = 1
"""Of the form of `api302.testing.record`."""


def recorded(described: Described, folder: Path) -> tuple[list[Finding], int]:
    """What the exchanges of a folder (or one file) show that the specification lacks or
    contradicts, and how many there are.
    """
    findings: list[Finding] = []
    files = _files(folder)
    for file in files:
        exchange = _read(file)
        if "events" not in exchange:  # a WebSocket's: the proxy holds them against AsyncAPI
            findings += _compare(described, file.name, exchange)
    return findings, len(files)


def proved(described: Described, folder: Path, findings: list[Finding]) -> dict[str, str]:
    """The operations that exchanges of a folder prove, with the day of the newest one.

    What was refused proves nothing, nor does an exchange that differs from the description: that
    is to be decided first. What is in an object that is open contradicts nothing.
    """
    differing = {finding.source for finding in findings if finding.kind != "open"}
    days: dict[str, str] = {}
    for file in _files(folder):
        exchange = _read(file)
        request, day = exchange["request"], str(exchange.get("day") or "")
        found = _find(described, str(exchange.get("operation")), request["method"], request["path"])
        is_proof = found and day and file.name not in differing
        if found and is_proof and _is_success(found, exchange["response"]):
            days[found.id] = max(day, days.get(found.id, ""))
    return days


def _is_success(operation: Operation, response: dict[str, Any]) -> bool:
    """Whether the service did what was asked for, as far as its response says."""
    data = response.get("json")
    if not 200 <= response["status"] < 300 or (isinstance(data, dict) and data.get("error")):
        return False
    rule = behaviour(operation.node).success
    return rule is None or data is None or rule.failure(data) is None


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    if not files:
        raise DocsError(f"{folder}: there is no exchange in this folder (.json)")
    return files


def _read(file: Path) -> dict[str, Any]:
    try:
        exchange = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DocsError(f"{file}: this is not a recorded exchange: {error}") from error
    request, response = obj(obj(exchange).get("request")), obj(obj(exchange).get("response"))
    version = obj(exchange).get("version", VERSION)
    if version != VERSION:
        what = f"is of version {one_line(str(version), 20)}, and {VERSION} is read here"
        raise DocsError(f"{file}: the record {what}; record it anew with this version of api302")
    texts = (request.get("method"), request.get("path"))
    if all(isinstance(text, str) for text in texts) and isinstance(response.get("status"), int):
        return exchange
    what = "`request` needs method and path, `response` a status"
    raise DocsError(f"{file}: this is not a recorded exchange: {what}")


def _compare(described: Described, source: str, exchange: dict[str, Any]) -> list[Finding]:
    request, response = exchange["request"], exchange["response"]
    method, path, status = request["method"], request["path"], response["status"]
    operation = _find(described, str(exchange.get("operation")), method, path)
    if operation is None:
        message = one_line(f"{method.upper()} {path} is not described")
        fix = "describe it; the exchange shows body and response"
        return [Finding(source, "", "", 0, "operation", "", message, fix)]
    subject = Subject(described, source, operation, "exchange")
    query = obj(request.get("query"))
    call = Call(method, path)
    call.parameters = [
        {"name": name, "in": "query", "required": False, "schema": {}} for name in query
    ]
    if 200 <= status < 300:  # what was refused proves nothing
        call.request = _request(described, operation, request)
        call.response = _response(response)
    findings = list(Comparison(subject).call(call))
    if 200 <= status < 300:
        findings += compare_listed(subject, response.get("json"))
    statuses = obj(operation.node.get("responses"))
    if statuses.keys().isdisjoint((str(status), f"{status // 100}XX", "default")):
        message = f"the service answered {status}"
        fix = "add the response"
        findings.append(subject.finding("status", str(status), message, fix, key="responses"))
    return findings


def _find(described: Described, operation: str, method: str, path: str) -> Operation | None:
    """The operation that an exchange names, else the one of its path, the most literal first."""
    if operation in described.context.by_id:
        return described.context.by_id[operation]
    paths = sorted(_paths(described, method), key=lambda path: path[:-1])
    return next(
        (found for *_, shape, found in paths if re.fullmatch(shape, path.rstrip("/"))), None
    )


def _paths(described: Described, method: str) -> Iterator[tuple[bool, int, str, Operation]]:
    """The paths of a method as patterns, each with its operation and, to sort by, how literal it
    is.
    """
    for (verb, path), (found, *_) in described.by_path.items():
        if verb == method.lower():
            deep = any(parameter.has_segments for parameter in found.parameters)
            shape = re.escape(path).replace(r"\{\}", ".+" if deep else "[^/]+")
            yield deep, path.count("{}"), shape, found


def _request(
    described: Described, operation: Operation, request: dict[str, Any]
) -> dict[str, Body]:
    if "json" in request:
        return {"application/json": Body(infer(request["json"]), [request["json"]])}
    if "form" not in request:
        return {}
    listed = (media for media, _ in described.bodies(operation, "request"))
    media = next((media for media in listed if not is_json(media)), "multipart/form-data")
    return {media: Body({"properties": {name: {} for name in request["form"]}})}  # names alone


def _response(response: dict[str, Any]) -> dict[str, Body]:
    media = media_type(str(obj(response.get("headers")).get("content-type") or ""))
    if "json" in response:
        return {media or "application/json": Body(infer(response["json"]), [response["json"]])}
    return {media: Body()} if media else {}
