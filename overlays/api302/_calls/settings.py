"""What a client is set to, checked: each wrong argument is refused by its name, and no secret is
shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast, overload
from urllib.parse import SplitResult, urlsplit

from api302._errors import InvalidArgument
from api302._json import is_mapping
from api302._secret import Secret, is_secret_name, without_credentials
from api302._types import Timeout

DEFAULT_BASE_URL = "https://api.302.ai"
DEFAULT_TIMEOUT = 600.0
KEY_VARIABLES = ("AI302_API_KEY", "AI302_KEY", "302AI_API_KEY")
"""The environment variables that may hold the API key: ours, and those of the provider's own
programs.
"""
ApiKey = str | Callable[[], str | Awaitable[str]]
"""The API key, or a function that gives it for each exchange; for an `AsyncClient`, a coroutine
function as well.
"""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Settings(NamedTuple):
    """How a client makes its calls, unless a call says otherwise."""

    api_key: Secret | Callable[[], Any]
    """The key, or the function that gives it for each exchange."""
    base_url: str
    timeout: Timeout
    retries: int
    headers: Mapping[str, str]
    repeat: bool | None = None
    """Whether a call is repeated whose outcome is unknown; None: as the description says."""
    fallback: tuple[str, ...] = ()
    """Base URLs that are tried in turn where a host cannot be reached."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The base URLs in their order: the hosts that may see the API key."""
        return (self.base_url, *self.fallback)

    def __repr__(self) -> str:
        return f"<Settings {self.base_url}>"  # a header may hold a secret

    def secrets(self) -> Iterator[str]:
        """What errors and recordings must not show."""
        if isinstance(self.api_key, Secret):
            yield self.api_key
        for name, value in self.headers.items():
            if is_secret_name(name):
                yield value

    def changed(
        self,
        api_key: ApiKey | None,
        base_url: str | None,
        timeout: Timeout | None,
        retries: int | None,
        headers: Mapping[str, str] | None,
        repeat: bool | None,
    ) -> Settings:
        """Other settings; what is None stays, and headers are added."""
        return Settings(
            self.api_key if api_key is None else valid_key(api_key),
            self.base_url if base_url is None else valid_base_url(base_url),
            self.timeout if timeout is None else valid_timeout(timeout),
            self.retries if retries is None else valid_retries(retries),
            merged_headers(self.headers, headers),
            self.repeat if repeat is None else valid_repeat(repeat),
            self.fallback if base_url is None else (),
        )


def hidden(value: Any) -> Any:
    """An argument that may hold a secret, so that no frame shows it: text, or the values of a
    mapping.
    """
    if isinstance(value, str):
        return Secret(value)
    if is_mapping(value):
        return {name: hidden(item) for name, item in value.items()}
    return value


def _given(argument: str, variable: str, given: str | None) -> tuple[str, str]:
    """A setting, and what to call it in an error: the argument, or the environment variable."""
    if given is None:
        return variable, Secret(os.environ.get(variable, ""))
    if not isinstance(cast("Any", given), str):
        raise InvalidArgument(f"{argument}: must be text, not {type(given).__name__}")
    return argument, given


@overload
def valid_key(given: str | None) -> Secret: ...
@overload
def valid_key(given: ApiKey | None) -> Secret | Callable[[], Any]: ...
def valid_key(given: Any) -> Any:
    """The API key, which is never part of a message; or the function that gives it, as it is."""
    if callable(given):
        return given
    variable = next((one for one in KEY_VARIABLES if os.environ.get(one)), KEY_VARIABLES[0])
    name, key = _given("api_key", variable, given)
    if not key:
        raise InvalidArgument(
            "api_key: is missing; set the environment variable AI302_API_KEY or pass api_key='sk-…'"
            " (https://302.ai, API Keys)"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidArgument(
            f"{name}: has a line break, a space or a character outside ASCII;"
            " copy the API key alone, without what stands around it"
        )
    return Secret(key)


def valid_base_url(given: str | None) -> str:
    """The base URL without a slash at its end."""
    name, url = _given("base_url", "AI302_BASE_URL", given)
    if given is None and not url:
        return DEFAULT_BASE_URL
    if wrong := _wrong_url(url):
        raise InvalidArgument(f"{name}: {wrong}")
    return str(url).rstrip("/")


def _wrong_url(url: str) -> str:
    """What is wrong with a base URL."""
    shown = repr(str(without_credentials(url)))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{shown} is not a URL ({error})"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return (
            f"{shown} must start with https:// (or http://) and name a host, such as"
            f" {DEFAULT_BASE_URL}"
        )
    return _wrong_parts(url, parts, parts.hostname, shown)


def _wrong_parts(url: str, parts: SplitResult, host: str, shown: str) -> str:
    """What is wrong with a URL that has a scheme and a host."""
    has_more = parts.query or parts.fragment or parts.username or parts.password
    if has_more or not url.isprintable() or " " in url:
        return "must be scheme, host and perhaps a path, without user, query, fragment or spaces"
    if not _is_host(host):
        return f"{shown} has no valid host name"
    if url.rstrip("/").endswith("/v1"):
        without = url.rstrip("/").removesuffix("/v1")
        return f"leave /v1 out, since each call's path has it: {without!r}"
    return ""


def _is_host(host: str) -> bool:
    try:
        return bool(host.encode("idna")) if not host.isascii() else ".." not in host
    except UnicodeError:
        return False


def valid_retries(given: Any) -> int:
    """How often a call is repeated at most."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InvalidArgument(f"max_retries: must be a whole number, 0 or more, not {given!r}")
    return given


def valid_repeat(given: Any) -> bool | None:
    """Whether calls are repeated whose outcome is unknown."""
    if given not in (None, True, False):
        raise InvalidArgument(f"repeat: must be True, False or None, not {given!r}")
    return given


def valid_fallback(given: Any) -> tuple[str, ...]:
    """Base URLs of spare hosts."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidArgument(f"fallback: must be a list of base URLs, not {given!r}")
    urls = list(cast("Iterable[Any]", given))
    for number, url in enumerate(urls):
        wrong = _wrong_url(url) if isinstance(url, str) else f"must be text, not {url!r}"
        if wrong:
            raise InvalidArgument(f"fallback[{number}]: {wrong}")
    return tuple(str(url).rstrip("/") for url in urls)


def valid_middleware(given: Any, is_async: bool) -> list[Callable[..., Any]]:
    """Functions `f(call, next)`, of the kind that the client takes."""
    functions = list(cast("Iterable[Any]", given)) if isinstance(given, Iterable) else [given]
    for number, function in enumerate(functions):
        if not callable(function):
            raise InvalidArgument(
                f"middleware[{number}]: must be a function f(call, next), not {function!r}"
            )
        if not is_async and is_coroutine_function(function):
            raise InvalidArgument(
                f"middleware[{number}]: is a coroutine function, which AsyncClient takes;"
                " Client takes a plain one"
            )
    return functions


def is_coroutine_function(function: Any) -> bool:
    """Whether calling it gives what must be awaited, as far as it can be seen."""
    from inspect import iscoroutinefunction

    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def valid_proxy(given: Any, http_client: Any) -> Secret | None:
    """The URL of a proxy, which may hold a password."""
    if given is None:
        return None
    if not isinstance(given, str) or "://" not in given:
        raise InvalidArgument(
            "proxy: must be a URL with its scheme, such as http://127.0.0.1:3128 or socks5://…"
        )
    if http_client is not None:
        raise InvalidArgument("proxy: give it to your http_client, which makes the connections")
    return Secret(given)


def valid_http_client(http_client: Any, is_async: bool) -> Any:
    """A client of the caller's with the methods that are used.

    Not by its class: instrumented clients are wrappers.
    """
    if http_client is None:
        return None
    wanted = ("build_request", "send", "aclose" if is_async else "close")
    is_class = isinstance(http_client, type)
    if is_class or any(not callable(getattr(http_client, name, None)) for name in wanted):
        client = "AsyncClient" if is_async else "Client"
        kind = cast("type[object]", http_client if is_class else type(http_client))
        name = f"{'the class ' if is_class else ''}{kind.__module__}.{kind.__qualname__}"
        raise InvalidArgument(
            f"http_client: {client} takes an httpx2.{client} or httpx.{client}, not {name}"
        )
    if getattr(http_client, "is_closed", False) is True:
        raise InvalidArgument("http_client: is closed; give an open one")
    return http_client


def timeout_of(http_client: Any) -> Any:
    """The timeout that a caller's own client has been given, or ours.

    The five seconds that every client of the library has from the start are no one's wish.
    """
    own = getattr(http_client, "timeout", None)
    limits = [getattr(own, name, 5.0) for name in ("connect", "read", "write", "pool")]
    known = all(map(_is_limit, limits))
    return own if known and limits != [5.0] * 4 else DEFAULT_TIMEOUT


def valid_transport(given: Any, http_client: Any) -> str | None:
    """What makes the connections of an async client."""
    if given not in (None, "aiohttp", "httpx2"):
        raise InvalidArgument(f"transport: must be 'aiohttp', 'httpx2' or None, not {given!r}")
    if given and http_client is not None:
        raise InvalidArgument("transport: leave it out, since your http_client makes connections")
    if given == "aiohttp":
        from importlib.util import find_spec

        if find_spec("aiohttp") is None or find_spec("httpx_aiohttp") is None:
            raise InvalidArgument("transport: 'aiohttp' needs: pip install 'api302[aiohttp]'")
    return given


def valid_timeout(value: Any) -> Any:
    """Seconds above 0 (infinity for no limit), or a Timeout of httpx2 or httpx."""
    if _is_number(value):
        if value > 0:
            return value
    elif all(_is_limit(getattr(value, name, "")) for name in ("connect", "read", "write", "pool")):
        return value
    raise InvalidArgument(
        "timeout: must be seconds above 0, float('inf') for none, or an httpx2.Timeout,"
        f" not {value!r}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return value is None or _is_number(value)


def merged_headers(*several: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers by their names in lower case, later ones winning; None takes one away.

    Raises InvalidArgument without showing the value: it may be secret.
    """
    merged: dict[str, str] = {}
    for headers in several:
        for name, value in _pairs(headers):
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = value if is_secret_name(name) else str(value)
    return merged


def _pairs(headers: Any) -> Iterator[tuple[str, str | None]]:
    if headers is None:
        return
    if not is_mapping(headers):
        raise InvalidArgument(
            f"headers: must be a mapping of names to values, not {type(headers).__name__}"
        )
    for name, value in headers.items():
        if not isinstance(cast("Any", name), str) or not _NAME.fullmatch(name):
            raise InvalidArgument(f"header {name!r}: is not a name that a header can have")
        text = None if value is None else Secret(str(value).strip(" \t"))
        if text and (not text.isascii() or not text.replace("\t", " ").isprintable()):
            raise InvalidArgument(
                f"header {name}: has a line break or another character that no header can have"
            )
        yield name.lower(), text
