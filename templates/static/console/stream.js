// News while a page stands open: [data-stream] names the events to listen to, data-number the number
// in them that matters, data-now what the page was made with. The box shows when that has changed.
// A stream holds a thread of the server, so it opens only for who stays, and closes with the tab.
"use strict";
(() => {
  const STAYED = 15000; // milliseconds
  const box = document.querySelector("[data-stream]");
  if (!box) return;
  const number = box.querySelector("b");
  let stream = null;
  const listen = () => {
    stream = new EventSource(box.dataset.stream);
    stream.addEventListener("progress", (event) => {
      const now = JSON.parse(event.data)[box.dataset.number];
      number.textContent = now.toLocaleString("en");
      box.hidden = now === Number(box.dataset.now);
    });
    stream.addEventListener("end", () => stream.close());
  };
  const follow = () => {
    if (document.hidden) { stream?.close(); stream = null; } else if (!stream) { listen(); }
  };
  setTimeout(() => { follow(); document.addEventListener("visibilitychange", follow); }, STAYED);
  window.addEventListener("pagehide", () => stream?.close());
})();
