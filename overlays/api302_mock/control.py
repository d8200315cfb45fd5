"""What a test sets and sees, in Python or under `/mock/`: settings, wishes, logged requests."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypedDict, get_args
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api302_mock.document import Document
from api302_mock.errors import Refused
from api302_mock.wishes import Wish, flag, nearest, one_of, seconds, whole

MiB = 1 << 20
MOST_WISHES = 10_000
"""Wishes that may wait for their requests."""

# --- settings -------------------------------------------------------------------------------------

Webhooks = Literal["loopback", "any", "none"]


@dataclass(slots=True)
class Settings:
    """How a mock behaves. They can be changed at any time, and a reset restores them.

    Attributes:
        strict: Refuse query parameters and body fields that the document does not name, and models
            that the catalogue does not know.
        polls: Polls that report a task as pending before one reports that it is done.
        pace: Seconds after which the responses of tasks ask to be polled again (`retry-after-ms`).
        delay: Seconds between two events of a stream.
        same_host: Give files URLs on the API's own host. Otherwise they get the other name of
            this machine (`localhost` for `127.0.0.1`, where the mock is called by it), so that a
            client meets a foreign host, as at 302.AI, and must not send its API key.
        webhooks: Which webhooks are called when a task ends: those on this machine (`loopback`),
            `any`, `none`.
    """

    strict: bool = False
    polls: int = 2
    pace: float = 0.5
    delay: float = 0.01
    same_host: bool = False
    webhooks: Webhooks = "loopback"

    def change(self, values: Mapping[str, Any]) -> None:
        """Change some of them; all or, if a name or value is wrong, none.

        Raises:
            ValueError: A name or value is not one that the mock knows.
        """
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in _SETTINGS:
                raise ValueError(f"`{name:.100}` is unknown; {nearest(name, _SETTINGS)}.")
            try:
                checked[name] = _SETTINGS[name](value)
            except ValueError as error:
                raise ValueError(f"`{name}`: {value!r:.100} is not {error}.") from None
        for name, value in checked.items():
            setattr(self, name, value)


class SettingsFields(TypedDict, total=False):
    """The settings that a mock is started with, as :class:`Settings` says."""

    strict: bool
    polls: int
    pace: float
    delay: float
    same_host: bool
    webhooks: Webhooks


_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "strict": flag,
    "polls": whole(0, 10**9, "a whole number"),
    "pace": seconds,
    "delay": seconds,
    "same_host": flag,
    "webhooks": one_of(get_args(Webhooks)),
}

# --- the log --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """A request that the mock got, for tests to look at."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keys: list[str]
    """The API keys that it carries."""
    operation: str | None = None
    """The operation id, or None where no operation was meant."""
    uploads: list[tuple[str | None, int]] = field(default_factory=list[tuple[str | None, int]])
    """File name and size of each file part of a form."""
    status: int | None = None
    """Of the response; None where none was sent."""
    content: bytes = b""
    """The body as JSON text (a form as the object of its fields), or as it came where it is
    binary. Empty for an
    old request once the log has grown over its limit."""

    @property
    def body(self) -> Any:
        """The body as JSON data, or bytes; None where the request has none, or a wrong one."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            return self.content

    @property
    def size(self) -> int:
        """Bytes, about, without the body."""
        texts = [self.path, self.query, *self.headers, *self.headers.values()]
        return 1024 + sum(map(len, texts))


class Log:
    """The last requests, within a limit of bytes: first old bodies are forgotten, then old
    requests.

    Args:
        limit: Bytes.
        count: Requests.
    """

    def __init__(self, limit: int = 32 * MiB, count: int = 10_000) -> None:
        self._limit = limit
        self._count = count
        self._all: deque[Seen] = deque()
        self._with_body: deque[Seen] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Seen]:
        """The requests, oldest first."""
        return list(self._all)

    def add(self, seen: Seen) -> None:
        """Log a request."""
        self._all.append(seen)
        self._size += seen.size
        self._trim()

    def add_body(self, seen: Seen, content: bytes) -> None:
        """Log the body of a request that is logged already."""
        if content:
            seen.content = content
            self._with_body.append(seen)
            self._size += len(content)
            self._trim()

    def _trim(self) -> None:
        while self._size > self._limit and self._with_body:
            oldest = self._with_body.popleft()
            self._size -= len(oldest.content)
            oldest.content = b""
        while len(self._all) > self._count or (self._size > self._limit and len(self._all) > 1):
            oldest = self._all.popleft()
            self._size -= oldest.size


# --- wishes ---------------------------------------------------------------------------------------


class Control:
    """The settings, wishes and log of one mock.

    Args:
        document: The document, which knows the operations that a wish can name.
        settings: The settings to begin with, and to return to.
        channels: The ids of the calls over WebSockets, which a wish can name too.
    """

    def __init__(
        self, document: Document, settings: Settings, channels: Iterable[str] = ()
    ) -> None:
        self._document = document
        self._known = [*document.operations, *channels]
        self._initial = replace(settings)
        self.settings = settings
        self._lock = threading.Lock()  # tests schedule wishes from their own thread
        self._wishes: list[Wish] = []
        self.log = Log()

    def reset(self) -> None:
        """Forget the log and the wishes, and restore the settings."""
        for item in fields(Settings):
            setattr(self.settings, item.name, getattr(self._initial, item.name))
        with self._lock:
            self._wishes = []
        self.log = Log()

    def next(self, values: Mapping[str, Any]) -> int:
        """Schedule how the next responses are to be.

        Returns:
            How many wishes are scheduled.

        Raises:
            ValueError: A name or value is not one that the mock knows.
        """
        wish = Wish.of(values)
        if wish.operation is not None and wish.operation not in self._known:
            hint = nearest(wish.operation, self._known)
            known = hint if hint.startswith("did") else "GET /mock/openapi.json has their ids"
            raise ValueError(
                f"`operation`: `{wish.operation:.100}` is not in the document; {known}."
            )
        with self._lock:
            if len(self._wishes) >= MOST_WISHES:
                fix = "reset the mock, or say `times`"
                raise ValueError(f"{MOST_WISHES:,} wishes wait for requests already; {fix}.")
            self._wishes.append(wish)
            return len(self._wishes)

    def due(self, operation: str | None) -> Wish:
        """Take the oldest wish for a request of this operation, or one that asks for nothing."""
        with self._lock:
            for index, wish in enumerate(self._wishes):
                if wish.operation in (None, operation):
                    left = (wish.times or 1) - 1
                    self._wishes[index : index + 1] = [replace(wish, times=left)] if left else []
                    return wish
        return Wish()

    # --- under /mock/ -----------------------------------------------------------------------------

    def requests(self) -> list[dict[str, Any]]:
        """The log as JSON. It names no API key."""
        names = ("method", "path", "query", "operation", "status")
        return [
            {name: getattr(seen, name) for name in names} | {"with_key": bool(seen.keys)}
            for seen in self.log.all()
        ]

    def about(self) -> dict[str, Any]:
        """What this mock is."""
        info = self._document.raw.get("info", {})
        count = len(self._document.operations)
        return {
            "mock": True,
            "title": info.get("title"),
            "version": info.get("version"),
            "operations": count,
        }

    def described(self) -> dict[str, Any]:
        """The settings as JSON."""
        return asdict(self.settings)


# --- who may control ------------------------------------------------------------------------------

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


def host_of(headers: Headers) -> tuple[str, int | None] | None:
    """Name and port of the `Host` header; None where it is missing or malformed."""
    match = _HOST.fullmatch(headers.get("host", ""))
    return (match[1].strip("[]").lower(), int(match[2]) if match[2] else None) if match else None


def refuse_foreign(headers: Headers) -> None:
    """Refuse a request that a web page of somebody else's may have made.

    A browser says in `Origin` which page asks. A page whose name an attacker lets lead to this
    machine would have its own name as `Host`; so that must be an IP address, a local name, or a
    name without dots.

    Raises:
        Refused: 403.
    """
    named = headers.get("host", "")
    host = host_of(headers)
    if named and (host is None or not _is_local(host[0])):
        hint = "use its IP address"
        raise Refused(403, f"header `Host`: {named[:100]!r} is not a name of this machine; {hint}.")
    origin = headers.get("origin")
    if origin is not None and not _is_same(origin, headers.get("host", "")):
        raise Refused(
            403, f"header `Origin`: web pages of {origin[:100]!r} may not control the mock."
        )
    if headers.get("sec-fetch-site") == "cross-site":
        raise Refused(403, "header `Sec-Fetch-Site`: web pages of others may not control the mock.")


def _is_local(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".internal"))
    return True


def _is_same(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False
