"""A user's own tests: with the fixture, and with a recording."""

from pathlib import Path

import pytest

from api302 import Client, testing
from api302_mock import MockServer


def weather(client: Client) -> str:
    answer = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Weather?"}]
    )
    return answer.text


def test_fixture(api302_mock: MockServer) -> None:
    api302_mock.next(text="It is sunny.")
    with Client(api_key="sk-test", base_url=api302_mock.url) as client:
        assert weather(client) == "It is sunny."
    assert api302_mock.requests[-1].body["model"] == "gpt-4o"


def test_recording(api302_mock: MockServer, tmp_path: Path) -> None:
    api302_mock.next(text="It rains.")
    with (
        Client(api_key="sk-test", base_url=api302_mock.url) as client,
        testing.record(client, tmp_path),
    ):
        assert weather(client) == "It rains."
    offline = Client(api_key="sk-test", middleware=[testing.replay(tmp_path)])
    assert weather(offline) == "It rains."
    with pytest.raises(testing.NotRecorded):
        offline.models.list()
