"""One turn of a realtime conversation on the command line, against the mock."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api302._features import realtime_core as api302_realtime
from api302.cli import main

CALL = ("audio", "openai", "realtime", "--model", "gpt-realtime")


def sound(path: Path, *, channels: int = 1, rate: int = 24000, frames: bytes = bytes(4800)) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def types(out: str) -> list[str]:
    return [json.loads(text)["type"] for text in out.splitlines()]


def test_a_text_is_answered_in_text_as_it_comes(run: Any, server: Any) -> None:
    server.next(text="Hello from the model")
    done = run(*CALL, "Say", "hello")

    assert (done.code, done.out, done.err) == (0, "Hello from the model\n", "")


def test_a_text_may_come_from_the_standard_input(run: Any) -> None:
    done = run(*CALL, stdin=b"Say hello\n")
    empty = run(*CALL, stdin=b" \n")

    assert (done.code, bool(done.out)) == (0, True)
    assert empty.code == 2
    assert "TEXT: is empty" in empty.err


def test_a_sound_is_saved_as_wav_and_its_words_are_printed(run: Any, tmp_path: Path) -> None:
    done = run(*CALL, "Say hello", "--save", tmp_path / "out.wav")

    assert done.code == 0
    assert done.out.strip()
    assert str(tmp_path / "out.wav") in done.err
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        assert file.getnframes()


@pytest.mark.parametrize("given", ["speech.wav", "speech.pcm", "-"])
def test_speech_is_sent_and_committed(run: Any, tmp_path: Path, given: str) -> None:
    path = sound(tmp_path / "speech.wav")
    (tmp_path / "speech.pcm").write_bytes(bytes(4800))
    done = run(*CALL, "--audio", given, "--output", "json", stdin=path.read_bytes())

    assert done.code == 0
    assert "input_audio_buffer.committed" in types(done.out)
    assert types(done.out)[-1] == "response.done"


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("two.wav", {"channels": 2}, "has 2 channel(s) of 16 bits, 24000 samples a second"),
        ("slow.wav", {"rate": 8000}, "has 1 channel(s) of 16 bits, 8000 samples a second"),
        ("empty.wav", {"frames": b""}, "has no whole samples"),
        ("speech.mp3", None, "is not a WAV file"),
        ("broken.wav", None, "cannot be read as WAV"),
        ("missing.wav", None, "cannot be read (No such file"),
    ],
)
def test_sound_of_another_kind_is_refused_before_anything_is_sent(
    run: Any, server: Any, tmp_path: Path, name: str, made: dict[str, Any] | None, said: str
) -> None:
    if made is not None:
        sound(tmp_path / name, **made)
    elif not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"RIFF\0\0" if name.startswith("broken") else b"ID3")
    done = run(*CALL, "--audio", name)

    assert done.code == 2
    assert said in done.err
    assert server.requests == []


def test_guards_send_nothing(run: Any, server: Any) -> None:
    dry = run(*CALL, "hi", "--dry-run")
    estimate = run(*CALL, "hi", "--estimate")
    budget = run(*CALL, "hi", "--budget", "5")
    wrong = run(*CALL, "hi", "--save", "missing/out.wav")

    compile(dry.out, "sample", "exec")
    assert 'client.audio.openai.realtime(\n        model="gpt-realtime"' in dry.out
    assert estimate.out.startswith("0 to unknown PTC: the documented price of gpt-realtime")
    assert budget.code == 4
    assert "what it costs is not known beforehand" in budget.err
    assert wrong.code == 2
    assert server.requests == []


def test_settings_that_are_given_stand_above_ours(run: Any) -> None:
    session = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}, "instructions": "Be"}
    shown = run(*CALL, "hi", "--session", json.dumps(session), "--dry-run").out

    assert '"instructions": "Be"' in shown
    assert '"output_modalities": ["text"]' in shown
    assert '"turn_detection": {"type": "server_vad"}' in shown


def test_settings_that_the_service_refuses_are_told_before_a_response_is_asked_for(
    run: Any,
) -> None:
    done = run(*CALL, "hi", "--session", '{"output_modalities": "loud"}')

    assert done.code == 12
    assert "output_modalities" in done.err


def test_what_was_received_before_a_break_is_printed_and_saved(
    run: Any, server: Any, tmp_path: Path
) -> None:
    server.next(fault="cut-stream")
    done = run(*CALL, "Say hello", "--save", tmp_path / "out.wav")

    assert done.code == 8
    assert "the session is over" in done.err
    content = (tmp_path / "out.wav").read_bytes()
    with wave.open(io.BytesIO(content)) as file:
        assert file.getnframes() > 0
    assert done.out.endswith("\n")


def test_the_call_is_found_and_described(run: Any) -> None:
    assert "audio.openai.realtime" in run("find", "realtime").out
    shown = run("describe", "openai_realtime").out
    assert 'api302 audio openai realtime --model gpt-realtime "Say hello"' in shown
    assert "realtime" in run("audio", "openai", "--help").out


class Pipe(io.RawIOBase):
    """A pipe that gives a piece at a time, and notes how many messages went out before it."""

    def __init__(self, content: bytes, *, breaks: bool = False) -> None:
        self._content, self._breaks = io.BytesIO(content), breaks
        self.largest = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self.largest = max(self.largest, len(into))
        if self._breaks and self._content.tell() == len(self._content.getvalue()):
            raise OSError(5, "Input/output error")
        return self._content.readinto(into)

    def readall(self) -> bytes:
        raise AssertionError("it is not read whole into memory")


@pytest.mark.parametrize("kind", ["wav", "pcm"])
def test_fault_17_speech_from_a_pipe_is_sent_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    server: Any,
    kind: str,
) -> None:
    frames = bytes(3_000_000)
    path = sound(tmp_path / "speech.wav", frames=frames)
    pipe = Pipe(path.read_bytes() if kind == "wav" else frames)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe, isatty=lambda: False))
    sent: list[int] = []
    send = api302_realtime.Talk.send_audio

    async def noted(self: Any, pcm: Any) -> None:
        sent.append(len(pcm))
        await send(self, pcm)

    monkeypatch.setattr(api302_realtime.Talk, "send_audio", noted)
    assert main([*CALL, "--audio", "-", "--output", "json"]) == 0
    assert "input_audio_buffer.committed" in types(capsys.readouterr().out)
    assert sum(sent) == len(frames)
    assert max(*sent, pipe.largest) <= 1 << 18


@pytest.mark.parametrize(
    ("content", "breaks", "said"),
    [
        (bytes(600_001), False, "has no whole samples"),
        (bytes(600_000), True, "cannot be read (Input/output error)"),
        (b"", False, "has no whole samples"),
    ],
)
def test_fault_17_a_pipe_that_breaks_off_asks_for_no_response(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: Any,
    content: bytes,
    breaks: bool,
    said: str,
) -> None:
    pipe = Pipe(content, breaks=breaks)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe, isatty=lambda: False))
    asked: list[str] = []
    send = api302_realtime.Talk.send

    async def noted(self: Any, event: Any) -> None:
        asked.append(event["type"])
        await send(self, event)

    monkeypatch.setattr(api302_realtime.Talk, "send", noted)
    assert main([*CALL, "--audio", "-"]) == 2
    assert said in capsys.readouterr().err
    assert not {"response.create", "input_audio_buffer.commit"} & {*asked}
    assert bool(asked) is bool(content)


@pytest.mark.parametrize("content", [b"", bytes(4801)])
def test_samples_that_are_not_whole_are_refused_before_anything_is_sent(
    run: Any, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "speech.pcm").write_bytes(content)
    done = run(*CALL, "--audio", "speech.pcm", "--dry-run")
    assert done.code == 2
    assert "has no whole samples" in done.err
