// Copy a text or the lines of a list, and print the page. Without scripts the text is still on the page.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const lines = source.children.length ? [...source.children] : [source];
      await navigator.clipboard.writeText(lines.map((line) => line.textContent.trim()).join("\n"));
      button.textContent = button.dataset.done;
    });
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
