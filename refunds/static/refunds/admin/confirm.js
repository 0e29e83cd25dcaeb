// The confirmation page follows what is typed: totals, errors, and the button. The server checks every value again.
(() => {
  "use strict";
  const form = document.getElementById("refund-form");
  if (!form) return;
  const say = form.dataset;
  const button = document.getElementById("refund-button");
  const label = button.textContent;
  const approval = document.getElementById("approval");
  const cards = [...form.querySelectorAll(".rd-order")];

  const money = (units, currency, precision) =>
    new Intl.NumberFormat(say.locale, {
      style: "currency",
      currency,
      minimumFractionDigits: precision,
      maximumFractionDigits: precision,
    }).format(units / 10 ** precision);

  const fill = (text, words) => text.replace(/\{(\w+)\}/g, (hole, name) => words[name] ?? hole);

  // An order as it is typed: `units` to refund, or the name of the `error`.
  const read = (card) => {
    const { currency, refundable, fee } = card.dataset;
    const precision = Number(card.dataset.precision);
    const inWords = (units) => money(units, currency, precision);
    const left = window.readAmount(refundable, currency, precision).units ?? 0;
    const typed = card.querySelector("[data-amount]")?.value.trim();
    const { units, error } = typed ? window.readAmount(typed, currency, precision) : { units: left };
    const selected = card.querySelector("[data-selected]");
    return {
      currency,
      precision,
      typed,
      left,
      units: units ?? 0,
      error: error ?? (typed && units === 0 ? "zero" : units > left ? "over" : ""),
      fee: Number(fee),
      inWords,
      isTicked: Boolean(selected && (selected.type === "hidden" || selected.checked)),
      isRead: !card.querySelector("[data-tick] input:not(:checked)"),
    };
  };

  // Whether a second person has to approve these orders: one of them, or all together, are above what goes at once.
  const isAbove = (limit, units, currency, precision) =>
    limit !== undefined && units > (window.readAmount(limit, currency, precision).units ?? 0);
  const needsApproval = (orders) => {
    const won = orders.filter(([card, order]) => order.currency === "KRW" && !("test" in card.dataset));
    const sum = won.reduce((total, [, order]) => total + order.units, 0);
    return (
      isAbove(say.atOnce, sum, "KRW", 0) ||
      orders.some(([card, order]) => isAbove(card.dataset.atOnce, order.units, order.currency, order.precision))
    );
  };

  const showError = (card) => {
    const input = card.querySelector("[data-amount]");
    const place = document.getElementById(`${input.id}_error`);
    const order = read(card);
    const asked = order.error === "over" && order.units ? order.inWords(order.units) : order.typed;
    const words = { currency: order.currency, asked, refundable: order.inWords(order.left) };
    const text = Object.assign(document.createElement("p"), { className: "rd-error" });
    text.textContent = order.error ? fill(say[order.error], words) : "";
    place.replaceChildren(...(order.error ? [text] : []));
    input.setAttribute("aria-describedby", place.id);
    if (order.error) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    card.querySelector(".rd-amount").classList.toggle("rd-wrong", Boolean(order.error));
  };

  const keepsPromotion = (card) => card.querySelector("[name$=retain_promotion]")?.checked;
  // What the server knew of each order: what the buyer receives is known for these inputs only.
  const before = new Map(cards.map((card) => [card, [read(card).units, keepsPromotion(card)].join()]));

  const showLines = (card, order) => {
    const amount = order.inWords(order.units);
    const cost = card.querySelector(".rd-cost");
    if (cost) {
      const words = { amount, fee: money(order.fee, "KRW", 0), cost: order.inWords(order.units + order.fee) };
      cost.textContent = order.error ? "" : fill(say.cost, words);
    }
    const received = card.querySelector(".rd-receives strong");
    if (!received) return;
    const isKnown = before.get(card) === [order.units, keepsPromotion(card)].join();
    received.parentElement.hidden = Boolean(order.error);
    received.textContent = isKnown ? received.dataset.known : fill(say.less, { amount });
  };

  const setText = (id, text) => {
    const place = document.getElementById(id);
    if (place) place.textContent = text;
  };

  const showTotals = (orders) => {
    const real = orders.filter(([card]) => !("test" in card.dataset)).map(([, order]) => order);
    const sums = new Map();
    for (const { currency, precision, error, units } of real) {
      const sum = sums.get(currency) ?? { units: 0, precision };
      sum.units += error ? 0 : units;
      sums.set(currency, sum);
    }
    const totals = [...sums].sort().map(([currency, sum]) => money(sum.units, currency, sum.precision));
    if (!totals.length) totals.push(money(0, "KRW", 0));
    setText("total-count", orders.length);
    setText("total-fees", money(real.reduce((sum, order) => sum + order.fee, 0), "KRW", 0));
    const lines = totals.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
    document.getElementById("total-amount").replaceChildren(...lines);
    return totals.join(" + ");
  };

  const update = () => {
    const all = cards.map((card) => [card, read(card)]);
    for (const [card, order] of all) {
      showLines(card, order);
      card.classList.toggle("rd-out", !order.isTicked);
    }
    const orders = all.filter(([, order]) => order.isTicked);
    const words = { total: showTotals(orders), count: orders.length };
    const isWrong = orders.some(([, order]) => order.error);
    const isUnread = orders.some(([, order]) => !order.isRead);
    const isAsked = needsApproval(orders.filter(([, order]) => !order.error));
    if (approval) approval.hidden = !isAsked;
    const one = isAsked ? say.askOne : say.one;
    const many = isAsked ? say.askMany : say.many;
    const offer = fill(orders.length === 1 ? one : many, words);
    button.textContent = isWrong ? say.wrong : isUnread ? say.unread : offer;
    button.disabled = !orders.length || isWrong || isUnread;
  };

  form.addEventListener("input", ({ target }) => {
    const card = target.closest(".rd-order");
    if (target.matches("[data-amount]")) showError(card);
    if (target.matches("[data-tick] input")) target.removeAttribute("aria-invalid");
    // A tick counts only for what was typed when it was asked for.
    else if (card && !target.matches("[data-selected]")) card.querySelectorAll("[data-tick]").forEach((tick) => tick.remove());
    update();
  });

  // Group the digits once the amount is typed.
  form.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-amount]") || !target.value.trim()) return;
    const { error, units, precision } = read(target.closest(".rd-order"));
    if (error) return;
    const decimals = units % 10 ** precision ? precision : 0;
    const grouped = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    target.value = grouped.format(units / 10 ** precision);
  });

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    if (event.submitter === button) button.textContent = say.busy;
    setTimeout(() => form.querySelectorAll("button").forEach((each) => (each.disabled = true)));
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((each) => (each.disabled = false));
    button.textContent = label;
    update();
  });
})();
