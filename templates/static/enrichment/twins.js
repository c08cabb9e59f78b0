// Decide on a pair by keyboard: m merges, s swaps which one stays, a goes to "keep apart" and Enter keeps them apart,
// n opens the next pair, on the list the first. ? shows and hides the keys.
"use strict";
(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const keys = {
    m: () => document.getElementById("merge")?.click(),
    s: () => document.getElementById("swap")?.click(),
    a: () => document.getElementById("apart")?.focus(),
    n: () => document.getElementById("next")?.click(),
    "?": () => document.getElementById("keys")?.toggleAttribute("hidden"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
