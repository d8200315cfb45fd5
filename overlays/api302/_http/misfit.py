"""The value of a request that JSON cannot hold: where it is, and what to give instead."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from api302._json import is_array, is_object, is_tuple

_FIXES = {
    "coroutine": "await it first",
    "Pending": "await it first",
    "async_generator": "collect it first: [item async for item in …]",
    "generator": "it was used up already; give a list",
    "function": "call it, and give what it returns",
    "method": "call it, and give what it returns",
}
_HALVES = re.compile("[\ud800-\udfff]")
_HALF = "it has half of a character (a lone surrogate); cut texts between characters"
_FILE = "give its URL, or upload it first: client.files.upload(…)"


def misfit(body: Any) -> tuple[str, str]:
    """Where a body holds what JSON cannot hold, and why and what to do; or nothing.

    A field is named as in `messages[0].content`.
    """
    try:
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError:
        return _endless(body), "it is nested too deeply, or holds itself"
    except (TypeError, ValueError):
        return _found(body, "") or ("json", "give plain JSON values")
    return "", ""


def _endless(body: Any) -> str:
    """The field that is nested too deeply."""
    for name, value in body.items() if is_object(body) else ():
        try:
            json.dumps(value, default=str)
        except RecursionError:
            return name
        except ValueError:
            return name
    return "json"


def _found(value: Any, where: str, depth: int = 0) -> tuple[str, str] | None:
    if depth > 100:
        return where or "json", "it is nested too deeply, or holds itself"
    if is_object(value):
        return _in_object(value, where, depth)
    if is_array(value) or is_tuple(value):
        for number, item in enumerate(value):
            if found := _found(item, f"{where}[{number}]", depth + 1):
                return found
        return None
    why = _why(value)
    return (where or "json", why) if why else None


def _in_object(value: dict[Any, Any], where: str, depth: int) -> tuple[str, str] | None:
    for key, item in value.items():
        if not isinstance(key, (str, int, float, type(None))):
            return where or "json", f"the key {key!r:.80} is not text; name its fields by text"
        at = f"{where}.{key}" if where else str(key)
        if found := _found(item, at, depth + 1):
            return found
    return None


def _why(value: Any) -> str:
    if isinstance(value, str):
        return _HALF if _HALVES.search(value) else ""
    if value is None or isinstance(value, (bool, int)):
        return ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is not a number in JSON; leave it out"
    if isinstance(value, type):
        return f"it is the class {value.__name__}; give an object of it, or its JSON schema"
    kind: str = type(value).__name__
    is_bytes = isinstance(value, (bytes, bytearray, memoryview))
    if is_bytes or hasattr(value, "read") or hasattr(value, "__fspath__"):
        return f"it is a local file ({kind}), which is not taken there; {_FILE}"
    fix = _FIXES.get(kind, "give text, numbers, lists, dicts or dataclasses")
    return f"it is of the type {kind}; {fix}"
