"""What a page says otherwise than the last time, and what that means for the operation and the
models.

The specification is a union of all that is known of a call, so that a page that takes something
back contradicts nothing in it. Only the page as it was tells that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from generator.docs.described import Described, shape
from generator.docs.digests import Digest, Facts, digest, label
from generator.docs.pages import Page
from generator.docs.pages.untrusted import one_line, quoted
from generator.document import Operation
from generator.source import obj

from .finding import Finding
from .places import PLACES, Area
from .since import NOTHING, Since, call_text, named

_MOST = 200


def changes(described: Described, page: Page, before: Digest, told: list[Finding]) -> list[Finding]:
    """What a person must know of a page's changes since it was read.

    Args:
        described: The specification.
        page: The page as it is now.
        before: The page as it was.
        told: What was found already: it is not told twice.
    """
    models = [name for call in before.calls.values() for name in obj(call.get("models"))]
    now = digest(page, models)
    known = {(one.operation, one.kind, one.part, one.field) for one in told}
    found = dict.fromkeys(islice(_changes(described, page, before, now), _MOST + 1))
    return [one for one in found if (one.operation, one.kind, one.part, one.field) not in known]


def _changes(described: Described, page: Page, before: Digest, now: Digest) -> Iterator[Finding]:
    pairs = dict(_pairs(before, now))
    for name in [name for name in before.calls if name not in pairs]:
        since = _since(described, page, name, before)
        yield since.finding(
            "call-gone", "", f"the page no longer has {call_text(name)}", since.gone
        )
    for name in [name for name in now.calls if name not in pairs.values()]:
        since = _since(described, page, name, before)
        if since.operation:  # else the comparison with the specification tells it
            yield since.finding("call", "", f"the page has {call_text(name)} too", NOTHING)
    for old, new in pairs.items():
        since = _since(described, page, new, before)
        since.operation = since.operation or _operation(described, page, old)
        if old != new:
            message = f"{call_text(old)} is now {call_text(new)}"
            fix = "correct the path, or add it to x-aliases"
            yield since.finding("path", new.partition(" ")[2], message, fix)
        yield from _Call(since).changes(before.calls[old], now.calls[new])


def _since(described: Described, page: Page, name: str, before: Digest) -> Since:
    return Since(described, page, _operation(described, page, name), name, before.seen)


def _pairs(before: Digest, now: Digest) -> Iterator[tuple[str, str]]:
    """The calls that are one call, each by its names then and now."""
    shapes = {_shape(name): name for name in now.calls}
    same = {name: shapes[_shape(name)] for name in before.calls if _shape(name) in shapes}
    if not same and len(before.calls) == len(now.calls) == 1:
        same = dict(zip(before.calls, now.calls, strict=True))
    yield from same.items()


def _shape(name: str) -> str:
    method, _, path = name.partition(" ")
    return f"{method} {shape(path)}"


def _operation(described: Described, page: Page, name: str) -> Operation | None:
    for call in page.calls:
        if f"{call.method} {call.path}" == name:
            return described.find(call) or described.numbered(call, page.number)
    method, _, path = name.partition(" ")
    return next(iter(described.by_path.get((method, shape(path)), ())), None)


class _Call:
    """The changes of one call."""

    def __init__(self, since: Since) -> None:
        self.since = since

    def changes(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        """All changes, areas first."""
        yield from self._media(before, now)
        for name in dict.fromkeys((*before, *now)):
            if name == "models" or name.endswith(" example"):
                continue
            is_area = name in PLACES or (name in before and name in now)
            facts = before.get(name, {}), now.get(name, {})
            if is_area and any(isinstance(one, dict) for one in facts):
                yield from Area(self.since, name, *facts).changes()
        listed = [*self._prices(before, now), *self._models(before, now)]
        yield from listed
        yield from self._deprecation(before, now)
        yield from self._other_paths(before, now)
        yield from self._in_words(before, now, hides_own=bool(listed))
        yield from self._examples(before, now)

    def _media(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        for part in ("request", "response"):
            old, new = _bodies(before, part), _bodies(now, part)
            at = "requestBody" if part == "request" else "responses"
            for media in sorted(old.keys() - new.keys()):
                message = f"the page's {part} is no longer {media}"
                yield self.since.finding(
                    "media-gone", media, message, self.since.gone, key=at, part=part
                )
            for media in sorted(new.keys() - old.keys()):
                message = f"the page's {part} is also {media}"
                if not old.keys() & new.keys():
                    message = f"the page's {part} is {media}"
                fix = self._known_media(part, media)
                yield self.since.finding("media", media, message, fix, key=at, part=part)

    def _known_media(self, part: Any, media: str) -> str:
        """What a new body means: one that is described is compared with the specification."""
        if self.since.operation is None:
            return NOTHING
        known = [name for name, _ in self.since.described.bodies(self.since.operation, part)]
        return f"ours has it: {NOTHING}" if media in known else "add the media type"

    def _prices(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        old, new = before.get("prices", []), now.get("prices", [])
        if old != new:
            message = f"the page's price is {named(new) or 'gone'}; it was {named(old) or 'none'}"
            fix = "correct x-price, and the prices of the models that this call takes"
            yield self.since.finding("price", "", message, fix, key="x-price")

    def _models(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        old, new = obj(before.get("models")), obj(now.get("models"))
        for name in sorted(old.keys() - new.keys()):
            message = f"the page no longer lists the model {quoted(name)}"
            yield self.since.finding("model-gone", name, message, self.since.model(name))
        for name in sorted(new.keys() - old.keys()):
            message = f"the page lists the model {quoted(name)}"
            yield self.since.finding("model", name, message, self.since.model(name))
        for name in sorted(old.keys() & new.keys()):
            if old[name] != new[name]:
                message = f"the page says something else of the model {quoted(name)}"
                fix = f"read its row, and correct its limits: {self.since.model(name)}"
                yield self.since.finding("model-words", name, message, fix)

    def _deprecation(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        if before.get("deprecated") != now.get("deprecated"):
            is_now = "deprecated" if now.get("deprecated") else "no longer deprecated"
            fix = "say so with `deprecated`, and with x-replaced-by what to use instead"
            yield self.since.finding("deprecated", "", f"the page's call is {is_now}", fix)

    def _other_paths(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        if before.get("other paths") != now.get("other paths"):
            paths = named(now.get("other paths", [])) or "none"
            message = f"the page's samples call another path than the call's: {paths}"
            yield self.since.finding("alias", "", message, "correct x-aliases")

    def _in_words(
        self, before: dict[str, Any], now: dict[str, Any], *, hides_own: bool
    ) -> Iterator[Finding]:
        """What is said in other words; `hides_own`: but for those of the call itself."""
        words = [place for place in self._words(before, now) if place or not hides_own]
        if words:
            names = ", ".join(quoted(place or "call", 200) for place in words)
            message = f"the page says something else about {one_line(names, 500)}"
            fix = "read it: limits, units and conditions often stand in words"
            yield self.since.finding("words", "", message, fix)

    def _examples(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Finding]:
        for name in sorted(name for name in before | now if name.endswith(" example")):
            in_both = name.removesuffix(" example") in before.keys() & now.keys()
            if in_both and before.get(name) != now.get(name):
                part = name.partition(" ")[0]
                message = f"the page has another example of the {part}"
                fix = "take it into the description if it shows something new"
                yield self.since.finding("example", "", message, fix, part=part)

    def _words(self, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
        """The places whose words are others; of the call's own an empty one."""
        if before.get("words") != now.get("words"):
            yield ""
        for name in sorted(before.keys() & now.keys()):
            old, new = before[name], now[name]
            for place in old if isinstance(old, dict) and name != "models" else ():
                if place in new and old[place].get("words") != new[place].get("words"):
                    yield label(place) or "body"


def _bodies(call: dict[str, Any], part: str) -> dict[str, Facts]:
    """The bodies of a request or response by media type."""
    return {
        name.partition(" ")[2]: facts
        for name, facts in call.items()
        if name.startswith(f"{part} ") and isinstance(facts, dict)
    }
