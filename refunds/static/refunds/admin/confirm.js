// The confirmation page updates its total while you type. The server checks every value again.
(() => {
  "use strict";
  const form = document.getElementById("refund-form");
  if (!form) return;
  const { one, many, wrong, cost, busy, locale } = form.dataset;
  const button = document.getElementById("refund-button");
  const label = button.textContent;

  const money = (units, currency, precision) =>
    new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      minimumFractionDigits: precision,
      maximumFractionDigits: precision,
    }).format(units / 10 ** precision);

  // "1,000.5" or "₩1,000" as a whole number of the smallest unit, or null if it is not an amount.
  const units = (text, precision) => {
    const plain = text.normalize("NFKC").replace(/^\s*(₩|\\|krw|won)|(원정?|krw|won)\s*$|[,\s]/gi, "");
    if (!precision && plain.includes(".")) return null;
    if (!/^\d{1,13}(\.\d+)?$/.test(plain)) return null;
    const [whole, part = ""] = plain.split(".");
    if (part.replace(/0+$/, "").length > precision) return null;
    return Number(whole + part.padEnd(precision, "0").slice(0, precision));
  };

  const read = (card) => {
    const { currency, refundable, fee } = card.dataset;
    const precision = Number(card.dataset.precision);
    const left = units(refundable, precision);
    const input = card.querySelector("[data-amount]");
    const typed = input ? input.value.trim() : "";
    const amount = typed ? units(typed, precision) : left;
    return { currency, precision, left, amount, fee: Number(fee), ticked: card.querySelector(".rd-check").checked };
  };

  const showCost = (card, order) => {
    const line = card.querySelector(".rd-cost");
    if (!line) return;
    const fits = order.amount !== null && order.amount > 0;
    line.textContent = fits
      ? cost
          .replace("{amount}", money(order.amount, order.currency, order.precision))
          .replace("{fee}", money(order.fee, "KRW", 0))
          .replace("{cost}", money(order.amount + order.fee, order.currency, order.precision))
      : "";
  };

  const update = () => {
    const sums = new Map();
    let count = 0;
    let fees = 0;
    let valid = true;
    for (const card of form.querySelectorAll(".rd-order")) {
      const order = read(card);
      showCost(card, order);
      card.classList.toggle("rd-out", !order.ticked);
      const field = card.querySelector(".rd-amount");
      const fits = order.amount !== null && order.amount > 0 && order.amount <= order.left;
      if (field) field.classList.toggle("rd-over", order.amount === null || order.amount > order.left);
      if (!order.ticked) continue;
      valid = valid && fits;
      count += 1;
      if ("test" in card.dataset) continue; // not real money
      fees += order.fee;
      const sum = sums.get(order.currency) || { units: 0, precision: order.precision };
      sum.units += fits ? order.amount : 0;
      sums.set(order.currency, sum);
    }
    const totals = [...sums].sort().map(([currency, sum]) => money(sum.units, currency, sum.precision));
    if (!totals.length) totals.push(money(0, "KRW", 0));
    document.getElementById("total-count").textContent = count;
    const feeLine = document.getElementById("total-fees");
    if (feeLine) feeLine.textContent = money(fees, "KRW", 0);
    document.getElementById("total-amount").replaceChildren(
      ...totals.map((text) => Object.assign(document.createElement("span"), { textContent: text })),
    );
    const offer = (count === 1 ? one : many).replace("{total}", totals.join(" + ")).replace("{count}", count);
    button.textContent = valid ? offer : wrong;
    button.disabled = count === 0 || !valid;
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    if (event.submitter === button) button.textContent = busy;
    setTimeout(() => form.querySelectorAll("button").forEach((each) => (each.disabled = true)));
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((each) => (each.disabled = false));
    button.textContent = label;
    update();
  });
})();
