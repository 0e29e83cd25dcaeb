// Send a slow form only once, and show that it is in progress.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("form[data-once]")) {
    const buttons = [...form.querySelectorAll("button[type=submit]")];
    const labels = buttons.map((button) => button.innerHTML);
    form.addEventListener("submit", (event) => {
      (event.submitter || buttons[0]).textContent = form.dataset.once;
      setTimeout(() => buttons.forEach((button) => (button.disabled = true)));
    });
    window.addEventListener("pageshow", () =>
      buttons.forEach((button, i) => {
        button.innerHTML = labels[i];
        button.disabled = false;
      }),
    );
  }
})();
