// Drives a server with the official TypeScript SDK; as client.py does, which says how.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const [kind, target, ...more] = process.argv.slice(2);
// the folder that the packages were fetched to
const installed = createRequire(`${process.env.MCP_NODE}/node_modules/`);
const load = (path) => import(pathToFileURL(installed.resolve(`@modelcontextprotocol/sdk/${path}`)).href);
const { Client } = await load("client/index.js");

async function transport() {
  if (kind === "http") {
    const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
    const headers = more[0] ? { Authorization: `Bearer ${more[0]}` } : {};
    return new StreamableHTTPClientTransport(new URL(target), { requestInit: { headers } });
  }
  const { StdioClientTransport } = await load("client/stdio.js");
  return new StdioClientTransport({ command: target, args: more, env: process.env });
}

const calls = JSON.parse(await text(process.stdin));
const client = new Client({ name: "signetd-tests", version: "1" });
await client.connect(await transport());
await client.ping();
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const results = [];
const known = {};
for (const [tool, given] of calls) {
  const filled = Object.entries(known).reduce((all, [name, value]) => all.replaceAll(`{${name}}`, value), JSON.stringify(given));
  const answer = await client.callTool({ name: tool, arguments: JSON.parse(filled) });
  const data = answer.structuredContent ?? {};
  for (const [name, value] of Object.entries(data)) {
    if (typeof value === "string" && !value.includes('"')) known[name] = value;
  }
  results.push({ tool, failed: answer.isError === true, text: answer.content[0].text, data });
}
console.log(JSON.stringify({ server: client.getServerVersion().name, tools, results }));
await client.close();
