"""The tasks that the command line started: kept in the user's state folder, without any key."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from api302._json import is_object
from api302_client.writer import replace

_LENGTH = 8
"""Signs of a handle."""
_DAYS = 30
"""How long a finished task is kept."""


class Kept(NamedTuple):
    """A task as it is kept."""

    handle: str
    call: str
    """Its operation id."""
    task: dict[str, Any]
    """What `client.resume()` takes."""
    started: str
    """UTC, in ISO 8601."""
    state: str = "pending"
    base_url: str = ""
    """The host that it runs at, where that is not the default."""
    outputs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The service's id of it."""
        return str(self.task.get("id", ""))


def folder() -> Path:
    """The folder of the handles, made at need for its owner alone.

    `AI302_STATE_DIR`, else where the system has such folders: `$XDG_STATE_HOME/api302` or
    `~/.local/state/api302`, on macOS `~/Library/Application Support/api302`, on Windows
    `%LOCALAPPDATA%\\api302`.
    """
    return _folder("tasks")


def _folder(name: str) -> Path:
    path = _state() / name
    for one in (path.parent, path):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name != "nt" and one.stat().st_mode & 0o077:
            one.chmod(0o700)
    return path


def _state() -> Path:
    if own := os.environ.get("AI302_STATE_DIR"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "api302"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/api302"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "api302"


def keep(task: Mapping[str, Any], base_url: str | None) -> Kept:
    """Keep a task that was just started; `task` is what `task.to_dict()` gives."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    named = f"{task['operation']}\0{task['id']}\0{base_url or ''}"
    handle = hashlib.sha256(named.encode(errors="backslashreplace")).hexdigest()[:_LENGTH]
    return write(Kept(handle, task["operation"], dict(task), now, base_url=base_url or ""))


def write(kept: Kept) -> Kept:
    """Write a task down, whole or not at all, readable for its owner alone.

    Where that fails, the task goes on all the same: what takes it up is printed.
    """
    try:
        text = json.dumps(kept._asdict(), ensure_ascii=False, indent=1)
        data = text.encode(errors="backslashreplace")
        _write(folder() / f"{kept.handle}.json", data)
    except OSError as error:
        if kept.state == "pending":
            task = json.dumps(kept.task, ensure_ascii=False)
            print(
                f"The task cannot be kept ({error.strerror or error}); save this line:"
                f" api302 task wait {shlex.quote(task)}",
                file=sys.stderr,
            )
    return kept


def rescue(content: bytes, suffix: str) -> Path | None:
    """Keep a response that can neither be saved nor printed where it was to go.

    Returns:
        Its file, in the state folder or that of temporary files; None if neither takes it.
    """
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}{suffix}"
    for place in (lambda: _folder("responses"), lambda: Path(tempfile.gettempdir())):
        with suppress(OSError):
            return _write(place() / name, content)
    return None


def _write(path: Path, content: bytes) -> Path:
    number, name = tempfile.mkstemp(dir=path.parent, suffix=".part")  # has mode 0600
    try:
        with open(number, "wb") as file:
            file.write(content)
        replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def everything() -> list[Kept]:
    """All tasks that are kept, the newest first; those that ended long ago are let go."""
    found = [kept for path in folder().glob("*.json") if (kept := _read(path))]
    return sorted(found, key=lambda one: one.started, reverse=True)


def _read(path: Path) -> Kept | None:
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
        data["outputs"] = tuple(data.get("outputs", ()))
        kept = Kept(**data)
        age = datetime.now(UTC) - datetime.fromisoformat(kept.started)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None  # from another version, or cut off
    texts: list[object] = [kept.handle, kept.call, kept.state, kept.base_url]
    if not is_object(kept.task) or not all(isinstance(one, str) for one in texts):
        return None
    if kept.state != "pending" and age.days > _DAYS:
        path.unlink(missing_ok=True)
        return None
    return kept


def find(name: str | None) -> Kept:
    """The task of a handle, its beginning, or the service's id; without a name the newest, of
    those that are not done if there are any.

    Raises click.UsageError if there is none, or several.
    """
    listed = everything()
    if name is None:
        return _newest(listed)
    fitting = [one for one in listed if name in (one.handle, one.id)]
    fitting = fitting or [one for one in listed if one.handle.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        handles = _handles(fitting)
        raise click.UsageError(f"HANDLE: {name!r} may be {handles}; give more of it")
    known = f"; there are {_handles(listed[:5])}" if listed else ""
    raise click.UsageError(f"HANDLE: no task {name!r} is kept{known}")


def _newest(listed: list[Kept]) -> Kept:
    if not listed:
        raise click.UsageError("no task is kept; start one with --detach")
    return next((one for one in listed if one.state == "pending"), listed[0])


def _handles(tasks: list[Kept]) -> str:
    return ", ".join(one.handle for one in tasks)
