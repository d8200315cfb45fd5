"""Errors by their kind, a budget, and whether a call that broke off was billed."""

import api302
from api302 import Client


def kind_of_failure(client: Client) -> str:
    try:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
    except api302.AuthenticationError:
        return "key"
    except api302.RateLimitError as error:
        return f"again in {error.retry_after}"
    except api302.QuotaError as error:
        return f"top up: {error.message}"
    except api302.ApiError as error:
        return f"{error.status_code} {error.code} {error.message} {error.request_id}"
    except api302.ConnectionError as error:
        return f"no response: {error}"
    return "none"


def draw_within(client: Client, amount: float) -> tuple[int, float]:
    made = 0
    with client.budget(amount) as budget:
        try:
            while True:
                client.images.flux.pro_v1_1(prompt="a sky city")
                made += 1
        except api302.BudgetError as error:
            print(error)
    return made, budget.spent


def was_it_billed(client: Client) -> str:
    try:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
    except api302.TimeoutError as error:
        return str(client.settle(error))
    except api302.ConnectionError as error:
        return str(client.settle(error))
    return "answered"


def price(client: Client) -> tuple[float | None, float | None]:
    estimate = client.estimate(client.images.flux.pro_v1_1, prompt="a sky city")
    return estimate.low, estimate.high
