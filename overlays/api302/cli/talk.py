"""`api302 chat`: a conversation with a language model, printed as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from api302_client.media import type_of

from .arguments import content
from .shortcut import Way, command


def _messages(said: str, given: Mapping[str, Any], body: Mapping[str, Any]) -> list[Any]:
    """The conversation so far: that of the body, the system's message, and what is said now."""
    texts = [said]
    images: list[Any] = []
    for name in given["files"]:
        if (type_of(name) or "").startswith("image/"):
            images.append({"type": "image_url", "image_url": {"url": _image(name)}})
        else:
            texts.append(f"{name}:\n{content(name, '--file')}")
    text = "\n\n".join(filter(None, texts))
    parts = [{"type": "text", "text": text}, *images] if images else text
    system = [{"role": "system", "content": given["system"]}] if given["system"] else []
    return [*system, *body.get("messages", ()), {"role": "user", "content": parts}]


def _image(name: str) -> str | Path:
    """An image as the URL that a message has: its own, or its file, which the client sends."""
    if name.startswith(("http://", "https://")):
        return name
    path = Path(name).expanduser()
    try:
        path.open("rb").close()  # or the error would name a place in a body that nobody wrote
    except OSError as error:
        raise click.UsageError(f"--file: {name!r} cannot be read ({error.strerror})") from None
    return path


chat: click.Command = command(
    "chat",
    Way(
        call="openai_chat_completions",
        about="Chat with a language model.",
        main="choices[0].message.content || output",
        shown=("model", "temperature", "max_tokens", "reasoning_effort", "web_search"),
        preset={"model": ("gpt-4o-mini", "AI302_CHAT_MODEL")},
        word="TEXT",
        field="messages",
        streams=True,
        make=_messages,
    ),
    [
        click.Option(["--system"], metavar="TEXT", help="What the model is told beforehand."),
        click.Option(
            ["-f", "--file", "files"],
            multiple=True,
            metavar="FILE",
            help="An image, or a text that is added; - is the standard input.",
        ),
    ],
)
