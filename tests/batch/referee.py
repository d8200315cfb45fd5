"""The referee: a server that counts every request that it gets, in a process that nobody kills.

It takes Kling's text-to-video call, whose prompt is the job's key, and OpenAI's chat. A task is
done after some polls; its result is a file of its own.

    python referee.py PAUSE POLLS

prints its port, then serves. `GET /counts` returns what it saw.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from typing import Any

FILE_SIZE = 20_000


def file_of(name: str) -> bytes:
    """The file that a task with this prompt makes."""
    block = hashlib.sha256(name.encode()).digest()
    return b"\x00\x00\x00\x18ftypmp42" + block * (FILE_SIZE // len(block))


class Referee:
    """What was asked for, and how often."""

    def __init__(self, pause: float, polls: int) -> None:
        self.pause, self.polls = pause, polls
        self.sent: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.uploads = 0
        self.times: list[float] = []
        self.cost: float | None = None
        self.rows: list[dict[str, Any]] = []
        self.refuse = 0
        """How many of the next calls are answered with a 429."""

    async def respond(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, media type and body of a response."""
        if path == "/counts":
            facts = {"sent": self.sent, "polls": self.asked, "uploads": self.uploads}
            return _json({**facts, "times": self.times})
        if path == "/total":
            return _json(len(self.times))
        if path.startswith("/refuse/"):
            self.refuse = int(path.rpartition("/")[2])
            return _json({})
        if path.startswith("/cost/"):
            self.cost = float(path.rpartition("/")[2])
            return _json({})
        if path.startswith("/dashboard/"):
            return self._account(path)
        if path.startswith("/files/"):
            return 200, "video/mp4", file_of(path.removeprefix("/files/").partition(".")[0])
        if path.startswith("/302/upload"):
            self.uploads += 1
            return _json({"code": 200, "message": "success", "data": "https://file.example/1.png"})
        if path.startswith("/rows"):
            self.rows = json.loads(body)
            return _json({})
        self.times.append(time.time())
        return await (self._poll(path) if method == "GET" else self._submit(path, json.loads(body)))

    def _account(self, path: str) -> tuple[int, str, bytes]:
        """What is on record, which is nothing before a cost was set."""
        if path.endswith("/api-record"):
            return _json({"items": self.rows, "pagination": {}})
        if self.cost is None:
            return _json({"error": {"err_code": -10010, "message": "not found"}}, 404)
        return _json({"code": 0, "msg": "success", "data": {"cost": self.cost}})

    async def _submit(self, path: str, body: dict[str, Any]) -> tuple[int, str, bytes]:
        if self.refuse > 0:
            self.refuse -= 1
            return _json({"error": {"err_code": "rate_limit_error", "message": "slow"}}, 429)
        is_chat = path.endswith("/chat/completions")
        name = body["messages"][0]["content"] if is_chat else body["prompt"]
        self.sent[name] += 1
        await asyncio.sleep(self.pause)
        if is_chat:
            return _json(_chat(name))
        data = {"task_id": name, "task_status": "submitted", "created_at": 1, "updated_at": 1}
        return _json({"code": 0, "message": "SUCCEED", "request_id": "x", "data": data})

    async def _poll(self, path: str) -> tuple[int, str, bytes]:
        name = path.rpartition("/")[2]
        self.asked[name] += 1
        is_done = self.asked[name] > self.polls
        data: dict[str, Any] = {"task_id": name, "task_status": "processing"}
        if name.startswith("fail"):
            data |= {"task_status": "failed", "task_status_msg": "The prompt is refused."}
        elif is_done:
            url = f"http://127.0.0.1:{PORT[0]}/files/{name}.mp4"
            videos = [{"id": "1", "url": url, "duration": "5"}]
            data = {"task_id": name, "task_status": "succeed", "task_result": {"videos": videos}}
        return _json({"code": 0, "message": "SUCCEED", "request_id": "x", "data": data})


PORT = [0]


def _chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    about = {"id": f"chatcmpl-{text}", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {**about, "choices": choices, "usage": usage}


def _json(value: Any, status: int = 200) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value).encode()


async def _serve(pause: float, polls: int) -> None:
    referee = Referee(pause, polls)
    count = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                method, path, _ = head.split("\r\n", 1)[0].split(" ")
                length = head.lower().partition("content-length: ")[2].partition("\r")[0]
                body = await reader.readexactly(int(length or 0))
                status, kind, content = await referee.respond(method, path.split("?")[0], body)
                count += 1
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nrequest-id: r-{count}\r\n"
                    f"content-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
    PORT[0] = server.sockets[0].getsockname()[1]
    print(PORT[0], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2])))
