"""What a page says otherwise than the last time: `accept` remembers it, `diff` tells it."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from documentation import FIXTURES, Page, Run
from spec_pages import as_operation

from generator.docs.described import Described
from generator.docs.diff.changes import changes
from generator.docs.digests import Digests, digest
from generator.docs.pages import Page as Read
from generator.docs.pages import openapi
from generator.docs.pages.copied import copied
from generator.docs.pages.values import key
from generator.docs.sources import parse_page
from generator.document import Operation
from generator.source import obj

Docs = Callable[..., Run]
Node = dict[str, Any]
ROOT = Path(__file__).parents[2]
SEEDS = FIXTURES / "docs" / "seed-pages"
SHARE = 0.99
"""Of the changes that one page may have, how many must be told."""


@pytest.fixture(scope="module")
def real() -> Described:
    """The real specification."""
    return Described(ROOT / "spec")


# --- each single change, over the whole specification ---------------------------------------------


def documented(described: Described, operation: Operation) -> Node:
    """A page of an operation with words, a price and a table of models."""
    made = as_operation(described, operation)
    for number, node in enumerate(_schemas(made)):
        node["description"] = f"What field {number} is."
    rows = [f"| acme-{name} | Makes {name} |" for name in ("one", "two", "three")]
    table = "\n".join(["| Model name | Description |", "| --- | --- |", *rows])
    made["description"] = f"Does a thing.\n\n**Price: 0.5 PTC/call**\n\n{table}\n"
    return made


def read(operation: Operation, node: Node) -> Read:
    """The page as it is read."""
    document = {"paths": {operation.path: {operation.method: node}}}
    return openapi.read(Read(f"{operation}.md", str(operation)), document)


def _schemas(node: Any) -> Iterator[Node]:
    """The schemas of fields and parameters."""
    if isinstance(node, list):
        for item in node:
            yield from _schemas(item)
        return
    if not isinstance(node, dict):
        return
    for name, inner in node.items():
        if name == "schema" and isinstance(inner, dict):
            yield from _inside(inner)
        elif name not in ("examples", "example"):
            yield from _schemas(inner)


def _inside(schema: Node) -> Iterator[Node]:
    yield schema
    for name in ("properties", "items", "anyOf", "oneOf", "allOf"):
        inner: Any = schema.get(name, [])
        if name == "properties" and inner:
            inner = list(inner.values())
        for one in inner if isinstance(inner, list) else [inner]:
            yield from _inside(one)


def _objects(node: Node) -> list[Node]:
    return [one for one in _schemas(node) if one.get("properties")]


def _with(node: Node, keyword: str) -> list[Node]:
    return [one for one in _schemas(node) if keyword in one]


def _plain(node: Node) -> list[Node]:
    kinds = ("string", "integer", "boolean")
    return [one for one in _schemas(node) if one.get("type") in kinds and "enum" not in one]


def _enums(node: Node) -> list[Node]:
    """Enums of texts alone: of others the reader may make nothing."""
    texts = (one for one in _with(node, "enum") if all(isinstance(v, str) for v in one["enum"]))
    return [one for one in texts if len(one["enum"]) > 1]


def enum_gone(node: Node, random: Random) -> bool:
    """A value is no longer listed."""
    return _one(_enums(node), random, lambda one: one["enum"].pop())


def enum_new(node: Node, random: Random) -> bool:
    """A value more is listed."""
    return _one(_enums(node), random, lambda one: one["enum"].append("a-new-one"))


def field_gone(node: Node, random: Random) -> bool:
    """A field is no longer there, nor required."""

    def change(one: Node) -> None:
        name = random.choice(list(one["properties"]))
        del one["properties"][name]
        one["required"] = [other for other in one.get("required", ()) if other != name]
        _drop(node, name)

    objects = [one for one in _objects(node) if len(one["properties"]) > 1]
    return _one(objects, random, change)


def _drop(value: Any, name: str) -> None:
    """Take a field out of the examples, as the provider would."""
    if isinstance(value, list):
        for item in value:
            _drop(item, name)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "examples":
                _strip(inner, name)
            else:
                _drop(inner, name)


def _strip(value: Any, name: str) -> None:
    for inner in value if isinstance(value, list) else ():
        _strip(inner, name)
    if isinstance(value, dict):
        value.pop(name, None)
        for inner in value.values():
            _strip(inner, name)


def field_new(node: Node, random: Random) -> bool:
    """A field more."""
    new = {"a_new_one": {"type": "string"}}
    return _one(_objects(node), random, lambda one: one["properties"].update(new))


def required_new(node: Node, random: Random) -> bool:
    """A field is required that was not."""

    def change(one: Node) -> None:
        free = [name for name in one["properties"] if name not in one.get("required", ())]
        one["required"] = [*one.get("required", ()), random.choice(free)]

    wanting = [one for one in _objects(node) if one["properties"].keys() - {*_required(one)}]
    for media in _media(node):
        media.pop("examples", None)  # what is not in the page's own example is not required
    return _one(wanting, random, change)


def required_gone(node: Node, random: Random) -> bool:
    """A field is no longer required."""
    wanting = [one for one in _objects(node) if _required(one)]
    for media in _media(node):
        media.pop("examples", None)
    return _one(wanting, random, lambda one: one["required"].remove(_required(one)[0]))


def _required(one: Node) -> list[str]:
    return [name for name in one.get("required", ()) if name in one["properties"]]


def _media(node: Node) -> list[Node]:
    bodies = [node["requestBody"], *node["responses"].values()]
    return [media for body in bodies for media in body["content"].values()]


def type_other(node: Node, random: Random) -> bool:
    """Another type."""

    def change(one: Node) -> None:
        one.pop("default", None)
        one["type"] = "boolean" if one["type"] == "string" else "string"

    return _one(_plain(node), random, change)


def default_other(node: Node, random: Random) -> bool:
    """Another default."""
    texts = [one for one in _plain(node) if one["type"] == "string"]
    return _one(texts, random, lambda one: one.update(default="another"))


def limit_new(node: Node, random: Random) -> bool:
    """A limit."""
    texts = [one for one in _plain(node) if one["type"] == "string"]
    return _one(texts, random, lambda one: one.update(maxLength=7))


def words_other(node: Node, random: Random) -> bool:
    """Other words."""
    change = {"description": "At most 500 characters."}
    return _one(list(_schemas(node)), random, lambda one: one.update(change))


def price_other(node: Node, random: Random) -> bool:
    """Another price."""
    return _one([node], random, lambda one: _replace(one, "0.5 PTC", "0.7 PTC"))


def model_gone(node: Node, random: Random) -> bool:
    """A model is no longer listed."""
    return _one([node], random, lambda one: _replace(one, "| acme-two | Makes two |\n", ""))


def model_new(node: Node, random: Random) -> bool:
    """A model more."""
    new = "| acme-four | Makes four |\n| acme-two |"
    return _one([node], random, lambda one: _replace(one, "| acme-two |", new))


def _replace(node: Node, old: str, new: str) -> None:
    assert old in node["description"]
    node["description"] = node["description"].replace(old, new)


def parameter_gone(node: Node, random: Random) -> bool:
    """A query parameter is no longer there."""
    own = [one for one in node["parameters"] if one["in"] == "query"]
    return _one(own, random, node["parameters"].remove)


def parameter_new(node: Node, random: Random) -> bool:
    """A query parameter more."""
    new = {"name": "a_new_one", "in": "query", "schema": {"type": "string"}}
    return _one([node["parameters"]], random, lambda one: one.append(new))


def parameter_required(node: Node, random: Random) -> bool:
    """A query parameter is required that was not."""
    own = [one for one in node["parameters"] if one["in"] == "query" and not one.get("required")]
    return _one(own, random, lambda one: one.update(required=True))


def media_other(node: Node, random: Random) -> bool:
    """A body of another media type."""
    bodies = [one["content"] for one in (node["requestBody"], *node["responses"].values())]
    usable = [one for one in bodies if "application/json" in one]
    usable = [one for one in usable if one["application/json"]["schema"]]
    return _one(usable, random, lambda one: one.update(_renamed(one)))


def _renamed(content: Node) -> Node:
    return {"application/xml": content.pop("application/json")}


def deprecated(node: Node, random: Random) -> bool:
    """The call is superseded."""
    return _one([node], random, lambda one: one.update(deprecated=True))


def example_other(node: Node, random: Random) -> bool:
    """Another example."""

    def change(media: Node) -> None:
        _, example = next(iter(media["examples"].items()))
        name = next(name for name, value in example["value"].items() if isinstance(value, str))
        example["value"][name] += " and more"

    return _one([one for one in _media(node) if _has_text(one)], random, change)


def _has_text(media: Node) -> bool:
    """Whether the first example has a field of text that the schema knows."""
    first = next(iter(media.get("examples", {}).values()), {})
    value, known = obj(first.get("value")), media["schema"].get("properties", {})
    has_text = any(isinstance(one, str) for one in value.values())
    return has_text and value.keys() <= known.keys()


def _one(nodes: list[Any], random: Random, change: Callable[[Any], object]) -> bool:
    """Change one of the nodes; whether there is one."""
    if not nodes:
        return False
    change(random.choice(nodes))
    return True


CHANGES: dict[Callable[[Node, Random], bool], str] = {
    enum_gone: "enum-gone",
    enum_new: "enum",
    field_gone: "gone",
    field_new: "field",
    required_new: "required",
    required_gone: "required",
    type_other: "type",
    default_other: "default",
    limit_new: "limit",
    words_other: "words",
    price_other: "price",
    model_gone: "model-gone",
    model_new: "model",
    parameter_gone: "gone",
    parameter_new: "parameter",
    parameter_required: "required",
    media_other: "media",
    deprecated: "deprecated",
    example_other: "example",
}
"""The changes that a page may have, and the kind of finding that tells each."""


def harmless(node: Any, random: Random) -> Any:
    """The same page written otherwise: other orders, other ids, other blanks."""
    if isinstance(node, list):
        return [harmless(item, random) for item in node]
    if not isinstance(node, dict):
        return node
    made = {
        name: inner if name == "examples" else harmless(inner, random)
        for name, inner in node.items()
    }
    for name in ("required", "enum", "anyOf", "parameters"):
        if isinstance(made.get(name), list):
            random.shuffle(made[name])
    if isinstance(made.get("description"), str):
        made["description"] = made["description"].replace("field ", "field  ") + "\n"
    if isinstance(made.get("properties"), dict) and isinstance(made.get("type"), str):
        names = list(made["properties"])
        random.shuffle(names)
        made["properties"] = {name: made["properties"][name] for name in names}
        made["x-apifox-orders"] = names
    return made


@pytest.mark.long
def test_single_changes_of_all_operations_are_told(real: Described) -> None:
    """Each operation as a page that was read, with changes of two kinds, the kinds in turns."""
    random, told, missed = Random(302), Counter[str](), []
    kinds = list(CHANGES.items())
    for number, operation in enumerate(real.operations):
        made = documented(real, operation)
        before = digest(read(operation, made))
        for change, kind in (kinds[(number + step) % len(kinds)] for step in (0, 7)):
            changed = copy.deepcopy(made)
            if not change(changed, random) or key(changed) == key(made):
                continue
            found = changes(real, read(operation, changed), before, [])
            # Of alternatives that share a field, one says no more than that it changed.
            if {kind, "variant"} & {one.kind for one in found}:
                told[change.__name__] += 1
            else:
                missed.append(f"{operation}: {change.__name__}")
    assert told.keys() == {change.__name__ for change in CHANGES}
    assert told.total() > 1000
    assert len(missed) <= (1 - SHARE) * (told.total() + len(missed)), missed


def test_what_is_written_otherwise_is_no_change(real: Described) -> None:
    random = Random(302)
    for operation in real.operations[::3]:
        made = documented(real, operation)
        before = digest(read(operation, made))
        now = read(operation, harmless(made, random))
        assert changes(real, now, before, []) == []


# --- what a change means, and the files -----------------------------------------------------------


def _fields(operation: Node) -> Node:
    return _schema(operation)["properties"]


def _schema(operation: Node) -> Node:
    return operation["requestBody"]["content"]["application/json"]["schema"]


def _durations(operation: Node) -> None:
    _fields(operation)["duration"]["enum"] = ["5", "10"]


TASK = "acme_text_to_video"
ALONE = "remove it, or mark it deprecated, unless callers use it"

MEANINGS: dict[str, tuple[Callable[[Node], object], str, str]] = {
    "an enum value is gone that a model's limits have": (
        lambda op: _fields(op)["duration"].update(enum=["10"]),
        "enum-gone",
        "the page's request no longer lists for `duration`: `5` | ours lists no values: "
        "nothing to do here; also in the limits of the models acme-video",
    ),
    "all values are gone": (
        lambda op: _fields(op)["duration"].pop("enum"),
        "enum-gone",
        "the page's request lists no values for `duration` any more | see whether it takes any "
        "value now; also in the limits of the models acme-video",
    ),
    "a field is gone that ours has": (
        lambda op: _fields(op).pop("image"),
        "gone",
        f"the page's request no longer has the `image` | {ALONE}",
    ),
    "a new requirement": (
        lambda op: _schema(op).update(required=["prompt", "duration"]),
        "required",
        "the page's request requires `duration` | add it to `required`, unless calls without it "
        "are known; also in the limits of the models acme-video",
    ),
    "a field of the response is gone": (
        lambda op: op["responses"]["200"]["content"]["application/json"]["schema"].update(
            properties={"code": {"type": "integer"}}
        ),
        "gone",
        f"the page's response no longer has the `data` | {ALONE}",
    ),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_a_change_means(mini: Path, page: Page, name: str) -> None:
    change, kind, expected = MEANINGS[name]
    before = digest(parse_page(page(_durations), "400000003e0.md"))

    def changed(operation: Node) -> None:
        _durations(operation)
        change(operation)

    now = parse_page(page(changed), "400000003e0.md")
    found = changes(Described(mini), now, before, [])
    [finding] = [one for one in found if one.kind == kind]
    message = finding.message.removeprefix(f"{TASK}: since {before.seen}, ")
    assert f"{message} | {finding.fix}" == expected
    assert (finding.operation, finding.file) == (TASK, "videos/acme.yaml")


def test_what_the_specification_lacks_is_told_once(docs: Docs, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "400000003e0.md"
    file.write_text(page(), "utf-8")
    docs("accept", file)
    file.write_text(page(lambda op: _fields(op).update(seed={"type": "integer"})), "utf-8")
    [finding] = json.loads(docs("diff", file, "--json").out)["findings"]
    assert finding["message"] == f"{TASK}: the page's request has `seed` (integer)"
    docs("accept", file)
    assert "1 to decide" in docs("diff", file).out  # the specification lacks it still


def test_accept_tells_what_it_did_and_draft_remembers_too(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "400000003e0.md"
    file.write_text(page(), "utf-8")
    assert "`docs accept` remembers what it said" in docs("diff", file).out
    kept = mini / "digests" / "400000003.json"
    assert docs("accept", file).out == (
        f"{kept.as_posix()}: read for the first time\n1 page accepted.\n"
    )
    assert docs("accept", file).out.startswith(f"{kept.as_posix()}: as before\n")
    assert "All were compared with what they said before." in docs("diff", file).out
    file.write_text(page(_durations), "utf-8")
    assert f"{kept.as_posix()}: says something else than before\n" in docs("accept", file).out
    kept.unlink()
    assert docs("draft", file).code == 0
    assert kept.is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not a digest"),
        ("[]", "this is not a digest"),
        ('{"version": 1}', "this is not a digest"),
        ('{"version": 2, "form": "markdown", "seen": "", "calls": {}}', "of version 1"),
        (
            '{"version": 1, "form": "markdown", "seen": "", '
            '"calls": {"post /a": {"request application/json": {"a": {"type": "string"}}}}}',
            "of version 1",
        ),
    ],
)
def test_a_digest_of_another_form(
    docs: Docs, mini: Path, page: Page, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "400000003e0.md"
    file.write_text(page(), "utf-8")
    docs("accept", file)
    (mini / "digests" / "400000003.json").write_text(text, "utf-8")
    run = docs("diff", file)
    assert run.code == 1
    assert message in run.err
    assert "docs accept PAGE" in run.err


def test_nothing_is_accepted_by_halves(docs: Docs, mini: Path, page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "400000003e0.md", tmp_path / "400000004e0.md"
    good.write_text(page(), "utf-8")
    bad.write_text("# A page\n\nwithout facts\n", "utf-8")
    run = docs("accept", good, bad)
    assert run.code == 1
    assert "there is no OpenAPI document in this page" in run.err
    (tmp_path / "copy").mkdir()
    again = tmp_path / "copy" / good.name
    again.write_text(page(), "utf-8")
    run = docs("accept", good, again)
    assert run.code == 1
    assert "another of these pages is 400000003.json already" in run.err
    assert not (mini / "digests").exists()


def test_a_digest_holds_no_sentence_and_no_key(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    secret = "sk-" + "a1B2c3D4e5F6g7H8i9J0"

    def spoil(operation: Node) -> None:
        _fields(operation)["image"] = {
            "type": "string",
            "default": secret,
            "enum": [secret, "b"],
            "description": f"The key is {secret}. Some words of the page.",
        }

    file = tmp_path / "400000003e0.md"
    file.write_text(page(spoil), "utf-8")
    docs("accept", file)
    text = (mini / "digests" / "400000003.json").read_text("utf-8")
    assert secret not in text
    assert "words of the page" not in text
    assert "文本生成视频" not in text
    assert '"image": {"default"' in text


def test_seed_pages_say_what_they_said(real: Described) -> None:
    """The pages whose text is here have committed digests, and nothing in them changed."""
    known = Digests(real)
    files = set()
    for file in sorted(SEEDS.glob("*.txt")):
        now = copied(file.read_text("utf-8"), file.name)
        before = known.read(now)
        assert before is not None
        assert changes(real, now, before, []) == []
        files.add(known.file(now))
    assert files <= {*(ROOT / "spec" / "digests").glob("*.json")}


@pytest.mark.parametrize(
    ("old", "new", "kind", "field"),
    [
        ("dall-e-2-t2i", "dall-e-9-t2i", "model-gone", "dall-e-2-t2i"),
        ("Default:\npng", "Default:\nwebp", "default", "output_format"),
        ("生成图片的提示词\nrequired", "生成图片的提示词\noptional", "required", "prompt"),
        ("negative_prompt\nstring", "negative_hint\nstring", "gone", "negative_prompt"),
    ],
)
def test_a_changed_seed_page(real: Described, old: str, new: str, kind: str, field: str) -> None:
    text = (SEEDS / "003_dbfaa56b86f9e841.txt").read_text("utf-8")
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    assert old in lines
    now = copied(lines.replace(old, new), "003_dbfaa56b86f9e841.txt")
    before = Digests(real).read(now)
    assert before is not None
    assert (kind, field) in [(one.kind, one.field) for one in changes(real, now, before, [])]


def test_the_other_form_of_a_page_is_not_compared(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "400000003e0.md"
    file.write_text(page(), "utf-8")
    docs("accept", file)
    file.unlink()
    text = "Text to video\nPOST\n/acme/v1/videos\nRequest\nBody Params application/json\n"
    copy_of_it = tmp_path / "400000003e0.txt"
    copy_of_it.write_text(f"{text}prompt\nstring \nrequired\nResponses\n", "utf-8")
    run = docs("diff", copy_of_it)
    assert "since" not in run.out
    assert "`docs accept` remembers what it said" in run.out


def test_a_path_that_changes_is_one_call(mini: Path, page: Page) -> None:
    described = Described(mini)
    before = digest(parse_page(page(), "x.md"))
    now = parse_page(page(path="/acme/v9/films"), "x.md")
    [finding] = changes(described, now, before, [])
    assert (finding.kind, finding.operation) == ("path", TASK)
    assert "`POST /acme/v1/videos` is now `POST /acme/v9/films`" in finding.message
