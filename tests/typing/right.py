"""User code that must pass pyright (strict) and mypy (--strict).

Never run; read by tests/test_typing.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import PIL.Image

import api302
from api302_client.models import KlingResponse, OpenaiChatChunk, OpenaiChatResponse
from api302_client.params.llm_openai import OpenaiChatMessage

client = api302.Client(api_key="sk-...", timeout=30, max_retries=3)

messages: list[OpenaiChatMessage] = [{"role": "user", "content": "hello"}]
reply = client.chat.completions.create(
    model="gpt-4o", messages=messages, temperature=0.2, web_search=True
)
assert_type(reply, OpenaiChatResponse)
for choice in reply.choices or []:
    if choice.message and choice.message.content:
        print(choice.message.content)

with client.chat.completions.stream(
    model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
) as stream:
    for chunk in stream:
        assert_type(chunk, OpenaiChatChunk)
    whole = stream.final()
assert_type(whole, OpenaiChatResponse)

task = client.videos.kling.text_to_video(prompt="a red panda", aspect_ratio="16:9")
assert_type(task, api302.Task[KlingResponse])
video = task.wait(timeout=600, on_progress=lambda status: print(status.progress))
saved: Path = video.outputs[0].save("panda.mp4")
drawn = client.images.openai.generate_image(prompt="a red panda").outputs[0]
drawn_path: Path = drawn.save("panda.png")
client.images.openai.edit_image(model="gpt-image-1", prompt="a hat", image=drawn)
client.videos.kling.image_to_video(image=drawn.url)
client.videos.kling.image_to_video(image=video.outputs[0])
picture: PIL.Image.Image = PIL.Image.new("RGB", (8, 8))
client.images.openai.edit_image(model="gpt-image-1", prompt="a hat", image=picture)

address: str = client.files.upload(Path("cat.png")).url
sound = client.audio.openai.speech(model="tts-1", input="hello", voice="alloy")
sound.save("hello.mp3")
raw = client.with_raw_response(client.chat.completions.create)(model="gpt-4o", messages=messages)
assert_type(raw.parsed, OpenaiChatResponse)
print(raw.status_code, raw.headers, reply.request_id, client.cost(reply))


async def main() -> None:
    async with api302.AsyncClient(api_key="sk-...") as other:
        answer = await other.chat.completions.create(model="gpt-4o", messages=messages)
        assert_type(answer, OpenaiChatResponse)
        async with other.chat.completions.stream(model="gpt-4o", messages=messages) as events:
            async for event in events:
                assert_type(event, OpenaiChatChunk)
        pending = await other.videos.kling.text_to_video(prompt="a red panda")
        result = await pending.wait(timeout=600)
        await result.outputs[0].save("panda.mp4")


try:
    client.images.generate(model="flux-schnell", prompt="sky city")
except api302.RateLimitError as error:
    print(error.retry_after, error.request_id)
except api302.Api302Error as error:
    print(error)
