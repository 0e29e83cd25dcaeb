// Keeps a page up to date while the work it shows is under way: [data-follow] says so, and after how many seconds to ask
// again; [data-live] parts are replaced. A change of a part with data-live="quiet" alone does not count as progress.
(() => {
  "use strict";
  const LONGEST = 15000;
  const LONGEST_AFTER_FAILURE = 30000;
  const FAILURES_TO_MENTION = 3;
  const GIVE_UP = 10 * 60 * 1000; // without a change: a forgotten tab must not keep its session alive
  const TOKEN = "[name=csrfmiddlewaretoken]"; // differs in every answer, and stays valid
  const note = () => document.querySelector("[data-follow]");
  let shortest = 1000;
  let pause = shortest;
  let changedAt = Date.now();
  let failures = 0;
  // As the server sent them: other scripts add attributes, which are no change.
  const sent = new Map([...document.querySelectorAll("[data-live]")].map((part) => [part.id, part.outerHTML]));

  const say = (text, warns) => {
    note().textContent = text;
    note().classList.toggle("rd-notice", warns);
    note().classList.toggle("rd-notice-warning", warns);
  };

  const update = (part, fresh) => {
    if (!fresh) return false;
    const tokens = part.querySelectorAll(TOKEN);
    fresh.querySelectorAll(TOKEN).forEach((input, i) => tokens[i] && input.setAttribute("value", tokens[i].value));
    if (sent.get(part.id) === fresh.outerHTML) return false;
    sent.set(part.id, fresh.outerHTML);
    for (const { name, value } of fresh.attributes) part.setAttribute(name, value);
    part.innerHTML = fresh.innerHTML;
    return part.dataset.live !== "quiet";
  };

  const setPace = () => {
    shortest = 1000 * note().dataset.follow;
    pause = Math.max(pause, shortest);
  };

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    document.title = fresh.title;
    const parts = [...document.querySelectorAll("[data-live]")];
    const changed = parts.map((part) => update(part, fresh.getElementById(part.id))).some(Boolean);
    failures = 0;
    pause = changed ? shortest : Math.min(pause * 1.5, LONGEST);
    if (changed) changedAt = Date.now();
    if (note()) setPace();
  };

  const fail = () => {
    failures += 1;
    pause = Math.min(pause * 2, LONGEST_AFTER_FAILURE);
    if (failures >= FAILURES_TO_MENTION) say(note().dataset.retrying, true);
  };

  const ask = async () => {
    let answer, text;
    try {
      answer = await fetch(location.href, { cache: "no-store" });
      text = await answer.text();
    } catch {
      return fail(); // the server is restarting, or the network is gone
    }
    if (answer.redirected) return location.reload(); // signed out
    if (answer.ok) return show(text);
    if (answer.status < 500 && answer.status !== 429) changedAt = -Infinity; // asking again would not help
    else fail();
  };

  const follow = async () => {
    await ask();
    if (!note()) return;
    if (Date.now() - changedAt < GIVE_UP) setTimeout(follow, pause);
    else say(note().dataset.stopped, true);
  };

  if (note()) {
    setPace();
    setTimeout(follow, pause);
  }
})();
