"""What may pass from a page, which is foreign text, into a terminal, Markdown, YAML or a name.

Everything that is shown goes through `one_line` or `quoted`, everything in Markdown through
`markdown`, and what becomes part of the specification is a `media_type`, `is_field`, `is_path`, or
is left out.
"""

from __future__ import annotations

import re
import unicodedata

from generator.rules.evidence import SECRET

LONGEST_PAGE = 2_000_000
"""Bytes of a page or of a list of pages."""
LONGEST_DESCRIPTION = 20_000

_SHORTEST_SECRET = 16
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\uf8ff\ufeff]"
)
_SUBTYPE = r"(?:[a-z0-9][a-z0-9_.+-]{0,99}|\*)"
_MEDIA_TYPE = re.compile(f"{_SUBTYPE}/{_SUBTYPE}")
_FIELD = re.compile(r"[\w$@.:+/#*\[\]-]+(?: [\w$@.:+/#*\[\]-]+)*")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~:@%+*=,-]|\{[A-Za-z_][A-Za-z0-9_-]*\})+)+/?")
_CODE = re.compile(r"(?<!`)`[^`]+`(?!`)")
_MARKDOWN = re.compile(r"[\\*\[\]<>~$|&`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[#+=-]|(?<=^\d)[.)]")
_LINKED = re.compile(r"@|#(?=\d)|:(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_URL = re.compile(r"https?://[\w.~:/?#@!$&'*+,;=%-]{1,500}", re.ASCII)


def clean(text: str, longest: int = LONGEST_DESCRIPTION) -> str:
    """Text of several lines without control characters and API keys, no longer than it may be."""
    text = _CONTROL.sub("\ufffd", text[:longest].replace("\r\n", "\n"))
    return SECRET.sub("sk-…", text) if len(text) >= _SHORTEST_SECRET else text


def one_line(text: str, longest: int = 400) -> str:
    """Text on one line, all of it printable."""
    line = " ".join(text[: 2 * longest].split())
    if not line.isprintable():
        line = "".join(one if one.isprintable() else "\ufffd" for one in line)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def quoted(value: object, longest: int = 80) -> str:
    """A name or value of a page as it stands in a message, in backticks."""
    return f"`{one_line(str(value), longest).replace('`', chr(39))}`"


def media_type(text: str) -> str:
    """A media type without its parameters, in lower case; empty if the text is not one."""
    essence = text[:300].partition(";")[0].strip().lower()
    return essence if _MEDIA_TYPE.fullmatch(essence) else ""


def is_field(name: str) -> bool:
    """Whether a text can be the name of a field: printable, on one line, without quotes, at most
    100 characters.

    A name that Unicode normalization changes would be another name in Python.
    """
    fits = len(name) <= 64 and name.isprintable() and _FIELD.fullmatch(name)
    return bool(fits) and unicodedata.normalize("NFKC", name) == name


def is_header(name: str) -> bool:
    """Whether a text can be the name of a header."""
    return len(name) <= 64 and bool(_HEADER.fullmatch(name))


def is_path(path: str) -> bool:
    """Whether a text can be the path of an operation."""
    return len(path) <= 300 and bool(_PATH.fullmatch(path))


def markdown(text: str) -> str:
    """Text in a paragraph or list item of Markdown: on one line, no markup, nobody mentioned,
    nothing linked.

    What stands in backticks stays code; a backtick without a second one is text.
    """
    line = one_line(text, 2000)
    parts, end = [], 0
    for code in _CODE.finditer(line):
        parts += [_escaped(line[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _escaped(line[end:])])


def _escaped(text: str) -> str:
    """Text without markup.

    A zero-width space after `@`, `#` and the like keeps GitHub from making a link of it.
    """
    escaped = _MARKDOWN.sub(lambda match: f"\\{match[0]}", text)
    return _LINKED.sub(lambda match: f"{match[0]}\u200b", escaped)


def link(url: str) -> str:
    """A URL as a link in Markdown, or as text if it is not a plain one."""
    return f"<{url}>" if _URL.fullmatch(url) else markdown(url)
