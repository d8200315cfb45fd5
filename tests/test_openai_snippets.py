"""What openai-python's README, helpers.md and examples show, in our words, with the import changed.

Each function is one of their snippets: the same calls with the same names, on the mock. Where a
line differs, the README's table has the row that its comment names.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec

import httpx2
import pytest
from pydantic import BaseModel

import api302
import api302_mock
from api302 import AsyncClient as AsyncOpenAI
from api302 import Client as OpenAI

P = ParamSpec("P")
SNIPPETS: list[Callable[..., Any]] = []
MODEL = "gpt-4o"
ASK: Any = [{"role": "user", "content": "Say this is a test"}]
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def snippet(function: Callable[P, Any]) -> Callable[P, Any]:
    """Mark one of the snippets."""
    SNIPPETS.append(function)
    return function


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with api302_mock.start() as server:
        yield server


@pytest.fixture
def server(running: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A mock that clients find by the environment; the program runs in an empty folder."""
    running.reset()
    monkeypatch.setenv("AI302_API_KEY", "sk-test")
    monkeypatch.setenv("AI302_BASE_URL", running.url)
    monkeypatch.chdir(tmp_path)
    return running


class Step(BaseModel):
    explanation: str
    output: str


class MathResponse(BaseModel):
    steps: list[Step]
    final_answer: str


class Table(str, Enum):  # noqa: UP042 - as the example has it
    orders = "orders"
    customers = "customers"


class Query(BaseModel):
    table_name: Table
    columns: list[str]


MATH: Any = [
    {"role": "system", "content": "You are a helpful math tutor."},
    {"role": "user", "content": "solve 8x + 31 = 2"},
]
ORDERS = {"table_name": "orders", "columns": list[str]()}
QUERY: Any = {
    "type": "function",
    "function": {"name": "Query", "parameters": Query.model_json_schema(), "strict": False},
}


# --- README: usage --------------------------------------------------------------------------------


@snippet
def a_response_and_its_text() -> None:
    client = OpenAI(api_key=os.environ.get("AI302_API_KEY"))
    response = client.responses.create(
        model=MODEL, instructions="Talk like a pirate.", input="How do I check a type?"
    )
    assert response.output_text


@snippet
def a_chat_completion() -> None:
    client = OpenAI()
    completion = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "developer", "content": "Talk like a pirate."},
            {"role": "user", "content": "How do I check a type?"},
        ],
    )
    assert completion.choices[0].message.content


@snippet
def an_image_by_url() -> None:
    client = OpenAI()
    url = "https://example.com/raccoon.jpg"
    response = client.responses.create(
        model=MODEL,
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is in this image?"},
                    {"type": "input_image", "image_url": f"{url}"},
                ],
            }
        ],
    )
    assert response.output


@snippet
def an_image_as_base64() -> None:
    Path("image.png").write_bytes(PNG)
    client = OpenAI()
    with open("image.png", "rb") as image_file:
        b64_image = base64.b64encode(image_file.read()).decode("utf-8")
    response = client.responses.create(
        model=MODEL,
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is in this image?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{b64_image}"},
                ],
            }
        ],
    )
    assert response.status == "completed"


# --- README: async --------------------------------------------------------------------------------


@snippet
async def an_async_response() -> None:
    client = AsyncOpenAI(api_key=os.environ.get("AI302_API_KEY"))
    response = await client.responses.create(model=MODEL, input="Explain it to a child of five.")
    assert response.output_text
    await client.close()


@snippet
async def an_async_client_in_with() -> None:
    async with AsyncOpenAI() as client:
        completion = await client.chat.completions.create(messages=ASK, model=MODEL)
        assert completion.id


@snippet
async def an_async_client_on_another_transport() -> None:
    # row: DefaultAioHttpClient
    async with AsyncOpenAI(transport="httpx2") as client:
        completion = await client.chat.completions.create(messages=ASK, model=MODEL)
        assert completion.choices


# --- README: streaming ----------------------------------------------------------------------------


@snippet
def a_stream_of_events() -> None:
    client = OpenAI()
    stream = client.responses.create(
        model=MODEL, input="Write a one-sentence bedtime story.", stream=True
    )
    seen = [event.type for event in stream]
    assert (seen[0], seen[-1]) == ("response.created", "response.completed")


@snippet
async def an_async_stream_of_events() -> None:
    async with AsyncOpenAI() as client:
        stream = await client.responses.create(
            model=MODEL, input="Write a one-sentence bedtime story.", stream=True
        )
        assert [event.type async for event in stream][-1] == "response.completed"


@snippet
def a_stream_of_a_chat() -> None:
    client = OpenAI()
    stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    text = ""
    for chunk in stream:
        if not chunk.choices:
            continue
        text += chunk.choices[0].delta.content or ""
    assert text


@snippet
def a_stream_is_closed_by_with() -> None:
    client = OpenAI()
    with client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as stream:
        for chunk in stream:
            assert chunk.object == "chat.completion.chunk"
            break


@snippet
def a_stream_is_read_by_next() -> None:
    client = OpenAI()
    stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    first = next(iter(stream))
    stream.close()
    assert first.id


@snippet
def the_usage_of_a_stream() -> None:
    client = OpenAI()
    stream = client.chat.completions.create(
        model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    last = None
    for chunk in stream:
        last = chunk
    assert last is not None
    assert last.usage is not None


# --- README: types, lists, parameters -------------------------------------------------------------


@snippet
def a_model_becomes_json() -> None:
    completion = OpenAI().chat.completions.create(model=MODEL, messages=ASK)
    assert json.loads(completion.to_json()) == completion.to_dict()


@snippet
def a_model_is_dumped_as_by_pydantic() -> None:
    completion = OpenAI().chat.completions.create(model=MODEL, messages=ASK)
    assert json.loads(completion.model_dump_json(indent=2)) == completion.model_dump()


@snippet
def a_list_is_looped_over() -> None:
    client = OpenAI()
    names: list[str] = []
    for model in client.models.list():
        names.append(model.id)
    assert names


@snippet
def a_list_has_its_data() -> None:
    page = OpenAI().models.list()
    assert [model.id for model in page.data] == [model.id for model in page]


@snippet
async def an_async_list() -> None:
    async with AsyncOpenAI() as client:
        # row: over a list
        for model in await client.models.list():
            assert model.id


@snippet
def nested_parameters() -> None:
    client = OpenAI()
    response = client.responses.create(
        input=[{"role": "user", "content": "How much ?"}],
        model=MODEL,
        text={"format": {"type": "json_object"}},
    )
    assert response.id


@snippet
def a_file_is_uploaded() -> None:
    Path("input.jsonl").write_text("{}\n", encoding="utf-8")
    # row: client.files.create
    assert OpenAI().files.upload(Path("input.jsonl")).url


# --- README: errors, ids, retries, timeouts -------------------------------------------------------


@snippet
def errors_by_their_kind(server: Any) -> None:
    client = OpenAI(max_retries=0)
    server.next(code=429)
    try:
        client.chat.completions.create(model=MODEL, messages=ASK)
    except api302.ConnectionError:  # row: APIConnectionError
        raise AssertionError from None
    except api302.RateLimitError as e:
        print("back off a bit", e.status_code)
    else:
        raise AssertionError


@snippet
def a_server_that_cannot_be_reached() -> None:
    client = OpenAI(base_url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(api302.ConnectionError) as caught:  # row: APIConnectionError
        client.models.list()
    assert caught.value.__cause__ is not None


@snippet
def a_status_that_is_no_success(server: Any) -> None:
    server.next(code=401)
    with pytest.raises(api302.AuthenticationError) as caught:
        OpenAI().models.list()
    assert isinstance(caught.value, api302.ApiError)  # row: APIStatusError
    assert (caught.value.status_code, caught.value.body is not None) == (401, True)


@snippet
async def the_id_of_a_request() -> None:
    async with AsyncOpenAI() as client:
        response = await client.responses.create(model=MODEL, input="Say this is a test.")
        assert response.request_id  # row: _request_id


@snippet
async def the_id_of_a_request_that_failed(server: Any) -> None:
    server.next(code=400)
    async with AsyncOpenAI() as client:
        with pytest.raises(api302.ApiError) as caught:
            await client.chat.completions.create(messages=ASK, model=MODEL)
        assert caught.value.request_id


@snippet
def retries_of_a_client(server: Any) -> None:
    server.next(code=429, times=1)
    with pytest.raises(api302.RateLimitError):
        OpenAI(max_retries=0).chat.completions.create(messages=ASK, model=MODEL)


@snippet
def retries_of_a_call(server: Any) -> None:
    server.next(code=429, retry_after=0.01, times=2)
    assert OpenAI().with_options(max_retries=5).chat.completions.create(messages=ASK, model=MODEL)


@snippet
def timeouts() -> None:
    OpenAI(timeout=20.0)
    client = OpenAI(timeout=httpx2.Timeout(60.0, read=5.0, write=10.0, connect=2.0))
    assert client.with_options(timeout=50.0).chat.completions.create(messages=ASK, model=MODEL)


@snippet
def a_call_that_takes_too_long(server: Any) -> None:
    server.next(latency=20.0)
    before = time.monotonic()
    with pytest.raises(api302.TimeoutError):  # row: APITimeoutError
        OpenAI(timeout=0.2, max_retries=0).models.list()
    assert time.monotonic() - before < 20


# --- README: advanced -----------------------------------------------------------------------------


@snippet
def logging_is_the_standard_one() -> None:
    logging.getLogger("api302").setLevel(logging.INFO)  # row: OPENAI_LOG
    assert OpenAI().models.list().data
    logging.getLogger("api302").setLevel(logging.NOTSET)


@snippet
def null_or_missing(server: Any) -> None:
    server.next(body={"id": "x", "object": "chat.completion", "created": 1, "choices": []})
    response = OpenAI().chat.completions.create(model=MODEL, messages=ASK)
    assert response.service_tier is None
    assert "service_tier" not in response  # row: model_fields_set


@snippet
def raw_responses() -> None:
    client = OpenAI()
    # row: with_raw_response
    response = client.with_raw_response(client.chat.completions.create)(messages=ASK, model=MODEL)
    assert response.headers.get("content-type")
    assert response.parsed.choices


@snippet
def undocumented_calls() -> None:
    # row: client.post
    response = OpenAI().request(
        "POST", "/v1/chat/completions", json={"model": MODEL, "messages": ASK}
    )
    assert response.headers.get("content-type")


@snippet
def undocumented_parameters(server: Any) -> None:
    OpenAI().chat.completions.create(
        model=MODEL,
        messages=ASK,
        extra_headers={"X-Trace": "a"},
        extra_query={"debug": "1"},
        extra_body={"my_param": True},
    )
    sent = server.requests[-1]
    assert (sent.headers["x-trace"], sent.query, sent.body["my_param"]) == ("a", "debug=1", True)


@snippet
def undocumented_properties(server: Any) -> None:
    server.next(body={"id": "x", "unknown_prop": 7, "choices": []})
    response = OpenAI().chat.completions.create(model=MODEL, messages=ASK)
    assert response["unknown_prop"] == 7  # row: model_extra


@snippet
def an_http_client_of_ones_own(server: Any) -> None:
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address="0.0.0.0")) as http_client:
        client = OpenAI(base_url=server.url, http_client=http_client)
        assert client.models.list().data


@snippet
def headers_of_every_call(server: Any) -> None:
    client = OpenAI(default_headers={"X-App": "demo"})
    client.with_options(default_headers={"X-Team": "a"}).models.list()
    sent = server.requests[-1].headers
    assert (sent["x-app"], sent["x-team"]) == ("demo", "a")


@snippet
def a_client_is_closed_by_with() -> None:
    with OpenAI() as client:
        assert client.models.list().data


# --- helpers.md and examples: parsed outputs ------------------------------------------------------


@snippet
def a_parsed_chat_completion() -> None:
    client = OpenAI()
    completion = client.chat.completions.parse(
        model=MODEL, messages=MATH, response_format=MathResponse
    )
    message = completion.choices[0].message
    assert message.parsed
    assert message.parsed.steps[0].explanation
    assert message.parsed.final_answer


@snippet
def a_refusal(server: Any) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot."}
    server.next(body={"id": "x", "choices": [{"index": 0, "message": message}]})
    completion = OpenAI().chat.completions.parse(
        model=MODEL, messages=MATH, response_format=MathResponse
    )
    answer = completion.choices[0].message
    assert answer.parsed is None
    assert answer.refusal == "I cannot."


@snippet
def a_parsed_stream() -> None:
    with OpenAI().chat.completions.stream(
        model=MODEL, messages=MATH, response_format=MathResponse
    ) as stream:
        # row: the events of .stream()
        assert "".join(stream.text)
    answer = stream.final().choices[0].message.parsed  # row: get_final_completion
    assert answer is not None
    assert answer.final_answer


@snippet
def a_parsed_response() -> None:
    rsp = OpenAI().responses.parse(input="solve 8x + 31 = 2", model=MODEL, text_format=MathResponse)
    for output in rsp.output:
        for item in output.content or []:
            if item.type == "output_text":
                assert item.parsed
                assert item.parsed.final_answer
    assert rsp.output_parsed


@snippet
def a_stream_of_a_parsed_response() -> None:
    with OpenAI().responses.stream(
        input="solve 8x + 31 = 2", model=MODEL, text_format=MathResponse
    ) as stream:
        events = [event for event in stream if "output_text" in event.type]
    assert events
    assert stream.final().output_parsed  # row: get_final_response


@snippet
async def an_async_stream_of_text() -> None:
    async with (
        AsyncOpenAI() as client,
        client.chat.completions.stream(model=MODEL, messages=ASK) as stream,
    ):
        text = "".join([piece async for piece in stream.text])
        assert (await stream.final()).choices[0].message.content == text


@snippet
async def an_async_stream_is_waited_for() -> None:
    async with (
        AsyncOpenAI() as client,
        client.chat.completions.stream(model=MODEL, messages=ASK) as stream,
    ):
        assert await stream.final()  # row: until_done


@snippet
def a_call_of_a_function(server: Any) -> None:
    server.next(tool_calls=[{"name": "Query", "arguments": ORDERS}])
    completion = OpenAI().chat.completions.create(model=MODEL, messages=ASK, tools=[QUERY])
    tool_call = (completion.choices[0].message.tool_calls or [])[0]
    assert tool_call.function is not None
    # row: parsed_arguments
    query = Query.model_validate_json(tool_call.function.arguments or "")
    assert query.table_name is Table.orders


@snippet
def the_result_of_a_function_goes_back(server: Any) -> None:
    client = OpenAI()
    server.next(tool_calls=[{"name": "Query", "arguments": {}}])
    first = client.chat.completions.create(model=MODEL, messages=ASK, tools=[QUERY])
    answer = first.choices[0].message
    messages: Any = [*ASK, answer]
    for call in answer.tool_calls or []:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "3 orders"})
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[QUERY])
    assert second.choices[0].message.content
    assert server.requests[-1].body["messages"][1]["tool_calls"][0]["function"]["name"] == "Query"


@snippet
def a_stream_of_a_call_of_a_function(server: Any) -> None:
    server.next(tool_calls=[{"name": "Query", "arguments": ORDERS}])
    tool: Any = {"type": "function", "name": "Query", "parameters": Query.model_json_schema()}
    with OpenAI().responses.stream(model=MODEL, input="My orders?", tools=[tool]) as stream:
        types = {event.type for event in stream}
    assert "response.function_call_arguments.delta" in types
    call = next(one for one in stream.final().output if one.type == "function_call")
    assert Query.model_validate_json(call.arguments or "").columns == []


@snippet
def a_turn_follows_a_turn(server: Any) -> None:
    client = OpenAI()
    first = client.responses.create(model=MODEL, input="Tell me a joke.")
    client.responses.create(
        model=MODEL, input=[*first.output, {"role": "user", "content": "Another one."}]
    )
    assert server.requests[-1].body["input"][0] == first.output[0].to_dict()


# --- examples: sound, images, vectors -------------------------------------------------------------


@snippet
def speech_into_a_file() -> None:
    # row: with_streaming_response
    OpenAI().audio.speech.create(model="tts-1", voice="alloy", input="the quick brown fox").save(
        Path("speech.mp3")
    )
    assert Path("speech.mp3").stat().st_size


@snippet
def sound_to_text() -> None:
    Path("speech.mp3").write_bytes(b"ID3\x03")
    transcription = OpenAI().audio.transcriptions.create(model="whisper-1", file=Path("speech.mp3"))
    assert transcription.text


@snippet
def sound_to_english() -> None:
    Path("speech.mp3").write_bytes(b"ID3\x03")
    translation = OpenAI().audio.translations.create(model="whisper-1", file=Path("speech.mp3"))
    assert translation.text


@snippet
def a_stream_of_sound() -> None:
    with OpenAI().audio.speech.stream(model="tts-1", voice="alloy", input="fox") as response:
        assert b"".join(response)


@snippet
def a_picture() -> None:
    response = OpenAI().images.generate(prompt="An astronaut lounging", model="dall-e-3")
    assert (response.data or [])[0].url


@snippet
def a_picture_in_stages() -> None:
    stream = OpenAI().images.generate(
        model="gpt-image-1",
        prompt="A cute baby sea otter",
        n=1,
        size="1024x1024",
        stream=True,
        partial_images=3,
    )
    pictures = [base64.b64decode(event.b64_json or "") for event in stream]
    assert all(picture.startswith(PNG[:4]) for picture in pictures)


@snippet
def an_image_is_edited() -> None:
    Path("otter.png").write_bytes(PNG)
    images = OpenAI().images.edit(model="gpt-image-1", image=Path("otter.png"), prompt="Add a hat.")
    assert images.data


@snippet
def an_image_is_varied() -> None:
    images = OpenAI().images.create_variation(image=("otter.png", PNG), n=2, model="dall-e-2")
    assert len(images.data or []) == 2


@snippet
def vectors_of_texts() -> None:
    response = OpenAI().embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert [item.index for item in response.data] == [0, 1]
    assert response.data[0].embedding


# --- they all run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("run", SNIPPETS, ids=lambda one: one.__name__)
def test_the_snippet_runs(run: Callable[..., Any], server: Any) -> None:
    arguments = [server] if inspect.signature(run).parameters else []
    made = run(*arguments)
    if inspect.iscoroutine(made):
        asyncio.run(made)
    assert server.requests or run is a_server_that_cannot_be_reached


def test_there_are_at_least_forty() -> None:
    assert len(SNIPPETS) == len({one.__name__ for one in SNIPPETS}) >= 40


def test_the_readmes_table_has_each_row_that_a_snippet_names() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    table = readme.partition("### Coming from")[2].partition("\n### ")[0]
    here = Path(__file__).read_text(encoding="utf-8")
    named = set(re.findall(r"# row: ([\w.() ]+)$", here, re.MULTILINE))
    assert len(named) > 10
    assert [name for name in sorted(named) if name not in table] == []
