"""A web application that streams a chat as server-sent events, and looks at uploads."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import api302
from api302 import AsyncClient


class Turn(BaseModel):
    role: str
    content: str


class Question(BaseModel):
    model: str = "gpt-4o"
    messages: list[Turn]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    async with AsyncClient() as client:
        app.state.client = client
        yield


def client_of(request: Request) -> AsyncClient:
    client: AsyncClient = request.app.state.client
    return client


def event(kind: str, **data: object) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


async def chat(request: Request) -> Response:
    question = Question.model_validate_json(await request.body())
    try:
        stream = await client_of(request).chat.completions.create(
            model=question.model,
            messages=question.messages,
            stream=True,
            stream_options={"include_usage": True},
        )
    except api302.RateLimitError as error:
        after = {"Retry-After": f"{error.retry_after or 1:g}"}
        return JSONResponse({"message": error.message}, 429, headers=after)

    async def events() -> AsyncGenerator[str]:
        try:
            async with stream:
                async for chunk in stream:
                    for choice in chunk.choices:
                        if choice.delta.content:
                            yield event("text", text=choice.delta.content)
        except api302.StreamError as error:
            yield event("error", message=str(error))
            return
        whole = await stream.final()
        yield event("done", tokens=whole.usage.total_tokens if whole.usage else None)

    return StreamingResponse(events(), media_type="text/event-stream")


async def describe(request: Request) -> Response:
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        response = await client_of(request).chat.completions.create(
            model="gpt-4o",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image_url", "image_url": {"url": file}},
                    ],
                }
            ],
        )
    return JSONResponse({"text": response.text})


def application() -> Starlette:
    routes = [Route(f"/{call.__name__}", call, methods=["POST"]) for call in (chat, describe)]
    return Starlette(routes=routes, lifespan=lifespan)
