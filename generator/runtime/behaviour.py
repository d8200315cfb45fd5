"""What the `x-` extensions of the description say, read in one place.

One frozen class an extension, each made from the extension's plain JSON by `of`. The client, the
mock, the house rules and the publication use these classes, so that they cannot disagree about a
state word, a path or a test. `spec/extensions.schema.json` says what each extension may hold; paths
are JMESPath.

    extension = {"state": "status", "succeeded": ["done"], "outputs": ["url"]}
    rule = read({"x-task-status": extension}).status
    rule.read({"status": "DONE", "url": "https://…"})  # Reading(state="succeeded", …)

Nothing here raises for a response that is not as described: a path that leads nowhere gives None.
"""

# Annotations are not postponed: a named tuple would compile the text of each at import.
import json
import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self

Json = Mapping[str, Any]
State = Literal["pending", "succeeded", "failed"]
Scalar = str | int | float | bool

_PLAIN = re.compile(r"[A-Za-z_]\w*(\[\d+\])*(\.[A-Za-z_]\w*(\[\d+\])*)*")
_NUMBER = re.compile(r"[-+]?\d{1,40}(\.\d{1,40})?")  # int() refuses thousands of digits
_URL = re.compile("https?://|data:", re.IGNORECASE)


# --- values ---------------------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    """Whether two scalars mean the same word of the API.

    Case and surrounding space do not count (`COMPLETED` is `completed`). A number equals its text
    (`0` is `"0"`), since vendors send both. A boolean equals only a boolean or the text `true` or
    `false`: `False` is not 0. Null, arrays and objects equal nothing.
    """
    first, second = _word(one), _word(other)
    return first is not None and first == second


def _word(value: Any) -> str | float | None:
    """A scalar in the form in which it is compared."""
    if isinstance(value, bool):
        return str(value).casefold()
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip().casefold()
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def among(value: Any, values: Iterable[Any]) -> bool:
    """Whether a value is the `same` as one of those listed."""
    return any(same(value, known) for known in values)


def is_present(value: Any) -> bool:
    """Whether there is something: not null, empty or false. The number 0 is something."""
    return value is not None and value is not False and value not in ("", [], {})


# --- paths ----------------------------------------------------------------------------------------


@cache
def compiled(path: str) -> Callable[[Any], Any]:
    """The function that finds a JMESPath in JSON data.

    Plain paths such as `data.items[0].id` need no library.
    """
    if _PLAIN.fullmatch(path):
        steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        return lambda data: _walk(data, steps)
    import jmespath
    from jmespath.exceptions import JMESPathError

    search: Callable[[Any], Any] = jmespath.compile(path).search

    def find(data: Any) -> Any:
        try:
            return search(data)
        except (JMESPathError, TypeError, ValueError, RecursionError):
            # A function given a type that it does not take: the response is not as described.
            return None

    return find


def _walk(data: Any, steps: list[int | str]) -> Any:
    for step in steps:
        if isinstance(step, str) and isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(step, int) and isinstance(data, list):
            data = data[step] if step < len(data) else None
        else:
            return None
    return data


class Path(NamedTuple):
    """Where a value is.

    With `encoding: json` the string there holds JSON, which `then` looks into.
    """

    field: str
    encoding: Literal["json"] | None = None
    then: str | None = None

    @classmethod
    def of(cls, data: str | Json) -> Self:
        """From a JMESPath, or from `{field, encoding, then}`."""
        return cls(data) if isinstance(data, str) else cls(**data)

    def find(self, data: Any) -> Any:
        """The value there, or None. Text that should hold JSON and does not is taken as it is."""
        value = compiled(self.field)(data)
        if self.encoding == "json" and isinstance(value, str):
            try:
                value = json.loads(value, strict=False)
            except (ValueError, RecursionError):
                return value
        return value if self.then is None else compiled(self.then)(value)


def find(path: str | Json | Path | None, data: Any) -> Any:
    """The value at a path in any of its forms; None where the path is None or leads nowhere."""
    if path is None:
        return None
    return (path if isinstance(path, Path) else Path.of(path)).find(data)


def urls(paths: Iterable[Path], data: Any) -> tuple[str, ...]:
    """The URLs that paths find, each once, in order.

    Other text, which some tasks give there, is left out.
    """
    found: dict[str, None] = {}
    for path in paths:
        value = path.find(data)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and _URL.match(item):
                found[item] = None
    return tuple(found)


class Test(NamedTuple):
    """True when the field is among the values, or, without values, when it is present."""

    field: str
    values: tuple[Scalar, ...] | None = None

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `{field, values}`."""
        return cls(data["field"], _tuple(data.get("values")) if "values" in data else None)

    def holds(self, data: Any) -> bool:
        """Whether it is true of a response or an event."""
        value = compiled(self.field)(data)
        return is_present(value) if self.values is None else among(value, self.values)


Test.__test__ = False  # type: ignore[attr-defined]  # for pytest, which takes the name for a test class


class Field(NamedTuple):
    """A field of a request: `place` is query, body or header."""

    place: str
    name: str

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `{in, name}`."""
        return cls(data["in"], data["name"])


class Switch(NamedTuple):
    """A field of a request and the value of it that turns a behavior on."""

    place: str
    name: str
    value: Scalar

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `{in, name, value}`."""
        return cls(data["in"], data["name"], data["value"])

    def is_on(self, value: Any) -> bool:
        """Whether a request that has this value there asks for the behavior."""
        return same(value, self.value)


def _tuple(values: Iterable[Any] | None) -> tuple[Any, ...]:
    return tuple(values or ())


def _maybe(kind: Callable[[Any], Any], data: Any) -> Any:
    """`kind(data)`, or None where the extension does not say it."""
    return None if data is None else kind(data)


# --- one class an extension -----------------------------------------------------------------------


class Failure(NamedTuple):
    """What an envelope says of a failure."""

    code: Any = None
    message: str | None = None


class Success(NamedTuple):
    """`x-success`: how the envelope of a 200 tells success from failure."""

    field: str
    values: tuple[Scalar, ...]
    code: str | None = None
    message: str | None = None

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(data["field"], _tuple(data["values"]), data.get("code"), data.get("message"))

    def failure(self, data: Any) -> Failure | None:
        """The failure that a response reports, or None.

        A field that is absent or null is a success.
        """
        value = compiled(self.field)(data)
        if value is None or among(value, self.values):
            return None
        message = find(self.message, data)
        code = value if self.code is None else find(self.code, data)
        return Failure(code, message if isinstance(message, str) else None)


class Task(NamedTuple):
    """`x-task`: how the task that a submitting call starts is followed."""

    fetch: str
    """Operation id of the call that gets the task's status."""
    parameters: Mapping[str, str]
    """Parameters of that call, each with its path in the submitting response.

    The first is the task's id.
    """
    cancel: str | None = None
    when: Switch | None = None
    """The call starts a task only with this."""
    webhook: Field | None = None
    example: str | None = None
    """Name of the example of the fetching call that shows how this task ends. Mocks need it,
    clients do not.
    """

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(
            data["fetch"],
            dict(data["parameters"]),
            data.get("cancel"),
            _maybe(Switch.of, data.get("when")),
            _maybe(Field.of, data.get("webhook")),
            data.get("example"),
        )

    def find(self, data: Any) -> dict[str, Any]:
        """The fetching call's parameters from a submitting response; None for what it lacks."""
        return {name: compiled(path)(data) for name, path in self.parameters.items()}

    @property
    def id_path(self) -> str:
        """Where the task's id is in the submitting response."""
        return next(iter(self.parameters.values()))


class Reading(NamedTuple):
    """What a response says of a task."""

    state: State
    word: Any = None
    """The service's own word for the state."""
    basis: Literal["word", "done", "file", "ends", "outputs", "unknown"] = "word"
    """What decided the state.

    The word as the rule lists it; the rule's `done`; a file that came; the words that the whole
    description uses for ends; output URLs beside a word that nobody knows; or nothing, which counts
    as pending.
    """
    progress: float | None = None
    outputs: tuple[str, ...] = ()
    message: str | None = None
    code: Any = None


class Result(NamedTuple):
    """Where a finished task has but an id: the call that gives the output URLs.

    Without `outputs` its response is the file.
    """

    fetch: str
    parameters: Mapping[str, str]
    outputs: tuple[Path, ...] = ()

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `x-task-status.result`."""
        outputs = tuple(Path.of(path) for path in data.get("outputs", ()))
        return cls(data["fetch"], dict(data["parameters"]), outputs)

    def find(self, data: Any) -> dict[str, Any]:
        """Its parameters, found in the finished response; what is absent is left out."""
        found = {name: compiled(path)(data) for name, path in self.parameters.items()}
        return {name: value for name, value in found.items() if value is not None}


class Progress(NamedTuple):
    """Where the progress is.

    `of` is the number that means finished; text such as `45%` needs none.
    """

    field: str
    of_: float = 1.0

    @classmethod
    def of(cls, data: Json) -> Self:
        """From `{field, of}`."""
        return cls(data["field"], data.get("of", 1))

    def find(self, data: Any) -> float | None:
        """From 0 to 1, or None where the response does not say it."""
        value = compiled(self.field)(data)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None
        is_percent = isinstance(value, str) and "%" in value
        try:
            number = (
                float(value.strip().removesuffix("%")) if isinstance(value, str) else float(value)
            )
        except (ValueError, OverflowError):
            return None
        share = number / (100 if is_percent else self.of_)
        return min(max(share, 0.0), 1.0) if share == share else None  # not a number


class Ends(NamedTuple):
    """Words for the end of a task that several vendors share, for a state that no rule lists."""

    succeeded: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rules: Iterable[tuple[str, "TaskStatus"]]) -> Self:
        """The words of the vendors' rules that at least two use for one end, none for another."""
        vendors: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for vendor, rule in rules:
            for state in ("pending", "succeeded", "failed"):
                for value in getattr(rule, state):
                    if isinstance(word := _word(value), str):
                        vendors[word][state].add(vendor)

        def ends(state: str) -> Iterator[str]:
            for word, states in vendors.items():
                if set(states) == {state} and len(states[state]) > 1:
                    yield word

        return cls(frozenset(ends("succeeded")), frozenset(ends("failed")))

    def state(self, word: Any) -> State | None:
        """The end that a word means, or None."""
        said = _word(word)
        if said in self.succeeded:
            return "succeeded"
        return "failed" if said in self.failed else None


class TaskStatus(NamedTuple):
    """`x-task-status`: how the response of a fetching call tells the state of a task."""

    state: Path | None = None
    pending: tuple[Scalar, ...] = ()
    succeeded: tuple[Scalar, ...] = ()
    failed: tuple[Scalar, ...] = ()
    done: Test | None = None
    """What means success where no word says so."""
    done_is_file: bool = False
    """A response that is a file means success."""
    progress: Progress | None = None
    outputs: tuple[Path, ...] = ()
    result: Result | None = None
    response: Path | None = None
    """Where the submitting operation's own response is, once the task is done."""
    message: str | None = None
    code: str | None = None
    interval: float | None = None
    """Suggested polling interval in seconds."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        done, error = data.get("done") or {}, data.get("error") or {}
        return cls(
            state=_maybe(Path.of, data.get("state")),
            pending=_tuple(data.get("pending")),
            succeeded=_tuple(data.get("succeeded")),
            failed=_tuple(data.get("failed")),
            done=Test.of(done) if "field" in done else None,
            done_is_file=bool(done.get("binary")),
            progress=_maybe(Progress.of, data.get("progress")),
            outputs=tuple(Path.of(path) for path in data.get("outputs", ())),
            result=_maybe(Result.of, data.get("result")),
            response=_maybe(Path.of, data.get("response")),
            message=error.get("message"),
            code=error.get("code"),
            interval=data.get("interval"),
        )

    def listed(self, word: Any) -> State | None:
        """The state that the rule lists a word under, or None.

        Ends are looked at before `pending`.
        """
        if among(word, self.succeeded):
            return "succeeded"
        if among(word, self.failed):
            return "failed"
        return "pending" if among(word, self.pending) else None

    def known_state(self, data: Any) -> State | None:
        """The state that a response names in a word of the rule, or None.

        It is read before `x-success`.
        """
        return self.listed(self.state.find(data)) if self.state else None

    def read(self, data: Any, *, is_file: bool = False, ends: Ends = Ends()) -> Reading:  # noqa: B008 - frozen
        """What a response says of the task.

        Args:
            data: The response as JSON.
            is_file: The response is a file, not JSON.
            ends: The words that decide where the rule lists the state's word nowhere.
        """
        if is_file and self.done_is_file:
            return Reading("succeeded", basis="file", progress=1.0)
        word = self.state.find(data) if self.state else None
        found = urls(self.outputs, data)
        progress = self.progress.find(data) if self.progress else None
        state, basis = self._decided(data, word, ends, bool(found) and progress in (None, 1.0))
        if state == "succeeded":
            return Reading(state, word, basis, 1.0, found)
        if state == "pending":
            return Reading(state, word, basis, progress)
        message = find(self.message, data)
        text = message if isinstance(message, str) and message else None
        return Reading(state, word, basis, progress, (), text, find(self.code, data))

    def _decided(self, data: Any, word: Any, ends: Ends, has_outputs: bool) -> tuple[State, Any]:
        if known := self.listed(word):
            return known, "word"
        if self.done is not None and self.done.holds(data):
            return "succeeded", "done"
        if shared := ends.state(word):
            return shared, "ends"
        if self.done is not None or self.done_is_file:
            return "pending", "done"
        if word is not None and has_outputs:
            return "succeeded", "outputs"
        return "pending", "unknown"


class Stream(NamedTuple):
    """`x-stream`: how an event stream is switched on, ends and accumulates."""

    sentinel: str | None = None
    """The data that ends the stream, such as `[DONE]`."""
    last: Test | None = None
    """What is true of the event that ends the stream, where no sentinel does."""
    when: Switch | None = None
    error: str | None = None
    """Where an event reports a failure."""
    text: str | None = None
    """Where the text of an event is."""
    accumulate: str | None = None
    """How events accumulate to the whole response."""
    response: str | None = None
    """The schema that they accumulate to; without it, that of the JSON response."""
    complete: str | None = None
    """True of an accumulated response that is whole.

    A body that ended cleanly may then lack the sentinel.
    """

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        done = data["done"]
        return cls(
            sentinel=done.get("data"),
            last=Test.of(done) if "field" in done else None,
            when=_maybe(Switch.of, data.get("when")),
            error=data.get("error"),
            text=data.get("text"),
            accumulate=data.get("accumulate"),
            response=data.get("response"),
            complete=data.get("complete"),
        )


class Structured(NamedTuple):
    """`x-structured`: how an output of a class of the caller's is asked for, and where it is."""

    argument: str
    """The argument that takes the class."""
    field: str
    """The field of the request that has its JSON schema, `.` leading into objects."""
    value: Any
    """The field's value, with `$name`, `$strict` and `$schema` in the places of these."""
    objects: str
    """The objects of the response that hold an output, such as `choices[].message`."""
    text: str
    """The field of such an object that holds the output as JSON text."""
    refusal: str
    """Where the reason is why the model refused."""
    cut: str
    """True of a response whose output was cut off."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(**data)

    def put(self, body: Json, name: str, strict: bool, schema: Json) -> dict[str, Any]:
        """The body of a request that asks for the output; objects on the way are kept."""
        filled = {"$name": name, "$strict": strict, "$schema": schema}
        *outer, last = self.field.split(".")
        changed = inner = dict(body)
        for step in outer:
            inner[step] = dict(inner.get(step) or {})
            inner = inner[step]
        inner[last] = _filled(self.value, filled)
        return changed

    def cut_off(self, response: Any) -> bool:
        """Whether the output of a response, as JSON, was cut off."""
        return compiled(self.cut)(response) is True


def _filled(value: Any, values: Json) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    return values[value] if isinstance(value, str) and value in values else value


class Pages(NamedTuple):
    """`x-pages`: what asks for the next page of a listing, and where the items are."""

    items: str
    parameter: str | None = None
    """What counts from `first`, pages or items; without it, `next` alone leads on."""
    first: int = 1
    counts: str = "pages"
    step: int | None = None
    size: str | None = None
    """Of a parameter that counts items: how many a page has, and the parameter that says so.
    Without both, as many as came."""
    where: Literal["query", "body"] = "query"
    """Where its parameters are."""
    next: Mapping[str, str] = MappingProxyType({})
    """By parameter of the next page, where its value is in the response of this one."""
    more: str | None = None
    """Where a response says whether there is another page."""

    @property
    def moving(self) -> tuple[str, ...]:
        """The parameters that differ from page to page."""
        counted = (self.parameter,) if self.parameter else ()
        return (*counted, *(name for name in self.next if name != self.parameter))

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(
            data["items"],
            data.get("parameter"),
            data.get("first", 1),
            data.get("counts", "pages"),
            data.get("step"),
            data.get("size"),
            data.get("in", "query"),
            data.get("next", {}),
            data.get("more"),
        )


class Upload(NamedTuple):
    """`x-upload`: the call uploads a file.

    Without `finish` it is one step; with it, how the upload goes on from there.
    """

    address: str
    """Where the URL or id that other calls take is, in the last response or else the first one."""
    method: str | None = None
    """The name of the one method that makes all the steps."""
    finish: str | None = None
    """Operation id of the last step."""
    parameters: Mapping[str, str] = {}
    """Parameters of the last step, each with its path in the first response."""
    put: str | None = None
    """Where the URL is that the bytes are PUT to."""
    etag: str | None = None
    """The last step's body field that takes the PUT's `etag`."""
    file: str | None = None
    """The last step's form field that takes the file."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(**data)


class Price(NamedTuple):
    """One entry of `x-price`: PTC per unit (1 PTC is 1 USD), or a note where no amount is known."""

    amount: float | None = None
    unit: str | None = None
    per: str | None = None
    for_: str | None = None
    """The variant that costs this."""
    note: str | None = None
    when: Mapping[str, Any] = {}
    """By field or JMESPath, what the request must say for this price to hold: a value or several.
    """
    units: str | None = None
    """JMESPath: how many units the request has."""

    def may_hold(self, values: Json, *, whole: bool = True) -> bool:
        """Whether the price may hold for a request: what that does not say may be anything.

        Args:
            values: Its body fields and parameters.
            whole: These are all of the request. If not, a test on them, such as that a field is
                not there, tells nothing.
        """
        for path, wanted in self.when.items():
            known = compiled(path)(values) if whole or _PLAIN.fullmatch(path) else None
            options = wanted if isinstance(wanted, (list, tuple)) else [wanted]
            if known is not None and not among(known, options):
                return False
        return True

    @classmethod
    def of(cls, data: Json) -> Self:
        """From one entry of the extension."""
        return cls(**{_PRICE_FIELDS.get(name, name): value for name, value in data.items()})


_PRICE_FIELDS = {"for": "for_"}


class Repeatable(NamedTuple):
    """`x-repeatable`: the call is free, so it may be repeated after a timeout or server error."""

    because: str

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(data["because"])


class Models(NamedTuple):
    """`x-models`: which field takes models of the catalogue."""

    field: str
    """Of the body, or a parameter."""
    kinds: tuple[str, ...] = ()
    """It takes all models of these kinds; those that list the operation in any case."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(data["field"], _tuple(data.get("kinds")))


class ListedModel(NamedTuple):
    """What a list of the service says of a model."""

    name: str
    title: str = ""
    kinds: tuple[str, ...] = ()
    price: tuple[Price, ...] = ()


class ModelList(NamedTuple):
    """`x-lists-models`: where a response lists models, and what it says of each."""

    items: str
    name: str
    title: str | None = None
    operation: str | None = None
    """Operation id of the call that takes them."""
    kinds: Mapping[str, str] = {}
    price: Mapping[str, str] = {}

    @classmethod
    def of(cls, data: Json) -> Self:
        """From the extension."""
        return cls(**data)

    def read(self, response: Any) -> Iterator[ListedModel]:
        """The models of a response; what is not as described is passed over."""
        found = compiled(self.items)(response)
        for item in found if isinstance(found, list) else ():
            name = compiled(self.name)(item)
            if isinstance(name, str) and name:
                title = compiled(self.title)(item) if self.title else None
                kinds = tuple(kind for kind, is_of in self.kinds.items() if compiled(is_of)(item))
                title = title if isinstance(title, str) else ""
                yield ListedModel(name, title, kinds, tuple(self._prices(item)))

    def _prices(self, item: Any) -> Iterator[Price]:
        for per, path in self.price.items():
            found = compiled(path)(item)
            match = re.match(r"\s*\$?\s*(\d{1,9}(\.\d{1,9})?)", str(found))
            if match and not isinstance(found, bool):
                yield Price(float(match[1]), "PTC", per)


class Follow(NamedTuple):
    """One entry of `x-follows`: a part of the response that follows the request.

    Mocks need it, clients do not.
    """

    response: str
    """Where the part is in the response or event."""
    field: str | None = None
    """It has the value of this parameter or body field."""
    count: str | None = None  # type: ignore[assignment]  # hides a method of tuples that nobody needs here
    """It has as many items as this field asks for, or has itself."""
    index: str | None = None  # type: ignore[assignment]
    """The field of each item that counts them from 0."""
    length: str | None = None
    """It is a list of numbers, or a list of such lists, as long as this field says."""
    sum: tuple[str, ...] = ()
    """It is the sum of the numbers at these paths of the response."""

    @classmethod
    def of(cls, data: Json) -> Self:
        """From one entry of the extension."""
        return cls(**{**data, "sum": _tuple(data.get("sum"))})


class OutputFile(NamedTuple):
    """A file of a response: its URL, or its content."""

    url: str | None = None
    content: bytes | None = None
    media_type: str | None = None


class Output(NamedTuple):
    """One entry of `x-outputs`: where files are, and how the text there holds them."""

    path: Path
    form: Literal["url", "base64", "hex"] = "url"
    media_type: str | None = None
    """Where the media types of the content are."""

    @classmethod
    def of(cls, data: str | Json) -> Self:
        """From a JMESPath, or from `{field, encoding, then, as, media_type}`."""
        if isinstance(data, str):
            return cls(Path(data))
        path = Path(data["field"], data.get("encoding"), data.get("then"))
        return cls(path, data.get("as", "url"), data.get("media_type"))

    def find(self, data: Any) -> Iterator[OutputFile]:
        """The files that a response has there. What is not a file is passed over."""
        texts = list(_flat(self.path.find(data)))
        kinds = list(_flat(find(self.media_type, data)))
        known = kinds if len(kinds) == len(texts) else [None] * len(texts)
        for text, kind in zip(texts, known, strict=True):
            if not isinstance(text, str):
                continue
            if _URL.match(text):
                yield OutputFile(text)
            elif self.form != "url" and (content := _content(self.form, text)):
                yield OutputFile(None, content, kind if isinstance(kind, str) else None)


def _flat(value: Any) -> Iterator[Any]:
    """A value, or what lists hold, as far down as they go."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        else:
            yield item


def _content(form: str, text: str) -> bytes | None:
    """What a text holds in base64 (of either alphabet, with or without its end) or in hexadecimal
    digits; None where it holds nothing of the kind.
    """
    try:
        if form == "hex":
            return bytes.fromhex(text)
        plain = "".join(text.split()).rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return None


def files(outputs: Iterable[Output], data: Any) -> tuple[OutputFile, ...]:
    """The files of a response, each once, in order."""
    found = (file for output in outputs for file in output.find(data))
    return tuple(dict.fromkeys(found))


class Behaviour(NamedTuple):
    """All that the extensions of one operation say."""

    success: Success | None = None
    task: Task | None = None
    status: TaskStatus | None = None
    stream: Stream | None = None
    structured: Structured | None = None
    pages: Pages | None = None
    upload: Upload | None = None
    price: tuple[Price, ...] = ()
    repeatable: Repeatable | None = None
    models: Models | None = None
    model_list: ModelList | None = None
    follows: tuple[Follow, ...] = ()
    outputs: tuple[Output, ...] = ()
    """Where the files of a response are: by `x-outputs`, or else by `x-task-status`."""
    file_max: Mapping[str, int] = {}
    """By field of the body, the bytes that a file may have at most (`x-file-max`)."""
    inner_files: Mapping[str, Any] = {}
    """The fields that lead to files below those of the body (`x-file`), as a tree.

    By field, `[]` for the items of a list, what is below it; at a file, `FORMS` has its forms.
    """
    variants: tuple[tuple[str, ...], ...] = ()
    """What each of several request variants requires, where they exclude each other."""

    @property
    def is_free(self) -> bool:
        """Whether the documented price is 0, in every variant."""
        return bool(self.price) and all(price.amount == 0 for price in self.price)

    def may_repeat(self, method: str) -> bool:
        """Whether the call may be repeated when its outcome is unknown (timeout, server error).

        It may if it gets a task's status, if it only reads (`method` is GET or HEAD) and its price
        is 0, or if `x-repeatable` says so. A call that reads and costs, or whose price nobody
        knows, may not.
        """
        if self.status is not None or self.repeatable is not None:
            return True
        return method.upper() in ("GET", "HEAD") and self.is_free


READ_BY_CLIENTS = (
    "x-success",
    "x-task",
    "x-task-status",
    "x-stream",
    "x-structured",
    "x-pages",
    "x-upload",
    "x-price",
    "x-models",
    "x-lists-models",
    "x-repeatable",
    "x-outputs",
)
"""The extensions of an operation that clients act on. The others are for readers and generators."""


FORMS = ""
"""The key of a file's forms in the tree of `Behaviour.inner_files`."""


def _tree(paths: Json) -> dict[str, Any]:
    """Paths such as `messages[].content` as a tree."""
    root: dict[str, Any] = {}
    for path, forms in paths.items():
        inner = root
        for step in path.replace("[]", ".[]").split("."):
            inner = inner.setdefault(step, {})
        inner[FORMS] = tuple(forms)
    return root


def read(extensions: Json) -> Behaviour:
    """What an operation's extensions say.

    `extensions` may be the whole operation object: other keys are passed over.
    """
    return Behaviour(
        success=_maybe(Success.of, extensions.get("x-success")),
        task=_maybe(Task.of, extensions.get("x-task")),
        status=_maybe(TaskStatus.of, extensions.get("x-task-status")),
        stream=_maybe(Stream.of, extensions.get("x-stream")),
        structured=_maybe(Structured.of, extensions.get("x-structured")),
        pages=_maybe(Pages.of, extensions.get("x-pages")),
        upload=_maybe(Upload.of, extensions.get("x-upload")),
        price=tuple(Price.of(entry) for entry in extensions.get("x-price", ())),
        repeatable=_maybe(Repeatable.of, extensions.get("x-repeatable")),
        models=_maybe(Models.of, extensions.get("x-models")),
        model_list=_maybe(ModelList.of, extensions.get("x-lists-models")),
        follows=tuple(Follow.of(entry) for entry in extensions.get("x-follows", ())),
        outputs=tuple(map(Output.of, _outputs(extensions))),
        file_max=extensions.get("x-file-max", {}),
        inner_files=_tree(extensions.get("x-inner-files", {})),
        variants=tuple(tuple(names) for names in extensions.get("x-variants", ())),
    )


def _outputs(extensions: Json) -> Iterable[str | Json]:
    """The paths to the files of an operation's response."""
    own: Iterable[str | Json] | None = extensions.get("x-outputs")
    return (extensions.get("x-task-status") or {}).get("outputs", ()) if own is None else own
