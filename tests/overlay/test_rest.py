"""Webhooks, recording, the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import KEY, api302, environment, events, http


def test_a_webhook_of_the_unified_calls() -> None:
    body = json.dumps(
        {
            "task_id": "t-1",
            "status": "completed",
            "video_url": "https://x/a.mp4",
            "video_urls": ["https://x/a.mp4", "https://x/b.mp4"],
        }
    )
    for given in (body, body.encode(), json.loads(body)):
        event = api302.webhooks.parse(given)
        assert (event.task_id, event.status.state) == ("t-1", "succeeded")
        assert event.status.outputs == ("https://x/a.mp4", "https://x/b.mp4")
        assert event.status.response["status"] == "completed"
    failed = api302.webhooks.parse(
        {"task_id": "t-1", "status": "failed", "error": {"message": "no", "error_type": "policy"}}
    )
    assert (failed.status.state, failed.status.message, failed.status.code) == (
        "failed",
        "no",
        "policy",
    )


def test_a_webhook_of_another_call() -> None:
    body = {
        "code": 0,
        "data": {
            "task_id": "t-1",
            "task_status": "succeed",
            "task_result": {"videos": [{"url": "https://x/a.mp4"}]},
        },
    }
    event = api302.webhooks.parse(body, operation_id="acme_text_to_video")
    assert (event.task_id, event.status.state, event.status.outputs) == (
        "t-1",
        "succeeded",
        ("https://x/a.mp4",),
    )
    assert event.status.response.data.task_id == "t-1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no JSON",), "body: is not JSON"),
        (("[]",), "body: is not a JSON object"),
        (({}, "nothing"), "operation_id: 'nothing' is unknown"),
        (({}, "acme_speech"), "operation_id: 'acme_speech' has nothing to do with tasks"),
    ],
)
def test_bad_webhooks(arguments: Any, said: str) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        api302.webhooks.parse(
            arguments[0], **({"operation_id": arguments[1]} if len(arguments) > 1 else {})
        )


def test_recording(serve: Any, connect: Any, tmp_path: Path) -> None:
    stream = events({"id": "c"})
    server = serve(
        http(
            {"api_keys": [{"api_key": "sk-abcdefghij", "name": KEY}], "usage": {"total_tokens": 3}}
        ),
        http({"id": "c"}),
        http(stream, content_type="text/event-stream"),
        http(b"sound", content_type="audio/mpeg"),
        http({"error": {"message": "no"}}, "404 x"),
        http({"code": 200}),
        http({"id": "c"}),
    )
    client = connect(server)
    with api302.testing.record(client, tmp_path / "new"):
        client.request("GET", "/dashboard/api_keys", query={"token": "t"})
        client.with_options(timeout=30).chat.completions.create(
            model="small", messages=[], extra_headers={"X-Secret": "s"}
        )
        list(client.chat.completions.stream(model="small", messages=[]))
        client.audio.acme.speech(input="x")
        with pytest.raises(api302.NotFoundError):
            client.request("POST", "/x", data={"a": "1"})
        client.tools.extra.upload(file=b"x", prefix="p")
    client.chat.completions.create(model="small", messages=[])
    kept = [json.loads(path.read_text()) for path in sorted((tmp_path / "new").iterdir())]
    everything = json.dumps(kept)
    for secret in (KEY, "sk-abcdefghij", "X-Secret", "x-secret", "authorization"):
        assert secret not in everything
    names = [path.name for path in sorted((tmp_path / "new").iterdir())]
    assert names[1] == "0002-acme_chat_completions.json"
    assert [one["operation"] for one in kept] == [
        None,
        *["acme_chat_completions"] * 2,
        "acme_speech",
        None,
        "extra_upload",
    ]
    assert (
        kept[0]["response"]["json"] == {"api_keys": "[hidden]", "usage": {"total_tokens": 3}}
        or kept[0]["response"]["json"]["usage"]
    )
    assert kept[0]["request"]["query"] == {"token": "[hidden]"}
    assert kept[1]["request"]["json"] == {"model": "small", "messages": []}
    assert kept[2]["response"]["text"] == stream.decode()
    assert kept[3]["response"]["bytes"] == 5
    assert (kept[4]["response"]["status"], kept[4]["request"]["form"]) == (404, ["a"])
    assert kept[5]["request"]["form"] == ["file", "prefix"]


@pytest.mark.usefixtures("network")
def test_recording_async(serve: Any, tmp_path: Path) -> None:
    server = serve(http({"id": "c"}), http(events({"id": "c"}), content_type="text/event-stream"))

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            with api302.testing.record(client, tmp_path):
                await client.chat.completions.create(model="small", messages=[])
                await client.chat.completions.stream(model="small", messages=[]).final()

    asyncio.run(main())
    assert len(list(tmp_path.iterdir())) == 2


def test_the_command(packages: list[str]) -> None:
    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "api302", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment(packages))

    assert run("--version").stdout == f"api302 {api302.__version__}\n"
    assert "api302 mock" in run("--help").stdout
    assert run("what").returncode == 2


def test_hostile_webhooks() -> None:
    for body in ("[" * 100_000, b"\xff", None):
        with pytest.raises(api302.InvalidArgument, match="body: is not JSON"):
            api302.webhooks.parse(body)
