// Calls of the chat API. Each promises what was asked for, or throws a Trouble.
import { offline, troubleOf } from "./trouble.js";

const MODES = ["values", "messages-tuple", "custom"];

export const apiAt = ({ root, tenant, passed }) => {
  const send = async (path, { method, body, headers, signal }, fresh) => fetch(root + path, {
    method,
    signal,
    credentials: "omit",
    headers: {
      Authorization: `Bearer ${await passed(fresh)}`,
      "X-Tenant-ID": tenant,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch((error) => { throw error.name === "AbortError" ? error : offline(); });

  const call = async (method, path, body, more = {}) => {
    const asked = { method, body, ...more };
    let answer = await send(path, asked, false);
    if (answer.status === 401) answer = await send(path, asked, true);
    if (!answer.ok) throw await troubleOf(answer);
    return answer;
  };
  const json = async (...given) => (await call(...given)).json();
  const thread = (id) => `/threads/${encodeURIComponent(id)}`;
  const run = (id, runId) => `${thread(id)}/runs/${encodeURIComponent(runId)}`;

  return {
    assistants: () => json("POST", "/assistants/search", { limit: 100 }),
    threads: (query) => json("POST", "/threads/search", query),
    thread: (id) => json("GET", thread(id)),
    create: (metadata) => json("POST", "/threads", { metadata }),
    rename: (id, metadata) => json("PATCH", thread(id), { metadata }),
    remove: (id) => call("DELETE", thread(id)),
    history: (id, limit) => json("POST", `${thread(id)}/history`, { limit }),
    runs: (id) => json("GET", `${thread(id)}/runs?limit=5`),
    run: (id, runId) => json("GET", run(id, runId)),
    cancel: (id, runId) => call("POST", `${run(id, runId)}/cancel?wait=1&action=interrupt`),
    stream: (id, request, signal) => call("POST", `${thread(id)}/runs/stream`, {
      stream_mode: MODES, stream_resumable: true, on_disconnect: "continue", ...request,
    }, { signal }),
    // Everything after the event `after`; "-1": from the first.
    join: (id, runId, after, signal) =>
      call("GET", `${run(id, runId)}/stream`, undefined,
        { headers: { "Last-Event-ID": after }, signal }),
  };
};
