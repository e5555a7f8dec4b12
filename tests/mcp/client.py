"""Drives a server with the official Python SDK: initialize, tools/list, and every call it is given.

    client.py http URL [BEARER]        client.py stdio COMMAND...

Calls are read from standard input, a JSON list of [tool, arguments]; `{NAME}` in an argument stands for what an earlier
call has answered under that name. Prints {"server", "tools", "results": [{"tool", "failed", "text", "data"}]}.
"""
import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


async def play(session, calls):
    begun = await session.initialize()
    await session.send_ping()
    tools = [tool.name for tool in (await session.list_tools()).tools]
    results, known = [], {}
    for tool, arguments in calls:
        for name, value in known.items():
            arguments = json.loads(json.dumps(arguments).replace("{" + name + "}", value))
        answer = await session.call_tool(tool, arguments)
        answer = answer.model_dump(mode="json", by_alias=True)
        text = answer["content"][0]["text"]
        data = answer.get("structuredContent") or {}
        known.update({name: value for name, value in data.items() if isinstance(value, str) and '"' not in value})
        results.append({"tool": tool, "failed": bool(answer.get("isError")), "text": text, "data": data})
    server = begun.model_dump(mode="json", by_alias=True)["serverInfo"]["name"]
    print(json.dumps({"server": server, "tools": tools, "results": results}))


async def main(kind, target, more):
    calls = json.load(sys.stdin)
    if kind == "http":
        import httpx2 as httpx
        headers = {"Authorization": f"Bearer {more[0]}"} if more else {}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            async with streamable_http_client(target, http_client=client) as (read, write, *_):
                async with ClientSession(read, write) as session:
                    await play(session, calls)
    else:
        import os
        server = StdioServerParameters(command=target, args=more, env=dict(os.environ))
        async with stdio_client(server) as (read, write):
            async with ClientSession(read, write) as session:
                await play(session, calls)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
