"""An application of one's own, which its own tests run with the mock (`test_summaries.py`)."""

from dataclasses import dataclass
from pathlib import Path

import api302
from api302 import Client


@dataclass
class Summary:
    title: str
    points: list[str]


class Summarizer:
    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._folder = folder

    def sum_up(self, text: str) -> Summary | None:
        try:
            response = self._client.chat.completions.parse(
                model="gpt-4o",
                messages=[
                    {"role": "system", "content": "Sum it up as JSON."},
                    {"role": "user", "content": text},
                ],
                response_format=Summary,
            )
        except api302.OutputError:
            return None
        return response.parsed

    def words(self, text: str) -> int:
        with self._client.chat.completions.stream(
            model="gpt-4o", messages=[{"role": "user", "content": text}]
        ) as stream:
            return len("".join(stream.text).split())

    def cover(self, summary: Summary) -> Path:
        made = self._client.images.generate(model="flux-2-pro", prompt=summary.title)
        return made.outputs[0].save(self._folder / "cover.png")

    def trailer(self, summary: Summary) -> Path | None:
        task = self._client.videos.kling.text_to_video(prompt=summary.title)
        try:
            return task.wait(timeout=30).outputs[0].save(self._folder)
        except api302.TaskFailed:
            return None
