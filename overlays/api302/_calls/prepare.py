"""From arguments to a call that can be sent.

Nothing is sent here; what is wrong raises InvalidArgument.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from api302._errors import InvalidArgument
from api302._json import is_mapping
from api302._secret import Redactor
from api302._types import Call, CallOptions, Operation, Options, Timeout, Values

from . import models
from .files import FORM, body_media_type, put_files
from .inner_files import has_inner_files, put_inner_files
from .settings import Settings, merged_headers, valid_timeout

PLAIN = frozenset({str, int, float, bool, type(None), list, dict})
"""What is sent as it is; `build` looks into lists and objects."""
_NONE: Values = MappingProxyType({})


def operation_call(
    settings: Settings,
    op: Operation,
    options: Options,
    *,
    path: Values | None = None,
    query: Values | None = None,
    headers: Values | None = None,
    body: Values | None = None,
    accept: str | None = None,
    retries: int | None = None,
    stream: bool = False,
) -> Call:
    """The call for an operation. Raises InvalidArgument; sends nothing."""
    extra_headers, extra_query, extra_body, timeout = options
    _check_extra(extra_query=extra_query, extra_body=extra_body)
    path, query, headers = _taken(path), _taken(query), _taken(headers)
    given = None
    if body is not None:
        body = _taken(body, op.files)
        given = _checked(op, body, extra_body)
    opened: list[Any] = []
    try:
        if given:
            given = _with_files(op, given, opened)
        asked = {**query, **(extra_query or {})}
        kwargs = _built(op, path, asked, headers, given, extra_body)
        accepted = {"accept": accept} if accept else None
        kwargs["headers"] = merged_headers(
            accepted, kwargs.get("headers"), settings.headers, extra_headers
        )
        repeatable = op.behaviour.may_repeat(op.method)
        how = _how(settings, timeout, repeatable, retries)
        # The steps of an upload belong to one host.
        how = how._replace(stream=stream, spare=op.behaviour.upload is None)
    except BaseException:
        for file in opened:
            file.close()
        raise
    # Only a path with a parameter may hold a secret.
    name = what(settings, kwargs) if "{" in op.path else f"{op.method} {op.path}"
    model = models.named(op, path, extra_query, query, extra_body, body)
    if model is not None:
        models.warn(name, model)
    sent = {**path, **asked, **_fields(kwargs, body, extra_body)}
    return Call(kwargs, how, name, op, opened, model, sent)


def _fields(kwargs: Mapping[str, Any], body: Values | None, extra: Values | None) -> Values:
    """The fields of the body as they are sent: objects of the caller's classes are read in JSON."""
    whole: Any = kwargs.get("json")
    return whole if is_mapping(whole) else {**(body or {}), **(extra or {})}


def _check_extra(**extras: Any) -> None:
    for name, value in extras.items():
        if value is not None and not is_mapping(value):
            kind: str = type(value).__name__
            raise InvalidArgument(
                f"{name}: takes a mapping of fields, such as {{'name': value}}, not {kind}"
            )


def _taken(values: Values | None, files: Values = _NONE) -> Values:
    """The arguments, those of odd types as JSON; files as they are, and lists: `build` reads them.

    Raises InvalidArgument for what is no value at all.
    """
    if values is None:
        return _NONE
    odd = [
        name for name, value in values.items() if value.__class__ not in PLAIN and name not in files
    ]
    if not odd:
        return values
    from api302_client._model import plain

    made = dict(values)
    for name in odd:
        try:
            made[name] = plain(values[name])
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgument(f"{name}: cannot be sent ({error})") from error
    return made


def _with_files(op: Operation, body: dict[str, Any], opened: list[Any]) -> dict[str, Any]:
    """The body with its files opened, those that are fields and those further inside."""
    if op.files:
        has_form = FORM in op.media_types or "" in body
        body = put_files(body, op.files, opened, has_form, op.behaviour.file_max)
    inner = op.behaviour.inner_files
    return put_inner_files(body, inner, opened) if has_inner_files(body, inner) else body


def _built(
    op: Operation,
    path: Values,
    query: Values,
    headers: Values,
    body: dict[str, Any] | None,
    extra: Values | None,
) -> dict[str, Any]:
    """The arguments of the HTTP request. Raises InvalidArgument for what cannot be sent."""
    content = _content(body, extra)
    is_known = op.files and not extra
    media_type = body_media_type(op.media_types, body) if is_known else None
    try:
        return op.build(path, query, headers, content, media_type)
    except ValueError as error:
        raise InvalidArgument(f"{op.id}: {error}") from error
    except RecursionError:
        field = _endless(content, query)
        raise InvalidArgument(
            f"{field}: cannot be sent as JSON (it refers to itself, or is nested too deeply)"
        ) from None


def raw_call(
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: Timeout | None = None,
    stream: bool = False,
    check: bool = True,
    repeatable: bool = False,
    **body: Any,
) -> Call:
    """A call for no operation: `url` is a path, or a whole URL (which sees the API key only on the
    client's own host).
    """
    sent = merged_headers(settings.headers, headers)
    kwargs = {"method": method.upper(), "url": url, **body, "headers": sent}
    how = _how(settings, timeout, repeatable)._replace(stream=stream, check=check, spare=True)
    return Call(kwargs, how, what(settings, kwargs))


def bare_call(
    settings: Settings,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: Timeout | None = None,
    **body: Any,
) -> Call:
    """A call to another service, such as a store for uploads: these headers and no others, and
    never the API key.
    """
    kwargs = {"method": method, "url": url, **body, "headers": dict(headers)}
    how = _how(settings, timeout, False)._replace(bare=True, check=False)
    return Call(kwargs, how, what(settings, kwargs))


def whole_url(settings: Settings, call: Call) -> str:
    """The URL that a call of an operation goes to, with its query."""
    query = urlencode(call.kwargs.get("params") or {}, doseq=True)
    return f"{settings.base_url}{call.kwargs['url']}{'?' if query else ''}{query}"


def what(settings: Settings, kwargs: Mapping[str, Any]) -> str:
    """Method and path of a request, without a secret that a path may hold."""
    path = str(kwargs["url"]).partition("?")[0]
    return Redactor(*settings.secrets()).text(f"{kwargs['method']} {path}")


def _how(
    settings: Settings, timeout: Any, repeatable: bool, retries: int | None = None
) -> CallOptions:
    return CallOptions(
        settings.timeout if timeout is None else valid_timeout(timeout),
        settings.retries if retries is None else retries,
        repeatable=repeatable if settings.repeat is None else settings.repeat,
    )


def _checked(op: Operation, body: Values, extra: Values | None) -> dict[str, Any]:
    """The body without what is None.

    Raises InvalidArgument for a required field that is missing or empty.
    """
    given = {name: value for name, value in body.items() if value is not None}
    known = {**given, **extra} if extra else given
    for name in op.required:
        if name not in known:
            raise InvalidArgument(f"{name}: is required, and was None")
    for name in op.not_empty:
        _check_text(name or "body", given.get(name))
    if op.behaviour.variants:
        _check_variants(op, known)
    if rule := op.behaviour.structured:
        _check_no_class(rule.argument, given.get(rule.argument))
    return given


def _check_variants(op: Operation, given: Values) -> None:
    """Raise InvalidArgument if none of the request variants has all that it requires."""
    missing = [
        [name for name in required if name not in given] for required in op.behaviour.variants
    ]
    if all(missing):
        ways = dict.fromkeys(" and ".join(names) for names in missing)
        raise InvalidArgument(f"{' or '.join(ways)}: is required; give one of these")


def _check_text(field: str, value: Any) -> None:
    if isinstance(value, str) and not value.strip():
        raise InvalidArgument(f"{field}: is empty; give some text")


def _check_no_class(field: str, value: Any) -> None:
    """Raise InvalidArgument if the schema of an output is a class, which other methods take."""
    if isinstance(value, type):
        name = value.__name__
        raise InvalidArgument(
            f"{field}: is the class {name}, which `parse({field}={name}, …)` takes,"
            f" and `stream({field}={name}, …)`"
        )


def _content(body: dict[str, Any] | None, extra: Values | None) -> Any:
    """The fields of the body, or the text or file that the whole body is."""
    whole = body[""] if body and "" in body else None
    if whole is None:
        return {**(body or {}), **extra} if extra else body
    if extra:
        raise InvalidArgument(
            "extra_body: the body of this call has no fields; give all of it as `body`"
        )
    return getattr(whole, "content", whole)


def _endless(body: Any, query: Values) -> str:
    """The argument that refers to itself."""
    from api302_client._request import scalar

    fields = {**query, **(body if is_mapping(body) else {"body": body})}
    for name, value in fields.items():
        try:
            scalar(value)
        except RecursionError:
            return name
        except ValueError:
            continue
    return "body"
