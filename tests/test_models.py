"""The catalogue of models of the real specification against what the provider's pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from api302_client.catalog import Model, load

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
