"""A program for openai-python with tools and structured output: its import alone is another."""

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from api302 import Client as OpenAI
from api302.types import OpenaiTool


class Weather(BaseModel):
    """Get the weather of a city."""

    city: str
    unit: Literal["c", "f"] = "c"


class Report(BaseModel):
    city: str
    degrees: float = Field(description="In Celsius.")
    advice: list[str]


TOOLS: list[OpenaiTool] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": Weather.__doc__ or "",
            "parameters": Weather.model_json_schema(),
        },
    }
]


def weather(arguments: str) -> str:
    asked = Weather.model_validate_json(arguments)
    return json.dumps({"city": asked.city, "degrees": 21.5})


def report(client: OpenAI, question: str) -> Report | None:
    messages: list[Any] = [{"role": "user", "content": question}]
    while True:
        completion = client.chat.completions.create(
            model="gpt-4o", messages=messages, tools=TOOLS, tool_choice="auto"
        )
        message = completion.choices[0].message
        messages.append(message)
        for call in message.tool_calls or []:
            if call.function:
                content = weather(call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
        if not message.tool_calls:
            break
    parsed = client.chat.completions.parse(
        model="gpt-4o", messages=messages, response_format=Report
    )
    return parsed.choices[0].message.parsed


def streamed(client: OpenAI, question: str) -> list[tuple[str, Weather]]:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for chunk in client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": question}],
        tools=TOOLS,
        stream=True,
    ):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                index = call.index or 0
                if call.function and call.function.name:
                    names[index] = call.function.name
                if call.function and call.function.arguments:
                    arguments[index] = arguments.get(index, "") + call.function.arguments
    return [(names[one], Weather.model_validate_json(arguments[one])) for one in names]


def by_responses(client: OpenAI, question: str) -> str:
    turns: list[Any] = [{"role": "user", "content": question}]
    response = client.responses.create(
        model="gpt-4o",
        input=turns,
        tools=[
            {
                "type": "function",
                "name": "weather",
                "description": "Get the weather.",
                "parameters": Weather.model_json_schema(),
            }
        ],
    )
    turns += response.output
    for item in response.output:
        if item.type == "function_call":
            output = weather(item.arguments or "{}")
            turns.append(
                {"type": "function_call_output", "call_id": item.call_id, "output": output}
            )
    return client.responses.create(model="gpt-4o", input=turns).output_text
