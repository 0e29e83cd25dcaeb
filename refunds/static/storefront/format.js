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

  /* Parse an input into minor units; null if it is not an amount of this currency. */
  const parseAmount = (text, currency) => window.readAmount(text, currency, decimals(currency)).units ?? null;
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
