// The page that shows a new token: copy the token, and prevent a reload from creating another one.
(() => {
  "use strict";
  const page = document.getElementById("secret");
  const field = document.getElementById("token");
  const button = document.getElementById("copy");
  const label = button.lastElementChild;
  const idle = label.textContent;
  let timer;

  const copied = async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // Without HTTPS, or if the browser forbids copying, the text is selected for Ctrl+C.
      field.select();
      return document.execCommand("copy");
    }
  };

  button.addEventListener("click", async () => {
    if (!(await copied())) return;
    label.textContent = button.dataset.done;
    clearTimeout(timer);
    timer = setTimeout(() => (label.textContent = idle), 2000);
  });
  field.addEventListener("focus", () => field.select());
  history.replaceState(null, "", page.dataset.after);
})();
