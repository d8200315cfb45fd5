"""Redis and PostgreSQL as the tests need them: their own, on ports of their own, killed and started
again.

PostgreSQL does not run as root, so it gets a user of its own there; its binaries may lie outside
PATH. In CI (API302_CI) both must be there; elsewhere a test without them is skipped.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE, reserved_port

_PROGRAMS = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql")


def program(name: str) -> str | None:
    """Where a server's program is, on PATH or where systems put it."""
    if found := shutil.which(name):
        return found
    roots = [Path(root) for root in _PROGRAMS if Path(root).is_dir()]
    paths = [path for root in roots for path in root.rglob(name)]
    return str(max(paths)) if paths else None


def needs(*names: str) -> None:
    """Skip the test, and say so, where a server is not installed; in CI fail."""
    missing = [name for name in names if program(name) is None]
    if missing and os.environ.get("API302_CI"):
        pytest.fail(f"{', '.join(missing)} must be installed in CI")
    if missing:
        pytest.skip(
            f"{', '.join(missing)} is not installed: apt-get install redis-server postgresql"
        )


class Service:
    """A process that can be killed, and started again."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[Any] | None = None

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """For Popen."""
        return {}

    def is_up(self) -> bool:
        """Whether it takes requests."""
        return True

    def start(self) -> None:
        """Start it, and wait until it is up."""
        end = time.monotonic() + PATIENCE
        while True:
            if self.process is None or self.process.poll() is not None:
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                self.process = subprocess.Popen(self.command(), **quiet, **self.options())
            if self.is_up():
                return
            assert time.monotonic() < end, f"{self.command()[0]} does not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def end(self) -> None:
        """SIGTERM, which lets it finish what it does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)
            self.process = None

    def restart(self) -> None:
        """Kill it, and start it."""
        self.kill()
        self.start()


class Redis(Service):
    """A broker that keeps nothing on disk: what it knew is gone with it."""

    def __init__(self) -> None:
        super().__init__()
        self.port = reserved_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        path = program("redis-server")
        assert path
        quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        return [path, "--port", str(self.port), "--bind", "127.0.0.1", *quiet]

    def is_up(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Postgres(Service):
    """A database in a folder of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.port = reserved_port()
        self.url = f"postgresql+psycopg://batch@127.0.0.1:{self.port}/postgres"
        self.folder = Path(tempfile.mkdtemp(prefix="api302-postgres-"))
        self._who = _unprivileged()
        if self._who:
            shutil.chown(self.folder, self._who["user"])
        path = program("initdb")
        assert path
        command = [path, "-D", str(self.folder / "data"), "-U", "batch", "--auth", "trust", "-N"]
        subprocess.run(command, check=True, capture_output=True, **self.options())

    def command(self) -> list[str]:
        path = program("postgres")
        assert path
        where = ["-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder)]
        return [path, *where, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]

    def options(self) -> dict[str, Any]:
        return {**self._who, "cwd": self.folder}

    def is_up(self) -> bool:
        import psycopg

        try:
            url = self.url.replace("+psycopg", "")
            with psycopg.connect(url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def remove(self) -> None:
        """End it, and leave nothing."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    """For Popen: another user than root."""
    if os.name != "posix" or os.getuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("PostgreSQL needs a user that is not root")


class Command(Service):
    """A process of ours, such as a worker or a runner."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], is_up: Callable[[], bool] | None
    ) -> None:
        super().__init__()
        self._arguments, self._environment, self._is_up = arguments, environment, is_up

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self._arguments]

    def options(self) -> dict[str, Any]:
        return {"env": self._environment}

    def is_up(self) -> bool:
        return self._is_up is None or self._is_up()
