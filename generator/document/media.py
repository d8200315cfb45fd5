"""Media types: what kind of body each one means."""

from __future__ import annotations

from generator.runtime.media import essence, is_json

EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"


def is_event_stream(media_type: str) -> bool:
    """Whether a body of this media type is a stream of server-sent events."""
    return essence(media_type) == EVENT_STREAM


def has_fields(media_type: str) -> bool:
    """Whether a body of this media type is made of named fields: JSON or a form."""
    return is_json(media_type) or essence(media_type) in (MULTIPART, FORM)


def json_first(media_types: list[str]) -> list[str]:
    """The media types, JSON before the others."""
    return sorted(media_types, key=lambda media_type: not is_json(media_type))
