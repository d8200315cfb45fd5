"""Names in a draft: of operations, schemas and examples, and words for fields."""

from __future__ import annotations

import keyword
import re
from collections.abc import Set

from generator.docs.pages import CHINESE
from generator.document.names import SLUG
from generator.rules.words import LONGEST, VERBS, is_refused

_NO_STEP = re.compile(r"|v\d+\w*|api|302|submit")
_VERBS = {"get": "get_", "delete": "delete_"}
_LONGEST_ACTION = 60
_LONGEST_SUMMARY = 80


def snake(text: str) -> str:
    """A name in snake_case, of ASCII letters and digits alone."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def camel(text: str) -> str:
    """A name in PascalCase."""
    return "".join(part[:1].upper() + part[1:] for part in snake(text).split("_"))


def words(name: str) -> str:
    """A field's name as words, to be replaced by a sentence.

    A name that the house rules refuse as words stays a name.
    """
    text = snake(name).replace("_", " ") or "value"
    return f"`{name}`" if is_refused(text) else text[:1].upper() + text[1:]


def with_verb(title: str, method: str, action: str) -> str:
    """A title as an imperative phrase; where its words are refused, one with the action's name."""
    verb = {"get": "Get", "delete": "Delete", "put": "Update", "patch": "Update"}.get(
        method, "Create"
    )
    text = title if title.split(" ")[0] in VERBS else f"{verb}: {title}"
    if not title or is_refused(text):
        return f"{verb} `{action[: LONGEST // 2]}`"
    return text[:LONGEST].rstrip(" -,.:'/&+(")


def summary(title: str) -> str:
    """The part of a page's title in Latin letters, with plain punctuation."""
    latin = re.sub(r"[^\w ,.()/&+:'-]", " ", CHINESE.sub("", title), flags=re.ASCII)
    line = " ".join(re.sub(r"\(\s*\)", "", latin).split())
    return line[:_LONGEST_SUMMARY].strip(" -,.:'/&+")


def operation_id(vendor: str, method: str, path: str, taken: Set[str]) -> str:
    """`<vendor>_<action>` from the end of a path, as much of it as makes it unique."""
    parts = [snake(part) for part in re.split(r"[/:]", path) if not part.startswith("{")]
    steps = [part for part in parts if part != vendor and not _NO_STEP.fullmatch(part)]
    ends = [steps[-count:] for count in range(1, len(steps) + 1)]
    for end in [*ends, ["call"]]:
        name = f"{vendor}_{_action(method, end)}"
        if name not in taken and SLUG.match(name):
            return name
    return f"{vendor}_{_action(method, ['call'])}_{len(taken)}"


def _action(method: str, steps: list[str]) -> str:
    """The name of a method."""
    action = (_VERBS.get(method, "") + "_".join(steps))[:_LONGEST_ACTION].strip("_")
    is_name = not action[0].isdigit() and not keyword.iskeyword(action)
    return action if is_name else f"make_{action}"
