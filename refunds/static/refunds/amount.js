// Read an amount as the server does (core/money.py, refunds/inputs.py), so that a page shows what will be understood.
(() => {
  "use strict";
  // A Korean keyboard writes the won sign as a backslash.
  const TYPED =
    /^([+-]?) ?(₩|\\|krw|won)? ?(\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(?:\.(\d+))? ?(원정?|krw|won)?$/;
  const MOST_DIGITS = 13;

  // Return { units } in the smallest unit of the currency, or { error }: invalid, won, point, precise, zero (less) or over.
  window.readAmount = (text, currency, precision) => {
    const plain = text.normalize("NFKC").toLowerCase().trim().split(/\s+/).join(" ");
    // The sign of a payment in dollars, which pages show.
    const found = TYPED.exec(currency === "USD" ? plain.replace(/^(us\$|\$|usd) ?| ?usd$/g, "") : plain);
    if (!found) return { error: "invalid" };
    const [, sign, before, digits, decimals = "", after] = found;
    const whole = digits.replace(/[, ]/g, "");
    const part = decimals.replace(/0+$/, "");
    const inWon = Boolean(before || after);
    if (whole.replace(/^0+/, "").length > MOST_DIGITS) return { error: "over" };
    if (inWon && currency !== "KRW") return { error: "won" };
    if (decimals && (!part || decimals.length % 3 === 0) && !precision) return { error: "point" };
    if (part.length > precision) return { error: "precise" };
    return sign === "-" ? { error: "zero" } : { units: Number(whole + part.padEnd(precision, "0")) };
  };
})();
