"""What responses hold, and how they show."""

from __future__ import annotations

import base64
import json
import os
import tracemalloc
from typing import Any

import pytest
from support import api302, events, http

IMAGE = base64.b64encode(os.urandom(6 << 20)).decode()
NOTES = {
    "ASCII": "a red panda",
    "Chinese": "小熊猫",
    "emoji": "a 🐼 in the snow",
    "escapes": 'a/b\n"c"',
}


def picture(note: str, escape: bool = False) -> bytes:
    body = {"id": "c-1", "choices": [], "data": [{"b64_json": IMAGE, "revised_prompt": note}]}
    text = json.dumps(body, ensure_ascii=False)
    return (text.replace("/", "\\/") if escape else text).encode()


def chat(client: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[])


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("escape", [False, True])
def test_a_large_response(note: str, escape: bool, serve: Any, connect: Any) -> None:
    """At most three times its parsed size while it is read, and no bytes beside it after."""
    small, body = http({"id": "c-0", "choices": []}), picture(NOTES[note], escape)
    client = connect(serve(small, http(body)))
    chat(client)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        response = chat(client)
        held, peak = (size - before for size in tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()
    assert response["data"] == [{"b64_json": IMAGE, "revised_prompt": NOTES[note]}]
    assert held <= 1.3 * len(IMAGE)
    # Escapes within a text that cannot be given back from its ASCII: the bytes stay meanwhile.
    most = 3.3 if escape and not body.isascii() else 3
    assert peak <= most * len(IMAGE) + (1 << 20), f"{peak / len(IMAGE):.2f}"


def test_the_bytes_are_kept_where_they_are_asked_for(serve: Any, connect: Any) -> None:
    for note in NOTES.values():
        body = picture(note)
        client = connect(serve(http(body)))
        raw = client.with_raw_response(client.chat.completions.create)(model="small", messages=[])
        assert raw.content == body
        assert raw.parsed.http.content == b""
        assert raw.parsed.request_id == "req-1"


def test_an_error_of_a_large_response_has_its_bytes(serve: Any, connect: Any) -> None:
    body = picture("x")[:-1]
    with pytest.raises(api302.DecodeError) as caught:
        chat(connect(serve(http(body))))
    assert caught.value.content == body


def test_a_file_keeps_its_bytes(serve: Any, connect: Any) -> None:
    sound = connect(serve(http(b"sound", content_type="audio/mpeg"))).audio.acme.speech(input="x")
    assert sound.content == sound.http.content == b"sound"


def test_an_accumulated_response_holds_no_bytes(serve: Any, connect: Any) -> None:
    body = events({"id": "c-1", "choices": [{"index": 0, "delta": {"content": "a"}}]})
    client = connect(serve(http(body, content_type="text/event-stream")))
    final = client.chat.completions.stream(model="small", messages=[]).final()
    assert final.choices[0].message.content == "a"
    assert final.http.content == b""


# --- repr -----------------------------------------------------------------------------------------

LARGE: dict[str, Any] = {
    "a long text": {"id": IMAGE},
    "many choices": {"id": "c", "choices": [{"index": n} for n in range(10_000)]},
    "many fields": {"id": "c", **{f"field-{n}": "x" * 70 for n in range(1000)}},
    "deep": {"id": "c", "more": [[[[[[[[["x"] * 50] * 50]]]]]]]},
    "an array": ["x" * 100] * 1000,
    "text": IMAGE,
}


@pytest.mark.parametrize("case", LARGE)
def test_the_repr_of_a_response_is_short(case: str, serve: Any, connect: Any) -> None:
    client = connect(serve(http(json.dumps(LARGE[case])), forever=True))
    raw = client.request("POST", "/any", json={})
    whole = [raw, raw.parsed, raw.parsed.http]
    if isinstance(LARGE[case], dict):
        whole += [chat(client), client.chat.completions.create]
    for value in whole:
        assert len(repr(value)) < 1500
    assert raw.json() == LARGE[case]


def test_a_repr_says_what_was_cut(serve: Any, connect: Any) -> None:
    body = {"id": "x" * 100, "choices": [{"index": n} for n in range(40)]}
    text = repr(chat(connect(serve(http(body)))))
    assert "… <100 characters>" in text
    assert "… 34 more" in text


def test_a_small_response_shows_whole(serve: Any, connect: Any) -> None:
    body = {"id": "c-1", "choices": [{"index": 0, "message": {"content": "hello"}}]}
    text = repr(chat(connect(serve(http(body)))))
    assert "id='c-1'" in text
    assert "content='hello'" in text
    assert "…" not in text
