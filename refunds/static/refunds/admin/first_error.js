// After a refused form, move to the first input that is wrong or has to be ticked.
(() => {
  "use strict";
  const first = document.querySelector("#content form [aria-invalid=true]:not([type=hidden])");
  let tries = 60; // frames
  const focus = () => {
    first.closest("details")?.setAttribute("open", "");
    first.focus({ preventScroll: true });
    if (document.activeElement === first) first.scrollIntoView({ block: "center" });
    else if (tries--) requestAnimationFrame(focus);
  };
  if (first) focus();
})();
