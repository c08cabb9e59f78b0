// A card for what the assistant may only do with a yes: approve, change and approve, or refuse.
import { button, make } from "./dom.js";
import { markdown } from "./markdown.js";
import { inWords, visible } from "./plain.js";
import { facts } from "./results.js";

let made = 0; // for labels of fields

// The card for the `value` of an approval; answer(decisions) gets one decision an action. `said` are
// the words right above the card: a question that stands there alone is not put twice.
export const approval = (value, said, answer) => {
  const requests = value.action_requests ?? [];
  const single = requests.length === 1;
  const actions = requests.map((action, at) =>
    new Part(action, allowed(value, action), at, single ? said : ""));
  const card = make("section", { class: "lg-card lg-chat-ask", "aria-label": "Your decision",
    tabindex: "-1" });
  const send = (decisions) => {
    for (const control of card.querySelectorAll("button, textarea, input")) control.disabled = true;
    answer(decisions);
  };
  const decided = () => actions.every((one) => one.decision);
  const all = make("button", { type: "button", class: "lg-button lg-button-primary",
    disabled: true, onclick: () => decided() && send(actions.map((one) => one.decision)) },
    "Send these decisions");
  for (const one of actions) {
    one.settle = () => {
      if (single) send([one.decision]);
      else all.disabled = !decided();
    };
  }
  const title = single ? "May this be done?" : `May these ${actions.length} things be done?`;
  card.append(make("h2", { class: "lg-h2" }, title), ...actions.map((one) => one.node()));
  if (!single) card.append(make("div", { class: "lg-buttons" }, all));
  return card;
};

const allowed = (value, action) => value.review_configs
  ?.find((config) => config.action_name === action.name)?.allowed_decisions ?? ["approve", "reject"];

// One action of the card, and what is decided about it so far.
class Part {
  constructor(action, decisions, at, said) {
    const question = String(action.description ?? "");
    Object.assign(this, { action, decisions, at, decision: null, settle: () => {} });
    this.question = said.includes(question) ? "" : question;
  }

  node() {
    this.box = make("div", { class: "lg-chat-part" });
    this.choose(null);
    return this.box;
  }

  // Draws the action with the form of what was chosen: "edit", "reject", or none yet.
  choose(form) {
    const { name, args } = this.action;
    const editing = form === "edit";
    const given = Object.keys(args ?? {}).length > 0;
    this.box.replaceChildren(
      make("h3", { class: "lg-h3" }, inWords(name)),
      this.question ? markdown(this.question) : "",
      given && !editing ? facts(args) : "",
      editing ? this.changes() : form === "reject" ? this.reason() : this.buttons(),
    );
    if (!form) return;
    this.box.querySelector("textarea")?.focus();
    this.box.lastElementChild.scrollIntoView({ block: "nearest" });
  }

  buttons() {
    const can = (decision) => this.decisions.includes(decision);
    return make("div", { class: "lg-buttons" },
      can("approve") && button("Approve", () => this.decide({ type: "approve" }, "approved"),
        { class: "lg-button lg-button-primary" }),
      can("edit") && button("Change…", () => this.choose("edit")),
      can("reject") && button("Refuse…", () => this.choose("reject")));
  }

  changes() {
    const { name, args } = this.action;
    const fields = Object.entries(args ?? {}).map(([key, value]) => {
      const field = make("textarea", { class: "lg-input", id: `chat-field-${made += 1}`, rows: 1 });
      field.value = typeof value === "string" ? value : JSON.stringify(value);
      field.rows = Math.min(8, field.value.split("\n").length + Math.floor(field.value.length / 70));
      return { key, value, field, before: field.value };
    });
    const edited = () => Object.fromEntries(fields.map(({ key, value, field, before }) =>
      [key, field.value === before ? value : field.value]));
    return make("form", { class: "lg-chat-form", onsubmit: (event) => {
      event.preventDefault();
      this.decide({ type: "edit", edited_action: { name, args: edited() } }, "approved as changed");
    } },
    fields.map(({ key, field }) =>
      [make("label", { class: "lg-label", for: field.id }, inWords(key)), field]),
    make("div", { class: "lg-buttons" },
      make("button", { class: "lg-button lg-button-primary" }, "Approve as changed"),
      button("Back", () => this.choose(null))));
  }

  reason() {
    const field = make("textarea", { class: "lg-input", id: `chat-field-${made += 1}`, rows: 2 });
    return make("form", { class: "lg-chat-form", onsubmit: (event) => {
      event.preventDefault();
      this.decide({ type: "reject", message: field.value.trim() }, "refused");
    } },
    make("label", { class: "lg-label", for: field.id }, "Why not? The assistant reads this."), field,
    make("div", { class: "lg-buttons" },
      make("button", { class: "lg-button lg-button-danger" }, "Refuse"),
      button("Back", () => this.choose(null))));
  }

  decide(decision, words) {
    this.decision = decision;
    const again = button("Decide anew", () => { this.decision = null; this.settle(); this.choose(null); });
    const why = decision.message ? `: ${visible(decision.message)}` : "";
    this.box.replaceChildren(make("h3", { class: "lg-h3" }, inWords(this.action.name)),
      facts(decision.edited_action?.args ?? this.action.args ?? {}),
      make("div", { class: "lg-row lg-above" },
        make("span", { class: "lg-tag lg-tag-busy" }, `${words}${why}`), again));
    this.settle();
  }
}
