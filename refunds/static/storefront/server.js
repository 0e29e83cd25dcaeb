"use strict";

/* Requests to the shop. `null` means no clear response: the request may or may not have arrived. */
(() => {
  const GIVE_UP_MS = 300000;
  const language = document.documentElement.lang;

  function csrfToken() {
    const cookie = /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie);
    return cookie ? cookie[1] : document.querySelector("[name=csrfmiddlewaretoken]").value;
  }

  async function call(url, options = {}) {
    try {
      const response = await fetch(url, {
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(GIVE_UP_MS),
        ...options,
        headers: { "Accept-Language": language, ...options.headers },
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  }

  async function callJson(url, options = {}) {
    const answer = await call(url, { ...options, headers: { Accept: "application/json", ...options.headers } });
    if (!answer) return null;
    try {
      return { status: answer.status, data: JSON.parse(answer.text) };
    } catch {
      return null;
    }
  }

  /* The same key and body never move money twice, however often they are sent. */
  function cancel(body, key) {
    return callJson(document.getElementById("orders").dataset.cancelUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(), "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
  }

  /* Return the fragment at `url` as an element, or null. */
  async function fragment(url) {
    const answer = await call(url);
    if (answer?.status !== 200) return null;
    return new DOMParser().parseFromString(answer.text, "text/html").body.firstElementChild;
  }

  window.storefront.server = { cancel, get: callJson, fragment };
})();
