"""The guides as pages of the site: all of them, in both languages, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generator.publish.site import guides


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").touch()  # the reference
    guides.write(folder)
    return folder / "guides"


@pytest.mark.parametrize("language", ["", "zh"])
def test_each_guide_has_a_page(site: Path, language: str) -> None:
    sources = sorted((guides.GUIDES / language).glob("*.md"))
    assert len(sources) >= 15
    start = (site / language / guides.START).read_text("utf-8")
    for source in sources:
        text = source.read_text("utf-8")
        page = (site / language / f"{source.stem}.html").read_text("utf-8")
        assert page.count("<pre>") == text.count("\n```") // 2
        assert f"<h1>{guides.title(text)}</h1>" in page
        assert f'href="{source.stem}.html"' in start
        assert "<!-- test -->" not in page
        assert "<script" not in page


def test_links_lead_somewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 32
    for page in pages:
        for target in re.findall(r'href="([^":#]+)["#]', page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"
