"""The reader of models: names, limits, and which model a request chooses."""

from __future__ import annotations

import time
from typing import Any

import pytest
from broken import MINI

from generator import models
from generator.document import Document
from generator.join import join
from generator.runtime.catalog import Limits, Model, find, near, size_of
from generator.source import Spec


def _document() -> Document:
    spec = Spec.load(MINI)
    return Document(join(spec), models.models(spec)[0])


DOCUMENT = _document()
SMALL, LARGE, VIDEO = (DOCUMENT.models[name] for name in ("small", "large", "acme-video"))


def test_what_a_file_says_for_all_its_models_each_of_them_has() -> None:
    assert SMALL.vendor == LARGE.vendor == "acme"
    assert [(call.operation, call.field) for call in LARGE.calls] == [
        ("acme_chat_completions", "model")
    ]
    assert SMALL.kinds == ("chat",)
    assert VIDEO.kinds == ("text-to-video", "image-to-video")
    assert (SMALL.evidence, SMALL.source) == ("page", "p001")


def test_a_model_that_its_path_chooses_has_no_wire_name() -> None:
    assert VIDEO.name is None
    assert SMALL.name == "small"
    assert [one.id for one in DOCUMENT.models_by_path(DOCUMENT.by_id["acme_text_to_video"])] == [
        "acme-video"
    ]


def test_the_models_that_a_call_takes() -> None:
    chat = DOCUMENT.by_id["acme_chat_completions"]

    assert [one.id for one in DOCUMENT.models_of(chat)["model"]] == ["small", "large", "tiny"]
    assert DOCUMENT.models_of(DOCUMENT.by_id["acme_get_video"]) == {}


def test_a_call_may_take_all_models_of_a_kind() -> None:
    node = join(Spec.load(MINI))
    video = node["paths"]["/acme/v1/videos"]["post"]
    video["x-models"] = {"field": "prompt", "kinds": ["chat"]}
    document = Document(node, DOCUMENT.catalog)

    taken = document.models_of(document.by_id["acme_text_to_video"])

    assert [one.id for one in taken["prompt"]] == ["small", "large", "tiny"]


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("small", True),
        ("small-web-search", True),
        ("small-web-search-web-search", True),
        ("small-2", False),
        ("Small", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_a_name_with_known_suffixes_means_the_model(name: Any, is_it: bool) -> None:
    assert SMALL.named(name) is is_it


def test_the_model_that_a_request_chooses() -> None:
    known = list(DOCUMENT.models.values())

    assert find(known, "acme_chat_completions", {"model": "large"}) is LARGE
    assert find(known, "acme_chat_completions", {"model": "huge"}) is None
    assert find(known, "acme_text_to_video", {"prompt": "a cat"}) is VIDEO
    assert find(known, "acme_get_video", {"model": "large"}) is None


def test_a_model_may_need_another_field_to_be_chosen() -> None:
    call = {"operation": "speak", "field": "model", "with": {"provider": "acme"}}
    data = {"id": "acme/hd", "name": "hd", "title": "HD", "vendor": "acme", "docs": [{}]}
    model = Model.of({**data, "kinds": ["text-to-speech"], "calls": [call]})

    assert find([model], "speak", {"model": "hd", "provider": "acme"}) is model
    assert find([model], "speak", {"model": "hd", "provider": "other"}) is None
    assert find([model], "speak", {"model": "hd"}) is None


LIMITS = Limits.of(
    {
        "properties": {
            "duration": {"enum": [5, 10]},
            "width": {"minimum": 256, "maximum": 768, "multipleOf": 8},
            "prompt": {"maxLength": 10},
            "image": {"maxItems": 2},
        },
        "required": ["image"],
        "unsupported": ["seed"],
        "replaced": {"width": 512},
    }
)


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"image": ["a"], "duration": 5, "prompt": "a cat"}, {}),
        ({"image": ["a"], "duration": "10"}, {}),
        ({"image": ["a"], "duration": 7}, {"duration": "must be 5 or 10, not 7"}),
        ({"image": ["a"], "width": 100}, {}),
        ({"image": ["a", "b", "c"]}, {"image": "must be at most 2 items, not 3"}),
        ({"image": "https://example.com/a.png"}, {}),
        ({"image": ["a"], "prompt": "a" * 11}, {"prompt": "must be at most 10 characters, not 11"}),
        ({}, {"image": "is required by this model"}),
        ({"image": ""}, {"image": "is required by this model"}),
        ({"image": ["a"], "seed": 0}, {"seed": "is not supported by this model; leave it out"}),
        ({"image": ["a"], "seed": None}, {}),
    ],
)
def test_what_a_model_refuses(values: dict[str, Any], problems: dict[str, str]) -> None:
    assert dict(LIMITS.refused(values)) == problems


@pytest.mark.parametrize(
    ("width", "problem"),
    [
        (100, "must be at least 256, not 100"),
        (1000, "must be at most 768, not 1000"),
        (300, "must be a multiple of 8, not 300"),
        (True, ""),
    ],
)
def test_what_is_replaced_is_outside_and_not_refused(width: Any, problem: str) -> None:
    values = {"image": ["a"], "width": width}

    assert dict(LIMITS.outside(values)).get("width", "") == problem
    assert list(LIMITS.refused(values)) == []


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"size": "1024x768"}, "1024x768"),
        ({"size": "1664*928"}, "1664x928"),
        ({"width": 1024, "height": 768}, "1024x768"),
        ({"width": 1024}, ""),
        ({"size": "2K"}, ""),
        ({}, ""),
    ],
)
def test_the_size_that_a_request_asks_for(values: dict[str, Any], size: str) -> None:
    assert size_of(values) == size
    limits = Limits(sizes=("1024x768",))
    assert bool(list(limits.outside(values))) is (size not in ("", "1024x768"))


def test_names_near_another() -> None:
    known = ["flux-pro-1.1-t2i", "flux-dev-t2i", "gpt-4o", "kling-v2.1"]

    assert near("flux_pro_1_1_t2i", known)[0] == "flux-pro-1.1-t2i"
    assert near("Kling-V2-1", known) == ["kling-v2.1"]
    assert near("nothing like it", known) == []


@pytest.mark.parametrize("range_", [{"minimum": 1, "maximum": 9}, {"multipleOf": 0.5}])
@pytest.mark.parametrize("value", [10**400, -(10**400), 10**4000, 1e308 * 10])
def test_fault_25_a_number_beyond_all_is_refused_by_its_field(
    range_: dict[str, Any], value: float
) -> None:
    limits = Limits.of({"properties": {"n": range_}})
    [(field, problem)] = limits.refused({"n": value})
    assert field == "n"
    assert problem.startswith("must be ")


def test_fault_25_a_long_wrong_value_is_shown_in_short() -> None:
    limits = Limits.of({"properties": {"n": {"enum": [5, 10]}}})
    [(_, problem)] = limits.refused({"n": "x" * 1_000_000})
    assert len(problem) < 200


def test_fault_22_a_name_with_many_suffixes_is_soon_read() -> None:
    name = "small" + "-web-search" * 1_000_000
    start = time.process_time()
    assert SMALL.named(name)
    assert not SMALL.named(f"{name}-")
    assert time.process_time() - start < 10  # each cut anew, they took minutes
