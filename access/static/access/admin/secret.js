// The page that shows a new token: select it with one click, and prevent a reload from creating another one.
(() => {
  "use strict";
  const field = document.getElementById("token");
  field.addEventListener("focus", () => field.select());
  history.replaceState(null, "", document.getElementById("secret").dataset.after);
})();
