"""A realtime session: events in both directions over one WebSocket, and audio in them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from api302._calls.session import Session
from api302._errors import RealtimeClosed
from api302._http.sync import run

from .realtime_core import REGULAR, Endpoint, Pcm, Talk

if TYPE_CHECKING:
    from typing import Self

E = TypeVar("E")


class RealtimeSession(Generic[E]):
    """A session with a model. Use it in a `with` block, or between `open()` and `close()`.

    Iterating gives the events until the service ends the session. One thread may send while another
    receives.
    """

    def __init__(self, client: Session, endpoint: Endpoint, **given: Any) -> None:
        self._talk = Talk(client, endpoint, **given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._talk!r}>"

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._talk.is_open

    def open(self) -> Self:
        """Connect. It is done at the start of a `with` block.

        Raises:
            ApiError: The service refused, such as an AuthenticationError. ConnectionError: it could
                not be reached. Api302Error: `websockets` is not installed.
        """
        run(self._talk.open())
        return self

    def close(self) -> None:
        """End the session. It is done at the end of a `with` block."""
        run(self._talk.end())

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        is_stopped = kind is not None and not issubclass(kind, Exception)
        run(self._talk.abandon() if is_stopped else self._talk.end())

    def __iter__(self) -> Iterator[E]:
        while self._talk.is_begun:
            try:
                event = self.receive()
            except RealtimeClosed as error:
                if error.close_code == REGULAR:
                    return
                raise
            yield event

    def receive(self, *, timeout: float | None = None) -> E:
        """Wait for the next event and return it. One that is not described yet is an `Unknown`.

        Args:
            timeout: Seconds to wait. Unless given, those of the client while a response is under
                way, and else for as long as the service is alive.

        Raises:
            RealtimeClosed: The session is over. TimeoutError: no event came in time.
            DecodeError: The event is not JSON; the session goes on.
        """
        return run(self._talk.receive(timeout))

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event as it is: a mapping with its `type`. Waits while the service takes none.

        Raises:
            RealtimeClosed: The session is over. TimeoutError: the service took it not in time.
            InvalidArgument: It is not JSON.
        """
        run(self._talk.send(event))

    def _send(self, event: Mapping[str, Any]) -> None:
        self.send(_without_none(event))

    def send_audio(self, pcm: Pcm | Iterable[Pcm]) -> None:
        """Send audio to the input buffer, in as many events as it needs.

        Args:
            pcm: The samples as bytes, 16 bits each, or pieces of them as they come.
        """
        for piece in _pieces(pcm):
            run(self._talk.send_audio(piece))

    def audio(self, event: E) -> bytes:
        """Return the audio in an event as bytes; nothing if it has none."""
        return self._talk.audio(event)

    def interrupt(self, played_ms: int | None = None) -> None:
        """Cancel the response in progress, if there is one.

        Args:
            played_ms: Milliseconds of its audio that were played: the rest is cut out of the
                conversation, so that the model knows what was heard.
        """
        run(self._talk.interrupt(played_ms))


class AsyncRealtimeSession(Generic[E]):
    """`RealtimeSession` for asyncio: `async with`, and its methods are awaited."""

    def __init__(self, client: Session, endpoint: Endpoint, **given: Any) -> None:
        self._talk = Talk(client, endpoint, **given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._talk!r}>"

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._talk.is_open

    async def open(self) -> Self:
        """Connect. See `RealtimeSession.open`."""
        await self._talk.open()
        return self

    async def close(self) -> None:
        """End the session."""
        await self._talk.end()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        is_stopped = kind is not None and not issubclass(kind, Exception)
        await (self._talk.abandon() if is_stopped else self._talk.end())

    async def __aiter__(self) -> AsyncIterator[E]:
        while self._talk.is_begun:
            try:
                event = await self.receive()
            except RealtimeClosed as error:
                if error.close_code == REGULAR:
                    return
                raise
            yield event

    async def receive(self, *, timeout: float | None = None) -> E:
        """Wait for the next event and return it. See `RealtimeSession.receive`."""
        return await self._talk.receive(timeout)

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send an event as it is: a mapping with its `type`."""
        await self._talk.send(event)

    async def _send(self, event: Mapping[str, Any]) -> None:
        await self.send(_without_none(event))

    async def send_audio(self, pcm: Pcm | Iterable[Pcm] | AsyncIterable[Pcm]) -> None:
        """Send audio to the input buffer. See `RealtimeSession.send_audio`."""
        if isinstance(pcm, AsyncIterable):
            async for piece in pcm:
                await self._talk.send_audio(piece)
            return
        for piece in _pieces(pcm):
            await self._talk.send_audio(piece)

    def audio(self, event: E) -> bytes:
        """Return the audio in an event as bytes; nothing if it has none."""
        return self._talk.audio(event)

    async def interrupt(self, played_ms: int | None = None) -> None:
        """Cancel the response in progress. See `RealtimeSession.interrupt`."""
        await self._talk.interrupt(played_ms)


class Events:
    """A group of the events that a session sends."""

    def __init__(self, session: RealtimeSession[Any]) -> None:
        self._session = session

    def _send(self, event: Mapping[str, Any]) -> None:
        self._session.send(_without_none(event))


class AsyncEvents:
    """`Events` of an `AsyncRealtimeSession`."""

    def __init__(self, session: AsyncRealtimeSession[Any]) -> None:
        self._session = session

    async def _send(self, event: Mapping[str, Any]) -> None:
        await self._session.send(_without_none(event))


def _pieces(pcm: Any) -> Iterable[Any]:
    """Audio in pieces: bytes are one, and of what is no such thing each is refused."""
    if isinstance(pcm, Pcm) or not isinstance(pcm, Iterable):
        return (cast("Any", pcm),)
    return cast("Iterable[Any]", pcm)


def _without_none(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if value is not None}
