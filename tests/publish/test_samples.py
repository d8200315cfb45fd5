"""The samples of the reference tell the truth: each is carried out against the mock, the Python
ones as they stand, curl's as read.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from patience import PATIENCE
from publish.of_each_tag import one_of_each

import api302_mock
from api302._features import polling
from api302_client import behaviour
from api302_mock import files
from api302_mock.app import Seen
from generator.document import Document
from generator.emit.methods import Methods
from generator.join import operations
from generator.publish.samples import samples
from generator.publish.samples.curl import body_options
from generator.publish.samples.request import Request

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "generated/openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {operation["operationId"]: operation for _, _, operation in operations(DOCUMENT)}
KEY = "sk-samples"


@cache
def made() -> dict[str, list[dict[str, str]]]:
    return samples(Methods.of_document(Document(DOCUMENT)))


def sources(operation_id: str, lang: str) -> list[str]:
    return [sample["source"] for sample in made()[operation_id] if sample["lang"] == lang]


@pytest.fixture(scope="module")
def server() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start(pace=0, delay=0) as server:
        yield server


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as http:
        yield http


@pytest.mark.parametrize(
    "operation_id", one_of_each((name, one["tags"][0]) for name, one in OPERATIONS.items())
)
def test_samples_are_carried_out(
    operation_id: str,
    server: api302_mock.MockServer,
    http: httpx.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", server.url)
    monkeypatch.setattr(polling, "LEAST_PAUSE", 0.0)  # the mock's tasks need no patience
    first, *others = sources(operation_id, "Python")
    asked = run(first, operation_id, server)
    assert capsys.readouterr().out.strip() != "None", (
        "it shows a part of the reply that is not there"
    )
    for source in others:
        run(source, operation_id, server)
    (source,) = sources(operation_id, "Shell")
    server.reset()
    make_files(re.findall(r"@([\w.-]+)", source))
    response = http.request(**as_request(words(source), server.url))
    assert response.status_code < 400, response.text
    (sent,) = server.requests
    assert told(sent, operation_id) == told(asked, operation_id)


def run(source: str, operation_id: str, server: api302_mock.MockServer) -> Seen:
    """Run a sample in an empty folder with the files that it names. Gives its first request."""
    server.reset()
    given = make_files(re.findall(r'Path\("([^"]+)"\)', source))
    names: dict[str, Any] = {"__name__": "sample"}
    try:
        exec(compile(source, operation_id, "exec", dont_inherit=True), names)
    finally:
        if "client" in names:
            names["client"].close()
    saved = [path for path in Path().iterdir() if path.name not in given]
    assert bool(saved) == (".save(" in source), "what it saves"
    assert all(path.stat().st_size for path in saved)
    for path in saved:
        path.unlink()
    assert not server.leaked_keys
    assert server.requests[0].operation == operation_id
    return server.requests[0]


def make_files(names: list[str]) -> set[str]:
    for name in names:
        Path(name).write_bytes(files.sample(name.rpartition(".")[2]))
    return set(names)


def told(seen: Seen, operation_id: str) -> Any:
    """What a request tells the service.

    In JSON a file is its content, which curl's samples only hint at.
    """
    pages = behaviour.read(OPERATIONS[operation_id]).pages
    moving = pages.moving if pages else ()  # an iterator sets them itself
    query = sorted(pair for pair in parse_qsl(seen.query) if pair[0] not in moving)
    body = seen.body
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in moving}
    if any('Path("' in source for source in sources(operation_id, "Python")) and not seen.uploads:
        body = sorted(body) if isinstance(body, dict) else None
    accept = seen.headers["accept"] if "accept" in str(made()[operation_id]) else None
    return seen.method, seen.path, query, body, sorted(seen.uploads), accept


def words(source: str) -> list[str]:
    return shlex.split(source.replace("\\\n", ""), comments=True)


def as_request(argv: list[str], base_url: str) -> dict[str, Any]:
    """What curl would send, as arguments of httpx."""
    curl = argparse.ArgumentParser(allow_abbrev=False)
    curl.add_argument("url")
    for option in ("-X", "-d", "-o", "--data-binary"):
        curl.add_argument(option)
    for option in ("-H", "-F", "--form-string"):
        curl.add_argument(option, action="append", default=[])
    curl.add_argument("-N", action="store_true")
    assert argv[0] == "curl"
    given = curl.parse_args(argv[1:])
    path = given.url.removeprefix(DOCUMENT["servers"][0]["url"])
    assert path.startswith("/")
    parts: list[tuple[str, Any]] = []
    for text, is_form in [
        *((text, True) for text in given.F),
        *((text, False) for text in given.form_string),
    ]:
        name, _, value = text.partition("=")
        is_file = is_form and value.startswith("@")
        assert is_file or not is_form or (value[:1] != "<" and ";" not in value), (
            "curl would not take this word for word"
        )
        parts.append(
            (name, (value[1:], Path(value[1:]).read_bytes()) if is_file else (None, value))
        )
    content = given.d
    if given.data_binary:
        assert given.data_binary.startswith("@")
        content = Path(given.data_binary[1:]).read_bytes()
    return {
        "method": given.X or ("POST" if parts or content is not None else "GET"),
        "url": base_url + path,
        "headers": [
            (name, value.strip().replace("$AI302_API_KEY", KEY))
            for name, _, value in (text.partition(":") for text in given.H)
        ],
        "files": parts or None,
        "content": content,
        "timeout": PATIENCE,
    }


def test_a_shell_reads_them_as_we_do() -> None:
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("there is no sh")
    texts = [source for operation_id in OPERATIONS for source in sources(operation_id, "Shell")]
    script = "curl() { printf '%s\\0' curl \"$@\"; }\n" + "".join(texts)
    done = subprocess.run(
        [shell], input=script.encode(), capture_output=True, env={"AI302_API_KEY": KEY}, check=True
    )
    read = [word.replace("$AI302_API_KEY", KEY) for text in texts for word in words(text)]
    assert done.stdout.decode().split("\0")[:-1] == read
    assert done.stderr == b""


@pytest.mark.parametrize(
    "operation_id",
    [
        "openai_chat_completions",
        "google_stream_generate_content",
        "stability_erase",
        "azure_speech",
        "ai302_deploy_page_binary",
    ],
)
def test_curl_itself(
    operation_id: str,
    server: api302_mock.MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AI302_API_KEY", KEY)
    server.reset()
    (source,) = sources(operation_id, "Shell")
    make_files(re.findall(r"@([\w.-]+)", source))
    done = subprocess.run(
        ["sh", "-c", source.replace(DOCUMENT["servers"][0]["url"], server.url)],
        capture_output=True,
        check=True,
    )
    assert server.requests[0].status == 200
    saved = re.search(r"-o (\S+)", source)
    assert Path(saved[1]).stat().st_size if saved else done.stdout


def test_every_operation_has_both() -> None:
    assert made().keys() == OPERATIONS.keys()
    assert (
        "response = client.chat.completions.create("
        in made()["openai_chat_completions"][0]["source"]
    )
    assert "task = client.videos.kling.text_to_video(" in made()["kling_text_to_video"][0]["source"]
    for several in made().values():
        assert [(sample["lang"], sample["label"]) for sample in several[:2]] == [
            ("Python", "api302"),
            ("Shell", "curl"),
        ]
        assert all(
            sample["lang"] == "Python" and sample["label"].startswith("api302, ")
            for sample in several[2:]
        )
        assert all(len(sample["source"].splitlines()) <= 45 for sample in several)


def test_the_values_are_those_of_the_examples() -> None:
    assert [
        operation_id
        for operation_id in OPERATIONS
        if '="..."' in sources(operation_id, "Python")[0]
    ] == []


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data"])
def test_any_text_survives_the_shell(media_type: str) -> None:
    texts = [
        "it's",
        '"$HOME"',
        "`ls`",
        "@cat.png",
        "<cat.png",
        "a;type=b",
        "two\nlines",
        "back\\",
        "# no comment",
        "你好",
    ]
    given = Request(media_type, body={f"field-{number}": text for number, text in enumerate(texts)})
    request = as_request(
        words(f"curl https://api.302.ai/ {' '.join(body_options(given))}"), "http://mock"
    )
    if request["files"]:
        assert {name: text for name, (_, text) in request["files"]} == given.body
    else:
        assert json.loads(request["content"]) == given.body
