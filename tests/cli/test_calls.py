"""Every call as a command: options, bodies, files, what is printed and saved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from api302.cli import arguments, main, root, tree

Run = Callable[..., Any]
CHAT = ("llm", "openai", "chat-completions", "--model", "gpt-4o")
HI = '{"role": "user", "content": "hi"}'


def sent(server: Any) -> Any:
    """The body of the last request."""
    return server.requests[-1].body


# --- every operation ------------------------------------------------------------------------------


def test_every_operation_has_a_command_with_its_arguments() -> None:
    """The options of each call are those that its description has, and all of them differ."""
    calls = list(tree.everything())
    ids = {call.id for call in calls}
    assert len(ids) > 1000
    for call in calls:
        command = tree_command(call)
        names = [name for param in command.params for name in (*param.opts, *param.secondary_opts)]
        assert len(names) == len(set(names)), call.place
        taken = set(call.data["arguments"]["properties"])
        assert {f"arg_{name}" for name in taken} <= {param.name for param in command.params}


def tree_command(call: tree.Call) -> click.Command:
    group: Any = root
    for name in call.place.split("."):
        ctx = click.Context(group)
        group = group.get_command(ctx, name.replace("_", "-"))
        assert group is not None, call.place
    return group


def test_the_tree_has_every_operation_of_the_client() -> None:
    from api302_resources._calls import CALLS, SHORTCUTS

    places = set(CALLS.values())
    assert {one.id: one.place for one in tree.everything() if one.place in places} == CALLS
    assert tree.shortcuts() == SHORTCUTS


@pytest.mark.parametrize(
    "command",
    [
        ["videos", "kling", "text-to-video"],
        ["videos", "kling", "text_to_video"],
        ["videos.kling.text_to_video"],
        ["client.videos.kling.text-to-video"],
        ["kling_text_to_video"],
    ],
)
def test_a_call_has_several_names(run: Run, server: Any, command: list[str]) -> None:
    assert run(*command, "--prompt", "a red panda", "--detach").code == 0
    assert sent(server) == {"prompt": "a red panda"}


@pytest.mark.parametrize(
    ("command", "near"),
    [
        (["vidos"], "videos"),
        (["videos", "klin"], "kling"),
        (["videos", "kling", "text-to-vido"], "text-to-video"),
        (["videos.kling.text_to_vido"], "videos.kling.text_to_video"),
        (["images", "genrate"], "generate"),
        (["kling_text_to_vido"], "kling_text_to_video"),
    ],
)
def test_an_unknown_command_names_those_that_are_near(
    run: Run, command: list[str], near: str
) -> None:
    done = run(*command)

    assert done.code == 2
    assert f"did you mean {near}" in done.err


def test_an_unknown_option_names_those_that_are_near(run: Run) -> None:
    done = run("videos", "kling", "text-to-video", "--prompd", "x")

    assert done.code == 2
    assert "--prompt" in done.err


# --- arguments ------------------------------------------------------------------------------------


def test_options_are_sent_as_their_types(run: Run, server: Any) -> None:
    done = run(
        *("videos", "kling", "text-to-video", "--prompt", "a panda", "--cfg-scale", "0.7"),
        *("--duration", "10", "--multi-shot", "--mode", "pro", "--detach"),
        *("--camera-control", '{"type": "simple"}'),
    )

    assert done.code == 0, done.err
    assert sent(server) == {
        "prompt": "a panda",
        "cfg_scale": 0.7,
        "duration": 10,
        "multi_shot": True,
        "mode": "pro",
        "camera_control": {"type": "simple"},
    }


@pytest.mark.parametrize(
    "given",
    [
        ["--messages", HI],
        ["--messages", f"[{HI}]"],
        ["--messages", "@messages.json"],
        ["--body", '{"messages": [' + HI + "]}"],
        ["-b", "@body.json"],
        ["--body", "-"],
    ],
)
def test_a_list_of_objects_is_given_as_json(run: Run, server: Any, given: list[str]) -> None:
    Path("messages.json").write_text(f"[{HI}]\n", encoding="utf-8")
    Path("body.json").write_text('{"messages": [' + HI + "]}", encoding="utf-8")

    done = run(*CHAT, *given, stdin=b'{"messages": [' + HI.encode() + b"]}")

    assert done.code == 0, done.err
    assert sent(server)["messages"] == [json.loads(HI)]


def test_an_option_counts_more_than_the_body(run: Run, server: Any) -> None:
    body = json.dumps({"messages": [json.loads(HI)], "model": "other", "top_p": 1})

    assert run(*CHAT, "--body", body).code == 0
    assert sent(server) == {"messages": [json.loads(HI)], "model": "gpt-4o", "top_p": 1}


def test_a_text_may_be_a_file_the_standard_input_or_begin_with_an_at(run: Run, server: Any) -> None:
    Path("prompt.txt").write_text("从文件\n", "utf-8")
    call = ("videos", "kling", "text-to-video", "--detach", "--prompt")

    for given, prompt in (("@prompt.txt", "从文件"), ("@-", "from stdin"), ("@@home", "@home")):
        assert run(*call, given, stdin=b"from stdin\n").code == 0
        assert sent(server) == {"prompt": prompt}


def test_a_field_that_is_not_described_is_sent_too(run: Run, server: Any) -> None:
    done = run(*CHAT, "--messages", HI, "-F", "new=3", "-F", "other=a b", "-F", 'deep={"x": [1]}')

    assert done.code == 0, done.err
    assert sent(server)["new"] == 3
    assert sent(server)["other"] == "a b"
    assert sent(server)["deep"] == {"x": [1]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "--prompt: is required (Text prompt.)"),
        (["--prompt", "x", "--mode", "prro"], "--mode: 'prro' is not one of its values"),
        (["--prompt", "x", "--cfg-scale", "much"], "--cfg-scale: must be a number, not 'much'"),
        (["--prompt", "x", "--multi-prompt", "{"], "--multi-prompt: is not JSON"),
        (["--prompt", "@nothing.txt"], "--prompt: the file 'nothing.txt' cannot be read"),
        (["--body", "{"], "--body: is not JSON"),
        (["--body", "[]"], "--body: must be a JSON object"),
        (["--prompt", "x", "--field", "seed"], "--field: must be NAME=VALUE, not 'seed'"),
        (["--prompt", "x", "--budget", "-1"], "must be above 0"),
        (["--prompt", "x", "--output", "xml"], "'xml' is not one of"),
        (["--body", '{"prompt": "x", "promptt": 1}'], "promptt: is not an argument"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_sent(
    run: Run, server: Any, given: list[str], said: str
) -> None:
    done = run("videos", "kling", "text-to-video", *given)

    assert done.code == 2
    assert said in done.err
    assert done.out == ""
    assert server.requests == []


def test_a_value_outside_the_enum_can_be_sent_all_the_same(run: Run, server: Any) -> None:
    call = ("videos", "kling", "text-to-video", "--prompt", "x")
    message = run(*call, "--mode", "ultra").err

    assert "--field mode=ultra" in message
    assert run(*call, "--field", "mode=ultra").code == 12, "the mock refuses it"
    assert [one.status for one in server.requests] == [422]


def test_an_argument_keeps_its_name_and_our_option_has_another(run: Run, server: Any) -> None:
    done = run("information", "tavily", "search", "--query", "cats", "-q", "results[].url")
    same = run(
        *("information", "tavily", "search", "--query", "cats"), "--cli-query", "results[].url"
    )

    assert sent(server)["query"] == "cats"
    assert done.json == same.json == ["https://example.com/news"]
    assert "--cli-query" in run("information", "tavily", "search", "--help").out


def test_an_argument_that_is_a_word_of_python_has_its_plain_name(run: Run) -> None:
    listed = [one for call in tree.everything() for one in arguments.arguments(call)]

    assert all(one.option == one.option.strip("_-") for one in listed)
    assert any(one.name.endswith("_") for one in listed)


@pytest.mark.parametrize(
    "section",
    ["llm", "images", "image_processing", "videos", "audio", "information", "rag", "tools"],
)
def test_the_example_of_every_call_can_be_given_by_options(section: str) -> None:
    """What options make of the description's example is the example itself."""
    calls = [call for call in tree.everything() if call.section == section]
    assert calls
    for call in calls:
        listed = {one.name: one for one in arguments.arguments(call)}
        example = {
            name: value for name, value in call.data.get("example", {}).items() if name in listed
        }
        given = [text for name, value in example.items() for text in written(listed[name], value)]
        ctx = tree_command(call).make_context("x", given)
        made = arguments.values(call, ctx.params)
        for name, value in example.items():
            assert alike(made[name], value), (call.place, name, made[name], value)


def written(argument: arguments.Argument, value: Any) -> list[str]:
    """A value as options."""
    if argument.is_flag:
        return [f"--{'' if value else 'no-'}{argument.option}"]
    values = value if argument.is_list and isinstance(value, list) and value else [value]
    return [
        f"--{argument.option}={one if isinstance(one, str) else json.dumps(one)}" for one in values
    ]


def alike(made: Any, wanted: Any) -> bool:
    """A number may be a text where both are taken, and a list of one the one itself."""
    return made == wanted or str(made) == str(wanted) or [made] == wanted


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["cat.png", "@cat.png", "@-"])
def test_a_file_is_a_path_or_the_standard_input(run: Run, server: Any, given: str) -> None:
    content = b"\x89PNG\r\n\x1a\n"
    Path("cat.png").write_bytes(content)

    done = run("files.upload", "--file", given, stdin=content)

    assert done.code == 0, done.err
    assert server.requests[-1].uploads[0][1] == len(content)


class Pipe(io.RawIOBase):
    """A pipe as the standard input: it cannot go back, and notes how much is read at once."""

    def __init__(self, size: int) -> None:
        self._left, self.largest = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        count = min(self._left, len(into))
        self.largest = max(self.largest, len(into))
        self._left -= count
        into[:count] = b"\x89PNG\r\n\x1a\n".ljust(count, b"x")[:count]
        return count

    def readall(self) -> bytes:
        raise AssertionError("it is not read whole into memory")


@pytest.mark.parametrize(
    "call",
    [
        ("files.upload", "--file"),
        ("audio.openai.transcribe", "--model", "whisper-1", "--file"),
    ],
)
def test_fault_17_a_pipe_is_not_read_into_memory(
    server: Any, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    pipe, size = Pipe(5 << 20), 5 << 20
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe, isatty=lambda: False))
    assert main([*call, "@-"]) == 0
    assert pipe.largest <= 1 << 20
    assert server.requests[-1].uploads[0][1] == size


def test_fault_18_a_pipe_that_the_disk_does_not_take(
    server: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    pipe = SimpleNamespace(buffer=Pipe(100), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", pipe)
    assert main(["files.upload", "--file", "@-"]) == 2
    assert "@-: the standard input cannot be kept in" in capsys.readouterr().err
    assert server.requests == []


def test_a_file_that_does_not_exist(run: Run, server: Any) -> None:
    done = run("files.upload", "--file", "@nothing.png")

    assert done.code == 2
    assert "file: there is no file 'nothing.png'" in done.err
    assert server.requests == []


def test_a_sound_goes_to_a_file_or_into_a_pipe(run: Run, tmp_path: Path) -> None:
    call = ("audio", "openai", "speech", "--model", "tts-1", "--input", "hi", "--voice", "alloy")
    piped = run(*call)
    saved = run(*call, "--save", "sound.mp3")
    folder = run(*call, "--save", "sounds/")

    assert saved.out == "sound.mp3\n"
    assert len(piped.content) > 0
    assert (tmp_path / "sound.mp3").read_bytes() == piped.content
    assert Path(folder.out.strip()).parent == Path("sounds")


def test_an_upload_of_several_steps_is_a_command(run: Run, server: Any) -> None:
    Path("cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" * 10)

    done = run("videos", "vidu", "upload-image", "--file", "cat.png", "--scene", "vidu")

    assert done.code == 0, done.err
    assert len(server.requests) > 1
    assert done.json["url"].startswith("ssupload:")


@pytest.mark.parametrize("save", ["nowhere/panda.mp4", ""])
def test_a_place_where_nothing_can_be_saved_is_refused_before_paying(
    run: Run, server: Any, save: str
) -> None:
    done = run("videos", "kling", "text-to-video", "--prompt", "x", "--save", save)

    assert done.code == 2
    assert "--save: " in done.err
    assert server.requests == []


def test_what_was_saved_stands_beside_the_response(run: Run) -> None:
    done = run("images.generate", "--prompt", "x", "--model", "m", "-s", "x.png", "-o", "json")

    assert done.json["saved"] == ["x.png"]
    assert done.json["response"]["status"] == "completed"


# --- what is printed ------------------------------------------------------------------------------


def test_the_formats(run: Run) -> None:
    call = ("information", "tavily", "search", "--query", "cats")
    result = "results[].{title: title, url: url}"

    assert run(*call).json["results"][0]["title"] == "AI news"
    assert run(*call, "-q", "results[0].title").out == "AI news\n"
    assert run(*call, "-q", result, "-o", "text").out == (
        "title: AI news\nurl: https://example.com/news\n"
    )
    assert run(*call, "-q", result, "-o", "yaml").out == (
        "- title: AI news\n  url: https://example.com/news\n"
    )
    table = run(*call, "-q", result, "-o", "table").out.splitlines()
    assert [line.split("  ")[0] for line in table] == ["title", "AI news"]
    assert run(*call, "-q", "nothing").out == ""


def test_a_wrong_query_is_named(run: Run) -> None:
    done = run("information", "tavily", "search", "--query", "cats", "-q", "results[")

    assert done.code == 2
    assert "--query: " in done.err


def test_a_stream_prints_its_text_or_its_events(run: Run) -> None:
    text = run(*CHAT, "--messages", HI, "--stream")
    events = run(*CHAT, "--messages", HI, "--stream", "-o", "json")
    parts = run(*CHAT, "--messages", HI, "--stream", "-q", "choices[0].delta.content")

    lines = [json.loads(line) for line in events.out.splitlines()]
    said = "".join(json.loads(line) or "" for line in parts.out.splitlines())
    assert text.out == f"{said}\n"
    assert all("choices" in line for line in lines)
    assert len(lines) == len(parts.out.splitlines()) > 1


def test_all_pages_of_a_list(run: Run, server: Any) -> None:
    one = run("account.records")
    everything = run("account.records", "--all")

    assert isinstance(one.json, dict)
    assert isinstance(everything.json, list)
    assert everything.json


# --- before it is sent ----------------------------------------------------------------------------


def test_a_dry_run_prints_curl_and_python_and_sends_nothing(
    run: Run, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AI302_API_KEY")
    Path("cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    done = run(
        *("videos", "kling", "image-to-video", "--image", "@cat.png", "--prompt", "it's"),
        *("--dry-run", "--save", "panda.mp4"),
    )

    assert done.code == 0, done.err
    curl, python = done.out.split("\n\n", 1)
    assert curl.startswith(f"curl -X POST {server.url}/klingai/v1/videos/image2video")
    assert '-H "authorization: Bearer $AI302_API_KEY"' in curl
    assert "it'\"'\"'s" in curl
    compile(python, "sample", "exec")
    assert 'image=Path("cat.png")' in python
    assert "client.videos.kling.image_to_video(" in python
    assert 'result.outputs[0].save("panda.mp4")' in python
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ([*CHAT, "--messages", HI], "client.chat.completions.create("),
        ([*CHAT, "--messages", HI, "--stream"], "client.chat.completions.stream("),
        ([*CHAT, "--messages", HI, "--detach"], "client.chat.completions.submit("),
        (["account.records", "--all"], "client.account.iter_records("),
        (["files.upload", "--file", "cat.png"], "client.files.upload("),
    ],
)
def test_the_python_of_a_dry_run_makes_the_same_request(
    run: Run, server: Any, given: list[str], method: str
) -> None:
    import os

    import api302

    Path("cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run(*given, "-n")
    python = done.out.split("\n\n", 1)[1]
    assert method in python, done.out

    exec(
        compile(python, "sample", "exec", dont_inherit=True),
        {"__name__": "sample", "os": os, "api302": api302},
    )
    sample = server.requests[0]
    server.reset()
    assert run(*given).code == 0

    assert (sample.method, sample.path) == (server.requests[0].method, server.requests[0].path)
    assert sample.body == server.requests[0].body


def test_a_form_as_curl_names_the_files(run: Run) -> None:
    Path("cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    done = run("files.upload", "--file", "cat.png", "-n")

    assert "-F file=@cat.png" in done.out


def test_an_estimate_is_printed_and_sent_only_with_yes(run: Run, server: Any) -> None:
    call = ("image-processing", "ai302", "remove-background-v3", "--image-url", "https://x.test/a")
    only = run(*call, "--estimate")

    assert only.code == 0
    assert only.out.startswith("0.01 PTC: the documented price of ai302_remove_background_v3")
    assert server.requests == []

    sent_too = run(*call, "--estimate", "--yes")
    assert sent_too.err.startswith("0.01 PTC: ")
    assert "image" in sent_too.json
    assert len(server.requests) == 1


def test_an_estimate_is_of_what_is_sent(run: Run, server: Any) -> None:
    """Fields by their names on the wire, and the request is checked first."""
    wrong = run(
        "audio", "openai", "speech", "--model", "tts-1", "--input", " ", "--voice", "x", "-e"
    )
    body = json.dumps({"model": "tts-1", "input": "a" * 1000, "voice": "alloy"})
    done = run("audio", "openai", "speech", "--body", body, "--estimate")

    assert (wrong.code, wrong.err) == (2, "Error: input: is empty; give some text\n")
    assert done.out.startswith("0.015 PTC: ")
    assert server.requests == []


def test_a_budget_that_would_be_exceeded_is_refused(run: Run, server: Any) -> None:
    call = ("image-processing", "ai302", "remove-background-v3", "--image-url", "https://x.test/a")
    low = run(*call, "--budget", "0.001")
    unknown = run("videos", "kling", "text-to-video", "--prompt", "x", "--budget", "100")

    assert low.code == unknown.code == 4
    assert "it may cost 0.01 PTC, and the budget is 0.001 PTC" in low.err
    assert "what it costs is not known beforehand" in unknown.err
    assert server.requests == []
    assert run(*call, "--budget", "0.01").code == 0


def test_a_budget_holds_every_page_and_those_received_are_printed(run: Run, server: Any) -> None:
    call = ("information", "bocha", "web-search", "--query", "pandas", "--all")
    everything = run(*call)
    paid = len(server.requests)
    assert paid > 1
    server.reset()
    done = run(*call, "--budget", 0.01 * (paid - 1))

    assert done.code == 4
    assert "was not sent: it may cost 0.01 PTC" in done.err
    searches = [one for one in server.requests if one.path.endswith("search")]
    assert len(searches) == paid - 1
    assert done.json == everything.json[: len(done.json)]
    assert done.json


def test_what_deletes_asks_or_needs_yes(run: Run, server: Any) -> None:
    refused = run("account.delete_key", "--name", "x")

    assert refused.code == 2
    assert "give --yes" in refused.err
    assert server.requests == []
    assert run("account.delete_key", "--name", "x", "--yes").code == 0
    assert server.requests[-1].method == "DELETE"
