"use strict";

/* The refund form: its fields for an order, their values, and the errors beside them. */
(() => {
  const { say, has, parseAmount, toMinor, toMajor, moneyOfMinor, money, plain, unit, banks } = window.storefront;
  const form = document.getElementById("refund-form");
  if (!form) return;
  const inputs = form.elements;
  const find = (selector) => form.querySelector(selector);
  const field = (name) => find(`[data-field="${name}"]`);
  const setText = (name, text) => form.querySelectorAll(`[data-text="${name}"]`).forEach((node) => (node.textContent = text));
  // Names of inputs that differ between the API and the form.
  const FIELD_OF = { cancel_request_amount: "amount" };
  let order = null;
  let keptAccount = ""; // after sending, the number is kept here only, not in the page

  const leftOf = () => say("left_of", { left: money(order.left, order.currency), paid: money(order.paid, order.currency) });
  const left = () => toMinor(order.left, order.currency);
  const isShown = (name) => !field(name).hidden && !field(name).closest("fieldset[hidden]");

  function open(newOrder) {
    order = newOrder;
    forget();
    setText("goods", order.goods);
    setText("left", leftOf());
    setText("unit", unit(order.currency));
    setText("amount-hint", say(order.partial ? "amount_hint" : "amount_full_only"));
    inputs.amount.placeholder = plain(left(), order.currency);
    inputs.amount.readOnly = !order.partial;
    inputs.amount.value = order.partial ? "" : plain(left(), order.currency);
    find("#refund-account-fields").hidden = !order.account;
    field("refund_tel").hidden = !order.tel;
    setText("reason-need", say(order.reason ? "reason_required" : "reason_optional"));
    fillBanks();
    update();
  }

  function fillBanks() {
    const choices = [["", say("choose_bank")], ...(banks[order.pg] ?? [])];
    inputs.refund_bank.replaceChildren(...choices.map(([code, name]) => new Option(name, code)));
  }

  /* Clear everything that was typed. */
  function forget() {
    form.reset();
    keptAccount = "";
    inputs.refund_account.placeholder = "";
    find("[data-other]").hidden = true;
    field("tax_free").hidden = true;
    showProblems([]);
  }

  /* Return minor units: the whole refundable amount if the field is empty, null if it is not an amount. */
  function amount() {
    const typed = inputs.amount.value.trim();
    return typed && order.partial ? parseAmount(typed, order.currency) : left();
  }

  function update() {
    find("[data-other]").hidden = inputs.reason.value !== "other";
    const asked = amount();
    const sound = !amountProblem();
    if (order.tax_free) field("tax_free").hidden = !(sound && (order.tax_free_in_full || asked < left()));
    setText("summary", sound ? sentence(asked) : leftOf());
    setText("after", sound ? afterwards(asked) : "");
    const submit = document.getElementById("refund-submit");
    submit.textContent = sound ? say("submit", { amount: moneyOfMinor(asked, order.currency) }) : say("submit_plain");
    submit.disabled = !sound;
  }

  /* Return what is wrong with the amount, or "". */
  function amountProblem() {
    const asked = amount();
    if (asked === null) return say("amount_invalid", { example: plain(left(), order.currency) });
    if (asked === 0) return say("amount_zero");
    return asked > left() ? say("amount_too_much", { left: moneyOfMinor(left(), order.currency) }) : "";
  }

  function sentence(asked) {
    return say(`to_${order.destination}`, {
      amount: moneyOfMinor(asked, order.currency),
      paid: money(order.paid, order.currency),
      method: order.method,
    });
  }

  function afterwards(asked) {
    const rest = left() - asked;
    const then = rest > 0 ? say("then_left", { rest: moneyOfMinor(rest, order.currency) }) : say("then_nothing");
    const notes = [then];
    if (order.discount) notes.push(say("discount", { discount: money(order.discount, order.currency) }));
    if (order.fee) notes.push(say("fee", { fee: money(order.fee, "KRW") }));
    return notes.join(" ");
  }

  const reason = () => (inputs.reason.value === "other" ? inputs.reason_other.value : inputs.reason.value).trim();

  function findProblems() {
    const problems = [];
    const need = (name, ok, text, values) => ok || problems.push({ field: name, message: say(text, values) });
    if (amountProblem()) problems.push({ field: "amount", message: amountProblem() });
    need("reason", !order.reason || reason(), "reason_missing");
    if (isShown("tax_free") && inputs.tax_free.value.trim())
      need("tax_free", parseAmount(inputs.tax_free.value, order.currency) !== null, "amount_invalid", { example: "0" });
    if (order.account) {
      need("refund_holder", inputs.refund_holder.value.trim(), "holder_missing");
      need("refund_bank", inputs.refund_bank.value, "bank_missing");
      need("refund_account", inputs.refund_account.value.trim() || keptAccount, "account_missing");
    }
    if (order.tel) need("refund_tel", inputs.refund_tel.value.trim(), "tel_missing");
    return problems;
  }

  /* Return the request body, and remove the account number from the page. */
  function takeBody() {
    const body = {
      imp_uid: order.imp_uid,
      merchant_uid: order.merchant_uid,
      cancel_request_amount: toMajor(amount(), order.currency),
    };
    if (reason()) body.reason = reason();
    if (isShown("tax_free") && inputs.tax_free.value.trim())
      body.tax_free = toMajor(parseAmount(inputs.tax_free.value, order.currency), order.currency);
    if (order.retain_promotion) body.retain_promotion = true; // as the refund before it
    if (order.account) Object.assign(body, account());
    if (order.tel) body.refund_tel = inputs.refund_tel.value.trim();
    return body;
  }

  function account() {
    keptAccount = inputs.refund_account.value.trim() || keptAccount;
    inputs.refund_account.value = "";
    inputs.refund_account.placeholder = say("account_kept", { last4: keptAccount.slice(-4) });
    return {
      refund_holder: inputs.refund_holder.value.trim(),
      refund_bank: inputs.refund_bank.value,
      refund_account: keptAccount,
    };
  }

  /* Mark the fields with errors; return the errors that belong to no field of this form. */
  function showProblems(problems) {
    form.querySelectorAll("[data-field]").forEach((node) => mark(node, ""));
    const homeless = [];
    for (const problem of problems.map(inWordsForBuyers)) {
      const node = field(FIELD_OF[problem.field] ?? problem.field);
      if (node?.closest("fieldset[hidden]") || !node) homeless.push(problem);
      else mark(node, problem.message);
    }
    const banner = document.getElementById("form-problem");
    banner.textContent = homeless.map((problem) => problem.message).join(" ");
    banner.hidden = homeless.length === 0;
    const first = form.querySelector('[aria-invalid="true"]:not([hidden])');
    first?.focus({ preventScroll: true });
    first?.closest("[data-field]").scrollIntoView({ block: "center" });
    return homeless;
  }

  const inWordsForBuyers = (problem) =>
    has(`rule_${problem.code}`) ? { ...problem, message: say(`rule_${problem.code}`) } : problem;

  function mark(node, message) {
    if (message) node.hidden = false;
    const shown = node.querySelector(".problem");
    shown.textContent = message;
    shown.hidden = !message;
    node.querySelectorAll("input, select").forEach((input) => input.setAttribute("aria-invalid", String(Boolean(message))));
  }

  form.addEventListener("input", update);
  form.addEventListener("input", (event) => {
    const node = event.target.closest("[data-field]");
    if (node) mark(node, node.dataset.field === "amount" ? amountProblem() : "");
  });

  window.storefront.form = {
    open, forget, update, findProblems, showProblems, takeBody,
    amountInWords: () => moneyOfMinor(amount(), order.currency),
  };
})();
