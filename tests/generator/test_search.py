"""The search: what the terms of a text are, and which calls have them."""

from __future__ import annotations

from typing import Any

import pytest

from generator.runtime.search import Index, pairs, phrase, stem, terms

SAME = {"photo": "imag", "imag": "imag", "图片": "imag", "翻译": "transl"}


@pytest.mark.parametrize(
    "words",
    [
        "generate generates generated generating generator generation",
        "translate translator translation translating",
        "upscale upscales upscaling upscaler",
        "swap swapping swapped",
        "image images",
        "story stories",
        "note notes",
        "voice voices",
        "movie movies",
    ],
)
def test_forms_of_a_word_are_one_term(words: str) -> None:
    assert len({stem(word) for word in words.split()}) == 1


@pytest.mark.parametrize("word", ["video", "3d", "free", "gpt", "bing", "face"])
def test_what_is_no_ending_stays(word: str) -> None:
    assert stem(word) == word


def test_terms_leave_out_what_says_nothing_and_join_synonyms() -> None:
    assert terms("Make a photo of THE cat", SAME) == [stem("make"), "imag", "cat"]


def test_a_name_with_a_version_is_both() -> None:
    assert terms("veo3", {}) == ["veo3", "veo"]
    assert terms("4k", {}) == ["4k"]


def test_chinese_is_cut_into_known_words_and_pairs() -> None:
    assert terms("图片翻译", SAME) == ["imag", "transl"]
    assert terms("二维码图片", SAME) == ["二维", "维码", "imag"]
    assert terms("猫", SAME) == ["猫"]


def test_urls_are_no_words() -> None:
    assert terms("Upscale https://example.com/small.png twice", {}) == [stem("upscale"), "twic"]
    assert terms("抠图 https://example.com/a.png。谢谢", {}) == ["抠图", "谢谢"]
    assert phrase("see www.example.com now", {}) == "see now"


def test_pairs_keep_the_order() -> None:
    assert pairs(["text", "video", "fast"]) == ["text video", "video fast"]
    assert pairs(terms("turn the photo into a video", {**SAME, "turn": "convert"})) == [
        "imag video"
    ]


def test_a_phrase_is_terms_unless_its_small_words_matter() -> None:
    assert phrase("Edit videos", {}) == " ".join(terms("edits the video", {}))
    assert phrase("text to image", {}) == "text to image"
    assert phrase("chat", {}) == "chat"
    assert phrase("换脸", {}) == "换脸"


def index(titles: list[str], ranks: list[float], phrases: dict[str, list[int]]) -> Index:
    found: dict[str, list[int]] = {}
    for number, title in enumerate(titles):
        listed = terms(title, SAME)
        for term in dict.fromkeys([*listed, *pairs(listed)]):
            found.setdefault(term, []).extend((number, 10))
    calls: list[Any] = [
        ["a.b.c", title, title, "", "", "call", False, "a.b", True] for title in titles
    ]
    data = {"calls": calls, "ranks": ranks, "terms": found, "phrases": phrases, "same": SAME}
    return Index.of(data)


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    made = index(["image one", "image two", "image three", "cat"], [1, 1, 1, 1], {})
    assert [one.title for one in made.search("image of a cat", 1)] == ["cat"]


def test_order_rank_and_phrases_decide_between_the_same_words() -> None:
    titles = ["Create text from speech", "Create speech from text"]
    assert index(titles, [1, 1], {}).search("speech to text", 1)[0].title == titles[1]
    assert index(titles, [1, 0.3], {}).search("speech to text", 1)[0].title == titles[0]
    dubbed = index(titles, [1, 1], {"配音": [1]}).search("给视频配音", 1)
    assert [one.title for one in dubbed] == [titles[1]]


def test_only_what_is_allowed_is_found() -> None:
    made = index(["cat", "cat two"], [1, 1], {})
    assert [one.title for one in made.search("cat", 5, lambda one: "two" in one.title)] == [
        "cat two"
    ]
    assert made.search("dog", 5) == []
