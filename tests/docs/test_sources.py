"""Files, folders and addresses; the cache; and what cannot be used:

a clear message, and nothing written.
"""

from __future__ import annotations

import email.utils
import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from documentation import Answer, Page, Run, Site

from generator.docs import DocsError, fetch
from generator.docs.fetch import LARGEST_WAIT, Fetcher, write_whole
from generator.docs.sources import pages_of, parse_list

Docs = Callable[..., Run]


def listed(site: Site, *numbers: int) -> str:
    """A llms.txt in the provider's form."""
    lines = [
        f"- Videos > Acme [Page {number}]({site.url}/{number}e0.md): 说明" for number in numbers
    ]
    return "\n".join(
        [
            "# Docs",
            "",
            "## API Docs",
            *lines,
            "",
            "## Schemas",
            f"- Thing [Thing]({site.url}/900000001d0.md):",
        ]
    )


def test_second_run_asks_whether_pages_changed(docs: Docs, site: Site, page: Page) -> None:
    site.page("/llms.txt", listed(site, 400000003), ETag='"l1"')
    site.page("/400000003e0.md", page(), ETag='"p1"', Last_Modified="Mon, 21 Apr 2025 07:45:26 GMT")
    first, second = docs("diff", f"{site.url}/llms.txt"), docs("diff", site.url)
    assert first.code == second.code == 0
    assert first.out == second.out
    assert [path for path, _ in site.asked] == ["/llms.txt", "/400000003e0.md"] * 2
    assert "If-None-Match" not in site.asked[1][1]
    assert site.asked[3][1]["If-None-Match"] == '"p1"'
    assert site.asked[3][1]["If-Modified-Since"] == "Mon, 21 Apr 2025 07:45:26 GMT"
    assert all(
        "api302" in headers["User-Agent"] and "Authorization" not in headers
        for _, headers in site.asked
    )


def test_a_changed_page_replaces_what_the_cache_has(site: Site, tmp_path: Path) -> None:
    site.page("/a.md", "one", ETag='"1"')
    with Fetcher(tmp_path, pause=0) as fetcher:
        assert fetcher.get(site.url + "/a.md") == "one"
        site.page("/a.md", "two", ETag='"2"')
        assert fetcher.get(site.url + "/a.md") == "two"
    [kept] = tmp_path.iterdir()
    assert json.loads(kept.read_text("utf-8"))["text"] == "two"
    kept.write_text("{half", "utf-8")
    with Fetcher(tmp_path, pause=0) as fetcher:
        assert fetcher.get(site.url + "/a.md") == "two"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_retry_after_is_honoured(site: Site, tmp_path: Path, slept: list[float]) -> None:
    later = email.utils.formatdate(time.time() + 30, usegmt=True)
    site.answers["/a"] = [
        Answer(status=429, headers={"Retry-After": "7"}),
        Answer(status=503, headers={"Retry-After": later}),
        Answer("yes"),
    ]
    with Fetcher(tmp_path, pause=0.25) as fetcher:
        assert fetcher.get(site.url + "/a") == "yes"
        assert slept[0] == 7
        assert slept[1] == slept[3] == 0.25
        assert 25 < slept[2] <= 30
        site.answers["/a"] = [Answer(status=429, headers={"Retry-After": str(LARGEST_WAIT + 1)})]
        with pytest.raises(DocsError, match="asks to wait 121 seconds; try again later"):
            fetcher.get(site.url + "/a")


def test_retries_end(
    site: Site, tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "RETRIES", 2)
    with Fetcher(tmp_path, pause=0) as fetcher:
        site.answers["/a"] = [Answer(status=500)]
        with pytest.raises(DocsError, match="the service answers 500; nothing was written"):
            fetcher.get(site.url + "/a")
        assert len(site.asked) == 3
        assert [wait for wait in slept if wait] == [1, 2]
        site.answers["/a"] = [Answer(status=403)]
        with pytest.raises(DocsError, match="403"):
            fetcher.get(site.url + "/a")
        assert len(site.asked) == 4


@pytest.mark.usefixtures("slept")
def test_network_error_half_way_writes_nothing(
    docs: Docs, site: Site, page: Page, tmp_path: Path
) -> None:
    site.page("/llms.txt", listed(site, 400000003, 400000004))
    site.page("/400000003e0.md", page())
    site.answers["/400000004e0.md"] = [Answer("half", cut=True)]
    run = docs("diff", f"{site.url}/llms.txt", "--json", "--out", tmp_path / "diff.json")
    assert run.code == 1
    assert run.out == ""
    assert not (tmp_path / "diff.json").exists()
    assert "page 2 of 2" in run.err
    assert "/400000004e0.md" in run.err
    assert "Traceback" not in run.err
    assert len(list((tmp_path / "cache").iterdir())) == 2  # the two whole answers
    site.page("/400000004e0.md", page())
    assert docs("diff", f"{site.url}/llms.txt").code == 0


def test_one_bad_page_of_many_is_told_and_passed_over(docs: Docs, site: Site, page: Page) -> None:
    site.page("/llms.txt", listed(site, 400000003, 400000004, 400000005, 400000006))
    site.page("/400000003e0.md", page())
    site.page("/400000004e0.md", "# Nothing here\n\nJust words.")
    site.page("/400000005e0.md", "# Broken\n\n```yaml\npaths:\n  /a: [\n```\n")
    run = docs("diff", f"{site.url}/llms.txt")
    assert run.code == 0
    assert "1 page read, nothing to decide" in run.out
    assert "400000004e0.md: there is no OpenAPI document in this page" in run.out
    assert "400000005e0.md:6: the page's document is not YAML" in run.out
    assert "400000006e0.md: there is no such page (404)" in run.out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.md", "# Guide\n\nWords.", "a.md: there is no OpenAPI document in this page"),
        (
            "a.md",
            "# A\n\n```yaml\nopenapi: 3.0.1\npaths: {}\n```\n",
            "a.md: the page's OpenAPI document has no operation",
        ),
        (
            "a.md",
            "# A\n\n```yaml\na: 1\npaths:\n  /a: {b\n```\n",
            "a.md:7: the page's document is not YAML",
        ),
        (
            "a.md",
            "# A\n\n```yaml\npaths: !!python/object:os.system {}\n```\n",
            "a.md:4: the page's document is not YAML",
        ),
        ("a.md", " \n", "a.md: the page is empty"),
        (
            "a.md",
            "<!DOCTYPE html><html>POST /v1/x</html>",
            "a.md: this is the page as HTML; take its Markdown (the URL with `.md`)",
        ),
        ("a.txt", "\n<html lang='zh'>", "a.txt: this is the page as HTML"),
        ("a.txt", "302.AI API Document\n• OpenAI\nPOST\n", "a.txt: there is no call in this text"),
        ("a.md", b"\xff\xfe\x00", "a.md: this is not UTF-8"),
        ("a.md", None, f"a.md: {os.strerror(errno.ENOENT)}"),
    ],
)
@pytest.mark.parametrize("action", ["diff", "draft", "index"])
def test_input_that_cannot_be_used(
    docs: Docs, tmp_path: Path, action: str, name: str, text: str | bytes | None, message: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    run = docs(action, file, "--out", tmp_path / "out")
    assert run.code == 1
    assert run.out == ""
    assert message in run.err
    assert "Traceback" not in run.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "address", ["/400000003e0", "/400000003e0.md", "/400000003e0/?x=1#top", "/api-400000003"]
)
def test_addresses_as_the_browser_shows_them(
    docs: Docs, site: Site, page: Page, address: str
) -> None:
    site.page("/400000003e0.md", page())
    for action in ("diff", "index"):
        assert docs(action, site.url + address).code == 0
    assert {path for path, _ in site.asked} == {"/400000003e0.md"}


@pytest.mark.parametrize("address", ["http://[::1", "https://", "http:///x"])
def test_no_web_address(docs: Docs, address: str) -> None:
    run = docs("diff", address)
    assert run.code == 1
    assert "this is not a URL" in run.err


def test_lines_that_end_as_on_windows(docs: Docs, page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_bytes(b"\xef\xbb\xbf" + page().replace("\n", "\r\n").encode())
    assert "1 page read, nothing to decide" in docs("diff", tmp_path / "page.md").out


def test_folder(docs: Docs, page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    (folder / "videos").mkdir(parents=True)
    assert "there is no page here (.md or .txt in a folder" in docs("diff", folder).err
    (folder / "videos" / "400000003e0.md").write_text(page(), "utf-8")
    (folder / "bad.md").write_text("nothing", "utf-8")
    (folder / "latin.md").write_bytes(b"\xff")
    assert [type(one).__name__ for one in pages_of(str(folder), Fetcher(tmp_path))] == [
        "PageError",
        "PageError",
        "Page",
    ]
    assert docs("diff", folder).code == 0


def test_lists() -> None:
    text = (
        "## Docs\n- [API Migration Guide](https://doc.302.ai/5057537m0.md): x\n## API Docs\n- "
        "视频生成 > 可灵 [Fetch [v2]](https://doc.302.ai/207705102e0.md)\n"
    )
    guide, fetch = parse_list(text, "llms.txt")
    assert (guide.number, guide.kind, guide.title, guide.group) == (
        "5057537",
        "m",
        "API Migration Guide",
        "",
    )
    assert (fetch.number, fetch.kind, fetch.title, fetch.group) == (
        "207705102",
        "e",
        "Fetch [v2]",
        "视频生成 > 可灵",
    )
    assert (
        parse_list(text, "guide.md")
        == parse_list(f"{text}\n```yaml\npaths: {{}}\n```\n", "page")
        == []
    )  # pages that link to others


def test_write_whole_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old", "utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a", "new\ud800")
    assert [(file.name, file.read_text("utf-8")) for file in tmp_path.iterdir()] == [("a", "old")]
