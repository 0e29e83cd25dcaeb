"use strict";

/* Translate the response to a refund request into a message and the next steps. */
(() => {
  const { say, has, money } = window.storefront;

  /* next: "done" | "close" | "retry" (same request again) | "again" (a new one) | "confirm" (with `codes`) | "sign_in" | "reload".
     settled: the request has its final answer, so another try is a new request with a new key. */
  const answer = (tone, title, text, next, settled, more = "") => ({ tone, title: say(title), text, more, next, settled });

  const noAnswer = () => answer("warn", "no_answer_title", say("no_answer"), "retry", false);

  /* The shop's sentence about a refund, such as when the money arrives, stands on the order. */
  const noteOf = (data, fresh) => fresh?.notes[data.refund?.id] ?? "";

  function succeeded(data, request, fresh) {
    const amount = money(data.refund.cancelled_amount ?? data.refund.amount, data.currency);
    const rest = money(data.refundable_amount, data.currency);
    const then = data.refundable_amount > 0 ? say("then_left", { rest }) : "";
    return answer("good", "succeeded_title", say("succeeded", { amount }), "done", true, `${noteOf(data, fresh)} ${then}`.trim());
  }

  function pending(data, request, fresh) {
    const amount = money(data.refund.amount, data.currency);
    return answer("info", "pending_title", say("pending", { amount }), "done", true, noteOf(data, fresh));
  }

  function forbidden(data) {
    const text = has(`rule_${data.code}`) ? say(`rule_${data.code}`) : data.message;
    return answer("bad", "invalid_title", text, "close", true, say("contact"));
  }

  /* After a refusal the shop may have found a refund at the payment provider that it did not know. */
  function refused(data, request, fresh) {
    const { currency, left: before } = request.order;
    const left = fresh?.left ?? before;
    const reason = data.refusal?.class ?? "other";
    const mayMove = ["already_cancelled", "already_running"].includes(reason);
    if (mayMove || left === before) return answer("bad", "refused_title", say(`refused_${reason}`), "close", true, say("contact"));
    const next = Number(left) > 0 ? "again" : "close";
    return answer("info", "drifted_title", say("drifted", { left: money(left, currency) }), next, true);
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
    if (data.code === "refund_not_carried_out") return answer("warn", "not_done_title", say("not_done"), "again", true);
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

  /* `response` comes from the server module; `fresh` is the order as it is now, if the shop told. */
  window.storefront.explain = (response, request, fresh) => {
    const explain = response && BY_STATUS[response.status];
    return explain && response.data ? explain(response.data, request, fresh) : noAnswer();
  };
})();
