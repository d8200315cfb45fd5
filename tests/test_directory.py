"""The directory of calls: what a search finds, and what a description says of a call."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from api302 import Client, InvalidArgument, directory
from api302._types import Operation
from api302.catalog import Catalog

ROOT = Path(__file__).resolve().parents[1]
_OWN = {"extra_headers", "extra_query", "extra_body", "timeout", "accept"}


def read(name: str) -> dict[str, list[str]]:
    return yaml.safe_load((ROOT / "tests/data" / name).read_text("utf-8"))


def is_found(words: str, right: list[str]) -> bool:
    found = [one.id for one in directory.search(words)]
    return any(fnmatch(one, pattern) for one in found for pattern in right)


def test_phrasings_are_of_two_languages_and_name_calls_that_there_are() -> None:
    phrasings = read("search-phrasings.yaml")
    ids = [one.id for one in directory.calls()]
    unknown = [
        pattern
        for right in phrasings.values()
        for pattern in right
        if not any(fnmatch(one, pattern) for one in ids)
    ]
    assert len(phrasings) >= 150
    assert len([words for words in phrasings if not words.isascii()]) >= 50
    assert not unknown


def test_nineteen_of_twenty_phrasings_find_the_right_call_among_five() -> None:
    phrasings = read("search-phrasings.yaml")
    missed = [words for words, right in phrasings.items() if not is_found(words, right)]
    assert len(missed) <= 0.05 * len(phrasings), missed


def test_what_people_type_into_the_site_is_found_too() -> None:
    searches = read("searches.yaml")
    assert [words for words, right in searches.items() if not is_found(words, right)] == []


def test_what_is_found_says_what_it_is() -> None:
    found = directory.search("kling text to video")[0]
    assert (found.call, found.id) == ("videos.kling.text_to_video", "kling_text_to_video")
    assert (found.title, found.returns) == ("Create a text-to-video task", "outputs")
    assert (found.kind, found.tag, found.deprecated) == ("task", "videos.kling", False)
    assert "PTC per" in found.price


def test_a_limit_and_sections_restrict_a_search() -> None:
    assert len(directory.search("generate", 12)) == 12
    found = directory.search("generate", 20, sections=["videos", "audio"])
    assert {one.tag.partition(".")[0] for one in found} <= {"videos", "audio"}
    assert len(found) == 20
    reading = directory.search("voices", 20, only_reading=True)
    assert len(reading) > 3
    assert all(one.reads for one in reading)
    assert directory.search("qwertzuiop") == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"words": "  "}, "words: must be a text"),
        ({"words": 3}, "words: must be a text"),
        ({"words": "x", "limit": 0}, "limit: must be a whole number from 1 on, not 0"),
        ({"words": "x", "limit": True}, "limit: must be a whole number"),
        ({"words": "x", "sections": ["vidoes"]}, "'vidoes' is none of llm, images"),
        ({"words": "x", "sections": "videos"}, "must be a list of sections"),
    ],
)
def test_a_search_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        directory.search(**given)


@pytest.mark.parametrize(
    "name",
    [
        "openai_chat_completions",
        "chat.completions.create",
        "client.chat.completions.create",
        "llm.openai.chat_completions",
        "llm openai chat-completions",
        "llm/openai/chat-completions",
    ],
)
def test_a_call_is_described_by_any_of_its_names(name: str) -> None:
    described = directory.describe(name)
    assert described.id == "openai_chat_completions"
    assert described.forms == {"create": "call", "submit": "task", "stream": "stream"}


def test_a_description_says_what_a_call_takes() -> None:
    described = directory.describe("kling_text_to_video")
    arguments = described.arguments
    assert arguments["required"] == ["prompt"]
    assert arguments["additionalProperties"] is False
    ratio = arguments["properties"]["aspect_ratio"]
    assert ratio["enum"] == ["16:9", "9:16", "1:1"]
    assert (ratio["type"], ratio["default"]) == ("string", "16:9")
    assert "width:height" in ratio["description"]
    camera = arguments["properties"]["camera_control"]["$ref"].rpartition("/")[2]
    assert "config" in arguments["$defs"][camera]["properties"]
    assert described.model_field == "model_name"
    assert "kling-v2-6" in described.models
    assert described.endpoint == "POST /klingai/v1/videos/text2video"
    assert described.source.startswith("https://")
    assert set(described.to_dict()) >= {"call", "arguments", "example", "models", "price"}


@pytest.mark.parametrize(
    "call", ["kling_text_to_video", "ai302_generate_image", "openai_responses"]
)
def test_the_models_of_a_call_are_those_of_the_catalogue(call: str) -> None:
    known = [model.name for model in Catalog().find(operation=call)]
    assert set(directory.describe(call).models) == set(filter(None, known))


def test_a_description_says_how_a_file_is_given() -> None:
    image = directory.describe("ai302_remove_background").arguments["properties"]["image"]
    assert image["type"] == "string"
    assert image["x-file"]
    assert "Takes " in image["description"]


def test_an_unknown_call_names_those_that_are_near() -> None:
    with pytest.raises(InvalidArgument, match=r"did you mean .*kling_text_to_video"):
        directory.describe("kling_text2video")
    with pytest.raises(InvalidArgument, match="`search` finds calls by words"):
        directory.describe("????")


def methods() -> list[tuple[directory.Found, Any]]:
    client = Client(api_key="sk-test")
    listed = []
    for one in directory.calls():
        if one.kind == "session":
            continue  # see test_a_realtime_call_is_found_and_described
        # Not at its shortcut, which may lead to another vendor's call as well.
        section, vendor = one.tag.split(".")
        namespace = getattr(getattr(client, section), vendor)
        listed.append((one, getattr(namespace, one.id.removeprefix(f"{vendor}_"))))
    return listed


def switches(operation: str) -> set[str]:
    """The fields that choose a form, such as `stream`: each form is described by its name."""
    rule = Operation.by_id(operation).behaviour
    chosen = [rule.stream and rule.stream.when, rule.task and rule.task.when]
    return {switch.name for switch in chosen if switch}


def test_the_arguments_of_each_call_are_those_of_its_method() -> None:
    wrong = []
    for found, method in methods():
        taken = inspect.signature(method).parameters
        arguments = directory.describe(found.id).arguments
        names = [name for name in taken if name not in _OWN | switches(found.id)]
        empty = inspect.Parameter.empty
        required = [name for name in names if taken[name].default is empty]
        shown = arguments["properties"], arguments.get("required", [])
        if (sorted(names), sorted(required)) != (sorted(shown[0]), sorted(shown[1])):
            wrong.append(found.id)
    assert not wrong


def test_each_example_is_what_its_description_allows() -> None:
    wrong = {}
    for one in directory.calls():
        described = directory.describe(one.id)
        validator = jsonschema_rs.validator_for(described.arguments)
        if errors := [error.message for error in validator.iter_errors(described.example)]:
            wrong[one.id] = errors
    assert not wrong


def test_a_realtime_call_is_found_and_described() -> None:
    listed = [one for one in directory.calls() if one.kind == "session"]
    assert listed
    for found in listed:
        described = directory.describe(found.call)
        section, vendor, name = found.call.split(".")
        method = getattr(getattr(getattr(Client(api_key="sk-test"), section), vendor), name)
        names = set(inspect.signature(method).parameters) - _OWN
        assert described.arguments["properties"].keys() == names
        assert described.endpoint.startswith("WebSocket /")
        assert described.forms == {name: "session"}
        assert not list(
            jsonschema_rs.validator_for(described.arguments).iter_errors(described.example)
        )
    assert directory.search("realtime")[0].kind == "session"


def test_the_calls_of_a_tag_are_listed() -> None:
    kling = directory.calls("videos.kling")
    assert {one.tag for one in kling} == {"videos.kling"}
    assert len(directory.calls("videos")) > len(kling) > 10
    assert "videos" in directory.sections()


def test_import_api302_reads_none_of_it() -> None:
    code = (
        "import sys, api302; api302.Client(api_key='sk-test');"
        "print([name for name in sys.modules if 'directory' in name or 'search' in name])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
