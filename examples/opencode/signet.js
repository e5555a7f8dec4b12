// OpenCode calls signetd: context at a session's start and at every message, and what was said is kept.
// Put it into ~/.config/opencode/plugins/. Whatever goes wrong, OpenCode goes on without memory.

const url = (process.env.SIGNET_DAEMON_URL || "http://127.0.0.1:3850").replace(/\/+$/, "")
const off = ["SIGNET_BYPASS", "SIGNET_NO_HOOKS"].some((name) => process.env[name] && process.env[name] !== "0")
const key = process.env.SIGNET_API_KEY || process.env.SIGNET_TOKEN

/** The answer to a hook, or null. */
async function hook(name, body, seconds) {
  if (off) return null
  try {
    const answer = await fetch(`${url}/api/hooks/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({ harness: "opencode", runtimePath: "plugin", agentId: process.env.SIGNET_AGENT_ID, ...body }),
      signal: AbortSignal.timeout(seconds * 1000),
    })
    return answer.ok ? await answer.json() : null
  } catch {
    return null
  }
}

const textOf = (parts) => parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text).join("\n")

export const Signet = async ({ directory, client }) => {
  const started = new Set()

  /** The conversation as lines, from OpenCode's own messages. */
  async function transcript(sessionID) {
    try {
      const messages = (await client.session.messages({ path: { id: sessionID } })).data ?? []
      const line = (m) => `${m.info.role === "user" ? "User" : "Assistant"}: ${textOf(m.parts).replace(/\s+/g, " ")}`
      return messages.filter((m) => textOf(m.parts).trim()).map(line).join("\n")
    } catch {
      return undefined
    }
  }

  return {
    "chat.message": async (input, output) => {
      const sessionKey = input.sessionID
      const message = textOf(output.parts)
      const told = []
      if (!started.has(sessionKey)) {
        const start = await hook("session-start", { project: directory, sessionKey }, 15)
        if (start) started.add(sessionKey)
        if (start?.inject) told.push(start.inject)
      }
      const prompt = await hook("user-prompt-submit", { project: directory, sessionKey, userMessage: message }, 5)
      if (prompt?.inject) told.push(prompt.inject)
      const first = output.parts.find((part) => part.type === "text")
      if (first && told.length) first.text = `${told.join("\n\n")}\n\n${first.text}`
    },

    "experimental.session.compacting": async (input, output) => {
      const answer = await hook("pre-compaction", { sessionKey: input.sessionID }, 15)
      if (answer?.guidelines) output.context.push(answer.guidelines)
    },

    event: async ({ event }) => {
      const sessionKey = event.properties?.sessionID ?? event.properties?.info?.id
      if (!sessionKey) return
      if (event.type === "session.compacted") {
        const messages = (await client.session.messages({ path: { id: sessionKey } }).catch(() => ({}))).data ?? []
        const summary = textOf(messages.filter((m) => m.info.summary).at(-1)?.parts ?? [])
        if (summary) await hook("compaction-complete", { project: directory, sessionKey, summary }, 15)
        started.delete(sessionKey)
      } else if (event.type === "session.idle") {
        await hook("session-end", { sessionKey, cwd: directory, reason: event.type, transcript: await transcript(sessionKey) }, 60)
      } else if (event.type === "session.deleted") {
        await hook("session-end", { sessionKey, cwd: directory, reason: event.type }, 60)
        started.delete(sessionKey)
      }
    },
  }
}
