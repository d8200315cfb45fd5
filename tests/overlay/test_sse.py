"""The event decoder: twelve cases on which well-known SDKs differ, every cut of the bytes."""

from __future__ import annotations

import time

import pytest
from support import Lazy

sse = Lazy("api302._http.sse")

CHINESE = '{"text":"你好,世界 😀"}'.encode()
CASES: dict[str, tuple[bytes, list[bytes]]] = {
    "LF": (b"data: " + CHINESE + b"\n\n" + b"data: 2\n\n", [CHINESE, b"2"]),
    "CRLF": (b"data: " + CHINESE + b"\r\n\r\n" + b"data: 2\r\n\r\n", [CHINESE, b"2"]),
    "CR": (b"data: " + CHINESE + b"\r\r" + b"data: 2\r\r", [CHINESE, b"2"]),
    "mixed line ends": (b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n", [b"1", b"2", b"3"]),
    "no space after the colon": (b"data:" + CHINESE + b"\n\n", [CHINESE]),
    "a space of the data's own": (b"data:  1\n\n", [b" 1"]),
    "comments": (b": ping\n\n:\n\ndata: 1\n: in between\n\n", [b"1"]),
    "several data lines": (b'data: {\ndata: "a": 1\r\ndata\ndata: }\n\n', [b'{\n"a": 1\n\n}']),
    "event, id, retry": (b"event: x\nid: 7\nretry: 10\ndata: 1\n\n", [b"1"]),
    "byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    "line separator in the data": ("data: a\u2028b\x85c\n\n".encode(), ["a\u2028b\x85c".encode()]),
    "empty lines everywhere": (b"\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n\n", [b"1", b"2"]),
    "no blank line at the end": (b"data: 1\n\ndata: " + CHINESE, [b"1", CHINESE]),
    "bare JSON": (
        b'data: 1\n\n{"error": {"message": "\xe4\xbd\xa0"}}\n',
        [b"1", b'{"error": {"message": "\xe4\xbd\xa0"}}'],
    ),
    "bare JSON over lines": (
        b'{\n "error": {"message": "no"}\n}\n',
        [b'{\n "error": {"message": "no"}\n}'],
    ),
    "bare JSON after a data line": (b'data: 1\n{"error": 2}\n\n', [b"1", b'{"error": 2}']),
    "bare JSON before a data line": (b'{"error":\n 2}\ndata: 1\n\n', [b'{"error":\n 2}', b"1"]),
    "unknown fields": (b"nothing: 1\ndata: 1\nwhat\n\n", [b"1"]),
}


def decode(pieces: list[bytes]) -> list[bytes]:
    decoder = sse.Decoder()
    return [event.data.encode() for piece in pieces for event in decoder.feed(piece)] + [
        event.data.encode() for event in decoder.events(decoder.close())
    ]


@pytest.mark.parametrize("name", CASES)
def test_however_it_is_cut(name: str) -> None:
    stream, expected = CASES[name]
    assert decode([stream]) == expected
    assert decode([bytes([byte]) for byte in stream]) == expected
    for cut in range(len(stream) + 1):
        assert decode([stream[:cut], b"", stream[cut:]]) == expected, cut


def test_fields() -> None:
    decoder = sse.Decoder()
    events = decoder.feed(
        b"event: one\nid: 7\nretry: 10\ndata: 1\n\ndata: 2\n\nid: \xe4\xbd\xa0\0\ndata: 3\n\n"
    )
    assert [(event.event, event.data) for event in events] == [("one", "1"), ("", "2"), ("", "3")]


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    decoder = sse.Decoder()
    assert [event.data for event in decoder.feed(b"data: 1\r\n\r")] == ["1"]
    assert [event.data for event in decoder.feed(b"\ndata: 2\r\r")] == ["2"]


def test_a_large_event_in_small_pieces_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        decoder, start = sse.Decoder(), time.thread_time()
        for _ in range(size // 100):
            decoder.feed(b"x" * 100)
        assert len(decoder.feed(b"\n\n")) == 0
        return time.thread_time() - start

    seconds(100_000)
    # The best of three: the collector may run in between.
    small, large = (min(seconds(size) for _ in range(3)) for size in (1_000_000, 4_000_000))
    assert large < 40 * max(small, 0.001)
