// Send a slow form only once, and show that it is in progress.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("form[data-once]")) {
    const button = form.querySelector("button[type=submit]");
    const label = button.textContent;
    form.addEventListener("submit", () => {
      button.textContent = form.dataset.once;
      setTimeout(() => (button.disabled = true));
    });
    window.addEventListener("pageshow", () => {
      button.textContent = label;
      button.disabled = false;
    });
  }
})();
