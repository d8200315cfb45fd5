"""Tools that FastMCP makes of a document: `python tools_of_a_tag.py SERVER DOCUMENT ADDRESS`."""

import asyncio
import json
import sys

from fastmcp import Client

server, document, address = sys.argv[1:]
environment = {"AI302_API_KEY": "sk-test", "AI302_BASE_URL": address}
started = {"command": sys.executable, "args": [server, document], "env": environment}


async def main() -> None:
    async with Client({"mcpServers": {"api302": started}}) as client:
        tools = await client.list_tools()
        arguments = {"prompt": "A red panda", "duration": "5"}
        made = await client.call_tool("kling_text_to_video", arguments)
    print(json.dumps({"tools": [tool.name for tool in tools], "made": made.structured_content}))


asyncio.run(main())
