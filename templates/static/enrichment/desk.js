// The CAPTCHA desk by keyboard, and how long what is in hand stays so. Keys press what is on the page.
"use strict";
(() => {
  const hand = document.getElementById("in-hand");
  const field = document.getElementById("found");
  const keys = document.getElementById("keys");
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const fieldKeys = {
    o: () => document.getElementById("open-page")?.click(),
    i: () => field?.focus(),
    "?": () => { if (keys) keys.hidden = !keys.hidden; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Escape" && event.target === field) { field.blur(); return; }
    if (typing(event.target)) return;
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    const act = fieldKeys[event.key] ?? (button && (() => button.click()));
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, { capture: true });

  // One answer a page: a second press must not speak of a challenge that is settled by then.
  document.querySelectorAll("form").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  });

  // A page the browser kept from before shows what may be somebody else's by now.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  if (!hand) return;
  if (field.value) field.focus();
  const left = document.getElementById("left");
  const until = performance.now() + Number(hand.dataset.seconds) * 1000;
  const show = () => {
    const seconds = Math.max(0, Math.round((until - performance.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    document.getElementById("ended").hidden = seconds > 0;
    if (!seconds) clearInterval(ticking);
  };
  const ticking = setInterval(show, 1000);
  show();
})();
