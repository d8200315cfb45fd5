"""A local picture inside a message: a PIL image, as it is in memory."""

from pathlib import Path

from PIL import Image

from api302 import Client
from api302_client.params.llm_openai import OpenaiImagePart, OpenaiTextPart


def describe(client: Client, picture: Image.Image | Path | bytes) -> str:
    question: OpenaiTextPart = {"type": "text", "text": "What is in this picture?"}
    image: OpenaiImagePart = {"type": "image_url", "image_url": {"url": picture}}
    response = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": [question, image]}]
    )
    return response.text
