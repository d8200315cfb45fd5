"""What responses are made of: `Model`, the base of all, and the forms that are not JSON objects.

Each top-level response carries the HTTP exchange it came from (`http`) and the id under which the
call is billed (`request_id`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    dataclass_transform,
)

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

T = TypeVar("T")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVarWithDefault

    Parsed = _TypeVarWithDefault("Parsed", default=None)
    OutputT = _TypeVarWithDefault(
        "OutputT", bound="ResultFile", default="ResultFile", covariant=True
    )
else:
    Parsed = TypeVar("Parsed")
    OutputT = TypeVar("OutputT", covariant=True)
"""`Parsed`: the type of the output, in a response that was asked for an object of a class.

`OutputT`: the class of a response's files; a client says which, since those of an async one are
awaited.
"""

ABSENT: Any = None
"""The default of a field that the API always sends.

It is None at run time, should the field be missing after all; to a type checker, a value.
"""


@dataclass_transform(eq_default=False, kw_only_default=True)
def model(cls: type[T]) -> type[T]:
    """Make an attrs class of a response class: slots, keyword arguments, all slots pickled.

    The rest is in `Model`.
    """
    from attr import define  # here, since a request that is never answered needs no attrs

    return define(
        cls, kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False
    )


class HttpInfo(NamedTuple):
    """The HTTP side of a response."""

    status_code: int
    headers: Mapping[str, str]
    """Response headers, names in lower case."""
    content: bytes
    """The body as received. A client may leave it out of a response that was parsed."""

    def __repr__(self) -> str:
        return f"HttpInfo(status_code={self.status_code}, content=<{len(self.content)} bytes>)"


class Picture(Protocol):
    """An image of PIL, which need not be installed; it is sent as PNG."""

    @property
    def mode(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]: ...
    def save(self, fp: Any, format: str | None = None, **params: Any) -> None: ...


class Upload(Protocol):
    """An upload of FastAPI or Starlette."""

    @property
    def filename(self) -> str | None: ...
    @property
    def file(self) -> Any: ...


class _Pydantic(Protocol):
    def model_dump(self) -> dict[str, Any]: ...


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _Attrs(Protocol):
    __attrs_attrs__: ClassVar[Any]


OwnObject: TypeAlias = _Pydantic | _Dataclass | _Attrs
"""An object of a class of the caller's: Pydantic, a dataclass or attrs. `api302` sends its fields.
"""


class ResultFile:
    """A file that a call gave: its URL, or the content itself. A later call takes it for a file.

    It is an `api302.Output`, or of an `AsyncClient` an `api302.AsyncOutput`, whose `save` and
    `read` are awaited: what they return is typed there.
    """

    content: bytes | None = None
    """Its bytes, where the service sent them instead of a URL."""

    @property
    def url(self) -> str:
        """Its URL; a data URL where the service sent the content."""
        raise NotImplementedError

    @property
    def media_type(self) -> str | None:
        """Such as `image/png`, as far as the service, the content or the URL tell."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str] = ".") -> Any:
        """Write it to a file, or under its own name into a folder, and return the path."""
        raise NotImplementedError

    def read(self) -> Any:
        """Its bytes, in memory."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the image itself, or a player."""
        return _bundle(self, [self])


Files = Callable[[Any], list[ResultFile]]
"""Finds the files of a response. A client may give it to the responses that it makes."""


class Model(Generic[OutputT]):
    """A JSON object of the API. Fields that are absent, and fields that are null, read as None.

    Nothing that was received is lost: `response["any-name"]` reads each received field, described
    or not, and `to_dict()` gives them all.
    """

    __slots__ = ("_files", "_http", "_raw")
    __wire__: ClassVar[Mapping[str, str]] = {}
    """Names on the wire, where they differ from the attribute's."""

    _raw: dict[str, Any]
    _http: HttpInfo
    _files: Files

    @property
    def http(self) -> HttpInfo | None:
        """The HTTP exchange, on the object that is the whole response."""
        return getattr(self, "_http", None)

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed, on the object that is the whole response."""
        return _request_id(self.http)

    @property
    def outputs(self) -> list[OutputT]:
        """The files that the call gave (URLs, base64 or bytes), on the object that is the whole
        response of an `api302` client: `response.outputs[0].save("cat.png")`.
        """
        find: Callable[[Any], list[OutputT]] | None = getattr(self, "_files", None)
        return find(self._raw) if find else []

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the files that the call gave, if it gave some."""
        return _bundle(self, Model.outputs.fget(self))  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object as received; for an object made by hand, its fields that are not None.

        A copy, free to change.
        """
        raw = getattr(self, "_raw", None)
        if raw is None:
            wire = self.__wire__
            raw = {
                wire.get(name, name): value for name, value in self._fields() if value is not None
            }
        copy: dict[str, Any] = plain(raw)
        return copy

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict()` as JSON text. `indent` is None for one line."""
        import json

        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def model_dump(
        self, *, mode: str = "python", by_alias: bool = True, exclude_none: bool = False
    ) -> dict[str, Any]:
        """`to_dict()`, under the name that Pydantic has for it.

        What was not received is not in it, as with Pydantic's `exclude_unset`. Names are always
        those on the wire, and values JSON.

        Args:
            mode: For Pydantic's sake.
            by_alias: For Pydantic's sake.
            exclude_none: Leave out what is null.
        """
        copy = self.to_dict()
        return _without_none(copy) if exclude_none else copy

    def model_dump_json(
        self, *, indent: int | None = None, by_alias: bool = True, exclude_none: bool = False
    ) -> str:
        """`model_dump()` as JSON text."""
        import json

        copy = self.model_dump(exclude_none=exclude_none)
        separators = (",", ":") if indent is None else None
        return json.dumps(copy, ensure_ascii=False, indent=indent, separators=separators)

    def __getitem__(self, name: str) -> Any:
        raw = getattr(self, "_raw", None)
        return (self.to_dict() if raw is None else raw)[name]

    def __contains__(self, name: object) -> bool:
        raw = getattr(self, "_raw", None)
        return name in (self.to_dict() if raw is None else raw)

    if not TYPE_CHECKING:  # a subclass may have one
        __iter__ = None  # or else `in` and `for` would try response[0], response[1], …

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        assert isinstance(other, Model)
        return self.to_dict() == other.to_dict()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return shown(self)

    def _fields(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__class__.__annotations__]


class Unknown(Model):
    """An object that is none of the described variants: a kind newer than the description.

    Each received field is an attribute; others are None.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._raw.get(name)

    def _fields(self) -> list[tuple[str, Any]]:
        return list(self._raw.items())


class _Response(Generic[OutputT]):
    """What responses that are no `Model` have in common."""

    http: HttpInfo | None = None
    _files: Files | None = None

    @property
    def request_id(self) -> str | None:
        """The id under which the call is billed."""
        return _request_id(self.http)

    @property
    def outputs(self) -> list[OutputT]:
        """The files that the call gave. See `Model.outputs`."""
        find: Callable[[Any], list[Any]] | None = self._files
        return find(self) if find else []

    def __repr__(self) -> str:
        return shown(self)


class JsonObject(_Response[OutputT], dict[str, Any]):
    """A response whose fields are not described: a dict that knows its request id."""


class JsonList(_Response[OutputT], list[Any]):
    """A response that is a JSON array."""


class Text(_Response[OutputT], str):
    """A response that is text."""

    @property
    def text(self) -> str:
        """The text itself, as the JSON form of the same response has it."""
        return str(self)


class Binary(_Response[OutputT]):
    """A response that is a file: sound, image, video, archive."""

    def __init__(
        self,
        content: bytes,
        media_type: str = "application/octet-stream",
        http: HttpInfo | None = None,
    ) -> None:
        self.content = content
        self.media_type = media_type
        self.http = http

    def save(self, path: str | PathLike[str] = ".") -> Path:
        """Write the content to a file, and return its path.

        A file of that path is replaced once all is written. In a folder, the file gets the server's
        name for it, or one from its content, with a number where the name is taken. A device or a
        pipe is written to directly.

        Raises:
            ValueError: there is no such folder, or it cannot be written to.
            OSError: the content cannot be written; nothing is left behind.
        """
        from .writer import safe_name, save  # here, since few responses are saved

        headers = {"content-type": self.media_type, **(self.http.headers if self.http else {})}
        return save(self.content, path, safe_name(headers, start=self.content[:512]))

    def __repr__(self) -> str:
        return f"Binary(<{len(self.content)} bytes>, media_type={self.media_type!r})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the image itself, or a player."""
        return _bundle(self, [self])


def _bundle(value: Any, files: Iterable[Any]) -> dict[str, str]:
    from .display import bundle  # here, since few programs are notebooks

    return bundle(repr(value), files)


def attach(response: Any, http: HttpInfo, files: Files | None = None) -> Any:
    """The response, carrying its HTTP facts and what finds its files.

    Numbers, booleans and null cannot carry any and stay as they are.
    """
    if isinstance(response, Model):
        response._http = http
        if files is not None:
            response._files = files
        return response
    if isinstance(response, dict):
        response = JsonObject(response)
    elif isinstance(response, list):
        response = JsonList(response)
    elif isinstance(response, str):
        response = Text(response)
    elif not isinstance(response, Binary):
        return response
    response.http = http
    response._files = files
    return response


_JSON = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A copy made of JSON types, of whatever a program has for them.

    Models, dataclasses, attrs and Pydantic become objects, without what is None in them; tuples,
    sets and generators arrays. What nobody knows stays as it is.
    """
    kind = value.__class__
    if kind in _JSON:
        return value
    if kind is dict and all(key.__class__ is str for key in value):
        return {key: plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    if isinstance(value, Model):
        return value.to_dict()
    from .plain import converted  # here, since few requests need it

    return converted(value)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def raw(response: Model) -> dict[str, Any]:
    """The JSON object of a response as received, not a copy; of one made by hand, its fields."""
    received: dict[str, Any] | None = getattr(response, "_raw", None)
    return response.to_dict() if received is None else received


def text_of(response: Model, kind: str) -> str:
    """All the text of a response of that kind (`x-stream.accumulate`)."""
    from .texts import whole_text

    return whole_text(kind, raw(response))


def found(response: Model, path: str) -> Any:
    """What a JMESPath finds in a response."""
    from .behaviour import compiled

    return compiled(path)(raw(response))


def _request_id(http: HttpInfo | None) -> str | None:
    return http.headers.get("request-id") if http else None


# -- repr: short, whatever a response holds --------------------------------------------------------

LONGEST_TEXT = 80
MOST_ITEMS = 6
DEEPEST = 4
LONGEST_REPR = 1200


def shown(value: Any) -> str:
    """A value for people and logs: long texts, lists and all are cut, and say what they were."""
    text = _shown(value, 0)
    return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"


def _shown(value: Any, depth: int) -> str:
    if isinstance(value, (str, bytes)):
        return _shown_text(value)
    if isinstance(value, Model):
        fields = [(name, one) for name, one in value._fields() if one is not None]
        pairs = _items([f"{name}=", one] for name, one in fields)
        return f"{type(value).__name__}({_joined(pairs, len(fields), depth)})"
    if isinstance(value, Mapping):
        pairs = _items([f"{_shown_text(str(key))}: ", one] for key, one in value.items())
        return "{" + _joined(pairs, len(value), depth) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + _joined(_items(["", one] for one in value), len(value), depth) + "]"
    return repr(value)


def _shown_text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        start, unit = bytes.__repr__(value[:LONGEST_TEXT]), "bytes"
    else:
        start, unit = str.__repr__(value[:LONGEST_TEXT]), "characters"
    return start if len(value) <= LONGEST_TEXT else f"{start}… <{len(value)} {unit}>"


def _items(pairs: Iterable[list[Any]]) -> list[list[Any]]:
    """The first of them, and no more."""
    return list(islice(pairs, MOST_ITEMS * 4))


def _joined(pairs: list[list[Any]], count: int, depth: int) -> str:
    if depth >= DEEPEST and pairs:
        return f"… {count}"
    most = MOST_ITEMS * 4 if pairs[:1] and pairs[0][0] else MOST_ITEMS
    parts = [f"{name}{_shown(value, depth + 1)}" for name, value in pairs[:most]]
    more = [f"… {count - most} more"] if count > most else []
    return ", ".join([*parts, *more])
