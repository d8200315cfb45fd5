"""Parts of a document: the calls of some tags, and everything that they refer to.

A whole document of a thousand calls is more than an agent can read, and more than a program needs
that makes videos with one vendor. A part is a document like the whole: names are the same, and each
reference leads to something that is in it. What a call names by operationId, such as the call that
gets its task's status, is in it too, from whatever tag it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from generator.build import BuildError
from generator.document.references import references
from generator.join import METHODS, operations
from generator.source import obj, seq

from .versions import Json

FOLDER = "by-tag"
VERSION = "3.1"
"""The newest that agents and code generators commonly read."""
PART = "x-part"
"""In `info`: the tags of a document that is a part."""
_GROUPS = "x-tagGroups"
_NAMED = (("x-task", "fetch"), ("x-task", "cancel"), ("x-upload", "finish"))


def known_tags(document: Json) -> list[str]:
    """The tags that have calls, and the sections of them."""
    used = {tag for _, _, one in operations(document) for tag in seq(one.get("tags"))}
    return sorted(used | {tag.partition(".")[0] for tag in used})


def checked_tags(document: Json, tags: Iterable[str]) -> list[str]:
    """The tags, each once.

    Raises:
        BuildError: The document has no call of a tag; the message names those that are near.
    """
    known = known_tags(document)
    for tag in tags:
        if tag not in known:
            near = get_close_matches(tag, known, 3) or sorted(
                one for one in known if "." not in one
            )
            raise BuildError(f"--only {tag}: no call has this tag; there are {', '.join(near)}")
    return list(dict.fromkeys(tags))


def part(document: Json, tags: Iterable[str]) -> Json:
    """The part of a document that has the calls of some tags.

    Args:
        document: A joined or published document.
        tags: Tags (`videos.kling`) and sections (`videos`, which stands for all of its tags).
    """
    tags = list(tags)
    kept = _closed(document, {_id(one) for _, _, one in operations(document) if _has(one, tags)})
    paths = {path: _methods(item, kept) for path, item in obj(document["paths"]).items()}
    made = {**document, "info": {**obj(document["info"]), PART: tags}}
    made["paths"] = {path: item for path, item in paths.items() if item.keys() & METHODS}
    made["components"] = _components(document, made)
    used = {tag for _, _, one in operations(made) for tag in seq(one.get("tags"))}
    used |= {tag.partition(".")[0] for tag in used}
    made |= _tags(document, used)
    if rows := [row for row in seq(document.get("x-search")) if _is_used(row, made)]:
        made["x-search"] = rows
    else:
        made.pop("x-search", None)
    return made


def models_of(models: dict[str, Json], document: Json) -> dict[str, Json]:
    """The models that the calls of a part take, each with these calls alone."""
    ids = {_id(one) for _, _, one in operations(document)}
    kept: dict[str, Json] = {}
    for id_, model in models.items():
        if calls := [call for call in seq(model.get("calls")) if call["operation"] in ids]:
            kept[id_] = {**model, "calls": calls}
    return kept


def _id(operation: Json) -> str:
    return str(operation.get("operationId"))


def _has(operation: Json, tags: list[str]) -> bool:
    own = seq(operation.get("tags"))
    return any(tag in tags or tag.partition(".")[0] in tags for tag in own)


def _closed(document: Json, ids: set[str]) -> set[str]:
    """These operations, and those that they name by their ids."""
    by_id = {_id(one): one for _, _, one in operations(document)}
    found: set[str] = set()
    todo = list(ids)
    while todo:
        one = todo.pop()
        if one in by_id and one not in found:
            found.add(one)
            todo += _followers(by_id[one])
    return found


def _followers(operation: Json) -> Iterator[str]:
    """The operations that an operation names."""
    result = obj(obj(operation.get("x-task-status")).get("result"))
    names = [obj(operation.get(extension)).get(key) for extension, key in _NAMED]
    yield from map(str, [*names, result.get("fetch"), operation.get("x-replaced-by")])
    for response in obj(operation.get("responses")).values():
        for link in obj(obj(response).get("links")).values():
            yield str(obj(link).get("operationId"))


def _methods(item: Json, kept: set[str]) -> Json:
    """A path item with the operations that are kept."""
    return {key: value for key, value in item.items() if key not in METHODS or _id(value) in kept}


def _components(document: Json, made: Json) -> Json:
    """The components that the paths of a part reach, in the order of the document."""
    components = obj(document.get("components"))
    todo = [*references(made["paths"]), *_named_schemas(made), *_schemes(made)]
    reached: set[str] = set()
    while todo:
        ref = todo.pop()
        if ref in reached:
            continue
        reached.add(ref)
        _, _, kind, name = ref.split("/")[:4]
        todo += references(obj(components.get(kind)).get(name))
    kept = {
        kind: {name: one for name, one in named.items() if f"#/components/{kind}/{name}" in reached}
        for kind, named in components.items()
    }
    return {kind: named for kind, named in kept.items() if named}


def _named_schemas(document: Json) -> Iterator[str]:
    """The schemas that `x-stream` names."""
    for _, _, operation in operations(document):
        if name := obj(operation.get("x-stream")).get("response"):
            yield f"#/components/schemas/{name}"


def _schemes(document: Json) -> Iterator[str]:
    """The security schemes, which requirements name without a reference."""
    requirements = seq(document.get("security"))
    for _, _, operation in operations(document):
        requirements = [*requirements, *seq(operation.get("security"))]
    for name in {name for one in requirements for name in obj(one)}:
        yield f"#/components/securitySchemes/{name}"


def _tags(document: Json, used: set[str]) -> Json:
    """The tags of a part, and their tree."""
    made: Json = {"tags": [tag for tag in seq(document.get("tags")) if tag["name"] in used]}
    if _GROUPS in document:
        groups = [
            {**group, "tags": [tag for tag in group["tags"] if tag in used]}
            for group in document[_GROUPS]
        ]
        made[_GROUPS] = [group for group in groups if group["tags"]]
    return made


def _is_used(row: Any, document: Json) -> bool:
    """Whether a row of `x-search` is about a call of a part."""
    phrases = [str(phrase).lower() for phrase in seq(obj(row).get("calls"))]
    summaries = [str(one.get("summary", "")).lower() for _, _, one in operations(document)]
    return any(phrase in summary for phrase in phrases for summary in summaries)
