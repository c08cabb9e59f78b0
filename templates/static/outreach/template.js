// The template editor: shows the mail as it is typed, and asks for fallbacks of new variables.
"use strict";
(() => {
  const form = document.getElementById("template-form");
  if (!form) return;
  const panel = document.getElementById("template-preview");
  const fallbacks = document.getElementById("fallbacks");
  const live = document.getElementById("template-live");

  const shownNames = () => [...fallbacks.querySelectorAll("input")]
    .map((field) => field.name.replace("fallback.", "")).join();

  const preview = askLater(async (signal) => {
    const found = await postForm(form.dataset.preview, new FormData(form), signal);
    panel.innerHTML = found.html; // rendered and escaped by our own server
    if (found.names.join() !== shownNames()) fallbacks.innerHTML = found.fallbacks;
  }, { box: panel, say: (text) => { live.textContent = text; } });

  guardChanges(form, { harmless: ["lead", "other", "mailbox"], onChange: preview.later });

  const body = document.getElementById("body");
  form.addEventListener("click", (event) => {
    const name = event.target.dataset?.variable;
    if (!name) return;
    body.setRangeText(`{{ ${name} }}`, body.selectionStart, body.selectionEnd, "end");
    body.focus();
    body.dispatchEvent(new Event("input", {bubbles: true}));
  });
})();
