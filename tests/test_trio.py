"""The async client on trio: it asks for nothing of asyncio's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from patience import PATIENCE

import api302
import api302_mock


def test_a_tour_on_trio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat.png").write_bytes(b"\x89PNG")

    async def tour(url: str) -> None:
        async with api302.AsyncClient(api_key="sk-trio", base_url=url) as client:
            async with client.chat.completions.stream(
                model="gpt-4o", messages=[{"role": "user", "content": "你好!"}]
            ) as stream:
                pieces = [text async for text in stream.text]
            assert len(pieces) > 1
            assert all(pieces)
            task = await client.videos.kling.text_to_video(prompt="a red panda")
            with pytest.raises(api302.TaskTimeout):
                await task.wait(timeout=0.01)
            video = await task.wait(timeout=PATIENCE, interval=0.01)
            path = await video.outputs[0].save("panda.mp4")
            assert path.stat().st_size > 0
            uploaded = await client.files.upload("cat.png")
            assert uploaded.url.endswith("cat.png")

    with api302_mock.start() as server:
        trio.run(tour, server.url)
