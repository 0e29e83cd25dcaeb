"use strict";

/* Make the theme's clickable texts and icons work by keyboard and for screen readers: it binds clicks to elements
   that take no focus. Enter and Space press them, Escape closes what they opened. */
(() => {
  const CLICKABLE = ["x-on:click", "@click"].map((name) => `[${CSS.escape(name)}]`).join();
  const NATIVE = "a[href], button, input, select, textarea, summary, label";
  const ICON = ".material-symbols-outlined";
  let opener = null;

  const wordsOf = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
    return element.matches(ICON) ? "" : copy.textContent.trim();
  };

  function giveName(element) {
    if (element.hasAttribute("aria-label") || wordsOf(element)) return;
    const icon = element.matches(ICON) ? element : element.querySelector(ICON);
    const names = document.querySelector('meta[name="icon-names"]')?.dataset ?? {};
    const name = names[icon?.textContent.trim()] ?? element.title;
    if (name) element.setAttribute("aria-label", name);
  }

  function prepare(element) {
    if (element.matches(NATIVE) || element.hasAttribute("tabindex")) return;
    if (!element.textContent.trim()) return; // the dark area beside an open panel: Escape does the same
    element.setAttribute("role", "button");
    element.tabIndex = 0;
    giveName(element);
  }

  /* A list that select2 replaces keeps the name of its field. */
  function nameList(list) {
    const label = document.querySelector(`label[for="${list.id}"]`);
    const shown = list.nextElementSibling;
    if (!label || !shown?.matches(".select2-container")) return;
    label.id ||= `${list.id}-label`;
    const text = shown.querySelector(".select2-selection__rendered");
    text?.removeAttribute("role"); // not a text field
    text?.removeAttribute("aria-readonly");
    shown.querySelector(".select2-selection")?.setAttribute("aria-labelledby", `${label.id} ${text?.id ?? ""}`.trim());
  }

  function prepareAll() {
    document.querySelectorAll(CLICKABLE).forEach(prepare);
    document.querySelectorAll(`:is(a[href], button):has(> ${ICON}:only-child)`).forEach(giveName);
    document.querySelectorAll("select.select2-hidden-accessible").forEach(nameList);
    document.querySelectorAll(`${ICON}:not([role])`).forEach((icon) => icon.setAttribute("aria-hidden", "true"));
  }

  function press(event) {
    const element = event.target;
    if (!["Enter", " "].includes(event.key) || element.getAttribute?.("role") !== "button" || element.matches(NATIVE)) return;
    event.preventDefault();
    opener = element;
    element.click();
  }

  function close(event) {
    if (event.key !== "Escape" || !opener) return;
    // The theme's menus close on a click elsewhere.
    document.body.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    opener.focus();
    opener = null;
  }

  /* The filters lie over the page, and come after it: who opens them by keyboard goes on there. */
  function enterFilters() {
    const panel = document.getElementById("changelist-filter");
    if (!panel) return;
    const enter = () => opener && panel.getClientRects().length && panel.querySelector("select, input:not([type=hidden])")?.focus();
    new MutationObserver(enter).observe(panel, { attributeFilter: ["style"] });
  }

  document.addEventListener("keydown", press);
  document.addEventListener("keydown", close);
  document.addEventListener("DOMContentLoaded", () => {
    prepareAll();
    enterFilters();
    // Alpine adds elements later.
    new MutationObserver(prepareAll).observe(document.body, { childList: true, subtree: true });
  });
})();
