"""Mixed calls at once within a budget, in one event loop."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import api302
from api302 import AsyncClient


@dataclass
class Report:
    texts: list[str] = field(default_factory=list[str])
    files: list[Path] = field(default_factory=list[Path])
    refused: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    spent: float = 0.0


async def say(client: AsyncClient, report: Report, prompt: str) -> None:
    response = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": prompt}], max_tokens=200
    )
    report.texts.append(response.text)


async def draw(client: AsyncClient, report: Report, prompt: str, folder: Path) -> None:
    made = await client.images.flux.pro_v1_1(prompt=prompt)
    report.files += [await output.save(folder) for output in made.outputs]


async def film(client: AsyncClient, report: Report, prompt: str, folder: Path) -> None:
    task = await client.videos.kling.text_to_video(prompt=prompt, duration="5")
    result = await task.wait(timeout=60)
    report.files.append(await result.outputs[0].save(folder / f"{result.id}.mp4"))


async def speak(client: AsyncClient, report: Report, prompt: str, folder: Path) -> None:
    sound = await client.audio.openai.speech(model="tts-1", input=prompt, voice="alloy")
    report.files.append(await sound.outputs[0].save(folder / f"{prompt}.mp3"))


async def run(client: AsyncClient, folder: Path, limit: float, prompts: list[str]) -> Report:
    report = Report()

    async def guarded(name: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except api302.BudgetError:
            report.refused.append(name)
        except api302.Api302Error as error:
            report.failed.append(f"{name}: {error}")

    async with client.budget(limit, unknown="allow") as budget, asyncio.TaskGroup() as group:
        for prompt in prompts:
            for name, work in (
                ("say", say(client, report, prompt)),
                ("draw", draw(client, report, prompt, folder)),
                ("speak", speak(client, report, prompt, folder)),
                ("film", film(client, report, prompt, folder)),
            ):
                group.create_task(guarded(name, work))
    report.spent = budget.spent
    return report


async def both(client: AsyncClient, question: str) -> list[str]:
    """Two models stream at once."""

    async def one(model: str) -> str:
        async with client.chat.completions.stream(
            model=model, messages=[{"role": "user", "content": question}]
        ) as stream:
            pieces = [text async for text in stream.text]
        whole = await stream.final()
        assert whole.text == "".join(pieces)
        return whole.text

    return list(await asyncio.gather(one("gpt-4o"), one("claude-sonnet-4-5")))


async def first_of(client: AsyncClient, prompts: list[str]) -> str:
    tasks = [await client.videos.kling.text_to_video(prompt=prompt) for prompt in prompts]
    async for task in client.as_completed(tasks, timeout=60):
        return (await task.wait()).outputs[0].url
    return ""
