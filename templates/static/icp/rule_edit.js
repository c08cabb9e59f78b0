// The rule editor: asks for a preview as one types, puts mistakes beside their fields, and warns
// before unsaved changes are left behind. Without it the form still saves and shows its mistakes.
"use strict";
(() => {
  const form = document.getElementById("rule-form");
  if (!form) return;
  const panel = document.getElementById("rule-preview");
  const codes = document.getElementById("rule-codes");
  const live = document.getElementById("rule-live");
  const PAUSE = 350; // milliseconds without a key before asking
  let timer = 0, asked = null, leaving = false;
  let dirty = form.dataset.changed === "true";

  const mark = () => form.classList.toggle("icp-is-dirty", dirty);
  mark();

  const showErrors = (fields) => {
    form.querySelectorAll("[data-errors-of]").forEach((place) => {
      const sentences = fields[place.dataset.errorsOf] || [];
      place.textContent = sentences.join(" ");
      place.closest(".icp-field")?.classList.toggle("icp-has-error", sentences.length > 0);
    });
  };

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    panel.classList.add("icp-busy");
    live.textContent = "counting ...";
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST", body: new FormData(form), signal: asked.signal,
        headers: {"X-Requested-With": "fetch"}, credentials: "same-origin",
      });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const found = await answer.json();
      panel.innerHTML = found.html;
      if (Object.keys(found.fields).length === 0) codes.innerHTML = found.codes;
      showErrors(found.fields);
      live.textContent = "";
      panel.classList.remove("icp-busy");
    } catch (error) {
      if (error.name === "AbortError") return;
      live.textContent = `No preview: ${error.message}. It is tried again with the next change.`;
      panel.classList.remove("icp-busy");
    }
  };

  const changed = (event) => {
    if (event.target.name === "payload_json" || event.target.name === "_reason") return;
    dirty = true;
    mark();
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (dirty && !leaving) event.preventDefault();
  });
})();
