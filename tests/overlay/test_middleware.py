"""Functions around each exchange, and API keys that a function gives."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from support import KEY, Lazy, api302, delta, events, http, reset

OTHER = "sk-other-key-9876543210"
RESPONSE = {"id": "c-1", "choices": []}


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="small", messages=[], **more)


def stream(client: Any) -> Any:
    return client.chat.completions.stream(model="small", messages=[])


class Ask(BaseException):
    """A plain function wants the response of `next`."""


class Script:
    """`next` of a plain function, with the responses that are there already."""

    def __init__(self, outcomes: list[Any]) -> None:
        self._outcomes = iter(outcomes)
        self.asked: Any = None

    def __call__(self, call: Any) -> Any:
        self.asked = call
        for outcome in self._outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        raise Ask


def as_coroutine(function: Any) -> Any:
    """A plain function as a coroutine function: run anew up to each `next`, which is awaited."""

    async def middleware(call: Any, next: Any) -> Any:
        outcomes: list[Any] = []
        while True:
            script = Script(outcomes)
            try:
                return function(call, script)
            except Ask:
                outcomes.append(await _outcome(next(script.asked)))

    return middleware


async def _outcome(response: Any) -> Any:
    try:
        return await response
    except api302.Api302Error as error:
        return error


@pytest.fixture(params=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a client with middleware, written once as plain functions, and let a job use it."""

    def run(server: Any, middleware: list[Any], job: Callable[[Any], Any]) -> Any:
        options: Any = {"api_key": KEY, "base_url": server.url}
        if request.param == "sync":
            with api302.Client(middleware=middleware, **options) as client:
                return job(client)

        async def main() -> Any:
            wrapped = map(as_coroutine, middleware)
            async with api302.AsyncClient(middleware=wrapped, **options) as client:
                return await job(client)

        return asyncio.run(main())

    return run


def test_they_see_the_whole_call_and_its_response(serve: Any, use: Any) -> None:
    noted: list[Any] = []

    def note(call: Any, next: Any) -> Any:
        response = next(call)
        noted.append((call, response))
        return response

    server = serve(http(RESPONSE))
    assert use(server, [note], lambda c: chat(c, extra_query={"q": "1"})).id == "c-1"
    call, response = noted[0]
    assert call.operation == "acme_chat_completions"
    assert (call.method, call.url) == ("POST", f"{server.url}/v1/chat/completions")
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.query == {"q": "1"}
    assert call.json == {"model": "small", "messages": []}
    assert not call.stream
    assert KEY not in repr(call)
    assert (response.status_code, response.request_id) == (200, "req-1")
    assert response.json() == RESPONSE
    assert json.loads(response.content) == RESPONSE
    assert response.error is None


def test_the_first_is_the_outermost(serve: Any, use: Any) -> None:
    order: list[str] = []

    def named(name: str) -> Any:
        def middleware(call: Any, next: Any) -> Any:
            order.append(f"{name} in")
            response = next(call)
            order.append(f"{name} out")
            return response

        return middleware

    use(serve(http(RESPONSE)), [named("a"), named("b")], chat)
    assert [one for number, one in enumerate(order) if one not in order[:number]] == [
        "a in",
        "b in",
        "b out",
        "a out",
    ]


def test_they_change_what_is_sent(serve: Any, use: Any) -> None:
    def redacted(call: Any, next: Any) -> Any:
        body = {**call.json, "model": "large"}
        headers = {"X-Trace": "t-1", "accept": None}
        return next(call.replace(json=body, headers=headers, query={"a": "b"}))

    server = serve(http(RESPONSE))
    use(server, [redacted], chat)
    request = server.requests[0]
    assert request.json["model"] == "large"
    assert request.headers["x-trace"] == "t-1"
    assert request.target.endswith("?a=b")
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_cache_gives_its_own_response(serve: Any, use: Any) -> None:
    def cached(call: Any, next: Any) -> Any:
        content = json.dumps({"id": "cached", "choices": []}).encode()
        return api302.Response(200, {"Content-Type": "application/json"}, content)

    server = serve(http(RESPONSE))
    assert use(server, [cached], chat).id == "cached"
    assert not server.requests


def test_a_cache_gives_a_stream(serve: Any) -> None:
    def cached(call: Any, next: Any) -> Any:
        assert call.stream
        content = events(delta("a"), delta("b"))
        return api302.Response(200, {"content-type": "text/event-stream"}, content)

    client = api302.Client(api_key=KEY, base_url=serve().url, middleware=[cached])
    assert "".join(stream(client).text) == "ab"
    client.close()


def test_a_response_made_by_hand_is_judged_like_any(serve: Any, use: Any) -> None:
    def failing(call: Any, next: Any) -> Any:
        content = b'{"error": {"err_code": -10005, "message": "no"}}'
        return api302.Response(401, {"content-type": "application/json"}, content)

    with pytest.raises(api302.AuthenticationError, match="no"):
        use(serve(), [failing], chat)


def test_keys_are_rotated(serve: Any, use: Any) -> None:
    def rotating(call: Any, next: Any) -> Any:
        response = next(call)
        if isinstance(response.error, api302.AuthenticationError):
            response = next(call.replace(api_key=OTHER))
        return response

    server = serve(http({}, "401 x"), http(RESPONSE), http({}, "401 x"), http({OTHER: 1}, "400 x"))
    assert use(server, [rotating], chat).id == "c-1"
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {KEY}", f"Bearer {OTHER}"]
    with pytest.raises(api302.BadRequestError) as caught:
        use(server, [rotating], chat)
    assert OTHER.encode() not in caught.value.content


@pytest.mark.usefixtures("quick")
def test_each_repeat_is_an_exchange(serve: Any, use: Any) -> None:
    attempts: list[tuple[int, str]] = []

    def note(call: Any, next: Any) -> Any:
        response = next(call)
        attempts.append((call.attempt, type(response.error).__name__))
        return response

    use(serve(http({}, "429 x"), http(RESPONSE)), [note], chat)
    assert attempts == [(0, "RateLimitError"), (1, "NoneType")]


def test_errors_come_through(serve: Any, use: Any) -> None:
    seen: list[Exception] = []

    def note(call: Any, next: Any) -> Any:
        try:
            return next(call)
        except api302.ConnectionError as error:
            seen.append(error)
            raise

    with pytest.raises(api302.ConnectionError):
        use(serve(reset), [note], chat)
    assert len(seen) == 1

    def broken(call: Any, next: Any) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        use(serve(), [broken], chat)


def test_an_error_of_theirs_tells_the_response_that_it_took_away(serve: Any, use: Any) -> None:
    def broken(call: Any, next: Any) -> Any:
        next(call)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        use(serve(http(RESPONSE)), [broken], chat)
    (note,) = caught.value.__notes__
    assert note.startswith("POST ")
    assert note.endswith("was answered with HTTP 200, request id req-1")


def test_a_call_that_was_answered_is_not_made_again_by_their_error(serve: Any, use: Any) -> None:
    def broken(call: Any, next: Any) -> Any:
        next(call)
        raise api302.ConnectionError("mine", sent=False, unreached=True)

    server = serve(http(RESPONSE), http(RESPONSE), http(RESPONSE))
    with pytest.raises(api302.ConnectionError) as caught:
        use(server, [broken], chat)
    assert caught.value.sent
    assert len(server.requests) == 1


def test_what_is_no_response_is_refused(serve: Any, use: Any) -> None:
    def forgets(call: Any, next: Any) -> None:
        next(call)

    with pytest.raises(api302.InvalidArgument, match="returned NoneType; return what next"):
        use(serve(http(RESPONSE)), [forgets], chat)


def test_a_stream_is_watched_to_its_end(serve: Any) -> None:
    bodies: list[bytes] = []

    def watch(call: Any, next: Any) -> Any:
        response = next(call)
        assert response.content == b""
        response.when_read(bodies.append)
        return response

    body = events(delta("a"), delta("b"))
    server = serve(*[http(body, content_type="text/event-stream")] * 2)
    client = api302.Client(api_key=KEY, base_url=server.url, middleware=[watch])
    with stream(client) as events_of:
        assert len(list(events_of)) == 2
    assert bodies == [body]
    with stream(client) as events_of:
        next(events_of)
    assert len(bodies) == 2
    assert body.startswith(bodies[1])
    client.close()


def test_a_watcher_that_fails_costs_nothing(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    def watch(call: Any, next: Any) -> Any:
        response = next(call)
        response.when_read(lambda _: 1 / 0)
        return response

    client = api302.Client(api_key=KEY, base_url=serve(http(RESPONSE)).url, middleware=[watch])
    with caplog.at_level(logging.WARNING, "api302"):
        assert chat(client).id == "c-1"
    assert "an observer failed (ZeroDivisionError)" in caplog.text
    client.close()


def test_clients_of_with_options_share_it(serve: Any) -> None:
    count: list[int] = []

    def note(call: Any, next: Any) -> Any:
        count.append(1)
        return next(call)

    client = api302.Client(
        api_key=KEY, base_url=serve(http(RESPONSE)).url, middleware=[note]
    ).with_options(timeout=30)
    chat(client)
    client.close()
    assert count == [1]


def test_a_plain_function_serves_an_async_client(serve: Any) -> None:
    async def main() -> None:
        async with api302.AsyncClient(
            api_key=KEY,
            base_url=serve(http(RESPONSE)).url,
            middleware=[lambda call, next: next(call)],
        ) as client:
            assert (await chat(client)).id == "c-1"

    asyncio.run(main())


async def _coroutine(call: Any, next: Any) -> Any:
    return await next(call)


class _Object:
    async def __call__(self, call: Any, next: Any) -> Any:
        return await next(call)


@pytest.mark.parametrize(
    ("middleware", "said"),
    [
        ([_coroutine], r"middleware\[0\]: is a coroutine function, which AsyncClient takes"),
        ([_Object()], r"middleware\[0\]: is a coroutine function"),
        ([len, "f"], r"middleware\[1\]: must be a function f\(call, next\), not 'f'"),
        (3, r"middleware\[0\]: must be a function"),
    ],
)
def test_wrong_middleware_is_refused(middleware: Any, said: str) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        api302.Client(api_key=KEY, middleware=middleware)


@pytest.mark.parametrize(
    ("change", "said"), [({"json": {"a": 1}}, "json: GET"), ({"api_key": OTHER}, "api_key: GET")]
)
def test_what_cannot_be_replaced(change: Any, said: str, serve: Any) -> None:
    """A file of another host: it has no body, and must not see the API key."""

    def changing(call: Any, next: Any) -> Any:
        return next(call.replace(**change))

    other = serve(http(b"x", content_type="image/png"))
    client = api302.Client(api_key=KEY, base_url=serve().url, middleware=[changing])
    with pytest.raises(api302.InvalidArgument, match=said):
        client.download(f"{other.url}/x.png")
    assert not other.requests
    client.close()


# --- the API key as a function --------------------------------------------------------------------


def test_a_function_gives_the_key_for_each_exchange(serve: Any, connect: Any) -> None:
    keys = iter([KEY, OTHER])
    server = serve(http(RESPONSE), http({"error": {"message": f"bad {OTHER}"}}, "401 x"))
    client = connect(server).with_options(api_key=lambda: next(keys))
    assert chat(client).id == "c-1"
    with pytest.raises(api302.AuthenticationError) as caught:
        chat(client)
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {KEY}", f"Bearer {OTHER}"]
    assert OTHER not in str(caught.value)
    assert OTHER.encode() not in caught.value.content


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("is_coroutine", [True, False])
def test_a_coroutine_function_gives_the_key(is_coroutine: bool, serve: Any) -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return OTHER

    server = serve(http(RESPONSE))

    async def main() -> None:
        source = later if is_coroutine else lambda: OTHER
        async with api302.AsyncClient(api_key=source, base_url=server.url) as client:
            await chat(client)

    asyncio.run(main())
    assert server.requests[0].headers["authorization"] == f"Bearer {OTHER}"


async def _late() -> str:
    return KEY


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda: None, "api_key: its function must return the key, not NoneType"),
        (lambda: "", "api_key: is missing"),
        (lambda: "a b", "api_key: has a line break, a space"),
        (_late, "api_key: Client takes a function that is not a coroutine's"),
    ],
)
def test_a_function_that_gives_no_key(source: Any, said: str, serve: Any) -> None:
    server = serve(http(RESPONSE))
    client = api302.Client(api_key=source, base_url=server.url)
    with pytest.raises(api302.InvalidArgument, match=said):
        chat(client)
    assert not server.requests
    client.close()


def test_learned_keys_are_bounded() -> None:
    secret = Lazy("api302._secret")
    redactor = secret.Redactor("the-first-secret")
    for number in range(100):
        redactor.learn(f"secret-{number:04d}")
    text = redactor.text("the-first-secret secret-0099 secret-0084 secret-0000")
    assert text == "[key] [key] [key] secret-0000"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("200",), "status_code: must be a number such as 200, not '200'"),
        ((True,), "status_code: "),
        ((200, [("a", "b")]), "headers: must be a mapping"),
        ((200, {"retry-after": 5}), "headers: 'retry-after' must be a text, and its value too"),
        ((200, {b"a": b"b"}), "headers: b'a' must be a text"),
        ((200, {}, "{}"), r"content: must be bytes, not str; json.dumps"),
        ((200, {}, None), "content: must be bytes, not NoneType"),
        ((200, {}, {"id": 1}), "content: must be bytes, not dict"),
    ],
)
def test_fault_25_a_response_of_other_parts_is_refused(given: Any, said: str) -> None:
    """Where it is made, and not somewhere in the client later."""
    with pytest.raises(api302.InvalidArgument, match=said):
        api302.Response(*given)


def test_a_response_takes_any_bytes() -> None:
    assert api302.Response(200, None, bytearray(b"{}")).status_code == 200
    assert b"".join(api302.Response(200, {}, memoryview(b"ab")).iter_bytes()) == b"ab"
