// The rule editor: shows what the rule would find as one types, and puts mistakes beside their fields.
"use strict";
(() => {
  const form = document.getElementById("rule-form");
  if (!form) return;
  const panel = document.getElementById("rule-preview");
  const codes = document.getElementById("rule-codes");
  const live = document.getElementById("rule-live");
  const HARMLESS = ["payload_json", "_reason"];

  const showErrors = (fields) => {
    form.querySelectorAll("[data-errors-of]").forEach((place) => {
      const sentences = fields[place.dataset.errorsOf] || [];
      place.textContent = sentences.join(" ");
      place.closest(".icp-field")?.classList.toggle("icp-has-error", sentences.length > 0);
    });
  };

  const preview = askLater(async (signal) => {
    live.textContent = "counting ...";
    const found = await postForm(form.dataset.preview, new FormData(form), signal);
    panel.innerHTML = found.html; // rendered and escaped by our own server
    if (Object.keys(found.fields).length === 0) codes.innerHTML = found.codes;
    showErrors(found.fields);
  }, { box: panel, say: (text) => { live.textContent = text; } });

  guardChanges(form, {
    harmless: HARMLESS,
    onChange: (event) => { if (!HARMLESS.includes(event.target.name)) preview.later(); },
  });
})();
