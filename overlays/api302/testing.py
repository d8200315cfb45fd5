"""For tests: keep what is exchanged with the service, without secrets, to hold it against the
description later.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
VERSION = 1
"""Of the files' form."""


@dataclass(slots=True)
class Exchange:
    """A call and its response, as they were on the wire.

    Attributes:
        operation: The operation's id; None for a call that is not described.
        json: The JSON body of the request; without one, `ABSENT`.
        form: The names of a form's fields.
        content: The response's body.
    """

    operation: str | None
    method: str
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int
    response_headers: Mapping[str, str]
    content: bytes
    json: Any = ABSENT
    form: Iterable[str] = ()

    def redacted(self, *secrets: str) -> dict[str, Any]:
        """What may be kept of it.

        Args:
            secrets: API keys that must not be in it.
        """
        return self.kept(Redactor(*secrets))

    def kept(self, redactor: Redactor) -> dict[str, Any]:
        """The same, by a redactor that knows the secrets."""
        request: dict[str, Any] = {
            "method": self.method,
            "path": redactor.text(self.path),
            "query": redactor.recorded(dict(self.query)),
            "headers": _shown(self.headers, redactor),
        }
        form = sorted(map(redactor.text, self.form))
        if self.json is not ABSENT:
            request["json"] = redactor.recorded(self.json)
        elif form:
            request["form"] = form
        return {
            "version": VERSION,
            "day": datetime.date.today().isoformat(),
            "operation": self.operation,
            "request": request,
            "response": {
                "status": self.status,
                "headers": _shown(self.response_headers, redactor),
                **_body(self.response_headers, self.content, redactor),
            },
        }


def without_secrets(text: str, *secrets: str) -> str:
    """Text without API keys, and without what looks like one."""
    return Redactor(*secrets).text(text)


def write(kept: Mapping[str, Any], folder: Path, number: int) -> Path:
    """Write what was kept of an exchange into a folder; returns its file."""
    text = json.dumps(kept, ensure_ascii=False, indent=1, default=str)
    file = folder / f"{number:04d}-{kept['operation'] or 'request'}.json"
    file.write_bytes(f"{text}\n".encode("utf-8", "replace"))
    return file


@contextmanager
def record(client: Client | AsyncClient, folder: str | PathLike[str]) -> Generator[None]:
    """Within `with`, write each exchange of a client, and of those made by its `with_options`, to a
    folder, one JSON file each.

    A file has `version`, `day`, `operation`, `request` (method, path, query, headers, json or names
    of form fields) and `response` (status, headers, json, text or size).
    Only harmless headers are kept; the key, and the values of fields that are named like secrets,
    are replaced by "[hidden]".
    What you send and receive is otherwise written as it is: look before you publish it.
    """
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    number = count(1)
    session = client._client  # pyright: ignore[reportPrivateUsage]

    def keep(call: Call, response: Response, content: bytes) -> None:
        write(_exchange(call, response, content).kept(call.redactor), into, next(number))

    with observed(session, keep):
        yield


def _exchange(call: Call, response: Response, content: bytes) -> Exchange:
    sent = call.kwargs
    form: set[str] = set()
    if "files" in sent or isinstance(sent.get("data"), Mapping):
        form = {name for name, _ in sent.get("files", ())} | {*sent.get("data", ())}
    return Exchange(
        call.operation,
        sent["method"],
        urlsplit(str(sent["url"])).path,
        sent.get("params") or {},
        sent["headers"],
        response.status_code,
        response.headers,
        content,
        sent.get("json", ABSENT),
        form,
    )


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
