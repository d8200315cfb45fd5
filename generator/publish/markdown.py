"""Text of the specification as Markdown. All of it is data: nothing in it becomes markup.

`text` is for names and summaries, `code` for what stands as code, `prose` for descriptions and
`inline` for those of one line, whose code spans stay, and `link` for evidence.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from .versions.prose import code

__all__ = ["code", "inline", "link", "prose", "text"]

_MARKUP = re.compile(r"[\\`*\[\]<>~|]|\{(?=[{%#])|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_LINE_START = re.compile(r"(?:[#>+=-]|\d+[.)](?=\s|$))")
_CLOSING = re.compile(r"(?<= )#(?=#*$)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_NOT_IN_URL = re.compile(r"[^\w%/:?#@!$&'*+,;=.~-]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "{": "&#123;", "|": "&#124;"}


def text(value: str) -> str:
    """A text in one line, in which nothing is markup."""
    return _at_ends(_escaped(_one_line(value)))


def inline(value: str) -> str:
    """A text in one line, of which the code spans stay and all else is plain text."""
    return _paragraph(_one_line(value))


def prose(value: str) -> str:
    """A description: paragraphs and code spans stay, and all else is plain text."""
    paragraphs = [_one_line(one) for one in re.split(r"\n\s*\n", value)]
    return "\n\n".join(_paragraph(one) for one in paragraphs if one)


def link(label: str, url: str) -> str:
    """A link whose label is Markdown already; the label alone if the URL is not one to open."""
    if not _is_web_url(url):
        return label
    readable = _NOT_IN_URL.sub(lambda match: quote(match[0]), url)
    return f"[{label}]({_ENTITY.sub('&amp;', readable)})"


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _one_line(value: str) -> str:
    """Without control characters, and with single spaces for all kinds of space."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", value).strip()


def _paragraph(value: str) -> str:
    parts = []
    end = 0
    for span in _SPAN.finditer(value):
        parts += [_escaped(value[end : span.start()]), code(span[2].strip(" ") or span[2])]
        end = span.end()
    return _at_ends("".join([*parts, _escaped(value[end:])]))


def _escaped(value: str) -> str:
    return _MARKUP.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), value)


def _at_ends(value: str) -> str:
    """Escape what is markup at the ends of a line alone: headings, lists, rules."""
    value = _CLOSING.sub(r"\\\g<0>", value)
    match = _LINE_START.match(value)
    if not match:
        return value
    mark = match.end() - 1
    return f"{value[:mark]}\\{value[mark:]}"
