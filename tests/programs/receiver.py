"""A web application that takes the messages of tasks which are done."""

from starlette.applications import Starlette

from api302 import Client
from api302.webhooks import Event


def application(client: Client, done: list[str]) -> Starlette:
    def on_event(event: Event) -> None:
        done.extend(event.status.outputs)

    app = Starlette()
    app.mount("/hook", client.webhooks.app(on_event))
    return app


def order(client: Client, address: str) -> str:
    url = client.webhooks.url(f"{address}/hook/", call="kling_text_to_video", expires_in=3600)
    return client.videos.kling.text_to_video(prompt="a red panda", callback_url=url).id
