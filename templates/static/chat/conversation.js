// One conversation: opens it, sends what a person says or decides, and follows the answer.
import { approval } from "./approval.js";
import { button, make } from "./dom.js";
import { follow } from "./follow.js";
import { Log } from "./log.js";
import { shorten, visible, wordsOf } from "./plain.js";
import { Talk } from "./talk.js";
import { Trouble } from "./trouble.js";
import { Versions } from "./versions.js";
import { TITLE } from "./conversations.js";

const STATES = 40; // of the history: enough for the versions of the last dozen questions
const LIVE = ["running", "pending"];
const INSTEAD = "Not done: the person asked something else instead.";

// A random UUID, also where the page is not served over TLS and the browser offers none.
const newId = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
  (digit ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> digit / 4).toString(16));

export class Conversation {
  // `parts` are the page's elements: log, scroller, empty, ask, trouble, status. moved(id) hears
  // that another conversation is shown, changed() that the list of them may have changed.
  constructor({ api, parts, composer, assistant, moved, changed }) {
    Object.assign(this, { api, parts, composer, assistant, moved, changed });
    this.log = new Log({ box: parts.log, scroller: parts.scroller, can: (one) => this.can(one) });
    this.clear(null);
  }

  clear(id) {
    this.following?.abort();
    this.following = this.runId = null;
    this.shown = {}; // another object for each conversation opened: what comes late finds it gone
    this.id = id;
    this.talk = new Talk();
    this.versions = new Versions([]);
    this.trouble = null;
    this.asked = undefined;
    this.composer.busy(false);
  }

  async open(id) {
    this.clear(id);
    this.moved(id);
    this.draw();
    if (!id) return;
    await this.turn(async () => {
      const thread = await this.load();
      this.log.toEnd();
      if (thread.status === "busy") await this.rejoin();
      else if (thread.status === "error") this.failed(thread.error?.message);
    });
  }

  // The stored state of the conversation; what a run is writing comes by its stream.
  async load(leaf = null) {
    const { id, shown } = this;
    const [thread, states] = await Promise.all([this.api.thread(id), this.api.history(id, STATES)]);
    if (shown !== this.shown) return { status: "left" };
    this.assistant.use(thread.metadata?.graph_id);
    this.show(states, leaf);
    this.status(thread.status === "interrupted" && !this.talk.ask ? "Stopped." : "");
    return thread;
  }

  show(states, leaf) {
    this.states = states;
    this.versions = new Versions(states, leaf);
    const state = this.versions.shown;
    const asks = state?.tasks?.flatMap((task) => task.interrupts ?? []) ?? [];
    this.talk.show(state?.values?.messages ?? [], asks[0] ?? null);
    this.draw();
  }

  async rejoin() {
    const { shown } = this;
    const live = (await this.api.runs(this.id)).filter((one) => LIVE.includes(one.status));
    if (live.length && shown === this.shown) await this.follow({ runId: live.at(-1).run_id });
  }

  // --- what a person does ---------------------------------------------------------------------

  async say(words) {
    const message = { id: this.unsent?.words === words ? this.unsent.id : newId(), type: "human",
      content: words };
    this.unsent = { words, id: message.id };
    const dropped = this.openCalls().map((call) => ({ type: "tool", id: `do-not-render-${newId()}`,
      tool_call_id: call.id, name: call.name, content: INSTEAD }));
    const { shown } = this;
    const sent = await this.turn(async () => {
      this.talk.show([...this.talk.messages, message], null);
      this.draw();
      this.log.toEnd();
      if (!this.id) {
        const title = shorten(words.replace(/\s+/g, " "), TITLE);
        const thread = await this.api.create({ title });
        if (shown !== this.shown) return;
        this.id = thread.thread_id;
        this.moved(this.id);
      }
      await this.run({ input: { messages: [...dropped, message] } }, this.versions.from);
    });
    if (shown !== this.shown) return;
    const arrived = this.talk.messages.some((one) => one.id === message.id && this.isStored(one));
    if (sent || arrived) this.unsent = null;
    else if (!this.composer.field.value) this.composer.write(words);
  }

  decide(decisions) {
    return this.turn(() => this.run({ input: {}, command: { resume: { decisions } } },
      this.versions.from));
  }

  again(message) {
    const before = this.versions.before(message.id);
    return this.turn(() => {
      this.showBefore(message, []);
      return this.run({}, before);
    });
  }

  edit(message, words) {
    const before = this.versions.before(message.id);
    const edited = { id: newId(), type: "human", content: words };
    return this.turn(() => {
      this.showBefore(message, [edited]);
      return this.run({ input: { messages: [edited] } }, before);
    });
  }

  async stop() {
    this.wantsStop = true;
    if (this.runId) await this.guarded(() => this.api.cancel(this.id, this.runId));
  }

  // --- how it is done -------------------------------------------------------------------------

  showBefore(message, more) {
    const { messages } = this.talk;
    const at = messages.findIndex((one) => one.id === message.id);
    this.talk.show([...messages.slice(0, at), ...more], null);
  }

  async run(request, checkpoint) {
    const from = checkpoint ? { checkpoint: { checkpoint_id: checkpoint, checkpoint_ns: "" } } : {};
    const whole = { assistant_id: this.assistant.name, ...request, ...from };
    await this.follow({ open: (signal) => this.api.stream(this.id, whole, signal) });
  }

  // Follows a run to its end, then shows what is stored.
  async follow(how) {
    const stop = new AbortController();
    this.following = stop;
    this.runId = how.runId ?? null;
    let failure = null;
    this.draw();
    try {
      await follow({ ...how, api: this.api, threadId: this.id, signal: stop.signal,
        onRun: (id) => {
          if (stop.signal.aborted || this.runId === id) return;
          this.runId = id;
          this.changed();
          if (this.wantsStop) this.stop();
        },
        onLost: (isLost) => this.status(isLost
          ? "The connection was lost. The answer goes on; trying to reach the server again…" : ""),
        onEvent: (event) => {
          if (stop.signal.aborted) return;
          if (event.event === "error") failure = event.data?.message;
          else if (this.talk.take(event)) this.drawSoon();
        } });
      if (!stop.signal.aborted) await this.load();
      if (failure !== null && !stop.signal.aborted) this.failed(failure);
    } finally {
      if (this.following === stop) this.following = this.runId = null;
    }
  }

  // Does `what` while nothing else can be asked; returns whether it went well.
  async turn(what) {
    const { shown } = this;
    this.trouble = null;
    this.wantsStop = false;
    this.composer.busy(true);
    this.status("");
    const went = await this.guarded(what);
    if (shown !== this.shown) return went;
    this.composer.busy(false);
    this.draw();
    this.composer.focusIfIdle();
    this.changed();
    return went;
  }

  failed(words) {
    this.trouble = { words: words || "The answer failed.", again: () => this.retry() };
    this.draw();
  }

  // After a failure: answer what was asked last, from where things stand.
  retry() {
    return this.turn(() => this.run({}, null));
  }

  // Does `what` and returns whether it went well; trouble is shown in words.
  async guarded(what) {
    const { shown } = this;
    try {
      await what();
      return true;
    } catch (error) {
      if (!(error instanceof Trouble) && error.name !== "TypeError") throw error;
      if (shown !== this.shown) return false;
      const words = error instanceof Trouble ? error.message
        : "The connection was lost, and stays so. Load the page again: the answer goes on without it.";
      const reloads = error.kind === "signed-out" || error.name === "TypeError";
      this.trouble = { words, reload: reloads };
      this.draw();
      return false;
    }
  }

  openCalls() {
    const { messages } = this.talk;
    const done = new Set(messages.map((message) => message.tool_call_id));
    return (messages.at(-1)?.tool_calls ?? []).filter((call) => !done.has(call.id));
  }

  isStored(message) {
    return Boolean(this.versions.shown?.values?.messages?.some((one) => one.id === message.id));
  }

  // --- what is seen ---------------------------------------------------------------------------

  // What may be done with a message: only what is stored can be gone back to. An answer of several
  // messages is answered anew as a whole, from under its last.
  can(message) {
    const first = message.type === "human" ? message : this.answerOf(message);
    const before = first && this.versions.before(first.id);
    if (!before) return {};
    const { count, number, others } = this.versions.of(first.id);
    const go = (to) => this.composer.isBusy || this.show(this.states, others[to]);
    const version = { count, number, go };
    const free = (act) => (...given) => this.composer.isBusy || act(...given);
    return message.type === "human"
      ? { version, edit: free((words) => this.edit(message, words)) }
      : { version, again: free(() => this.again(first)) };
  }

  // The first message of the answer that ends with `message`; null when it does not end there.
  answerOf(message) {
    const { messages } = this.talk;
    let at = messages.findIndex((one) => one.id === message.id);
    const next = messages.slice(at + 1).find((one) => one.type !== "tool");
    if (next && next.type !== "human") return null;
    while (at > 0 && messages[at - 1].type !== "human") at -= 1;
    return at > 0 ? messages[at] : null;
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { talk, parts } = this;
    const { isBusy } = this.composer;
    parts.empty.hidden = this.id !== null || talk.messages.length > 0;
    this.log.draw(talk.messages, { isBusy, note: talk.note });
    this.drawAsk(isBusy ? null : talk.ask);
    parts.trouble.hidden = !this.trouble;
    parts.trouble.replaceChildren(...(this.trouble ? troubleNodes(this.trouble) : []));
  }

  // The card is drawn once an approval, so that a half-written reason stays.
  drawAsk(ask) {
    const sign = ask && JSON.stringify(ask);
    if (sign === this.asked) return;
    this.asked = sign;
    const said = wordsOf(this.talk.messages.at(-1)?.content);
    const card = ask && approval(ask.value ?? {}, said, (decisions) => this.decide(decisions));
    this.parts.ask.replaceChildren(...(card ? [card] : []));
    if (card) this.log.toEnd();
  }

  status(words) {
    this.parts.status.textContent = words;
  }
}

const troubleNodes = ({ words, again, reload }) => [
  make("span", {}, visible(words)),
  again && button("Try again", again),
  reload && button("Load the page again", () => location.reload()),
].filter(Boolean);
