"""Secrets: how they are held, and the one place that takes them out of what others may read.

An API key is wrapped in `Secret` first thing. Errors and recordings pass through a `Redactor`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, SupportsIndex, cast

from ._json import is_array, is_mapping, is_object, is_tuple

HIDDEN = "[hidden]"
KEY = "[key]"
SHORTEST = 6
"""Characters that a secret has at least."""
MOST_LEARNED = 15
"""Secrets that a redactor keeps beside the latest, where keys are rotated."""
_WORDS = frozenset(
    "key keys apikey token tokens secret secrets password passwords passwd pwd authorization auth"
    " credential credentials cookie cookies signature sig bearer session".split()
)
_ENDINGS = ("apikey", "secretkey", "accesskey", "privatekey", "token", "secret", "password")
_SPLIT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|ak)-[\w-]{8,}")
_KEPT = frozenset("code body content headers text events partial status call".split())
"""What errors keep of responses."""
_CREDENTIALS = re.compile(r"//[^/?#@\s'\"<>]*@")


class Secret(str):
    """Text that does not show where values are shown: in a `repr`, in a part that is cut out of it,
    in a pickle.

    Error trackers keep the local variables of each frame; this is what they get.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{KEY}'"

    def __getitem__(self, index: SupportsIndex | slice) -> str:
        return Secret(super().__getitem__(index))

    def __reduce_ex__(self, _: SupportsIndex) -> Any:
        return str, (KEY,)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: object) -> Secret:
        return self


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a header, a field or a parameter of this name holds a secret: `x-api-key`,
    `refresh_token`, `clientSecret`.
    """
    words = [word.lower() for word in _SPLIT.findall(name)]
    return any(word in _WORDS or word.endswith(_ENDINGS) for word in words)


def without_credentials(text: str) -> str:
    """Text without the user and password of the URLs in it."""
    return _CREDENTIALS.sub(f"//{HIDDEN}@", text) if "@" in text else text


@lru_cache(maxsize=256)
def _patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[bytes]]:
    """What finds a secret in text and in bytes: plain, as JSON escapes it, or percent-encoded,
    wholly or in part.
    """
    spelled = ["".join(map(_spelled, secret)) for secret in secrets] or ["(?!)"]
    pattern = "|".join(spelled)
    return re.compile(pattern), re.compile(pattern.encode())


def _spelled(character: str) -> str:
    code = f"{ord(character):02x}"
    either = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in code)
    ways = [re.escape(character), rf"\\+u00{either}", f"%(?:25)*{either}"]
    if character in '"\\/':
        ways.insert(0, rf"\\+{re.escape(character)}")
    return f"(?:{'|'.join(ways)})"


class Redactor:
    """Takes secrets, and what looks like an API key, out of what errors and recordings keep."""

    __slots__ = ("_given", "_secrets")

    def __init__(self, *secrets: str) -> None:
        # What is shorter is no secret, and would be found everywhere.
        self._secrets = tuple(Secret(one) for one in secrets if len(one) >= SHORTEST)
        self._given = len(self._secrets)

    def learn(self, secret: str) -> None:
        """Take out this secret as well, such as an API key that has just come into use.

        Of those learned, the latest are remembered.
        """
        if len(secret) >= SHORTEST and secret not in self._secrets:
            given, learned = self._secrets[: self._given], self._secrets[self._given :]
            self._secrets = (*given, *learned[-MOST_LEARNED:], Secret(secret))

    def __repr__(self) -> str:
        return "<Redactor>"

    def text(self, text: str) -> str:
        """Text without the secrets, what looks like an API key, and the credentials of URLs."""
        found = _patterns(self._secrets)[0].sub(KEY, text)
        if "-" in found:
            found = _LIKE_A_KEY.sub(HIDDEN, found)
        return without_credentials(found)

    def content(self, content: bytes) -> bytes:
        """A body without the secrets; else it is as it was received."""
        return _patterns(self._secrets)[1].sub(KEY.encode(), content)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers, names in lower case, without secrets and cookies."""
        return {name.lower(): self._header(name, value) for name, value in headers.items()}

    def _header(self, name: str, value: str) -> str:
        return HIDDEN if "cookie" in name.lower() else self.text(value)

    def recorded(self, value: Any, name: str = "") -> Any:
        """A JSON value for a recording: also without what stands under the name of a secret.

        What is nested too deeply to be looked through is left out.
        """
        try:
            return self._recorded(value, name)
        except RecursionError:
            return HIDDEN

    def _recorded(self, value: Any, name: str) -> Any:
        if is_mapping(value):
            return {
                self.text(str(each)): self._recorded(item, str(each))
                for each, item in value.items()
            }
        if is_array(value) or is_tuple(value):
            return [self._recorded(item, name) for item in value]
        if isinstance(value, str):
            return HIDDEN if is_secret_name(name) else self.text(value)
        return value

    def error(self, error: BaseException) -> None:
        """Take the secrets out of an error, what it keeps, and the errors that it came from, in
        place.
        """
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and id(link) not in seen:
            seen.add(id(link))
            link.args = tuple(self.value(part) for part in link.args)
            for name, value in vars(link).items():
                if name in _KEPT:
                    vars(link)[name] = self.value(value)
            link = link.__cause__ or link.__context__

    def value(self, value: Any) -> Any:
        """Anything that an error keeps: texts, bytes, JSON, responses.

        What has no secret in it stays the object it is.
        """
        try:
            return self._value(value)
        except RecursionError:
            return HIDDEN

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            found = self.text(value)
            return value if found == value else found
        if isinstance(value, (bytes, bytearray)):
            return self.content(bytes(value))
        if is_tuple(value):
            return self._tuple(value)
        if is_object(value) or is_array(value):
            self._structure(value)
        elif hasattr(value, "_raw"):
            self._model(value)
        return value

    def _structure(self, value: dict[str, Any] | list[Any]) -> None:
        """An object or array, and the exchange that it carries as a whole response."""
        if is_object(value):
            for name, item in list(value.items()):
                value[name] = self._value(item)
        elif is_array(value):
            value[:] = [self._value(item) for item in value]
        if (http := getattr(value, "http", None)) is not None:
            cast("Any", value).http = self._value(http)

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        parts = [self._value(item) for item in value]
        make = getattr(value, "_make", tuple)
        return value if all(map(operator.is_, parts, value)) else make(parts)

    def _model(self, model: Any) -> None:
        """A response or an event: its JSON, and the fields made of it."""
        self._value(model._raw)
        for name in type(model).__annotations__:
            if not name.startswith("_"):
                setattr(model, name, self._value(getattr(model, name)))
        if (http := getattr(model, "http", None)) is not None:
            model._http = self._value(http)
