"""Media types: what kind of body each one means."""

from __future__ import annotations

import re

from generator.runtime.media import essence, is_json, type_of

EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"


_MEDIA = ("image/", "audio/", "video/", "model/")
_URL = re.compile(r"https?://[^/]+/[^?#]+")


def is_media_url(text: object) -> bool:
    """Whether a value is the URL of an image, sound, video or model."""
    if not isinstance(text, str):
        return False
    path = text.partition("?")[0]
    return bool(_URL.fullmatch(path)) and (type_of(path) or "").startswith(_MEDIA)


def is_event_stream(media_type: str) -> bool:
    """Whether a body of this media type is a stream of server-sent events."""
    return essence(media_type) == EVENT_STREAM


def has_fields(media_type: str) -> bool:
    """Whether a body of this media type is made of named fields: JSON or a form."""
    return is_json(media_type) or essence(media_type) in (MULTIPART, FORM)


def json_first(media_types: list[str]) -> list[str]:
    """The media types, JSON before the others."""
    return sorted(media_types, key=lambda media_type: not is_json(media_type))
