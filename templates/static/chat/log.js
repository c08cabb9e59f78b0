// The messages of a conversation on the page. Only what changed is drawn anew, so that a reader's
// place, an open fold and a half-filled form stay.
import { make } from "./dom.js";
import { visible, wordsOf } from "./plain.js";
import { result } from "./results.js";
import { answered, personSaid } from "./said.js";

const HIDDEN = "do-not-render-"; // ids of messages that are for the assistant alone
const NEAR = 120; // pixels from the end within which a reader is taken to follow it

export class Log {
  // can(message) says what may be done with a message; see said.js.
  constructor({ box, scroller, can }) {
    Object.assign(this, { box, scroller, can, drawn: new Map() });
  }

  draw(messages, { isBusy, note }) {
    const follows = this.isAtEnd();
    const shown = messages.filter((message) => !String(message.id).startsWith(HIDDEN));
    const nodes = this.nodes(shown);
    if (isBusy && waits(shown.at(-1))) nodes.push(this.waiting(note));
    this.place(nodes);
    this.box.setAttribute("aria-busy", String(isBusy));
    if (follows) this.toEnd();
  }

  nodes(messages) {
    const before = this.drawn;
    this.drawn = new Map();
    const results = new Map(messages.filter((message) => message.type === "tool")
      .map((message) => [message.tool_call_id, message]));
    const called = new Set(messages.flatMap((message) =>
      (message.tool_calls ?? []).map((call) => call.id)));
    const nodes = [];
    for (const message of messages) {
      if (message.type === "system" || called.has(message.tool_call_id)) continue;
      const mine = new Map((message.tool_calls ?? []).map((call) => [call.id, results.get(call.id)]));
      const can = this.can(message);
      const sign = JSON.stringify([message, [...mine.values()], can]);
      const known = before.get(message.id);
      const node = known?.sign === sign ? known.node : nodeOf(message, mine, can);
      this.drawn.set(message.id, { sign, node });
      if (node) nodes.push(node);
    }
    return nodes;
  }

  place(nodes) {
    nodes.forEach((node, at) => {
      if (this.box.children[at] !== node) this.box.insertBefore(node, this.box.children[at] ?? null);
    });
    while (this.box.children.length > nodes.length) this.box.lastElementChild.remove();
  }

  waiting(note) {
    return make("p", { class: "lg-chat-waiting lg-muted" },
      make("span", { class: "lg-chat-pulse", "aria-hidden": "true" }), visible(note || "Working on it…"));
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

const waits = (last) => !last || last.type !== "ai" || (last.tool_calls ?? []).length > 0;

const nodeOf = (message, results, can) => {
  if (message.type === "human") return personSaid(message, can);
  if (message.type === "ai") return isEmpty(message) ? null : answered(message, results, can);
  return make("article", { class: "lg-chat-said", "aria-label": "Result" },
    make("div", { class: "lg-chat-result" }, result(wordsOf(message.content))));
};

const isEmpty = (message) =>
  !wordsOf(message.content).trim() && !(message.tool_calls ?? []).length;
