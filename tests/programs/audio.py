"""Text to speech, and back."""

from pathlib import Path

from api302 import Client


def speak(client: Client, path: Path) -> Path:
    speech = client.audio.speech.create(model="tts-1", input="Hello from 302.AI.", voice="alloy")
    return speech.save(path)


def speak_streamed(client: Client, path: Path) -> None:
    with client.audio.speech.stream(model="tts-1", input="A long story.", voice="alloy") as stream:
        stream.save(path)


def write_down(client: Client, path: Path) -> str:
    return client.audio.transcriptions.create(model="whisper-1", file=path).text


def write_down_open_file(client: Client, path: Path) -> str:
    with path.open("rb") as file:
        return client.audio.transcriptions.create(model="whisper-1", file=file).text
