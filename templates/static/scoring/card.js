// The score card as a form. The payload is kept as one object; inputs write into it, and after a
// short pause the server says what the card would change. Nothing is saved before "Save".
(() => {
  const form = document.getElementById("card-form");
  if (!form) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const catalogue = new Map(read("card-catalogue").map((feature) => [feature.key, feature]));
  const locked = Boolean(form.dataset.locked);
  let card = read("card-payload") || {};

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const input = (value, label, change, more = {}) =>
    make("input", { class: "lg-input", value: value ?? "", "aria-label": label, ...more,
      oninput: (event) => { change(event.target.value); later(); } });
  const whole = (text) => (/^[+-]?\d+$/.test(text.trim()) ? parseInt(text, 10) : text.trim() === "" ? null : text);
  const number = (value, label, change, more = {}) =>
    input(value, label, (text) => change(whole(text)), { type: "number", step: "1", class: "lg-input sc-num", ...more });
  const select = (value, label, options, change) => {
    const node = make("select", { class: "lg-input", "aria-label": label,
      onchange: (event) => { change(event.target.value); draw(); later(); } });
    for (const [key, text] of options) node.append(make("option", { value: key, selected: key === value ? "" : null }, text));
    return node;
  };
  const list = (text) => text.split(",").map((item) => item.trim()).filter(Boolean);
  const drop = (label, action) =>
    make("button", { type: "button", class: "sc-drop", title: label, "aria-label": label,
      onclick: () => { action(); draw(); later(); } }, "×");
  const add = (label, action) =>
    make("button", { type: "button", class: "sc-add", onclick: () => { action(); draw(); later(); } }, label);

  const fresh = (feature) => ({
    number: { min: 0 }, choice: { any_of: [...(feature.choices || [])].slice(0, 1) }, flag: { is: true },
    code: { starts_with: [] }, set: { any_of: [] }, words: { has_word: [] },
  })[feature.kind];

  // The question a rule puts to its feature, in the form that fits the feature's kind.
  const when = (rule) => {
    const feature = catalogue.get(rule.feature);
    const box = make("div", { class: "sc-when" });
    if (!feature) return box;
    if (feature.kind === "flag" || "known" in rule.when) {
      const value = "known" in rule.when ? (rule.when.known ? "known" : "unknown") : String(rule.when.is);
      const options = [["known", "is known"], ["unknown", "is not known"]];
      if (feature.kind === "flag") options.unshift(["true", "yes"], ["false", "no"]);
      else options.push(["asked", "compare …"]);
      box.append(select(value, "Condition", options, (chosen) => {
        rule.when = chosen === "known" ? { known: true } : chosen === "unknown" ? { known: false }
          : chosen === "asked" ? fresh(feature) : { is: chosen === "true" };
      }));
      return box;
    }
    if (feature.kind === "number") {
      const bound = (name) => number(rule.when[name], name === "min" ? "At least" : "At most", (value) => {
        if (value === null) delete rule.when[name]; else rule.when[name] = value;
      }, { placeholder: name === "min" ? "from" : "to" });
      box.append(bound("min"), "to", bound("max"));
      return box;
    }
    const key = { choice: "any_of", set: "any_of", code: "starts_with", words: "has_word" }[feature.kind];
    const hint = { choice: "one of", set: "one of", code: "begins with", words: "has the words" }[feature.kind];
    box.append(input((rule.when[key] || []).join(", "), hint, (text) => { rule.when = { [key]: list(text) }; },
      { placeholder: hint, title: `${hint}: ${(rule.when[key] || []).join(", ")}` }));
    return box;
  };

  const ruleRow = (rule) => make("div", { class: "sc-rule" },
    input(rule.label, "Label", (text) => { rule.label = text; }),
    select(rule.feature, "Feature", [...catalogue.values()].map((feature) => [feature.key, feature.label]), (key) => {
      rule.feature = key; rule.when = fresh(catalogue.get(key));
    }),
    when(rule),
    number(rule.points, "Points", (value) => { rule.points = value; }, { min: -100, max: 100 }),
    drop(`Remove ${rule.label}`, () => { card.rules.splice(card.rules.indexOf(rule), 1); }));

  const freeKey = (word, taken) => {
    let n = 1;
    while (taken.includes(`${word}_${n}`)) n += 1;
    return `${word}_${n}`;
  };

  const groupBox = (group) => {
    const box = make("div", { class: "sc-group" });
    box.append(make("div", { class: "sc-group-head" }, make("span", { class: "sc-group-name" }, group.label),
      make("span", { class: "lg-muted" }, "gives at most"),
      number(group.cap, `Cap of ${group.label}`, (value) => { group.cap = value; }, { min: 0, max: 100, placeholder: "no cap" }),
      make("span", { class: "lg-muted" }, "points")));
    card.rules.filter((rule) => rule.group === group.key).forEach((rule) => box.append(ruleRow(rule)));
    if (!locked) box.append(add("Add a rule", () => card.rules.push({
      key: freeKey(group.key, card.rules.map((rule) => rule.key)), label: "New rule", group: group.key,
      feature: "ssic", when: { starts_with: ["62"] }, points: 5 })));
    return box;
  };

  const draw = () => {
    card.groups ||= []; card.rules ||= []; card.buckets ||= [];
    document.getElementById("card-base").value = card.base ?? 0;
    const buckets = document.getElementById("card-buckets");
    buckets.replaceChildren(...card.buckets.map((bucket) => make("div", { class: "sc-bucket" },
      input(bucket.name, "Name", (text) => { bucket.name = text; }), make("span", { class: "lg-muted" }, "from"),
      number(bucket.at_least, `First point of ${bucket.name}`, (value) => { bucket.at_least = value; }, { min: 0, max: 100 }),
      make("span", { class: "lg-muted" }, "points"),
      drop(`Remove ${bucket.name}`, () => { card.buckets.splice(card.buckets.indexOf(bucket), 1); }))));
    if (!locked) buckets.append(add("Add a bucket", () => card.buckets.push({ name: "NEW", at_least: 50 })));
    document.getElementById("card-rules").replaceChildren(...card.groups.map(groupBox));
  };

  const say = (problems) => {
    const box = document.getElementById("card-problems");
    box.replaceChildren(...problems.map(([path, message]) => make("p", {}, path ? `${path}: ${message}` : message)));
    box.hidden = !problems.length;
    const save = document.getElementById("card-save");
    if (save) save.disabled = Boolean(problems.length);
  };
  const send = (url, signal) => {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("payload", JSON.stringify(card));
    return postForm(url, body, signal);
  };

  const box = document.getElementById("card-preview");
  const preview = askLater(async (signal) => {
    const answer = await send(form.dataset.preview, signal);
    say(answer.problems);
    if (answer.html !== undefined) {
      box.innerHTML = answer.html; // rendered and escaped by our own server
      document.getElementById("card-best").textContent = answer.best;
    }
  }, { box, say: (text) => { if (text) box.replaceChildren(make("p", { class: "lg-error" }, text)); } });
  const later = preview.later;

  document.getElementById("card-base").addEventListener("input", (event) => { card.base = whole(event.target.value) ?? 0; later(); });
  document.getElementById("card-scale").addEventListener("click", async () => {
    const answer = await send(form.dataset.scale);
    say(answer.problems);
    if (answer.payload) { card = answer.payload; draw(); preview.now(); }
  });
  form.addEventListener("submit", () => { form.elements.payload.value = JSON.stringify(card); });
  draw();
  preview.now();
})();
