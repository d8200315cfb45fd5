"""Videos on order: told by webhook, or found by polling after the program was started again."""

import json
import sqlite3
from pathlib import Path
from threading import Lock

from starlette.types import ASGIApp

from api302 import Client, TaskFailed, TaskTimeout
from api302.webhooks import Event


class Orders:
    """What was ordered, in a database."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        columns = "id TEXT PRIMARY KEY, task TEXT, state TEXT, url TEXT"
        self._db.execute(f"CREATE TABLE IF NOT EXISTS orders ({columns})")

    def add(self, task_id: str, task: str) -> None:
        with self._lock, self._db:
            self._db.execute("INSERT INTO orders VALUES (?, ?, 'pending', '')", (task_id, task))

    def end(self, task_id: str, state: str, url: str = "") -> None:
        with self._lock, self._db:
            new = (state, url, task_id)
            self._db.execute("UPDATE orders SET state = ?, url = ? WHERE id = ?", new)

    def pending(self) -> list[str]:
        with self._lock:
            found = self._db.execute("SELECT task FROM orders WHERE state = 'pending'")
            return [str(task) for (task,) in found]

    def states(self) -> dict[str, str]:
        with self._lock:
            found = self._db.execute("SELECT id, state FROM orders")
            return {str(name): str(state) for name, state in found}

    def close(self) -> None:
        self._db.close()


def order(client: Client, orders: Orders, prompt: str, hook: str = "") -> str:
    url = client.webhooks.url(hook, call="kling_text_to_video", expires_in=3600) if hook else None
    task = client.videos.kling.text_to_video(prompt=prompt, duration="5", callback_url=url)
    orders.add(task.id, json.dumps(task.to_dict()))
    return task.id


def order_by_model(client: Client, orders: Orders, prompt: str) -> str:
    task = client.videos.create(model="kling-v2-6", prompt=prompt)
    orders.add(task.id, json.dumps(task.to_dict()))
    return task.id


def receiver(client: Client, orders: Orders) -> ASGIApp:
    def on_event(event: Event) -> None:
        outputs = event.status.outputs
        orders.end(event.task_id, event.status.state, outputs[0] if outputs else "")

    return client.webhooks.app(on_event)


def resume(client: Client, orders: Orders, folder: Path) -> list[Path]:
    """What was not told before the program was started again."""
    tasks = [client.resume(json.loads(kept)) for kept in orders.pending()]
    saved: list[Path] = []
    try:
        for task in client.as_completed(tasks, timeout=60):
            try:
                video = task.wait()
            except TaskFailed as error:
                orders.end(task.id, f"failed: {error.status.message if error.status else ''}")
                continue
            saved.append(video.outputs[0].save(folder / f"{video.id}.mp4"))
            orders.end(video.id, "succeeded", video.outputs[0].url)
    except TaskTimeout as error:
        print("still running:", [task.id for task in error.pending])
    return saved
