"""The mock as an ASGI app: finds the operation, checks the request, answers as the document says."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api302_mock import examples, files
from api302_mock.document import Document, Operation, load
from api302_mock.examples import EVENT_STREAM, Reply
from api302_mock.faults import Wish, preferred
from api302_mock.memory import Ids, Memory
from api302_mock.paths import put, search
from api302_mock.streams import events_of
from api302_mock.tasks import Tasks
from api302_mock.validate import Call, Refused, check, keys_of
from api302_mock.wire import Answer, hang_up, send_answer

# 302.AI's own code for each status, as far as public code shows them (402 and up from the meaning of the code).
_ERR_CODES: dict[int, int | str] = {
    **{
        401: -10001,
        402: -10004,
        403: -10013,
        404: -10010,
        405: -10009,
        413: -10017,
        503: -10008,
        504: -1024,
    },
    # No number is known for too many calls: -10012 is a quota that is used up. Newer calls have this word.
    429: "RateLimitExceeded",
}
_URL = re.compile(r"https?://[^\s\"'<>\\)\]]+")
_FILES = "/mock/files/"


@dataclass(slots=True)
class Seen:
    """A request that the mock got, for tests to look at."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keys: list[str]
    operation: str | None = None
    body: Any = None
    uploads: list[tuple[str | None, int]] = field(default_factory=list[tuple[str | None, int]])
    status: int | None = None


class MockApp:
    """The ASGI app. One document, one memory.

    Args:
        document: The joined document, indexed.
        strict: Refuse query parameters and body fields that the document does not name.
        polls: How many looks at a task tell that it is pending.
        pace: Seconds after which the replies of tasks ask to be looked at again (`retry-after-ms`).
        delay: Seconds between two events of a stream.
            These three can be changed at any time, as attributes.
        same_host: Give files addresses on the API's own host. Otherwise they get the other name of this machine (`localhost` for
            `127.0.0.1`, where the mock is called by it), so that a client meets a foreign host, as at 302.AI, and must not send its key.
    """

    def __init__(
        self,
        document: Document,
        *,
        strict: bool = False,
        polls: int = 2,
        pace: float = 0.5,
        delay: float = 0.01,
        same_host: bool = False,
    ) -> None:
        self.document = document
        self.strict = strict
        self.polls = polls
        self.pace = pace
        self.delay = delay
        self._same_host = same_host
        self.requests: deque[Seen] = deque(maxlen=10_000)
        self._stored: dict[str, BinaryIO] = {}
        self.reset()

    def reset(self) -> None:
        """Forget every task, created thing, uploaded file, logged request and scheduled wish."""
        ids = Ids()
        self._memory = Memory(self.document, ids)
        self._tasks = Tasks(self.document, ids, self._memory, lambda: self.polls)
        self._wishes: list[Wish] = []
        self.drop_files()
        self.requests.clear()

    def drop_files(self) -> None:
        """Forget the uploaded files, the large ones of which lie on disk."""
        for file in self._stored.values():
            file.close()
        self._stored.clear()

    def next(self, **wish: Any) -> None:
        """Schedule how the next replies shall be, for callers that cannot send a `Prefer` header.

        Args:
            wish: The fields of :class:`api302_mock.faults.Wish`: `code=429, times=2`, `fault="reset"`, `operation="kling_text_to_video"`.

        Raises:
            ValueError: a name or value that it does not know.
        """
        made = Wish.of(wish)
        if made.operation is not None and made.operation not in self.document.operations:
            raise ValueError(f"operation `{made.operation}` is not in the document.")
        self._wishes.append(made)

    def _due(self, operation: Operation | None) -> Wish:
        for index, wish in enumerate(self._wishes):
            if wish.operation is None or (operation is not None and wish.operation == operation.id):
                if wish.times > 1:
                    self._wishes[index] = replace(wish, times=wish.times - 1)
                else:
                    del self._wishes[index]
                return wish
        return Wish()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            while True:
                event = (await receive())["type"]
                await send({"type": f"{event}.complete"})
                if event == "lifespan.shutdown":
                    return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw_path = scope.get("raw_path") or request.url.path.encode()
        path = raw_path.decode("latin-1").partition("?")[0]
        seen = Seen(
            request.method, path, request.url.query, dict(request.headers), keys_of(request)
        )
        is_file = path.startswith(_FILES)
        wish = Wish()
        try:
            if path == "/" or (path.startswith("/mock/") and not is_file):
                answer = await self._own(request, path)
            else:
                self.requests.append(seen)
                operation, parameters = (None, {}) if is_file else self._find(request.method, path)
                seen.operation = operation.id if operation else None
                wish = self._wish(request, operation)
                await asyncio.sleep(wish.latency)
                if wish.fault == "reset":
                    async for _ in request.stream():
                        pass  # what is still under way would meet the reset, and some clients then see a plain close
                    return await hang_up(receive, send, reset=True)
                if (
                    operation is None
                    and request.method == "PUT"
                    and unquote(path.removeprefix(_FILES)) in self._stored
                ):
                    answer = await self._put(request, unquote(path.removeprefix(_FILES)), wish)
                elif operation is None:
                    answer = self._file(request, unquote(path.removeprefix(_FILES)), wish)
                else:
                    answer = await self._answer(request, operation, parameters, wish, seen)
        except Refused as refused:
            answer = _error(refused, wish)
        finally:
            await request.close()
        seen.status = answer.status
        answer.headers["request-id"] = uuid.uuid4().hex
        await send_answer(
            answer,
            self.delay,
            receive,
            send,
            cut=wish.fault == "cut-stream",
            head=request.method == "HEAD",
        )

    def _find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        shape, allowed = None, set[str]()
        for route, parameters in self.document.match(path):
            # Of two templates that fit a path, the one that spells more out is meant: another's methods are not this one's.
            if shape not in (None, route.pattern.pattern):
                break
            shape = route.pattern.pattern
            if method in route.operations:
                return route.operations[method], parameters
            allowed |= set(route.operations)
        if allowed:
            raise Refused(
                405, f"{method} is not for {path}.", headers={"Allow": ", ".join(sorted(allowed))}
            )
        raise Refused(404, f"There is no {method} {path}.")

    def _wish(self, request: Request, operation: Operation | None) -> Wish:
        try:
            return preferred(request.headers.getlist("prefer")).over(self._due(operation))
        except ValueError as error:
            raise Refused(400, f"header `Prefer`: {error}") from None

    async def _answer(
        self,
        request: Request,
        operation: Operation,
        parameters: dict[str, str],
        wish: Wish,
        seen: Seen,
    ) -> Answer:
        call = await check(self.document, operation, request, parameters, strict=self.strict)
        seen.body = call.body
        seen.uploads = [(upload.filename, upload.size or 0) for upload in call.uploads]
        _fail_if_asked(wish)
        self._memory.check(call)
        self._tasks.cancelled(call)
        found = self._replies(operation, wish)
        if wish.fault == "envelope":
            found = _envelopes(operation, found)
        if wish.fault == "task-failed":
            self._tasks.check_can_fail(operation)
        stream = operation.extension("stream")
        on_demand = (operation.extension("task") or {}).get("when")
        if (
            stream is not None
            and call.matches(stream.get("when"))
            and not (on_demand and call.matches(on_demand))
        ):
            events = [reply for reply in found if reply.media_type == EVENT_STREAM]
            if events:
                return Answer(
                    events[0].status,
                    {"content-type": EVENT_STREAM},
                    events_of(events[0], stream, wish),
                )
        found = [reply for reply in found if reply.media_type != EVENT_STREAM] or found
        found = self._tasks.fetched(call, found, as_shown=wish.example is not None)
        found = self._tasks.submitted(call, found, fail=wish.fault == "task-failed")
        reply = examples.chosen(
            found, request.headers.get("accept", "*/*"), call.value("response_format")
        )
        value = self._memory.applied(call, reply.value)
        if not reply.is_json:
            return _plain(reply)
        value = self._with_files(value, operation, call, request)
        if wish.fault == "envelope":
            _fail_envelope(operation, value)
        body = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")
        if wish.fault == "broken-json":
            body = body[: len(body) * 2 // 3]
        headers = {"content-type": str(reply.media_type)}
        if operation.extension("task") or operation.extension("task-status"):
            headers["retry-after-ms"] = f"{self.pace * 1000:.0f}"
        return _whole(reply.status, headers, body)

    def _replies(self, operation: Operation, wish: Wish) -> list[Reply]:
        found = list(examples.replies(self.document, operation, status=wish.code))
        if not found:
            raise Refused(
                400, f"header `Prefer`: {operation.id} documents no {wish.code or 'success'}."
            )
        # Statuses are alternatives that only a wish or a task chooses among; media types of one status are chosen by `Accept`.
        if operation.extension("task") is None and operation.extension("task-status") is None:
            found = [reply for reply in found if reply.status == found[0].status]
        if wish.example is not None:
            named = [reply for reply in found if reply.name == wish.example]
            if not named:
                names = ", ".join(sorted({reply.name for reply in found if reply.name})) or "none"
                raise Refused(
                    400,
                    f"header `Prefer`: {operation.id} has no example `{wish.example}`; it has {names}.",
                )
            found = named
        return found

    def _with_files(self, value: Any, operation: Operation, call: Call, request: Request) -> Any:
        """The reply with its file addresses leading to the mock, so that they can be downloaded."""
        base = self._files_base(request)
        place = (
            search(rule["put"], value)
            if "put" in (rule := operation.extension("upload") or {})
            else None
        )
        if isinstance(place, str):
            name = f"{uuid.uuid4().hex[:12]}-{_name(place)}"
            self._stored[name] = io.BytesIO()
            value = _replaced(value, place, f"{base}{name}{place[len(place.partition('?')[0]) :]}")
        for path in (operation.extension("task-status") or {}).get("outputs", []):
            # An address declared as an output is a file even where it has no ending that says which kind.
            kind = {"images": "png", "audio": "mp3"}.get(
                next(iter(operation.raw.get("tags", [])), "").partition(".")[0], "mp4"
            )
            for address in _texts(search(path, value)):
                if address.startswith("http") and not files.is_known(_extension(address)):
                    value = _replaced(value, address, f"{base}{_name(address)}.{kind}")
        # An upload is told by its path: that `image` of a form is kept, and not worked on, is said nowhere in the document.
        upload = call.uploads[0] if call.uploads and "upload" in operation.path else None

        def local(found: re.Match[str]) -> str:
            address = found[0].rstrip(".,;")
            if address.startswith(base) or not (upload or files.is_known(_extension(address))):
                return found[0]
            name = _name(address)
            if upload is not None:
                name = f"{uuid.uuid4().hex[:12]}-{_name(upload.filename or 'file')}"
                if (upload.size or 0) < 1 << 20:
                    upload.file.seek(0)
                    self._stored[name] = io.BytesIO(upload.file.read())
                else:
                    # A large one lies on disk. Starlette closes what it parsed when the request ends, so the file changes hands.
                    self._stored[name], upload.file = upload.file, io.BytesIO()
            return base + name + found[0][len(address) :]

        return _mapped(value, lambda text: _URL.sub(local, text))

    def _files_base(self, request: Request) -> str:
        url = request.base_url
        host = (
            None
            if self._same_host
            else {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(url.hostname or "")
        )
        return f"{url.replace(hostname=host) if host else url}".rstrip("/") + _FILES

    async def _own(self, request: Request, path: str) -> Answer:
        """The mock's own paths: what it is, and what `next`, `requests` and `reset` are in Python."""
        info = self.document.raw.get("info", {})
        if (request.method, path) == ("GET", "/"):
            about = {
                "mock": True,
                "title": info.get("title"),
                "version": info.get("version"),
                "operations": len(self.document.operations),
            }
            return _json(about)
        if (request.method, path) == ("GET", "/mock/openapi.json"):
            return _json(self.document.raw)
        if (request.method, path) == ("POST", "/mock/next"):
            try:
                self.next(**await request.json())
            except (ValueError, TypeError) as error:
                raise Refused(422, f"body: {error}") from None
            return _json({"scheduled": len(self._wishes)})
        if (request.method, path) == ("POST", "/mock/reset"):
            self.reset()
            return _json({"reset": True})
        if (request.method, path) == ("GET", "/mock/requests"):
            shown = ("method", "path", "query", "operation", "status")
            return _json(
                [
                    {name: getattr(one, name) for name in shown} | {"with_key": bool(one.keys)}
                    for one in self.requests
                ]
            )
        raise Refused(404, f"There is no {request.method} {path}.")

    async def _put(self, request: Request, name: str, wish: Wish) -> Answer:
        """Take the bytes of an upload of several steps, as a store of files does: no key, no JSON, an `ETag`."""
        file, digest = (
            cast("BinaryIO", tempfile.SpooledTemporaryFile(1 << 20)),
            hashlib.md5(usedforsecurity=False),
        )
        async for chunk in request.stream():
            file.write(chunk)
            digest.update(chunk)
        _fail_if_asked(wish)
        self._stored.pop(name).close()
        self._stored[name] = file
        return _whole(200, {"etag": f'"{digest.hexdigest()}"'}, b"")

    def _file(self, request: Request, name: str, wish: Wish) -> Answer:
        """An uploaded file, or a small real one of the kind that its name tells."""
        if request.method not in ("GET", "HEAD"):
            raise Refused(
                405, f"{request.method} is not for files.", headers={"Allow": "GET, HEAD"}
            )
        _fail_if_asked(wish)
        extension = _extension(name)
        if name in self._stored:
            file = self._stored[name]
        elif "/" in name or not files.is_known(extension):
            raise Refused(404, f"There is no file {name!r}.")
        else:
            file = io.BytesIO(files.sample(extension))
        size = file.seek(0, io.SEEK_END)
        headers = {"content-type": files.media_of(extension), "accept-ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if wanted is None or not (wanted[1] or wanted[2]):
            return Answer(200, headers, files.read(file, 0, size), size)
        first = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
        last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
        if first > last:
            raise Refused(
                416,
                "The range lies outside the file.",
                headers={"content-range": f"bytes */{size}"},
            )
        length = last - first + 1
        return Answer(
            206,
            headers | {"content-range": f"bytes {first}-{last}/{size}"},
            files.read(file, first, length),
            length,
        )


def create_app(
    document: str | Path | Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
    polls: int = 2,
    pace: float = 0.5,
    delay: float = 0.01,
) -> MockApp:
    """Make the mock of a joined document.

    Args:
        document: The document, or the path of its JSON file; by default the one that ships with api302.
        strict: Refuse query parameters and body fields that the document does not name.
        polls: How many looks at a task tell that it is pending, before one tells that it is done.
        pace: Seconds after which the replies of tasks ask to be looked at again (`retry-after-ms`).
        delay: Seconds between two events of a stream.
    """
    return MockApp(Document(load(document)), strict=strict, polls=polls, pace=pace, delay=delay)


def _whole(status: int, headers: dict[str, str], body: bytes) -> Answer:
    return Answer(status, headers, [body], len(body))


def _json(value: Any, status: int = 200) -> Answer:
    return _whole(
        status,
        {"content-type": "application/json"},
        json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace"),
    )


def _plain(reply: Reply) -> Answer:
    if reply.media_type is None:
        return _whole(reply.status, {}, b"")
    media = {
        "image/*": "image/png",
        "audio/*": "audio/mpeg",
        "video/*": "video/mp4",
        "*/*": "application/octet-stream",
    }
    media_type = media.get(reply.media_type, reply.media_type)
    is_text = media_type.startswith("text/") or media_type.endswith("xml")
    data = str(reply.value).encode() if is_text else files.sample_of(media_type)
    return _whole(reply.status, {"content-type": media_type}, data)


def _error(refused: Refused, wish: Wish) -> Answer:
    default = -10003 if refused.status >= 500 else -10011
    code = (
        refused.err_code
        if refused.err_code is not None
        else _ERR_CODES.get(refused.status, default)
    )
    message = str(refused)
    languages = {
        "message": message,
        "message_cn": f"模拟服务：{message}",
        "message_jp": f"モック：{message}",
    }
    answer = _json({"error": {"err_code": code, **languages, "type": "api_error"}}, refused.status)
    answer.headers |= {name.lower(): value for name, value in refused.headers.items()}
    if wish.retry_after is not None or refused.status in (429, 503):
        answer.headers["retry-after"] = f"{1 if wish.retry_after is None else wish.retry_after:g}"
    return answer


def _fail_if_asked(wish: Wish) -> None:
    if wish.code is not None and wish.code >= 400:
        raise Refused(wish.code, f"The mock was asked for {wish.code}.", wish.err_code)


def _envelopes(operation: Operation, found: list[Reply]) -> list[Reply]:
    """The replies that can tell a failure inside a 200."""
    if operation.extension("success") is None:
        raise Refused(
            400,
            f"header `Prefer`: {operation.id} has no `x-success`, so its 200 cannot tell a failure.",
        )
    found = [reply for reply in found if reply.is_json]
    if not found:
        raise Refused(
            400,
            f"header `Prefer`: {operation.id} answers this without JSON, so its 200 cannot tell a failure.",
        )
    return found


def _fail_envelope(operation: Operation, value: Any) -> None:
    success = operation.extension("success") or {}
    words: list[Any] = success["values"]
    numbers = [
        word for word in words if isinstance(word, (int, float)) and not isinstance(word, bool)
    ]
    failing = max(numbers) + 1001 if numbers else False if True in words else "mock_failed"
    # A field that computes, such as `!error`, is no place to write at: what it looks at is the code or the message.
    if not put(success["field"], value, failing) and "code" in success:
        put(success["code"], value, failing or 1001)
    if "message" in success:
        put(success["message"], value, "The mock was asked for a failure.")
    told = search(success["field"], value)
    if told is None or told in words:
        raise Refused(
            400,
            f"header `Prefer`: this reply of {operation.id} has no place for a failure by its `x-success`.",
        )


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_mapped(item, change) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in cast("dict[str, Any]", value).items()}
    return change(value) if isinstance(value, str) else value


def _replaced(value: Any, old: str, new: str) -> Any:
    return _mapped(value, lambda text: text.replace(old, new))


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in cast("list[Any]", value) for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def _extension(address: str) -> str:
    last = re.split(r"[?#]", address)[0].rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last else ""


def _name(address: str) -> str:
    """A file's name from an address or a path, with nothing in it that needs quoting."""
    last = re.split(r"[/\\]", re.split(r"[?#]", address)[0].rstrip("/"))[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-") or "file"
