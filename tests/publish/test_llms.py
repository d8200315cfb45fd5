"""llms.txt: one line an operation, with the call as the client has it."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api302 import Client
from generator.document import Document
from generator.emit.methods import Methods
from generator.join import operations
from generator.publish.llms import llms_text

ROOT = Path(__file__).resolve().parents[2]


@cache
def document() -> dict[str, Any]:
    joined = json.loads((ROOT / "generated/openapi.json").read_text("utf-8"))
    return {**joined, "info": {**joined["info"], "x-evidence-date": "2001-02-03"}}


@cache
def text() -> str:
    return llms_text(Methods.of_document(Document(document())), document()["info"])


@cache
def lines() -> list[str]:
    return [line for line in text().splitlines() if re.search(r"`client\.[\w.]+\(", line)]


def test_each_operation_has_one_line() -> None:
    found = [(path, method.upper()) for path, method, _ in operations(document())]
    calls = [re.search(r"; ([A-Z]+) (\S+?)(;|$)", line) for line in lines()]
    assert [call and call.group(2, 1) for call in calls] == found


def test_the_calls_are_there_with_the_arguments_that_they_need() -> None:
    client = Client(api_key="sk-test")
    for line in lines():
        call = re.search(r"`client\.([\w.]+)\((.*?)\)`", line)
        assert call, line
        method: Any = client
        for name in call[1].split("."):
            method = getattr(method, name)
        parameters = inspect.signature(method).parameters
        given = re.findall(r"(\w+)=…", call[2])
        required = [
            name
            for name, parameter in parameters.items()
            if parameter.default is inspect.Parameter.empty
        ]
        assert set(required) <= set(given) <= set(parameters), line


def test_a_line_says_what_a_program_must_know() -> None:
    (kling,) = [line for line in lines() if "/klingai/v1/videos/text2video;" in line]
    assert re.match(
        r"- \[.+\]\(https?://.+\): `client\.videos\.kling\.text_to_video\(prompt=…\)` "
        r"→ outputs; POST ",
        kling,
    ), kling
    assert "; task; " in kling
    assert " PTC per " in kling
    (chat,) = [line for line in lines() if "POST /v1/chat/completions" in line]
    assert "`client.chat.completions.create(model=…, messages=…)`" in chat
    assert "; stream; " in chat
    assert any("not documented" in line for line in lines())


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (
            "POST /v1/audio/speech",
            "`client.audio.openai.speech(model=…, input=…, voice=…)` → file; ",
        ),
        (
            "POST /suno/submit/music",
            (
                "`client.audio.suno.music(mv=…, gpt_description_prompt=…, make_instrumental=…)` → "
                "outputs; "
            ),
        ),
        (
            "POST /minimaxi/v1/music_generation",
            (
                "(model=…, prompt=…, lyrics=…, audio_setting=…)` → data.audio, data.status, "
                "data.audio_url, "
            ),
        ),
        ("POST /302/submit/elevenlabs/speech-to-text", "` → response.request_id_, response."),
        (
            "POST /v1/chat/completions",
            "` → id, object, created, model, choices, usage, system_fingerprint, service_tier, …; ",
        ),
        (
            "POST /bigmodel/api/paas/v4/images/generations",
            "` → created, data[].url, data[].b64_json, data[].revised_prompt; ",
        ),
    ],
)
def test_a_line_has_what_the_example_gives_and_what_comes_back(path: str, call: str) -> None:
    (line,) = [line for line in lines() if f"; {path};" in line]
    assert call in line, line


def test_what_comes_back_are_fields_of_the_client() -> None:
    told = [line.partition("` → ")[2].partition("; ")[0] for line in lines() if "` → " in line]
    names = {
        name.rpartition(".")[2] for text in told for name in re.split(", | or |list of ", text)
    }
    classes = (
        path.read_text("utf-8") for path in (ROOT / "generated/api302_client/models").glob("*.py")
    )
    known = {name for text in classes for name in re.findall(r"^    (\w+): ", text, re.M)}
    assert len(told) > 500
    assert names <= known | {"", "…", "file", "text", "list", "outputs"}


def test_it_stays_short() -> None:
    assert len(text().encode()) < 270 * len(lines()), "bytes, for each call"


def test_the_head_names_the_documents_and_the_date() -> None:
    head = text().partition("\n## ")[0]
    assert "evidence to 2001-02-03" in head
    assert all(
        name in head
        for name in (
            "openapi-3.2.yaml",
            "openapi-3.1.yaml",
            "openapi-3.0.yaml",
            "losses.md",
            "index.html",
        )
    )


def test_what_is_deprecated_comes_last_of_its_vendor_and_says_what_to_use() -> None:
    made = Document(document())
    by_tag: dict[str, list[bool]] = {}
    for operation in made.operations:
        by_tag.setdefault(operation.tag, []).append(operation.is_deprecated)
    assert any(any(marks) for marks in by_tag.values())
    assert all(marks == sorted(marks) for marks in by_tag.values())
    noted = [line for line in lines() if re.search(r"; deprecated(;|$|: use `client\.)", line)]
    assert len(noted) == sum(map(sum, by_tag.values()))
    (old,) = [line for line in noted if "/klingai/m2v_txt2video;" in line]
    assert "deprecated: use `client.videos.kling.text_to_video`" in old
