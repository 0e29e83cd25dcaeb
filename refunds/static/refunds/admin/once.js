// A form that takes its time is sent once, and says that it is at work.
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
