"""For tests: keep what is exchanged with the service, without secrets, to hold it against the
description later.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ._calls.middleware import observed
from ._http.decoding import ABSENT, json_of
from ._http.response import Response
from ._secret import Redactor
from ._types import Call

if TYPE_CHECKING:
    from os import PathLike

    from ._client import AsyncClient, Client

SHOWN = ("content-type", "content-length", "request-id", "accept", "lang", "prefer")


@contextmanager
def record(client: Client | AsyncClient, folder: str | PathLike[str]) -> Generator[None]:
    """Within `with`, write each exchange of a client, and of those made by its `with_options`, to a
    folder, one JSON file each.

    A file has `request` (method, path, query, headers, json or names of form fields) and `response`
    (status, headers, json, text or size).
    Only harmless headers are kept; the key, and the values of fields that are named like secrets,
    are replaced by "[hidden]".
    What you send and receive is otherwise written as it is: look before you publish it.
    """
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    number = count(1)
    session = client._client  # pyright: ignore[reportPrivateUsage]

    def keep(call: Call, response: Response, content: bytes) -> None:
        redactor = call.redactor
        kept = {
            "operation": call.operation,
            "request": _request(call.kwargs, redactor),
            "response": {
                "status": response.status_code,
                "headers": _shown(response.headers, redactor),
                **_body(response.headers, content, redactor),
            },
        }
        text = json.dumps(kept, ensure_ascii=False, indent=1, default=str)
        name = f"{next(number):04d}-{call.operation or 'request'}.json"
        (into / name).write_bytes(f"{text}\n".encode("utf-8", "replace"))

    with observed(session, keep):
        yield


def _request(sent: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": sent["method"],
        "path": redactor.text(urlsplit(str(sent["url"])).path),
        "query": redactor.recorded(dict(sent.get("params") or {})),
        "headers": _shown(sent["headers"], redactor),
    }
    if "json" in sent:
        request["json"] = redactor.recorded(sent["json"])
    elif "files" in sent or isinstance(sent.get("data"), Mapping):
        names = {name for name, _ in sent.get("files", ())} | {*sent.get("data", ())}
        request["form"] = sorted(map(redactor.text, names))
    return request


def _shown(headers: Mapping[str, str], redactor: Redactor) -> dict[str, str]:
    return {name: redactor.text(headers[name]) for name in SHOWN if name in headers}


def _body(headers: Mapping[str, str], content: bytes, redactor: Redactor) -> dict[str, Any]:
    label = headers.get("content-type", "")
    data = json_of(content, label)
    if data is not ABSENT and ("json" in label or isinstance(data, (dict, list))):
        return {"json": redactor.recorded(data)}
    if "json" in label or label.startswith("text/"):
        return {"text": redactor.text(content.decode("utf-8", "replace"))}
    return {"bytes": len(content)}
