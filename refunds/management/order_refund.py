"""Refund or preview one order of `manage.py refund`, and write its result as the command prints it."""

from collections.abc import Mapping

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Q
from django.utils.translation import gettext

from core.commands import INTERRUPTED, UNEXPECTED, failure, log_broken_off
from core.errors import DomainError
from core.money import format_money
from payments.lookup import find_by_number
from payments.models import Payment
from refunds.errors import AwaitingApproval, Violation
from refunds.inputs import RefundRequest, parse_typed_amount, parse_uid
from refunds.management.approval_output import decision_json
from refunds.management.base import operator
from refunds.messages import message_of
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.policies import NOTES
from refunds.serialization import Json, error_json, payment_json, preview_json, refund_json, warnings_json
from refunds.services.idempotency import find_by_key
from refunds.services.preview import preview_refund
from refunds.services.refund import request_refund

# Amounts as they were typed, by their fields. How they are read depends on the payment's currency.
TypedAmounts = Mapping[str, str]


def _key_of(payment: Payment, key: str) -> str:
    return f"command:{key}:{payment.imp_uid}"


def _find(order: str) -> Payment:
    number = parse_uid(order, field="merchant_uid")
    return find_by_number(payments=Payment.objects.all(), number=number, ask_gateway=True)


def _made(order: str, key: str) -> RefundRecord | None:
    """Return the refund that this key made of the order, if any: by now, its number may mean another payment."""
    number = parse_uid(order, field="merchant_uid")
    payments = Payment.objects.filter(Q(imp_uid=number) | Q(merchant_uid=number))
    made = (find_by_key(None, _key_of(payment, key)) for payment in payments)
    return next((record for record in made if record), None)


def refund_one(order: str, request: RefundRequest, typed: TypedAmounts, *, key: str) -> Json:
    """Refund the order, and return its result as the command prints it. Raises nothing."""
    try:
        made = _made(order, key)
        payment = made.payment if made else _find(order)
        _check_amounts(typed, payment)
        refund = request_refund(
            payment=payment,
            request=request,
            actor=operator(),
            source=RefundSource.COMMAND,
            idempotency_key=_key_of(payment, key),
        )
    except AwaitingApproval as exc:
        return {"order": order, "ok": False, **error_json(exc), **decision_json(exc.approval)}
    except DomainError as exc:
        return {"order": order, "ok": False, **error_json(exc)}
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - logged below
        log_broken_off(f"the refund of {order}", exc)
        return _broken_off(order, key, INTERRUPTED if isinstance(exc, KeyboardInterrupt) else UNEXPECTED)
    return _result(order, refund)


def _broken_off(order: str, key: str, code: str) -> Json:
    """The result of an order whose refund raised an unknown error: what is recorded of it, if that can be read."""
    message = gettext("Something went wrong. Check the order before you request its refund again.")
    close_old_connections()
    try:
        made = _made(order, key)
    except DatabaseError:
        made = None
    if made is None or made.status == RefundStatus.SUCCEEDED:
        return _result(order, made) if made else failure(order, code, message)
    return failure(order, code, message) | {"payment": payment_json(made.payment), "refund": refund_json(made)}


def _result(order: str, refund: RefundRecord) -> Json:
    done = refund.status == RefundStatus.SUCCEEDED
    return {
        "order": order,
        "ok": done,
        "code": "" if done else refund.status,
        "message": _done_message(refund) if done else message_of(refund),
        "payment": payment_json(refund.payment),
        "refund": refund_json(refund),
        "warnings": warnings_json(refund.warnings),
    }


def _done_message(refund: RefundRecord) -> str:
    payment = refund.payment
    return gettext("%(amount)s refunded, %(left)s left to refund.") % {
        "amount": format_money(refund.booked_amount, payment.currency),
        "left": format_money(payment.refundable_amount, payment.currency),
    }


def preview_one(order: str, request: RefundRequest, typed: TypedAmounts) -> Json:
    """Return what would be refunded. Sends nothing."""
    try:
        payment = _find(order)
        _check_amounts(typed, payment)
        preview = preview_refund(payment=payment, request=request, operator=operator().name)
    except DomainError as exc:
        return {"order": order, "ok": False, **error_json(exc)}
    return {"order": order, **preview_json(preview)}


def to_confirm(order: str, request: RefundRequest, typed: TypedAmounts, *, key: str) -> tuple[Violation, ...]:
    """Return the warnings to ask about at a terminal before this order is refunded.

    Not those that only tell what will happen, and none where the refund would be rejected or was made before.
    """
    try:
        if _made(order, key):
            return ()
        payment = _find(order)
        _check_amounts(typed, payment)
        preview = preview_refund(payment=payment, request=request, operator=operator().name)
    except DomainError:  # the refund itself says it
        return ()
    passed = NOTES | request.confirmed
    return () if preview.problems else tuple(one for one in preview.warnings if one.code not in passed)


def _check_amounts(typed: TypedAmounts, payment: Payment) -> None:
    """Raise `InvalidRequest` for an amount that is none of the payment's currency as typed, such as 4.00 won."""
    for name, text in typed.items():
        parse_typed_amount(text, field=name, currency=payment.currency)
