// Decide on a pair by keyboard: m merges, s swaps which one stays, a goes to "keep apart", n to the next.
"use strict";
(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const keys = {
    m: () => document.getElementById("merge")?.click(),
    s: () => document.getElementById("swap")?.click(),
    a: () => document.getElementById("apart")?.focus(),
    n: () => document.getElementById("next")?.click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
