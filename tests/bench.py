"""The budgets of this project, each measured beside its reference in one run.

`make bench` prints the table and fails if one is missed.

Ratios, not times: both sides of a row run alternately on the same machine against the same server
(another process, canned bytes), and each row shows the best of several rounds, so that noise hits
both alike. Bytecode is compiled before imports are timed.
"""

from __future__ import annotations

import compileall
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bench_batch
import bench_network
from bench_network import Row

ROOT = Path(__file__).resolve().parents[1]
GIB = 1 << 30
MIB = 1 << 20
KEY = "bench-key"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "你好"}]}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "你好,世界"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1700000000,
    "model": "gpt-4o",
    "system_fingerprint": "fp_1",
    "choices": [
        {"index": 0, "delta": {"content": "你好"}, "finish_reason": None, "logprobs": None}
    ],
}
CHUNKS = 5000


# --- the server: canned replies, another process --------------------------------------------------


def serve() -> None:
    """Answer on a free port, printed first, until killed."""
    reply = json.dumps(REPLY).encode()
    plain = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"request-id: r-1\r\ncontent-length: %d\r\n\r\n%s" % (len(reply), reply)
    )
    events = b"".join(
        b"data: %s\n\n" % json.dumps(CHUNK, ensure_ascii=False, separators=(",", ":")).encode()
        for _ in range(CHUNKS)
    )
    events += b"data: [DONE]\n\n"
    stream = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n%s"
        % (len(events), events)
    )
    uploaded = json.dumps(
        {"code": 200, "message": "success", "data": "https://file.302.ai/x"}
    ).encode()
    uploaded = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(uploaded), uploaded)
    )

    def handle(connection: socket.socket) -> None:
        file = connection.makefile("rb")
        while head := file.readline():
            method, path, _ = head.split()
            headers: dict[bytes, bytes] = {}
            while (line := file.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            left = int(headers.get(b"content-length", b"0"))
            body = b""
            while left:
                block = file.read(min(left, MIB))
                left -= len(block)
                body = body if body else block
            if method == b"GET":
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n"
                    % GIB
                )
                for _ in range(GIB // MIB):
                    connection.sendall(bytes(MIB))
            elif b"upload" in path:
                connection.sendall(uploaded)
            else:
                connection.sendall(stream if b'"stream":' in body else plain)

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(connection,), daemon=True).start()


# --- measuring ------------------------------------------------------------------------------------


def best(*jobs: Callable[[], object], rounds: int = 7) -> list[float]:
    """Seconds of each job, best of so many rounds, the jobs taking turns."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for index, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            times[index].append(time.perf_counter() - start)
    return [min(t) for t in times]


def imports() -> Row:
    """A fresh interpreter that makes a client, against one that makes httpx's.

    The bare interpreter is subtracted from both.
    """
    for package in ("overlays/api302", "generated/api302_client", "generated/api302_resources"):
        compileall.compile_dir(str(ROOT / package), quiet=2)
    codes = ["pass", "import httpx; httpx.Client()", "import api302; api302.Client(api_key='k')"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def run(code: str) -> Callable[[], object]:
        return lambda: subprocess.run(
            [sys.executable, "-c", code], check=True, env=environment, cwd=tempfile.gettempdir()
        )

    bare, theirs, ours = best(*map(run, codes), rounds=9)
    ours, theirs = ours - bare, theirs - bare
    return Row(
        "import and Client()",
        f"{ours * 1e3:.0f} ms",
        f"httpx {theirs * 1e3:.0f} ms",
        ours / theirs,
        "1.3 x httpx",
        ours <= 1.3 * theirs,
    )


def calls(url: str) -> list[Row]:
    """One call with a typed reply, and one streamed chunk."""
    import httpx
    import openai  # pyright: ignore[reportMissingImports]  # of the extra bench

    import api302

    client = api302.Client(api_key=KEY, base_url=url)
    by_hand = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"})
    other = openai.OpenAI(api_key=KEY, base_url=url + "/v1")
    messages: Any = QUESTION["messages"]
    count = 200

    def repeat(job: Callable[[], object]) -> Callable[[], object]:
        return lambda: [job() for _ in range(count)]

    def hand() -> object:
        reply = by_hand.post("/v1/chat/completions", json=QUESTION)
        reply.raise_for_status()
        return reply.json()["choices"][0]["message"]["content"]

    def ours() -> object:
        reply: Any = client.chat.completions.create(model="gpt-4o", messages=messages)
        return reply.choices[0].message.content

    def openai_sdk() -> object:
        return (
            other.chat.completions.create(model="gpt-4o", messages=messages)
            .choices[0]
            .message.content
        )

    assert hand() == ours() == openai_sdk() == "你好,世界"
    a, b, c = best(repeat(hand), repeat(ours), repeat(openai_sdk))
    call = Row(
        "one call, typed",
        f"{b / count * 1e6:.0f} us",
        f"httpx {a / count * 1e6:.0f} us; openai {c / a:.2f} x",
        b / a,
        "1.3 x httpx",
        b <= 1.3 * a,
    )

    def hand_stream() -> int:
        seen = 0
        with by_hand.stream(
            "POST", "/v1/chat/completions", json={**QUESTION, "stream": True}
        ) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    seen += len(json.loads(line[6:])["choices"][0]["delta"]["content"])
        return seen

    def our_stream() -> int:
        seen = 0
        with client.chat.completions.stream(model="gpt-4o", messages=messages) as stream:
            for chunk in stream:
                item: Any = chunk
                seen += len(item.choices[0].delta.content)
        return seen

    def openai_stream() -> int:
        stream = other.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
        return sum(len(chunk.choices[0].delta.content or "") for chunk in stream)

    assert hand_stream() == our_stream() == openai_stream() == 2 * CHUNKS
    a, b, c = best(hand_stream, our_stream, openai_stream, rounds=15)
    chunk = Row(
        "one streamed chunk, typed",
        f"{b / CHUNKS * 1e6:.1f} us",
        f"httpx loop {a / CHUNKS * 1e6:.1f} us; openai {c / a:.1f} x",
        b / a,
        "1.25 x httpx loop",
        b <= 1.25 * a,
    )
    return [call, chunk]


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    with suppress(
        OSError, StopIteration
    ):  # what follows counts, on Linux, the process as well that this one was forked from
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _now() -> int:
    """What it has now, where the system tells; else the peak."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return _peak()


def transfer(kind: str, url: str, file: str) -> None:
    """In a process of its own: print the bytes above idle that a transfer of 1 GiB takes."""
    import api302

    client = api302.Client(api_key=KEY, base_url=url)
    warm_up: Any = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
    )
    assert warm_up.choices
    idle = _now()
    if kind == "upload":
        # By its path: the operations that are described say how large a file may be.
        client.request("POST", "/302/upload-file", files={"file": Path(file)})
    else:
        client.download(f"{url}/file.mp4", file)
        assert Path(file).stat().st_size == GIB
    print(_peak() - idle)


def transfers(url: str) -> list[Row]:
    """1 GiB up and down."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "big.bin"
        with file.open("wb") as sparse:
            sparse.truncate(GIB)
        for kind in ("upload", "download"):
            target = file if kind == "upload" else Path(folder) / "down.mp4"
            command = [sys.executable, __file__, "--transfer", kind, url, str(target)]
            start = time.perf_counter()
            above = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            seconds = time.perf_counter() - start
            rows.append(
                Row(
                    f"{kind} of 1 GiB",
                    f"{above / MIB:.1f} MiB",
                    f"{seconds:.1f} s",
                    None,
                    "16 MiB above idle",
                    above <= 16 * MIB,
                )
            )
    return rows


def build() -> list[Row]:
    """The generator's whole run, and the size of what it writes."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "generator", "build", "--out", folder],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        size = sum(f.stat().st_size for f in Path(folder).rglob("*.py"))
    document = json.loads((ROOT / "generated/openapi.json").read_text(encoding="utf-8"))
    operations = sum(
        1
        for item in document["paths"].values()
        for name in item
        if name in {"get", "post", "put", "delete", "patch"}
    )
    return [
        Row(
            "full build",
            f"{seconds:.0f} s",
            f"{operations} operations",
            None,
            "30 s for 1,100",
            seconds <= 30 * operations / 1100,
        ),
        Row(
            "generated .py",
            f"{size / 1e6:.2f} MB",
            f"{size / operations / 1e3:.2f} kB an operation",
            None,
            "9 kB an operation",
            size <= 9e3 * operations,
        ),
    ]


def main() -> int:
    """Print the table; 1 if a budget is missed."""
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        rows = [
            imports(),
            *bench_network.rows(),
            *bench_batch.rows(),
            *calls(url),
            *transfers(url),
            *build(),
        ]
    finally:
        server.kill()
        server.wait()
    head = ("what", "ours", "reference", "ratio", "budget", "")
    table = [
        head,
        *(
            (
                r.what,
                r.ours,
                r.reference,
                f"{r.ratio:.2f}" if r.ratio else "",
                r.budget,
                "met" if r.met else "MISSED",
            )
            for r in rows
        ),
    ]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    for line in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    return 0 if all(r.met for r in rows) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve()
    elif sys.argv[1:2] == ["--transfer"]:
        transfer(*sys.argv[2:5])
    else:
        sys.exit(main())
