// Work the list by keyboard: j k move, a accepts, r opens the reason, u takes a verdict back.
(() => {
  const entries = [...document.querySelectorAll(".sc-entry")];
  if (!entries.length) return;
  let at = Math.max(0, entries.findIndex((entry) => `#${entry.id}` === location.hash));

  const show = (index, scroll = true) => {
    at = Math.min(Math.max(index, 0), entries.length - 1);
    entries.forEach((entry, i) => entry.classList.toggle("sc-here", i === at));
    if (scroll) entries[at].scrollIntoView({ block: "nearest" });
  };
  const press = (selector) => entries[at].querySelector(selector)?.click();
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

  // After the verdict the list comes back without this lead: go on with the one that follows.
  document.querySelectorAll(".sc-verdict").forEach((form) => {
    form.addEventListener("submit", (event) => {
      const index = entries.indexOf(form.closest(".sc-entry"));
      const following = entries[index + 1] ?? entries[index - 1];
      form.elements.next.value = following ? following.dataset.entry : "";
      if (event.submitter?.value === "reject" && !form.elements._reason.value.trim()) {
        event.preventDefault();
        form.elements._reason.focus();
      }
    });
  });
  // Enter in the reason field means "reject", never the first button of the form.
  document.querySelectorAll(".sc-why-not input").forEach((input) => {
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      input.closest(".sc-why-not").querySelector("button").click();
    });
  });
  document.querySelectorAll(".sc-reject").forEach((box) => {
    box.addEventListener("toggle", () => {
      if (!box.open) return;
      document.querySelectorAll(".sc-reject[open]").forEach((other) => { if (other !== box) other.open = false; });
      box.querySelector("input").focus();
    });
  });
  document.addEventListener("click", (event) => {
    const entry = event.target.closest(".sc-entry");
    if (entry) show(entries.indexOf(entry), false);
    document.querySelectorAll(".sc-reject[open]").forEach((box) => { if (!box.contains(event.target)) box.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".sc-reject[open]").forEach((box) => { box.open = false; });
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const keys = {
      j: () => show(at + 1),
      k: () => show(at - 1),
      a: () => press(".sc-accept"),
      r: () => { const box = entries[at].querySelector(".sc-reject"); if (box) box.open = true; },
      u: () => press(".sc-undo"),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  show(at, Boolean(location.hash));
})();
