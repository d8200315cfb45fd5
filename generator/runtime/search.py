"""The search over all calls: the terms of a text, and the calls that have the terms of a question.

The generator makes the index with the same functions that read it, so that they cannot disagree
about what a word is. English words are stemmed lightly, Chinese is cut into known words and pairs
of characters; words that mean the same (`x-synonyms`) are one term.

    index = Index.of(json.loads(content))
    [found.call for found in index.search("remove background", 5)]
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

Json = Mapping[str, Any]

_URL = re.compile(r"(?:https?://|data:|www\.)[!-~]+")
_BETWEEN = re.compile(r"[\W_]+")
_RUN = re.compile(r"[a-z0-9]+|[^\W\d_a-z]+")
_NAMED = re.compile(r"([a-z]{2,})\d+[a-z]?")
"""A name with a version behind it: `veo3`."""
_LONGEST_WORD = 6
"""Characters of a Chinese word."""
_UNMATCHED = 0.6
"""What is left of a score if nothing else of the question matched."""
_DOING = frozenset({"gener", "convert"})
"""Terms of what most calls do, which says little of which one is meant."""
_SAYS_LITTLE = 0.6
"""What is left of their worth."""
_STOP = frozenset(
    "a about all an and any api are at be by call can could do does existing for from get "
    "give has have how i if in into is it its let like me my need of on one or our out own "
    "please s so some something t that the their them there these they this to use using want "
    "was we what when where who will with without would you your".split()
)
"""Words that say nothing about what is asked for."""
_ENDINGS = (
    *(("ization", 4), ("isation", 4), ("ation", 4), ("ating", 4), ("ator", 4), ("ion", 4)),
    *(("ing", 3), ("ized", 4), ("ize", 4), ("ated", 4), ("ate", 4), ("ie", 3), ("er", 4)),
    *(("ed", 3), ("e", 4), ("y", 4)),
)
"""Endings of English words but for the plural's, each with how many letters must be left."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """An English word without its ending: `generating`, `generator` and `generate` are `gener`."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    for ending, least in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= least:
            word = rest
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "le" else word


def terms(text: str, same: Mapping[str, str]) -> list[str]:
    """The terms of a text, in its order.

    Args:
        text: In any language.
        same: The term that stands for another word; those of English by their stems.
    """
    return [term for run in _RUN.findall(_plain(text)) for term in _of_run(run, same)]


def _plain(text: str) -> str:
    """A text in small letters, without URLs: what they lead to is not what is asked for."""
    return _URL.sub(" ", unicodedata.normalize("NFKC", text).lower())


def pairs(listed: list[str]) -> list[str]:
    """Each two things that follow each other: `text video` is another one than `video text`.

    What is done with them stands between them in many sentences: `turn the text into a video`.
    """
    things = [term for term in listed if term not in _DOING]
    return [f"{one} {other}" for one, other in pairwise(things)]


def _of_run(run: str, same: Mapping[str, str]) -> Iterator[str]:
    if not run.isascii():
        yield from _chinese(run, same)
    elif run not in _STOP:
        word = stem(run)
        yield same.get(word, word)
        if named := _NAMED.fullmatch(run):
            yield named[1]


def _chinese(run: str, same: Mapping[str, str]) -> Iterator[str]:
    """The known words of a run of characters, the longest first, and pairs of what is between."""
    rest = ""
    at = 0
    while at < len(run):
        word = _known(run[at : at + _LONGEST_WORD], same)
        if word:
            yield from _cut(rest)
            yield same[word]
            rest = ""
        else:
            rest += run[at]
        at += len(word) or 1
    yield from _cut(rest)


def _known(text: str, same: Mapping[str, str]) -> str:
    """The longest known word that a text begins with; empty if there is none."""
    starts = (text[:length] for length in range(len(text), 0, -1))
    return next((start for start in starts if start in same), "")


def _cut(rest: str) -> list[str]:
    return [rest[at : at + 2] for at in range(max(len(rest) - 1, 0))] or ([rest] if rest else [])


class Found(NamedTuple):
    """A call that a search found.

    Attributes:
        call: As it is written after `client.`: `videos.kling.text_to_video`.
        id: Its operation id.
        title: What it does.
        returns: What comes back: the fields of the response, `outputs` of a task, `file`.
        price: What it costs, as text; empty where that is not documented.
        kind: How it is called: `call`, `task`, `stream` …
        deprecated: Whether the provider has superseded it.
        tag: Its section and vendor: `videos.kling`.
        reads: Whether it only reads: its HTTP method is GET.
    """

    call: str
    id: str
    title: str
    returns: str
    price: str
    kind: str
    deprecated: bool
    tag: str
    reads: bool


class Index(NamedTuple):
    """The index.

    Attributes:
        calls: Every call.
        ranks: A factor for each: less than 1 where another call is mostly meant.
        terms: By term, numbers of calls, each followed by how much the term says of the call.
        phrases: By a phrase that people say, the numbers of the calls that it means.
        same: The term that stands for another word.
    """

    calls: list[Found]
    ranks: list[float]
    terms: Mapping[str, list[int]]
    phrases: Mapping[str, list[int]]
    same: Mapping[str, str]

    @classmethod
    def of(cls, data: Json) -> Index:
        """From the JSON that the generator writes."""
        calls = [Found(*row) for row in data["calls"]]
        return cls(calls, data["ranks"], data["terms"], data["phrases"], data["same"])

    def search(
        self, words: str, limit: int, allowed: Callable[[Found], bool] = lambda _: True
    ) -> list[Found]:
        """The calls that fit best, at most `limit`, of those that are `allowed`."""
        scores = self._scores(words)
        ordered = sorted(scores, key=lambda number: (-scores[number], number))
        found = (self.calls[number] for number in ordered)
        return [one for one, _ in zip(filter(allowed, found), range(limit), strict=False)]

    def _scores(self, words: str) -> dict[int, float]:
        asked = terms(words, self.same)
        wanted = dict.fromkeys([*asked, *pairs(asked)])
        whole = sum(self._worth(term) for term in wanted if " " not in term) or 1.0
        scores: dict[int, float] = {}
        matched: dict[int, float] = {}
        for term in wanted:
            worth = self._worth(term)
            for number, weight in _by_two(self.terms.get(term, ())):
                scores[number] = scores.get(number, 0.0) + worth * weight
                if " " not in term:
                    matched[number] = matched.get(number, 0.0) + worth
        for number in self._meant(words):
            scores[number] = scores.get(number, 0.0) + 4 * _PHRASE
            matched[number] = whole
        share = {number: matched.get(number, 0.0) / whole for number in scores}
        return {
            number: score * self.ranks[number] * (_UNMATCHED + (1 - _UNMATCHED) * share[number])
            for number, score in scores.items()
        }

    def _worth(self, term: str) -> float:
        """How much a term says: the fewer calls have it, the more."""
        having = len(self.terms.get(term, ())) / 2
        worth = math.log(1 + len(self.calls) / (having + 1)) if having else 1.0
        return worth * (_SAYS_LITTLE if term in _DOING else 1.0)

    def _meant(self, words: str) -> Collection[int]:
        """The calls whose phrases a question has."""
        plain, asked = said(words), f" {' '.join(terms(words, self.same))} "
        meant: set[int] = set()
        for phrase, numbers in self.phrases.items():
            if has_phrase(plain, phrase) or has_phrase(asked, phrase):
                meant.update(numbers)
        return meant


_PHRASE = 20
"""What a phrase weighs, beside the weights of terms."""


def said(words: str) -> str:
    """A question as phrases are looked for in it."""
    return f" {' '.join(_BETWEEN.split(_plain(words)))} "


def phrase(words: str, same: Mapping[str, str]) -> str:
    """A phrase as the index has it.

    One of several words that all say something are terms, so that `edits the video` means
    `edit a video`; `text to image` is not, since its `to` says what is what.
    """
    plain = said(words).strip()
    parts = plain.split()
    if not plain.isascii() or len(parts) < 2 or not _STOP.isdisjoint(parts):
        return plain
    return " ".join(terms(plain, same))


def has_phrase(plain: str, phrase: str) -> bool:
    """Whether a question has a phrase: its whole words, or its characters in Chinese."""
    return (f" {phrase} " if phrase.isascii() else phrase) in plain


def _by_two(flat: Iterable[int]) -> Iterator[tuple[int, int]]:
    numbers = iter(flat)
    return zip(numbers, numbers, strict=True)
