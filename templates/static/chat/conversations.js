// The person's conversations, newest first: open, rename, delete.
import { button, make } from "./dom.js";
import { inWords, shorten, visible, wordsOf } from "./plain.js";
import { small } from "./said.js";

const PAGE = 30;
const FIELDS = ["thread_id", "metadata", "status", "updated_at", "interrupts"];
const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"],
  [12, "month"], [Infinity, "year"]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const TITLE = 80; // characters kept of the first message

// `open(id)` opens a conversation, `gone(id)` hears that one was deleted, `fail(error)` of trouble.
export class Conversations {
  constructor({ box, dialog, api, open, gone, fail }) {
    Object.assign(this, { box, dialog, api, open, gone, fail, most: PAGE, current: null, rows: [] });
  }

  async load() {
    const query = { limit: this.most + 1, offset: 0, select: FIELDS };
    const found = await this.api.threads(query);
    this.hasMore = found.length > this.most;
    this.rows = found.slice(0, this.most);
    await this.nameTheNameless();
    this.draw();
  }

  // Conversations other clients began have no title of ours: theirs is how they begin.
  async nameTheNameless() {
    const ids = this.rows.filter((row) => !row.metadata?.title).map((row) => row.thread_id);
    if (!ids.length) return;
    const full = await this.api.threads({ ids, limit: ids.length, select: ["thread_id", "values"] });
    const first = new Map(full.map((row) => [row.thread_id, row.values?.messages?.[0]]));
    for (const row of this.rows) row.begins = wordsOf(first.get(row.thread_id)?.content);
  }

  mark(id) {
    this.current = id;
    this.draw();
  }

  // Whoever stands on a row with the keyboard stays there.
  draw() {
    const nameOf = (node) => node.getAttribute("aria-label") ?? node.getAttribute("href");
    const at = this.box.contains(document.activeElement) && nameOf(document.activeElement);
    const rows = this.rows.map((row) => this.row(row));
    const none = make("li", { class: "lg-muted lg-chat-none" }, "None yet.");
    const more = this.hasMore && make("li", {}, button("Show more", () => {
      this.most += PAGE;
      this.load().catch(this.fail);
    }));
    this.box.replaceChildren(...(rows.length ? rows : [none]), ...(more ? [more] : []));
    if (at) [...this.box.querySelectorAll("a, button")].find((node) => nameOf(node) === at)?.focus();
  }

  row(row) {
    const id = row.thread_id, title = titleOf(row);
    const isOpen = id === this.current;
    const link = make("a", { href: `?thread=${encodeURIComponent(id)}`, class: "lg-chat-title",
      title, "aria-current": isOpen ? "page" : null, onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.open(id);
      } }, make("span", { class: "lg-chat-name", dir: "auto" }, title),
    make("span", { class: "lg-muted lg-chat-when" }, ago(row.updated_at), state(row)));
    return make("li", { class: "lg-chat-row" }, link,
      small("edit", `Rename ${title}`, () => this.rename(row, title)),
      small("delete", `Delete ${title}`, () => this.remove(row, title)));
  }

  async rename(row, title) {
    const field = make("input", { class: "lg-input", id: "chat-title", maxlength: TITLE, value: title,
      autocomplete: "off" });
    const said = await this.ask("Rename this conversation", [
      make("label", { class: "lg-label", for: field.id }, "Its name"), field], "Rename");
    if (!said || !field.value.trim()) return;
    this.act(async () => {
      await this.api.rename(row.thread_id, { title: field.value.trim() });
    });
  }

  async remove(row, title) {
    const said = await this.ask("Delete this conversation?", [make("p", {},
      `“${title}” and all that was said in it are gone for good. What was done from it stays done.`)],
    "Delete", "lg-button-danger");
    if (!said) return;
    this.act(async () => {
      await this.api.remove(row.thread_id);
      this.gone(row.thread_id);
    });
  }

  act(doing) {
    doing().then(() => this.load()).catch(this.fail);
  }

  // Promises whether the person said yes.
  ask(question, content, yes, kind = "lg-button-primary") {
    const { dialog } = this;
    const agree = make("button", { class: `lg-button ${kind}`, value: "yes" }, yes);
    dialog.replaceChildren(make("form", { method: "dialog" },
      make("h2", { class: "lg-h2" }, question), ...content,
      make("div", { class: "lg-buttons" }, agree,
        button("Keep it as it is", () => dialog.close("")))));
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((done) => {
      dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
    });
  }
}

const titleOf = (row) => visible(shorten(
  String(row.metadata?.title || row.begins || "").trim() || "Without words", TITLE));

const state = (row) => {
  const asks = Object.keys(row.interrupts ?? {}).length > 0;
  if (row.status === "busy") return tag("answering", "busy");
  if (asks) return tag("waits for you", "wait");
  return row.status === "error" ? tag("failed", "bad") : "";
};

const tag = (words, kind) => make("span", { class: `lg-tag lg-tag-${kind}` }, words);

const ago = (when) => {
  let passed = (new Date(when) - Date.now()) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(passed) < size) {
      return unit === "second" ? "just now" : relative.format(Math.round(passed), unit);
    }
    passed /= size;
  }
  return inWords(String(when));
};
