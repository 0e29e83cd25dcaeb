// Send a slow form only once, and show that it is in progress.
(() => {
  "use strict";
  for (const form of document.querySelectorAll("form[data-once]")) {
    const buttons = [...form.querySelectorAll("button[type=submit]")];
    const labels = buttons.map((button) => button.innerHTML);
    let sent = false;
    form.addEventListener("submit", (event) => {
      // The second click of a double click must not press the button beside it, nor send the form again.
      if (sent) return event.preventDefault();
      sent = true;
      const pressed = event.submitter || buttons[0];
      pressed.style.minWidth = `${pressed.offsetWidth}px`; // its neighbours stay where they are
      pressed.textContent = form.dataset.once;
      setTimeout(() => buttons.forEach((button) => (button.disabled = true)));
    });
    window.addEventListener("pageshow", () => {
      sent = false;
      buttons.forEach((button, i) => {
        button.innerHTML = labels[i];
        button.disabled = false;
      });
    });
  }
})();
