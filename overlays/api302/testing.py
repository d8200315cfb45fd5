"""For tests: keep what is exchanged with the service, without secrets, to hold it against the description later."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ._json import is_array, is_mapping

if TYPE_CHECKING:
    from os import PathLike

    from ._client import AsyncClient, Client
    from ._types import Call

SECRET = re.compile(
    r"(api|access|secret|private)?[-_]?(key|token|secret|password|authorization)s?", re.IGNORECASE
)
KEYS = re.compile(r"\b(sk|pk|ak)-[\w-]{8,}")
SHOWN = ("content-type", "content-length", "request-id", "accept", "lang", "prefer")
HIDDEN = "[hidden]"


@contextmanager
def record(client: Client | AsyncClient, folder: str | PathLike[str]) -> Generator[None]:
    """Within `with`, write each exchange of a client, and of those made by its `with_options`, to a folder, one JSON file each.

    A file has `request` (method, path, query, headers, json or names of form fields) and `response` (status, headers, json, text or size).
    Only harmless headers are kept; the key, and the values of fields that are named like secrets, are replaced by "[hidden]".
    What you send and receive is otherwise written as it is: look before you publish it.
    """
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    number = count(1)
    session = client._client  # pyright: ignore[reportPrivateUsage]
    key = session.settings.api_key

    def observe(call: Call, status: int, headers: Mapping[str, str], content: bytes) -> None:
        sent = call.kwargs
        request: dict[str, Any] = {
            "method": sent["method"],
            "path": urlsplit(str(sent["url"])).path,
            "query": _hidden(dict(sent.get("params") or {}), key),
            "headers": _shown(sent["headers"]),
        }
        if "json" in sent:
            request["json"] = _hidden(sent["json"], key)
        elif "files" in sent or isinstance(sent.get("data"), Mapping):
            request["form"] = sorted(
                {name for name, _ in sent.get("files", ())} | {*sent.get("data", ())}
            )
        response = {
            "status": status,
            "headers": _shown(headers),
            **_body(headers.get("content-type", ""), content, key),
        }
        operation = call.op.id if call.op else None
        name = f"{next(number):04d}-{operation or 'request'}.json"
        text = json.dumps(
            {"operation": operation, "request": request, "response": response},
            ensure_ascii=False,
            indent=1,
            default=str,
        )
        (into / name).write_text(text + "\n", encoding="utf-8")

    session.observers.append(observe)
    try:
        yield
    finally:
        session.observers.remove(observe)


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in SHOWN if name in headers}


def _body(content_type: str, content: bytes, key: str) -> dict[str, Any]:
    if "json" in content_type:
        try:
            return {"json": _hidden(json.loads(content), key)}
        except ValueError:
            pass
    if "json" in content_type or content_type.startswith("text/"):
        return {"text": _hidden(content.decode("utf-8", "replace"), key)}
    return {"bytes": len(content)}


def _hidden(value: Any, key: str, name: str = "") -> Any:
    if is_mapping(value):
        return {each: _hidden(item, key, str(each)) for each, item in value.items()}
    if is_array(value):
        return [_hidden(item, key, name) for item in value]
    if isinstance(value, str):
        return HIDDEN if SECRET.fullmatch(name) else KEYS.sub(HIDDEN, value.replace(key, HIDDEN))
    return value
