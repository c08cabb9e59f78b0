// Shows the parts of the form that the chosen way of sending needs. Without script all are shown.
document.addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("id_transport");
  if (!choice) return;
  const parts = document.querySelectorAll("[class*='by-']");
  const show = () => {
    for (const part of parts) part.hidden = !part.classList.contains(`by-${choice.value}`);
  };
  choice.addEventListener("change", show);
  show();
});
