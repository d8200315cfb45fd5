"""One turn of a realtime conversation: text or sound in, text and sound out."""

from __future__ import annotations

import io
import json
import sys
import wave
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from api302._json import is_object

from . import arguments, sound
from .calls import CallCommand, is_allowed
from .connect import client
from .errors import REFUSED
from .options import Chosen
from .output import emit, found, line, note, write
from .shortcut import text
from .tree import Call

if TYPE_CHECKING:
    from api302 import Estimate

_ACKNOWLEDGED = 10.0
"""Seconds that the service has to say that it took what was said."""
_SAMPLES = (None, "audio/pcm", "pcm16")
"""The formats of sound that are samples of 16 bits; None is the default."""
_NOT_OURS = frozenset({"own_field", "own_cost"})
"""Options of other calls: an event has no fields beside it, and nobody knows its request id."""
_ABOUT = """Without TEXT and --audio, the text is read from the standard input. The response is
printed as it comes: as text, unless --save says where its sound goes, a WAV file; then what is
spoken is printed."""


class Said(NamedTuple):
    """What is said in a turn."""

    text: str
    audio: sound.Samples | None


class _Refused(click.ClickException):
    """The service did not take what was sent, or made no response of it."""

    exit_code = REFUSED


def command(call: Call, name: str) -> click.Command:
    """The command of a realtime call."""

    def run(**given: Any) -> None:
        _run(call, given)

    made = CallCommand(name, call, run)
    made.params = [
        click.Argument(["words"], nargs=-1, metavar="[TEXT]..."),
        click.Option(
            ["-a", "--audio"],
            metavar="FILE",
            help=f"Speech: a WAV file of one channel, 16 bits and {_rate(call)} samples a second,"
            " or such samples alone (.pcm, or - for the standard input).",
        ),
        *(one for one in made.params if one.name not in _NOT_OURS),
    ]
    made.help = f"{made.help}\n\n{_ABOUT}"
    return made


def _rules(call: Call) -> Mapping[str, Any]:
    return import_module(f"api302_client.api.{call.section}_{call.vendor}.{call.id}").RULES


def _rate(call: Call) -> int:
    return _rules(call)["audio"]["rate"]


def _run(call: Call, given: Mapping[str, Any]) -> None:
    from .results import check_target

    chosen = Chosen.of(given)
    body = arguments.body(chosen.body) if chosen.body else {}
    made = {**body, **arguments.values(call, given)}
    if "model" not in made:
        raise click.UsageError("--model: is required", click.get_current_context())
    said = _said(call, given)
    made["session"] = _settings(made, said.audio is not None, chosen.save is not None)
    unsent = client(sends=False)
    unsent.call(call.id, made)  # checks them
    if chosen.dry_run:
        write(_sample(call, made, said))
        return
    check_target(chosen.save)

    def estimate() -> Estimate:
        return unsent.estimate(call.id, **made)

    if is_allowed(call, chosen, estimate):
        _talk(call, made, said, chosen)


def _said(call: Call, given: Mapping[str, Any]) -> Said:
    """What the words, the file or the standard input say. Raises click.UsageError."""
    audio = sound.Samples.of(given["audio"], _rate(call)) if given["audio"] else None
    words = text(given["words"], "TEXT") if given["words"] or not audio else ""
    if not words and not audio:
        raise click.UsageError("TEXT: is empty; say something", click.get_current_context())
    return Said(words, audio)


def _settings(made: Mapping[str, Any], hears: bool, speaks: bool) -> dict[str, Any]:
    """The settings of the session, those that were given above all others.

    Sound is only asked for where it is saved, as it costs more than text. What is heard is one
    turn: the service need not find out where it ends.
    """
    if made.get("openai_beta"):
        own: dict[str, Any] = {"modalities": ["text", "audio"] if speaks else ["text"]}
        own |= {"turn_detection": None} if hears else {}
    else:
        own = {"type": "realtime", "output_modalities": ["audio" if speaks else "text"]}
        own |= {"audio": {"input": {"turn_detection": None}}} if hears else {}
    return _merged(own, made.get("session") or {})


def _merged(old: Any, new: Any) -> Any:
    """An object with the fields of another over its own, at any depth."""
    if not is_object(old) or not is_object(new):
        return new
    return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}


# --- sound ----------------------------------------------------------------------------------------


def _save(sound: bytes, session: Any, chosen: Chosen, rate: int) -> None:
    """Write the sound that was received: samples as a WAV file, another format as it is."""
    from api302 import Output

    from .results import rescue, saved

    kind = "audio/basic"
    if found(session, "audio.output.format.type || output_audio_format") in _SAMPLES:
        packed = io.BytesIO()
        with wave.open(packed, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(found(session, "audio.output.format.rate") or rate)
            file.writeframes(sound)
        kind, sound = "audio/wav", packed.getvalue()
    made = Output(None, content=sound, media_type=kind)
    try:
        for path in saved([made], chosen.save or "."):
            note(str(path))
    except Exception as error:
        rescue(made, error)
        raise


# --- the turn -------------------------------------------------------------------------------------


def _talk(call: Call, made: Mapping[str, Any], said: Said, chosen: Chosen) -> None:
    """Hold the turn. What was received when it breaks off is printed and saved all the same."""
    session = client().call(call.id, made, timeout=chosen.timeout)
    turn = _Turn(session, _rules(call), chosen)
    try:
        with session:
            _say(session, said, turn)
            turn.listen()
    finally:
        turn.end()
        if turn.sound:
            _save(bytes(turn.sound), made["session"], chosen, _rate(call))
        elif chosen.save is not None:
            note("The response has no sound to save.")


def _say(session: Any, said: Said, turn: _Turn) -> None:
    """Say it, and ask for a response to it once the service took it."""
    if said.text:
        session.conversation.item.create(item=_message(said.text))
        turn.acknowledged()
    if said.audio:
        session.send_audio(said.audio.pieces())  # raises before anything is asked for
        session.input_audio_buffer.commit()
        turn.acknowledged()
    session.response.create()


def _message(words: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": words}]
    return {"type": "message", "role": "user", "content": content}


class _Turn:
    """The service's side of a turn."""

    def __init__(self, session: Any, rules: Mapping[str, Any], chosen: Chosen) -> None:
        self._session, self._rules, self._chosen = session, rules, chosen
        self._as_events = chosen.output not in (None, "text") or chosen.query is not None
        self._is_begun = False
        self._last = ""
        self.sound = bytearray()

    def acknowledged(self) -> None:
        """Wait until the service took an item.

        Raises _Refused: it did not; nothing was asked for, and nothing is billed.
        """
        try:
            while not str(self._next(_ACKNOWLEDGED).type).startswith("conversation.item."):
                pass
        except TimeoutError:
            return  # it does not say

    def listen(self) -> None:
        """Print the response, and keep its sound. Raises _Refused if there is none."""
        while True:
            event = self._next(None)
            self.sound += self._session.audio(event)
            if event.type == self._rules["response"]["begin"]:
                self._is_begun = True
            if event.type == self._rules["response"]["end"]:
                return self._ended(event)

    def _next(self, seconds: float | None) -> Any:
        event = self._session.receive(timeout=seconds)
        if self._as_events:
            line(event, self._chosen.query)
        elif str(event.type).endswith(("text.delta", "transcript.delta")):
            self._print(str(event.delta))
        if event.type == self._rules["error"]:
            self._failed(event)
        return event

    def _print(self, piece: str) -> None:
        write(piece)
        sys.stdout.flush()
        self._last = piece or self._last

    def _failed(self, event: Any) -> None:
        """An error ends a turn that has no response yet; one that has goes on."""
        message = str(getattr(getattr(event, "error", None), "message", None) or event)
        if not self._is_begun:
            raise _Refused(message)
        note(message)

    def _ended(self, event: Any) -> None:
        response: Any = getattr(event, "response", None)
        state = getattr(response, "status", None)
        if state not in (None, "completed", "cancelled", "incomplete"):
            details: Any = getattr(response, "status_details", None)
            error = getattr(details, "error", None)
            raise _Refused(str(getattr(error, "message", None) or f"the response is {state}"))
        if state == "incomplete":
            note("The response is incomplete.")
        if not self._last and not self._as_events:
            emit(response, self._chosen.output)

    def end(self) -> None:
        """End the line that was printed last."""
        if self._last and not self._last.endswith("\n"):
            write("\n")
            sys.stdout.flush()


def _sample(call: Call, made: Mapping[str, Any], said: Said) -> str:
    """The turn as a program."""
    shown = [f"        {name}={_literal(value)},\n" for name, value in made.items()]
    lines = [
        "from api302 import Client",
        "",
        "with Client() as client:  # reads AI302_API_KEY",
        f"    with client.{call.place}(\n{''.join(shown)}    ) as talk:",
    ]
    if said.text:
        lines.append(f"        talk.conversation.item.create(item={_literal(_message(said.text))})")
    if said.audio:
        lines.append("        talk.send_audio(samples)")
        lines.append("        talk.input_audio_buffer.commit()")
    lines += [
        "        talk.response.create()",
        "        for event in talk:",
        "            print(event.to_dict())",
        f'            if event.type == "{_rules(call)["response"]["end"]}":',
        "                break",
    ]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """A value as Python has it, texts in double quotes."""
    if isinstance(value, dict):
        pairs = (f"{_literal(name)}: {_literal(one)}" for name, one in value.items())  # pyright: ignore[reportUnknownVariableType]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"  # pyright: ignore[reportUnknownArgumentType]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
