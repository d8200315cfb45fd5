"""Schemathesis over the whole document against the mock: every check and phase, a fixed seed.

A test a vendor, or a part of a large one: they run side by side, and each reads only the part of
the document that its operations need. The mock serves all of it. `make test` takes one operation of
each shape (method, places of parameters, media types, extensions); the rest is marked `long`.
`API302_FUZZ_EXAMPLES` says how many examples an operation gets in the fuzzing phase (5; `make fuzz`
takes more), and with it how many of the cases of the coverage phase are sent: at 5, one wrong value
for each thing that a schema says, and a dozen right ones; otherwise all.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.core.errors import NoLinksFound
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.result import Ok
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

from api302_mock import MockApp, create_app
from api302_mock.document import METHODS, Document, Operation
from generator import join
from generator.source import Spec

ROOT = Path(__file__).parents[1]
EXAMPLES = int(os.environ.get("API302_FUZZ_EXAMPLES", "5"))
CONFIG: dict[str, Any] = {
    "seed": 302,
    "headers": {"Authorization": "Bearer sk-test"},
    "continue-on-failure": True,
    # The constants in the mock's own source say nothing about the API, and reading them takes
    # longer than a short run.
    "analysis": {"constants": {"enabled": False}},
    # No database: the runs of others must not change this one.
    "generation": {"max-examples": EXAMPLES, "database": "none"},
    # A sequence is several calls, each with a body of its own.
    "phases": {"stateful": {"generation": {"max-examples": max(2, EXAMPLES // 3)}}},
}
OFF = {"enabled": False}
FACTS = {"x-docs", "x-price", "x-unknown", "x-aliases", "x-shortcut", "x-replaced-by"}
"""Extensions that change nothing in how a call is sent and answered."""
ALIKE = 1 if EXAMPLES <= 5 else 1000
"""How many cases of the coverage phase differ only in the wrong value for the same field."""
VALID = 12 if EXAMPLES <= 5 else 1000
"""How many cases of one kind an operation gets there that are about no single field."""


def _mini() -> dict[str, Any]:
    return join.join(Spec.load(ROOT / "tests" / "fixtures" / "mini_spec"))


def _real() -> dict[str, Any]:
    return json.loads((ROOT / "generated" / "openapi.json").read_text(encoding="utf-8"))


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    paths = document["paths"].items()
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in paths
        for method in METHODS
        if method in item
    }


def _links(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The links of each operation that has any: link name to label of the linked operation."""
    operations = _operations(document)
    labels = {operation["operationId"]: label for label, operation in operations.items()}
    found: dict[str, dict[str, str]] = {}
    for label, operation in operations.items():
        links = {
            name: link
            for response in operation["responses"].values()
            for name, link in response.get("links", {}).items()
        }
        if links:
            found[label] = {name: labels[link["operationId"]] for name, link in links.items()}
    return found


@dataclass(frozen=True)
class Part:
    """Some operations of a vendor, or of a section."""

    tag: str
    labels: frozenset[str]


def _one_of_each_shape(document: dict[str, Any]) -> set[str]:
    """Of the operations that ask the same of the engine and the mock, the first."""
    first: dict[Any, str] = {}
    for label, operation in sorted(_operations(document).items()):
        first.setdefault(_shape(label, operation), label)
    return set(first.values())


def _shape(label: str, operation: dict[str, Any]) -> tuple[Any, ...]:
    responses = operation["responses"].values()
    return (
        label.partition(" ")[0],
        frozenset(one.get("$ref", one.get("in")) for one in operation.get("parameters", ())),
        frozenset(operation.get("requestBody", {}).get("content", ())),
        frozenset(media_type for one in responses for media_type in one.get("content", ())),
        frozenset(key for key in operation if key.startswith("x-")) - FACTS,
    )


def _parts(document: dict[str, Any], chosen: Set[str], largest: int = 16) -> list[Part]:
    """The chosen operations of each vendor in parts of `largest`, linked ones together."""
    vendors: defaultdict[str, set[str]] = defaultdict(set)
    for label, operation in _operations(document).items():
        if label in chosen:
            vendors[operation["tags"][0]].add(label)
    parts: list[Part] = []
    for tag, labels in vendors.items():
        packed: list[set[str]] = [set()]
        for group in _linked(document, labels, largest):
            if len(packed[-1]) + len(group) > largest:
                packed.append(set())
            packed[-1] |= group
        parts += [Part(tag, frozenset(labels)) for labels in packed if labels]
    return parts


def _linked(document: dict[str, Any], labels: set[str], largest: int) -> Iterator[set[str]]:
    """The groups of operations that links lead through, the large ones cut."""
    links = _links(document)
    groups: list[set[str]] = []
    for label in sorted(labels):
        group = {label, *(labels & set(links.get(label, {}).values()))}
        met = [one for one in groups if one & group]
        groups = [one for one in groups if one not in met] + [group.union(*met)]
    for one in map(sorted, groups):
        yield from (set(one[at : at + largest]) for at in range(0, len(one), largest))


def _largest_first(chosen: Set[str]) -> list[Part]:
    """The parts in an order in which no process is left alone with a large one at the end."""
    return sorted(_parts(_real(), chosen), key=lambda part: -len(part.labels))


SHAPES = _one_of_each_shape(_real())
PARTS = _largest_first(SHAPES)
REST = _largest_first(_operations(_real()).keys() - SHAPES)


def _is_valid_as_sent(
    document: Document, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Whether a form is valid by what went over the wire.

    Schemathesis makes a form invalid by the type of a field's value, and knows that a number sent
    as text is a valid text. It does not know the same of a part with a file name, whose bytes are a
    valid file whatever value they were written from, nor of a single part that is the one item of a
    list.
    """
    content_type = str(response.request.headers["Content-Type"])
    body = response.request.body
    if not isinstance(body, bytes) or not content_type.startswith("multipart/form-data"):
        return False
    operation = _operation(document, case)
    assert operation.body is not None
    schema = operation.body["content"]["multipart/form-data"]["schema"]
    parts: dict[str, list[list[Any]]] = defaultdict(list)
    for part in (
        BytesParser(policy=HTTP)
        .parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        .iter_parts()
    ):
        payload = part.get_payload(decode=True)
        text = (
            "a file"
            if part.get_filename() is not None
            else bytes(payload if isinstance(payload, bytes) else b"").decode(errors="replace")
        )
        parts[str(part.get_param("name", header="content-disposition"))].append(_readings(text))
    sent: dict[str, Any] = {}
    for name, readings in parts.items():
        validator = document.validator(document.properties(schema).get(name, True))
        lists = [
            list(choice)
            for choice in zip(*([*texts, texts[0]][:2] for texts in readings), strict=True)
        ]
        options = [*(readings[0] if len(readings) == 1 else []), *lists]
        sent[name] = next((option for option in options if validator.is_valid(option)), None)
    return document.validator(schema).is_valid(sent)


def _operation(document: Document, case: schemathesis.Case) -> Operation:
    return next(
        one
        for one in document.operations.values()
        if (one.method, one.path) == (case.method.upper(), case.path)
    )


def _readings(text: str) -> list[Any]:
    try:
        return [text, json.loads(text)]
    except ValueError:
        return [text]


@dataclass
class Run:
    """What runs of the engine did."""

    problems: list[str] = field(default_factory=list[str])
    tested: defaultdict[PhaseName, set[str]] = field(default_factory=lambda: defaultdict(set))
    accepted: set[str] = field(default_factory=set[str])
    followed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def add(self, schema: schemathesis.BaseSchema) -> None:
        """Run every phase that the schema's configuration has on."""
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError) and isinstance(event.value, NoLinksFound):
                # A section without tasks; whether links that exist were followed is told by
                # `followed`.
                continue
            if isinstance(event, events.NonFatalError | events.FatalError):
                self.problems.append(str(event))
            if isinstance(event, events.ScenarioFinished):
                self._add(event)

    def _add(self, event: events.ScenarioFinished) -> None:
        if event.label is not None and event.skip_reason is None:
            self.tested[event.phase].add(event.label)
        for node in event.recorder.cases.values():
            if node.transition is not None and not node.transition.is_inferred:
                source, name, _ = node.transition.id.split(" -> ")
                self.followed.add((source, name.partition("] ")[2]))
        for case_id, checks in event.recorder.checks.items():
            transition = event.recorder.cases[case_id].transition
            is_guessed = transition is not None and transition.is_inferred
            for check in checks:
                # A link that Schemathesis infers may hand on what does not fit, such as the list
                # `ids` of one request as the `id` of the next.
                if is_guessed and check.name == "positive_data_acceptance":
                    continue
                if check.failure_info is not None:
                    told = (
                        f"{check.name}: "
                        f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                    )
                    self.problems.append(f"{event.phase.value}: {event.label}: {told}")
            interaction = event.recorder.interactions.get(case_id)
            if (
                interaction is not None
                and interaction.response is not None
                and interaction.response.status_code < 300
            ):
                self.accepted.add(event.recorder.cases[case_id].value.operation.label)


@dataclass(frozen=True)
class Mocked:
    """A document, and the mock that serves it."""

    raw: dict[str, Any]
    document: Document
    app: MockApp

    @staticmethod
    def of(raw: dict[str, Any]) -> Mocked:
        raw = _with_forms_of_files(raw)
        return Mocked(raw, Document(raw), create_app(raw, delay=0))


@cache
def _whole() -> Mocked:
    return Mocked.of(_real())


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.tag)
def test_schemathesis_finds_nothing(part: Part) -> None:
    mocked = _whole()
    mocked.app.reset()
    _check(mocked, part.labels)


@pytest.mark.long
@pytest.mark.parametrize("part", REST, ids=lambda part: part.tag)
def test_schemathesis_finds_nothing_in_the_rest(part: Part) -> None:
    test_schemathesis_finds_nothing(part)


def test_every_operation_is_in_one_part() -> None:
    parts = [*PARTS, *REST]
    assert sorted(label for part in parts for label in part.labels) == sorted(_operations(_real()))
    assert len(SHAPES) > 100


@pytest.mark.parametrize("section", ["audio", "llm", "videos"])
def test_schemathesis_finds_nothing_in_the_mini_spec(section: str) -> None:
    operations = _operations(_mini()).items()
    labels = {label for label, one in operations if f"{one['tags'][0]}.".startswith(f"{section}.")}
    _check(Mocked.of(_mini()), labels)


def test_schemathesis_reads_the_document_that_the_mock_serves() -> None:
    config = schemathesis.Config.from_dict(CONFIG)
    served = schemathesis.openapi.from_asgi("/mock/openapi.json", _whole().app, config=config)
    served.validate()
    results = served.get_all_operations()
    labels = {one.ok().label for one in results if isinstance(one, Ok)}
    assert labels == _operations(_real()).keys()


_FORMS = {
    "url": r"https?://[a-z]{1,9}\.example/[a-z]{0,9}",
    "data_url": r"data:image/png;base64,[A-Za-z0-9+/]{4,9}",
    "base64": r"[A-Za-z0-9+/]{4,9}",
}


def _with_forms_of_files(node: Any) -> Any:
    """A copy of a document where texts that are files have a pattern, so that made-up ones fit.

    A part of a form is one whatever it holds. Where it takes several files it is one file, since
    schemathesis writes the parts of a list without file names.
    """
    if isinstance(node, list):
        return [_with_forms_of_files(item) for item in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _with_forms_of_files(value) for key, value in node.items()}
    forms = node.get("x-file")
    if isinstance(forms, list) and "part" not in forms:
        copied["pattern"] = f"^({'|'.join(_FORMS[form] for form in forms)})$"
    if forms == ["part"]:
        either = [node, *node.get("anyOf", ())]
        items = next((one["items"] for one in either if one.get("type") == "array"), copied)
        return {**items, "x-file": forms}
    return copied


def _part(document: dict[str, Any], labels: Iterable[str]) -> dict[str, Any]:
    """The paths of these operations and of what links lead to, with the components in use."""
    links = _links(document)
    todo, paths = list(labels), set[str]()
    while todo:
        path = todo.pop().partition(" ")[2]
        if path not in paths:
            paths.add(path)
            on_path = [f"{method.upper()} {path}" for method in METHODS]
            todo += [target for label in on_path for target in links.get(label, {}).values()]
    part: dict[str, Any] = {**document, "components": {}}
    part["paths"] = {path: item for path, item in document["paths"].items() if path in paths}
    return part | {"components": _used(part, document["components"])}


def _used(part: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """The components that a part refers to, directly or not, and the security schemes."""
    used: dict[str, Any] = {"securitySchemes": components["securitySchemes"]}
    todo = [part["paths"]]
    while todo:
        for kind, name in re.findall(r'"#/components/(\w+)/([^"/]+)"', json.dumps(todo.pop())):
            if name not in used.setdefault(kind, {}):
                used[kind][name] = components[kind][name]
                todo.append(used[kind][name])
    return used


def _sparing() -> Any:
    """A filter of cases: of those of the coverage phase that are alike, only the first few."""
    seen: Counter[tuple[str, ...]] = Counter()

    def filter_case(context: Any, case: schemathesis.Case) -> bool:
        told: Any = getattr(getattr(case.meta, "phase", None), "data", None)
        if getattr(told, "scenario", None) is None:
            return True
        kind = (case.operation.label, str(told.scenario), str(told.parameter), str(told.location))
        seen[kind] += 1
        return seen[kind] <= (VALID if told.location is None else ALIKE)

    return filter_case


def _check(mocked: Mocked, labels: Set[str]) -> None:
    """Run every phase over some operations."""
    document, app = mocked.document, mocked.app

    def filter_failure(
        context: Any, failure: Any, case: schemathesis.Case, response: schemathesis.Response
    ) -> bool:
        wrong_form = (
            isinstance(failure, AcceptedNegativeData) and case.media_type == "multipart/form-data"
        )
        # Schemathesis takes a 404 for a lost thing if all parameters came from the link, which is
        # also true of an operation that has none, but an id in a body that it made up. That a
        # task's own id finds it is tested for every task in tests/mock/test_document.py.
        made_up = (
            isinstance(failure, EnsureResourceAvailability)
            and not _operation(document, case).parameters
        )
        # A field that takes a file (`x-file`) is a text to the schema, and not every text is a URL
        # or base64.
        no_file = isinstance(failure, RejectedPositiveData) and "is not a file" in response.text
        # What a model refuses beyond the schema is said by the catalogue.
        by_model = isinstance(failure, RejectedPositiveData) and "(the model " in response.text
        as_sent = wrong_form and _is_valid_as_sent(document, case, response)
        return not (made_up or no_file or as_sent or by_model)

    links = {source: to for source, to in _links(mocked.raw).items() if source in labels}
    # What a link leads to may be another vendor's.
    selected = set(labels).union(*(targets.values() for targets in links.values()))
    text = json.dumps(_part(mocked.raw, selected))

    def schema(**config: Any) -> Any:
        settings = schemathesis.Config.from_dict(CONFIG | config)
        made = schemathesis.openapi.from_dict(json.loads(text), config=settings)
        made.app = app
        made.hook(filter_failure)
        made.hook(_sparing())
        return made

    run = Run()
    run.add(schema().include(name=sorted(selected)))
    # The stateful phase draws links at random and would need thousands of steps until it drew them
    # all; between two operations it soon has what it has not drawn yet: nearly always in its first
    # examples, which are the simplest.
    for examples in (2, 20):
        alone = schema(phases=_links_alone(examples))
        for source, targets in links.items():
            for name, target in targets.items():
                if (source, name) not in run.followed:
                    run.add(alone.include(name=[source, target]))

    assert not run.problems, f"{len(run.problems)} problems:\n" + "\n\n".join(run.problems[:20])
    assert run.tested[PhaseName.COVERAGE] == run.tested[PhaseName.FUZZING] == selected
    # A mock that refuses everything would fail no check.
    assert run.accepted == selected
    assert run.followed == {(source, name) for source, targets in links.items() for name in targets}


def _links_alone(examples: int) -> dict[str, Any]:
    """The configuration of the stateful phase alone."""
    # Wrong requests, which no link starts from, were sent in the other phases.
    stateful = {"generation": {"max-examples": examples, "mode": "positive"}}
    return {**dict.fromkeys(("examples", "coverage", "fuzzing"), OFF), "stateful": stateful}
