// The versions of a conversation: its states are a tree, as people ask again and edit.

const idOf = (state) => state.checkpoint?.checkpoint_id ?? state.checkpoint_id;
const parentOf = (state) => state.parent_checkpoint?.checkpoint_id ?? null;

export class Versions {
  // `states` newest first, as the API lists them; `leaf` is the one shown, else the newest.
  constructor(states, leaf = null) {
    this.states = new Map(states.map((state) => [idOf(state), state]));
    this.children = new Map();
    for (const id of [...this.states.keys()].sort()) {
      const parent = parentOf(this.states.get(id));
      this.children.set(parent, [...(this.children.get(parent) ?? []), id]);
    }
    this.newest = states.length ? idOf(states[0]) : null;
    this.leaf = this.states.has(leaf) ? leaf : this.newest;
    this.path = [];
    for (let id = this.leaf; this.states.has(id); id = parentOf(this.states.get(id))) {
      this.path.unshift(id);
    }
  }

  get shown() {
    return this.states.get(this.leaf) ?? null;
  }

  // The checkpoint a message goes on from; null: the newest, which needs no naming.
  get from() {
    return this.leaf === this.newest ? null : this.leaf;
  }

  // The state before `messageId` came in, to go back to; undefined when it is not known.
  before(messageId) {
    const first = this.path.find((id) => this.states.get(id).values?.messages
      ?.some((message) => message.id === messageId));
    const parent = first && parentOf(this.states.get(first));
    return this.states.has(parent) ? parent : undefined;
  }

  // {count, number, others}: which of how many versions is shown where `messageId` came in, and the
  // newest state of each.
  of(messageId) {
    const siblings = this.children.get(this.before(messageId)) ?? [];
    const number = siblings.findIndex((id) => this.path.includes(id));
    return { count: siblings.length, number, others: siblings.map((id) => this.lastAfter(id)) };
  }

  lastAfter(id) {
    const next = this.children.get(id);
    return next ? this.lastAfter(next[next.length - 1]) : id;
  }
}
