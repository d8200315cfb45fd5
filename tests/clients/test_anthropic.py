"""Anthropic's client, whose API key goes in `x-api-key`."""

from __future__ import annotations

import anthropic
import pytest

HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "hello"}]


def client(mock: str, api_key: str = "sk-clients") -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=api_key, base_url=mock, max_retries=0)


def test_a_message(mock: str) -> None:
    message = client(mock).messages.create(model="claude-sonnet-4-5", max_tokens=64, messages=HELLO)
    assert message.role == "assistant"
    assert message.content
    assert message.usage.output_tokens >= 0


def test_a_stream(mock: str) -> None:
    with client(mock).messages.stream(
        model="claude-sonnet-4-5", max_tokens=64, messages=HELLO
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text
    assert message.stop_reason


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        client(mock, "nonsense").messages.create(
            model="claude-sonnet-4-5", max_tokens=64, messages=HELLO
        )
