"""Compression is undone the same way however a body is cut into pieces, and no byte is lost."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from itertools import chain

import pytest

from api302._http.decoding import Decoder, Undone, decoders

TEXT = b'{"id": "c-1", "usage": {"total_tokens": 12}}'
RAW = zlib.compress(TEXT)[2:-4]
PACKED = gzip.compress(TEXT)
WRONG = PACKED[:-8] + bytes(4) + PACKED[-4:]
BODIES = {
    "gzip": ("gzip", PACKED, TEXT),
    "wrong checksum": ("gzip", WRONG, TEXT),
    "no trailer": ("gzip", PACKED[:-8], TEXT),
    "plain, labeled gzip": ("gzip", TEXT, TEXT),
    "a digit, labeled gzip": ("gzip", b"5", b"5"),
    "zlib": ("deflate", zlib.compress(TEXT), TEXT),
    "raw deflate": ("deflate", RAW, TEXT),
    "plain, labeled deflate": ("deflate", TEXT, TEXT),
    "nothing": ("gzip", b"", b""),
    "nothing, compressed": ("gzip", gzip.compress(b""), b""),
}


def undone(decoder: Decoder | Undone, pieces: Iterator[bytes]) -> bytes:
    fed = [b"".join(decoder.feed(piece)) for piece in pieces]
    return b"".join(chain(fed, decoder.close()))


def cut(body: bytes, first: int, size: int) -> Iterator[bytes]:
    yield body[:first]
    yield from (body[at : at + size] for at in range(first, len(body), size))


@pytest.mark.parametrize("case", BODIES)
def test_fault_05_a_body_reads_the_same_in_any_pieces(case: str) -> None:
    encoding, body, expected = BODIES[case]
    for first in range(len(body) + 1):
        for size in (1, 2, 7, len(body) + 1):
            (decoder,) = decoders(encoding)
            assert undone(decoder, cut(body, first, size)) == expected, (first, size)


def test_a_body_that_ends_in_its_header_is_told() -> None:
    (decoder,) = decoders("gzip")
    assert undone(decoder, iter([PACKED[:10]])) == b""
    assert decoder.problem == "the gzip body is cut short"


def test_fault_05_each_member_of_a_gzip_body_is_read() -> None:
    """Some servers compress piece by piece, and put members behind each other."""
    body = PACKED + gzip.compress(b"second") + gzip.compress(b"") + gzip.compress(b"third")
    for end in (b"", b"\0\0\0", b"\x1f", b"\x1fjunk"):
        whole = body + end
        for first in range(len(whole) + 1):
            for size in (1, 5, len(whole) + 1):
                (decoder,) = decoders("gzip")
                assert undone(decoder, cut(whole, first, size)) == TEXT + b"secondthird"
                assert not decoder.problem
    (decoder,) = decoders("gzip")
    assert undone(decoder, iter([body[:-5]])) == TEXT + b"secondthird"
    assert decoder.problem == "the gzip body is cut short"


@pytest.mark.parametrize(
    ("encoding", "problem"),
    [
        ("br", "it is br, which nobody asked for"),
        ("zstd", "it is zstd, which nobody asked for"),
        (", ".join(["gzip"] * 5000), "it has 5000 encodings"),
        ("aws-chunked", ""),
        ("utf-8, identity", ""),
    ],
)
def test_fault_05_an_encoding_that_is_not_undone_is_told(encoding: str, problem: str) -> None:
    """A label that is no encoding at all is none, as stores of objects show."""
    made = decoders(encoding)
    assert len(made) == bool(problem)
    for decoder in made:
        assert undone(decoder, iter([b"", b"some", b"thing"])) == b"something"
        assert decoder.problem == problem
