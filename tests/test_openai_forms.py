"""What hands from openai-python type: stream=True, parse, text, model_dump, default_headers, copy.

Against a server that answers as it is told, so that what is sent is looked at as well.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Any, Dict, Literal, NotRequired, TypedDict, cast  # noqa: UP035

import pytest
from pydantic import BaseModel, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

import api302
import api302_mock
from api302 import AsyncClient, Client

HELLO: Any = [{"role": "user", "content": "Hello"}]


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


# --- stream=True ----------------------------------------------------------------------------------


def test_stream_true_gives_the_events(client: Client, server: Any) -> None:
    server.next(text="It is sunny.")
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    assert isinstance(stream, api302.Stream)
    texts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(texts) == "It is sunny."
    assert server.requests[-1].body["stream"] is True
    assert stream.final().text == "It is sunny."


@pytest.mark.parametrize("stream", [None, False])
def test_without_it_comes_the_response(client: Client, server: Any, stream: Any) -> None:
    response = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=stream)
    assert response.choices[0].message.content == response.text
    assert "stream" not in server.requests[-1].body


def test_responses_and_messages_stream_the_same_way(client: Client, server: Any) -> None:
    server.next(text="Good.")
    events = list(client.responses.create(model="gpt-4o", input="Hi", stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(map(str, deltas)) == "Good."
    server.next(text="Good.")
    stream = client.messages.create(
        model="claude-sonnet-4-5", max_tokens=9, messages=HELLO, stream=True
    )
    assert "".join(stream.text) == "Good."


def test_a_refused_stream_raises_where_it_is_asked_for(client: Client, server: Any) -> None:
    server.next(code=401)
    with pytest.raises(api302.AuthenticationError):
        client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)


def test_stream_is_true_or_false(client: Client, server: Any) -> None:
    wrong: Any = "yes"
    with pytest.raises(api302.InvalidArgument, match="stream: must be True or False, not 'yes'"):
        client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=wrong)
    assert not server.requests


def test_an_async_stream_is_awaited_once(server: Any) -> None:
    async def run() -> tuple[str, str]:
        async with AsyncClient(api_key="sk-test", base_url=server.url) as client:
            server.next(text="It rains.")
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=HELLO, stream=True
            )
            pieces = [
                chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices
            ]
            return "".join(pieces), (await stream.final()).text

    assert asyncio.run(run()) == ("It rains.", "It rains.")


# --- parse ----------------------------------------------------------------------------------------


class Step(BaseModel):
    explanation: str
    output: str


class Solution(BaseModel):
    steps: list[Step]
    answer: float | None = None


SOLVED = {"steps": [{"explanation": "add", "output": "4"}], "answer": 4}


@dataclass
class City:
    """A city."""

    name: str
    people: int
    twin: City | None = None
    tags: list[str] = field(default_factory=list)


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Order(TypedDict):
    size: Size
    kind: Literal["tea", "coffee"]
    note: NotRequired[str]
    prices: dict[str, float]


@pydantic_dataclass
class Point:
    x: int
    y: int


def test_parse_makes_an_object_of_pydantics_class(client: Client, server: Any) -> None:
    server.next(text=json.dumps(SOLVED))
    response = client.chat.completions.parse(
        model="gpt-4o", messages=HELLO, response_format=Solution
    )
    assert response.parsed == Solution.model_validate(SOLVED)
    assert response.choices[0].message.parsed is response.parsed
    sent = server.requests[-1].body["response_format"]
    assert (sent["type"], sent["json_schema"]["name"]) == ("json_schema", "Solution")
    assert sent["json_schema"]["strict"] is True
    schema = sent["json_schema"]["schema"]
    assert schema["required"] == ["steps", "answer"]
    assert (
        schema["additionalProperties"] is schema["$defs"]["Step"]["additionalProperties"] is False
    )
    assert "parsed" not in response.to_dict()["choices"][0]["message"]


def test_parse_of_responses_and_messages(client: Client, server: Any) -> None:
    server.next(
        text='{"name": "Rome", "people": 3, "tags": ["old"],'
        ' "twin": {"name": "Paris", "people": 2}}'
    )
    response = client.responses.parse(
        model="gpt-4o", input="A city", text_format=City, text={"verbosity": "low"}
    )
    rome = City("Rome", 3, City("Paris", 2), ["old"])
    assert response.output_parsed == response.parsed == rome
    sent = server.requests[-1].body["text"]
    assert sent["verbosity"] == "low"
    assert sent["format"]["type"] == "json_schema"
    assert sent["format"]["schema"] == {
        "$ref": "#/$defs/City",
        "$defs": {
            "City": {
                "type": "object",
                "description": "A city.",
                "properties": {
                    "name": {"type": "string"},
                    "people": {"type": "integer"},
                    "twin": {"anyOf": [{"$ref": "#/$defs/City"}, {"type": "null"}]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["name", "people", "twin", "tags"],
                "additionalProperties": False,
            }
        },
    }
    server.next(text='{"x": 1, "y": 2}')
    message = client.messages.parse(
        model="claude-sonnet-4-5", max_tokens=99, messages=HELLO, output_format=Point
    )
    assert message.parsed == Point(1, 2)
    assert server.requests[-1].body["output_config"]["format"]["type"] == "json_schema"


def test_parse_of_a_typed_dict(client: Client, server: Any) -> None:
    server.next(text='{"size": "l", "kind": "tea", "prices": {"tea": 2}}')
    order = client.chat.completions.parse(
        model="gpt-4o", messages=HELLO, response_format=Order
    ).parsed
    assert order == {"size": Size.LARGE, "kind": "tea", "prices": {"tea": 2.0}}
    sent = server.requests[-1].body["response_format"]["json_schema"]
    assert sent["strict"] is False, "an object of any keys cannot be followed exactly"
    assert sent["schema"]["properties"]["size"] == {"enum": ["s", "l"]}


def test_a_stream_of_a_class_has_the_object_at_its_end(client: Client, server: Any) -> None:
    server.next(text='{"name": "Rome", "people": 3}')
    with client.chat.completions.stream(
        model="gpt-4o", messages=HELLO, response_format=City
    ) as stream:
        assert "".join(stream.text) == '{"name": "Rome", "people": 3}'
    assert stream.final().parsed == City("Rome", 3)
    server.next(text='{"name": "Rome", "people": 3}')
    with client.responses.stream(model="gpt-4o", input="A city", text_format=City) as events:
        assert events.final().output_parsed == City("Rome", 3)


def test_an_async_parse(server: Any) -> None:
    async def run() -> Any:
        async with AsyncClient(api_key="sk-test", base_url=server.url) as client:
            server.next(text='{"name": "Rome", "people": 3}')
            whole = await client.chat.completions.parse(
                model="gpt-4o", messages=HELLO, response_format=City
            )
            server.next(text='{"name": "Rome", "people": 3}')
            async with client.responses.stream(
                model="gpt-4o", input="A city", text_format=City
            ) as stream:
                return whole.parsed, (await stream.final()).parsed

    assert asyncio.run(run()) == (City("Rome", 3), City("Rome", 3))


def chat(content: str | None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "choices": [choice],
        "usage": usage,
    }


def test_a_refusal_is_no_error_and_no_object(client: Client, server: Any) -> None:
    server.next(body=chat(None, refusal="I cannot help with that."))
    response = client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=City)
    assert response.parsed is None
    assert response.refusal == "I cannot help with that."


def test_an_output_that_was_cut_off_is_kept(client: Client, server: Any) -> None:
    body = chat('{"name": "Ro')
    body["choices"][0]["finish_reason"] = "length"
    server.next(body=body)
    with pytest.raises(api302.OutputError, match="cut off") as caught:
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=City)
    assert caught.value.reason == "cut"
    assert caught.value.text == '{"name": "Ro'
    assert caught.value.response.id == "c1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"name": 5, "people": 3}', "name: is 5, not str"),
        ('{"name": "Rome"}', "people"),
        ('{"name": "Rome", "people": true}', "people: is True, not an integer"),
        ('{"name": "Rome", "people": 3, "tags": ["a", 1]}', r"tags\[1\]: is 1, not str"),
        ("Rome!", "not of the class City"),
    ],
)
def test_an_output_of_another_kind_names_the_field(
    client: Client, server: Any, text: str, told: str
) -> None:
    server.next(text=text)
    with pytest.raises(api302.OutputError, match=told) as caught:
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=City)
    assert (caught.value.reason, caught.value.text) == ("invalid", text)
    assert caught.value.request_id


@dataclass
class Odd:
    when: complex


@pytest.mark.parametrize("kind", [int, str, object, Odd, Size])
def test_a_class_that_has_no_schema_is_refused(client: Client, server: Any, kind: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match=r"response_format: .*dataclass"):
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=kind)
    assert not server.requests


def test_a_format_as_json_goes_as_it_is(client: Client, server: Any) -> None:
    with client.chat.completions.stream(
        model="gpt-4o", messages=HELLO, response_format={"type": "json_object"}
    ) as stream:
        stream.final()
    assert server.requests[-1].body["response_format"] == {"type": "json_object"}


# --- what a response has --------------------------------------------------------------------------


def test_one_text_for_every_format(client: Client, server: Any) -> None:
    def texts() -> Iterator[str]:
        yield client.chat.completions.create(model="gpt-4o", messages=HELLO).text
        yield client.responses.create(model="gpt-4o", input="Hi").text
        yield client.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=HELLO).text

    server.next(text="Yes.", times=3)
    assert list(texts()) == ["Yes."] * 3
    contents: Any = [{"parts": [{"text": "Hi"}]}]
    gemini = client.llm.google.generate_content(model="gemini-2.5-flash", contents=contents)
    assert gemini.text == gemini.to_dict()["candidates"][0]["content"]["parts"][0]["text"]


def test_output_text_of_responses(client: Client, server: Any) -> None:
    server.next(text="Yes.")
    response = client.responses.create(model="gpt-4o", input="Hi")
    assert response.output_text == "Yes."
    assert response.text_ == response["text"], (
        "the settings of the request, which OpenAI calls text"
    )


def test_dumps(client: Client, server: Any) -> None:
    server.next(body=chat("你好", refusal=None))
    response = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert response.model_dump() == response.to_dict() == json.loads(response.to_json())
    assert json.loads(response.model_dump_json(indent=2)) == response.to_dict()
    assert "你好" in response.to_json(indent=None)
    assert "refusal" in response.choices[0].message.model_dump()
    assert "refusal" not in response.model_dump(exclude_none=True)["choices"][0]["message"]


def test_models_are_iterated(client: Client) -> None:
    models = client.models.list()
    assert [model.id for model in models] == [model.id for model in models.data]


def test_a_transcript_has_its_text_in_every_form(client: Client) -> None:
    sound = ("sound.mp3", b"ID3\x03")
    for form in ("json", "text"):
        transcript = client.audio.transcriptions.create(
            file=sound, model="whisper-1", response_format=form
        )
        assert isinstance(transcript.text, str)
        assert transcript.text


def test_openais_places(client: Client, server: Any) -> None:
    client.audio.speech.create(model="tts-1", input="Hello", voice="alloy")
    client.audio.translations.create(file=("sound.mp3", b"ID3\x03"), model="whisper-1")
    client.images.edit(model="gpt-image-1", prompt="A hat", image=("a.png", b"\x89PNG\r\n\x1a\n0"))
    client.images.create_variation(model="dall-e-2", image=("a.png", b"\x89PNG\r\n\x1a\n0"))
    client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert [one.path for one in server.requests] == [
        "/v1/audio/speech",
        "/v1/audio/translations",
        "/v1/images/edits",
        "/v1/images/variations",
        "/v1/embeddings",
    ]


def test_speech_of_all_vendors_is_where_it_was(client: Client, server: Any) -> None:
    assert client.audio.speech(text="Hello", provider="openai", voice="alloy").audio_url
    assert server.requests[-1].path == "/302/v2/audio/tts"
    with client.audio.speech.stream(model="tts-1", input="Hello", voice="alloy") as pieces:
        assert b"".join(pieces)


# --- clients --------------------------------------------------------------------------------------


def test_default_headers_and_copy(server: Any) -> None:
    with Client(api_key="sk-test", base_url=server.url, default_headers={"X-App": "a"}) as client:
        other = client.copy(default_headers={"X-Team": "b"}, headers={"X-More": "c"}, timeout=5)
        other.models.list()
        sent = server.requests[-1].headers
        assert (sent["x-app"], sent["x-team"], sent["x-more"]) == ("a", "b", "c")
        client.models.list()
        assert "x-team" not in server.requests[-1].headers


# --- what is called wrongly -----------------------------------------------------------------------


def test_positional_arguments_are_named(client: Client, server: Any) -> None:
    create: Any = client.chat.completions.create
    with pytest.raises(api302.InvalidArgument, match=r"model, messages: .*create\(model=…, mess"):
        create("gpt-4o", HELLO)
    with pytest.raises(TypeError, match="temprature"):
        create(model="gpt-4o", messages=HELLO, temprature=1)
    assert not server.requests


def test_a_call_that_was_not_awaited_says_so(server: Any) -> None:
    async def run() -> Any:
        async with AsyncClient(api_key="sk-test", base_url=server.url) as client:
            pending: Any = client.chat.completions.create(model="gpt-4o", messages=HELLO)
            assert "not awaited" in repr(pending)
            with pytest.raises(AttributeError, match=r"choices: .*not awaited; write `await"):
                print(pending.choices)
            with pytest.raises(TypeError, match="not awaited"):
                print(pending["choices"])
            with pytest.raises(TypeError, match="not awaited"):
                list(pending)
            with pytest.raises(TypeError, match="not awaited"):
                async for _ in pending:
                    pass
            first = await pending
            tasks = [asyncio.create_task(client.models.list()), client.models.list()]
            return first, await asyncio.gather(*tasks)

    first, models = asyncio.run(run())
    assert first.choices
    assert models[0] == models[1]


def test_the_mock_follows_the_schema(client: Client) -> None:
    arguments: Any = {"model": "gpt-4o", "messages": HELLO}
    for kind in (Solution, City, Order, Point):
        whole = client.chat.completions.parse(response_format=kind, **arguments)
        assert whole.parsed is not None
        with client.chat.completions.stream(response_format=kind, **arguments) as stream:
            assert stream.final().parsed == whole.parsed
        assert (
            client.responses.parse(model="gpt-4o", input="x", text_format=kind).parsed is not None
        )


def test_images_of_openais_models_are_openais_call(client: Client, server: Any) -> None:
    images = client.images.generate(model="gpt-image-1", prompt="An otter", n=2, user="u1")
    assert len(images.data or []) == 2
    assert server.requests[-1].path == "/v1/images/generations"
    assert server.requests[-1].body == {
        "model": "gpt-image-1",
        "prompt": "An otter",
        "n": 2,
        "user": "u1",
    }
    unified = client.images.generate(model="gemini-2.5-flash-image", prompt="An otter")
    assert unified.image_url
    assert server.requests[-1].path == "/302/v2/image/generate"


@pytest.mark.parametrize(
    ("model", "arguments", "told"),
    [
        ("gemini-2.5-flash-image", {"user": "u1", "style": "vivid"}, "style, user: is not taken"),
        ("gemini-2.5-flash-image", {"stream": True}, "stream: is not taken with this model"),
        ("gpt-image-1", {"seed": 1}, "seed: is not taken with this model"),
        (None, {}, "model: is required"),
    ],
)
def test_what_only_the_other_call_takes_is_refused(
    client: Client, server: Any, model: Any, arguments: Any, told: str
) -> None:
    generate: Any = client.images.generate
    with pytest.raises(api302.InvalidArgument, match=told):
        generate(model=model, prompt="An otter", **arguments)
    assert not server.requests
    generate(model="gemini-2.5-flash-image", prompt="An otter", stream=False)


def test_an_estimate_of_a_shared_method_is_that_of_its_model(client: Client) -> None:
    found = client.estimate(client.images.generate, model="gpt-image-1", prompt="An otter")
    assert "the documented price of gpt-image-1" in found.basis
    assert found.low
    assert found.high
    assert found.low < found.high  # by the quality, which is not said


def test_an_estimate_of_every_form(client: Client) -> None:
    said: Any = {"text": "Hello", "provider": "openai", "voice": "alloy", "model": "tts-1"}
    speech = client.estimate(client.audio.speech, **said)
    assert speech == client.estimate("ai302_text_to_speech", **said)
    arguments: Any = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 10}
    plain = client.estimate(client.chat.completions.create, **arguments)
    for arguments["stream"] in (True, False):
        assert client.estimate(client.chat.completions.create, **arguments) == plain
    del arguments["stream"]
    parsed = client.estimate(client.chat.completions.parse, response_format=City, **arguments)
    assert parsed == plain
    with pytest.raises(api302.InvalidArgument, match="call: must be an operation id"):
        client.estimate(cast("Any", client.chat), **arguments)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python marks such functions from 3.12 on")
def test_methods_of_an_async_client_are_known_as_coroutine_functions(server: Any) -> None:
    client = AsyncClient(api_key="sk-test", base_url=server.url)
    assert inspect.iscoroutinefunction(client.chat.completions.create)
    assert not inspect.iscoroutinefunction(client.chat.completions.stream)


@dataclass
class Strict:
    """A class whose own check raises what is no ValueError."""

    name: str

    def __post_init__(self) -> None:
        assert self.name.istitle(), "no title"


class Checked(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        return {"Rome": value}[value]


@dataclass
class Number:
    value: float


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Strict, '{"name": "rome"}'),
        (Checked, '{"name": "Oslo"}'),
        (Number, '{"value": 1' + "0" * 400 + "}"),
    ],
)
def test_fault_06_a_class_that_raises_loses_no_response(
    client: Client, server: Any, kind: Any, text: str
) -> None:
    server.next(text=text)
    with pytest.raises(api302.OutputError, match=f"not of the class {kind.__name__}") as caught:
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=kind)
    assert (caught.value.text, caught.value.response.text) == (text, text)
    server.next(text=text)
    with (
        pytest.raises(api302.OutputError),
        client.chat.completions.stream(
            model="gpt-4o", messages=HELLO, response_format=kind
        ) as stream,
    ):
        stream.final()


def _named_alike() -> tuple[Any, Any]:
    first, second = make_dataclass("Item", [("a", int)]), make_dataclass("Item", [("b", str)])
    return make_dataclass("Both", [("x", first), ("y", second), ("all", list[first])]), second


def test_fault_11_two_classes_of_one_name_are_two(client: Client, server: Any) -> None:
    """The second had the schema of the first, and was paid for in vain."""
    kind, second = _named_alike()
    server.next(text='{"x": {"a": 1}, "y": {"b": "s"}, "all": [{"a": 2}]}')
    response = client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=kind)
    assert response.parsed is not None
    assert response.parsed.y == second("s")
    schema = server.requests[-1].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["y"] == {"$ref": "#/$defs/Item_2"}
    assert list(schema["$defs"]["Item_2"]["properties"]) == ["b"]
    assert schema["properties"]["all"]["items"] == {"$ref": "#/$defs/Item"}


@dataclass
class Counted:
    name: str
    length: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.length = len(self.name)


def test_fault_11_a_field_that_is_not_given_is_not_asked_for(client: Client, server: Any) -> None:
    server.next(text='{"name": "Rome"}')
    response = client.chat.completions.parse(
        model="gpt-4o", messages=HELLO, response_format=Counted
    )
    assert response.parsed is not None
    assert (response.parsed.name, response.parsed.length) == ("Rome", 4)


@dataclass
class Pair:
    both: tuple[int, str]


@dataclass
class Lost:
    of: NowhereDefined  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


class LostModel(BaseModel):
    of: NowhereDefined  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Pair, r"Pair.both is of the type tuple\[int, str\], which JSON has not"),
        (Lost, "the fields of Lost cannot be read .*NowhereDefined"),
        (LostModel, "the fields of LostModel cannot be read .*LostModel"),
    ],
)
def test_fault_25_a_class_that_cannot_be_read_is_named(
    client: Client, server: Any, kind: Any, told: str
) -> None:
    with pytest.raises(api302.InvalidArgument, match=f"response_format: {told}"):
        client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=kind)
    assert not server.requests


class Bare(TypedDict):
    names: frozenset  # type: ignore[type-arg]
    steps: Sequence  # type: ignore[type-arg]
    facts: Mapping  # type: ignore[type-arg]
    more: Dict  # type: ignore[type-arg]  # noqa: UP006 - the old name is taken as well


def test_fault_11_a_class_that_does_not_say_what_it_holds(client: Client, server: Any) -> None:
    """`list` was taken, `frozenset`, `Sequence` and `Mapping` were not; of `Dict` nothing was
    checked.
    """

    def parsed(text: str) -> Any:
        server.next(text=text)
        return client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Bare)

    whole = '{"names": ["a", "a"], "steps": [1, "b"], "facts": {"a": 1}, "more": {"b": null}}'
    assert parsed(whole).parsed == {
        "names": frozenset("a"),
        "steps": [1, "b"],
        "facts": {"a": 1},
        "more": {"b": None},
    }
    schema = server.requests[-1].body["response_format"]["json_schema"]["schema"]
    assert [one["type"] for one in schema["properties"].values()] == [
        "array",
        "array",
        "object",
        "object",
    ]
    for wrong in (
        whole.replace('{"a": 1}', "[]"),
        whole.replace('[1, "b"]', '"ab"'),
        whole.replace('["a", "a"]', "{}"),
        whole.replace('{"b": null}', "[1]"),
    ):
        with pytest.raises(api302.OutputError):
            parsed(wrong).parsed  # noqa: B018 - what it raises is what is tested
