"""The switches of the sandbox in plain words, as the console and the control API list them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CONSOLE_REASON = "관리자페이지취소"
EMOJI = "[\\U0001F000-\\U0001FAFF\\u2600-\\u27BF\\uFE0F]"  # re reads the escapes


@dataclass(frozen=True)
class Story:
    """What a switch does, in plain words; `options` with their defaults."""

    title: str
    text: str
    options: dict[str, Any] = field(default_factory=dict)


FAULTS: dict[str, Story] = {
    "latency": Story("i'mport is slow", "Waits before acting, then works normally (adds to other faults)."),
    "http_500": Story("i'mport crashes", "HTTP 500 with a JSON body; nothing is done."),
    "http_502_html": Story("A proxy answers instead", "HTTP 502 with an HTML page; nothing is done."),
    "http_429": Story("Too many calls", "HTTP 429 with Retry-After; nothing is done."),
    "drop_before": Story("The request is lost", "Closes the connection; nothing is done."),
    "expired_token": Story("The token has expired", "HTTP 401 as if the token had expired; nothing is done."),
    "not_found": Story("The payment is not there yet", "HTTP 404 as for an unknown payment; nothing is done."),
    "refuse": Story("The PG refuses", "Code -1 with the message; nothing is done."),
    "hang_before": Story("The request arrives late", "Waits for the seconds, then acts and answers."),
    "drop_after": Story("The answer is lost", "Acts, then closes the connection without an answer."),
    "truncated": Story("The answer breaks off", "Acts, then sends half of the body and closes the connection."),
    "not_json": Story("The answer is a web page", "Acts, then answers HTTP 200 with an HTML page."),
    "empty_body": Story("The answer is empty", "Acts, then answers HTTP 200 with no body."),
    "refuse_after": Story("Done, but told as refused", "Acts, but answers code -1 as if it had been done before."),
    "accept_later": Story("Only accepted", "Cancel: code 0 without a history item; settle or refuse it later."),
    "code0_null": Story("Done, but nothing is shown", "Acts, then answers code 0 with a null response."),
    "hang": Story("The answer comes late", "Acts, then waits for the seconds before answering."),
}
# One press in the console: `options` are those of a fault rule.
PRESETS: dict[str, Story] = {
    "lose_answer": Story(
        "Lose the answer",
        "The next refund is done, but the shop hears nothing. It has to find out by itself.",
        {"endpoint": "cancel", "fault": "drop_after", "times": 1},
    ),
    "lose_request": Story(
        "Lose the request",
        "The next refund never arrives, and the shop hears nothing.",
        {"endpoint": "cancel", "fault": "drop_before", "times": 1},
    ),
    "refuse": Story(
        "Refuse",
        "The PG refuses the next refund, with a message.",
        {"endpoint": "cancel", "fault": "refuse", "times": 1},
    ),
    "settle_later": Story(
        "Accept, settle later",
        "The next refund is accepted only. Settle or refuse it on the payment's page here.",
        {"endpoint": "cancel", "fault": "accept_later", "times": 1},
    ),
    "answer_late": Story(
        "Answer late",
        "The next refund is done at once, and answered after 10 seconds.",
        {"endpoint": "cancel", "fault": "hang", "times": 1, "seconds": 10},
    ),
    "down": Story(
        "Be down",
        "Every call is answered with HTTP 502 until you switch this off.",
        {"endpoint": "*", "fault": "http_502_html"},
    ),
}
RECORDED: dict[str, Story] = {
    "clock_shift": Story(
        "The clocks differ", "New cancel items carry a time this many seconds from now.", {"seconds": -65}
    ),
    "reason_altered": Story(
        "The reason comes back as another text",
        "The item shows this text instead of the reason.",
        {"text": "고객 요청"},
    ),
    "reason_cut_bytes": Story(
        "The reason is cut by bytes", "Only this many UTF-8 bytes of the reason are kept.", {"limit": 100}
    ),
    "reason_cut_characters": Story(
        "The reason is cut by characters", "Only this many characters of the reason are kept.", {"limit": 20}
    ),
    "reason_replaced": Story(
        "Characters of the reason are replaced",
        "Whatever fits the pattern comes back as another text, such as an emoji as a question mark.",
        {"pattern": EMOJI, "text": "?"},
    ),
    "reason_emptied": Story("The reason is lost", "The item comes back with an empty reason."),
    "item_hidden": Story(
        "The total moves, the item is missing", "The new item is left out of the history until you complete it."
    ),
    "total_late": Story(
        "The item comes before the total", "The new item is shown; the total moves when you complete it."
    ),
    "id_missing": Story("The item has no id yet", "The new item has no cancellation_id until you complete it."),
    "pg_tid_missing": Story("The PG's number comes later", "The new item has an empty pg_tid until you complete it."),
    "rival_cancel": Story(
        "Another desk cancels at the same moment",
        "Its cancel stands before ours in the same answer. No amount: as much as ours.",
        {"amount": "", "reason": CONSOLE_REASON, "after": False},
    ),
    "twin_cancel": Story(
        "Two equal cancels in one second",
        "A second cancel of the same amount, reason and second is booked, and neither has an id.",
    ),
    "stale_reads": Story(
        "A replica lags behind", "After a cancel, this many readings show the payment as it was before.", {"reads": 1}
    ),
}
SHOWN: dict[str, Story] = {
    "item_repeated": Story("The newest item is listed twice", "It is shown twice with the same id."),
    "items_reversed": Story("The newest item comes first", "The cancel history is shown in reverse order."),
    "float_sums": Story(
        "Sums are binary floats", "Amounts are floats; 0.1 and 0.2 make 0.30000000000000004, and 10,000 is 10000.0."
    ),
}
QUIRKS = {**RECORDED, **SHOWN}
