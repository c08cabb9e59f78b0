// Refreshes the live part of a page every two seconds while its run is open.
(function () {
  "use strict";
  var box = document.getElementById("live");
  if (!box || !box.dataset.url) { return; }
  var misses = 0;
  function ask() {
    fetch(box.dataset.url, { headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) { throw new Error(String(answer.status)); }
        return answer.json();
      })
      .then(function (data) {
        misses = 0;
        if (!box.contains(document.activeElement)) { box.innerHTML = data.html; }
        if (data.open) { setTimeout(ask, 2000); } else { window.location.reload(); }
      })
      .catch(function () {
        misses += 1;
        if (misses < 30) { setTimeout(ask, Math.min(2000 * misses, 20000)); }
      });
  }
  setTimeout(ask, 2000);
})();
