"""Calls of the API as functions that a chat model may call, in the form of OpenAI's tools.

    tools = [functions.schema("information.tavily.search")]
    response = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
    message = response.choices[0].message
    messages.append(message.to_dict())
    for tool_call in message.tool_calls or []:
        messages.append(functions.run(client, tool_call, tools))

A model writes the arguments: it can name only functions that were offered, and no file of this
machine unless a folder is opened to it. What may be spent, `client.budget()` says.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

from api302 import (
    Api302Error,
    AsyncByteStream,
    AsyncClient,
    AsyncStream,
    AsyncTask,
    ByteStream,
    Client,
    InvalidArgument,
    Stream,
    Task,
    TaskResult,
    directory,
)

from ._agent import Files, as_object, checked, with_files, without_files
from ._http.sync import run as run_now
from ._strict import strict_schema
from .directory import Description

if TYPE_CHECKING:
    from .types import OpenaiChatMessage, OpenaiFunction, OpenaiTool

__all__ = ["run", "schema"]

Json = dict[str, Any]

MOST_TEXT = 60_000
"""Characters of a result that a model is shown."""
_LONGEST = 1024
"""Characters of a description."""


def schema(call: str, *, strict: bool | None = None) -> OpenaiTool:
    """A call as a function tool of a chat: `{"type": "function", "function": {…}}`.

    Args:
        call: Its operation id, or its name on a client. The function is called by the id.
        strict: Whether the model must keep to the schema. Unless given, wherever a schema can be
            written so: objects of known fields, which then take no others, and optional arguments
            as null. False: the schema as it is described.

    Raises:
        InvalidArgument: There is no such call; or `strict` was asked for and its arguments cannot
            be written so, with the reason.
    """
    described = directory.describe(call)
    if described.kind == "session":
        raise InvalidArgument(f"call: {described.call} is a conversation, which no function makes")
    parameters, reason = (None, "") if strict is False else strict_schema(described.arguments)
    if strict and parameters is None:
        raise InvalidArgument(f"strict: the arguments of {described.call} are not strict: {reason}")
    function: Json = {"name": described.id, "description": _about(described)}
    if parameters is not None:
        return _tool({**function, "parameters": parameters, "strict": True})
    # A function's parameters may have no variants at their root.
    plain = {key: value for key, value in described.arguments.items() if key != "anyOf"}
    return _tool({**function, "parameters": plain})


def _tool(function: Json) -> OpenaiTool:
    return {"type": "function", "function": cast("OpenaiFunction", function)}


def _about(described: Description) -> str:
    """What a function does, what it returns and costs, and which arguments go together."""
    parts = [f"{described.title.rstrip('.')}.", described.description]
    if variants := described.arguments.get("anyOf"):
        needed = [" and ".join(one["required"]) for one in variants]
        parts.append(f"Give {', or '.join(needed)}.")
    parts += [f"Returns {described.returns}."] if described.returns else []
    parts += [f"Price: {described.price}."] if described.price else []
    text = " ".join(" ".join(parts).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --- running --------------------------------------------------------------------------------------


@overload
def run(
    client: Client,
    tool_call: Any,
    tools: Iterable[Mapping[str, Any]] = ...,
    *,
    root: str | Path | None = None,
    timeout: float | None = ...,
) -> OpenaiChatMessage: ...
@overload
def run(
    client: AsyncClient,
    tool_call: Any,
    tools: Iterable[Mapping[str, Any]] = ...,
    *,
    root: str | Path | None = None,
    timeout: float | None = ...,
) -> Awaitable[OpenaiChatMessage]: ...
def run(
    client: Client | AsyncClient,
    tool_call: Any,
    tools: Iterable[Mapping[str, Any]] | None = None,
    *,
    root: str | Path | None = None,
    timeout: float | None = 1800.0,
) -> Any:
    """Make the call that a model asks for; returns the message that tells it the result.

    What is wrong with the call, or fails, is told to the model too, so that it can do better. Of a
    task the result is waited for; a result's files are URLs in the message.

    Args:
        client: With an AsyncClient the message is awaited.
        tool_call: One of `message.tool_calls`, or the same as a dict.
        tools: The tools that the model was offered; no other function is called. Unless given,
            every call may be made.
        root: The folder below which files may be read that the model names; None: no file is read.
        timeout: Seconds to wait for a task in all; None for no limit.

    Raises:
        InvalidArgument: `tool_call` is no tool call, or `root` no folder.
    """
    folder = None if root is None else Path(root).expanduser().resolve()
    if folder is not None and not folder.is_dir():
        raise InvalidArgument(f"root: {str(root)!r} is not a folder")
    id_, name, arguments = _asked(tool_call)
    offered = None if tools is None else {_name(tool) for tool in tools}
    message = _message(client, id_, _Asked(name, arguments, offered, folder, timeout))
    return message if isinstance(client, AsyncClient) else run_now(message)


class _Asked:
    """What a model asks for, and how it may be met."""

    def __init__(
        self,
        name: str,
        arguments: str,
        offered: set[str] | None,
        root: Path | None,
        timeout: float | None,
    ) -> None:
        self.name, self.offered, self.timeout = name, offered, timeout
        self.files = Files(root)
        self._arguments = arguments

    def described(self) -> Description:
        """The call. Raises InvalidArgument if it was not offered."""
        if self.offered is not None and self.name not in self.offered:
            listed = ", ".join(sorted(self.offered))
            raise InvalidArgument(f"there is no function {self.name!r}; there are {listed}")
        return directory.describe(self.name)

    def arguments(self, described: Description) -> Json:
        """The arguments, as `client.call` takes them. Raises InvalidArgument."""
        try:
            read = _without_nulls(json.loads(self._arguments or "{}"))
            given = as_object("arguments: must be a JSON object", read)
            return with_files(described, checked(described, given), self.files)
        except ValueError as error:
            raise InvalidArgument(f"arguments: must be JSON ({error})") from None
        except RecursionError:
            raise InvalidArgument("arguments: are nested too deeply") from None


async def _message(client: Any, id_: str, asked: _Asked) -> OpenaiChatMessage:
    try:
        described = asked.described()
        arguments = asked.arguments(described)
        result = await _now(client.call(described.id, arguments))
        content = await _content(result, asked.timeout)
    except (Api302Error, OSError) as error:
        content = {"error": f"{type(error).__name__}: {error}"}
    finally:
        asked.files.close()
    return {"role": "tool", "tool_call_id": id_, "content": _text(content)}


async def _now(value: Any) -> Any:
    """A value that only an AsyncClient lets one wait for."""
    return await value if inspect.isawaitable(value) else value


async def _content(result: Any, timeout: float | None) -> Any:
    """What a call returned, as JSON without files."""
    if _is(result, Task, AsyncTask):
        result = await _now(result.wait(timeout))
    if _is(result, Stream, AsyncStream):
        result = await _finished(result)
    if _is(result, ByteStream, AsyncByteStream):
        await _now(result.close())
        return "the response is a stream of bytes, which cannot be shown"
    if _is(result, TaskResult) and result.outputs:
        return {"outputs": [_told(output) for output in result.outputs]}
    return _plain(result.response if _is(result, TaskResult) else result)


async def _finished(stream: Any) -> Any:
    """The whole response that a stream adds up to."""
    try:
        return await _now(stream.final())
    finally:
        await _now(stream.close())


def _told(file: Any) -> str:
    """A file of a result: its URL, or what came instead of one."""
    if file.content is None:
        return file.url
    return f"(a file, {file.media_type}, {len(file.content)} bytes)"


def _plain(response: Any) -> Any:
    if hasattr(response, "media_type") and isinstance(getattr(response, "content", None), bytes):
        return _told(response)
    return without_files(response.to_dict() if hasattr(response, "to_dict") else response, [])


def _is(value: Any, *kinds: type) -> bool:
    """Whether a value is of a kind, whose type arguments nobody knows here."""
    return isinstance(value, kinds)


def _text(content: Any) -> str:
    dumped = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    text = content if isinstance(content, str) else dumped
    text = text.encode(errors="replace").decode()  # or the next request could not be sent
    cut = f"{text[:MOST_TEXT]}… cut: {len(text)} characters in all"
    return text if len(text) <= MOST_TEXT else cut


def _without_nulls(value: Any) -> Any:
    """JSON without the fields that are null: in a strict schema those are left out."""
    if isinstance(value, dict):
        named = cast("Json", value)
        return {name: _without_nulls(one) for name, one in named.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in cast("list[Any]", value)]
    return value


def _asked(tool_call: Any) -> tuple[str, str, str]:
    """The id, the function's name and its arguments, of a tool call."""
    message = "tool_call: must be one of `message.tool_calls`"
    given = tool_call.to_dict() if hasattr(tool_call, "to_dict") else tool_call
    plain = as_object(message, given)
    function = as_object(message, plain.get("function"))
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str):
        raise InvalidArgument(message)
    try:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    except (TypeError, ValueError, RecursionError):
        raise InvalidArgument("tool_call: its arguments are not JSON") from None
    return str(plain.get("id", "")), name, text


def _name(tool: Mapping[str, Any]) -> str:
    """The name of the function that a tool is; empty for other tools."""
    return str(tool.get("function", {}).get("name", ""))
