// Say that a file is too large when it is chosen, before the browser sends all of it in vain.
(() => {
  "use strict";
  const form = document.querySelector("form[data-max-bytes]");
  const input = form.querySelector("input[type=file]");
  const error = document.getElementById("too-large");
  const button = form.querySelector("button[type=submit]");
  input.addEventListener("change", () => {
    const tooLarge = input.files.length > 0 && input.files[0].size > Number(form.dataset.maxBytes);
    error.hidden = !tooLarge;
    button.disabled = tooLarge;
  });
})();
