// Keeps a page up to date while the work it shows is under way: [data-follow] says so, [data-live] parts are replaced.
(() => {
  "use strict";
  const SHORTEST = 1000;
  const LONGEST = 15000;
  const GIVE_UP = 10 * 60 * 1000; // without a change: a forgotten tab must not keep its session alive
  let pause = SHORTEST;
  let changedAt = Date.now();

  const update = (part, fresh) => {
    if (!fresh || part.outerHTML === fresh.outerHTML) return false;
    for (const { name, value } of fresh.attributes) part.setAttribute(name, value);
    part.innerHTML = fresh.innerHTML;
    return true;
  };

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    document.title = fresh.title;
    const parts = [...document.querySelectorAll("[data-live]")];
    const changed = parts.map((part) => update(part, fresh.getElementById(part.id))).some(Boolean);
    pause = changed ? SHORTEST : Math.min(pause * 1.5, LONGEST);
    if (changed) changedAt = Date.now();
    return fresh.querySelector("[data-follow]") !== null;
  };

  const follow = async () => {
    let goesOn = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.redirected) location.reload(); // signed out
      if (answer.ok) goesOn = show(await answer.text());
    } catch {
      pause = LONGEST; // the server is restarting, or the network is gone
    }
    if (goesOn && Date.now() - changedAt < GIVE_UP) setTimeout(follow, pause);
  };

  if (document.querySelector("[data-follow]")) setTimeout(follow, pause);
})();
