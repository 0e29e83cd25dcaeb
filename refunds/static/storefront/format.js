"use strict";

/* Messages and amounts in the page's language. Amounts are in minor units, so that nothing is rounded. */
window.storefront = (() => {
  const language = document.documentElement.lang;
  const dataOf = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");
  const messages = document.getElementById("storefront-texts")?.content.children ?? [];
  const texts = Object.fromEntries(Array.from(messages, (message) => [message.dataset.name, message.textContent]));

  /* The browser's own decimals are those of cash: none for the Iraqi dinar, which has three. */
  const places = dataOf("storefront-decimals");
  const decimals = (currency) => places[currency];
  const exactly = (currency) => ({
    minimumFractionDigits: decimals(currency),
    maximumFractionDigits: decimals(currency),
  });
  const formatter = (currency) =>
    new Intl.NumberFormat(language, { style: "currency", currency, ...exactly(currency) });

  // As the server reads them: "1,000", "₩4 000", "4000원", full-width digits. "1,5" or "10,00" could mean anything.
  const TYPED = /^(?<before>₩|\\|krw|won)? ?(?<whole>\d{1,3}(,\d{3})+|\d{1,3}( \d{3})+|\d+)(\.(?<part>\d+))? ?(?<after>원정?|krw|won)?$/;

  /* Parse an input into minor units; null if it is not an amount of this currency. */
  function parseAmount(text, currency) {
    const plain = text.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ");
    const { groups } = TYPED.exec(plain) ?? {};
    if (!groups || ((groups.before || groups.after) && currency !== "KRW")) return null;
    const whole = groups.whole.replace(/[, ]/g, "");
    const part = groups.part ?? "";
    if (whole.length > 13 || part.length > decimals(currency)) return null;
    return Number(whole + part.padEnd(decimals(currency), "0"));
  }

  const toMinor = (amount, currency) => Math.round(Number(amount) * 10 ** decimals(currency));
  const toMajor = (minor, currency) => Number((minor / 10 ** decimals(currency)).toFixed(decimals(currency)));

  return {
    banks: dataOf("storefront-banks"),
    parseAmount,
    toMinor,
    toMajor,
    money: (amount, currency) => formatter(currency).format(amount),
    moneyOfMinor: (minor, currency) => formatter(currency).format(toMajor(minor, currency)),
    plain: (minor, currency) =>
      new Intl.NumberFormat(language, exactly(currency)).format(toMajor(minor, currency)),
    unit: (currency) => formatter(currency).formatToParts(0).find((part) => part.type === "currency").value,
    /* Return the message `name` with its {placeholders} filled in. */
    has: (name) => name in texts,
    say: (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (hole, key) => values[key] ?? hole),
  };
})();
