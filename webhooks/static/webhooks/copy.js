// Copy a field with one click; if the browser forbids copying, select the field for Ctrl+C.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        return;
      }
      button.textContent = button.dataset.copied;
    });
  }
})();
