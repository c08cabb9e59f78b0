// What forms with a live preview share: a question to the server a moment after each change, one at
// a time, and a warning before unsaved changes are left behind. Without scripts such a form still
// saves and shows its mistakes.
"use strict";
const PAUSE = 350; // milliseconds without a key before asking

// Calls ask(signal) once the form rests; a newer call aborts the one before. `box` is dimmed
// meanwhile, say(text) gets what went wrong, or "".
const askLater = (ask, { box, say }) => {
  let timer = 0, running = null;
  const now = async () => {
    running?.abort();
    const mine = running = new AbortController();
    box.classList.add("lg-busy");
    try {
      await ask(mine.signal);
      say("");
    } catch (error) {
      if (error.name === "AbortError") return;
      say(`No preview: ${error.message}. It is tried again with the next change.`);
    }
    box.classList.remove("lg-busy");
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(now, PAUSE); };
  return { now, later };
};

// The server's answer, as JSON, to a form's values.
const postForm = async (url, body, signal) => {
  const answer = await fetch(url, {
    method: "POST", body, signal, headers: { "X-Requested-With": "fetch" }, credentials: "same-origin",
  });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
};

// Shows that a form has unsaved changes and asks before they are left; fields named in `harmless`
// do not count. onChange(event) hears of every change.
const guardChanges = (form, { harmless = [], onChange }) => {
  let dirty = form.dataset.changed === "true", leaving = false;
  const mark = () => form.classList.toggle("lg-is-dirty", dirty);
  mark();
  const changed = (event) => {
    if (!harmless.includes(event.target.name)) { dirty = true; mark(); }
    onChange(event);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });
};
