"""A conversation that keeps its history, then an answer that streams."""

from api302 import Client
from api302_client.models import OpenaiChatAnswer
from api302_client.params.llm_openai import OpenaiChatMessage


def converse(client: Client) -> list[str]:
    history: list[OpenaiChatMessage | OpenaiChatAnswer] = []
    answers: list[str] = []
    for question in ("Name a color.", "And another?"):
        history.append({"role": "user", "content": question})
        answer = client.chat.completions.create(model="gpt-4o", messages=history)
        answers.append(answer.text)
        history.append(answer.choices[0].message)
    return answers


def tell(client: Client) -> tuple[str, int]:
    pieces: list[str] = []
    with client.chat.completions.stream(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Tell a story."}],
        stream_options={"include_usage": True},
    ) as stream:
        for text in stream.text:
            pieces.append(text)
    whole = stream.final()
    assert whole.choices[0].message.content == "".join(pieces)
    return "".join(pieces), whole.usage.total_tokens if whole.usage else 0


def as_openai_does(client: Client) -> str:
    """The loop that one writes with openai-python."""
    text = ""
    stream = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Tell a story."}], stream=True
    )
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
    return text
