"""What `record` wrote is played back offline: calls, streams, errors, tasks and files."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE
from support import KEY, api302, events, http

SUBMITTED = http({"code": 0, "data": {"task_id": "t-1", "task_status": "submitted"}})
VIDEO = bytes(range(256)) * 20


def state(name: str, *urls: str) -> bytes:
    videos = {"videos": [{"url": url} for url in urls]}
    return http({"code": 0, "data": {"task_id": "t-1", "task_status": name, "task_result": videos}})


def replaying(folder: Path) -> Any:
    """A client without any server."""
    return api302.Client(
        api_key="sk-other",
        base_url="http://127.0.0.1:9",
        middleware=[api302.testing.replay(folder)],
    )


@pytest.fixture
def recorded(serve: Any, connect: Any, tmp_path: Path) -> Callable[..., Any]:
    """Records what a function does with a client, and returns the folder and its result."""

    def run(work: Callable[[Any], Any], *steps: Any) -> tuple[Path, Any]:
        server = serve()
        server.steps += [step(server.url) if callable(step) else step for step in steps]
        client = connect(server)
        with api302.testing.record(client, tmp_path / "recorded"):
            return tmp_path / "recorded", work(client)

    return run


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def test_a_call_is_played_back(recorded: Any) -> None:
    folder, response = recorded(chat, http({"id": "c-1", "text": "你好"}))
    with replaying(folder) as client:
        again = chat(client)
        assert again.to_dict() == response.to_dict() == {"id": "c-1", "text": "你好"}
        assert again.request_id == response.request_id == "req-1"


def test_a_stream_is_played_back(recorded: Any) -> None:
    def read(client: Any) -> list[Any]:
        with client.chat.completions.stream(model="small", messages=[]) as stream:
            return [event.to_dict() for event in stream]

    sent = events({"id": "c"}, {"id": "c", "n": 2})
    folder, seen = recorded(read, http(sent, content_type="text/event-stream"))
    with replaying(folder) as client:
        assert read(client) == seen
        assert len(seen) == 2


def test_a_task_goes_through_the_same_states_and_its_file_is_saved(
    recorded: Any, tmp_path: Path
) -> None:
    def follow(client: Any) -> tuple[list[str], bytes]:
        seen: list[Any] = []
        task = client.videos.acme.text_to_video(prompt="a red panda")
        result = task.wait(interval=0.001, on_progress=seen.append)
        saved = result.outputs[0].save(tmp_path)
        return [status.raw_state for status in seen], Path(saved).read_bytes()

    folder, first = recorded(
        follow,
        SUBMITTED,
        state("submitted"),
        state("processing"),
        lambda url: state("succeed", f"{url}/v-1.mp4"),
        http(VIDEO, content_type="video/mp4"),
    )
    with replaying(folder) as client:
        assert follow(client) == first == (["submitted", "processing", "succeed"], VIDEO)


def test_an_error_is_played_back(recorded: Any) -> None:
    def fail(client: Any) -> str:
        with pytest.raises(api302.NotFoundError) as caught:
            client.request("POST", "/x", json={"a": 1})
        return str(caught.value)

    folder, message = recorded(fail, http({"error": {"message": "gone"}}, status="404 Not Found"))
    with replaying(folder) as client:
        assert fail(client) == message


def test_async(recorded: Any) -> None:
    folder, _ = recorded(chat, http({"id": "c-1"}))

    async def main() -> Any:
        async with api302.AsyncClient(
            api_key=KEY, middleware=[api302.testing.replay(folder)]
        ) as client:
            return await chat(client)

    assert asyncio.run(main()).id == "c-1"


def test_a_call_that_is_not_there_says_what_is_different(recorded: Any) -> None:
    folder, _ = recorded(chat, http({"id": "c-1"}))
    with replaying(folder) as client:
        with pytest.raises(api302.testing.NotRecorded, match="recorded with another `n`"):
            chat(client, extra_body={"n": 2})
        with pytest.raises(api302.testing.NotRecorded, match="not in the recording in"):
            client.request("GET", "/elsewhere")
        chat(client)
        with pytest.raises(api302.testing.NotRecorded, match="more often than it was recorded"):
            chat(client)


def test_a_file_in_which_the_key_stands_is_not_kept(recorded: Any) -> None:
    sound = http(f"RIFF{KEY}".encode(), content_type="audio/wav")
    folder, _ = recorded(lambda client: client.audio.acme.speech(input="x"), sound)
    (file,) = folder.iterdir()
    assert KEY not in file.read_text()
    assert "base64" not in json.loads(file.read_text())["response"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a recording"),
        ("[1]", "is not a recording"),
        ('{"version": 9, "request": {}, "response": {}}', "another version"),
        ('{"version": 1}', "another version"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "0001-x.json").write_text(text)
    with pytest.raises(api302.InvalidArgument, match=message):
        api302.testing.replay(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(api302.InvalidArgument, match="folder: there is no recording in"):
        api302.testing.replay(tmp_path)


def said(client: Any, content: str) -> Any:
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(model="small", messages=messages)


def test_fault_10_recordings_at_once_keep_each_others_files(serve: Any, tmp_path: Path) -> None:
    """Two tests with one folder, in threads: each wrote 0001, 0002 …, over the other's."""
    folder = tmp_path / "recorded"
    begun = threading.Barrier(2)

    def work(name: str) -> None:
        server = serve(http({"id": name}), forever=True)
        client = api302.Client(api_key=KEY, base_url=server.url)
        with client, api302.testing.record(client, folder):
            begun.wait(PATIENCE)
            for number in range(20):
                said(client, f"{name} {number}")
            begun.wait(PATIENCE)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(list(folder.iterdir())) == 40
    client = replaying(folder)
    for name in ("one", "two"):
        for number in range(20):
            assert said(client, f"{name} {number}").id == name


def test_fault_10_a_recording_leaves_what_another_process_writes(
    serve: Any, connect: Any, tmp_path: Path
) -> None:
    """What an earlier recording wrote is replaced."""
    client = connect(serve(http({"id": "new"}), forever=True))
    folder = tmp_path / "recorded"
    with api302.testing.record(client, folder):
        said(client, "earlier")
    (first,) = folder.iterdir()
    with api302.testing.record(client, folder):
        said(client, "again")
        assert [*folder.iterdir()] == [first]
        other = folder / first.name.replace("0001", "0002")
        other.write_text("of another process")
        said(client, "second")
    assert other.read_text() == "of another process"
    names = sorted(file.name[:4] for file in folder.iterdir())
    assert names == ["0001", "0002", "0003"]
    assert '"again"' in first.read_text()


KEPT: Any = {
    "version": 1,
    "request": {"method": "GET", "path": "/v1/models", "query": {}, "headers": {}},
    "response": {"status": 200, "headers": {"content-type": "application/json"}, "json": {}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"request": []},
        {"request": {"method": "GET"}},
        {"response": "x"},
        {"response": {"status": 200}},
        {"response": {"status": "200", "headers": {}}},
        {"response": {"status": 200, "headers": []}},
        {"response": {"status": 200, "headers": {"content-type": 5}}},
        {"response": {"status": 200, "headers": {}, "text": 5}},
        {"response": {"status": 200, "headers": {}, "base64": "%%%"}},
        {"response": {"headers": {}}},
    ],
)
def test_fault_25_a_recording_that_cannot_be_played_is_named(change: Any, tmp_path: Path) -> None:
    (tmp_path / "0001-mine.json").write_text(json.dumps({**KEPT, **change}), "utf-8")
    with pytest.raises(api302.InvalidArgument, match=r"0001-mine\.json is not a recording"):
        api302.testing.replay(tmp_path)


def test_fault_25_a_deep_recording_and_a_folder_are_named(tmp_path: Path) -> None:
    deep = '{"version": 1, "request": ' + "[" * 200_000 + "]" * 200_000 + "}"
    (tmp_path / "0001-mine.json").write_text(deep, "utf-8")
    with pytest.raises(api302.InvalidArgument, match="is not a recording"):
        api302.testing.replay(tmp_path)
    (tmp_path / "0001-mine.json").unlink()
    (tmp_path / "0002-mine.json").mkdir()
    with pytest.raises(api302.InvalidArgument, match="is not a recording"):
        api302.testing.replay(tmp_path)
