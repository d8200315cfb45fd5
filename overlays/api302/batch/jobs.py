"""What a batch is made of: jobs, read from a file or a program, and checked before anything is
sent.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from api302._errors import InvalidArgument
from api302._features.calling import prepared
from api302._features.naming import operation_id, recorded
from api302._json import is_mapping
from api302._types import Operation

FIELDS = ("key", "call", "arguments")
_FIELDS = frozenset(FIELDS)
LONGEST_KEY = 200
LONGEST_STEM = 120
"""Characters of a file's name before its suffix."""
SHOWN = 20
"""Bad lines that a message lists."""
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False).encode
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]|^[. ]|[. ]$')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", re.IGNORECASE)
"""Names that Windows has for devices."""


class Job(NamedTuple):
    """One call to be made.

    Attributes:
        key: What the caller names it by; its files and its result carry that name.
        call: An operation id.
        arguments: By name on the wire, as `client.call` takes them.
        number: Its line in the file, or its place, from 1.
        content: The arguments as JSON, the same text for the same arguments, once it is checked.
    """

    key: str
    call: str
    arguments: Mapping[str, Any]
    number: int
    content: str = ""


class BadJob(NamedTuple):
    """A job that cannot be run, and why."""

    number: int
    field: str
    why: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.field}: {self.why}"


Source = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
"""A file with a JSON object a line, or the objects themselves."""


def read_jobs(source: Source, check: Callable[[Any, Job], None]) -> Iterator[Job | BadJob]:
    """The jobs of a file or of a program, each checked, and the bad ones with line and field.

    Raises InvalidArgument if there is no such file.
    """
    keys: dict[str, int] = {}
    for number, item in _items(source):
        job = _job(number, item)
        if isinstance(job, Job):
            first = keys.setdefault(job.key, number)
            if first == number:
                job = _checked(job, check)
            else:
                job = BadJob(number, "key", f"{job.key!r} is that of line {first} too")
        yield job


def _items(source: Source) -> Iterator[tuple[int, Any]]:
    """The lines that are not empty, or the objects, with their numbers."""
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "__iter__"):
            raise InvalidArgument(f"jobs: must be a file, or a list of objects, not {source!r:.80}")
        yield from enumerate(source, 1)
        return
    try:
        with open(source, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(
            f"jobs: {str(source)!r} cannot be read ({error});"
            ' give a file with a line such as {"key": "a", "call": "…", "arguments": {…}} a job'
        ) from None


def _job(number: int, item: Any) -> Job | BadJob:
    if isinstance(item, str):
        try:
            item = json.loads(item)
        except (ValueError, RecursionError) as error:
            return BadJob(number, "line", f"is not JSON ({error})")
    if not is_mapping(item):
        return BadJob(number, "line", f"must be an object with {', '.join(FIELDS)}")
    if item.keys() - _FIELDS:
        (name, *_) = item.keys() - _FIELDS
        return BadJob(number, str(name), f"is not known; a job has {', '.join(FIELDS)}")
    key, call, arguments = item.get("key"), item.get("call"), item.get("arguments", {})
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        return BadJob(number, "key", f"must be 1 to {LONGEST_KEY} printable characters")
    if not isinstance(call, str):
        return BadJob(number, "call", "must be an operation id, such as openai_chat_completions")
    names: Iterable[object] = arguments if is_mapping(arguments) else (None,)
    if not all(isinstance(name, str) for name in names):
        return BadJob(number, "arguments", f"must be an object, not {_start_of(arguments)}")
    return Job(key, call, arguments, number)


def _start_of(value: Any) -> str:
    """What a value is, for a message: none is too deep for that."""
    try:
        return f"{value!r:.80}"
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deeply"


def _checked(job: Job, check: Callable[[Any, Job], None]) -> Job | BadJob:
    try:
        job = job._replace(call=_id(job.call))
        check(None, job)
        job = job._replace(content=_content(job))
    except InvalidArgument as error:
        field, found, why = error.message.partition(": ")
        return BadJob(job.number, field if found else "arguments", why if found else field)
    return job


def _content(job: Job) -> str:
    """The arguments as JSON. Raises InvalidArgument, naming the field."""
    try:
        content = _encode(job.arguments)
        content.encode()
        return content
    except (TypeError, ValueError, RecursionError):
        from api302._http.misfit import misfit

        field, why = misfit(dict(job.arguments))
        raise InvalidArgument(f"{field}: cannot be sent as JSON; {why}") from None


@cache
def _operation(call: str) -> Operation:
    return Operation.by_id(call)


@cache
def _id(call: str) -> str:
    return operation_id(call)


class Checker:
    """Whether the arguments of jobs are such as their calls take. Sends nothing."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: set[tuple[str, frozenset[str]]] = set()

    def __call__(self, _: Any, job: Job) -> None:
        """Raises InvalidArgument, naming the field."""
        op = _operation(job.call)
        names = frozenset(job.arguments)
        self._check_stream(op, job)
        is_plain = names.isdisjoint(op.files) and None not in job.arguments.values()
        if is_plain and (job.call, names) in self._known:
            return
        self._check_required(op, prepared(self._client, job.call, job.arguments, "call"))
        if is_plain:
            self._known.add((job.call, names))

    @staticmethod
    def _check_required(op: Operation, ready: Any) -> None:
        """What the call itself would refuse."""
        body: Mapping[str, Any] = recorded(ready.func, ready.keywords).given.get("body") or {}
        if missing := [name for name in op.required if body.get(name) is None]:
            raise InvalidArgument(f"{', '.join(missing)}: is required by {op.id}")

    @staticmethod
    def _check_stream(op: Operation, job: Job) -> None:
        stream = op.behaviour.stream
        if stream is None:
            return
        if stream.when is None:
            raise InvalidArgument(f"call: {op.id} answers with a stream, which no batch takes")
        name = stream.when.name
        if name in job.arguments and stream.when.is_on(job.arguments[name]):
            raise InvalidArgument(f"{name}: a batch takes whole responses; leave it out")


@cache
def vendor_of(call: str) -> str:
    """The vendor whose limits hold for a call: that of its namespace, such as `kling`."""
    from api302_resources._calls import CALLS

    return CALLS[call].split(".")[1]


def digest(job: Job) -> str:
    """What stands for call and arguments, to see whether they changed."""
    return hashlib.sha256(f"{job.call}\n{job.content}".encode("utf-8", "replace")).hexdigest()


def file_stem(key: str) -> str:
    """The name of a job's files without the suffix: one plain name on any system for each key."""
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", key)
    if _RESERVED.match(safe):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    if len(safe.encode()) <= LONGEST_STEM:
        return safe
    mark = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{safe.encode()[:LONGEST_STEM].decode(errors='ignore')}-{mark}"


def bad_jobs(bad: Iterable[BadJob]) -> InvalidArgument:
    """The error for a file with bad lines."""
    listed = list(bad)
    lines = "\n".join(f"  {one}" for one in listed[:SHOWN])
    more = f"\n  and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return InvalidArgument(
        f"jobs: {len(listed)} cannot be run, and nothing was sent; mend them, or leave them out"
        f" with --skip-bad (skip_bad=True):\n{lines}{more}"
    )
