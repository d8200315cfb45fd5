"""The files of a batch: what goes up, once each, and what comes down, under its job's key."""

from __future__ import annotations

import asyncio
import filecmp
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from api302._calls.files import named_file
from api302._errors import Api302Error, InvalidArgument
from api302._json import is_array
from api302._secret import without_credentials
from api302._types import Operation
from api302_client.media import START
from api302_client.writer import local_path, put, replace, safe_name
from api302_client.writer import save as save_content

from .journal import Journal

if TYPE_CHECKING:
    from api302 import AsyncClient

KEPT = 24 * 3600.0
"""Seconds that the URL of an uploaded file is used again: how long the service keeps it is not
documented."""
PARTS = ".parts"
_BLOCK = 1 << 20


class Unwritable(Api302Error):
    """A file cannot be written to the target, and no other one could."""


class Target:
    """Where the files of a batch go: a folder, or any URL that fsspec knows, such as `s3://…`.

    A file is there whole or not at all; on stores, as whole as an upload to them is.

    Args:
        where: The folder or the URL.
        journal: Whose files they are: other batches may have the same target.
    """

    def __init__(self, where: str | os.PathLike[str], journal: Journal | None = None) -> None:
        text = os.fspath(where)
        # Workers elsewhere may reach the same journal under another user or host.
        owner = f"{journal.engine.url.database}\n{journal.batch}" if journal else ""
        self._owner = hashlib.sha256(owner.encode(errors="replace")).hexdigest()[:12]
        self._journal = journal
        self.where: str = without_credentials(text)
        self._naming = threading.Lock()
        self._names: dict[str, str] = {}
        """What stands for the content of each file that was named here, where there is no journal
        for that.
        """
        self._fs: Any = None
        self._root = text
        if (local := local_path(text)) is not None:  # a copy by fsspec could stay half
            self._root = local
            Path(self._root).mkdir(parents=True, exist_ok=True)
        elif "://" in text:
            self._fs, self._root = _file_system(text)

    def close(self) -> None:
        """Leave nothing half behind, of this batch."""
        if self._fs is None:
            for folder in Path(self._root).glob(f".{self._owner}-*{PARTS}"):
                shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        """A new folder for one file that is on its way."""
        if self._fs is not None:
            return Path(mkdtemp(prefix="api302-"))
        folder = Path(self._root, f".{self._owner}-{uuid.uuid4().hex}{PARTS}")
        folder.mkdir(parents=True)
        return folder

    async def fetch(self, client: AsyncClient, url: str, stem: str) -> str:
        """Download a URL, and return the file's name in the target."""
        with self._written():
            folder = await asyncio.to_thread(self._folder)
            try:
                path = await client.download(url, folder)
                return await asyncio.to_thread(self._keep, path, stem)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def write(self, content: bytes, media_type: str | None, stem: str) -> str:
        """Write a file that is here already, and return its name in the target."""
        with self._written():
            return await asyncio.to_thread(self._write, content, media_type, stem)

    @contextmanager
    def _written(self) -> Generator[None]:
        """Raises Unwritable instead of what the disk or the store raises."""
        try:
            yield
        except Api302Error:
            raise
        except Exception as error:  # stores have errors of their own
            said = without_credentials(str(error) or type(error).__name__)
            raise Unwritable(
                f"files: {self.where} cannot be written ({said}); make room there or mend the"
                " access, and go on with the same command"
            ) from error

    def _write(self, content: bytes, media_type: str | None, stem: str) -> str:
        folder = self._folder()
        try:
            name = safe_name({"content-type": media_type or ""}, start=content[:START])
            return self._keep(save_content(content, folder, name), stem)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, path: Path, stem: str) -> str:
        """Give a file its name. One that is there already with other content stays: it is that of
        another job (`a-1` may be a job, or the first file of `a`), and paid for as well.
        """
        name = f"{stem}{path.suffix}"
        if self._is_taken(name, path):
            name = f"{stem}-{_mark_of(path)}{path.suffix}"
        if self._fs is None:
            replace(path, Path(self._root, name))
        else:
            put(self._fs, path, self._at(name))
        return name

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _is_taken(self, name: str, path: Path) -> bool:
        """Whether another file has a name. A local disk gives the name in one step; elsewhere the
        journal does, as other processes may be about to write that name.
        """
        if self._fs is None:
            target = Path(self._root, name)
            try:
                os.link(path, target)
            except FileExistsError:
                return not filecmp.cmp(path, target, shallow=False)
            except OSError:  # a file system without links
                return self._is_promised(name, path) or (
                    target.exists() and not filecmp.cmp(path, target, shallow=False)
                )
            return False
        if self._is_promised(name, path):
            return True
        return self._fs.exists(self._at(name)) and not self._is_beginning(name, path)

    def _is_promised(self, name: str, path: Path) -> bool:
        """Whether a name is to be that of other content; or else it is that of this one now."""
        mark = _mark_of(path)
        if self._journal is None:
            with self._naming:
                return self._names.setdefault(name, mark) != mark
        whole = hashlib.sha256(f"{self._place}/{name}".encode(errors="replace")).hexdigest()
        return self._journal.named(whole, mark) != mark

    @cached_property
    def _place(self) -> str:
        """Where the files go, the same for whoever writes there."""
        return self._at("") if self._fs is not None else os.path.realpath(self._root)

    def _is_beginning(self, name: str, path: Path) -> bool:
        """Whether a store has this file under a name, or the half of it that a killed run left."""
        with self._fs.open(self._at(name), "rb") as there, path.open("rb") as here:
            while block := there.read(_BLOCK):
                if block != here.read(len(block)):
                    return False
        return True


def _mark_of(path: Path) -> str:
    """What stands for the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _file_system(url: str) -> tuple[Any, str]:
    try:
        core: Any = import_module("fsspec.core")
        fs, root = core.url_to_fs(url)
        fs.makedirs(root, exist_ok=True)
    except Exception as error:  # stores have errors of their own
        said = without_credentials(str(error) or type(error).__name__)
        raise InvalidArgument(
            f"files: {url.partition('://')[0]}:// is not available here ({said});"
            " install fsspec and its part for this store, mend the access, or give a folder"
        ) from None
    return fs, root


class Uploads:
    """Local files in arguments become URLs, each file uploaded once a batch.

    Only where a field takes a URL: what takes a part of a form alone is sent with each call.
    """

    def __init__(self, client: AsyncClient, journal: Journal | None) -> None:
        self._client, self._journal = client, journal
        self._known: dict[str, asyncio.Task[str]] = {}
        self._hashes: dict[tuple[str, int, int], str] = {}

    async def replaced(self, call: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments with URLs in the place of local files."""
        files = Operation.by_id(call).files
        fields = [name for name in files if name in arguments and "url" in files[name]]
        if not fields:
            return arguments
        made = dict(arguments)
        for name in fields:
            value, forms = made[name], files[name]
            if is_array(value):
                made[name] = [await self._put(name, one, forms) for one in value]
            else:
                made[name] = await self._put(name, value, forms)
        return made

    async def _put(self, field: str, value: Any, forms: tuple[str, ...]) -> Any:
        given = await asyncio.to_thread(named_file, field, value, forms)
        if not isinstance(given, Path):
            return given
        if not await asyncio.to_thread(given.is_file):  # a pipe waits for who writes into it
            raise InvalidArgument(f"{field}: {str(given)!r} is not a file")
        sha256 = await asyncio.to_thread(self._hash, given)
        task = self._known.get(sha256)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._known[sha256] = asyncio.create_task(self._upload(given, sha256))
        return await asyncio.shield(task)

    def _hash(self, path: Path) -> str:
        """The SHA-256 of a file, read once as long as it is the same."""
        facts = path.stat()
        mark = (str(path), facts.st_size, facts.st_mtime_ns)
        if mark not in self._hashes:
            with path.open("rb") as file:
                self._hashes[mark] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._hashes[mark]

    async def _upload(self, path: Path, sha256: str) -> str:
        known = await asyncio.to_thread(self._journal.upload, sha256) if self._journal else None
        if known:
            return known
        expires = time.time() + KEPT
        uploaded = await self._client.files.upload(path)
        if self._journal is not None:
            await asyncio.to_thread(self._journal.uploaded, sha256, uploaded.url, expires)
        return uploaded.url
