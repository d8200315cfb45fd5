"""The short ways: chat, image, video, speech, search, models, money, and calls not described."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import api302

Run = Callable[..., Any]
PNG = b"\x89PNG\r\n\x1a\n"


def sent(server: Any) -> Any:
    return server.requests[-1].body


def test_chat_prints_the_answer_as_it_comes(run: Run, server: Any) -> None:
    server.next(text="A red panda.")
    done = run("chat", "What", "is this?", "--system", "Be short.", "--temperature", "0")

    assert done.out == "A red panda.\n"
    assert sent(server) == {
        "model": "gpt-4o-mini",
        "stream": True,
        "temperature": 0,
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "What is this?"},
        ],
    }


def test_chat_as_json_is_not_streamed(run: Run, server: Any) -> None:
    done = run("chat", "hi", "-o", "json", "--model", "gpt-4o")

    assert done.json["choices"][0]["message"]["role"] == "assistant"
    assert "stream" not in sent(server)
    assert sent(server)["model"] == "gpt-4o"


def test_chat_takes_images_and_texts_from_files(run: Run, server: Any) -> None:
    Path("cat.png").write_bytes(PNG)
    Path("notes.md").write_text("# Cats", "utf-8")

    done = run("chat", "compare", "-f", "cat.png", "-f", "notes.md", "-f", "-", stdin=b"piped")

    assert done.code == 0, done.err
    text, image = sent(server)["messages"][0]["content"]
    assert text["text"] == "compare\n\nnotes.md:\n# Cats\n\n-:\npiped"
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert image == {"type": "image_url", "image_url": {"url": url}}


def test_a_text_is_read_from_the_standard_input(run: Run, server: Any) -> None:
    assert run("chat", stdin="你好\n".encode()).code == 0
    assert sent(server)["messages"] == [{"role": "user", "content": "你好"}]


def test_a_conversation_goes_on_with_a_body(run: Run, server: Any) -> None:
    before = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    Path("talk.json").write_text(
        json.dumps({"messages": before, "model": "gpt-4o"}), encoding="utf-8"
    )

    assert run("chat", "3", "--body", "@talk.json").code == 0
    assert sent(server)["messages"] == [*before, {"role": "user", "content": "3"}]
    assert sent(server)["model"] == "gpt-4o"


def test_a_model_is_chosen_by_the_environment(
    run: Run, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI302_CHAT_MODEL", "gpt-4o")

    assert run("chat", "hi").code == 0
    assert sent(server)["model"] == "gpt-4o"


def test_image_prints_the_urls_and_takes_all_arguments_of_its_call(run: Run, server: Any) -> None:
    done = run("image", "sky", "city", "--aspect-ratio", "16:9", "--model", "gpt-image-2-t2i")

    assert done.out.startswith("http")
    assert sent(server)["prompt"] == "sky city"
    assert sent(server)["aspect_ratio"] == "16:9"


def test_image_saves_the_files_of_its_response(run: Run, server: Any, tmp_path: Path) -> None:
    done = run("image", "sky city", "--save", "sky.png")

    assert done.out == "sky.png\n", done.err
    assert (tmp_path / "sky.png").stat().st_size > 0


def test_video_waits_and_saves(run: Run, server: Any, tmp_path: Path) -> None:
    done = run("video", "a red panda", "--duration", "6", "--save", "panda.mp4")

    assert done.code == 0, done.err
    assert (tmp_path / "panda.mp4").exists()
    submitted = server.requests[0].body
    assert (submitted["prompt"], submitted["duration"]) == ("a red panda", 6)


def test_speak_saves_the_sound(run: Run, server: Any, tmp_path: Path) -> None:
    done = run("speak", "Hello", "--voice", "nova", "-s", "hello.mp3")

    assert done.out == "hello.mp3\n"
    assert (tmp_path / "hello.mp3").exists()
    assert sent(server) == {"model": "tts-1", "input": "Hello", "voice": "nova"}


def test_transcribe_prints_the_text(run: Run, server: Any) -> None:
    Path("hello.mp3").write_bytes(b"ID3 sound")

    done = run("transcribe", "hello.mp3")

    assert done.out == "The beach was full.\n"
    assert server.requests[-1].uploads == [("hello.mp3", 9)]


def test_search_prints_titles_urls_and_contents(run: Run, server: Any) -> None:
    done = run("search", "ai", "news", "--max-results", "3")

    assert done.out.splitlines()[:2] == ["title: AI news", "url: https://example.com/news"]
    assert sent(server) == {"query": "ai news", "max_results": 3}


def test_a_short_way_shows_its_request_too(run: Run, server: Any) -> None:
    done = run("chat", "hi", "--dry-run")

    assert "client.chat.completions.stream(" in done.out
    assert server.requests == []


def test_a_short_way_without_anything_to_say(run: Run, server: Any) -> None:
    assert run("image", stdin=b"").code == 2
    assert server.requests == []


# --- what needs no network ------------------------------------------------------------------------


def test_find_and_describe(run: Run, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AI302_API_KEY")
    found = run("find", "remove", "the", "background", "-l", "3")
    listed = run("find", "remove background", "-q", "[].call").json
    described = run("describe", listed[0])
    same = run("describe", *listed[0].replace("_", "-").split("."))

    assert found.code == 0, found.err
    assert "Remove the background of an image" in found.out
    assert len([line for line in found.out.splitlines() if not line.startswith(" ")]) == 3
    assert described.out == same.out
    assert described.out.startswith(f"{listed[0]}: Remove the background of an image")
    assert "required)" in described.out
    assert server.requests == []


def test_the_command_that_describe_shows_can_be_run(run: Run, server: Any) -> None:
    import shlex

    shown = run("describe", "videos.kling.text_to_video").out.splitlines()[-1]

    assert run(*shlex.split(shown)[1:], "--detach").code == 0
    assert server.requests[-1].path == "/klingai/v1/videos/text2video"


def test_describe_of_what_there_is_not_names_what_is_near(run: Run) -> None:
    done = run("describe", "videos.kling.text_to_vido")

    assert done.code == 2
    assert "did you mean videos.kling.text_to_video" in done.err


def test_models(run: Run, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AI302_API_KEY")
    one = run("models", "flux-pro-1.1-t2i")
    several = run("models", "--kind", "image-to-video", "--vendor", "kling", "-o", "json").json
    of_call = run("models", "--call", "videos.kling.text_to_video", "-q", "[].id").json

    assert "price: 0.04 PTC per image" in one.out
    assert {row["vendor"] for row in several} == {"kling"}
    assert "kling-v1-6" in of_call
    assert run("models", "kling v2", "-o", "table").out.startswith("id ")
    assert run("models", "no such model").err == "No model fits.\n"
    assert server.requests == []


def test_a_kind_that_no_model_has_is_named(run: Run) -> None:
    done = run("models", "--kind", "image-to-vidoe")

    assert done.code == 2
    assert "image-to-video" in done.err


# --- money, and what is not described -------------------------------------------------------------


def test_balance_and_cost(run: Run) -> None:
    assert run("balance").out == "12.34\n"
    assert run("balance", "-o", "json").json == {"data": {"balance": "12.34"}}
    cost = run("cost", "568911aa-83d1-4054-9125-ddbbe413c2df")
    assert cost.out.startswith("0.035 PTC")


def test_what_a_call_cost_is_said_beside_its_result(run: Run) -> None:
    done = run("speak", "hi", "--save", "hi.mp3", "--cost")

    assert done.out == "hi.mp3\n"
    assert re.fullmatch(r"0\.035 PTC; request id \w{32}\n", done.err)


def test_a_cost_that_is_not_known_loses_no_result(
    run: Run, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302.Client.cost", _no_record)
    done = run("speak", "hi", "--save", "hi.mp3", "--cost")

    assert (done.code, done.out) == (0, "hi.mp3\n")
    assert re.match(r"its cost is not known: no record.*; request id \w{32}\n", done.err)


def _no_record(*_: Any) -> Any:
    raise api302.NotFoundError("no record")


def test_the_cost_of_a_task_by_its_handle(run: Run, server: Any) -> None:
    handle = run("videos", "kling", "text-to-video", "--prompt", "x", "-d").out.strip()

    assert run("cost", handle).out.startswith("0.035 PTC")
    assert handle not in server.requests[-1].path


def test_request_makes_any_call(run: Run, server: Any) -> None:
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
    Path("body.json").write_text(json.dumps(chat), encoding="utf-8")
    done = run(
        *("request", "post", "/v1/chat/completions", "--body", "@body.json"),
        *("-H", "x-own: 1", "-p", "trace=true", "-q", "object"),
    )

    assert done.out == "chat.completion\n", done.err
    request = server.requests[-1]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["x-own"] == "1"
    assert sent(server)["model"] == "gpt-4o"


def test_request_sends_a_form(run: Run, server: Any) -> None:
    Path("cat.png").write_bytes(PNG)
    done = run("request", "POST", "/302/upload-file", "--file", "file=cat.png", "-F", "a=b")

    assert done.code == 0, done.err
    assert server.requests[-1].uploads == [("cat.png", len(PNG))]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["GET", "v1/models"], "path: must start with a slash"),
        (["POST", "/x", "--body", "{"], "--body: is not JSON"),
        (["POST", "/x", "--body", "{}", "--field", "a=b"], "--body: is the whole body"),
        (["POST", "/x", "--file", "a"], "--file: must be NAME=PATH"),
        (["POST", "/x", "--header", "a"], "--header: must be"),
    ],
)
def test_a_wrong_request_is_named(run: Run, server: Any, given: list[str], said: str) -> None:
    done = run("request", *given)

    assert done.code == 2
    assert said in done.err
    assert server.requests == []
