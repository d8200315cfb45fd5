"""Reading the body of a request: JSON, forms, text, bytes. Within limits of size and depth."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncGenerator
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from api302_mock.errors import Refused

LARGEST = 128 << 20
"""Bytes of a body, or of a form's field that is not a file."""
LARGEST_FILES = 4096 << 20
"""Bytes of an upload, and of a form with its files."""
DEEPEST = 200
"""How deep JSON may be nested.

Deeper ones are refused by the real service too, and end Python's recursion.
"""
MOST_TOKENS = 3_000_000
"""Texts, lists, objects and commas of JSON data: each value that they part takes some hundred bytes
of memory, however short it is.
"""
MOST_FIELDS = 1000
"""Fields of a form: as many as Starlette takes of one with parts."""
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
_TOKEN = r'"(?:[^"\\]++|\\.)*+"|[\[{,]'
_TOKENS = {str: re.compile(_TOKEN, re.DOTALL), bytes: re.compile(_TOKEN.encode(), re.DOTALL)}


async def read_bytes(request: Request) -> bytes:
    """The body.

    Raises:
        Refused: 413, it is too large.
        ClientDisconnect: The client went away.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > LARGEST:
            pieces.clear()  # the rest is read too, or the client would not see the response
        else:
            pieces.append(piece)
    if size > LARGEST:
        raise Refused(413, f"body: it is larger than {LARGEST >> 20} MiB.")
    return b"".join(pieces)


def parse_json(text: str | bytes) -> Any:
    """JSON data, of moderate depth, and of no more values than fit into memory.

    Raises:
        ValueError: It is not JSON, nested too deeply, or has too many values.
    """
    if _has_too_much(text):
        raise ValueError(f"too many values, more than {MOST_TOKENS} texts, lists, objects, commas")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not _is_shallow(value):
        raise ValueError("nested too deeply")
    return value


def _has_too_much(text: Any) -> bool:
    if len(text) <= MOST_TOKENS:
        return False
    return next(islice(_TOKENS[type(text)].finditer(text), MOST_TOKENS, None), None) is not None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number; one that is too large for a computer would come back as `Infinity`."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:100]} is too large")
    return number


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [item for held in level for item in _items(held)]
        if not level:
            return True
    return False


def _items(value: Any) -> list[Any]:
    """What a list or an object holds that may be nested itself."""
    if isinstance(value, dict):
        value = list(value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, (dict, list))]  # pyright: ignore[reportUnknownVariableType]


async def read_json(request: Request) -> Any:
    """The body as JSON data.

    Raises:
        Refused: 400 for what is not JSON, 413 for too large.
        ClientDisconnect: The client went away.
    """
    content = await read_bytes(request)
    try:
        return parse_json(content)
    except ValueError as error:
        raise Refused(400, f"body: it is not JSON: {error}") from None


class _Parser(MultiPartParser):
    """Starlette's parser with our limit for fields; its argument for that came with Starlette
    0.44.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request.headers, _limited(request.stream()))
        self.max_part_size = LARGEST


class _TooLarge(MultiPartException):
    """A form of more bytes than are taken: its files would fill the disk."""


async def _limited(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > LARGEST_FILES:
            raise _TooLarge(f"it is larger than {LARGEST_FILES >> 20} MiB.")
        yield piece


Form = list[tuple[str, str | UploadFile]]


async def read_form(request: Request, media_type: str) -> Form:
    """The fields of a form, in order. The caller closes its files.

    Raises:
        Refused: 400, it is not a form; 413, it is too large.
        ClientDisconnect: The client went away.
    """
    if media_type == URLENCODED:
        text = (await read_bytes(request)).decode("latin-1")
        try:
            return list(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except ValueError as error:
            raise Refused(400, f"body: it is not a form: {error}") from None
    try:
        form = await _Parser(request).parse()
    except _TooLarge as error:
        raise Refused(413, f"body: {error.message}") from None
    except MultiPartException as error:
        raise Refused(400, f"body: it is not a form: {error.message}") from None
    except (
        ValueError,
        LookupError,
        AssertionError,
    ) as error:  # python-multipart's own, and codecs'
        raise Refused(400, f"body: it is not a form: {error}") from None
    fields = form.multi_items()
    if any(isinstance(value, str) and len(value) > LARGEST for _, value in fields):
        await form.close()  # before Starlette 0.40, nothing keeps a field from being so large
        raise Refused(413, f"body: a field of the form is larger than {LARGEST >> 20} MiB.")
    return fields
