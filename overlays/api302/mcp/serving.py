"""The service as a server of the official SDK: requests in, content out, questions between."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp import MCPError, types
from mcp.server import Server, ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from api302 import Api302Error, AsyncClient, __version__

from .guards import Guards
from .results import Block, printable, text
from .service import WAITED, Plan, Service
from .store import Kept
from .tools import CATALOG, INSTRUCTIONS, LLMS, catalog_text, llms_text, resources, tools

Context = ServerRequestContext[Service, Any]
Answer = types.CallToolResult | types.InputRequiredResult

_CONFIRM = "confirm"
_MOST_ASKED = 100
_INVALID = -32602
_YES: dict[str, Any] = {"type": "object", "properties": {}}
"""The form of a question: to submit it means yes."""
_NO_ONE = "not made: a person must agree, and this client cannot ask one (no elicitation). "
_NO_LIMIT = "A server with a limit, such as --budget 5, makes calls whose price is known. "


class _Refused(Exception):
    """A call that is not made; the message says why."""


def made(guards: Guards, client: Callable[[], AsyncClient] | None = None) -> Server[Service]:
    """The server. See `api302.mcp.server`."""

    shared = Service(guards, client or AsyncClient)

    @asynccontextmanager
    async def lifespan(_: Server[Service]) -> AsyncGenerator[Service]:
        """What a session has: the budget and the client of all sessions."""
        async with shared.open() as service:
            yield service

    asking = Asking()

    async def list_tools(_: Context, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools(guards))

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> Answer:
        return await _answered(context, params, asking)

    async def list_resources(_: Context, __: Any) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=resources())

    async def read_resource(
        context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return types.ReadResourceResult(contents=[_resource(context, params.uri)])

    return Server(
        "api302",
        version=__version__,
        title="302.AI",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


async def _answered(
    context: Context, params: types.CallToolRequestParams, asking: Asking
) -> Answer:
    """The result of a tool; what went wrong is a result too, which the agent can read."""
    try:
        result = await _tool(context, params, asking)
    except (Api302Error, _Refused, OSError) as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        said = f"{type(error).__name__.lstrip('_')}: {error}\n{notes}".strip()
        return types.CallToolResult(content=[text(said)], is_error=True)
    except RecursionError:
        said = "the arguments, or what came back, are nested too deeply"
        return types.CallToolResult(content=[text(said)], is_error=True)
    if isinstance(result, types.InputRequiredResult):
        return result
    return types.CallToolResult(content=list(result))


async def _tool(
    context: Context, params: types.CallToolRequestParams, asking: Asking
) -> list[Block] | types.InputRequiredResult:
    service, given = context.lifespan_context, _Arguments(params)
    if params.name == "search":
        return service.search(given.text("words"), int(given.number("limit", 5, least=1)))
    if params.name == "describe":
        return service.describe(given.text("call"))
    if params.name == "wait":

        async def report(share: float, message: str) -> None:
            await context.session.report_progress(share, 1.0, printable(message))

        return await service.wait(given.all.get("task"), given.number("seconds", WAITED), report)
    if params.name != "call":
        raise MCPError(_INVALID, f"there is no tool {params.name!r}")
    in_background = given.all.get("background") is True
    plan = await service.plan(given.text("call"), given.all.get("arguments", {}), in_background)
    if plan.question:
        asked = await asking.asked(context, params, plan)
        if asked is not None:
            return asked
    return await service.call(plan)


class _Arguments:
    """The arguments of a tool, checked as its schema says."""

    def __init__(self, params: types.CallToolRequestParams) -> None:
        self.all: dict[str, Any] = params.arguments or {}

    def text(self, name: str) -> str:
        """A text. Raises `_Refused` for anything else."""
        value = self.all.get(name)
        if not isinstance(value, str):
            raise _Refused(f"{name}: must be a text, not {value!r:.80}")
        return value

    def number(self, name: str, default: float, least: float = 0) -> float:
        """A number from `least` on. Raises `_Refused` for anything else."""
        value = self.all.get(name, default)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not least <= value < float("inf"):
            raise _Refused(f"{name}: must be a number from {least:g} on, not {value!r:.80}")
        return value


# --- asking a person ------------------------------------------------------------------------------


class Asking:
    """Asks a person, through the client, whether a call may be made.

    From the protocol of 2026 on the client makes the request again with the answer. What it sends
    back must be the mark that went with the question, once, and for the same call.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, str] = OrderedDict()

    async def asked(
        self, context: Context, params: types.CallToolRequestParams, plan: Plan
    ) -> types.InputRequiredResult | None:
        """None if the person agreed; or the question, for the client to ask.

        Raises _Refused if the person did not agree, or there is no one to ask.
        """
        if not _can_ask(context):
            is_limited = context.lifespan_context.guards.budget is not None
            raise _Refused(_NO_ONE + ("" if is_limited else _NO_LIMIT) + plan.question)
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            answer = await context.session.elicit_form(
                printable(plan.question), _YES, context.request_id
            )
            return self._agreed(answer.action)
        answers = params.input_responses or {}
        if _CONFIRM not in answers:
            return self._question(plan)
        if self._open.pop(params.request_state or "", "") != _meaning(plan):
            raise _Refused("not made: the answer is to another question, or came twice")
        return self._agreed(getattr(answers[_CONFIRM], "action", "cancel"))

    def _question(self, plan: Plan) -> types.InputRequiredResult:
        question = printable(plan.question)
        mark = secrets.token_urlsafe(24)
        self._open[mark] = _meaning(plan)
        while len(self._open) > _MOST_ASKED:
            self._open.popitem(last=False)
        form = types.ElicitRequestFormParams(message=question, requested_schema=_YES)
        requests: types.InputRequests = {_CONFIRM: types.ElicitRequest(params=form)}
        return types.InputRequiredResult(input_requests=requests, request_state=mark)

    @staticmethod
    def _agreed(action: str) -> None:
        if action != "accept":
            raise _Refused(f"not made: the person did not agree ({action})")


def _can_ask(context: Context) -> bool:
    """Whether the client can show a form. One that says no mode has that of old: forms."""
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _meaning(plan: Plan) -> str:
    """What a person agreed to."""
    return json.dumps([plan.found.id, plan.arguments, plan.question], sort_keys=True, default=str)


# --- resources ------------------------------------------------------------------------------------


def _resource(
    context: Context, uri: str
) -> types.TextResourceContents | types.BlobResourceContents:
    service = context.lifespan_context
    listed = {LLMS: llms_text, CATALOG: catalog_text}
    if uri in listed:
        content = listed[uri](service.guards)
        return types.TextResourceContents(uri=uri, text=content, mime_type="text/plain")
    kept = service.store.get(uri)
    if kept is None:
        raise MCPError(_INVALID, f"there is no resource {uri!r}, or it is not kept any more")
    return _contents(kept)


def _contents(kept: Kept) -> types.TextResourceContents | types.BlobResourceContents:
    if kept.media_type.startswith(("text/", "application/json")):
        said = kept.content.decode("utf-8", "replace")
        return types.TextResourceContents(uri=kept.uri, text=said, mime_type=kept.media_type)
    blob = b64encode(kept.content).decode()
    return types.BlobResourceContents(uri=kept.uri, blob=blob, mime_type=kept.media_type)
