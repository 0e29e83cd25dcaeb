"use strict";

/* The refund dialog: show the form, send the request once, show the result. */
(() => {
  const { say, server, explain, form: fields, orders } = window.storefront;
  const dialog = document.getElementById("refund-dialog");
  if (!dialog) return;
  const form = document.getElementById("refund-form");
  const submit = document.getElementById("refund-submit");
  const panel = document.getElementById("refund-answer");
  const actions = document.getElementById("answer-actions");
  // Requests without a clear response, by payment: each may only be repeated, with the same key.
  const unanswered = new Map();
  let current = null; // {order, key}
  let sending = false;

  // crypto.randomUUID exists on HTTPS and localhost only.
  const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("-");

  function open(row) {
    const order = JSON.parse(row.dataset.order);
    current = { order, key: newKey() };
    fields.open(order);
    showForm();
    if (!dialog.open) dialog.showModal();
    document.getElementById("refund-title").focus();
    const earlier = unanswered.get(order.imp_uid);
    if (earlier) showAnswer(explain(null, earlier), earlier);
  }

  function showForm() {
    form.hidden = false;
    panel.hidden = true;
  }

  async function send(request) {
    if (sending) return;
    const impUid = request.order.imp_uid;
    setSending(true);
    const response = await server.cancel(request.body, request.key);
    const isWrongInput = response?.status === 400;
    const fresh = isWrongInput ? null : await orders.refresh(impUid);
    setSending(false);
    const answer = explain(response, request, fresh);
    if (answer.settled) unanswered.delete(impUid);
    else unanswered.set(impUid, request);
    if (isWrongInput && showInForm(request, response.data)) return;
    if (dialog.open) showAnswer(answer, request);
    else orders.tell(`${answer.title}. ${answer.text}`, answer.tone);
  }

  function setSending(now) {
    sending = now;
    dialog.setAttribute("aria-busy", String(now));
    dialog.querySelectorAll("button").forEach((button) => (button.disabled = now));
    if (now) submit.textContent = say("sending");
    else fields.update();
  }

  /* Show each invalid input beside its field if the form is still open. */
  function showInForm(request, data) {
    if (!dialog.open || form.hidden || current.key !== request.key) return false;
    const problems = data.violations ?? [];
    if (!problems.some((problem) => problem.field)) return false;
    fields.showProblems(problems);
    return true;
  }

  function showAnswer(answer, request) {
    if (answer.next !== "confirm") fields.forget(); // the way back leads to what was typed
    form.hidden = true;
    panel.hidden = false;
    panel.dataset.tone = answer.tone;
    document.getElementById("answer-text").textContent = answer.text;
    document.getElementById("answer-more").textContent = answer.more;
    actions.replaceChildren(...buttons(answer, request));
    const title = document.getElementById("answer-title");
    title.textContent = answer.title;
    title.focus();
  }

  function buttons(answer, request) {
    const close = button("close", "button", () => dialog.close());
    if (answer.next === "retry") return [close, button("retry", "button primary", () => send(again(answer, request)))];
    if (answer.next === "confirm") {
      const body = { ...request.body, confirm: answer.codes };
      return [button("back", "button primary", showForm), button("confirm", "button", () => send({ ...request, body }))];
    }
    if (answer.next === "again") return [close, button("again", "button primary", () => open(orders.row(request.order.imp_uid)))];
    if (answer.next === "sign_in") return [close, link("sign_in", document.getElementById("orders").dataset.loginUrl)];
    if (answer.next === "reload") return [close, link("reload", window.location.href)];
    return [button(answer.next, "button primary", () => dialog.close())];
  }

  /* Use the same key while the result is unknown, and a new key once it is certain that no money moved. */
  const again = (answer, request) => (answer.settled ? { ...request, key: newKey() } : request);

  function button(text, style, act) {
    const node = Object.assign(document.createElement("button"), { type: "button", className: style, textContent: say(text) });
    node.addEventListener("click", act);
    return node;
  }

  const link = (text, href) =>
    Object.assign(document.createElement("a"), { className: "button primary", textContent: say(text), href });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sending) return;
    const problems = fields.findProblems();
    fields.showProblems(problems);
    if (problems.length) return;
    send({ ...current, words: fields.amountInWords(), body: fields.takeBody() });
  });

  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) dialog.close();
  });
  // Esc is ignored until the response arrives, which would otherwise not be seen.
  dialog.addEventListener("cancel", (event) => sending && event.preventDefault());
  dialog.addEventListener("close", () => {
    fields.forget();
    actions.replaceChildren(); // also removes the last request with its account number
    orders.focus(current.order.imp_uid);
  });

  document.getElementById("orders").addEventListener("click", (event) => {
    const row = event.target.closest("[data-ask]")?.closest("[data-order]");
    if (!row) return;
    event.preventDefault(); // without this script the button opens the order's own page
    open(row);
  });
})();
