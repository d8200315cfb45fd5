"""Lines marked `error` must be refused by pyright and mypy, and no others."""

from __future__ import annotations

import api302
from api302.types import OpenaiChatMessage

client = api302.Client(api_key="sk-...")
messages: list[OpenaiChatMessage] = [{"role": "user", "content": "hello"}]

client.chat.completions.create(model="gpt-4o", messages=messages, temprature=0.2)  # error
client.chat.completions.create(model=4, messages=messages)  # error
client.chat.completions.create("gpt-4o", messages)  # error
client.videos.kling.text_to_video(prompt=["a red panda"])  # error
client.videos.kling.text_to_video(prompt="a red panda", aspect_ratio="17:9")  # error
client.videos.kling.get_text_to_video()  # error
client.videos.kling.text_to_videos(prompt="a red panda")  # error
print(client.chat.completions.create(model="gpt-4o", messages=messages).choice)  # error
client.videos.kling.text_to_video(prompt="a red panda").wait(timeout="ten")  # error
api302.Client(key="sk-...")  # error
print(api302.types.OpenaiChatMesage)  # error
client.chat.completions.create(model="gpt-4o", messages=messages, stream="yes")  # error
client.chat.completions.create(model="gpt-4o", stream=True)  # error
client.chat.completions.create(model="gpt-4o", messages=[object()])  # error
client.chat.completions.create(model="gpt-4o", messages=[{"roll": "user"}])  # error
with client.chat.completions.stream(model="gpt-4o", messages=messages) as stream:
    print(stream.final().usage.total_tokens)  # error
client.chat.completions.parse(model="gpt-4o", messages=messages)  # error
client.images.generate(model="flux-2-pro", prompt="An otter", style="vivid")  # error
client.responses.parse(model="gpt-4o", input="x", text_format={"type": "object"})  # error
client.audio.openai.realtime(model="gpt-realtime", reconnect="always")  # error
client.audio.openai.realtime(model="gpt-realtime").response.make()  # error
client.audio.openai.realtime(model="gpt-realtime").response.cancel(response_id=7)  # error
