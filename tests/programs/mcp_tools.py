"""The tools of `api302 mcp`, listed with the SDK's client."""

import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def tools(environment: dict[str, str]) -> list[str]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "api302", "mcp"], env=environment
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        return [tool.name for tool in (await session.list_tools()).tools]
