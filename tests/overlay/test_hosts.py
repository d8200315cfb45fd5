"""Spare hosts, tried where nothing was sent and only there; whether a call is repeated."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from patience import PATIENCE, reserved_port, until
from support import KEY, api302, head, http, reset, silent, slowly

RESPONSE = {"id": "c-1", "choices": []}


def chat(client: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[])


def get(client: Any) -> Any:
    """A status call, which the description says is free."""
    return client.videos.acme.get_video(task_id="t-1")


def refusing() -> str:
    """A host that refuses connections."""
    return f"http://127.0.0.1:{reserved_port()}"


class At:
    """A server's URL alone."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture
def unreached(serve: Any) -> dict[str, str]:
    """Hosts that no request can be sent to."""
    return {
        "refused": refusing(),
        "no such name": "http://no-such-host.invalid",
        "no TLS": serve(http(RESPONSE), forever=True).url.replace("http:", "https:"),
    }


@pytest.mark.parametrize("how", ["refused", "no such name", "no TLS"])
def test_the_next_host_is_tried(
    how: str, unreached: dict[str, str], serve: Any, connect: Any
) -> None:
    spare = serve(http(RESPONSE))
    client = connect(At(unreached[how]), fallback=[refusing(), spare.url], max_retries=0)
    assert chat(client).id == "c-1"
    assert spare.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.usefixtures("quick")
def test_where_none_is_reached_all_are_tried_again(connect: Any, serve: Any) -> None:
    tried: list[str] = []

    def note(call: Any, next: Any) -> Any:
        tried.append(call.url)
        return next(call)

    one, other = refusing(), refusing()
    client = connect(At(one), fallback=[f"{other}/"], max_retries=1, middleware=[note])
    with pytest.raises(api302.ConnectionError) as caught:
        chat(client)
    assert (caught.value.sent, caught.value.unreached) == (False, True)
    assert tried == [f"{host}/v1/chat/completions" for host in (one, other, one, other)]


@pytest.mark.parametrize(
    "step",
    [reset, silent, http({}, "500 x"), http({}, "429 x"), http(b"", "404 x")],
    ids=["reset", "timeout", "500", "429", "404"],
)
def test_what_was_sent_never_goes_elsewhere(step: Any, serve: Any, connect: Any) -> None:
    server, spare = serve(step, forever=True), serve(http(RESPONSE), forever=True)
    patient = httpx2.Timeout(PATIENCE, read=0.3 if step is silent else PATIENCE)
    client = connect(server, fallback=[spare.url], max_retries=0, timeout=patient)
    with pytest.raises(api302.Api302Error):
        chat(client)
    until(lambda: server.requests, "it is received")
    assert len(server.requests) == 1
    assert not spare.requests


def test_uploads_never_go_elsewhere(serve: Any, connect: Any) -> None:
    spare = serve(http({}), forever=True)
    client = connect(At(refusing()), fallback=[spare.url], max_retries=0)
    for make in (
        lambda: client.files.upload(b"x"),
        lambda: client.download(f"{refusing()}/result.mp4"),
    ):
        with pytest.raises(api302.ConnectionError):
            make()
    assert not spare.requests


def test_the_steps_of_an_upload_are_at_one_host(serve: Any, connect: Any) -> None:
    """Its last step stays where it was begun, though that host is gone by then."""
    spare, store = serve(http({}), forever=True), serve()
    server = serve(http({"data": {"id": "u-1", "put": f"{store.url}/u-1"}}))

    def stored(connection: Any, _: Any) -> None:
        server.close()
        with suppress(OSError):  # the thread that accepts takes one more, and no other
            socket.create_connection(("127.0.0.1", server.port)).close()
        connection.sendall(http(b"", etag='"e"'))

    store.steps = [stored]
    client = connect(server, fallback=[spare.url], max_retries=0)
    with pytest.raises(api302.ConnectionError):
        client.tools.extra.put_picture(file=b"\x89PNG", scene="vivid")
    assert (len(server.requests), len(store.requests)) == (1, 1)
    assert not spare.requests


def test_the_key_goes_to_the_named_hosts_alone(serve: Any, connect: Any, tmp_path: Any) -> None:
    file = http(b"x", content_type="image/png")
    base, spare, stranger = serve(file), serve(file), serve(file)
    client = connect(base, fallback=[spare.url])
    for server in (base, spare, stranger):
        client.download(f"{server.url}/x.png", tmp_path)
    sent = ["authorization" in server.requests[0].headers for server in (base, spare, stranger)]
    assert sent == [True, True, False]


@pytest.mark.usefixtures("network")
def test_an_async_client(serve: Any) -> None:
    spare = serve(http(RESPONSE))

    async def main() -> None:
        async with api302.AsyncClient(
            api_key=KEY, base_url=refusing(), fallback=[spare.url], max_retries=0
        ) as client:
            assert (await chat(client)).id == "c-1"

    asyncio.run(main())


def test_no_free_connection_is_no_reason_to_go_elsewhere(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api302._http import transport

    monkeypatch.setattr(transport, "POOL", 1)
    monkeypatch.setattr(transport, "POOLS", 1)
    stream = slowly([], head("text/event-stream", "transfer-encoding: chunked"), silent)
    server, spare = serve(stream, forever=True), serve(http(RESPONSE))
    options: Any = {"fallback": [spare.url], "max_retries": 0}
    with (
        api302.Client(api_key=KEY, base_url=server.url, **options) as client,
        client.chat.completions.stream(model="small", messages=[]),
        pytest.raises(api302.TimeoutError, match="no free connection"),
    ):
        chat(client.with_options(timeout=0.3))
    assert not spare.requests


def test_another_base_url_has_no_spare_hosts(serve: Any, connect: Any) -> None:
    spare = serve(http(RESPONSE), forever=True)
    client = connect(At(refusing()), fallback=[spare.url], max_retries=0)
    with pytest.raises(api302.ConnectionError):
        chat(client.with_options(base_url=refusing()))
    assert not spare.requests


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        ("https://a.example", "fallback: must be a list of base URLs"),
        (3, "fallback: must be a list of base URLs"),
        (["https://a.example", "ftp://b"], r"fallback\[1\]: 'ftp://b' must start with https://"),
        ([None], r"fallback\[0\]: must be text"),
        (["https://a.example/v1"], r"fallback\[0\]: leave /v1 out"),
    ],
)
def test_wrong_hosts_are_refused(fallback: Any, said: str) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        api302.Client(api_key=KEY, fallback=fallback)


# --- repeats --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", [http({}, "500 x"), reset], ids=["500", "reset"])
@pytest.mark.parametrize(("repeat", "posts", "gets"), [(True, 3, 3), (False, 1, 1), (None, 1, 3)])
def test_repeat_overrides_the_description(
    step: Any, repeat: Any, posts: int, gets: int, serve: Any, connect: Any
) -> None:
    for call, times in ((chat, posts), (get, gets)):
        server = serve(step, forever=True)
        client = connect(server).with_options(repeat=repeat)
        with pytest.raises(api302.Api302Error):
            call(client)
        assert len(server.requests) == times


@pytest.mark.usefixtures("quick")
def test_repeat_false_leaves_what_was_refused(serve: Any, connect: Any) -> None:
    server = serve(http({}, "429 x"), http(RESPONSE))
    assert chat(connect(server, repeat=False)).id == "c-1"
    assert len(server.requests) == 2


def test_repeat_is_checked(connect: Any, serve: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match="repeat: must be True, False or None"):
        connect(serve()).with_options(repeat="always")


@pytest.mark.parametrize("timeout", [30, "read"])
def test_a_longer_pause_than_the_callers_patience_is_raised(
    timeout: Any, serve: Any, connect: Any
) -> None:
    patience: Any = httpx2.Timeout(PATIENCE, read=30) if timeout == "read" else timeout
    server = serve(http({}, "429 x", retry_after="50"), forever=True)
    client = connect(server, timeout=patience)
    with pytest.raises(api302.RateLimitError) as caught:
        chat(client)
    assert caught.value.retry_after == 50
    assert len(server.requests) == 1, "it is not made again, after that pause"
