"""Calls as function tools of a chat: their schemas, and a model's calls of them, on the mock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import jsonschema_rs
import pytest

import api302.functions
from api302 import AsyncClient, Client, InvalidArgument, directory
from api302_mock import MockServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
SEARCH = "tavily_search"
functions: Any = api302.functions
"""Its dicts are read here field by field, also those that not every tool has."""


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema."""
    yield schema
    for key in ("properties", "$defs"):
        for one in schema.get(key, {}).values():
            yield from parts(one)
    for one in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from parts(one)


def test_a_schema_is_a_function_tool() -> None:
    tool = functions.schema("videos.kling.text_to_video")
    function = tool["function"]
    assert tool["type"] == "function"
    assert function["name"] == "kling_text_to_video"
    assert "text-to-video" in function["description"]
    assert "Returns outputs. Price: 0.15 PTC per point." in function["description"]
    properties = function["parameters"]["properties"]
    assert properties["prompt"] == {"type": "string", "description": "Text prompt."}
    assert properties["mode"]["type"] == ["string", "null"]
    assert properties["mode"]["enum"] == ["std", "pro", None]
    assert "Server default: std." in properties["mode"]["description"]


def made_by_functions() -> list[directory.Found]:
    return [one for one in directory.calls() if one.kind != "session"]


def test_a_conversation_is_made_by_no_function() -> None:
    with pytest.raises(InvalidArgument, match=r"audio\.openai\.realtime is a conversation"):
        functions.schema("openai_realtime")


def test_most_schemas_are_strict_and_keep_to_its_rules() -> None:
    strict = []
    for one in made_by_functions():
        function = functions.schema(one.id)["function"]
        assert len(function["name"]) <= 64
        assert len(function["description"]) <= 1024
        assert "anyOf" not in function["parameters"]
        if function.get("strict"):
            strict.append(one.id)
            for part in parts(function["parameters"]):
                assert part.keys() & {"type", "anyOf", "$ref", "enum", "const"}, one.id
                assert not part.keys() & {"default", "allOf", "oneOf", "minLength", "x-file"}
                assert "$ref" not in part or len(part) == 1
                if "properties" in part:
                    assert part["additionalProperties"] is False
                    assert part["required"] == list(part["properties"])
    assert len(strict) > 0.85 * len(directory.calls())


def test_an_example_is_what_its_strict_schema_allows() -> None:
    wrong = {}
    for one in made_by_functions():
        function = functions.schema(one.id)["function"]
        example = directory.describe(one.id).example
        parameters = function["parameters"]
        if function.get("strict"):
            whole = {**dict.fromkeys(parameters["properties"]), **example}
            given = with_nulls(whole, parameters, parameters.get("$defs", {}))
            validator = jsonschema_rs.validator_for(parameters)
            errors = [error.message for error in validator.iter_errors(given)]
            if errors and set(directory.describe(one.id).arguments.get("required", ())) <= set(
                example
            ):
                wrong[one.id] = errors
    # Examples that have fields which nobody described: a strict schema takes no others.
    assert len(wrong) <= 0.01 * len(directory.calls()), wrong


def with_nulls(value: Any, schema: dict[str, Any], shared: dict[str, Any]) -> Any:
    """A value as a model writes it for a strict schema: what is left out is null."""
    while "$ref" in schema or ("anyOf" in schema and len(schema["anyOf"]) <= 2):
        inner = schema if "$ref" in schema else schema["anyOf"][0]
        schema = shared[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
        if "$ref" not in inner and "anyOf" not in inner:
            break
    if isinstance(value, dict) and "properties" in schema:
        named = {**dict.fromkeys(schema["properties"]), **value}
        return {
            key: with_nulls(one, schema["properties"].get(key, {}), shared)
            for key, one in named.items()
        }
    if isinstance(value, list) and "items" in schema:
        return [with_nulls(one, schema["items"], shared) for one in value]
    return value


def test_a_schema_that_cannot_be_strict_says_why() -> None:
    plain = functions.schema("chat.completions.create")["function"]
    assert "strict" not in plain
    assert plain["parameters"]["required"] == ["model"]
    with pytest.raises(InvalidArgument, match=r"strict: the arguments of .* are not strict: .+"):
        functions.schema("chat.completions.create", strict=True)
    loose = functions.schema("kling_text_to_video", strict=False)["function"]
    assert "strict" not in loose
    assert loose["parameters"]["properties"]["mode"]["default"] == "std"
    with pytest.raises(InvalidArgument, match="did you mean"):
        functions.schema("kling_text2video")


# --- a chat ---------------------------------------------------------------------------------------


def called(name: str, arguments: Any) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }


@pytest.fixture
def client(api302_mock: MockServer) -> Iterator[Client]:
    with Client("sk-functions", base_url=api302_mock.url) as made:
        yield made


def test_a_chat_calls_a_function_and_is_told_the_result(
    client: Client, api302_mock: MockServer
) -> None:
    tools: Any = [functions.schema(SEARCH)]
    messages: list[Any] = [{"role": "user", "content": "How is the weather in Paris?"}]
    wanted: Any = {"name": SEARCH, "arguments": {"query": "weather in Paris", "topic": None}}
    api302_mock.next(tool_calls=[wanted])
    first = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
    message: Any = first.choices[0].message
    messages.append(message.to_dict())
    for tool_call in message.tool_calls:
        messages.append(functions.run(client, tool_call, tools))
    told = messages[-1]
    assert (told["role"], told["tool_call_id"]) == ("tool", message.tool_calls[0].id)
    assert "results" in json.loads(told["content"])
    last = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
    assert last.choices[0].message.content
    assert [one.operation for one in api302_mock.requests][1] == SEARCH
    assert api302_mock.requests[1].body == {"query": "weather in Paris"}


def test_fault_10_half_a_character_of_a_result_does_not_end_the_conversation(
    client: Client, api302_mock: MockServer
) -> None:
    """The next request has the result, and must be UTF-8."""
    api302_mock.next(body={"query": "half \ud83d", "results": []})
    tools: Any = [functions.schema(SEARCH)]
    told = functions.run(client, called(SEARCH, {"query": "x"}), tools)
    assert "half ?" in told["content"]
    messages: list[Any] = [{"role": "user", "content": "x"}, told]
    assert client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools).choices


def test_the_same_awaited(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with AsyncClient("sk-functions", base_url=api302_mock.url) as client:
            told = await functions.run(client, called(SEARCH, {"query": "pandas"}))
            assert "results" in json.loads(told["content"])
            task = called("kling_text_to_video_v2_6_5s", {"prompt": "a red panda"})
            outputs = json.loads((await functions.run(client, task))["content"])["outputs"]
            assert outputs[0].startswith("http")

    anyio.run(test)


def test_a_task_is_waited_for_and_a_file_is_told_of(client: Client) -> None:
    task = called("kling_text_to_video_v2_6_5s", {"prompt": "a red panda"})
    outputs = json.loads(functions.run(client, task)["content"])["outputs"]
    assert outputs[0].startswith("http")
    speech = called("openai_speech", {"model": "tts-1", "input": "hello", "voice": "alloy"})
    assert functions.run(client, speech)["content"].startswith("(a file, audio/mpeg, ")
    failing = called("kling_text_to_video_v2_6_5s", {"prompt": "mock:fail"})
    assert "TaskFailed" in json.loads(functions.run(client, failing)["content"])["error"]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ai302_delete_key", '{"name": "x"}', "there is no function 'ai302_delete_key'; there are"),
        (SEARCH, "{", "arguments: must be JSON"),
        (SEARCH, "[1]", "arguments: must be a JSON object"),
        (SEARCH, '{"qery": "x"}', "did you mean query?"),
        (SEARCH, "{}", "query: is required by "),
        (
            "ai302_remove_background",
            '{"image": "/etc/hostname"}',
            "no file of this machine is read",
        ),
    ],
)
def test_what_a_model_gets_wrong_it_is_told(
    client: Client, api302_mock: MockServer, name: str, arguments: str, message: str
) -> None:
    tools = [functions.schema(one) for one in (SEARCH, "ai302_remove_background")]
    tool_call = {"id": "call_1", "function": {"name": name, "arguments": arguments}}
    told = functions.run(client, tool_call, tools)
    assert message in json.loads(told["content"])["error"]
    assert api302_mock.requests == []


def test_files_are_read_below_the_root_alone(
    client: Client, api302_mock: MockServer, tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    good = called("ai302_remove_background", {"image": "cat.png"})
    assert "error" not in json.loads(functions.run(client, good, root=tmp_path)["content"])
    bad = called("ai302_remove_background", {"image": "../cat.png"})
    assert "without `..`" in functions.run(client, bad, root=tmp_path)["content"]
    assert [one.method for one in api302_mock.requests].count("POST") == 1


def test_a_budget_holds_for_functions(client: Client, api302_mock: MockServer) -> None:
    task = called("kling_text_to_video_v2_6_5s", {"prompt": "a red panda"})
    with client.budget(0.001):
        assert "BudgetError" in functions.run(client, task)["content"]
    assert api302_mock.requests == []


@pytest.mark.parametrize("tool_call", [None, {}, {"function": {"arguments": "{}"}}, "call"])
def test_what_is_no_tool_call_is_refused(client: Client, tool_call: Any) -> None:
    with pytest.raises(InvalidArgument, match="tool_call: must be one of"):
        functions.run(client, tool_call)
    with pytest.raises(InvalidArgument, match="is not a folder"):
        functions.run(client, called(SEARCH, {}), root="no/such/folder")


@pytest.mark.parametrize("levels", [400, 900, 100_000])
def test_fault_25_arguments_of_any_depth_are_told_to_the_model(
    client: Client, api302_mock: MockServer, levels: int
) -> None:
    arguments = '{"query": ' + "[" * levels + "]" * levels + "}"
    called = {"id": "1", "function": {"name": SEARCH, "arguments": arguments}}
    message = functions.run(client, called)
    assert "error" in json.loads(message["content"])


def test_fault_25_arguments_that_are_no_json_are_no_tool_call(client: Client) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for arguments in ({"a": object()}, {"a": circle}):
        called = {"id": "1", "function": {"name": SEARCH, "arguments": arguments}}
        with pytest.raises(InvalidArgument, match="tool_call: its arguments are not JSON"):
            functions.run(client, called)
