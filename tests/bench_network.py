"""The network's part of `make bench`: the first response, many calls at once, memory, endurance.

Run by `bench.py`; alone, `python tests/bench_network.py` prints these rows only.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

MIB = 1 << 20
KEY = "bench-key-0123456789"
PATH = "/v1/chat/completions"
QUESTION: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hello"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}
AT_ONCE = (20, 100, 300)
PATIENCE = 120.0
"""Seconds: a busy machine is slow to make hundreds of connections."""
ENDURANCE = 100_000


class Row(NamedTuple):
    """One line of the table."""

    what: str
    ours: str
    reference: str
    ratio: float | None
    budget: str
    met: bool


# --- the server, in another process ---------------------------------------------------------------


def _response(value: Any) -> bytes:
    body = json.dumps(value).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: r-1\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _picture() -> Any:
    image = base64.b64encode(random.Random(1).randbytes(6 * MIB)).decode()
    return {"created": 1700000000, "data": [{"b64_json": image, "revised_prompt": "a 🐼"}]}


class _Answering(asyncio.Protocol):
    """Answers each request: after 20 ms, at once where the host begins with `now`, or largely."""

    pause = 0.02
    small, large = _response(ANSWER), b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if len(rest) < int(length or 0):
            return
        self._received = b""
        answer = self.large if b"images" in head.partition(b"\r\n")[0] else self.small
        loop = asyncio.get_running_loop()
        loop.call_later(self.pause, self._answer, answer) if self.pause else self._answer(answer)

    def _answer(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def serve(pause: str) -> None:
    """Answer on a free port, printed first, until killed."""
    _Answering.pause, _Answering.large = float(pause), _response(_picture())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answering, "127.0.0.1", 0, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


class Served:
    """The server, for a `with`."""

    def __init__(self, pause: float) -> None:
        self._pause = pause

    def __enter__(self) -> str:
        command = [sys.executable, __file__, "--serve", str(self._pause)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _child(*arguments: str) -> list[str]:
    """What this file prints in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


# --- the first response of a fresh process --------------------------------------------------------

BY_HAND = """
import {library}
client = {library}.Client(headers={{"Authorization": "Bearer k"}})
reply = client.post("{url}{path}", json={question!r})
reply.raise_for_status()
assert reply.json()["choices"][0]["message"]["content"]
"""
OURS = """
import api302
client = api302.Client(api_key="{key}", base_url="{url}")
reply = client.chat.completions.create(**{question!r})
assert reply.choices[0].message.content
"""


def first_response(url: str) -> Row:
    """A fresh interpreter up to its first response, against httpx and httpx2 by hand."""
    facts = {"url": url, "path": PATH, "question": QUESTION, "key": KEY}
    codes = [
        "pass",
        BY_HAND.format(library="httpx", **facts),
        BY_HAND.format(library="httpx2", **facts),
        OURS.format(**facts),
    ]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: list[list[float]] = [[] for _ in codes]
    for _ in range(15):
        for number, code in enumerate(codes):
            start = time.perf_counter()
            command = [sys.executable, "-c", code]
            subprocess.run(command, check=True, env=environment, cwd=tempfile.gettempdir())
            times[number].append(time.perf_counter() - start)
    bare, httpx, httpx2, ours = map(min, times)
    ours, httpx, httpx2 = ours - bare, httpx - bare, httpx2 - bare
    return Row(
        "first response of a fresh process",
        f"{ours * 1e3:.0f} ms",
        f"httpx {httpx * 1e3:.0f} ms; httpx2 {httpx2 * 1e3:.0f} ms",
        ours / httpx,
        "1.0 x httpx",
        ours <= httpx,
    )


# --- many at once ---------------------------------------------------------------------------------

Job = Callable[[], Awaitable[Any]]


async def _rate(job: Job, at_once: int, total: int) -> float:
    """Calls a second, so many at once."""
    left = total

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await job()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return total / (time.perf_counter() - start)


async def _measured(job: Job, at_once: int) -> float:
    await _rate(job, at_once, at_once)  # the connections
    return await _rate(job, at_once, max(at_once * 4, 400))


async def _ours(url: str, at_once: int, transport: Any) -> float:
    import httpx2

    import api302

    options: Any = {"transport": transport, "timeout": httpx2.Timeout(PATIENCE)}
    async with api302.AsyncClient(api_key=KEY, base_url=url, **options) as client:

        async def job() -> str:
            reply: Any = await client.chat.completions.create(**QUESTION)
            return reply.choices[0].message.content

        return await _measured(job, at_once)


async def _by_hand(kind: Any, url: str, at_once: int) -> float:
    import httpx2

    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    headers = {"Authorization": f"Bearer {KEY}"}
    options = {"headers": headers, "limits": limits, "timeout": PATIENCE}
    async with kind(base_url=url, **options) as client:

        async def job() -> str:
            reply = await client.post(PATH, json=QUESTION)
            reply.raise_for_status()
            return reply.json()["choices"][0]["message"]["content"]

        return await _measured(job, at_once)


async def _aiohttp(url: str, at_once: int) -> float:
    import aiohttp

    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(limit=1000)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def job() -> str:
            async with session.post(f"{url}{PATH}", json=QUESTION) as reply:
                reply.raise_for_status()
                return (await reply.json())["choices"][0]["message"]["content"]

        return await _measured(job, at_once)


def many(url: str) -> list[Row]:
    """Async calls a second against a server of 20 ms, over each transport, in turns."""
    import httpx2
    from httpx_aiohttp.httpx2 import Httpx2AiohttpClient

    rows: list[Row] = []
    for at_once in AT_ONCE:
        kinds: dict[str, Callable[[], Any]] = {
            "ours aiohttp": lambda n=at_once: _ours(url, n, "aiohttp"),
            "httpx-aiohttp": lambda n=at_once: _by_hand(Httpx2AiohttpClient, url, n),
            "ours httpx2": lambda n=at_once: _ours(url, n, "httpx2"),
            "httpx2": lambda n=at_once: _by_hand(httpx2.AsyncClient, url, n),
            "aiohttp": lambda n=at_once: _aiohttp(url, n),
        }
        best = dict.fromkeys(kinds, 0.0)
        for _ in range(3):
            for name, kind in kinds.items():
                best[name] = max(best[name], asyncio.run(kind()))
        for name, share in (("httpx-aiohttp", best["aiohttp"]), ("httpx2", best["aiohttp"])):
            ours = best[f"ours {name.removeprefix('httpx-')}"]
            rows.append(
                Row(
                    f"{at_once} at once, {name.removeprefix('httpx-')}",
                    f"{ours:.0f} /s",
                    f"{name} {best[name]:.0f} /s; {ours / share:.0%} of aiohttp {share:.0f} /s",
                    ours / best[name],
                    f"0.9 x {name}",
                    ours >= 0.9 * best[name],
                )
            )
    return rows


# --- memory ---------------------------------------------------------------------------------------


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGESIZE")


def measure_memory(url: str) -> None:
    """In a process of its own: print bytes held after a large response, at its peak, and parsed.

    As Python counts them: what the allocator keeps of what was freed depends on what was before.
    """
    import tracemalloc

    import api302

    client = api302.Client(api_key=KEY, base_url=url)
    client.chat.completions.create(**QUESTION)
    tracemalloc.start()
    reply: Any = client.images.openai.generate_image(model="gpt-image-1", prompt="a panda")
    held, peak = tracemalloc.get_traced_memory()
    print(held, peak, len(reply.data[0].b64_json))


def measure_endurance(url: str, calls: str) -> None:
    """In a process of its own: print bytes after a tenth of so many calls, and after all."""
    import gc

    import api302

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=url) as client:

            async def job() -> Any:
                return await client.chat.completions.create(**QUESTION)

            for count in (int(calls) // 10, int(calls) - int(calls) // 10):
                await _rate(job, 100, count)
                gc.collect()
                print(_resident())

    asyncio.run(main())


def memory(url: str) -> list[Row]:
    """What an 8 MB response takes, and that many calls take no more than few."""
    held, peak, parsed = map(int, _child("--memory", url))
    rows = [
        Row(
            f"8 MB response, {name}",
            f"{size / MIB:.1f} MiB",
            f"parsed {parsed / MIB:.1f} MiB",
            size / parsed,
            f"{most} x",
            size <= most * parsed,
        )
        for name, size, most in (("held", held, 1.3), ("peak", peak, 3.0))
    ]
    early, late = map(int, _child("--endurance", url, str(ENDURANCE)))
    rows.append(
        Row(
            f"after {ENDURANCE:,} calls",
            f"{late / MIB:.1f} MiB",
            f"after a tenth of them {early / MIB:.1f} MiB",
            late / early,
            "4 MiB more",
            late - early <= 4 * MIB,
        )
    )
    return rows


def rows() -> list[Row]:
    """All of this file's rows."""
    with Served(0.0) as url:
        found = [first_response(url), *memory(url)]
    with Served(0.02) as url:
        return [*found, *many(url)]


if __name__ == "__main__":
    modes = {"--serve": serve, "--memory": measure_memory, "--endurance": measure_endurance}
    if len(sys.argv) > 1:
        modes[sys.argv[1]](*sys.argv[2:])
    else:
        for row in rows():
            print(*row, sep="  ")
