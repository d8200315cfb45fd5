"""Fault 1: connections belong to the process that made them.

Proved by processes: fork, gunicorn, Celery.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE, happened, until
from support import KEY, Request, Server, api302, chunk, delta, events, head, http

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
CALLS, CHILDREN = 15, 4


def echo(connection: Any, request: Request) -> None:
    """A response that names the question."""
    asked = request.json["messages"][0]["content"]
    choice = {"index": 0, "message": {"role": "assistant", "content": asked}}
    connection.sendall(http({"id": asked, "choices": [choice]}))


def ask(client: Any, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="small", messages=messages).id


def mixed(client: Any, name: str) -> int:
    """How many responses are another call's."""
    asked = [f"{name}-{number}" for number in range(CALLS)]
    return sum(ask(client, question) != question for question in asked)


def fork(job: Any) -> int:
    """Run a job in a child; its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 99
        signal.alarm(int(PATIENCE))  # a child that hangs is a failure and no standstill
        try:
            status = job()
        finally:
            os._exit(status)
    return pid


def waited(pids: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


@pytest.fixture
def client(transport: str, serve: Any, connect: Any) -> Any:
    """A client that made a call.

    One of the caller's own httpx is tested for what it does instead.
    """
    made = connect(serve(echo, forever=True))
    assert ask(made, "first") == "first"
    return made


@pytest.mark.parametrize(
    ("module", "lock", "use"),
    [
        (
            "api302_client._structure",
            "_lock",
            lambda one: one.loader("list[AcmeTaskResponse] | dict[str, int]"),
        ),
        ("api302_client.writer", "_claiming", lambda one: one._claiming.acquire()),
        ("api302.batch.loop", "_making", lambda one: one.making().acquire()),
    ],
)
def test_fault_01_a_fork_while_another_thread_makes_something(
    module: str, lock: str, use: Any
) -> None:
    """The child has no such thread, and a lock that it held would never be opened."""
    one = pytest.importorskip(module)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with getattr(one, lock):
            held.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    happened(held)

    def child() -> int:
        signal.alarm(60)
        use(one)
        return 0

    try:
        assert waited([fork(child)]) == [0]
    finally:
        done.set()
        thread.join()


def test_fault_01_os_fork(client: Any, transport: str) -> None:
    def job(name: str) -> Any:
        def run() -> int:
            try:
                return mixed(client, name)
            except api302.Api302Error as error:
                return 50 if "before this process was forked" in str(error) else 51

        return run

    children = [fork(job(f"child {number}")) for number in range(CHILDREN)]
    here = mixed(client, "parent")
    assert waited(children) == [0 if transport == "httpx2" else 50] * CHILDREN
    assert here == 0
    assert mixed(client, "parent again") == 0


def test_fault_01_closing_in_a_child_leaves_the_parent_alone(client: Any) -> None:
    def run() -> int:
        client.close()
        return 0

    assert waited([fork(run)]) == [0]
    server_side = client._client.io._http
    assert not server_side.is_closed
    assert mixed(client, "parent") == 0


def test_fault_01_a_lock_that_is_held_while_the_process_forks(serve: Any) -> None:
    made = api302.Client(api_key=KEY, base_url=serve(echo, forever=True).url)
    with made._client.connections._lock:
        pid = fork(lambda: mixed(made, "child"))
    assert waited([pid]) == [0]
    made.close()


def test_fault_01_a_stream_is_read_by_the_process_that_opened_it(serve: Any) -> None:
    from support import chunk, delta, events, head, slowly

    start = head("text/event-stream", "transfer-encoding: chunked")
    pieces = [chunk(events(delta(str(n)), done=False)) for n in range(5)]
    end = chunk(events()) + b"0\r\n\r\n"
    server: Server = serve(slowly([*pieces, end], start, pause=0.1))
    made = api302.Client(api_key=KEY, base_url=server.url)
    stream = made.chat.completions.stream(model="small", messages=[])
    next(stream)

    def run() -> int:
        try:
            list(stream)
        except api302.Api302Error as error:
            return 50 if "belongs to the process" in str(error) else 51
        return 52

    assert waited([fork(run)]) == [50]
    assert len(list(stream)) == 4
    made.close()


def _child(client: Any, name: str, found: Any) -> None:
    found.put(mixed(client, name))


def test_fault_01_multiprocessing(serve: Any) -> None:
    made = api302.Client(api_key=KEY, base_url=serve(echo, forever=True).url)
    assert ask(made, "first") == "first"
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    children = [
        context.Process(target=_child, args=(made, f"child {number}", found))
        for number in range(CHILDREN)
    ]
    for child in children:
        child.start()
    assert [found.get(timeout=PATIENCE) for _ in children] == [0] * CHILDREN
    for child in children:
        child.join()
    made.close()


@pytest.mark.usefixtures("network")
def test_fault_01_an_async_client(serve: Any) -> None:
    import asyncio

    server = serve(echo, forever=True)
    made = api302.AsyncClient(api_key=KEY, base_url=server.url)

    async def several(name: str) -> int:
        asked = [f"{name}-{number}" for number in range(CALLS)]
        messages = [[{"role": "user", "content": question}] for question in asked]
        found = [
            (await made.chat.completions.create(model="small", messages=one)).id for one in messages
        ]
        return sum(one != question for one, question in zip(found, asked, strict=True))

    assert asyncio.run(several("first")) == 0
    children = [fork(lambda: asyncio.run(several("child"))) for _ in range(2)]
    assert asyncio.run(several("parent")) == 0
    assert waited(children) == [0, 0]
    asyncio.run(made.close())


APPLICATION = """
import json, os
import api302

client = api302.Client(api_key="{key}", base_url="{url}")

def ask(question):
    messages = [{{"role": "user", "content": question}}]
    return client.chat.completions.create(model="small", messages=messages).id

assert ask("loaded") == "loaded"
"""
MEET = """
import time
from pathlib import Path

def meet(folder):
    # Until as many processes are here at once: that one is quicker than the others proves nothing.
    here = Path(folder)
    here.mkdir(exist_ok=True)
    (here / str(os.getpid())).touch()
    end = time.monotonic() + {patience}
    while len(list(here.iterdir())) < {workers}:
        assert time.monotonic() < end
        time.sleep(0.01)
"""
WORKERS = 3
WEB = """

def application(environ, start_response):
    meet("workers")
    asked = [f"{os.getpid()}-{n}" for n in range(20)]
    wrong = sum(ask(question) != question for question in asked)
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "wrong": wrong}).encode()]
"""


@pytest.fixture
def program(tmp_path: Path, serve: Any, packages: list[str]) -> Any:
    """Write a program that has a client with a call made, and run a command beside it."""
    started: list[subprocess.Popen[str]] = []
    server = serve(echo, forever=True)

    def run(name: str, code: str, *command: str) -> subprocess.Popen[str]:
        text = APPLICATION.format(key=KEY, url=server.url)
        text += MEET.format(patience=PATIENCE, workers=WORKERS) + code
        (tmp_path / name).write_text(text, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *packages])}
        with (tmp_path / "log").open("w") as log:
            command = (sys.executable, *command)
            started.append(
                subprocess.Popen(
                    command, cwd=tmp_path, env=environment, stdout=log, stderr=log, text=True
                )
            )
        return started[-1]

    yield run
    for process in started:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_fault_01_gunicorn_with_preload(program: Any, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    socket_file = tmp_path / "port"
    server = program(
        "web.py",
        WEB,
        *("-m", "gunicorn", "web:application", "--preload", "--workers", str(WORKERS)),
        *("--bind", "127.0.0.1:0", "--pid", str(socket_file), "--log-level", "info"),
        *("--timeout", str(int(PATIENCE))),
    )
    port = _port(server, tmp_path / "log")
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(_get, [port] * 12))
    assert [answer["wrong"] for answer in answers] == [0] * 12
    assert len({answer["pid"] for answer in answers}) == WORKERS


def _get(port: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response:
        return json.load(response)


def _port(server: subprocess.Popen[str], log: Path) -> str:
    import re

    # With what follows the number: the line may be read while it is written.
    line = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+) ")
    until(
        lambda: line.search(log.read_text("utf-8")) or server.poll() is not None,
        "it listens",
    )
    found = line.search(log.read_text("utf-8"))
    assert found, log.read_text("utf-8")
    return found[1]


TASKS = """
from pathlib import Path
from celery import Celery

here = Path(__file__).parent
for name in ("queue", "done", "results"):
    (here / name).mkdir(exist_ok=True)
app = Celery("work")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": str(here / "queue"),
        "data_folder_out": str(here / "queue"),
        "processed_folder": str(here / "done"),
        "store_processed": False,
    },
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)

@app.task(name="ask")
def asked(name):
    meet(here / "workers")
    questions = [f"{os.getpid()}-{name}-{n}" for n in range(20)]
    wrong = sum(ask(question) != question for question in questions)
    half = here / "done" / f"result-{name}"
    half.write_text(json.dumps({"pid": os.getpid(), "wrong": wrong}))
    half.rename(here / "results" / str(name))
"""


def test_fault_01_a_celery_worker(program: Any, tmp_path: Path, packages: list[str]) -> None:
    pytest.importorskip("celery")
    worker = program(
        "work.py",
        TASKS,
        *(
            "-m",
            "celery",
            "-A",
            "work",
            "worker",
            "--pool",
            "prefork",
            "--concurrency",
            str(WORKERS),
        ),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
    )
    send = textwrap.dedent(
        """
        import work
        for name in range(9):
            work.asked.delay(name)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *packages])}
    subprocess.run(
        [sys.executable, "-c", send], cwd=tmp_path, env=environment, check=True, timeout=PATIENCE
    )
    results = tmp_path / "results"
    until(
        lambda: len(list(results.iterdir())) == 9 or worker.poll() is not None, "all tasks are done"
    )
    found = [json.loads(one.read_text()) for one in results.iterdir()]
    assert [one["wrong"] for one in found] == [0] * 9, (tmp_path / "log").read_text()[-3000:]
    assert len(found) == 9
    assert len({one["pid"] for one in found}) == WORKERS


@pytest.mark.parametrize("kind", ["events", "bytes"])
def test_fault_01_a_child_leaves_a_stream_alone_that_the_parent_reads(
    serve: Any, connect: Any, kind: str
) -> None:
    """It waited for ever for a lock of the parent's, and its `close` ended the parent's reading."""
    media, pieces = {
        "events": ("text/event-stream", [events(delta("a"), done=False), events(delta("b"))]),
        "bytes": ("audio/mpeg", [b"ID3-first", b"the-rest"]),
    }[kind]
    is_forked = threading.Event()

    def respond(connection: Any, _: Any) -> None:
        connection.sendall(head(media, "transfer-encoding: chunked") + chunk(pieces[0]))
        happened(is_forked)
        connection.sendall(chunk(pieces[1]) + b"0\r\n\r\n")

    client = connect(serve(respond))
    if kind == "events":
        stream = client.chat.completions.stream(model="small", messages=[])
        lock = stream._values._reading
    else:
        stream = client.audio.acme.stream_speech(input="x")
        lock = stream._turn._lock
    next(stream)

    def child() -> int:
        for use in (lambda: next(stream), stream.__enter__):
            try:
                use()
                return 1
            except api302.Api302Error as error:
                if "belongs to the process" not in str(error):
                    return 2
        stream.close()
        return 0

    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, stream)
        until(lock.locked, "another thread reads")
        status = os.waitpid(fork(child), 0)[1]
        is_forked.set()
        assert os.waitstatus_to_exitcode(status) == 0
        assert len(rest.result(PATIENCE)) == 1
