// What is selected of a list, on all its pages: how many rows and, of payments, what can be refunded of them.
// It survives paging, sorting, a reload and Back; another search or filter, or an action, begins a new selection.
(() => {
  "use strict";
  const form = document.getElementById("changelist-form");
  const output = document.querySelector(".rd-selected");
  if (!form || !output) return;
  const { counted, total, totalWords, most, over, limited, selected, busy, failed, url, locale } = output.dataset;
  const STORED = "selection";
  const across = form.querySelector("input.select-across");
  let chosen = new Map(); // what can be refunded, by the key of each row
  let all = null; // the text for all that match, once the server has told it

  // The list without its page and order.
  const listOf = (address) => {
    const { pathname, searchParams } = new URL(address);
    for (const name of ["p", "o", "e"]) searchParams.delete(name);
    searchParams.sort();
    return `${pathname}?${searchParams}`;
  };
  const here = listOf(location.href);
  const boxes = () => [...form.querySelectorAll("tr input.action-select")];

  const remembered = () => {
    if (history.state?.selection) return history.state.selection;
    if (!document.referrer || listOf(document.referrer) !== here) return [];
    const stored = JSON.parse(sessionStorage.getItem(STORED) || "{}");
    return stored.list === here ? stored.rows : [];
  };

  const remember = () => {
    const rows = [...chosen];
    history.replaceState({ ...history.state, selection: rows }, "");
    sessionStorage.setItem(STORED, JSON.stringify({ list: here, rows }));
  };

  // Boxes of the rows on other pages: they are sent with the form, and keep the bar open.
  const addHidden = () => {
    const shown = new Set(boxes().map((box) => box.value));
    for (const key of chosen.keys()) {
      if (shown.has(key)) continue;
      const box = document.createElement("input");
      Object.assign(box, { type: "checkbox", name: "_selected_action", value: key, checked: true, hidden: true });
      box.className = "action-select";
      box.dataset.elsewhere = "";
      form.append(box);
    }
  };

  const read = () => {
    for (const box of boxes()) {
      if (!box.checked) chosen.delete(box.value);
      else chosen.set(box.value, { ...box.closest("tr").querySelector("[data-left]")?.dataset });
    }
  };

  const sum = () => {
    const totals = new Map();
    let count = 0;
    for (const { left, currency, precision } of chosen.values()) {
      if (!left) continue;
      count += 1;
      const digits = Number(precision);
      const found = totals.get(currency) || { units: 0, digits };
      found.units += Math.round(Number(left) * 10 ** digits);
      totals.set(currency, found);
    }
    const money = ([currency, { units, digits }]) =>
      new Intl.NumberFormat(locale, {
        style: "currency",
        currency,
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }).format(units / 10 ** digits);
    if (!totals.size) totals.set("KRW", { units: 0, digits: 0 });
    return selected.replace("{count}", count).replace("{total}", [...totals].sort().map(money).join(" + "));
  };

  const ask = async () => {
    all = busy;
    show();
    try {
      const answer = await fetch(url + location.search, { cache: "no-store" });
      all = (await answer.json()).text;
    } catch {
      all = failed;
    }
    show();
  };

  const show = () => {
    const everything = across?.value === "1";
    if (everything && url && all === null) return void ask();
    read();
    remember();
    const count = everything ? Number(total) + ("cut" in output.dataset) : chosen.size;
    const words = [counted.replace("{count}", everything ? totalWords : count)];
    if (url && count) words.push(everything ? all : sum());
    output.textContent = count ? words.join(" · ") : "";
    const isOver = Boolean(most) && count > Number(most);
    form.querySelector(".rd-over").textContent = isOver ? over : "";
    const button = limited && form.querySelector(`button[value="${limited}"]`);
    if (button) button.disabled = isOver;
  };

  const clear = () => {
    form.querySelectorAll("[data-elsewhere]").forEach((box) => box.remove());
    chosen = new Map();
    if (across) across.value = "0";
    for (const box of boxes()) if (box.checked) box.click();
    show();
  };

  const restore = () => {
    chosen = new Map(remembered());
    for (const box of boxes()) {
      if (!chosen.has(box.value)) continue;
      box.checked = true;
      box.closest("tr").classList.add("selected");
    }
    addHidden();
  };

  const later = () => setTimeout(show);
  form.querySelector(".rd-clear").addEventListener("click", clear);
  form.addEventListener("change", later);
  form.addEventListener("click", later);
  form.addEventListener("submit", () => sessionStorage.removeItem(STORED));
  window.addEventListener("pageshow", later);
  restore();
  later();
})();
