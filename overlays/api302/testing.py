"""For tests: keep what is exchanged with the service, without secrets, and play it back offline.

with api302.testing.record(client, "recorded"):  # once, with the service
    client.chat.completions.create(...)

client = Client(api_key="sk-test", middleware=[api302.testing.replay("recorded")])
"""

from __future__ import annotations

import datetime
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from api302_client._fork import in_each_child

from ._calls.middleware import observed
from ._errors import Api302Error, InvalidArgument
from ._http.decoding import ABSENT, json_of
from ._http.response import Response
from ._json import is_object
from ._secret import Redactor
from ._types import Call

if TYPE_CHECKING:
    from os import PathLike

    from ._client import AsyncClient, Client

SHOWN = ("content-type", "content-length", "request-id", "accept", "lang", "prefer")
SWITCHED = 101
"""The status of a WebSocket's handshake."""
VERSION = 1
"""Of the files' form."""
LARGEST = 16 << 20
"""Bytes of a file that a recording keeps at most."""


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


def without_named(value: Any) -> Any:
    """A JSON value without what stands in fields that are named like secrets, or looks like one."""
    return Redactor().recorded(value)


def write(kept: Mapping[str, Any], folder: Path, number: int) -> Path:
    """Write what was kept of an exchange into a folder; returns its file."""
    text = json.dumps(kept, ensure_ascii=False, indent=1, default=str)
    file = folder / f"{number:04d}-{kept['operation'] or 'request'}.json"
    with file.open("xb") as opened:
        opened.write(f"{text}\n".encode("utf-8", "replace"))
    return file


class _Numbers:
    """The numbers of the files in a folder, for all who record into it at once.

    A file of an earlier recording is replaced; one that another process has just written is not.
    """

    _of: ClassVar[dict[Path, _Numbers]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._earlier = {file: _mark(file) for file in folder.glob("*.json")}
        self._next = count(1)
        self._users = 0

    @classmethod
    @contextmanager
    def of(cls, folder: Path) -> Generator[_Numbers]:
        """Those of a folder, as long as it is recorded into."""
        place = folder.resolve()
        with cls._lock:
            numbers = cls._of.setdefault(place, cls(place))
            numbers._users += 1
        try:
            yield numbers
        finally:
            with cls._lock:
                numbers._users -= 1
                if not numbers._users:
                    cls._of.pop(place, None)

    def write(self, kept: Mapping[str, Any]) -> None:
        """Write what was kept of an exchange under the next number. Raises OSError."""
        with self._lock:
            for number in self._next:
                file = self._folder / f"{number:04d}-{kept['operation'] or 'request'}.json"
                if (mark := self._earlier.get(file)) is not None and mark == _mark(file):
                    file.unlink(missing_ok=True)
                with suppress(FileExistsError):
                    write(kept, self._folder, number)
                    return


def _mark(file: Path) -> tuple[int, int] | None:
    """What tells a file from another of its name."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _after_fork() -> None:
    """The lock may be held by a thread that the child does not have."""
    _Numbers._lock = threading.Lock()  # pyright: ignore[reportPrivateUsage]


in_each_child(_after_fork)


@contextmanager
def record(client: Client | AsyncClient, folder: str | PathLike[str]) -> Generator[None]:
    """Within `with`, write each exchange of a client, and of those made by its `with_options`, to a
    folder, one JSON file each.

    A file has `version`, `day`, `operation`, `request` (method, path, query, headers, json or names
    of form fields) and `response` (status, headers, json, text or size).
    A file that a call returns is kept as `base64`, up to 16 MiB.
    Only harmless headers are kept; the key, and the values of fields that are named like secrets,
    are replaced by "[hidden]".
    What you send and receive is otherwise written as it is: look before you publish it.
    Several may record into one folder at once; a file of an earlier recording is replaced.

    Raises InvalidArgument where `folder` cannot be one.
    """
    into = _folder(folder)
    try:
        into.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidArgument(f"folder: {str(folder)!r} cannot be made: {why}") from None
    session = client._client  # pyright: ignore[reportPrivateUsage]

    def keep(call: Call, response: Response, content: bytes) -> None:
        kept = _exchange(call, response, content).kept(call.redactor)
        kept["response"] |= _file(kept["response"], content, call.redactor)
        numbers.write(kept)

    with _Numbers.of(into) as numbers, observed(session, keep):
        yield


def _folder(folder: Any) -> Path:
    try:
        return Path(folder)
    except TypeError:
        kind = type(folder).__name__
        raise InvalidArgument(f"folder: must be the path of a folder, not {kind}") from None


class NotRecorded(Api302Error):
    """A call that a recording does not have, or has not as often as it is made."""


def replay(folder: str | PathLike[str]) -> Callable[[Call, object], Response]:
    """Middleware that answers each call as a recording did, without the service.

    Calls are told apart by method, path, query and body, whose secrets are hidden as in the
    recording; of a form the names of its fields count. A call that was made several times gets the
    responses in their order, so a task is followed through the same states.

        client = Client(api_key="sk-test", middleware=[api302.testing.replay("recorded")])

    Args:
        folder: What `record` wrote.

    Raises:
        InvalidArgument: There is no recording in the folder, or one of another version.
    """
    recorded = _Recorded(_folder(folder))
    return lambda call, _: recorded.response(call)


class _Recorded:
    """The exchanges of a folder, by their requests."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._folder = folder
        self._known: dict[str, list[dict[str, Any]]] = {}
        self._requests: list[dict[str, Any]] = []
        for file in sorted(folder.glob("*.json")):
            kept = _read(file)
            self._requests.append(kept["request"])
            self._known.setdefault(_key(kept["request"]), []).append(kept["response"])
        if not self._requests:
            raise InvalidArgument(f"folder: there is no recording in {folder}")

    def response(self, call: Call) -> Response:
        """The next response to a call. Raises NotRecorded."""
        request = _exchange(call, Response(), b"").kept(call.redactor)["request"]
        with self._lock:
            listed = self._known.get(_key(request))
            if listed is None:
                raise NotRecorded(f"{call.what}: {self._why(request)}")
            if not listed:
                raise NotRecorded(f"{call.what}: it is made more often than it was recorded")
            kept = listed.pop(0)
        if kept["status"] == SWITCHED:
            raise NotRecorded(f"{call.what}: a conversation is not replayed; the mock has them")
        return _played(kept)

    def _why(self, request: dict[str, Any]) -> str:
        """What is different in a request from the one that is most like it."""
        place = (request["method"], request["path"])
        like = [one for one in self._requests if (one["method"], one["path"]) == place]
        if not like:
            return f"it is not in the recording in {self._folder}"
        different = min((list(_different(one, request)) for one in like), key=len)
        return f"it was recorded with another {', '.join(different)}"


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text("utf-8"))
        is_known = kept["version"] == VERSION and {"request", "response"} <= kept.keys()
        if is_known:
            _check(kept["request"], kept["response"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidArgument(f"folder: {file} is not a recording") from error
    if not is_known:
        raise InvalidArgument(f"folder: {file} is of another version: record it again")
    return kept  # type: ignore[no-any-return]


def _check(request: Any, response: Any) -> None:
    """Look whether an exchange can be played back. Raises ValueError, TypeError or KeyError."""
    if not (is_object(request) and {"method", "path"} <= request.keys() and is_object(response)):
        raise TypeError("no exchange")
    if response["status"] != SWITCHED:
        _played(response)


def _key(request: Mapping[str, Any]) -> str:
    """What tells a request from others."""
    told = {name: value for name, value in request.items() if name != "headers"}
    return json.dumps(told, sort_keys=True, default=str)


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """The parts of two requests that differ; of JSON objects their fields."""
    for part in ("query", "json", "form"):
        old, new = one.get(part), other.get(part)
        if is_object(old) and is_object(new):
            names = sorted(old.keys() | new.keys())
            yield from (f"`{name}`" for name in names if old.get(name) != new.get(name))
        elif old != new:
            yield "body" if part == "json" else part


def _played(kept: Mapping[str, Any]) -> Response:
    """The response that was recorded."""
    headers = {name: value for name, value in kept["headers"].items() if name != "content-length"}
    if "json" in kept:
        content = json.dumps(kept["json"], ensure_ascii=False).encode("utf-8", "replace")
    elif "text" in kept:
        content = kept["text"].encode("utf-8", "replace")
    else:
        content = b64decode(kept.get("base64", ""), validate=True)
    return Response(kept["status"], headers, content)


def _file(kept: Mapping[str, Any], content: bytes, redactor: Redactor) -> dict[str, str]:
    """The bytes of a file, unless it is too large, or a secret is in it."""
    if "bytes" not in kept or not content or len(content) > LARGEST:
        return {}
    text = content.decode("latin-1")
    return {"base64": b64encode(content).decode()} if redactor.text(text) == text else {}


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
