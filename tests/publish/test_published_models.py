"""The models as they are published: as data, as a page, in llms.txt, and what changed in them."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from generator.coverage import EVIDENCE, coverage
from generator.document import Document
from generator.emit.methods import Methods
from generator.join import join
from generator.models import models
from generator.publish.changes.command import read_models
from generator.publish.changes.models import compare_models
from generator.publish.changes.report import Report
from generator.publish.llms import llms_text
from generator.publish.models import models_json, models_schema
from generator.publish.site.models import page
from generator.source import Spec

MINI = Path(__file__).resolve().parents[1] / "fixtures" / "mini_spec"
SPEC = Spec.load(MINI)
MODELS = models(SPEC)[0]
DOCUMENT = Document(join(SPEC), MODELS)
INFO = {"title": "Mini", "version": "0.1.0", "x-evidence-date": "2026-11-21"}


def test_models_json_fits_its_schema_and_is_complete() -> None:
    data = models_json(DOCUMENT, INFO)
    validator = jsonschema_rs.Draft202012Validator(models_schema(SPEC.extensions_schema()))

    assert [error.message for error in validator.iter_errors(data)] == []
    assert [model["id"] for model in data["models"]] == ["small", "large", "tiny", "acme-video"]
    assert data["models"][0]["calls"] == [{"operation": "acme_chat_completions", "field": "model"}]
    assert (data["version"], data["evidence_date"]) == ("0.1.0", "2026-11-21")


def test_the_schema_refuses_what_is_no_model() -> None:
    data = models_json(DOCUMENT, INFO)
    validator = jsonschema_rs.Draft202012Validator(models_schema(SPEC.extensions_schema()))
    for change in ({"title": 7}, {"calls": []}, {"vendro": "acme"}):
        assert not validator.is_valid({**data, "models": [{**data["models"][0], **change}]})


class Rows(HTMLParser):
    """The cells of the table's rows, and what the rows say of themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.about: list[dict[str, str | None]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr" and any(name == "data-kinds" for name, _ in attrs):
            self.rows.append([])
            self.about.append(dict(attrs))
        self._in_cell = tag == "td" or (self._in_cell and tag == "code")
        if tag == "td":
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def rows_of(text: str) -> Rows:
    parser = Rows()
    parser.feed(text)
    return parser


def test_the_page_has_a_row_a_model() -> None:
    found = rows_of(page(DOCUMENT))

    assert [row[0] for row in found.rows] == ["small", "large", "tiny", "acme-video"]
    assert found.rows[3][1:] == [
        "Acme Video",
        "text-to-video, image-to-video",
        "acme",
        "0.5 PTC per call; 1 PTC per call",
        "acme_text_to_video",
    ]
    assert found.rows[2][4] == "not documented"
    assert [one["data-price"] for one in found.about] == ["4", "40", "", "1"]
    assert found.about[2]["class"] == "deprecated"


def test_no_text_of_the_specification_is_markup_on_the_page() -> None:
    hostile = copy.deepcopy(MODELS)
    hostile["small"]["title"] = "<script>alert(1)</script>"
    hostile["small"]["name"] = '"><img src=x onerror=alert(1)>'

    text = page(Document(DOCUMENT.node, hostile))

    assert rows_of(text).rows[0][:2] == [hostile["small"]["name"], hostile["small"]["title"]]
    assert text.count("<script") == 1
    assert "<img" not in text


def test_llms_txt_names_the_first_models_of_a_call_and_how_to_list_all() -> None:
    many = {
        f"m{number}": {**MODELS["small"], "id": f"m{number}", "name": f"m{number}"}
        for number in range(9)
    }
    few = llms_text(Methods.of_document(DOCUMENT), INFO)
    lots = llms_text(Methods.of_document(Document(DOCUMENT.node, many)), INFO)

    assert "models: `small`, `large`" in few
    assert "tiny" not in few
    assert "models: `m0`, `m1`, `m2` and 6 more" in lots
    assert "catalog.find(operation=" in few


# --- changes --------------------------------------------------------------------------------------


def changed(**changes: Any) -> Report:
    new = copy.deepcopy(MODELS)
    for id_, change in changes.items():
        if change is None:
            del new[id_]
        else:
            new[id_] = {**new.get(id_, {}), **change}
    return Report("0.1.0", compare_models(MODELS, new), 0)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"huge": {"title": "Acme Huge"}}, "  - `huge`: new: Acme Huge"),
        ({"small": None}, "  - `small`: gone: Acme Small"),
        (
            {"acme-video": {"price": [{"amount": 2, "unit": "PTC", "per": "call"}]}},
            "  - `acme-video`: price: 0.5 PTC per call; 1 PTC per call → 2 PTC per call",
        ),
        (
            {"tiny": {"price": [{"amount": 2, "unit": "PTC", "per": "call"}]}},
            "  - `tiny`: price: unknown → 2 PTC per call",
        ),
        (
            {"large": {"deprecated": True, "replaced_by": "small"}},
            "  - `large`: deprecated; use small",
        ),
    ],
)
def test_models_that_came_went_or_cost_something_else(changes: Any, line: str) -> None:
    report = changed(**changes)

    assert f"- **models**\n{line}\n" in report.markdown()
    assert report.verdict == ("added" if "huge" in changes else "changed")


def test_the_same_models_are_no_change() -> None:
    assert changed().changes == []


def test_models_of_a_folder_and_beside_a_published_document(tmp_path: Path) -> None:
    (tmp_path / "openapi-3.2.json").write_text("{}")
    (tmp_path / "models.json").write_text(json.dumps(models_json(DOCUMENT, INFO)))

    assert read_models(str(MINI)) == MODELS
    assert read_models(str(tmp_path / "openapi-3.2.json")) == MODELS
    (tmp_path / "models.json").unlink()
    assert read_models(str(tmp_path / "openapi-3.2.json")) is None


def test_coverage_counts_models_by_kind_and_evidence() -> None:
    lines = coverage(SPEC).split("\n\n")[1].splitlines()

    assert [line.split() for line in lines] == [
        ["kind", "models", "priced", "limits", *EVIDENCE],
        ["chat", "3", "2", "1", "0", "3", "0", "0", "0", "0"],
        ["text-to-video", "1", "1", "1", "0", "1", "0", "0", "0", "0"],
        ["all", "4", "3", "2", "0", "4", "0", "0", "0", "0"],
    ]
