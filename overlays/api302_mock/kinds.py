"""The errors that a test asks for by name: as the client's class is called, or as the error's code
is. `server.next(error="QuotaError")`, `server.next(error="insufficient_quota")`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from api302_mock.errors import error_detail

_CLASSES: dict[str, tuple[int, int | None]] = {
    "BadRequestError": (400, -10011),
    "AuthenticationError": (401, -10001),
    "QuotaError": (402, -10004),
    "PermissionDeniedError": (403, -10013),
    "NotFoundError": (404, -10010),
    "RequestTooLargeError": (413, -10017),
    "RateLimitError": (429, None),
    "ServerError": (500, -10003),
    "NoChannelError": (503, -10008),
}
"""Status and 302.AI's code of what the service refuses with."""
_CODES: dict[int, tuple[int, ...]] = {
    400: (-10009, -10011, -10015, -10016, -10600),
    401: (-10001, -10005),
    402: (-10004, -10006, -10007, -10012, -10018),
    403: (-10002, -10013, -10014),
    404: (-10010,),
    413: (-10017,),
    500: (-10003, -10504, -1024),
    503: (-10008,),
}
"""The codes that the description lists, by the status of their meaning."""
_STATUSES = {str(code): status for status, codes in _CODES.items() for code in codes}
"""The same, by the code as text."""
_WORDS: dict[str, int] = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "Unauthorized": 401,
    "insufficient_quota": 402,
    "InsufficientBalance": 402,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "RateLimitExceeded": 429,
    "InvalidParameter": 400,
    "MissingParameter": 400,
    "InternalError": 500,
}
"""Codes that are words, which calls in the form of OpenAI and other vendors have."""
_FAULTS = {
    "ConnectionError": "reset",
    "DecodeError": "broken-json",
    "EnvelopeError": "envelope",
    "StreamError": "cut-stream",
    "TaskFailed": "task-failed",
}
"""Errors that are no error response."""
_OTHERWISE = {
    "TimeoutError": "ask for a `latency` that is longer than the client's timeout",
    "TaskTimeout": "set `polls` higher than the task is waited for",
    "OutputError": "give a `text` that is not the output that was asked for",
    "RealtimeClosed": 'ask for `fault="reset"` of a realtime call',
    "BudgetError": "the client raises it before it sends anything",
    "InvalidArgument": "the client raises it before it sends anything",
}
"""How a test comes by the errors that no response makes."""
KNOWN = (*_CLASSES, *_WORDS, *_FAULTS)
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TALKING = re.compile(r".*(_|[a-z][A-Z]|Error$)", re.ASCII)
"""What a message of one word has not."""


def named(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A wish whose error is a name, as one that says status, code and body, or the fault.

    Raises:
        ValueError: It looks like a name, and is none.
    """
    name = asked.get("error")
    if not isinstance(name, str):
        return dict(asked)
    rest = {key: value for key, value in asked.items() if key != "error"}
    message = f"The mock was asked for {name}."
    if name in _CLASSES:
        status, code = _CLASSES[name]
        return {"code": status, "err_code": code, **rest, "error": message}
    if name in _WORDS:
        status = rest.get("code", _WORDS[name])
        return {**rest, "code": status, "error": {"error": _in_words(name, message, status)}}
    if name in _STATUSES:
        return {"code": _STATUSES[name], "err_code": int(name), **rest, "error": message}
    if name in _FAULTS:
        if "fault" in rest:
            raise ValueError(f"`error`: {name} is a fault itself, so `fault` cannot be asked for.")
        return {**rest, "fault": _FAULTS[name]}
    if "code" not in rest:
        _refuse_wrong(name)
    return dict(asked)


def _in_words(word: str, message: str, status: int) -> dict[str, Any]:
    """The object under `error` of a code that is a word: `code` has it, as OpenAI's form does."""
    texts = {
        key: value for key, value in error_detail(message, status).items() if key != "err_code"
    }
    return {**texts, "code": word, "type": word, "param": None}


def _refuse_wrong(name: str) -> None:
    """Refuse what is written like a name; all else is a message."""
    if name in _OTHERWISE:
        raise ValueError(f"`error`: no response makes a {name}: {_OTHERWISE[name]}.")
    if not _NAME.fullmatch(name):
        return
    near = get_close_matches(name[:100], KNOWN, 3, 0.7)
    if near or _TALKING.match(name):
        names = near or sorted(KNOWN)
        hint = f"did you mean {' or '.join(names)}" if near else f"the names are {', '.join(names)}"
        fix = "a message of one word needs `code`"
        raise ValueError(f"`error`: {name:.100} is not the name of an error; {hint}; {fix}.")
