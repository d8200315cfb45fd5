"""Which calls there are: found by words, and described with all that they take.

    for found in directory.search("remove the background of a photo"):
        print(found.call, found.title, found.price)
    print(directory.describe("image_processing.ai302.remove_background").arguments)

The data belongs to this version of the package and needs neither network nor API key. A search
takes English and Chinese; what it finds can be given to `client.call`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from api302_client.catalog import load, near
from api302_client.search import Found, Index

from ._errors import InvalidArgument
from ._json import is_array, is_mapping

__all__ = ["Description", "Found", "calls", "describe", "find", "search", "sections"]

_TAGS = 8
"""Files of the directory that are kept: each has the calls of a vendor in a section."""
_BETWEEN = re.compile(r"[\s./]+")


class Description(NamedTuple):
    """All that is known of a call.

    Attributes:
        call: As it is written after `client.`: `videos.kling.text_to_video`.
        id: Its operation id.
        title: What it does.
        description: What else its documentation says; may be empty.
        deprecated: What to use in its place, where it is deprecated; else empty.
        arguments: What it takes as a JSON Schema: an object whose properties are the arguments of
            the method, each with type, description, values and default as far as they are known.
            `x-file` says in which forms an argument takes a file: url, data_url, base64, or part, a
            local file.
        example: Arguments that make a call.
        models: The models that it takes, in the field `model_field`.
        model_field: The argument that takes the model; empty if there is none.
        kind: How it is called: `call`, `task`, `stream`, `bytes`, or `session` for a realtime call.
        forms: By the name of each method of it, what kind that is.
        returns: What comes back: the fields of the response, `outputs` of a task, `file`.
        price: What it costs, as text; empty where that is not documented.
        endpoint: HTTP method and path.
        source: The page or the other evidence that it is known from.
        tag: Its section and vendor: `videos.kling`.
    """

    call: str
    id: str
    title: str
    description: str
    deprecated: str
    arguments: dict[str, Any]
    example: dict[str, Any]
    models: tuple[str, ...]
    model_field: str
    kind: str
    forms: dict[str, str]
    returns: str
    price: str
    endpoint: str
    source: str
    tag: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without what is empty."""
        plain = {**self._asdict(), "models": list(self.models)}
        return {key: value for key, value in plain.items() if value not in ("", {}, [])}


def search(
    words: str, limit: int = 5, *, sections: Collection[str] = (), only_reading: bool = False
) -> list[Found]:
    """The calls that fit a question best, the best first.

    Args:
        words: What is wanted, in English or Chinese: `remove the background`, `文生图`. Names of
            vendors and models count too.
        limit: How many calls at most.
        sections: Only calls of these sections, such as `images`; all unless given.
        only_reading: Only calls that read and change nothing.

    Raises:
        InvalidArgument: naming the argument and what to do.
    """
    if not isinstance(words, str) or not words.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"words: must be a text that says what is wanted, not {words!r}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"limit: must be a whole number from 1 on, not {limit!r}")
    wanted = checked_sections(sections)

    def allowed(one: Found) -> bool:
        is_wanted = not wanted or one.tag.partition(".")[0] in wanted
        return is_wanted and (one.reads or not only_reading)

    return _index().search(words, limit, allowed)


def describe(call: str) -> Description:
    """All that is known of a call.

    Args:
        call: Its operation id (`kling_text_to_video`), or its name on a client
            (`videos.kling.text_to_video`, also as the command line writes it: `videos kling
            text-to-video`).

    Raises:
        InvalidArgument: There is none, with the names that are near.
    """
    found = find(call)
    data = _tag(found.tag)
    entry = data["calls"][found.id]
    arguments = dict(entry["arguments"])
    if shared := _reached(arguments, data["$defs"]):
        arguments["$defs"] = shared
    return Description(
        call=found.call,
        id=found.id,
        title=found.title,
        description=entry.get("description", ""),
        deprecated=entry.get("deprecated", ""),
        arguments=arguments,
        example=dict(entry.get("example", {})),
        models=_models(found.id, entry.get("kinds", ())),
        model_field=entry.get("models", ""),
        kind=found.kind,
        forms=dict(entry["forms"]),
        returns=found.returns,
        price=found.price,
        endpoint=entry["endpoint"],
        source=entry["source"],
        tag=found.tag,
    )


def find(call: str) -> Found:
    """The entry of a call, by any of its names, which `describe` lists.

    Raises:
        InvalidArgument: There is none, with the names that are near.
    """
    known = _named()
    if isinstance(call, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        for name in (call, _plain(call)):
            if name in known:
                return known[name]
    close = near(str(call), known)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; `search` finds calls by words"
    raise InvalidArgument(f"call: there is no call {call!r}{hint}")


def calls(tag: str = "") -> list[Found]:
    """Every call, or those of a section (`videos`) or of a vendor in it (`videos.kling`).

    They are in the order of the documentation, deprecated ones last of each vendor.
    """
    return [one for one in _index().calls if not tag or f"{one.tag}.".startswith(f"{tag}.")]


def sections() -> list[str]:
    """The sections of the API, such as `images` and `videos`."""
    return list(dict.fromkeys(one.tag.partition(".")[0] for one in _index().calls))


def checked_sections(given: Collection[str]) -> frozenset[str]:
    """Sections that someone gave.

    Raises:
        InvalidArgument: There is no such section, with those that there are.
    """
    if isinstance(given, str):
        raise InvalidArgument(f"sections: must be a list of sections, not {given!r}")
    known = sections() if given else []
    for one in given:
        if one not in known:
            raise InvalidArgument(f"sections: {one!r} is none of {', '.join(known)}")
    return frozenset(given)


def _plain(call: str) -> str:
    """The name that a spelling of the command line, or one with `client.`, means."""
    plain = call.strip().removeprefix("client.").replace("-", "_")
    return ".".join(_BETWEEN.split(plain))


# --- the data -------------------------------------------------------------------------------------


@cache
def _index() -> Index:
    return Index.of(_read("index"))


@lru_cache(_TAGS)
def _tag(tag: str) -> Mapping[str, Any]:
    """What the calls of a vendor in a section take."""
    return _read(tag)


def _read(name: str) -> Mapping[str, Any]:
    import api302_resources as package

    loader: Any = package.__loader__  # which reads from a zip file too
    folder = str(package.__file__).removesuffix("__init__.py")
    return json.loads(loader.get_data(f"{folder}_directory/{name}.json"))


@cache
def _named() -> dict[str, Found]:
    """Calls by all their names."""
    named: dict[str, Found] = {}
    for one in _index().calls:
        section, vendor = one.tag.split(".")
        named[f"{section}.{vendor}.{one.id.removeprefix(f'{vendor}_')}"] = one
        named[one.call] = one
        named[one.id] = one
    return named


def _models(operation: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """The names of the models that a call takes, but for superseded ones.

    `kinds`: those whose models it takes, whether these name the call or not.
    """
    by_call, by_kind = _names_of_models()
    named = [by_call.get(operation, {}), *(by_kind.get(kind, {}) for kind in kinds)]
    return tuple(dict.fromkeys(name for names in named for name in names))


@cache
def _names_of_models() -> tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]]:
    """Names of models, in order, by the calls that they list and by what they do."""
    by_call: dict[str, dict[str, None]] = {}
    by_kind: dict[str, dict[str, None]] = {}
    for model in load().models.values():
        if model.name and not model.deprecated:
            for call in model.calls:
                by_call.setdefault(call.operation, {})[model.name] = None
            for kind in model.kinds:
                by_kind.setdefault(kind, {})[model.name] = None
    return by_call, by_kind


def _reached(node: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    """The shared schemas that a schema refers to, directly or not."""
    found: dict[str, Any] = {}
    todo = list(_references(node))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = shared[name]
            todo += _references(shared[name])
    return dict(sorted(found.items()))


def _references(node: Any) -> Iterator[str]:
    if is_mapping(node):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]
        for value in node.values():
            yield from _references(value)
    elif is_array(node):
        for value in node:
            yield from _references(value)
