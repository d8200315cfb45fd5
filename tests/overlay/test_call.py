"""Any call by its name, with arguments as JSON."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import KEY, Server, api302, http

TASK = {"code": 0, "data": {"task_id": "t-1", "task_status": "submitted"}}
DONE = {
    "code": 0,
    "data": {
        "task_id": "t-1",
        "task_status": "succeed",
        "task_result": {"videos": [{"url": "https://file.example.test/v.mp4"}]},
    },
}
CHAT = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
CHUNK = b'data: {"id": "c-1", "choices": [{"index": 0, "delta": {"content": "hello"}}]}\n\n'
EVENTS = http(CHUNK + b"data: [DONE]\n\n", content_type="text/event-stream")


@pytest.fixture
def call(serve: Any) -> Iterator[Any]:
    """Make a call of a server that gives one response; returns the result and the request."""
    clients: list[Any] = []

    def make(response: bytes, *arguments: Any, how: str = "call", **options: Any) -> Any:
        server: Server = serve(response)
        client = api302.Client(KEY, base_url=server.url, max_retries=0)
        clients.append(client)
        result = getattr(client, how)(*arguments, **options)
        return result, server.requests[0] if server.requests else None

    yield make
    for client in clients:
        client.close()


def refused(*arguments: Any, how: str = "call", **options: Any) -> str:
    with (
        api302.Client(KEY, base_url="http://127.0.0.1:9") as client,
        pytest.raises(api302.InvalidArgument) as caught,
    ):
        getattr(client, how)(*arguments, **options)
    return str(caught.value)


# --- which call -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "acme_chat_completions",
        "llm.acme.chat_completions",
        "chat.completions.create",
        "client.chat.completions.create",
    ],
)
def test_a_call_by_its_id_its_method_or_its_shortcut(call: Any, name: str) -> None:
    response, request = call(http({"id": "c-1"}), name, CHAT)

    assert response.id == "c-1"
    assert request.json == CHAT


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("acme_text_to_vido", "acme_text_to_video"),
        ("videos.acme.text-to-video", "videos.acme.text_to_video"),
        ("chat.completion.create", "chat.completions.create"),
    ],
)
def test_an_unknown_call_names_those_that_are_near(name: str, near: str) -> None:
    assert f"there is no operation {name!r}; did you mean {near}" in refused(name, {})


@pytest.mark.parametrize("name", ["close", "with_options", "_client.key", "", "videos.acme"])
def test_what_is_no_operation_is_never_called(name: str) -> None:
    assert refused(name, {}).startswith(f"call: there is no operation {name!r}")


def test_every_operation_of_the_description_is_found_by_its_names() -> None:
    calls = import_module("api302_resources._calls")
    naming = import_module("api302._features.naming")

    assert len(calls.CALLS) > 20
    for operation_id, place in calls.CALLS.items():
        assert naming.operation_id(place) == operation_id
    assert calls.SHORTCUTS["videos.create"] == "acme_text_to_video"


def test_an_estimate_takes_the_name_too() -> None:
    with api302.Client(KEY, base_url="http://127.0.0.1:9") as client:
        estimate = client.estimate("videos.acme.text_to_video", prompt="a cat", duration=5)

    assert estimate.low == 0.5


# --- arguments ------------------------------------------------------------------------------------


def test_an_argument_by_its_name_on_the_wire_or_in_python(call: Any) -> None:
    for name in ("from", "from_"):
        speech = http(b"sound", content_type="audio/mpeg")
        result, request = call(speech, "acme_speech", {"input": "Hello", name: "en"})

        assert result.content == b"sound"
        assert request.json == {"input": "Hello", "from": "en"}


def test_one_argument_under_both_its_names() -> None:
    given = {"input": "Hello", "from": "en", "from_": "de"}

    assert refused("acme_speech", given).startswith("from_: is given twice")


def test_an_unknown_argument_names_those_that_are_near_or_all() -> None:
    name = "acme_text_to_video"

    wrong = "promt: is not an argument of acme_text_to_video; did you mean prompt?"
    assert refused(name, {"promt": "a cat"}) == wrong
    listed = "xyz: is not an argument of acme_text_to_video; it takes prompt, duration, image"
    assert refused(name, {"prompt": "a cat", "xyz": 1}) == listed


def test_options_are_no_arguments(call: Any) -> None:
    message = refused("acme_text_to_video", {"prompt": "a", "extra_headers": {"x": "y"}})
    assert message.startswith("extra_headers: is not an argument")

    more = {"extra_body": {"seed": 1}, "extra_headers": {"X-A": "b"}, "extra_query": {"q": 1}}
    _, request = call(http(TASK), "acme_text_to_video", {"prompt": "a cat"}, timeout=30, **more)
    assert request.json == {"prompt": "a cat", "seed": 1}
    assert request.headers["x-a"] == "b"
    assert request.target.endswith("?q=1")


def test_a_field_called_stream_is_sent_where_it_chooses_no_form() -> None:
    """Only the description says what is a switch; its name does not."""
    calling = import_module("api302._features.calling")
    types = import_module("api302._types")
    op = types.Operation.by_id("acme_speech")

    def method(self: Any, *, stream: bool | None = None, timeout: float | None = None) -> Any:
        return self._call(op, body={"stream": stream}, options=(None, None, None, timeout))

    taken = calling._Taken.of(op, method)

    assert taken.named(op, {"stream": False}) == {"stream": False}
    assert taken.arguments == ("stream",)


def test_a_missing_argument_is_named() -> None:
    assert refused("acme_text_to_video") == "prompt: is required by acme_text_to_video"
    none = refused("acme_text_to_video", {"prompt": None})
    assert none == "prompt: is required by acme_text_to_video"
    assert refused("acme_text_to_video", {"prompt": " "}) == "prompt: is empty; give some text"


@pytest.mark.parametrize("given", [["prompt"], "prompt", 3])
def test_arguments_that_are_no_mapping(given: Any) -> None:
    assert refused("acme_text_to_video", given).startswith("arguments: must be a mapping")


def test_parameters_go_where_they_belong(call: Any) -> None:
    response, request = call(http(TASK), "acme_get_video", {"task_id": "t-1"})

    assert response.data.task_id == "t-1"
    assert request.target == "/acme/v1/videos/t-1"


def test_a_media_type_is_chosen_only_where_there_are_several() -> None:
    message = refused("acme_get_video", {"task_id": "t"}, accept="text/plain")

    assert message.startswith("accept: acme_get_video has one media type only")


# --- files ----------------------------------------------------------------------------------------


def test_a_text_that_names_a_file_is_that_file(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "first.png"
    path.write_bytes(b"picture")

    _, request = call(http(TASK), "acme_text_to_video", {"prompt": "a cat", "image": str(path)})

    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'filename="first.png"' in request.body
    assert b"picture" in request.body


def test_the_home_folder_is_meant_by_a_tilde(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    (tmp_path / "first.png").write_bytes(b"picture")

    _, request = call(http(TASK), "acme_text_to_video", {"prompt": "a", "image": "~/first.png"})

    assert b"picture" in request.body


@pytest.mark.parametrize("image", ["https://file.example.test/a.png", "data:image/png;base64,AAAA"])
def test_a_url_is_sent_as_it_is(call: Any, image: str) -> None:
    _, request = call(http(TASK), "acme_text_to_video", {"prompt": "a cat", "image": image})

    assert request.json["image"] == image


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.png")
    message = refused("acme_text_to_video", {"prompt": "a cat", "image": path})

    assert message.startswith("image: there is no file")
    assert "a URL (https://…)" in message
    assert refused("files.upload", {"file": path}) == f"file: there is no file {path[:80]!r}"


def test_an_argument_that_takes_no_file_keeps_its_text(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("secret")

    _, request = call(http(TASK), "acme_text_to_video", {"prompt": str(path)})

    assert request.json == {"prompt": str(path)}


# --- tasks and streams ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["call", "submit"])
def test_a_task_is_returned_as_by_its_method(serve: Any, how: str, quick: None) -> None:
    server: Server = serve(http(TASK), http(DONE))
    with api302.Client(KEY, base_url=server.url) as client:
        task = getattr(client, how)("acme_text_to_video", {"prompt": "a cat"})

        assert task.id == "t-1"
        assert len(server.requests) == 1
        assert task.wait(interval=0.01).outputs[0].url == "https://file.example.test/v.mp4"


def test_what_starts_no_task_is_not_submitted() -> None:
    message = refused("acme_chat_completions", CHAT, how="submit")

    assert message == "call: acme_chat_completions starts no task; use client.call"


def test_the_field_that_asks_for_a_stream_gives_one(call: Any) -> None:
    stream, _ = call(EVENTS, "acme_chat_completions", {**CHAT, "stream": True})
    assert isinstance(stream, api302.Stream)
    assert "".join(stream.text) == "hello"

    response, request = call(
        http({"id": "c-1"}), "acme_chat_completions", {**CHAT, "stream": False}
    )
    assert response.id == "c-1"
    assert "stream" not in request.json


def test_an_async_client_makes_the_same_calls(serve: Any) -> None:
    server: Server = serve(http({"id": "c-1"}), EVENTS, http(TASK), http(TASK))

    async def main() -> list[Any]:
        async with api302.AsyncClient(KEY, base_url=server.url) as client:
            response = await client.call("acme_chat_completions", CHAT)
            stream = await client.call("chat.completions.create", {**CHAT, "stream": True})
            text = [piece async for piece in stream.text]
            task = await client.submit("acme_text_to_video", {"prompt": "a cat"})
            same = await client.call("videos.create", {"prompt": "a cat"})
            with pytest.raises(api302.InvalidArgument, match=r"^call: there is no operation"):
                await client.call("acme", {})
            return [response.id, text, task.id, same.id]

    assert asyncio.run(main()) == ["c-1", ["hello"], "t-1", "t-1"]


def test_a_deprecated_call_warns_where_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = import_module("api302._resource")
    acme = import_module("api302_resources.videos.acme").Acme
    mark = resource.deprecated("client.videos.acme.get_video is deprecated")
    monkeypatch.setattr(acme, "get_video", mark(acme.get_video))
    client = api302.Client(KEY, base_url="http://127.0.0.1:9", max_retries=0)

    with warnings.catch_warnings(record=True) as caught, client:
        warnings.simplefilter("always")
        with pytest.raises(api302.ConnectionError):
            client.call("acme_get_video", {"task_id": "t-1"})

    assert [(one.category, one.filename) for one in caught] == [(DeprecationWarning, __file__)]
