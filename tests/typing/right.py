"""User code that must pass pyright (strict) and mypy (--strict).

Never run; read by tests/test_typing.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, assert_type

import PIL.Image

import api302
from api302.types import OpenaiChatMessage as ShortMessage
from api302.types import OpenaiChatResponse as ShortResponse
from api302_client.models import (
    Ai302ImageTask,
    KlingResponse,
    OpenaiChatAnswer,
    OpenaiChatChunk,
    OpenaiChatResponse,
    OpenaiImageResponse,
    OpenaiRealtimeResponseDone,
)
from api302_client.params.llm_openai import OpenaiChatMessage
from api302_resources.audio.openai_realtime import OpenaiRealtimeConnection

client = api302.Client(api_key="sk-...", timeout=30, max_retries=3)

messages: list[OpenaiChatMessage] = [{"role": "user", "content": "hello"}]
reply = client.chat.completions.create(
    model="gpt-4o", messages=messages, temperature=0.2, web_search=True
)
assert_type(reply, OpenaiChatResponse[None, api302.Output])
assert_type(reply, ShortResponse[None, api302.Output])
short: list[ShortMessage] = messages
for choice in reply.choices or []:
    if choice.message and choice.message.content:
        print(choice.message.content)

with client.chat.completions.stream(
    model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
) as stream:
    for chunk in stream:
        assert_type(chunk, OpenaiChatChunk)
    whole = stream.final()
assert_type(whole, OpenaiChatResponse[None, api302.Output])

task = client.videos.kling.text_to_video(prompt="a red panda", aspect_ratio="16:9")
assert_type(task, api302.Task[KlingResponse])
video = task.wait(timeout=600, on_progress=lambda status: print(status.progress))
saved: Path = video.outputs[0].save("panda.mp4")
drawn = client.images.openai.generate_image(prompt="a red panda").outputs[0]
assert_type(drawn, api302.Output)
assert_type(drawn.save("panda.png"), Path)
assert_type(drawn.read(), bytes)
assert_type(drawn.url, str)
client.images.openai.edit_image(model="gpt-image-1", prompt="a hat", image=drawn)
client.videos.kling.image_to_video(image=drawn.url)
client.videos.kling.image_to_video(image=video.outputs[0])
picture: PIL.Image.Image = PIL.Image.new("RGB", (8, 8))
client.images.openai.edit_image(model="gpt-image-1", prompt="a hat", image=picture)

address: str = client.files.upload(Path("cat.png")).url
sound = client.audio.openai.speech(model="tts-1", input="hello", voice="alloy")
sound.save("hello.mp3")
assert_type(sound.outputs[0], api302.Output)
raw = client.with_raw_response(client.chat.completions.create)(model="gpt-4o", messages=messages)
assert_type(raw.parsed, OpenaiChatResponse[None, api302.Output])
print(raw.status_code, raw.headers, reply.request_id, client.cost(reply))

with client.audio.openai.realtime(
    model="gpt-realtime",
    session={"type": "realtime", "audio": {"output": {"voice": "marin"}}},
    reconnect="idle",
) as talk:
    assert_type(talk, OpenaiRealtimeConnection)
    talk.conversation.item.create(item={"type": "message", "role": "user"})
    talk.input_audio_buffer.append(audio=b"")
    talk.send_audio([b"", bytearray()])
    talk.response.create(response={"output_modalities": ["text"]})
    for happening in talk:
        assert_type(talk.audio(happening), bytes)
        if isinstance(happening, OpenaiRealtimeResponseDone):
            print(happening.response.status)
            break
        if happening.type == "response.output_text.delta":
            print(happening.delta)


async def main() -> None:
    async with api302.AsyncClient(api_key="sk-...") as other:
        answer = await other.chat.completions.create(model="gpt-4o", messages=messages)
        assert_type(answer, OpenaiChatResponse[None, api302.AsyncOutput])
        async with other.chat.completions.stream(model="gpt-4o", messages=messages) as events:
            async for event in events:
                assert_type(event, OpenaiChatChunk)
        pending = await other.videos.kling.text_to_video(prompt="a red panda")
        async with other.audio.openai.realtime(model="gpt-realtime") as talking:
            await talking.response.cancel()
            async for happening in talking:
                print(happening.type, await talking.receive(timeout=1))
        result = await pending.wait(timeout=600)
        await result.outputs[0].save("panda.mp4")
        made = await other.images.generate(model="gpt-image-1", prompt="a red panda")
        assert_type(made.outputs[0], api302.AsyncOutput)
        assert_type(await made.outputs[0].save("panda.png"), Path)
        assert_type(await made.outputs[0].read(), bytes)
        speech = await other.audio.openai.speech(model="tts-1", input="hello", voice="alloy")
        assert_type(speech.outputs[0], api302.AsyncOutput)
        begun = await other.images.submit_generate(model="flux-2-pro", prompt="a bear")
        assert_type((await begun.wait()).outputs[0], api302.AsyncOutput)
        later: api302.AsyncTask[Ai302ImageTask] = (
            begun  # whoever does not care whose files it gives
        )
        print(later.id, either_client(answer), either_client(reply))


def either_client(response: OpenaiChatResponse) -> int:
    """Takes the response of a client and of an async one."""
    return len(response.outputs)


try:
    client.images.generate(model="flux-schnell", prompt="sky city")
except api302.RateLimitError as error:
    print(error.retry_after, error.request_id)
except api302.Api302Error as error:
    print(error)


# --- what hands from openai-python type -----------------------------------------------------------


@dataclass
class City:
    name: str


@dataclass
class Turn:
    role: str
    content: str


class Order(TypedDict):
    size: int


streamed = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
assert_type(streamed, api302.Stream[OpenaiChatChunk, OpenaiChatResponse[None, api302.Output]])
either: bool = len(messages) > 1
assert_type(
    client.chat.completions.create(model="gpt-4o", messages=messages, stream=either),
    OpenaiChatResponse[None, api302.Output]
    | api302.Stream[OpenaiChatChunk, OpenaiChatResponse[None, api302.Output]],
)
history: list[OpenaiChatMessage | OpenaiChatAnswer[Any]] = [*messages, reply.choices[0].message]
client.chat.completions.create(model="gpt-4o", messages=history)
client.chat.completions.create(
    model="gpt-4o",
    messages=[*messages, reply.choices[0].message, {"role": "user", "content": "And then?"}],
)
turn = client.responses.create(model="gpt-4o", input="hello")
client.responses.create(
    model="gpt-4o", input=[*turn.output, {"role": "user", "content": "And then?"}]
)
assert_type(turn.output_text, str)
client.chat.completions.create(model="gpt-4o", messages=[Turn("user", "hello")])
turns: list[Turn] = [Turn("user", "hello")]
client.chat.completions.create(model="gpt-4o", messages=turns)
for call in reply.choices[0].message.tool_calls or []:
    if call.function:
        assert_type(call.id + call.function.name + call.function.arguments, str)
for part in streamed:
    for piece in part.choices:
        print(piece.delta.content)
parsed = client.chat.completions.parse(model="gpt-4o", messages=messages, response_format=City)
assert_type(parsed, OpenaiChatResponse[City, api302.Output])
assert_type(parsed.choices[0].message.parsed, City | None)
assert_type(parsed.parsed, City | None)
assert_type(
    client.responses.parse(model="gpt-4o", input="x", text_format=Order).output_parsed, Order | None
)
with client.chat.completions.stream(
    model="gpt-4o", messages=messages, response_format=City
) as cities:
    assert_type(cities.final().parsed, City | None)
otters = client.images.generate(model="gpt-image-1", prompt="An otter", n=2)
assert_type(otters, OpenaiImageResponse[api302.Output])
assert_type(
    client.images.generate(model="flux-2-pro", prompt="An otter"), Ai302ImageTask[api302.Output]
)
named: str = "flux-2-pro"
assert_type(client.images.generate(model=named, prompt="An otter"), Ai302ImageTask[api302.Output])
words: str = client.audio.transcriptions.create(file=Path("a.mp3"), model="whisper-1").text
for model in client.models.list():
    assert_type(model.id, str)
client.audio.speech.create(model="tts-1", input="hello", voice="alloy").save("hello.mp3")
other_client = client.copy(default_headers={"X-App": "a"})
assert_type(other_client, api302.Client)
client.chat.completions.create(
    model="gpt-4o",
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": Path("cat.png")}},
            ],
        }
    ],
)
client.responses.create(
    model="gpt-4o",
    input=[
        {"role": "user", "content": [{"type": "input_image", "image_url": Path("cat.png")}]},
    ],
)
said = client.messages.create(
    model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
)
client.messages.create(
    model="claude-sonnet-4-5",
    max_tokens=9,
    messages=[
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": said.content},
        {"role": "user", "content": "And then?"},
    ],
)

offered = [api302.functions.schema("information.tavily.search")]
talk_so_far: list[OpenaiChatMessage | OpenaiChatAnswer[Any]] = [*messages]
asked_for = client.chat.completions.create(model="gpt-4o", messages=talk_so_far, tools=offered)
talk_so_far.append(asked_for.choices[0].message)
for wanted in asked_for.choices[0].message.tool_calls or []:
    talk_so_far.append(api302.functions.run(client, wanted, offered))
client.chat.completions.create(model="gpt-4o", messages=talk_so_far, stop={"red", "blue"})
client.embeddings.create(model="text-embedding-3-small", input=(str(one) for one in range(3)))
