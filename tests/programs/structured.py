"""What the model answers, as an object of a Pydantic class."""

from pydantic import BaseModel

from api302 import Client, OutputError


class City(BaseModel):
    name: str
    people: int


def ask(client: Client) -> City | None:
    response = client.chat.completions.parse(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Name a city."}],
        response_format=City,
    )
    return response.parsed


def ask_by_responses(client: Client) -> City | None:
    return client.responses.parse(model="gpt-4o", input="Name a city.", text_format=City).parsed


def ask_anyway(client: Client) -> str:
    try:
        city = ask(client)
    except OutputError as error:
        return f"no city: {error}"
    return city.name if city else "refused"
