"""A session with images, as in a notebook: PIL and numpy go in, and come out."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from api302 import Client, Output

Pixels = NDArray[np.uint8]


def gradient() -> Image.Image:
    row: Pixels = np.arange(64, dtype=np.uint8)
    return Image.fromarray(np.stack([np.tile(row, (64, 1))] * 3, axis=-1))


def opened(output: Output) -> Image.Image:
    return Image.open(io.BytesIO(output.read()))


def variants(client: Client, count: np.int64) -> list[Pixels]:
    """As many as a number of numpy says, with a mask made of an array."""
    mask: Pixels = np.zeros((64, 64, 4), dtype=np.uint8)
    mask[:32, :, 3] = 255
    edited = client.images.edit(
        model="gpt-image-1",
        prompt="a red sun",
        image=gradient(),
        mask=Image.fromarray(mask),
        n=int(count),
    )
    return [np.asarray(opened(output)) for output in edited.outputs]


def cut_out(client: Client) -> Output:
    return client.image_processing.ai302.remove_background(image=gradient()).wait().outputs[0]


def compare(client: Client, other: Output) -> str:
    response = client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Which is better?"},
                    {"type": "image_url", "image_url": {"url": gradient()}},
                    {"type": "image_url", "image_url": {"url": other}},
                ],
            }
        ],
    )
    return response.text


def price(client: Client, count: Any) -> float | None:
    return client.estimate(
        client.images.generate, model="gpt-image-1", prompt="a city", n=count
    ).high


def vectors(client: Client, texts: list[str]) -> tuple[int, ...]:
    made = client.embeddings.create(model="text-embedding-3-small", input=texts)
    return np.array([one.embedding for one in made.data], dtype=np.float32).shape
