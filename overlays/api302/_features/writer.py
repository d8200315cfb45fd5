"""Writing a file that appears under its name only when it is whole, and choosing a safe name for it."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from .._errors import InvalidArgument

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", re.IGNORECASE)


def safe_name(headers: Mapping[str, str], url: str) -> str:
    """A file name for a download, made from what the server says, that is one plain name below any folder on any system."""
    said = headers.get("content-disposition", "")
    extended = re.search(r"filename\*\s*=\s*([\w-]*)'[^']*'([^;\s]+)", said, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', said, re.IGNORECASE)
    if extended:
        try:
            name = unquote_to_bytes(extended[2]).decode(extended[1] or "utf-8", "replace")
        except LookupError:
            name = unquote(extended[2])
    elif plain and (plain[1] or plain[2]):
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] else plain[2]
    else:
        name = unquote(urlsplit(url).path)
    name = re.split(r"[/\\]", name)[-1]
    name = re.sub(
        r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]', "_", name
    ).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        from mimetypes import guess_extension

        stem, suffix = (
            suffix,
            (
                guess_extension(headers.get("content-type", "").partition(";")[0].strip()) or ""
            ).lstrip("."),
        )
    stem = (stem.encode()[:150].decode(errors="ignore") or "download") + (
        f".{suffix[:20]}" if suffix else ""
    )
    return f"_{stem}" if _RESERVED.match(stem) else stem


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder that `path` is, or the one that it is in. Raises InvalidArgument where there is none."""
    asked = Path(path)
    folder = asked if asked.is_dir() or str(path).endswith(("/", os.sep)) else asked.parent
    if not folder.is_dir():
        raise InvalidArgument(
            f"path: there is no folder {str(folder)!r}; make it first: pathlib.Path(…).mkdir(parents=True)"
        )
    return folder


class Writer:
    """A file that appears only when it is whole: as `path`, or in the folder that it is, under `name` or the next one that is free."""

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self._path, self._name = Path(path), name
        self._temporary = folder_of(path) / f".{secrets.token_hex(8)}.part"
        self._file = self._temporary.open("xb")
        self.write = self._file.write

    def done(self) -> Path:
        self._file.close()
        where = self._claimed() if self._path.is_dir() else self._path
        os.replace(self._temporary, where)
        return where

    def _claimed(self) -> Path:
        """A free name, taken by an empty file, so that another download that ends just now does not take it as well."""
        stem, suffix = Path(self._name).stem, Path(self._name).suffix
        for number in count():
            wanted = self._path / (f"{stem} ({number}){suffix}" if number else self._name)
            with suppress(FileExistsError):
                wanted.open("xb").close()
                return wanted
        raise AssertionError

    def drop(self) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._temporary.unlink()
