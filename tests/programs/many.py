"""A batch of five, and again: nothing is sent twice."""

from pathlib import Path

from api302 import AsyncClient, batch


def run(client: AsyncClient, folder: Path) -> dict[str, int]:
    jobs = [
        {
            "key": f"joke-{number}",
            "call": "chat.completions.create",
            "arguments": {
                "model": "gpt-4o",
                "messages": [{"role": "user", "content": f"Joke {number}"}],
            },
        }
        for number in range(5)
    ]
    ended = batch.run(jobs, folder, client=client, concurrency=5)
    return ended.counts
