"""Calls of one tag as tools of an MCP server: `python server.py ../../by-tag/videos.kling.json`.

The whole API is more tools than a model can choose from. AI302_API_KEY has the API key.
"""

import json
import os
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP

document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
client = httpx2.AsyncClient(
    base_url=os.environ.get("AI302_BASE_URL", "https://api.302.ai"),
    headers={"Authorization": f"Bearer {os.environ['AI302_API_KEY']}"},
    timeout=600,
)
# A paid response that strays from the document is not lost.
server = FastMCP.from_openapi(document, client=client, validate_output=False)

if __name__ == "__main__":
    server.run()
