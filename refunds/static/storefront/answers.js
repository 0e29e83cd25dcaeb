"use strict";

/* Translate the response to a refund request into a message and the next steps. */
(() => {
  const { say, money } = window.storefront;

  /* next: "done" | "close" | "retry" (same request again) | "confirm" (again, with `codes`) | "sign_in" | "reload".
     settled: the request has its final answer, so another try is a new request with a new key. */
  const answer = (tone, title, text, next, settled, more = "") => ({ tone, title: say(title), text, more, next, settled });

  const noAnswer = () => answer("warn", "no_answer_title", say("no_answer"), "retry", false);

  function succeeded(data) {
    const amount = money(data.refund.cancelled_amount ?? data.refund.amount, data.currency);
    const rest = money(data.refundable_amount, data.currency);
    const more = data.refundable_amount > 0 ? say("then_left", { rest }) : "";
    return answer("good", "succeeded_title", say("succeeded", { amount }), "done", true, more);
  }

  function pending(data) {
    const amount = money(data.refund.amount, data.currency);
    return answer("info", "pending_title", say("pending", { amount }), "done", true);
  }

  function forbidden(data) {
    return answer("bad", "invalid_title", data.message, "close", true, say("contact"));
  }

  /* After a refusal the shop may have found a refund at the payment provider that it did not know. */
  function refused(data, request, left) {
    const currency = request.order.currency;
    const reason = data.refusal?.class ?? "other";
    const mayMove = ["already_cancelled", "already_running"].includes(reason);
    if (mayMove || left === request.order.left) return answer("bad", "refused_title", say(`refused_${reason}`), "close", true, say("contact"));
    return answer("info", "drifted_title", say("drifted", { left: money(left, currency) }), "close", true);
  }

  function conflict(data) {
    if (data.code === "refund_in_progress") return answer("info", "busy_title", say("busy"), "done", true);
    if (data.code === "confirmation_required") {
      const asked = answer("bad", "confirm_title", data.message, "confirm", true, say("confirm_more"));
      return { ...asked, codes: data.warnings.map((warning) => warning.code) };
    }
    return answer("warn", "conflict_title", say("conflict"), "close", true);
  }

  function tooMany(data) {
    if (data.retryable) return unavailable(data);
    return answer("bad", "refused_title", data.message, "close", true, say("contact"));
  }

  function unavailable(data) {
    const text = data.code === "gateway_unavailable" ? say("unavailable") : data.message;
    return answer("warn", "unavailable_title", text, "retry", true);
  }

  function unknown(data, request) {
    return answer("warn", "unknown_title", say("unknown", { amount: request.words }), "done", true);
  }

  const BY_STATUS = {
    200: succeeded,
    202: pending,
    400: forbidden,
    401: () => answer("warn", "signed_out_title", say("signed_out"), "sign_in", true),
    403: () => answer("warn", "forbidden_title", say("forbidden"), "reload", true),
    404: (data) => answer("bad", "missing_title", data.message, "reload", true),
    409: conflict,
    422: refused,
    429: tooMany,
    503: unavailable,
    504: unknown,
  };

  /* `response` comes from the server module; `left` is the order's current refundable amount. */
  window.storefront.explain = (response, request, left) => {
    const explain = response && BY_STATUS[response.status];
    return explain && response.data ? explain(response.data, request, left) : noAnswer();
  };
})();
