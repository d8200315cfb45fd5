"""Three videos at once, each saved as it is done, with their progress."""

from pathlib import Path

from api302 import Client, TaskFailed, TaskTimeout

PROMPTS = ("a red panda", "a snow leopard", "a crane")


def film(client: Client, folder: Path) -> list[Path]:
    tasks = [client.videos.kling.text_to_video(prompt=prompt, duration="5") for prompt in PROMPTS]
    paths: list[Path] = []
    for task in client.as_completed(tasks, timeout=60, progress=True):
        try:
            result = task.wait()
        except TaskFailed as error:
            print(task.id, error.message, error.request_id)
        else:
            paths.append(result.outputs[0].save(folder / f"{task.id}.mp4"))
    return paths


def follow(client: Client) -> tuple[list[str | None], str]:
    """One task, its states as they are told, and the video's URL."""
    states: list[str | None] = []
    task = client.videos.kling.text_to_video(prompt="a red panda")
    try:
        video = task.wait(timeout=60, on_progress=lambda status: states.append(status.raw_state))
    except TaskTimeout as error:
        print("still", error.status)
        raise
    return states, video.outputs[0].url
