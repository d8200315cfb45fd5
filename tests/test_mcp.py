"""The MCP server: its four tools with the official SDK's client, and what its guards refuse."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import yaml
from mcp import Client, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client
from patience import PATIENCE, reserved_port, until

import api302
from api302 import Api302Error, AsyncClient, InvalidArgument, directory, mcp
from api302.mcp import serving
from api302.mcp.results import MOST_INLINE, Results
from api302.mcp.service import Service
from api302.mcp.store import Store
from api302.mcp.tools import CATALOG, LLMS, tools
from api302_mock import MockServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
MODES = ("legacy", "auto")
"""The protocol with a handshake, and the one without, whose questions are answers."""


@asynccontextmanager
async def connected(
    mock: MockServer, guards: mcp.Guards | None = None, mode: str = "auto", **options: Any
) -> AsyncIterator[Client]:
    """A client of the SDK, connected to a server in memory, whose calls go to the mock."""
    server = mcp.server(guards, partial(AsyncClient, "sk-mcp", base_url=mock.url))
    async with Client(server, mode=mode, **options) as client:
        yield client


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine, for a minute at most."""

    async def limited() -> None:
        with anyio.fail_after(PATIENCE):
            await test()

    anyio.run(limited)


def made_calls(mock: MockServer) -> list[str]:
    """What was called, without files, and without what a budget asks in the end: what it cost."""
    called = [one.operation for one in mock.requests]
    return [one for one in called if one is not None and one != "ai302_get_record"]


def texts(result: types.CallToolResult) -> str:
    return "\n".join(one.text for one in result.content if isinstance(one, types.TextContent))


def data(result: types.CallToolResult) -> Any:
    assert not result.is_error, texts(result)
    first = result.content[0]
    assert isinstance(first, types.TextContent)
    return json.loads(first.text)


async def agree(*_: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={})


FREE = mcp.Guards(budget=1000)
"""Room for every call with a price."""
UNKNOWN = next(
    one.id
    for one in directory.calls()
    if "additionalProperties" not in directory.describe(one.id).arguments
)
"""A call whose fields nobody has described: an agent may give any."""
TASK = {"call": "videos.kling.text_to_video_v2_6_5s", "arguments": {"prompt": "a red panda"}}


# --- the tools ------------------------------------------------------------------------------------


def test_the_tools_have_at_most_1500_tokens(tmp_path: Path) -> None:
    full = mcp.Guards(only=directory.sections(), read_only=True, root=tmp_path, out=tmp_path)
    listed = [one.model_dump(by_alias=True, exclude_none=True) for one in tools(full)]
    assert [one["name"] for one in listed] == ["search", "describe", "call", "wait"]
    assert len(json.dumps(listed)) / 4 <= 1500, "characters by four"


@pytest.mark.parametrize("mode", MODES)
def test_search_describe_and_call(api302_mock: MockServer, mode: str) -> None:
    async def test() -> None:
        async with connected(api302_mock, FREE, mode) as client:
            listed = await client.list_tools()
            assert [one.name for one in listed.tools] == ["search", "describe", "call", "wait"]
            found = data(await client.call_tool("search", {"words": "文生视频 可灵"}))
            assert len(found) == 5
            assert "videos.kling.text_to_video" in [one["call"] for one in found]
            call = {"call": "chat.completions.create"}
            described = data(await client.call_tool("describe", call))
            assert {"model", "messages"} <= set(described["arguments"]["properties"])
            assert len(described["models"]) == 41
            message = {"role": "user", "content": "hi"}
            arguments = {"model": "gpt-4o", "messages": [message], "max_tokens": 50}
            made = data(await client.call_tool("call", {**call, "arguments": arguments}))
            assert made["choices"][0]["message"]["content"]

    run(test)


@pytest.mark.parametrize("mode", MODES)
def test_a_task_is_started_and_waited_for_with_progress(api302_mock: MockServer, mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async def test() -> None:
        async with connected(api302_mock, FREE, mode) as client:
            task = data(await client.call_tool("call", TASK))["task"]
            assert task["operation"] == "kling_text_to_video_v2_6_5s"
            later = data(await client.call_tool("wait", {"task": task, "seconds": 0}))
            assert (later["state"], later["task"]["id"]) == ("pending", task["id"])
            done = await client.call_tool("wait", {"task": task}, progress_callback=note)
            assert data(done)["state"] == "succeeded"
            assert [type(one) for one in done.content] == [types.TextContent, types.ResourceLink]

    run(test)
    assert seen[-1][:2] == (1.0, 1.0)
    assert "succeeded" in str(seen[-1][2])


def test_a_call_that_may_take_long_runs_in_the_background(api302_mock: MockServer) -> None:
    arguments = {"model": "flux-pro-1.1-t2i", "prompt": "a cat"}
    call = {"call": "images.generate", "arguments": arguments, "background": True}

    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            described = data(await client.call_tool("describe", {"call": "images.generate"}))
            assert described["background"].startswith("possible")
            task = data(await client.call_tool("call", call))["task"]
            done = await client.call_tool("wait", {"task": task})
            assert not done.is_error, texts(done)
            refused = await client.call_tool("call", {**call, "call": "images.flux.ultra"})
            assert "model: is not an argument" in texts(refused)
            ultra = {"call": "images.flux.ultra", "arguments": {"prompt": "x"}, "background": True}
            refused = await client.call_tool("call", ultra)
            assert "images.flux.ultra cannot run in the background" in texts(refused)

    run(test)


@pytest.mark.parametrize("call", ["flux_ultra", "elevenlabs_music", "siliconflow_generate_image"])
def test_images_and_sounds_that_are_urls_are_fetched(api302_mock: MockServer, call: str) -> None:
    arguments = directory.describe(call).example

    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            made = await client.call_tool("call", {"call": call, "arguments": arguments})
            shown = made.content[1]
            assert isinstance(shown, types.ImageContent | types.AudioContent)

    run(test)


def test_a_task_of_images_returns_them_as_content(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            called = {"call": "flux_v2_pro", "arguments": {"prompt": "a cat"}}
            task = data(await client.call_tool("call", called))["task"]
            done = await client.call_tool("wait", {"task": task})
            assert isinstance(done.content[1], types.ImageContent)

    run(test)


def test_a_task_that_fails_says_why(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with connected(api302_mock, FREE) as client:
            failing = {**TASK, "arguments": {"prompt": "mock:fail"}}
            task = data(await client.call_tool("call", failing))["task"]
            done = await client.call_tool("wait", {"task": task})
            assert done.is_error
            assert texts(done).startswith("TaskFailed: ")

    run(test)


def test_images_and_sounds_come_back_as_content(api302_mock: MockServer) -> None:
    speech = {"model": "tts-1", "input": "hello", "voice": "alloy"}
    image = {"model": "gpt-image-1", "prompt": "a cat"}

    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            called = {"call": "audio.openai.speech", "arguments": speech}
            made = await client.call_tool("call", called)
            (sound,) = made.content
            assert isinstance(sound, types.AudioContent)
            assert sound.mime_type == "audio/mpeg"
            api302_mock.next(body={"data": [{"b64_json": b64(PNG + bytes(800))}]})
            called = {"call": "images.openai.generate_image", "arguments": image}
            made = await client.call_tool("call", called)
            assert data(made) == {"data": [{"b64_json": f"(file 1, {len(PNG) + 800} bytes)"}]}
            assert isinstance(made.content[1], types.ImageContent)
            assert made.content[1].mime_type == "image/png"

    run(test)


def b64(content: bytes) -> str:
    from base64 import b64encode

    return b64encode(content).decode()


def test_what_is_large_is_a_link_that_can_be_read(api302_mock: MockServer) -> None:
    large = PNG + bytes(2 << 20)
    image = {"model": "gpt-image-1", "prompt": "a cat"}

    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            api302_mock.next(body={"data": [{"b64_json": b64(large)}], "note": "x" * 70_000})
            called = {"call": "images.openai.generate_image", "arguments": image}
            made = await client.call_tool("call", called)
            links = [one for one in made.content if isinstance(one, types.ResourceLink)]
            assert [one.mime_type for one in links] == ["application/json", "image/png"]
            assert f"see {links[0].uri}" in texts(made)
            whole = (await client.read_resource(links[0].uri)).contents[0]
            assert isinstance(whole, types.TextResourceContents)
            assert len(json.loads(whole.text)["note"]) == 70_000
            blob = (await client.read_resource(links[1].uri)).contents[0]
            assert isinstance(blob, types.BlobResourceContents)
            assert blob.blob == b64(large)

    run(test)


def test_results_are_written_only_below_out(api302_mock: MockServer, tmp_path: Path) -> None:
    guards = mcp.Guards(budget=1000, out=tmp_path)
    speech = {"model": "tts-1", "input": "hello", "voice": "alloy"}

    async def test() -> None:
        async with connected(api302_mock, guards) as client:
            called = {"call": "audio.openai.speech", "arguments": speech}
            await client.call_tool("call", called)
            made = await client.call_tool("call", called)
            assert f"saved: {tmp_path / 'result-2.mp3'}" in texts(made)
            task = data(await client.call_tool("call", TASK))["task"]
            done = await client.call_tool("wait", {"task": task})
            assert f"saved: {tmp_path}" in texts(done)

    run(test)
    assert len(list(tmp_path.iterdir())) == 3
    assert all(path.stat().st_size for path in tmp_path.iterdir())


def test_resources_list_what_may_be_called(api302_mock: MockServer) -> None:
    guards = mcp.Guards(only=["images"])

    async def test() -> None:
        async with connected(api302_mock, guards) as client:
            listed = await client.list_resources()
            assert [one.uri for one in listed.resources] == [LLMS, CATALOG]
            llms, models = [
                (await client.read_resource(uri)).contents[0] for uri in (LLMS, CATALOG)
            ]
            assert isinstance(llms, types.TextResourceContents)
            assert isinstance(models, types.TextResourceContents)
            assert len(llms.text.splitlines()) > 200
            assert "`images.generate` → " in llms.text
            assert "videos." not in llms.text.partition("\n## ")[2]
            assert "images.generate" in models.text
            with pytest.raises(Exception, match="there is no resource"):
                await client.read_resource("api302://kept/99")

    run(test)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("audio.openai.speech", {"model": "tts-1", "voice": "alloy", "input": "Hi"}),
        ("images.generate", {"model": "gemini-2.5-flash-image", "prompt": "a cat"}),
    ],
)
def test_a_result_that_cannot_be_written_is_returned_all_the_same(
    api302_mock: MockServer, tmp_path: Path, call: str, arguments: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    guards = mcp.Guards(budget=1000, out=out)
    out.rmdir()
    out.symlink_to(out)  # which nothing can be written to

    async def test() -> None:
        async with connected(api302_mock, guards, elicitation_callback=agree) as client:
            result = await client.call_tool("call", {"call": call, "arguments": arguments})
            assert not result.is_error
            assert "not saved: " in texts(result)
            kinds = {type(block) for block in result.content}
            assert kinds & {types.AudioContent, types.ImageContent, types.ResourceLink}

    run(test)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search", {"words": " "}, "words: must be a text that says what is wanted"),
        ("search", {}, "words: must be a text, not None"),
        ("search", {"words": "cat", "limit": 0}, "limit: must be a number from 1 on"),
        ("describe", {"call": "kling_text2video"}, "did you mean"),
        ("call", {"call": "audio.openai.speech", "arguments": []}, "arguments: must be an object"),
        (
            "call",
            {**TASK, "arguments": {"promt": "x"}},
            "promt: is not an argument of videos.kling.text_to_video_v2_6_5s; did you mean prompt?",
        ),
        ("call", {**TASK, "arguments": {}}, "prompt: is required by "),
        (
            "call",
            {"call": UNKNOWN, "arguments": {"extra_headers": {"host": "example.org"}}},
            "extra_headers: is not an argument of ",
        ),
        ("wait", {"task": "t1"}, "task: must be the object `task`"),
        ("wait", {"task": {"operation": "x"}}, "call: there is no call 'x'"),
        ("wait", {"task": {"operation": "openai_speech"}}, "`kind` must be 'api302.task'"),
    ],
)
def test_bad_arguments_are_answered_with_the_fix(
    api302_mock: MockServer, tool: str, arguments: dict[str, Any], message: str
) -> None:
    async def test() -> None:
        async with connected(api302_mock, FREE) as client:
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert message in texts(result)

    run(test)
    assert api302_mock.requests == []


def test_without_a_key_a_call_says_where_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AI302_API_KEY", "AI302_KEY", "302AI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    async def test() -> None:
        async with Client(mcp.server(FREE)) as client:
            assert not (await client.call_tool("search", {"words": "music"})).is_error
            result = await client.call_tool("call", TASK)
            assert result.is_error
            assert "AI302_API_KEY" in texts(result)

    run(test)


# --- which calls, and for how much ----------------------------------------------------------------


def test_only_some_sections_are_searched_described_and_called(api302_mock: MockServer) -> None:
    guards = mcp.Guards(only=["images", "audio"], budget=1000)

    async def test() -> None:
        async with connected(api302_mock, guards) as client:
            found = data(await client.call_tool("search", {"words": "video", "limit": 20}))
            sections = {directory.find(one["call"]).tag.partition(".")[0] for one in found}
            assert sections <= {"images", "audio"}
            for tool in ("describe", "call"):
                refused = await client.call_tool(tool, TASK)
                assert "only audio, images (--only)" in texts(refused)
            task = {"kind": "api302.task", "version": 1, "operation": "kling_text_to_video"}
            refused = await client.call_tool("wait", {"task": {**task, "parameters": {"id": "1"}}})
            assert "only audio, images (--only)" in texts(refused)

    run(test)
    assert api302_mock.requests == []


def test_read_only_lets_nothing_through_that_changes_something(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(read_only=True, budget=9)) as client:
            found = data(await client.call_tool("search", {"words": "api key", "limit": 20}))
            assert all(directory.find(one["call"]).reads for one in found)
            refused = await client.call_tool("call", TASK)
            assert "this server only reads (--read-only)" in texts(refused)
            balance = await client.call_tool("call", {"call": "account.balance", "arguments": {}})
            assert not balance.is_error, texts(balance)

    run(test)
    assert [one.method for one in api302_mock.requests] == ["GET"]


def test_a_budget_is_not_exceeded(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(budget=0.001)) as client:
            refused = await client.call_tool("call", TASK)
            assert texts(refused).startswith("BudgetError: ")
            assert "was not sent" in texts(refused)

    run(test)
    assert api302_mock.requests == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_once", [True, False])
def test_fault_20_a_budget_is_that_of_all_sessions(
    api302_mock: MockServer, mode: str, at_once: bool
) -> None:
    """Over HTTP each client is a session, and with the newer protocol each request may be one."""
    price = directory_price(TASK)
    guards = mcp.Guards(budget=1.5 * price)
    server = mcp.server(guards, partial(AsyncClient, "sk-mcp", base_url=api302_mock.url))
    results: list[bool] = []

    async def one() -> None:
        async with Client(server, mode=mode) as client:
            results.append((await client.call_tool("call", TASK)).is_error)

    async def test() -> None:
        if not at_once:
            for _ in range(3):
                await one()
            return
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(one)

    run(test)
    assert sorted(results) == [False, True, True]
    assert len(made_calls(api302_mock)) == 1


def directory_price(call: dict[str, Any]) -> float:
    with api302.Client("sk-mcp", base_url="http://127.0.0.1:9") as client:
        found = directory.find(call["call"])
        return client.estimate(found.id, **call["arguments"]).high or 0.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("guards", [mcp.Guards(), mcp.Guards(budget=5)])
def test_where_nobody_can_be_asked_what_may_cost_is_refused(
    api302_mock: MockServer, mode: str, guards: mcp.Guards
) -> None:
    message = [{"role": "user", "content": "hi"}]
    unlimited = {"model": "a-model-without-a-price", "messages": message}
    called = {"call": "chat.completions.create", "arguments": unlimited}

    async def test() -> None:
        async with connected(api302_mock, guards, mode) as client:
            refused = await client.call_tool("call", called)
            assert "this client cannot ask one" in texts(refused)
            assert ("--budget" in texts(refused)) is (guards.budget is None)

    run(test)
    assert api302_mock.requests == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
def test_a_person_is_asked_before_a_call_that_costs(
    api302_mock: MockServer, mode: str, action: Any
) -> None:
    asked: list[str] = []

    async def answer(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action=action, content={} if action == "accept" else None)

    async def test() -> None:
        async with connected(api302_mock, None, mode, elicitation_callback=answer) as client:
            made = await client.call_tool("call", TASK)
            assert made.is_error is (action != "accept")
            if made.is_error:
                assert f"the person did not agree ({action})" in texts(made)

    run(test)
    assert len(asked) == 1
    assert "may cost up to" in asked[0]
    assert "videos.kling.text_to_video_v2_6_5s" in asked[0]
    assert len(api302_mock.requests) == (action == "accept")


def test_a_free_call_asks_nobody(api302_mock: MockServer) -> None:
    async def test() -> None:
        async with connected(api302_mock, mcp.Guards()) as client:
            made = await client.call_tool("call", {"call": "account.balance", "arguments": {}})
            assert not made.is_error, texts(made)

    run(test)


def test_an_answer_counts_once_and_for_its_own_question(api302_mock: MockServer) -> None:
    yes: dict[str, Any] = {"confirm": types.ElicitResult(action="accept", content={})}
    other = {**TASK, "arguments": {"prompt": "another"}}

    async def nobody(*_: Any) -> types.ElicitResult:
        raise AssertionError("the test answers itself")

    async def test() -> None:
        async with connected(api302_mock, None, elicitation_callback=nobody) as client:
            call = partial(client.session.call_tool, "call", allow_input_required=True)
            for arguments, state in ((TASK, "made-up"), (other, None)):
                first = await call(TASK)
                assert isinstance(first, types.InputRequiredResult)
                mark = state or first.request_state
                made = await call(arguments, input_responses=yes, request_state=mark)
                assert isinstance(made, types.CallToolResult)
                assert "is to another question" in texts(made)
            first = await call(TASK)
            assert isinstance(first, types.InputRequiredResult)
            made = await call(TASK, input_responses=yes, request_state=first.request_state)
            assert isinstance(made, types.CallToolResult)
            assert not made.is_error
            again = await call(TASK, input_responses=yes, request_state=first.request_state)
            assert isinstance(again, types.CallToolResult)
            assert "came twice" in texts(again)

    run(test)
    assert len(api302_mock.requests) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"only": ["vidoes"]}, "'vidoes' is none of"),
        ({"budget": -1}, "budget: must be PTC, 0 or more"),
        ({"budget": float("nan")}, "budget: must be PTC"),
        ({"root": "no/such/folder"}, "root: 'no/such/folder' is not a folder"),
        ({"out": "no/such/folder"}, "out: 'no/such/folder' is not a folder"),
    ],
)
def test_guards_that_cannot_be_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        mcp.Guards(**given)


# --- files ----------------------------------------------------------------------------------------

REMOVE = "image_processing.clipdrop.remove_background"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files, a file beside it, and ways out of it."""
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "cat.png").write_bytes(PNG)
    (folder / "inner/dog.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks and pipes")
@pytest.mark.parametrize("path", ["cat.png", "inner/dog.png", "./cat.png", "{root}/cat.png"])
def test_files_below_the_root_are_sent(api302_mock: MockServer, root: Path, path: str) -> None:
    arguments = {"image_file": path.format(root=root)}

    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(root=root, budget=9)) as client:
            made = await client.call_tool("call", {"call": REMOVE, "arguments": arguments})
            assert not made.is_error, texts(made)
            assert isinstance(made.content[0], types.ImageContent)

    run(test)
    assert len(made_calls(api302_mock)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks and pipes")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../secret.png", "without `..`"),
        ("inner/../../secret.png", "without `..`"),
        ("{root}/../secret.png", "without `..`"),
        ("/etc/hostname", "is not below the folder that may be read"),
        ("link.png", "symlink"),
        ("up/secret.png", "symlink"),
        ("pipe.png", "is not a file"),
        ("inner", "cannot be read"),
        ("nothing.png", "cannot be read"),
        ("", "must be the path of a file"),
        ("file:///etc/hostname", "must be an https URL, or the path of a file"),
        ("~/secret.png", "cannot be read"),
        ("half \ud83d.png", "cannot be the path of a file"),
    ],
)
def test_no_other_file_is_read(
    api302_mock: MockServer, root: Path, path: str, message: str
) -> None:
    arguments = {"image_file": path.format(root=root)}

    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(root=root, budget=9)) as client:
            made = await client.call_tool("call", {"call": REMOVE, "arguments": arguments})
            assert made.is_error
            assert message in texts(made)

    run(test)
    assert api302_mock.requests == []


def test_base64_is_a_file_where_that_is_taken(api302_mock: MockServer) -> None:
    call = "image_processing.bria.erase_foreground"

    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(budget=9)) as client:
            for file, message in ((b64(PNG * 9), ""), ("?" * 300, "must be a file (as base64)")):
                made = await client.call_tool("call", {"call": call, "arguments": {"file": file}})
                assert made.is_error is bool(message), texts(made)
                assert message in texts(made)

    run(test)
    assert api302_mock.requests[0].body["file"] == b64(PNG * 9)


def test_without_a_root_no_file_is_read(api302_mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)

    async def test() -> None:
        async with connected(api302_mock, mcp.Guards(budget=9)) as client:
            for given in (str(path), [str(path)], path.name):
                arguments = {"image_file": given}
                made = await client.call_tool("call", {"call": REMOVE, "arguments": arguments})
                assert made.is_error
                assert "a root folder must be opened" in texts(made)

    run(test)
    assert api302_mock.requests == []


def test_each_field_that_takes_a_file_is_known_as_one() -> None:
    from api302._types import Operation

    wrong = []
    for one in directory.calls():
        if one.kind == "session":
            continue  # no tool makes it
        properties = directory.describe(one.id).arguments["properties"]
        shown = [schema["x-file"] for schema in properties.values() if "x-file" in schema]
        files = Operation.by_id(one.id).files.values()
        # A parameter of the query takes no more than a URL, which is sent as it is.
        if sorted(map(list, files)) != sorted(forms for forms in shown if is_in_body(one, forms)):
            wrong.append(one.id)
    assert not wrong


def is_in_body(found: directory.Found, forms: list[str]) -> bool:
    return not found.reads or forms != ["url"]


# --- as a person asks -----------------------------------------------------------------------------

TASKS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "data/agent-tasks.yaml").read_text("utf-8")
)


def test_there_are_thirty_tasks() -> None:
    assert len({task["ask"] for task in TASKS}) == 30


def test_each_task_is_solved_by_what_the_tools_say(api302_mock: MockServer) -> None:
    """Search with the very words, take the right call, give only what is described."""

    async def test() -> None:
        async with connected(api302_mock, elicitation_callback=agree) as client:
            for task in TASKS:
                found = data(await client.call_tool("search", {"words": task["ask"]}))
                shown = {directory.find(one["call"]).id: one["call"] for one in found}
                right = [name for name in shown if is_right(task, name)]
                assert right, f"{task['ask']}: {list(shown)}"
                # The arguments are those of the first call; another right one is found as well.
                name = shown.get(task["calls"][0])
                assert name, f"{task['ask']}: {right}"
                described = data(await client.call_tool("describe", {"call": name}))
                assert set(task["arguments"]) <= set(described["arguments"]["properties"])
                made = {"call": name, "arguments": task["arguments"]}
                result = await client.call_tool("call", made)
                assert not result.is_error, f"{task['ask']}: {texts(result)}"

    run(test)
    assert all(one.status == 200 for one in api302_mock.requests)
    called = made_calls(api302_mock)
    assert [is_right(task, name) for task, name in zip(TASKS, called, strict=True)] == [True] * 30


def is_right(task: dict[str, Any], operation: str) -> bool:
    return any(fnmatch(operation, pattern) for pattern in task["calls"])


@pytest.mark.parametrize(("size", "kind"), [(1000, "image"), (MOST_INLINE, "resource_link")])
def test_fault_15_a_file_of_any_size_is_not_held_in_memory(size: int, kind: str) -> None:
    class Output:
        """A file of a result, of which only its URL is known."""

        url, content, media_type = "https://x.test/a.png", None, None

        async def read(self, *, most: int) -> bytes:
            if len(PNG) + size > most:
                raise Api302Error("it is larger")
            return PNG + bytes(size)

    blocks = anyio.run(Results(Store(), None)._output, Output())
    assert [block.type for block in blocks] == [kind]


def test_fault_18_a_file_without_an_end_is_not_waited_for() -> None:
    """Its URL is all that is known of it: the disk was filled, and the tool never answered."""
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + PNG)
            while sent < 256 << 20:
                sent += connection.send(bytes(1 << 16))

    async def test() -> None:
        async with AsyncClient("sk-mcp", base_url="http://127.0.0.1:9") as client:
            output = api302.AsyncOutput(client._client, f"{url}/a.png")
            (block,) = await Results(Store(), None)._output(output)
            assert block.type == "resource_link"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=lambda: endless(listener.accept()[0]))
        thread.start()
        run(test)
        thread.join(60)
    assert 0 < sent < 64 << 20


def test_fault_20_what_is_kept_for_one_client_is_not_guessed_by_another() -> None:
    store = Store()
    uris = [store.keep(b"a", "text/plain") for _ in range(40)]
    assert len({*uris}) == 40
    assert min(len(uri.rpartition("/")[2]) for uri in uris) >= 16
    assert store.get(uris[0]) is not None


def test_fault_25_arguments_of_any_depth_are_answered(api302_mock: MockServer) -> None:
    def nested(levels: int) -> Any:
        made: Any = "x"
        for _ in range(levels):
            made = [made]
        return made

    async def test() -> None:
        service = Service(FREE, partial(AsyncClient, "sk-mcp", base_url=api302_mock.url))
        async with service.open():
            given = {"model": "gpt-4o", "messages": nested(1_000_000)}
            with pytest.raises(InvalidArgument, match=r"messages: .* nested too deeply"):
                await service.call(await service.plan("openai_chat_completions", given))
            # Python 3.14 can write this one, and the server says so.
            given = {"model": "gpt-4o", "messages": nested(700)}
            with pytest.raises(Api302Error, match="nested too deeply"):
                await service.call(await service.plan("openai_chat_completions", given))
        async with connected(api302_mock, FREE) as client:
            image = {"image": nested(100), "prompt": "x"}
            called = {"call": "kling_image_to_video", "arguments": image}
            assert (await client.call_tool("call", called)).is_error

    run(test)


# --- over stdio, and over HTTP --------------------------------------------------------------------


def environment(mock: MockServer) -> dict[str, str]:
    own = {"AI302_API_KEY": "sk-mcp", "AI302_BASE_URL": mock.url, "NO_PROXY": "*"}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **own}


def test_over_stdio(api302_mock: MockServer) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "api302.mcp", "--budget", "5", "--only", "videos"],
        env=environment(api302_mock),
    )

    async def test() -> None:
        async with Client(stdio_client(server)) as client:
            assert client.server_info
            assert client.server_info.name == "api302"
            made = data(await client.call_tool("call", TASK))
            assert made["task"]["operation"] == "kling_text_to_video_v2_6_5s"

    run(test)
    assert len(made_calls(api302_mock)) == 1


def test_fault_10_half_a_character_does_not_end_the_server(api302_mock: MockServer) -> None:
    """What is sent over stdio must be UTF-8; a response with half a character is paid for too."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "api302.mcp", "--budget", "5"],
        env=environment(api302_mock),
    )
    message = {"role": "user", "content": "hi"}
    arguments = {"model": "gpt-4o", "messages": [message], "max_tokens": 50}
    call = {"call": "chat.completions.create", "arguments": arguments}
    half = {"id": "c", "choices": [{"message": {"content": "half \ud83d"}}]}

    async def test() -> None:
        async with Client(stdio_client(server)) as client:
            api302_mock.next(body=half)
            made = data(await client.call_tool("call", call))
            assert made["choices"][0]["message"]["content"] == "half \ud83d"
            assert not (await client.call_tool("call", call)).is_error

    run(test)
    assert len(made_calls(api302_mock)) == 2


@pytest.mark.parametrize("limit", ["1e999", "Infinity"])
def test_fault_25_an_infinite_number_is_refused(limit: str) -> None:
    given = serving._Arguments(
        types.CallToolRequestParams(name="search", arguments={"limit": float(limit)})
    )
    with pytest.raises(serving._Refused, match="limit: must be a number from 1 on, not inf"):
        given.number("limit", 5, least=1)


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def served(api302_mock_server: MockServer) -> Iterator[str]:
    """The URL of a server over HTTP, in a process of its own."""
    port = reserved_port()
    command = [sys.executable, "-m", "api302.mcp", "--http", str(port), "--budget", "5"]
    env = {**environment(api302_mock_server), "AI302_MCP_TOKEN": TOKEN}
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port) or process.poll() is not None, "it listens")
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(PATIENCE)


TOKEN = "a-token-that-is-long-enough"


@pytest.mark.parametrize("mode", MODES)
def test_over_http(served: str, api302_mock: MockServer, mode: str) -> None:
    asked: list[str] = []

    async def answer(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={})

    async def test() -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=PATIENCE) as http:
            transport = streamable_http_client(served, http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=answer) as client:
                await client.list_tools()
                made = data(await client.call_tool("call", TASK))
                assert made["task"]["id"]
                deleting = {"call": "account.delete_key", "arguments": {"name": "x"}}
                made = await client.call_tool("call", deleting)
                assert not made.is_error, texts(made)

    run(test)
    assert len(asked) == 1
    assert len(api302_mock.requests) == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1:1"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({}, 200),
    ],
)
def test_http_wants_token_host_and_origin(
    served: str, headers: dict[str, str], status: int
) -> None:
    about = {"protocolVersion": "2025-06-18", "capabilities": {}}
    about["clientInfo"] = {"name": "test", "version": "1"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}
    accept = {"accept": "application/json, text/event-stream"}
    sent = {"authorization": f"Bearer {TOKEN}", **accept, **headers}
    with httpx2.Client(trust_env=False) as http:
        assert http.post(served, json=message, headers=sent).status_code == status


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "vidoes"], "'vidoes' is none of"),
        (["--root", "/no/such/folder"], "root: '/no/such/folder' is not a folder"),
        (["--http", "1", "--host", "0.0.0.0"], "host: must be 127.0.0.1, ::1 or localhost"),
        (["--http", "1", "--host", "example.org"], "host: must be 127.0.0.1"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mcp.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_short_token_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AI302_MCP_TOKEN", "short")
    assert mcp.main(["--http", "1"]) == 2
    assert "token: must be at least 16" in capsys.readouterr().err


def test_the_package_needs_the_sdk_only_when_a_server_is_made() -> None:
    code = "import sys; sys.modules['mcp'] = None\nimport api302.mcp as m; sys.exit(m.main([]))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 2
    assert "pip install 'api302[mcp]'" in done.stderr
