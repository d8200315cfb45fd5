"""`make demo`: the tour.

Against the mock by default; with AI302_API_KEY set and LIVE=1 against the real service, where it
costs money.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import api302

console = Console(highlight=False)
OUTPUT = Path("demo-output")


def tour(client: api302.Client) -> None:
    """One of each kind of call, shown as it happens."""
    OUTPUT.mkdir(exist_ok=True)

    console.rule("1. A streamed chat")
    with client.chat.completions.stream(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello in three languages."}]
    ) as stream:
        for text in stream.text:
            console.print(text, end="")
    answer = stream.final()
    console.print(
        f"\n[dim]whole reply: {answer.id}, finished by "
        f"{answer.choices[0].finish_reason if answer.choices else None}[/]"
    )

    console.rule("2. An image, saved to disk")
    image = client.images.generate(model="flux-schnell", prompt="a red panda reading a map")
    assert image.image_url, "the response has no image"
    path = client.download(image.image_url, OUTPUT)
    console.print(f"{path}  {path.stat().st_size} bytes")

    console.rule("3. A video, which takes a while")
    task = client.videos.kling.text_to_video(prompt="a red panda walks through snow", duration="5")
    console.print(f"task {task.id}; [dim]task.to_dict() would let another process wait for it[/]")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as bar:
        row = bar.add_task(
            "submitted", total=None
        )  # moves by itself where the service tells no progress

        def show(status: api302.TaskStatus[Any]) -> None:
            known = {} if status.progress is None else {"total": 1, "completed": status.progress}
            bar.update(row, description=str(status.raw_state), refresh=True, **known)

        video = task.wait(timeout=900, on_progress=show)
    path = video.outputs[0].save(OUTPUT)
    console.print(f"{path}  {path.stat().st_size} bytes")

    console.rule("4. A file, uploaded")
    uploaded = client.files.upload(path)
    console.print(f"now at {uploaded.url}")

    console.rule("5. What the first call cost")
    cost = client.cost(answer)
    console.print(f"{cost.amount} PTC (1 PTC is 1 USD), request {answer.request_id}")


def main() -> int:
    """Run the tour; errors of the library are shown as a user would see them."""
    live = os.environ.get("LIVE") == "1"
    if live and not os.environ.get("AI302_API_KEY"):
        console.print(
            "LIVE=1 talks to the real service and needs a key: AI302_API_KEY=sk-... LIVE=1 make "
            "demo",
            style="red",
        )
        return 2
    if live:
        with api302.Client() as client:
            tour(client)
        return 0
    import api302_mock

    with (
        api302_mock.start() as server,
        api302.Client(api_key="sk-mock", base_url=server.url) as client,
    ):
        console.print(
            f"[dim]mock server at {server.url}; LIVE=1 with AI302_API_KEY set talks to the real "
            "one[/]"
        )
        tour(client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
