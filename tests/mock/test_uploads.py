"""A field that takes a file gets one: text that is none is refused, by the field's name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api302_mock import create_app, start
from api302_mock.document import Document
from api302_mock.errors import Refused
from api302_mock.validation import check_files, takes_file_part

from .conftest import KEY

URL = {"type": "string", "x-file": ["url"]}
FIELDS: dict[str, Any] = {
    "url": URL,
    "any": {"type": "string", "x-file": ["url", "data_url", "base64"]},
    "base64": {"type": "string", "x-file": ["base64"]},
    "data_url": {"type": "string", "x-file": ["data_url"]},
    "many": {"anyOf": [URL, {"type": "array", "items": URL}]},
    "maybe": {"anyOf": [URL, {"type": "null"}]},
    "other": {"anyOf": [URL, {"type": "string", "enum": ["none"]}]},
    "listed": {"type": "array", "items": {"type": "string"}, "x-file": ["url"]},
    "union": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "x-file": ["url", "base64"],
    },
    "union_other": {
        "anyOf": [{"type": "string"}, {"type": "string", "enum": ["none"]}],
        "x-file": ["url"],
    },
    "parts": {
        "type": "array",
        "items": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": "image"},
                        "image": {
                            "anyOf": [URL, {"type": "object", "properties": {"url": URL}}],
                        },
                    },
                },
                {"type": "object", "properties": {"type": {"const": "text"}}},
            ]
        },
    },
    "small": {"type": "string", "x-file": ["url", "data_url", "base64"], "x-file-max": 30},
}
BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
FORM: dict[str, Any] = {
    "file": {"type": "string", "contentMediaType": "image/png", "x-file": ["part"]},
    "files": {"type": "array", "items": {"type": "string", "x-file": ["part"]}},
    "either": {"type": "string", "x-file": ["part", "url"]},
    "union": {
        "anyOf": [BYTES, {"type": "array", "items": BYTES}],
        "x-file": ["part"],
    },
    "text": {"type": "string"},
    "small": {"type": "string", "x-file": ["part"], "x-file-max": 1 << 20},
    "smalls": {"type": "array", "items": {"type": "string", "x-file": ["part"], "x-file-max": 9}},
}


def takes(media_type: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {
        "post": {
            "operationId": media_type,
            "requestBody": {"required": True, "content": {media_type: {"schema": schema}}},
            "responses": {"200": {"description": ""}},
        }
    }


DOCUMENT: dict[str, Any] = {
    "openapi": "3.2.0",
    "paths": {
        "/json": takes("application/json", FIELDS, []),
        "/needed": takes("application/json ", FIELDS, ["url"]),
        "/form": takes("multipart/form-data", FORM, []),
    },
}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with start(DOCUMENT) as server, httpx.Client(base_url=server.url, headers=KEY) as client:
        yield client


BASE64 = base64.b64encode(b"\x89PNG\r\n\x1a\n" * 9).decode()
PIL = "<PIL.Image.Image image mode=RGB size=1x1 at 0x7F00>"


@pytest.mark.parametrize(
    ("field", "value", "is_taken"),
    [
        ("url", "https://a.example/b.png", True),
        ("url", "ssupload:?id=7", True),
        ("url", PIL, False),
        ("url", BASE64, False),
        ("url", "https://a b", False),
        ("url", "", True),  # left out
        ("any", BASE64, True),
        ("any", BASE64 + "\n", True),
        ("any", "data:image/png;base64,iVBORw0KGgo=", True),
        ("any", "b'\\x89PNG'", False),
        ("any", PIL, False),
        ("base64", "https://a.example/b.png", False),
        ("base64", BASE64.replace("=", "") + "===", False),
        ("data_url", BASE64, False),
        ("many", "https://a.example/b.png", True),
        ("many", ["https://a.example/b.png", "https://a.example/c.png"], True),
        ("many", ["https://a.example/b.png", PIL], False),
        ("maybe", None, True),
        ("maybe", PIL, False),
        # What is said of a list or a union holds for all in it.
        ("listed", ["https://a.example/b.png"], True),
        ("listed", ["https://a.example/b.png", PIL], False),
        ("union", BASE64, True),
        ("union", PIL, False),
        ("union", [BASE64, PIL], False),
        ("union_other", "none", True),
        # At any depth, in the variant that is meant.
        ("parts", [{"type": "image", "image": {"url": "https://a.example/b.png"}}], True),
        ("parts", [{"type": "image", "image": {"url": PIL}}], False),
        ("parts", [{"type": "image", "image": PIL}], False),
        ("parts", [{"type": "text", "image": PIL}], True),
        # Where another text is as good, nobody can say.
        ("other", "none", True),
    ],
)
def test_text_in_json(http: httpx.Client, field: str, value: Any, is_taken: bool) -> None:
    response = http.post("/json", json={field: value})
    assert response.status_code == (200 if is_taken else 422), response.text
    if not is_taken:
        message = response.json()["error"]["message"]
        assert re.match(rf"body\.{field}(\[\d\][\w.]*)?: ", message)
        assert "is not a file" in message


def test_every_field_of_the_document_that_takes_a_file_refuses_other_text() -> None:
    document = create_app().document
    bodies = [one.body["content"] for one in document.operations.values() if one.body]
    schemas = [document.resolve(raw).get("schema") for body in bodies for raw in body.values()]
    checked = 0
    for schema in schemas:
        for name, field in document.properties(schema).items():
            node = document.resolve(field)
            text = json.dumps(node)
            if "x-file" in text and '"properties"' not in text:
                checked += 1
                value = [PIL] if node.get("type") == "array" else PIL
                alone = {"properties": {name: field}}
                with pytest.raises(Refused, match="is not a file"):
                    check_files(document, alone, {name: value}, "body")
    assert checked > 500


def test_an_empty_text_where_a_file_is_required(http: httpx.Client) -> None:
    assert http.post("/needed", json={"url": ""}).status_code == 422
    assert http.post("/needed", json={"url": "https://a.example/b.png"}).status_code == 200


def test_text_in_a_form(http: httpx.Client) -> None:
    png = ("a.png", b"\x89PNG")
    assert http.post("/form", files=[("file", png), ("files", png), ("files", png)]).is_success
    assert http.post("/form", files={"either": png}, data={"text": "any"}).is_success
    assert http.post("/form", files={"either": (None, "https://a.example/b.png")}).is_success
    for field in ("file", "files", "either", "union"):
        response = http.post("/form", files={field: (None, PIL), "text": (None, "x")})
        assert response.status_code == 422
        message = response.json()["error"]["message"]
        assert message.startswith(f"body.{field}: ")
        assert "a file part" in message
    # A part with a name is a file whatever it holds, and an empty one is its own business.
    assert http.post("/form", files={"file": ("x", b"")}).is_success


@pytest.mark.parametrize(
    ("schema", "is_file"),
    [
        (FORM["file"], True),
        (FORM["files"], True),
        (FORM["either"], True),
        (FORM["text"], False),
        (URL, False),
        ({"type": "string", "format": "binary"}, True),
        ({"type": "string", "contentMediaType": "audio/mpeg"}, True),
        (True, True),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, False),
    ],
)
def test_which_fields_are_file_parts(schema: Any, is_file: bool) -> None:
    assert takes_file_part(Document(DOCUMENT), schema) is is_file


@pytest.mark.parametrize(("size", "status"), [(1 << 20, 200), ((1 << 20) + 1, 413)])
def test_a_part_of_more_bytes_than_its_field_takes_is_refused(
    http: httpx.Client, tmp_path: Path, size: int, status: int
) -> None:
    with (tmp_path / "sparse").open("w+b") as file:
        file.truncate(size)
        response = http.post("/form", files={"small": ("a.png", file)})
    assert response.status_code == status
    if status == 413:
        assert "body.small: the file has 1048577 bytes" in response.json()["error"]["message"]


def test_each_part_of_a_list_is_measured(http: httpx.Client) -> None:
    parts = [("smalls", ("a.png", b"x" * size)) for size in (9, 9)]
    assert http.post("/form", files=parts).status_code == 200
    assert http.post("/form", files=[*parts, ("smalls", ("b.png", b"x" * 10))]).status_code == 413


@pytest.mark.parametrize(("size", "status"), [(30, 200), (33, 413)])
@pytest.mark.parametrize("start", ["", "data:image/png;base64,"])
def test_a_text_that_holds_too_large_a_file_is_refused(
    http: httpx.Client, start: str, size: int, status: int
) -> None:
    text = start + base64.b64encode(b"x" * size).decode()
    response = http.post("/json", json={"small": text})
    assert response.status_code == status, response.text
    long = f"https://file.example.test/{'a' * 100}.png"
    assert http.post("/json", json={"small": long}).status_code == 200
