// Copy with one click. A button has the text as `data-copy-text`, or as `data-copy` the id of the field, list or text that
// shows it; `data-copied` is what the button says then. Without scripts the text is still on the page.
(() => {
  "use strict";
  const SAID_FOR_MS = 2000;

  const textOf = (source) => {
    if (source.matches("input")) return source.value;
    const lines = source.children.length ? [...source.children] : [source];
    return lines.map((line) => line.textContent.trim()).join("\n");
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(button.dataset.copyText ?? textOf(source));
      return true;
    } catch {
      // Without HTTPS, or if the browser forbids copying, a field is selected for Ctrl+C.
      source?.select?.();
      return Boolean(source?.select) && document.execCommand("copy");
    }
  };

  // A button says something by its title if it is an icon, else by its text, which may follow an icon.
  const labelOf = (button) => button.lastElementChild ?? button;

  const say = (button, text) => {
    if (!button.title) labelOf(button).textContent = text;
    else for (const attribute of ["title", "aria-label"]) button.setAttribute(attribute, text);
  };

  const sayCopied = (button) => {
    const before = button.title || labelOf(button).textContent;
    say(button, button.dataset.copied);
    button.classList.add("rd-copied");
    setTimeout(() => {
      say(button, before);
      button.classList.remove("rd-copied");
    }, SAID_FOR_MS);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button:is([data-copy], [data-copy-text])");
    if (button && (await copy(button)) && !button.matches(".rd-copied")) sayCopied(button);
  });

  if (!navigator.clipboard) return;
  document.documentElement.classList.add("rd-can-copy");
  document.querySelectorAll("[data-copy][hidden]").forEach((button) => (button.hidden = false));
})();
