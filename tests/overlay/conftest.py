"""The overlay on a client built from the mini spec, with the operations of `spec/` beside it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from patience import PATIENCE, libraries_that_wait

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from support import KEY, Server, Step, api302  # noqa: E402

from generator import build  # noqa: E402
from generator.emit import earlier  # noqa: E402

PACKAGES = ("api302", "api302_client", "api302_resources")


def _take_away() -> dict[str, Any]:
    """The packages under test, as they are imported now, out of the way."""
    return {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.partition(".")[0] in PACKAGES
    }


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated packages, kept as long as generator and spec are the same."""
    spec = tmp_path_factory.mktemp("spec")
    shutil.copytree(HERE.parent / "fixtures/mini_spec", spec, dirs_exist_ok=True)
    shutil.copytree(HERE / "spec", spec, dirs_exist_ok=True)
    out = ROOT / ".cache/tests" / _digest(spec)
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            build.build(spec, Path(folder, "generated"))
            with suppress(OSError):  # another process was quicker
                Path(folder, "generated").rename(out)
    return out


def _digest(spec: Path) -> str:
    """What stands for a specification and the generator."""
    said = hashlib.sha256(earlier.generator().encode())
    for path in sorted(path for path in spec.rglob("*") if path.is_file()):
        said.update(path.relative_to(spec).as_posix().encode() + b"\0" + path.read_bytes())
    return said.hexdigest()[:16]


@pytest.fixture(scope="package", autouse=True)
def packages(built: Path) -> Iterator[list[str]]:
    """The built packages are the ones that are imported, for these tests alone.

    Gives the path to import from.
    """
    path = [str(built), str(ROOT / "overlays")]
    before = _take_away()
    sys.path[:0] = path
    yield path
    for folder in path:
        sys.path.remove(folder)
    _take_away()
    sys.modules.update(before)


@pytest.fixture(scope="package", autouse=True)
def libraries_as_they_are() -> Iterator[None]:
    """The client tells the five seconds that the libraries wait from a caller's wish."""
    with libraries_that_wait(5.0):
        yield


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    for name in (
        "AI302_API_KEY",
        "AI302_KEY",
        "302AI_API_KEY",
        "AI302_BASE_URL",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats without waiting."""
    import api302._http.retry

    monkeypatch.setattr(api302._http.retry, "backoff", lambda *_, **__: 0.0)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers, each with a script of its own."""
    started: list[Server] = []

    def start(*steps: Step, forever: bool = False) -> Server:
        started.append(Server(list(steps), forever))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(params=["httpx2", "httpx"])
def transport(request: pytest.FixtureRequest) -> str:
    """The library that makes the connections: our own httpx2, or a caller's own client of httpx."""
    return request.param


@pytest.fixture(params=["httpx2", "aiohttp"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What makes the connections of an async client: httpx2, or aiohttp where it is installed."""
    if request.param == "aiohttp":
        pytest.importorskip("httpx_aiohttp")
    else:
        import api302._http.transport

        monkeypatch.setattr(api302._http.transport, "_aiohttp", lambda *_: None)
    return request.param


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections stay open for longer than any pause of a busy machine."""
    import api302._http.aiohttp
    import api302._http.body

    monkeypatch.setattr(api302._http.body, "LINGER", PATIENCE)
    monkeypatch.setitem(httpx2.Limits.__init__.__kwdefaults__ or {}, "keepalive_expiry", PATIENCE)
    monkeypatch.setitem(httpx.Limits.__init__.__kwdefaults__ or {}, "keepalive_expiry", PATIENCE)
    monkeypatch.setattr(api302._http.aiohttp, "KEPT", PATIENCE)


@pytest.fixture
def connect(transport: str) -> Iterator[Callable[..., Any]]:
    """Make clients of a server, closed after the test."""
    made: list[Any] = []

    def client(server: Server, **options: Any) -> Any:
        if transport == "httpx":
            made.append(httpx.Client())
            options["http_client"] = made[-1]
        made.append(api302.Client(api_key=KEY, base_url=server.url, **options))
        return made[-1]

    yield client
    for one in made:
        one.close()


MANY = """
import asyncio, sys
BODY = b'{"id": "c-1", "choices": []}'
HEAD = (
    b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\n"
    b"content-length: %d\\r\\n\\r\\n" % len(BODY)
)

async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\\r")[0]
            await reader.readexactly(int(length or 0))
            await asyncio.sleep(0.005)
            writer.write(HEAD + BODY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture(scope="session")
def many() -> Iterator[str]:
    """The URL of a server for thousands of calls at once, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", MANY], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()
