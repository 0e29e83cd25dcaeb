// "Show account" shows the account in the refund's page, and hides it again after a while or when the page is left.
(() => {
  "use strict";
  const PARTS = ["refund-account", "refund-timeline"];

  const show = async (form) => {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.getElementById(PARTS[0])) throw new Error(String(answer.status));
    const hidden = document.getElementById(PARTS[0]);
    for (const id of PARTS) document.getElementById(id).replaceWith(page.getElementById(id));
    const shown = document.getElementById(PARTS[0]);
    const hide = () => {
      clearTimeout(timer);
      shown.replaceWith(hidden);
      hidden.querySelector("button").disabled = false;
    };
    const timer = setTimeout(hide, Number(shown.dataset.seconds) * 1000);
    addEventListener("pagehide", hide, { once: true });
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-show-account]");
    if (!form) return;
    event.preventDefault();
    form.querySelector("button").disabled = true;
    // Signed out, permission removed, or no network: the page itself shows the reason.
    show(form).catch(() => location.reload());
  });
})();
