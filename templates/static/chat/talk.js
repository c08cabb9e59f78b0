// What has been said in a conversation, kept up to date by the events of a run.

export class Talk {
  constructor() {
    this.show([], null);
  }

  // The messages of a stored state, and its open approval.
  show(messages, ask) {
    this.messages = messages;
    this.ask = ask;
    this.note = "";
  }

  // Takes one event of a run; returns whether there is something new to see.
  take({ event, data }) {
    if (event === "values") {
      this.show(data.messages ?? [], data.__interrupt__?.[0] ?? null);
    } else if (event === "messages") {
      this.piece(data[0]);
    } else if (event === "custom") {
      this.note = String(data?.note ?? data?.text ?? "");
    } else {
      return false;
    }
    return true;
  }

  piece(chunk) {
    const at = this.messages.findIndex((message) => message.id === chunk.id);
    const before = at < 0 ? null : this.messages[at];
    const after = chunk.type.endsWith("Chunk") ? joined(before, chunk) : chunk;
    this.note = "";
    this.messages = at < 0
      ? [...this.messages, after]
      : this.messages.map((message, place) => (place === at ? after : message));
  }
}

// A message and one more piece of it. Arguments of calls arrive as text and are read at the end.
const joined = (before, chunk) => {
  const calls = [...(before?.pieces ?? [])];
  for (const piece of chunk.tool_call_chunks ?? []) {
    const at = piece.index ?? calls.length;
    const call = calls[at] ?? { id: null, name: "", text: "" };
    calls[at] = {
      id: piece.id ?? call.id,
      name: call.name + (piece.name ?? ""),
      text: call.text + (piece.args ?? ""),
    };
  }
  return {
    id: chunk.id,
    type: "ai",
    content: (before?.content ?? "") + (chunk.content ?? ""),
    pieces: calls,
    tool_calls: calls.filter(Boolean).map((call) =>
      ({ id: call.id, name: call.name, args: argumentsIn(call.text) })),
  };
};

const argumentsIn = (text) => {
  try { return JSON.parse(text || "{}"); } catch { return {}; }
};
