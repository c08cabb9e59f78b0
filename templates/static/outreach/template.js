// The template editor: shows the mail as it is typed, asks for fallbacks of new variables, and warns
// before unsaved changes are left behind. Without it the form still saves and shows its faults.
"use strict";
(() => {
  const form = document.getElementById("template-form");
  if (!form) return;
  const panel = document.getElementById("template-preview");
  const fallbacks = document.getElementById("fallbacks");
  const live = document.getElementById("template-live");
  const LOOKING = ["lead", "other", "mailbox"];
  const PAUSE = 350; // milliseconds without a key before asking
  let timer = 0, asked = null, leaving = false;
  let dirty = form.dataset.changed === "true";
  const mark = () => form.classList.toggle("ml-is-dirty", dirty);
  mark();

  const shownNames = () => [...fallbacks.querySelectorAll("input")]
    .map((field) => field.name.replace("fallback.", "")).join();

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    panel.classList.add("ml-busy");
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST", body: new FormData(form), signal: asked.signal,
        headers: {"X-Requested-With": "fetch"}, credentials: "same-origin",
      });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const found = await answer.json();
      panel.innerHTML = found.html;
      if (found.names.join() !== shownNames()) fallbacks.innerHTML = found.fallbacks;
      live.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      live.textContent = `No preview: ${error.message}. It is tried again with the next change.`;
    }
    panel.classList.remove("ml-busy");
  };

  const changed = (event) => {
    if (!LOOKING.includes(event.target.name)) { dirty = true; mark(); }
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });

  const body = document.getElementById("body");
  form.addEventListener("click", (event) => {
    const name = event.target.dataset?.variable;
    if (!name) return;
    body.setRangeText(`{{ ${name} }}`, body.selectionStart, body.selectionEnd, "end");
    body.focus();
    body.dispatchEvent(new Event("input", {bubbles: true}));
  });
})();
