// One message on the page: what a person said, or an answer with the steps it took.
import { button, icon, make } from "./dom.js";
import { markdown } from "./markdown.js";
import { inWords, shorten, visible, wordsOf } from "./plain.js";
import { facts, isTable, result } from "./results.js";

// `can` holds what may be done now: edit(words), again(), and version {count, number, go(number)}.
export const personSaid = (message, can) => {
  const words = wordsOf(message.content);
  const box = make("article", { class: "lg-chat-said lg-chat-mine", "aria-label": "You" });
  const edit = can.edit && small("edit", "Edit this message", () =>
    box.replaceChildren(editor(words, can.edit, show)));
  const shown = [make("p", { class: "lg-chat-bubble", dir: "auto" }, visible(words)),
    under(edit, switcher(can.version))].filter(Boolean);
  const show = () => box.replaceChildren(...shown);
  show();
  return box;
};

export const answered = (message, results, can) => make("article",
  { class: "lg-chat-said", "aria-label": "Answer" },
  wordsOf(message.content).trim() && markdown(wordsOf(message.content)),
  (message.tool_calls ?? []).map((call) => step(call, results.get(call.id))),
  under(can.again && small("refresh", "Answer again", can.again), switcher(can.version)));

// A call of a tool, folded, and the table it answered. Sentences of a tool are in the fold too: what
// is said under the step has them, or the gist of them.
const step = (call, answer) => {
  const failed = answer?.status === "error";
  const given = Object.entries(call.args ?? {});
  const brief = given.map(([name, value]) =>
    `${inWords(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
  const words = answer ? wordsOf(answer.content) : "";
  const shown = answer && make("div", { class: failed ? "lg-error" : "lg-chat-result" }, result(words));
  const table = answer && isTable(words);
  return make("div", { class: "lg-chat-step" },
    make("details", { class: "lg-chat-call" },
      make("summary", {}, icon(failed ? "error" : answer ? "check_circle" : "pending"),
        make("span", { class: "lg-strong" }, inWords(call.name)),
        failed && make("span", { class: "lg-muted" }, "not done"),
        make("span", { class: "lg-muted lg-chat-brief" }, visible(shorten(brief, 120)))),
      given.length ? facts(call.args) : make("p", { class: "lg-muted" }, "Asked without details."),
      !table && shown),
    table && shown);
};

const under = (...tools) => {
  const given = tools.filter(Boolean);
  return given.length ? make("div", { class: "lg-chat-under" }, given) : null;
};

export const small = (picture, words, act) =>
  make("button", { type: "button", class: "lg-chat-small", title: words, "aria-label": words,
    onclick: act }, icon(picture));

const switcher = (version) => {
  if (!version || version.count < 2) return null;
  const { count, number, go } = version;
  const step = (picture, words, to) => {
    const node = small(picture, words, () => go(to));
    node.disabled = to < 0 || to >= count;
    return node;
  };
  return make("span", { class: "lg-chat-versions", role: "group", "aria-label": "Versions" },
    step("chevron_left", "Version before", number - 1), `${number + 1} of ${count}`,
    step("chevron_right", "Version after", number + 1));
};

const editor = (words, save, leave) => {
  const field = make("textarea", { class: "lg-input", rows: 3, "aria-label": "Your message" });
  field.value = words;
  const send = (event) => {
    event.preventDefault();
    if (field.value.trim()) save(field.value.trim());
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  queueMicrotask(() => field.focus());
  return make("form", { class: "lg-chat-editor", onsubmit: send }, field,
    make("div", { class: "lg-buttons" },
      make("button", { class: "lg-button lg-button-primary" }, "Ask this instead"),
      button("Leave it", leave)));
};
