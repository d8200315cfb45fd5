"""The guides on the site: the pages of `docs/guides`, in English and in Chinese."""

from __future__ import annotations

import re
import shutil
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

FOLDER = Path(__file__).parent
GUIDES = FOLDER.parents[2] / "docs" / "guides"
START = "index.html"
_LANGUAGES = {"en": GUIDES, "zh-CN": GUIDES / "zh"}
_START_WORDS = {"en": ("Guides", "Reference", "中文"), "zh-CN": ("指南", "API 参考", "English")}
_COMMENT = re.compile(r"^<!--.*-->\n", re.M)
_LINK = re.compile(r'(href="[^":]*)\.md(["#])')


def write(folder: Path) -> None:
    """Write a page for each guide below `guides/`, and a first page for each language."""
    target = folder / "guides"
    for language, source in _LANGUAGES.items():
        there = target / source.relative_to(GUIDES)
        there.mkdir(parents=True, exist_ok=True)
        texts = {path.stem: path.read_text("utf-8") for path in sorted(source.glob("*.md"))}
        for name, text in texts.items():
            page = _page(language, _html(text), name, texts)
            (there / f"{name}.html").write_text(page, encoding="utf-8", newline="\n")
        start = _page(language, _start(language, texts), "", texts)
        (there / START).write_text(start, encoding="utf-8", newline="\n")
    (target / "recipes").mkdir(exist_ok=True)
    for recipe in GUIDES.glob("recipes/*.py"):
        shutil.copyfile(recipe, target / "recipes" / recipe.name)


def title(text: str) -> str:
    """The title of a guide: its first heading."""
    return text.partition("\n")[0].removeprefix("# ").strip()


def _html(text: str) -> str:
    return _linked(MarkdownIt("commonmark").enable("table").render(_COMMENT.sub("", text)))


def _linked(html: str) -> str:
    """With links to pages of the site."""
    return _LINK.sub(r"\1.html\2", html)


def _page(language: str, text: str, name: str, texts: dict[str, str]) -> str:
    words = _START_WORDS[language]
    up = "../" if language == "en" else "../../"
    other = f"zh/{name or 'index'}.html" if language == "en" else f"../{name or 'index'}.html"
    entries = [_entry(f"{one}.html", title(said), one == name) for one, said in texts.items()]
    entries = [
        _entry(START, words[0], name == ""),
        *entries,
        _entry(f"{up}index.html", words[1], False),
        _entry(other, words[2], False),
    ]
    parts = {
        "language": language,
        "title": escape(f"{title(texts[name])} - 302.AI" if name else f"302.AI: {words[0]}"),
        "guides": "\n".join(entries),
        "text": text,
    }
    page = (FOLDER / "guide.html").read_text(encoding="utf-8")
    for part, said in parts.items():
        page = page.replace(f"<!-- {part} -->", said)
    return page


def _entry(target: str, text: str, is_here: bool) -> str:
    here = ' aria-current="page"' if is_here else ""
    return f'<li><a href="{escape(target)}"{here}>{escape(text)}</a></li>'


def _first_paragraph(text: str) -> str:
    paragraphs = _COMMENT.sub("", text).split("\n\n")[1:]
    return next((one.strip() for one in paragraphs if one.strip()[:1] not in ("#", "`", "")), "")


def _start(language: str, texts: dict[str, str]) -> str:
    """The first page: each guide with its first sentence."""
    lines = [f"<h1>{_START_WORDS[language][0]}</h1>"]
    for name, text in texts.items():
        first = MarkdownIt("commonmark").renderInline(_first_paragraph(text))
        lines.append(f'<h2><a href="{name}.html">{escape(title(text))}</a></h2>')
        lines.append(f"<p>{_linked(first)}</p>")
    return "\n".join(lines)
