"use strict";

/* The list of orders: show each order's state, and poll for pending results. */
(() => {
  const { say, money, server } = window.storefront;
  const list = document.getElementById("orders");
  if (!list) return;
  const news = document.getElementById("news");
  const FIRST_WAIT_MS = 2000;
  const LONGEST_WAIT_MS = 60000;
  const LIVE = new Set(["requested", "pending", "unknown"]);
  const watched = new Set();

  const orderOf = (row) => JSON.parse(row.dataset.order);
  const rowOf = (impUid) => [...list.children].find((row) => orderOf(row).imp_uid === impUid);

  const notesOf = (row) =>
    Object.fromEntries(
      Array.from(row.querySelectorAll("[data-refund]"), (refund) => [
        refund.dataset.refund,
        refund.querySelector(".refund-note")?.textContent ?? "",
      ]),
    );

  /* Reload the order from the shop; return its data, or null if the shop did not answer. */
  async function refresh(impUid) {
    const fresh = await server.fragment(rowOf(impUid).dataset.url);
    if (!fresh?.dataset.order) return null;
    const row = rowOf(impUid);
    const hadFocus = row.contains(document.activeElement);
    row.replaceWith(fresh);
    if (hadFocus) focus(impUid);
    watch(fresh);
    return { ...orderOf(fresh), notes: notesOf(fresh) };
  }

  function focus(impUid) {
    const row = rowOf(impUid);
    (row?.querySelector("[data-ask]") ?? row?.querySelector("h2"))?.focus();
  }

  /* Poll for the result at growing intervals, and only while the page is visible. */
  async function watch(row) {
    const url = row.dataset.live;
    if (!url || watched.has(url)) return;
    watched.add(url);
    const { imp_uid: impUid, goods } = orderOf(row);
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      await pause(wait);
      const answer = await server.get(url);
      if (answer && answer.status !== 200 && answer.status < 500) return;
      if (answer?.status !== 200 || LIVE.has(answer.data.status)) continue;
      await refresh(impUid);
      announce(answer.data, goods);
      return;
    }
  }

  async function pause(milliseconds) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    while (document.hidden)
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }

  function announce(refund, goods) {
    const done = refund.status === "succeeded";
    const amount = money(refund.cancelled_amount ?? refund.amount, refund.currency);
    tell(say(done ? "settled_succeeded" : "settled_failed", { goods, amount }), done ? "good" : "bad");
  }

  function tell(text, tone) {
    const note = document.createElement("p");
    note.className = `note ${tone}`;
    note.textContent = text;
    news.replaceChildren(note);
  }

  window.storefront.orders = { refresh, focus, tell, row: rowOf };
  for (const row of list.children) watch(row);
})();
