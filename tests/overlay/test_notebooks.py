"""What notebooks and terminals show: files as images and players, and namespaces as their calls."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from support import KEY, Lazy, api302, http

display = Lazy("api302_client.display")
PNG = b"\x89PNG\r\n\x1a\n"
IN_BASE64 = base64.b64encode(PNG).decode()


class Tags(HTMLParser):
    """The tags of a text, each with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def html(value: Any) -> list[tuple[str, dict[str, str | None]]]:
    bundle = value._repr_mimebundle_()
    assert bundle["text/plain"] == repr(value)
    json.dumps(bundle)
    return Tags(bundle.get("text/html", "")).found


def file(url: str = "", content: bytes | None = None, kind: str | None = None) -> Any:
    return SimpleNamespace(url=url, content=content, media_type=kind)


def test_a_response_shows_its_files(serve: Any, connect: Any) -> None:
    items = [{"url": "https://x/a.png?a=1&b=2"}, {"b64_json": IN_BASE64}]
    client = connect(serve(http({"data": items}), http({"data": []})))
    response = client.tools.gifts.draw(prompt="a cat")
    first, second = html(response)
    assert (first[0], first[1]["src"]) == ("img", "https://x/a.png?a=1&b=2")
    assert second[1]["src"] == f"data:image/png;base64,{IN_BASE64}"
    url, content = response.outputs
    assert html(url) == [first]
    assert content._repr_mimebundle_()["image/png"] == IN_BASE64
    empty = client.tools.gifts.draw(prompt="a cat")
    assert empty._repr_mimebundle_() == {"text/plain": repr(empty)}


def test_sound_and_video_have_players(serve: Any, connect: Any) -> None:
    sound = http(b"ID3", content_type="audio/mpeg")
    client = connect(serve(sound))
    (tag,) = html(client.tools.extra.speak(body="<speak>x</speak>"))
    assert (tag[0], "controls" in tag[1]) == ("audio", True)
    bundle = display.bundle("text", [file("https://x/a.mp4", kind="video/mp4")])
    assert Tags(bundle["text/html"]).found[0][0] == "video"


def test_a_result_of_a_task_shows_its_files(serve: Any, connect: Any) -> None:
    pending = http({"id": "g-1", "status": "pending"})
    done = http({"id": "g-1", "status": "done", "images": ["https://x/a.png", "https://x/b.png"]})
    client = connect(serve(pending, done))
    result = client.tools.gifts.submit_paint(prompt="a cat").wait(interval=0)
    assert [tag[0] for tag in html(result)] == ["img", "img"]
    assert len(repr(result)) < 1500


@pytest.mark.parametrize(
    "url",
    [
        'https://x/a.png"><script>alert(1)</script>',
        "https://x/a.png' onerror='alert(1)",
        "javascript:alert(1)//.png",
        "file:///etc/passwd.png",
    ],
)
def test_no_url_of_a_server_brings_script(url: str) -> None:
    text = display.bundle("text", [file(url, kind="image/png")]).get("text/html", "")
    tags = Tags(text).found
    assert [tag for tag, _ in tags] in ([], ["img"])
    assert all(attributes.keys() == {"src", "style"} for _, attributes in tags)
    assert all(str(attributes["src"]).startswith("https://") for _, attributes in tags)


def test_an_svg_is_an_image_and_html_is_not_shown() -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    bundle = display.bundle("text", [file(content=svg)])
    ((tag, attributes),) = Tags(bundle["text/html"]).found
    assert tag == "img"
    assert str(attributes["src"]).startswith("data:image/svg+xml;base64,")
    assert bundle.keys() == {"text/plain", "text/html"}
    page = b"<!doctype html><script>alert(1)</script>"
    assert "text/html" not in display.bundle("text", [file(content=page, kind="text/html")])


def test_what_is_too_large_or_too_many_is_not_put_into_a_page() -> None:
    large = PNG + bytes(display.MOST)
    assert display.bundle("text", [file(content=large)]) == {"text/plain": "text"}
    many = display.bundle("text", [file("https://x/a.png", kind="image/png")] * 40)
    assert len(Tags(many["text/html"]).found) == display.MOST_FILES + 1
    assert "28 more" in many["text/html"]


def test_other_files_are_links() -> None:
    bundle = display.bundle("text", [file("https://x/a.glb", kind="model/gltf-binary")])
    ((tag, attributes),) = Tags(bundle["text/html"]).found
    assert (tag, attributes["href"], attributes["rel"]) == ("a", "https://x/a.glb", "noreferrer")


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_namespaces_show_their_calls(kind: str) -> None:
    client = getattr(api302, kind)(api_key=KEY)
    gifts = client.tools.gifts
    assert {"draw", "sing", "paint", "submit_paint", "get_painting", "cancel"} <= set(dir(gifts))
    assert not [name for name in dir(gifts) if name.startswith("_")]
    lines = repr(gifts).splitlines()
    assert lines[0] == "Gifts:"
    assert any(
        re.fullmatch(r"  draw +Generate images \(Gifts\)\.|  draw +Generate images\.?", line)
        for line in lines
    )
    assert "extra" in dir(client.tools)
    assert any(line.split()[0] == "gifts" for line in repr(client.tools).splitlines()[1:])
    assert {"tools", "videos", "wait", "download", "resume"} <= set(dir(client))
    assert repr(client).startswith(f"{kind}(")
