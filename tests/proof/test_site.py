"""The published reference site in a browser, with every host but its own out of reach."""

# Playwright is of the extra `proof` alone.
# pyright: reportMissingImports=false, reportPossiblyUnboundVariable=false

from __future__ import annotations

import functools
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.document import Document
from generator.emit.methods import Methods
from generator.join import join, operations
from generator.publish import site
from generator.publish.site.descriptions import anchor
from generator.publish.versions import as_published
from generator.source import Spec

try:
    from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright
except ModuleNotFoundError:  # `make test` collects this file too, without its package
    sync_playwright = None

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[2]
SEARCHES: dict[str, list[str]] = yaml.safe_load(
    (ROOT / "tests/data/searches.yaml").read_text(encoding="utf-8")
)
# Not the name of this machine, since telemetry is often still on such.
HOST = "reference.example"
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PATIENCE = 60_000  # ms, for a busy machine
DESK: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SECTIONS = [
    "Large language models",
    "Image generation",
    "Image processing",
    "Video generation",
    "Audio and video processing",
    "Information processing",
    "Retrieval",
    "Tool applications",
]
KLING = "#/videos/videos.kling/kling_text_to_video"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def document(publication: Path) -> dict[str, Any]:
    return json.loads((publication / "openapi-3.2.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def address(publication: Path) -> Iterator[str]:
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(publication))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = (
        shutil.which("chromium")
        or shutil.which("google-chrome")
        or shutil.which("chromium-browser")
    )
    if found is None:
        pytest.fail(
            "the reference site is tried in Chromium, which is not on the PATH: apt-get install "
            "chromium"
        )
    if sync_playwright is None:
        pytest.fail(
            "the reference site is tried with playwright, which is not installed: pip install -e "
            "'.[proof]'"
        )
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the site.

    Afterwards: nothing was asked of any other host, and the console has no error.
    """
    asked: list[str] = []
    errors: list[str] = []
    contexts = []

    def open_(
        anchor: str = "", base: str = address, viewport: ViewportSize = DESK, **options: Any
    ) -> Page:
        context = chromium.new_context(viewport=viewport, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console",
            lambda message: (
                errors.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{base}index.html{anchor}")
        expect(page.get_by_role("heading").first).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((address, "data:", "file:"))] == []
    assert errors == []


def anchors(document: dict[str, Any]) -> list[str]:
    """The anchors of all operations, in the order of the document."""
    return [anchor(operation) for operation in Document(document).operations]


def summary(document: dict[str, Any], operation_id: str) -> str:
    """What an operation is called on the page."""
    return str(Document(document).by_id[operation_id].node["summary"])


def part(page: Page, anchor: str) -> Locator:
    """An operation's part of the page."""
    return page.locator(f'[data-section-id="{anchor[1:]}"]')


def entry(page: Page, anchor: str) -> Locator:
    """A line of the sidebar."""
    return page.get_by_role("listitem").locator(f'> a[href="{anchor}"]')


def search(page: Page, text: str) -> Locator:
    """What a search finds, as links."""
    expect(
        page.get_by_text("Search Ctrl+K")
    ).to_be_visible()  # it is being prepared while the page can already be read
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Search docs...").fill(text)
    found = page.locator('a[data-component-name="Search/SearchItem"]')
    expect(found.first).to_be_visible()
    return found


def test_sections_unfold_to_vendors_and_these_to_operations(
    visit: Callable[..., Page], document: dict[str, Any]
) -> None:
    page = visit()
    for section in SECTIONS:
        expect(page.get_by_role("link", name=section, exact=True)).to_be_visible()
    expect(entry(page, "#/videos/videos.kling")).to_have_count(0)
    entry(page, "#/videos").click()
    entry(page, "#/videos/videos.kling").click()
    entry(page, KLING).click()
    expect(
        part(page, KLING).get_by_role("heading", name=summary(document, "kling_text_to_video"))
    ).to_be_in_viewport()
    assert page.url.endswith(KLING)


def test_operations_are_at_the_anchors_that_we_name(
    visit: Callable[..., Page], document: dict[str, Any]
) -> None:
    page = visit()
    vendors = [tag for tag in document["tags"] if "parent" in tag]
    for _, group in groupby(vendors, key=lambda tag: tag["parent"]):
        vendor = list(group)[-1]
        anchor = f"#/{vendor['parent']}/{vendor['name']}"
        entry(page, f"#/{vendor['parent']}").click()
        entry(page, anchor).click()
        below = page.get_by_role("listitem").locator(f'> a[href^="{anchor}/"]')
        wanted = [found for found in anchors(document) if found.startswith(f"{anchor}/")]
        expect(below).to_have_count(len(wanted))
        assert below.evaluate_all("links => links.map(link => link.getAttribute('href'))") == wanted


def test_an_operation_opens_by_its_anchor_and_shows_all_there_is(
    visit: Callable[..., Page], document: dict[str, Any]
) -> None:
    page = visit(KLING)
    shown = part(page, KLING)
    expect(
        shown.get_by_role("heading", name=summary(document, "kling_text_to_video"))
    ).to_be_in_viewport()
    for row in ("Python client.videos.kling.text_to_video", "Price 0.15 PTC per point."):
        expect(shown.get_by_role("row", name=row)).to_be_visible()
    vendor = shown.get_by_role("row", name="Vendor Kling (可灵, 快手, Kuaishou), video generation")
    expect(vendor).to_be_hidden()
    shown.get_by_text(re.compile(r"^Evidence: \d+ sources$")).click()
    expect(vendor).to_be_visible()
    expect(shown.get_by_role("link", name="p365")).to_have_attribute(
        "href", "https://doc.302.ai/305983163e0"
    )
    expect(shown.get_by_text("product catalogue of 302.AI, seen 20")).to_be_visible()
    sample = shown.locator(".panel-request-samples")
    expect(sample.locator("code")).to_contain_text("client.videos.kling.text_to_video(")
    sample.get_by_role("button", name="Python (api302)").click()
    page.get_by_role("menuitem", name="Shell (curl)").click()
    expect(sample.locator("code")).to_contain_text(
        "curl https://api.302.ai/klingai/v1/videos/text2video"
    )
    expect(sample.get_by_label("Example")).to_be_hidden()
    sample.get_by_role("button", name="Shell (curl)").click()
    page.get_by_role("menuitem", name="Payload").click()
    expect(sample.get_by_label("Example")).to_be_visible()
    shown.get_by_role("link", name=summary(document, "kling_get_text_to_video")).click()
    expect(
        part(page, KLING.replace("kling_text", "kling_get_text")).get_by_role("heading").first
    ).to_be_in_viewport()


@pytest.mark.parametrize(
    ("anchor", "row"),
    [
        (
            "#/llm/llm.openai/openai_chat_completions",
            "Stream Responds with events if stream in the body is true, until [DONE].",
        ),
        (
            "#/images/images.ai302/ai302_sdxl_lightning",
            "Request Not documented. Searched: 302.AI pages by title",
        ),
        (
            "#/videos/videos.kling/kling_get_text_to_video",
            "States The state is at data.task_status. Done: succeed. ",
        ),
        ("#/audio/audio.openai/openai_speech", "Price 15 PTC per 1M characters for tts-1. 30 PTC "),
    ],
)
def test_streams_and_unknowns_are_told(visit: Callable[..., Page], anchor: str, row: str) -> None:
    expect(part(visit(anchor), anchor).get_by_role("row", name=row)).to_be_visible()


def test_many_sources_unfold(visit: Callable[..., Page]) -> None:
    anchor = "#/llm/llm.openai/openai_chat_completions"
    shown = part(visit(anchor), anchor)
    expect(shown.get_by_role("link", name="p002")).to_be_hidden()
    shown.get_by_text(re.compile(r"^Evidence: \d+ sources$")).click()
    expect(shown.get_by_role("link", name="p002")).to_be_visible()


FIRST_FIVE = "all => all.slice(0, 5).map(one => one.getAttribute('href'))"


def test_what_people_search_for_is_among_the_first_five(visit: Callable[..., Page]) -> None:
    page = visit()
    lacking = []
    for query, right in SEARCHES.items():
        found = search(page, query)
        for _ in range(0, PATIENCE, 500):
            page.wait_for_timeout(500)  # the list follows the typing
            links = found.evaluate_all(FIRST_FIVE)
            ids = [str(link).rpartition("/")[2] for link in links]
            if any(fnmatch(one, pattern) for one in ids for pattern in right):
                break
        else:
            lacking.append((query, ids))
        page.keyboard.press("Escape")
    assert lacking == []


def test_a_search_for_a_vendor_finds_its_operations(
    visit: Callable[..., Page], document: dict[str, Any]
) -> None:
    page = visit()
    found = search(page, "Kling")
    links = [
        link.split("#")[1]
        for link in found.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    ]
    wanted = [anchor[1:] for anchor in anchors(document) if ".kling/" in anchor]
    assert len(wanted) > 30
    assert set(wanted) <= set(links)
    found.filter(has_text="POST/klingai/v1/videos/text2video").first.click()
    expect(part(page, KLING)).to_be_in_viewport()


@pytest.mark.parametrize("text", ["klingai/v1/videos/text2video", "", "text_to_video"])
def test_a_search_by_path_summary_or_method_finds_the_operation(
    visit: Callable[..., Page], document: dict[str, Any], text: str
) -> None:
    wanted = text or summary(document, "kling_text_to_video")
    expect(
        search(visit(), wanted).filter(has_text="POST/klingai/v1/videos/text2video").first
    ).to_be_visible()


def test_the_landing_page_leads_to_files_that_are_there(
    visit: Callable[..., Page], publication: Path
) -> None:
    page = visit()
    links = (
        page.get_by_role("table")
        .get_by_role("link")
        .evaluate_all("links => links.map(link => link.getAttribute('href'))")
    )
    assert len(links) >= 9
    assert [link for link in links if not (publication / link).is_file()] == []
    expect(page.get_by_text("pip install api302")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="YAML").first.click()
    assert download.value.path().read_bytes() == (publication / "openapi-3.2.yaml").read_bytes()


def test_each_call_has_its_own_title(visit: Callable[..., Page], document: dict[str, Any]) -> None:
    page = visit(KLING)
    title = f"{summary(document, 'kling_text_to_video')} · 302.AI API"
    expect(page).to_have_title(title)
    entry(page, "#/videos/videos.kling").click()
    expect(page).to_have_title("Kling · 302.AI API")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_comments_of_samples_can_be_read(visit: Callable[..., Page], scheme: str) -> None:
    """Their contrast is that of the Web Content Accessibility Guidelines, faintness included."""
    comment = part(visit(KLING, color_scheme=scheme), KLING).get_by_text("# reads AI302_API_KEY")
    colors = comment.first.evaluate(
        """one => {
          let under = one;
          while (getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") {
            under = under.parentElement;
          }
          const { color, opacity } = getComputedStyle(one);
          return [color, getComputedStyle(under).backgroundColor, opacity];
        }"""
    )
    ink, paper = ([int(n) for n in re.findall(r"\d+", color)[:3]] for color in colors[:2])
    share = float(colors[2])
    mixed = [share * a + (1 - share) * b for a, b in zip(ink, paper, strict=True)]
    lights = sorted([luminance(mixed), luminance(paper)])
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5


def luminance(color: list[Any]) -> float:
    """How light a color is, as the guidelines have it."""
    parts = [part / 255 for part in color]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_body_begins_on_the_first_screen_of_a_phone(visit: Callable[..., Page]) -> None:
    page = visit(KLING, viewport=PHONE)
    body = part(page, KLING).get_by_text(re.compile("^Body")).first
    expect(body).to_be_visible()
    heading = part(page, KLING).get_by_role("heading").first
    distance = "([a, b]) => b.getBoundingClientRect().top - a.getBoundingClientRect().top"
    far = page.evaluate(distance, [heading.element_handle(), body.element_handle()])
    assert 0 < far < PHONE["height"]


# -- try.html --------------------------------------------------------------------------------------


@pytest.fixture
def trial(chromium: Browser, address: str, mock: Any) -> Iterator[Callable[..., Page]]:
    """Opens the page that tries calls, with a mock on this machine."""
    contexts = []
    mock.reset()

    def open_(anchor: str, base: str = mock.url, viewport: ViewportSize = DESK) -> Page:
        context = chromium.new_context(viewport=viewport)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}try.html#{anchor}")
        page.get_by_label("Mock").fill(base)
        return page

    yield open_
    for context in contexts:
        context.close()


def test_a_task_is_tried_to_its_end(trial: Callable[..., Page]) -> None:
    page = trial("kling_text_to_video", viewport=PHONE)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("HTTP 200, request id ")
    follow = page.get_by_role("button", name="Get the task's status")
    follow.click()
    for _ in range(2):
        expect(page.locator("pre")).to_contain_text("task_status")
        page.get_by_role("button", name="Send").click()
    expect(page.locator("pre")).to_contain_text('"task_status": "succeed"')
    assert page.url.endswith("#kling_get_text_to_video")


def test_a_stream_a_form_and_sound_are_tried(trial: Callable[..., Page], mock: Any) -> None:
    page = trial("openai_chat_completions")
    body = page.get_by_label("application/json")
    body.fill(json.dumps({**json.loads(body.input_value()), "stream": True}))
    page.get_by_role("button", name="Send").click()
    expect(page.locator("pre")).to_contain_text("data: [DONE]")
    call = page.get_by_role("combobox", name="Call")
    call.fill("ai302_upload_file")
    call.blur()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("pre")).to_contain_text('"data": "http')
    assert mock.requests[-1].uploads[0][0] == "picture.png"
    call.fill("openai_speech")
    call.blur()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("audio")).to_be_visible()


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("http://127.0.0.1:9", "No mock answers at http://127.0.0.1:9. Start it with: make mock"),
        ("https://api.302.ai", "Mock: give the URL of a mock on this machine, such as "),
        ("http://192.168.0.1:8302", "Mock: give the URL of a mock on this machine, such as "),
    ],
)
def test_it_asks_a_mock_on_this_machine_alone(
    trial: Callable[..., Page], base: str, said: str
) -> None:
    page = trial("ai302_list_models", base)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text(said)


def test_a_body_that_is_not_json_is_told(trial: Callable[..., Page], mock: Any) -> None:
    page = trial("kling_text_to_video")
    page.get_by_label("application/json").fill("{")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("The body is not JSON: ")
    page.get_by_label("application/json").fill("{}")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("HTTP 4")
    expect(page.locator("pre")).to_contain_text("prompt")
    page.goto(re.sub("#.*", "#nothing", page.url))
    expect(page.get_by_text("There is no call nothing.")).to_be_visible()


def test_a_phone_in_the_dark(visit: Callable[..., Page]) -> None:
    page = visit(KLING, viewport=PHONE, color_scheme="dark")
    expect(part(page, KLING).get_by_role("row", name="Price 0.15 PTC per point.")).to_be_visible()
    width, colour = page.evaluate(
        "[document.scrollingElement.scrollWidth, getComputedStyle(document.body).backgroundColor]"
    )
    assert width <= PHONE["width"]
    assert max(int(part) for part in re.findall(r"\d+", colour)[:3]) < 60, colour


def test_it_opens_from_a_folder_too(visit: Callable[..., Page], publication: Path) -> None:
    page = visit(KLING, base=f"{publication.as_uri()}/")
    expect(part(page, KLING).locator(".panel-request-samples code")).to_contain_text(
        "client.videos.kling.text_to_video("
    )


def test_nothing_else_can_be_asked_for(chromium: Browser, address: str) -> None:
    """Redoc asks for nothing else; and should it ever, the page's policy forbids it, to other hosts
    and to its own.
    """
    with chromium.new_page() as page:
        page.goto(f"{address}index.html")
        script = "address => fetch(address).then(() => 'let through', error => String(error))"
        refused = [
            page.evaluate(script, url)
            for url in (f"{address}llms.txt", "https://api.302.ai/v1/models")
        ]
    assert refused == ["TypeError: Failed to fetch"] * 2


def test_the_same_document_makes_the_same_site(
    publication: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    joined = join(Spec.load(ROOT / "spec"))
    site.build(Methods.of_document(Document(joined)), document, tmp_path)
    for name in ("index.html", "site/redoc.js", "site/document.js"):
        assert (tmp_path / name).read_bytes() == (publication / name).read_bytes()


HOSTILE = (
    "A text.\n\n# Not a heading\n\n<script>hacked()</script> <img src=x onerror=hacked()>"
    " [a link](javascript:hacked()) **bold** `a < b` {{ hacked() }} {% raw %} ``` ~~~ | a |"
)


@pytest.fixture
def hostile_site(tmp_path: Path) -> Iterator[str]:
    """The site of a small document whose texts are hostile."""
    document = join(Spec.load(ROOT / "tests/fixtures/mini_spec"))
    for tag in document["tags"]:
        tag |= {"summary": f"Tag {HOSTILE}", "description": HOSTILE}
    for _, _, operation in operations(document):
        operation |= {"summary": f"Summary {HOSTILE}", "description": HOSTILE}
        operation["x-unknown"] = {"response": HOSTILE}
        operation["x-docs"][0] |= {"note": HOSTILE, "source": HOSTILE}
    for schema in document["components"]["schemas"].values():
        schema |= {"description": HOSTILE, "title": f"Title {HOSTILE}"}
    document["info"] |= {"description": HOSTILE, "x-evidence-date": HOSTILE}
    site.build(Methods.of_document(Document(document)), as_published(document), tmp_path)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_text_of_the_specification_does_nothing(chromium: Browser, hostile_site: str) -> None:
    """No script of it runs, nothing is loaded, and it makes no heading, link or bold text."""
    asked: list[str] = []
    with chromium.new_page() as page:
        page.set_default_timeout(PATIENCE)
        page.add_init_script("window.hits = []; window.hacked = () => hits.push(1)")
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{hostile_site}index.html#/videos/videos.acme/acme_text_to_video")
        expect(page.get_by_role("heading").first).to_be_visible()
        shown = part(page, "#/videos/videos.acme/acme_text_to_video")
        expect(shown.get_by_text("<script>hacked()</script>").first).to_be_visible()
        expect(shown.locator("code", has_text="a < b").first).to_be_visible()
        assert page.evaluate("hits.length") == 0
        made = "h1, h2, h3, h4, h5, h6"
        headings = page.locator(made).evaluate_all("all => all.map(one => one.textContent.trim())")
        assert [text for text in headings if text.startswith("Not a heading")] == []
        hostile = "img[src='x'], a[href^='javascript'], [onerror], strong:text-is('bold')"
        assert page.locator(hostile).count() == 0
    assert [url for url in asked if not url.startswith((hostile_site, "data:"))] == []
