// The chat page: puts its pieces together and keeps the address in step with what is shown.
import { apiAt } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Conversations } from "./conversations.js";
import { make } from "./dom.js";
import { passFrom } from "./pass.js";
import { visible } from "./plain.js";
import { Trouble } from "./trouble.js";

const USUAL = "agent"; // the assistant unless another is chosen

const root = document.getElementById("chat");
const part = (name) => root.querySelector(`[data-chat=${name}]`);
const { tenant } = root.dataset;
const csrf = root.querySelector("[name=csrfmiddlewaretoken]").value;
const api = apiAt({
  root: root.dataset.api, tenant, passed: passFrom({ url: root.dataset.pass, csrf, tenant }),
});

// Which assistant answers: the conversation's own, else the one chosen.
const assistant = {
  select: part("assistant"),
  get name() { return this.select.value; },
  use(name) {
    if (name && [...this.select.options].some((option) => option.value === name)) {
      this.select.value = name;
    }
  },
  async load() {
    const found = await api.assistants();
    const names = new Map(found.map((one) => [one.graph_id, one.name || one.graph_id]));
    const chosen = this.name || USUAL;
    this.select.replaceChildren(...[...names].map(([id, name]) =>
      make("option", { value: id }, visible(name))));
    this.use(chosen);
    part("assistants").hidden = names.size < 2;
    if (!names.size) throw new Trouble("No assistant is switched on here.", "refused");
  },
};

const fail = (error) => {
  if (!(error instanceof Trouble)) throw error;
  conversation.trouble = { words: error.message, reload: error.kind === "signed-out" };
  conversation.draw();
};

const composer = new Composer({
  form: part("composer"),
  send: (words) => conversation.say(words),
  stop: () => conversation.stop(),
});

const list = new Conversations({
  box: part("list"), dialog: part("dialog"), api, fail,
  open: (id) => { aside.open = !narrow.matches; conversation.open(id); composer.focus(); },
  gone: (id) => { if (id === conversation.id) conversation.open(null); },
});

const names = ["log", "scroller", "empty", "ask", "trouble", "status"];
const conversation = new Conversation({
  api, composer, assistant,
  parts: Object.fromEntries(names.map((name) => [name, part(name)])),
  moved: (id) => {
    list.mark(id);
    const address = id ? `?thread=${encodeURIComponent(id)}` : location.pathname;
    if (idInAddress() !== id) history.pushState(null, "", address);
  },
  changed: () => list.load().catch(() => {}), // the list is looked at again with the next change
});

const idInAddress = () => new URLSearchParams(location.search).get("thread");
window.addEventListener("popstate", () => conversation.open(idInAddress()));

// Beside the conversation the list stands open; on a narrow screen it is a fold above it.
const narrow = window.matchMedia("(max-width: 900px)");
const aside = part("aside");
const fold = () => { aside.open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();

part("new").addEventListener("click", () => {
  fold();
  conversation.open(null);
  composer.focus();
});
for (const question of root.querySelectorAll("[data-chat=question]")) {
  question.addEventListener("click", () => conversation.say(question.textContent.trim()));
}

composer.focus();
await Promise.all([
  assistant.load().then(() => conversation.open(idInAddress())),
  list.load(),
]).catch(fail);
