"""What `POST /payments/cancel` answers: told from the refund's record, and kept once it is final."""

import json

from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from refunds.api.errors import STATUS_OF, respond
from refunds.errors import RefundNotDone
from refunds.messages import message_of
from refunds.models import FINAL_STATUSES, RefundRecord, RefundStatus
from refunds.serialization import Json, error_json, payment_json, refund_json
from refunds.services.idempotency import store_answer, stored_answer
from refunds.services.refund import outcome_of

REPLAYED = "Idempotent-Replayed"


def answer_of(record: RefundRecord, *, is_new: bool) -> Response:
    """The answer to the request that made this refund, or to its repeat. Raises `RefundInProgress`.

    With an idempotency key the first final answer is given to every repeat; while the refund is open, the answer
    tells how it stands now.
    """
    kept = None if is_new else stored_answer(record)
    status, body = kept or _told_now(record)
    if record.idempotency_key and record.status in FINAL_STATUSES and kept is None:
        status, body = store_answer(record, http_status=status, body=body)
    response = respond(json.loads(body), status)
    if not is_new:
        response[REPLAYED] = "true"
    return response


def _told_now(record: RefundRecord) -> tuple[int, str]:
    try:
        outcome_of(record)
    except RefundNotDone as exc:
        told = error_json(exc)
        if record.idempotency_key and record.status in FINAL_STATUSES:
            told["retryable"] = False  # the same request would get this same answer: another try needs a new key
        return int(STATUS_OF[type(exc)]), _text(told)
    body = payment_json(record.payment) | {"refund": refund_json(record)}
    if record.status == RefundStatus.PENDING:
        return 202, _text(body | {"message": message_of(record), "code": "pending"})
    return 200, _text(body)


def _text(body: Json) -> str:
    return JSONRenderer().render(body).decode()
