"""ElevenLabs' client.

Its requests differ from 302.AI's in two things, which `through` mends: the API key is in
`xi-api-key` alone, and the paths begin with `/v1`.
"""

from __future__ import annotations

import io

import httpx
import pytest
from elevenlabs import DialogueInput, ElevenLabs
from elevenlabs.core import ApiError

VOICE = "21m00Tcm4TlvDq8ikWAM"


def through(request: httpx.Request) -> None:
    request.headers["Authorization"] = f"Bearer {request.headers['xi-api-key']}"
    path = request.url.path.replace("/elevenlabs/v1/", "/elevenlabs/")
    request.url = request.url.copy_with(path=path)


def client(mock: str, api_key: str = "sk-clients") -> ElevenLabs:
    http = httpx.Client(event_hooks={"request": [through]})
    return ElevenLabs(api_key=api_key, base_url=f"{mock}/elevenlabs", httpx_client=http)


def test_speech(mock: str) -> None:
    parts = client(mock).text_to_speech.convert(
        VOICE, text="Hello.", model_id="eleven_multilingual_v2", output_format="mp3_44100_128"
    )
    assert b"".join(parts)


def test_a_dialogue(mock: str) -> None:
    inputs = [DialogueInput(text="Hello.", voice_id=VOICE)]
    assert b"".join(client(mock).text_to_dialogue.convert(inputs=inputs, model_id="eleven_v3"))


def test_a_sound(mock: str) -> None:
    parts = client(mock).text_to_sound_effects.convert(text="rain", duration_seconds=2)
    assert b"".join(parts)


def test_a_transcript(mock: str) -> None:
    sound = io.BytesIO(b"RIFF0000WAVE")
    transcript = client(mock).speech_to_text.convert(
        model_id="scribe_v1", file=("talk.wav", sound, "audio/wav"), diarize=True
    )
    assert transcript.text


def test_music(mock: str) -> None:
    plan = client(mock).music.composition_plan.create(prompt="calm piano", music_length_ms=10000)
    assert plan.sections
    assert b"".join(client(mock).music.compose(composition_plan=plan))


def test_models_and_voices(mock: str) -> None:
    elevenlabs = client(mock)
    assert elevenlabs.models.list()
    assert elevenlabs.voices.get_all().voices


def test_a_wrong_key_is_refused(mock: str) -> None:
    with pytest.raises(ApiError) as caught:
        client(mock, "nonsense").models.list()
    assert caught.value.status_code == 401
