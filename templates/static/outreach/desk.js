// The desk of held mail: one box that ticks all that is shown.
"use strict";
(() => {
  const all = document.getElementById("tick-all");
  if (!all) return;
  all.addEventListener("change", () => {
    document.querySelectorAll("#desk input[name=message]").forEach((box) => { box.checked = all.checked; });
  });
})();
