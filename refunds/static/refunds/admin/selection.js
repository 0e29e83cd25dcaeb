// The payment list says what can be refunded of the ticked orders, or of all that match, before anybody presses Refund.
(() => {
  "use strict";
  const form = document.getElementById("changelist-form");
  const output = document.querySelector(".rd-selected");
  if (!form || !output) return;
  const { selected, busy, failed, url, locale } = output.dataset;
  let all = null; // the text for all that match, once the server has told it

  const sum = () => {
    const totals = new Map();
    let count = 0;
    for (const box of form.querySelectorAll("input.action-select:checked")) {
      const amount = box.closest("tr").querySelector("[data-left]");
      if (!amount) continue;
      const { left, currency, precision } = amount.dataset;
      count += 1;
      const digits = Number(precision);
      const total = totals.get(currency) || { units: 0, digits };
      total.units += Math.round(Number(left) * 10 ** digits);
      totals.set(currency, total);
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
    const everything = form.querySelector("input.select-across")?.value === "1";
    if (everything && all === null) return void ask();
    const some = form.querySelector("input.action-select:checked");
    output.textContent = everything ? all : some ? sum() : "";
  };

  const later = () => setTimeout(show);
  form.addEventListener("change", later);
  form.addEventListener("click", later);
  window.addEventListener("pageshow", later);
})();
