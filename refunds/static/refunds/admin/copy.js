// Copy the text beside a button of `copy_button` with one click, and say so.
(() => {
  "use strict";
  if (!navigator.clipboard) return;
  document.documentElement.classList.add("rd-can-copy");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy-text]");
    if (!button) return;
    const { copyText, copied } = button.dataset;
    const label = button.title;
    try {
      await navigator.clipboard.writeText(copyText);
    } catch {
      return;
    }
    button.classList.add("rd-copied");
    button.title = copied;
    button.setAttribute("aria-label", copied);
    setTimeout(() => {
      button.classList.remove("rd-copied");
      button.title = label;
      button.setAttribute("aria-label", label);
    }, 1500);
  });
})();
