"""The namespaces of the mini specification and variations of it, imported and called."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from zoo import put

from generator import models
from generator.document import Document
from generator.emit import emit, namespaces
from generator.emit.code import HEADER, SECTIONS
from generator.emit.methods import Methods
from generator.emit.plan import Plan
from generator.join import join
from generator.source import Spec, SpecError

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "tests/fixtures/mini_spec"
OVERLAYS = ROOT / "overlays"
OWN = ["extra_headers", "extra_query", "extra_body", "timeout"]
Render = Callable[..., Any]


@pytest.fixture
def document() -> dict[str, Any]:
    return join(Spec.load(MINI))


def write(
    document: dict[str, Any], out: Path, spec: Spec | None = None, has_models: bool = False
) -> Plan:
    """Write the namespaces of a document; returns what they were made of."""
    known = models.models(Spec.load(MINI))[0] if has_models else {}
    methods = Methods.of_document(Document(document, known))
    put(namespaces.files(namespaces.planned(methods, spec)), out)
    return methods.plan


async def record(_: object, op: Any, options: Any, **given: Any) -> dict[str, Any]:
    """Takes the place of a call and returns what a method handed to it."""
    nothing = dict.fromkeys(("path", "query", "headers", "body", "accept"))
    return {"op": op.id, **nothing, "options": options, **given}


def endpoints(plan: Plan) -> dict[str, ModuleType]:
    """Packages of endpoint modules by name, as far as the overlay reads them."""
    packages: dict[str, ModuleType] = {}
    for made in plan.endpoints.values():
        name = f"api302_client.api.{made.package}"
        package = packages.setdefault(name, ModuleType(name))
        module = ModuleType(f"{name}.{made.id}")
        module.__dict__.update(ID=made.id, METHOD=made.method, PATH=made.path, build=None)
        module.__dict__.update(RESPONSES=made.responses, STREAM=made.stream)
        module.__dict__.update(MEDIA_TYPES=tuple(made.media_types))
        facts = dataclasses.asdict(plan.facts[made.id])
        module.__dict__.update({name.upper(): value for name, value in facts.items()})
        setattr(package, made.id, module)
    return packages


@pytest.fixture
def render(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Render]:
    """Renders the document as it is when called; returns a client's sections that record calls."""
    kept = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "api302_resources"
    }
    for name in kept:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(OVERLAYS))
    monkeypatch.syspath_prepend(str(tmp_path))

    def rendered(asynchronous: bool = False, has_models: bool = False) -> Any:
        plan = write(document, tmp_path, has_models=has_models)
        for name, package in endpoints(plan).items():
            monkeypatch.setitem(sys.modules, name, package)
        importlib.invalidate_caches()
        module = importlib.import_module("api302_resources")
        monkeypatch.setattr("api302._resource.call", record)
        return (module.AsyncSections if asynchronous else module.Sections)(None)

    yield rendered
    for name in [name for name in sys.modules if name.partition(".")[0] == "api302_resources"]:
        del sys.modules[name]
    sys.modules.update(kept)


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = [
        node
        for item in document["paths"].values()
        for node in item.values()
        if node["operationId"] == name
    ]
    return found[0]


def fields(document: dict[str, Any], schema: str) -> dict[str, Any]:
    return document["components"]["schemas"][schema]["properties"]


def is_async(method: Callable[..., Any]) -> bool:
    """Whether a method must be awaited."""
    return inspect.iscoroutinefunction(inspect.unwrap(getattr(method, "__func__", method)))


def shown(method: Callable[..., Any]) -> dict[str, str]:
    """Arguments of the API with their types, in order; a required one has no default."""
    parameters = inspect.signature(method).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    return {
        parameter.name: parameter.annotation
        + ("" if parameter.default is parameter.empty else f" = {parameter.default}")
        for parameter in parameters
        if parameter.name not in OWN
    }


# -- what a method shows ---------------------------------------------------------------------------


def test_a_signature_shows_each_keyword_with_its_type(render: Render) -> None:
    client = render()
    assert shown(client.llm.acme.chat_completions) == {
        "model": "str",
        "messages": "Iterable[AcmeChatMessage]",
        "temperature": "float | None = None",
        "web_search": "bool | None = None",
        "stream": "bool | None = None",
    }
    assert list(inspect.signature(client.llm.acme.chat_completions).parameters)[-4:] == OWN


def test_return_types(render: Render) -> None:
    client = render()

    def returns(method: Callable[..., Any]) -> str:
        return inspect.signature(method).return_annotation

    assert (
        returns(client.llm.acme.chat_completions)
        == "AcmeChatResponse | Stream[AcmeChatChunk, AcmeChatResponse]"
    )
    assert (
        returns(client.llm.acme.stream_chat_completions)
        == "Stream[AcmeChatChunk, AcmeChatResponse]"
    )
    assert returns(client.videos.acme.text_to_video) == "Task[AcmeTaskResponse]"
    assert returns(client.videos.acme.get_video) == "AcmeTaskResponse"
    assert returns(client.audio.acme.speech) == "Binary[Output]"
    assert returns(client.audio.acme.stream_speech) == "ByteStream"
    assert returns(client.audio.acme.transcribe) == "AcmeTranscript | Text"


def test_the_class_of_the_files_stands_in_what_is_returned(
    document: dict[str, Any], render: Render, tmp_path: Path
) -> None:
    for name in ("acme_get_video", "acme_chat_completions"):
        operation(document, name)["x-outputs"] = [{"url": "data.url"}]
    operation(document, "acme_chat_completions")["x-structured"] = {
        "argument": "response_format",
        "request": "{}",
        "objects": "choices.message",
        "refusal": "choices[0].message.refusal",
    }
    client = render()

    def returns(method: Callable[..., Any]) -> str:
        return inspect.signature(method).return_annotation

    assert returns(client.videos.acme.get_video) == "AcmeTaskResponse[Output]"
    assert returns(client.videos.acme.text_to_video) == "Task[AcmeTaskResponse[Output]]"
    assert returns(client.audio.acme.transcribe) == "AcmeTranscript | Text"
    chat = client.llm.acme
    assert returns(chat.parse_chat_completions) == "AcmeChatResponse[Parsed, Output]"
    assert "Stream[AcmeChatChunk, AcmeChatResponse[None, Output]]" in returns(chat.chat_completions)
    later = sys.modules[type(client.videos.acme).__module__].AsyncAcme
    assert returns(later.get_video) == "AcmeTaskResponse[AsyncOutput]"
    assert returns(later.text_to_video) == "AsyncTask[AcmeTaskResponse[AsyncOutput]]"


def test_help_tells_arguments_defaults_price_and_source(render: Render) -> None:
    text = inspect.getdoc(render().llm.acme.chat_completions)
    assert text is not None
    assert text.startswith(
        "Create a chat completion.\n\nReturns the completion in one response, or as an event "
        "stream.\n"
    )
    assert "    temperature: Sampling temperature. Server default: 1." in text
    assert "    web_search: Search the web first. Sent as `web-search`." in text
    assert "`stream_chat_completions` gives the events as they come." in text
    for part in (
        "Returns:\n    The answer",
        "Raises:\n    Api302Error",
        "Price: by model.",
        "Source: documentation page p001 (page, 2026-11-21)",
    ):
        assert part in text


def test_help_tells_in_which_forms_a_file_is_taken(render: Render) -> None:
    client = render()
    assert (
        "a URL, a data URL, base64 text or a local file (pathlib.Path, open file or bytes)"
        in " ".join((inspect.getdoc(client.videos.acme.text_to_video) or "").split())
    )
    assert "Takes a local file (path, open file or bytes)." in (
        inspect.getdoc(client.audio.acme.transcribe) or ""
    )


def test_descriptions_can_hold_anything(document: dict[str, Any], render: Render) -> None:
    nasty = 'A "quote", three """, a \\ and \\n, 中文 {braces} {{ x }} {% raw %} ending in "'
    fields(document, "AcmeChatRequest")["model"]["description"] = nasty
    operation(document, "acme_chat_completions")["description"] = nasty
    assert nasty in (inspect.getdoc(render().llm.acme.chat_completions) or "")


def test_long_text_is_wrapped(document: dict[str, Any], render: Render) -> None:
    fields(document, "AcmeChatRequest")["model"]["description"] = "很长的说明 " * 80
    text = inspect.getdoc(render().llm.acme.chat_completions) or ""
    assert max(map(len, text.splitlines())) <= 130


# -- names -----------------------------------------------------------------------------------------


def test_names_that_python_or_we_need_get_an_underscore(
    document: dict[str, Any], render: Render
) -> None:
    properties = fields(document, "AcmeSpeechRequest")
    for wire in (
        "self",
        "accept",
        "extra_body",
        "3d",
        "语速",
        "class",
        "maxTokens",
        "a.b",
        "$schema",
        "__private",
    ):
        properties[wire] = {"type": "integer"}
    sections = render()
    assert list(shown(sections.audio.acme.speech))[:-1] == [
        *(
            "input",
            "from_",
            "timeout_",
            "self_",
            "accept_",
            "extra_body_",
            "field_3d",
            "语速",
            "class_",
        ),
        *("maxTokens", "a_b", "schema", "private"),
    ]
    sent = sections.audio.acme.speech(
        input="x", from_="en", timeout_=1, field_3d=3, timeout=2.5, accept="audio/wav", a_b=4
    )
    assert {name: value for name, value in sent["body"].items() if value is not None} == {
        "input": "x",
        "from": "en",
        "timeout": 1,
        "3d": 3,
        "a.b": 4,
    }
    assert sent["options"] == (None, None, None, 2.5)
    assert sent["accept"] == "audio/wav"


def test_one_name_in_several_places(document: dict[str, Any], render: Render) -> None:
    operation(document, "acme_chat_completions")["parameters"] = [
        {"name": "model", "in": "query", "schema": {"type": "string"}},
        {"name": "Model", "in": "header", "schema": {"type": "string"}},
        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
    ]
    client = render()
    assert list(shown(client.llm.acme.chat_completions))[-4:] == [
        "model_query",
        "model_header",
        "x_trace",
        "stream",
    ]
    sent = client.llm.acme.chat_completions(
        model="body", messages=[], model_query="query", model_header="header", x_trace="t"
    )
    assert sent["query"] == {"model": "query"}
    assert sent["headers"] == {"Model": "header", "X-Trace": "t"}
    assert sent["body"]["model"] == "body"


def test_two_fields_that_become_one_argument_are_refused(tmp_path: Path) -> None:
    spec = Spec.load(MINI)
    document = join(spec)
    fields(document, "AcmeChatRequest")["web_search"] = {"type": "boolean"}
    with pytest.raises(SpecError) as caught:
        write(document, tmp_path, spec)
    problem = caught.value.problems[0]
    assert "acme_chat_completions" in problem.message
    assert "`web-search`" in problem.message
    assert "`web_search`" in problem.message
    assert (problem.file, problem.line) == ("llm/acme.yaml", 3)
    assert not (tmp_path / "api302_resources").exists(), (
        "nothing is written of a document that is refused"
    )


@pytest.mark.parametrize(
    ("name", "shortcut", "message"),
    [
        ("acme_speech", "chat.completions.create", "already"),
        ("acme_speech", "request.create", "client itself"),
        ("acme_speech", "videos.acme", "already"),
        ("acme_speech", "videos.acme.create", "vendor's namespace"),
        ("acme_speech", "audio.class", "no name"),
    ],
)
def test_shortcuts_that_collide_are_refused(
    document: dict[str, Any], tmp_path: Path, name: str, shortcut: str, message: str
) -> None:
    operation(document, name)["x-shortcut"] = shortcut
    with pytest.raises(SpecError, match=message):
        write(document, tmp_path)


def test_a_namespace_that_has_the_name_of_a_method_is_called_itself(
    document: dict[str, Any], render: Render
) -> None:
    operation(document, "acme_speech")["x-shortcut"] = "chat.completions"
    client = render()
    assert shown(client.chat.completions) == shown(client.audio.acme.speech)
    assert shown(client.chat.completions.create) == shown(client.llm.acme.chat_completions)
    assert shown(client.chat.stream_completions) == shown(client.audio.acme.stream_speech)


def test_a_section_named_as_a_method_of_the_client_is_refused(
    document: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("acme_speech", "acme_transcribe"):
        operation(document, name)["tags"] = ["request.acme"]
    with pytest.raises(SpecError, match="`request` is an attribute of the client itself"):
        write(document, tmp_path)


def test_a_method_that_is_a_keyword_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    operation(document, "acme_speech")["operationId"] = "acme_import"
    with pytest.raises(SpecError, match="acme_import: `import` is no name"):
        write(document, tmp_path)


def test_a_twin_that_is_another_operations_name_is_refused(
    document: dict[str, Any], tmp_path: Path
) -> None:
    operation(document, "acme_transcribe")["operationId"] = "acme_stream_speech"
    with pytest.raises(SpecError, match="`stream_speech` is already"):
        write(document, tmp_path)


# -- requests --------------------------------------------------------------------------------------


def test_values_go_out_under_their_names_on_the_wire(render: Render) -> None:
    client = render()
    sent = client.llm.acme.chat_completions(
        model="small", messages=[], web_search=True, extra_headers={"a": "b"}, extra_query={"c": 1}
    )
    assert sent["op"] == "acme_chat_completions"
    assert sent["body"] == {
        "model": "small",
        "messages": [],
        "temperature": None,
        "web-search": True,
    }
    assert sent["options"] == ({"a": "b"}, {"c": 1}, None, None)
    assert client.videos.acme.get_video(task_id="t-1")["path"] == {"task_id": "t-1"}
    assert client.videos.acme.get_video(task_id="t-1")["body"] is None
    assert client.audio.acme.transcribe(file=b"", timestamp_granularities=["word"])["body"][
        "timestamp_granularities[]"
    ] == ["word"]


def test_json_and_form_are_one_method(render: Render) -> None:
    client = render()
    assert shown(client.videos.acme.text_to_video) == {
        "prompt": "str",
        "duration": "str | int | None = None",
        "image": "FileInput | None = None",
    }
    endpoint = importlib.import_module("api302_client.api.videos_acme").acme_text_to_video
    assert endpoint.FILES == {"image": ("url", "data_url", "base64", "part")}
    assert endpoint.NOT_EMPTY == ("prompt",)
    task = {"fetch": "acme_get_video", "parameters": {"task_id": "data.task_id"}}
    assert endpoint.EXTENSIONS["x-task"] == task


def test_types_of_arguments(document: dict[str, Any], render: Render) -> None:
    fields(document, "AcmeSpeechRequest").update(
        {
            "mode": {"type": "string", "enum": ["a", "b"]},
            "style": {"anyOf": [{"const": "x"}, {"const": "y"}, {"type": "string"}]},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "number": {"type": ["integer", "number", "null"]},
            "open": {"$ref": "#/components/schemas/JsonObject"},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "many": {"type": "array", "items": {"type": ["string", "null"]}},
            "files": {"type": "array", "items": {"type": "string", "x-file": ["url", "base64"]}},
            "one_or_many": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "x-file": ["url", "base64"],
            },
            "address": {"type": "string", "x-file": ["url"]},
            "anything": {},
            "ref": {"$ref": "#/components/schemas/AcmeTone"},
            "parts": {"$ref": "#/components/schemas/AcmeContentPart"},
            "both": {"$ref": "#/components/schemas/AcmeTask"},
        }
    )
    document["components"]["schemas"]["AcmeTone"] = {
        "type": "string",
        "enum": ["warm"],
        "description": "The tone.",
        "default": "warm",
    }
    client = render()
    assert {
        name: text
        for name, text in shown(client.audio.acme.speech).items()
        if name not in ("input", "from_", "timeout_", "accept")
    } == {
        "mode": "Literal['a', 'b'] | None = None",
        "style": "Literal['x', 'y'] | str | None = None",
        "maybe": "int | None = None",
        "number": "float | None = None",
        "open": "Mapping[str, Any] | None = None",
        "map": "Mapping[str, int] | None = None",
        "many": "Iterable[str | None] | None = None",
        "files": "Sequence[FileInput] | None = None",
        "one_or_many": "FileInput | Sequence[FileInput] | None = None",
        "address": "str | None = None",
        "anything": "Any = None",
        "ref": "Literal['warm'] | None = None",
        "parts": "AcmeContentPart | None = None",
        "both": "AcmeTaskParam | None = None",
    }
    assert 'ref: The tone. Server default: "warm".' in (
        inspect.getdoc(client.audio.acme.speech) or ""
    )


def test_variants_of_a_request_are_one_signature(document: dict[str, Any], render: Render) -> None:
    text = {"kind": {"const": "text"}, "text": {"type": "string"}, "voice": {"type": "string"}}
    clone = {
        "kind": {"const": "clone"},
        "sample": {"type": "string", "x-file": ["part"]},
        "voice": {"type": "integer"},
    }
    document["components"]["schemas"] |= {
        "AcmeSpeechRequest": {
            "oneOf": [
                {"$ref": "#/components/schemas/AcmeByText"},
                {"$ref": "#/components/schemas/AcmeByClone"},
            ]
        },
        "AcmeByText": {
            "type": "object",
            "description": "A known voice.",
            "required": ["kind", "text"],
            "properties": text,
        },
        "AcmeByClone": {"type": "object", "required": ["kind", "sample"], "properties": clone},
    }
    client = render()
    assert shown(client.audio.acme.speech) == {
        "kind": "Literal['text', 'clone']",
        "text": "str | None = None",
        "voice": "str | int | None = None",
        "sample": "FileInput | None = None",
        "accept": "Literal['audio/mpeg', 'audio/wav'] | None = None",
    }
    told = inspect.getdoc(client.audio.acme.speech) or ""
    assert (
        "The fields of one form go together:\n- A known voice: needs text\n- AcmeByClone: "
        "needs sample\n"
    ) in told


def test_one_of_several_required_fields_is_no_variant(
    document: dict[str, Any], render: Render
) -> None:
    document["components"]["schemas"]["AcmeSpeechRequest"]["anyOf"] = [
        {"required": ["from"]},
        {"required": ["timeout"]},
    ]
    client = render()
    assert list(shown(client.audio.acme.speech)) == ["input", "from_", "timeout_", "accept"]
    assert "go together" not in (inspect.getdoc(client.audio.acme.speech) or "")


def test_variants_share_the_fields_beside_them(document: dict[str, Any], render: Render) -> None:
    schemas = document["components"]["schemas"]
    schemas["AcmeSpeechRequest"]["oneOf"] = [
        {"$ref": "#/components/schemas/AcmeLoud"},
        {"$ref": "#/components/schemas/AcmeSoft"},
    ]
    schemas["AcmeLoud"] = {
        "type": "object",
        "required": ["volume"],
        "properties": {"volume": {"type": "integer"}},
    }
    schemas["AcmeSoft"] = {"type": "object", "properties": {"hush": {"type": "boolean"}}}
    assert list(shown(render().audio.acme.speech)) == [
        "input",
        "from_",
        "timeout_",
        "volume",
        "hush",
        "accept",
    ]


def test_an_unknown_request_takes_extra_body_alone(
    document: dict[str, Any], render: Render
) -> None:
    operation(document, "acme_speech")["x-unknown"] = {"request": "searched everywhere"}
    client = render()
    parameters = inspect.signature(client.audio.acme.speech).parameters
    assert list(parameters) == ["extra_body", "accept", "extra_headers", "extra_query", "timeout"]
    assert parameters["extra_body"].default is inspect.Parameter.empty
    assert client.audio.acme.speech(extra_body={"a": 1})["options"] == (None, None, {"a": 1}, None)


def test_a_body_without_fields_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    document["components"]["schemas"]["AcmeSpeechRequest"] = {
        "type": "array",
        "items": {"type": "string"},
    }
    with pytest.raises(SpecError, match="acme_speech: the request body is not an object"):
        write(document, tmp_path)


# -- kinds of methods ------------------------------------------------------------------------------


def test_the_stream_method_sets_the_switch_and_the_plain_one_has_it(render: Render) -> None:
    typing.clear_overloads()
    client = render()
    assert "stream" not in shown(client.llm.acme.stream_chat_completions)
    assert "'stream': True" in inspect.getsource(client.llm.acme.stream_chat_completions)
    assert "'stream'" not in inspect.getsource(client.llm.acme.chat_completions)
    overloads = typing.get_overloads(inspect.unwrap(client.llm.acme.chat_completions.__func__))
    signatures = [inspect.signature(one) for one in overloads]
    events = "Stream[AcmeChatChunk, AcmeChatResponse]"
    assert [(one.parameters["stream"].annotation, one.return_annotation) for one in signatures] == [
        ("Literal[False] | None", "AcmeChatResponse"),
        ("Literal[True]", events),
        ("bool", f"AcmeChatResponse | {events}"),
    ]
    assert [one.parameters["stream"].default for one in signatures] == [
        None,
        inspect.Parameter.empty,
        inspect.Parameter.empty,
    ]


def test_a_shared_shortcut_makes_the_other_call_for_its_models(
    document: dict[str, Any], render: Render
) -> None:
    typing.clear_overloads()
    operation(document, "acme_speech")["x-shortcut"] = "audio.say"
    fields(document, "AcmeSpeechRequest")["model"] = {"type": "string"}
    operation(document, "acme_chat_completions")["x-shared-shortcut"] = "audio.say"
    client = render(has_models=True)
    assert {"input", "messages", "stream"} <= shown(client.audio.say).keys()
    assert client.audio.say(model="small", messages=[])["body"]["messages"] == []
    assert client.audio.say(model="tts", input="Hello")["body"]["input"] == "Hello"
    for arguments in ({"model": "small", "input": "Hello"}, {"model": "tts", "messages": []}):
        with pytest.raises(ValueError, match=r"(input|messages): is not taken with this model"):
            client.audio.say(**arguments)
    overloads = typing.get_overloads(inspect.unwrap(client.audio.say.__func__))
    first, *_, last = (inspect.signature(one) for one in overloads)
    assert first.parameters["model"].annotation == "Literal['small', 'large']"
    assert first.return_annotation == "AcmeChatResponse"
    assert last.return_annotation == "Binary[Output]"
    assert "stream" not in last.parameters


def test_a_shared_shortcut_without_models_is_refused(
    document: dict[str, Any], tmp_path: Path
) -> None:
    operation(document, "acme_speech")["x-shared-shortcut"] = "videos.create"
    with pytest.raises(SpecError, match="no models in the catalogue"):
        write(document, tmp_path)


def add_structured(document: dict[str, Any]) -> None:
    """Let the chat call take a class for its output."""
    request = fields(document, "AcmeChatRequest")
    request["format"] = {"type": "object", "additionalProperties": True}
    operation(document, "acme_chat_completions")["x-structured"] = {
        "argument": "format",
        "field": "format",
        "value": {"schema": "$schema"},
        "objects": "choices[].message",
        "text": "content",
        "refusal": "choices[0].message.refusal",
        "cut": "choices[0].finish_reason == 'length'",
    }


def test_a_class_for_the_output_is_taken_by_parse_and_stream(
    document: dict[str, Any], render: Render
) -> None:
    typing.clear_overloads()
    add_structured(document)
    client = render()
    for method in (client.chat.completions.parse, client.llm.acme.parse_chat_completions):
        assert inspect.signature(method).return_annotation == "AcmeChatResponse[Parsed]"
        assert shown(method)["format"] == "type[Parsed]"
    assert "type[Parsed]" not in shown(client.chat.completions.create)["format"]
    overloads = typing.get_overloads(inspect.unwrap(client.chat.completions.stream.__func__))
    plain, structured = (inspect.signature(one) for one in overloads)
    assert plain.return_annotation == "Stream[AcmeChatChunk, AcmeChatResponse]"
    assert structured.return_annotation == "Stream[AcmeChatChunk, AcmeChatResponse[Parsed]]"
    assert structured.parameters["format"].default is inspect.Parameter.empty


def test_shortcuts_have_the_same_methods(render: Render) -> None:
    client = render()
    assert shown(client.chat.completions.create) == shown(client.llm.acme.chat_completions)
    assert client.chat.completions.create.__name__ == "create"
    assert (
        inspect.signature(client.chat.completions.stream).return_annotation
        == "Stream[AcmeChatChunk, AcmeChatResponse]"
    )
    assert shown(client.videos.create) == shown(client.videos.acme.text_to_video)


def test_a_task_on_demand_has_two_methods(document: dict[str, Any], render: Render) -> None:
    speech = operation(document, "acme_transcribe")
    speech["x-task"] = {
        "fetch": "acme_get_video",
        "parameters": {"task_id": "id"},
        "when": {"in": "query", "name": "async", "value": True},
    }
    speech["parameters"] = [{"name": "async", "in": "query", "schema": {"type": "boolean"}}]
    operation(document, "acme_get_video")["x-task-status"]["response"] = "data"
    client = render()
    assert "async_" not in shown(client.audio.acme.transcribe) | shown(
        client.audio.acme.submit_transcribe
    )
    assert (
        inspect.signature(client.audio.acme.transcribe).return_annotation == "AcmeTranscript | Text"
    )
    assert (
        inspect.signature(client.audio.acme.submit_transcribe).return_annotation
        == "Task[AcmeTranscript]"
    ), "its own reply, once done"
    assert "query={ 'async': True,  }" in inspect.getsource(client.audio.acme.submit_transcribe)


def test_the_plain_method_of_a_task_on_demand_gives_no_ticket(
    document: dict[str, Any], render: Render
) -> None:
    chat, schemas = operation(document, "acme_chat_completions"), document["components"]["schemas"]
    chat["x-task"] = {
        "fetch": "acme_get_video",
        "parameters": {"task_id": "ticket"},
        "when": {"in": "query", "name": "async", "value": True},
    }
    schemas["AcmeTicket"] = {"type": "object", "properties": {"ticket": {"type": "string"}}}
    json_reply = chat["responses"]["200"]["content"]["application/json"]
    json_reply["schema"] = {
        "anyOf": [json_reply["schema"], {"$ref": "#/components/schemas/AcmeTicket"}]
    }
    client = render()
    returned = inspect.signature(client.chat.completions.create).return_annotation
    assert returned.split(" | ")[0] == "AcmeChatResponse"
    assert "Ticket" not in returned
    assert (
        inspect.signature(client.chat.completions.submit).return_annotation
        == "Task[AcmeTaskResponse]"
    )


def add_a_short_form(document: dict[str, Any]) -> None:
    """Let the chat be asked in a second form that has a reply of its own, and as a task."""
    chat, schemas = operation(document, "acme_chat_completions"), document["components"]["schemas"]
    short = {
        "type": "object",
        "required": ["model", "message"],
        "properties": {"model": {"type": "string"}, "message": {"type": "string"}},
    }
    schemas["AcmeShortRequest"] = short
    schemas["AcmeShortResponse"] = {"type": "object", "properties": {"output": {"type": "string"}}}
    for media, kind in ((chat["requestBody"], "Request"), (chat["responses"]["200"], "Response")):
        refs = [{"$ref": f"#/components/schemas/Acme{name}{kind}"} for name in ("Chat", "Short")]
        media["content"]["application/json"]["schema"] = {"oneOf": refs}
    chat["x-task"] = {
        "fetch": "acme_get_video",
        "parameters": {"task_id": "ticket"},
        "when": {"in": "query", "name": "async", "value": True},
    }
    operation(document, "acme_get_video")["x-task-status"]["response"] = "data"


def test_a_reply_to_each_shape_of_request(document: dict[str, Any], render: Render) -> None:
    typing.clear_overloads()  # those of another test's modules of the same name
    add_a_short_form(document)
    client = render()
    assert (
        inspect.signature(client.chat.completions.submit).return_annotation
        == "Task[AcmeChatResponse] | Task[AcmeShortResponse]"
    )
    method = client.chat.completions.create
    events = "Stream[AcmeChatChunk, AcmeChatResponse]"
    assert (
        inspect.signature(method).return_annotation
        == f"AcmeChatResponse | AcmeShortResponse | {events}"
    )
    first, second, streamed, either = (
        inspect.signature(overload)
        for overload in typing.get_overloads(inspect.unwrap(method.__func__))
    )
    assert first.return_annotation == "AcmeChatResponse"
    assert list(first.parameters)[:4] == ["self", "model", "messages", "temperature"]
    assert second.return_annotation == "AcmeShortResponse"
    assert list(second.parameters)[:4] == ["self", "model", "message", "stream"]
    assert second.parameters["message"].default is inspect.Parameter.empty
    assert streamed.return_annotation == events
    assert list(streamed.parameters) == list(first.parameters)
    assert either.return_annotation == f"AcmeChatResponse | {events}"


def test_a_list_in_pages_iterates(document: dict[str, Any], render: Render) -> None:
    fetch = operation(document, "acme_get_video")
    fetch["x-pages"] = {"parameter": "page", "items": "data.task_result.videos"}
    fetch["parameters"].append({"name": "page", "in": "query", "schema": {"type": "integer"}})
    client = render()
    assert "page" in shown(client.videos.acme.get_video)
    iterate = client.videos.acme.iter_get_video
    assert "page" in shown(iterate)  # where to begin
    assert inspect.signature(iterate).return_annotation == "Pages[AcmeVideo]"


def test_an_upload_of_several_steps_is_one_method(document: dict[str, Any], render: Render) -> None:
    begin = operation(document, "acme_text_to_video")
    begin["x-upload"] = {
        "method": "upload_clip",
        "finish": "acme_transcribe",
        "parameters": {},
        "file": "file",
        "address": "text",
    }
    client = render()
    method = client.videos.acme.upload_clip
    assert shown(method) == {"file": "FileInput", **shown(client.videos.acme.text_to_video)}
    assert inspect.signature(method).return_annotation == "Uploaded"
    assert client.videos.upload_clip.__name__ == "upload_clip", "beside its shortcut, too"
    assert is_async(render(asynchronous=True).videos.acme.upload_clip)
    assert "Makes the calls `text_to_video` and `transcribe`" in str(method.__doc__)
    assert "`upload_clip` makes all the steps" in " ".join(
        str(client.videos.acme.text_to_video.__doc__).split()
    )


def test_an_upload_with_an_argument_file_of_its_own_is_refused(
    document: dict[str, Any], tmp_path: Path
) -> None:
    rule = {
        "method": "upload",
        "finish": "acme_get_video",
        "parameters": {},
        "put": "text",
        "address": "text",
    }
    operation(document, "acme_transcribe")["x-upload"] = rule
    with pytest.raises(
        SpecError, match="an argument `file` stands where x-upload's method has the file"
    ):
        write(document, tmp_path)


def test_an_operation_that_only_streams_is_one_method(
    document: dict[str, Any], render: Render
) -> None:
    chat = operation(document, "acme_chat_completions")
    del chat["responses"]["200"]["content"]["application/json"], chat["x-shortcut"]
    client = render()
    assert (
        inspect.signature(client.llm.acme.chat_completions).return_annotation
        == "Stream[AcmeChatChunk, Any]"
    )
    assert not hasattr(client.llm.acme, "stream_chat_completions")


def test_the_async_twin(render: Render) -> None:
    client = render(asynchronous=True)
    assert is_async(client.llm.acme.chat_completions)
    assert is_async(client.videos.acme.text_to_video)
    assert not is_async(client.chat.completions.stream)
    assert (
        inspect.signature(client.chat.completions.stream).return_annotation
        == "AsyncStream[AcmeChatChunk, AcmeChatResponse]"
    )
    assert asyncio.run(client.videos.acme.get_video(task_id="t-1"))["path"] == {"task_id": "t-1"}


# -- the package -----------------------------------------------------------------------------------


def test_the_index_finds_every_operation(document: dict[str, Any], render: Render) -> None:
    render()
    index = importlib.import_module("api302_resources._index").OPERATIONS
    assert len(index) == sum(len(item) for item in document["paths"].values())
    for name, place in index.items():
        package, _, module = place.partition(".")
        assert name == getattr(importlib.import_module(f"api302_client.api.{package}"), module).ID


def test_import_is_lazy(document: dict[str, Any], tmp_path: Path) -> None:
    write(document, tmp_path)
    code = """
import json, sys
import api302_resources
first = set(sys.modules)
api302_resources.Sections(None).videos.acme
print(json.dumps([sorted(first), sorted(set(sys.modules) - first)]))
"""
    path = os.pathsep.join([str(tmp_path), str(OVERLAYS)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    first, later = json.loads(done.stdout)
    tops = {name.partition(".")[0] for name in first + later}
    assert not tops & {"httpx", "httpx2", "attr", "attrs", "cattrs", "jmespath"}
    heavy = ("api302_client.api", "api302_client.models", "api302_client.params")
    assert not [name for name in first + later if name.startswith(heavy)]
    assert [name for name in first if name.startswith("api302_resources")] == ["api302_resources"]
    assert [name for name in later if name.startswith("api302_resources")] == [
        "api302_resources.videos",
        "api302_resources.videos.acme",
    ]


def test_same_input_same_bytes(document: dict[str, Any], tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        write(document, tmp_path / name)
        folder = tmp_path / name / "api302_resources"
        results.append(
            {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
        )
    assert results[0] == results[1]
    assert "py.typed" in results[0]
    assert all(
        text.startswith(HEADER.encode()) for name, text in results[0].items() if name != "py.typed"
    )


# -- what is deprecated ----------------------------------------------------------------------------


def add_old_form(document: dict[str, Any]) -> None:
    """An older form of the video call, which `acme_text_to_video` replaces."""
    new = operation(document, "acme_text_to_video")
    old = {key: value for key, value in new.items() if key != "x-shortcut"}
    old |= {"operationId": "acme_old_video", "deprecated": True}
    document["paths"]["/acme/v0/videos"] = {"post": {**old, "x-replaced-by": "acme_text_to_video"}}
    look = {**operation(document, "acme_get_video"), "operationId": "acme_old_look"}
    document["paths"]["/acme/v0/videos/{task_id}"] = {"get": {**look, "deprecated": True}}


def test_a_deprecated_method_says_what_to_use_and_warns_where_it_is_called(
    document: dict[str, Any], render: Render
) -> None:
    add_old_form(document)
    acme = render().videos.acme
    assert "Deprecated: use `client.videos.create`." in acme.old_video.__doc__
    assert "Deprecated." in acme.old_look.__doc__
    assert "Deprecated" not in acme.text_to_video.__doc__
    assert acme.old_video.__deprecated__ == (
        "client.videos.acme.old_video is deprecated: use client.videos.create"
    )
    assert "prompt" in inspect.signature(acme.old_video).parameters
    with pytest.warns(DeprecationWarning, match="old_look is deprecated$") as warned:
        sent = acme.old_look(task_id="t-1")
    assert sent["op"] == "acme_old_look", "it is called all the same"
    assert [Path(one.filename).name for one in warned] == [Path(__file__).name]


def test_an_awaited_deprecated_method_warns_too(document: dict[str, Any], render: Render) -> None:
    add_old_form(document)
    acme = render(asynchronous=True).videos.acme
    with pytest.warns(DeprecationWarning, match="old_look is deprecated") as warned:
        sent = asyncio.run(acme.old_look(task_id="t-1"))
    assert sent["op"] == "acme_old_look"
    assert [Path(one.filename).name for one in warned] == [Path(__file__).name]
    if sys.version_info >= (3, 12):
        assert is_async(acme.old_look)


def test_the_raw_client_says_what_to_use(document: dict[str, Any]) -> None:
    add_old_form(document)
    made = Plan(Document(document)).endpoints
    assert "Deprecated: use `acme_text_to_video`." in made["acme_old_video"].lines
    assert "Deprecated." in made["acme_old_look"].lines


# -- type checkers ---------------------------------------------------------------------------------

RIGHT = """
from pathlib import Path
from typing import assert_type

from api302 import AsyncStream, ByteStream, Stream, Task
from api302_client import models
from api302_client.params.llm_acme import AcmeChatMessage
from api302_resources import AsyncSections, Sections


def use(client: Sections) -> None:
    messages: list[AcmeChatMessage] = [{"role": "user", "content": "hello"}]
    reply = client.chat.completions.create(model="small", messages=messages, web_search=True)
    assert_type(reply, models.AcmeChatResponse)
    client.llm.acme.chat_completions(
        model="small",
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}],
        timeout=3,
        extra_body={"new": 1},
    )
    completions = client.chat.completions
    assert_type(completions.create(model="small", message="hello"), models.AcmeShortResponse)
    assert_type(completions.submit(model="small", message="hello"), Task[models.AcmeShortResponse])
    stream = completions.stream(model="small", messages=messages)
    assert_type(stream, Stream[models.AcmeChatChunk, models.AcmeChatResponse])
    task = client.videos.create(prompt="a cat", image=Path("cat.png"))
    assert_type(task, Task[models.AcmeTaskResponse])
    client.videos.acme.text_to_video(prompt="a cat", image=b"...", duration=5)
    assert_type(client.audio.acme.stream_speech(input="hello", accept="audio/wav"), ByteStream)
    client.audio.acme.transcribe(file=("a.mp3", b"..."), timestamp_granularities=("word",))


async def use_async(client: AsyncSections) -> None:
    assert_type(await client.videos.acme.get_video(task_id="t-1"), models.AcmeTaskResponse)
    stream = client.chat.completions.stream(
        model="small", messages=[{"role": "user", "content": "hello"}]
    )
    assert_type(stream, AsyncStream[models.AcmeChatChunk, models.AcmeChatResponse])
"""

WRONG = """
from api302_resources import AsyncSections, Sections


async def use(client: Sections, other: AsyncSections) -> None:
    client.chat.completions.create(model="small", messages=[], temprature=1)  # misspelt
    client.chat.completions.create(model="small")  # missing
    client.chat.completions.create(model=1, messages=[])  # type
    client.chat.completions.create(model="small", messages=[], message="x")  # two forms
    client.chat.completions.create("small", [])  # positional
    client.chat.completions.create(model="s", messages=[{"role": "robot", "content": "x"}])  # enum
    client.chat.completions.create(model="s", messages=[{"role": "user", "contnt": "x"}])  # key
    client.chat.completions.create(model="small", messages=[], stream="yes")  # the switch
    client.chat.completion.create(model="small", messages=[])  # namespace
    client.videos.acme.text_to_video(prompt="x", duration=[5])  # union
    client.videos.acme.text_to_video(prompt="x", image=5)  # file
    client.audio.acme.speech(input="x", accept="audio/flac")  # media type
    client.audio.acme.transcribe(file=b"", timestamp_granularities=["letter"])  # enum in a list
    client.audio.acme.speech(input="x", timeout="long")  # our own
    client.videos.acme.get_video(task_id="x").dat  # reply
    (await other.videos.acme.get_video(task_id="x")).dat  # reply
    other.videos.acme.get_video(task_id="x").data  # not awaited
"""


OLD = """
from api302_resources import AsyncSections, Sections


async def use(client: Sections, other: AsyncSections) -> None:
    client.videos.acme.old_video(prompt="x")  # deprecated
    await other.videos.acme.old_video(prompt="x")  # deprecated
    client.videos.acme.old_look(task_id="t-1")  # deprecated
    client.videos.acme.text_to_video(prompt="x")
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini specification's packages, all of them, beside the overlay; with the samples."""
    out = tmp_path_factory.mktemp("packages")
    document = join(Spec.load(MINI))
    add_a_short_form(document)
    add_old_form(document)
    emit(Document(document), out)
    (out / "right.py").write_text(RIGHT)
    (out / "wrong.py").write_text(WRONG)
    (out / "old.py").write_text(OLD)
    return out


def pyright(packages: Path, *included: str) -> list[tuple[str, int, str]]:
    """Errors of pyright in strict mode, as file, line and message."""
    tool = "basedpyright" if importlib.util.find_spec("basedpyright") else "pyright"
    project = {
        "include": included,
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(OVERLAYS), str(packages)],
    }
    (packages / "pyrightconfig.json").write_text(json.dumps(project))
    done = subprocess.run(
        [sys.executable, "-m", tool, "--outputjson", "--project", str(packages)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [
        (Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["message"])
        for d in found
        if d["severity"] == "error"
    ]


def mypy(packages: Path, *included: str) -> list[tuple[str, int, str]]:
    """Errors of mypy --strict, as file, line and message."""
    environment = {**os.environ, "MYPYPATH": os.pathsep.join([str(OVERLAYS), str(packages)])}
    options = [
        "--strict",
        "--follow-imports=silent",
        "--output=json",
        "--enable-error-code=deprecated",
        "--cache-dir",
        str(packages / ".mypy_cache"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *included],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=packages,
    )
    assert done.returncode in (0, 1), done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        (Path(d["file"]).name, d["line"], d["message"]) for d in found if d["severity"] == "error"
    ]


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_right_code_and_the_packages_pass(
    packages: Path, checker: Callable[..., list[Any]]
) -> None:
    assert checker(packages, "right.py", "api302_resources", "api302_client/params") == []


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_each_wrong_line_is_refused(packages: Path, checker: Callable[..., list[Any]]) -> None:
    refused = {line for _, line, _ in checker(packages, "wrong.py")}
    marked = {number: line for number, line in enumerate(WRONG.splitlines(), 1) if "  # " in line}
    assert {number: line for number, line in marked.items() if number not in refused} == {}
    assert refused <= marked.keys()


@pytest.mark.parametrize("checker", [pyright, mypy])
def test_type_checkers_see_what_is_deprecated(
    packages: Path, checker: Callable[..., list[Any]]
) -> None:
    seen = {line: message for _, line, message in checker(packages, "old.py")}
    marked = {number for number, line in enumerate(OLD.splitlines(), 1) if "  # " in line}
    assert seen.keys() == marked
    assert all("is deprecated" in message for message in seen.values())


def test_the_generated_code_passes_ruff(packages: Path) -> None:
    rules = [
        "--select",
        "E,F,I,UP,B",
        "--line-length",
        "140",
        "--target-version",
        "py311",
        SECTIONS,
    ]
    folders = [packages / "api302_resources", packages / "api302_client/params"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", *rules, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout
