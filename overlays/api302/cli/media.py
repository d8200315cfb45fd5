"""Short ways to images, videos, speech and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shortcut import Way, command

if TYPE_CHECKING:
    import click

image: click.Command = command(
    "image",
    Way(
        call="ai302_generate_image",
        about="Generate images from text, with any model of the unified call.",
        main="image_urls || image_url",
        shown=("model", "image", "aspect_ratio", "size", "n"),
        preset={"model": ("gemini-2.5-flash-image", "AI302_IMAGE_MODEL")},
        word="PROMPT",
        field="prompt",
    ),
)
video: click.Command = command(
    "video",
    Way(
        call="ai302_create_video",
        about="Generate a video from text or images, with any model of the unified call.",
        main="",
        shown=("model", "image", "duration", "resolution", "aspect_ratio"),
        preset={"model": ("minimax-hailuo-2.3", "AI302_VIDEO_MODEL")},
        word="PROMPT",
        field="prompt",
    ),
)
speak: click.Command = command(
    "speak",
    Way(
        call="openai_speech",
        about="Turn text into speech. The sound is saved, or handed on where the output is a pipe.",
        main="",
        shown=("model", "voice", "speed", "response_format", "instructions"),
        preset={"model": ("tts-1", "AI302_SPEECH_MODEL"), "voice": ("alloy", "AI302_VOICE")},
        word="TEXT",
        field="input",
    ),
)
transcribe: click.Command = command(
    "transcribe",
    Way(
        call="openai_transcribe",
        about="Turn speech into text.",
        main="text || @",
        shown=("model", "language", "prompt", "response_format"),
        preset={"model": ("whisper-1", "AI302_TRANSCRIPTION_MODEL")},
        word="FILE",
        field="file",
    ),
)
search: click.Command = command(
    "search",
    Way(
        call="tavily_search",
        about="Search the web, by Tavily.",
        main="results[].{title: title, url: url, content: content}",
        shown=("max_results", "topic", "time_range", "search_depth", "include_domains"),
        preset={},
        word="WORDS",
        field="query",
    ),
)
