"""The service's own lists of models, asked live, against the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from generator.document import Operation
from generator.runtime.behaviour import read
from generator.source import obj, seq

from . import DocsError
from .described import Described
from .diff.finding import Subject
from .diff.models import compare_listed
from .fetch import TIMEOUT
from .pages.untrusted import one_line

_HERE = ("127.0.0.1", "::1", "localhost")
LONGEST_LIST = 20_000_000
"""Bytes of a list."""


def compare_lists(described: Described, key: str, service: str = "") -> dict[str, Any]:
    """What the lists that the service gives name that the catalogue does not, or prices otherwise.

    Args:
        key: The API key. It goes to the service alone.
        service: Its URL; by default that of the specification.

    Raises:
        DocsError: The service is not one to which an API key may go.

    Returns:
        `asked`, the operations that listed models; `failed`, why others did not; `findings`.
    """
    import httpx2  # only here is the network needed

    base = _checked(service or _server(described))
    asked: list[str] = []
    failed: list[str] = []
    findings: dict[tuple[str, str, str], dict[str, Any]] = {}
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    with httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client:
        for operation in _listing(described):
            try:
                response = _get(client, f"{base}{operation.path}", headers)
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                failed.append(one_line(f"{operation.id}: {_without(str(error), key)}", 300))
                continue
            asked.append(operation.id)
            subject = Subject(described, f"{operation.id} (live)", operation, "exchange")
            for finding in compare_listed(subject, response):
                # Two lists may name one model: once is enough.
                known = (finding.kind, finding.field, finding.fix)
                findings.setdefault(known, {**asdict(finding), "also": []})
    return {"asked": asked, "failed": failed, "findings": list(findings.values())}


def _listing(described: Described) -> Iterator[Operation]:
    """The operations that list models and can be called as they are."""
    for operation in described.operations:
        asks = any(one.get("required") is True for one in described.parameters(operation))
        if operation.method == "get" and not asks and read(operation.node).model_list:
            yield operation


def _server(described: Described) -> str:
    first = next(iter(seq(described.context.document.get("servers"))), {})
    return str(obj(first).get("url") or "")


def _checked(base: str) -> str:
    """The URL of a service to which an API key may go."""
    try:
        parts = urlsplit(base)
        host = parts.hostname or ""
    except ValueError:
        raise DocsError("AI302_BASE_URL: this is not a URL") from None
    if not host or (parts.scheme != "https" and host not in _HERE):
        raise DocsError(f"{one_line(base, 200)}: an API key goes to an https:// URL alone")
    return base.rstrip("/")


def _get(client: Any, url: str, headers: dict[str, str]) -> Any:
    """The JSON at a URL. Raises ValueError if there is none."""
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200:
            raise ValueError(f"the service answers {response.status_code}")
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > LONGEST_LIST:
                raise ValueError(f"the list has more than {LONGEST_LIST:,} bytes")
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("the list is nested too deeply") from error


def _without(text: str, key: str) -> str:
    return text.replace(key, "…") if key else text
