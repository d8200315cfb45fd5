"""Google's client, whose API key goes in `x-goog-api-key`."""

from __future__ import annotations

import pytest
from google import genai
from google.genai import errors, types


def client(mock: str, api_key: str = "sk-clients") -> genai.Client:
    options = types.HttpOptions(base_url=mock, api_version="v1beta")
    return genai.Client(api_key=api_key, http_options=options)


def test_content(mock: str) -> None:
    google = client(mock)  # held, since it closes its connections when it is collected
    response = google.models.generate_content(model="gemini-2.5-flash", contents="hello")
    assert response.text
    assert response.candidates


def test_a_stream(mock: str) -> None:
    google = client(mock)
    chunks = list(google.models.generate_content_stream(model="gemini-2.5-flash", contents="hello"))
    assert "".join(chunk.text or "" for chunk in chunks)


def test_a_wrong_key_is_refused(mock: str) -> None:
    google = client(mock, "nonsense")
    with pytest.raises(errors.ClientError) as caught:
        google.models.generate_content(model="gemini-2.5-flash", contents="hello")
    assert caught.value.code == 401


def test_an_image(mock: str) -> None:
    google = client(mock)
    response = google.models.generate_content(
        model="gemini-2.5-flash-image",
        contents="a lake",
        config=types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"],
            image_config=types.ImageConfig(aspect_ratio="16:9"),
            http_options=types.HttpOptions(headers={"Prefer": "example=image"}),
        ),
    )
    blobs = [part.inline_data for part in response.parts or [] if part.inline_data]
    assert [blob.mime_type for blob in blobs] == ["image/png"]
    assert blobs[0].data
