"""The mock as an ASGI app: finds the operation, checks the request, answers as the document says."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
import struct
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
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
from api302_mock.tasks import Tasks, holds
from api302_mock.validate import Call, Refused, check, keys_of

# 302.AI's own code for each status, as far as public code shows them (402 and up from the meaning of the code).
_ERR_CODES = {401: -10001, 402: -10004, 403: -10013, 404: -10010, 405: -10009, 413: -10017, 429: -10012, 503: -10008, 504: -1024}
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


@dataclass(slots=True)
class Answer:
    """What goes onto the wire: a body of known length, or the events of a stream."""

    status: int
    headers: dict[str, str]
    pieces: Iterable[bytes]
    length: int | None = None


class MockApp:
    """The ASGI app. One document, one memory.

    Args:
        document: The joined document, indexed.
        strict: Refuse query parameters and body fields that the document does not name.
        polls: How many looks at a task tell that it is pending.
        delay: Seconds between two events of a stream.
        same_host: Give files addresses on the API's own host. Otherwise they get the other name of this machine (`localhost` for
            `127.0.0.1`, where the mock is called by it), so that a client meets a foreign host, as at 302.AI, and must not send its key.
    """

    def __init__(self, document: Document, *, strict: bool = False, polls: int = 2, delay: float = 0.01, same_host: bool = False) -> None:
        self.document = document
        self.strict = strict
        self.polls = polls
        self.delay = delay
        self._same_host = same_host
        self.requests: deque[Seen] = deque(maxlen=10_000)
        self._stored: dict[str, BinaryIO] = {}
        self.reset()

    def reset(self) -> None:
        """Forget every task, created thing, uploaded file, logged request and scheduled wish."""
        ids = Ids()
        self._memory = Memory(self.document, ids)
        self._tasks = Tasks(self.document, ids, self._memory, self.polls)
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
        seen = Seen(request.method, path, request.url.query, dict(request.headers), keys_of(request))
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
                    return await _hang_up(receive, send, reset=True)
                if operation is None:
                    answer = self._file(request, unquote(path.removeprefix(_FILES)), wish)
                else:
                    answer = await self._answer(request, operation, parameters, wish, seen)
        except Refused as refused:
            answer = _error(refused, wish)
        finally:
            await request.close()
        seen.status = answer.status
        answer.headers["request-id"] = uuid.uuid4().hex
        await _send(answer, self.delay, receive, send, cut=wish.fault == "cut-stream", head=request.method == "HEAD")

    def _find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        allowed: set[str] = set()
        for route, parameters in self.document.match(path):
            if method in route.operations:
                return route.operations[method], parameters
            allowed |= set(route.operations)
        if allowed:
            raise Refused(405, f"{method} is not for {path}.", headers={"Allow": ", ".join(sorted(allowed))})
        raise Refused(404, f"There is no {method} {path}.")

    def _wish(self, request: Request, operation: Operation | None) -> Wish:
        try:
            return preferred(request.headers.getlist("prefer")).over(self._due(operation))
        except ValueError as error:
            raise Refused(400, f"header `Prefer`: {error}") from None

    async def _answer(self, request: Request, operation: Operation, parameters: dict[str, str], wish: Wish, seen: Seen) -> Answer:
        call = await check(self.document, operation, request, parameters, strict=self.strict)
        seen.body = call.body
        seen.uploads = [(upload.filename, upload.size or 0) for upload in call.uploads]
        _fail_if_asked(wish)
        self._memory.check(call)
        self._tasks.cancelled(call)
        found = self._replies(operation, wish)
        stream = operation.extension("stream")
        if stream is not None and call.matches(stream.get("when")):
            events = [reply for reply in found if reply.media_type == EVENT_STREAM]
            if events:
                return self._stream(operation, events[0], stream, wish)
        found = [reply for reply in found if reply.media_type != EVENT_STREAM] or found
        found = self._tasks.fetched(call, found)
        found = self._tasks.submitted(call, found, fail=wish.fault == "task-failed")
        reply = examples.chosen(found, request.headers.get("accept", "*/*"))
        value = self._memory.applied(call, reply.value)
        if not reply.is_json:
            return _plain(reply)
        value = self._with_files(value, operation, call, request)
        if wish.fault == "envelope":
            _fail_envelope(operation, value)
        body = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")
        if wish.fault == "broken-json":
            body = body[: len(body) * 2 // 3]
        return _whole(reply.status, {"content-type": str(reply.media_type)}, body)

    def _replies(self, operation: Operation, wish: Wish) -> list[Reply]:
        found = list(examples.replies(self.document, operation, status=wish.code))
        if not found:
            raise Refused(400, f"header `Prefer`: {operation.id} documents no {wish.code or 'success'}.")
        # Statuses are alternatives that only a wish or a task chooses among; media types of one status are chosen by `Accept`.
        if operation.extension("task") is None:
            found = [reply for reply in found if reply.status == found[0].status]
        if wish.example is not None:
            named = [reply for reply in found if reply.name == wish.example]
            if not named:
                names = ", ".join(sorted({reply.name for reply in found if reply.name})) or "none"
                raise Refused(400, f"header `Prefer`: {operation.id} has no example `{wish.example}`; it has {names}.")
            found = named
        return found

    def _stream(self, operation: Operation, reply: Reply, stream: dict[str, Any], wish: Wish) -> Answer:
        text = reply.value if isinstance(reply.value, str) else _made_stream(reply.value, stream["done"])
        events = [f"{event.strip()}\n\n" for event in re.split(r"\n\n+", text.strip().replace("\r\n", "\n")) if event.strip()]
        middle = len(events) // 2
        if wish.fault == "end-stream":
            events = [event for event in events if not _ends(event, stream["done"])]
        elif wish.fault == "broken-json":
            events[middle] = events[middle].rstrip()[:-2] + "\n\n"
        elif wish.fault == "error-event":
            data: dict[str, Any] = {}
            put(
                stream.get("error", "error"), data, {"err_code": -10003, "message": "The mock was asked for an error.", "type": "api_error"}
            )
            events[middle:] = [f"data: {json.dumps(data)}\n\n"]
        return Answer(reply.status, {"content-type": EVENT_STREAM}, [event.encode() for event in events])

    def _with_files(self, value: Any, operation: Operation, call: Call, request: Request) -> Any:
        """The reply with its file addresses leading to the mock, so that they can be downloaded."""
        base = self._files_base(request)
        for path in (operation.extension("task-status") or {}).get("outputs", []):
            # An address declared as an output is a file even where it has no ending that says which kind.
            kind = {"images": "png", "audio": "mp3"}.get(next(iter(operation.raw.get("tags", [])), "").partition(".")[0], "mp4")
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
        host = None if self._same_host else {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(url.hostname or "")
        return f"{url.replace(hostname=host) if host else url}".rstrip("/") + _FILES

    async def _own(self, request: Request, path: str) -> Answer:
        """The mock's own paths: what it is, and what `next`, `requests` and `reset` are in Python."""
        info = self.document.raw.get("info", {})
        if (request.method, path) == ("GET", "/"):
            about = {"mock": True, "title": info.get("title"), "version": info.get("version"), "operations": len(self.document.operations)}
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
            return _json([{name: getattr(one, name) for name in shown} | {"with_key": bool(one.keys)} for one in self.requests])
        raise Refused(404, f"There is no {request.method} {path}.")

    def _file(self, request: Request, name: str, wish: Wish) -> Answer:
        """An uploaded file, or a small real one of the kind that its name tells."""
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, f"{request.method} is not for files.", headers={"Allow": "GET, HEAD"})
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
            raise Refused(416, "The range lies outside the file.", headers={"content-range": f"bytes */{size}"})
        length = last - first + 1
        return Answer(206, headers | {"content-range": f"bytes {first}-{last}/{size}"}, files.read(file, first, length), length)


def create_app(
    document: str | Path | Mapping[str, Any] | None = None, *, strict: bool = False, polls: int = 2, delay: float = 0.01
) -> MockApp:
    """Make the mock of a joined document.

    Args:
        document: The document, or the path of its JSON file; by default the one that ships with api302.
        strict: Refuse query parameters and body fields that the document does not name.
        polls: How many looks at a task tell that it is pending, before one tells that it is done.
        delay: Seconds between two events of a stream.
    """
    return MockApp(Document(load(document)), strict=strict, polls=polls, delay=delay)


def _whole(status: int, headers: dict[str, str], body: bytes) -> Answer:
    return Answer(status, headers, [body], len(body))


def _json(value: Any, status: int = 200) -> Answer:
    return _whole(status, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace"))


def _plain(reply: Reply) -> Answer:
    if reply.media_type is None:
        return _whole(reply.status, {}, b"")
    media = {"image/*": "image/png", "audio/*": "audio/mpeg", "video/*": "video/mp4", "*/*": "application/octet-stream"}
    media_type = media.get(reply.media_type, reply.media_type)
    is_text = media_type.startswith("text/") or media_type.endswith("xml")
    data = str(reply.value).encode() if is_text else files.sample_of(media_type)
    return _whole(reply.status, {"content-type": media_type}, data)


def _error(refused: Refused, wish: Wish) -> Answer:
    default = -10003 if refused.status >= 500 else -10011
    code = refused.err_code if refused.err_code is not None else _ERR_CODES.get(refused.status, default)
    message = str(refused)
    languages = {"message": message, "message_cn": f"模拟服务：{message}", "message_jp": f"モック：{message}"}
    answer = _json({"error": {"err_code": code, **languages, "type": "api_error"}}, refused.status)
    answer.headers |= {name.lower(): value for name, value in refused.headers.items()}
    if wish.retry_after is not None or refused.status in (429, 503):
        answer.headers["retry-after"] = f"{1 if wish.retry_after is None else wish.retry_after:g}"
    return answer


def _fail_if_asked(wish: Wish) -> None:
    if wish.code is not None and wish.code >= 400:
        raise Refused(wish.code, f"The mock was asked for {wish.code}.", wish.err_code)


def _fail_envelope(operation: Operation, value: Any) -> None:
    success = operation.extension("success")
    if success is None:
        raise Refused(400, f"header `Prefer`: {operation.id} has no `x-success`, so its 200 cannot tell a failure.")
    number = next((word for word in success["values"] if isinstance(word, (int, float))), None)
    put(success["field"], value, "mock_failed" if number is None else max(success["values"]) + 1001)
    if "message" in success:
        put(success["message"], value, "The mock was asked for a failure.")


def _ends(event: str, done: dict[str, Any]) -> bool:
    data = _data(event)
    if "data" in done:
        return data == done["data"]
    try:
        return holds(done, json.loads(data))
    except ValueError:
        return False


def _data(event: str) -> str:
    return "\n".join(line.removeprefix("data:").removeprefix(" ") for line in event.splitlines() if line.startswith("data:"))


def _made_stream(event: Any, done: dict[str, Any]) -> str:
    held = cast("dict[str, Any]", event).get("data") if isinstance(event, dict) else event
    first = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)
    if "data" in done:
        return f"data: {first}\n\ndata: {done['data']}\n\n" if first != done["data"] else f"data: {first}\n\n"
    return f"data: {first}\n\n"


def _mapped(value: Any, change: Any) -> Any:
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


async def _send(answer: Answer, delay: float, receive: Receive, send: Send, *, cut: bool, head: bool) -> None:
    headers = dict(answer.headers)
    if answer.length is not None and answer.status not in (204, 304):
        headers["content-length"] = str(answer.length)
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    pieces = [] if head else answer.pieces
    if cut:
        whole = list(pieces)
        pieces = whole[: max(len(whole) // 2, 1)] if answer.length is None else [(whole or [b""])[0][: answer.length // 2]]
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(delay if answer.length is None else 0)
    if cut:
        return await _hang_up(receive, send, reset=False)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hang_up(receive: Receive, send: Send, *, reset: bool) -> None:
    """Close the connection under the reply, which ASGI has no words for: by the transport behind uvicorn's `send`.

    Raises:
        ConnectionResetError: there is no transport, since the app is called in-process.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError("The mock was asked to break the connection; in-process there is none.")
    if reset:
        # Linger zero turns the close into a reset.
        cast("socket.socket", transport.get_extra_info("socket")).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
