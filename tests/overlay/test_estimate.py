"""What a call will cost, before it is sent, and budgets."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from support import KEY, Server, api302, http

MESSAGES: Any = [{"role": "user", "content": "hello world"}]
CHAT = {"model": "small", "messages": MESSAGES, "max_tokens": 100}
REPLY = {"id": "c-1", "choices": []}
TASK = {"code": 0, "data": {"task_id": "t-1", "task_status": "submitted"}}


def unsent() -> Any:
    return api302.Client(api_key=KEY, base_url="http://127.0.0.1:9")


# --- estimates ------------------------------------------------------------------------------------


def test_a_price_per_call_is_the_estimate() -> None:
    estimate = unsent().estimate("acme_text_to_video", prompt="a cat", duration=5)

    assert (estimate.low, estimate.high, estimate.currency) == (0.5, 0.5, "PTC")
    assert estimate.basis == "the documented price of acme-video (p003): 0.5 PTC per call"
    assert str(estimate) == f"0.5 PTC: {estimate.basis}"


def test_a_variant_that_the_request_does_not_name_makes_a_range() -> None:
    client = unsent()

    either = client.estimate("acme_text_to_video", prompt="a cat")
    long = client.estimate("acme_text_to_video", prompt="a cat", duration="10")

    assert (either.low, either.high) == (0.5, 1)
    assert either.basis.endswith("0.5 PTC per call to 1 PTC per call")
    assert (long.low, long.high) == (1, 1)


def test_tokens_are_a_range_from_characters_and_the_most_output() -> None:
    estimate = unsent().estimate("acme_chat_completions", **CHAT)

    # 11 characters are 1 token or more, and at most 11 and those of the message's frame.
    assert estimate.low == pytest.approx(1 * 1 / 1e6)
    assert estimate.high == pytest.approx((1 * (11 + 16) + 4 * 100) / 1e6)
    assert "1 PTC per 1M input tokens × 1 to 27 tokens" in estimate.basis


@dataclass
class Turn:
    role: str
    content: str


class Limit(IntEnum):
    SHORT = 100


def test_objects_of_a_program_cost_what_their_fields_cost() -> None:
    plain = unsent().estimate("acme_chat_completions", **CHAT)
    given = {
        "model": "small",
        "messages": [Turn("user", "hello world")],
        "max_tokens": Decimal(100),
    }
    assert unsent().estimate("acme_chat_completions", **given) == plain
    limited = {**CHAT, "max_tokens": Limit.SHORT}
    assert unsent().estimate("acme_chat_completions", **limited) == plain


def test_what_can_be_read_only_once_is_left_to_the_call() -> None:
    with pytest.raises(api302.InvalidArgument, match=r"^messages: .* read only once; give a list"):
        unsent().estimate("acme_chat_completions", **{**CHAT, "messages": iter(MESSAGES)})


@pytest.mark.parametrize("kind", [Turn, dict, iter])
def test_a_budget_counts_the_text_of_objects(kind: Any, serve: Any) -> None:
    started: Server = serve(http(REPLY), forever=True)
    messages: Any = [{"role": "user", "content": "x" * 10**6}]
    if kind is not dict:
        messages = iter(messages) if kind is iter else [Turn(**one) for one in messages]
    with (
        api302.Client(api_key=KEY, base_url=started.url) as client,
        client.budget(0.9),
        pytest.raises(api302.BudgetError, match=r"may cost 1\.0"),
    ):
        client.chat.completions.create(
            model="small", messages=messages, extra_body={"max_tokens": 1}
        )
    assert not started.requests


def test_a_character_outside_ascii_may_be_several_tokens() -> None:
    chat = {**CHAT, "messages": [{"role": "user", "content": "你好"}]}

    estimate = unsent().estimate("acme_chat_completions", **chat)

    assert estimate.high == pytest.approx((1 * (6 + 16) + 4 * 100) / 1e6)


def test_fault_25_half_a_character_is_estimated() -> None:
    chat = {**CHAT, "messages": [{"role": "user", "content": "half \ud83d"}]}
    assert unsent().estimate("acme_chat_completions", **chat).high is not None


def test_fault_25_fields_that_are_not_sent_cost_nothing() -> None:
    """A call that a budget sees has all its fields, most of them None: no image is among them."""
    fields = {**CHAT, "image": None, "audio": None}
    assert unsent().estimate("acme_chat_completions", **fields) == unsent().estimate(
        "acme_chat_completions", **CHAT
    )


def test_fault_08_a_record_without_a_cost_makes_no_room(serve: Any, connect: Any) -> None:
    """It is on record, so it was billed; how much is not known."""
    client = connect(serve(http({"data": {"model": "x", "cost": None}}), forever=True))
    with pytest.raises(api302.DecodeError, match="request r-1: is on record, without what it cost"):
        client.cost("r-1")


def test_several_choices_have_as_much_output_each() -> None:
    one = unsent().estimate("acme_chat_completions", **CHAT)
    three = unsent().estimate("acme_chat_completions", **CHAT, n=3)

    assert three.high - one.high == pytest.approx(4 * 200 / 1e6)


def test_a_model_with_a_suffix_costs_what_the_model_costs() -> None:
    chat = {**CHAT, "model": "small-web-search"}

    assert unsent().estimate("acme_chat_completions", **chat).high is not None


def test_output_without_a_limit_has_no_estimate_and_the_field_is_named() -> None:
    with pytest.raises(api302.InvalidArgument, match=r"^max_tokens: is needed for an estimate"):
        unsent().estimate("acme_chat_completions", model="small", messages=MESSAGES)


def test_a_price_by_model_needs_the_model() -> None:
    with pytest.raises(api302.InvalidArgument, match=r"^model: is needed for an estimate"):
        unsent().estimate("acme_chat_completions", messages=MESSAGES)


def test_images_are_tokens_that_nobody_can_count() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}
    chat = {**CHAT, "messages": [{"role": "user", "content": [part]}]}

    estimate = unsent().estimate("acme_chat_completions", **chat)

    assert estimate.low == 0
    assert estimate.high is None


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("extra_sum", {"one": 1, "other": 2}, "the price of extra_sum is not documented"),
        ("acme_chat_completions", {**CHAT, "model": "huge"}, "is not documented (by model)"),
        ("acme_chat_completions", {**CHAT, "model": "tiny"}, "tiny is not documented (by model)"),
    ],
)
def test_without_a_price_there_is_no_number(
    operation: str, arguments: dict[str, Any], said: str
) -> None:
    estimate = unsent().estimate(operation, **arguments)

    assert (estimate.low, estimate.high) == (None, None)
    assert said in estimate.basis
    assert str(estimate).startswith("no estimate: ")


def test_free_calls_cost_nothing() -> None:
    client = unsent()

    assert client.estimate("extra_record", request_id="r-1")[:2] == (0, 0)
    assert client.estimate("acme_get_video", task_id="t-1")[:2] == (0, 0)


def test_a_method_is_estimated_as_its_operation() -> None:
    client = unsent()
    by_id = client.estimate("acme_chat_completions", **CHAT)
    more = {"extra_body": {"max_tokens": 100}}

    assert (
        client.estimate(client.chat.completions.create, model="small", messages=MESSAGES, **more)
        == by_id
    )
    assert (
        client.estimate(client.chat.completions.stream, model="small", messages=MESSAGES, **more)
        == by_id
    )
    video = client.estimate(client.videos.acme.text_to_video, prompt="a cat", duration=5)
    assert video[:2] == (0.5, 0.5)
    assert client.estimate(client.videos.create, prompt="a cat", duration=5) == video


def test_methods_of_the_async_client_are_estimated_without_await() -> None:
    client = api302.AsyncClient(api_key=KEY)

    estimate = client.estimate(client.videos.create, prompt="a cat", duration=5)

    assert estimate[:2] == (0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        (
            "acme_text_to_vidio",
            {},
            "call: there is no operation 'acme_text_to_vidio'; did you mean",
        ),
        ("zzz", {}, "call: there is no operation 'zzz'"),
        (print, {}, "call: must be an operation id"),
        (7, {}, "call: must be an operation id"),
    ],
)
def test_what_is_no_call_is_refused(call: Any, arguments: Any, said: str) -> None:
    with pytest.raises(api302.InvalidArgument) as caught:
        unsent().estimate(call, **arguments)
    assert said in str(caught.value)


def test_arguments_that_a_method_does_not_take_are_named() -> None:
    client = unsent()

    with pytest.raises(api302.InvalidArgument, match=r"^prompt: "):
        client.estimate(client.videos.create)
    with pytest.raises(api302.InvalidArgument, match=r"^colour: "):
        client.estimate(client.videos.create, prompt="a cat", colour="red")


# --- budgets --------------------------------------------------------------------------------------


class Account:
    """A service that bills each call, and knows what it cost after a while."""

    def __init__(self, cost: float = 0.4, late: int = 0, status: str = "200 OK") -> None:
        self.cost = cost
        self.late = late
        self.status = status
        self.asked = 0
        self.calls = 0

    def __call__(self, connection: Any, request: Any) -> None:
        if not request.path.startswith("/dashboard/record"):
            self.calls += 1
            connection.sendall(http(TASK, self.status))
            return
        self.asked += 1
        if self.asked <= self.late:
            connection.sendall(http({"data": None}))
        else:
            connection.sendall(http({"data": {"cost": self.cost}}))


def make(client: Any, duration: int = 5) -> Any:
    return client.videos.create(prompt="a cat", duration=duration)


def test_the_call_that_could_exceed_a_budget_is_not_sent(serve: Any, quick: None) -> None:
    account = Account(cost=0.5)
    started: Server = serve(account, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.2) as budget:
        make(client)
        make(client)
        with pytest.raises(api302.BudgetError) as caught:
            make(client)

    assert account.calls == 2
    assert caught.value.left == pytest.approx(0.2)
    assert caught.value.estimate.high == 0.5
    assert "was not sent: it may cost 0.5 PTC, and 0.2 of 1.2 PTC are left" in str(caught.value)
    assert (budget.spent, budget.reserved) == (1.0, 0)
    assert budget.left == pytest.approx(0.2)
    assert len(budget.bookings) == 2


def test_what_was_cheaper_than_estimated_makes_room(serve: Any) -> None:
    account = Account(cost=0.1)
    started: Server = serve(account, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.0) as budget:
        for _ in range(5):
            make(client)
    assert account.calls == 5
    assert budget.spent == pytest.approx(0.5)


def test_the_estimate_stays_reserved_until_the_cost_is_known(serve: Any) -> None:
    started: Server = serve(Account(cost=0.1), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.0) as budget:
        make(client)
        assert (budget.spent, budget.reserved, budget.left) == (0, 0.5, 0.5)
        budget.settle()
        assert (budget.spent, budget.reserved, budget.left) == (0.1, 0, 0.9)


def test_a_late_record_is_asked_for_again_at_the_end(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api302._features.budget as budgets

    monkeypatch.setattr(budgets, "LATE_RECORDS", (0.01, 0.01, 0.01))
    started: Server = serve(Account(late=2), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.0) as budget:
        make(client)

    assert budget.spent == 0.4
    assert budget.unsettled == []


def test_a_cost_that_stays_unknown_stays_reserved(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api302._features.budget as budgets

    monkeypatch.setattr(budgets, "LATE_RECORDS", (0.01,))
    started: Server = serve(Account(late=1000), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.0) as budget:
        make(client)

    assert (budget.spent, budget.reserved) == (0, 0.5)
    assert [one.request_id for one in budget.unsettled] == ["req-1"]


def test_a_call_that_was_refused_costs_nothing(serve: Any) -> None:
    started: Server = serve(Account(status="400 Bad Request"), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(0.5) as budget:
        for _ in range(3):
            with pytest.raises(api302.BadRequestError):
                make(client)
        assert budget.left == 0.5


def test_a_call_that_never_reached_the_service_costs_nothing() -> None:
    client = api302.Client(api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0)

    with client, client.budget(0.5) as budget:
        with pytest.raises(api302.ConnectionError):
            make(client)
        assert budget.left == 0.5


def test_a_call_without_an_estimate_is_refused_unless_it_is_allowed(serve: Any) -> None:
    account = Account(cost=0.2)
    started: Server = serve(account, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client:
        with client.budget(1.0), pytest.raises(api302.BudgetError, match="not known beforehand"):
            client.tools.extra.sum(one=1, other=2)
        with client.budget(1.0), pytest.raises(api302.BudgetError, match=r"client\.request"):
            client.request("POST", "/new")
        assert account.calls == 0
        with client.budget(1.0, unknown="allow") as budget:
            client.tools.extra.sum(one=1, other=2)
    assert account.calls == 1
    assert budget.spent == 0.2


def test_free_calls_need_no_budget(serve: Any) -> None:
    started: Server = serve(Account(), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(0) as budget:
        assert client.videos.acme.get_video(task_id="t-1").data is not None
        with pytest.raises(api302.BudgetError):
            make(client)
    assert budget.bookings == []


def test_no_thread_gets_past_a_budget(serve: Any) -> None:
    account = Account(cost=0.5)
    started: Server = serve(account, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)
    refused: list[Exception] = []

    def work() -> None:
        try:
            make(client)
        except api302.BudgetError as error:
            refused.append(error)

    with client, client.budget(2.0) as budget:
        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert account.calls == 4
    assert len(refused) == 8
    assert budget.spent == 2.0


def test_no_task_gets_past_a_budget(serve: Any) -> None:
    account = Account(cost=0.5)
    started: Server = serve(account, forever=True)

    async def main() -> Any:
        async with api302.AsyncClient(api_key=KEY, base_url=started.url) as client:
            async with client.budget(1.5) as budget:
                calls = [client.videos.create(prompt="a cat", duration=5) for _ in range(8)]
                done = await asyncio.gather(*calls, return_exceptions=True)
            return budget, [one for one in done if isinstance(one, api302.BudgetError)]

    budget, refused = asyncio.run(main())

    assert account.calls == 3
    assert len(refused) == 5
    assert (budget.spent, budget.left) == (1.5, 0)


def test_clients_with_other_options_share_the_budget_and_others_do_not(serve: Any) -> None:
    started: Server = serve(Account(cost=0.5), forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)
    other = api302.Client(api_key=KEY, base_url=started.url)

    with client, other, client.budget(0.5) as budget:
        make(other)
        make(client.with_options(timeout=5))
        with pytest.raises(api302.BudgetError):
            make(client)
        make(other)
    assert len(budget.bookings) == 1


def test_budgets_within_budgets_both_hold(serve: Any) -> None:
    account = Account(cost=0.5)
    started: Server = serve(account, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)

    with client, client.budget(1.0) as outer:
        with client.budget(0.5) as inner:
            make(client)
            with pytest.raises(api302.BudgetError):
                make(client)
        make(client)
        with pytest.raises(api302.BudgetError):
            make(client)
    assert (inner.spent, outer.spent) == (0.5, 1.0)
    assert outer.left == 0


def test_a_stream_is_billed_when_it_was_opened(serve: Any) -> None:
    def play(connection: Any, request: Any) -> None:
        if request.path.startswith("/dashboard"):
            connection.sendall(http({"data": {"cost": 0.0001}}))
            return
        assert json.loads(request.body)["stream"] is True
        event = json.dumps({"id": "c-1", "choices": []})
        body = f"data: {event}\n\ndata: [DONE]\n\n"
        connection.sendall(http(body, content_type="text/event-stream"))

    started: Server = serve(play, forever=True)
    client = api302.Client(api_key=KEY, base_url=started.url)
    chat = {"model": "small", "messages": MESSAGES, "extra_body": {"max_tokens": 10}}

    with client, client.budget(1.0) as budget, client.chat.completions.stream(**chat) as stream:
        list(stream)
    assert budget.spent == 0.0001


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((-1,), "limit: must be PTC, 0 or more, not -1"),
        ((float("nan"),), "limit: must be PTC, 0 or more"),
        (("5",), "limit: must be PTC, 0 or more, not '5'"),
        ((True,), "limit: must be PTC"),
        ((1, {"currency": "USD"}), "currency: must be PTC, not 'USD'; 1 PTC is 1 USD"),
        ((1, {"unknown": "ask"}), 'unknown: must be "refuse" or "allow", not \'ask\''),
    ],
)
def test_bad_budgets(arguments: tuple[Any, ...], said: str) -> None:
    limit, *named = arguments
    with pytest.raises(api302.InvalidArgument) as caught:
        unsent().budget(limit, **(named[0] if named else {}))
    assert said in str(caught.value)


def test_a_budget_is_used_once_at_a_time() -> None:
    client = unsent()
    budget = client.budget(1)

    with budget, pytest.raises(api302.InvalidArgument, match="in use already"):
        budget.__enter__()


def test_fault_25_an_estimate_of_what_holds_itself_names_the_field(
    serve: Any, connect: Any
) -> None:
    client, circle, deep = connect(serve()), [], []  # type: ignore[var-annotated]
    circle.append(circle)
    for _ in range(5000):
        deep = [deep]
    for messages in (circle, deep):
        with pytest.raises(api302.InvalidArgument, match="messages: cannot be sent as JSON"):
            client.estimate("acme_chat_completions", model="small", messages=messages)
