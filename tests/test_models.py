"""The catalogue of models of the real specification against what the provider's pages say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from api302 import Client
from api302._features.estimate import estimated
from api302._types import Operation
from api302.catalog import Catalog
from api302_client.catalog import Model, load
from generator.document import Document

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "tests" / "data" / "unified-image-models.tsv"
CALL = "ai302_generate_image_v1"


def catalog() -> dict[str, Model]:
    """The models as the client has them."""
    return load().models


def table() -> list[list[str]]:
    """The rows of the page's table: model, what its note is about, values, what others become."""
    lines = TABLE.read_text("utf-8").splitlines()
    return [[*line.split("\t"), "", "", ""][:4] for line in lines if not line.startswith("#")]


def test_the_table_is_the_whole_one() -> None:
    assert len(table()) == 69


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_each_model_of_the_page_is_in_the_catalogue_with_its_limits(row: list[str]) -> None:
    name, about, values, other = row
    model = catalog()[name]
    limits = model.limits

    assert model.name == name
    assert (CALL, "model") in [(call.operation, call.field) for call in model.calls]
    assert model.kinds[0] == ("image-to-image" if name.endswith("i2i") else "text-to-image")
    assert model.evidence == "page"
    sizes = values.split() if about == "size" else []
    ratios = values.split() if about == "aspect_ratio" else []
    assert list(limits.sizes) == sizes
    assert list(limits.properties.get("aspect_ratio", {}).get("enum", [])) == ratios
    assert limits.replaced.get("size", "") == (other if sizes else "")
    assert limits.replaced.get("aspect_ratio", "") == (other if ratios else "")
    assert limits.required == (("image",) if about.startswith("image required") else ())
    assert limits.unsupported == (("aspect_ratio",) if "no aspect_ratio" in about else ())
    least, most = (256, 768) if about == "width and height" else (None, None)
    for side in ("width", "height"):
        range_ = limits.properties.get(side, {})
        assert (range_.get("minimum"), range_.get("maximum")) == (least, most)
        assert limits.replaced.get(side) == (int(other) if least else None)


def test_a_request_of_each_model_is_taken_or_refused_as_the_page_says() -> None:
    ratio = {"prompt": "a cat", "aspect_ratio": "7:5"}
    for name, about, _, _ in table():
        refused = dict(catalog()[name].limits.refused(ratio))
        needs_image = {"image"} if about.startswith("image required") else set[str]()
        takes_none = {"aspect_ratio"} if "no aspect_ratio" in about else set[str]()

        assert refused.keys() == needs_image | takes_none, name


# --- estimates ------------------------------------------------------------------------------------


def priced() -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations with a documented amount, and the fields of their first examples."""
    document = Document(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    for operation in document.operations:
        prices = operation.node.get("x-price", [])
        if any("amount" in price for price in prices):
            _, example = operation.example()
            values = dict(example) if isinstance(example, dict) else {}
            for parameter in operation.parameters:
                if "example" in parameter.node:
                    values.setdefault(parameter.wire, parameter.node["example"])
            yield operation.id, values


def test_nine_of_ten_operations_with_a_price_have_an_estimate() -> None:
    unknown = []
    total = 0
    for operation_id, values in priced():
        estimate = estimated(Operation.by_id(operation_id), values)
        total += 1
        if estimate.high is None:
            unknown.append(f"{operation_id}: {estimate.basis}")
        else:
            assert estimate.low is not None
            assert 0 <= estimate.low <= estimate.high
        assert estimate.basis

    assert len(unknown) <= total / 10, "\n".join(unknown)


def test_each_model_says_how_it_is_called() -> None:
    client = Client(api_key="sk-test")
    for model in Catalog():
        if model.code:
            method = re.match(r"client\.([\w.]+)\(", model.code)
            assert method, model.code
            assert callable(attrgetter(method[1])(client)), model.code
