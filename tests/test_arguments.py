"""Arguments are taken as they come: objects of many libraries, local files inside messages."""

from __future__ import annotations

import asyncio
import base64
import datetime
import io
import json
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import attrs
import numpy as np
import pytest
from patience import PATIENCE
from PIL import Image
from pydantic import BaseModel, Field

import api302
import api302_mock
from api302 import AsyncClient, Client

HELLO: Any = [{"role": "user", "content": "Hello"}]
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with api302_mock.start() as server:
        yield server


@pytest.fixture
def server(running: Any) -> Any:
    running.reset()
    return running


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with Client(api_key="sk-test", base_url=server.url) as client:
        yield client


class Role(str, Enum):  # noqa: UP042 - as programs of Python 3.10 have it
    USER = "user"


class Level(IntEnum):
    LOW = 1


class Color(Enum):
    RED = "red"


@dataclass
class Turn:
    role: Role
    content: str
    name: str | None = None


@attrs.define
class Attrs:
    role: str
    content: str


class Pydantic(BaseModel):
    role: str = "user"
    content: str
    name: str | None = None
    call: str | None = Field(default=None, serialization_alias="tool_call_id")


DAY = datetime.datetime(2026, 11, 30, 1, 2, 3, tzinfo=datetime.UTC)
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Color.RED, "red"),
        (Level.LOW, 1),
        (DAY, "2026-11-30T01:02:03+00:00"),
        (DAY.date(), "2026-11-30"),
        (ID, "12345678-1234-5678-1234-567812345678"),
        (Decimal("0.5"), 0.5),
        (Decimal("3"), 3),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1}), [1]),
        ((one for one in "ab"), ["a", "b"]),
        ({"x": 1}.keys(), ["x"]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (OrderedDict(a=Color.RED), {"a": "red"}),
        (MappingProxyType({"a": {1}}), {"a": [1]}),
        ({Color.RED: 1, ID: 2}, {"red": 1, str(ID): 2}),
        (Turn(Role.USER, "Hi"), {"role": "user", "content": "Hi"}),
        (Attrs("user", "Hi"), {"role": "user", "content": "Hi"}),
        (
            Pydantic(content="Hi", call="c1"),
            {"role": "user", "content": "Hi", "tool_call_id": "c1"},
        ),
        ([(1, (Color.RED,))], [[1, ["red"]]]),
    ],
    ids=lambda value: type(value).__name__,  # others differ from one process to the next
)
def test_values_of_programs_are_json(client: Client, server: Any, given: Any, sent: Any) -> None:
    client.chat.completions.create(
        model="gpt-4o", messages=HELLO, prediction={"field": given}, extra_body={"other": 1}
    )
    assert server.requests[-1].body["prediction"] == {"field": sent}


def test_values_at_the_top_of_a_body(client: Client, server: Any) -> None:
    given: dict[str, Any] = {
        "messages": (one for one in [Turn(Role.USER, "Hi"), Pydantic(content="And?")]),
        "temperature": Decimal("0.5"),
        "n": np.int64(2),
        "stop": {"b", "a"},
        "user": ID,
        "logit_bias": MappingProxyType({"50256": -100}),
    }
    client.chat.completions.create(model="gpt-4o", **given)
    body = server.requests[-1].body
    assert body["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": "And?"},
    ]
    assert (body["temperature"], body["n"], body["stop"]) == (0.5, 2, ["a", "b"])
    assert (body["user"], body["logit_bias"]) == (str(ID), {"50256": -100})


def test_vectors_go_back_in(client: Client, server: Any) -> None:
    tokens: Any = np.array([1, 2, 3])
    client.embeddings.create(model="text-embedding-3-small", input=tokens)
    assert server.requests[-1].body["input"] == [1, 2, 3]


def test_values_in_queries_and_forms(client: Client, server: Any) -> None:
    day: Any = DAY.date()
    client.request(
        "GET", "/v1/models", query={"day": day, "roles": {Role.USER}, "color": Color.RED}
    )
    query = parse_qs(server.requests[-1].query)
    assert query == {"day": ["2026-11-30"], "roles": ["user"], "color": ["red"]}
    given: dict[str, Any] = {"temperature": Decimal("0.25"), "timestamp_granularities": {"word"}}
    client.audio.transcriptions.create(
        file=("a.mp3", b"ID3\x03"), model="whisper-1", response_format="verbose_json", **given
    )
    form = server.requests[-1].body
    assert str(form["temperature"]) == "0.25"


def test_an_earlier_answer_goes_back_as_it_came(client: Client, server: Any) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message
    client.chat.completions.create(model="gpt-4o", messages=[*HELLO, answer, *HELLO])
    assert server.requests[-1].body["messages"][1] == answer.to_dict()


# --- files inside messages ------------------------------------------------------------------------


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("how", ["path", "bytes", "file", "tuple"])
def test_an_image_in_a_message(client: Client, server: Any, tmp_path: Path, how: str) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    with path.open("rb") as opened:
        given = {"path": path, "bytes": PNG, "file": opened, "tuple": ("cat.png", PNG)}[how]
        messages: Any = [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": given}},
                ],
            }
        ]
        client.chat.completions.create(model="gpt-4o", messages=messages)
    part = server.requests[-1].body["messages"][0]["content"][1]
    assert part["image_url"]["url"] == data_url(PNG)
    assert messages[0]["content"][1]["image_url"]["url"] is given, "what is given stays as it is"


def test_a_picture_of_pil_in_a_message(client: Client, server: Any) -> None:
    picture = Image.new("RGB", (2, 2), "red")
    content: Any = [{"type": "input_image", "image_url": picture}]
    client.responses.create(model="gpt-4o", input=[{"role": "user", "content": content}])
    sent = server.requests[-1].body["input"][0]["content"][0]["image_url"]
    head, _, text = sent.partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(text))).getpixel((0, 0)) == (255, 0, 0)


def test_sound_goes_as_bare_base64_where_the_description_says_so(
    client: Client, server: Any
) -> None:
    content: Any = [{"type": "input_audio", "input_audio": {"data": b"RIFF", "format": "wav"}}]
    client.chat.completions.create(
        model="gpt-4o-audio-preview", messages=[{"role": "user", "content": content}]
    )
    part = server.requests[-1].body["messages"][0]["content"][0]
    assert part["input_audio"]["data"] == base64.b64encode(b"RIFF").decode()
    source: Any = {"type": "base64", "media_type": "image/png", "data": PNG}
    blocks: Any = [{"type": "image", "source": source}]
    client.messages.create(
        model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": blocks}]
    )
    sent = server.requests[-1].body["messages"][0]["content"][0]["source"]["data"]
    assert sent == base64.b64encode(PNG).decode()


def test_a_result_goes_into_the_next_message(client: Client, server: Any) -> None:
    task = client.videos.kling.text_to_video(prompt="a red panda")
    video = task.wait(timeout=PATIENCE).outputs[0]
    content: Any = [{"type": "video_url", "video_url": {"url": video}}]
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])
    part = server.requests[-1].body["messages"][0]["content"][0]
    assert part["video_url"]["url"] == video.url


def test_an_async_client_takes_them_too(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)

    async def run() -> None:
        async with AsyncClient(api_key="sk-test", base_url=server.url) as client:
            content: Any = [{"type": "image_url", "image_url": {"url": path}}]
            await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": content}]
            )

    asyncio.run(run())
    part = server.requests[-1].body["messages"][0]["content"][0]
    assert part["image_url"]["url"] == data_url(PNG)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Path("nowhere.png"), r"messages\[0\]\.content\[0\]\.image_url\.url: there is no file"),
        (b"", r"messages\[0\]\.content\[0\]\.image_url\.url: the file is empty"),
        (7.5j, r"messages\[0\]\.content\[0\]\.image_url\.url: .* of the type complex"),
    ],
)
def test_what_is_no_image_is_refused_by_its_place(
    client: Client, server: Any, given: Any, told: str
) -> None:
    content: Any = [{"type": "image_url", "image_url": {"url": given}}]
    with pytest.raises(api302.InvalidArgument, match=told):
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": content}]
        )
    assert not server.requests


# --- what cannot be sent --------------------------------------------------------------------------


class City(BaseModel):
    name: str


async def later() -> str:
    return "soon"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"extra_body": [1]}, r"extra_body: takes a mapping of fields.*, not list"),
        ({"extra_query": "a=1"}, r"extra_query: takes a mapping of fields.*, not str"),
        ({"extra_headers": ["a"]}, r"headers: must be a mapping"),
        ({"response_format": City}, r"response_format: is the class City, which `parse\("),
        ({"stop": object()}, r"stop: .* of the type object; give text, numbers"),
        ({"prediction": {"a": [1, Path("x")]}}, r"prediction\.a\[1\]: .*local file"),
        ({"prediction": {"a": b"x"}}, r"prediction\.a: .*local file"),
        ({"prediction": {(1, 2): 3}}, r"prediction: .*the key \(1, 2\) is not text"),
        ({"prediction": {"a": City}}, r"prediction\.a: .*the class City"),
        ({"prediction": {"a": float("nan")}}, r"prediction\.a: .*nan is not a number in JSON"),
        ({"prediction": {"a": print}}, r"prediction\.a: "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_sent_names_the_place_and_the_fix(
    client: Client, server: Any, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(api302.InvalidArgument, match=told):
        client.chat.completions.create(model="gpt-4o", messages=HELLO, **arguments)
    assert not server.requests


def test_a_coroutine_in_an_argument_says_to_await_it(client: Client, server: Any) -> None:
    coroutine: Any = later()
    with pytest.raises(api302.InvalidArgument, match=r"user: .*await it first"):
        client.chat.completions.create(model="gpt-4o", messages=HELLO, user=coroutine)
    coroutine.close()
    assert not server.requests


def test_neither_of_two_variants_names_both(client: Client, server: Any) -> None:
    create: Any = client.chat.completions.create
    with pytest.raises(api302.InvalidArgument, match="messages or message: is required"):
        create(model="gpt-4o")
    create(model="gpt-4o", extra_body={"messages": HELLO})
    create(model="gpt-4o", message="Hi")
    assert len(server.requests) == 2


def test_what_is_given_is_not_changed(client: Client) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    before = json.dumps(messages)
    client.chat.completions.create(model="gpt-4o", messages=messages)
    assert json.dumps(messages) == before


def test_blocks_of_an_earlier_message_go_back(client: Client, server: Any) -> None:
    arguments: Any = {"model": "claude-sonnet-4-5", "max_tokens": 9}
    said = client.messages.create(messages=HELLO, **arguments)
    history: Any = [*HELLO, {"role": "assistant", "content": said.content}, *HELLO]
    client.messages.create(messages=history, **arguments)
    sent = server.requests[-1].body["messages"][1]["content"]
    assert sent == [block.to_dict() for block in said.content]


# --- what is sent as text: in a path, a query, a form, a header -----------------------------------

NO_TEXT = [
    object(),
    object,
    b"bytes",
    len,
    1 + 2j,
    datetime.timedelta(1),
    float("nan"),
    float("inf"),
    Decimal("NaN"),
    10**5000,
    {b"a": 1},
    {(1, 2): 3},
    {"a": float("nan")},
    [object()],
]


@pytest.mark.parametrize("value", NO_TEXT, ids=lambda value: type(value).__name__)
def test_fault_25_what_is_no_text_is_refused_by_its_parameter(
    client: Client, server: Any, value: Any
) -> None:
    """`<object object at 0x…>`, `b'bytes'` and `nan` were sent; keys of bytes were a TypeError."""
    before = len(server.requests)
    with pytest.raises(api302.InvalidArgument, match="id"):
        client.call("kling_get_text_to_video", {"id": value})
    with pytest.raises(api302.InvalidArgument, match="search_query"):
        client.call("ai302_search_youtube", {"search_query": value})
    if isinstance(value, bytes):  # a form sends them as a file
        return
    with pytest.raises(api302.InvalidArgument, match="language"):
        client.call("openai_transcribe", {"file": b"RIFF", "model": "whisper-1", "language": value})
    assert len(server.requests) == before


class Odd(str):
    def __str__(self) -> str:
        return "another"


class OddNumber(int):
    def __repr__(self) -> str:
        return "another"


@pytest.mark.parametrize(
    ("value", "sent"),
    [(Odd("t-1"), "t-1"), (OddNumber(5), "5"), (Path("t-1"), "t-1"), (np.float64(0.5), "0.5")],
)
def test_a_subclass_is_sent_as_what_it_is_of(
    client: Client, server: Any, value: Any, sent: str
) -> None:
    with suppress(api302.NotFoundError):
        client.call("kling_get_text_to_video", {"id": value})
    assert server.requests[-1].path.rpartition("/")[2] == sent


@pytest.mark.parametrize("body", [["<speak/>"], 5, {"<speak/>"}, object()])
def test_fault_19_a_whole_body_that_is_no_text_is_refused(
    client: Client, server: Any, body: Any
) -> None:
    """It was an error of the HTTP library in the middle of the request."""
    before = len(server.requests)
    with pytest.raises(api302.InvalidArgument, match="text, bytes or an open file"):
        client.call("azure_speech", {"body": body, "X-Microsoft-OutputFormat": "x"})
    assert len(server.requests) == before


def test_fault_25_a_decimal_beyond_all_is_refused_at_once(client: Client, server: Any) -> None:
    """It was written out: a million digits took a minute, and more of them the memory."""
    before = len(server.requests)
    for text in ("1e999999", "-1e99999999", "1e400"):
        value: Any = Decimal(text)
        with pytest.raises(api302.InvalidArgument, match="temperature"):
            client.chat.completions.create(model="gpt-4o", messages=HELLO, temperature=value)
    assert len(server.requests) == before
