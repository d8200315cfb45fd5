"""Files in notebooks: what Jupyter, VS Code and others are given to show them.

Content goes into the page itself, up to `MOST` bytes; a URL is fetched by the browser. An SVG is
shown as an image, so that no script in it runs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Any

from .media import START, recognized

MOST = 16 << 20
"""Bytes of content that are put into a page."""
MOST_FILES = 12
_DIRECT = ("image/png", "image/jpeg")
"""Kinds that every front end shows without HTML."""


def bundle(text: str, files: Iterable[Any]) -> dict[str, str]:
    """A MIME bundle: the text, and the files in HTML.

    Args:
        text: What a terminal shows.
        files: Each with `content` or else `url`, and `media_type`.
    """
    listed = list(files)
    found: dict[str, str] = {"text/plain": text}
    shown = [html for html in map(html_of, listed[:MOST_FILES]) if html]
    if len(listed) > MOST_FILES:
        shown.append(f"<p>… {len(listed) - MOST_FILES} more</p>")
    if shown:
        found["text/html"] = "\n".join(shown)
    if len(listed) == 1 and (direct := _direct(listed[0])):
        found |= direct
    return found


def html_of(file: Any) -> str:
    """The HTML that shows a file: an image, a player, or a link; nothing where it is too large."""
    kind = _kind(file)
    content: bytes | None = file.content
    if content is not None and len(content) > MOST:
        return ""
    source = file.url if content is None else _data_url(content, kind)
    if not source.lower().startswith(("https://", "http://", "data:")):
        return ""
    place = escape(source, quote=True)
    if kind.startswith("image/"):
        return f'<img src="{place}" style="max-width: 100%">'
    if kind.startswith("audio/"):
        return f'<audio controls src="{place}"></audio>'
    if kind.startswith("video/"):
        return f'<video controls src="{place}" style="max-width: 100%"></video>'
    if content is not None:
        return ""
    return f'<a href="{place}" target="_blank" rel="noreferrer">{escape(source[:200])}</a>'


def _direct(file: Any) -> dict[str, str]:
    """An image as itself, for front ends without HTML."""
    kind, content = _kind(file), file.content
    if kind not in _DIRECT or content is None or len(content) > MOST:
        return {}
    return {kind: b64encode(content).decode()}


def _kind(file: Any) -> str:
    """The media type: as it is said, unless the content says that it is another."""
    said = str(file.media_type or "").partition(";")[0].strip().lower()
    if file.content is None or said.startswith(("image/", "audio/", "video/")):
        return said
    found = recognized(file.content[:START])
    return found.media_type if found else said


def _data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
