// The campaign form: counts whom it would reach and shows each template's wordings as one chooses.
"use strict";
(() => {
  const form = document.getElementById("campaign-form");
  if (!form) return;
  const counted = document.getElementById("counted");
  const said = document.getElementById("campaign-said");
  const places = [...form.querySelectorAll("[data-wordings]")];

  const look = askLater(async (signal) => {
    const found = await postForm(form.dataset.look, new FormData(form), signal);
    counted.innerHTML = found.counted; // rendered and escaped by our own server, as all of these
    found.wordings.forEach((shown, number) => {
      const place = places[number];
      // What is shown already keeps its ticks and the keyboard's place.
      if (shown.version !== place.dataset.version) place.innerHTML = shown.html;
      place.dataset.version = shown.version;
    });
  }, { box: counted, say: (text) => { said.textContent = text; } });

  for (const [number, select] of form.querySelectorAll("select[name=version]").entries()) {
    places[number].dataset.version = select.value;
  }
  guardChanges(form, { onChange: look.later });
})();
